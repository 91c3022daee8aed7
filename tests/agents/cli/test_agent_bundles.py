#!/usr/bin/env python3
"""busbar agent pack, sign, verify, signers, run: bundles as files, with archives that other programs made and signatures of other
wallets. No broker."""
import hashlib
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/ledger/npm"))
import wallets

BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin")
PATIENCE_S = 60
MANIFEST = {"version": 1, "name": "clock", "release": "1.0.0", "summary": "tells the time", "command": ["./run", "--often"],
            "publish": ["clock/"], "subscribe": [""], "capabilities": ["edit"],
            "config": {"type": "object", "properties": {"every_s": {"type": "integer", "minimum": 1, "default": 5}},
                       "additionalProperties": False}}
SECRET = "0x" + "11" * 31 + "42"
SIGNER = "0x718faE2E5c6Ba915a210B7f6e85246dB915b9C03"


class Case(unittest.TestCase):
    """A home, a folder of an agent beside it, and a passphrase in a file."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        self.home, self.agent, self.bundle = self.top / "home", self.top / "clock", self.top / "clock-1.0.0.agent"
        (self.agent / "lib").mkdir(parents=True)
        self.manifest()
        (self.agent / "run").write_text("#!/bin/sh\nexec sleep 60\n")
        (self.agent / "run").chmod(0o755)
        (self.agent / "lib/zones").write_text("UTC\n")
        (self.top / "passphrase").write_text("open\n")

    def manifest(self, **changes):
        (self.agent / "manifest.json").write_text(json.dumps({**MANIFEST, **changes}, indent=1) + "\n")

    def busbar(self, *words, given=""):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}
        done = subprocess.run([BIN / "busbar", *map(str, words)], input=given, capture_output=True, text=True, cwd=self.top,
                              timeout=PATIENCE_S, check=False, start_new_session=True,
                              env={**clean, "BUSBAR_HOME": str(self.home), "BUSBAR_PASSPHRASE_FILE": str(self.top / "passphrase")})
        return done.returncode, done.stdout, done.stderr

    def well(self, *words, **options):
        code, out, err = self.busbar(*words, **options)
        self.assertEqual((code, err), (0, ""), words)
        return json.loads(out) if "--json" in words else out

    def refused(self, code, part, *words, **options):
        got, out, err = self.busbar(*words, **options)
        self.assertEqual(got, code, f"{words}: {out}{err}")
        self.assertIn(part, err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual(out, "")

    def key(self, name="us", secret=SECRET):
        self.busbar("key", "import", name, "-", "--light", given=secret[2:] + "\n")

    def signed(self):
        self.key()
        self.well("agent", "pack", self.agent)
        self.well("agent", "sign", self.bundle)


class Packing(Case):
    def test_the_same_files_make_the_same_bytes(self):
        told = self.well("agent", "pack", self.agent, "--json")
        first = self.bundle.read_bytes()
        self.assertEqual((told["version"], told["name"], told["release"], told["files"], told["signer"], told["bytes"]),
                         (1, "clock", "1.0.0", 3, None, len(first)))
        self.assertEqual(told["manifest"], json.loads((self.agent / "manifest.json").read_text()))
        again = self.top / "again"
        shutil.copytree(self.agent, again)
        for path in again.rglob("*"):
            os.utime(path, (1, 1))
            if path.is_file():
                path.chmod(0o700 if path.name == "run" else 0o600)
        self.well("agent", "pack", again, "-o", self.top / "b")
        self.assertEqual((self.top / "b").read_bytes(), first)

    def test_other_programs_read_it(self):
        """Python's tarfile sees what docs/platform.md says; the digest is the SHA-256 of `contents`."""
        told = self.well("agent", "pack", self.agent, "--json")
        with tarfile.open(self.bundle) as archive:
            names = archive.getnames()
            contents = archive.extractfile("contents").read()
            members = archive.getmembers()
        self.assertEqual(names, ["manifest.json", "contents", "lib/zones", "run"])
        self.assertEqual(hashlib.sha256(contents).hexdigest(), told["digest"])
        self.assertEqual({(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members}, {(0, 0, 0, "", "")})
        lines = [line.split(" ") for line in contents.decode().splitlines()]
        self.assertEqual([line[1:] for line in lines][0:1], [["0644", "4", "lib/zones"]])
        self.assertEqual([line[3] for line in lines], ["lib/zones", "manifest.json", "run"])
        for digest, _, _, name in lines:
            self.assertEqual(digest, hashlib.sha256((self.agent / name).read_bytes()).hexdigest())

    def test_people_are_told(self):
        out = self.well("agent", "pack", self.agent)
        for part in ("packed clock-1.0.0.agent", "clock 1.0.0, tells the time", "signed by    nobody", "publishes    clock/",
                     "hears        every topic", "capabilities edit", "256 MB"):
            self.assertIn(part, out)

    def test_not_into_itself(self):
        for path in (self.agent / "x.agent", self.agent / "lib/x.agent", "clock/x.agent", "clock/lib/../x"):
            self.refused(2, "lies in the folder itself", "agent", "pack", self.agent, "-o", path)
        self.well("agent", "pack", self.agent, "-o", self.top / "clock.agent")
        self.assertEqual(sorted(p.name for p in self.agent.iterdir()), ["lib", "manifest.json", "run"])

    def test_refusals(self):
        self.refused(3, "nowhere: No such file", "agent", "pack", "nowhere")
        self.refused(2, "argument is missing", "agent", "pack")
        self.manifest(nom=1)
        self.refused(2, "manifest.json:30: unknown key \"nom\"", "agent", "pack", self.agent)
        self.manifest(command=["./gone"])
        self.refused(2, "\"./gone\" is the command, but not a file of the bundle", "agent", "pack", self.agent)
        self.manifest()
        (self.agent / "link").symlink_to("/etc/passwd")
        self.refused(2, "\"link\" is a link", "agent", "pack", self.agent)
        (self.agent / "link").unlink()
        (self.agent / "manifest.json").unlink()
        self.refused(3, "no manifest.json", "agent", "pack", self.agent)
        self.assertEqual(list(self.top.glob("*.agent")), [])


class Signing(Case):
    def test_sign_and_verify(self):
        self.well("agent", "pack", self.agent)
        self.refused(5, "the bundle is not signed", "agent", "verify", self.bundle)
        self.refused(3, "busbar key new", "agent", "sign", self.bundle)
        self.key()
        told = self.well("agent", "sign", self.bundle, "--key", "us", "--json")
        self.assertEqual(told["signer"], SIGNER)
        self.refused(5, f"signed by {SIGNER}, whom nobody trusts here", "agent", "verify", self.bundle)
        self.well("agent", "signers", "add", "us")
        told = self.well("agent", "verify", self.bundle, "--json")
        self.assertEqual((told["signer"], told["file"]), (SIGNER, str(self.bundle)))
        with tarfile.open(self.bundle) as archive:
            self.assertEqual(archive.getnames()[2], "signature.json")

    def test_limited_to_names(self):
        self.signed()
        self.well("agent", "signers", "add", SIGNER, "--name", "us", "--agent", "meter", "--agent", "uart-*")
        self.refused(5, "not trusted with an agent named clock", "agent", "verify", self.bundle)
        self.well("agent", "signers", "add", SIGNER, "--agent", "clo*")
        self.well("agent", "verify", self.bundle)

    def test_unsigned_ones_when_the_home_says_so(self):
        self.well("agent", "pack", self.agent)
        self.home.mkdir()
        (self.home / "signers.json").write_text('{"version":1,"signers":[],"unsigned":true}')
        self.assertIsNone(self.well("agent", "verify", self.bundle, "--json")["signer"])
        self.assertIn("without a signature are taken", self.well("agent", "signers", "list"))

    def test_wrong_use(self):
        self.signed()
        self.refused(3, "no key", "agent", "sign", self.bundle, "--key", "nobody")
        self.refused(2, "130 hexadecimal digits", "agent", "sign", self.bundle, "--signature", "0x00")
        self.refused(2, "the signature is none", "agent", "sign", self.bundle, "--signature", "0x" + "00" * 65)
        self.refused(3, "gone.agent", "agent", "verify", "gone.agent")

    def test_damage(self):
        self.signed()
        self.well("agent", "signers", "add", "us")
        good = self.bundle.read_bytes()
        self.bundle.write_bytes(good.replace(b"exec sleep 60", b"exec sleep 61"))
        self.refused(7, "\"run\" has another hash", "agent", "verify", self.bundle)
        self.bundle.write_bytes(good + b"\0" * 512)
        self.refused(7, "bytes are hidden behind the end", "agent", "verify", self.bundle)
        self.bundle.write_bytes(good[:5000])
        self.refused(7, "", "agent", "verify", self.bundle)
        self.bundle.write_bytes(b"#!/bin/sh\n")
        self.refused(7, "no bundle", "agent", "verify", self.bundle)


class Hostile(Case):
    """Archives of Python's tarfile, in every format that it knows and with what it can put into them."""

    def archive(self, extra=(), form=tarfile.USTAR_FORMAT, mode="w"):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode=mode, format=form) as archive:
            for name, text in (("manifest.json", json.dumps(MANIFEST).encode()), ("contents", b"")):
                member = tarfile.TarInfo(name)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
            for member, text in extra:
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
        self.bundle.write_bytes(data.getvalue())

    def member(self, name, **changes):
        member = tarfile.TarInfo(name)
        for key, value in changes.items():
            setattr(member, key, value)
        return member

    def test_what_is_in_them(self):
        for part, member in (("\"../../etc/cron.d/x\" climbs out", self.member("../../etc/cron.d/x")),
                             ("\"/etc/cron.d/x\" has an absolute path", self.member("/etc/cron.d/x")),
                             ("\"x\" is a link", self.member("x", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
                             ("\"x\" is a link", self.member("x", type=tarfile.LNKTYPE, linkname="manifest.json")),
                             ("\"x\" is a device", self.member("x", type=tarfile.CHRTYPE, devmajor=1, devminor=3)),
                             ("\"x\" is a device", self.member("x", type=tarfile.FIFOTYPE)),
                             ("\"x/\" is a folder", self.member("x", type=tarfile.DIRTYPE)),
                             ("\"x\" has a mode other", self.member("x", mode=0o4755))):
            with self.subTest(part):
                self.archive([(member, b"")])
                self.refused(7, part, "agent", "verify", self.bundle)

    def test_their_formats(self):
        for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            for name in ("x", "n" * 200):
                if form == tarfile.USTAR_FORMAT and len(name) > 100:
                    continue
                with self.subTest(f"{form} {name[:3]}"):
                    self.archive([(self.member(name), b"y")], form)
                    self.refused(7, "", "agent", "verify", self.bundle)
        for mode in ("w:gz", "w:bz2", "w:xz"):
            self.archive(mode=mode)
            self.refused(7, "no bundle", "agent", "verify", self.bundle)


class Signers(Case):
    def test_list_add_remove(self):
        self.assertIn("Nobody's bundles are taken yet", self.well("agent", "signers", "list"))
        self.key()
        told = self.well("agent", "signers", "add", "us", "--json")
        self.assertEqual(told["signers"], [{"address": SIGNER, "name": "us", "agents": ["*"]}])
        other = "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
        self.well("agent", "signers", "add", other, "--name", "meters", "--agent", "meter")
        self.assertEqual(self.well("agent", "signers", "list", "--csv"),
                         f"address,name,agents\n{SIGNER},us,*\n{other},meters,meter\n")
        self.assertEqual((self.home / "signers.json").stat().st_mode & 0o777, 0o644)
        self.well("agent", "signers", "remove", "meters")
        self.refused(3, "is no signer", "agent", "signers", "remove", other)
        self.well("agent", "signers", "remove", "us")
        self.assertEqual(self.well("agent", "signers", "list", "--json"), {"version": 1, "signers": [], "unsigned": False})

    def test_refusals(self):
        self.home.mkdir()
        self.refused(2, "is no address", "agent", "signers", "add", "0x12")
        self.refused(3, "", "agent", "signers", "add", "nobody")
        self.refused(2, "\"No\" is no name of an agent", "agent", "signers", "add", SIGNER, "--agent", "No")
        (self.home / "signers.json").write_text('{"version":1,\n"signer":[]}')
        for words in (("list",), ("add", SIGNER), ("remove", SIGNER)):
            code, _, err = self.busbar("agent", "signers", *words)
            self.assertNotEqual(code, 0)
            self.assertIn("signers.json:2: unknown key", err)


class Wallets(Case):
    """What ethers 6 and viem sign is taken, and is what our key signs."""

    @classmethod
    def setUpClass(cls):
        wallets.require()

    def test_typed_data(self):
        self.well("agent", "pack", self.agent)
        document = json.loads(self.well("agent", "sign", self.bundle, "--typed-data"))
        made = json.loads(wallets.run("typed", given=[{"secret": SECRET, "document": document}]))[0]
        self.assertEqual(made["ethers"], made["viem"])
        plain = self.bundle.read_bytes()
        told = self.well("agent", "sign", self.bundle, "--signature", made["ethers"], "--json")
        self.assertEqual(told["signer"], SIGNER)
        by_wallet = self.bundle.read_bytes()
        self.bundle.write_bytes(plain)
        self.key()
        self.well("agent", "sign", self.bundle)
        self.assertEqual(self.bundle.read_bytes(), by_wallet)

    def test_another_bundles_signature(self):
        """The signature over another release is somebody's whom nobody knows."""
        self.well("agent", "pack", self.agent)
        document = json.loads(self.well("agent", "sign", self.bundle, "--typed-data"))
        document["message"]["release"] = "2.0.0"
        made = json.loads(wallets.run("typed", given=[{"secret": SECRET, "document": document}]))[0]
        told = self.well("agent", "sign", self.bundle, "--signature", made["viem"], "--json")
        self.assertNotEqual(told["signer"], SIGNER)
        self.refused(1, "busbar init makes a home", "agent", "signers", "add", SIGNER)
        self.home.mkdir()
        self.well("agent", "signers", "add", SIGNER)
        self.refused(5, "whom nobody trusts here", "agent", "verify", self.bundle)


class Help(Case):
    def test_every_verb(self):
        code, out, _ = self.busbar("help", "agent")
        self.assertEqual(code, 0)
        for verb in ("pack", "sign", "verify", "install", "list", "show", "start", "stop", "restart", "enable", "disable", "configure",
                     "remove", "logs", "stats", "run", "signers list", "signers add", "signers remove"):
            with self.subTest(verb):
                self.assertIn(f"agent {verb}", out)
                code, told, err = self.busbar("agent", *verb.split(), "--help")
                self.assertEqual((code, err), (0, ""))
                self.assertIn(f"usage: busbar agent {verb}", told)
                self.assertIn("Manual: busbar-agent(1)", told)

    def test_letters(self):
        self.assertIn("-f, --follow", self.well("agent", "logs", "-h"))
        self.assertIn("-o, --output FILE", self.well("agent", "pack", "-h"))
        self.refused(2, "--output needs a value", "agent", "pack", self.agent, "-o")

    def test_completion(self):
        code, out, _ = self.busbar("__complete", "--", "agent", "si")
        self.assertEqual(code, 0)
        self.assertIn("sign\t", out)
        self.assertIn("signers", out)


class Documentation(Case):
    """The examples of the documentation are taken as they stand."""

    def examples(self, path, start):
        text = (ROOT / path).read_text(encoding="utf-8")
        decoder = json.JSONDecoder()
        return [decoder.raw_decode(text, at.start())[0] for at in re.finditer(re.escape(start), text)]

    def test_manifests(self):
        for path in ("docs/platform.md", "docs/man/busbar-manifest.5.scd"):
            found = self.examples(path, '{"version":1,"name":"listener"')
            self.assertEqual(len(found), 1, path)
            (self.agent / "manifest.json").write_text(json.dumps(found[0]))
            shutil.copy(self.agent / "run", self.agent / "listener")
            self.assertEqual(self.well("agent", "pack", self.agent, "--json")["manifest"], found[0])

    def test_signers(self):
        text = (ROOT / "docs/man/busbar-signers.5.scd").read_text(encoding="utf-8")
        self.home.mkdir()
        (self.home / "signers.json").write_text(text.split("```")[1])
        self.assertEqual([s["name"] for s in self.well("agent", "signers", "list", "--json")["signers"]], ["us", "meters"])

    def test_the_examples_pack(self):
        for folder in ("python", "shell"):
            self.well("agent", "pack", ROOT / "agents/examples" / folder, "-o", self.top / folder)
        told = self.well("agent", "pack", BIN.parent / "examples/c", "-o", self.top / "c", "--json")
        self.assertEqual(told["name"], "counter")

    def test_the_examples_of_the_page(self):
        """Those of busbar-agent(1) that need no broker."""
        text = (ROOT / "docs/man/busbar-agent.1.scd").read_text(encoding="utf-8")
        lines = text.split("# EXAMPLES")[1].split("```")[1].strip().splitlines()
        self.key()
        done = 0
        for line in lines:
            words = shlex.split(line)[1:]
            if words[1] in ("pack", "sign", "signers"):
                self.well(*(str(ROOT / w) if w.startswith("agents/examples") else w for w in words))
                done += 1
        self.assertEqual(done, 3)
        self.well("agent", "verify", "clock-1.0.0.agent")


class Without(Case):
    """Where no broker runs."""

    def test_unreachable(self):
        self.busbar("init")
        for words in (("list",), ("show", "a"), ("start", "a"), ("stop", "a"), ("restart", "a"), ("enable", "a"), ("disable", "a"),
                      ("stats",), ("logs", "a"), ("remove", "a", "--yes")):
            with self.subTest(words[0]):
                self.refused(4, "vip.address", "agent", *words)
        self.signed()
        self.refused(4, "vip.address", "agent", "install", self.bundle, "--yes")
        self.refused(2, "--yes", "agent", "remove", "a")

    def test_run_refuses(self):
        self.refused(3, "nowhere", "agent", "run", "nowhere")
        self.refused(3, "busbar init --agent clock", "agent", "run", self.agent)
        self.busbar("init", "--agent", "clock")
        self.refused(4, "no broker runs", "agent", "run", self.agent)
        config = self.top / "c.json"
        config.write_text('{"every_s":0}')
        self.refused(2, "config: every_s: is less than the minimum, 1", "agent", "run", self.agent, "--config", config)
        self.manifest(command=["run"])
        self.refused(2, "\"command\" begins with", "agent", "run", self.agent)


if __name__ == "__main__":
    unittest.main()
