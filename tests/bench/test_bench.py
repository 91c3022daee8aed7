#!/usr/bin/env python3
"""busbar-bench tells what it takes, refuses what it cannot measure, and says so. What it measures is no test."""
import os
import pathlib
import subprocess
import unittest

BENCH = pathlib.Path(os.environ["BUSBAR_BIN"]) / "busbar-bench"


def run(*words):
    return subprocess.run([BENCH, *words], capture_output=True, text=True, timeout=20)


class Arguments(unittest.TestCase):
    def test_help(self):
        for part in ("bus", "chain", "crypto", "historian", "ledger", "ledger-bus", "market"):
            done = run(part, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), part)
            self.assertTrue(done.stdout.startswith(f"usage: busbar-bench {part}"), done.stdout)

    def test_what_cannot_be_measured(self):
        for words in (("bus", "--seconds", "0.01"), ("bus", "--seconds", "nan"), ("bus", "--rounds", "0"), ("bus", "--only", "x"),
                      ("bus", "--pairs", "33"), ("bus", "--what"), ("bus", "more"), ("historian", "7"), ("nothing",), ()):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn("usage: busbar-bench", done.stderr)


if __name__ == "__main__":
    unittest.main()
