#!/usr/bin/env python3
"""One whole board among fifteen programs for ARM: it starts from its SD card while the host talks, is found new, gets its place over
the link, and takes part in the dispatch of Table 1; a power cut later it has its place still."""
import time
import unittest

import cases
import vip
from neighbourhood import PATIENCE_S, Neighbourhood, board_file
from whole_board import FIRMWARE, make_card, program, whole

NAME = "L5"


class Mixed(Neighbourhood):
    """Table 1 with one whole board."""

    def furnish(self):
        super().furnish()
        self.card = self.home / "card.img"
        make_card(self.card)

    def start_board(self, name):
        if name == NAME:
            self.run(name, *whole(self.card, self.cable(name, "board")))
        else:
            self.run(name, *program(self.home / "boards" / f"{name}.board", self.cable(name, "board")))

    def nodes(self):
        """Of the agent of the whole board: what it knows of boards as machines; nothing while it is not on the bus."""
        try:
            return self.peer.call(self.agent_of[NAME], "nodes", {}, PATIENCE_S)
        except vip.Refused:
            return []

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = next((node for node in self.nodes() if condition(node)), None)
            if found:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: {self.nodes()}")
            time.sleep(0.1)

    def enroll(self):
        number = [board[0] for board in self.cases].index(NAME) + 1
        return self.peer.call(self.agent_of[NAME], "node.enroll", {"port": "pty:" + self.cable(NAME, "agent"), "name": NAME,
                                                                   "settings": board_file(number, self.cases[number - 1])}, PATIENCE_S)


@unittest.skipUnless(FIRMWARE.exists(), "the preset armhf is not built")
class WholeBoard(unittest.TestCase):
    def agrees(self, town):
        price, powers = town.solve()
        for name, board in town.certified().items():
            self.assertAlmostEqual(board["kw"], powers[name], delta=0.001, msg=name)
            self.assertAlmostEqual(board["lambda"], price, delta=0.0005, msg=name)

    def test_it_starts_from_its_card_is_enrolled_and_takes_part(self):
        with Mixed(cases.TABLE_1) as town:
            port = "pty:" + town.cable(NAME, "agent")
            # U-Boot, the kernel and PID 1, with an agent that talks to the same line all the time.
            new = town.wait_for(lambda node: node["port"] == port and node["name"] is None, "the board that is not enrolled")
            self.assertFalse(new["enrolled"])
            with self.assertRaises(vip.Refused):
                town.peer.call(town.agent_of[NAME], "node.enroll", {"port": port, "name": NAME, "settings": "colour blue\n"}, PATIENCE_S)
            town.enroll()
            self.agrees(town)
            node = town.wait_for(lambda node: node["name"] == NAME and node["online"], "the enrolled board")
            self.assertEqual((node["port"], node["enrolled"], node["running"]), (port, True, "built in"))
            # The power goes, and comes back: what it was told is on its card.
            town.processes[NAME].kill()
            town.start_board(NAME)
            town.wait_for(lambda again: again["name"] == NAME and again["online"] and (again["boots"] or 0) > node["boots"],
                          "the board after a power cut")
            self.agrees(town)


if __name__ == "__main__":
    unittest.main()
