#!/usr/bin/env python3
"""Runs the how-to's: each script of tests/howto does by settings and commands what its text says,
on a server of its own, and reads back with real clients.

    tests/run_howto.py [NAME-PART ...]
"""

import importlib
import sys
import unittest
from pathlib import Path

from run_system import OneLinePerTest, selected

FOLDER = Path(__file__).resolve().parent / "howto"
sys.path.insert(0, str(FOLDER))


def main():
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem != "howto":  # what they share
            suite.addTest(loader.loadTestsFromModule(importlib.import_module(path.stem)))
    result = OneLinePerTest()
    selected(suite, sys.argv[1:]).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
