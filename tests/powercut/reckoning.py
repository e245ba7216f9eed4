"""What a server finds after a power cut, held against what had been promised before it."""

import imaplib
import json
import re
import time

from harness import client_tls, wait_until
from ledger import ABSENT, SINK, Stands, message_of
from load import USERS

TOKEN = re.compile(rb"(?m)^Subject: token ([0-9a-f]+) (\d+)\r$")
FETCHED = re.compile(rb"UID (\d+)\b.*FLAGS \(([^)]*)\)|FLAGS \(([^)]*)\).*UID (\d+)")
QUEUE_SECONDS = 60


class Reckoning:
    """`wrong` is a list of sentences, empty when all is well. The server is running."""

    def __init__(self, server, sink, ledger, place):
        self.server, self.sink, self.ledger, self.place = server, sink, ledger, place
        self.wrong = []
        self.seen_twice = 0  # by the next hop

    def run(self):
        self.verify_store()
        self.drain_queue()
        found = {}
        for user in USERS:
            self.read_user(user, found)
        self.read_sink(found)
        self.compare(found)
        self.serves()

    def say(self, sentence):
        self.wrong.append(sentence)

    # ---- what is there ----

    def verify_store(self):
        result = self.server.cli_result("store", "verify")
        if result.returncode != 0:
            self.say(f"damaged: store verify says {result.stdout.strip()} {result.stderr.strip()}")

    def drain_queue(self):
        """What was in the queue is delivered."""
        try:
            wait_until(lambda: not self.server.queue(), "the queue is empty", QUEUE_SECONDS, 0.05)
        except AssertionError:
            self.say(f"stuck: {json.dumps(self.server.queue())[:2000]}")

    def read_user(self, user, found):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.ports["imaps"],
                                   ssl_context=client_tls(), timeout=60)
        client.login(self.server.address(user), self.server.passwords[user])
        for mailbox in ("INBOX", "Drafts"):
            self.read_mailbox(client, user, mailbox, found)
        self.compare_mailboxes(client, user)
        client.logout()

    def read_mailbox(self, client, user, mailbox, found):
        """found: {(token, owner): [Stands]}"""
        status, _ = client.select(mailbox, readonly=True)
        if status != "OK":
            self.say(f"lost: mailbox {mailbox} of {user}")
            return
        validity = int(client.response("UIDVALIDITY")[1][0])
        next_uid = int(client.response("UIDNEXT")[1][0])
        told = self.ledger.highest_uid(user, mailbox, self.place)
        if told and told[0] != validity:
            self.say(f"changed: UIDVALIDITY of {mailbox} of {user}, {told[0]} to {validity}")
        elif told and told[1] >= next_uid:
            self.say(f"used again: UIDNEXT {next_uid} of {mailbox} of {user}, {told[1]} was told")
        _, rows = client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
        for row in rows:
            if not isinstance(row, tuple):
                continue
            uid, flags, flags_too, uid_too = FETCHED.search(row[0]).groups()
            stands = Stands(mailbox, frozenset((flags or flags_too or b"").decode().split())
                            - {"\\Recent"}, f"{validity} {(uid or uid_too).decode()}")
            key = self.key_of(row[1], user)
            found.setdefault(key, []).append(stands)

    def key_of(self, message, owner):
        match = TOKEN.search(message)
        if match is None:
            self.say(f"in part: a message of {owner} without its header: {message[:200]!r}")
            return None
        token, lines = match.group(1).decode(), int(match.group(2))
        if not message.endswith(message_of(token, lines)):
            self.say(f"in part: {token} of {owner}, {len(message)} bytes")
        return token, owner

    def compare_mailboxes(self, client, user):
        _, rows = client.list('""', '"Box*"')
        names = {row.decode().rpartition(' "/" ')[2].strip('"') for row in rows if row}
        for (name, owner), fate in self.ledger.boxes.items():
            if owner != user:
                continue
            possible = fate.possible(self.place)
            if name in names and possible == {ABSENT}:
                self.say(f"back: mailbox {name} of {user}")
            if name not in names and ABSENT not in possible:
                self.say(f"lost: mailbox {name} of {user}")

    def read_sink(self, found):
        """What the next hop had before the cut, and what it got now."""
        now = [self.key_of(message.data, SINK) for message in self.sink.take()]
        for key in now:
            found.setdefault(key, []).append(Stands(SINK, None, None))
        before = {token for token, at in self.ledger.taken.items() if at <= self.place}
        self.seen_twice += sum(key is not None and key[0] in before for key in now)
        for token in before:
            found.setdefault((token, SINK), [Stands(SINK, None, None)])

    # ---- what should be there ----

    def compare(self, found):
        for key in set(found) - set(self.ledger.mail) - {None}:
            self.say(f"from nowhere: {key[0]} of {key[1]}")
        for (token, owner), fate in self.ledger.mail.items():
            places = found.get((token, owner), [])
            possible = fate.possible(self.place)
            if len(places) > 1:
                self.say(f"twice: {token} of {owner}: {places}")
            elif not places and ABSENT not in possible:
                self.say(f"lost: {token} of {owner}, promised as {sorted(map(str, possible))}")
            elif places and not any(self.agrees(places[0], state) for state in possible):
                self.say(f"otherwise: {token} of {owner}: {places[0]}, promised as "
                         f"{sorted(map(str, possible))}")

    @staticmethod
    def agrees(found, promised):
        return (promised is not ABSENT and found.mailbox == promised.mailbox and
                promised.flags in (None, found.flags) and promised.uid in (None, found.uid))

    def serves(self):
        """New mail is taken and delivered."""
        token = f"{int(time.time()):x}"
        try:
            self.server.send(message_of(token, 1), "alice@example.test")
            wait_until(lambda: not self.server.queue(), "new mail is delivered", 20, 0.05)
        except (AssertionError, OSError) as error:  # smtplib's errors are OSErrors
            self.say(f"no service: {error}")
