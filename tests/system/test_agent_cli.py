#!/usr/bin/env python3
"""busbar agent install, list, show, start, …, logs, stats, run: against a real busbard, and a stand-in for busbar-agentd that keeps
what it is called with. What the real one does is test_agent_bundles.py."""
import base64
import hashlib
import json
import os
import pathlib
import pty
import select
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import zmq

import vip
from neighbourhood import BIN, PATIENCE_S, Process, wait_until

MANIFEST = {"version": 1, "name": "clock", "release": "1.0.0", "command": ["./run"], "publish": ["clock/"], "subscribe": ["Data/"],
            "capabilities": ["edit"],
            "config": {"type": "object", "properties": {"every_s": {"type": "integer", "minimum": 1}}, "required": ["every_s"]}}
AGENT = {"name": "clock", "identity": "clock", "release": "1.0.0", "digest": "ab" * 32, "signer": "0x00", "state": "running", "enabled": True,
         "priority": 50, "pid": 4711, "since_ms": 1700000000000, "restarts": 2, "last_exit": "exit 1", "trouble": "\x1b[2Jgone"}
WORKER = r"""#!/usr/bin/python3
import json, os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN if "--deaf" in sys.argv else lambda *_: sys.exit(0))
state = pathlib.Path(os.environ["BUSBAR_AGENT_STATE"], "count")
state.write_text(str(int(state.read_text()) + 1 if state.exists() else 1))
print(json.dumps({"cwd": os.getcwd(), "identity": os.environ["BUSBAR_IDENTITY"], "keys": sorted(os.listdir(os.environ["BUSBAR_HOME"] + "/keys")),
                  "config": json.load(open(os.environ["BUSBAR_AGENT_CONFIG"])), "volttron": os.environ["AGENT_VIP_IDENTITY"],
                  "vip": os.environ["BUSBAR_VIP"] == os.environ["VOLTTRON_VIP_ADDR"], "count": state.read_text(), "words": sys.argv[1:]}), flush=True)
time.sleep(600 if "--stay" in sys.argv else 0)
sys.exit(3 if "--fail" in sys.argv else 0)
"""


class Refusal(Exception):
    def __init__(self, text, status="range"):
        super().__init__(text)
        self.status = status


class Agentd(threading.Thread):
    """A peer called agentd that answers as docs/platform.md says."""

    def __init__(self, home):
        super().__init__(daemon=True)
        self.peer = vip.Peer(home, "agentd", "agentd")
        self.forget()
        self.stopped = threading.Event()
        self.start()

    def run(self):
        while not self.stopped.is_set():
            if not self.peer.socket.poll(50):
                continue
            frames = self.peer.socket.recv_multipart()
            if frames[4] != b"RPC":
                continue
            request = json.loads(frames[5])
            answer = {"jsonrpc": "2.0", "id": request["id"]}
            try:
                answer["result"] = self.answer(request["method"], request.get("params") or {})
            except Refusal as refusal:
                answer["error"] = {"code": -32000, "message": str(refusal), "data": {"status": refusal.status}}
            self.peer.socket.send_multipart([frames[0], b"VIP1", b"", frames[3], b"RPC", json.dumps(answer).encode()])
        self.peer.close()

    def answer(self, method, params):
        self.calls.append((method, params))
        if method in self.answers:
            given = self.answers[method]
            if isinstance(given, Exception):
                raise given
            if callable(given):
                return given()
            return given
        if method == "upload.open":
            self.uploads["u1"] = bytearray()
            self.wanted = params
            return {"upload": "u1"}
        if method == "upload.write":
            data = base64.b64decode(params["data"], validate=True)
            assert params["offset"] == len(self.uploads[params["upload"]]) and len(params["data"]) <= 256 * 1024
            self.uploads[params["upload"]] += data
            return {"received": len(self.uploads[params["upload"]])}
        if method == "agent.logs":
            page = self.lines[-params["max"]:] if params["after"] < 0 else [line for line in self.lines if line["n"] > params["after"]][:params["max"]]
            return {"lines": page, "next": page[-1]["n"] if page else params["after"]}
        if method != "agent.install" and params.get("name", "clock") != "clock":
            raise Refusal(f"there is no agent named {params['name']}", "not-found")
        return {"agent.list": {"agents": [AGENT, {**AGENT, "name": "b", "pid": 0, "enabled": False}]},
                "agent.show": {"agent": AGENT, "manifest": MANIFEST, "config": {"every_s": 3}},
                "agent.remove": True,
                "agent.stats": {"agents": [{"name": "clock", "pid": 4711, "cpu_percent": 1.25, "cpu_s": 3.5, "memory_bytes": 5242880,
                                            "processes": 2, "files": 9, "messages": 77, "uptime_s": 61, "restarts": 2}], "limits": "rlimit"},
                }.get(method, {"agent": AGENT})

    def say(self, text, stream="out"):
        line = {"n": len(self.lines) + 1, "time_ms": 1700000000000 + len(self.lines), "stream": stream, "text": text}
        self.lines.append(line)
        return line

    def forget(self):
        self.calls, self.uploads, self.lines, self.answers = [], {}, [], {}

    def last(self, method):
        return [params for name, params in self.calls if name == method][-1]

    def close(self):
        self.stopped.set()
        self.join()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.top = pathlib.Path(folder.name)
        cls.home = cls.top / "home"
        for name in ("agentd", "clock"):
            subprocess.run([BIN / "busbar", "init", "--home", cls.home, "--agent", name], check=True, capture_output=True)
        rules = json.loads((cls.home / "access.json").read_text())
        for entry in rules["entries"]:
            if "agentd" in entry["identities"]:
                entry["publish"] = [""]
        (cls.home / "access.json").write_text(json.dumps(rules))
        doors = [f"--{name}={vip.door(cls.home, name)}" for name in ("vip", "sub", "pub")]
        cls.broker = Process("busbard", [BIN / "busbard", "--home", cls.home, *doors], cls.home)
        cls.addClassCleanup(cls.end)
        wait_until((cls.home / "run/vip.address").exists, PATIENCE_S, "busbard is up")
        cls.agent = cls.top / "clock"
        cls.folder(cls.agent, MANIFEST, "#!/bin/sh\n")
        cls.bundle = cls.top / "clock.agent"
        subprocess.run([BIN / "busbar", "agent", "pack", cls.agent, "-o", cls.bundle], check=True, capture_output=True)

    @classmethod
    def end(cls):
        cls.broker.popen.terminate()
        cls.broker.popen.wait(PATIENCE_S)

    @staticmethod
    def folder(path, manifest, program):
        path.mkdir()
        (path / "manifest.json").write_text(json.dumps(manifest))
        (path / "run").write_text(program)
        (path / "run").chmod(0o755)

    def environment(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}
        return {**clean, "BUSBAR_HOME": str(self.home)}

    def busbar(self, *words, given=""):
        done = subprocess.run([BIN / "busbar", *map(str, words)], input=given, capture_output=True, text=True, cwd=self.top,
                              timeout=PATIENCE_S, check=False, start_new_session=True, env=self.environment())
        return done.returncode, done.stdout, done.stderr

    def well(self, *words, **options):
        code, out, err = self.busbar(*words, **options)
        self.assertEqual((code, err), (0, ""), words)
        return json.loads(out) if "--json" in words else out

    def refused(self, code, part, *words, **options):
        got, out, err = self.busbar(*words, **options)
        self.assertEqual((got, out), (code, ""), f"{words}: {err}")
        self.assertIn(part, err)


class WithAgentd(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agentd = Agentd(cls.home)
        cls.addClassCleanup(cls.agentd.close)

    def setUp(self):
        self.agentd.forget()
        self.config = self.top / "config.json"
        self.config.write_text('{"every_s":3}')


class Looking(WithAgentd):
    def test_list(self):
        out = self.well("agent", "list")
        self.assertIn("clock  1.0.0", out)
        self.assertNotIn("\x1b", out)
        self.assertIn("?[2Jgone", out)
        told = self.well("agent", "list", "--json")
        self.assertEqual(told, {"version": 1, "agents": [AGENT, {**AGENT, "name": "b", "pid": 0, "enabled": False}]})
        csv = self.well("agent", "list", "--csv").splitlines()
        self.assertEqual(csv[0], "agent,release,identity,state,enabled,priority,pid,since,restarts,last_exit,trouble")
        self.assertTrue(csv[1].startswith("clock,1.0.0,clock,running,yes,50,4711,2023-11-14T22:13:20.000Z,2,exit 1,"))
        self.refused(2, "", "agent", "list", "--json", "--csv")

    def test_show(self):
        out = self.well("agent", "show", "clock")
        for part in ("signed by    0x00", "pid          4711", "\"every_s\": 3", "manifest {"):
            self.assertIn(part, out)
        self.assertEqual(self.well("agent", "show", "clock", "--json")["manifest"], MANIFEST)
        self.refused(3, "there is no agent named other", "agent", "show", "other")

    def test_stats(self):
        out = self.well("agent", "stats")
        self.assertIn("rlimits alone", out)
        self.assertRegex(out, r"clock +4711 +1\.2 +3\.50 +5\.0 +2 +9 +77 +61 +2")
        self.assertEqual(self.well("agent", "stats", "clock", "--csv"),
                         "agent,pid,cpu_percent,cpu_s,memory_bytes,processes,files,messages,uptime_s,restarts\n"
                         "clock,4711,1.250,3.500,5242880,2,9,77,61,2\n")
        self.assertEqual(self.agentd.last("agent.stats"), {"name": "clock"})
        self.assertEqual(self.well("agent", "stats", "--json")["limits"], "rlimit")


class Acting(WithAgentd):
    def test_simple_ones(self):
        for verb in ("start", "stop", "restart", "enable", "disable"):
            with self.subTest(verb):
                out = self.well("agent", verb, "clock")
                self.assertEqual(out, "clock 1.0.0: running, pid 4711, enabled; ?[2Jgone\n")
                self.assertEqual(self.agentd.last(f"agent.{verb}"), {"name": "clock"})
                self.assertEqual(self.well("agent", verb, "clock", "--json"), {"version": 1, "agent": AGENT})
                self.refused(3, "there is no agent named x", "agent", verb, "x")

    def test_refusals(self):
        for status, code in (("range", 6), ("denied", 5), ("not-found", 3), ("exists", 6)):
            self.agentd.answers["agent.start"] = Refusal("it may not be", status)
            self.refused(code, "agentd: it may not be", "agent", "start", "clock")

    def test_in_time(self):
        """What agentd does may take longer than an answer; --timeout and the environment say how long is too long."""
        self.agentd.answers["agent.stop"] = lambda: time.sleep(1) or {"agent": AGENT}
        self.well("agent", "stop", "clock")
        self.refused(124, "", "agent", "stop", "clock", "--timeout", "0.5")
        for verb, told in (("stop", "120 without it"), ("list", "5 without it")):
            self.assertIn(told, self.well("agent", verb, "-h"))

    def test_configure(self):
        self.well("agent", "configure", "clock", self.config)
        self.assertEqual(self.agentd.last("agent.configure"), {"name": "clock", "config": {"every_s": 3}})
        self.well("agent", "configure", "clock", "-", given='{"every_s":4}')
        self.assertEqual(self.agentd.last("agent.configure")["config"], {"every_s": 4})
        self.refused(2, "expected a JSON object", "agent", "configure", "clock", "-", given="[]")
        self.refused(2, "-:2:", "agent", "configure", "clock", "-", given="{\n")
        self.agentd.answers["agent.configure"] = Refusal("config: every_s: is needed")
        self.refused(6, "every_s: is needed", "agent", "configure", "clock", "-", given="{}")

    def test_remove(self):
        self.refused(2, "--yes", "agent", "remove", "clock")
        self.assertEqual(self.well("agent", "remove", "clock", "--yes"), "clock: removed\n")
        self.assertEqual(self.agentd.last("agent.remove"), {"name": "clock", "keep_state": False})
        self.assertEqual(self.well("agent", "remove", "clock", "--keep-state", "--json"), {"version": 1, "removed": "clock"})
        self.assertEqual(self.agentd.last("agent.remove"), {"name": "clock", "keep_state": True})


class Alone(Case):
    def test_nobody_there(self):
        self.refused(4, "busbar-agentd, which hosts agents, does not run on this bus", "agent", "list")


class Installing(WithAgentd):
    def test_all_of_it(self):
        self.well("agent", "install", self.bundle, "--config", self.config, "--yes", "--enable", "--name", "clock2", "--identity", "c2",
                  "--priority", "7")
        archive = self.bundle.read_bytes()
        self.assertEqual(bytes(self.agentd.uploads["u1"]), archive)
        self.assertEqual(self.agentd.wanted, {"size": len(archive), "sha256": hashlib.sha256(archive).hexdigest()})
        self.assertEqual(self.agentd.last("agent.install"),
                         {"upload": "u1", "name": "clock2", "identity": "c2", "config": {"every_s": 3}, "enable": True, "replace": False,
                          "priority": 7, "grant": {"publish": ["clock/"], "subscribe": ["Data/"], "capabilities": ["edit"]}})

    def test_the_least(self):
        told = self.well("agent", "install", self.bundle, "--config", self.config, "--yes", "--json")
        self.assertEqual(told, {"version": 1, "agent": AGENT})
        self.assertEqual(set(self.agentd.last("agent.install")), {"upload", "name", "config", "enable", "replace", "grant"})
        self.assertIs(self.agentd.last("agent.install")["enable"], False)

    def test_replacing_keeps_what_is_not_said(self):
        """The present agent's identity, configuration and whether it is enabled; of another name nothing is known."""
        self.agentd.answers["agent.show"] = {"agent": {**AGENT, "identity": "tick"}, "manifest": MANIFEST, "config": {"every_s": 8}}
        self.well("agent", "install", self.bundle, "--yes", "--replace")
        order = self.agentd.last("agent.install")
        self.assertEqual((order["identity"], order["config"], order["enable"], order["replace"]), ("tick", {"every_s": 8}, True, True))
        self.well("agent", "install", self.bundle, "--yes", "--replace", "--identity", "tock", "--config", self.config)
        order = self.agentd.last("agent.install")
        self.assertEqual((order["identity"], order["config"]), ("tock", {"every_s": 3}))
        self.well("agent", "install", self.bundle, "--yes", "--replace", "--name", "new", "--config", self.config)
        order = self.agentd.last("agent.install")
        self.assertEqual((order["name"], order["enable"], order.get("identity")), ("new", False, None))
        self.agentd.answers["agent.show"]["config"] = {"every": 8}
        self.refused(2, "config: every_s: is needed", "agent", "install", self.bundle, "--yes", "--replace")

    def test_not_all_is_granted(self):
        self.well("agent", "install", self.bundle, "--yes", "--config", self.config, "--without", "edit", "--without", "Data/")
        self.assertEqual(self.agentd.last("agent.install")["grant"], {"publish": ["clock/"], "subscribe": [], "capabilities": []})
        before = len(self.agentd.calls)
        self.refused(2, "--without Edit: the agent does not ask for it", "agent", "install", self.bundle, "--yes", "--config", self.config,
                     "--without", "Edit")
        self.assertEqual(len(self.agentd.calls), before)

    def test_in_pieces(self):
        large = self.top / "large"
        self.folder(large, {**MANIFEST, "name": "large"}, "#!/bin/sh\n")
        (large / "data").write_bytes(os.urandom(700_000))
        self.well("agent", "pack", large, "-o", self.top / "large.agent")
        self.well("agent", "install", self.top / "large.agent", "--config", self.config, "--yes")
        self.assertEqual(bytes(self.agentd.uploads["u1"]), (self.top / "large.agent").read_bytes())
        self.assertEqual(len([1 for method, _ in self.agentd.calls if method == "upload.write"]), 4)

    def test_nothing_is_sent_when_it_is_wrong(self):
        self.refused(2, "config: every_s: is needed; --config FILE gives it", "agent", "install", self.bundle, "--yes")
        self.config.write_text('{"every_s":0}')
        self.refused(2, "every_s: is less than the minimum", "agent", "install", self.bundle, "--yes", "--config", self.config)
        self.config.write_text('{"every_s":1}')
        self.refused(2, "--yes agrees", "agent", "install", self.bundle, "--config", self.config)
        self.refused(2, "--name", "agent", "install", self.bundle, "--yes", "--name", "No")
        self.refused(2, "priority", "agent", "install", self.bundle, "--yes", "--priority", "101")
        damaged = self.top / "damaged"
        damaged.write_bytes(self.bundle.read_bytes()[:-1])
        self.refused(7, "damaged", "agent", "install", damaged, "--yes")
        self.assertEqual(self.agentd.calls, [])

    def test_agentd_refuses(self):
        self.agentd.answers["agent.install"] = Refusal("signed by 0x12, whom nobody trusts here", "denied")
        self.refused(5, "whom nobody trusts here", "agent", "install", self.bundle, "--yes", "--config", self.config)
        self.agentd.answers["upload.open"] = Refusal("too many uploads", "full")
        self.refused(6, "too many uploads", "agent", "install", self.bundle, "--yes", "--config", self.config)

    def asked(self, answer):
        """Installs on a terminal and answers the question; (exit code, what was shown)."""
        pid, tty = pty.fork()
        if pid == 0:
            os.chdir(self.top)
            os.execve(BIN / "busbar", ["busbar", "agent", "install", str(self.bundle), "--config", str(self.config)], self.environment())
        shown, said = b"", False
        while select.select([tty], [], [], PATIENCE_S)[0]:
            try:
                piece = os.read(tty, 4096)
            except OSError:
                break
            shown += piece
            if not said and b"[y/N]" in shown:
                os.write(tty, answer)
                said = True
        os.close(tty)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_it_asks(self):
        code, shown = self.asked(b"y\n")
        self.assertEqual(code, 0, shown)
        for part in ("publishes    clock/", "hears        Data/", "capabilities edit", "signed by    nobody", "clock 1.0.0: running"):
            self.assertIn(part, shown)
        self.assertEqual(self.agentd.calls[-1][0], "agent.install")
        before = len(self.agentd.calls)
        for answer in (b"\n", b"n\n", b"\x04"):
            code, shown = self.asked(answer)
            self.assertEqual(code, 6, shown)
            self.assertIn("nothing was done", shown)
        self.assertEqual(len(self.agentd.calls), before)


class Logs(WithAgentd):
    def test_the_last_lines(self):
        for i in range(2450):
            self.agentd.say(f"line {i}\x1b[31m", "err" if i % 2 else "out")
        out = self.well("agent", "logs", "clock").splitlines()
        self.assertEqual(len(out), 50)
        self.assertEqual(out[0], "2023-11-14T22:13:22.400Z out line 2400?[31m")
        self.assertEqual(out[-1], "2023-11-14T22:13:22.449Z err line 2449?[31m")
        self.assertEqual(len(self.well("agent", "logs", "clock", "-n", "430").splitlines()), 430)
        many = self.well("agent", "logs", "clock", "-n", "2000", "--jsonl").splitlines()
        self.assertEqual([json.loads(line)["n"] for line in many], list(range(451, 2451)))
        self.assertEqual(self.well("agent", "logs", "clock", "-n", "0"), "")
        told = self.well("agent", "logs", "clock", "--count", "2", "--json")
        self.assertEqual([line["n"] for line in told["lines"]], [2449, 2450])
        lines = [json.loads(line) for line in self.well("agent", "logs", "clock", "--count", "3", "--jsonl").splitlines()]
        self.assertEqual([line["n"] for line in lines], [2448, 2449, 2450])
        self.refused(2, "--jsonl", "agent", "logs", "clock", "-f", "--json")

    def test_following(self):
        self.agentd.say("old")
        reader = subprocess.Popen([BIN / "busbar", "agent", "logs", "clock", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=self.environment())
        self.assertIn("out old", reader.stdout.readline())
        speaker = vip.Peer(self.home, "cli.7")
        # Another agent's, an old line, somebody else's word: none is shown.
        self.tell("clock2", {"n": 9, "time_ms": 0, "stream": "out", "text": "other"})
        self.tell("clock", {"n": 1, "time_ms": 0, "stream": "out", "text": "again"})
        speaker.publish("agents/log/clock", {"n": 8, "time_ms": 0, "stream": "out", "text": "forged"})
        time.sleep(0.2)
        self.tell("clock", self.agentd.say("new", "err"))
        self.assertIn("err new", reader.stdout.readline())
        self.agentd.say("missed")
        self.tell("clock", self.agentd.say("after"))
        self.assertIn("out after", reader.stdout.readline())
        reader.send_signal(signal.SIGINT)
        out, err = reader.communicate(timeout=PATIENCE_S)
        self.assertEqual((reader.returncode, out), (130, ""))
        self.assertIn("lines 3 to 3 were not heard", err)
        speaker.close()

    def tell(self, name, line):
        """By a second socket of agentd's key would be another peer; the thread's own is not to be shared: a plain PUB socket."""
        mouth = vip.secured(vip.CONTEXT.socket(zmq.PUB), self.home, "agentd")
        mouth.connect(vip.door(self.home, "pub"))
        time.sleep(0.3)
        mouth.linger = 1000
        mouth.send_multipart([f"agents/log/{name}".encode(), json.dumps({"headers": {}, "message": line}).encode()])
        mouth.close()


class Running(Case):
    def folder_of(self, name, *words, **changes):
        path = self.top / name
        manifest = {"version": 1, "name": "clock", "release": "1", "command": ["./run", *words],
                    "config": {"type": "object", "properties": {"every_s": {"type": "integer", "default": 5}}}, **changes}
        self.folder(path, manifest, WORKER)
        return path

    def test_as_agentd_would(self):
        path = self.folder_of("worker", "a b")
        told = json.loads(self.well("agent", "run", path))
        self.assertEqual(told, {"cwd": str(path), "identity": "clock", "keys": ["busbard.pub", "clock.json"], "config": {"every_s": 5},
                                "volttron": "clock", "vip": True, "count": "1", "words": ["a b"]})
        state = self.top / "kept"
        config = self.top / "c.json"
        config.write_text('{"every_s":9}')
        for i in ("1", "2"):
            told = json.loads(self.well("agent", "run", path, "--state", state, "--config", config))
            self.assertEqual((told["count"], told["config"]), (i, {"every_s": 9}))
        self.assertEqual(list(pathlib.Path("/tmp").glob("busbar-run-*/state/count")), [])

    def test_how_it_ends(self):
        code, _, err = self.busbar("agent", "run", self.folder_of("failing", "--fail"))
        self.assertEqual(code, 1)
        self.assertIn("exit status 3", err)
        code, _, err = self.busbar("agent", "run", self.folder_of("none", command=["/nonexistent"]))
        self.assertEqual(code, 1)
        self.assertIn("/nonexistent: No such file", err)

    def ended(self, path):
        reader = subprocess.Popen([BIN / "busbar", "agent", "run", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=self.environment())
        reader.stdout.readline()
        reader.send_signal(signal.SIGTERM)
        _, err = reader.communicate(timeout=PATIENCE_S)
        return reader.returncode, err

    def test_asked_to_end(self):
        self.assertEqual(self.ended(self.folder_of("willing", "--stay")), (0, ""))
        code, err = self.ended(self.folder_of("deaf", "--stay", "--deaf", stop_s=1))
        self.assertEqual(code, 1)
        self.assertIn("did not end within 1 s: killed", err)


if __name__ == "__main__":
    unittest.main()
