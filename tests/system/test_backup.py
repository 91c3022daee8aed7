#!/usr/bin/env python3
"""The restore drill: a home is copied while everything runs, lost, made again of the copy, and goes on; and what is refused."""
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
import unittest

from ledger import Ledger
from neighbourhood import BIN, PATIENCE_S, wait_until
import vip


def busbar(*arguments, **options):
    return subprocess.run([BIN / "busbar", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S,
                          env={**os.environ, "BUSBAR_HOME": "", "BUSBAR_VIP": ""}, **options)


def let_configure(ledger):
    """The command line's key may do everything."""
    rules = json.loads((ledger.home / "access.json").read_text())
    for entry in rules["entries"]:
        if entry["comment"] == "cli":
            entry["capabilities"] = ["admin"]
    (ledger.home / "access.json").write_text(json.dumps(rules))


def configure(home):
    subprocess.run([BIN / "busbar", "config", "set", "some-agent", "limits", "-", "--home", home], input='{"kw":7}', text=True,
                   check=True, capture_output=True)


class Drill(unittest.TestCase):
    """With the ledger, durable messages and an agent's configuration, and writers that do not stop."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")))

    def write_on(self, ledger, stop):
        number = 0
        peer = vip.Peer(ledger.home, "cli.writer", wait_s=PATIENCE_S)
        while not stop.is_set():
            peer.publish("alerts/drill", number)
            number += 1
            stop.wait(0.002)
        peer.close()

    def test_drill(self):
        ledger = Ledger(start=False)
        self.addCleanup(ledger.close)
        ledger.furnish()
        let_configure(ledger)
        (ledger.home / "busbard.json").write_text('{"durable":["alerts/"]}')
        ledger.start_broker()
        ledger.reconnect()
        ledger.start_ledger()
        configure(ledger.home)
        receipt = ledger.act("p1", "SellOrder", energyWh=6000, priceMicroPerKWh=98200)
        stop = threading.Event()
        writer = threading.Thread(target=self.write_on, args=(ledger, stop))
        writer.start()
        try:
            wait_until(lambda: self.stored(ledger.home) > 20, PATIENCE_S, "durable messages")
            saved = busbar("backup", self.folder / "copy", "--home", ledger.home, "--json")
            at_backup = self.stored(self.folder / "copy/files")
        finally:
            stop.set()
            writer.join()
        self.assertEqual(saved.returncode, 0, saved.stderr)
        told = json.loads(saved.stdout)
        self.assertEqual((told["databases"], told["chain"], told["home"]), (3, True, str(ledger.home)))
        self.assertGreater(at_backup, 20)
        height = ledger.call("status")["height"]
        # The machine is lost.
        ledger.peer.close()
        ledger.peer = None
        for name in ("ledgerd", "busbard"):
            ledger.processes.pop(name).kill()
        shutil.rmtree(ledger.home)
        done = busbar("restore", self.folder / "copy", "--home", ledger.home)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("OLD BACKUPS", done.stdout)
        (ledger.home / "log").mkdir()
        ledger.start_broker()
        ledger.reconnect()
        ledger.start_ledger()
        self.assertEqual(ledger.call("status")["height"], height)
        self.assertEqual(ledger.call("transaction", id=receipt["id"])["verdict"], receipt["verdict"])
        self.assertEqual(ledger.act("p2", "SellOrder", nonce=0, energyWh=1000, priceMicroPerKWh=98200)["verdict"], receipt["verdict"])
        shown = busbar("config", "show", "some-agent", "limits", "--home", ledger.home)
        self.assertIn("7", shown.stdout, shown.stderr)
        self.assertEqual(self.stored(ledger.home), at_backup)
        doctor = json.loads(busbar("doctor", "--home", ledger.home, "--json").stdout)
        for check in doctor["checks"]:
            if check["group"] in ("stores", "home", "bus"):
                self.assertEqual(check["level"], "ok", check)

    def stored(self, home):
        """How many durable messages are in the file."""
        path = pathlib.Path(home, "durable.db")
        if not path.exists():
            return 0
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return database.execute("SELECT count(*) FROM messages").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
        finally:
            database.close()


class Copies(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")))
        self.home, self.copy, self.new = self.folder / "home", self.folder / "copy", self.folder / "new"
        subprocess.run([BIN / "busbar", "init", "--home", self.home], check=True, capture_output=True)
        (self.home / "agents/bundles/0a").mkdir(parents=True)
        (self.home / "agents/bundles/0a/run.sh").write_text("#!/bin/sh\n")
        (self.home / "agents/bundles/0a/run.sh").chmod(0o755)
        (self.home / "agents/bundles/0a").chmod(0o555)
        self.addCleanup(lambda: [path.chmod(0o755) for path in self.folder.glob("*/**/bundles/0a")])
        (self.home / "agents/mine/state").mkdir(parents=True)
        (self.home / "agents/mine/state/log").write_text("its own")
        (self.home / "agents/mine/log").write_text("output")
        (self.home / "agents/mine/lock").touch()
        (self.home / "run/vip.sock").touch()
        os.symlink("/etc/passwd", self.home / "agents/mine/state/link")
        database = sqlite3.connect(self.home / "config.db")
        database.executescript("PRAGMA application_id = 0x42426366; PRAGMA user_version = 1; CREATE TABLE t(x); INSERT INTO t VALUES (1);")
        database.close()

    def save(self):
        done = busbar("backup", self.copy, "--home", self.home)
        self.assertEqual(done.returncode, 0, done.stderr)

    def entries(self):
        return {entry["path"]: entry for entry in json.loads((self.copy / "manifest.json").read_text())["entries"]}

    def change(self, edit):
        document = json.loads((self.copy / "manifest.json").read_text())
        edit(document)
        (self.copy / "manifest.json").write_text(json.dumps(document))

    def refuse(self, code, word):
        """Neither the check nor the restore goes through, and nothing is made."""
        for arguments in (("--check",), ("--home", self.new)):
            done = busbar("restore", self.copy, *arguments)
            self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
            self.assertIn(word, done.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith("new")], [])

    def test_what_is_copied(self):
        self.save()
        entries = self.entries()
        self.assertEqual(entries["keys/cli.json"]["mode"], "0600")
        self.assertEqual(entries["keys/cli.json"]["sha256"], hashlib.sha256((self.home / "keys/cli.json").read_bytes()).hexdigest())
        self.assertEqual((entries["config.db"]["kind"], entries["config.db"]["format"]), ("database", 1))
        self.assertIn("agents/mine/state/log", entries)
        for out in ("run", "log", "agents/mine/log", "agents/mine/lock", "access.json.lock", "agents/mine/state/link"):
            self.assertNotIn(out, entries)
        self.assertEqual(stat.S_IMODE(self.copy.stat().st_mode), 0o700)
        for path in self.copy.glob("**/*"):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_back(self):
        self.save()
        self.assertEqual(busbar("restore", self.copy, "--check").returncode, 0)
        self.new.mkdir()  # an empty one is no home
        done = busbar("restore", self.copy, "--home", self.new, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["restored"], str(self.new))
        for path, entry in self.entries().items():
            new, old = self.new / path, self.home / path
            with self.subTest(path):
                self.assertEqual(stat.S_IMODE(new.stat().st_mode), stat.S_IMODE(old.stat().st_mode))
                self.assertEqual(new.stat().st_uid, old.stat().st_uid)
                if entry["kind"] == "file":
                    self.assertEqual(new.read_bytes(), old.read_bytes())
        database = sqlite3.connect(self.new / "config.db")
        self.assertEqual(database.execute("SELECT x FROM t").fetchall(), [(1,)])
        database.close()

    def test_never_over_a_home(self):
        self.save()
        before = {path: path.lstat().st_mtime_ns for path in self.home.glob("**/*")}
        done = busbar("restore", self.copy, "--home", self.home)
        self.assertEqual(done.returncode, 6)
        self.assertIn(f"mv {self.home} {self.home}.old", done.stderr)
        self.assertEqual({path: path.lstat().st_mtime_ns for path in self.home.glob("**/*")}, before)
        self.assertEqual(busbar("backup", self.copy, "--home", self.home).returncode, 6)  # nor a backup over another

    def test_damage(self):
        self.save()
        path = self.copy / "files/keys/cli.json"
        text = path.read_text()
        path.write_text(text.replace("public", "pubIic"))
        self.refuse(7, "keys/cli.json: it is not what was copied (its hash differs)")
        path.write_text(text + " ")
        self.refuse(7, "its size differs")
        path.unlink()
        self.refuse(7, "keys/cli.json")
        path.write_text(text)
        (self.copy / "files/more").touch()
        self.refuse(7, "more in it than the manifest names")
        (self.copy / "files/more").unlink()
        path.unlink()
        os.symlink("/etc/passwd", path)
        self.refuse(1, "keys/cli.json")
        path.unlink()
        path.write_text(text)
        (self.copy / "manifest.json").unlink()
        self.refuse(3, "a backup that was not finished has none")

    def test_a_damaged_database_of_the_right_hash(self):
        self.save()
        path = self.copy / "files/config.db"
        content = bytearray(path.read_bytes())
        content[4096:4120] = b"\xff" * 24
        path.write_bytes(content)
        def forge(document):
            for entry in document["entries"]:
                if entry["path"] == "config.db":
                    entry["sha256"] = hashlib.sha256(content).hexdigest()
        self.change(forge)
        self.refuse(7, "config.db")

    def test_hostile_manifests(self):
        self.save()
        original = (self.copy / "manifest.json").read_text()
        def at(which, **members):
            def edit(document):
                row = next(entry for entry in document["entries"] if entry["path"] == which)
                row.update(members)
            return edit
        cases = [(at("keys", path="../keys"), "not one below a home"), (at("keys", path="/keys"), "not one below a home"),
                 (at("keys", path="keys/./x"), "not one below a home"), (at("keys", path="a\nb"), "not one below a home"),
                 (at("keys", path="boards"), "named twice"), (at("keys", kind="link"), "kind"),
                 (at("keys", mode="rwx"), "mode"), (at("keys/cli.json", path="nowhere/cli.json"), "its folder is not named"),
                 (at("keys/cli.json", sha256="00"), "no size and hash"), (at("keys/cli.json", size=-1), "no size and hash"),
                 (lambda document: document.pop("entries"), "no manifest"), (lambda document: document.update(version="1"), "no manifest")]
        for edit, word in cases:
            with self.subTest(word):
                self.change(edit)
                self.refuse(7, word)
                (self.copy / "manifest.json").write_text(original)
        (self.copy / "manifest.json").write_text(original[:-5])
        self.refuse(7, "manifest.json:")

    def test_newer(self):
        self.save()
        original = (self.copy / "manifest.json").read_text()
        self.change(lambda document: document.update(version=2))
        self.refuse(1, "of a newer Busbar")
        (self.copy / "manifest.json").write_text(original)
        def newer(document):
            next(entry for entry in document["entries"] if entry["path"] == "config.db")["format"] = 99
        self.change(newer)
        self.refuse(1, "format 99 of the agents' configurations is of a newer Busbar")

    def test_a_restore_that_broke_off(self):
        self.save()
        (self.folder / "new.restoring").mkdir()
        done = busbar("restore", self.copy, "--home", self.new)
        self.assertEqual(done.returncode, 6)
        self.assertIn("remove it first", done.stderr)
        self.assertFalse(self.new.exists())

    def test_help_and_usage(self):
        for verb, words in (("backup", ("--home", "--json")), ("restore", ("--check", "--home", "--json"))):
            told = busbar(verb, "--help").stdout
            for word in words:
                self.assertIn(word, told)
            self.assertEqual(busbar(verb).returncode, 2)
        self.assertEqual(busbar("backup", self.copy, "--home", self.folder / "none").returncode, 3)


class Formats(unittest.TestCase):
    """What each program says to a file of another time."""

    def test_newer_files_are_left_alone(self):
        ledger = Ledger(start=False)
        self.addCleanup(ledger.close)
        ledger.furnish()
        let_configure(ledger)
        ledger.start_broker()
        ledger.reconnect()
        ledger.start_ledger()
        configure(ledger.home)
        self.stop(ledger)
        for name in ("config.db", "ledger/chain.db"):
            self.mark(ledger.home / name, 99)
        ledger.start_broker()  # goes on without its store of configurations, and says so
        hosted = json.loads(busbar("status", "--json", "--home", ledger.home).stdout)["stats"]["hosted"]
        self.assertIn("newer", str(hosted))
        self.assertIn("newer", busbar("doctor", "--home", ledger.home).stdout)
        ledger.reconnect()
        done = ledger.run()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("newer", done.stderr)
        self.stop(ledger)
        for name in ("config.db", "ledger/chain.db"):
            self.assertEqual(self.mark(ledger.home / name, 1), 99)
        ledger.start_broker()
        ledger.reconnect()
        ledger.start_ledger()
        self.assertIn("7", busbar("config", "show", "some-agent", "limits", "--home", ledger.home).stdout)

    def test_newer_files_stop_their_programs(self):
        programs = {"durable.db": (0x42426475, ["busbard"]), "agents/agents.db": (0x42426167, ["busbar-agentd"])}
        for name, (application, command) in programs.items():
            if not (BIN / command[0]).exists():
                continue
            with self.subTest(name), tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as folder:
                home = pathlib.Path(folder)
                subprocess.run([BIN / "busbar", "init", "--home", home], check=True, capture_output=True)
                (home / name).parent.mkdir(exist_ok=True)
                doors = {door: [vip.door(home, door)] for door in ("vip", "sub", "pub")}
                (home / "busbard.json").write_text(json.dumps({**doors, "durable": ["alerts/"] if name == "durable.db" else []}))
                database = sqlite3.connect(home / name)
                database.executescript(f"CREATE TABLE t(x); PRAGMA application_id = {application}; PRAGMA user_version = 99;")
                database.close()
                content = (home / name).read_bytes()
                broker = None
                if command[0] != "busbard":
                    broker = subprocess.Popen([BIN / "busbard", "--home", home], stderr=subprocess.DEVNULL)
                    wait_until((home / "run/vip.address").exists, PATIENCE_S, "busbard is up")
                try:
                    done = subprocess.run([BIN / command[0], "--home", home], capture_output=True, text=True, timeout=PATIENCE_S)
                finally:
                    if broker is not None:
                        broker.terminate()
                        broker.wait()
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("newer", done.stderr)
                self.assertEqual((home / name).read_bytes()[96:], content[96:])

    def stop(self, ledger):
        ledger.peer.close()
        ledger.peer = None
        for process in reversed(list(ledger.processes.values())):
            process.stop()

    def mark(self, path, version):
        """Gives a database another format; the one that it had."""
        database = sqlite3.connect(path)
        before = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
        database.close()
        return before


if __name__ == "__main__":
    unittest.main()
