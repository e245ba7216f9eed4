#!/usr/bin/env python3
"""Kills one role of the server at a time by SIGKILL, under load of one kind, and counts.

    tests/role_kills.py [--rounds 50] [--clients 6] [--seed N] [--kind local ...]

Each kind of load (local delivery, relay, LMTP, IMAP APPEND) gets so many rounds. Clients work all
the time; a round kills front, store, auth, send or the parent alone, each in turn, and waits until
every client was answered 250 or OK to something that it asked for after that. A role that died is
the parent's to start; a parent that died is started again at once, as a service manager does it.
Then the queue drains, and what was promised is counted: it is in its mailbox once, and at the next
hop once, or twice when a kill of send or the parent came between the answer of the hop and our
record of it. The same is counted before the kills of a kind, and after those that send outlives.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from harness import ROLES, wait_until  # noqa: E402
from promises import KINDS, Patient, Reckoning, tell  # noqa: E402
from smtp_sink import Sink  # noqa: E402
from worker import server_with_hop  # noqa: E402

VICTIMS = [*ROLES, "parent"]
SENDING = {"send", "parent"}  # with them goes what is known of deliveries under way
CALM = 3  # promises to each client before the first kill
SERVED_SECONDS = 60


class Kills:
    """The rounds of every kind."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.sink = Sink()
        self.server = server_with_hop(self.sink.port)
        self.reckoning = Reckoning(self.server, self.sink)
        self.round = 0
        self.killed = dict.fromkeys(VICTIMS, 0)
        self.relayed = self.relayed_twice_by_send = 0
        self.slowest = dict.fromkeys(VICTIMS, 0.0)

    # ---- a round ----

    def kill(self, victim):
        if victim == "parent":
            self.server.kill_parent()
            self.server.start()
            return
        pid = self.random.choice(wait_until(lambda: self.server.role_pids(victim),
                                            f"there is a {victim}"))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.server.role_pids(victim), f"{victim} is gone")

    def one_round(self, victim, clients):
        time.sleep(self.random.uniform(0, 0.3))  # into the work, somewhere
        began = time.monotonic()
        self.kill(victim)
        self.round += 1
        wait_until(lambda: all(client.served_in == self.round for client in clients),
                   f"all clients are served after {victim} was killed", SERVED_SECONDS)
        self.slowest[victim] = max(self.slowest[victim], time.monotonic() - began)
        self.killed[victim] += 1

    # ---- a kind ----

    def work(self, kind, when, what):
        """Clients of this kind work until what(clients) returns; then all is counted."""
        self.reckoning.after = f"{kind} {when}"
        stop = threading.Event()
        clients = [Patient(self, kind, number, stop) for number in range(self.options.clients)]
        for client in clients:
            client.start()
        try:
            what(clients)
        finally:
            stop.set()
            for client in clients:
                client.join(SERVED_SECONDS)
        wait_until(lambda: not self.server.queue(), "the queue drains", SERVED_SECONDS, 0.1)
        self.relayed += len(self.reckoning.ledger.remote)
        self.reckoning.verify()

    def one_kind(self, kind):
        def calmly(clients):
            wait_until(lambda: all(client.promises >= CALM for client in clients),
                       f"{kind} is served", SERVED_SECONDS)

        def kills_of(victims):
            def with_kills(clients):
                for victim in victims:
                    self.one_round(victim, clients)
            return with_kills

        roles = self.options.role
        victims = [roles[number % len(roles)] for number in range(self.options.rounds)]
        before = self.reckoning.relayed_twice
        self.work(kind, "without a kill", calmly)
        self.work(kind, "with kills that send outlives",
                  kills_of([victim for victim in victims if victim not in SENDING]))
        self.relayed_twice_by_send += self.reckoning.relayed_twice - before
        self.work(kind, "with kills of send",
                  kills_of([victim for victim in victims if victim in SENDING]))

    def run(self):
        self.server.start()
        for kind in self.options.kind:
            self.one_kind(kind)
        self.verify_store()
        self.server.stop()

    def verify_store(self):
        """Not while space is given back, after so many messages went."""
        def verified():
            result = self.server.cli_result("store", "verify")
            return None if "already" in result.stderr else result

        result = wait_until(verified, "the store can be verified", SERVED_SECONDS, 0.2)
        if result.returncode != 0:
            raise AssertionError(result.stdout + result.stderr)

    # ---- the end ----

    def report(self, seconds):
        found, ledger = self.reckoning, self.reckoning.ledger
        kills = sum(self.killed.values())
        print(f"# {self.options.rounds} rounds of each of {', '.join(self.options.kind)} in "
              f"{seconds:.0f} s, seed {self.options.seed}; until all clients are served, at most: " +
              ", ".join(f"{victim} {slowest:.2f} s" for victim, slowest in self.slowest.items()))
        print(f"# {ledger.acknowledged} messages acknowledged, {self.relayed} of them relayed; "
              f"{found.relayed_twice} relayed twice")
        print(*found.tokens(), *(f"# refused: {answer}" for answer in ledger.refused[:5]),
              sep="\n", end="")
        wrong = found.doubled + found.resurrected
        verdicts = [
            (not found.lost and ledger.acknowledged > 0,
             f"no acknowledged message is lost when one role is killed, {kills} times "
             f"({len(found.lost)} lost)"),
            (not wrong, f"no message is in a mailbox twice or comes back ({len(wrong)})"),
            (self.relayed_twice_by_send == 0,
             f"no message is relayed twice while send lives ({self.relayed_twice_by_send})"),
            (not ledger.refused,
             f"nobody is refused for good while a role is away ({len(ledger.refused)})"),
        ]
        return tell(verdicts)

    def close(self):
        self.sink.close()
        self.server.kill()
        shutil.rmtree(self.server.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="kill -9 of each role under load of each kind")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--role", nargs="+", choices=VICTIMS, default=VICTIMS)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    kills = Kills(options)
    began = time.monotonic()
    try:
        kills.run()
        is_ok = kills.report(time.monotonic() - began)
    except AssertionError as error:
        print(f"not ok - the server survives kill {kills.round + 1} of its roles (seed "
              f"{options.seed})", *str(error).splitlines(), sep="\n    ", flush=True)
        is_ok = False
    finally:
        kills.close()
    sys.exit(0 if is_ok else 1)


if __name__ == "__main__":
    main()
