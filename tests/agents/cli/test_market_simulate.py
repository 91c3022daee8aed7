#!/usr/bin/env python3
"""busbar market simulate: the contract alone, as a program. The three cases to the last digit, every policy, every refusal, every
boundary of 64 bits, and lines that are no actions."""
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin")
PATIENCE_S = float(os.environ.get("BUSBAR_PATIENCE", "100"))
INT_MAX, INT_MIN, UINT_MAX = 2**63 - 1, -2**63, 2**64 - 1


def run(given, *arguments):
    """Runs it on bytes; (exit code, standard output, standard error)."""
    done = subprocess.run([BIN / "busbar", "market", "simulate", *arguments], input=given, capture_output=True, timeout=PATIENCE_S,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines(*actions):
    return "".join(json.dumps(action) + "\n" for action in actions).encode()


def act(action, **fields):
    """An action with its integers as decimal strings."""
    return {"action": action, **{k: str(v) if isinstance(v, int) else v for k, v in fields.items()}}


def answer(*actions):
    code, out, err = run(lines(*actions), "--json")
    assert (code, err) == (0, ""), (code, err)
    return json.loads(out)


def mint(*names, money=10_000_000_000, energy=50_000):
    return [act("mint", account=name, money=money, energy=energy) for name in names]


def sell(name, energy, price, **more):
    return act("sell", account=name, energy=energy, price=price, **more)


def buy(name, energy, price, fill="all-or-nothing", **more):
    return act("buy", account=name, energy=energy, max_price=price, fill=fill, **more)


def line(buyer, seller, capacity):
    return act("line", buyer=buyer, seller=seller, capacity=capacity)


POSTS = [sell("p1", 6000, 98200), sell("p2", 7000, 99000), sell("p3", 8000, 99700)]
LINES = [line("c1", "p1", 5000), line("c1", "p2", 10000), line("c1", "p3", 5000)]
EVERYBODY = mint("c1", "p1", "p2", "p3")


def last(*actions):
    """The verdict of the last action."""
    return answer(*actions)["results"][-1]["verdict"]


class Cases(unittest.TestCase):
    """Tables 2 to 4 of the thesis."""

    def check(self, actions, money, energy, posts, trades):
        said = answer(*actions)
        names = ["c1", "p1", "p2", "p3"]
        self.assertEqual(list(said["accounts"]), names)
        self.assertEqual(said["accounts"], {n: {"money": str(m), "energy": str(e)} for n, m, e in zip(names, money, energy)})
        self.assertEqual(said["posts"], [{"id": str(i), "seller": s, "energy": str(e), "price": str(p)} for i, s, e, p in posts])
        self.assertEqual(said["results"][-1], {"verdict": "ok", "trades": [
            {"seller": s, "energy": str(e), "price": str(p)} for s, e, p in trades]})
        self.assertEqual(said["results"][:-1], [{"verdict": "ok", "trades": []}] * (len(actions) - 1))

    def test_case_1(self):
        self.check(EVERYBODY + POSTS + [buy("c1", 8000, 100000)],
                   [9212800000, 10589200000, 10198000000, 10000000000], [58000, 44000, 48000, 50000],
                   [(2, "p2", 5000, 99000), (3, "p3", 8000, 99700)], [("p1", 6000, 98200), ("p2", 2000, 99000)])

    def test_case_2(self):
        self.check(EVERYBODY + LINES + [act("policy", mode="limit")] + POSTS + [buy("c1", 8000, 100000)],
                   [9212000000, 10491000000, 10297000000, 10000000000], [58000, 45000, 47000, 50000],
                   [(1, "p1", 1000, 98200), (2, "p2", 4000, 99000), (3, "p3", 8000, 99700)],
                   [("p1", 5000, 98200), ("p2", 3000, 99000)])

    def test_case_3(self):
        policy = [act("policy", mode="penalty", penalty="1000", recipient="seller")]
        self.check(EVERYBODY + LINES + policy + POSTS + [buy("c1", 15000, 100000)],
                   [8517400000, 10590200000, 10693000000, 10199400000], [65000, 44000, 43000, 48000],
                   [(3, "p3", 6000, 99700)],
                   [("p1", 5000, 98200), ("p2", 7000, 99000), ("p1", 1000, 99200), ("p3", 2000, 99700)])

    def test_case_3_as_the_text_has_it(self):
        """The penalty goes to the distribution company, which is in the answer because it holds money."""
        said = answer(*EVERYBODY, *LINES, act("policy", mode="penalty", penalty="1000"), *POSTS, buy("c1", 15000, 100000))
        self.assertEqual(said["accounts"]["distribution"], {"money": "1000000", "energy": "0"})
        self.assertEqual(said["accounts"]["p1"]["money"], "10589200000")

    def test_people_see_cents_and_kilowatt_hours(self):
        code, out, err = run(lines(*EVERYBODY, *POSTS, buy("c1", 8000, 100000), buy("c1", 80000, 100000)))
        self.assertEqual((code, err), (0, ""))
        for text in ("921.28", "1058.92", "58.0", "9.82", "not-enough-offers", "cent/kWh", "9 actions, 2 trades"):
            self.assertIn(text, out)


class Policies(unittest.TestCase):
    def test_none_looks_at_no_line(self):
        said = answer(*mint("c1", "p1"), line("c1", "p1", 5), sell("p1", 8, 7), buy("c1", 8, 7))
        self.assertEqual(said["results"][-1]["trades"], [{"seller": "p1", "energy": "8", "price": "7"}])

    def test_limit_of_zero_and_no_limit_again(self):
        book = [*mint("c1", "p1"), act("policy", mode="limit"), line("c1", "p1", 0), sell("p1", 8, 7)]
        self.assertEqual(last(*book, buy("c1", 1, 7)), "line-full")
        self.assertEqual(last(*book, line("c1", "p1", -1), buy("c1", 8, 7)), "ok")

    def test_penalty_of_zero(self):
        said = answer(*mint("c1", "p1"), act("policy", mode="penalty"), line("c1", "p1", 3), sell("p1", 8, 7), buy("c1", 8, 7))
        self.assertEqual([t["energy"] for t in said["results"][-1]["trades"]], ["3", "5"])
        self.assertEqual(said["accounts"]["c1"]["money"], str(10_000_000_000 - 56))

    def test_fees_of_an_interval_wait_for_its_gate(self):
        day = [*mint("c1", "p1"), act("policy", mode="penalty", penalty="1000", interval_seconds=900, gate_seconds=300),
               line("c1", "p1", 0), sell("p1", 8, 7, interval=1800), buy("c1", 8, 2000, interval=1800)]
        said = answer(*day, act("time", now=1499))
        self.assertEqual((said["fees"]["waiting"], "distribution" in said["accounts"]), ("8000", False))
        said = answer(*day, act("time", now=1500))
        self.assertEqual((said["fees"]["waiting"], said["accounts"]["distribution"]["money"]), ("0", "8000"))

    def test_band(self):
        band = [*mint("p1"), act("policy", mode="none", band_low=5, band_high=9)]
        for price, verdict in ((4, "outside-price-band"), (5, "ok"), (9, "ok"), (10, "outside-price-band")):
            self.assertEqual(last(*band, sell("p1", 1, price)), verdict)

    def test_rest_is_tried_again(self):
        said = answer(*mint("c1", "p1"), buy("c1", 10, 9, "rest"), sell("p1", 4, 9), sell("p1", 3, 10))
        self.assertEqual(said["results"][-2]["trades"], [{"seller": "p1", "energy": "4", "price": "9"}])
        self.assertEqual(said["bids"], [{"id": "b1", "buyer": "c1", "energy": "6", "max_price": "9"}])
        self.assertEqual([p["id"] for p in said["posts"]], ["2"])
        said = answer(*mint("c1"), buy("c1", 10, 9, "rest"), act("cancel", account="c1", bid="b1"))
        self.assertEqual((said["results"][-1]["verdict"], said["bids"]), ("ok", []))

    def test_money_and_energy_are_conserved(self):
        said = answer(*EVERYBODY, *LINES, act("policy", mode="penalty", penalty="1000"), *POSTS, buy("c1", 15000, 100000),
                      act("transfer", **{"from": "c1", "to": "operator", "money": "5"}))
        for key in ("money", "energy"):
            self.assertEqual(sum(int(a[key]) for a in said["accounts"].values()), int(said["totals"][key]))


class Elsewhere(unittest.TestCase):
    """Cases with numbers that other markets' documentation and tests print."""

    def test_fees_add_up_to_the_delivered_price(self):
        """An ask of 0.10 that crosses markets with fees of 0, 0.01, 0.02 and 0.01 is delivered at 0.14 (gsy-e)."""
        fee = sum((0, 10_000, 20_000, 10_000))
        book = [*mint("c1", "p1"), act("policy", mode="penalty", penalty=fee), line("c1", "p1", 0), sell("p1", 1000, 100_000)]
        self.assertEqual(last(*book, buy("c1", 1000, 139_999)), "price-too-low")
        said = answer(*book, buy("c1", 1000, 140_000))
        self.assertEqual(said["results"][-1]["trades"], [{"seller": "p1", "energy": "1000", "price": "140000"}])
        self.assertEqual((said["accounts"]["p1"]["money"], said["accounts"]["distribution"]["money"]), ("10100000000", "40000000"))

    def test_all_or_none(self):
        """Asks of 100 at 1251 and 100 at 1252: 300 at 1251 gets nothing (liquibook)."""
        book = [*mint("c1", "p1", "p2"), sell("p1", 100, 1251), sell("p2", 100, 1252)]
        self.assertEqual(last(*book, buy("c1", 300, 1251)), "price-too-low")
        self.assertEqual(last(*book, buy("c1", 100, 1251)), "ok")

    def test_pay_as_offer(self):
        """100 against 10 at .6, 20 at .7, 30 at .8 and 50 at .9 takes 10, 20, 30 and 40, each at its own price (gsy-e)."""
        book = mint("c1", money=10**12) + mint("p1", "p2", "p3", "p4")
        asks = [sell(f"p{i + 1}", e, p) for i, (e, p) in enumerate([(10, 600000), (20, 700000), (30, 800000), (50, 900000)])]
        said = answer(*book, *reversed(asks), buy("c1", 100, 900000))
        self.assertEqual([(t["energy"], t["price"]) for t in said["results"][-1]["trades"]],
                         [("10", "600000"), ("20", "700000"), ("30", "800000"), ("40", "900000")])
        self.assertEqual([p["energy"] for p in said["posts"]], ["10"])

    def test_ties_are_broken_by_time(self):
        said = answer(*mint("c1", "p1", "p2"), sell("p2", 5, 7), sell("p1", 5, 7), buy("c1", 6, 7))
        self.assertEqual([t["seller"] for t in said["results"][-1]["trades"]], ["p2", "p1"])
        said = answer(*mint("c1", "p1", "p2"), sell("p2", 5, 7), sell("p1", 5, 7),
                      act("update", account="p2", post="1", energy="6", price="7"), buy("c1", 6, 7))
        self.assertEqual([t["seller"] for t in said["results"][-1]["trades"]], ["p1", "p2"])


class Refusals(unittest.TestCase):
    """Each verdict that can be reached without a ledger, with its sentence, and without effect."""

    def check(self, verdict, *actions):
        with self.subTest(verdict):
            said = answer(*actions)
            self.assertEqual(said["results"][-1]["verdict"], verdict)
            self.assertEqual(said["results"][-1]["trades"], [])
            self.assertGreater(len(said["results"][-1]["text"]), 10)
            before = answer(*actions[:-1])
            for key in ("accounts", "posts", "bids", "fees", "totals"):
                self.assertEqual(said[key], before[key])

    def test_who(self):
        self.check("not-admitted", sell("p1", 1, 1))
        self.check("not-admitted", *mint("p1"), line("p1", "c1", 1))
        self.check("not-admitted", *mint("p1"), act("transfer", **{"from": "p1", "to": "c1", "money": "1"}))
        self.check("revoked", *mint("p1"), act("revoke", account="p1"), sell("p1", 1, 1))
        self.check("wrong-role", act("admit", account="c1", role="consumer"), sell("c1", 1, 1))
        self.check("already-admitted", *mint("p1"), act("admit", account="p1", role="meter"))
        for name in ("", "1a", "a b", "x" * 32, "é", "y" * 300):
            self.check("bad-name", act("mint", account=name, money="1", energy="1"))
        self.check("same-account", *mint("p1"), line("p1", "p1", 1))

    def test_amounts(self):
        self.check("bad-amount", *mint("p1"), sell("p1", 0, 1))
        self.check("bad-amount", act("mint", account="p1", money="0", energy="0"))
        self.check("bad-price", *mint("p1"), sell("p1", 1, -1))
        self.check("outside-price-band", *mint("p1"), act("policy", mode="none", band_low=5, band_high=5), sell("p1", 1, 4))
        self.check("overflow", *mint("p1", money=INT_MAX), *mint("p2", money=1))
        self.check("insufficient-money", *mint("c1", money=6), *mint("p1"), sell("p1", 1, 7), buy("c1", 1, 7))
        self.check("insufficient-energy", *mint("p1", energy=5), sell("p1", 3, 1), sell("p1", 3, 1))
        self.check("bad-capacity", *mint("p1", "c1"), line("c1", "p1", -2))
        self.check("bad-policy", act("policy", mode="penalty", penalty="-1"))

    def test_orders(self):
        self.check("unknown-order", *mint("p1"), act("cancel", account="p1", post="1"))
        self.check("not-owner", *mint("p1", "p2"), sell("p1", 1, 1), act("cancel", account="p2", post="1"))
        self.check("not-a-post", *mint("c1"), buy("c1", 1, 1, "rest"),
                   act("update", account="c1", post="b1", energy="1", price="1"))
        self.check("market-halted", *mint("p1"), act("market", state="halted"), sell("p1", 1, 1))
        self.check("gate-closed", *mint("p1"), act("time", now=10), sell("p1", 1, 1, interval=10))
        self.check("bad-interval", *mint("p1"), act("policy", mode="none", interval_seconds=900), sell("p1", 1, 1, interval=901))
        self.check("already-expired", *mint("p1"), act("time", now=10), sell("p1", 1, 1, expires=10))
        self.check("not-enough-offers", *mint("c1"), buy("c1", 1, 1))
        self.check("price-too-low", *mint("c1", "p1"), sell("p1", 1, 2), buy("c1", 1, 1))
        self.check("line-full", *mint("c1", "p1"), act("policy", mode="limit"), line("c1", "p1", 0), sell("p1", 1, 1), buy("c1", 1, 1))
        self.check("unknown-transaction", *mint("p1", "p2"),
                   act("correct", **{"from": "p1", "to": "p2", "money": "1", "transaction": "3"}))
        self.check("too-many-trades", *mint("c1", "p1"), *[sell("p1", 1, 1)] * 1025, buy("c1", 1025, 1))
        self.check("market-full", act("limits", orders="1"), *mint("p1"), sell("p1", 1, 1), sell("p1", 1, 1))

    def test_corrections_and_keys(self):
        said = answer(*mint("p1", "p2"), act("correct", **{"from": "p1", "to": "p2", "money": "1", "energy": "2", "transaction": "1"}),
                      act("revoke", account="p1"), act("rekey", account="p1"), sell("p1", 1, 1))
        self.assertEqual([r["verdict"] for r in said["results"]], ["ok"] * 6)
        self.assertEqual(said["accounts"]["p2"], {"money": "10000000001", "energy": "50002"})


class Boundaries(unittest.TestCase):
    """The edges of 64 bits in every field, as strings and as JSON integers."""

    def test_integers(self):
        for value in (INT_MAX, INT_MIN, 0, -1, 10**9, 10**9 + 1):
            for energy in (str(value), value):
                row = {"action": "sell", "account": "p1", "energy": energy, "price": "1"}
                expected = "bad-amount" if not 1 <= value <= 10**9 else "ok"
                self.assertEqual(last(*mint("p1", energy=10**9), row), expected, row)
                row = {"action": "sell", "account": "p1", "energy": "1", "price": energy}
                self.assertEqual(last(*mint("p1"), row), "bad-price" if not 0 <= value <= 10**9 else "ok", row)
        self.assertEqual(last(*mint("p1", money=INT_MAX, energy=INT_MAX)), "ok")
        self.assertEqual(last(*mint("p1", money=INT_MIN, energy=1)), "bad-amount")
        self.assertEqual(last(*mint("p1", "p2"), line("p1", "p2", INT_MAX)), "ok")
        self.assertEqual(last(*mint("p1", "p2"), line("p1", "p2", INT_MIN)), "bad-capacity")
        self.assertEqual(last(*mint("p1"), act("cancel", account="p1", post=str(2**63 - 1))), "unknown-order")
        self.assertEqual(last(*mint("p1"), sell("p1", 1, 1, interval=UINT_MAX, expires=UINT_MAX)), "ok")
        self.assertEqual(last(*mint("p1"), act("policy", mode="none", gate_seconds=UINT_MAX), sell("p1", 1, 1, interval=UINT_MAX)),
                         "gate-closed")
        self.assertEqual(last(*mint("c1", money=10**18), buy("c1", 10**9, 10**9, "rest")), "ok")
        self.assertEqual(last(*mint("c1", money=10**18 - 1), buy("c1", 10**9, 10**9, "rest")), "insufficient-money")
        self.assertEqual(last(act("time", now=INT_MAX // 1000)), "ok")

    def test_what_is_no_integer(self):
        for text in ("9223372036854775808", "-9223372036854775809", "18446744073709551616", "", "1.0", "+1", "01", "-01", "-0", " 1",
                     "1 ", "0x1", "1e3", "-", "١", "NaN", "1\n"):
            self.malformed(json.dumps(text), "energy")
        for raw in ("9223372036854775808", "1.0", "1e3", "null", "true", "[]", "{}", "01", "+1", "NaN", '"\\ud800"', '"1\\u0000"'):
            self.malformed(raw, None)
        for text in ("18446744073709551616", "-1", "1.0", ""):
            code, out, err = run(lines(*mint("p1"), {"action": "sell", "account": "p1", "energy": "1", "price": "1", "interval": text}),
                                 "--json")
            self.assertEqual((code, out), (2, ""), text)
            self.assertIn("interval", err)
        for now in (INT_MAX // 1000 + 1, UINT_MAX):
            self.assertEqual(run(lines(act("time", now=now)))[0], 2)

    def malformed(self, raw, named):
        given = lines(*mint("p1")) + b'{"action":"sell","account":"p1","price":"1","energy":' + raw.encode() + b"}\n"
        code, out, err = run(given, "--json")
        self.assertEqual((code, out), (2, ""), raw)
        self.assertIn("line 2", err)
        if named:
            self.assertIn(named, err)


class Malformed(unittest.TestCase):
    """A line that is no action: status 2, its number, and nothing printed as if it were the result."""

    BAD = [b"x", b"[]", b"1", b"{}", b'{"action":5}', b'{"action":"dance"}', b'{"action":"sell"}', b'{"action":"sell",}',
           b'{"action":"sell","account":"p1","energy":"1","price":"1"} {}', b'{"action":"sell","account":"p1","energy":"1"}',
           b'{"action":"sell","account":"p1","energy":"1","price":"1","price":"2"}',
           b'{"action":"sell","account":"p1","energy":"1","price":"1","colour":"red"}',
           b'{"action":"sell","account":7,"energy":"1","price":"1"}', b'{"action":"buy","account":"p1","energy":"1","max_price":"1","fill":"some"}',
           b'{"action":"cancel","account":"p1"}', b'{"action":"cancel","account":"p1","post":"1","bid":"b1"}',
           b'{"action":"cancel","account":"p1","bid":"c1"}', b'{"action":"policy","mode":"harsh"}', b'{"action":"policy","mode":3}',
           b'{"action":"market","state":"shut"}', b'{"action":"admit","account":"x","role":"operator"}',
           b'{"action":"limits","orders":"1"}', b'{"action":"time","now":"4"}', b'{"action":"time"}', b"\xff\xfe", b"{\"action\":\"\xff\"}",
           b"\xef\xbb\xbf{}", b"\x00", b'{"action":"sell\\u0000"}', b"[" * 60000, b'{"a":' * 10000, b'{"action":"' + b"x" * 60000 + b'"}',
           b" " * 65537, b'{"action":"time","now":"9"}' + b" " * 65536, b'{"action":"mint"', b'"', b'{"action":"mint","account":"' + b"\\"]

    def test_each(self):
        for bad in self.BAD:
            given = b"# a comment\n\n" + lines(*mint("p1"), act("time", now=5)) + bad + b"\n" + lines(*mint("p2"))
            with self.subTest(bad[:60]):
                for arguments in (["--json"], []):
                    code, out, err = run(given, *arguments)
                    self.assertEqual((code, out), (2, ""))
                    self.assertIn("line 5: ", err)
                    self.assertLess(len(err), 1000)

    def test_empty_lines_and_comments_are_none(self):
        said = answer()
        self.assertEqual((said["results"], said["accounts"], said["posts"]), ([], {}, []))
        code, out, _ = run(b"\n  \n# {\n\t# x\r\n" + lines(*mint("p1")).replace(b"\n", b"\r\n") + b"#", "--json")
        self.assertEqual((code, len(json.loads(out)["results"])), (0, 1))
        code, out, _ = run(lines(*mint("p1"))[:-1], "--json")
        self.assertEqual((code, len(json.loads(out)["results"])), (0, 1), "a last line without its end")

    def test_longest_line(self):
        good = lines(*mint("p1"))[:-1]
        self.assertEqual(run(good + b" " * (65536 - len(good)) + b"\n")[0], 0)
        self.assertEqual(run(good + b" " * (65537 - len(good)) + b"\n")[0], 2)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "a.jsonl")
            self.assertEqual(run(b"", path)[0], 3)
            path.write_bytes(b"\n?\n")
            code, _, err = run(b"", path)
            self.assertEqual(code, 2)
            self.assertIn(f"{path}, line 2", err)
            path.write_bytes(lines(*mint("p1")))
            self.assertEqual(run(b"", "--json", path)[1], run(path.read_bytes(), "--json", "-")[1])
            self.assertEqual(run(b"", folder)[0], 1)

    def test_no_end(self):
        """A line without an end is refused as soon as it is too long."""
        with subprocess.Popen([BIN / "busbar", "market", "simulate"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            with self.assertRaises(BrokenPipeError):
                for _ in range(1000):
                    child.stdin.write(b"x" * 65536)
                    child.stdin.flush()
            self.assertIn(b"line 1", child.stderr.read())
            try:
                child.stdin.close()
            except BrokenPipeError:
                pass
            self.assertEqual(child.wait(PATIENCE_S), 2)


class Many(unittest.TestCase):
    def test_many_lines(self):
        """As many lines as BUSBAR_LINES says (a million for the record), each with its result."""
        count = int(os.environ.get("BUSBAR_LINES", "30000"))
        trade = lines(sell("p1", 1, 7), buy("c1", 1, 7))
        given = lines(*mint("c1", money=10**15), *mint("p1", energy=10**9)) + trade * (count // 2)
        begin = time.monotonic()
        code, out, err = run(given, "--json")
        print(f"{count} lines: {time.monotonic() - begin:.2f} s", flush=True)
        self.assertEqual((code, err), (0, ""))
        said = json.loads(out)
        self.assertEqual(len(said["results"]), count // 2 * 2 + 2)
        self.assertEqual(said["accounts"]["c1"], {"money": str(10**15 - 7 * (count // 2)), "energy": str(50000 + count // 2)})
        self.assertEqual(said["posts"], [])


if __name__ == "__main__":
    unittest.main()
