"""A full disk: nothing acknowledged is lost, senders are asked to come later, and it ends by
itself once there is room again. Needs root, for a small file system of its own."""

import os
import re
import smtplib
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import Mailroot, pop_retrieve, text_message, wait_until

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
        self.server.wait_log("(?s)event=index.in_memory .*event=index.in_memory ")
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.assertIn("the index is in memory", self.server.cli_result("store", "status").stdout)
        (self.disk.path / "filler").unlink()
        wait_until(lambda: self.try_send(1000, 10_000) == 250, "mail is taken again", 10, 0.2)
        self.server.wait_log("event=index.on_disk")
        self.server.wait_log("event=directory.index_on_disk")
        self.server.cli("user", "add", "carol@example.test", "--password-stdin", given="secret\n")
        self.server.cli("store", "verify")
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.server.kill()
        self.server.start()
        self.assertNotIn("index.in_memory", self.server.log_text())
        self.server.cli("store", "verify")
        self.assertIn("carol@example.test", self.server.cli("user", "list"))
        self.assertEqual(self.kept_in_mailbox(), self.kept)

    def send_many(self, count):
        with self.server.smtp() as client:
            for number in range(count):
                client.sendmail("x@elsewhere.test", ["alice@example.test"],
                                text_message(f"disk {number}", ""))
                self.kept.add(number)

    def delete_first(self, count):
        client = self.server.pop("alice")
        for number in range(count):
            subject = re.search(rb"Subject: disk (\d+)", pop_retrieve(client, number + 1))
            client.dele(number + 1)
            self.kept.discard(int(subject.group(1)))
        client.quit()

    def test_what_is_deleted_on_a_full_disk_stays_deleted(self):
        """None of the index is on disk yet when it fills up and the server is killed."""
        self.send_many(4000)
        self.fill(self.disk.path / "filler")
        self.delete_first(50)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.delete_first(100)
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.delete_first(100)
        (self.disk.path / "filler").unlink()
        self.server.stop()
        self.server.start()
        self.server.cli("store", "verify")
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.assertEqual(self.try_send(5000, 10_000), 250)
        self.assertEqual(self.kept_in_mailbox(), self.kept)

    def test_a_full_disk_is_left_in_order(self):
        """A stop flushes nothing, and takes no harm from it."""
        self.send_many(200)
        self.fill(self.disk.path / "filler")
        self.server.stop()
        self.server.start()
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.server.stop()
        (self.disk.path / "filler").unlink()
        self.server.start()
        self.assertEqual(self.kept_in_mailbox(), self.kept)
        self.server.cli("store", "verify")


if __name__ == "__main__":
    unittest.main()
