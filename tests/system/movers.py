"""Two linked platforms whose busbar-agentd let agents move between them, and an agent that notices when it runs twice."""
import json
import os
import pathlib
import sqlite3
import subprocess
import unittest
import uuid

import zmq

import agents
import vip
from agents import BIN, PATIENCE_S, eventually, text_of

# It counts its starts in its state, and holds a name that only one process of this machine can have.
AGENT = """#!/usr/bin/python3
import json, os, pathlib, signal, socket, sys
state = pathlib.Path(os.environ["BUSBAR_AGENT_STATE"])
config = json.loads(pathlib.Path(os.environ["BUSBAR_AGENT_CONFIG"]).read_text())
alone = socket.socket(socket.AF_UNIX)
try:
    alone.bind("\\0" + config["lock"])
except OSError:
    (state / "twice").touch()
    print("TWICE", flush=True)
    signal.pause()
runs = int((state / "runs").read_text()) + 1 if (state / "runs").exists() else 1
(state / "part").write_text(str(runs))
(state / "part").rename(state / "runs")
print("run", runs, flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    signal.pause()
"""
SCHEMA = {"type": "object", "properties": {"lock": {"type": "string"}}, "required": ["lock"], "additionalProperties": False}


def counter(**more):
    """The bundle of that agent."""
    return agents.bundle({"agent.py": AGENT}, name="counter", command=["/usr/bin/python3", "agent.py"], config=SCHEMA,
                         publish=["counter/"], **more)


def example_in_c():
    """Manifest and program of agents/examples/c."""
    manifest = json.loads((pathlib.Path(__file__).resolve().parents[2] / "agents/examples/c/manifest.json").read_text())
    program = next(p for p in BIN.parent.rglob("counter") if p.is_file() and os.access(p, os.X_OK))
    return {k: v for k, v in manifest.items() if k != "version"}, program.read_bytes()


class Platform(agents.Home):
    """A home with busbard, federation-agent and busbar-agentd, linked to another; its key `cli` may act."""

    ALL = ("agentd/move.*", "agentd/directory.lookup")

    def __init__(self, name, moves_from=()):
        super().__init__(prefix="move-" + name)
        (self.home / "run").mkdir(mode=0o700)
        self.name, self.moves_from, self.federation, self.links = name, list(moves_from), None, []
        entries = json.loads((self.home / "access.json").read_text())["entries"]
        self.keys = {}
        for key, identities in (("cli", ["cli", "cli.*"]), ("federation", ["federation"]), (f"federation.{name}", None)):
            self.keys[key] = zmq.curve_keypair()
            path = self.home / "keys" / f"{key}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps({"public": text_of(self.keys[key][0]), "secret": text_of(self.keys[key][1])}))
            if identities:
                entries.append({"key": text_of(self.keys[key][0]), "identities": identities, "publish": [""], "subscribe": [""],
                                "capabilities": ["agents", "admin"] if key == "cli" else []})
        self.write_access(entries)
        self.configure()

    def configure(self):
        (self.home / "agentd.json").write_text(json.dumps({"moves_from": self.moves_from}))

    def write_access(self, entries):
        (self.home / "access.json").write_text(json.dumps({"version": 1, "entries": entries}))

    def admit_guest(self, name, public):
        entries = json.loads((self.home / "access.json").read_text())["entries"]
        self.write_access(entries + [{"key": text_of(public), "identities": [name], "publish": [], "subscribe": []}])

    def address(self):
        return f"ipc://{self.home}/run/vip.sock?serverkey={(self.home / 'keys/busbard.pub').read_text().strip()}"

    def link(self, other, dials):
        self.links.append({"platform": other.name, "export": [], "import": [], "calls": list(self.ALL),
                           **({"address": other.address()} if dials else {})})
        if dials:
            other.admit_guest(f"federation.{self.name}", self.keys[f"federation.{self.name}"][0])

    def allow(self, *calls):
        """What may be called here over the links, from now on."""
        for link in self.links:
            link["calls"] = list(calls or self.ALL)
        self.stop_federation()
        self.start_federation()

    def start_broker(self):
        """Only at sockets below the home: other tests have brokers, too."""
        (self.home / "run/vip.address").unlink(missing_ok=True)
        doors = [word for name in ("vip", "sub", "pub") for word in (f"--{name}", f"ipc://{self.home}/run/{name}.sock")]
        self.broker = subprocess.Popen([BIN / "busbard", "--home", self.home, *doors], stdout=self.log, stderr=self.log)
        eventually(lambda: (self.home / "run/vip.address").exists(), "busbard of " + self.name)

    def start_federation(self):
        (self.home / "federation.json").write_text(
            json.dumps({"platform": self.name, "links": self.links, "hello_ms": 100, "call_ms": 5000}))
        self.federation = subprocess.Popen([BIN / "federation-agent", "--home", self.home], stdout=self.log, stderr=self.log)

    def stop_federation(self):
        if self.federation is not None and self.federation.poll() is None:
            self.federation.terminate()
            self.federation.wait(PATIENCE_S)

    def start_all(self):
        self.start_broker()
        self.start_federation()
        self.start_agentd("--config", self.home / "agentd.json")
        self.boss = self.peer("boss", "boss")
        eventually(self.answers, "agentd of " + self.name)

    def renew(self):
        """A boss on a broker that was restarted."""
        self.boss.close()
        self.peers.remove(self.boss)

        def boss():
            try:
                return vip.Peer(self.home, "boss", "boss", wait_s=2)
            except TimeoutError:
                return None
        self.boss = eventually(boss, "a boss on the new broker")
        self.peers.append(self.boss)

    def linked(self):
        try:
            report = self.boss.call("federation", "platforms", wait_s=2)
            return all(link["state"] == "up" for link in report["links"])
        except (vip.Refused, TimeoutError):
            return False

    def moves(self):
        return self.call("move.list")["moves"]

    def newest(self):
        """(id, phase) of the newest move on the disk, read behind agentd's back; None: there is none."""
        try:
            with sqlite3.connect(f"file:{self.home}/agents/agents.db?mode=ro", uri=True, timeout=1) as db:
                return db.execute("SELECT id, phase FROM moves ORDER BY rowid DESC LIMIT 1").fetchone()
        except sqlite3.Error:
            return None

    def installed(self, name="counter"):
        return name in [a["name"] for a in self.call("agent.list")["agents"]]

    def runs(self, name="counter"):
        return [a["pid"] for a in self.call("agent.list")["agents"] if a["name"] == name and a["state"] == "running"]

    def saved(self, file, name="counter"):
        path = self.home / "agents" / name / "state" / file
        return path.read_text() if path.exists() else None

    def busbar(self, *words, wait_s=60):
        return subprocess.run([BIN / "busbar", *words, "--home", self.home], capture_output=True, text=True, timeout=wait_s,
                              env={**os.environ, "BUSBAR_VIP": ""})

    def stop(self):
        self.stop_federation()
        return super().stop()


def pair(case):
    """Two linked platforms, each of which takes the other's agents; ended with the test case, their logs looked at."""
    a, b = Platform("a", ["b"]), Platform("b", ["a"])
    a.link(b, dials=True)
    b.link(a, dials=False)

    def end():
        for platform in (a, b):
            log = platform.stop()
            case.assertNotIn("Sanitizer", log)
            case.assertNotIn("CHECK", log)
    case.addCleanup(end)
    for platform in (b, a):
        platform.start_all()
    for platform in (a, b):
        eventually(platform.linked, f"{platform.name} is linked")
    return a, b


def start_counter(platform, name="counter", **more):
    """Installs and starts the agent; the lock that it holds."""
    lock = "busbar-move-" + uuid.uuid4().hex
    platform.install(counter(), name=name, config={"lock": lock}, enable=True, grant={"publish": ["counter/"]}, **more)
    eventually(lambda: platform.saved("runs", name) == "1", f"{name} runs")
    return lock


class UndecidedCase(unittest.TestCase):
    """A move that neither side can decide: the link lets the agent through and not the word that it is given away. The platforms' own
    rules are the tool."""

    def setUp(self):
        self.a, self.b = pair(self)

    def undecided(self):
        """The agent was given to b, and neither can say so to the other."""
        a, b = self.a, self.b
        start_counter(a)
        b.allow("agentd/move.offer", "agentd/move.write")
        a.allow("agentd/directory.lookup")
        for platform in (a, b):
            eventually(platform.linked, "linked")
        ear = vip.Ear(a.home, "alerts/", key="boss")
        self.addCleanup(ear.close)
        run = a.busbar("agent", "move", "counter", "b")
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn("undecided: counter was given to b", run.stderr)
        ear.until(lambda last: last.get("alerts/agent/counter", {}).get("alert") == "move-undecided", 10, "the alert")
        self.assertEqual((a.state("counter"), b.installed()), ("undecided", True))
        self.assertEqual((a.runs(), b.runs()), ([], []))
        for method in ("agent.start", "agent.remove"):
            with self.assertRaises(vip.Refused):
                a.call(method, name="counter")
        with self.assertRaises(vip.Refused):
            b.call("agent.start", name="counter")
        with self.assertRaises(vip.Refused):
            a.install(counter(), config={"lock": "x"}, replace=True)
        self.assertEqual(a.busbar("agent", "move", "counter", "b").returncode, 6)

    def heal(self):
        self.a.allow()
        self.b.allow()

    def settled(self):
        """At most one runs, and in the end one does; where."""
        def check():
            calm = all(m["over"] or m["phase"] == "owned" for p in (self.a, self.b) for m in p.moves())
            return calm and len(self.a.runs() + self.b.runs()) == 1
        eventually(check, "it is settled")
        self.assertEqual((self.a.saved("twice"), self.b.saved("twice")), (None, None))
        return "a" if self.a.runs() else "b"
