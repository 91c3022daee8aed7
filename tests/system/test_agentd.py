#!/usr/bin/env python3
"""busbar-agentd hosts agents: installed, started, restarted, limited; nothing runs twice, whoever is killed."""
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
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
        self.assertLess(self.wait_for_all(began), RESTART_S)
        self.assertEqual(self.pids(), before)
        self.check_starts(3)
        self.host.agentd.send_signal(signal.SIGTERM)
        self.assertEqual(self.host.agentd.wait(agents.PATIENCE_S), 0)
        self.assertFalse([pid for pid in before.values() if alive(pid)])


TICKS = "#!/bin/sh\nwhile :; do echo tick; sleep 0.1; done\n"
# Says what it is told, and what it finds.
TELLS = """#!/bin/sh
cat "$BUSBAR_AGENT_CONFIG" | tr -d ' \\n'; echo
echo "$BUSBAR_IDENTITY $AGENT_VIP_IDENTITY"
cmp "$AGENT_CONFIG" "$BUSBAR_AGENT_CONFIG" && ls "$BUSBAR_HOME/keys"
echo x >>"$BUSBAR_AGENT_STATE/starts"; wc -l <"$BUSBAR_AGENT_STATE/starts"
exec sleep 100000
"""
SCHEMA = {"type": "object", "properties": {"prefix": {"type": "string", "default": "Data/"}, "count": {"type": "integer", "maximum": 9}},
          "required": ["count"], "additionalProperties": False}


class Calls(Case):
    def setUp(self):
        super().setUp()
        self.host.start()

    def refused(self, method, words, peer=None, **params):
        with self.assertRaises(vip.Refused) as caught:
            self.host.call(method, peer=peer, **params)
        self.assertIn(words, str(caught.exception))

    def access(self):
        return json.loads((self.host.home / "access.json").read_text())["entries"]

    def install(self, script=TICKS, name="one", files=None, **params):
        manifest = params.pop("manifest", {})
        return self.host.install(agents.bundle({"run": script, **(files or {})}, **{"name": name, "command": ["./run"], **manifest}), **params)

    def test_who_may_act(self):
        """A caller without the capability looks and does not act; an agent never acts, whatever its key was granted."""
        self.install()
        guest = self.host.peer("guest", "guest")
        self.assertEqual(len(self.host.call("agent.list", peer=guest)["agents"]), 1)
        self.assertEqual(self.host.call("agent.show", peer=guest, name="one")["agent"]["state"], "running")
        self.assertEqual(self.host.call("agent.stats", peer=guest)["limits"], "rlimit")
        for method in ("start", "stop", "restart", "enable", "disable", "configure", "remove", "logs", "install"):
            self.refused(f"agent.{method}", f"agent.{method} needs the capability agents, which guest has not", peer=guest, name="one")
        self.refused("upload.open", "needs the capability", peer=guest, size=1, sha256="0" * 64)
        for capability in ("agents", "admin", {"allow_auth_modifications": None}):
            name = capability if isinstance(capability, str) else "allow_auth_modifications"
            with self.assertRaises(vip.Refused) as caught:
                self.install(name="two", grant={"capabilities": [capability]})
            self.assertIn(f"no agent may have the capability {name}", str(caught.exception))
        entries = self.access()
        for entry in entries:
            if entry["identities"] == ["one"]:
                entry["capabilities"] = ["agents"]
        (self.host.home / "access.json").write_text(json.dumps({"version": 1, "entries": entries}))
        self.host.call("agent.stop", name="one")
        keys = self.host.home / "agents/one/home/keys/one.json"
        os.link(keys, self.host.home / "keys/one.json")
        time.sleep(1)
        self.refused("agent.start", "needs the capability agents, which one has not", peer=self.host.peer("one", "one"), name="one")

    def test_refusals(self):
        self.install()
        self.refused("agent.stop", "no agent two is installed", name="two")
        self.refused("agent.stop", "name: which agent?")
        self.refused("agent.stop", "name: expected a text", name=1)
        self.refused("agent.stop", "unknown member", nam="one")
        self.refused("agent.logs", "max: expected an integer from 1 to 1000", name="one", max=0)
        self.refused("agent.logs", "after: expected an integer", name="one", after="x")
        self.refused("agent.remove", "keep_state: expected true or false", name="one", keep_state=1)
        self.refused("agent.configure", "config: expected an object", name="one")
        self.refused("upload.open", "size: expected", size=1 << 40, sha256="0" * 64)
        self.refused("upload.open", "sha256: expected 64 hexadecimal digits", size=1, sha256="x" * 64)
        self.refused("upload.write", "no such one of yours", upload="f" * 32, offset=0, data="AA==")
        data = agents.bundle({"run": TICKS}, name="two", command=["./run"])
        upload = self.host.upload(data)
        other = self.host.peer("boss.2", "boss")
        self.refused("agent.install", "no such one of yours", peer=other, upload=upload)
        self.refused("upload.write", "offset: expected", upload=upload, offset=len(data) + 1, data="AA==")
        self.refused("agent.install", "priority from 0 to 100", upload=upload, priority=101)
        self.refused("agent.install", "grant: publish: expected", upload=upload, grant={"publish": [1]})
        self.refused("agent.install", "grant: expected {", upload=upload, grant={"all": []})
        self.refused("agent.install", "one is installed already", upload=upload, name="one")
        self.refused("agent.install", "one has the identity one already", upload=upload, identity="one")
        self.refused("agent.install", "the identity boss has an entry in access.json already", upload=upload, identity="boss")
        self.refused("agent.install", "no name for an agent", upload=upload, name="bundles")
        self.refused("agent.install", "no name for an agent", upload=upload, name="../x")
        half = self.host.call("upload.open", size=10, sha256="0" * 64)["upload"]
        self.refused("agent.install", "0 of 10 bytes are here", upload=half)
        self.assertEqual([a["name"] for a in self.host.call("agent.list")["agents"]], ["one"])
        self.assertEqual(sorted(p.name for p in (self.host.home / "agents").iterdir() if p.is_dir()), ["bundles", "moves", "one"]
                         if (self.host.home / "agents/moves").exists() else ["bundles", "one"])

    def test_altered_code(self):
        """What was altered is refused before it is unpacked, and before it is run."""
        data = bytearray(agents.bundle({"run": TICKS}, name="one", command=["./run"]))
        data[data.index(b"echo tick") + 5] ^= 1
        with self.assertRaises(vip.Refused) as caught:
            self.host.install(bytes(data))
        self.assertIn("run", str(caught.exception))
        self.assertEqual(list((self.host.home / "agents").glob("bundles/*")), [])
        agent = self.install()
        # The shell that runs reads its script when it begins: not the altered one.
        agents.eventually(lambda: "tick" in self.host.logs("one"), "it has begun")
        program = self.host.home / "agents/bundles" / agent["digest"] / "run"
        program.chmod(0o755)
        program.write_text(TICKS.replace("tick", "tock"))
        program.chmod(0o555)
        self.refused("agent.restart", "run", name="one")
        self.assertIn(self.host.state("one"), ("waiting", "crashed"))
        self.assertNotIn("tock", self.host.logs("one"))
        (self.host.home / "signers.json").write_text(json.dumps({"version": 1, "signers": []}))
        with self.assertRaises(vip.Refused) as caught:
            self.install(name="two")
        self.assertIn("signed", str(caught.exception))

    def test_configuration(self):
        manifest = {"config": SCHEMA}
        with self.assertRaises(vip.Refused):
            self.install(TELLS, manifest=manifest)
        self.install(TELLS, manifest=manifest, config={"count": 1}, identity="meter.1")
        told = agents.eventually(lambda: len(self.host.logs("one")) >= 5 and self.host.logs("one"), "five lines")
        self.assertEqual(told, ['{"count":1,"prefix":"Data/"}' if told[0].startswith('{"count') else '{"prefix":"Data/","count":1}',
                                "meter.1 meter.1", "busbard.pub", "meter.1.json", "1"])
        self.refused("agent.configure", "count", name="one", config={"count": 10})
        self.refused("agent.configure", "other", name="one", config={"count": 1, "other": 1})
        before = self.host.agent("one")["pid"]
        agent = self.host.call("agent.configure", name="one", config={"count": 2, "prefix": ""})["agent"]
        self.assertNotEqual(agent["pid"], before)
        self.assertEqual(self.host.call("agent.show", name="one")["config"], {"count": 2, "prefix": ""})
        agents.eventually(lambda: self.host.logs("one")[-1:] == ["2"], "its second start, with its state")

    def test_install_replace_remove(self):
        one = self.install(TELLS, manifest={"config": SCHEMA}, config={"count": 1}, grant={"publish": ["x/"], "subscribe": ["y/"], "capabilities": ["z"]})
        entry = [e for e in self.access() if e["identities"] == ["one"]][0]
        self.assertEqual((entry["publish"], entry["subscribe"], entry["capabilities"]), (["x/"], ["y/"], ["z"]))
        agents.eventually(lambda: "1" in self.host.logs("one"), "the first start")
        two = self.install(TELLS, manifest={"release": "2"}, replace=True, priority=7)
        self.assertEqual((two["release"], two["priority"], two["state"]), ("2", 7, "running"))
        agents.eventually(lambda: "2" in self.host.logs("one"), "the second start, with the same state")
        again = [e for e in self.access() if e["identities"] == ["one"]]
        self.assertEqual([(e["key"], e.get("publish", [])) for e in again], [(entry["key"], [])])
        self.assertEqual([p.name for p in (self.host.home / "agents/bundles").iterdir() if p.is_dir()], [two["digest"]])
        self.assertIs(self.host.call("agent.remove", name="one", keep_state=True), True)
        self.assertFalse(alive(two["pid"]))
        self.assertEqual(list((self.host.home / "agents/bundles").iterdir()), [])
        self.assertEqual([e for e in self.access() if e["identities"] == ["one"]], [])
        self.assertEqual(sorted(p.name for p in (self.host.home / "agents/one").iterdir()), ["log", "state"])
        self.install(TELLS)
        agents.eventually(lambda: self.host.logs("one")[-1:] == ["3"], "the third start")
        self.host.call("agent.remove", name="one")
        self.assertFalse((self.host.home / "agents/one").exists())

    def test_what_was_cut_off(self):
        """An installation that was killed before it was in the store leaves no grants and no bundle; state stays."""
        keep = self.install()
        self.install(TELLS, name="two")
        agents.eventually(lambda: "1" in self.host.logs("two"), "its first start")
        self.host.call("agent.stop", name="two")
        self.host.kill(self.host.agentd)
        with sqlite3.connect(self.host.home / "agents/agents.db") as database:
            database.execute("DELETE FROM agents WHERE name = 'two'")
        database.close()
        half = self.host.home / "agents/bundles" / ("f" * 64)
        half.mkdir()
        self.host.start_agentd()
        agents.eventually(lambda: self.host.answers() and self.host.state("one") == "running", "one runs")
        self.assertEqual(sorted(p.name for p in (self.host.home / "agents/bundles").iterdir()), [keep["digest"], keep["digest"] + ".agent"])
        self.assertEqual([e["identities"] for e in self.access() if e.get("comment", "").startswith("agent ")], [["one"]])
        self.assertEqual(sorted(p.name for p in (self.host.home / "agents/two").iterdir()), ["lock", "log", "state"])
        self.install(TELLS, name="two")
        agents.eventually(lambda: self.host.logs("two")[-1:] == ["2"], "its second start, with its state")

    def test_what_cannot_start(self):
        with self.assertRaises(vip.Refused) as caught:
            self.install(manifest={"command": ["/nowhere/program"]})
        self.assertIn("one: /nowhere/program: running its command: No such file or directory", str(caught.exception))
        agent = self.host.agent("one")
        self.assertEqual((agent["state"], agent["enabled"]), ("waiting", True))
        self.host.call("agent.stop", name="one")
        self.assertEqual(self.host.state("one"), "stopped")

    def test_topics_and_logs(self):
        ear = vip.Ear(self.host.home, "agents/", key="boss")
        heard = []
        self.install(TICKS)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and len(heard) < 3:
            ear.listen(0.1)
            heard += [ear.last.pop(t) for t in list(ear.last) if t == "agents/log/one"]
        self.assertEqual({(line["stream"], line["text"]) for line in heard}, {("out", "tick")})
        self.host.call("agent.stop", name="one")
        ear.until(lambda last: last.get("agents/state/one", {}).get("state") == "stopped", 10, "its state on the bus")
        page = self.host.call("agent.logs", name="one", after=0, max=2)
        self.assertEqual([line["n"] for line in page["lines"]], [1, 2])
        rest = self.host.call("agent.logs", name="one", after=page["next"], max=1000)
        self.assertEqual([line["n"] for line in rest["lines"]], list(range(3, rest["next"] + 1)))
        self.assertEqual(self.host.call("agent.logs", name="one", after=rest["next"])["lines"], [])
        ear.close()

    def test_enabled_or_not(self):
        """Only what is enabled starts again, in the order of priority; what is left of the others is gone."""
        upload = self.host.upload(agents.bundle({"run": ALONE}, name="a", command=["./run"]))
        for name, priority in (("late", 90), ("early", 10), ("off", 50)):
            self.host.call("agent.install", upload=upload, name=name, identity=name, priority=priority)
        off = self.host.call("agent.disable", name="off")["agent"]
        self.assertEqual((off["enabled"], off["state"]), (False, "running"))
        self.host.kill(self.host.agentd)
        self.host.start_agentd()
        agents.eventually(lambda: self.host.answers() and self.host.state("late") == "running", "late runs")
        self.assertEqual([(a["name"], a["state"]) for a in self.host.call("agent.list")["agents"]],
                         [("early", "running"), ("off", "stopped"), ("late", "running")])
        self.assertFalse(alive(off["pid"]))
        self.assertLess(self.host.agent("early")["pid"], self.host.agent("late")["pid"])
        self.assertTrue(self.host.call("agent.enable", name="off")["agent"]["enabled"])

    def test_what_outlives_agentd(self):
        """A child that stays when agentd and its agent are killed is found and killed before the agent starts again."""
        self.install("#!/bin/sh\n(setsid sleep 43210 & echo $! >\"$BUSBAR_AGENT_STATE/child\")\n" + ALONE.split("\n", 1)[1])
        path = self.host.home / "agents/one/state/child"
        child = int(agents.eventually(lambda: path.exists() and path.read_text(), "the child"))
        agents.eventually(lambda: len(self.events("one")) == 1, "it has started")
        self.host.kill(self.host.agentd)
        time.sleep(0.3)
        self.assertTrue(alive(child))
        self.host.start_agentd()
        agents.eventually(lambda: len(self.events("one")) == 2, "it starts again")
        self.assertFalse(alive(child))
        self.assertEqual([e.split()[0] for e in self.events("one")], ["start", "start"])

    def test_agents_on_the_bus(self):
        """A C agent of this project's own finds its key and the broker, and comes back when the broker does."""
        program = (agents.BIN / "listener-agent").read_bytes()
        agent = self.host.install(agents.bundle({"listener-agent": program}, name="ear", limits={"processes": 2},
                                                command=["./listener-agent", "--identity", "ear", "--prefix", "x/"]),
                                  grant={"publish": ["heartbeat/ear"], "subscribe": ["x/"]})
        self.host.boss.publish("x/1", "hello")
        agents.eventually(lambda: self.host.boss.publish("x/1", "hello") or any("hello" in line for line in self.host.logs("ear")), "it hears")
        self.host.kill(self.host.broker)
        self.host.start_broker()
        self.host.boss.close()
        self.host.boss = self.host.peer("boss", "boss")
        agents.eventually(self.host.answers, "agentd")
        agents.eventually(lambda: self.host.boss.publish("x/1", "again") or any("again" in line for line in self.host.logs("ear")), "it hears again")
        self.assertEqual(self.host.agent("ear")["pid"], agent["pid"])
        self.assertGreaterEqual(self.host.call("agent.stats", name="ear")["agents"][0]["files"], 5)

    def test_a_cgroup_that_is_none(self):
        """What was asked for by name is needed."""
        with tempfile.TemporaryDirectory() as home:
            os.mkdir(os.path.join(home, "keys"))
            for name in ("agentd.json", "busbard.pub"):
                (pathlib.Path(home, "keys", name)).write_bytes((self.host.home / "keys" / name).read_bytes())
            os.chmod(os.path.join(home, "keys/agentd.json"), 0o600)
            address = (self.host.home / "run/vip.address").read_text().strip()
            wrong = subprocess.run([agents.BIN / "busbar-agentd", "--home", home, "--address", address, "--cgroup", home],
                                   capture_output=True, text=True, timeout=30)
            self.assertEqual(wrong.returncode, 1)
            self.assertIn("no delegated cgroup", wrong.stderr)

    def test_one_for_each_home(self):
        again = subprocess.run([agents.BIN / "busbar-agentd", "--home", self.host.home], capture_output=True, text=True, timeout=30)
        self.assertEqual(again.returncode, 1)
        self.assertIn("another busbar-agentd runs here", again.stderr)


class Program(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([agents.BIN / "busbar-agentd", *arguments], capture_output=True, text=True, timeout=30)

    def test_help_and_settings(self):
        text = self.run_it("--help").stdout
        for flag in ("home ", "address", "agents_max", "landlock", "cgroup", "platform", "moves_from"):
            self.assertIn(flag, text)
        settings = json.loads(self.run_it("--agents-max", "7", "--moves-from", "west", "--print-config").stdout)
        self.assertEqual((settings["agents_max"], settings["moves_from"], settings["landlock"]), (7, ["west"], True))

    def test_file_in_the_home(self):
        with tempfile.TemporaryDirectory() as home:
            path = pathlib.Path(home, "agentd.json")
            path.write_text('{"agents_max": 9}')
            self.assertEqual(json.loads(self.run_it("--home", home, "--print-config").stdout)["agents_max"], 9)
            path.write_text('{"agents_max": 9,\n"landlok": true}')
            wrong = self.run_it("--home", home)
            self.assertEqual(wrong.returncode, 2)
            self.assertIn("agentd.json:2", wrong.stderr)

    def test_refusals(self):
        wrong = self.run_it("--agents-max", "0")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("agents", wrong.stderr)
        self.assertEqual(self.run_it("--unknown").returncode, 2)
        nowhere = self.run_it("--home", "/nowhere/at/all")
        self.assertEqual(nowhere.returncode, 1)
        self.assertIn("busbar init", nowhere.stderr)


if __name__ == "__main__":
    unittest.main()
