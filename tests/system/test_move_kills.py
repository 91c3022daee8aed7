#!/usr/bin/env python3
"""test_move_kills.py [--seed N] [--kills N]: one of the six processes that a move needs is killed at a phase of it, read from the disks of both
platforms, again and again: the agent never runs twice, and in the end once. Prints its seed and takes one (BUSBAR_SEED)."""
import argparse
import os
import random
import sys
import time
import unittest

from agents import eventually
from movers import pair, start_counter

PHASES = {"a": ("offering", "stopping", "writing", "given", "moved"), "b": ("offered", "received", "owned")}
VICTIMS = [(side, process) for side in "ab" for process in ("agentd", "federation", "broker")]
SEED = int(os.environ.get("BUSBAR_SEED") or random.randrange(10**6))
KILLS = 8


class Kills(unittest.TestCase):
    def setUp(self):
        self.a, self.b = pair(self)
        self.lock = start_counter(self.a)

    def where(self):
        """The platform that runs it, when one does and no move is under way."""
        def check():
            if not all(m["over"] or m["phase"] == "owned" for p in (self.a, self.b) for m in p.moves()):
                return None
            running = [p for p in (self.a, self.b) if p.runs()]
            self.assertLessEqual(len(running), 1)
            return running and running[0]
        try:
            return eventually(check, "it runs somewhere", 40)
        except AssertionError as error:
            told = [(p.name, p.call("agent.list")["agents"], p.moves()[:3], (p.home / "log").read_text()[-3000:]) for p in (self.a, self.b)]
            raise AssertionError(f"{error}: {told}") from error

    def strike(self, platform, process):
        """kill -9, and a new one as an operator or systemd would start it."""
        victim = getattr(platform, process)
        platform.kill(victim)
        time.sleep(0.05)
        if process == "broker":
            platform.start_broker()
            platform.renew()
        elif process == "federation":
            platform.start_federation()
        else:
            platform.start_agentd("--config", platform.home / "agentd.json")

    def await_phase(self, giver, taker, side, phase):
        """Until the disk says so, or the move is past it."""
        deadline = time.monotonic() + 5
        old = {p: p.newest() for p in (giver, taker)}
        giver.call("move.start", name="counter", platform=taker.name, wait=False)
        platform = giver if side == "a" else taker
        while time.monotonic() < deadline:
            newest = platform.newest()
            if newest is not None and newest != old[platform] and (newest[0] != (old[platform] or ("",))[0]):
                if newest[1] == phase or newest[1] in ("moved", "ended", "owned", "settled"):
                    return

    def test_at_most_one_runs(self):
        chance = random.Random(SEED)
        print(f"BUSBAR_SEED={SEED}", flush=True)
        moved = 0
        for kill in range(KILLS):
            giver = self.where()
            taker = self.b if giver is self.a else self.a
            for platform in (giver, taker):
                eventually(platform.linked, f"{platform.name} is linked")
            side = chance.choice("ab")
            phase = chance.choice(PHASES[side])
            who, process = chance.choice(VICTIMS)
            with self.subTest(kill=kill, phase=phase, victim=f"{process} that {'gives' if who == 'a' else 'takes'}"):
                self.await_phase(giver, taker, side, phase)
                self.strike(giver if who == "a" else taker, process)
                for platform in (giver, taker):
                    eventually(platform.answers, f"agentd of {platform.name}")
                there = self.where()
                moved += there is taker
                self.assertIsNone(there.saved("twice"))
                other = giver if there is taker else taker
                eventually(lambda: not other.installed(), f"nothing is left on {other.name}", 20)
        print(f"{KILLS} kills, {moved} of these moves arrived", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kills", type=int, default=KILLS)
    given, rest = parser.parse_known_args()
    SEED, KILLS = given.seed, given.kills
    unittest.main(argv=[sys.argv[0], *rest])
