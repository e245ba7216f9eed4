#!/usr/bin/env python3
"""Kills the server under load, again and again, and counts what it had promised.

    tests/system/crash_test.py [--rounds 60] [--clients 8] [--seed N] [--seconds N]

Every message carries a token of its own. A message that was answered 250 must be in its mailbox
exactly once, or at the next hop at least once; one that was not answered may be there once or not
at all. Each round ends in one way of dying: everything by SIGKILL, one role by SIGKILL, or the
store at a named place of its commit (MAILROOT_CRASH_AT). Sometimes the index is deleted before the
next start, sometimes garbage follows the last record, as a torn write would leave it.
"""

import argparse
import os
import random
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import pop_retrieve, text_message, wait_until  # noqa: E402
from smtp_sink import Sink  # noqa: E402
from worker import USERS, Worker, server_with_hop  # noqa: E402

POINTS = ["after-append", "after-commit", "after-apply", "before-answer", "after-chunk"]
TOKEN = re.compile(rb"(?m)^Subject: token ([0-9a-f]+)\r$")
START_SECONDS_ALLOWED = 5
REBUILD_SECONDS_ALLOWED = 30
BLOCK = 4096  # of the log


class Ledger:
    """What was promised, and what was found."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0
        self.local, self.remote = {}, set()  # acknowledged and not yet verified
        self.acknowledged = self.unanswered = 0
        self.verified = set()

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


class Client(Worker):
    """Mail, and messages appended, half of them elsewhere and moved."""

    def mail(self, client, service):
        """One message; False when the session is over."""
        user = self.random.choice([*USERS, None] if service == "smtp" else USERS)
        recipient = f"{user}@example.test" if user else "carol@relay.test"
        token = self.ledger.new_token()
        body = "x" * 70 + "\r\n"
        large = self.random.random() < 0.03  # goes in chunks, not inside the commit
        data = text_message(f"token {token}",
                            body * (10_000 if large else self.random.randint(1, 140)))
        client.send(f"MAIL FROM:<sender@elsewhere.test>\r\nRCPT TO:<{recipient}>\r\n".encode() +
                    b"DATA\r\n")
        replies = [client.reply() for _ in range(3)]
        if not replies[2].startswith("354"):
            return client.ask("RSET").startswith("250")
        client.send(data + b".\r\n")
        answer = client.reply()
        if answer.startswith("250"):
            self.ledger.promise(token, user)
        else:
            self.ledger.unanswered += 1
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
            self.ledger.promise(token, user)
        return bool(answer)


class Crash:
    """The loop of rounds."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.ledger = Ledger()
        self.sink = Sink()
        self.server = server_with_hop(self.sink.port)
        self.lost, self.doubled, self.resurrected = [], [], []
        self.sink_seen = {}
        self.relayed_twice = 0
        self.slowest_start = self.slowest_rebuild = 0.0
        self.index_deleted = self.tail_torn = False
        self.kinds = {}
        self.indexes_deleted = self.tails_torn = 0

    # ---- one round ----

    def round(self, number):
        kind = self.random.choice(["all", "role", "point", "point"])
        environment = {}
        if kind == "point":
            point = self.random.choice(POINTS)
            kind = f"store {point}"
            passes = self.random.randint(1, 30 if point == "after-chunk" else 200)
            environment = {"MAILROOT_CRASH_AT": f"{point}:{passes}"}
        self.start(environment)
        stop = threading.Event()
        clients = [Client(self.server, self.ledger, (self.options.seed, number, n).__hash__(),
                          stop) for n in range(self.options.clients)]
        for client in clients:
            client.start()
        time.sleep(self.random.uniform(0.1, 0.8))
        if kind == "role":
            kind = self.kill_a_role()
            time.sleep(self.random.uniform(0.05, 0.5))
        self.server.kill()
        stop.set()
        for client in clients:
            client.join(20)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.last_kind = kind
        self.maltreat_disk()
        self.start({})
        self.verify()
        self.server.stop()

    def start(self, environment):
        self.server.start(environment)
        took = self.server.processor_seconds()
        if self.index_deleted:  # then the whole log is read
            self.slowest_rebuild = max(self.slowest_rebuild, took)
        else:
            self.slowest_start = max(self.slowest_start, took)
        self.index_deleted = False

    def kill_a_role(self):
        role = self.random.choice(["front", "store", "auth", "send"])
        for pid in self.server.role_pids(role)[:1]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return role

    def maltreat_disk(self):
        """What a crash of the machine may leave besides."""
        store = self.server.directory / "data"
        self.index_deleted = self.tail_torn = False
        if self.random.random() < 0.2:
            for index in store.glob("**/index"):
                shutil.rmtree(index)
                self.indexes_deleted += 1
                self.index_deleted = True
        if self.random.random() < 0.3:
            for segment in sorted(store.glob("**/*.seg"))[-1:]:
                self.tear_tail(segment)

    def tear_tail(self, segment):
        """Garbage behind the last batch. Nothing acknowledged is touched: a batch is padded to a
        block, and its last record may itself end with zeros."""
        with open(segment, "r+b") as file:
            end = (last_written(file) + 1024 + BLOCK - 1) // BLOCK * BLOCK
            room = os.fstat(file.fileno()).st_size - end
            garbage = os.urandom(max(min(self.random.randint(1, 20_000), room), 0))
            file.seek(end)
            file.write(garbage)
        self.tails_torn += 1
        self.tail_torn = True

    # ---- the reckoning ----

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
            print(f"# lost: {token}, promised to the {place}, after {self.last_kind}; "
                  f"tail torn: {self.tail_torn}")
            for verb in (["queue", "list"], ["queue", "hops"], ["store", "status"]):
                print("#   ", *self.server.cli_result(*verb).stdout.splitlines(), sep="\n#   ")

    def take_mailbox(self, user):
        """{token: how often}, and the mailbox is empty afterwards."""
        client = self.server.pop(user)
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

    # ---- the end ----

    def report(self, rounds, seconds):
        ledger = self.ledger
        deaths = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        print(f"# {rounds} rounds in {seconds:.0f} s, seed {self.options.seed}: {deaths}")
        print(f"# {self.indexes_deleted} indexes deleted, {self.tails_torn} tails torn; "
              f"slowest start {self.slowest_start:.2f} s of the processor, "
              f"with a new index {self.slowest_rebuild:.2f} s")
        print(f"# {ledger.acknowledged} messages acknowledged; {self.relayed_twice} relayed twice")
        for tokens in (self.lost, self.doubled, self.resurrected):
            if tokens:
                print(f"# tokens: {' '.join(tokens[:20])}")
        verdicts = [
            (not self.lost and ledger.acknowledged > 0,
             f"no acknowledged message is lost in {rounds} crashes ({len(self.lost)} lost)"),
            (not self.doubled,
             f"no message is in a mailbox twice after {rounds} crashes ({len(self.doubled)})"),
            (not self.resurrected,
             f"no deleted message comes back after {rounds} crashes ({len(self.resurrected)})"),
            (self.slowest_start <= START_SECONDS_ALLOWED
             and self.slowest_rebuild <= REBUILD_SECONDS_ALLOWED,
             f"the server starts with {START_SECONDS_ALLOWED} s of the processor after every crash, "
             f"and with {REBUILD_SECONDS_ALLOWED} s when its index was deleted"),
        ]
        for is_ok, sentence in verdicts:
            print(f"{'ok' if is_ok else 'not ok'} - {sentence}", flush=True)
        return all(is_ok for is_ok, _ in verdicts)

    def close(self):
        self.sink.close()
        self.server.kill()
        shutil.rmtree(self.server.directory, ignore_errors=True)


def last_written(file):
    """Offset behind the last byte that is not zero."""
    size = os.fstat(file.fileno()).st_size
    block = 1 << 20
    for start in range((size - 1) // block * block, -1, -block):
        file.seek(start)
        bytes_there = file.read(block).rstrip(b"\0")
        if bytes_there:
            return start + len(bytes_there)
    return 0


def main():
    parser = argparse.ArgumentParser(description="kill -9 under load")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--seconds", type=int, default=0,
                        help="begin no further round after that time; 0: all rounds")
    options = parser.parse_args()
    crash = Crash(options)
    began = time.monotonic()
    done = 0
    try:
        for number in range(options.rounds):
            if options.seconds and time.monotonic() - began > options.seconds:
                break
            crash.round(number)
            done += 1
        is_ok = crash.report(done, time.monotonic() - began)
    except AssertionError as error:
        print(f"not ok - the server survives crash {done + 1} (seed {options.seed})")
        print("\n".join(f"    {line}" for line in str(error).splitlines()))
        is_ok = False
    finally:
        crash.close()
    sys.exit(0 if is_ok else 1)


if __name__ == "__main__":
    main()
