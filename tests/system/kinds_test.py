"""Users who want one kind of a text that came in several: what IMAP shows them (imap-body, imap-sizes),
and that what a UID names never changes (RFC 9051 2.3.1.1)."""

import email.message
import email.policy
import re
import sys
import unittest

from cases import ServerTest
from harness import ROOT, wait_until
from imap_test import memory_peak
from mime_test import leaves

sys.path.append(str(ROOT / "tests/model"))
from wire import Connection, fetched, tokens  # noqa: E402

USERS = ("alice", "bob", "carol", "dave", "erin", "frank")
PLAIN, HTML = b"plain words", b"marked words"


def as_bytes(message):
    return message.as_bytes(policy=email.policy.SMTP)


def alternatives(subject, related=False):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@far.test", "b@far.test", subject
    message["Date"] = "Mon, 23 Nov 2026 20:00:00 +0000"
    message.set_content(PLAIN.decode() + " \u00e4\u00f6\n", cte="quoted-printable")
    message.add_alternative(f"<p>{HTML.decode()}</p>\n" + "<p>more</p>\n" * 9, subtype="html",
                            cte="base64" if related else "7bit")
    if related:
        message.get_payload()[1].add_related(b"picture", maintype="image", subtype="png",
                                             cid="<p@far.test>")
    return message


def mixed():
    message = alternatives("mixed", related=True)
    message.add_attachment(b"attached", maintype="application", subtype="x-any", filename="x")
    return as_bytes(message)


def signed():
    inner = as_bytes(alternatives("signed"))
    return (b"Subject: signed\r\nContent-Type: multipart/signed; boundary=s; micalg=sha-256;\r\n"
            b" protocol=\"application/pgp-signature\"\r\n\r\n--s\r\n" + inner +
            b"\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nabc\r\n--s--\r\n")


def forwarded():
    return (b"Subject: forwarded\r\nContent-Type: message/rfc822\r\n\r\n" +
            as_bytes(alternatives("inside")))


MESSAGES = {"alone": b"Subject: alone\r\n\r\n" + PLAIN + b" alone\r\n",
            "root": as_bytes(alternatives("root")), "mixed": mixed(), "signed": signed(),
            "forwarded": forwarded()}
WHOLE = ("alone", "signed", "forwarded")


class Session:
    """A client that is logged in."""

    def __init__(self, test, user):
        server = test.server
        self.test = test
        self.connection = Connection(server.ports["imaps"], user, [])
        test.addCleanup(self.connection.close)
        self.connection.response()
        self.ask(f"LOGIN {server.address(user)} {server.passwords[user]}")

    def ask(self, command, condition="OK"):
        answer = self.connection.answer(self.connection.command(command))
        self.test.assertEqual(answer.condition, condition, answer.text)
        return answer

    def select(self, name="INBOX", rest=""):
        """Its UIDVALIDITY."""
        return int(self.ask(f"SELECT {name}{rest}").code_words("UIDVALIDITY")[0])

    def fetch(self, number, *items):
        found = {}
        for raw in self.ask(f"FETCH {number} ({' '.join(items)})").untagged:
            found.update((fetched(raw) or (0, {}))[1])
        return found

    def status(self, items, name="INBOX"):
        raw = next(raw for raw in self.ask(f"STATUS {name} ({items})").untagged if b"STATUS" in raw)
        words = tokens(raw)[3]
        return dict(zip(words[::2], map(int, words[1::2])))

    def found(self, keys):
        words = self.ask(f"SEARCH {keys}").untagged[0].split()[2:]
        return [int(word) for word in words]

    def texts(self):
        """All messages in the order of their numbers."""
        count = self.status("MESSAGES")[b"MESSAGES"]
        return [self.fetch(number + 1, "BODY.PEEK[]")[b"BODY[]"] for number in range(count)]


class OneKind(ServerTest):
    settings = {"users": USERS, "server_lines": ["limit errors 1000"]}

    def setUp(self):
        self.addCleanup(self.set_lines)
        for user in USERS:
            self.addCleanup(self.empty_mailbox, user)
            for name in ("imap-body", "imap-sizes"):
                self.addCleanup(self.choose, user, name, "default")

    def set_lines(self, *lines):
        self.server.lines[:] = lines
        self.server.write_config()
        self.server.cli("reload")

    def choose(self, user, name, value):
        self.server.cli("user", "set", self.server.address(user), name, value)

    def deliver(self, *users, names=tuple(MESSAGES)):
        """The same messages, kept once for all of them."""
        for name in names:
            self.server.send(MESSAGES[name], [self.server.address(user) for user in users])

    def types(self, message):
        read = email.message_from_bytes(message, policy=email.policy.default)
        return [part.get_content_type() for part in read.walk()]

    def expect_whole(self, texts):
        for text, message in zip(texts, MESSAGES.values(), strict=True):
            self.assertTrue(text.endswith(message[message.index(b"\r\n\r\n"):]), text)

    # shows: I03
    def test_each_sees_the_kind_he_wants_of_messages_that_are_kept_once(self):
        self.choose("alice", "imap-body", "plain")
        self.choose("bob", "imap-body", "html")
        self.deliver("alice", "bob", "carol")
        texts = {}
        for user in ("alice", "bob", "carol"):
            session = Session(self, user)
            session.select()
            texts[user] = dict(zip(MESSAGES, session.texts(), strict=True))
        self.expect_whole(texts["carol"].values())
        for name in WHOLE:
            self.assertEqual(texts["alice"][name], texts["carol"][name])
            self.assertEqual(texts["bob"][name], texts["carol"][name])
        self.assertEqual(self.types(texts["alice"]["root"]), ["text/plain"])
        self.assertEqual(self.types(texts["bob"]["root"]), ["text/html"])
        self.assertEqual(self.types(texts["alice"]["mixed"]),
                         ["multipart/mixed", "text/plain", "application/x-any"])
        self.assertEqual(self.types(texts["bob"]["mixed"]),
                         ["multipart/mixed", "multipart/related", "text/html", "image/png",
                          "application/x-any"])
        self.assertIn(PLAIN, texts["alice"]["root"])
        self.assertNotIn(HTML, texts["alice"]["root"])
        self.assertIn(HTML, texts["bob"]["root"])
        self.assertNotIn(PLAIN, texts["bob"]["root"])

    def expect_one_message(self, session, number):
        """Whatever is asked about it tells of the same bytes; twice, as it is kept then."""
        shown = session.fetch(number, "BODY.PEEK[]")[b"BODY[]"]
        read = email.message_from_bytes(shown, policy=email.policy.default)
        for _ in range(2):
            items = session.fetch(number, "ENVELOPE", "RFC822.SIZE", "BODYSTRUCTURE", "PREVIEW",
                                  "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BINARY.SIZE[]",
                                  "BODY.PEEK[HEADER.FIELDS (Content-Type)]", "BODY.PEEK[]<5.40>")
            self.assertEqual(int(items[b"RFC822.SIZE"]), len(shown))
            self.assertEqual(int(items[b"BINARY.SIZE[]"]), len(shown))
            self.assertEqual(items[b"BODY[HEADER]"] + items[b"BODY[TEXT]"], shown)
            self.assertEqual(items[b"BODY[]<5>"], shown[5:45])
            self.assertEqual(items[b"ENVELOPE"][1].decode(), read["Subject"])
            fields = items[b"BODY[HEADER.FIELDS (CONTENT-TYPE)]"].strip()
            self.assertEqual(b"content-type" in shown[:shown.index(b"\r\n\r\n")].lower(),
                             bool(fields))
            self.assertIn(fields, shown)
            parts = list(leaves(items[b"BODYSTRUCTURE"]))
            self.assertEqual(len(parts), sum(not kind.startswith("multipart/")
                                             for kind in self.types(shown)))
            at = 0
            for path, structure in parts:
                at = self.expect_part(session, number, path, structure, shown, at)
        return shown, items

    def expect_part(self, session, number, path, structure, shown, at):
        name = ".".join(map(str, path))
        items = session.fetch(number, f"BODY.PEEK[{name}]", f"BODY.PEEK[{name}.MIME]",
                              f"BINARY.PEEK[{name}]", f"BINARY.SIZE[{name}]")
        body, mime = (items[f"BODY[{name}{end}]".encode()] for end in ("", ".MIME"))
        self.assertEqual(int(structure[6]), len(body))
        place = shown.find(mime + body, at)
        self.assertGreaterEqual(place, 0, (name, mime, body))
        decoded = items[f"BINARY[{name}]".encode()]
        self.assertEqual(int(items[f"BINARY.SIZE[{name}]".encode()]), len(decoded))
        if structure[5].lower() == b"base64":
            self.assertNotEqual(decoded, body)
        return place

    def test_sizes_structure_and_sections_are_of_the_message_that_is_shown(self):
        self.choose("alice", "imap-body", "plain")
        self.choose("bob", "imap-body", "html")
        self.deliver("alice", "bob")
        for user, wanted, missing in (("alice", PLAIN, HTML), ("bob", HTML, PLAIN)):
            session = Session(self, user)
            session.select()
            shown = []
            for number, name in enumerate(MESSAGES, 1):
                with self.subTest(f"{user}, {name}"):
                    text, items = self.expect_one_message(session, number)
                    shown.append(text)
                    if name not in WHOLE:
                        self.assertIn(wanted, items[b"PREVIEW"])
                        self.assertNotIn(missing, items[b"PREVIEW"])
            sizes = [len(text) for text in shown]
            # RFC 8438 2: never less than the sum.
            self.assertGreaterEqual(session.status("SIZE")[b"SIZE"], sum(sizes))
            for size in sizes:
                self.assertEqual(session.found(f"LARGER {size - 1} SMALLER {size + 1}"),
                                 [i + 1 for i, other in enumerate(sizes) if other == size])
            order = session.ask("SORT (SIZE) us-ascii ALL").untagged[0].split()[2:]
            self.assertEqual([sizes[int(number) - 1] for number in order], sorted(sizes))

    def test_a_search_looks_through_all_that_is_kept_with_the_index_and_without(self):
        for index in ("on", "off"):
            with self.subTest(f"index {index}"):
                self.choose("alice", "search-index", index)
                self.choose("alice", "imap-body", "plain")
                self.deliver("alice")
                wait_until(lambda: index == "off" or
                           "waiting: 0" in self.server.cli("search", "status"), "all is indexed")
                session = Session(self, "alice")
                session.select()
                session.fetch("2:3", "BODYSTRUCTURE", "PREVIEW")
                self.assertEqual(session.found('BODY "marked words"'), [2, 3, 4, 5])
                self.assertEqual(session.found('BODY "plain words"'), [1, 2, 3, 4, 5])
                self.assertEqual(session.found("HEADER Content-Type alternative"), [2])
                self.assertEqual(session.found('TEXT "image/png"'), [3])
                self.assertEqual(session.found("SUBJECT root SMALLER 100000"), [2])
                self.empty_mailbox("alice")
        self.choose("alice", "search-index", "default")

    # shows: I06
    def test_fast_sizes_are_of_what_is_kept_and_literals_of_what_is_given(self):
        self.deliver("dave", "carol")
        whole = Session(self, "carol")
        whole.select()
        kept = [len(text) for text in whole.texts()]
        self.choose("dave", "imap-body", "html")
        exact = Session(self, "dave")
        validity = exact.select()
        self.choose("dave", "imap-sizes", "fast")
        fast = Session(self, "dave")
        self.assertGreater(fast.select(), validity)
        texts = fast.texts()
        self.assertEqual(texts, exact.texts())
        for number, size in enumerate(kept, 1):
            self.assertEqual(int(fast.fetch(number, "RFC822.SIZE")[b"RFC822.SIZE"]), size)
            self.assertEqual(int(exact.fetch(number, "RFC822.SIZE")[b"RFC822.SIZE"]),
                             len(texts[number - 1]))
        self.assertEqual(fast.found(f"LARGER {max(kept) - 1}"), [kept.index(max(kept)) + 1])
        self.assertEqual(fast.status("SIZE")[b"SIZE"], sum(kept))
        # Where nothing is left out there is nothing to choose.
        self.choose("dave", "imap-body", "both")
        both = Session(self, "dave").select()
        self.choose("dave", "imap-sizes", "exact")
        self.assertEqual(Session(self, "dave").select(), both)

    def test_another_choice_is_another_uidvalidity_and_open_sessions_keep_theirs(self):
        self.deliver("erin", names=("root",))
        old = Session(self, "erin")
        first = old.select()
        old_id = old.fetch(1, "EMAILID")[b"EMAILID"]
        whole = old.texts()
        self.assertEqual(Session(self, "erin").select(), first)
        self.choose("erin", "imap-body", "plain")
        self.assertEqual(old.select(), first)
        self.assertEqual(old.texts(), whole)
        plain = Session(self, "erin")
        second = plain.select()
        self.assertGreater(second, first)
        plain_id = plain.fetch(1, "EMAILID")[b"EMAILID"]
        self.assertNotEqual(plain_id, old_id)
        self.assertEqual(plain.found("EMAILID " + plain_id[0].decode()), [1])
        self.assertEqual(plain.found("EMAILID " + old_id[0].decode()), [])
        self.assertEqual(Session(self, "erin").select(), second)
        self.assertEqual((old.select(), old.texts()), (first, whole))
        self.choose("erin", "imap-body", "default")
        again = Session(self, "erin")
        self.assertGreater(again.select(), second)
        self.assertEqual(again.texts(), whole)
        self.assertEqual(plain.select(), second)
        self.server.stop()
        self.server.cli("store", "rebuild")
        self.server.start()
        third = Session(self, "erin")
        self.assertGreater(third.select(), second)
        self.assertEqual(third.fetch(1, "EMAILID")[b"EMAILID"], old_id)

    def test_uidvalidity_is_the_same_wherever_it_is_told_and_asked_for(self):
        self.choose("erin", "imap-body", "plain")
        session = Session(self, "erin")
        session.ask("ENABLE QRESYNC")
        session.ask("CREATE Two")
        self.addCleanup(lambda: Session(self, "erin").ask("DELETE Two"))
        two = session.select("Two")
        self.assertEqual(session.status("UIDVALIDITY", "Two")[b"UIDVALIDITY"], two)
        listed = session.ask('LIST "" Two RETURN (STATUS (UIDVALIDITY))').untagged
        self.assertTrue(any(b"UIDVALIDITY %d)" % two in raw for raw in listed), listed)
        message = MESSAGES["root"]
        answer = session.ask(b"APPEND Two {%d+}\r\n%s" % (len(message), message))
        self.assertEqual(answer.code_words("APPENDUID"), [str(two), "1"])
        self.assertEqual(session.ask("UID COPY 1 Two").code_words("COPYUID"), [str(two), "1", "2"])
        self.assertEqual(session.ask("UID MOVE 2 Two").code_words("COPYUID"), [str(two), "2", "3"])
        answer = session.ask(b"UID REPLACE 3 Two {%d+}\r\n%s" % (len(message), message))
        self.assertEqual(answer.code_words("APPENDUID"), [str(two), "4"])
        answer = session.ask('ESEARCH IN (mailboxes Two) RETURN (COUNT) ALL').untagged
        self.assertIn(b'MAILBOX Two UIDVALIDITY %d)' % two, answer[0].replace(b'"', b""))
        # A copy is of the whole, a part that is quoted is of what is shown.
        shown = session.fetch(1, "BODY.PEEK[TEXT]")[b"BODY[TEXT]"]
        for validity, condition in ((two, "OK"), (two - 1, "NO")):
            url = f"/Two;UIDVALIDITY={validity}/;UID=1/;SECTION=TEXT"
            session.ask(f'APPEND Two CATENATE (URL "{url}")', condition)
        self.assertEqual(session.fetch(3, "BODY.PEEK[]")[b"BODY[]"], shown)
        # RFC 7162 3.2.5: with this one only what is new is told, with another all is new.
        state = session.ask("STATUS Two (HIGHESTMODSEQ)").untagged[0]
        modseq = int(re.search(rb"HIGHESTMODSEQ (\d+)", state)[1])
        session.ask("UNSELECT")
        for validity, told in ((two, 1), (two - 1, 0), (two + 1, 0)):
            answer = session.ask(f"SELECT Two (QRESYNC ({validity} {modseq - 1}))").untagged
            self.assertEqual(sum(b" FETCH " in raw for raw in answer), told, validity)
        self.choose("erin", "imap-body", "html")
        later = Session(self, "erin")
        later.ask("ENABLE QRESYNC")
        answer = later.ask(f"SELECT Two (QRESYNC ({two} 1))")
        self.assertGreater(int(answer.code_words("UIDVALIDITY")[0]), two)
        self.assertFalse([raw for raw in answer.untagged if b"FETCH" in raw or b"VANISHED" in raw])

    def test_a_shared_mailbox_is_shown_as_who_looks_wants_it(self):
        frank = Session(self, "frank")
        frank.ask("CREATE Shared")
        self.addCleanup(lambda: Session(self, "frank").ask("DELETE Shared"))
        message = MESSAGES["root"]
        frank.ask(b"APPEND Shared {%d+}\r\n%s" % (len(message), message))
        frank.ask("SETACL Shared alice lr")
        name = f'"Other Users/{self.server.address("frank")}/Shared"'
        whole = Session(self, "alice")
        before = whole.select(name)
        self.assertEqual(whole.fetch(1, "BODY.PEEK[]")[b"BODY[]"], message)
        self.choose("alice", "imap-body", "html")
        html = Session(self, "alice")
        self.assertGreater(html.select(name), before)
        text = html.fetch(1, "BODY.PEEK[]")[b"BODY[]"]
        self.assertEqual(self.types(text), ["text/html"])
        frank.select("Shared")
        self.assertEqual(frank.fetch(1, "BODY.PEEK[]")[b"BODY[]"], message)

    def test_a_url_leads_to_what_its_maker_sees(self):
        self.deliver("frank", names=("mixed",))
        self.choose("frank", "imap-body", "plain")
        frank = Session(self, "frank")
        validity = frank.select()
        shown = frank.texts()[0]
        uid = int(frank.fetch(1, "UID")[b"UID"])
        made = []
        for rest in ("", "/;SECTION=1"):
            rump = (f"imap://frank@example.test/INBOX;UIDVALIDITY={validity}/;UID={uid}{rest}"
                    ";URLAUTH=authuser")
            made.append(frank.ask(f'GENURLAUTH "{rump}" INTERNAL').untagged[0].split()[2].decode())
        wrong = made[0].replace(f"UIDVALIDITY={validity}", f"UIDVALIDITY={validity - 1}")
        frank.ask(f'GENURLAUTH {wrong.split(":internal")[0]}" INTERNAL', "BAD")
        carol = Session(self, "carol")

        def follow(url):
            return tokens(carol.ask(f"URLFETCH {url}").untagged[0])[3]
        self.assertEqual(follow(made[0]), shown)
        self.assertIn(PLAIN, follow(made[1]))
        # He sees other messages now, in another mailbox as it were.
        self.choose("frank", "imap-body", "default")
        Session(self, "frank").select()
        self.assertEqual(follow(made[0]), b"NIL")

    def test_a_large_message_is_whole_and_is_not_held_in_memory(self):
        self.choose("alice", "imap-body", "html")
        session = Session(self, "alice")
        session.ask("CREATE Large")
        self.addCleanup(lambda: Session(self, "alice").ask("DELETE Large"))
        message = MESSAGES["mixed"].replace(PLAIN, (PLAIN + b"\r\n") * (2 << 20), 1)
        before = memory_peak(self.server)
        session.ask(b"APPEND Large {%d+}\r\n%s" % (len(message), message))
        session.select("Large")
        items = session.fetch(1, "RFC822.SIZE", "BODYSTRUCTURE", "PREVIEW", "BODY.PEEK[]")
        self.assertEqual(items[b"BODY[]"], message)
        self.assertEqual(int(items[b"RFC822.SIZE"]), len(message))
        grown = memory_peak(self.server) - before
        if "asan" not in str(self.server.program):
            self.assertLess(grown, len(message) >> 10, "KiB")

    # shows: I02
    def test_the_domain_says_what_holds_for_who_has_not_chosen(self):
        self.deliver("alice", "bob", names=("root",))
        self.choose("bob", "imap-body", "both")
        validities = {}
        for user in ("alice", "bob"):
            validities[user] = Session(self, user).select()
        self.set_lines("domain example.test {", "    imap body plain", "    imap sizes fast", "}")
        alice, bob = Session(self, "alice"), Session(self, "bob")
        self.assertGreater(alice.select(), validities["alice"])
        self.assertEqual(self.types(alice.texts()[0]), ["text/plain"])
        self.assertEqual(bob.select(), validities["bob"])
        self.assertEqual(self.types(bob.texts()[0])[0], "multipart/alternative")
        self.assertEqual(int(alice.fetch(1, "RFC822.SIZE")[b"RFC822.SIZE"]), len(bob.texts()[0]))
        shown = self.server.cli("user", "set", self.server.address("alice"))
        self.assertRegex(shown, r"imap-body\s.*plain")

    def test_a_client_that_keeps_messages_has_the_new_ones_after_a_change(self):
        self.deliver("carol", names=("root", "mixed"))
        cache = {}

        def synchronise():
            """As clients do: what is kept under its UIDVALIDITY and UID is not fetched again."""
            session = Session(self, "carol")
            validity = session.select()
            found, fetches = [], 0
            for number in (1, 2):
                key = (validity, int(session.fetch(number, "UID")[b"UID"]))
                if key not in cache:
                    cache[key] = session.fetch(number, "BODY.PEEK[]")[b"BODY[]"]
                    fetches += 1
                found.append(cache[key])
            return found, fetches
        whole, fetches = synchronise()
        self.assertEqual(fetches, 2)
        self.assertEqual(synchronise(), (whole, 0))
        self.choose("carol", "imap-body", "plain")
        plain, fetches = synchronise()
        self.assertEqual(fetches, 2)
        self.assertFalse(any(HTML in text for text in plain))
        self.assertEqual(synchronise(), (plain, 0))
        self.choose("carol", "imap-body", "both")
        self.assertEqual(synchronise(), (whole, 2))


if __name__ == "__main__":
    unittest.main()
