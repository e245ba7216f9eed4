"""What is read from DATA, held against Postfix (tests/data_differential.py): streams written by hand,
and some random ones. Thousands of them: doc/proof.md."""

import random
import sys
import unittest

from harness import ROOT
from peers import Postfix

sys.path.insert(0, str(ROOT / "tests"))
from data_differential import Differential  # noqa: E402

SEED, STREAMS = 2026, 100


@unittest.skipIf(Postfix.missing(), Postfix.missing())
class DataDifferential(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.differential = cls.enterClassContext(Differential())

    def setUp(self):
        self.differential.outcomes.clear()

    def expect_the_same(self):
        for why, account in self.differential.differences():
            with self.subTest(why):
                self.fail(f"{why}\n{account}")

    def test_streams_written_by_hand_are_the_same_messages_to_us_and_to_postfix(self):
        self.differential.try_fixed(random.Random(SEED))
        self.expect_the_same()

    def test_random_streams_are_the_same_messages_to_us_and_to_postfix(self):
        self.differential.try_random(random.Random(SEED), STREAMS)
        self.expect_the_same()
