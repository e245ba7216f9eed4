#!/usr/bin/env python3
"""Cuts the power under the server, on a real file system, at many moments of one run.

    tests/power_cuts.py [--cuts 20] [--file-system ext4|xfs|btrfs] [--seed N] [--no-sync]

A file system on a loop device, over a disk that records what it is told (powercut/disk.c), carries
the data of a server at work. Any moment of the recording is then a moment at which the power may
have gone: what was written before the last flush is on the medium; of what was written since, any
part is. Such a medium is made, the kernel mounts it, a server starts on it, and what it has is
held against what it had promised at that moment (powercut/ledger.py).

A recording begins with an empty file system, or with one that a cut left, not mounted since: then
recovering from a cut may be cut as well. --no-sync has syncs do nothing in the server that is
recorded: then it must be seen to lose mail.

Where loop devices, FUSE or mounts are not to be had, it says so and is skipped. Clients run in real
time, so a seed does not bring the same cuts again: --keep what one was made from.
"""

import argparse
import os
import random
import shutil
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER / "system"), str(FOLDER / "powercut")]
from apart import Unavailable, run_apart  # noqa: E402
from harness import build_directory  # noqa: E402
from journal import TORN, WHOLE, Image, Journal  # noqa: E402
from ledger import Ledger  # noqa: E402
from load import work  # noqa: E402
from machine import FILE_SYSTEMS, Machine, NotMounted  # noqa: E402
from promises import tell  # noqa: E402
from reckoning import Reckoning  # noqa: E402
from smtp_sink import Policy, Sink  # noqa: E402
from worker import USERS, server_with_hop  # noqa: E402

CLIENTS = 6
SHOWN = 12
START_SECONDS_ALLOWED = 5
FACTS = ["recordings", "cuts", "promises", "bytes", "flushes", "while_starting", "relayed_twice",
         "not_mounted"]


class NextHop(Policy):
    """Notes what it takes before it says so."""

    def __init__(self, cuts):
        self.cuts = cuts

    def on_message(self, message):
        self.cuts.note_relayed(message)
        return super().on_message(message)


class Cuts:
    """Recordings, and the cuts made in each."""

    def __init__(self, options, folder):
        self.options = options
        self.random = random.Random(options.seed)
        self.machine = Machine(folder, options.file_system, build_directory() / "powercut-disk")
        self.sink = Sink(NextHop(self))
        self.server = server_with_hop(
            self.sink.port, directory=folder, data=self.machine.mount_point / "data",
            user_passwords=False)
        self.ledger = None
        self.recording = False
        self.counts = dict.fromkeys(FACTS, 0)
        self.slowest_start = 0.0
        self.wrong = []

    def note_relayed(self, message):
        if self.recording:
            self.ledger.note_taken(message.data.partition(b"Subject: token ")[2][:8].decode())

    # ---- a recording ----

    def set_passwords(self, place):
        """Those that were not set before the cut."""
        for user, since in self.ledger.passwords.items():
            if since is None or since > place:
                self.server.set_password(user)
                if self.recording:
                    self.ledger.passwords[user] = self.machine.now()

    def record(self, base):
        """A server at work; the journal and the ledger say what happened. Returns the place of the
        journal from which on the server had started."""
        self.machine.record(base)
        self.ledger.now = self.machine.now
        self.recording = True
        environment = {}
        if self.options.no_sync:
            environment["LD_PRELOAD"] = str(build_directory() / "libnosync.so")
        self.set_passwords(0)
        self.server.start(environment)
        started = self.machine.now()
        work(self.server, self.ledger, f"{self.options.seed} {self.counts['recordings']}", CLIENTS,
             self.random.uniform(0.5, 2) * self.options.seconds)
        self.recording = False
        self.server.kill()
        self.machine.stop_recording()
        self.sink.take()
        self.counts["recordings"] += 1
        return started

    def series(self, base, cuts):
        """Record once, cut often. Leaves in base what one of the cuts left."""
        started = self.record(base)
        journal = Journal(self.machine.journal)
        self.counts["bytes"] += journal.entries[-1].end
        self.counts["flushes"] += len(journal.entries) - len(
            journal.writes(0, len(journal.entries)))
        indexes = sorted(self.random_cut(journal, started) for _ in range(cuts))
        image = Image(base, journal)
        for index in indexes:
            image.advance(journal.durable_at(index))
            self.cut(image, index)
            self.counts["while_starting"] += journal.place_of(index) < started
        # The base of the next recording is what one more cut at the last of these moments left.
        image.keep_some(journal.writes(image.applied, indexes[-1]), self.random,
                        self.random.choice(list(WHOLE)))
        self.ledger.settle(journal.place_of(indexes[-1]))
        journal.close()

    def random_cut(self, journal, started):
        """Some are made while the file system and the server come back from the cut before."""
        if self.random.random() < 0.2:
            return journal.random_cut(self.random, 0, started)
        return journal.random_cut(self.random, started, journal.entries[-1].end)

    # ---- a cut ----

    def cut(self, image, index):
        place = image.journal.place_of(index)
        copy = self.machine.folder / "cut"
        self.machine.copy(image.path, copy)
        way = self.random.choice([*WHOLE, *TORN])
        what = Image(copy, image.journal).keep_some(
            image.journal.writes(image.applied, index), self.random, way)
        try:
            self.machine.mount(copy)
        except NotMounted as error:
            self.counts["not_mounted"] += way in TORN
            wrong = [] if way in TORN else [f"not mounted: {error}"]
        else:
            wrong = self.look(place)
            self.counts["promises"] += self.ledger.promises(place)
        self.counts["cuts"] += 1
        if wrong:
            where = (f"recording {self.counts['recordings']}, entry {index} at {place} of the "
                     f"journal; {what}")
            print(f"# after a cut in {where}:", *wrong[:SHOWN], sep="\n#   ", flush=True)
            self.wrong += wrong
            if self.options.keep:
                self.keep(image, index)
        copy.unlink()

    def keep(self, image, index):
        """For who has to find out: the journal, the medium as far as flushes cover it, the log."""
        folder = Path(self.options.keep) / f"cut-{self.counts['cuts']}"
        folder.mkdir(parents=True, exist_ok=True)
        self.machine.copy(image.path, folder / "medium")
        shutil.copy(self.machine.journal, folder / "journal")
        (folder / "log").write_bytes(self.server.log)
        (folder / "entry").write_text(f"{image.applied} {index}\n")

    def look(self, place):
        """Start a server on what the cut left, and see. Returns what is wrong."""
        reckoning = Reckoning(self.server, self.sink, self.ledger, place)
        try:
            self.set_passwords(place)
            self.server.start()
            self.slowest_start = max(self.slowest_start, self.server.processor_seconds())
            reckoning.run()
            self.server.stop()
        except Exception as error:  # whatever a client makes of a server that does not serve
            reckoning.say(f"no service: {type(error).__name__}: {error}")
            self.end_server(reckoning)
        self.machine.unmount()
        self.counts["relayed_twice"] += reckoning.seen_twice
        return reckoning.wrong

    def end_server(self, reckoning):
        try:
            self.server.kill()
        except AssertionError as error:  # its log has a report
            reckoning.say(str(error))

    # ---- all of it ----

    def run(self):
        base = self.machine.folder / "base"
        left, fresh = self.options.cuts, True
        while left > 0:
            if fresh:
                self.machine.format(base)
                self.ledger = Ledger(USERS)
            cuts = min(left, self.options.cuts_per_recording)
            self.series(base, cuts)
            left -= cuts
            fresh = not fresh or self.random.random() < 0.2

    def report(self, seconds):
        counts = self.counts
        print(f"# {counts['cuts']} cuts in {counts['recordings']} recordings on "
              f"{self.options.file_system}, {counts['while_starting']} of them while it "
              f"started; {seconds:.0f} s, seed {self.options.seed}")
        print(f"# {counts['bytes'] >> 20} MB and {counts['flushes']} flushes recorded; "
              f"{counts['promises']} promises held against what was left; relayed twice "
              f"{counts['relayed_twice']}; slowest start {self.slowest_start:.2f} s of the processor")
        if counts["not_mounted"]:
            print(f"# {counts['not_mounted']} cuts tore a block of which the file system needs "
                  "all, and were not mounted: they say nothing about the server")
        verdicts = [
            (counts["not_mounted"] * 4 < counts["cuts"],
             f"{self.options.file_system} comes back from most cuts"),
            (not self.wrong and counts["promises"] > 0,
             f"nothing promised is lost in {counts['cuts']} power cuts on "
             f"{self.options.file_system} ({len(self.wrong)} faults)"),
            (self.slowest_start <= START_SECONDS_ALLOWED,
             f"the server starts with {START_SECONDS_ALLOWED} s of the processor after every power cut"),
        ]
        return tell(verdicts)

    def close(self):
        """What would keep this process from ending; all else ends with it."""
        self.sink.close()


def skip(reason):
    print(f"ok - nothing promised is lost in power cuts # skip {reason}", flush=True)
    return 0


def cut_often(options, folder):
    """Exit status: 1 when something is wrong."""
    began = time.monotonic()
    try:
        cuts = Cuts(options, folder)
    except Unavailable as error:
        return skip(error)
    try:
        cuts.run()
        is_ok = cuts.report(time.monotonic() - began)
    except (AssertionError, NotMounted) as error:
        print(f"not ok - the server works after power cut {cuts.counts['cuts']} (seed "
              f"{options.seed})", *str(error).splitlines(), sep="\n    ", flush=True)
        is_ok = False
    finally:
        cuts.close()
    return 0 if is_ok else 1


def main():
    parser = argparse.ArgumentParser(description="power cuts on a real file system")
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--cuts-per-recording", type=int, default=10)
    parser.add_argument("--file-system", choices=FILE_SYSTEMS, default="ext4")
    parser.add_argument("--seconds", type=float, default=1.5, help="about how long a recording is")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--no-sync", action="store_true", help="syncs of the server do nothing")
    parser.add_argument("--keep", metavar="FOLDER", help="keep what a failing cut was made from")
    options = parser.parse_args()
    if os.geteuid() != 0:
        return skip("only root may mount a file system")
    try:
        return run_apart(lambda folder: cut_often(options, folder))
    except Unavailable as error:
        return skip(error)


if __name__ == "__main__":
    sys.exit(main())
