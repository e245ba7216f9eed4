"""default-charset: what text that names no charset is read as, by each of three users: alice by her
own setting, bob by his domain's, carol of another domain by the server's."""

import imaplib
import unittest

from cases import ServerTest
from harness import Mailroot, client_tls, text_message, wait_until

CODEC = {"alice": "koi8-r", "bob": "iso-8859-5", "carol": "windows-1251"}
ADDRESS = {"alice": "alice@example.test", "bob": "bob@example.test", "carol": "carol@other.test"}
SUBJECT, BODY = "запись".encode("koi8-r"), "привет".encode("koi8-r")
BEFORE, BEHIND = "ива", "пора"  # in one reading SUBJECT comes before both, in one between, ...
SCRIPT = """require ["fileinto", "mailbox", "body", "copy"];
if header :contains "subject" "%s" { fileinto :copy :create "head"; }
if body :text :contains "%s" { fileinto :copy :create "body"; }
"""


class Readers(Mailroot):
    server_charset = "windows-1251"

    def config_text(self):
        own = "    user alice bob"
        return super().config_text().replace(own, own + "\n    default-charset iso-8859-5") + (
            f"default-charset {self.server_charset}\n"
            "domain other.test {\n    user carol\n}\n")


class CharsetTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Readers()
        cls.addClassCleanup(cls.server.close)
        cls.server.passwords["carol"] = "carol's own word"
        cls.server.cli("user", "passwd", ADDRESS["carol"], "--password-stdin",
                       given=cls.server.passwords["carol"] + "\n")
        cls.server.start()
        cls.server.cli("user", "set", ADDRESS["alice"], "default-charset", "KOI8-R")
        for user in CODEC:
            cls.server.cli("user", "set", ADDRESS[user], "search-index", "off")
            cls.filter(user)
        for message in (text_message("plain", "nothing to read\r\n"),
                        text_message("=?utf-8?q?" + cls.quoted(BEFORE) + "?=", "utf-8: мир\r\n"),
                        text_message("=?utf-8?q?" + cls.quoted(BEHIND) + "?="),
                        b"From: <outside@elsewhere.test>\r\nSubject: " + SUBJECT +
                        b"\r\n\r\n" + BODY + b"\r\n"):
            cls.server.send(message, list(ADDRESS.values()))
        for user in CODEC:
            wait_until(lambda user=user: len(cls.found(user, "ALL")) == 4, "mail")

    @staticmethod
    def quoted(text):
        return "".join(f"={byte:02X}" for byte in text.encode())

    @classmethod
    def filter(cls, user):
        script = cls.server.directory / f"{user}.sieve"
        script.write_text(SCRIPT % (SUBJECT.decode(CODEC[user]), BODY.decode(CODEC[user])))
        cls.server.cli("sieve", "put", ADDRESS[user], "mine", script)
        cls.server.cli("sieve", "activate", ADDRESS[user], "mine")

    @classmethod
    def connect(cls, user, mailbox="INBOX"):
        client = imaplib.IMAP4_SSL("127.0.0.1", cls.server.ports["imaps"],
                                   ssl_context=client_tls(), timeout=60)
        client.login(ADDRESS[user], cls.server.passwords[user])
        assert client.select(mailbox, readonly=True)[0] == "OK", mailbox
        return client

    @classmethod
    def found(cls, user, *keys, text=None, mailbox="INBOX"):
        client = cls.connect(user, mailbox)
        if text is not None:
            client.literal = text.encode()
        words = client.uid("SEARCH", "CHARSET", "UTF-8", *keys)[1][0].split()
        client.logout()
        return words

    def expect_reading(self, user, codec, mailbox="INBOX"):
        """He finds what the bytes mean in this charset, and in no other."""
        for other in {*CODEC.values(), codec}:
            expected = [b"4"] if other == codec else []
            for key, text in (("BODY", BODY), ("TEXT", SUBJECT), ("SUBJECT", SUBJECT)):
                with self.subTest(user=user, codec=codec, other=other, key=key):
                    found = self.found(user, key, text=text.decode(other), mailbox=mailbox)
                    self.assertEqual(found, expected)
        self.assertEqual(self.found(user, "TEXT", text="мир", mailbox=mailbox), [b"2"])
        client = self.connect(user, mailbox)
        sorted_uids = client.uid("SORT", "(SUBJECT)", "UTF-8", "UID", "2:4")[1][0].split()
        subjects = [(BEFORE, b"2"), (BEHIND, b"3"), (SUBJECT.decode(codec), b"4")]
        self.assertEqual(sorted_uids,
                         [uid for _, uid in sorted(subjects, key=lambda one: one[0].upper())])
        preview = client.uid("FETCH", "4", "(PREVIEW)")[1][0]
        self.assertIn(BODY.decode(codec).encode(), preview[1] if isinstance(preview, tuple)
                      else preview)
        client.logout()

    def expect_indexed(self, user):
        wait_until(lambda: "waiting: 0" in self.server.cli("search", "status", ADDRESS[user]),
                   "everything is looked through")

    def waiting(self, user):
        return int(self.server.cli("search", "status", ADDRESS[user]).split()[-1])

    # shows: I04
    def test_each_user_reads_text_without_a_charset_as_he_has_set(self):
        for user, codec in CODEC.items():
            for mailbox in "head", "body":
                self.assertEqual(self.found(user, "ALL", mailbox=mailbox), [b"1"])
            self.expect_reading(user, codec)
            self.assertGreater(self.waiting(user), 0)
        for user in CODEC:
            self.server.cli("user", "set", ADDRESS[user], "search-index", "default")
            self.server.cli("search", "rebuild", ADDRESS[user])
            self.expect_indexed(user)
        for user, codec in CODEC.items():
            self.expect_reading(user, codec)
            self.expect_indexed(user)
        self.change_settings()
        self.read_what_another_shares()

    def set_charset(self, user, value):
        self.server.cli("user", "set", ADDRESS[user], "default-charset", value)

    def change_settings(self):
        """What is outdated waits for the index, and nothing else: one message, in three boxes."""
        shown = self.server.cli("user", "set", ADDRESS["alice"])
        self.assertRegex(shown, r"(?m)^default-charset +koi8-r +own ")
        self.assertRegex(self.server.cli("user", "set", ADDRESS["bob"]),
                         r"(?m)^default-charset +iso-8859-5 +default ")
        self.server.cli("user", "set", ADDRESS["alice"], "search-index", "off")
        self.set_charset("alice", "ibm866")
        self.assertEqual(self.waiting("alice"), 3)
        self.expect_reading("alice", "cp866")
        self.server.cli("user", "set", ADDRESS["alice"], "search-index", "default")
        self.expect_indexed("alice")
        self.expect_reading("alice", "cp866")
        self.set_charset("alice", "default")
        self.expect_reading("alice", "iso-8859-5")
        self.expect_indexed("alice")
        self.expect_reading("alice", "iso-8859-5")
        self.server.server_charset = "koi8-r"
        self.server.write_config()
        self.server.cli("reload")
        self.expect_reading("carol", "koi8-r")
        self.expect_reading("bob", "iso-8859-5")
        self.expect_indexed("carol")
        self.expect_reading("carol", "koi8-r")
        self.restart_with_another_default()

    def restart_with_another_default(self):
        self.server.cli("user", "set", ADDRESS["carol"], "search-index", "off")
        self.server.server_charset = "koi8-u"
        self.server.write_config()
        self.server.stop()
        self.server.start()
        self.assertEqual([self.waiting(user) for user in CODEC], [0, 0, 3])
        self.server.cli("user", "set", ADDRESS["carol"], "search-index", "default")
        self.expect_indexed("carol")
        for user, codec in (("alice", "iso-8859-5"), ("carol", "koi8-r")):
            self.expect_reading(user, codec)

    def read_what_another_shares(self):
        """As he who reads it: the mailbox and its index are another's."""
        self.server.cli("mailbox", "share", f"{ADDRESS['alice']}/INBOX", ADDRESS["bob"], "lr")
        self.server.cli("mailbox", "share", f"{ADDRESS['alice']}/INBOX", ADDRESS["carol"], "lr")
        shared = f'"Other Users/{ADDRESS["alice"]}/INBOX"'
        self.set_charset("alice", "windows-1251")
        self.expect_reading("bob", "iso-8859-5", shared)
        self.expect_reading("carol", "koi8-r", shared)
        self.expect_reading("alice", "windows-1251")


if __name__ == "__main__":
    unittest.main()
