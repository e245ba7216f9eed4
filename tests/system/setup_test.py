"""The first minutes: setting up, and looking at what was set up."""

import json
import os
import pty
import select
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import Mailroot, build_directory, free_port


class Setup(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mailroot-setup-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.config = self.folder / "etc" / "mailroot.conf"

    def command(self, *words):
        return [build_directory() / "bin" / "mailroot", "--config", self.config, *words]

    def setup(self, *words, given=""):
        return subprocess.run(self.command("setup", "internet-mail", *words), input=given,
                              text=True, capture_output=True, timeout=60, check=False)

    def converse(self, answers):
        """Answer each question at a terminal; what was shown there, and the exit status."""
        process, terminal = pty.fork()
        if process == 0:
            os.execv(self.command()[0], [str(word) for word in
                                         self.command("setup", "internet-mail")])
        shown, answers = b"", list(answers)
        while select.select([terminal], [], [], 60)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:
                break
            if answers and shown.endswith(b": "):
                os.write(terminal, f"{answers.pop(0)}\n".encode())
        os.close(terminal)
        return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    # shows: S39 K13
    def test_options_alone_make_a_configuration_without_errors(self):
        done = self.setup("--domain", "example.org", "--domain", "example.net", "--user", "alice",
                          "--user", "bob")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = self.config.read_text()
        for words in ("host mx.example.org ", "domain example.net {", "user alice bob ",
                      "listen *:25 smtp ", "relay logged-in "):
            self.assertIn(words, text)
        for words in ("MX    10 mx.example.org.", '"v=spf1 mx -all"', "PTR",
                      "mailroot user passwd bob@example.org"):
            self.assertIn(words, done.stdout)
        checked = subprocess.run(self.command("config", "check"), capture_output=True, text=True,
                                 check=False)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))

    # shows: S39 K13
    def test_what_is_left_open_is_asked_at_a_terminal(self):
        shown, status = self.converse(["example.org", "mail.example.org", "alice bob",
                                       "smtp.provider.example:587", "us@provider.example",
                                       "its password"])
        self.assertEqual(status, 0, shown)
        text = self.config.read_text()
        self.assertIn("host mail.example.org ", text)
        self.assertIn("smart-host smtp.provider.example:587\n    login us@provider.example secret "
                      "smart-host ", text)
        secret = self.config.parent / "secrets" / "smart-host"
        self.assertEqual(secret.read_text(), "its password")
        self.assertEqual(stat.S_IMODE(secret.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(secret.parent.stat().st_mode), 0o700)
        self.assertNotIn("its password", shown, "it is not echoed")

    def test_what_is_there_stays_unless_it_is_forced_and_is_kept_then(self):
        self.assertEqual(self.setup("--domain", "a.example", "--user", "alice").returncode, 0)
        first = self.config.read_text()
        key = (self.config.parent / "key.pem").read_bytes()
        again = self.setup("--domain", "b.example", "--user", "alice")
        self.assertEqual(again.returncode, 1)
        self.assertIn("--force", again.stderr)
        self.assertEqual(self.config.read_text(), first)
        self.assertEqual(self.setup("--domain", "b.example", "--user", "alice",
                                    "--force").returncode, 0)
        self.assertIn("domain b.example", self.config.read_text())
        self.assertEqual(self.config.with_name("mailroot.conf.before").read_text(), first)
        self.assertEqual((self.config.parent / "key.pem").read_bytes(), key)

    def test_an_answer_that_cannot_be_writes_nothing(self):
        for words in (["--domain", "no_domain..", "--user", "alice"],
                      ["--domain", "example.org", "--user", "alice }\nrelay 0.0.0.0/0"],
                      ["--domain", "example.org", "--user", "a", "--listen", "nowhere smtp"],
                      ["--domain", "example.org", "--user", "a", "--smart-host", "h",
                       "--login", "us"],
                      ["--user", "alice"]):
            with self.subTest(words=words):
                done = self.setup(*words)
                self.assertIn(done.returncode, (1, 2), done.stdout)
                self.assertFalse(self.config.exists())


class Audits(unittest.TestCase):
    """One server whose settings are changed between the questions."""

    @classmethod
    def setUpClass(cls):
        cls.server = Mailroot()
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def security(self, expect):
        """(result, step, text) of each finding."""
        lines = self.server.cli("audit", "security", "--json", expect=expect).splitlines()
        return [(entry["result"], entry["step"], entry["text"])
                for entry in map(json.loads, lines)]

    # shows: S44
    def test_settings_as_they_come_have_no_fault(self):
        found = self.security(0)
        for step in ("passwords", "tls", "anonymous", "guessing", "sandbox", "files"):
            self.assertIn(("ok", step), {entry[:2] for entry in found}, step)
        self.assertIn("warn", [entry[0] for entry in found if entry[1] == "certificate"],
                      "nobody knows who signed it")

    # shows: S44
    def test_each_weakness_is_named(self):
        before = self.server.config.read_text()
        key = self.server.directory / "key.pem"
        self.addCleanup(self.server.config.write_text, before)
        self.addCleanup(key.chmod, 0o600)
        self.server.config.write_text(
            before.replace("listen 127.0.0.1", "listen *", 1).replace(
                "server test {", "server test {\n    login cleartext plain cram-md5\n    verify on"
                ).replace("data data", "data data\nlogin lockout 0\nsandbox off")
            + "connector plain {\n    to a.example\n    smart-host [192.0.2.1] tls none\n}\n")
        key.chmod(0o644)
        found = self.security(1)
        text = "\n".join(" ".join(entry) for entry in found)
        for words in ("FAIL passwords server test takes passwords that anybody",
                      "warn mechanisms ", "warn verify ", "FAIL guessing ", "warn sandbox ",
                      "warn connector connector plain sends in plain text",
                      f"FAIL files the key {key} gives others more than it should"):
            self.assertIn(words, text)

    # shows: P18
    def test_every_port_is_listed_with_its_state_and_purpose(self):
        lines = self.server.cli("ports", "--json").splitlines()
        rows = {(entry["direction"], entry["service"]): entry for entry in map(json.loads, lines)}
        for service, port in self.server.ports.items():
            row = rows["in", service]
            self.assertEqual((row["port"], row["state"]), (port, "open"))
            self.assertTrue(row["purpose"])
        self.assertEqual([rows["out", name]["port"] for name in ("smtp", "dns", "https")],
                         [25, 53, 443])

    # shows: P18
    def test_a_port_that_nobody_serves_is_closed(self):
        before = self.server.config.read_text()
        self.addCleanup(self.server.config.write_text, before)
        port = free_port()
        self.server.config.write_text(before + f"server other {{\n listen 127.0.0.1:{port} smtp\n"
                                               "}\n")
        rows = map(json.loads, self.server.cli("ports", "--json").splitlines())
        self.assertEqual([row["state"] for row in rows if row["port"] == port], ["closed"])
