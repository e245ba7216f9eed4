"""Files that are not what they are taken for: mail to be imported, dialogues with sendmail. What is
wrong is told, what can be taken is, and nothing else happens."""

import io
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from cases import ServerTest
from folders_test import EX_DATAERR, EX_TEMPFAIL, EX_USAGE, NAMES, files_in

EX_UNAVAILABLE = 69
MESSAGE = b"From: a@elsewhere.test\r\nSubject: one\r\n\r\nbody\r\n"


class Imports(ServerTest):
    settings = {"users": ("alice", "bob")}

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mailroot-odd-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def imported(self, path, *words, status=0):
        done = self.server.cli_result("mailbox", "import", "alice@example.test", *words, path)
        self.assertEqual(done.returncode, status, (done.stdout, done.stderr))
        return done.stdout + done.stderr

    def folders(self):
        """Mailbox of alice -> how many messages are in it."""
        lines = self.server.cli("mailbox", "list", "alice@example.test").splitlines()[1:]
        return {name: int(count) for _, name, count, _ in
                (line.rsplit(maxsplit=3) if len(line.split()) == 4 else (0, "", 0, 0)
                 for line in lines) if name}

    def maildir(self, *folders):
        root = self.folder / "Maildir"
        for folder in ("", *folders):
            for part in ("cur", "new", "tmp"):
                (root / folder / part).mkdir(parents=True)
        return root

    def test_of_a_maildir_only_files_in_cur_and_new_are_messages(self):
        root = self.maildir(".Odd", ".Odd.Below&AC4-dot")
        (root / ".Odd" / "cur" / "1.a:2,FSa").write_bytes(MESSAGE)
        (root / ".Odd" / "new" / "2.b").write_bytes(b"")
        (root / ".Odd" / "cur" / ".hidden").write_bytes(MESSAGE)
        (root / ".Odd" / "tmp" / "3.c").write_bytes(MESSAGE)
        (root / ".Odd" / "cur" / "folder").mkdir()
        (root / ".Odd" / "dovecot-keywords").write_text(
            "0 work\nx broken\n99 far\n\n1 other keyword\n")
        (root / ".Odd.Below&AC4-dot" / "cur" / "4.d:2,").write_bytes(MESSAGE)
        (root / ".file").write_bytes(b"no folder")
        self.imported(root)
        found = self.folders()
        self.assertEqual((found["Odd"], found["Odd/Below.dot"]), (2, 1))

    def test_a_maildir_that_lacks_a_part_or_holds_a_link_is_told(self):
        root = self.maildir()
        (root / "new").rmdir()
        self.assertIn("cannot read", self.imported(root, status=1))
        (root / "new").mkdir()
        (root / "cur" / "link").symlink_to("/etc/passwd")
        self.assertIn("cannot read", self.imported(root, status=2))
        (root / "cur" / "link").unlink()
        (root / "cur" / "one").write_bytes(MESSAGE)
        (root / ("." + "n" * 250)).mkdir()
        self.imported(root, status=1)

    def test_an_mbox_must_begin_as_one(self):
        for content, status, why in ((b"Subject: x\n\nx\n", 1, "does not begin as an mbox does"),
                                     (b"From nobody\n\nx\n", 1, "does not begin as an mbox does"),
                                     (b"", 0, "messages: 0")):
            with self.subTest(content=content):
                path = self.folder / "file.mbox"
                path.write_bytes(content)
                self.assertIn(why, self.imported(path, "--format", "mbox", status=status))
        self.assertIn("cannot read", self.imported(self.folder / "absent", "--format", "mbox",
                                                   status=1))

    def test_folders_of_mbox_files_are_mailboxes_and_other_files_are_left(self):
        root = self.folder / "mail"
        (root / "Lists%2Eold").mkdir(parents=True)
        mbox = (b"From a@elsewhere.test Fri Jul 17 02:44:25 2026\nSubject: x\n\n"
                + b"long " * 3000 + b"\n>From the start\n\n")
        (root / "Lists%2Eold" / "c%25.mbox").write_bytes(mbox * 2)
        (root / "plain").write_bytes(mbox)
        (root / "notes").write_bytes(b"no mail")
        (root / ".hidden.mbox").write_bytes(b"no mail")
        (root / "link.mbox").symlink_to("/etc/passwd")
        self.imported(root)
        found = self.folders()
        self.assertEqual((found["Lists.old/c%"], found["plain"]), (2, 1))
        self.assertNotIn("notes", found)
        deep = self.folder / "deep"
        (deep / "/".join(["d"] * 60)).mkdir(parents=True)
        self.assertIn("lies too deep", self.imported(deep, status=1))
        (root / "broken.mbox").write_bytes(b"no mail")
        self.assertIn("does not begin as an mbox does", self.imported(root, status=1))

    def packed(self, *entries):
        """An archive: (name, bytes or None for a directory, notes)."""
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, content, notes in entries:
                info = tarfile.TarInfo(name)
                info.pax_headers = {f"MAILROOT.{key}": value for key, value in notes.items()}
                info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
                info.size = len(content or b"")
                archive.addfile(info, io.BytesIO(content or b""))
        path = self.folder / "file.tar.zst"
        path.unlink(missing_ok=True)
        subprocess.run(["zstd", "-q", "-o", path], input=plain.getvalue(), check=True)
        return path

    def test_an_archive_of_others_has_its_folders_as_mailboxes(self):
        path = self.packed(("Projects", None, {}), ("Projects/one.eml", MESSAGE, {}),
                           ("two.eml", MESSAGE, {}), ("mail/Third/x.eml", MESSAGE, {}))
        before = self.folders()
        self.imported(path)
        found = self.folders()
        self.assertEqual((found["Projects"], found["Third"]), (1, 1))
        self.assertEqual(found["INBOX"], before.get("INBOX", 0) + 1)

    def test_an_archive_that_is_none_or_ends_too_soon_is_told(self):
        path = self.folder / "file.tar.zst"
        path.write_bytes(b"no archive at all")
        self.assertIn("this is no tar.zst file", self.imported(path, status=1))
        self.assertIn("cannot open", self.imported(self.folder / "absent", status=1))
        good = self.packed(("one.eml", MESSAGE, {}))
        raw = subprocess.run(["zstd", "-dc", good], capture_output=True, check=True).stdout
        for cut in (100, 512, 600):
            with self.subTest(cut=cut):
                path.unlink(missing_ok=True)
                subprocess.run(["zstd", "-q", "-o", path], input=raw[:cut], check=True)
                self.imported(path, status=1)
        damaged = bytearray(raw)
        damaged[0] ^= 1
        path.unlink()
        subprocess.run(["zstd", "-q", "-o", path], input=bytes(damaged), check=True)
        self.imported(path, status=1)
        self.assertIn("formats are", self.imported(path, "--format", "zip", status=1))
        self.assertIn("name is too long", self.imported("x" * 1100, status=1))

    def test_where_nothing_can_be_written_an_export_is_told(self):
        for form in ("tar.zst", "maildir", "mbox"):
            with self.subTest(form=form):
                done = self.server.cli_result("mailbox", "export", "alice@example.test", "--format",
                                              form, self.folder / "absent" / "x")
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, "cannot (open|make)")

    def test_what_an_archive_has_beside_mail_is_taken_when_it_can_be(self):
        def one(kind, content, **notes):
            return (f"{kind}/1", content, {"kind": kind, **notes})
        told = self.imported(self.packed(
            one("setting", b"1GB", name="quota"), one("setting", b"blue", name="color"),
            one("setting", b"much", name="quota"), one("absence", b"\xff\xff"),
            one("script", b"keep;", name="good", active="yes"),
            one("script", b"this is no script", name="bad"), one("fiction", b"x", name="x"),
            one("rights", b"lr bob@example.test\n", mailbox="INBOX"),
            one("rights", b"lr bob@example.test\n", mailbox="Absent"),
            one("rights", b"?? bob@example.test\n", mailbox="INBOX"),
            one("note", b"text", name="/private/comment"),
            one("note", b"text", name="/shared/comment"),
            one("note", b"text", name="nonsense"),
            one("note", b"text", name="/private/comment", mailbox="Absent"),
            one("note", b"text", name="/shared/comment", mailbox="INBOX")))
        self.assertIn("settings and others: 5", told)
        self.assertIn("settings and others not taken: 10", told)
        self.assertRegex(self.server.cli("sieve", "list", "alice@example.test"), "good .*active")
        self.assertIn("bob@example.test",
                      self.server.cli("mailbox", "share", "alice@example.test/INBOX"))


class Dialogues(ServerTest):
    """With sendmail, by its options and as SMTP."""

    def sendmail(self, *words, given=b"Subject: x\n\nx\n", expect=0, environment=None):
        done = subprocess.run(
            [NAMES / "sendmail", *words], input=given, capture_output=True, timeout=60, check=False,
            env=dict(self.server.environment, MAILROOT_CONFIG=str(self.server.config),
                     **(environment or {})))
        self.assertEqual(done.returncode, expect, (words, done.stderr))
        return done

    def codes(self, *lines):
        done = self.sendmail("-bs", given=b"".join(lines))
        return [line[:3] for line in done.stdout.decode().splitlines() if line[3:4] == " "][1:]

    def test_commands_out_of_their_order_are_refused(self):
        self.assertEqual(self.codes(
            b"HELO x\n", b"DATA\n", b"RCPT TO:<alice>\n", b"MAIL TO:<bob>\n", b"MAIL FROM:<a@@b>\n",
            b"MAIL FROM:<> RET=HDRS ENVID=x SMTPUTF8\n", b"MAIL FROM:<bob>\n", b"RCPT FROM:<x>\n",
            b"RCPT TO:<a@@b>\n", b"DATA\n", b"NOOP\n", b"VRFY alice\n", b"RSET\n",
            b"RCPT TO:<alice>\n", b"x" * 3000 + b"\n", b"WISH\n", b"\n", b"quit\n"),
            ["250", "503", "503", "501", "501", "250", "503", "501", "501", "503", "250", "252",
             "250", "503", "500", "500", "500", "221"])

    def test_a_message_that_can_not_be_is_refused_at_its_dot_and_the_next_is_taken(self):
        before = len(self.server.fetch("alice"))
        begin = [b"MAIL FROM:<bob@example.test>\n", b"RCPT TO:<alice@example.test>\n", b"DATA\n"]
        self.assertEqual(self.codes(
            *begin, b"Subject: x\n\n", b"x" * 3000 + b"\n.\n", *begin, b"Subject: x\n\n\0\n.\n",
            *begin, b"Subject: taken\n\n..\n.x\n.\n", b"QUIT\n"),
            ["250", "250", "354", "554"] * 2 + ["250", "250", "354", "250", "221"])
        self.assertEqual(self.codes(*begin, b"Subject: cut short\n"), ["250", "250", "354"])
        messages = self.server.fetch_when("alice", before + 1)
        self.assertIn(b"Subject: taken", messages[-1])
        self.assertTrue(messages[-1].endswith(b"\r\n\r\n.\r\nx\r\n"), messages[-1])
        self.assertEqual(len(messages), before + 1)

    def test_options_of_other_sendmails_are_taken_and_wrong_values_refused(self):
        for words, expect in (
                (["-N", "never", "-R", "full", "-Am", "-d0", "-v", "-Or", "alice"], 0),
                (["-N", "sometimes", "alice"], EX_USAGE), (["-R", "some", "alice"], EX_USAGE),
                (["-V", "v" * 65, "alice"], EX_USAGE), (["-f"], EX_USAGE), (["-b"], EX_USAGE),
                (["-f", "a@@b", "alice"], EX_DATAERR), (["a@@b"], EX_DATAERR),
                (["-f", "<>", "alice@example.test, bob@example.test"], 0),
                (["-OIgnoreDots", "-q", "alice"], 0), (["-bm", "-t"], EX_USAGE), ([], EX_USAGE),
                (["-F", "n" * 3000, "alice"], EX_DATAERR), (["-q"], EX_UNAVAILABLE)):
            with self.subTest(words=words):
                self.sendmail(*words, expect=expect)
        self.assertIn(b"well-formed", self.sendmail("-bv", "alice").stdout)

    def test_a_header_that_does_not_end_is_refused_and_a_body_without_one_is_taken(self):
        before = len(self.server.fetch("bob"))
        self.sendmail("bob", given=b"X-Long: " + b"x" * (1 << 20), expect=EX_DATAERR)
        self.sendmail("bob", given=b"no header at all\n")
        self.sendmail("bob", given=b"")
        self.sendmail("-t", given=b"To: a@@b\n\nx\n", expect=EX_DATAERR)
        self.assertEqual(len(self.server.fetch_when("bob", before + 2)), before + 2)

    def test_without_settings_or_a_folder_the_program_is_told_to_come_again(self):
        self.sendmail("-C", "/nonexistent/mailroot.conf", "alice", expect=EX_TEMPFAIL)
        pickup = self.server.directory / "data" / "pickup"
        self.assertEqual(files_in(pickup), [])


if __name__ == "__main__":
    unittest.main()
