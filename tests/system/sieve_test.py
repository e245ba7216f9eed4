"""Sieve from the command line, which needs no server."""

import subprocess
import tempfile
import unittest
from pathlib import Path

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
                              cwd=self.folder, capture_output=True, text=True, timeout=30,
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
