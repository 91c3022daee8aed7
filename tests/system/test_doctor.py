#!/usr/bin/env python3
"""busbar doctor on homes that something is wrong with: it names it, its remedy heals it, and it changes nothing itself."""
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import unittest

from ledger import Ledger
from neighbourhood import BIN, PATIENCE_S, wait_until
import vip

LEVELS = {"ok", "warn", "fail"}
# What depends on the machine that the test runs on.
MACHINE = {"clock", "limits", "landlock", "descriptors", "disk", "ports", "adapters"}


def doctor(home, *arguments):
    return subprocess.run([BIN / "busbar", "doctor", "--home", home, "--timeout", "5", *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_S, env={**os.environ, "BUSBAR_HOME": "", "BUSBAR_VIP": "", "NO_COLOR": "1"})


def checks(home):
    done = doctor(home, "--json")
    document = json.loads(done.stdout)
    found = {check["check"]: check for check in document["checks"]}
    failed = any(check["level"] == "fail" for check in document["checks"])
    assert done.returncode == (1 if failed else 0), done
    assert {check["level"] for check in document["checks"]} <= LEVELS
    assert len(found) == len(document["checks"])
    return found


class Doctor(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")), "home")
        subprocess.run([BIN / "busbar", "init", "--home", self.home], check=True, stdout=subprocess.DEVNULL)

    def start(self, *flags):
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        broker = subprocess.Popen([BIN / "busbard", "--home", self.home, *doors, *flags], stderr=subprocess.DEVNULL)
        self.addCleanup(broker.wait)
        self.addCleanup(broker.terminate)
        wait_until((self.home / "run/vip.address").exists, PATIENCE_S, "busbard is up")
        return broker

    def heal(self, check, level="fail"):
        """The check is not ok; its remedy, a command, makes it so."""
        found = checks(self.home)[check]
        self.assertEqual(found["level"], level, found)
        remedy = found["remedy"].split(";")[0].replace("busbar ", f"{BIN}/busbar ", 1)
        subprocess.run(remedy, shell=True, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "BUSBAR_HOME": str(self.home)})
        self.assertEqual(checks(self.home)[check]["level"], "ok")
        return found

    def test_a_sound_home(self):
        self.start()
        found = checks(self.home)
        bad = [check for name, check in found.items() if check["level"] != "ok" and name not in MACHINE]
        self.assertEqual(bad, [])
        for name in ("folder", "sockets", "owners", "keys", "access", "disk", "clock", "broker", "version", "security", "rules", "drops"):
            self.assertIn(name, found)
        people = doctor(self.home).stdout
        self.assertIn("ok    bus broker: busbard answers at ipc://", people)
        self.assertRegex(people, r"\n\d+ ok, \d+ warnings, 0 failed\n$")

    def test_no_home(self):
        done = doctor("/tmp/there-is-none")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no home", done.stdout)
        self.assertIn("busbar init --home /tmp/there-is-none", done.stdout)
        self.assertFalse(pathlib.Path("/tmp/there-is-none").exists())

    def test_no_broker(self):
        found = checks(self.home)["broker"]
        self.assertEqual((found["level"], found["remedy"]), ("fail", f"busbard --home {self.home}"))

    def test_modes(self):
        (self.home / "keys/cli.json").chmod(0o644)
        self.assertIn("keys/cli.json", self.heal("keys")["text"])
        self.home.chmod(0o755)
        self.heal("folder", "warn")
        self.home.chmod(0o777)
        self.heal("folder")
        secret = self.home / "wallet/alice.json"
        secret.write_text("{}")
        secret.chmod(0o640)
        self.assertIn("alice.json, mode 0640", self.heal("secrets")["text"])
        (self.home / "access.json").chmod(0o666)
        self.heal("access")

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_owners(self):
        os.chown(self.home / "keys/ledger.json", 65534, 65534)
        self.assertIn("keys/ledger.json", self.heal("owners")["text"])

    def test_rules(self):
        rules = (self.home / "access.json").read_text()
        self.start()
        (self.home / "access.json").write_text('{"version":1,\n"entries":[{]}')
        found = checks(self.home)
        self.assertEqual(found["access"]["level"], "fail")
        self.assertIn("access.json:2", found["access"]["text"])
        wait_until(lambda: checks(self.home)["rules"]["level"] == "fail", PATIENCE_S, "busbard has looked at the file")
        (self.home / "access.json").write_text(rules)
        wait_until(lambda: checks(self.home)["rules"]["level"] == "ok", PATIENCE_S, "busbard has looked at the file again")

    def test_databases(self):
        path = self.home / "config.db"
        self.start().terminate()
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        database.execute("PRAGMA application_id = 0x42426366")
        database.execute("CREATE TABLE t(x)")
        database.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
        database.execute("PRAGMA user_version = 1")
        database.commit()
        self.assertEqual(checks(self.home)["config"]["level"], "ok")
        database.execute("PRAGMA user_version = 99")
        database.commit()
        self.assertIn("newer", checks(self.home)["config"]["text"])
        database.execute("PRAGMA user_version = 1")
        database.execute("PRAGMA application_id = 7")
        database.commit()
        self.assertIn("another program", checks(self.home)["config"]["text"])
        database.execute("PRAGMA application_id = 0x42426366")
        database.commit()
        database.close()
        content = bytearray(path.read_bytes())
        content[8192:12288] = b"\xff" * 4096
        path.write_bytes(content)
        found = checks(self.home)["config"]
        self.assertEqual(found["level"], "fail")
        self.assertIn("restore", found["remedy"])
        path.write_bytes(b"")
        self.assertIn("empty", checks(self.home)["config"]["text"])

    def test_no_encryption(self):
        self.start("--security", "none")
        found = checks(self.home)
        self.assertEqual(found["security"]["level"], "warn")

    def test_a_monitor(self):
        done = doctor(self.home, "--nagios")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout, r"^BUSBAR CRITICAL - busbard does not run.* \| failed=1 warnings=\d+ ok=\d+\n$")
        self.start()
        done = doctor(self.home, "--nagios")
        self.assertIn(done.returncode, (0, 1))
        self.assertRegex(done.stdout, r"^BUSBAR (OK|WARNING) - ")

    def test_help_and_refusals(self):
        told = subprocess.run([BIN / "busbar", "doctor", "--help"], capture_output=True, text=True, check=True).stdout
        for word in ("--json", "--nagios", "--home", "remedy"):
            self.assertIn(word, told)
        for wrong in (["more"], ["--fix"], ["--timeout", "x"]):
            done = doctor(self.home, *wrong)
            self.assertEqual((done.returncode, done.stdout), (2, ""), wrong)
            self.assertIn("busbar doctor: ", done.stderr)

    def test_the_ledger(self):
        with Ledger() as ledger:
            found = checks(ledger.home)
            self.assertEqual(found["ledger"]["level"], "ok")
            self.assertIn("block 0", found["ledger"]["text"])
            self.assertEqual(found["chain"]["level"], "ok")
            ledger.processes["ledgerd"].stop()
            found = checks(ledger.home)
            self.assertEqual(found["ledger"]["level"], "fail")
            self.assertIn("busbar-ledgerd", found["ledger"]["remedy"])


if __name__ == "__main__":
    unittest.main()
