#!/usr/bin/env python3
"""A mixed load for long: what was promised is counted again and again, and nothing grows.

    tests/soak.py [--seconds 3600] [--round-seconds 60] [--clients 8] [--readers 4] [--pause 0.02]
                  [--growth 0.05] [--seed N]

Clients deliver, relay, hand over by LMTP and append, each pausing a little after what it was
promised; readers list, search, sort and fetch by IMAP, read by POP3, speak ManageSieve, wait in
IDLE, break off in the middle, and say what is no command. After each round they stop, the queue
drains, what was promised is counted and taken out, and it is looked at what the processes at rest
hold: memory of their own and descriptors, those of files of the store apart, which come and go with
its segments. In the last quarter of the rounds the server may hold so much more than in the second
(the first warms it up; send keeps some connections to the next hop for a while).
"""

import argparse
import contextlib
import imaplib
import os
import poplib
import random
import re
import shutil
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from harness import ROLES, RawClient, client_tls, wait_until  # noqa: E402
from promises import KINDS, Patient, Reckoning, tell  # noqa: E402
from smtp_sink import Sink  # noqa: E402
from worker import USERS, server_with_hop  # noqa: E402

SETTLE_SECONDS = 60
SETTLED_SAMPLES = 3  # alike, one after another


def links_of(pid):
    """What its descriptors are."""
    links = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):  # closed meanwhile
            links.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return links


class Paused(Patient):
    """Not faster than others have time for."""

    def heard(self, token, user):
        super().heard(token, user)
        time.sleep(self.rounds.options.pause)


class Reader(threading.Thread):
    """Reads, and misbehaves."""

    def __init__(self, soak, number, stop):
        super().__init__(daemon=True)
        self.soak, self.server, self.stop = soak, soak.server, stop
        self.random = random.Random(f"{soak.options.seed} {soak.round} reader {number}")
        self.lives = [self.by_imap, self.by_pop3, self.by_managesieve, self.in_idle,
                      self.broken_off, self.no_command]

    def run(self):
        while not self.stop.is_set():
            life = self.random.choice(self.lives)
            try:
                life(self.random.choice(USERS))
                self.soak.lives[life.__name__] += 1
            except poplib.error_proto as error:
                if b"[IN-USE]" not in error.args[0]:  # one session at a time
                    self.soak.failures.append(f"{life.__name__}: {error}")
            except (OSError, imaplib.IMAP4.error) as error:
                self.soak.failures.append(f"{life.__name__}: {error}")

    def imap(self, user):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.ports["imaps"],
                                   ssl_context=client_tls(), timeout=60)
        client.login(self.server.address(user), self.server.passwords[user])
        return client

    def by_imap(self, user):
        client = self.imap(user)
        client.list()
        client.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)")
        _, (count,) = client.select("INBOX", readonly=True)
        if int(count) > 0:
            client.fetch("1:*", "(UID FLAGS ENVELOPE RFC822.SIZE)")
            client.search(None, "OR", "BODY", f'"{self.random.randint(0, 9999)}"', "UNSEEN")
            client.sort("(REVERSE SUBJECT)", "UTF-8", "ALL")
            client.fetch(str(self.random.randint(1, int(count))), "(BODYSTRUCTURE BODY.PEEK[])")
        client.logout()

    def by_pop3(self, user):
        client = self.server.pop(user)
        count, _ = client.stat()
        client.uidl()
        if count > 0:
            client.top(self.random.randint(1, count), 5)
        client.quit()

    def by_managesieve(self, user):
        with RawClient(self.server.ports["managesieve"]) as client:
            while not client.line().startswith(b"OK"):
                pass
            self.say(client, f'AUTHENTICATE "PLAIN" "{self.server.plain(user)}"')
            self.say(client, 'CHECKSCRIPT "keep;"')
            self.say(client, "LOGOUT")

    @staticmethod
    def say(client, line):
        client.send(line.encode() + b"\r\n")
        while (answer := client.line()) and not re.match(rb"OK|NO|BYE", answer):
            pass

    def in_idle(self, user):
        client = self.imap(user)
        client.select("INBOX", readonly=True)
        client.send(b"i IDLE\r\n")
        self.stop.wait(self.random.uniform(0, 2))
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"i "):
            pass
        client.logout()

    def broken_off(self, _):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.send(b"MAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\n"
                        b"DATA\r\nSubject: half\r\n\r\n" + b"x" * self.random.randint(0, 300_000))

    def no_command(self, _):
        service = self.random.choice(["smtp", "lmtp", "imap", "pop3"])
        with RawClient(self.server.ports[service]) as client:
            client.line()
            client.send(self.random.randbytes(self.random.randint(1, 3000)) + b"\r\n")
            client.line()


class Soak:
    """The rounds."""

    def __init__(self, options):
        self.options = options
        self.sink = Sink()
        self.server = server_with_hop(self.sink.port)
        self.reckoning = Reckoning(self.server, self.sink)
        self.round = 0
        self.memory, self.descriptors = [], []
        self.lives, self.failures = Counter(), []
        self.busy_seconds = 0.0

    # ---- a round ----

    def work(self):
        """All clients, for a while."""
        stop = threading.Event()
        kinds = list(KINDS)
        threads = [Paused(self, kinds[number % len(kinds)], f"{self.round} {number}", stop)
                   for number in range(self.options.clients)]
        threads += [Reader(self, number, stop) for number in range(self.options.readers)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        stop.wait(self.options.round_seconds)
        stop.set()
        for thread in threads:
            thread.join(SETTLE_SECONDS)
        self.busy_seconds += time.monotonic() - began

    def count(self):
        wait_until(lambda: not self.server.queue(), "the queue drains", SETTLE_SECONDS, 0.1)
        self.reckoning.after = f"round {self.round}"
        self.reckoning.verify()

    def pids(self):
        return {role: self.server.role_pids(role) for role in ROLES}

    def held_descriptors(self):
        data = str(self.server.directory / "data")
        return {role: sum(not link.startswith(data) for pid in pids for link in links_of(pid))
                for role, pids in self.pids().items()}

    def held_kib(self):
        return {role: sum(int(re.search(r"(?m)^Pss_Anon:\s+(\d+)", Path(
            f"/proc/{pid}/smaps_rollup").read_text())[1]) for pid in pids)
            for role, pids in self.pids().items()}

    def look(self):
        """At rest: sessions that were broken off have ended, and the index has caught up."""
        alike = []

        def settled():
            alike.append(self.held_descriptors())
            return alike[-SETTLED_SAMPLES:] == [alike[-1]] * SETTLED_SAMPLES

        wait_until(settled, "descriptors do not change any more", SETTLE_SECONDS, 0.5)
        self.descriptors.append(alike[-1])
        self.memory.append(self.held_kib())
        print(f"# round {self.round}: {self.reckoning.ledger.acknowledged} promised; KiB " +
              " ".join(f"{role} {kib}" for role, kib in self.memory[-1].items()) +
              "; descriptors " + " ".join(map(str, self.descriptors[-1].values())), flush=True)

    def run(self):
        self.server.start()
        for user in USERS:  # what was taken out is gone, so that there is the same at each look
            self.server.cli("user", "set", self.server.address(user), "keep-deleted", "0")
        ends = time.monotonic() + self.options.seconds
        while time.monotonic() < ends or self.round < 4:
            self.round += 1
            self.work()
            self.count()
            self.look()
        result = self.server.cli_result("store", "verify")
        if result.returncode != 0:
            raise AssertionError(result.stdout + result.stderr)
        self.server.stop()

    # ---- the end ----

    @staticmethod
    def quarter(samples, which, role):
        """Of a role, in a quarter of the rounds, 0 to 3."""
        size = len(samples) // 4
        part = samples[which * size:(which + 1) * size] if which < 3 else samples[-size:]
        return [sample[role] for sample in part]

    def held(self, which, role):
        return statistics.median(self.quarter(self.memory, which, role))

    def open(self, which):
        return sum(statistics.median(self.quarter(self.descriptors, which, role))
                   for role in ROLES)

    def report(self):
        found, ledger = self.reckoning, self.reckoning.ledger
        before, after = (sum(self.held(which, role) for role in ROLES) for which in (1, 3))
        most = 1 + self.options.growth
        opened, open_now = self.open(1), self.open(3)
        print(f"# {self.round} rounds, seed {self.options.seed}: {ledger.acknowledged} messages "
              f"promised, {ledger.acknowledged / self.busy_seconds:.0f} a second; " +
              ", ".join(f"{name} {count}" for name, count in sorted(self.lives.items())))
        for role in ROLES:
            print(f"# {role}: {self.held(1, role):.0f} KiB in the second quarter, "
                  f"{self.held(3, role):.0f} in the last")
        print(*found.tokens(), *(f"# refused: {answer}" for answer in ledger.refused[:5]),
              *(f"# failed: {line}" for line in self.failures[:5]), "", sep="\n", end="")
        wrong = found.doubled + found.resurrected
        verdicts = [
            (not found.lost and ledger.acknowledged > 0,
             f"each message that was promised is accounted for ({len(found.lost)} lost)"),
            (not wrong and not found.relayed_twice,
             f"none is there twice or comes back ({len(wrong) + found.relayed_twice})"),
            (not ledger.refused and not self.failures,
             f"nobody is refused or fails ({len(ledger.refused) + len(self.failures)})"),
            (after <= before * most,
             f"memory does not grow ({after / before - 1:+.1%}, {before / 1024:.1f} to "
             f"{after / 1024:.1f} MiB)"),
            (open_now <= opened * most,
             f"nor does the number of descriptors ({opened:.0f}, then {open_now:.0f})"),
        ]
        return tell(verdicts)

    def close(self):
        self.sink.close()
        self.server.kill()
        shutil.rmtree(self.server.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="a mixed load for long")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--round-seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--growth", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    soak = Soak(options)
    try:
        soak.run()
        is_ok = soak.report()
    except AssertionError as error:
        print(f"not ok - round {soak.round} (seed {options.seed})", *str(error).splitlines(),
              sep="\n    ", flush=True)
        is_ok = False
    finally:
        soak.close()
    sys.exit(0 if is_ok else 1)


if __name__ == "__main__":
    main()
