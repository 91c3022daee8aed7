#!/usr/bin/env python3
"""Hold, override, release and stop: they win over the algorithm and are seen everywhere."""
import unittest

import vip
from neighbourhood import PATIENCE_S, Neighbourhood


class Control(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.town = cls.enterClassContext(Neighbourhood())

    def setUp(self):
        self.before = self.town.certified()

    def tearDown(self):
        self.town.call("all", "board.release")
        self.town.certified(also=lambda b: b["mode"] == "automatic" and b["kw"] == b["setpoint_kw"])

    def until(self, name, condition, what):
        self.town.ear.until(lambda _: condition(self.town.board(name)), PATIENCE_S, f"{name}: {what}")
        return self.town.board(name)

    def test_override(self):
        self.town.call("L1", "board.override", kw=10)
        board = self.until("L1", lambda b: b["mode"] == "override" and b["kw"] == 10, "10 kW by override")
        self.assertAlmostEqual(board["setpoint_kw"], self.before["L1"]["kw"], delta=1e-6)
        # The board draws 42.4 kW less than it cleared: the audit of equation 8 shows it to boards that were not told.
        self.town.ear.until(lambda _: any(abs(self.town.board(n).get("mismatch_kw", 0)) > 0.5 for n in ("L6", "DG3")), PATIENCE_S,
                            "the mismatch is seen by others")

    def test_hold(self):
        held = self.before["L2"]["kw"]
        self.town.call("L2", "board.hold")
        self.until("L2", lambda b: b["mode"] == "hold", "hold")
        original = next(b for b in self.town.cases if b[0] == "DG2")
        self.town.tune(("DG2", "generator", 9.5, 0.0074, 179.1))
        price, powers = self.town.solve()
        board = self.until("L2", lambda b: abs(b["lambda"] - price) < 1e-5, "the new price")
        self.assertEqual(board["kw"], held)
        self.assertAlmostEqual(board["setpoint_kw"], powers["L2"], delta=1e-3)
        self.town.tune(original)

    def test_emergency_stop_of_all(self):
        self.town.call("all", "board.stop")
        for name in self.town.topics:
            self.until(name, lambda b: b.get("mode") == "stopped" and b["kw"] == 0, "stopped")

    def test_nonsense_is_refused_with_a_reason(self):
        for method, parameters in (("board.override", {"name": "L1", "kw": -1}), ("board.override", {"name": "L1", "kw": "much"}),
                                   ("board.override", {"name": "L1"}), ("board.hold", {"name": "nobody"}), ("board.hold", {}),
                                   ("board.parameter", {"name": "L1", "omega": 1e30}), ("board.fly", {"name": "L1"}),
                                   ("board.parameter", {"name": "L1", "omega": [1]})):
            with self.subTest(method=method, **{"with": parameters}), self.assertRaises(vip.Refused):
                self.town.peer.call("consumer-agent", method, parameters, PATIENCE_S)


if __name__ == "__main__":
    unittest.main()
