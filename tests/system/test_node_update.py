#!/usr/bin/env python3
"""The boards as machines, by the command line: images over the link, rollback, settings, enrolment, logs, restarts. Real busbar-node with
cards, on paced cables."""
import json
import os
import pathlib
import subprocess
import threading
import unittest

import vip
from neighbourhood import BIN, PATIENCE_S, Neighbourhood, board_file, wait_until

BOARDS = [("L1", "consumer", 17.17, 0.0935, 91.79), ("L2", "consumer", 12.28, 0.0417, 147.29), ("DG1", "generator", 6.71, 0.0031, 113.23),
          ("DG2", "generator", 5.53, 0.0074, 179.10)]
# Images without sanitizers, built beside the tests: a later version, and one that aborts at once.
IMAGES = pathlib.Path(os.environ.get("BUSBAR_IMAGES") or BIN.parent / "tests")
NEXT, BAD = IMAGES / "image-next", IMAGES / "image-bad-1"


class Town(Neighbourhood):
    """Boards that keep themselves on cards."""

    def __init__(self):
        super().__init__(BOARDS, topology="complete", by_agent=("DG1",))

    def card(self, name):
        return self.home / "boards" / f"{name}.card"

    def start_board(self, name):
        subprocess.run([BIN / "busbar-node", "--card", self.card(name), "--format", "--config", self.home / "boards" / f"{name}.board"],
                       check=True, capture_output=True, timeout=PATIENCE_S)
        self.run(name, BIN / "busbar-node", "--card", self.card(name), "--trial", 10, "--port", self.cable(name, "board"))

    def command(self, *words):
        return [BIN / "busbar", "node", *words, "--home", self.home]

    def node(self, *words, code=0, stdin=None):
        """Standard output and error of `busbar node …`, which must end with this code."""
        done = subprocess.run([str(w) for w in self.command(*words)], input=stdin, capture_output=True, text=True, timeout=2 * PATIENCE_S)
        if done.returncode != code:
            raise AssertionError(f"{words}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    def known(self, name):
        """The node object of a board."""
        return json.loads(self.node("show", name, "--json")[0])

    def listed(self):
        return json.loads(self.node("list", "--json")[0])["nodes"]

    def update(self, name):
        """What the agent says of the update under way, {} when nothing."""
        return self.ear.last.get(f"boards/{name}/update", {})


class Update(threading.Thread):
    """`busbar node update` beside what the test does."""

    def __init__(self, town, *words):
        super().__init__()
        self.town, self.words, self.done = town, words, None
        self.start()

    def run(self):
        self.done = subprocess.run([str(w) for w in self.town.command("update", *self.words)], capture_output=True, text=True,
                                   timeout=4 * PATIENCE_S)

    def result(self):
        self.join()
        return self.done


class Nodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.town = Town().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.town.__exit__(None, None, None)

    def setUp(self):
        self.town.certified(wait_s=PATIENCE_S)

    def on_the_way(self, name, least=8000):
        """Waits until so many bytes of an image have gone to a board."""
        self.town.ear.until(lambda _: self.town.update(name).get("received", 0) >= least, PATIENCE_S, f"an image on its way to {name}")

    def test_1_list_show_log(self):
        nodes = {n["name"]: n for n in self.town.listed()}
        self.assertEqual(set(nodes), set(self.town.topics))
        self.assertEqual({(n["running"], n["state"], n["online"], n["enrolled"]) for n in nodes.values()}, {("built in", "confirmed", True, True)})
        self.assertEqual(nodes["DG1"]["features"], ["dispatch", "firmware", "card"])
        self.assertIn("built in", self.town.node("list")[0])
        self.assertIn("board,id,kind", self.town.node("list", "--csv")[0])
        self.assertIn("last start", self.town.node("show", "L1")[0])
        self.assertIn("no board is named", self.town.node("show", "L9", code=3)[1])
        lines = self.town.node("log", "L1", "--count", 3)[0].splitlines()
        self.assertTrue(0 < len(lines) <= 3, lines)
        self.assertRegex(lines[0], r"^\d+\.\d+ ")

    def test_2_update_goes_on_through_everything(self):
        """Two boards are sent an image at once, with the dispatch at work: one cable is pulled in the middle while that board loses its
        power, and the other board's agent is killed."""
        first, second = Update(self.town, "L1", NEXT), Update(self.town, "DG1", NEXT, "--json")
        self.on_the_way("L1")
        self.on_the_way("DG1")
        tuned = ("DG2", "generator", 7.1, 0.0074, 179.10)
        self.town.tune(tuned)
        price, powers = self.town.solve()
        boards = self.town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5)
        for name, board in boards.items():
            self.assertAlmostEqual(board["kw"], powers[name], delta=1e-3)
        self.assertTrue(first.is_alive() and second.is_alive(), "the neighbourhood dispatched while images were on their way")
        self.town.wire.say(f"unplug {self.town.cable('L1', 'agent')}")
        self.town.processes["dg-agent"].kill()
        wait_until(lambda: not self.town.known("L1")["online"], PATIENCE_S, "L1 is offline")
        self.town.processes["L1"].kill()  # and its power fails, too
        self.town.processes["L1"].start()
        self.town.wire.say(f"replug {self.town.cable('L1', 'agent')}")
        self.town.start_agent("dg-agent")
        done = first.result()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^L1: runs 0\.2\.0 from slot A, confirmed; it ran \d+\.\d+\.\d+ before$")
        self.assertEqual(done.stderr, "")
        done = second.result()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([n["result"] for n in json.loads(done.stdout)["nodes"]], ["done"])
        for name in ("L1", "DG1"):
            node = self.town.known(name)
            self.assertEqual((node["firmware"], node["running"], node["state"], node["cause"]), ("0.2.0", "A", "confirmed", "update"))
        self.town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5)

    def test_3_rollback(self):
        before = self.town.known("L2")
        _, told = self.town.node("update", "L2", BAD, code=6)
        self.assertRegex(told, "L2: rolled back: .*; its log says: ended by signal 6")
        wait_until(lambda: self.town.known("L2")["state"] == "rolled back", PATIENCE_S, "the board says so, too")
        after = self.town.known("L2")
        self.assertEqual((after["running"], after["state"], after["firmware"]), (before["running"], "rolled back", before["firmware"]))
        self.assertEqual(after["update"]["phase"], "rolled back")

    def test_4_refusals(self):
        junk = self.town.home / "junk"
        junk.write_bytes(b"no image at all" * 100)
        self.assertIn("refused: FIRMWARE: ", self.town.node("update", "L2", junk, code=6)[1])
        junk.write_bytes(bytes(1024 * 1024 + 1))
        self.town.node("update", "L2", junk, code=2)
        self.town.node("update", "L2", self.town.home / "nothing", code=3)
        self.town.node("update", "L9", NEXT, code=3)
        self.town.processes["dg-agent"].kill()
        self.assertIn("dg-agent, which serves DG2, is not on the bus", self.town.node("show", "DG2", code=4)[1])
        self.assertIn("dg-agent", self.town.node("update", "DG2", NEXT, code=4)[1])
        self.town.start_agent("dg-agent")
        self.assertIn("SETTINGS", self.town.node("configure", "L2", "colour=blue", code=6)[1])
        self.town.node("configure", "L2", "pmax_kw", code=2)
        for change in ("id=7", "name=L7", "kind=generator"):  # the board would come back as one that nobody can reach
            self.assertIn("id 2, name L2 and kind consumer stay", self.town.node("configure", "L2", change, code=6)[1])
        self.assertIn("stay", self.town.node("configure", "L2", "--config", "-", stdin=board_file(7, BOARDS[1]), code=6)[1])
        self.assertIn("did not come up", self.town.node("reset", "L2", "--other-slot", code=6)[1])  # the one that was rolled back
        self.town.node("enroll", self.town.cable("L2", "agent"), "L2", "--config", self.town.home / "boards/L2.board", code=3)

    def test_4_nonsense_of_callers(self):
        piece = {"name": "L2", "total": 10, "crc32": 1, "offset": 0, "data": "AAAA"}
        for method, parameters in (("node.update", {}), ("node.update", {**piece, "total": 2 ** 40}), ("node.update", {**piece, "offset": 9}),
                                   ("node.update", {**piece, "offset": -1}), ("node.update", {**piece, "data": "?"}),
                                   ("node.update", {**piece, "data": 5}), ("node.update", {**piece, "total": 3}),
                                   ("node.update", {**piece, "total": 2 ** 21}), ("node.update", {**piece, "name": ["L2"]}),
                                   ("node.reset", {"name": "L2"}), ("node.reset", {"name": "L2", "what": "burn"}), ("node.reset", {}),
                                   ("node.configure", {"name": "L2"}), ("node.configure", {"name": "L2", "settings": ""}),
                                   ("node.configure", {"name": "L2", "settings": "x" * 4097}), ("node.enroll", {"name": "L2"}),
                                   ("node.enroll", {"port": "/dev/null", "name": "L2", "settings": "id 1"}),
                                   ("node.log", {"name": "L2", "lines": 0}), ("node.log", {"name": "L2", "lines": 1000})):
            with self.subTest(method=method, **{"with": parameters}), self.assertRaises(vip.Refused):
                self.town.peer.call("consumer-agent", method, parameters, PATIENCE_S)
        self.assertTrue(self.town.known("L2")["online"])

    def test_5_configure_and_restart(self):
        boots = self.town.known("L2")["boots"]
        self.assertEqual(self.town.node("configure", "L2", "pmax_kw=20")[0], "L2: configured, and restarted\n")
        self.town.cases = [(*b[:4], 20) if b[0] == "L2" else b for b in self.town.cases]
        price, powers = self.town.solve()
        self.assertEqual(powers["L2"], 20)
        self.town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5)
        self.assertEqual(self.town.known("L2")["cause"], "settings")
        self.assertEqual(json.loads(self.town.node("reset", "L2", "--json")[0])["name"], "L2")
        node = self.town.known("L2")
        self.assertEqual((node["cause"], node["boots"]), ("asked", boots + 2))
        self.town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5)

    def test_6_enroll(self):
        self.town.node("reset", "L2", "--forget", code=2)  # there is no terminal to ask on
        self.assertEqual(self.town.node("reset", "L2", "--forget", "--yes")[0], "L2: not enrolled any more\n")
        wait_until(lambda: any(not n["enrolled"] for n in self.town.listed()), PATIENCE_S, "a board that is not enrolled")
        stranger = next(n for n in self.town.listed() if not n["enrolled"])
        self.assertEqual((stranger["name"], stranger["id"], stranger["online"]), (None, 65535, True))
        self.assertTrue(stranger["port"].endswith("L2.agent"))
        self.assertFalse(self.town.known("L2")["online"])
        self.assertIn("offline", self.town.node("update", "L2", NEXT, code=4)[1])
        file = self.town.home / "boards/L2.board"
        wrong = board_file(7, BOARDS[1])
        self.assertIn("id 7", self.town.node("enroll", stranger["port"], "L2", "--config", "-", stdin=wrong, code=6)[1])
        self.assertIn("that of L2, not of L1", self.town.node("enroll", stranger["port"], "L1", "--config", file, code=6)[1])
        self.assertEqual(self.town.node("enroll", stranger["port"][len("pty:"):], "L2", "--config", file)[0], "L2: enrolled\n")
        self.town.cases = [BOARDS[1] if b[0] == "L2" else b for b in self.town.cases]
        price, _ = self.town.solve()
        self.town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5)
        self.assertEqual(len(self.town.listed()), len(BOARDS))


if __name__ == "__main__":
    unittest.main()
