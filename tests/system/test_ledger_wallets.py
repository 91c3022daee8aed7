#!/usr/bin/env python3
"""The ledger takes what ethers 6 and viem sign: every type of action, as a wallet sends it, through the bus; and what comes back
from the chain is what they signed."""
import json
import pathlib
import sys
import unittest

from ledger import ACTORS, USUAL, Ledger, secret_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ledger/npm"))
import wallets

TYPES = 14
WALLETS = ("ethers", "viem")


def setUpModule():
    wallets.require()


class Accepted(unittest.TestCase):
    def setUp(self):
        self.ledger = self.enterContext(Ledger())
        parameters = self.ledger.call("parameters")
        self.domain = {"name": "Bit-Energy", "version": "1", "chainId": parameters["chain_id"],
                       "verifyingContract": parameters["contract"], "salt": parameters["genesis"]}
        self.nonces, self.seen = {}, []

    def order(self, wallet, actor, kind, **members):
        """A request for the wallet: accounts are names, numbers become texts."""
        nonce = self.nonces.get(actor, 0)
        self.nonces[actor] = nonce + 1
        message = {ACTORS.get(kind, "operator"): self.ledger.signer.address(actor), "nonce": nonce, "deadline": 0, **USUAL.get(kind, {}),
                   **members}
        message = {name: str(value) if isinstance(value, int) else value for name, value in message.items()}
        return {"wallet": wallet, "secret": secret_of(actor), "domain": self.domain, "type": kind, "message": message}

    def submit(self, requests):
        """Signed by their wallets, sent as JSON; every one must be executed."""
        signatures = json.loads(wallets.run("sign", given=requests))
        sent = [{"type": r["type"], "message": r["message"], "signature": s} for r, s in zip(requests, signatures)]
        results = self.ledger.submit(sent)
        for transaction, result in zip(sent, results):
            self.assertEqual(result.get("verdict"), "ok", (transaction, result))
            self.seen.append((transaction, result["id"]))
        return results

    def everything(self, wallet, number):
        """All types once, in two steps: the second refers to what the first gave."""
        address = self.ledger.signer.address
        new, successor = f"new{number}", f"successor{number}"
        def order(*words, **members):
            return self.order(wallet, *words, **members)
        first = self.submit([
            order("operator", "Admit", participant=address(new), name=new, role=4),
            order("operator", "Mint", to=address(new), amountNano=1000000000, energyWh=10),
            order("operator", "SetMarket", state=0),
            order("edc", "SetLine", buyer=address("c1"), seller=address("p1"), capacityWh=5000),
            order("edc", "SetPolicy", mode=2, penaltyMicroPerKWh=1000, recipient=1),
            order("p1", "SellOrder", energyWh=6000, priceMicroPerKWh=98200),
            order("c1", "BuyOrder", energyWh=1000, maxPriceMicroPerKWh=100000),
            order(new, "Transfer", to=address("p2"), amountNano=5),
        ])
        sold, bought = first[5], first[6]
        self.assertEqual(len(bought["trades"]), 1)
        self.submit([
            order("p1", "UpdateOrder", order=int(sold["order"]), energyWh=4000, priceMicroPerKWh=98100),
            order("p1", "CancelOrder", order=int(sold["order"])),
            order("operator", "Correction", transaction=bought["id"], **{"from": address("p1")}, to=address("c1"), amountNano=98200000,
                  energyWh=0, reason="mesur\u00e9 deux fois"),
            order("operator", "Rekey", participant=address(new), successor=address(successor)),
            order("operator", "Revoke", participant=address(successor)),
            order("operator", "SetSealer", sealer=address("sealer")),
        ])

    def test_every_type_of_both_wallets(self):
        for number, wallet in enumerate(WALLETS):
            self.everything(wallet, number)
        self.assertEqual(len({transaction["type"] for transaction, _ in self.seen}), TYPES)
        self.assertEqual(len(self.seen), TYPES * len(WALLETS))
        for transaction, name in self.seen:
            found = self.ledger.call("transaction", id=name)
            self.assertEqual((found["type"], found["signature"]), (transaction["type"], transaction["signature"]))
            lower = {k: v.lower() if v.startswith("0x") else v for k, v in transaction["message"].items()}
            self.assertEqual({k: v.lower() if v.startswith("0x") else v for k, v in found["message"].items()}, lower)


if __name__ == "__main__":
    unittest.main()
