#!/usr/bin/env python3
"""The operator's words on both sides of an undecided move: right ones, and wrong ones, which come out."""
import json
import unittest

from agents import eventually
from movers import UndecidedCase


class Words(UndecidedCase):
    def test_undecided_is_decided_by_the_operator_there(self):
        self.undecided()
        run = self.a.busbar("agent", "move", "counter", "--resolve", "there", "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(json.loads(run.stdout)["move"]["phase"], "left")
        self.assertEqual(self.a.state("counter"), "moved")
        run = self.b.busbar("agent", "move", "counter", "--resolve", "here")
        self.assertEqual(run.returncode, 0, run.stderr)
        eventually(self.b.runs, "it runs there")
        self.heal()
        self.assertEqual(self.settled(), "b")
        self.assertFalse(self.a.installed())

    def test_a_wrong_word_comes_out(self):
        a, b = self.a, self.b
        self.undecided()
        self.assertEqual(b.busbar("agent", "move", "counter", "--resolve", "here").returncode, 0)
        eventually(b.runs, "it runs there")
        self.assertEqual(a.busbar("agent", "move", "counter", "--resolve", "here").returncode, 0)
        eventually(lambda: a.state("counter") == "running", "it runs here, too: both operators said so")
        self.heal()
        eventually(lambda: len(a.runs() + b.runs()) <= 1, "they have found out")
        eventually(lambda: "undecided" in (a.installed() and a.state("counter"), b.installed() and b.state("counter")), "it is told")


if __name__ == "__main__":
    unittest.main()
