#!/usr/bin/env python3
"""An ARM machine as the host: the broker, agents, ledger and command line built for Cortex-A7, emulated, among themselves and with
programs of this machine's processor: on one bus, over each other's databases, and with the same bytes signed, sealed and proved.

Further whole suites of tests/system run likewise, with BUSBAR_BIN=build/armhf/emulated in their environment.
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "firmware"))

import cases
import ledger as ledgers
import neighbourhood
import test_agentd
import test_arm_node
import test_federation
import test_historian
import test_modbus
import test_mqtt
from ledger import Ledger
from neighbourhood import BIN, PATIENCE_S, Neighbourhood, Process, wait_until

HOST = pathlib.Path(os.environ["BUSBAR_HOST_BIN"])
# One of each agent's own tests, as it is: what it carries from end to end.
AGENTS = ((test_mqtt, "Carrying.test_both_directions"), (test_modbus, "Scraping.test_all"), (test_modbus, "Absence.test_rtu"),
          (test_federation, "Crossing.test_calls_both_ways"), (test_agentd, "Calls.test_agents_on_the_bus"),
          (test_historian, "Sqlite.test_what_is_published_can_be_asked"))


def told(program, *words, code=0, **options):
    """Standard output of a program that ends with the exit status `code`."""
    done = subprocess.run([str(word) for word in (program, *words)], capture_output=True, text=True, timeout=PATIENCE_S, **options)
    if done.returncode != code:
        raise AssertionError(f"{program} {words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Processors(unittest.TestCase):
    def test_they_are_two(self):
        """Or nothing below would mean anything."""
        kinds = [bytes(path.read_bytes()[:20]) for path in (test_arm_node.BIN / "busbard", HOST / "busbard")]
        self.assertEqual(kinds[0][4:6] + kinds[0][18:], b"\x01\x01\x28\x00")  # 32 bits, ARM
        self.assertNotEqual(kinds[1][18:], b"\x28\x00")
        self.assertIn(b"qemu-arm", (BIN / "busbard").read_bytes())


class OneBus(unittest.TestCase):
    """Three boards, their agents and the broker on ARM; both command lines."""

    @classmethod
    def setUpClass(cls):
        cls.town = cls.enterClassContext(Neighbourhood([cases.TABLE_1[0], cases.TABLE_1[2], cases.TABLE_1[11]], topology="ring"))
        cls.boards = cls.town.certified()

    def test_dispatch(self):
        """To the last digit what this machine's processor computes, centrally."""
        case = json.dumps(cases.scenario(self.town.cases))
        here, there = (told(program / "busbar", "dispatch", "solve", "-", "--json", input=case) for program in (HOST, BIN))
        self.assertEqual(here, there)
        answer = json.loads(here)
        for node in answer["nodes"]:
            self.assertAlmostEqual(self.boards[node["id"]]["kw"], node["kw"], delta=0.001)
            self.assertAlmostEqual(self.boards[node["id"]]["lambda"], answer["lambda"], delta=0.00001)

    def test_memory_of_a_board(self):
        size = max(test_arm_node.resident(self.town.processes[name].pid) for name in self.town.topics)
        print(f"busbar-node: {size} bytes in memory, in the dispatch", flush=True)
        self.assertLessEqual(size, test_arm_node.RESIDENT_BYTES)

    def test_what_is_published_crosses(self):
        for speaker, hearer in ((HOST, BIN), (BIN, HOST)):
            ear = subprocess.Popen([hearer / "busbar", "sub", "grid/", "--jsonl", "--count", "1", "--timeout", "30",
                                    "--home", self.town.home], stdout=subprocess.PIPE, text=True)
            with ear:
                while ear.poll() is None:  # it does not tell when it has subscribed
                    told(speaker / "busbar", "pub", "grid/x", '{"kw": 0.1}', "--home", self.town.home)
                self.assertEqual(json.loads(ear.stdout.read())["message"], {"kw": 0.1})

    def test_calls(self):
        for program, method, mode in ((HOST, "board.hold", "hold"), (BIN, "board.release", "automatic")):
            told(program / "busbar", "rpc", "consumer-agent", method, '{"name":"L1"}', "--home", self.town.home)
            self.town.ear.forget()
            self.town.ear.until(lambda _, mode=mode: self.town.board("L1").get("mode") == mode, PATIENCE_S, mode)

    def test_a_listener(self):
        agent = self.town.run("listener", BIN / "listener-agent", "--home", self.town.home, "--identity", "cli", "--prefix", "Data/")
        wait_until(lambda: "Data/consumer/consumer1" in agent.log(), PATIENCE_S, "the listener prints")


class OneChain(unittest.TestCase):
    """The ledger on ARM, and over the same database by this machine's processor."""

    @classmethod
    def setUpClass(cls):
        cls.ledger = cls.enterClassContext(Ledger())
        cls.here = ledgers.Signer(HOST.parent / "tests/ledger_sign")
        cls.addClassCleanup(cls.here.close)

    def orders(self):
        one = self.ledger
        return [one.signed("edc", "SetLine", buyer="c1", seller="p1", capacityWh=5000), one.signed("edc", "SetPolicy", mode=1),
                one.signed("p1", "SellOrder", energyWh=6000, priceMicroPerKWh=98200),
                one.signed("c1", "BuyOrder", energyWh=5000, maxPriceMicroPerKWh=100000)]

    def again(self, program):
        """The ledger ends and goes on as a program of the other processor."""
        self.ledger.processes["ledgerd"].stop()
        self.ledger.processes["ledgerd"] = Process("ledgerd", [program / "busbar-ledgerd", "--home", self.ledger.home], self.ledger.home)
        self.ledger.wait_for_ledger()

    def shown(self, program, *words):
        return told(program, *words, env={**os.environ, "BUSBAR_HOME": str(self.ledger.home)})

    def test_1_the_same_signatures(self):
        separator = self.ledger.separator
        message = {"seller": self.here.address("p1"), "nonce": "7", "deadline": "0", "energyWh": "6000", "priceMicroPerKWh": "98200",
                   "intervalStart": "0", "expires": "0"}
        self.assertEqual(self.here.sign("p1", separator, "SellOrder", message), self.ledger.signer.sign("p1", separator, "SellOrder", message))

    def test_2_from_an_order_to_its_receipt(self):
        results = self.ledger.submit(self.orders())
        self.assertEqual([r.get("verdict") for r in results], ["ok"] * 4, results)
        self.assertEqual(int(results[3]["trades"][0]["energy"]), 5000)
        file, genesis = self.ledger.home / "receipt", self.ledger.home / "g"
        self.shown(BIN / "busbar", "chain", "receipt", results[3]["id"], "--output", file)
        self.shown(BIN / "busbar", "chain", "genesis", "--output", genesis)
        words = ("chain", "verify-receipt", file, "--genesis-file", genesis, "--json")
        self.assertEqual(self.shown(BIN / "busbar", *words), self.shown(HOST / "busbar", *words))
        alone = (file, "--genesis-file", genesis)
        self.assertEqual(self.shown(BIN / "busbar-verify-receipt", *alone), self.shown(HOST / "busbar-verify-receipt", *alone))

    def test_3_the_whole_chain_computed_again(self):
        """Every signature, root, verdict and balance, by both: the same hash at the end."""
        file = self.ledger.home / "chain.export"
        told(BIN / "busbar-ledgerd", "--home", self.ledger.home, "--export", file)
        verified = [json.loads(self.shown(program / "busbar", "chain", "verify", file, "--json")) for program in (BIN, HOST)]
        for document in verified:
            print(f"a chain of {document['transactions']} transactions verified in {document.pop('seconds')} s", flush=True)
        self.assertEqual(verified[0], verified[1])
        self.assertEqual(verified[0]["hash"], self.ledger.call("block", height="head")["hash"])

    def test_4_the_database_of_one_serves_the_other(self):
        before, accounts = self.ledger.call("block", height="head"), self.ledger.accounts()
        self.again(HOST)
        self.assertEqual(self.ledger.call("block", height="head")["hash"], before["hash"])
        self.assertEqual(self.ledger.accounts(), accounts)
        self.assertEqual(self.ledger.act("p2", "SellOrder", energyWh=1000, priceMicroPerKWh=99000)["verdict"], "ok")
        sealed, accounts = self.ledger.call("block", height="head")["hash"], self.ledger.accounts()
        self.assertNotEqual(sealed, before["hash"])
        self.again(BIN)
        self.assertEqual(self.ledger.call("block", height="head")["hash"], sealed)
        self.assertEqual(self.ledger.accounts(), accounts)
        self.assertIn(sealed, self.shown(BIN / "busbar", "chain", "verify", "--json"))


class OneHome(unittest.TestCase):
    """config.db, durable.db and the historian's databases, written by one processor and read by the other, in turn."""

    def setUp(self):
        self.world = test_historian.World()
        self.addCleanup(self.world.close)

    def again(self, program):
        """The home's programs end and go on as those of the other processor."""
        for name in reversed(list(self.world.processes)):
            self.world.processes[name].stop()
        for process in self.world.processes.values():
            process.arguments[0] = str(program / pathlib.Path(process.arguments[0]).name)
        (self.world.home / "run/vip.address").unlink(missing_ok=True)
        before = self.world.log().count("event=started")
        for process in self.world.processes.values():
            process.start()
            wait_until((self.world.home / "run/vip.address").exists, PATIENCE_S, "busbard is up again")
        wait_until(lambda: self.world.log().count("event=started") > before, PATIENCE_S, "the historian is up again")
        self.world.peer = self.world.new_peer()

    def durable(self, *words):
        out = told(BIN / "busbar", "sub", "Data/d/", "--durable", "books", "--jsonl", "--timeout", "20", *words, "--home", self.world.home)
        return [json.loads(line)["message"] for line in out.splitlines()]

    def test_databases(self):
        self.world.historian()
        values = [0.1, -7.25, 1e300, 3]
        for turn, program in enumerate((HOST, BIN, None), 1):
            for i, value in enumerate(values):
                self.world.publish(f"Data/d/turn{turn}", value, us=1_800_000_000_000_000 + turn * 1_000_000 + i)
            self.world.settled(len(values))
            told(BIN / "busbar", "config", "set", "meter", f"turn{turn}", "-", "--home", self.world.home, input=f'{{"kw": {turn}.5}}')
            if program is None:
                break
            self.again(program)
            for earlier in range(1, turn + 1):
                shown = told(BIN / "busbar", "config", "show", "meter", f"turn{earlier}", "--home", self.world.home)
                self.assertEqual(json.loads(shown), {"kw": earlier + 0.5})
                kept = self.world.ask("query", topic=f"Data/d/turn{earlier}")
                self.assertEqual([row[1] for row in kept["values"]], values, kept)
            self.assertEqual(self.durable("--from", "start", "--count", str(turn * len(values))), values * turn)


def load_tests(loader, own, _pattern):
    for module, name in AGENTS:
        own.addTest(loader.loadTestsFromName(name, module))
    return own


if __name__ == "__main__":
    neighbourhood.PATIENCE_S = max(PATIENCE_S, 60)
    unittest.main()
