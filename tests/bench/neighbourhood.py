#!/usr/bin/env python3
"""How long a neighbourhood of sixteen boards takes, on virtual cables paced at 115200 baud: prints one JSON document.

    /usr/bin/python3 tests/bench/neighbourhood.py [ROUNDS]

start_certified_s   from the start of the first process until every board is certified
change_applied_s    from the call that changes one board's omega until every board applies the new optimum
change_certified_s  the same, until every board is certified
death_applied_s     from the kill of a board until all others apply their new optimum (the expiry of 4 s is in it)
Each is the median, the least and the most of ROUNDS (5).
"""
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import cases
from neighbourhood import PATIENCE_S, Neighbourhood


def applied(town, boards):
    """Waits until every board of `boards` applies the optimum of them all."""
    _, powers = cases.optimum(boards)
    town.ear.until(lambda _: all(abs(town.board(name).get("kw", -1) - kw) < 1e-3 for name, kw in powers.items()), PATIENCE_S,
                   "the new optimum is applied")


def timed(action, *arguments, **words):
    begin = time.monotonic()
    action(*arguments, **words)
    return time.monotonic() - begin


def one_round(omega):
    begin = time.monotonic()
    with Neighbourhood() as town:
        town.certified()
        figures = {"start_certified_s": time.monotonic() - begin}

        changed = ("L1", "consumer", omega, 0.0935, 91.79)
        begin = time.monotonic()
        town.tune(changed)
        applied(town, town.cases)
        figures["change_applied_s"] = time.monotonic() - begin
        price, _ = cases.optimum(town.cases)
        town.certified(fresh=False, also=lambda b: abs(b["lambda"] - price) < 1e-5)
        figures["change_certified_s"] = time.monotonic() - begin

        town.processes["DG2"].kill()
        figures["death_applied_s"] = timed(applied, town, [b for b in town.cases if b[0] != "DG2"])
    return figures


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    figures = [one_round(15 + i * 0.37) for i in range(rounds)]
    report = {"version": 1, "rounds": rounds, "boards": 16, "baud": 115200, "topology": "circulant 1, 2"}
    for name in figures[0]:
        values = [f[name] for f in figures]
        report[name] = {"median": round(statistics.median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
