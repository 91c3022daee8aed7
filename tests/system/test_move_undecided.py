#!/usr/bin/env python3
"""Moves that neither side can decide: nothing runs, it is reported, and the answer or the operator decides."""
import unittest

from agents import eventually
from movers import UndecidedCase


class Undecided(UndecidedCase):
    def test_undecided_is_decided_by_the_answer(self):
        self.undecided()
        # Not even restarts of both start it.
        for platform in (self.a, self.b):
            platform.kill(platform.agentd)
            platform.start_agentd("--config", platform.home / "agentd.json")
            eventually(platform.answers, "agentd")
        self.assertEqual((self.a.runs(), self.b.runs()), ([], []))
        self.heal()
        self.assertEqual(self.settled(), "b")
        self.assertFalse(self.a.installed())

    def test_undecided_is_decided_by_the_operator_here(self):
        self.undecided()
        run = self.a.busbar("agent", "move", "counter", "--resolve", "here")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"^counter: runs here \(the move is kept")
        eventually(self.a.runs, "it runs here")
        self.heal()
        self.assertEqual(self.settled(), "a")
        self.assertFalse(self.b.installed())


if __name__ == "__main__":
    unittest.main()
