"""SEARCH against an evaluator of the tests' own that knows nothing of indexes: Python's email
package reads the messages, and each key is what RFC 9051 6.4.4 says of it. Random keys, nested, in
random mail: the same ones each time, others with SEARCH_SEED=n. Once more when all is in the index;
and by users with different default-charset."""

import email
import email.policy
import imaplib
import os
import random
import re
import unicodedata
import unittest
from datetime import datetime, timedelta, timezone

from harness import Mailroot, client_tls, wait_until

MESSAGES, PROGRAMS = 60, 250
WORDS = ["alpha", "alphabet", "Bet", "ALPHABETA", "été", "ÉTÉ", "cafés", "Привет",
         "привет", "мир", "日本語", "x-y", "12345", "o'neil"]
MIME_WORDS = ["Base64", "charset=", "MULTIPART/mixed", "koi8", "message/rfc822", "attachment;"]
FLAGS = [r"\Answered", r"\Deleted", r"\Draft", r"\Flagged", r"\Seen", "$one", "two"]
CHARSETS = {"utf-8": None, "iso-8859-1": "été cafés", "koi8-r": "Привет мир",
            "iso-2022-jp": "日本語"}
READERS = {"alice": "koi8-r", "bob": "windows-1251"}  # as which they read text without a charset
NAMES = ["From", "To", "Cc", "Subject"]
FIRST_DAY = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def folded(text):
    """i;unicode-casemap (RFC 5051), for the scripts of WORDS."""
    return unicodedata.normalize("NFKD", text.upper())


class Mail:
    """A random message, and what the naive evaluator knows of it: BODY looks at texts, TEXT also at
    all fields, those of parts too."""

    def __init__(self, number, dice, guess):
        self.number = number
        self.flags = {flag for flag in FLAGS if dice.random() < 0.4}
        self.came = FIRST_DAY + timedelta(days=dice.randrange(6), hours=dice.randrange(10))
        self.bytes = self.compose(dice)
        self.parsed = email.message_from_bytes(self.bytes, policy=email.policy.default)
        self.texts = [folded(self.text_of(part, guess)) for part in self.parsed.walk()
                      if part.get_content_maintype() == "text"]
        self.texts = [re.sub(r"<[^>]*>", " ", text) for text in self.texts]
        self.fields = [folded(f"{name}: {value}") for part in self.parsed.walk()
                       for name, value in part.items()]

    @staticmethod
    def words(dice, most, charset="utf-8"):
        known = WORDS if CHARSETS[charset] is None else CHARSETS[charset].split() + ["alpha", "x-y"]
        return " ".join(dice.choice(known) for _ in range(dice.randint(1, most)))

    @staticmethod
    def text_of(part, guess):
        if part.get_content_charset() is not None:
            return part.get_content()
        text = part.get_payload(decode=True)
        return text.decode("ascii" if text.isascii() else guess)

    def text_part(self, dice):
        message = email.message.EmailMessage()
        if dice.random() < 0.2:
            message.set_content(self.words(dice, 12, "koi8-r") + "\n", charset="koi8-r", cte="8bit")
            message.del_param("charset")
            return message
        charset = dice.choice(list(CHARSETS))
        words = self.words(dice, 12, charset)
        cte = None if charset == "iso-2022-jp" else dice.choice(["quoted-printable", "base64"])
        if dice.random() < 0.3:
            message.set_content(f"<p>{words}</p>\n", subtype="html", charset=charset, cte=cte)
        else:
            message.set_content(words + "\n", charset=charset, cte=cte)
        return message

    def compose(self, dice):
        message = self.text_part(dice)
        for _ in range(dice.choice([0, 0, 1, 2])):
            kind = dice.randrange(5)
            if kind == 0:
                inner = self.text_part(dice)
                inner["Subject"] = self.words(dice, 2)
                message.add_attachment(inner)
            elif kind in (1, 2):
                message.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream",
                                       filename=self.words(dice, 1) + ".bin")
            else:
                if message.get_content_type() != "multipart/mixed":
                    message.make_mixed()
                message.attach(self.text_part(dice))
        for name in NAMES:
            if dice.random() < 0.8:
                words = self.words(dice, 2)
                address = f' <{dice.choice("abc")}@x.test>'
                message[name] = words if name == "Subject" else f'"{words}"' + address
        if dice.random() < 0.9:
            message["Date"] = self.came - timedelta(days=dice.randrange(3))
        if dice.random() < 0.3:
            message["X-Note"] = self.words(dice, 2)
        return message.as_bytes(policy=email.policy.SMTP)

    def field(self, name):
        return [folded(str(value)) for value in self.parsed.get_all(name, [])]

    def day_sent(self):
        """As written, whatever its zone."""
        return self.parsed["Date"].datetime.date() if "Date" in self.parsed else None


def date_key(dice, words, day_of):
    day = (FIRST_DAY + timedelta(days=dice.randint(-3, 7))).date()
    word, holds = dice.choice(list(zip(words, [day.__gt__, day.__eq__, day.__le__])))
    return (f"{word} {day.day}-{day:%b-%Y}",
            lambda mail: day_of(mail) is not None and holds(day_of(mail)))


def text_key(dice):
    sought = dice.choice([*WORDS, *MIME_WORDS])
    begin = dice.choice([0, 0, 1])
    sought = sought[begin:begin + dice.choice([2, 3, 20])]
    key = folded(sought)
    kind = dice.choice(["field", "HEADER", "BODY", "TEXT"])
    if kind == "BODY":
        return f'BODY "{sought}"', lambda mail: any(key in text for text in mail.texts)
    if kind == "TEXT":
        return (f'TEXT "{sought}"',
                lambda mail: any(key in text for text in [*mail.texts, *mail.fields]))
    name = dice.choice(NAMES if kind == "field" else [*NAMES, "X-Note"])
    word = name.upper() if kind == "field" else f"HEADER {name}"
    return f'{word} "{sought}"', lambda mail: any(key in value for value in mail.field(name))


def flag_key(dice):
    flag, negated = dice.choice(FLAGS), dice.random() < 0.5
    word = f"KEYWORD {flag}" if flag[0] != "\\" else flag[1:].upper()
    return ("UN" if negated else "") + word, lambda mail: (flag in mail.flags) != negated


def other_key(dice):
    kind = dice.randrange(4)
    if kind == 0:
        size = dice.randrange(200, 1200)
        return f"LARGER {size}", lambda mail: len(mail.bytes) > size
    if kind == 1:
        size = dice.randrange(200, 1200)
        return f"SMALLER {size}", lambda mail: len(mail.bytes) < size
    first, last = sorted(dice.choices(range(1, MESSAGES + 1), k=2))
    word = "" if kind == 2 else "UID "
    return f"{word}{last}:{first}", lambda mail: first <= mail.number <= last


def program(dice, depth):
    """(the key as written, what it holds of)"""
    kind = dice.randrange(8 if depth else 5)
    if kind == 5:
        key, holds = program(dice, depth - 1)
        return f"NOT {key}", lambda mail: not holds(mail)
    if kind in (6, 7):
        (one, left), (two, right) = program(dice, depth - 1), program(dice, depth - 1)
        if kind == 6:
            return f"OR {one} {two}", lambda mail: left(mail) or right(mail)
        return f"({one} {two})", lambda mail: left(mail) and right(mail)
    if kind in (0, 1):
        return text_key(dice)
    if kind == 2:
        return flag_key(dice)
    if kind == 3:
        return other_key(dice)
    if dice.random() < 0.5:
        return date_key(dice, ["BEFORE", "ON", "SINCE"], lambda mail: mail.came.date())
    return date_key(dice, ["SENTBEFORE", "SENTON", "SENTSINCE"], Mail.day_sent)


class Search(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Mailroot(users=READERS)
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()

    def open(self, mails, user):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.ports["imaps"],
                                   ssl_context=client_tls())
        client.login(self.server.address(user), self.server.passwords[user])
        for mail in mails:
            answer = client.append("INBOX", " ".join(sorted(mail.flags)),
                                   imaplib.Time2Internaldate(mail.came), mail.bytes)
            self.assertEqual(answer[0], "OK", answer)
        client.capabilities += ("ENABLE",)
        client.enable("UTF8=ACCEPT")
        client.select("INBOX")
        return client

    def search_all(self, client, mails, programs):
        for key, holds in programs:
            status, found = client.search(None, key)
            self.assertEqual(status, "OK", (key, found))
            self.assertEqual([int(number) for number in found[0].split()],
                             [mail.number for mail in mails if holds(mail)], key)

    def search_as(self, user, seed):
        dice = random.Random(seed)
        random.seed(seed)  # boundaries are not thrown with our dice
        address = self.server.address(user)
        mails = [Mail(number, dice, READERS[user]) for number in range(1, MESSAGES + 1)]
        programs = [program(dice, 3) for _ in range(PROGRAMS)]
        self.server.cli("user", "set", address, "default-charset", READERS[user])
        self.server.cli("user", "set", address, "search-index", "off")
        with self.open(mails, user) as client:
            self.search_all(client, mails, programs)
            self.server.cli("user", "set", address, "search-index", "default")
            wait_until(lambda: "waiting: 0" in self.server.cli("search", "status", address),
                       "all is indexed")
            self.search_all(client, mails, programs)

    def test_random_keys_find_what_a_naive_evaluator_finds(self):
        seed = int(os.environ.get("SEARCH_SEED", "1"))
        for user in READERS:
            with self.subTest(user=user, seed=seed):
                self.search_as(user, seed)


if __name__ == "__main__":
    unittest.main()
