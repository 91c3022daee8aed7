#!/usr/bin/env python3
"""Moves that neither side can decide: nothing runs, it is reported, and the answer or the operator decides. The link lets the agent through
and not the word that it is given away: the platforms' own rules are the tool."""
import json
import unittest

import vip
from agents import eventually
from movers import counter, pair, start_counter


class Undecided(unittest.TestCase):
    def setUp(self):
        self.a, self.b = pair(self)

    def undecided(self):
        """The agent was given to b, and neither can say so to the other."""
        a, b = self.a, self.b
        start_counter(a)
        b.allow("agentd/move.offer", "agentd/move.write")
        a.allow("agentd/directory.lookup")
        for platform in (a, b):
            eventually(platform.linked, "linked")
        ear = vip.Ear(a.home, "alerts/", key="boss")
        self.addCleanup(ear.close)
        run = a.busbar("agent", "move", "counter", "b")
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn("undecided: counter was given to b", run.stderr)
        ear.until(lambda last: last.get("alerts/agent/counter", {}).get("alert") == "move-undecided", 10, "the alert")
        self.assertEqual((a.state("counter"), b.installed()), ("undecided", True))
        self.assertEqual((a.runs(), b.runs()), ([], []))
        for method in ("agent.start", "agent.remove"):
            with self.assertRaises(vip.Refused):
                a.call(method, name="counter")
        with self.assertRaises(vip.Refused):
            b.call("agent.start", name="counter")
        with self.assertRaises(vip.Refused):
            a.install(counter(), config={"lock": "x"}, replace=True)
        self.assertEqual(a.busbar("agent", "move", "counter", "b").returncode, 6)

    def heal(self):
        self.a.allow()
        self.b.allow()

    def settled(self):
        """At most one runs, and in the end one does; where."""
        def check():
            calm = all(m["over"] or m["phase"] == "owned" for p in (self.a, self.b) for m in p.moves())
            return calm and len(self.a.runs() + self.b.runs()) == 1
        eventually(check, "it is settled")
        self.assertEqual((self.a.saved("twice"), self.b.saved("twice")), (None, None))
        return "a" if self.a.runs() else "b"

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
