"""What each verb lists, for people and with --json; what strangers wrote steers no terminal."""

import json
import re
import unittest

from cases import ServerTest
from harness import free_port, wait_until
from smtp_sink import Policy, Sink

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
SCRIPT = 'require "fileinto"; fileinto "Work";'
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 +0000"


class Rude(Policy):
    """Puts off, in words that would clear a screen and begin a line of their own."""

    def on_rcpt(self, address):
        return "451 4.3.0 come \x1b[2Jlater\x07"


class Listings(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(port=free_port(), policy=Rude())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {
            "users": ("alice", "bob", "carol"),
            "lines": ["connector rude {", "    to rude.example",
                      f"    smart-host [127.0.0.1]:{cls.sink.port}", "}",
                      "connector kept {", "    to kept.example",
                      "    hold for bob@example.test", "}", "sent keep 1h"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cli = cls.server.cli
        members = [f"member{number}@far.test" for number in range(8)]
        cli("alias", "add", "info@example.test", "alice@example.test")
        cli("group", "add", "staff@example.test", *members)
        cli("group", "add", "all@example.test", "--filter", "(objectClass=user)")
        cli("user", "add", "dora@example.test", "--name", "Dora \"D\"", "--password-stdin",
            given="a secret of hers\n")
        cli("user", "certificate", "add", "alice@example.test", "ab" * 32)
        cli("directory", "set", "alice@example.test", "title", "Head of Words")
        cli("directory", "set", "friend@far.test", "display-name", "A Friend")
        cli("search", "filter", "urgent", "FLAGGED")
        cli("mailbox", "create", "alice@example.test/Work")
        cli("mailbox", "create", "Public/News")
        cli("mailbox", "share", "alice@example.test/Work", "bob@example.test", "lr")
        message = cls.server.directory / "away.txt"
        message.write_text("I am away.\nUntil later.\n")
        cli("user", "oof", "message", "carol@example.test", message)
        cli("user", "oof", "carol@example.test", "on", "--until", "2035-01-01", "--subject",
            "away", "--external", "all")
        script = cls.server.directory / "work.sieve"
        script.write_text(SCRIPT)
        cli("sieve", "put", "alice@example.test", "work", script)
        cli("sieve", "put", "alice@example.test", "other", script)
        cli("sieve", "activate", "alice@example.test", "work")
        cls.send("rude", [f"user{number}@rude.example" for number in range(12)])
        cls.send("kept", ["user@kept.example"])
        cls.server.send(cls.message("clear\x1b[2J the screen"), "bob@example.test")
        cls.server.send(cls.message("gr\xfc\xdfe"), "bob@example.test")
        for item in ("removed", "stays"):
            cls.server.send(cls.message(item), "carol@example.test")
        client = cls.server.pop("carol")
        client.dele(1)
        client.quit()
        wait_until(lambda: any(to["last_error"] for item in cls.server.queue()
                               for to in item["recipients"]), "it was put off")

    @staticmethod
    def message(subject):
        return (f"From: outside@elsewhere.test\r\nDate: {LONG_AGO}\r\nSubject: {subject}\r\n\r\n"
                "body\r\n").encode("latin-1")

    @classmethod
    def send(cls, subject, recipients):
        cls.server.send(cls.message(subject), recipients, sender="alice@example.test",
                        service="submission", login="alice")

    def identity(self, recipient):
        return next(item["id"] for item in self.server.queue()
                    if any(recipient in to["address"] for to in item["recipients"]))

    def both(self, *words):
        """The objects that are listed, and the same for people."""
        objects = [json.loads(line)
                   for line in self.server.cli(*words, "--json").splitlines()]
        for_people = self.server.cli(*words)
        self.assertIsNone(CONTROL.search(for_people), (words, for_people))
        self.assertTrue(all(isinstance(one, dict) for one in objects), words)
        return objects, for_people

    def test_who_is_known_is_listed(self):
        for words, key, value, word in (
                ("user list", "address", "dora@example.test", "directory"),
                ("user list example.test", "address", "alice@example.test", "settings"),
                ("user show dora@example.test", "name", 'Dora "D"', "created"),
                ("user show alice@example.test", "in_settings", True, "mailroot.conf:"),
                ("user certificate list alice@example.test", "sha256", ":".join(["ab"] * 32),
                 "ab:ab"),
                ("alias list", "members", ["alice@example.test"], "info@example.test"),
                ("group show staff@example.test", None, None, "member7@far.test"),
                ("directory contacts", "address", "friend@far.test", "A Friend"),
                ("directory set alice@example.test", "value", "Head of Words", "title"),
                ("directory set all@example.test", "value", "(objectClass=user)", "filter"),
                ("resolve staff@example.test", None, None, "member0@far.test"),
                ("login networks alice@example.test", "network", "127.0.0.1", "127.0.0.1")):
            with self.subTest(words=words):
                objects, for_people = self.both(*words.split())
                if key:
                    self.assertIn(value, [one.get(key) for one in objects])
                self.assertIn(word, for_people)

    def test_a_long_group_is_cut_for_people_alone(self):
        objects, for_people = self.both("group", "list")
        staff = next(one for one in objects if one["address"] == "staff@example.test")
        self.assertEqual(len(staff["members"]), 8)
        self.assertIn("and 3 more", for_people)

    def test_wrong_passwords_are_listed_by_account_and_network_and_can_be_forgotten(self):
        for _ in range(3):
            self.server.cli("login", "test", "bob@example.test", "--password-stdin",
                            given="wrong\n", expect=1)
            with self.assertRaises(Exception), self.server.smtp("submission") as client:
                client.starttls()
                client.ehlo()
                client.login("bob@example.test", "wrong")
        objects, for_people = self.both("login", "list")
        self.assertIn("bob@example.test", [one["account"] for one in objects])
        self.assertIn("127.0.0.1", [one["network"] for one in objects])
        self.assertRegex(for_people, r"any +127\.0\.0\.1 ")
        self.server.cli("login", "unlock", "127.0.0.1")
        self.server.cli("user", "unlock", "bob@example.test")
        self.server.cli("login", "list", expect=1)
        self.assertEqual(json.loads(self.server.cli(
            "login", "test", "bob@example.test", "--json", "--password-stdin",
            given=self.server.passwords["bob"] + "\n"))["done"], "OK")

    def test_what_waits_is_listed_with_what_was_said_of_it(self):
        rude, kept = self.identity("@rude.example"), self.identity("@kept.example")
        for words, key, value, word in (
                ("queue list", "hop", "rude", "and 2 more"),
                ("queue find --hop rude --larger 10 --older 0s", "id", rude, "come ?[2Jlater?"),
                (f"queue show {rude}", "state", "waiting", "user11@rude.example"),
                (f"queue show {kept}", "hop", "kept mx:kept.example", "bob@example.test"),
                (f"queue explain {rude}", "hop", "rude", "last error, for user9@rude.example"),
                (f"queue explain {kept}", "line", self.line_of("hold for"), "mailroot.conf:"),
                ("queue hops", "hop", "rude", "come ?[2Jlater?"),
                ("queue status", "kind", "own", "rude"),
                ("queue ages", "hop", "rude", "older"),
                ("badmail list", None, None, ""),
                ("trace alice@example.test", "event", "accepted", "id "),
                ("trace alice@example.test --since 1h --events", "number", 1019,
                 "submitted to the queue"),
                (f"trace {rude}", "event", "deferred", "come ?[2Jlater?"),
                (f"trace {rude} --events", "meaning", "transfer to another host begun",
                 "user1@rude.example")):
            with self.subTest(words=words):
                objects, for_people = self.both(*words.split())
                if key:
                    self.assertIn(value, [one.get(key) for one in objects])
                self.assertIn(word, for_people)
        self.assertIn("come ?[2Jlater?", self.server.cli("mailq"))

    def line_of(self, words):
        lines = self.server.config.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if words in line)

    def test_mailboxes_are_listed_with_what_is_in_them(self):
        for words, key, value, word in (
                ("mailbox list", "name", "Work", "public"),
                ("mailbox list alice@example.test", "owner", "alice@example.test", "Work"),
                ("mailbox list public", "name", "News", "News"),
                ("mailbox messages bob@example.test", "sender", "outside@elsewhere.test",
                 "clear [2J the screen"),
                ("mailbox share alice@example.test/Work", "rights", "lr", "bob@example.test"),
                ("mailbox share Public/News", "identifier", "anyone", "anyone"),
                ("mailbox quota", "owner", "bob@example.test", "bytes"),
                ("mailbox quota example.test", "messages", 2, "messages"),
                ("mailbox undelete carol@example.test --list", "subject", "removed", "removed"),
                ("mailbox undelete carol@example.test --mailbox INBOX --since 1h --list",
                 "mailbox", "INBOX", "INBOX"),
                ("user quota carol@example.test 1GB messages 5000", "messages_limit", 5000,
                 " of 5000 ("),
                ("user set carol@example.test", "own", True, "default"),
                ("user oof carol@example.test", "state", "answering", "  Until later."),
                ("user oof alice@example.test show", "state", "off", "external:"),
                ("search status", None, None, "mailboxes:"),
                ("search status alice@example.test", None, None, "mailboxes:"),
                ("search filter", "criteria", "FLAGGED", "urgent: FLAGGED"),
                ("sieve list alice@example.test", "active", True, "work"),
                ("store status", "health", "good", "records in the log"),
                ("store verify", "sound", True, "every record is sound")):
            with self.subTest(words=words):
                objects, for_people = self.both(*words.split())
                if key:
                    self.assertIn(value, [one.get(key) for one in objects])
                self.assertIn(word, for_people)
        self.assertEqual(self.server.cli("sieve", "show", "alice@example.test", "work"), SCRIPT)
        self.assertIn("findings: 0", self.server.cli("mailbox", "verify", "bob@example.test"))

    def test_what_was_done_is_told_in_one_object(self):
        self.send("for json", ["user@kept.example"])
        wait_until(lambda: len([item for item in self.server.queue() if item["hop"].startswith("kept ")]) > 1,
                   "two are kept")
        one, = [item["id"] for item in self.server.queue()
                if item["hop"].startswith("kept ")][1:]
        for words, answer in (
                (f"queue freeze {one}", {"frozen": 1}), (f"queue thaw {one}", {"thawed": 1}),
                ("queue freeze --hop rude", {"frozen": 1}), ("queue thaw --hop rude", {"thawed": 1}),
                ("queue freeze --to user@kept.example --yes", {"frozen": 2}),
                ("queue thaw --all --yes", {"thawed": 2}),
                ("queue hold-all", {"outbound": "disabled"}),
                ("queue resume", {"outbound": "enabled"}),
                (f"queue delete {one} --no-report", {"deleted": True}),
                ("mailbox copy bob@example.test/INBOX Public/News", {"copied": 2}),
                ("user disable dora@example.test", {"address": "dora@example.test",
                                                    "done": "disabled"}),
                ("user enable dora@example.test", {"address": "dora@example.test",
                                                   "done": "enabled"})):
            with self.subTest(words=words):
                self.assertEqual(json.loads(self.server.cli(*words.split(), "--json")), answer)
        self.assertEqual(self.server.cli("queue", "retry", "--hop", "rude", "--json"),
                         '{"retried":1}\n')


if __name__ == "__main__":
    unittest.main()
