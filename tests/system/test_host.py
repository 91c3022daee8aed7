#!/usr/bin/env python3
"""busbar init --host on an image, and where the command line's settings come from."""
import json
import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

from neighbourhood import BIN

ROOT = pathlib.Path(__file__).resolve().parents[2]


def busbar(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BUSBAR_", "XDG_"))}
    return subprocess.run([BIN / "busbar", *arguments], capture_output=True, text=True, timeout=60,
                          env={**kept, "NO_COLOR": "1", **environment})


@unittest.skipUnless(os.geteuid() == 0, "a host's homes are made by root")
class Host(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")))

    def make(self, *arguments):
        done = busbar("init", "--host", "--root", str(self.root), "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {item["path"]: item for item in json.loads(done.stdout)["items"]}

    def users(self):
        lines = (self.root / "etc/passwd").read_text().splitlines()
        return {line.split(":")[0]: int(line.split(":")[2]) for line in lines}

    def below(self):
        return {path: path.lstat() for path in self.root.glob("var/lib/busbar*/**/*")}

    def test_owners_and_modes(self):
        items = self.make()
        self.assertTrue(all(item["made"] for item in items.values()), items)
        users = self.users()
        self.assertTrue({"busbar", "busbar-ledger"} <= set(users))
        self.assertRegex((self.root / "etc/group").read_text(), r"(?m)^busbar:.*:busbar-ledger$")
        for home, mode in (("busbar", 0o750), ("busbar-ledger", 0o700)):
            folder = self.root / "var/lib" / home
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), mode)
            self.assertEqual(os.readlink(folder / "run"), "/run/busbar")
            for path in [folder, *folder.glob("**/*")]:
                with self.subTest(path):
                    self.assertEqual(path.lstat().st_uid, users[home])
                    if path.suffix == ".json" and path.parent.name == "keys" and not path.is_symlink():
                        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE((self.root / "etc/busbar").stat().st_mode), 0o755)
        self.assertEqual(json.loads((self.root / "etc/busbar/busbard.json").read_text()),
                         json.loads((ROOT / "configs/host/busbard.json").read_text()))
        self.assertIn("BUSBAR_HOME=/var/lib/busbar\n", (self.root / "etc/busbar/environment").read_text())

    def test_no_boards_and_every_service_its_key(self):
        self.make()
        home = self.root / "var/lib/busbar"
        self.assertEqual(list((home / "boards").iterdir()), [])
        self.assertFalse((home / "site.json").exists())
        granted = {name for entry in json.loads((home / "access.json").read_text())["entries"] for name in entry["identities"]}
        self.assertTrue({"agentd", "ledger", "federation", "mqtt-agent", "historian", "modbus-agent", "cli"} <= granted)
        self.assertFalse({"script", "example-agent"} & granted)
        self.assertTrue((self.root / "var/lib/busbar-ledger/keys/ledger.json").is_file())
        self.assertTrue((home / "keys/ledger.json").is_symlink())  # the secret is the ledger's alone
        self.assertEqual((home / "keys/busbard.pub").read_text(), (self.root / "var/lib/busbar-ledger/keys/busbard.pub").read_text())

    def test_again(self):
        self.make()
        before = {path: (path.read_bytes() if path.is_file() else b"") for path in self.below()}
        key = self.root / "var/lib/busbar/keys/cli.json"
        os.chown(key, 0, 0)
        (self.root / "etc/busbar/busbard.json").write_text("{}\n")
        self.assertEqual([item for item in self.make().values() if item["made"]], [])
        self.assertEqual({path: (path.read_bytes() if path.is_file() else b"") for path in self.below()}, before)
        self.assertEqual(key.stat().st_uid, self.users()["busbar"])
        self.assertEqual((self.root / "etc/busbar/busbard.json").read_text(), "{}\n")

    def test_an_agent_of_ones_own(self):
        self.make()
        self.assertTrue(self.make("--agent", "mine")["/var/lib/busbar/keys/mine.json"]["made"])
        self.assertIn('"mine"', (self.root / "var/lib/busbar/access.json").read_text())

    def test_broker_takes_the_settings(self):
        self.make()
        done = subprocess.run([BIN / "busbard", "--config", self.root / "etc/busbar/busbard.json", "--print-config"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["vip"][0], "ipc:///run/busbar/vip.sock")


class Refusals(unittest.TestCase):
    def test_refusals(self):
        for arguments in (["--root", "/tmp"], ["--host", "--root", "here"], ["--host", "--home", "/tmp/x"]):
            with self.subTest(arguments):
                done = busbar("init", *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertTrue(done.stderr.startswith("busbar init: --"), done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_not_root(self):
        # A program in a folder that others may not enter could not be run at all.
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            program = pathlib.Path(folder, "busbar")
            program.write_bytes((BIN / "busbar").read_bytes())
            program.chmod(0o755)
            done = subprocess.run([program, "init", "--host", "--root", folder], capture_output=True, text=True, user=65534,
                                  env={"ASAN_OPTIONS": "detect_leaks=0"})
            self.assertEqual(done.returncode, 5, done.stderr)
            self.assertIn("sudo busbar init --host", done.stderr)


class Precedence(unittest.TestCase):
    """flag > environment > user's file > /etc/busbar."""

    def setUp(self):
        self.user = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")))
        self.etc = self.user / "etc"
        self.etc.mkdir()
        (self.etc / "environment").write_text("# a host's\nBUSBAR_HOME=/from/etc\nBUSBAR_TIMEOUT=0.5\n")

    def home(self, *arguments, **environment):
        done = busbar("doctor", "--json", *arguments, HOME=str(self.user), BUSBAR_ETC=str(self.etc), **environment)
        return json.loads(done.stdout)["home"]

    def test_order(self):
        self.assertEqual(self.home(), "/from/etc")
        folder = self.user / ".config/busbar"
        folder.mkdir(parents=True)
        (folder / "environment").write_text("BUSBAR_HOME=/from/user\n")
        self.assertEqual(self.home(), "/from/user")
        self.assertEqual(self.home(BUSBAR_HOME="/from/environment"), "/from/environment")
        self.assertEqual(self.home("--home", "/from/flag", BUSBAR_HOME="/from/environment"), "/from/flag")

    def test_a_home_of_ones_own_wins_over_the_hosts(self):
        own = self.user / ".local/share/busbar"
        own.mkdir(parents=True)
        self.assertEqual(self.home(), str(own))

    def test_refusals(self):
        for line in ("BUSBAR_HOME", "PATH=/bin", "BUSBAR-HOME=x", "export BUSBAR_HOME=x"):
            with self.subTest(line):
                (self.etc / "environment").write_text(f"\n{line}\n")
                done = busbar("help", HOME=str(self.user), BUSBAR_ETC=str(self.etc))
                self.assertEqual(done.returncode, 2)
                self.assertIn("environment:2: expected BUSBAR_NAME=VALUE", done.stderr)


if __name__ == "__main__":
    unittest.main()
