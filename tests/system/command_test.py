"""Commands that need no server, given what can't be: each tells what is wrong and changes nothing."""

import json
import os
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from authority import Authority, openssl
from harness import Mailroot, build_directory, free_port

PROGRAM = build_directory() / "bin" / "mailroot"


class Command(unittest.TestCase):
    """In a folder of its own; no server, and no configuration unless one is written."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mailroot-command-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.config = self.folder / "mailroot.conf"

    def run_words(self, *words, given=""):
        return subprocess.run([PROGRAM, "--config", self.config, *map(str, words)], input=given,
                              text=True, errors="replace", capture_output=True, timeout=60,
                              check=False, cwd=self.folder)

    def told(self, *words, status=0, given=""):
        """All that is said."""
        done = self.run_words(*words, given=given)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def settings(self, *lines, run="."):
        return self.write("mailroot.conf", "\n".join(
            ["host mx.example.test", "data data", f"run {run}", "certificate cert.pem key key.pem",
             "domain example.test {", "    user alice", "}", *lines, ""]))


class Certificates(Command):
    def test_a_self_signed_certificate_has_the_names_and_days_that_were_asked_for(self):
        self.told("cert", "self-sign", "--name", "a.example", "--name", "b.example", "--days", "10",
                  "--rsa")
        shown = self.told("cert", "show", "cert.pem")
        for words in ("a.example, b.example", "(self-signed)", "RSA 3072", "9 days left",
                      "_25._tcp.a.example. IN TLSA 3 1 1 "):
            self.assertIn(words, shown)
        self.assertEqual(stat.S_IMODE((self.folder / "key.pem").stat().st_mode), 0o600)

    def test_words_that_can_not_be_make_no_certificate(self):
        for words in (["--name"], ["--days", "0"], ["--days", "x"], ["--days", "36500"],
                      ["--nonsense", "x"], ["--key"]):
            with self.subTest(words=words):
                self.assertIn("usage: mailroot cert self-sign",
                              self.told("cert", "self-sign", *words, status=2))
        for words, why in ((["--name", "two words"], "'two words' is no host name"),
                           (["--name", ""], "is no host name"),
                           (["--name", "h" * 254], "is no host name"), ([], "no name: give --name")):
            with self.subTest(words=words):
                self.assertIn(why, self.told("cert", "self-sign", *words, status=1))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_pair_is_made_whole_or_not_at_all_and_none_is_written_over(self):
        said = self.told("cert", "self-sign", "--name", "a.example", "--certificate",
                         self.folder / "absent" / "cert.pem", "--key", "key.pem", status=1)
        self.assertIn("No such file", said)
        self.assertFalse((self.folder / "key.pem").exists(), "it is of no use alone")
        self.write("key.pem", "mine")
        self.assertIn("key.pem exists already", self.told(
            "cert", "self-sign", "--name", "a.example", status=1))
        self.assertEqual((self.folder / "key.pem").read_text(), "mine")

    def test_a_request_is_for_the_key_in_use_unless_another_is_wanted(self):
        self.settings()
        self.assertIn("made the key", self.told("cert", "request"))
        self.assertIn("the request is for the key in", self.told("cert", "request"))
        self.assertIn("made the key", self.told("cert", "request", "--new-key"))
        self.assertIn("key.pem.new exists already", self.told("cert", "request", "--new-key",
                                                              status=1))
        self.assertIn("mx.example.test",
                      openssl("req", "-in", self.folder / "cert.pem.csr", "-noout", "-text"))
        self.write("key.pem", "no key")
        self.told("cert", "request", status=1)
        self.assertIn("usage: mailroot cert request", self.told("cert", "request", "--out",
                                                                status=2))
        self.assertIn("is no host name", self.told("cert", "request", "--name", "a b", status=1))

    def test_only_a_certificate_for_a_key_that_is_there_is_installed(self):
        self.settings()
        authority = Authority(self.folder)
        good, key = authority.make("mx.example.test", "DNS:mx.example.test")
        for words, status, why in (
                ([], 2, "needs the file"), (["absent.pem"], 1, "No such file"),
                ([good], 1, "there is no key at"), ([self.config, "--key", key], 1, "certificate"),
                (["--key"], 2, "usage: mailroot cert import"),
                ([good, "--key", authority.key], 1, "key"),
                ([good, "--key", "absent.key"], 1, "No such file")):
            with self.subTest(words=words):
                self.assertIn(why, self.told("cert", "import", *words, status=status))
                self.assertFalse((self.folder / "cert.pem").exists())
        said = self.told("cert", "import", good, authority.certificate, "--key", key)
        self.assertIn("no authority of this system", said)
        self.assertEqual((self.folder / "key.pem").read_bytes(), key.read_bytes())
        self.assertIn("mx.example.test", self.told("cert", "show"))
        other, other_key = authority.make("other.example.test", "DNS:other.example.test")
        said = self.told("cert", "import", other, good, "--key", other_key)
        self.assertIn("1 certificates that are not needed were left out", said)
        self.assertIn("not for mx.example.test, by which we greet", said)
        self.assertIn("not all certificates can be served", self.spoiled("key.pem"))

    def spoiled(self, name):
        self.write(name, "spoiled")
        return self.told("cert", "show", status=1)

    def test_what_can_not_be_shown_is_told(self):
        self.assertIn("the configuration has errors", self.told("cert", "show", status=1))
        self.settings("certificat x")
        self.assertIn("the configuration has errors", self.told("cert", "show", status=1))
        self.write("mailroot.conf", "host mx.example.test\n")
        self.assertIn("names no certificate", self.told("cert", "show", status=1))
        self.assertIn("No such file", self.told("cert", "show", "absent", status=1))
        self.assertIn("mailroot.conf: ", self.told("cert", "show", "mailroot.conf", status=1))
        self.assertIn("usage: mailroot cert show", self.told("cert", "show", "--certificate",
                                                             status=2))

    def test_a_server_of_its_own_name_has_its_own_certificate(self):
        self.settings("server other {", "    fully-qualified other.example.test",
                      "    certificate other.pem key other.key",
                      f"    listen 127.0.0.1:{free_port()} smtps", "}",
                      "server plain {", f"    listen 127.0.0.1:{free_port()} smtp", "}")
        self.told("cert", "self-sign")
        self.told("cert", "self-sign", "--name", "other.example.test", "--certificate", "other.pem",
                  "--key", "other.key")
        shown = [json.loads(line) for line in
                 self.run_words("cert", "show", "--json").stdout.splitlines()]
        self.assertEqual([one["names"] for one in shown],
                         [["mx.example.test", "other.example.test"], ["other.example.test"]])
        self.assertIn("not all certificates can be served", self.spoiled("other.key"))


class Answers(Command):
    """Of setup internet-mail."""

    def test_more_than_there_is_room_for_is_refused(self):
        for option, value in (("--domain", "d.example"), ("--listen", "*:25 smtp")):
            with self.subTest(option=option):
                words = [option, value] * 17
                self.assertRegex(self.told("setup", "internet-mail", *words, status=2),
                                 "more than [0-9]+ of them")

    def test_each_answer_must_be_a_word(self):
        right = {"--domain": "example.org", "--user": "alice"}
        for option, value, why in (
                ("--domain", "a b", "is no domain"), ("--user", "a#b", "is no user name"),
                ("--host", "a{", "is no host name"), ("--smart-host", 'a"b', "is no host"),
                ("--data", "a\\b", "is no directory"), ("--run", "a\x7f", "is no directory"),
                ("--listen", "", "is no ADDRESS:PORT SERVICE"),
                ("--listen", "*:25 s{tp", "is no ADDRESS:PORT SERVICE"),
                ("--login", "us", "a login needs a smart host"),
                ("--color", "blue", "usage: mailroot setup")):
            with self.subTest(option=option, value=value):
                words = [word for pair in {**right, option: value}.items() for word in pair]
                self.assertIn(why, self.told("setup", "internet-mail", *words, status=2))
                self.assertFalse(self.config.exists())
        self.assertIn("usage: ", self.told("setup", "internet-mail", "--domain", status=2))
        self.assertIn("usage: ", self.told("setup", "internet-mail", "--domain", "a.example",
                                           status=2))

    def test_a_provider_with_a_login_has_its_password_in_a_file_of_secrets(self):
        words = ["setup", "internet-mail", "--domain", "example.org", "--user", "alice", "--host",
                 "mail.example.org", "--smart-host", "smtp.provider.example:587", "--login", "us",
                 "--data", "data", "--run", "run", "--listen", f"127.0.0.1:{free_port()} smtp",
                 "--password-stdin"]
        self.assertIn("a login needs", self.told(*words, given="\n", status=2))
        self.assertIn('"v=spf1 mx include:PROVIDER -all"', self.told(*words, given="secret\n"))
        self.assertEqual((self.folder / "secrets" / "smart-host").read_text(), "secret")
        self.assertIn("no errors", self.told("config", "check"))

    @unittest.skipIf(os.geteuid() != 0, "needs a directory that can't be made")
    def test_where_nothing_can_be_written_it_is_told(self):
        words = ["setup", "internet-mail", "--domain", "example.org", "--user", "alice"]
        blocked = self.write("blocked", "a file")
        self.config = blocked / "below" / "mailroot.conf"
        self.assertIn("cannot make", self.told(*words, status=1))
        self.config = self.folder / "mailroot.conf"
        (self.folder / "cert.pem").mkdir()
        self.assertIn("kept ", self.told(*words))


class Scripts(Command):
    def test_sieve_commands_tell_what_they_can_not_read(self):
        script = self.write("a.sieve", 'require "fileinto"; if header :is "subject" "x" '
                            '{ fileinto "Work"; } else { discard; }')
        message = self.write("m.eml", "Subject: x\n\nx\n")
        for words, status, why in (
                (["check"], 2, "usage: mailroot sieve check"),
                (["check", "absent"], 2, "No such file"),
                (["test", script], 2, "usage: mailroot sieve test"),
                (["test", script, message, "--from"], 2, "usage: mailroot sieve test"),
                (["test", script, message, "--color", "blue"], 2, "usage: mailroot sieve test"),
                (["test", script, message, "third"], 2, "usage: mailroot sieve test"),
                (["test", script, "absent"], 2, "No such file"),
                (["test", "absent", message], 2, "No such file"),
                (["test", script, message, "--charset", "x-unknown"], 2, "charset is not known"),
                (["test", message, message], 1, "m.eml")):
            with self.subTest(words=words):
                self.assertIn(why, self.told("sieve", *words, status=status))

    def test_each_action_of_a_script_is_told_with_its_line(self):
        script = self.write("a.sieve", """\
require ["fileinto", "imap4flags", "reject", "vacation", "enotify", "mailbox", "special-use",
         "include", "editheader", "variables", "copy"];
addheader "X-Seen" "yes";
include :optional "absent";
include "beside";
fileinto :flags "\\\\Seen" "Work";
fileinto :specialuse "\\\\Junk" "Spam";
redirect :copy "far@elsewhere.test";
vacation "I am away";
notify "mailto:me@elsewhere.test";
if mailboxexists "Work" { keep; }
""")
        self.write("beside.sieve", 'require "fileinto"; fileinto "Beside";')
        message = self.write("m.eml", "From: a@elsewhere.test\nTo: alice@example.test\n"
                             "Subject: x\n\nx\n")
        said = self.told("sieve", "test", script, message, "--from", "a@elsewhere.test", "--to",
                         "alice@example.test", "--mailbox", "Work")
        for words in ('file into "Beside"', 'file into "Work" with \\Seen', "(or what is \\Junk)",
                      "send on to far@elsewhere.test", "answer to", "notify", "keep in the inbox",
                      "X-Seen: yes"):
            self.assertIn(words, said)
        self.write("b.sieve", 'require "reject"; reject "not wanted";')
        self.assertIn('refuse, saying "not wanted"', self.told("sieve", "test", "b.sieve", message))
        self.write("c.sieve", "discard;")
        self.assertIn("throw away", self.told("sieve", "test", "c.sieve", message))
        self.write("d.sieve", "# nothing")
        self.assertIn("no rule says otherwise", self.told("sieve", "test", "d.sieve", message))


class Reports(Command):
    def test_a_sample_is_refused_for_what_is_no_report(self):
        for words, why in (
                ([], "usage: mailroot report show"), (["lost"], "usage: mailroot report show"),
                (["failed", "--code"], "usage: "), (["failed", "--color", "x"], "usage: "),
                (["failed", "--code", "5"], "a code is written like"),
                (["failed", "--language", "xx"], "no texts in this language")):
            with self.subTest(words=words):
                self.assertIn(why, self.told("report", "show", *words, status=2))
        self.assertIn("usage: ", self.told("report", "texts", "a", "b", status=2))
        self.assertIn("no texts are shipped", self.told("report", "texts", "xx", status=2))
        self.settings("wrong words")
        self.assertIn("wrong", self.told("report", "texts", status=1))
        self.assertIn("wrong", self.told("report", "show", "failed", status=1))

    def test_samples_need_no_configuration_and_follow_the_one_there_is(self):
        self.assertIn("shipped", self.told("report", "texts"))
        self.assertIn("mx.example.org", self.told("report", "show", "failed", "--message"))
        self.settings("reports language de", "reports bilingual on")
        said = self.told("report", "show", "delayed", "--message")
        self.assertIn("mx.example.test", said)


class Places(Command):
    """What is named and is not there, or is not what it is taken for."""

    def test_the_file_of_settings_itself(self):
        self.assertIn("No such file", self.told("config", "check", status=1))
        self.assertIn("No such file", self.told("config", "check", "absent.conf", status=1))
        self.settings()
        self.assertIn("cert.pem", self.told("config", "check", status=1))
        self.assertIn("cert.pem", self.told("serve", status=1))
        self.told("cert", "self-sign")
        self.assertIn("no errors", self.told("config", "check"))
        self.settings("reports bilingual")
        self.assertRegex(self.told("config", "check", status=1),
                         r"write: reports bilingual (on \| off|off \| on)")
        self.settings("connector a {", "    to a.example", "    smart-host h.example login us "
                      "secret absent", "}")
        self.assertIn("absent", self.told("config", "check", status=1))

    def test_a_file_for_import_must_be_what_was_exported(self):
        self.settings()
        (self.folder / "data" / "pickup").mkdir(parents=True)
        for text, status, why in (
                ("", 1, "does not begin with lines x-sender"),
                ("Subject: x\n\nx\n", 1, "does not begin with lines x-sender"),
                ("x-sender: a@example.test\n\nx\n", 1, "does not begin with lines x-sender"),
                ("x-receiver: a@example.test\n\nx\n", 1, "does not begin with lines x-sender"),
                ("x-sender: a@example.test\nx-receiver: b@example.test\n\n\0\n", 1, "NUL byte")):
            with self.subTest(text=text):
                self.assertIn(why, self.told("queue", "import", self.write("f", text),
                                             status=status))
        self.told("queue", "import", "absent", status=1)
        self.assertIn("usage: mailroot queue import", self.told("queue", "import", status=2))
        self.assertEqual(list((self.folder / "data" / "pickup").iterdir()), [])

    def test_words_that_are_no_command_are_answered_with_those_that_might_be_meant(self):
        self.assertIn("usage: mailroot", self.told(status=2))
        self.assertIn("usage: mailroot", self.told("--config", self.config, status=2))
        self.assertIn("no such command", self.told("fly", status=2))
        self.assertIn("which of these?", self.told("queue", status=2))
        self.assertIn("queue list", self.told("queue", "--help"))
        self.assertIn("no such command", self.told("help", "fly", status=2))
        self.told(*["word"] * 300, status=2)
        self.settings("wrong words")
        self.assertIn("wrong", self.told("queue", "list", status=2))
        self.settings()
        self.assertIn("the server is not running", self.told("status", status=2))
        self.assertIn("the server is not running", self.told("reload", status=2))
        self.assertIn("a password is needed", self.told("user", "add", "new@example.test",
                                                        status=2))
        self.settings(run="long/" * 40)
        self.assertIn("name is too long", self.told("status", status=1))


class Audit(unittest.TestCase):
    def test_an_audit_needs_somebody_to_ask(self):
        server = Mailroot()
        self.addCleanup(server.close)
        for words, status, why in (
                (["relay", "--from"], 2, "usage: "), (["relay", "a", "b"], 2, "usage: "),
                (["relay", "host:port"], 2, "wants an address"),
                (["relay", f"127.0.0.1:{free_port()}"], 1, "asked"),
                (["security", "word"], 2, "usage: |word")):
            with self.subTest(words=words):
                done = server.cli_result("audit", *words)
                self.assertEqual(done.returncode, status, done)
                self.assertRegex(done.stdout + done.stderr, why)
        self.assertIn("usage", server.cli_result("ports", "word").stderr)


if __name__ == "__main__":
    unittest.main()
