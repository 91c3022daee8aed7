#!/usr/bin/env python3
"""The command line as people and scripts use it: verbs, exit codes, formats; a real broker; the demo from end to end."""
import contextlib
import csv
import fcntl
import io
import json
import os
import pathlib
import random
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest
import urllib.request

import cases

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin")
TABLE1 = ROOT / "configs/table1.json"
PATIENCE_S = float(os.environ.get("BUSBAR_PATIENCE", "150"))


def busbar(*arguments, home=None, given=None, **environment):
    """Runs the command line; (exit code, standard output, standard error)."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}
    if home is not None:
        clean["BUSBAR_HOME"] = str(home)
    done = subprocess.run([BIN / "busbar", *map(str, arguments)], input=given, capture_output=True, text=True,
                          env={**clean, **environment}, timeout=PATIENCE_S, check=False)
    return done.returncode, done.stdout, done.stderr


def strict(text):
    """JSON without NaN and infinities."""
    def refuse(word):
        raise ValueError(word)
    return json.loads(text, parse_constant=refuse)


class Usage(unittest.TestCase):
    def test_nothing_is_a_usage_error_and_shows_the_verbs(self):
        code, out, err = busbar()
        self.assertEqual((code, out), (2, ""))
        self.assertIn("dispatch solve", err)

    def test_help_and_version(self):
        for words in (["help"], ["--help"], ["help", "dispatch"], ["dispatch", "--help"], ["dispatch", "solve", "--help"]):
            code, out, err = busbar(*words)
            self.assertEqual((code, err), (0, ""), words)
            self.assertIn("usage: busbar", out)
        self.assertRegex(busbar("--version")[1], r"^busbar \d+\.\d+\.\d+\n$")
        self.assertEqual(busbar("help", "nonsense")[0], 3)

    def test_init_makes_a_key_for_an_agent_of_ones_own(self):
        with tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp") as home:
            self.assertEqual(busbar("init", "--home", home)[0], 0)
            self.assertEqual(busbar("init", "--home", home, "--agent", "my-agent")[0], 0)
            key = json.loads(pathlib.Path(home, "keys/my-agent.json").read_text())["public"]
            entries = json.loads(pathlib.Path(home, "access.json").read_text())["entries"]
            entry = [e for e in entries if e["key"] == key]
            self.assertEqual([e["identities"] for e in entry], [["my-agent"]])
            self.assertEqual(entry[0]["publish"], ["my-agent/", "heartbeat/my-agent"])
            for bad in ("../x", ".x", "", "busbard", "a b", "x" * 65):
                self.assertEqual(busbar("init", "--home", home, "--agent", bad)[0], 2, bad)

    def test_demo_leaves_a_home_that_is_not_its_own(self):
        with tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp") as home:
            pathlib.Path(home, "a").touch()
            code, _, err = busbar("demo", "--once", "--home", home)
            self.assertNotEqual(code, 0)
            self.assertIn("no demo has made", err)
            self.assertEqual(os.listdir(home), ["a"])

    def test_demo_leaves_a_home_in_which_another_runs(self):
        with tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp") as home:
            with open(pathlib.Path(home, "demo"), "w") as mark:
                fcntl.flock(mark, fcntl.LOCK_EX)
                code, _, err = busbar("demo", "--once", "--home", home)
            self.assertNotEqual(code, 0)
            self.assertIn("another demo runs", err)
            self.assertFalse(pathlib.Path(home, "site.json").exists())

    def test_mistakes_are_named(self):
        for words, part in ((["sovle"], "did you mean"), (["dispatch"], "dispatch show"), (["dispatch", "x"], "no verb"),
                            (["dispatch", "solve"], "argument is missing"), (["dispatch", "solve", "a", "b"], "too many"),
                            (["dispatch", "solve", "a", "--jason"], "no option --jason"), (["pub", "a"], "argument is missing"),
                            (["dispatch", "simulate", "--loss", "2"], "--loss"), (["sub", "--count", "0"], "--count"),
                            (["demo", "--method", "magic"], "none of"), (["completion", "tcsh"], "bash, zsh and fish"),
                            (["--home", "/x", "status"], "after"), (["dispatch", "solve", "/tmp"], "is a folder"),
                            (["dispatch", "override", "all", "--kw", "1"], "name a board")):
            code, out, err = busbar(*words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn(part, err)

    def test_completion(self):
        def offered(*words):
            return [line.split("\t")[0] for line in busbar("__complete", "--", *words)[1].splitlines()]
        self.assertEqual(offered("disp"), ["dispatch"])
        self.assertIn("solve", offered("dispatch", ""))
        self.assertEqual(offered("dispatch", "solve", "--c"), ["--csv"])
        self.assertEqual(offered("dispatch", "simulate", "--method", ""), ["curves", "incremental-cost"])
        self.assertEqual(offered("dispatch", "solve", ""), [":files"])
        self.assertEqual(offered("init", "--home", ""), [":folders"])
        self.assertEqual(offered("completion", "z"), ["zsh"])
        self.assertNotIn("__complete", offered(""))
        with tempfile.TemporaryDirectory() as home:
            pathlib.Path(home, "site.json").write_text('{"boards":[{"name":"L1","kind":"consumer"},{"name":"DG1"}]}')
            for words, names in ((("dispatch", "hold", ""), "L1 DG1 all"), (("dispatch", "override", "L"), "L1")):
                told = busbar("__complete", "--", *words, home=home)[1]
                self.assertEqual([line.split("\t")[0] for line in told.splitlines()], names.split())
        for shell in ("bash", "zsh", "fish"):
            code, out, _ = busbar("completion", shell)
            self.assertEqual(code, 0)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=out, text=True, check=True)

    def test_bash_completes(self):
        script = (f"PATH={BIN}:$PATH; source <(busbar completion bash); COMP_WORDS=(busbar dispatch so); COMP_CWORD=2; "
                  '_busbar busbar so dispatch; echo "${COMPREPLY[@]}"')
        self.assertEqual(subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout, "solve\n")


class Solve(unittest.TestCase):
    def solve(self, document, *flags):
        code, out, err = busbar("dispatch", "solve", "-", "--json", *flags, given=json.dumps(document))
        self.assertEqual(code, 0, err)
        answer = strict(out)
        self.assertEqual(answer["version"], 1)
        return answer

    def test_table_1(self):
        answer = strict(busbar("dispatch", "solve", TABLE1, "--json")[1])
        self.assertAlmostEqual(answer["lambda"], 7.371025, delta=1e-6)
        self.assertAlmostEqual(answer["load_kw"], answer["generation_kw"], delta=1e-9)
        self.assertEqual([node["id"] for node in answer["nodes"]], list(cases.TABLE_1_KW))
        for node in answer["nodes"]:
            self.assertAlmostEqual(node["kw"], cases.TABLE_1_KW[node["id"]], delta=0.05)

    def test_textbook(self):
        """Demand as a consumer that pays any price: λ and powers of the textbook cases."""
        def case(demand, *generators):
            nodes = [{"id": f"G{i}", "kind": "generator", "alpha": a, "beta": b, "pmax_kw": p} for i, (a, b, p) in enumerate(generators)]
            return {"nodes": nodes + [{"id": "D", "kind": "consumer", "omega": 1e6, "sigma": 0, "pmax_kw": demand}]}
        for document, price, powers in (
                (case(850, (.001562, 7.92, 600), (.00194, 7.85, 400), (.00482, 7.97, 200)), 9.1483, (393.17, 334.60, 122.23)),
                (case(800, (.004, 5.3, 1e4), (.006, 5.5, 1e4), (.009, 5.8, 1e4)), 8.5, (400, 250, 150)),
                (case(975, (.004, 5.3, 450), (.006, 5.5, 350), (.009, 5.8, 225)), 9.4, (450, 325, 200))):
            answer = self.solve(document)
            self.assertAlmostEqual(answer["lambda"], price, delta=1e-4)
            for node, kw in zip(answer["nodes"], powers):
                self.assertAlmostEqual(node["kw"], kw, delta=0.01)

    def test_random_against_another_oracle(self):
        seed = int(os.environ.get("BUSBAR_SEED") or random.randrange(1 << 30))
        print(f"BUSBAR_SEED={seed}")
        chance = cases.chance_of(seed)
        for _ in range(40):
            boards = cases.random_case(chance.randint(2, 40), chance)
            price, powers = cases.optimum(boards)
            answer = self.solve(cases.scenario(boards))
            for node in answer["nodes"]:
                self.assertAlmostEqual(node["kw"], powers[node["id"]], delta=1e-4, msg=f"price {price}")

    def test_csv(self):
        code, out, _ = busbar("dispatch", "solve", TABLE1, "--csv")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("node,kind,power_kw"))
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual(len(rows), 16)
        self.assertAlmostEqual(float(rows[0]["power_kw"]), 52.4, delta=0.05)

    def test_people_get_no_escape_sequences_in_a_pipe(self):
        self.assertNotIn("\033", busbar("dispatch", "solve", TABLE1)[1])

    def test_refusals(self):
        node = {"id": "L1", "kind": "consumer", "omega": 1, "sigma": 1, "pmax_kw": 1}
        for document, part in (({"nodes": []}, "nodes"), ({"nodes": [{**node, "sigma": -1}]}, "nodes[0].sigma"),
                               ({"nodes": [node, node]}, "nodes[1].id"), ({"nodes": [{**node, "kind": "x"}]}, "nodes[0].kind"),
                               ({"nodes": [{**node, "extra": 1}]}, "nodes[0].extra"), ({"nodes": [node], "x": 1}, "x")):
            code, out, err = busbar("dispatch", "solve", "-", given=json.dumps(document))
            self.assertEqual((code, out), (2, ""))
            self.assertIn(part, err)
        self.assertEqual(busbar("dispatch", "solve", "-", given='{"nodes":[')[0], 2)
        self.assertEqual(busbar("dispatch", "solve", "-", given='{"nodes":[{"id":"a","kind":"consumer","omega":NaN}]}')[0], 2)
        self.assertEqual(busbar("dispatch", "solve", "/nonexistent.json")[0], 3)


class Simulate(unittest.TestCase):
    def simulate(self, *words):
        code, out, err = busbar("dispatch", "simulate", *words, "--json")
        self.assertEqual(code, 0, err)
        return strict(out)

    def test_iterations_are_the_diameter(self):
        for topology, hops in (("ring", 8), ("circulant", 4), ("complete", 1)):
            answer = self.simulate("--topology", topology)
            self.assertEqual((answer["diameter"], answer["iterations_to_optimum"]), (hops, hops))
            self.assertLess(answer["max_error_kw"], 2e-4)
            self.assertEqual(answer["mismatch_kw"], 0)

    def test_the_seed_makes_the_run(self):
        words = ("--nodes", "20", "--topology", "random", "--loss", "0.3", "--delay", "80", "--duplicate", "0.1")
        self.assertEqual(self.simulate(*words, "--seed", "5"), self.simulate(*words, "--seed", "5"))
        self.assertNotEqual(self.simulate(*words, "--seed", "5"), self.simulate(*words, "--seed", "6"))

    def test_incremental_cost(self):
        answer = self.simulate("--method", "incremental-cost", "--topology", "complete")
        self.assertAlmostEqual(answer["lambda"], cases.TABLE_1_LAMBDA, delta=0.001)
        self.assertLess(answer["max_error_kw"], 0.05)
        self.assertLessEqual(answer["iterations_to_optimum"], 42)

    def test_a_file_with_links(self):
        nodes = cases.scenario(cases.TABLE_1)["nodes"]
        document = {"nodes": nodes, "links": [[a["id"], b["id"]] for a, b in zip(nodes, nodes[1:])]}
        code, out, err = busbar("dispatch", "simulate", "-", "--json", given=json.dumps(document))
        self.assertEqual(code, 0, err)
        self.assertEqual(strict(out)["iterations_to_optimum"], 15)

    def test_people_see_a_plot(self):
        code, out, err = busbar("dispatch", "simulate", "--topology", "ring")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("●", out)

    def test_refusals(self):
        self.assertEqual(busbar("dispatch", "simulate", TABLE1, "--nodes", "3")[0], 2)
        self.assertEqual(busbar("dispatch", "simulate", "--nodes", "100", "--topology", "complete")[0], 2)
        self.assertEqual(busbar("dispatch", "simulate", "--topology", "links")[0], 2)
        self.assertEqual(busbar("dispatch", "simulate", "--loss", "0.9", "--limit", "1")[0], 124)


class Home(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp"))) / "home"

    def test_init_is_idempotent(self):
        code, out, _ = busbar("init", "--home", self.home, "--json")
        self.assertEqual(code, 0)
        self.assertTrue(all(item["made"] for item in strict(out)["items"]))
        before = {p: p.read_bytes() for p in self.home.rglob("*") if p.is_file()}
        self.assertEqual(stat.S_IMODE((self.home / "keys/cli.json").stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE((self.home / "keys").stat().st_mode), 0o700)
        code, out, _ = busbar("init", home=self.home)
        self.assertEqual(code, 0)
        self.assertNotIn(" made", out)
        self.assertEqual(before, {p: p.read_bytes() for p in self.home.rglob("*") if p.is_file()})

    def test_a_lost_key_is_made_again_and_granted_again(self):
        busbar("init", home=self.home)
        access = json.loads((self.home / "access.json").read_text())
        access["entries"][0]["comment"] = "mine"
        (self.home / "access.json").write_text(json.dumps(access))
        (self.home / "keys/script.json").unlink()
        self.assertEqual(busbar("init", home=self.home)[0], 0)
        after = json.loads((self.home / "access.json").read_text())
        self.assertEqual(after["entries"][:-1], access["entries"])
        self.assertEqual(after["entries"][-1]["key"], json.loads((self.home / "keys/script.json").read_text())["public"])

    def test_refusals(self):
        busbar("init", home=self.home)
        (self.home / "keys/cli.json").chmod(0o644)
        code, _, err = busbar("init", home=self.home)
        self.assertEqual(code, 5)
        self.assertIn("cli.json", err)
        self.assertEqual(busbar("init", "--home", "/tmp/" + "x" * 100)[0], 2)
        (self.home / "keys/cli.json").chmod(0o600)
        (self.home / "access.json").write_text("{")
        self.assertEqual(busbar("init", home=self.home)[0], 1)

    def test_no_broker(self):
        busbar("init", home=self.home)
        for words in (["status"], ["sub"], ["pub", "a", "1"], ["rpc", "a", "b"], ["dispatch", "show"]):
            code, out, err = busbar(*words, "--timeout", "0.3", home=self.home)
            self.assertEqual((code, out), (4, ""), words)
            self.assertIn("busbard", err)


class Bus(unittest.TestCase):
    """The verbs of the bus against a real broker with CURVE."""

    @classmethod
    def setUpClass(cls):
        cls.home = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp")))
        busbar("init", home=cls.home)
        doors = [word for door in ("vip", "sub", "pub") for word in (f"--{door}", f"ipc://{cls.home}/run/{door}.sock")]
        cls.log = cls.enterClassContext(open(cls.home / "log/busbard.log", "wb"))
        cls.broker = subprocess.Popen([BIN / "busbard", "--home", cls.home, *doors], stdout=cls.log, stderr=cls.log)
        cls.addClassCleanup(cls.stop)
        deadline = time.monotonic() + PATIENCE_S
        while not (cls.home / "run/vip.address").exists():
            if time.monotonic() > deadline:
                raise TimeoutError((cls.home / "log/busbard.log").read_text())
            time.sleep(0.01)

    @classmethod
    def stop(cls):
        cls.broker.terminate()
        cls.broker.wait(10)

    def run_busbar(self, *words, **more):
        return busbar(*words, home=self.home, **more)

    @contextlib.contextmanager
    def listening(self, *words):
        """A `busbar sub` whose subscription is known to be in force: it has heard a first message."""
        process = subprocess.Popen([BIN / "busbar", "sub", *words], stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "BUSBAR_HOME": str(self.home)})
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def await_subscription(self, prefix):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status = strict(self.run_busbar("status", "--json")[1])
            if any(peer["subscriptions"] > 0 for peer in status["stats"]["peers"]):
                return
        raise TimeoutError(prefix)

    def test_status(self):
        code, out, err = self.run_busbar("status")
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"security +curve")
        answer = strict(self.run_busbar("status", "--json")[1])
        self.assertEqual(answer["version"], 1)
        self.assertTrue(any(peer.startswith("cli.") for peer in answer["peers"]))
        self.assertEqual(answer["boards"], {"known": 0, "online": 0, "certified": 0})

    def test_pub_and_sub(self):
        with self.listening("Data/", "Data/a", "--count", "2", "--jsonl") as sub:
            self.await_subscription("Data/")
            self.assertEqual(self.run_busbar("pub", "other/x", "1")[0], 0)
            self.assertEqual(self.run_busbar("pub", "Data/a", '{"kw":1.5,"text":"hé"}', "--as", "cli.11")[0], 0)
            self.assertEqual(self.run_busbar("pub", "Data/b", "-", given="[1,2]")[0], 0)
            out, _ = sub.communicate(timeout=PATIENCE_S)
            self.assertEqual(sub.returncode, 0)
        first, second = map(strict, out.splitlines())
        self.assertEqual((first["topic"], first["sender"], first["message"]), ("Data/a", "cli.11", {"kw": 1.5, "text": "hé"}))
        self.assertEqual(second["message"], [1, 2])
        self.assertRegex(first["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_sub_ends_with_ctrl_c(self):
        with self.listening("x/") as sub:
            self.await_subscription("x/")
            sub.send_signal(signal.SIGINT)
            self.assertEqual(sub.wait(PATIENCE_S), 130)

    def test_times_out(self):
        self.assertEqual(self.run_busbar("sub", "nothing/", "--count", "1", "--timeout", "0.5")[0], 124)

    def test_not_json(self):
        code, _, err = self.run_busbar("pub", "a", "hello")
        self.assertEqual(code, 2)
        self.assertIn("quotes", err)

    def test_not_authorised(self):
        code, _, err = self.run_busbar("pub", "Data/consumer/consumer1", "{}", "--as", "dg-agent")
        self.assertEqual(code, 5, err)
        self.assertEqual(self.run_busbar("pub", "script/a", "1", "--as", "script")[0], 0)

    def test_rpc(self):
        code, _, err = self.run_busbar("rpc", "nobody", "boards")
        self.assertEqual(code, 4, err)
        self.assertEqual(self.run_busbar("rpc", "nobody", "boards", "{")[0], 2)
        self.assertEqual(self.run_busbar("dispatch", "show")[0], 4)

    def test_a_key_that_does_not_exist(self):
        code, _, err = self.run_busbar("status", "--as", "stranger")
        self.assertEqual(code, 3, err)
        self.assertIn("stranger", err)


    def test_configurations(self):
        bus = lambda *words, **more: busbar(*words, home=self.home, **more)
        device = self.home / "device.json"
        device.write_text('{"table": "config://Registry.csv", "n": 1} # a comment\n')
        self.assertEqual(bus("config", "list"), (0, "", ""))
        self.assertEqual(bus("config", "set", "driver", "device/meter", device), (0, "", ""))
        self.assertEqual(bus("config", "set", "driver", "registry.csv", "-", "--type", "csv", given="p,u\na,F\n"), (0, "", ""))
        self.assertEqual(bus("config", "set", "driver", "note", "-", given="any \x1b text"), (0, "", ""))
        self.assertEqual(bus("config", "list"), (0, "driver\n", ""))
        self.assertEqual(bus("config", "list", "driver"), (0, "device/meter\nnote\nregistry.csv\n", ""))
        self.assertEqual(strict(bus("config", "list", "driver", "--json")[1])["configurations"], ["device/meter", "note", "registry.csv"])
        self.assertEqual(bus("config", "show", "driver", "DEVICE/meter"), (0, device.read_text(), ""))
        self.assertEqual(bus("config", "show", "driver", "note"), (0, "any \x1b text", ""))
        self.assertEqual(strict(bus("config", "show", "driver", "device/meter", "--resolve")[1]), {"table": [{"p": "a", "u": "F"}], "n": 1})
        about = strict(bus("config", "show", "driver", "registry.csv", "--json")[1])["configuration"]
        self.assertEqual((about["type"], about["data"]), ("csv", "p,u\na,F\n"))
        for code, words in ((3, ["show", "driver", "missing"]), (3, ["delete", "driver", "missing"]), (2, ["delete", "driver"]),
                            (2, ["delete", "driver", "note", "--all"]), (3, ["set", "driver", "x", "/nonexistent"]),
                            (6, ["set", "driver", "note", "/dev/null", "--type", "json"]),
                            (6, ["set", "no name", "x", device])):
            got = bus("config", *words)
            self.assertEqual((got[0], got[1]), (code, ""), (words, got))
            self.assertNotEqual(got[2], "")
        self.assertEqual(bus("config", "show", "driver", "note", "--as", "listener-agent")[0], 5)
        self.assertEqual(bus("config", "delete", "driver", "note"), (0, "", ""))
        self.assertEqual(bus("config", "delete", "driver", "--all"), (0, "", ""))
        self.assertEqual(bus("config", "list"), (0, "", ""))


class Decimals(unittest.TestCase):
    def test_what_a_board_cannot_hold_is_refused(self):
        for kw in ("1.0000001", "-1", "4294.967296", "1e3", "", "abc"):
            code, _, err = busbar("dispatch", "override", "L1", "--kw", kw)
            self.assertEqual(code, 2, kw)
            self.assertIn("--kw", err)
        self.assertEqual(busbar("dispatch", "override", "L1")[0], 2)
        self.assertEqual(busbar("dispatch", "parameter", "L1")[0], 2)



class Demo(unittest.TestCase):
    """The neighbourhood from end to end, as `busbar demo` runs it."""

    def demo(self, *words):
        code, out, err = busbar("demo", "--once", "--json", *words)
        self.assertEqual(code, 0, err)
        document = strict(out)
        self.assert_market(document)
        return document["dispatch"]

    def assert_market(self, document):
        """Tables 2, 3 and 4 of the thesis, to the last digit."""
        printed = json.loads((ROOT / "tests/vectors/tables2-4.json").read_text())
        for case in ("case1", "case2", "case3"):
            after = {name: {"money_cents": line["money_nano"] / 1e7, "energy_kwh": line["energy_wh"] / 1e3} for name, line in printed[case]["after"].items()}
            self.assertEqual(document["market"][case], after)
            self.assertTrue(all(order["verdict"] == "ok" for order in document["ledger"]["orders"][case]))
        self.assertEqual(set(document["market"]), {"case1", "case2", "case3"})
        self.assertIs(document["ledger"]["simulated"], True)
        self.assertGreaterEqual(document["ledger"]["height"], 6)  # how a batch falls into blocks is a matter of milliseconds

    def test_table_1(self):
        answer = self.demo()
        self.assertEqual((answer["method"], answer["topology"]), ("curves", "circulant"))
        self.assertAlmostEqual(answer["lambda"], cases.TABLE_1_LAMBDA, delta=0.001)
        self.assertEqual({node["id"] for node in answer["nodes"]}, set(cases.TABLE_1_KW))
        for node in answer["nodes"]:
            self.assertAlmostEqual(node["kw"], cases.TABLE_1_KW[node["id"]], delta=0.05, msg=node["id"])
            self.assertEqual(node["kind"], "consumer" if node["id"].startswith("L") else "generator")
        self.assertAlmostEqual(answer["load_kw"], 420.93, delta=0.01)
        self.assertEqual(answer["load_kw"], answer["generation_kw"])
        self.assertEqual(answer["mismatch_kw"], 0)
        self.assertLess(answer["iterations"], 42)
        self.assertGreater(answer["certified_at"], answer["iterations"])
        self.assertGreater(answer["seconds"], 0)

    def test_for_people(self):
        code, out, err = busbar("demo", "--once")
        self.assertEqual((code, err), (0, ""))
        for part in ("certified 16 of 16", "published kW", "not the sum of its own column", "λ = 7.371", "42", "SIMULATED", "Table 4, Case III",
                     "trades: 5.0 kWh from P1 at 9.82, 7.0 kWh from P2 at 9.90, 1.0 kWh from P1 at 9.92, 2.0 kWh from P3 at 9.97"):
            self.assertIn(part, out)
        home = re.search(r"home (/\S+)", out).group(1)
        self.assertFalse(os.path.exists(home))

    def test_an_output_that_takes_nothing(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BIN / "busbar", "demo", "--once"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)

    def test_a_ledger_that_is_slow_to_answer(self):
        """On a busy machine it is on the bus, and says nothing for longer than one question waits."""
        with tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as folder:
            programs = pathlib.Path(folder, "bin")
            shutil.copytree(BIN, programs)
            slow = programs / "busbar-ledgerd"
            slow.unlink()
            slow.write_text(f"""#!/usr/bin/python3
import os, sys, time
sys.path.insert(0, {str(ROOT / "tests/system")!r})
import vip
peer = vip.Peer(sys.argv[sys.argv.index("--home") + 1], identity="ledger", key="ledger")
time.sleep(2.5)
peer.close()
os.execv({str(BIN / "busbar-ledgerd")!r}, ["busbar-ledgerd", *sys.argv[1:]])
""")
            slow.chmod(0o755)
            done = subprocess.run([programs / "busbar", "demo", "--once", "--json"], capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assert_market(strict(done.stdout))

    def test_another_case_with_links(self):
        chance = cases.chance_of(int(os.environ.get("BUSBAR_SEED") or 11))
        boards = cases.random_case(7, chance)
        document = cases.scenario(boards)
        document["links"] = [[a[0], b[0]] for a, b in zip(boards, boards[1:])]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(document, file)
            file.flush()
            answer = self.demo("--case", file.name)
        self.assertEqual(answer["topology"], "links")
        price, powers = cases.optimum(boards)
        for node in answer["nodes"]:
            self.assertAlmostEqual(node["kw"], powers[node["id"]], delta=1e-3, msg=f"price {price}")

    def test_incremental_cost(self):
        answer = self.demo("--method", "incremental-cost")
        self.assertAlmostEqual(answer["lambda"], cases.TABLE_1_LAMBDA, delta=0.001)
        for node in answer["nodes"]:
            self.assertAlmostEqual(node["kw"], cases.TABLE_1_KW[node["id"]], delta=0.05, msg=node["id"])

    def test_two_boards(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(cases.scenario([("A", "consumer", 12, .05, 120), ("B", "generator", 4, .02, 200)]), file)
            file.flush()
            answer = self.demo("--case", file.name)
        self.assertAlmostEqual(answer["lambda"], 4 + 2 * .02 * answer["nodes"][1]["kw"], delta=1e-4)

    def test_refusals(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(cases.scenario([("A", "consumer", 12, .05, 120)]), file)
            file.flush()
            self.assertEqual(busbar("demo", "--once", "--case", file.name)[0], 2)
        self.assertEqual(busbar("demo", "--once", "--case", "/nonexistent.json")[0], 3)
        with tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as home:
            pathlib.Path(home, "site.json").write_text("{}")
            code, _, err = busbar("demo", "--once", "--home", home)
            self.assertEqual(code, 1)
            self.assertIn("no demo has made", err)
            self.assertNotIn("logs", err)


def children(pid):
    """The processes whose parent is `pid`: {pid: name}."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                name, rest = re.fullmatch(r"\d+ \((.*)\) (.*)", (entry / "stat").read_text(), re.DOTALL).groups()
                if int(rest.split()[1]) == pid:
                    found[int(entry.name)] = name
    return found


class DemoStays(unittest.TestCase):
    """A demo that stays up: orders to its boards, and every way in which it can end."""

    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp"))) / "home"
        self.process = subprocess.Popen([BIN / "busbar", "demo", "--web", "127.0.0.1:0", "--home", self.home], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.end)
        self.out = ""
        for line in self.process.stdout:
            self.out += line
            if line.startswith("http://"):
                break
        self.assertIn("export BUSBAR_HOME=", self.out)
        self.family = children(self.process.pid)

    def end(self):
        self.process.kill()
        self.process.communicate()

    def await_gone(self):
        deadline = time.monotonic() + PATIENCE_S
        while any(os.path.exists(f"/proc/{pid}") for pid in self.family):
            self.assertLess(time.monotonic(), deadline, "children are left behind")
            time.sleep(0.01)

    def show(self):
        code, out, err = busbar("dispatch", "show", "--json", home=self.home)
        self.assertEqual(code, 0, err)
        return strict(out)

    def board(self, name):
        return next(board for board in self.show()["boards"] if board["name"] == name)

    def await_board(self, name, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition(board := self.board(name)):
            self.assertLess(time.monotonic(), deadline, board)
        return board

    def order(self, *words):
        code, out, err = busbar("dispatch", *words, "--json", home=self.home)
        self.assertEqual(code, 0, err)
        return strict(out)

    def test_orders(self):
        self.assertEqual(len(self.family), 16 + 6)
        with urllib.request.urlopen(self.out.splitlines()[-1] + "healthz", timeout=PATIENCE_S) as answer:
            self.assertEqual(answer.read(), b"alive\n")
        self.assertEqual(self.show()["online"], 16)
        self.order("override", "L1", "--kw", "10.000001")
        self.await_board("L1", lambda b: b["mode"] == "override" and b["kw"] == 10.000001)
        self.order("hold", "DG1")
        self.await_board("DG1", lambda b: b["mode"] == "hold")
        self.order("stop", "L2")
        self.await_board("L2", lambda b: b["mode"] == "stopped" and b["kw"] == 0)
        self.order("release", "all")
        for name in ("L1", "DG1", "L2"):
            self.await_board(name, lambda b: b["mode"] == "automatic" and abs(b["kw"] - cases.TABLE_1_KW[b["name"]]) < 0.05)
        self.order("parameter", "DG2", "--beta", "6.5")
        changed = [b if b[0] != "DG2" else ("DG2", "generator", 6.5, b[3], b[4]) for b in cases.TABLE_1]
        price, powers = cases.optimum(changed)
        self.await_board("L5", lambda b: abs(b["lambda"] - price) < 1e-4 and abs(b["kw"] - powers["L5"]) < 1e-3)
        self.assertIn("beta 6.5", (self.home / "boards/DG2.board").read_text())
        for words, code in ((["override", "L99", "--kw", "1"], 3), (["override", "L1", "--kw", "1000"], 6),
                            (["parameter", "L1", "--beta", "1"], 6)):
            self.assertEqual(busbar("dispatch", *words, home=self.home)[0], code, words)
        status = strict(busbar("status", "--json", home=self.home)[1])
        self.assertEqual(status["boards"]["online"], 16)
        rows = list(csv.DictReader(io.StringIO(busbar("dispatch", "show", "--csv", home=self.home)[1])))
        self.assertEqual(len(rows), 16)
        self.assertRegex(rows[0]["time_utc"], r"Z$")

    def test_trading(self):
        """The accounts that are the user's; and a second demo in the same home founds its chain anew."""
        def trade(*words):
            code, out, err = busbar(*words, home=self.home, BUSBAR_PASSPHRASE_FILE=str(self.home / "wallet/passphrase"), BUSBAR_TIMEOUT="30")
            self.assertEqual(code, 0, err)
            return out
        trade("sell", "--kwh", "2", "--price", "9.50", "--key", "P1")
        self.assertIn("1.0 kWh for 9.50 cent", trade("buy", "--kwh", "1", "--max-price", "10", "--key", "C1"))
        rows = {row["name"]: row for row in csv.DictReader(io.StringIO(trade("account", "list", "--csv")))}
        self.assertEqual((rows["C1"]["money_cents"], rows["C1"]["energy_kwh"]), ("990.50", "51.0"))
        self.assertEqual((rows["case3.P1"]["money_cents"], rows["case3.P1"]["energy_kwh"]), ("1059.02", "44.0"))
        self.assertEqual(len(rows), 2 + 4 * 4)
        genesis = strict(trade("chain", "verify", "--json"))["genesis"]
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(PATIENCE_S), 0)
        code, out, err = busbar("demo", "--once", "--json", "--home", self.home)
        self.assertEqual(code, 0, err)
        self.assertNotEqual(strict(out)["ledger"]["genesis"], genesis)

    def test_ctrl_c_ends_it(self):
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(PATIENCE_S), 0)
        self.await_gone()

    def test_a_kill_takes_the_children_along(self):
        self.process.kill()
        self.process.wait()
        self.await_gone()

    def test_a_child_that_dies_is_told(self):
        broker = next(pid for pid, name in self.family.items() if name == "busbard")
        os.kill(broker, signal.SIGKILL)
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        self.assertNotEqual(self.process.returncode, 0)
        self.assertIn("busbard was ended by signal 9", out)
        self.assertIn("busbard.log", out)
        self.await_gone()


if __name__ == "__main__":
    unittest.main()
