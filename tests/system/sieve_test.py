"""Sieve from the command line, and ManageSieve with a real client."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from cases import ServerTest
from harness import build_directory

SCRIPT = """\
require ["fileinto", "include", "imap4flags"];
include "lists";
if header :contains "subject" "invoice" {
    fileinto :flags "\\\\Flagged" "Bills";
}
"""
LISTS = 'require "fileinto";\nif exists "list-id" { fileinto "Lists"; stop; }\n'
INVOICE = b"From: a@shop.test\r\nSubject: Your Invoice\r\n\r\nPay.\r\n"


class SieveCommands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mailroot-sieve-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.write("main.sieve", SCRIPT)
        self.write("lists.sieve", LISTS)
        (self.folder / "invoice.eml").write_bytes(INVOICE)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def sieve(self, *words):
        return subprocess.run([build_directory() / "bin" / "mailroot", "sieve", *words],
                              cwd=self.folder, capture_output=True, text=True, timeout=60,
                              check=False)

    def test_sieve_check_finds_nothing_wrong_in_a_right_script(self):
        result = self.sieve("check", "main.sieve")
        self.assertEqual((result.returncode, result.stdout), (0, "main.sieve: no errors\n"))

    def test_sieve_check_names_the_place_and_the_remedy(self):
        self.write("bad.sieve", 'keep;\nfileinto "A";\n')
        result = self.sieve("check", "bad.sieve")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "bad.sieve: line 2, column 1: fileinto needs: "
                                        'require "fileinto";\n')

    def test_sieve_test_tells_which_rule_does_what(self):
        result = self.sieve("test", "main.sieve", "invoice.eml")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("line 3    header: true", result.stdout)
        self.assertIn('file into "Bills" with \\Flagged    (line 4)', result.stdout)

    def test_sieve_test_ends_with_1_when_the_script_goes_wrong(self):
        self.write("wrong.sieve", 'require "ihave"; error "no";\n')
        result = self.sieve("test", "wrong.sieve", "invoice.eml")
        self.assertEqual(result.returncode, 1)
        self.assertIn("keep in the inbox", result.stdout)


class ManageSieve(ServerTest):
    """sieve-connect from Debian uploads, activates and fetches scripts over TLS."""

    def connect(self, *words, password=None):
        server = self.server
        read, write = os.pipe()
        os.write(write, (password or server.passwords["alice"]).encode() + b"\n")
        os.close(write)
        try:
            return subprocess.run(
                ["sieve-connect", "--server", "localhost", "--port",
                 str(server.ports["managesieve"]), "--4", "--tlscafile",
                 server.directory / "cert.pem", "--user", "alice@example.test", "--passwordfd",
                 str(read), *words],
                pass_fds=[read], cwd=server.directory, capture_output=True, text=True, timeout=60,
                check=False)
        finally:
            os.close(read)

    def test_sieve_connect_uploads_activates_and_fetches_a_script(self):
        script = self.server.directory / "mine.sieve"
        script.write_text(LISTS)
        result = self.connect("--localsieve", script, "--remotesieve", "mine", "--upload")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        result = self.connect("--remotesieve", "mine", "--activate")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertRegex(self.connect("--list").stdout, r'"mine" ACTIVE')
        fetched = self.server.directory / "fetched.sieve"
        result = self.connect("--localsieve", fetched, "--remotesieve", "mine", "--download")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(fetched.read_text().split(), LISTS.split())

    def test_sieve_connect_with_a_wrong_password_is_refused(self):
        self.assertNotEqual(self.connect("--list", password="wrong").returncode, 0)

    def test_scripts_survive_a_restart(self):
        script = self.server.directory / "kept.sieve"
        script.write_text(LISTS)
        self.connect("--localsieve", script, "--remotesieve", "kept", "--upload")
        self.server.stop()
        self.server.start()
        self.assertIn('"kept"', self.connect("--list").stdout)
