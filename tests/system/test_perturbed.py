#!/usr/bin/env python3
"""Other parameters, set at run time and from the start: real processes agree with the exact optimum. BUSBAR_SEED repeats a run."""
import os
import unittest

import cases
from neighbourhood import Neighbourhood

SEED = int(os.environ.get("BUSBAR_SEED", "20170403"))
ROUNDS = int(os.environ.get("BUSBAR_ROUNDS", "50"))


class Perturbed(unittest.TestCase):
    def compare(self, town, boards, label):
        _, powers = town.solve()
        for name, board in boards.items():
            self.assertAlmostEqual(board["kw"], powers[name], delta=2e-4, msg=f"{label}: {name}")

    def test_perturbations_at_run_time(self):
        chance = cases.chance_of(SEED)
        print(f"\nseed {SEED}, {ROUNDS} perturbations", flush=True)
        with Neighbourhood() as town:
            town.certified()
            for number in range(ROUNDS):
                before = town.board("L1")["digest"]
                for board in cases.perturbed(cases.TABLE_1, chance):
                    town.tune(board)
                # A certificate for the old parameters cannot have the new digest; the last change decides.
                price, _ = town.solve()
                boards = town.certified(also=lambda b, old=before, price=price:
                                        b["digest"] != old and abs(b["lambda"] - price) < 1e-5)
                self.compare(town, boards, f"seed {SEED}, perturbation {number}")

    def test_parameters_survive_a_restart(self):
        with Neighbourhood(cases.TABLE_1[:3] + cases.TABLE_1[10:12], topology="ring") as town:
            town.certified()
            town.tune(("L1", "consumer", 15.0, 0.1, 40.0))
            price, _ = town.solve()
            town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5)
            town.processes["L1"].kill()
            town.certified([n for n in town.topics if n != "L1"])
            town.processes["L1"].start()
            self.compare(town, town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5), "after a restart")


def add_fresh(count, topology):
    def test(self):
        seed = SEED + count
        with Neighbourhood(cases.random_case(count, cases.chance_of(seed)), topology=topology) as town:
            self.compare(town, town.certified(), f"seed {seed}, {count} boards, {topology}")

    setattr(Perturbed, f"test_fresh_{count}_boards_{topology}", test)


for count, topology in ((2, "complete"), (3, "ring"), (5, "circulant"), (12, "ring"), (16, "complete"), (40, "circulant")):
    add_fresh(count, topology)

if __name__ == "__main__":
    unittest.main()
