#!/usr/bin/env python3
"""Trading by the command line: every verb of accounts, market and chain against a real broker and a real ledger."""
import csv
import io
import json
import os
import pathlib
import pty
import re
import signal
import stat
import subprocess
import tempfile
import unittest

import vip
from neighbourhood import BIN, PATIENCE_S, wait_until

ZERO = "0x" + "00" * 32
STRANGER = "0x718faE2E5c6Ba915a210B7f6e85246dB915b9C03"
# A signed transaction is answered within milliseconds; a machine under sanitizers and load takes longer.
TIMEOUT_S = "30"


class Town:
    """A home with a broker and a ledger, founded by `chain init`: operator, edc, c1, and prosumers p1, p2, p3; the key `nobody` is not in it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")
        self.home = pathlib.Path(self.folder.name) / "h"
        self.secret = pathlib.Path(self.folder.name) / "passphrase"
        self.secret.write_text("open sesame\n")
        self.processes = []

    def __enter__(self):
        try:
            self.well("init")
            for name in ("operator", "edc", "c1", "p1", "p2", "p3", "nobody"):
                self.well("key", "new", name, "--light")
            self.founded = self.well("chain", "init", "c1:consumer", "p1:prosumer", "p2:prosumer:p2", "p3:prosumer::500:25.5",
                                     "--cents", "1000", "--kwh", "50", "--json")
            doors = [f"--{name}=ipc://{self.home}/run/{name}.sock" for name in ("vip", "sub", "pub")]
            self.start("busbard", *doors)
            wait_until((self.home / "run/vip.address").exists, PATIENCE_S, "the broker's address")
            self.start_ledger()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.stop(process)
        self.folder.cleanup()

    def start(self, program, *arguments):
        log = (self.home / "log" / f"{program}.log").open("ab")
        with log:
            process = subprocess.Popen([BIN / program, f"--home={self.home}", *arguments], stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def start_ledger(self):
        self.ledger = self.start("busbar-ledgerd")
        wait_until(lambda: self.run("chain", "status")[0] == 0 or self.ledger.poll() is not None, PATIENCE_S, "the ledger")
        if self.ledger.poll() is not None:
            raise RuntimeError((self.home / "log/busbar-ledgerd.log").read_text())

    def stop(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        self.processes.remove(process)

    def run(self, *words, **environment):
        """(exit code, standard output, standard error)."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}
        known = {"BUSBAR_HOME": str(self.home), "BUSBAR_PASSPHRASE_FILE": str(self.secret), "BUSBAR_TIMEOUT": TIMEOUT_S}
        done = subprocess.run([BIN / "busbar", *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={**clean, **known, **environment}, timeout=PATIENCE_S * 2, check=False)
        return done.returncode, done.stdout, done.stderr

    def well(self, *words):
        """Standard output of what must succeed; parsed when it is JSON."""
        code, out, err = self.run(*words)
        if code != 0:
            raise AssertionError(f"{words}: exit code {code}\n{out}{err}")
        return json.loads(out) if "--json" in words else out

    def account(self, name):
        account = self.well("account", "show", name, "--json")["account"]
        return int(account["money"]), int(account["energy"])


class Case(unittest.TestCase):
    town = None

    def refused(self, *words, code, says):
        got, out, err = self.town.run(*words)
        self.assertEqual(got, code, (words, out, err))
        self.assertIn(says, err, words)
        return out, err


class Reading(Case):
    """What only looks, over a market with a few orders in it."""

    @classmethod
    def setUpClass(cls):
        cls.town = cls.enterClassContext(Town())
        well = cls.town.well
        cls.sold = well("sell", "--kwh", "6", "--price", "9.82", "--key", "p1", "--json")
        well("sell", "--kwh", "0.001", "--price", "9.9001", "--expires", "+1h", "--key", "p2")
        cls.bought = well("buy", "--kwh", "2.5", "--max-price", "10", "--key", "c1", "--json")
        well("buy", "--kwh", "1", "--max-price", "1", "--fill", "rest", "--key", "c1")

    def test_accounts(self):
        rows = list(csv.DictReader(io.StringIO(self.town.well("account", "list", "--csv"))))
        self.assertEqual([row["name"] for row in rows], ["operator", "edc", "c1", "p1", "p2", "p3"])
        self.assertEqual([row["role"] for row in rows], ["operator", "distribution", "consumer", *["prosumer"] * 3])
        p3 = rows[-1]
        self.assertEqual((p3["money_cents"], p3["energy_kwh"], p3["on_sale_kwh"]), ("500.00", "25.5", "0.0"))
        self.assertEqual(rows[3]["on_sale_kwh"], "3.5")
        self.assertEqual(rows[2]["money_cents"], "975.45")
        self.assertEqual(rows[2]["escrow_cents"], "1.00")
        listed = self.town.well("account", "list", "--json")
        self.assertEqual((listed["version"], listed["total"], len(listed["accounts"])), (1, "6", 6))

    def test_an_account_by_name_and_by_address(self):
        by_name = self.town.well("account", "show", "p1", "--json")
        by_address = self.town.well("account", "show", by_name["account"]["address"], "--json")
        self.assertEqual(by_name["account"], by_address["account"])
        self.assertEqual([o["energy"] for o in by_name["orders"]], ["3500"])
        self.assertRegex(self.town.well("account", "show", "c1"), r"(?m)^ *b1 +1\.0 +1\.00")
        self.refused("account", "show", "nobody", code=3, says="busbar account list")
        self.refused("account", "statement", "nobody", code=3, says="account")

    def test_a_statement_ends_with_the_present_balance(self):
        entries = self.town.well("account", "statement", "c1", "--json")["entries"]
        self.assertEqual((int(entries[0]["money"]), int(entries[0]["energy"])), self.town.account("c1"))
        self.assertEqual([entry["type"] for entry in entries], ["BuyOrder", "BuyOrder"])
        first = self.town.well("account", "statement", "c1", "--count", "1", "--json")
        self.assertEqual(first["entries"], entries[:1])
        rest = self.town.well("account", "statement", "c1", "--before", first["next"], "--json")
        self.assertEqual(rest["entries"], entries[1:])
        self.assertEqual(len(self.town.well("account", "statement", "c1", "--csv").splitlines()), 3)
        self.assertIn("busbar account statement c1 --before", self.town.well("account", "statement", "c1", "--count", "1"))

    def test_the_book(self):
        book = self.town.well("market", "book", "--json")
        self.assertEqual([(p["name"], p["energy"], p["price"]) for p in book["posts"]], [("p1", "3500", "98200"), ("p2", "1", "99001")])
        self.assertEqual([(b["name"], b["energy"], b["price"]) for b in book["bids"]], [("c1", "1000", "10000")])
        rows = list(csv.DictReader(io.StringIO(self.town.well("market", "book", "--csv"))))
        self.assertEqual([(r["order"], r["side"], r["price_cents_per_kwh"]) for r in rows], [("1", "sell", "9.82"), ("2", "sell", "9.9001"), ("b1", "buy", "1.00")])
        self.assertEqual(len(self.town.well("market", "book", "--depth", "1", "--json")["posts"]), 1)
        self.assertIn("(none)", self.town.well("market", "book", "--interval", "2030-01-01T00:00Z"))
        self.refused("market", "book", "--interval", "soon", code=2, says="--interval")
        self.refused("market", "book", "--json", "--csv", code=2, says="exclude")

    def test_trades(self):
        trades = self.town.well("market", "trades", "--json")["trades"]
        self.assertEqual([(t["buyer_name"], t["seller_name"], t["energy"], t["price"]) for t in trades], [("c1", "p1", "2500", "98200")])
        self.assertEqual(self.town.well("market", "trades", "--account", "p2", "--json")["trades"], [])
        self.assertRegex(self.town.well("market", "trades"), r"c1 +p1 +2\.5 +9\.82")
        self.assertIn("energy_kwh", self.town.well("market", "trades", "--csv").splitlines()[0])
        self.refused("market", "trades", "--account", "nobody", code=3, says="account")

    def test_the_chain(self):
        status = self.town.well("chain", "status", "--json")
        self.assertEqual(status["genesis"], self.town.founded["genesis"])
        self.assertEqual((status["role"], status["market"]), ("LEADER", "open"))
        height = int(status["height"])
        self.assertEqual(height, 4)
        log = self.town.well("chain", "log", "--json")["blocks"]
        self.assertEqual([int(block["height"]) for block in log], [4, 3, 2, 1])
        self.assertEqual(len(self.town.well("chain", "log", "--count", "2", "--csv").splitlines()), 3)
        block = self.town.well("chain", "block", "head", "--json")
        self.assertEqual(block["hash"], log[0]["hash"])
        self.assertIn(log[1]["hash"], self.town.well("chain", "block", "3"))
        self.assertEqual(self.town.well("chain", "block", "4", "--json")["header"]["previous"], log[1]["hash"])
        self.refused("chain", "block", "99", code=3, says="99")
        self.refused("chain", "block", "x", code=6, says="height")
        for words in (("chain", "status"), ("chain", "log")):
            self.assertTrue(self.town.well(*words))

    def test_a_transaction(self):
        tx = self.town.well("chain", "tx", self.bought["id"], "--json")
        self.assertEqual((tx["type"], tx["verdict"], tx["message"]["energyWh"]), ("BuyOrder", "ok", "2500"))
        told = self.town.well("chain", "tx", self.bought["id"])
        self.assertIn("(2.5 kWh)", told)
        self.assertIn("(10.00 cent/kWh)", told)
        self.assertIn("2.5 kWh for 24.55 cent: 9.8200 cent/kWh on average", told)
        self.assertIn("(all-or-nothing)", told)
        self.assertRegex(told, r"deadline +\d+ \(20\d\d-")
        self.refused("chain", "tx", ZERO, code=3, says="transaction")
        for words in (("chain", "tx", "0x1234"), ("chain", "receipt", "0x1234", "--output", "/nowhere/x")):
            self.refused(*words, code=2, says="0x1234 is no transaction")

    def test_receipts(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        file = folder / "r"
        self.town.well("chain", "receipt", self.bought["id"], "--output", file)
        proof = self.town.well("chain", "verify-receipt", file, "--json")
        self.assertEqual((proof["valid"], proof["id"], proof["verdict"], proof["type"]), (True, self.bought["id"], "ok", "BuyOrder"))
        self.assertEqual([(t["energy"], t["price"]) for t in proof["trades"]], [(2500, 98200)])
        told = self.town.well("chain", "verify-receipt", file)
        self.assertIn("2.5 kWh at 9.82 cent/kWh", told)
        self.assertRegex(told, r"(?m)^time +20\d\d-.*Z$")
        # without any home: against the hash, or the genesis file
        genesis, elsewhere = self.town.founded["genesis"], {"BUSBAR_HOME": str(folder / "none")}
        self.assertEqual(self.town.run("chain", "verify-receipt", file, "--genesis", genesis, **elsewhere)[0], 0)
        self.town.well("chain", "genesis", "--output", folder / "g")
        self.assertEqual((folder / "g").read_bytes(), (self.town.home / "ledger/genesis").read_bytes())
        self.assertEqual(self.town.run("chain", "verify-receipt", file, "--genesis-file", folder / "g", **elsewhere)[0], 0)
        code, _, err = self.town.run("chain", "verify-receipt", file, **elsewhere)
        self.assertEqual(code, 3)
        self.assertIn("--genesis-file", err)
        self.refused("chain", "verify-receipt", file, "--genesis", ZERO, code=7, says="chain")
        self.refused("chain", "verify-receipt", file, "--genesis", genesis, "--chain-id", "7", code=7, says="proves nothing")
        self.refused("chain", "verify-receipt", file, "--sealer", STRANGER, code=7, says="proves nothing")
        self.refused("chain", "verify-receipt", file, "--sealer", "0x12", code=2, says="--sealer")
        whole = file.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 25)):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
            self.refused("chain", "verify-receipt", file, code=7, says="proves nothing")
        for cut in (b"", whole[:-1], whole + b"\0"):
            file.write_bytes(cut)
            self.refused("chain", "verify-receipt", file, code=7, says="proves nothing")
        self.refused("chain", "receipt", ZERO, code=3, says="transaction")

    def test_a_receipt_at_once(self):
        """Also of what the contract refused: that is in the chain too."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        with Town() as town:
            self.assertIn(f"busbar chain verify-receipt {folder}/good", town.well("sell", "--kwh", "1", "--price", "9", "--key", "p1", "--receipt", folder / "good"))
            self.assertEqual(town.well("chain", "verify-receipt", folder / "good", "--json")["verdict"], "ok")
            self.assertEqual(town.run("sell", "--kwh", "51", "--price", "9", "--key", "p2", "--receipt", folder / "bad")[0], 6)
            self.assertEqual(town.well("chain", "verify-receipt", folder / "bad", "--json")["verdict"], "insufficient-energy")
            height = town.well("chain", "status", "--json")["height"]
            for place in ("/nowhere/x", str(folder)):
                code, out, err = town.run("sell", "--kwh", "1", "--price", "9", "--key", "p1", "--receipt", place)
                self.assertEqual((code, out), (1, ""))
                self.assertIn(place, err)
            self.assertEqual(town.well("chain", "status", "--json")["height"], height, "nothing was signed")
            # Where a place is there and yet takes nothing, the order stands, and nobody is told of a proof that is nowhere.
            code, out, err = town.run("sell", "--kwh", "1", "--price", "9", "--key", "p1", "--receipt", "/dev/full")
            self.assertEqual(code, 1)
            self.assertIn("Only the proof is missing", err)
            self.assertRegex(out, r"keep the proof of it: busbar chain receipt 0x[0-9a-f]{64} --output FILE")
            self.assertNotIn("its proof is in", out)

    def test_completion(self):
        def offered(*words):
            code, out, err = self.town.run("__complete", "--", *words)
            self.assertEqual((code, err), (0, ""))
            return [line.split("\t")[0] for line in out.splitlines()]
        self.assertEqual(offered("account", "show", "p"), ["p1", "p2", "p3"])
        self.assertEqual(sorted(offered("sell", "--key", "")), ["c1", "edc", "nobody", "operator", "p1", "p2", "p3"])
        self.assertEqual(offered("market", "trades", "--account", "c"), ["c1"])
        self.assertEqual(offered("market", "po"), ["post", "policy"])
        self.assertEqual(offered("market", "post", ""), ["update", "cancel"])
        self.assertEqual(offered("buy", "--fill", ""), ["all-or-nothing", "partial", "rest"])

    def test_groups_of_verbs(self):
        for words in (["market", "post", "--help"], ["help", "market", "post"]):
            self.assertIn("market post update", self.town.well(*words))
        for words in (["market", "post"], ["market", "post", "sell"], ["market", "frob"]):
            code, out, err = self.town.run(*words)
            self.assertEqual((code, out), (2, ""))
            self.assertIn("usage: busbar market", err)

    def test_a_receipt_is_not_for_a_terminal(self):
        ours, theirs = pty.openpty()
        done = subprocess.run([BIN / "busbar", "chain", "receipt", self.bought["id"], f"--home={self.town.home}", "--timeout", TIMEOUT_S],
                              stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
        os.close(theirs)
        os.close(ours)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--output", done.stderr)
        piped = subprocess.run([BIN / "busbar", "chain", "receipt", self.bought["id"], f"--home={self.town.home}", "--timeout", TIMEOUT_S],
                               stdout=subprocess.PIPE, timeout=PATIENCE_S, check=True)
        self.assertEqual(piped.stdout[:4], b"BER1")

    def test_verify(self):
        found = self.town.well("chain", "verify", "--json")
        self.assertEqual((found["valid"], found["height"], found["transactions"]), (True, 4, 4))
        self.assertEqual(found["genesis"], self.town.founded["genesis"])
        self.assertIn("The chain holds", self.town.well("chain", "verify"))

    def test_export_verify_import_backup(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        file = folder / "chain"
        self.town.well("chain", "export", file)
        found = self.town.well("chain", "verify", file, "--json")
        self.assertEqual((found["valid"], found["height"]), (True, 4))
        whole = file.read_bytes()
        for place in range(8, len(whole), len(whole) // 20):
            (folder / "bad").write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1:])
            code, out, err = self.town.run("chain", "verify", folder / "bad")
            self.assertEqual((code, out), (7, ""), (place, err))
        for cut in (b"", whole[:100], whole[:-1], whole + b"\0"):
            (folder / "bad").write_bytes(cut)
            self.refused("chain", "verify", folder / "bad", code=7, says="bad")
        self.refused("chain", "verify", folder / "none", code=3, says="none")
        code, out, _ = self.town.run("chain", "verify", file, "--json", BUSBAR_HOME=str(folder))
        self.assertEqual((code, json.loads(out)["valid"]), (0, True))
        self.town.well("chain", "backup", folder / "copy.db")
        self.assertEqual((folder / "copy.db").read_bytes()[:15], b"SQLite format 3")
        self.refused("chain", "export", file, code=1, says="chain")
        other = folder / "other"
        (other / "ledger").mkdir(parents=True)
        code, _, err = self.town.run("chain", "import", file, BUSBAR_HOME=str(folder / "none"))
        self.assertNotEqual(code, 0)
        self.assertIn("`busbar init` makes a home", err)
        code, out, _ = self.town.run("chain", "import", file, BUSBAR_HOME=str(other))
        self.assertEqual((code, out), (0, f"import {file}: 4 blocks, chain id 1337, genesis {self.town.founded['genesis']}\n"))
        self.assertEqual((other / "ledger/genesis").read_bytes(), (self.town.home / "ledger/genesis").read_bytes())
        self.assertEqual((found["genesis"], found["chain_id"]), (self.town.founded["genesis"], 1337))
        (other / "ledger/chain.db").unlink()
        whole = (other / "ledger/genesis").read_bytes()
        (other / "ledger/genesis").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        code, _, err = self.town.run("chain", "import", file, BUSBAR_HOME=str(other))
        self.assertEqual(code, 7)
        self.assertIn("another chain", err)
        self.assertFalse((other / "ledger/chain.db").exists())
        (other / "ledger/genesis").write_bytes(whole)
        code, out, _ = self.town.run("chain", "import", file, "--json", BUSBAR_HOME=str(other))
        told = json.loads(out)
        self.assertEqual((code, told["version"], told["genesis"], told["chain_id"]), (0, 1, self.town.founded["genesis"], "1337"))
        for words in (("busbar", "chain", "verify", file), ("busbar-ledgerd", "--verify")):
            self.check_progress(words, other)
        self.assertTrue((other / "ledger/chain.db").exists())

    def check_progress(self, words, home):
        """A bar on a terminal, and nothing of it elsewhere."""
        command = [BIN / words[0], *words[1:], f"--home={home}"]
        quiet = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True)
        self.assertEqual(quiet.stderr, b"", words)
        ours, theirs = pty.openpty()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, timeout=PATIENCE_S, check=True)
        os.close(theirs)
        shown = os.read(ours, 65536)
        os.close(ours)
        self.assertRegex(shown, rb"\r.*\[[#= >]+\].*\d", words)

    def test_another_chain_is_not_the_homes(self):
        with Town() as other:
            folder = self.enterContext(tempfile.TemporaryDirectory())
            other.well("sell", "--kwh", "1", "--price", "1", "--key", "p1")
            other.well("chain", "export", f"{folder}/chain")
            self.refused("chain", "verify", f"{folder}/chain", code=7, says="another chain")
            id_ = other.well("market", "book", "--json")["block"]
            self.refused("chain", "tx", id_, code=3, says="transaction")

    def test_orders_are_not_signed_for_another_chain(self):
        with Town() as other:
            file = other.home / "ledger/genesis"
            whole = file.read_bytes()
            file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
            self.town, ours = other, self.town
            try:
                for words in (("sell", "--kwh", "1", "--price", "1", "--key", "p1"), ("sell", "--kwh", "1", "--price", "1", "--key", "p1", "--dry-run"), ("chain", "verify")):
                    self.refused(*words, code=7, says="another chain")
                self.assertEqual(other.well("chain", "status", "--json")["height"], "0")
                other.well("chain", "genesis", "--output", file)
                self.assertEqual(file.read_bytes(), whole)
                file.unlink()
                other.well("sell", "--kwh", "1", "--price", "1", "--key", "p1")
                self.assertTrue(other.well("chain", "verify", "--json")["valid"])
            finally:
                self.town = ours

    def test_nobody_writes_to_the_readers_terminal(self):
        """The reason of a correction is any text that its writer likes."""
        with Town() as other:
            sent = other.well("transfer", "p1", "--cents", "1", "--key", "p2", "--json")["id"]
            done = other.well("account", "correct", sent, "--from", "p1", "--to", "p2", "--cents", "1", "--reason", "é\x1b[2J\x07\x9bq\n" + "x" * 200, "--key", "operator", "--json")
            told = other.well("chain", "tx", done["id"])
            self.assertIn("é?[2J??" , told)
            self.assertFalse(set(told) & set("\x1b\x07\x9b"))
            self.assertIn("x" * 200, told)

    def test_without_a_ledger_the_database_itself_is_verified(self):
        with Town() as other:
            other.well("sell", "--kwh", "1", "--price", "1", "--key", "p1")
            other.stop(other.ledger)
            code, _, err = other.run("account", "list")
            self.assertEqual(code, 4)
            self.assertIn("busbar-ledgerd --home", err)
            code, out, err = other.run("chain", "verify")
            self.assertEqual(code, 0, err)
            self.assertIn("the chain holds: 1 blocks, 1 transactions", out)
            self.assertIn(other.founded["genesis"], out)
            told = other.well("chain", "verify", "--json")
            self.assertEqual((told["verified"], told["height"]), (True, "1"))


class Trading(Case):
    """Every action, what it prints, and how it is refused. Each test leaves the market as it can be used by the next."""

    @classmethod
    def setUpClass(cls):
        cls.town = cls.enterClassContext(Town())

    def test_case_one_of_the_thesis(self):
        """And what people see of it: trades, price, balance, transaction, the way to the receipt."""
        with Town() as town:
            for seller, kwh, price in (("p1", "6.0", "9.82"), ("p2", "7", "9.90"), ("p3", "8", "9.97")):
                self.assertIn("order", town.well("sell", "--kwh", kwh, "--price", price, "--key", seller))
            told = town.well("buy", "--kwh", "8", "--max-price", "10", "--key", "c1")
            self.assertRegex(told, r"p1 +c1 +6\.0 +9\.82")
            self.assertRegex(told, r"p2 +c1 +2\.0 +9\.90")
            self.assertIn("8.0 kWh for 78.72 cent: 9.8400 cent/kWh on average", told)
            self.assertRegex(told, r"c1 +921\.28 +0\.00 +58\.0")
            id_ = re.search(r"transaction (0x[0-9a-f]{64})", told)[1]
            self.assertIn(f"busbar chain receipt {id_} --output FILE", told)
            self.assertEqual(town.account("p1"), (10589200000, 44000))
            self.assertEqual(town.account("p2"), (10198000000, 48000))

    def test_decimals_are_exact_or_refused(self):
        for words, says in ((("sell", "--kwh", "0.0001", "--price", "1"), "three decimals"), (("sell", "--kwh", "1", "--price", "1.00001"), "four decimals"),
                            (("transfer", "p1", "--cents", "0.00000001"), "seven decimals"), (("sell", "--kwh", "six", "--price", "1"), "no decimal"),
                            (("sell", "--price", "1"), "--kwh is missing"), (("sell", "--kwh", "1"), "--price is missing"),
                            (("buy", "--kwh", "1"), "--max-price is missing"), (("transfer", "p1"), "--cents is missing"),
                            (("sell", "--kwh", "1", "--price", "1", "--expires", "later"), "--expires"), (("buy", "--kwh", "1", "--max-price", "1", "--fill", "half"), "none of")):
            self.refused(*words, "--key", "p1", code=2, says=says)

    def test_amounts_that_are_none_cost_nothing(self):
        """The contract would refuse them too, in a block and for a nonce."""
        height = self.town.well("chain", "status", "--json")["height"]
        sell, buy = ("sell", "--kwh", "1", "--price", "1"), ("buy", "--kwh", "1", "--max-price", "1")
        for words, says in (((*sell[:2], "-6", *sell[3:]), "--kwh: -6.0 kWh is too little; give 0.001 or more"),
                            ((*sell[:2], "0", *sell[3:]), "--kwh: 0.0 kWh"), ((*sell[:4], "-0.0001"), "--price: -0.0001 cent/kWh is too little; give 0.00 or more"),
                            ((*buy[:2], "0.000", *buy[3:]), "--kwh: 0.0 kWh"), ((*buy[:4], "-1"), "--max-price: -1.00 cent/kWh"),
                            (("transfer", "p2", "--cents", "0"), "--cents: 0.00 cent is too little; give 0.0000001 or more"),
                            (("transfer", "p2", "--cents", "-5"), "--cents: -5.00 cent"), (("market", "post", "update", "1", "--kwh", "0"), "--kwh"),
                            (("market", "post", "update", "1", "--price", "-1"), "--price"), (("account", "mint", "p1", "--cents", "-1"), "--cents"),
                            (("account", "mint", "p1", "--cents", "0", "--kwh", "0"), "how much"), (("account", "mint", "p1", "--kwh", "-1"), "--kwh"),
                            (("market", "policy", "--penalty", "-0.1"), "--penalty: -0.10 cent/kWh"), (("market", "policy", "--band-low", "-1"), "--band-low"),
                            (("account", "correct", ZERO, "--from", "p1", "--to", "p2", "--reason", "x", "--cents", "-1"), "--cents: -1.00 cent"),
                            (("account", "correct", ZERO, "--from", "p1", "--to", "p2", "--reason", "x", "--cents", "0"), "how much")):
            self.refused(*words, "--key", "p1", code=2, says=says)
        self.assertEqual(self.town.well("chain", "status", "--json")["height"], height)

    def test_update_and_cancel(self):
        order = self.town.well("sell", "--kwh", "4", "--price", "50", "--key", "p1", "--json")["order"]
        self.town.well("market", "post", "update", order, "--price", "49.5", "--key", "p1")
        orders = self.town.well("account", "show", "p1", "--json")["orders"]
        self.assertEqual([(o["energy"], o["price"]) for o in orders if o["order"] == order], [("4000", "495000")])
        self.town.well("market", "post", "update", order, "--kwh", "3", "--key", "p1")
        self.refused("market", "post", "update", order, "--key", "p1", code=2, says="nothing to change")
        self.refused("market", "post", "update", order, "--kwh", "1", "--key", "p2", code=3, says="no open order")
        _, err = self.refused("market", "post", "cancel", order, "--key", "p2", code=6, says="not-owner")
        self.assertIn("account show p2", err)
        self.refused("market", "bid", "cancel", order, "--key", "p1", code=2, says="is a post")
        self.town.well("market", "post", "cancel", order, "--key", "p1")
        self.refused("market", "post", "cancel", order, "--key", "p1", code=6, says="unknown-order")
        self.refused("market", "post", "cancel", "x", "--key", "p1", code=2, says="is no order")

    def test_a_bid_rests_and_is_cancelled(self):
        done = self.town.well("buy", "--kwh", "1", "--max-price", "0.5", "--fill", "rest", "--key", "c1", "--json")
        bid = "b" + str(int(done["order"]) - 2**63)
        self.assertIn(bid, self.town.well("market", "book"))
        self.refused("market", "post", "cancel", bid, "--key", "c1", code=2, says="busbar market bid cancel")
        self.town.well("market", "bid", "cancel", bid, "--key", "c1")
        self.assertNotIn(bid + " ", self.town.well("market", "book"))

    def test_what_was_not_bought_is_told(self):
        with Town() as town:
            town.well("sell", "--kwh", "6", "--price", "9.82", "--key", "p1")
            self.assertIn("2.0 kWh of what was asked for were not to be had", town.well("buy", "--kwh", "8", "--max-price", "10", "--fill", "partial", "--key", "c1"))
            self.assertIn("8.0 kWh are not bought yet: the bid b1 waits for them", town.well("buy", "--kwh", "8", "--max-price", "10", "--fill", "rest", "--key", "c1"))
            town.well("sell", "--kwh", "6", "--price", "9.82", "--key", "p1")
            town.well("sell", "--kwh", "6", "--price", "9.82", "--key", "p2")
            self.assertNotIn("not", town.well("buy", "--kwh", "1", "--max-price", "10", "--fill", "rest", "--key", "c1").split("transaction")[0])

    def test_books_of_intervals(self):
        with Town() as town:
            start = "2040-01-01T00:00:00.000Z"
            town.well("sell", "--kwh", "1", "--price", "9", "--interval", start, "--key", "p1")
            told = town.well("market", "book")
            self.assertIn(f"2208988800  {start}", told)
            self.assertIn("9.00", town.well("market", "book", "--interval", start))
            self.assertFalse([line for line in told.splitlines() if line != line.rstrip()])

    def test_transfer(self):
        before = self.town.account("p3")
        self.town.well("transfer", "p3", "--cents", "12.3456789", "--key", "p2")
        self.assertEqual(self.town.account("p3"), (before[0] + 123456789, before[1]))
        self.refused("transfer", "nobody", "--cents", "1", "--key", "p2", code=3, says="account")
        self.refused("transfer", "p2", "--cents", "1", "--key", "p2", code=6, says="same-account")

    def test_refusals_say_what_to_do(self):
        for words, verdict, advice in (
                (("sell", "--kwh", "51", "--price", "1", "--key", "p2"), "insufficient-energy", "busbar account show p2"),
                (("transfer", "p1", "--cents", "100000", "--key", "p2"), "insufficient-money", "busbar account show p2"),
                (("sell", "--kwh", "1", "--price", "1", "--key", "c1"), "wrong-role", "--key"),
                (("sell", "--kwh", "1", "--price", "1", "--expires", "1", "--key", "p1"), "already-expired", "--expires +1h"),
                (("buy", "--kwh", "40", "--max-price", "1", "--key", "c1"), "not-enough-offers", "--fill partial"),
                (("market", "halt", "--key", "p1"), "wrong-role", "account list"),
                (("sell", "--kwh", "1000000.001", "--price", "1", "--key", "p1"), "bad-amount", "0.001 to 1000000 kWh"),
                (("sell", "--kwh", "1", "--price", "100000.0001", "--key", "p1"), "bad-price", "0 to 100000 cent/kWh"),
                (("market", "policy", "--band-low", "2", "--band-high", "1", "--key", "edc"), "bad-policy", "--band-low")):
            _, err = self.refused(*words, code=6, says=f"refused, {verdict}: ")
            self.assertIn(advice, err)
        code, out, _ = self.town.run("sell", "--kwh", "51", "--price", "1", "--key", "p2", "--json")
        self.assertEqual((code, json.loads(out)["verdict"]), (6, "insufficient-energy"))

    def test_nonce_and_deadline(self):
        nonce = int(self.town.well("account", "show", "p2", "--json")["account"]["nonce"])
        _, err = self.refused("transfer", "p1", "--cents", "1", "--nonce", nonce + 1, "--key", "p2", code=6, says="wrong-nonce")
        self.assertIn(f"The next nonce is {nonce}.", err)
        self.town.well("transfer", "p1", "--cents", "1", "--nonce", nonce, "--deadline", "0", "--key", "p2")
        self.refused("transfer", "p1", "--cents", "1", "--nonce", nonce, "--key", "p2", code=6, says="wrong-nonce")
        self.refused("transfer", "p1", "--cents", "1", "--deadline", "-1", "--key", "p2", code=2, says="--deadline")

    def test_many_hands_with_one_key(self):
        """Several sign with the same key at once: a nonce that was taken meanwhile is asked for again."""
        words = [BIN / "busbar", "transfer", "p1", "--cents", "0.01", "--key", "p3", f"--home={self.town.home}", f"--passphrase-file={self.town.secret}",
                 "--timeout", TIMEOUT_S]
        before = int(self.town.well("account", "show", "p3", "--json")["account"]["nonce"])
        hands = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        ends = [(hand.wait(PATIENCE_S), hand.stderr.read()) for hand in hands]
        for hand in hands:
            hand.stderr.close()
        self.assertEqual([code for code, _ in ends], [0, 0, 0], ends)
        self.assertEqual(int(self.town.well("account", "show", "p3", "--json")["account"]["nonce"]), before + 3)

    def test_dry_run(self):
        height = self.town.well("chain", "status", "--json")["height"]
        words = ("sell", "--kwh", "6", "--price", "9.82", "--nonce", "7", "--deadline", "0", "--dry-run", "--key", "p1")
        told = self.town.well(*words, "--json")
        data = told["typed_data"]
        self.assertEqual(data["primaryType"], "SellOrder")
        self.assertEqual(data["domain"]["salt"], self.town.founded["genesis"])
        self.assertEqual(data["message"], {"seller": self.town.well("key", "show", "p1", "--json")["address"], "nonce": "7", "deadline": "0",
                                           "intervalStart": "0", "energyWh": "6000", "priceMicroPerKWh": "98200", "expires": "0"})
        self.assertEqual([m["name"] for m in data["types"]["SellOrder"]], list(data["message"]))
        self.assertIn(told["id"], self.town.well(*words))
        self.assertEqual(self.town.well("chain", "status", "--json")["height"], height)

    def test_keys(self):
        self.refused("sell", "--kwh", "1", "--price", "1", code=2, says="which of the 7 keys")
        self.refused("sell", "--kwh", "1", "--price", "1", "--key", "ghost", code=3, says="ghost")
        _, err = self.refused("sell", "--kwh", "1", "--price", "1", "--key", "nobody", code=3, says="account")
        self.assertIn("the operator admits it", err)
        code, _, err = self.town.run("transfer", "p3", "--cents", "1", BUSBAR_KEY="p2")
        self.assertEqual(code, 0, err)
        wrong = self.town.home.parent / "wrong"
        wrong.write_text("guess\n")
        self.refused("transfer", "p3", "--cents", "1", "--key", "p2", "--passphrase-file", wrong, code=5, says="passphrase")

    def test_policy_and_lines(self):
        self.assertIn("mode           none", self.town.well("market", "policy"))
        self.refused("market", "policy", "--mode", "limit", "--key", "operator", code=6, says="wrong-role")
        self.town.well("market", "policy", "--mode", "penalty", "--penalty", "0.1", "--recipient", "seller", "--key", "edc")
        self.town.well("market", "policy", "--band-high", "100", "--gate-seconds", "60", "--key", "edc")
        policy = self.town.well("market", "policy", "--json")["policy"]
        self.assertEqual(policy, {"mode": "penalty", "penalty": "1000", "recipient": "seller", "band_low": "0", "band_high": "1000000",
                                  "interval_seconds": "0", "gate_seconds": "60"})
        self.refused("sell", "--kwh", "1", "--price", "100.01", "--key", "p1", code=6, says="outside-price-band")
        self.town.well("market", "line", "c1", "p1", "--kwh", "5", "--key", "edc")
        self.assertRegex(self.town.well("market", "policy"), r"(?m)^c1 +p1 +5\.0")
        self.refused("market", "line", "c1", "p1", "--key", "edc", code=2, says="--unlimited")
        self.refused("market", "line", "c1", "p1", "--kwh", "-1", "--key", "edc", code=2, says="0.0 or more")
        self.refused("market", "line", "c1", "ghost", "--kwh", "1", "--key", "edc", code=3, says="account")
        self.town.well("market", "line", "c1", "p1", "--unlimited", "--key", "edc")
        self.town.well("market", "policy", "--mode", "none", "--penalty", "0", "--recipient", "distribution", "--band-high", "0", "--gate-seconds", "0", "--key", "edc")

    def test_who_was_passed_over(self):
        """People ask why they did not get the cheap one."""
        with Town() as town:
            town.well("market", "policy", "--mode", "limit", "--key", "edc")
            town.well("market", "line", "c1", "p1", "--kwh", "5", "--key", "edc")
            town.well("sell", "--kwh", "6", "--price", "9.82", "--key", "p1")
            code, out, err = town.run("buy", "--kwh", "6", "--max-price", "10", "--key", "c1")
            self.assertEqual(code, 6)
            self.assertIn("refused, line-full: ", err)
            self.assertIn("the refusal stands in block 4: busbar chain tx 0x", err)
            self.assertRegex(out, r"(?m)^p1 +1 +[05]\.0")
            self.assertIn("5.0 kWh for 49.10 cent", town.well("buy", "--kwh", "6", "--max-price", "10", "--fill", "partial", "--key", "c1"))

    def test_halt_and_open(self):
        self.town.well("market", "halt", "--key", "operator")
        _, err = self.refused("sell", "--kwh", "1", "--price", "1", "--key", "p1", code=6, says="market-halted")
        self.assertIn("busbar market open", err)
        self.town.well("market", "open", "--key", "operator")
        order = self.town.well("sell", "--kwh", "1", "--price", "60", "--key", "p1", "--json")["order"]
        self.town.well("market", "post", "cancel", order, "--key", "p1")

    def test_what_the_operator_does(self):
        with Town() as town:
            self.town, ours = town, self.town
            try:
                self.refused("account", "admit", "dave", "nobody", "--key", "operator", code=2, says="--role is missing")
                self.refused("account", "admit", "9dave", STRANGER, "--role", "consumer", "--key", "operator", code=6, says="bad-name")
                self.refused("account", "admit", "dave", STRANGER.lower().replace("f", "F", 1), "--role", "consumer", "--key", "operator", code=2, says="checksum")
                town.well("account", "admit", "dave", "nobody", "--role", "prosumer", "--key", "operator")
                town.well("account", "mint", "dave", "--cents", "10", "--kwh", "3", "--key", "operator")
                self.assertEqual(town.account("dave"), (100000000, 3000))
                self.refused("account", "mint", "dave", "--key", "operator", code=2, says="how much")
                sent = town.well("transfer", "p1", "--cents", "10", "--key", "nobody", "--json")["id"]
                town.well("account", "correct", sent, "--from", "p1", "--to", "dave", "--cents", "10", "--reason", "sent by mistake", "--key", "operator")
                self.assertEqual(town.account("dave"), (100000000, 3000))
                self.refused("account", "correct", ZERO, "--from", "p1", "--to", "dave", "--cents", "1", "--reason", "x", "--key", "operator", code=6, says="unknown-transaction")
                self.refused("account", "correct", sent, "--from", "p1", "--to", "dave", "--cents", "1", "--key", "operator", code=2, says="--reason is missing")
                self.refused("account", "correct", "0x12", "--from", "p1", "--to", "dave", "--cents", "1", "--reason", "x", "--key", "operator", code=2, says="no transaction")
                town.well("key", "new", "dave2", "--light")
                town.well("account", "rekey", "dave", "--to", "dave2", "--key", "operator")
                self.refused("transfer", "p1", "--cents", "1", "--key", "nobody", code=6, says="signer-revoked")
                town.well("transfer", "p1", "--cents", "1", "--key", "dave2")
                town.well("account", "revoke", "dave", "--key", "operator")
                self.refused("transfer", "p1", "--cents", "1", "--key", "dave2", code=6, says="signer-revoked")
                self.assertIn("revoked", town.well("account", "show", "dave"))
                self.assertRegex(town.well("account", "list"), r"(?m)^dave .* yes$")
                rows = {row["name"]: row["revoked"] for row in csv.DictReader(io.StringIO(town.well("account", "list", "--csv")))}
                self.assertEqual((rows["dave"], rows["p1"]), ("yes", "no"))
                _, err = self.refused("account", "revoke", "dave", "--key", "operator", code=6, says="refused, revoked")
                self.assertIn("busbar account rekey", err)
                self.assertTrue(town.well("chain", "verify", "--json")["valid"])
                self.refused("chain", "sealer", STRANGER, "--key", "p1", code=6, says="wrong-role")
                town.well("chain", "sealer", STRANGER, "--key", "operator")
                self.assertEqual(town.well("chain", "status", "--json")["sealer"], STRANGER)
            finally:
                self.town = ours


class Hostile(Case):
    """A ledger that answers nonsense: the only part here that is not the real one, because the real one cannot be brought to it."""

    ANSWERS = (None, 7, [], {}, {"account": 7}, {"accounts": {}, "total": "x"}, {"accounts": [7, None, {"money": "1e9", "energy": []}], "total": "3"},
               {"results": []}, {"results": [7]}, {"results": [{}]}, {"results": [{"verdict": 7, "text": [], "trades": {}, "balances": [1]}]},
               {"results": [{"verdict": "ok", "height": [], "trades": [{"energy": "9223372036854775807", "price": "9223372036854775807"}], "id": 7}]},
               {"genesis": "0x12", "chain_id": "1"}, {"genesis": ZERO, "chain_id": "-1", "contract": "0x"}, {"blocks": ["0xzz", 7]}, {"receipt": 7},
               {"receipt": "0x123"}, {"genesis_bytes": "0x", "height": "9"}, {"genesis_bytes": "0x42454731", "height": "1"}, {"header": 7, "transactions": {}},
               {"trades": [{"time_ms": "99999999999999999999", "energy": "x" * 5000}], "next": 7}, {"entries": [[]], "next": []},
               {"trades": [], "entries": [], "next": "5"}, {"trades": [], "entries": [], "next": "5"},
               {"posts": [[], {"order": "-1", "expires": "18446744073709551615"}], "bids": 7, "intervals": [7]}, {"at": 7, "message": [], "verdict": {}})
    ASKS = (("account", "list"), ("account", "show", "p1"), ("account", "statement", "p1"), ("market", "book"), ("market", "book", "--csv"), ("market", "trades"),
            ("market", "policy"), ("chain", "status"), ("chain", "log"), ("chain", "block", "1"), ("chain", "tx", ZERO), ("chain", "receipt", ZERO, "--output", "/dev/null"),
            ("chain", "verify"), ("sell", "--kwh", "1", "--price", "1", "--key", "p1"))

    def test_nothing_breaks(self):
        with Town() as self.town:
            well = self.town.well("chain", "status", "--json")
            self.town.stop(self.town.ledger)
            liar = vip.Peer(self.town.home, identity="ledger", key="ledger", wait_s=PATIENCE_S)
            self.addCleanup(liar.close)
            for number, answer in enumerate(self.ANSWERS):
                for words in self.ASKS[number % 2::2]:
                    with self.subTest(f"{json.dumps(answer)[:60]} to {' '.join(words)}"):
                        self.assertIn(self.ask(liar, answer, words), (0, 1, 3, 6, 7))
            self.assertEqual(well["height"], "0")

    def ask(self, liar, answer, words):
        """The exit code of the command line, to every call of which the liar gives this answer; what does not fit it is left as it is for a while."""
        process = subprocess.Popen([BIN / "busbar", *words, f"--home={self.town.home}", "--timeout", TIMEOUT_S], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, "BUSBAR_PASSPHRASE_FILE": str(self.town.secret)}, text=True)
        calls = 0
        while process.poll() is None and calls < 50:
            if not liar.socket.poll(5):
                continue
            frames = liar.socket.recv_multipart()
            request = json.loads(frames[5]) if frames[4] == b"RPC" else {}
            if "method" in request:
                calls += 1
                reply = {"jsonrpc": "2.0", "id": request["id"], "result": answer}
                liar.socket.send_multipart([frames[0], b"VIP1", b"", frames[3], b"RPC", json.dumps(reply).encode()])
        if process.poll() is None:
            process.kill()
            self.fail(f"it asks again and again: {words}")
        out, err = process.communicate()
        self.assertNotIn("Sanitizer", err)
        self.assertTrue(process.returncode == 0 or err, (words, out))
        return process.returncode


class Founding(Case):
    """`chain init`, which speaks to nobody."""

    def setUp(self):
        self.town = Town()
        self.addCleanup(self.town.folder.cleanup)

    def test_it_is_not_done_twice(self):
        self.refused("chain", "init", code=3, says="busbar init --home")
        self.town.well("init")
        code, _, err = self.town.run("chain", "init")
        self.assertEqual(code, 3)
        self.assertIn("busbar key new operator", err)
        for name in ("operator", "edc", "p1"):
            self.town.well("key", "new", name, "--light")
        told = self.town.well("chain", "init", "p1:prosumer", f"x:consumer:{STRANGER}:0.5")
        self.assertIn("busbar-ledgerd --home", told)
        genesis = json.loads((self.town.home / "ledger/genesis.json").read_text())
        self.assertEqual([(p["name"], p["role"], p["money"]) for p in genesis["participants"]],
                         [("operator", "operator", "0"), ("edc", "distribution", "0"), ("p1", "prosumer", "0"), ("x", "consumer", "5000000")])
        key = self.town.home / "ledger/sealer.key"
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertRegex(key.read_text(), r"^[0-9a-f]{64}\n$")
        before = key.read_bytes()
        self.refused("chain", "init", "p1:prosumer", code=1, says="never changed")
        (self.town.home / "ledger/genesis.json").unlink()
        self.town.well("chain", "init", "p1:prosumer", "--operator", STRANGER, "--chain-id", "7")
        self.assertEqual(key.read_bytes(), before)
        genesis = json.loads((self.town.home / "ledger/genesis.json").read_text())
        self.assertEqual((genesis["chain_id"], genesis["participants"][0]["name"]), ("7", "operator"))

    def test_mistakes(self):
        self.town.well("init")
        for name in ("operator", "edc", "p1"):
            self.town.well("key", "new", name, "--light")
        for words, says in ((["p1"], "NAME:ROLE"), (["p1:boss"], "none of"), (["p1:prosumer:ghost"], "ghost"), (["p1:prosumer:p1:x"], "no decimal"),
                            (["p1:prosumer", "p2:prosumer:p1"], "same address"), (["p1:prosumer", f"p1:consumer:{STRANGER}"], "are named p1"),
                            (["p1:prosumer:p1:1:1:1"], "NAME:ROLE"), (["9p:prosumer:p1"], "letter"), (["p1:prosumer:p1:-1"], "negative"),
                            (["p1:prosumer", "--chain-id", "0"], "--chain-id")):
            code, out, err = self.town.run("chain", "init", *words)
            self.assertIn(code, (2, 3), words)
            self.assertEqual(out, "")
            self.assertIn(says, err, words)
            self.assertFalse((self.town.home / "ledger/genesis.json").exists())


if __name__ == "__main__":
    unittest.main()
