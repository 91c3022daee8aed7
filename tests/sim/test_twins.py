#!/usr/bin/env python3
"""Sixteen whole boards on noisy wires in virtual time: repeatable, right whatever the noise; and, where they were built for another
processor, frame for frame and bit for bit what this processor's build says (BUSBAR_HOST_BIN).

By hand: BUSBAR_BIN=build/armhf/emulated BUSBAR_BUILD=build/armhf BUSBAR_HOST_BIN=build/release/bin tests/sim/test_twins.py
"""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import cases

BIN, BUILD = pathlib.Path(os.environ["BUSBAR_BIN"]), pathlib.Path(os.environ["BUSBAR_BUILD"])
EMULATED = BIN.name == "emulated"
TWIN = BIN / "busbar-twin" if EMULATED else BUILD / "tests/busbar-twin"
HOST = pathlib.Path(os.environ["BUSBAR_HOST_BIN"]).parent / "tests/busbar-twin"
SEED = int(os.environ.get("BUSBAR_SEED", "2026"))
FULL = BUILD.name == "release"  # sanitizers are slow, and some worlds are enough for them
METHODS = ("curves", "incremental-cost")


def run(program, *words):
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=True, timeout=100).stdout


def fields(line):
    return dict(word.split("=") for word in line.split()[1:])


def results(text):
    """({name: fields}, the commands' fields)."""
    boards, commands = {}, {}
    for line in text.splitlines():
        if line.startswith("commands"):
            commands = fields(line)
        elif not line.startswith("all"):
            boards.setdefault(line.split()[0], {}).update(fields(line))
    return boards, commands


@unittest.skipUnless(EMULATED, "the two builds are one")
class SameOnBoth(unittest.TestCase):
    def test_frames_and_results_are_the_same_to_the_bit(self):
        worlds = set()
        for method in METHODS:
            for seed, ms in ((SEED, 6000), (SEED + 1, 3000)):
                with self.subTest(method=method, seed=seed):
                    words = ("--method", method, "--seed", seed, "--ms", ms, "--frames")
                    here, there = run(HOST, *words), run(TWIN, *words)
                    self.assertGreater(len(here.splitlines()), 2000)  # most of them frames
                    for number, (a, b) in enumerate(zip(here.splitlines(), there.splitlines())):
                        self.assertEqual(a, b, f"line {number}")
                    self.assertEqual(here, there)
                    worlds.add(there)
        self.assertEqual(len(worlds), 4)  # and the comparison can fail

    def test_a_long_run_ends_the_same(self):
        words = ("--seed", SEED, "--commands", 20, "--ms", 8000)
        self.assertEqual(run(HOST, *words), run(TWIN, *words))


@unittest.skipIf(EMULATED, "this processor's build is fast enough for it")
class OneSeedOneWorld(unittest.TestCase):
    def test_what_differs_and_what_does_not(self):
        short = ("--ms", 3000)
        first = run(TWIN, "--seed", SEED, *short)
        self.assertEqual(first, run(TWIN, "--seed", SEED, *short))
        self.assertNotEqual(first, run(TWIN, "--seed", SEED + 1, *short))
        self.assertNotEqual(first, run(TWIN, "--seed", SEED, "--method", METHODS[1], *short))
        self.assertNotEqual(first, run(TWIN, "--seed", SEED, "--flip", 301, *short))

    def test_its_command_line(self):
        for words in (("--seed",), ("--seed", "x"), ("--burst", "500001"), ("--method", "guess"), ("--what",)):
            done = subprocess.run([TWIN, *words], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, words)


@unittest.skipIf(EMULATED, "this processor's build is fast enough for it")
class RightWhateverTheNoise(unittest.TestCase):
    NOISES = {"500 ppm flipped, 500 ppm lost": (500, 500, 0), "1 % of the frames lost in bursts": (0, 0, 10000),
              "both": (500, 500, 10000)}

    def test_certified_and_correct(self):
        for name, (flip, drop, burst) in self.NOISES.items():
            for seed in range(SEED, SEED + (3 if FULL else 1)):
                with self.subTest(name, seed=seed):
                    boards, _ = results(run(TWIN, "--seed", seed, "--flip", flip, "--drop", drop, "--burst", burst, "--ms", 12000))
                    town = [(n, b["kind"], int(b["intercept"]) / 1e6, int(b["slope"]) / 1e6, int(b["pmax"]) / 1e6)
                            for n, b in boards.items()]
                    _, powers = cases.optimum(town)
                    for board, kw in powers.items():
                        self.assertAlmostEqual(int(boards[board]["applied_mw"]) / 1e6, kw, delta=2e-4, msg=board)
                        self.assertEqual((boards[board]["certified"], boards[board]["live"]), ("1", "16"), board)
                    self.assertEqual(len({b["digest"] for b in boards.values()}), 1)
                    self.assertEqual((boards["L1"]["parameters"], boards["L2"]["commands"]), ("1", "2"))

    def test_commands_arrive_once_each(self):
        count, ms = (500, 60000) if FULL else (50, 8000)
        print()
        for name, (flip, drop, burst) in {"no noise": (0, 0, 0), **self.NOISES}.items():
            with self.subTest(name):
                _, told = results(run(TWIN, "--seed", SEED, "--flip", flip, "--drop", drop, "--burst", burst, "--commands", count,
                                      "--ms", ms))
                print(f"{name}: {told}", flush=True)
                self.assertEqual((told["sent"], told["acknowledged"], told["taken"]), (str(count),) * 3)


if __name__ == "__main__":
    unittest.main()
