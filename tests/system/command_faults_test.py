"""The n-th call to the kernel fails in a command, for each n until none does: it ends in order, tells
of it, and what it was to make is there whole or not at all. Then it is run again, and does it."""

import errno
import itertools
import mmap
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from authority import Authority
from cases import ServerTest
from fault_test import ALLOCATE, MAKE, OPEN, PLAN, RENAME, SHORT, SYNC, WRITE
from folders_test import NAMES, files_in
from harness import Mailroot, build_directory, text_message

PROGRAM = build_directory() / "bin" / "mailroot"
KINDS = OPEN | WRITE | SYNC | RENAME | ALLOCATE | MAKE
FAILURES = ((KINDS, errno.EIO), (KINDS, errno.ENOSPC), (WRITE, SHORT))
MESSAGE = "Subject: x\n\n" + "x" * 70 + "\n"


class Plan:
    """Which call is to fail, and whether it did."""

    def __init__(self, folder):
        self.path = Path(folder) / "plan"
        self.path.write_bytes(bytes(PLAN.size))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), PLAN.size)

    def arm(self, kinds, error, nth):
        self.map[:] = PLAN.pack(kinds, error, nth, 0, 0, 0)

    def has_struck(self):
        return PLAN.unpack(self.map[:])[4] != 0

    def environment(self, under):
        return {"LD_PRELOAD": str(build_directory() / "libfaults.so"),
                "MAILROOT_FAULTS_UNDER": str(under), "MAILROOT_FAULTS_PLAN": str(self.path)}


class Faults:
    """Mixed into a test: self.folder is where calls fail, and where commands run."""

    def begin(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="mailroot-faults-"))
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.folder = self.scratch / "here"
        self.plan = Plan(self.scratch)

    def run_failing(self, command, given="", **options):
        return subprocess.run([str(word) for word in command], input=given, text=True,
                              errors="replace", capture_output=True, timeout=60, check=False,
                              cwd=self.folder, env=dict(os.environ, **options.pop("environment", {}),
                                                        **self.plan.environment(self.folder)))

    def each_failure(self, prepare, command, look, given="", **options):
        """look(whether it said that it was done), after each; how many failed."""
        struck = 0
        for kinds, error in FAILURES:
            for nth in itertools.count(1):
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir()
                prepare()
                self.plan.arm(kinds, error, nth)
                done = self.run_failing(command, given, **options)
                has_struck = self.plan.has_struck()
                self.plan.arm(0, 0, 0)
                with self.subTest(error=error, nth=nth, said=done.stderr):
                    self.assertGreaterEqual(done.returncode, 0, "it ended by a signal")
                    self.assertTrue(done.returncode == 0 or done.stderr, "nothing was said of it")
                    look(done.returncode == 0)
                    if done.returncode != 0:
                        again = self.run_failing(command, given, **options)
                        self.assertEqual(again.returncode, 0, again.stderr)
                struck += has_struck
                if not has_struck:
                    self.assertEqual(done.returncode, 0, done.stderr)
                    break
        return struck


class Files(Faults, unittest.TestCase):
    def setUp(self):
        self.begin()
        self.config = self.folder / "mailroot.conf"

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())

    def command(self, *words):
        return [PROGRAM, "--config", self.config, *words]

    def test_a_key_is_made_with_its_certificate_or_not_at_all(self):
        def look(is_done):
            self.assertEqual(self.files(), ["cert.pem", "key.pem"] if is_done else [])
        struck = self.each_failure(lambda: None,
                                   self.command("cert", "self-sign", "--name", "a.example",
                                                "--certificate", self.folder / "cert.pem", "--key",
                                                self.folder / "key.pem"), look)
        self.assertGreater(struck, 8)

    def test_an_imported_pair_is_the_old_or_the_new_file_by_file(self):
        authority = Authority(self.scratch)
        good, key = authority.make("a.example", "DNS:a.example")

        def prepare():
            (self.folder / "cert.pem").write_text("old")
            (self.folder / "key.pem").write_text("old")

        def look(is_done):
            self.assertEqual(self.files(), ["cert.pem", "key.pem"])
            new_key = (self.folder / "key.pem").read_bytes() == key.read_bytes()
            new_certificate = (self.folder / "cert.pem").read_text() != "old"
            self.assertTrue(new_key or not new_certificate, "never the certificate before its key")
            self.assertTrue(new_certificate or not is_done)
        self.assertGreater(self.each_failure(
            prepare, self.command("cert", "import", good, "--key", key), look), 8)

    def test_settings_are_the_old_ones_until_the_new_ones_are_there(self):
        def prepare():
            self.config.write_text("host old.example\n")

        def look(is_done):
            text = self.config.read_text()
            self.assertTrue("domain example.org" in text if is_done else text == "host old.example\n"
                            or "domain example.org" in text, text)
            self.assertFalse([name for name in self.files() if ".tmp" in name])
        self.assertGreater(self.each_failure(
            prepare, self.command("setup", "internet-mail", "--domain", "example.org", "--user",
                                  "alice", "--smart-host", "h.example", "--login", "us", "--force",
                                  "--password-stdin"), look, given="secret\n"), 12)

    def test_a_file_of_settings_that_can_not_be_read_is_told(self):
        def prepare():
            self.config.write_text("host a.example\ninclude more/*.conf\n")
            (self.folder / "more").mkdir()
            (self.folder / "more" / "a.conf").write_text("server s {\n listen 127.0.0.1:9 smtp\n}\n")
        self.assertGreater(self.each_failure(prepare, self.command("config", "check"),
                                             lambda is_done: None), 2)


class Spool(Faults, ServerTest):
    """What programs of this machine hand in; the server does not run."""

    def setUp(self):
        self.begin()
        self.config = self.folder / "mailroot.conf"

    def prepare(self):
        (self.folder / "data" / "pickup").mkdir(parents=True)
        self.config.write_text("host a.example\ndata data\nrun .\nserver s {\n"
                               " listen 127.0.0.1:9 smtp\n}\n")
        (self.folder / "exported").write_text("x-sender: a@a.example\nx-receiver: b@a.example\n\n"
                                              + MESSAGE)

    def look(self, is_done):
        pickup = self.folder / "data" / "pickup"
        self.assertEqual(len(files_in(pickup)), 1 if is_done else 0)
        for name in files_in(pickup):
            self.assertIn("x" * 70, (pickup / name).read_text())

    def test_a_message_is_handed_in_whole_or_not_at_all(self):
        environment = {"MAILROOT_CONFIG": str(self.config)}
        self.assertGreater(self.each_failure(self.prepare, [NAMES / "sendmail", "b@a.example"],
                                             self.look, given=MESSAGE, environment=environment), 3)
        self.assertGreater(self.each_failure(
            self.prepare, [PROGRAM, "--config", self.config, "queue", "import", "exported"],
            self.look), 3)


class Exports(Faults, ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in range(3):
            cls.server.send(text_message(f"number {number}", "x" * 70), "alice@example.test")

    def setUp(self):
        self.begin()

    def test_an_export_is_whole_or_says_that_it_is_not(self):
        def look(is_done):
            path = self.folder / "mail"
            if form == "tar.zst":
                self.assertEqual(path.exists(), is_done)
            elif is_done:
                kept = b"".join(one.read_bytes() for one in path.rglob("*") if one.is_file())
                self.assertEqual(kept.count(b"x" * 70), 3)
            if not is_done:
                shutil.rmtree(path, ignore_errors=True)
        for form in ("tar.zst", "maildir", "mbox"):
            self.assertGreater(self.each_failure(
                lambda: None, [PROGRAM, "--config", self.server.config, "mailbox", "export",
                               "alice@example.test", "--format", form, self.folder / "mail"],
                look), 2, form)


class Starts(unittest.TestCase):
    def test_a_start_that_fails_is_told_and_the_next_one_serves(self):
        server = Mailroot(one_process=True)
        self.addCleanup(server.close)
        server.start()
        server.stop()
        plan = Plan(server.directory)
        ended = 0
        for nth in range(1, 30):
            plan.arm(KINDS, errno.EIO, nth)
            try:
                server.start(plan.environment(server.directory))
                server.kill()  # it may end in order, or because its index failed
            except AssertionError as error:
                self.assertRegex(str(error), "ended before it was ready")
                self.assertRegex(str(error), "level=error|Input/output error|[Aa]ssert")
                ended += 1
                server.process = None
        self.assertGreater(ended, 5)
        plan.arm(0, 0, 0)
        server.start()
        server.send(text_message("served"), "alice@example.test")
        server.fetch_when("alice", 1)


if __name__ == "__main__":
    unittest.main()
