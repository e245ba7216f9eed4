#!/usr/bin/env python3
"""Random operations of several clients against a running server, held against a simple model.

    tests/imap_model.py [--seed N] [--steps M] [--no-shrink]
    tests/imap_model.py --replay FILE

Sessions of IMAP (and POP3, LMTP, SMTP) on mailboxes of two users do random things; after each step
what each session was told, and what a fresh session sees, must be what the model says. Now and
then several sessions work at the same moment, and now and then the server is killed meanwhile.
A failure is made smaller by leaving steps out as long as something still fails; the steps that are
left are printed, for --replay, with what the clients and the server said to each other.
"""

import argparse
import random
import shutil
import sys
import time
import traceback
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER / "system"), str(FOLDER / "model")]
import harness  # noqa: E402
from checker import Checker, Step, random_step  # noqa: E402
from wire import Gone, Mismatch  # noqa: E402

SHRINK_SECONDS = 180
SHOWN_LINES = 150


class Failure:
    def __init__(self, steps, reason, journal, log):
        self.steps, self.reason = steps, reason
        self.journal, self.log = list(journal), log


def run(steps, progress=None):
    """None, or how it failed. The steps may be a generator."""
    checker, taken = Checker(), []
    try:
        checker.start()
        for step in steps:
            taken.append(step)
            checker.run(step)
            if progress:
                progress(checker)
        checker.finish()
        return None
    except (Mismatch, Gone, AssertionError, OSError, IndexError, KeyError, ValueError,
            TypeError) as error:
        where = traceback.extract_tb(error.__traceback__)
        places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(where[-4:]))
        return Failure(taken, f"{type(error).__name__}: {error} ({places})", checker.journal,
                       checker.server.log_text()[-3000:])
    finally:
        try:
            checker.close()
        except AssertionError as error:  # the log has a report
            print(f"# {error}")
        shutil.rmtree(checker.server.directory, ignore_errors=True)
        harness.release_ports()


def shrink(failure):
    """Leave out parts of the steps as long as it fails, larger parts first."""
    end = time.monotonic() + SHRINK_SECONDS
    size = len(failure.steps) // 2
    while size >= 1 and time.monotonic() < end:
        start = 0
        while start < len(failure.steps) and time.monotonic() < end:
            fewer = failure.steps[:start] + failure.steps[start + size:]
            smaller = run(fewer)
            if smaller:
                failure = smaller
            else:
                start += size
        size //= 2
    return failure


def show(failure):
    print(f"# {failure.reason}")
    print(f"# {len(failure.steps)} steps, for --replay:")
    for step in failure.steps:
        print(f"{step.session} {step.name} {step.number}")
    print("# the last of what was said:")
    for line in failure.journal[-SHOWN_LINES:]:
        print(f"#   {line}")
    print("# the end of the server's log:")
    for line in failure.log.splitlines()[-20:]:
        print(f"#   {line}")


def read_steps(path):
    for line in Path(path).read_text().splitlines():
        if line and not line.startswith("#"):
            session, name, number = line.split()
            yield Step(int(session), name, int(number))


def main():
    parser = argparse.ArgumentParser(description="random operations held against a model")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--replay", help="a file of steps, instead of random ones")
    parser.add_argument("--no-shrink", action="store_true", help="show the failure as it is")
    options = parser.parse_args()
    source = random.Random(options.seed)
    steps = (read_steps(options.replay) if options.replay else
             (random_step(source) for _ in range(options.steps)))
    began, last = time.monotonic(), []

    def progress(checker):
        last[:] = [checker]
        if checker.done and checker.done % 1000 == 0:
            print(f"# {checker.summary()}", file=sys.stderr, flush=True)

    failure = run(steps, progress)
    seconds = time.monotonic() - began
    if failure and not options.no_shrink:
        failure = shrink(failure)
    what = f"{last[0].summary() if last else 'nothing'}, seed {options.seed}, {seconds:.0f} s"
    print(f"{'not ok' if failure else 'ok'} - the server does as the model says ({what})")
    if failure:
        show(failure)
    sys.exit(1 if failure else 0)


if __name__ == "__main__":
    main()
