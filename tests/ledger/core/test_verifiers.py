"""The stand-alone verifiers of receipts, as people run them: busbar-verify-receipt, and receipt.mjs under Node;
and chain.mjs, which follows blocks.

The hashes and the recovery of the JavaScript are those of @noble's packages (tests/ledger/npm).
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "npm"))
import wallets
from wallets import BIN, FOLDER

VERIFY = BIN / "busbar-verify-receipt"
MAKE = BIN.parent / "tests" / "make-receipts"


class Verifiers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        subprocess.run([MAKE, cls.folder], check=True)
        cls.genesis = cls.folder / "genesis.bin"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def run_on(self, file, *options):
        return subprocess.run([VERIFY, file, *options], capture_output=True, text=True, check=False)

    def words(self):
        """The same trust in words: hash, chain id, contract."""
        raw = self.genesis.read_bytes()
        digest = subprocess.run(["sha256sum", self.genesis], capture_output=True, text=True, check=True).stdout.split()[0]
        return ["--genesis", "0x" + digest, "--chain-id", str(int.from_bytes(raw[4:12], "little")),
                "--contract", "0x" + raw[12:32].hex()]

    def test_good_files(self):
        for name in ("alone.bin", "under-head.bin", "text.bin"):
            done = self.run_on(self.folder / name, "--genesis-file", self.genesis)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
            self.assertIn(": good\n", done.stdout)
            self.assertIn("In block 4, transaction", done.stdout)
            self.assertNotIn("\x1b", done.stdout)
            self.assertNotIn("--sealer", done.stdout)

    def test_trust_in_words(self):
        done = self.run_on(self.folder / "under-head.bin", *self.words())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("You named no --sealer", done.stdout)
        for at, value in ((1, "0x" + "00" * 32), (3, "7"), (5, "0x" + "11" * 20)):
            words = self.words()
            words[at] = value
            done = self.run_on(self.folder / "under-head.bin", *words)
            self.assertEqual((done.returncode, done.stdout), (1, ""), words)
            self.assertIn("refused: ", done.stderr)
        done = self.run_on(self.folder / "alone.bin", *self.words(), "--sealer", "0x" + "11" * 20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("sealer", done.stderr)

    def test_a_flipped_bit_here_and_there(self):
        good = (self.folder / "under-head.bin").read_bytes()
        bad = self.folder / "bad.bin"
        for at in range(0, len(good), 37):
            bad.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:])
            done = self.run_on(bad, "--genesis-file", self.genesis)
            self.assertEqual((done.returncode, done.stdout), (1, ""), f"byte {at}")
            self.assertIn("refused: ", done.stderr)

    def test_files_that_are_none(self):
        for content in (b"", b"x", b"\0" * 300_000):
            bad = self.folder / "none.bin"
            bad.write_bytes(content)
            done = self.run_on(bad, "--genesis-file", self.genesis)
            self.assertEqual(done.returncode, 1)
            self.assertIn("these are not the bytes of a receipt file", done.stderr)
        self.assertEqual(self.run_on("/nonexistent", "--genesis-file", self.genesis).returncode, 2)
        done = self.run_on(self.folder / "alone.bin", "--genesis-file", self.folder / "alone.bin")
        self.assertEqual(done.returncode, 2)
        self.assertIn("canonical bytes of a genesis", done.stderr)

    def test_usage(self):
        alone, words = self.folder / "alone.bin", self.words()
        for options in ([], words[:4], ["--genesis-file", self.genesis, *words], ["--genesis-file", self.genesis, "more"],
                        ["--nonsense"], ["--genesis", "0x12", *words[2:]], [*words[:2], "--chain-id", "-1", *words[4:]],
                        [*words, "--sealer", "nobody"]):
            self.assertEqual(self.run_on(alone, *options).returncode, 2, options)
        done = self.run_on("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_javascript(self):
        wallets.installed()
        for test in ("receipt_test.mjs", "chain_test.mjs"):
            done = subprocess.run(["node", HERE / test, self.folder, FOLDER], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(" 0 failed", done.stdout)


if __name__ == "__main__":
    unittest.main()
