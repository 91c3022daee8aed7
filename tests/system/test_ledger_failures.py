#!/usr/bin/env python3
"""The ledger when something fails: killed under load, twice on one store, damaged, without a place to write."""
import json
import os
import random
import resource
import signal
import subprocess
import threading
import time
import unittest
import unittest.mock

import vip
from ledger import Ledger, secret_of
from neighbourhood import BIN, PATIENCE_S, Process, wait_until

NOBODY = 65534


class Load(threading.Thread):
    """Submits transfers in small batches until the ledger is gone; keeps what was acknowledged."""

    def __init__(self, ledger, sender, count, identity):
        super().__init__()
        self.sent = [ledger.signed(sender, "Transfer", to="c1", amountNano=1 + i) for i in range(count)]
        self.home, self.acknowledged, self.identity = ledger.home, {}, f"cli.{identity}"

    def run(self):
        peer = vip.Peer(self.home, self.identity, wait_s=PATIENCE_S)
        try:
            for at in range(0, len(self.sent), 7):
                batch = [text for text, _ in self.sent[at:at + 7]]
                results = peer.call("ledger", "submit", {"transactions": batch}, 0.5)["results"]
                self.acknowledged.update({r["id"]: r for r in results if r.get("verdict") == "ok"})
        except (TimeoutError, vip.Refused):
            pass
        finally:
            peer.close()


class Killed(unittest.TestCase):
    """Kill -9 at random moments under load: BUSBAR_KILLS times, 8 without it; BUSBAR_SEED repeats a run."""

    KILLS, PER_LOAD = int(os.environ.get("BUSBAR_KILLS", "8")), 120

    def check_round(self, ledger, load):
        for identity, result in load.acknowledged.items():
            found = ledger.call("transaction", id=identity)
            self.assertEqual((found["at"]["height"], found["at"]["index"], found["verdict"], found["balances"]),
                             (result["height"], result["index"], "ok", result["balances"]))
        # sent again, everything is there once: the acknowledged ones, and the rest now
        again = ledger.submit(load.sent)
        self.assertEqual({r.get("verdict") for r in again}, {"ok"}, again[:2])
        for (_, identity), result in zip(load.sent, again):
            if identity in load.acknowledged:
                self.assertTrue(result["again"])
        self.assertEqual(len({r["id"] for r in again}), self.PER_LOAD)
        return sum(r["again"] for r in again)

    def test_nothing_acknowledged_is_lost(self):
        seed = int(os.environ.get("BUSBAR_SEED", time.time_ns() % 1000000))
        chance, told, kept = random.Random(seed), 0, 0
        print(f"\nseed {seed}", flush=True)
        with Ledger(flags=("--checkpoint", "100")) as ledger:
            for number in range(self.KILLS):
                loads = [Load(ledger, name, self.PER_LOAD, f"{name}.{number}") for name in ("p1", "p2")]
                for load in loads:
                    load.start()
                time.sleep(chance.uniform(0, 0.12))  # the very point: at any moment
                ledger.processes["ledgerd"].kill()
                for load in loads:
                    load.join()
                ledger.start_ledger()
                told += sum(len(load.acknowledged) for load in loads)
                kept += sum(self.check_round(ledger, load) for load in loads)
            print(f"{self.KILLS} kills: {told} transactions acknowledged, all there; {kept} were in the chain", flush=True)
            accounts = ledger.accounts()
            self.assertEqual(sum(int(a["money"]) for a in accounts.values()), 40000000000)
            self.assertEqual(accounts["p1"]["nonce"], str(self.KILLS * self.PER_LOAD))
            ledger.processes["ledgerd"].stop()
            self.check_offline(ledger)

    def check_offline(self, ledger):
        """Verify, backup, export, import: all tell the same height."""
        verified = ledger.run("--verify")
        self.assertEqual(verified.returncode, 0, verified.stderr)
        told = json.loads(verified.stdout)
        self.assertEqual((told["verified"], told["transactions"]), (True, str(2 * self.KILLS * self.PER_LOAD)))
        for flag, file in (("--backup", "copy.db"), ("--export", "chain.bex")):
            done = ledger.run(flag, ledger.home / file)
            self.assertEqual((done.returncode, json.loads(done.stdout)["height"]), (0, told["height"]), done.stderr)
            self.assertNotEqual(ledger.run(flag, ledger.home / file).returncode, 0)  # never over a file
        (ledger.home / "ledger/chain.db").rename(ledger.home / "old.db")
        done = ledger.run("--import", ledger.home / "chain.bex")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(ledger.run("--verify").stdout)["block"], told["block"])
        ledger.start_ledger()
        self.assertEqual(ledger.call("status")["block"], told["block"])


class Starts(unittest.TestCase):
    """What busbar-ledgerd says when it cannot begin, and with which code it ends."""

    def setUp(self):
        self.ledger = self.enterContext(Ledger(start=False))
        self.folder = self.ledger.home / "ledger"

    def refuses(self, code, *words, flags=()):
        ended = self.ledger.run(*flags)
        self.assertEqual(ended.returncode, code, ended.stderr)
        for word in words:
            self.assertIn(word, ended.stderr)

    def begin(self):
        self.ledger.start_ledger()
        self.assertEqual(self.ledger.act("p1", "Transfer", to="c1", amountNano=1)["verdict"], "ok")

    def test_a_second_instance(self):
        self.begin()
        self.refuses(1, "another process")
        self.assertEqual(self.ledger.act("p1", "Transfer", to="c1", amountNano=1)["verdict"], "ok")

    def test_without_a_genesis(self):
        (self.folder / "genesis.json").unlink()
        self.refuses(2, "busbar chain init")

    def test_a_genesis_that_is_wrong(self):
        (self.folder / "genesis.json").write_text('{"chain_id":"1","sealer":"0x12"}')
        self.refuses(2, "genesis.json", "sealer", "expected an address")

    def test_another_genesis_than_the_chains(self):
        self.begin()
        self.ledger.processes["ledgerd"].stop()
        self.ledger.genesis["chain_id"] = "1338"
        self.ledger.write_genesis()
        self.refuses(2, "not the genesis that this chain began with")
        (self.folder / "genesis.json").unlink()  # the chain knows its own
        self.ledger.start_ledger()
        self.assertEqual(self.ledger.call("parameters")["chain_id"], "1337")

    def test_a_sealers_key_that_others_can_read(self):
        (self.folder / "sealer.key").chmod(0o644)
        self.refuses(2, "chmod 600")

    def test_a_sealers_key_that_is_another(self):
        (self.folder / "sealer.key").write_text(secret_of("other")[2:] + "\n")
        self.refuses(2, self.ledger.signer.address("other"), self.ledger.signer.address("sealer"))

    def test_a_sealers_key_that_is_none(self):
        (self.folder / "sealer.key").write_text("secret\n")
        self.refuses(2, "64 hexadecimal digits")
        (self.folder / "sealer.key").unlink()
        self.refuses(2, "sealer.key")

    def test_settings_that_are_wrong(self):
        self.refuses(2, "one at a time", flags=("--verify", "--backup", "x"))
        self.refuses(2, "no chain", flags=("--verify",))
        self.refuses(2, "--help", flags=("--nonsense", "1"))
        self.assertEqual(self.ledger.run("--help").returncode, 0)
        self.assertEqual(json.loads(self.ledger.run("--print-config").stdout)["block_ms"], 2)

    def test_a_damaged_database(self):
        self.begin()
        self.ledger.processes["ledgerd"].stop()
        file = self.folder / "chain.db"
        whole = bytearray(file.read_bytes())
        at = whole.find(b"BEB1")
        whole[at + 100] ^= 1
        file.write_bytes(whole)
        self.refuses(7, "1")
        verified = self.ledger.run("--verify")
        self.assertEqual(verified.returncode, 7, verified.stdout)
        file.write_bytes(b"no database at all " * 100)
        self.refuses(7)


class Runs(unittest.TestCase):
    def test_clean_stop_and_restart(self):
        with Ledger() as ledger:
            sent = [ledger.signed("p1", "Transfer", to="c1", amountNano=1) for _ in range(20)]
            last = ledger.submit(sent)[-1]
            daemon = ledger.processes["ledgerd"]
            for number in (signal.SIGTERM, signal.SIGINT):
                daemon.signal(number)
                self.assertEqual(daemon.popen.wait(PATIENCE_S), 0)
                ledger.start_ledger()
                daemon = ledger.processes["ledgerd"]
                status = ledger.call("status")
                self.assertEqual((status["height"], status["transactions"]), (last["height"], "20"))

    def test_whoever_waits_when_it_ends_is_answered(self):
        with Ledger(flags=("--block-ms", "10000")) as ledger:
            ledger.act("p1", "Transfer", to="c1", amountNano=1)  # a block of its own, at once; the next waits for company
            text, identity = ledger.signed("p1", "Transfer", to="c1", amountNano=1)
            request = {"jsonrpc": "2.0", "id": "1", "method": "submit", "params": {"transactions": [text]}}
            ledger.peer.send("ledger", "RPC", json.dumps(request))
            ledger.call("status")  # it has been taken
            ledger.processes["ledgerd"].signal(signal.SIGTERM)
            answer = json.loads(ledger.peer.receive("RPC", PATIENCE_S)[1])
            self.assertEqual(answer["result"]["results"][0]["id"], identity)
            self.assertEqual(answer["result"]["results"][0]["verdict"], "ok")
            ledger.processes["ledgerd"].popen.wait(PATIENCE_S)
            ledger.start_ledger()
            self.assertEqual(ledger.call("transaction", id=identity)["at"]["height"], "2")

    def test_the_broker_comes_back(self):
        with Ledger() as ledger:
            ledger.act("p1", "Transfer", to="c1", amountNano=1)
            ledger.processes["busbard"].kill()
            ledger.start_broker()
            ledger.reconnect("cli.again")
            ledger.wait_for_ledger()
            self.assertEqual(ledger.act("p1", "Transfer", to="c1", amountNano=1)["verdict"], "ok")

    def test_the_ledger_waits_for_a_broker(self):
        with Ledger(start=False) as ledger:
            ledger.processes["busbard"].stop()
            ledger.processes["ledgerd"] = Process("ledgerd", [BIN / "busbar-ledgerd", "--home", ledger.home], ledger.home)
            ledger.start_broker()
            ledger.reconnect("cli.again")
            ledger.wait_for_ledger()

    def test_the_ledger_waits_for_a_broker_that_never_ran(self):
        with Ledger(start=False) as ledger:
            ledger.processes["busbard"].stop()
            (ledger.home / "run/vip.address").unlink(missing_ok=True)
            said = 0
            for number in (signal.SIGTERM, signal.SIGINT, None):
                ledger.processes["ledgerd"] = daemon = Process("ledgerd", [BIN / "busbar-ledgerd", "--home", ledger.home], ledger.home)
                said += 1
                wait_until(lambda: daemon.log().count("event=waiting-for-broker") == said or not daemon.running(), PATIENCE_S, "it waits")
                if number is not None:
                    daemon.signal(number)
                    self.assertEqual(daemon.popen.wait(PATIENCE_S), 0)
            time.sleep(0.7)  # three looks: it is not told again
            ledger.start_broker()
            ledger.reconnect("cli.again")
            ledger.wait_for_ledger()
            self.assertEqual(daemon.log().count("event=waiting-for-broker"), said)

    def test_another_sealer(self):
        """The operator names another key: this node says so and takes nothing more."""
        with Ledger() as ledger:
            self.assertEqual(ledger.act("operator", "SetSealer", sealer="other")["verdict"], "ok")
            refused = ledger.act("p1", "Transfer", to="c1", amountNano=1)
            self.assertEqual(refused["refused"], "read-only")
            self.assertIn("another key", ledger.call("status")["trouble"])
            ledger.processes["ledgerd"].stop()
            (ledger.home / "ledger/sealer.key").write_text(secret_of("other")[2:] + "\n")
            ledger.start_ledger()
            ledger.settle_nonces()
            self.assertEqual(ledger.act("p1", "Transfer", to="c1", amountNano=1)["verdict"], "ok")


class NoPlace(unittest.TestCase):
    """Reads go on where nothing can be written, and each write is refused with a reason."""

    def check_read_only(self, ledger):
        refused = ledger.act("p1", "Transfer", to="c1", amountNano=1)
        self.assertEqual(refused.get("refused"), "read-only", refused)
        status = ledger.call("status")
        self.assertEqual(status["role"], "STALLED")
        self.assertTrue(status["trouble"])
        self.assertEqual(ledger.account("p1")["nonce"], "1")
        self.assertEqual(len(ledger.call("statement", account="p1")["entries"]), 1)
        return status["trouble"]

    def test_a_full_disk(self):
        with Ledger(start=False) as ledger:
            full = ledger.home / "full"
            shim = {"LD_PRELOAD": str(BIN.parent / "tests/libdisk_shim.so"), "BUSBAR_DISK_FULL": str(full),
                    "ASAN_OPTIONS": "verify_asan_link_order=0"}
            with unittest.mock.patch.dict(os.environ, shim):
                ledger.start_ledger()
            ledger.act("p1", "Transfer", to="c1", amountNano=1)
            full.touch()
            print("\n" + self.check_read_only(ledger), flush=True)
            full.unlink()
            ledger.settle_nonces()
            wait_until(lambda: ledger.call("status")["trouble"] == "", PATIENCE_S, "it takes transactions again")
            self.assertEqual(ledger.act("p1", "Transfer", to="c1", amountNano=1)["verdict"], "ok")
            log = ledger.processes["ledgerd"].log()
            self.assertEqual((log.count("event=refusing-transactions"), log.count("event=taking-transactions")), (1, 1), log)
            ledger.processes["ledgerd"].stop()
            self.assertEqual(ledger.run("--verify").returncode, 0)

    def test_a_limit_on_the_size_of_files(self):
        """Nobody knows then what is on the disk: the transaction waits, and is in the chain once when it can be written."""
        with Ledger() as ledger:
            ledger.act("p1", "Transfer", to="c1", amountNano=1)
            pid = ledger.processes["ledgerd"].pid
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            sent = ledger.signed("p1", "Transfer", to="c1", amountNano=1)
            with self.assertRaises(TimeoutError):
                ledger.submit([sent], wait_s=1)
            wait_until(lambda: ledger.call("status")["trouble"] != "", PATIENCE_S, "it says so")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            wait_until(lambda: ledger.call("status")["trouble"] == "", PATIENCE_S, "it takes transactions again")
            self.assertEqual(ledger.submit([sent])[0]["verdict"], "ok")
            self.assertEqual(ledger.account("p1")["nonce"], "2")

    def test_a_folder_that_cannot_be_written(self):
        with Ledger() as ledger:
            ledger.act("p1", "Transfer", to="c1", amountNano=1)
            ledger.processes["ledgerd"].stop()
            folder = ledger.home / "ledger"
            as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
            if as_nobody:
                for path in [ledger.home, *ledger.home.rglob("*")]:
                    os.lchown(path, NOBODY, NOBODY)
            for file in folder.iterdir():
                file.chmod(0o400)
            folder.chmod(0o500)
            log = open(ledger.home / "log/ledgerd.log", "ab")
            self.addCleanup(log.close)
            try:
                daemon = subprocess.Popen([BIN / "busbar-ledgerd", "--home", ledger.home], stderr=log, **as_nobody)
            except PermissionError:
                self.skipTest("the programs stand where only root can read them")
            ledger.processes["ledgerd"].popen = daemon
            ledger.wait_for_ledger()
            print("\n" + self.check_read_only(ledger), flush=True)
            folder.chmod(0o700)


if __name__ == "__main__":
    unittest.main()
