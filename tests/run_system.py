#!/usr/bin/env python3
"""Runs the system tests: real clients and servers against a running mailroot.

    tests/run_system.py [NAME-PART ...]

One line per test: its name is the sentence. Each class of tests starts the servers it needs.
"""

import importlib
import sys
import time
import traceback
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "system"
sys.path.insert(0, str(FOLDER))
from harness import begin_test, release_ports, servers_of_test  # noqa: E402
from smtp_sink import Sink  # noqa: E402  (harness puts tools/ on the path)

LOG_LINES = 500


def accounts_of_sinks(test):
    """What the sinks got that a test or its class has as attributes, also in a list or by names."""
    test = getattr(test, "test_case", test)  # of a subtest
    for name, value in {**vars(type(test)), **vars(test)}.items():
        several = value.values() if isinstance(value, dict) else (
            value if isinstance(value, (list, tuple)) else [value])
        for sink in several:
            if isinstance(sink, Sink):
                yield f"--- {name}: {sink.account()}"


class OneLinePerTest(unittest.TestResult):
    """`ok - sentence`, `not ok - sentence` with the trace indented, `ok - ... # skip why`."""

    def startTest(self, test):
        super().startTest(test)
        begin_test()
        self.began = time.monotonic()

    @staticmethod
    def _sentence(test):
        test = getattr(test, "test_case", test)  # of a subtest
        name = getattr(test, "_testMethodName", None)
        return name.removeprefix("test_").replace("_", " ") if name else str(test)

    def addSuccess(self, test):
        slow = time.monotonic() - self.began
        note = f" [{slow:.1f} s]" if slow > 3 else ""
        print(f"ok - {self._sentence(test)}{note}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"ok - {self._sentence(test)} # skip {reason}", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._print_failure(test, error)

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._print_failure(subtest, error)

    def _print_failure(self, test, error):
        print(f"not ok - {self._sentence(test)}")
        for line in "".join(traceback.format_exception(*error)).splitlines()[-60:]:
            print(f"    {line}")
        for text in [*accounts_of_sinks(test), *(server.account() for server in servers_of_test())]:
            for line in text.splitlines()[-LOG_LINES:]:
                print(f"    {line}")
        sys.stdout.flush()


class OneClass(unittest.TestSuite):
    """When its tests are done others may have their ports: each that is claimed is a descriptor,
    and select(2) takes none above 1023."""

    def run(self, result, debug=False):
        super().run(result, debug)
        release_ports()
        return result


def selected(suite, parts):
    """The tests whose module, class or name contains one of the parts."""
    chosen = OneClass()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            chosen.addTest(selected(test, parts))
        elif not parts or any(part in test.id() for part in parts):
            chosen.addTest(test)
    return chosen


def main():
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for path in sorted(FOLDER.glob("*_test.py")):
        if path.stem != "crash_test":  # a program of its own
            suite.addTest(loader.loadTestsFromModule(importlib.import_module(path.stem)))
    result = OneLinePerTest()
    selected(suite, sys.argv[1:]).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
