#!/usr/bin/env python3
"""Who runs the dispatch, and by which method, does not change where it ends."""
import unittest

import cases
from neighbourhood import Neighbourhood


class Methods(unittest.TestCase):
    def compare(self, boards, delta):
        _, powers = cases.optimum(cases.TABLE_1)
        for name, board in boards.items():
            self.assertAlmostEqual(board["kw"], powers[name], delta=delta, msg=name)

    def test_boards_that_only_measure_and_obey(self):
        with Neighbourhood() as town:
            alone = town.certified()
        with Neighbourhood(by_agent=("L1", "L4", "L9", "DG1", "DG6")) as town:
            mixed = town.certified(also=lambda b: b["kw"] == b["setpoint_kw"])
        self.compare(mixed, 2e-4)
        for name in alone:
            self.assertEqual(mixed[name]["kw"], alone[name]["kw"], name)
            self.assertEqual(mixed[name]["digest"], alone[name]["digest"], name)

    def test_every_board_by_its_agent(self):
        with Neighbourhood(by_agent=[b[0] for b in cases.TABLE_1]) as town:
            self.compare(town.certified(also=lambda b: b["kw"] == b["setpoint_kw"]), 2e-4)

    def test_incremental_cost_on_the_complete_graph(self):
        with Neighbourhood(method="incremental-cost", topology="complete") as town:
            boards = town.certified()
        self.compare(boards, 0.05)
        for name, board in boards.items():
            self.assertAlmostEqual(board["lambda"], cases.TABLE_1_LAMBDA, delta=0.001, msg=name)

    def test_a_ring(self):
        with Neighbourhood(topology="ring") as town:
            boards = town.certified()
        self.compare(boards, 2e-4)
        self.assertLessEqual(max(board["depth"] for board in boards.values()), 8)


if __name__ == "__main__":
    unittest.main()
