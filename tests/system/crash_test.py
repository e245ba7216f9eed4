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
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from promises import Client, Reckoning, tell  # noqa: E402
from smtp_sink import Sink  # noqa: E402
from worker import server_with_hop  # noqa: E402

POINTS = ["after-append", "after-commit", "after-apply", "before-answer", "after-chunk"]
START_SECONDS_ALLOWED = 5
REBUILD_SECONDS_ALLOWED = 30
BLOCK = 4096  # of the log


class Crash:
    """The loop of rounds."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.sink = Sink()
        self.server = server_with_hop(self.sink.port)
        self.reckoning = Reckoning(self.server, self.sink)
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
        clients = [Client(self.server, self.reckoning.ledger,
                          (self.options.seed, number, n).__hash__(), stop)
                   for n in range(self.options.clients)]
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
        self.maltreat_disk()
        self.reckoning.after = f"{kind}; tail torn: {self.tail_torn}"
        self.start({})
        self.reckoning.verify()
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

    # ---- the end ----

    def report(self, rounds, seconds):
        found = self.reckoning
        acknowledged = found.ledger.acknowledged
        deaths = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        print(f"# {rounds} rounds in {seconds:.0f} s, seed {self.options.seed}: {deaths}")
        print(f"# {self.indexes_deleted} indexes deleted, {self.tails_torn} tails torn; "
              f"slowest start {self.slowest_start:.2f} s of the processor, "
              f"with a new index {self.slowest_rebuild:.2f} s")
        print(f"# {acknowledged} messages acknowledged; {found.relayed_twice} relayed twice")
        for line in found.tokens():
            print(line)
        verdicts = [
            (not found.lost and acknowledged > 0,
             f"no acknowledged message is lost in {rounds} crashes ({len(found.lost)} lost)"),
            (not found.doubled,
             f"no message is in a mailbox twice after {rounds} crashes ({len(found.doubled)})"),
            (not found.resurrected,
             f"no deleted message comes back after {rounds} crashes ({len(found.resurrected)})"),
            (self.slowest_start <= START_SECONDS_ALLOWED
             and self.slowest_rebuild <= REBUILD_SECONDS_ALLOWED,
             f"the server starts with {START_SECONDS_ALLOWED} s of the processor after every crash, "
             f"and with {REBUILD_SECONDS_ALLOWED} s when its index was deleted"),
        ]
        return tell(verdicts)

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
