#!/usr/bin/env python3
"""configs/systemd and configs/udev: understood by systemd, exposed no more than promised, and in accord with the programs."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from neighbourhood import BIN

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "configs/systemd"
UNITS = sorted(FOLDER.glob("*.service"))
# What `systemd-analyze security` may say at most, in tenths.
EXPOSURE = {"busbard": 15, "busbar-ledgerd": 10, "busbar-webd": 15, "busbar-agentd": 25}
OTHERS = 20
USERS = sorted(FOLDER.glob("*.sysusers"))


def settings(unit):
    """(key, value) of every line."""
    return re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE)


def values(unit, key):
    return [value for name, value in settings(unit) if name == key]


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not there")
class Systemd(unittest.TestCase):
    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60)

    def test_exposure(self):
        self.assertGreater(len(UNITS), 8)
        for unit in UNITS:
            most = EXPOSURE.get(unit.stem, OTHERS)
            with self.subTest(unit.name):
                done = self.analyze("security", "--offline=true", f"--threshold={most}", unit)
                told = (done.stdout + done.stderr).strip().splitlines()
                self.assertEqual(done.returncode, 0, told[-1:])
                print(told[-1].lstrip("→ "))

    def test_the_threshold_can_fail(self):
        done = self.analyze("security", "--offline=true", "--threshold=1", FOLDER / "busbard.service")
        self.assertNotEqual(done.returncode, 0)

    def test_verify(self):
        """In a root of its own, with every program where its unit looks for it."""
        root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        folder = root / "etc/systemd/system"
        folder.mkdir(parents=True)
        for unit in [*UNITS, *FOLDER.glob("*.target")]:
            shutil.copy(unit, folder)
            for command in values(unit, "ExecStart") + values(unit, "ExecStartPre") + values(unit, "ExecReload"):
                at = root / command.split()[0].replace("%i", "i").lstrip("/")
                at.parent.mkdir(parents=True, exist_ok=True)
                at.touch(mode=0o755)
        names = [path.name.replace("@.", "@i.") for path in sorted(folder.iterdir())]
        done = self.analyze("verify", "--man=no", f"--root={root}", *names)
        # Units of the system itself are not in this root.
        told = [line for line in done.stderr.splitlines() if "busbar" in line or "agent" in line]
        told = [line for line in told if "not found" not in line]
        self.assertEqual(told, [])

    def test_verify_can_fail(self):
        broken = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()), "broken.service")
        broken.write_text((FOLDER / "busbard.service").read_text().replace("WatchdogSec=20", "WatchdogSecs=20"))
        self.assertIn("WatchdogSecs", self.analyze("verify", "--man=no", broken).stderr)

    def test_users(self):
        done = subprocess.run(["systemd-sysusers", "--dry-run", *USERS], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr.count("ignoring")), (0, 0), done.stderr)


class Accord(unittest.TestCase):
    """What no tool of systemd's looks at. Units of programs that are not built here are left out."""

    def test_flags_exist(self):
        """Each unit's program takes the flags that the unit gives it."""
        for unit in UNITS:
            program, *words = values(unit, "ExecStart")[0].split()
            program = BIN / pathlib.Path(program).name
            if "%i" in program.name or not program.exists():
                continue
            told = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30).stdout
            for flag in (word for word in words if word.startswith("--")):
                with self.subTest(f"{unit.name} {flag}"):
                    self.assertRegex(told, rf"(?m)^  {flag[2:].replace('-', '_')}\b|{flag}\b")

    def test_pages_exist(self):
        for unit in UNITS:
            if not (BIN / pathlib.Path(values(unit, "ExecStart")[0].split()[0]).name).exists():
                continue
            for page in values(unit, "Documentation"):
                name, section = re.fullmatch(r"man:([a-z-]+)\((\d)\)", page).groups()
                with self.subTest(page):
                    self.assertTrue((ROOT / f"docs/man/{name}.{section}.scd").exists())

    def test_users_are_made(self):
        made = re.findall(r"^u (\S+)", "".join(path.read_text() for path in USERS), re.MULTILINE)
        for unit in UNITS:
            with self.subTest(unit.name):
                self.assertIn(values(unit, "User")[0], made)

    def test_states_are_made(self):
        lines = "".join(path.read_text() for path in FOLDER.glob("*.tmpfiles"))
        for unit in UNITS:
            for name in values(unit, "StateDirectory"):
                mode = values(unit, "StateDirectoryMode")[0]
                self.assertRegex(lines, rf"(?m)^d /var/lib/{name} {mode} {values(unit, 'User')[0]} ")

    def test_rules_for_devices(self):
        """Every line is known keys with an operator and a text; every label that is jumped to is there."""
        text = (ROOT / "configs/udev/60-busbar.rules").read_text()
        known = r"(SUBSYSTEMS?|ACTION|GOTO|LABEL|GROUP|MODE|TAG|SYMLINK|DRIVERS|ATTRS?\{[\w/]+\}|ENV\{\w+\})"
        for line in text.splitlines():
            if line and not line.startswith("#"):
                for part in line.split(", "):
                    with self.subTest(part):
                        self.assertRegex(part, rf'^{known}(==|!=|\+=|=)"[^"]*"$')
        self.assertEqual(set(re.findall(r'GOTO="(\w+)"', text)), set(re.findall(r'LABEL="(\w+)"', text)))


if __name__ == "__main__":
    unittest.main()
