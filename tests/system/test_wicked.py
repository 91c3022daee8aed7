#!/usr/bin/env python3
"""Agents in bad company: each of the wicked ones harms no other and is reported by name. All live in one home, beside a good one."""
import pathlib
import time
import unittest

import agents
import vip

GOOD = "#!/bin/sh\nwhile :; do echo tick; sleep 0.1; done\n"
EATER = "#!/usr/bin/python3\nimport time\nheld = []\nwhile True:\n    held.append(bytearray(b'x' * 4000000))\n    time.sleep(0.02)\n"
# Two hundred and fifty-five processes, whose first ones end at once: known by their session alone.
FORKS = "#!/bin/sh\nf() { if [ $1 -gt 0 ]; then f $(($1 - 1)) & f $(($1 - 1)) & else exec sleep 60; fi; }\nf 7\nsleep 60\n"
# What it leaves behind has another session, no parent and an empty environment.
LEAVER = "#!/bin/sh\nenv -i /usr/bin/setsid -f /usr/bin/sleep 54321\necho it left\nexec sleep 60\n"
SPINNER = "#!/bin/sh\nwhile :; do :; done\n"
DEAF = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.2; done\n"
TALKER = "#!/bin/sh\nexec yes 'a line that nobody needs, again and again and again and again'\n"
CRASHER = "#!/bin/sh\necho I cannot >&2\nexit 3\n"
FLOODER = """#!/usr/bin/python3
import os, sys
sys.path.insert(0, os.getcwd())
import time, vip
vip.door = lambda home, name: os.environ["BUSBAR_VIP"].split("?")[0]
peer = vip.Peer(os.environ["BUSBAR_HOME"], "flooder", "flooder")
while True:
    peer.publish("flood/x", 1)
    while peer.socket.poll(0):
        peer.socket.recv_multipart()
    time.sleep(0.01)
"""


def running(command):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if command in path.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


class Wicked(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = host = agents.Home("wicked")
        host.start()
        cls.ear = vip.Ear(host.home, "alerts/agent/", key="boss")
        cls.told = {}
        cls.add("good", GOOD)
        cls.add("spinner", SPINNER, limits={"cpu_percent": 20})
        cls.add("flooder", FLOODER, limits={"messages_per_s": 20}, grant={"publish": ["flood/"], "subscribe": [], "capabilities": []},
                files={"vip.py": pathlib.Path(vip.__file__).read_text()})
        cls.add("eater", EATER, limits={"memory_mb": 64})
        cls.add("forks", FORKS, limits={"processes": 16})
        cls.add("leaver", LEAVER)
        cls.add("deaf", DEAF, stop_s=1)
        cls.add("talker", TALKER)
        cls.add("crasher", CRASHER)

    @classmethod
    def tearDownClass(cls):
        text = cls.host.stop()
        assert not running("sleep 54321")
        for sign in ("ERROR: AddressSanitizer", "runtime error:", "CHECK("):
            assert sign not in text, text[-3000:]

    @classmethod
    def add(cls, name, script, grant=None, files=None, **manifest):
        data = agents.bundle({"run": script, **(files or {})}, name=name, command=["./run"], **manifest)
        params = {"grant": grant} if grant else {}
        try:
            cls.host.install(data, **params)
        except vip.Refused:
            pass  # ended before it was seen to run

    def alert(self, name, word, logged=True):
        topic = f"alerts/agent/{name}"
        def heard():
            self.ear.listen(0.2)
            for at, message in self.ear.last.items():
                self.told.setdefault(at, {})[message["alert"]] = message
            return self.told.get(topic, {}).get(word)
        message = agents.eventually(heard, f"{topic} {word}")
        self.assertEqual(message["name"], name)
        if logged:
            self.assertTrue([line for line in self.host.logs(name) if message["text"] in line])
        return message["text"]

    def test_memory(self):
        self.assertRegex(self.alert("eater", "memory"), r"^used \d+ MiB, more than its 64 MiB, and was killed$")

    def test_forks(self):
        self.assertRegex(self.alert("forks", "processes"), r"^had \d+ processes, more than its 16, and was killed$")
        self.host.call("agent.stop", name="forks")
        self.assertEqual([s for s in self.host.call("agent.stats", name="forks")["agents"]][0]["processes"], 0)

    def test_leaves_its_session(self):
        agents.eventually(lambda: "it left" in self.host.logs("leaver"), "the leaver's child")
        self.host.call("agent.stop", name="leaver")
        self.assertFalse(running("sleep 54321"))

    def test_ignores_sigterm(self):
        began = time.monotonic()
        self.assertEqual(self.host.call("agent.stop", name="deaf")["agent"]["last_exit"], "signal 9")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.alert("deaf", "unstoppable"), "did not end within 1 s of SIGTERM and was killed")

    def test_log(self):
        self.assertRegex(self.alert("talker", "flood", logged=False), r"^prints more than its log takes: \d+ lines dropped so far$")
        folder = self.host.home / "agents/talker"
        self.assertLess(sum(p.stat().st_size for p in folder.glob("log*")), 2.2 * 1024 * 1024)
        self.host.call("agent.stop", name="talker")

    def test_crash_loop(self):
        text = self.alert("crasher", "crash-loop")
        self.assertEqual(text, "ended 5 times within 60 s (exit 3) and is started no more")
        agent = self.host.agent("crasher")
        self.assertEqual((agent["state"], agent["last_exit"], agent["restarts"], agent["trouble"]), ("crashed", "exit 3", 4, text))
        self.assertEqual(self.host.logs("crasher").count("I cannot"), 5)

    def test_spins(self):
        self.assertRegex(self.alert("spinner", "cpu"), r"^used \d+ % of a core for 10 s, more than its 20 %, and yields to others now$")
        pid = self.host.agent("spinner")["pid"]
        nice = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[16])
        self.assertEqual(nice, 19)

    def test_floods(self):
        self.assertRegex(self.alert("flooder", "flood"), r"^sent \d+ messages a second for 10 s, more than its 20, and was stopped$")
        agents.eventually(lambda: self.host.state("flooder") == "stopped", "the flooder stopped")

    def test_zz_the_good_one(self):
        """It has run all the time, once, and kept its pace."""
        agent = self.host.agent("good")
        self.assertEqual((agent["state"], agent["restarts"], agent["trouble"]), ("running", 0, ""))
        lines = self.host.call("agent.logs", name="good", after=0, max=1000)["lines"]
        times = [line["time_ms"] for line in lines if line["text"] == "tick"]
        self.assertGreater(len(times), 50)
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 3000)


if __name__ == "__main__":
    unittest.main()
