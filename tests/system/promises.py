"""What a server under load promised and what is found afterwards: what crash_test.py, role_kills.py
and full_disks.py share. Each message carries a token of its own; one that was answered 250 or OK
must be in its mailbox exactly once, or at the next hop at least once."""

import poplib
import re
import threading

from harness import pop_retrieve, text_message, wait_until
from worker import USERS, Worker

KINDS = {"local": ("smtp", USERS), "relay": ("smtp", [None]), "lmtp": ("lmtp", USERS),
         "append": ("imaps", USERS)}
TOKEN = re.compile(rb"(?m)^Subject: token ([0-9a-f]+)\r$")


def tell(verdicts):
    """Each (is_ok, sentence) as a line of TAP; whether all are."""
    for is_ok, sentence in verdicts:
        print(f"{'ok' if is_ok else 'not ok'} - {sentence}", flush=True)
    return all(is_ok for is_ok, _ in verdicts)


class Ledger:
    """What was promised, and what was found."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0
        self.local, self.remote = {}, set()  # acknowledged and not yet verified
        self.acknowledged = 0
        self.verified = set()
        self.refused = []

    def new_token(self):
        with self.lock:
            self.number += 1
            return f"{self.number:08x}"

    def promise(self, token, user):
        """250 was heard; user None: for the sink."""
        with self.lock:
            self.acknowledged += 1
            if user is None:
                self.remote.add(token)
            else:
                self.local[token] = user

    def note_refused(self, *answers):
        """For good is never the answer to mail that was as it should be."""
        with self.lock:
            self.refused += [answer.strip() for answer in answers if answer.startswith("5")]


class Client(Worker):
    """Mail, and messages appended, half of them elsewhere and moved."""

    recipients = [*USERS, None]  # by SMTP; None: at the next hop

    def heard(self, token, user):
        """It was acknowledged."""
        self.ledger.promise(token, user)

    def mail(self, client, service):
        """One message; False when the session is over."""
        user = self.random.choice(self.recipients if service == "smtp" else USERS)
        recipient = f"{user}@example.test" if user else "carol@relay.test"
        token = self.ledger.new_token()
        body = "x" * 70 + "\r\n"
        large = self.random.random() < 0.03  # goes in chunks, not inside the commit
        data = text_message(f"token {token}",
                            body * (10_000 if large else self.random.randint(1, 140)))
        client.send(f"MAIL FROM:<sender@elsewhere.test>\r\nRCPT TO:<{recipient}>\r\n".encode() +
                    b"DATA\r\n")
        replies = [client.reply() for _ in range(3)]
        self.ledger.note_refused(*replies[:2])
        if not replies[2].startswith("354"):
            return client.ask("RSET").startswith("250")
        client.send(data + b".\r\n")
        answer = client.reply()
        self.ledger.note_refused(answer)
        if answer.startswith("250"):
            self.heard(token, user)
        return bool(answer)

    # ---- IMAP: what a user puts into his mailbox is promised by OK as mail is by 250 ----

    def imap_life(self, client, user):
        """False when the session is over."""
        token = self.ledger.new_token()
        lines = 10_000 if self.random.random() < 0.03 else self.random.randint(1, 140)
        data = text_message(f"token {token}", ("x" * 70 + "\r\n") * lines)
        moves = self.random.random() < 0.5
        answer = self.imap(client, b"APPEND %s (\\Flagged $crash) {%d+}\r\n%s" % (
            b"Drafts" if moves else b"INBOX", len(data), data))
        uid = re.search(rb"APPENDUID \d+ (\d+)", answer)
        if moves and uid:
            answer = self.imap(client, b"UID MOVE %s INBOX" % uid[1])
        if answer:
            self.heard(token, user)
        return bool(answer)


class Patient(Client):
    """A client of one service, that knows in which of the rounds it was last promised something it
    had asked for in that round, and how often it was asked to come later."""

    def __init__(self, rounds, kind, number, stop):
        seed = f"{rounds.options.seed} {kind} {number}"
        super().__init__(rounds.server, rounds.reckoning.ledger, seed, stop)
        service, self.recipients = KINDS[kind]
        self.services = [service]
        self.rounds = rounds
        self.asked_in = self.served_in = rounds.round
        self.promises = self.put_off = 0

    def begin(self):
        self.asked_in, self.promises_before = self.rounds.round, self.promises

    def end(self, is_open):
        """Whoever is asked to come later still has a session."""
        self.put_off += is_open and self.promises == self.promises_before
        return is_open

    def mail(self, client, service):
        self.begin()
        return self.end(super().mail(client, service))

    def imap_life(self, client, user):
        self.begin()
        return self.end(super().imap_life(client, user))

    def heard(self, token, user):
        super().heard(token, user)
        self.promises += 1
        self.served_in = self.asked_in


class Reckoning:
    """Holds mailboxes and next hop against what was promised."""

    def __init__(self, server, sink):
        self.server, self.sink = server, sink
        self.ledger = Ledger()
        self.lost, self.doubled, self.resurrected = [], [], []
        self.sink_seen = {}
        self.relayed_twice = 0
        self.after = "nothing"  # what happened since the last time

    def verify(self):
        """Hold mailboxes and sink against the ledger; verified mail is deleted."""
        ledger = self.ledger
        # What was taken while auth was dead is looked up a little later.
        wait_until(lambda: "lookup" not in self.server.cli("queue", "list", expect=None),
                   "nothing waits for the directory", step=0.1)
        for user in USERS:
            found = self.take_mailbox(user)
            for token, count in found.items():
                if count > 1:
                    self.doubled.append(token)
                if token in ledger.verified:
                    self.resurrected.append(token)
            promised = {token for token, owner in ledger.local.items() if owner == user}
            self.note_lost(promised - set(found), f"mailbox of {user}")
            ledger.verified.update(found)
        ledger.local.clear()
        self.verify_sink()

    def note_lost(self, tokens, place):
        """What there is to know about it is only here now."""
        self.lost += sorted(tokens)
        for token in sorted(tokens):
            print(f"# lost: {token}, promised to the {place}, after {self.after}")
            for verb in (["queue", "list"], ["queue", "hops"], ["store", "status"]):
                print("#   ", *self.server.cli_result(*verb).stdout.splitlines(), sep="\n#   ")

    def log_in(self, user):
        """None while a role is still away that is needed for it."""
        try:
            return self.server.pop(user)
        except poplib.error_proto as error:
            if b"[SYS/TEMP]" not in error.args[0]:
                raise
            return None

    def take_mailbox(self, user):
        """{token: how often}, and the mailbox is empty afterwards."""
        client = wait_until(lambda: self.log_in(user), f"{user} can log in")
        found = {}
        for number in range(client.stat()[0]):
            message = pop_retrieve(client, number + 1)
            match = TOKEN.search(message)
            if match is None:
                self.lost.append(f"a message without its header: {message[:200]!r}")
                continue
            token = match.group(1).decode()
            found[token] = found.get(token, 0) + 1
            client.dele(number + 1)
        client.quit()
        return found

    def count_sink(self):
        for message in self.sink.take():
            token = TOKEN.search(message.data).group(1).decode()
            self.sink_seen[token] = self.sink_seen.get(token, 0) + 1

    def verify_sink(self):
        def all_there():
            self.count_sink()
            return self.ledger.remote <= set(self.sink_seen)
        try:
            wait_until(all_there, "every relayed message is at the sink", step=0.05)
        except AssertionError:
            self.note_lost(self.ledger.remote - set(self.sink_seen), "sink")
        self.relayed_twice += sum(count > 1 for count in self.sink_seen.values())
        self.ledger.remote.clear()
        self.sink_seen.clear()

    def tokens(self):
        """Lines that name what is wrong."""
        return [f"# tokens: {' '.join(tokens[:20])}"
                for tokens in (self.lost, self.doubled, self.resurrected) if tokens]
