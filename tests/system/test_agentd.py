#!/usr/bin/env python3
"""busbar-agentd hosts agents: installed, started, restarted, limited; nothing runs twice, whoever is killed."""
import json
import os
import pathlib
import signal
import time
import unittest

import agents
import vip

AGENTS = 50
RESTART_S = 5

# Takes an exclusive lock of its own: two at once would be seen in `events`.
ALONE = """#!/bin/sh
exec 9>"$BUSBAR_AGENT_STATE/alone"
flock -n 9 || { echo twice >>"$BUSBAR_AGENT_STATE/events"; exit 1; }
echo "start $$" >>"$BUSBAR_AGENT_STATE/events"
exec sleep 100000
"""


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Case(unittest.TestCase):
    def setUp(self):
        self.host = agents.Home()
        self.addCleanup(self.finish)

    def finish(self):
        text = self.host.stop()
        for sign in ("ERROR: AddressSanitizer", "runtime error:", "CHECK("):
            self.assertNotIn(sign, text)

    def events(self, name):
        path = self.host.home / "agents" / name / "state/events"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def until_state(self, name, *states, wait_s=agents.PATIENCE_S):
        agents.eventually(lambda: self.host.state(name) in states, f"{name} {states}", wait_s)


class Many(Case):
    def setUp(self):
        super().setUp()
        self.host.start()
        self.names = [f"agent{i:02}" for i in range(AGENTS)]
        self.data = agents.bundle({"run": ALONE}, name="alone", command=["./run"])
        upload = self.host.upload(self.data)
        results = self.host.call_all("agent.install", [{"upload": upload, "name": n, "identity": n} for n in self.names])
        self.assertEqual([r["agent"]["state"] for r in results], ["running"] * AGENTS)

    def pids(self):
        return {a["name"]: a["pid"] for a in self.host.call("agent.list")["agents"] if a["state"] == "running"}

    def wait_for_all(self, began):
        agents.eventually(lambda: self.host.answers() and len(self.pids()) == AGENTS, "all agents run again")
        return time.monotonic() - began

    def check_starts(self, count):
        for name in self.names:
            events = agents.eventually(lambda n=name: len(self.events(n)) >= count and self.events(n), f"{name} has started")
            self.assertEqual([e.split()[0] for e in events], ["start"] * count, name)

    def test_kills(self):
        """Whichever of the two is killed, every agent runs once, none twice, within 5 s of the restart."""
        self.check_starts(1)
        before = self.pids()
        for round in (2, 3):
            self.host.kill(self.host.agentd)
            began = time.monotonic()
            self.host.start_agentd()
            took = self.wait_for_all(began)
            self.assertLess(took, RESTART_S)
            self.check_starts(round)
            after = self.pids()
            self.assertFalse(set(before.values()) & set(after.values()))
            self.assertFalse([pid for pid in before.values() if alive(pid)])
            before = after
        self.host.kill(self.host.broker)
        began = time.monotonic()
        self.host.start_broker()
        self.host.boss.close()
        self.host.boss = self.host.peer("boss", "boss")
        took = self.wait_for_all(began)
        self.assertEqual(self.pids(), before)
        self.check_starts(3)
        self.host.agentd.send_signal(signal.SIGTERM)
        self.assertEqual(self.host.agentd.wait(agents.PATIENCE_S), 0)
        self.assertFalse([pid for pid in before.values() if alive(pid)])


if __name__ == "__main__":
    unittest.main()
