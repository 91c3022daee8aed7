#!/usr/bin/env python3
"""busbar access: the file as people and scripts edit it, with a broker and without, and what becomes of VOLTTRON's files."""
import base64
import concurrent.futures
import json
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin")
PATIENCE_S = 60


def key(number):
    """A public key in base64url: 32 bytes that tell `number`."""
    return base64.urlsafe_b64encode(bytes([number]) * 32).decode().rstrip("=")


def fnv1a(content):
    """How busbard names the rules that it has taken (bus/rules/rules.h)."""
    digest = 0xcbf29ce484222325
    for byte in content:
        digest = (digest ^ byte) * 0x100000001b3 % 2**64
    return digest


def fingerprint(text):
    code = base64.b32encode(base64.urlsafe_b64decode(text + "=")[:10]).decode()
    return "-".join(code[i:i + 4] for i in range(0, 16, 4))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.home = self.folder / "home"
        self.path = self.home / "access.json"
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith("BUSBAR_")}, "BUSBAR_HOME": str(self.home)}
        self.assertEqual(self.run_busbar("init")[0], 0)

    def run_busbar(self, *words):
        done = subprocess.run([BIN / "busbar", *map(str, words)], capture_output=True, text=True, env=self.environment,
                              timeout=PATIENCE_S, check=False)
        self.assertNotIn("Sanitizer", done.stderr)
        return done.returncode, done.stdout, done.stderr

    def access(self, *words, code=0):
        got, out, err = self.run_busbar("access", *words)
        self.assertEqual(got, code, out + err)
        return out if code == 0 else err

    def document(self):
        return json.loads(self.path.read_text())

    def entry(self, identity):
        [found] = [e for e in self.document()["entries"] if identity in e["identities"]]
        return found

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path


class Editing(Case):
    def test_approve_grant_revoke(self):
        self.access("approve", key(1), "--identity", "weather", "--identity", "weather.*", "--comment", "the roof")
        self.assertEqual(self.entry("weather"),
                         {"key": key(1), "identities": ["weather", "weather.*"], "publish": ["weather/", "heartbeat/weather"],
                          "subscribe": ["weather/"], "comment": "the roof"})
        out = json.loads(self.access("grant", "weather", "--publish", "devices/", "--publish", "record/", "--subscribe", "",
                                     "--capability", "admin", "--capability", 'edit={"identity":"weather"}', "--json"))
        self.assertEqual((out["changed"], out["dry_run"], out["broker"]), (True, False, "not-running"))
        self.assertEqual(out["entry"], self.entry("weather"))
        self.assertEqual(out["entry"]["publish"], ["weather/", "heartbeat/weather", "devices/", "record/"])
        self.assertEqual(out["entry"]["capabilities"], ["admin", {"edit": {"identity": "weather"}}])
        self.assertFalse(json.loads(self.access("grant", fingerprint(key(1)), "--publish", "record/", "--json"))["changed"])
        self.access("revoke", fingerprint(key(1))[:6].lower(), "--publish", "devices/", "--capability", "edit", "--identity", "weather.*")
        left = self.entry("weather")
        self.assertEqual((left["publish"], left["capabilities"], left["identities"]),
                         (["weather/", "heartbeat/weather", "record/"], ["admin"], ["weather"]))
        self.access("revoke", "weather", "--publish", "devices/", code=3)
        self.access("revoke", key(1))
        self.assertNotIn(key(1), self.path.read_text())
        self.access("revoke", key(1), code=3)

    def test_what_is_there_stays(self):
        before = self.document()
        before["note"] = {"of": ["ours", 1.5, None]}
        before["entries"][0].update({"owner": "é \u20ac", "comment": "by hand", "since": 12345678901234567})
        self.path.write_text(json.dumps(before))
        self.path.chmod(0o640)
        self.access("approve", key(2), "--identity", "x")
        after = self.document()
        self.assertEqual({**after, "entries": after["entries"][:-1]}, before)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)
        self.assertFalse((self.home / "access.json.new").exists())
        link = self.folder / "elsewhere.json"
        self.path.rename(link)
        self.path.symlink_to(link)
        self.access("grant", "x", "--publish", "y/")
        self.assertTrue(self.path.is_symlink(), "the file behind the link is the one that is replaced")
        self.assertIn("y/", self.entry("x")["publish"])

    def test_dry_run_and_refusals_write_nothing(self):
        before = self.path.read_bytes()
        out = self.access("approve", key(1), "--identity", "x", "--dry-run")
        self.assertIn(fingerprint(key(1)), out)
        self.assertIn("nothing is written", out)
        for words, code, says in ((("approve", key(1)), 2, "--identity"),
                                  (("approve", key(1), "--identity", "a b"), 2, "an identity must be"),
                                  (("approve", key(1), "--identity", "12", "--dry-run"), 2, "an identity must be"),
                                  (("approve", key(1), "--identity", "x", "--publish", "t" * 1025), 2, "1024"),
                                  (("approve", key(1), "--identity", "x", "--capability", "a=1"), 2, "parameters"),
                                  (("approve", self.entry("cli")["key"], "--identity", "x"), 6, "busbar access grant"),
                                  (("approve", "ABCD", "--identity", "x"), 4, ""),
                                  (("grant", "cli"), 2, "what?"),
                                  (("grant", "nobody", "--publish", "x"), 3, "busbar access list"),
                                  (("show", "nobody"), 3, "busbar access list"),
                                  (("revoke", "cli", "--publish", "x"), 3, "busbar access show cli"),
                                  (("grant", "cli", "--publish", "x", "--timeout", "never"), 2, "--timeout")):
            with self.subTest(words):
                self.assertIn(says, self.access(*words, code=code))
        self.assertEqual(self.path.read_bytes(), before)

    def test_a_file_that_the_broker_would_refuse_is_not_edited(self):
        for text, says in (("{", ":1:"), ('{"version":1,\n"entries":[\n{"key":"x"}]}', ":3: entry 1"), ("[]", "version")):
            self.path.write_text(text)
            for words in (("list",), ("grant", "cli", "--publish", "x"), ("approve", key(1), "--identity", "x")):
                self.assertIn(says, self.access(*words, code=2))
            self.assertEqual(self.path.read_text(), text)
        self.path.unlink()
        self.assertIn("busbar init", self.access("list", code=3))

    def test_two_entries_with_one_identity(self):
        self.access("approve", key(1), "--identity", "x")
        code, _, err = self.run_busbar("access", "approve", key(2), "--identity", "x")
        self.assertEqual(code, 0)
        self.assertIn("whichever connects first", err)
        self.assertIn("2 entries", self.access("revoke", "x", code=2))
        self.access("revoke", key(2))
        self.access("revoke", "x")

    def test_many_editors_at_once_lose_nothing(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda n: self.run_busbar("access", "approve", key(n), "--identity", f"agent{n}"), range(1, 17)))
        self.assertEqual({d[0] for d in done}, {0}, done)
        self.assertEqual({e["key"] for e in self.document()["entries"]} & {key(n) for n in range(1, 17)}, {key(n) for n in range(1, 17)})

    def test_list_and_show(self):
        entries = json.loads(self.access("list", "--json"))["entries"]
        self.assertEqual([{k: v for k, v in e.items() if k != "fingerprint"} for e in entries], self.document()["entries"])
        self.assertTrue(all(e["fingerprint"] == fingerprint(e["key"]) for e in entries))
        self.assertEqual(self.entry("cli")["capabilities"], ["admin", "agents"], "the command line looks after the bus")
        out = self.access("list")
        self.assertIn("cli, cli.*", out)
        shown = self.access("show", "cli")
        self.assertIn('publish       "" (every topic)', shown)
        self.assertEqual(json.loads(self.access("show", fingerprint(entries[0]["key"]), "--json"))["entry"], entries[0])
        document = self.document()
        document["entries"][0]["comment"] = "a\x1b[31mb\x07"
        self.path.write_text(json.dumps(document))
        self.assertNotIn("\x1b", self.access("list") + self.access("show", document["entries"][0]["key"]))


class WithBroker(Case):
    def setUp(self):
        super().setUp()
        self.log = (self.home / "log/busbard.log").open("wb")
        self.process = subprocess.Popen([BIN / "busbard", *(f"--{d}=ipc://{self.home}/run/{d}.sock" for d in ("vip", "sub", "pub"))],
                                        env=self.environment, stderr=self.log)
        self.addCleanup(self.stop)
        deadline = time.monotonic() + PATIENCE_S
        while not (self.home / "run/pub.address").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(PATIENCE_S), 0)
        self.log.close()
        self.assertFalse((self.home / "run/access.state").exists())

    def test_from_refused_to_approved_to_revoked(self):
        """A stranger is turned away, approved by its fingerprint, granted what it lacks, and let go."""
        elsewhere = self.folder / "stranger"
        address = (self.home / "run/vip.address").read_text().strip()
        self.environment["BUSBAR_HOME"] = str(elsewhere)
        self.assertEqual(self.run_busbar("init")[0], 0)
        stranger = json.loads((elsewhere / "keys/cli.json").read_text())["public"]

        def publish(topic, code):
            self.environment["BUSBAR_HOME"] = str(elsewhere)
            got, _, err = self.run_busbar("pub", topic, "1", "--address", address, "--as", "cli", "--timeout", "20")
            self.environment["BUSBAR_HOME"] = str(self.home)
            self.assertEqual(got, code, err)
            return err
        self.assertIn(f"busbar access approve {stranger}", publish("roof/x", 5))
        [item] = json.loads(self.access("pending", "--json"))["items"]
        self.assertEqual((item["what"], item["key"], item["door"]), ("key", stranger, "vip"))
        self.assertIn(f"busbar access approve {fingerprint(stranger)} --identity NAME", self.access("pending"))
        out = self.access("approve", fingerprint(stranger)[:9], "--identity", "roof")
        self.assertIn("the broker has the new rules", out)
        self.assertIn("identity cli", publish("roof/x", 5))
        self.assertIn("--identity cli", self.access("pending"))
        self.access("grant", "roof", "--identity", "cli")
        publish("roof/x", 0)
        publish("it's/$(x)", 5)
        publish("devices/roof", 5)
        shown = self.access("pending")
        self.assertIn(f"busbar access grant {fingerprint(stranger)} --publish devices/roof", shown)
        self.assertNotIn("--publish it's", shown, "what a shell would read otherwise is not offered")
        self.access("grant", fingerprint(stranger), "--publish", "devices/")
        publish("devices/roof", 0)
        self.access("revoke", "roof")
        publish("roof/x", 5)
        self.assertEqual([i["what"] for i in json.loads(self.access("pending", "--json"))["items"]].count("key"), 1)

    def test_who_has_got_a_key_may_come_at_once(self):
        for name in ("first", "second", "third"):
            self.assertEqual(self.run_busbar("init", "--agent", name)[::2], (0, ""))
            digest = json.loads((self.home / "run/access.state").read_text())["digest"]
            self.assertEqual(int(digest, 16), fnv1a(self.path.read_bytes()), name)

    def test_status_says_that_the_old_rules_hold(self):
        good = self.path.read_text()
        self.assertNotIn("old rules", self.run_busbar("status")[1])
        self.path.write_text(good.replace('"identities"', '"identity"', 1))
        deadline = time.monotonic() + PATIENCE_S
        while "the old rules hold" not in (out := self.run_busbar("status")[1]):
            self.assertLess(time.monotonic(), deadline)
        self.assertRegex(out, r'access\.json +\S+access\.json:\d: entry 1: "identities" is missing: the old rules hold')
        self.path.write_text(good)
        self.assertIn("in-force", self.access("grant", "cli", "--publish", "x", "--json"))
        self.assertNotIn("old rules", self.run_busbar("status")[1])

    def test_who_may_not_ask(self):
        self.access("revoke", "cli", "--capability", "admin")
        self.assertIn("--capability admin", self.access("pending", code=5))
        self.access("grant", "cli", "--capability", "admin")
        self.access("pending")

    def test_revoking_oneself_is_told_all_the_same(self):
        self.assertIn("the broker has the new rules", self.access("revoke", "cli"))
        self.access("pending", code=5)


AUTH = {"version": {"major": 1, "minor": 3}, "deny": [], "groups": {"ops": ["reader", "ghost"]},
        "roles": {"reader": ["read_all"], "writer": {"write": {"where": "x"}}}}


def allowed(**fields):
    return {"domain": "vip", "address": None, "mechanism": "CURVE", "credentials": key(1), "user_id": "u", "identity": None, "groups": [],
            "roles": [], "capabilities": {}, "rpc_method_authorizations": {}, "comments": None, "enabled": True, **fields}


class Import(Case):
    def auth(self, *entries, deny=(), name="auth.json"):
        return self.write(name, {**AUTH, "allow": list(entries), "deny": list(deny)})

    def imported(self, *words):
        out = json.loads(self.access("import", *words, "--json"))
        return out, {(line["about"], line["result"]): line["text"] for line in out["report"]}

    def test_auth(self):
        path = self.auth(
            allowed(identity="listener", user_id="l", capabilities={"edit_config_store": {"identity": "/.*/"}, "plain": None},
                    roles=["writer"], groups=["ops"], comments="ours", rpc_method_authorizations={"m": ["c"]}),
            allowed(credentials=key(2), user_id="forecaster", capabilities=["a", {"b": {"c": "d"}}]))
        out, report = self.imported(path)
        self.assertEqual(self.entry("listener"), {
            "key": key(1), "identities": ["listener"], "publish": ["listener/", "heartbeat/listener"], "subscribe": [], "comment": "ours",
            "capabilities": [{"edit_config_store": {"identity": "/.*/"}}, "plain", {"write": {"where": "x"}}, "read_all"]})
        self.assertEqual(self.entry("forecaster")["capabilities"], ["a", {"b": {"c": "d"}}])
        self.assertIn("role \"ghost\"", report["listener", "refused"])
        texts = [line["text"] for line in out["report"]]
        self.assertTrue(any("rpc_method_authorizations" in t for t in texts))
        self.assertTrue(any("user_id \"l\" is not used" in t for t in texts))
        self.assertTrue(any("its user_id is its identity" in t for t in texts))
        self.assertFalse(json.loads(self.access("import", path, "--json"))["changed"], "twice is once")

    def test_what_auth_refuses(self):
        cases = (("disabled", dict(enabled=False)), ("without a key", dict(mechanism="NULL")), ("every key", dict(credentials=None)),
                 ("regular expression", dict(credentials="/.*/")), ("no public key", dict(credentials="abc")),
                 ("another domain", dict(domain="other")), ("addresses", dict(address="127.0.0.1")), ("addresses", dict(address=["/127.*/"])),
                 ("regular expression", dict(identity="/listener.*/")), ("neither", dict(user_id="a b")), ("neither", dict(user_id=None)),
                 ("neither", dict(identity="12")))
        for says, fields in cases:
            with self.subTest(fields):
                out, _ = self.imported(self.auth(allowed(**fields)))
                [line] = out["report"]
                self.assertEqual(line["result"], "refused")
                self.assertIn(says, line["text"])
                self.assertFalse(out["changed"])
        out, _ = self.imported(self.auth(allowed(identity="x"), deny=[{"credentials": key(1)}, {"address": "/10.*/"}]))
        self.assertFalse(out["changed"])
        self.assertIn("denies its key", out["report"][0]["text"])
        out, _ = self.imported(self.auth(allowed(identity="x", capabilities=["admin", "a b", "a=b", {"c": 1}])))
        self.assertEqual([line["result"] for line in out["report"]].count("refused"), 4)
        self.assertNotIn("capabilities", self.entry("x"))
        self.access("grant", "x", "--publish", "y")
        out, _ = self.imported(self.auth(deny=[{"credentials": key(1)}]))
        self.assertIn("busbar access revoke", out["report"][0]["text"])

    def test_protected_topics(self):
        auth = self.auth(allowed(identity="may", capabilities=["p", "q"]), allowed(credentials=key(2), identity="may_not", capabilities=["p"]))
        topics = self.write("protected_topics.json", {"write-protect": [
            {"topic": "foo", "capabilities": ["p", "q"]}, {"topic": "/devices\\/secret\\/.*/", "capabilities": ["q"]},
            {"topic": "/a[bc]/", "capabilities": ["p"]}, {"topic": "open", "capabilities": []}, {"topic": "x"}]})
        out, report = self.imported(topics, auth, "--publish", "devices/", "--publish", "record/", "--subscribe", "")
        self.assertEqual(self.entry("may")["publish"],
                         ["may/", "heartbeat/may", "devices/", "record/", "foo", "devices/secret/"])
        self.assertEqual(self.entry("may_not")["publish"], ["may_not/", "heartbeat/may_not", "record/"])
        self.assertEqual(self.entry("may_not")["subscribe"], [""])
        self.assertIn('"devices/" would reach', report["may_not", "refused"])
        self.assertIn("no plain beginning", report["/a[bc]/", "refused"])
        self.assertIn('"foo…"', report["foo", "note"])
        self.assertIn("does not say", report["x", "refused"])
        self.assertTrue(any(line["about"] == "cli" and "may publish the protected topic" in line["text"] for line in out["report"]),
                        "what a present grant reaches is told")

    def test_keystore_and_known_hosts(self):
        store = self.write("keystores/listener/keystore.json", {"public": key(3), "secret": key(4)})
        hosts = self.write("known_hosts", {"192.0.2.1:22916": key(5), "@": key(6)})
        out, report = self.imported(store, hosts)
        self.assertEqual(self.entry("listener")["key"], key(3))
        self.assertNotIn(key(4), self.path.read_text() + json.dumps(out), "the secret goes nowhere")
        self.assertIn(f"tcp://192.0.2.1:22916?serverkey={key(5)}", report["192.0.2.1:22916", "note"])
        self.assertNotIn(key(5), self.path.read_text())
        bare = self.write("a b/keystore", {"public": key(7), "secret": key(4)})
        self.assertIn("give --identity", self.imported(bare)[0]["report"][0]["text"])
        self.access("import", bare, "--identity", "named")
        self.assertEqual(self.entry("named")["key"], key(7))

    def test_nothing_half_done(self):
        good = self.auth(allowed(identity="x"))
        before = self.path.read_bytes()
        for content, says in (("{", ":1:"), ("[]", "it is no keystore"), ("{}", "it is no keystore"), ('{"a":1}', "it is no keystore"),
                              ('{"allow":[],"version":{"major":2}}', "version 1"), ('{"allow":[]}', "version 1"), ("\0", ":1:"),
                              ('{"allow":[],"allow":[]}', "duplicate")):
            with self.subTest(content):
                self.assertIn(says, self.access("import", good, self.write("bad", content), code=2))
                self.assertEqual(self.path.read_bytes(), before)
        self.access("import", good, self.folder / "nowhere", code=3)
        out = self.access("import", good, "--dry-run")
        self.assertIn("granted  x", out)
        self.assertEqual(self.path.read_bytes(), before)
        self.access("import", self.write("commented", "# made by hand\n" + json.dumps({**AUTH, "allow": [allowed(identity="a#b")]}) + " # end"))
        self.assertEqual(self.path.read_bytes(), before, "a#b is no identity")
        self.access("import", good)
        self.assertEqual(self.entry("x")["key"], key(1))


if __name__ == "__main__":
    unittest.main()
