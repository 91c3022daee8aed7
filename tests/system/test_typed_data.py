#!/usr/bin/env python3
"""What `--dry-run` prints is the document that a wallet signs: ethers 6 and viem make the same digest of it, for every type of action."""
import pathlib
import sys
import unittest

from test_market_cli import STRANGER, ZERO, Town

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ledger/npm"))
import wallets

# One action of each type, with amounts of every kind: fractions, negative, the largest, texts beyond ASCII.
ACTIONS = {
    "SellOrder": "sell --kwh 6.001 --price 9.8201 --expires 2030-01-01T00:00Z --key p1",
    "BuyOrder": "buy --kwh 9223372036854775.807 --max-price 0 --fill rest --interval 2030-01-01T00:00Z --key c1",
    "UpdateOrder": "market post update 1 --kwh 0.001 --price 0 --key p1",
    "CancelOrder": "market bid cancel b1 --key c1",
    "Transfer": "transfer p1 --cents 0.0000001 --key p2",
    "Admit": f"account admit zoë {STRANGER} --role meter --key operator",
    "Revoke": "account revoke p1 --key operator",
    "Rekey": f"account rekey p1 --to {STRANGER} --key operator",
    "Mint": "account mint p1 --cents 1000 --kwh 50 --key operator",
    "SetLine": "market line c1 p1 --unlimited --key edc",
    "SetPolicy": "market policy --mode penalty --penalty 0.1 --recipient seller --band-high 90 --interval-seconds 900 --gate-seconds 60 --key edc",
    "SetMarket": "market halt --key operator",
    "Correction": f"account correct {ZERO} --from p1 --to p2 --kwh 1 --reason ☀ --key operator",
    "SetSealer": f"chain sealer {STRANGER} --key operator",
}


def setUpModule():
    wallets.require()


class Digests(unittest.TestCase):
    def test_every_type(self):
        with Town() as town:
            told = {kind: town.well(*words.split(), "--dry-run", "--json") for kind, words in ACTIONS.items()}
        self.assertEqual(len(told), 14)
        digests = wallets.run("digests", given=[one["typed_data"] for one in told.values()])
        for (kind, one), digest in zip(told.items(), wallets.json.loads(digests)):
            with self.subTest(kind):
                self.assertEqual(one["typed_data"]["primaryType"], kind)
                self.assertEqual(digest, {"ethers": one["id"], "viem": one["id"], "domain": 5})


if __name__ == "__main__":
    unittest.main()
