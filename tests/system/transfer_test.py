"""All mail of a user out to a file and in again: byte-exact, with flags, keywords and dates."""

import imaplib
import itertools
import mailbox as python_mailbox
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cases import ServerTest
from harness import client_tls

LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 200000
MESSAGES = {
    "INBOX": [(r"(\Seen work)", '"17-Jul-2026 02:44:25 -0700"', b"Subject: a\r\n\r\nno end"),
              ("()", '"01-Jan-2020 00:00:00 +0000"', b"Subject: b\r\n\r\n\xff\x00\r\n".replace(
                  b"\x00", b"\x01")),
              (r"(\Flagged \Deleted)", '"02-Jan-2020 00:00:00 +0000"', LARGE)],
    "Entw&APw-rfe/v1.2": [(r"(\Draft other)", '"03-Feb-2021 04:05:06 +0100"',
                           b"Subject: draft\r\n\r\n.\r\nFrom x\r\n")],
}


class Transfer(ServerTest):
    """The same mail by every format, with the server and without it."""

    settings = {"users": ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan",
                          "judy", "karl", "laura", "mike")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="mailroot-transfer-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        client = cls.imap("alice")
        for name, messages in MESSAGES.items():
            client.create(f'"{name}"')
            for flags, date, message in messages:
                kind, answer = client.append(f'"{name}"', flags, date, message)
                assert kind == "OK", answer
        client.logout()

    @classmethod
    def imap(cls, user):
        server = cls.server
        client = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=client_tls())
        client.login(server.address(user), server.passwords[user])
        return client

    def everything(self, user):
        """Mailbox -> what each message is."""
        client, found = self.imap(user), {}
        for line in client.list()[1]:
            name = line.decode().rsplit(' "/" ', 1)[1].strip('"')
            count = int(client.select(f'"{name}"', True)[1][0])
            found[name] = []
            for number in range(1, count + 1):
                facts, body = client.fetch(str(number), "(FLAGS INTERNALDATE RFC822)")[1][0]
                flags = sorted(flag.decode() for flag in imaplib.ParseFlags(facts))
                found[name].append((flags, imaplib.Internaldate2tuple(facts), body))
        client.logout()
        return found

    def test_a_packed_file_brings_everything_to_another_user(self):
        path = self.folder / "alice.tar.zst"
        self.assertRegex(self.server.cli("mailbox", "export", "alice@example.test", str(path)),
                         r"messages: 4")
        listed = subprocess.run(["tar", "--zstd", "-tf", path], capture_output=True, text=True,
                                check=True).stdout
        self.assertIn("mail/INBOX/0000000001.eml", listed)
        self.assertRegex(self.server.cli("mailbox", "import", "bob@example.test", str(path)),
                         r"messages: 4")
        self.assertEqual(self.everything("bob"), self.everything("alice"))
        self.server.cli("mailbox", "export", "alice@example.test", str(path), expect=1)

    def test_an_export_that_was_unpacked_and_packed_again_keeps_long_names(self):
        path, folder = self.folder / "laura.tar.zst", self.folder / "unpacked"
        name = "/".join(letter * 60 for letter in "abc")
        client = self.imap("laura")
        client.create(name)
        self.assertEqual(client.append(name, None, None, b"Subject: far down\r\n\r\n")[0], "OK")
        client.logout()
        self.server.cli("mailbox", "export", "laura@example.test", str(path))
        folder.mkdir()
        subprocess.run(["tar", "--zstd", "-xf", path, "-C", folder], check=True,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["tar", "--zstd", "--format=gnu", "-cf", path, "-C", folder,
                        *(entry.name for entry in folder.iterdir())], check=True)
        self.server.cli("mailbox", "import", "mike@example.test", str(path))
        self.assertEqual([body for _, _, body in self.everything("mike")[name]],
                         [b"Subject: far down\r\n\r\n"])

    def test_a_maildir_brings_everything_to_another_user(self):
        path = self.folder / "maildir"
        self.server.cli("mailbox", "export", "alice@example.test", "--format", "maildir", str(path))
        read = python_mailbox.Maildir(path, create=False)
        self.assertEqual(len(read), 3)
        self.assertEqual(len(read.get_folder("Entw&APw-rfe.v1&AC4-2")), 1)
        self.server.cli("mailbox", "import", "carol@example.test", "--format", "maildir", str(path))
        self.assertEqual(self.everything("carol"), self.everything("alice"))

    def test_mbox_files_bring_everything_but_line_ends_to_another_user(self):
        path = self.folder / "mbox"
        self.server.cli("mailbox", "export", "alice@example.test", "--format", "mbox", str(path))
        read = python_mailbox.mbox(path / "INBOX.mbox", create=False)
        self.assertEqual([message["Subject"] for message in read], ["a", "b", "large"])
        self.assertEqual([message.get_flags() for message in read], ["RO", "O", "OFD"])
        self.assertEqual(read[0]["X-Keywords"], "work")
        self.server.cli("mailbox", "import", "grace@example.test", str(path))
        before = self.everything("alice")
        flags, date, message = before["INBOX"][0]
        before["INBOX"][0] = (flags, date, message + b"\r\n")
        self.assertEqual(self.everything("grace"), before)

    def test_an_mbox_of_another_program_is_inbox(self):
        path = self.folder / "python"
        box = python_mailbox.mbox(path)
        for number, flags in enumerate(("R", "F", "")):
            message = python_mailbox.mboxMessage(
                f"Subject: {number}\n\nFrom here\n\nFrom there\n\n")
            message.set_from("someone@elsewhere.test", (2020, 7, 17, 9, 44, 25 + number, 4, 199, 0))
            message.set_flags(flags)
            box.add(message)
        box.close()
        self.assertRegex(self.server.cli("mailbox", "import", "heidi@example.test", str(path)),
                         "messages: 3")
        found = self.everything("heidi")["INBOX"]
        self.assertEqual([flags for flags, _, _ in found], [["\\Seen"], ["\\Flagged"], []])
        self.assertEqual([time.strftime("%H:%M:%S", time.gmtime(time.mktime(date)))
                          for _, date, _ in found], ["09:44:25", "09:44:26", "09:44:27"])
        self.assertEqual(found[2][2], b"Subject: 2\r\n\r\nFrom here\r\n\r\nFrom there\r\n\r\n")

    # shows: M05
    def test_what_a_user_has_beside_mail_comes_along(self):
        server, path = self.server, self.folder / "beside.tar.zst"
        script = self.folder / "script"
        script.write_text('require "fileinto";\nfileinto "Work";\n')
        server.cli("sieve", "put", "ivan@example.test", "mine", str(script))
        server.cli("sieve", "activate", "ivan@example.test", "mine")
        server.cli("user", "set", "ivan@example.test", "pop3", "off")
        server.cli("mailbox", "create", "ivan@example.test/Work")
        server.cli("mailbox", "share", "ivan@example.test/Work", "erin@example.test", "lr")
        server.cli("user", "oof", "message", "ivan@example.test", str(script))
        server.cli("user", "oof", "ivan@example.test", "on", "--subject", "gone")
        client = self.imap("ivan")
        client.subscribe("Work")
        for name in ("Work", ""):
            kind, answer = client.xatom("SETMETADATA", f'"{name}"',
                                        '(/private/comment "mine")')
            self.assertEqual(kind, "OK", answer)
        client.logout()
        server.cli("mailbox", "export", "ivan@example.test", str(path))
        self.assertNotIn("not taken",
                         server.cli("mailbox", "import", "judy@example.test", str(path)))
        self.assertIn("active", server.cli("sieve", "list", "judy@example.test"))
        self.assertEqual(server.cli("sieve", "show", "judy@example.test", "mine"),
                         script.read_text())
        self.assertRegex(server.cli("user", "set", "judy@example.test"), r"pop3 +off +own")
        self.assertRegex(server.cli("mailbox", "share", "judy@example.test/Work"),
                         "lr +erin@example.test")
        self.assertRegex(server.cli("user", "oof", "judy@example.test"),
                         r"state: +answering\n(.*\n)*subject: +gone")
        client = self.imap("judy")
        self.assertIn(b"Work", b"".join(client.lsub()[1]))
        for name in ("Work", ""):
            client.xatom("GETMETADATA", f'"{name}"', "/private/comment")
            self.assertIn(b"mine", client.response("METADATA")[1][0])
        client.logout()

    def test_without_a_server_it_is_the_same(self):
        before = self.everything("alice")
        path = self.folder / "offline.tar.zst"
        self.server.stop()
        self.server.cli("mailbox", "export", "alice@example.test", str(path))
        self.server.cli("mailbox", "import", "dave@example.test", str(path))
        self.server.start()
        self.assertEqual(self.everything("dave"), before)

    def test_what_was_removed_is_put_back(self):
        client = self.imap("frank")
        for number in (1, 2, 3):
            client.append("INBOX", r"(\Flagged work)", '"17-Jul-2020 02:44:25 +0000"',
                          b"Subject: %d\r\n\r\n" % number)
        client.create("Old")
        client.append("Old", None, None, b"Subject: old\r\n\r\n")
        before = self.everything("frank")
        client.select()
        client.store("1", "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.delete("Old")
        client.logout()
        pop = self.server.pop("frank")
        pop.dele(1)
        pop.quit()
        undelete = ("mailbox", "undelete", "frank@example.test")
        listed = self.server.cli(*undelete, "--list", "--mailbox", "INBOX").splitlines()
        self.assertEqual([line.split()[-2:] for line in listed], [["INBOX", "1"], ["INBOX", "2"]])
        self.server.stop()
        self.server.cli("store", "rebuild")
        self.server.start()
        self.assertNotIn("deleted:", self.server.cli("mailbox", "list"))
        self.assertIn("put back: 3", self.server.cli(*undelete, "--since", "1d"))
        after = self.everything("frank")
        self.assertEqual({name: sorted(found) for name, found in after.items()},
                         {name: sorted(found) for name, found in before.items()})
        self.server.cli(*undelete, expect=1)
        self.server.cli("store", "verify")

    def fill(self, client, name, kinds, count):
        """Messages of these kinds in turn, as their subjects say, many with each command."""
        texts = [b"Subject: %s %d\r\n\r\n" % (kinds[i % len(kinds)], i) for i in range(count)]
        client.create(name)
        for first in range(0, count, 500):
            literals = [b" {%d+}\r\n%s" % (len(text), text) for text in texts[first:first + 500]]
            client.send(b"f APPEND %s%s\r\n" % (name.encode(), b"".join(literals)))
            while not (line := client.readline()).startswith(b"f "):
                self.assertTrue(line)
            self.assertRegex(line, b"^f OK")

    def change_until(self, end, change):
        """On a thread; what it raises is raised when it is waited for."""
        def run():
            client = self.imap("karl")
            client.select("Busy")
            for number in itertools.count():
                if end.is_set():
                    break
                change(client, number)
            client.logout()
        return self.pool.submit(run)

    def subjects(self, client, name):
        client.select(name, True)
        answer = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return [part[1].split()[1:3] for part in answer if isinstance(part, tuple)]

    def test_a_copy_has_once_what_stays_while_others_change_the_mailbox(self):
        def remove(client, _):
            uids = client.uid("SEARCH", "SUBJECT", "goes")[1][0].split()[:40]
            if uids:
                client.uid("STORE", b",".join(uids).decode(), "+FLAGS.SILENT", r"(\Deleted)")
                client.expunge()

        def move_about(client, number):
            uids = client.uid("SEARCH", "SUBJECT", "moves")[1][0].split()[:30]
            self.assertEqual(client.uid("MOVE", b",".join(uids).decode(), "Aside")[0], "OK")
            client.select("Aside")
            self.assertEqual(client.uid("MOVE", "1:*", "Busy")[0], "OK")
            client.select("Busy")
            client.append("Busy", None, None, b"Subject: new %d\r\n\r\n" % number)

        client, end = self.imap("karl"), threading.Event()
        self.fill(client, "Busy", (b"stays", b"goes", b"moves"), 6000)
        client.create("Aside")
        before = self.subjects(client, "Busy")
        with ThreadPoolExecutor() as self.pool:
            changes = [self.change_until(end, change) for change in (remove, move_about)]
            try:
                told = [self.server.cli("mailbox", "copy", "karl@example.test/Busy",
                                        f"karl@example.test/Copy{number}") for number in range(4)]
            finally:
                end.set()
            for change in changes:
                change.result()
        for number in range(4):
            copied = self.subjects(client, f"Copy{number}")
            self.assertEqual(told[number], f"copied: {len(copied)}\n")
            self.assertEqual(len(copied), len(set(map(tuple, copied))))
            self.assertEqual([subject for subject in copied if subject[0] == b"stays"],
                             [subject for subject in before if subject[0] == b"stays"])
        client.logout()

    def test_what_was_purged_is_gone(self):
        client = self.imap("frank")
        client.create("Gone")
        client.append("Gone", None, None, b"Subject: gone\r\n\r\n")
        client.delete("Gone")
        client.logout()
        self.server.cli("mailbox", "purge", "frank@example.test")
        self.server.cli("mailbox", "undelete", "frank@example.test", "--mailbox", "Gone", expect=1)

    def test_a_file_that_was_cut_short_is_told(self):
        path, short = self.folder / "whole.tar.zst", self.folder / "short.tar.zst"
        self.server.cli("mailbox", "export", "alice@example.test", str(path))
        short.write_bytes(path.read_bytes()[:-20])
        result = self.server.cli_result("mailbox", "import", "erin@example.test", str(short))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("ends too soon", result.stderr)


if __name__ == "__main__":
    unittest.main()
