"""MIME torture: whatever a message looks like, what BODYSTRUCTURE says is what BODY[n] gives."""

import email
import email.policy
import random
import sys
import unittest

from cases import ServerTest
from harness import ROOT

sys.path.append(str(ROOT / "tests/model"))
from wire import Connection, fetched  # noqa: E402

PARTS_LOOKED_AT = 60
CRLF = b"\r\n"


def header(**fields):
    return b"".join(b"%s: %s\r\n" % (name.replace("_", "-").encode(), value)
                    for name, value in fields.items()) + CRLF


def multipart(boundary, *parts, preamble=b"", end=True):
    """parts with their headers."""
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts)
    return (header(Content_Type=b'multipart/mixed; boundary="%s"' % boundary) + preamble + body +
            (b"--%s--\r\n" % boundary if end else b""))


def text(words=b"text", **fields):
    return header(Content_Type=b"text/plain; charset=utf-8", **fields) + words


def nested(depth, inner):
    for level in range(depth):
        inner = multipart(b"b%d" % level, inner)
    return inner


def attached(message):
    return header(Content_Type=b"message/rfc822") + message


ONE = text(b"one\r\ntwo")
PAGE = header(Content_Type=b"text/html") + b"<p>page</p>"
CASES = {
    "plain": b"Subject: s\r\n\r\nbody\r\n",
    "empty": b"",
    "only an empty line": CRLF,
    "no header at all": b"\r\nbody",
    "no body": b"Subject: s\r\n",
    "header without end of line": b"Subject: s",
    "bare LF everywhere": multipart(b"b", ONE, ONE).replace(CRLF, b"\n"),
    "bare CR everywhere": multipart(b"b", ONE, ONE).replace(CRLF, b"\r"),
    "mixed line ends": multipart(b"b", ONE, ONE).replace(CRLF, b"\n", 5),
    "NUL bytes": multipart(b"b", text(b"a\0b"), text(b"\0")).replace(b"charset", b"char\0set"),
    "8-bit header": header(Subject=bytes(range(128, 256)), From=b"\xff <a@b>") + b"x",
    "two parts": multipart(b"b", ONE, text(b"three")),
    "no end": multipart(b"b", ONE, text(b"three"), end=False),
    "no parts": multipart(b"b"),
    "no parts and no end": multipart(b"b", end=False),
    "only a preamble": multipart(b"b", preamble=b"pre\r\n", end=False),
    "no boundary": header(Content_Type=b"multipart/mixed") + b"--\r\n\r\nx\r\n",
    "empty boundary": header(Content_Type=b'multipart/mixed; boundary=""') + b"--\r\n\r\nx\r\n--\r\n",
    "boundary with spaces": multipart(b"a b", ONE).replace(b"--a b\r\n", b"--a b \t\r\n"),
    "boundary is a prefix of the inner one": multipart(b"b", multipart(b"bb", ONE, ONE), ONE),
    "inner boundary is a prefix": multipart(b"bb", multipart(b"b", ONE, ONE), ONE),
    "same boundary inside": multipart(b"b", multipart(b"b", ONE), ONE),
    "inner one has no end": multipart(b"b", multipart(b"c", ONE, end=False), ONE),
    "boundary in a line": multipart(b"b", text(b"x --b\r\n--bogus\r\n --b\r\n--b x\r\n-b")),
    "headerless parts": header(Content_Type=b"multipart/mixed; boundary=b") +
    b"--b\r\n\r\nx\r\n--b\r\n\r\n--b\r\n--b--\r\n",
    "part that is only a header": multipart(b"b", b"Content-Type: text/html\r\n", ONE),
    "digest": multipart(b"b", CRLF + ONE).replace(b"/mixed", b"/digest"),
    "attached message": multipart(b"b", attached(multipart(b"c", ONE, ONE)), ONE),
    "attached message within one": attached(attached(attached(ONE))),
    "attached message without anything": attached(b""),
    "attached message in base64": header(
        Content_Type=b"message/rfc822", Content_Transfer_Encoding=b"base64") + b"U3ViamVjdDo=\r\n",
    "attached in base64 among others": multipart(b"b", header(
        Content_Type=b"message/rfc822", Content_Transfer_Encoding=b"base64") + b"LS1iDQo=", ONE),
    "attached message cut off by the boundary": multipart(b"b", attached(b"Subject: cut"), ONE),
    "wrong charsets": multipart(b"b", *(text(b"\xff\xfe\x80" * 9).replace(b"utf-8", name) for name
                                        in (b"no-such", b"", b'"', b"utf-7", b"\xff", b"a" * 999))),
    "types that are none": multipart(b"b", *(header(Content_Type=kind) + b"x" for kind in (
        b"", b"text", b"text/", b"/plain", b";", b"a/b/c", b'"text/plain"', b"multipart/", b"(c)"))),
    "parameters that are none": multipart(b"b", *(
        header(Content_Type=b"text/plain; " + part) + b"x" for part in (
            b"=", b"a", b"a=", b'a="', b"a*0*=x''%z; a*1=y", b"a=b;;;c=d", b";" * 500,
            b'a="\\', b"name*=\xff''\xff"))),
    "comments without end": header(Content_Type=b"text/plain" + b"(" * 999, From=b"(" * 999,
                                   To=b"<" * 999, Date=b"(" * 99) + b"x",
    "folded to nothing": b"Content-Type:\r\n \r\n \r\n multipart/mixed;\r\n\tboundary=b\r\n\r\n"
    b"--b\r\n\r\nx\r\n--b--\r\n",
    "two content types": b"Content-Type: text/html\r\nContent-Type: multipart/mixed; boundary=b"
    b"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    "deep": nested(150, ONE),
    "a long line": b"Subject: " + b"s" * 100_000 + b"\r\n\r\n" + b"x" * 300_000,
    "a header line of 10 MB": b"X-Long: " + b"y" * 10_000_000 + b"\r\nSubject: behind\r\n\r\nbody",
    "100,000 header fields": b"X: y\r\n" * 100_000 + b"Subject: behind\r\n\r\nbody",
    "100,000 parts": header(Content_Type=b"multipart/mixed; boundary=b") +
    b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--\r\n",
    "many addresses": header(To=b", ".join(b"a%d@b" % n for n in range(20_000))) + b"x",
}

# What a user who wants plain text alone is shown of these is less.
ALTERNATIVES = {
    name: message.replace(b"/mixed", b"/alternative") for name, message in CASES.items()
    if b"/mixed" in message} | {
    "two kinds": multipart(b"b", text(b"plain"), PAGE).replace(b"/mixed", b"/alternative"),
    "the other kind first": multipart(b"b", PAGE, text(b"plain")).replace(
        b"/mixed", b"/alternative"),
    "two kinds among others": multipart(b"b", ONE, multipart(b"c", text(b"plain"), PAGE).replace(
        b"/mixed", b"/alternative"), ONE),
    "two kinds and no end": multipart(b"b", multipart(b"c", text(b"plain"), PAGE, end=False).replace(
        b"/mixed", b"/alternative")),
    "two kinds in an attached message": multipart(b"b", attached(
        multipart(b"c", text(b"plain"), PAGE).replace(b"/mixed", b"/alternative")), ONE),
    "one kind within another": multipart(b"b", multipart(b"c", PAGE, text(b"plain")), PAGE).replace(
        b"/mixed", b"/alternative"),
    "100 of them": multipart(b"b", *(multipart(b"c%d" % n, text(b"%d" % n), PAGE).replace(
        b"/mixed", b"/alternative") for n in range(100))),
}

FRAGMENTS = [b"--b", b"--b--", b"--bb", b"--", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b"x", b" ",
             b"\t", b"\xff", b"Content-Type: ", b"multipart/mixed; boundary=b",
             b"multipart/mixed; boundary=bb", b"multipart/digest; boundary=\"b\"", b"text/plain",
             b"multipart/alternative; boundary=b", b"Content-Type: text/html\r\n\r\n",
             b"message/rfc822", b"Content-Transfer-Encoding: base64", b"Subject: s", b"(", b"\"",
             b";", b"=", b"QQ==", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"]


def random_message(source):
    """Of fragments that matter to a parser of MIME."""
    start = source.choice([b"", header(Content_Type=b"multipart/mixed; boundary=b"),
                           header(Content_Type=b"message/rfc822")])
    return start + b"".join(source.choice(FRAGMENTS) for _ in range(source.randint(1, 60)))


def leaves(structure, number=()):
    """(part number, what BODYSTRUCTURE says) of all that have octets, attached messages too."""
    if isinstance(structure[0], list):
        for i, child in enumerate(structure):
            if not isinstance(child, list):
                break
            yield from leaves(child, (*number, i + 1))
        return
    number = number or (1,)
    yield number, structure
    if is_message(structure):
        inner = structure[8]
        yield from leaves(inner, number if isinstance(inner[0], list) else (*number, 1))


def is_message(structure):
    return (structure[0].lower(), structure[1].lower()) == (b"message", b"rfc822") and \
        len(structure) > 8 and isinstance(structure[8], list)


class MimeTorture(ServerTest):
    settings = {"server_lines": ["limit errors 1000"]}

    def setUp(self):
        self.connection = Connection(self.server.ports["imaps"], "client", [])
        self.addCleanup(self.connection.close)
        self.connection.response()
        self.ok(f"LOGIN alice@example.test {self.server.passwords['alice']}")

    def ok(self, command):
        answer = self.connection.answer(self.connection.command(command))
        self.assertEqual(answer.condition, "OK", answer.text)
        return answer

    def fetch(self, *items):
        answer = self.ok("FETCH 1 (" + " ".join(items) + ")")
        found = {}
        for raw in answer.untagged:
            found.update((fetched(raw) or (0, {}))[1])
        return found

    def put(self, message):
        """It is message 1 of the selected mailbox."""
        self.connection.answer(self.connection.command("DELETE torture"))
        self.ok("CREATE torture")
        self.ok(b"APPEND torture {%d+}\r\n" % len(message) + message)
        self.ok("SELECT torture")

    def check(self, message):
        self.put(message)
        items = self.fetch("BODYSTRUCTURE", "ENVELOPE", "RFC822.SIZE", "BODY.PEEK[]",
                           "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]")
        message = self.shown(message, items[b"BODY[]"])
        self.assertEqual(int(items[b"RFC822.SIZE"]), len(message))
        self.assertEqual(items[b"BODY[HEADER]"] + items[b"BODY[TEXT]"], message)
        self.assertEqual(len(items[b"ENVELOPE"]), 10)
        found = list(leaves(items[b"BODYSTRUCTURE"]))
        at = 0
        step = max(1, len(found) // PARTS_LOOKED_AT)
        for number, structure in found[::step]:
            at = self.check_part(message, ".".join(map(str, number)), structure, at)
        return found

    def shown(self, message, fetched_message):
        """What is shown of a message is all of it."""
        self.assertEqual(fetched_message, message)
        return message

    def check_part(self, message, number, structure, at):
        """Its bytes stand in the message where they must; returns where."""
        items = self.fetch(f"BODY.PEEK[{number}]", f"BODY.PEEK[{number}.MIME]")
        body, mime = (items[f"BODY[{number}{end}]".encode()] for end in ("", ".MIME"))
        if body == b"NIL" and int(structure[6]) == 0:  # made up for a multipart without parts
            return at
        self.assertEqual(int(structure[6]), len(body), f"octets of {number}")
        if structure[0].lower() == b"text":
            self.assertIn(int(structure[7]), self.lines(body), f"lines of {number}")
        place = message.find(mime + body, at)
        self.assertGreaterEqual(place, 0, f"{number} is not where it must be: {mime!r} {body!r}")
        if is_message(structure):
            self.assertIn(int(structure[9]), self.lines(body), f"lines of {number}")
            inner = self.fetch(f"BODY.PEEK[{number}.HEADER]", f"BODY.PEEK[{number}.TEXT]")
            self.assertEqual(b"".join(inner[f"BODY[{number}.{end}]".encode()]
                                      for end in ("HEADER", "TEXT")), body)
        return place

    @staticmethod
    def lines(body):
        """A last line without an end may count or not."""
        count = body.count(b"\n")
        return (count, count + 1) if body and not body.endswith(b"\n") else (count,)

    def test_structure_and_sections_agree_whatever_the_message(self):
        for name, message in CASES.items():
            with self.subTest(name):
                self.check(message)

    def test_structure_and_sections_agree_for_random_messages(self):
        source = random.Random(2026)
        for number in range(150):
            message = random_message(source)
            with self.subTest(number, message=message):
                self.check(message)

    def test_parts_are_those_that_another_parser_finds(self):
        """Where rules leave nothing open: what we find is what Python's email package finds."""
        for name in ("two parts", "boundary is a prefix of the inner one", "attached message",
                     "inner boundary is a prefix", "boundary with spaces", "headerless parts",
                     "attached message within one", "deep enough"):
            message = nested(20, ONE) if name == "deep enough" else CASES[name]
            with self.subTest(name):
                found = [(number, s) for number, s in self.check(message) if not is_message(s)]
                theirs = [part for part in email.message_from_bytes(
                    message, policy=email.policy.SMTP.clone(utf8=True)).walk()
                          if not part.is_multipart()]
                self.assertEqual(len(found), len(theirs))
                for (number, structure), part in zip(found, theirs):
                    kind = b"/".join(structure[:2]).decode().lower()
                    self.assertEqual(kind, part.get_content_type())
                    name = ".".join(map(str, number))
                    ours = self.fetch(f"BODY.PEEK[{name}]")[f"BODY[{name}]".encode()]
                    self.assertEqual(ours, part.get_payload(decode=True).replace(
                        b"\r\n", b"\n").replace(b"\n", b"\r\n"))


class OneKindTorture(MimeTorture):
    """The same for who is shown less than there is: that hangs together as a message does."""

    def setUp(self):
        self.server.cli("user", "set", "alice@example.test", "imap-body", "plain")
        super().setUp()

    def shown(self, message, fetched_message):
        if b"alternative" not in message.lower():
            self.assertEqual(fetched_message, message)
        self.assertLessEqual(len(fetched_message), len(message))
        return fetched_message

    def test_structure_and_sections_agree_where_something_is_left_out(self):
        for name, message in ALTERNATIVES.items():
            with self.subTest(name):
                self.check(message)
                shown = self.fetch("BODY.PEEK[]")[b"BODY[]"]
                if "kind" in name and "attached" not in name:
                    self.assertNotIn(b"page" if "within" not in name else b"two", shown)
                    self.assertIn(b"plain", shown)


if __name__ == "__main__":
    unittest.main()
