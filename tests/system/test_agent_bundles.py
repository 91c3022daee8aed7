#!/usr/bin/env python3
"""The example agents in C, Python and shell, packed, signed, installed and run by the command line, busbard and busbar-agentd; and what
busbar-agentd refuses, asked directly."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import vip
from neighbourhood import BIN, PATIENCE_S, Process, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Host:
    """A home as `busbar init` makes it, its broker and its busbar-agentd; a wallet with the key `us`."""

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="bb-", dir="/tmp"))
        self.home = self.top / "home"
        (self.top / "passphrase").write_text("open\n")
        self.well("init")
        self.signer = self.well("key", "new", "us", "--light", "--json")["address"]
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        self.broker = Process("busbard", [BIN / "busbard", "--home", self.home, *doors], self.home)
        wait_until((self.home / "run/vip.address").exists, PATIENCE_S, "busbard is up")
        self.agentd = Process("busbar-agentd", [BIN / "busbar-agentd", "--home", self.home], self.home)
        wait_until(lambda: self.busbar("agent", "list")[0] == 0, PATIENCE_S, "busbar-agentd is up")
        self.peer = vip.Peer(self.home)

    def busbar(self, *words, given=""):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}
        done = subprocess.run([BIN / "busbar", *map(str, words)], input=given, capture_output=True, text=True, cwd=self.top,
                              timeout=PATIENCE_S, check=False, start_new_session=True,
                              env={**clean, "BUSBAR_HOME": str(self.home), "BUSBAR_PASSPHRASE_FILE": str(self.top / "passphrase"),
                                   "BUSBAR_TIMEOUT": "30"})
        return done.returncode, done.stdout, done.stderr

    def well(self, *words, **options):
        code, out, err = self.busbar(*words, **options)
        if code != 0:
            raise AssertionError(f"{words}: {code}: {err}")
        if words[0] == "init" or "--json" not in words:
            return out
        return json.loads(out)

    def close(self):
        self.peer.close()
        for process in (self.agentd, self.broker):
            process.popen.terminate()
            process.popen.wait(PATIENCE_S)
        subprocess.run(["chmod", "-R", "u+w", self.top], check=False)
        shutil.rmtree(self.top)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.close)
        cls.well = staticmethod(cls.host.well)

    def refused(self, code, part, *words):
        got, out, err = self.host.busbar(*words)
        self.assertEqual((got, out), (code, ""), f"{words}: {err}")
        self.assertIn(part, err)

    def hears(self, topic, condition=lambda message: True):
        ear = vip.Ear(self.host.home, topic)
        try:
            return ear.until(lambda last: topic in last and condition(last[topic]), PATIENCE_S, topic)[topic]
        finally:
            ear.close()

    def packed(self, folder, name):
        path = self.host.top / f"{name}.agent"
        self.well("agent", "pack", folder, "-o", path)
        return path

    def agent(self, name):
        return self.well("agent", "show", name, "--json")["agent"]

    def entry(self, identity):
        rules = json.loads((self.host.home / "access.json").read_text())
        return next((e for e in rules["entries"] if identity in e["identities"]), None)


class Examples(Case):
    def installed(self, folder, name, *words):
        """Packed, refused without a signature, signed and taken in."""
        path = self.packed(folder, name)
        self.refused(5, "not signed", "agent", "install", path, "--yes")
        self.well("agent", "sign", path, "--key", "us")
        told = self.well("agent", "install", path, "--yes", "--enable", *words, "--json")["agent"]
        self.assertEqual((told["name"], told["state"], told["enabled"], told["signer"]), (name, "running", True, self.host.signer))
        return path

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.well("agent", "signers", "add", "us")

    def config(self, **settings):
        path = self.host.top / "config.json"
        path.write_text(json.dumps(settings))
        return path

    def test_c(self):
        self.installed(BIN.parent / "examples/c", "counter", "--config", self.config(every_ms=50))
        count = self.hears("counter/count", lambda m: m["count"] >= 3)["count"]
        self.assertGreaterEqual(self.well("rpc", "counter", "count", "--json")["result"]["count"], count)
        self.assertEqual(self.well("agent", "stop", "counter", "--json")["agent"]["state"], "stopped")
        kept = int((self.host.home / "agents/counter/state/count").read_text())
        self.well("agent", "start", "counter")
        self.hears("counter/count", lambda m: m["count"] > kept)
        lines = [line["text"] for line in self.well("agent", "logs", "counter", "--json")["lines"]]
        self.assertEqual(lines, ["counting from 0", f"stopped at {kept}", f"counting from {kept}"])
        self.refused(6, "every_ms: is less than the minimum, 10", "agent", "configure", "counter", self.config(every_ms=1))
        self.well("agent", "configure", "counter", self.config())
        self.assertEqual(self.well("agent", "show", "counter", "--json")["config"], {"every_ms": 1000})
        row = self.well("agent", "stats", "counter", "--json")["agents"][0]
        self.assertEqual((row["name"], row["processes"]), ("counter", 1))
        self.assertGreater(row["memory_bytes"], 0)

    def test_python(self):
        self.installed(ROOT / "agents/examples/python", "watcher", "--config", self.config(prefixes=["test/", "x/"], every_s=0.2))
        self.hears("watcher/heard")
        self.host.peer.publish("test/a", 1)
        self.host.peer.publish("test/b", 2)
        self.assertEqual(self.hears("watcher/heard", lambda m: m["test/"] == 2), {"test/": 2, "x/": 0})
        self.assertEqual(self.well("rpc", "watcher", "heard", "--json")["result"], {"test/": 2, "x/": 0})
        self.refused(3, "no method nothing", "rpc", "watcher", "nothing")
        self.assertIn("hearing test/, x/", self.well("agent", "logs", "watcher"))

    def test_shell(self):
        folder = self.host.top / "shell"
        shutil.copytree(ROOT / "agents/examples/shell", folder)
        shutil.copy(BIN / "busbar", folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["limits"]["memory_mb"] = 1024  # under sanitizers the command line takes ten times as much
        (folder / "manifest.json").write_text(json.dumps(manifest))
        self.installed(folder, "clock")
        self.assertLess(abs(self.hears("clock/time")["unix_s"] - time.time()), PATIENCE_S)
        reader = subprocess.Popen([BIN / "busbar", "agent", "logs", "clock", "-f", "--jsonl", "--home", self.host.home], stdout=subprocess.PIPE,
                                  text=True)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        self.assertEqual(json.loads(reader.stdout.readline())["text"], "telling the time every 1 s")
        self.well("agent", "restart", "clock")
        self.assertEqual([json.loads(reader.stdout.readline())["text"] for _ in range(2)], ["asked to end", "telling the time every 1 s"])
        reader.send_signal(signal.SIGINT)
        reader.communicate(timeout=PATIENCE_S)
        self.assertEqual(reader.returncode, 130)
        self.assertEqual(self.entry("clock")["publish"], ["clock/"])
        self.assertFalse(os.access(self.host.home / "agents/bundles" / self.agent("clock")["digest"] / "clock", os.W_OK) and os.getuid() != 0)
        self.well("agent", "remove", "clock", "--yes")
        self.assertIsNone(self.entry("clock"))
        self.refused(3, "clock", "agent", "show", "clock")
        self.assertNotIn("clock", [a["name"] for a in self.well("agent", "list", "--json")["agents"]])


class Releases(Case):
    """One agent, release by release."""

    def folder(self, release, **changes):
        path = self.host.top / f"r{release}"
        path.mkdir()
        manifest = {"version": 1, "name": "sleeper", "release": release, "command": ["./run"], "publish": ["sleeper/"],
                    "config": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, **changes}
        (path / "manifest.json").write_text(json.dumps(manifest))
        (path / "run").write_text("#!/bin/sh\ncat \"$BUSBAR_AGENT_CONFIG\"\nexec sleep 600\n")
        (path / "run").chmod(0o755)
        path = self.packed(path, release)
        self.well("agent", "sign", path)
        return path

    def test_replacing(self):
        self.well("agent", "signers", "add", "us", "--agent", "sleep*")
        config = self.host.top / "config.json"
        config.write_text('{"n":7}')
        first = self.folder("1.0")
        self.well("agent", "install", first, "--yes", "--config", config, "--identity", "tired", "--enable")
        old = self.agent("sleeper")
        (self.host.home / "agents/sleeper/state/saved").write_text("kept")
        self.refused(6, "installed already", "agent", "install", first, "--yes", "--config", config)
        self.well("agent", "install", self.folder("1.1", publish=["sleeper/", "more/"]), "--yes", "--replace")
        new = self.well("agent", "show", "sleeper", "--json")
        self.assertEqual((new["agent"]["release"], new["agent"]["identity"], new["agent"]["enabled"], new["agent"]["state"], new["config"]),
                         ("1.1", "tired", True, "running", {"n": 7}))
        self.assertNotEqual(new["agent"]["digest"], old["digest"])
        self.assertEqual((self.host.home / "agents/sleeper/state/saved").read_text(), "kept")
        self.assertEqual(self.entry("tired")["publish"], ["sleeper/", "more/"])
        self.well("agent", "install", first, "--yes", "--name", "sleeper2", "--identity", "t2", "--config", config)
        self.assertEqual(self.agent("sleeper2")["state"], "stopped")
        csv = self.well("agent", "list", "--csv").splitlines()
        self.assertEqual([line.split(",")[:4] for line in csv[1:]], [["sleeper", "1.1", "tired", "running"], ["sleeper2", "1.0", "t2", "stopped"]])


class Refusals(Case):
    """What does not come by the command line, which checks first, is refused by busbar-agentd itself, and nothing of it stays."""

    def setUp(self):
        self.bundle = self.packed(ROOT / "agents/examples/python", "watcher").read_bytes()

    def put(self, data):
        """Uploads bytes and has them installed; the error's message."""
        self.bundles = self.host.home / "agents/bundles"
        upload = self.host.peer.call("agentd", "upload.open", {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})["upload"]
        for at in range(0, len(data), 100_000):
            self.host.peer.call("agentd", "upload.write", {"upload": upload, "offset": at, "data": base64.b64encode(data[at:at + 100_000]).decode()})
        with self.assertRaises(vip.Refused) as refused:
            self.host.peer.call("agentd", "agent.install", {"upload": upload}, wait_s=PATIENCE_S)
        left = [p.name for p in self.bundles.iterdir()] if self.bundles.exists() else []
        self.assertEqual(left, [])
        self.assertEqual(self.well("agent", "list", "--json")["agents"], [])
        return refused.exception.args[0]["message"]

    def test_each(self):
        path = self.host.top / "watcher.agent"
        self.assertIn("not signed", self.put(self.bundle))
        self.well("agent", "sign", path)
        signed = path.read_bytes()
        self.assertIn(f"signed by {self.host.signer}, whom nobody trusts here", self.put(signed))
        self.well("agent", "signers", "add", "us", "--agent", "other")
        self.assertIn("not trusted with an agent named watcher", self.put(signed))
        self.well("agent", "signers", "add", "us")
        self.assertIn('"watcher.py" has another hash', self.put(signed.replace(b"import base64", b"import base63")))
        self.assertIn("hidden behind the end", self.put(signed + b"\0" * 512))
        self.assertIn('"signature.json"', self.put(signed.replace(b'"signature":"0x', b'"signature":"0X')))
        self.assertIn("no bundle", self.put(b"\x7fELF" + b"\0" * 5000))


if __name__ == "__main__":
    unittest.main()
