#!/usr/bin/env python3
"""Other people's wallets: ethers 6, viem and ox sign, seal and open beside our C, and nothing differs by a byte.

BUSBAR_SEED chooses the messages.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "npm"))
import wallets
from wallets import BIN, PATIENCE_S

SEED = int(os.environ.get("BUSBAR_SEED", "1"))
ROUNDS = 12
TYPES = 14
ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141


def ours(lines):
    """The answers of our C, a line each."""
    lines = list(lines)
    done = subprocess.run([BIN.parent / "tests/ledger_sign"], input="".join(f"{line}\n" for line in lines), capture_output=True, text=True,
                          timeout=PATIENCE_S, check=True)
    answers = done.stdout.splitlines()
    if len(answers) != len(lines):
        raise AssertionError(f"{len(lines)} lines in, {len(answers)} out: {done.stderr}")
    return answers


def setUpModule():
    print(f"test_wallets: seed {SEED}", flush=True)
    wallets.require()


class Signatures(unittest.TestCase):
    """Every type of action, at the borders of its members and at random."""

    @classmethod
    def setUpClass(cls):
        cls.cases = [json.loads(line) for line in wallets.run("cases", SEED, ROUNDS).splitlines()]

    def test_every_type_is_there(self):
        self.assertEqual(len({case["type"] for case in self.cases}), TYPES)
        self.assertEqual(len(self.cases), TYPES * ROUNDS)

    def test_ethers_and_viem_agree(self):
        for case in self.cases:
            self.assertEqual(case["ethers"], case["viem"], case)

    def test_separators(self):
        told = ours(f"separator {c['domain']['chainId']} {c['domain']['verifyingContract']} {c['domain']['salt']}" for c in self.cases)
        for case, separator in zip(self.cases, told):
            self.assertEqual(separator, case["separator"])

    def test_digests_and_signatures_are_the_same_bytes(self):
        lines = [f"sign {c['secret']} {c['separator']} {json.dumps({'type': c['type'], 'message': c['message']})}" for c in self.cases]
        for case, answer in zip(self.cases, ours(lines)):
            data, digest = answer.split()
            self.assertEqual(digest, case["ethers"]["digest"], case)
            words = 2 + 2 * (1 + 32 * len(case["message"]))
            self.assertEqual("0x" + data[words:words + 130], case["ethers"]["signature"], case)

    def test_who_signed_is_found(self):
        lines = [f"recover {c['separator']} " + json.dumps({"type": c["type"], "message": c["message"], "signature": c["viem"]["signature"]})
                 for c in self.cases]
        for case, answer in zip(self.cases, ours(lines)):
            self.assertEqual(answer, f"{case['address']} {case['ethers']['digest']}")

    def spoilt(self, spoil, separator=None):
        """What our C says to each case's signature after spoil(r, s, v)."""
        lines = []
        for case in self.cases:
            signature = case["ethers"]["signature"]
            r, s, v = spoil(int(signature[2:66], 16), int(signature[66:130], 16), int(signature[130:], 16))
            message = {"type": case["type"], "message": case["message"], "signature": f"0x{r:064x}{s:064x}{v:02x}"}
            lines.append(f"recover {separator or case['separator']} {json.dumps(message)}")
        return ours(lines)

    def test_twins_are_refused(self):
        self.assertEqual(set(self.spoilt(lambda r, s, v: (r, ORDER - s, 55 - v))), {"error: s is in the upper half"})

    def test_other_v_are_refused(self):
        for shift in (27, -27, 8, 35):
            self.assertEqual(set(self.spoilt(lambda r, s, v, shift=shift: (r, s, (v + shift) % 256))), {"error: v is neither 27 nor 28"})

    def test_another_chain_is_somebody_else(self):
        other = ours([f"separator 4242 0x00000000000000000000000000000000000b17e9 0x{'00' * 32}"])[0]
        for case, answer in zip(self.cases, self.spoilt(lambda r, s, v: (r, s, v), separator=other)):
            self.assertNotIn(case["address"], answer)


class Keystores(unittest.TestCase):
    """What one side seals, the other opens."""

    REQUESTS = [{"secret": "0x" + "11" * 31 + "42", "passphrase": "a passphrase"},
                {"secret": "0x" + "00" * 31 + "01", "passphrase": "été 2026 ☀"}]

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)

    def key(self, *words, given="", passphrase):
        file = self.home / "passphrase"
        file.write_text(passphrase)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}
        done = subprocess.run([BIN / "busbar", "key", *words], input=given, capture_output=True, text=True, check=False,
                              env={**clean, "BUSBAR_HOME": str(self.home), "BUSBAR_PASSPHRASE_FILE": str(file)}, timeout=PATIENCE_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_theirs_open_here(self):
        for number, request in enumerate(self.REQUESTS):
            for sealed in json.loads(wallets.run("seal", given=[request])):
                with self.subTest(sealed["maker"]):
                    self.key("import", f"a{number}", "-", "--light", given=sealed["json"], passphrase=request["passphrase"])
                    secret = self.key("export", f"a{number}", "--secret", passphrase=request["passphrase"])
                    self.assertEqual(secret.strip(), request["secret"])
                    (self.home / f"wallet/a{number}.json").unlink()

    def test_ours_open_there(self):
        exported = []
        for number, request in enumerate(self.REQUESTS):
            self.key("import", f"a{number}", "-", "--light", given=request["secret"], passphrase=request["passphrase"])
            exported.append({"json": self.key("export", f"a{number}", passphrase=""), "passphrase": request["passphrase"]})
        opened = json.loads(wallets.run("open", given=exported))
        self.assertEqual(opened, [{"ethers": request["secret"], "ox": request["secret"]} for request in self.REQUESTS])

    def test_personal_messages(self):
        texts = ["it is me", "", "été ☀\n", "x" * 1000]
        self.key("import", "alice", "-", "--light", given=self.REQUESTS[0]["secret"], passphrase="p")
        theirs = json.loads(wallets.run("texts", given=[{"secret": self.REQUESTS[0]["secret"], "text": text} for text in texts]))
        for text, answer in zip(texts, theirs):
            mine = self.key("sign", "alice", "--text", "-", given=text, passphrase="p").strip()
            self.assertEqual({"ethers": mine, "viem": mine}, answer, text)


if __name__ == "__main__":
    unittest.main()
