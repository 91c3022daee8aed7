#!/usr/bin/env python3
"""busbar key: the wallet as people and scripts use it. No broker, no ledger; a pseudo-terminal where one is asked."""
import json
import os
import pathlib
import pty
import select
import signal
import stat
import subprocess
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin")
PATIENCE_S = 60

SECRET = "11" * 31 + "42"
ADDRESS = "0x718faE2E5c6Ba915a210B7f6e85246dB915b9C03"
# A digest and its signature, and texts with theirs: made by ethers 6.
DIGEST = "0x123998c6cb405c06deee157063552e8bd313aeac660a4721c93a68e719d99db2"
SIGNATURE = ("0x4da812808dad86fdcbfbb6a8e9e1ef92f59137a7fa6349c38cf76c07772b7b3b"
             "30e6c711d941cf7f09b51ed26093082ab0ebec0426e29b83cd85dab18dbd87971b")
TEXTS = (("it is me", "0xa4bffe0a18dd645ad94e4095a39493d37768625b35862fe7fce6bc35aa04cb69",
          "0x39442a9529da6d8722cc2c05f143c3eec35d4f3732d12941d1865b49c7694665"
          "35aee6730e2b6d753878319fd61ed3f2ab710f10302f653507fac5e7c080c86e1c"),
         ("", "0x5f35dce98ba4fba25530a026ed80b2cecdaa31091ba4958b99b52ea1d068adad",
          "0xce1dead2edd6ac332d68ee5d7d7b045940e41eac0b9a1f04ddda52cef79ac25a"
          "0ff6ca55f4f445da99f76b16ac5bb05878b00219c7c57578709a3cb3eb2f976c1b"),
         ("é\n", "0x329c23ca87cdce0e66a7fc7c94e7102bdca6a6dc9554c0679d1c4e4e35dcbcb0",
          "0x990c73cff1024a2d4ae8d3f80ab0fff44f6e316374899525640223dee68850d7"
          "4ac958f17e2df4f4349659214fc8a740241d7643a7b29d561a4cfd08e92564051b"))
# The second vector of the Web3 Secret Storage Definition.
PBKDF2 = {"crypto": {"cipher": "aes-128-ctr", "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
                     "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46", "kdf": "pbkdf2",
                     "kdfparams": {"c": 262144, "dklen": 32, "prf": "hmac-sha256",
                                   "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
                     "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
          "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6", "version": 3}


def environment(home, **more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}
    return {**clean, "BUSBAR_HOME": str(home), **more}


class Case(unittest.TestCase):
    """A home of its own, and a file with a passphrase."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name) / "home"
        self.passphrase = pathlib.Path(folder.name) / "passphrase"
        self.passphrase.write_text("a long passphrase\nand what is not read\n")

    def key(self, *words, given=None, passphrase=True):
        """Runs `busbar key`, without a terminal; (exit code, standard output, standard error)."""
        more = {"BUSBAR_PASSPHRASE_FILE": str(self.passphrase)} if passphrase else {}
        done = subprocess.run([BIN / "busbar", "key", *map(str, words)], input="" if given is None else given,
                              capture_output=True, text=True, env=environment(self.home, **more), timeout=PATIENCE_S,
                              check=False, start_new_session=True)
        return done.returncode, done.stdout, done.stderr

    def done(self, *words, **options):
        code, out, err = self.key(*words, **options)
        self.assertEqual((code, err), (0, ""), words)
        return out

    def refused(self, expected, *words, **options):
        """Refused with that exit code, nothing on standard output; what standard error says."""
        code, out, err = self.key(*words, **options)
        self.assertEqual((code, out), (expected, ""), (words, err))
        self.assertTrue(err.startswith(f"busbar key {words[0]}: "), err)
        return err

    def have_alice(self):
        self.done("import", "alice", "-", "--light", given=SECRET + "\n")

    def files(self):
        folder = self.home / "wallet"
        return sorted(os.listdir(folder)) if folder.exists() else []


class Wallet(Case):
    def test_new_list_show(self):
        self.assertEqual(json.loads(self.done("list", "--json")), {"version": 1, "keys": []})
        made = json.loads(self.done("new", "bob", "--light", "--json"))
        self.have_alice()
        shown = json.loads(self.done("show", "bob", "--json"))
        self.assertEqual(made, shown)
        self.assertEqual(json.loads(self.done("show", made["address"], "--json")), shown)
        self.assertEqual(json.loads(self.done("show", made["address"].lower(), "--json")), shown)
        listed = json.loads(self.done("list", "--json"))["keys"]
        self.assertEqual([(k["name"], k["address"]) for k in listed], [("alice", ADDRESS), ("bob", made["address"])])
        self.assertIn(ADDRESS, self.done("list"))
        self.assertIn(ADDRESS, self.done("show", "alice"))

    def test_the_standard_cost_is_geths(self):
        self.done("new", "slow")
        params = json.loads(self.done("export", "slow"))["crypto"]["kdfparams"]
        self.assertEqual((params["n"], params["r"], params["p"], params["dklen"]), (131072, 8, 1, 32))
        self.done("sign", "slow", DIGEST)

    def test_modes(self):
        self.have_alice()
        self.assertEqual(stat.S_IMODE((self.home / "wallet").stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.home / "wallet/alice.json").stat().st_mode), 0o600)
        (self.home / "wallet/alice.json").chmod(0o640)
        self.assertIn("chmod 600", self.refused(5, "sign", "alice", DIGEST))
        self.assertIn("chmod 600", self.refused(5, "export", "alice"))

    def test_nothing_is_overwritten(self):
        self.have_alice()
        before = (self.home / "wallet/alice.json").read_bytes()
        self.assertIn("never overwritten", self.refused(1, "new", "alice", "--light"))
        self.refused(1, "import", "alice", "-", given=SECRET)
        self.assertEqual((self.home / "wallet/alice.json").read_bytes(), before)
        self.assertEqual(self.files(), ["alice.json"])

    def test_of_two_at_once_one_wins(self):
        command = [BIN / "busbar", "key", "new", "race", "--light", "--json"]
        runs = [subprocess.Popen(command, env=environment(self.home, BUSBAR_PASSPHRASE_FILE=str(self.passphrase)),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)]
        told = [run.communicate(timeout=PATIENCE_S)[0] for run in runs]
        self.assertEqual(sorted(run.returncode for run in runs), [0, 1, 1, 1, 1, 1])
        winner = json.loads("".join(told))
        self.assertEqual(winner, json.loads(self.done("show", "race", "--json")))
        self.assertEqual(self.files(), ["race.json"])

    def test_names(self):
        for name in ("", ".hidden", "a/b", "../a", "a b", "0xabc", "é", "a" * 65, "a\n"):
            with self.subTest(name):
                self.refused(2, "new", name, "--light")
        self.refused(2, "new", "--light", "--", "-a")
        self.assertEqual(self.files(), [])
        self.done("new", "a" * 64, "--light")

    def test_what_is_not_there(self):
        for words in (("show", "nobody"), ("export", "nobody"), ("sign", "nobody", DIGEST), ("show", ADDRESS)):
            self.refused(3, *words)
        self.assertIn("checksum", self.refused(2, "show", ADDRESS.replace("a", "A")))

    def test_strangers_in_the_folder(self):
        self.have_alice()
        (self.home / "wallet/notes.txt").write_text("x")
        (self.home / "wallet/broken.json").write_text("{")
        (self.home / "wallet/broken.json").chmod(0o600)
        listed = json.loads(self.done("list", "--json"))["keys"]
        self.assertEqual([(k["name"], k["address"]) for k in listed], [("alice", ADDRESS), ("broken", None)])
        self.refused(2, "sign", "broken", DIGEST)


class Passphrase(Case):
    def test_a_wrong_one(self):
        self.have_alice()
        self.passphrase.write_text("another")
        self.assertIn("passphrase is wrong", self.refused(5, "sign", "alice", DIGEST))

    def test_without_a_terminal_it_says_what_to_give(self):
        self.assertIn("--passphrase-file", self.refused(2, "new", "alice", passphrase=False))
        self.assertEqual(self.files(), [])

    def test_the_option_wins_over_the_environment(self):
        self.have_alice()
        other = self.passphrase.with_name("other")
        other.write_text("wrong\r\n")
        self.refused(5, "sign", "alice", DIGEST, "--passphrase-file", other)
        other.write_text("a long passphrase\r\n")
        self.assertEqual(self.done("sign", "alice", DIGEST, "--passphrase-file", other).strip(), SIGNATURE)
        self.done("sign", "alice", DIGEST, "--passphrase-file", "-", given="a long passphrase")

    def test_bounds(self):
        self.passphrase.write_text("")
        self.assertIn("empty", self.refused(2, "new", "alice", "--light"))
        self.passphrase.write_text("a" * 1025)
        self.assertIn("1024", self.refused(2, "new", "alice", "--light"))
        self.passphrase.write_text("a" * 100000)
        self.refused(2, "new", "alice", "--light")
        self.passphrase.unlink()
        self.refused(3, "new", "alice", "--light")
        self.assertEqual(self.files(), [])


class Terminal(Case):
    """A pseudo-terminal: what is typed is not shown, and the terminal is as before."""

    def start(self, *words):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execve(BIN / "busbar", ["busbar", "key", *words], environment(self.home))
        self.addCleanup(os.close, self.terminal)
        self.shown = ""
        return pid

    def wait_for(self, text):
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                self.fail(f"{text!r} does not come: {self.shown!r}")
            try:
                got = os.read(self.terminal, 4096)
            except OSError:
                got = b""
            if not got:
                self.fail(f"{text!r} does not come: {self.shown!r}")
            self.shown += got.decode()

    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def end(self, pid):
        while True:
            try:
                got = os.read(self.terminal, 4096)
            except OSError:
                got = b""
            if not got:
                break
            self.shown += got.decode()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def type(self, text):
        os.write(self.terminal, text.encode())

    def test_new_asks_twice(self):
        pid = self.start("new", "alice", "--light", "--json")
        self.wait_for("new passphrase for alice: ")
        self.assertFalse(self.echoes())
        self.type("typed é\n")
        self.wait_for("again for alice: ")
        self.type("typed é\n")
        self.wait_for('"file"')
        self.assertEqual(self.end(pid), 0)
        self.assertNotIn("typed", self.shown)
        self.passphrase.write_text("typed é")
        self.done("sign", "alice", DIGEST)

    def test_two_that_differ_make_nothing(self):
        pid = self.start("new", "alice", "--light")
        self.wait_for("new passphrase for alice: ")
        self.type("one\n")
        self.wait_for("again for alice: ")
        self.type("two\n")
        self.wait_for("differ")
        self.assertEqual(self.end(pid), 2)
        self.assertEqual(self.files(), [])

    def test_opening_asks_once(self):
        self.have_alice()
        pid = self.start("sign", "alice", DIGEST)
        self.wait_for("passphrase for alice: ")
        self.type("a long passphrase\n")
        self.wait_for(SIGNATURE)
        self.assertEqual(self.end(pid), 0)
        self.assertNotIn("a long", self.shown)

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            pid = self.start("new", "alice", "--light")
            self.wait_for("new passphrase for alice: ")
            self.type("half")
            os.kill(pid, number)
            self.wait_for("interrupted")
            self.assertTrue(self.echoes())
            self.assertEqual(self.end(pid), 130)
            self.assertEqual(self.files(), [])

    def test_control_d(self):
        pid = self.start("new", "alice", "--light")
        self.wait_for("new passphrase for alice: ")
        self.type("\x04")
        self.wait_for("no passphrase")
        self.assertEqual(self.end(pid), 1)


class Import(Case):
    def test_digits(self):
        for number, text in enumerate((SECRET, "0x" + SECRET, f" {SECRET.upper()}\r\n")):
            file = self.passphrase.with_name("digits")
            file.write_text(text)
            made = json.loads(self.done("import", f"a{number}", file, "--light", "--json"))
            self.assertEqual(made["address"], ADDRESS)
            self.assertEqual(self.done("export", f"a{number}", "--secret"), f"0x{SECRET}\n")

    def test_a_keystore_keeps_its_passphrase(self):
        self.have_alice()
        exported = self.done("export", "alice")
        self.assertEqual(json.loads(exported)["address"], ADDRESS[2:].lower())
        self.done("import", "again", "-", "--light", given=exported)
        self.assertEqual(self.done("sign", "again", DIGEST), SIGNATURE + "\n")
        self.assertNotIn(SECRET, exported)

    def test_the_published_keystore(self):
        self.passphrase.write_text("testpassword\n")
        made = json.loads(self.done("import", "web3", "-", "--light", "--json", given=json.dumps(PBKDF2)))
        self.assertEqual(made["address"].lower(), "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b")
        self.assertEqual(self.done("export", "web3", "--secret"),
                         "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d\n")

    def test_what_is_no_key(self):
        order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        for text in ("", "x", SECRET[:-1], SECRET + "0", "00" * 32, order, "{", "{}", "[]", SECRET + "\n" + SECRET, "\0" * 64, SECRET + "\0x"):
            with self.subTest(text[:20]):
                self.refused(2, "import", "bad", "-", given=text)
        self.refused(2, "import", "bad", "-", given=" " * 70000 + SECRET)
        self.refused(3, "import", "bad", self.home / "nothing")
        self.assertEqual(self.files(), [])

    def test_a_wrong_passphrase_or_a_hostile_cost_makes_nothing(self):
        self.refused(5, "import", "bad", "-", given=json.dumps(PBKDF2))
        hostile = json.loads(json.dumps(PBKDF2))
        hostile["crypto"]["kdf"] = "scrypt"
        hostile["crypto"]["kdfparams"] = {"n": 2**30, "r": 8, "p": 1, "dklen": 32, "salt": "00"}
        self.assertIn("kdfparams", self.refused(2, "import", "bad", "-", given=json.dumps(hostile)))
        self.assertEqual(self.files(), [])

    def test_one_standard_input_is_not_two(self):
        self.refused(2, "import", "bad", "-", "--passphrase-file", "-", given=SECRET)


class Sign(Case):
    def setUp(self):
        super().setUp()
        self.have_alice()

    def test_a_digest(self):
        self.assertEqual(self.done("sign", "alice", DIGEST), SIGNATURE + "\n")
        told = json.loads(self.done("sign", ADDRESS, DIGEST, "--json"))
        self.assertEqual(told, {"version": 1, "address": ADDRESS, "digest": DIGEST, "signature": SIGNATURE})

    def test_what_is_no_digest(self):
        for word in ("hello", DIGEST[2:], DIGEST[:-1], DIGEST + "00", "-", ""):
            self.assertIn("--text", self.refused(2, "sign", "alice", word))

    def test_texts(self):
        for text, digest, signature in TEXTS:
            for words, given in ((["--text", "--", text], None), (["--text", "-"], text)):
                told = json.loads(self.done("sign", "alice", "--json", *words, given=given))
                self.assertEqual((told["digest"], told["signature"]), (digest, signature), repr(text))


if __name__ == "__main__":
    unittest.main()
