#!/usr/bin/env python3
"""The ledger over the bus: the thesis's three cases, every refusal by its name, queries, publications."""
import json
import time
import unittest

import vip
from ledger import Ledger, altered, high_s, secret_of
from neighbourhood import PATIENCE_S

# Thesis, section 3.6, tables 2 to 4: money in nano-$, energy in Wh, prices in µ$/kWh.
POSTS = [("p1", 6000, 98200), ("p2", 7000, 99000), ("p3", 8000, 99700)]
LINES = [("c1", "p1", 5000), ("c1", "p2", 10000), ("c1", "p3", 5000)]
CASES = {
    "case 1": {"buy": 8000, "policy": {},
               "after": {"c1": (9212800000, 58000), "p1": (10589200000, 44000), "p2": (10198000000, 48000),
                         "p3": (10000000000, 50000)},
               "posts": [("p2", 5000, 99000), ("p3", 8000, 99700)]},
    "case 2": {"buy": 8000, "policy": {"mode": 1},
               "after": {"c1": (9212000000, 58000), "p1": (10491000000, 45000), "p2": (10297000000, 47000),
                         "p3": (10000000000, 50000)},
               "posts": [("p1", 1000, 98200), ("p2", 4000, 99000), ("p3", 8000, 99700)]},
    "case 3": {"buy": 15000, "policy": {"mode": 2, "penaltyMicroPerKWh": 1000, "recipient": 1},
               "after": {"c1": (8517400000, 65000), "p1": (10590200000, 44000), "p2": (10693000000, 43000),
                         "p3": (10199400000, 48000)},
               "posts": [("p3", 6000, 99700)]},
}
BID = 1 << 63


class Tables(unittest.TestCase):
    """Tables 2 to 4, through signed orders, to the last digit."""

    def check_case(self, case):
        with Ledger() as ledger:
            orders = [ledger.signed("edc", "SetLine", buyer=b, seller=s, capacityWh=wh) for b, s, wh in LINES
                      if case["policy"]]
            orders += [ledger.signed("edc", "SetPolicy", **case["policy"])]
            orders += [ledger.signed(who, "SellOrder", energyWh=wh, priceMicroPerKWh=price) for who, wh, price in POSTS]
            orders += [ledger.signed("c1", "BuyOrder", energyWh=case["buy"], maxPriceMicroPerKWh=100000)]
            results = ledger.submit(orders)
            self.assertEqual([r.get("verdict") for r in results], ["ok"] * len(orders), results)
            accounts = ledger.accounts()
            for name, (money, energy) in case["after"].items():
                self.assertEqual((accounts[name]["money"], accounts[name]["energy"]), (str(money), str(energy)), name)
            book = ledger.call("book")
            self.assertEqual([(p["name"], int(p["energy"]), int(p["price"])) for p in book["posts"]], case["posts"])
            self.assertEqual(book["bids"], [])
            return results[-1]

    def test_case_1(self):
        self.check_case(CASES["case 1"])

    def test_case_2(self):
        bought = self.check_case(CASES["case 2"])
        self.assertEqual([p["seller_name"] for p in bought["passed"]], ["p1"])

    def test_case_3(self):
        bought = self.check_case(CASES["case 3"])
        self.assertEqual([(t["seller_name"], int(t["energy"]), int(t["price"]) + int(t["fee"])) for t in bought["trades"]],
                         [("p1", 5000, 98200), ("p2", 7000, 99000), ("p1", 1000, 99200), ("p3", 2000, 99700)])


class Refusals(unittest.TestCase):
    """What is refused has a name and no effect at all."""

    @classmethod
    def setUpClass(cls):
        cls.ledger = cls.enterClassContext(Ledger())
        results = cls.ledger.submit([cls.ledger.signed("p1", "SellOrder", energyWh=1000, priceMicroPerKWh=90000),
                                     cls.ledger.signed("p1", "Transfer", to="c1", amountNano=7)])
        cls.post, cls.first = results[0]["order"], results[0]
        assert [r["verdict"] for r in results] == ["ok", "ok"], results

    def setUp(self):
        self.ledger.settle_nonces()

    def whole(self):
        """Everything that anybody could see of the state."""
        book, accounts = self.ledger.call("book"), self.ledger.accounts()
        return {key: book[key] for key in ("height", "state", "posts", "bids")}, accounts

    def kept_out(self, word, transaction):
        """Never enters the chain: nothing changes, no nonce either."""
        before = self.whole()
        result = self.ledger.submit([transaction])[0]
        self.assertEqual(result.get("refused"), word, result)
        self.assertTrue(result["text"])
        self.assertEqual(self.whole(), before)
        return result

    def said_no(self, word, actor, kind, **members):
        """Enters the chain with a verdict: only the actor's nonce and the height move."""
        (book, accounts) = self.whole()
        result = self.ledger.act(actor, kind, **members)
        self.assertEqual(result.get("verdict"), word, result)
        self.assertEqual((result["trades"], result["balances"], result["order"]), ([], [], "0"))
        later_book, later = self.whole()
        self.assertEqual((later_book["posts"], later_book["bids"]), (book["posts"], book["bids"]))
        accounts[actor]["nonce"] = str(int(accounts[actor]["nonce"]) + 1)
        self.assertEqual(later, accounts)

    def transfer(self, **changes):
        return self.ledger.signed("p1", "Transfer", **{"to": "c1", "amountNano": 1, **changes})

    # -- kept out ----------------------------------------------------------------------------------------------------

    def test_wrong_nonce(self):
        right = int(self.ledger.account("p1")["nonce"])
        for nonce in (right - 1, right + 1, right + 2 ** 32, 2 ** 64 - 1):
            # a lower nonce with other contents is no replay
            result = self.kept_out("wrong-nonce", self.transfer(nonce=nonce, amountNano=12345))
            self.assertEqual(result["expected_nonce"], str(right))

    def test_other_chain(self):
        other = self.ledger.separator[:-1] + ("0" if self.ledger.separator[-1] != "0" else "1")
        text, _ = self.transfer(separator=other)
        result = self.ledger.submit([text])[0]
        self.assertEqual(result["refused"], "wrong-signer")
        self.kept_out("wrong-signer", text)

    def test_high_s(self):
        self.kept_out("high-s", high_s(self.transfer()[0]))

    def test_wrong_v(self):
        text = self.transfer()[0]
        for v in (0, 1, 26, 29, 255):
            self.kept_out("bad-recovery-id", altered(text, -1, bytes([v])))
        self.kept_out("wrong-signer", altered(text, -1, bytes([55 - int(text[-2:], 16)])))

    def test_signature_numbers_out_of_range(self):
        text = self.transfer()[0]
        self.kept_out("bad-signature", altered(text, -65, bytes(32)))
        self.kept_out("bad-signature", altered(text, -33, bytes(32)))
        self.kept_out("bad-signature", altered(text, -65, b"\xff" * 32))

    def test_altered_word(self):
        text = self.transfer()[0]
        self.kept_out("wrong-signer", altered(text, 1 + 5 * 32 - 1, b"\x02"))  # the amount
        self.kept_out("malformed", altered(text, 1 + 5 * 32 - 9, b"\x01"))     # a bit outside its 64
        self.kept_out("malformed", altered(text, 0, b"\xee"))
        self.kept_out("malformed", text + "00")
        self.kept_out("malformed", text[:-2])

    def test_somebody_elses_signature(self):
        self.kept_out("wrong-signer", self.transfer(by="c1"))

    def test_deadline(self):
        now = int(self.ledger.call("status")["time_ms"]) // 1000
        for deadline in (now - 1, 1):
            self.ledger.settle_nonces()
            self.kept_out("deadline-passed", self.transfer(deadline=deadline))
        self.ledger.settle_nonces()
        self.assertEqual(self.ledger.act("p1", "Transfer", to="c1", amountNano=1, deadline=now + 3600)["verdict"], "ok")

    def test_not_admitted(self):
        self.kept_out("signer-not-admitted", self.ledger.signed("stranger", "Transfer", to="c1", amountNano=1))

    def test_revoked(self):
        self.assertEqual(self.ledger.act("operator", "Admit", participant="x1", name="x1", role=4)["verdict"], "ok")
        self.assertEqual(self.ledger.act("operator", "Revoke", participant="x1")["verdict"], "ok")
        self.kept_out("signer-revoked", self.ledger.signed("x1", "Transfer", to="c1", amountNano=1))

    def test_elements_that_are_no_transactions(self):
        good = self.transfer()
        message = {"type": "Transfer", "message": {"from": self.ledger.signer.address("p1"), "nonce": "0", "deadline": "0",
                                                   "to": self.ledger.signer.address("c1"), "amountNano": 1.5},
                   "signature": "0x" + "00" * 65}
        results = self.ledger.submit(["0xzz", good, {"type": "Steal"}, 7, message, None, [], "0x" + "00" * 5000])
        self.assertEqual([r.get("refused") for r in results], ["malformed", None] + ["malformed"] * 6)
        self.assertEqual(results[1]["verdict"], "ok")
        self.assertTrue(results[4]["text"].startswith("transactions[4].message.amountNano: "), results[4])
        self.assertTrue(results[2]["text"].startswith("transactions[2].type: "), results[2])
        for number, result in enumerate(results):
            if number != 1:
                self.assertTrue(result["text"].startswith(f"transactions[{number}]"), result)

    def test_integers_that_json_cannot_hold(self):
        frame = ('{"jsonrpc":"2.0","id":"x","method":"submit","params":{"transactions":[{"type":"Transfer","message":'
                 '{"amountNano":%s}}]}}')
        for number, words in (("99999999999999999999", "too big integer"), ("9007199254740993", "beyond 2^53"), ("-0", "-0"),
                              ("1e3", "no integer")):
            text = (frame % number).replace('"amountNano"', f'"from":"{self.ledger.signer.address("p1")}","nonce":0,'
                                            f'"deadline":0,"to":"{self.ledger.signer.address("c1")}","amountNano"')
            self.ledger.peer.send("ledger", "RPC", text)
            answer = json.loads(self.ledger.peer.receive("RPC", PATIENCE_S)[1])
            self.assertIn(words, answer["result"]["results"][0]["text"])

    def test_params_that_are_no_batch(self):
        for params in ({}, [], {"transactions": []}, {"transactions": ["0x"] * 1025}, {"transactions": "0x"},
                       {"transactions": ["0x"], "more": 1}, {"more": 1, "transactions": ["0x"]}):
            with self.assertRaises(vip.Refused) as caught:
                self.ledger.peer.call("ledger", "submit", params)
            self.assertIn("1 to 1024", str(caught.exception))

    # -- replay ------------------------------------------------------------------------------------------------------

    def test_replay_is_answered_again(self):
        sent = self.transfer()
        first, again = self.ledger.submit([sent])[0], self.ledger.submit([sent, sent])
        self.assertEqual((first["verdict"], first["again"]), ("ok", False))
        for result in again:
            self.assertTrue(result["again"])
            for same in ("id", "verdict", "height", "index", "balances"):
                self.assertEqual(result[same], first[same])
        self.assertEqual(first["id"], sent[1])

    def test_twice_in_one_batch(self):
        sent = self.transfer()
        first, again = self.ledger.submit([sent, sent])
        self.assertEqual((first["verdict"], first["again"], again["again"]), ("ok", False, True))
        self.assertEqual(again["height"], first["height"])

    # -- verdicts ----------------------------------------------------------------------------------------------------

    def test_not_owner(self):
        self.said_no("not-owner", "p2", "CancelOrder", order=self.post)
        self.said_no("not-owner", "p2", "UpdateOrder", order=self.post, energyWh=1, priceMicroPerKWh=1)

    def test_overspend(self):
        money = int(self.ledger.account("c1")["money"])
        self.said_no("insufficient-money", "c1", "Transfer", to="p1", amountNano=money + 1)
        self.said_no("insufficient-money", "m1", "Transfer", to="p1", amountNano=1)

    def test_oversell(self):
        free = int(self.ledger.account("p1")["energy"]) - int(self.ledger.account("p1")["on_sale"])
        self.said_no("insufficient-energy", "p1", "SellOrder", energyWh=free + 1, priceMicroPerKWh=1)

    def test_role(self):
        self.said_no("wrong-role", "c1", "SellOrder", energyWh=1, priceMicroPerKWh=1)
        self.said_no("wrong-role", "m1", "BuyOrder", energyWh=1, maxPriceMicroPerKWh=1)
        self.said_no("wrong-role", "p1", "SetPolicy", mode=0)
        self.said_no("wrong-role", "edc", "Mint", to="edc", amountNano=1, energyWh=0)
        self.said_no("wrong-role", "p1", "SetSealer", sealer="p1")

    def test_numbers_out_of_range(self):
        for energy in (0, -1, 1000000001, 2 ** 63 - 1, -2 ** 63):
            self.said_no("bad-amount", "p1", "SellOrder", energyWh=energy, priceMicroPerKWh=1)
        for price in (-1, 1000000001, 2 ** 63 - 1, -2 ** 63):
            self.said_no("bad-price", "p1", "SellOrder", energyWh=1, priceMicroPerKWh=price)
        for amount in (0, -1, -2 ** 63):
            self.said_no("bad-amount", "p1", "Transfer", to="c1", amountNano=amount)
        self.said_no("insufficient-money", "p1", "Transfer", to="c1", amountNano=2 ** 63 - 1)

    def test_no_such_things(self):
        self.said_no("unknown-order", "p1", "CancelOrder", order=999)
        self.said_no("same-account", "p1", "Transfer", to="p1", amountNano=1)
        self.said_no("not-admitted", "p1", "Transfer", to="nobody", amountNano=1)
        self.said_no("unknown-transaction", "operator", "Correction", transaction="0x" + "ab" * 32, to="c1", amountNano=1,
                     energyWh=0, reason="a slip", **{"from": "p1"})
        self.said_no("not-enough-offers", "c1", "BuyOrder", energyWh=999999, maxPriceMicroPerKWh=1000000)
        self.said_no("bad-fill", "c1", "BuyOrder", energyWh=1, maxPriceMicroPerKWh=1, fill=9)


class Types(unittest.TestCase):
    def test_every_type_as_bytes_and_as_message(self):
        with Ledger() as ledger:
            transfer = ledger.act("p1", "Transfer", to="c1", amountNano=5)
            post = ledger.act("p1", "SellOrder", energyWh=1000, priceMicroPerKWh=90000)
            results = [transfer, post,
                       ledger.act("p1", "UpdateOrder", order=post["order"], energyWh=900, priceMicroPerKWh=80000),
                       ledger.act("c1", "BuyOrder", energyWh=100, maxPriceMicroPerKWh=80000),
                       ledger.act("p1", "CancelOrder", order=post["order"]),
                       ledger.act("operator", "Admit", participant="x1", name="x1", role=4),
                       ledger.act("operator", "Mint", to="x1", amountNano=7, energyWh=0),
                       ledger.act("operator", "Rekey", participant="x1", successor="x2"),
                       ledger.act("operator", "Revoke", participant="x2"),
                       ledger.act("edc", "SetLine", buyer="c1", seller="p1", capacityWh=0),
                       ledger.act("edc", "SetPolicy", mode=2, penaltyMicroPerKWh=1),
                       ledger.act("operator", "SetMarket", state=1),
                       ledger.act("operator", "SetMarket", state=0),
                       ledger.act("operator", "Correction", transaction=transfer["id"], to="p1", amountNano=5, energyWh=0,
                                  reason="a slip, \u00e9\"", **{"from": "c1"}),
                       ledger.act("operator", "SetSealer", sealer="sealer")]
            self.assertEqual({r.get("verdict") for r in results}, {"ok"}, results)
            found = [ledger.call("transaction", id=r["id"]) for r in results]
            self.assertEqual(len({f["type"] for f in found}), 14)
            self.assertEqual(found[13]["message"]["reason"], "a slip, \u00e9\"")
            for again in (ledger.submit([f["bytes"] for f in found]),
                          ledger.submit([{key: f[key] for key in ("type", "message", "signature")} for f in found])):
                self.assertEqual([(a["id"], a["again"]) for a in again], [(r["id"], True) for r in results])
            # the account that was moved has its past and its name
            entries = ledger.call("statement", account="x1")["entries"]
            self.assertEqual([e["type"] for e in entries][-1], "Mint")
            self.assertEqual(ledger.call("account", account=ledger.signer.address("x1"))["account"]["address"],
                             ledger.signer.address("x2"))


class Queries(unittest.TestCase):
    """What can be asked, and that every answer is bounded and stamped."""

    @classmethod
    def setUpClass(cls):
        cls.ledger = cls.enterClassContext(Ledger())
        ledger = cls.ledger
        cls.results = [ledger.act("p1", "SellOrder", energyWh=3000, priceMicroPerKWh=90000),
                       ledger.act("c1", "BuyOrder", energyWh=1000, maxPriceMicroPerKWh=95000),
                       ledger.act("c1", "BuyOrder", energyWh=500, maxPriceMicroPerKWh=80000, fill=2),
                       ledger.act("p2", "SellOrder", energyWh=10, priceMicroPerKWh=100, intervalStart=4000000000),
                       ledger.act("p1", "Transfer", to="p2", amountNano=5)]
        assert [r["verdict"] for r in cls.results] == ["ok"] * 5, cls.results

    def refused(self, method, **params):
        with self.assertRaises(vip.Refused) as caught:
            self.ledger.call(method, **params)
        return caught.exception.args[0]

    def test_every_result_is_stamped(self):
        height = self.ledger.call("status")["height"]
        for method, params in (("status", {}), ("parameters", {}), ("book", {}), ("account", {}), ("account", {"account": "p1"}),
                               ("orders", {"account": "p1"}), ("trades", {}), ("statement", {"account": "p1"}),
                               ("block", {"height": "head"}), ("block", {"from": "1"})):
            result = self.ledger.call(method, **params)
            self.assertEqual(result["height"], height, method)
            self.assertRegex(result["block"], "^0x[0-9a-f]{64}$")
            self.assertRegex(result["state"], "^0x[0-9a-f]{64}$")

    def test_account(self):
        p1, address = self.ledger.account("p1"), self.ledger.signer.address("p1")
        self.assertEqual((p1["name"], p1["address"], p1["role"], p1["revoked"]), ("p1", address, "prosumer", False))
        self.assertEqual(self.ledger.call("account", account=address)["account"], p1)
        self.assertEqual(self.ledger.call("account", account=address.lower())["account"], p1)
        self.assertEqual((p1["energy"], p1["on_sale"], p1["energy_text"]), ("49000", "2000", "49 kWh"))
        self.assertEqual((p1["money"], p1["money_text"]), ("10089999995", "1008.9999995 cent"))
        page = self.ledger.call("account", **{"from": "1", "count": 2})
        self.assertEqual(([a["name"] for a in page["accounts"]], page["total"]), (["edc", "p1"], "7"))
        self.assertEqual(self.ledger.call("account", **{"from": "7"})["accounts"], [])
        self.assertIn("no account has this name", str(self.refused("account", account="p9")))
        self.assertIn("no account has this address", str(self.refused("account", account="0x" + "12" * 20)))
        self.assertIn("account.count", str(self.refused("account", count="many")))
        self.assertIn("unknown member", str(self.refused("account", name="p1")))

    def test_book_and_orders(self):
        book = self.ledger.call("book")
        self.assertEqual((book["interval"], book["intervals"]), ("0", ["0", "4000000000"]))
        self.assertEqual([(p["name"], p["energy"], p["price_text"]) for p in book["posts"]], [("p1", "2000", "9 cent/kWh")])
        self.assertEqual([(b["name"], b["energy"], int(b["order"]) > BID) for b in book["bids"]], [("c1", "500", True)])
        self.assertEqual(self.ledger.call("book", interval="4000000000")["posts"][0]["name"], "p2")
        self.assertEqual(self.ledger.call("book", interval=7, depth=1)["posts"], [])
        self.assertEqual([o["side"] for o in self.ledger.call("orders", account="c1")["orders"]], ["bid"])
        self.assertEqual([o["interval"] for o in self.ledger.call("orders", account="p2")["orders"]], ["4000000000"])

    def test_trades_and_statement(self):
        trades = self.ledger.call("trades")
        self.assertEqual([(t["buyer_name"], t["seller_name"], t["energy"], t["price"], t["bid"]) for t in trades["trades"]],
                         [("c1", "p1", "1000", "90000", "0")])
        self.assertEqual(trades["trades"][0]["id"], self.results[1]["id"])
        self.assertEqual((trades["next"], self.ledger.call("trades", account="p2")["trades"]), ("", []))
        entries = self.ledger.call("statement", account="p1")["entries"]
        self.assertEqual([e["type"] for e in entries], ["Transfer", "BuyOrder", "SellOrder"])
        self.assertEqual([e["on_sale"] for e in entries], ["2000", "2000", "3000"])

    def test_cursors_miss_nothing(self):
        whole, part, before = self.ledger.call("statement", account="p1")["entries"], [], None
        while before != "":
            page = self.ledger.call("statement", account="p1", count=1, **({"before": before} if before else {}))
            part, before = part + page["entries"], page["next"]
            self.assertLessEqual(len(page["entries"]), 1)
        self.assertEqual(part, whole)
        self.assertEqual(self.ledger.call("statement", account="p1", before="1")["entries"], [])
        self.assertIn("before", str(self.refused("trades", before="1:x")))
        self.assertEqual(self.ledger.call("trades", before=str(2 ** 64 - 1))["trades"], self.ledger.call("trades")["trades"])

    def test_transaction_and_block(self):
        result = self.results[1]
        found = self.ledger.call("transaction", id=result["id"])
        self.assertEqual((found["id"], found["at"]["height"], found["at"]["index"]), (result["id"], result["height"], result["index"]))
        self.assertEqual((found["type"], found["message"]["energyWh"], found["verdict"]), ("BuyOrder", "1000", "ok"))
        self.assertEqual(found["trades"], result["trades"])
        again = self.ledger.submit([found["bytes"], {key: found[key] for key in ("type", "message", "signature")}])
        self.assertEqual([a["id"] for a in again], [result["id"]] * 2)
        self.assertTrue(all(a["again"] for a in again))
        block = self.ledger.call("block", height=result["height"])
        self.assertEqual(block["transactions"], [result["id"]])
        self.assertEqual(block["header"]["sealer"], self.ledger.signer.address("sealer"))
        head = self.ledger.call("block", height="head")
        self.assertEqual(head["hash"], head["block"])
        raw = self.ledger.call("block", **{"from": "2", "count": "2"})
        self.assertEqual((len(raw["blocks"]), raw["next"]), (2, "4"))
        self.assertTrue(raw["blocks"][0].startswith("0x42454231"))  # BEB1
        self.assertIn("no such transaction", str(self.refused("transaction", id="0x" + "00" * 32)))
        self.assertIn("no such block", str(self.refused("block", height="999")))
        self.assertIn("expected 0x", str(self.refused("transaction", id="0x12")))

    def test_parameters(self):
        told = self.ledger.call("parameters")
        self.assertEqual((told["chain_id"], told["policy"]["mode"], told["market"]), ("1337", "none", "open"))
        self.assertEqual(told["contract"].lower(), "0x00000000000000000000000000000000000b17e9")
        self.assertTrue(told["genesis_bytes"].startswith("0x42454731"))  # BEG1
        import hashlib
        self.assertEqual(told["genesis"], "0x" + hashlib.sha256(bytes.fromhex(told["genesis_bytes"][2:])).hexdigest())

    def test_receipt_and_proof(self):
        for result in self.results:
            self.assertTrue(self.ledger.call("receipt", id=result["id"])["receipt"].startswith("0x42455231"))  # BER1
        proof = self.ledger.call("proof", first="2", second="5")
        self.assertEqual(proof["first_root"], self.ledger.call("block", height="2")["header"]["history"])
        self.assertEqual(proof["second_root"], self.ledger.call("block", height="5")["header"]["history"])
        self.assertTrue(proof["path"])
        for first, second in (("0", "1"), ("3", "2"), ("1", "99"), ("-1", "2")):
            self.assertTrue(self.refused("proof", first=first, second=second))

    def test_status(self):
        status = self.ledger.call("status")
        self.assertEqual((status["role"], status["trouble"], status["accounts"], status["transactions"]),
                         ("LEADER", "", "7", "5"))
        self.assertEqual((status["money_total"], status["energy_total"]), ("40000000000", "200000"))

    def test_hostile_params(self):
        for params in ([1], {"account": {}}, {"account": None}, {"count": -1}, {"from": 1.5}, {"from": "1e3"}):
            with self.assertRaises(vip.Refused):
                self.ledger.peer.call("ledger", "account", params)


class Publications(unittest.TestCase):
    def test_what_is_told(self):
        with Ledger(flags=("--heartbeat-ms", "100")) as ledger:
            ear = vip.Ear(ledger.home, "market/", "heartbeat/ledger")
            self.addCleanup(ear.close)
            ear.until(lambda last: "heartbeat/ledger" in last, PATIENCE_S, "the ledger's heartbeat")
            self.assertEqual(ear.last["heartbeat/ledger"], "GOOD")
            sold = ledger.act("p1", "SellOrder", energyWh=3000, priceMicroPerKWh=90000)
            ear.until(lambda last: "market/offers" in last and "market/blocks" in last, PATIENCE_S, "an offer and its block")
            offer = ear.last["market/offers"]
            self.assertEqual((offer["interval"], offer["posts"][0]["energy"], offer["posts"][0]["order"], offer["bids"]),
                             (0, 3000, 1, []))
            self.assertEqual((ear.last["market/blocks"]["height"], ear.last["market/blocks"]["transactions"]),
                             (int(sold["height"]), 1))
            ear.forget()
            bought = ledger.act("c1", "BuyOrder", energyWh=3000, maxPriceMicroPerKWh=95000)
            ear.until(lambda last: last.get("market/offers", {}).get("posts") == [] and "market/trades" in last, PATIENCE_S,
                      "a trade and an empty book")
            trade = ear.last["market/trades"]
            self.assertEqual((trade["id"], trade["energy"], trade["price"], trade["seller_name"]), (bought["id"], 3000, 90000, "p1"))
            self.assertEqual(trade["time_ms"], ear.last["market/blocks"]["time_ms"])
            self.assertLess(abs(trade["time_ms"] / 1000 - time.time()), 600)


    def test_offers_come_at_most_ten_times_a_second(self):
        with Ledger() as ledger:
            ear = vip.Ear(ledger.home, "market/offers")
            self.addCleanup(ear.close)
            begin, posts = time.monotonic(), 0
            while time.monotonic() - begin < 1.5:
                ledger.act("p1", "SellOrder", energyWh=1, priceMicroPerKWh=90000 - posts)
                posts += 1
            ear.until(lambda last: len(last.get("market/offers", {}).get("posts", [])) == min(posts, 20), PATIENCE_S,
                      "the whole book, or its best twenty")
            seconds = time.monotonic() - begin
            print(f"\n{posts} posts, {ear.heard} times offers in {seconds:.1f} s", flush=True)
            self.assertGreater(ear.heard, 2)
            self.assertLessEqual(ear.heard, seconds * 10 + 1)


class Many(unittest.TestCase):
    """Calls of many callers, and answers that are large."""

    def test_callers_share_blocks(self):
        with Ledger(flags=("--block-ms", "300")) as ledger:
            peers = {name: vip.Peer(ledger.home, f"cli.{name}", wait_s=PATIENCE_S) for name in ("p1", "p2", "p3", "c1")}
            for name, peer in peers.items():
                self.addCleanup(peer.close)
                batch = [ledger.signed(name, "Transfer", to="m1", amountNano=1 + i)[0] for i in range(5)]
                request = {"jsonrpc": "2.0", "id": name, "method": "submit", "params": {"transactions": batch}}
                peer.send("ledger", "RPC", json.dumps(request))
            answers = {name: json.loads(peer.receive("RPC", PATIENCE_S)[1]) for name, peer in peers.items()}
            for name, answer in answers.items():
                self.assertEqual(answer["id"], name)
                self.assertEqual([r["verdict"] for r in answer["result"]["results"]], ["ok"] * 5)
                places = [(int(r["height"]), int(r["index"])) for r in answer["result"]["results"]]
                self.assertEqual(places, sorted(places))
            heights = {r["height"] for answer in answers.values() for r in answer["result"]["results"]}
            self.assertLess(len(heights), 4, heights)

    def test_the_longest_batch_with_the_most_trades(self):
        """Twenty thousand trades in one call: an answer that fits the bus, and the lists that it leaves out by `transaction`."""
        with Ledger() as ledger:
            for _ in range(20):
                ledger.submit([ledger.signed("p1", "SellOrder", energyWh=1, priceMicroPerKWh=100) for _ in range(1000)])
            results = ledger.submit([ledger.signed("c1", "BuyOrder", energyWh=500, maxPriceMicroPerKWh=100) for _ in range(40)] +
                                    [ledger.signed("p2", "Transfer", to="p3", amountNano=1) for _ in range(980)])
            self.assertEqual({r["verdict"] for r in results}, {"ok"})
            cut = [r for r in results if r.get("cut")]
            print(f"\n{len(json.dumps(results))} bytes, {len(cut)} of {len(results)} results without their lists", flush=True)
            self.assertTrue(cut)
            self.assertEqual(cut[0]["trades"], [])
            whole = ledger.call("transaction", id=cut[0]["id"])
            self.assertTrue(whole["balances"])
            trades, before = 0, None
            while before != "":  # a block with more trades than a page
                page = ledger.call("trades", count=500, **({"before": before} if before else {}))
                trades, before = trades + len(page["trades"]), page["next"]
                self.assertLessEqual(len(page["trades"]), 500)
            self.assertEqual(trades, 20000)


class Secrets(unittest.TestCase):
    def test_no_key_is_told(self):
        with Ledger() as ledger:
            ledger.act("p1", "Transfer", to="c1", amountNano=1)
            self.assertNotIn(secret_of("sealer")[2:], ledger.processes["ledgerd"].log())


if __name__ == "__main__":
    unittest.main()
