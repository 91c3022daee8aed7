#!/usr/bin/env python3
"""What sixteen boards at 115200 baud cost and how long commands take under noise: prints one JSON document.

    /usr/bin/python3 tests/bench/wires.py [--seconds 60] [--commands 300] [--only idle|converging|commands]

idle         nothing changes for --seconds: the share of each board's wire that is used, up (to the agent) and down; the pauses
             between a board's statuses on the bus (its heartbeat is 1 s); processor time of busbard, both agents, the wire
converging   one board's omega changes again and again: the same share from each call until every board applies the new optimum
commands     under each noise: calls that override one board's power, answered when the board has acknowledged, in ms; how many
             the board took; whether all boards stay certified and apply the optimum of Table 1
"""
import argparse
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import cases
from cables import processor_ms
from neighbourhood import PATIENCE_S, Neighbourhood

NOISES = {"none": ("faults 0 0", "bursts 0 1"), "500 ppm flipped, 500 ppm lost": ("faults 500 500", "bursts 0 1"),
          "1 % of frames lost in bursts of 3": ("faults 0 0", "bursts 10000 3"), "both": ("faults 500 500", "bursts 10000 3")}
PROGRAMS = ("busbard", "consumer-agent", "dg-agent", "wire")


def spread(values, digits=2):
    return {"median": round(statistics.median(values), digits), "least": round(min(values), digits), "most": round(max(values), digits)}


class Carried:
    """The bytes that each wire has carried since."""

    def __init__(self, town):
        self.town = town
        self.begin, self.before = time.monotonic(), self.count()

    def count(self):
        return {(name, end): self.town.wire_counters(name, end)["bytes"] for name in self.town.topics for end in ("agent", "board")}

    def shares(self):
        """Percent of 11 520 bytes a second, of all boards: up to the agent, and down to the board."""
        after, seconds = self.count(), time.monotonic() - self.begin
        percent = {key: (after[key] - self.before[key]) / seconds / 115.2 for key in after}
        return {way: [percent[name, end] for name in self.town.topics] for way, end in (("up", "agent"), ("down", "board"))}


def idle(town, seconds):
    town.certified()
    time.sleep(2)
    carried, spent = Carried(town), {name: processor_ms(town.processes[name].pid) for name in PROGRAMS}
    begin, heard, pauses = time.monotonic(), {}, []
    while (now := time.monotonic()) - begin < seconds:
        if not town.ear.socket.poll(100):
            continue
        topic, body = town.ear.socket.recv_multipart()[:2]
        if topic.startswith(b"Data/") and b'"frame"' not in body:  # its status, not what it tells its neighbours
            pauses += [now - heard[topic]] if topic in heard else []
            heard[topic] = now
    took = time.monotonic() - begin
    percent = {name: (processor_ms(town.processes[name].pid) - before) / took / 10 for name, before in spent.items()}
    shares = carried.shares()
    return {"seconds": round(took, 1), "wire_percent": {way: spread(values) for way, values in shares.items()},
            "pause_between_statuses_s": spread(pauses), "processor_percent": {n: round(p, 2) for n, p in percent.items()},
            "host_percent": round(sum(percent[n] for n in ("busbard", "consumer-agent", "dg-agent")), 2)}


def converging(town, rounds=20):
    shares, times = {"up": [], "down": []}, []
    for number in range(rounds):
        town.certified()
        carried = Carried(town)
        begin = time.monotonic()
        town.tune(("L1", "consumer", 15 + number % 5 * 0.5, 0.0935, 91.79))
        _, powers = cases.optimum(town.cases)
        town.ear.until(lambda _: all(abs(town.board(n).get("kw", -1) - kw) < 1e-3 for n, kw in powers.items()), PATIENCE_S, "applied")
        times.append(time.monotonic() - begin)
        for way, values in carried.shares().items():
            shares[way] += values
    town.tune(cases.TABLE_1[0])
    return {"rounds": rounds, "wire_percent": {way: spread(values) for way, values in shares.items()}, "applied_s": spread(times, 3)}


def one_noise(town, orders, count):
    for order in orders:
        town.wire.say(order)
    time.sleep(0.5)
    taken, times = town.commands_taken("L5"), []
    for number in range(count):
        begin = time.monotonic()
        town.call("L5", "board.override", kw=10 + number * 0.001)
        times.append((time.monotonic() - begin) * 1000)
    time.sleep(0.5)  # its log may be written again
    town.call("L5", "board.release")
    boards = town.certified(also=lambda b: b["mode"] == "automatic" and abs(b["lambda"] - cases.TABLE_1_LAMBDA) < 1e-4)
    _, powers = cases.optimum(cases.TABLE_1)
    times.sort()
    return {"sent": count + 1, "taken": town.commands_taken("L5") - taken,
            "worst_kw": round(max(abs(boards[n]["kw"] - kw) for n, kw in powers.items()), 6),
            "ms": {"p50": round(times[count // 2], 1), "p95": round(times[count * 95 // 100], 1),
                   "p99": round(times[count * 99 // 100], 1), "most": round(times[-1], 1)}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--commands", type=int, default=300)
    parser.add_argument("--only", choices=("idle", "converging", "commands"))
    words = parser.parse_args()
    report = {"version": 1, "boards": 16, "baud": 115200, "topology": "circulant 1, 2"}
    with Neighbourhood() as town:
        town.certified()
        if words.only in (None, "idle"):
            report["idle"] = idle(town, words.seconds)
        if words.only in (None, "converging"):
            report["converging"] = converging(town)
        if words.only in (None, "commands"):
            report["commands"] = {name: one_noise(town, orders, words.commands) for name, orders in NOISES.items()}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
