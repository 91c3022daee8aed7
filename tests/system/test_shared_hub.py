#!/usr/bin/env python3
"""Both agents look at all ports, as on one USB hub: each ends up with its own boards, and nobody raises an alert."""
import unittest

from neighbourhood import BIN, Neighbourhood


class SharedHub(Neighbourhood):
    def start_agent(self, agent):
        self.run(agent, BIN / "busbar-uart-agent", "--home", self.home, "--identity", agent, "--ports", f"pty:{self.home}/run/*.agent")


class SharedPorts(unittest.TestCase):
    def test_every_board_finds_its_agent(self):
        with SharedHub() as town:
            town.certified()
            alerts = {topic: message for topic, message in town.ear.last.items() if topic.startswith("alerts/")}
            self.assertEqual(alerts, {})


if __name__ == "__main__":
    unittest.main()
