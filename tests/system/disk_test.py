"""A full disk: nothing acknowledged is lost, senders are asked to come later, and it ends by
itself once there is room again. Needs root, for a small file system of its own."""

import imaplib
import os
import re
import smtplib
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import Mailroot, client_tls, free_port, pop_retrieve, text_message, wait_until
from smtp_sink import Sink

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
        wait_until(lambda: self.try_send(1000, 10_000) == 250, "mail is taken again", step=0.2)
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
        wait_until(lambda: self.try_send(1000, 10_000) == 250, "mail is taken again", step=0.2)
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


class DamagedMedium(unittest.TestCase):
    """What the medium altered while the server was stopped."""

    def setUp(self):
        port = free_port()
        self.server = Mailroot(lines=["connector far {", "    to relay.test",
                                      f"    smart-host [127.0.0.1]:{port}", "}"])
        self.addCleanup(self.server.close)
        self.server.start()
        for name, size in (("large", 1_500_000), ("small", 5000), ("whole", 5000)):
            data = text_message(name, "") + (name.encode() * 100 + b"\r\n") * (size // 500)
            self.server.send(data, ["alice@example.test", "x@relay.test"],
                             sender="alice@example.test", service="submission", login="alice")
        self.server.stop()
        for name in ("large", "small"):
            self.damage(name.encode() * 100)
        self.sink = Sink(port=port)
        self.addCleanup(self.sink.close)
        self.server.start()

    def damage(self, run):
        """Flip a bit in the last such run of bytes: far behind the header."""
        for path in (self.server.directory / self.server.data).rglob("*.seg"):
            with open(path, "r+b") as file:
                at = file.read().rfind(run)
                if at >= 0:
                    file.seek(at)
                    file.write(bytes([run[0] ^ 1]))
                    return
        self.fail("the message is not in the log")

    def connect(self):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.ports["imaps"],
                                   ssl_context=client_tls())
        client.login(self.server.address("alice"), self.server.passwords["alice"])
        client.select()
        return client

    def fetch(self, subject):
        with self.connect() as client:
            number = ("large", "small", "whole").index(subject) + 1
            return client.fetch(str(number), "BODY.PEEK[]")

    def test_a_damaged_message_is_neither_shown_nor_sent_and_others_are(self):
        self.server.cli("queue", "retry", "--to", "x@relay.test", expect=None)
        sent = self.sink.wait_for(1)
        with self.assertRaises(imaplib.IMAP4.abort):
            self.fetch("large")  # ends in the middle of its literal: no way to take it for whole
        self.assertEqual(self.fetch("small")[0], "NO")
        self.assertEqual(self.fetch("whole")[0], "OK")
        self.assertIn(b"Subject: whole\r\n", sent[0].data)
        self.server.wait_log("event=log.damaged")
        wait_until(lambda: self.server.cli("queue", "list", "--to", "x@relay.test")
                   .count("x@relay.test") == 2, "the two that are damaged wait")
        self.assertIn("damaged", self.server.cli_result("store", "verify").stdout)
        self.assertEqual(len(self.sink.messages), 1)

    # Of bytes, or of what is made of them.
    READING = ("FETCH {} BODY.PEEK[]", "FETCH {} BODY.PEEK[TEXT]", "FETCH {} BODY.PEEK[1]",
               "FETCH {} RFC822", "FETCH {} RFC822.TEXT", "FETCH {} (FLAGS BODY[] UID)",
               "FETCH {} BINARY.PEEK[1]", "FETCH {} BINARY.SIZE[1]", "SEARCH {} BODY nowhere",
               "SEARCH {} TEXT nowhere", "SEARCH RETURN (COUNT) {} NOT TEXT nowhere",
               "SORT (SUBJECT) UTF-8 {} BODY nowhere", "THREAD REFERENCES UTF-8 {} TEXT nowhere",
               'APPEND INBOX CATENATE (URL "/INBOX/;UID={}/;SECTION=TEXT")')
    # What is kept of it is told, or it is read.
    KEPT = ("FETCH {} FAST", "FETCH {} ENVELOPE", "FETCH {} BODYSTRUCTURE", "FETCH {} PREVIEW",
            "FETCH {} BODY.PEEK[HEADER]", "FETCH {} BODY.PEEK[HEADER.FIELDS (Subject)]",
            "SORT (SUBJECT) UTF-8 {}", "THREAD REFERENCES UTF-8 {}", "COPY {} INBOX",
            'URLFETCH "imap://x@y/INBOX/;UID={}"')

    @staticmethod
    def answers(client, commands, number):
        """{command: OK, NO or BAD}"""
        told = {}
        for command in commands:
            name, _, arguments = command.format(number).partition(" ")
            imaplib.Commands.setdefault(name, ("AUTH", "SELECTED"))  # for other tests too
            try:
                told[command] = client._simple_command(name, arguments)[0]
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                told[command] = str(error)
        return told

    def test_each_command_tells_that_it_cannot_read_and_stays_in_step(self):
        self.server.cli("user", "set", self.server.address("alice"), "search-index", "off")
        with self.connect() as client:
            damaged = self.answers(client, self.READING, 2)
            self.assertEqual({one for one, status in damaged.items() if status != "NO"}, set())
            kept = self.answers(client, self.KEPT, 2)
            self.assertNotIn("BAD", kept.values(), kept)
            whole = self.answers(client, self.READING + self.KEPT, 3)
            self.assertEqual({one for one, status in whole.items() if status != "OK"}, set())
            self.assertEqual(client.noop()[0], "OK")


if __name__ == "__main__":
    unittest.main()
