#!/usr/bin/env python3
"""Fills the disk below a server at work, again and again, and counts.

    tests/full_disks.py [--fillings 20] [--clients 6] [--seed N]

Clients deliver, relay and append all the time. A filling takes the space of a small file system but
for some bytes, another number each time, so that it ends at another place of what is being written;
some are sudden, some go on for a while byte by byte. Once somebody was asked to come later the space
is given back, and every client must be served. Some fillings end in SIGKILL and a start on the full
disk. Nothing acknowledged may be lost, nobody refused for good. Needs root, for the file system.
"""

import argparse
import os
import random
import shutil
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from disk_test import SmallDisk  # noqa: E402
from harness import wait_until  # noqa: E402
from promises import Patient, Reckoning, tell  # noqa: E402
from smtp_sink import Sink  # noqa: E402
from worker import server_with_hop  # noqa: E402

DISK_MB = 1024
PUT_OFF_SECONDS = 60
SERVED_SECONDS = 60
SPARE_BYTES = 300_000
KINDS = ["local", "relay", "lmtp", "append"]


class Fillings:
    """The fillings, one after another, of one disk."""

    def __init__(self, options, disk):
        self.options, self.disk = options, disk
        self.random = random.Random(options.seed)
        self.sink = Sink()
        self.server = server_with_hop(self.sink.port, data=disk.path / "data")
        self.server.lines.append("limit free-space 16MB")
        self.server.write_config()
        self.reckoning = Reckoning(self.server, self.sink)
        self.filler = disk.path / "filler"
        self.round = 0
        self.fillings = self.starts = self.put_off = 0
        self.slowest = 0.0

    # ---- filling ----

    def fill(self, spare):
        """All there is but so many bytes, in pages; what others free meanwhile is taken, too."""
        with open(self.filler, "ab", buffering=0) as file:
            while (free := self.disk.free() - spare) > 0:
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size,
                                       max(min(free, 1 << 20), 1))
                except OSError:
                    return

    def one_filling(self, clients):
        time.sleep(self.random.uniform(0, 0.3))  # into the work, somewhere
        spare = self.random.choice([0, self.random.randint(1, SPARE_BYTES)])
        before = sum(client.put_off for client in clients)

        def somebody_is_put_off():
            self.fill(spare)
            return sum(client.put_off for client in clients) > before

        wait_until(somebody_is_put_off, "somebody is asked to come later", PUT_OFF_SECONDS)
        if self.random.random() < 0.3:
            self.server.kill()
            self.server.start()
            self.starts += 1
        self.put_off += sum(client.put_off for client in clients) - before
        self.filler.unlink()
        began = time.monotonic()
        self.round += 1
        try:
            wait_until(lambda: all(client.served_in == self.round for client in clients),
                       "all clients are served when there is space", SERVED_SECONDS)
        except AssertionError:
            print(f"# {self.disk.free() >> 20} MB are free; served of {KINDS}:",
                  [client.served_in == self.round for client in clients])
            print(self.server.log_text()[-3000:])
            raise
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.fillings += 1

    def series(self, count):
        """So many fillings, and a reckoning."""
        stop = threading.Event()
        clients = [Patient(self, KINDS[number % len(KINDS)], f"{self.fillings} {number}", stop)
                   for number in range(self.options.clients)]
        for client in clients:
            client.start()
        try:
            wait_until(lambda: all(client.promises for client in clients), "all are served",
                       SERVED_SECONDS)
            for _ in range(count):
                self.one_filling(clients)
        finally:
            stop.set()
            for client in clients:
                client.join(SERVED_SECONDS)
        wait_until(lambda: not self.server.queue(), "the queue drains", SERVED_SECONDS, 0.1)
        self.reckoning.after = f"filling {self.fillings}"
        self.reckoning.verify()

    def run(self):
        self.server.start()
        while self.fillings < self.options.fillings:
            self.series(min(5, self.options.fillings - self.fillings))
        self.server.stop()
        self.server.start()
        self.server.cli("store", "verify")
        self.server.stop()

    # ---- the end ----

    def report(self, seconds):
        found, ledger = self.reckoning, self.reckoning.ledger
        print(f"# {self.fillings} fillings in {seconds:.0f} s, seed {self.options.seed}; "
              f"{self.starts} of them with a start on the full disk; all clients are served at "
              f"most {self.slowest:.2f} s after there is space")
        print(f"# {ledger.acknowledged} messages acknowledged, {self.put_off} times somebody was "
              f"asked to come later; {found.relayed_twice} relayed twice")
        for line in [*found.tokens(), *(f"# refused: {answer}" for answer in ledger.refused[:5])]:
            print(line)
        wrong = found.doubled + found.resurrected
        verdicts = [
            (not found.lost and self.fillings > 0,
             f"no acknowledged message is lost when the disk is full, {self.fillings} times "
             f"({len(found.lost)} lost)"),
            (not wrong, f"no message is in a mailbox twice or comes back after a full disk "
                        f"({len(wrong)})"),
            (not ledger.refused, f"nobody is refused for good while the disk is full "
                                 f"({len(ledger.refused)})"),
        ]
        return tell(verdicts)

    def close(self):
        self.sink.close()
        self.server.kill()
        shutil.rmtree(self.server.directory, ignore_errors=True)


def fill_often(options, disk):
    """Exit status: 1 when something is wrong."""
    fillings = Fillings(options, disk)
    began = time.monotonic()
    try:
        fillings.run()
        is_ok = fillings.report(time.monotonic() - began)
    except AssertionError as error:
        print(f"not ok - the server survives filling {fillings.fillings + 1} of its disk (seed "
              f"{options.seed})", *str(error).splitlines(), sep="\n    ", flush=True)
        is_ok = False
    finally:
        fillings.close()
    return 0 if is_ok else 1


def main():
    parser = argparse.ArgumentParser(description="a disk that is full again and again")
    parser.add_argument("--fillings", type=int, default=20)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    try:
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root may mount a small file system")
        disk = SmallDisk(DISK_MB)
    except unittest.SkipTest as reason:
        print(f"ok - no acknowledged message is lost when the disk is full # skip {reason}")
        return 0
    try:
        return fill_often(options, disk)
    finally:
        disk.close()


if __name__ == "__main__":
    sys.exit(main())
