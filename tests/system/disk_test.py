"""A full disk: nothing acknowledged is lost, senders are asked to come later, and it ends by
itself once there is room again. Needs root, for a small file system of its own."""

import os
import re
import smtplib
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import Mailroot, text_message, wait_until

SIZE_MB = 512


class SmallDisk:
    """A tmpfs of a given size."""

    def __init__(self, megabytes):
        self.path = Path(tempfile.mkdtemp(prefix="mailroot-disk-"))
        result = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755",
                                 "mailroot-test", self.path], capture_output=True, text=True,
                                check=False)
        if result.returncode != 0:
            self.path.rmdir()
            raise unittest.SkipTest(f"cannot mount a tmpfs: {result.stderr.strip()}")

    def free(self):
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)
        self.path.rmdir()


@unittest.skipUnless(os.geteuid() == 0, "only root may mount a small file system")
class FullDisk(unittest.TestCase):
    def setUp(self):
        self.disk = SmallDisk(SIZE_MB)
        self.addCleanup(self.disk.close)
        self.server = Mailroot(data=self.disk.path / "data", lines=["limit free-space 16MB"])
        self.addCleanup(self.server.close)
        self.server.start()
        self.kept = set()

    def try_send(self, number, size):
        """Returns the code of the first refusal, or 250."""
        data = text_message(f"disk {number}", "") + (b"y" * 990 + b"\r\n") * (size // 992)
        try:
            with self.server.smtp() as client:
                client.sendmail("x@elsewhere.test", ["alice@example.test"], data)
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))[0]
        self.kept.add(number)
        return 250

    def fill(self, path):
        """Take all the space there is."""
        with open(path, "wb", buffering=0) as file:
            block = b"\0" * (1 << 20)
            while True:
                try:
                    if file.write(block) < len(block):
                        return
                except OSError:
                    return

    def send_until_refused(self):
        """Segments made in advance still take some mail. Ends at the tenth refusal."""
        codes = []
        while len(codes) < SIZE_MB and len(codes) - codes.count(250) < 10:
            codes.append(self.try_send(100 + len(codes), 1_000_000))
        return codes

    def kept_in_mailbox(self):
        return {int(re.search(rb"Subject: disk (\d+)", message).group(1))
                for message in self.server.fetch("alice")}

    def test_a_full_disk_gives_452_loses_nothing_and_recovers(self):
        for number in range(50):
            self.assertEqual(self.try_send(number, 10_000), 250)
        self.fill(self.disk.path / "filler")
        codes = self.send_until_refused()
        self.assertEqual(set(codes) - {250}, {452})
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        (self.disk.path / "filler").unlink()
        wait_until(lambda: self.try_send(1000, 10_000) == 250, "mail is taken again", 10, 0.2)
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.server.stop()
        self.server.start()
        self.assertEqual(self.kept_in_mailbox(), self.kept)

    def test_a_start_on_a_full_disk_serves_mailboxes(self):
        for number in range(20):
            self.assertEqual(self.try_send(number, 10_000), 250)
        self.fill(self.disk.path / "filler")
        self.server.kill()
        self.server.start()
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        (self.disk.path / "filler").unlink()
        wait_until(lambda: self.try_send(1000, 10_000) == 250, "mail is taken again", 10, 0.2)


if __name__ == "__main__":
    unittest.main()
