"""The model checker (tests/imap_model.py), a short run of it. Long runs: doc/proof.md."""

import os
import subprocess
import sys
import unittest

from harness import ROOT

SEED, STEPS = 2026, 1500


class Model(unittest.TestCase):
    def test_random_operations_of_many_clients_do_what_the_model_says(self):
        result = subprocess.run(
            [sys.executable, ROOT / "tests/imap_model.py", "--seed", str(SEED), "--steps",
             str(STEPS)], capture_output=True, text=True, timeout=600, check=False,
            env=os.environ)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
