"""Thunderbird, from Debian: it finds folders, reads, marks, moves, files, drafts, sends, hears of
news and works without a line. What it did is looked at from the other side with imaplib."""

import base64
import contextlib
import os
import re
import tempfile
import unittest
from pathlib import Path

from authority import Authority
from cases import ServerTest
from harness import LONG_SECONDS, WAIT_SECONDS, text_message, wait_until
from imap_test import connect
from thunderbird import Thunderbird

HOST = "mail.example.test"
TLS, STARTTLS = 3, 2  # of nsMsgSocketType
PASSWORD = 3          # of nsMsgAuthMethod


def report(subject, attachment):
    """A text in UTF-8 and a file, both in base64."""
    def base64_lines(data):
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    return (text_message(subject, "")[:-2] + b"MIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
            base64_lines("Der Zebrastreifen ist da. Grüße".encode()) + b"--b\r\n"
            b"Content-Type: application/pdf; name=report.pdf\r\n"
            b"Content-Disposition: attachment; filename=report.pdf\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + base64_lines(attachment) +
            b"--b--\r\n")


@unittest.skipIf(Thunderbird.missing(), Thunderbird.missing())
class ThunderbirdTest(ServerTest):
    @classmethod
    def before_server(cls):
        directory = Path(tempfile.mkdtemp(prefix="mailroot-test-"))
        cls.authority = Authority(directory)
        for source, target in zip(cls.authority.make(HOST, f"DNS:{HOST}"), ("pem", "key")):
            os.replace(source, directory / f"mail.{target}")
        cls.settings = {"directory": directory, "lines": ["certificate mail.pem key mail.key"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.thunderbird = Thunderbird(cls.server.directory / "thunderbird", [HOST])
        cls.addClassCleanup(cls.thunderbird.close)
        cls.thunderbird.start()
        cls.do = cls.thunderbird.do
        pem = cls.authority.certificate.read_text()
        cls.do("trust", "".join(pem.split("-----")[2].split()))
        cls.add_account("alice", "imap", cls.server.ports["imaps"], TLS)
        cls.add_account("bob", "pop3", cls.server.ports["pop3"], STARTTLS)

    @classmethod
    def add_account(cls, user, kind, port, security):
        def way(kind, port, security):
            return {"type": kind, "hostname": HOST, "port": port, "socketType": security,
                    "username": cls.server.address(user), "auth": PASSWORD,
                    "password": cls.server.passwords[user]}
        cls.do("addAccount", cls.server.address(user),
               {**way(kind, port, security), "leaveMessagesOnServer": False},
               way("smtp", cls.server.ports["submission"], STARTTLS))

    def setUp(self):
        self.client = connect(self.server)
        self.addCleanup(self.client.shutdown)

    # ---- both sides ----

    def wait(self, condition, what):
        try:
            return wait_until(condition, what, step=0.1)
        except AssertionError as error:
            raise AssertionError(f"{self.thunderbird.account()}\n{error}") from None

    def fresh(self, name, *subjects):
        """A folder that Thunderbird knows, with messages."""
        for verb in (self.client.create, self.client.subscribe):
            self.assertEqual(verb(f'"{name}"')[0], "OK")
        for subject in subjects:
            self.append(name, text_message(subject))
        self.do("discover")
        self.wait(lambda: name in self.do("folders"), f"Thunderbird knows {name}")
        if subjects:
            self.sees(name, lambda listed: set(listed) == set(subjects))

    def append(self, name, message):
        self.assertEqual(self.client.append(f'"{name}"', None, None, message)[0], "OK")

    def there(self, name):
        """What imaplib finds: {subject: flags}."""
        self.assertEqual(self.client.select(f'"{name}"', readonly=True)[0], "OK")
        data = self.client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return {part[1].partition(b":")[2].strip().decode():
                set(part[0].decode().partition("FLAGS (")[2].partition(")")[0].split())
                for part in data if isinstance(part, tuple)}

    def mark(self, name, number, how, flags):
        """As another client does."""
        self.assertEqual(self.client.select(f'"{name}"')[0], "OK")
        self.assertEqual(self.client.store(number, how, flags)[0], "OK")

    def holds(self, name, expected):
        """The server does, at the latest in a moment."""
        self.wait(lambda: self.there(name) == expected, f"{name} holds {expected}")

    def sees(self, name, condition):
        """Thunderbird does, when it is asked to look."""
        def looked():
            nonlocal listed
            listed = self.do("list", name)
            if not condition(listed):
                self.do("update", name)
                return False
            return True
        listed = {}
        try:
            self.wait(looked, f"Thunderbird sees it in {name}")
        except AssertionError as error:
            raise AssertionError(f"{error}\nIt sees {listed}") from None

    def sent(self, start):
        """Whether it sent such a command."""
        return any(command.lower().startswith(start.lower())
                   for _, command in self.thunderbird.sent())

    def names(self):
        """Of all mailboxes, and of those subscribed to."""
        def of(lines):
            return {line.decode().rpartition('"/" ')[2].strip('"') for line in lines}
        return of(self.client.list()[1]), of(self.client.lsub()[1])

    # ---- folders ----

    def test_folders_are_found_with_their_uses(self):
        self.fresh("Projekte")
        for verb in (self.client.create, self.client.subscribe):
            verb('"Projekte/&ANw-ber uns"')
        self.do("discover")
        self.wait(lambda: self.do("folders").get("Projekte/Über uns") == [], "the folder is found")
        uses = self.do("folders")
        self.assertEqual({path: uses[path] for path in
                          ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive", "Projekte")},
                         {"INBOX": ["Inbox"], "Drafts": ["Drafts"], "Sent": ["SentMail"],
                          "Junk": ["Junk"], "Trash": ["Trash"], "Archive": ["Archive"],
                          "Projekte": []})

    def test_folders_are_made_renamed_left_and_deleted(self):
        self.do("createFolder", "", "Made")
        self.wait(lambda: "Made" in self.do("folders"), "Made is there")
        self.do("createFolder", "Made", "über")
        self.wait(lambda: "Made/über" in self.do("folders"), "its folder is there")
        self.do("renameFolder", "Made", "Named")
        self.wait(lambda: {"Named", "Named/über"} <= set(self.do("folders")), "it has a new name")
        both = {"Named", "Named/&APw-ber"}
        self.wait(lambda: all(both <= names and "Made" not in names for names in self.names()),
                  "also at the server")
        self.do("subscribe", "Named/über", False)
        self.assertEqual([both & names for names in self.names()], [both, {"Named"}])
        self.do("deleteFolder", "Named")
        self.thunderbird.agree("delete the folder 'Named'")
        self.wait(lambda: "Trash/Named" in self.names()[0] and "Named" not in self.names()[0],
                  "it is in the trash")

    # ---- reading ----

    def test_a_message_is_read_in_the_window(self):
        message = report("bericht", os.urandom(300_000))
        self.fresh("read")
        self.append("read", message)
        self.sees("read", lambda listed: "bericht" in listed)
        self.do("show", "read", "bericht")
        self.wait(lambda: "Zebrastreifen ist da. Grüße" in self.do("shown")["text"], "it is shown")
        self.wait(lambda: self.do("shown")["attachments"] == ["report.pdf"], "its file is shown")
        self.holds("read", {"bericht": {"\\Seen"}})
        entry = self.do("list", "read")["bericht"]
        self.assertEqual((entry["author"], entry["size"], entry["read"]),
                         ("<outside@elsewhere.test>", len(message), True))
        # What it has kept has lines of its own above.
        self.assertTrue(self.do("source", "read", "bericht").encode("latin-1").endswith(message))

    def test_the_server_searches(self):
        self.fresh("search", "zebra one", "horse")
        self.append("search", report("Gr=?utf-8?Q?=C3=BC=C3=9Fe?=", b"pdf"))
        self.sees("search", lambda listed: len(listed) == 3)
        self.assertEqual(self.do("search", "search", "Subject", "ZEBRA"), ["zebra one"])
        self.assertEqual(self.do("search", "search", "Body", "zebrastreifen"), ["Grüße"])
        self.assertEqual(self.do("search", "search", "Body", "Grüße"), ["Grüße"])
        self.assertTrue(self.sent("uid search"))

    # ---- marks ----

    def test_marks_go_both_ways(self):
        self.fresh("marks", "one", "two")
        self.do("markRead", "marks", ["one"], True)
        self.do("star", "marks", ["one", "two"], True)
        self.do("tag", "marks", ["two"], "$label1")
        self.do("tag", "marks", ["two"], "travel")
        self.holds("marks", {"one": {"\\Seen", "\\Flagged"}, "two": {"\\Flagged", "$label1", "travel"}})
        self.do("untag", "marks", ["two"], "travel")
        self.do("markRead", "marks", ["one"], False)
        self.holds("marks", {"one": {"\\Flagged"}, "two": {"\\Flagged", "$label1"}})
        self.mark("marks", "1", "FLAGS", "(\\Seen $label2 later)")
        self.mark("marks", "2", "-FLAGS", "(\\Flagged)")
        self.sees("marks", lambda listed: [
            (entry["read"], entry["flagged"], entry["keywords"]) for entry in
            (listed["one"], listed["two"])] == [(True, False, ["$label2", "later"]),
                                                (False, False, ["$label1"])])

    # ---- places ----

    def test_messages_are_copied_moved_and_thrown_away(self):
        self.fresh("from", "copied", "moved", "thrown away", "stays")
        self.fresh("to")
        self.do("copy", "from", ["copied"], "to", False)
        self.do("copy", "from", ["moved"], "to", True)
        self.do("remove", "from", ["thrown away"])
        self.holds("from", {"copied": set(), "stays": set()})
        self.holds("to", {"copied": set(), "moved": set()})
        self.assertIn("thrown away", self.there("Trash"))
        self.sees("from", lambda listed: set(listed) == {"copied", "stays"})
        self.sees("to", lambda listed: set(listed) == {"copied", "moved"})
        self.sees("Trash", lambda listed: "thrown away" in listed)
        self.assertTrue(self.sent("uid move") and self.sent("uid copy"))

    def test_what_is_only_marked_as_deleted_goes_when_the_folder_is_compacted(self):
        self.fresh("compacted", "goes", "stays")
        self.do("deleteTo", False)
        self.addCleanup(self.do, "deleteTo", True)
        self.do("remove", "compacted", ["goes"])
        self.wait(lambda: "\\Deleted" in self.there("compacted")["goes"], "it is marked")
        self.do("compact", "compacted")
        self.holds("compacted", {"stays": set()})
        self.sees("compacted", lambda listed: set(listed) == {"stays"})

    # ---- writing ----

    def test_a_draft_and_a_local_message_are_stored(self):
        self.do("discover")
        self.do("saveDraft", {"to": "bob@example.test", "subject": "draft", "body": "Not yet."})
        self.wait(lambda: "\\Draft" in self.there("Drafts").get("draft", ()), "the draft is kept")
        self.fresh("uploads")
        message = text_message("local", "Grüße\r\n")
        file = self.server.directory / "local.eml"
        file.write_bytes(message)
        self.do("upload", str(file), "uploads")
        self.assertIn("local", self.there("uploads"))
        self.assertEqual(self.client.fetch("1", "(BODY.PEEK[])")[1][0][1], message)

    def test_a_message_is_submitted_and_a_copy_is_kept(self):
        self.do("discover")
        self.do("send", "imap", {"to": "bob@example.test", "subject": "to bob", "body": "Hello."})
        self.assertIn("to bob", self.there("Sent"))
        [arrived] = [one for one in self.server.fetch_when("bob", 1) if b"Subject: to bob" in one]
        self.assertIn(b"with ESMTPSA id", arrived)
        self.assertIn(b"From: alice <alice@example.test>\r\n", arrived)
        self.assertTrue(arrived.endswith(b"\r\n\r\nHello.\r\n"))

    # ---- news ----

    def heard(self, condition):
        """Without being asked to look. What comes together with the "+" of IDLE, Thunderbird reads
        when more comes."""
        for _ in range(WAIT_SECONDS // LONG_SECONDS):
            with contextlib.suppress(AssertionError):
                wait_until(lambda: condition(self.do("list", "INBOX")), "it is heard of",
                           LONG_SECONDS, step=0.1)
                return
            self.append("INBOX", text_message("more"))
        self.fail(f"{self.thunderbird.account()}\nIt sees {self.do('list', 'INBOX')}")

    # For the INBOX it always has a connection; other folders that are open take turns.
    def test_news_of_the_inbox_is_heard_of_unasked(self):
        self.do("update", "INBOX")
        self.wait(lambda: ("INBOX", "IDLE") in self.thunderbird.sent(), "it waits for news")
        for subject in ("first", "second"):
            self.server.send(text_message(subject), "alice@example.test")
            self.heard(lambda listed, subject=subject: subject in listed)
        self.mark("INBOX", "2", "+FLAGS", "(\\Flagged)")
        self.heard(lambda listed: listed["second"]["flagged"])
        self.mark("INBOX", "1", "+FLAGS", "(\\Deleted)")
        self.client.expunge()
        self.heard(lambda listed: "first" not in listed)

    # ---- without a line ----

    def test_what_was_done_without_a_line_meets_what_others_did(self):
        self.fresh("away", "moved", "starred", "marked", "removed")
        self.fresh("target")
        self.sees("away", lambda listed: all(entry["offline"] for entry in listed.values()))
        self.do("goOffline")
        self.addCleanup(self.do, "goOnline")
        self.do("star", "away", ["starred"], True)
        self.do("copy", "away", ["moved"], "target", True)
        self.assertTrue(self.do("source", "away", "starred").endswith("Hello.\r\n"))
        self.mark("away", "3", "+FLAGS", "(\\Seen elsewhere)")
        self.mark("away", "4", "+FLAGS", "(\\Deleted)")
        self.client.expunge()
        self.append("away", text_message("new"))
        self.do("goOnline")
        # Thunderbird may add $MDNSent to what it makes up for.
        self.wait(lambda: "\\Flagged" in self.there("away").get("starred", ()), "the star is there")
        self.wait(lambda: set(self.there("target")) == {"moved"}, "the message has moved")
        self.wait(lambda: set(self.there("away")) == {"starred", "marked", "new"}, "three are left")
        self.sees("away", lambda listed: set(listed) == {"starred", "marked", "new"} and
                  listed["starred"]["flagged"] and listed["marked"]["read"] and
                  listed["marked"]["keywords"] == ["elsewhere"])

    def test_only_what_changed_is_asked_for_where_condstore_is_wanted(self):
        self.do("useCondstore", True)
        self.addCleanup(self.do, "useCondstore", False)
        self.fresh("changes", "one", "two")
        # From the first time on it knows how far it has come.
        for keyword in ("early", "late"):
            self.do("goOffline")
            self.addCleanup(self.do, "goOnline")
            self.mark("changes", "2", "+FLAGS", keyword)
            self.do("goOnline")
            self.sees("changes", lambda listed, keyword=keyword: keyword in listed["two"]["keywords"])
        self.assertTrue(any(mailbox == "changes" and
                            re.search(r"^UID fetch 1:\* .*CHANGEDSINCE [1-9]", command)
                            for mailbox, command in self.thunderbird.sent()))

    def test_a_server_that_starts_again_is_found_again(self):
        self.fresh("again", "before")
        self.server.stop()
        self.server.start()
        self.client = connect(self.server)
        self.addCleanup(self.client.shutdown)
        self.append("again", text_message("after"))
        self.sees("again", lambda listed: set(listed) == {"before", "after"})

    # ---- POP3 ----

    def test_mail_is_taken_away_by_pop3(self):
        self.server.send(text_message("taken"), "bob@example.test")
        self.server.fetch_when("bob", 1)
        self.do("fetchByPop")
        self.assertIn("taken", self.do("list", "Inbox", "pop3"))
        self.assertEqual(self.server.fetch("bob"), [])
