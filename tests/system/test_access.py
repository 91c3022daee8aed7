#!/usr/bin/env python3
"""Who may do what on the bus, rule by rule and door by door, frame by frame over CURVE: without the right key nothing is learnt and
nothing is done; new rules hold at once and cost nobody else a message."""
import json
import time
import unittest

import zmq

from test_vip import CONTEXT, PATIENCE_MS, Broker, Peer, WithBroker, text_of

# How long nothing must come to count as nothing.
QUIET_MS = 250
IN_USE = ["error", "98", "another connection has this identity, and it answers"]
NOT_GRANTED = "this identity is not granted to the key of this connection"
EVERYTHING = {"aa": (["aa", "aa.*"], ["Data/", "heartbeat/"], ["Data/"]), "bb": (["bb"], [], [""]), "cc": (["cc.*"], [], [])}


def write_rules(broker, entries, capabilities=None):
    """access.json of broker.keys' names, written as an editor does: beside, then renamed."""
    rules = [{"key": text_of(broker.keys[name][0]), "identities": i, "publish": p, "subscribe": s,
              "capabilities": (capabilities or {"bb": ["admin"]}).get(name, [])} for name, (i, p, s) in entries.items()]
    fresh = broker.home / "access.json.fresh"
    fresh.write_text(json.dumps({"version": 1, "entries": rules}))
    fresh.rename(broker.home / "access.json")


def until(condition, what, wait_s=PATIENCE_MS / 1000):
    deadline = time.monotonic() + wait_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in time: {what}")
        time.sleep(0.02)
    return found


class Ruled(Broker):
    """Starts with EVERYTHING in force."""

    def grant(self, **_):
        write_rules(self, EVERYTHING)


class WithRules(WithBroker):
    """bb hears all and looks after the bus; aa may take aa and aa.*, publish and hear Data/; cc.* may do nothing more than be there."""

    def setUp(self):
        self.broker = Ruled()
        self.addCleanup(self.end)
        self.watcher = Peer(self.broker, "bb")

    def rule(self, entries, capabilities=None):
        """Puts rules in force."""
        before = self.state().get("digest")
        write_rules(self.broker, entries, capabilities)
        until(lambda: self.state().get("digest") != before, "the broker takes the rules")

    def state(self):
        try:
            return json.loads((self.broker.home / "run/access.state").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    def pending(self, **wanted):
        items = json.loads(self.watcher.query("busbar.pending").encode("latin-1"))["items"]
        return [i for i in items if all(i[k] == v for k, v in wanted.items())]

    def key(self, name):
        return text_of(self.broker.keys[name][0])

    def script(self, kind, key, *prefixes):
        s = self.broker.open(kind, key)
        for prefix in prefixes:
            s.subscribe(prefix)
        s.connect(self.broker.address["sub" if kind == zmq.SUB else "pub"])
        return s

    def hears(self, ear, wait_ms=QUIET_MS):
        return ear.recv_multipart() if ear.poll(wait_ms) else None

    def listen_until_heard(self, ear, mouth, topic=b"Data/x"):
        """Publishes until the subscriber hears: plain sockets do not say when they are connected."""
        for _ in range(PATIENCE_MS // 50):
            mouth.send_multipart([topic, b'{"message":0}'])
            if ear.poll(50):
                return ear.recv_multipart()
        raise AssertionError("not heard")

    def announced(self, identity):
        self.watcher.send("", "VIP1", "", "l", "peerlist", "list")
        return identity in self.watcher.answer("peerlist")[6:]


class WithoutTheRightKey(WithRules):
    def intrude(self, secure):
        """All that a connection can try on each door; returns its sockets."""
        talker, ear, mouth = (CONTEXT.socket(kind) for kind in (zmq.DEALER, zmq.SUB, zmq.PUB))
        for s in (talker, ear, mouth):
            self.broker.sockets.append(s)
            s.linger = 0
            secure(s)
        talker.setsockopt(zmq.IDENTITY, b"aa")
        ear.subscribe(b"")
        for s, door in ((talker, "vip"), (ear, "sub"), (mouth, "pub")):
            s.connect(self.broker.address[door])
        envelope = b'{"bus":"","headers":{},"message":1}'
        talker.sndtimeo = 0  # a client of another mechanism gives the address up as soon as it reads the broker's greeting
        own = ([b"hello", b"hello"], [b"peerlist", b"list"], [b"query", b"busbar.stats"],
               [b"pubsub", b"subscribe", b'{"prefix":"","bus":""}'], [b"pubsub", b"publish", b"Data/x", envelope], [b"agentstop", b"bb"])
        messages = [[b"", b"VIP1", b"aa", b"m", *frames] for frames in own] + [[b"bb", b"VIP1", b"aa", b"m", b"RPC", b"{}"]]
        try:
            for message in messages:
                talker.send_multipart(message)
        except zmq.Again:
            pass
        for _ in range(10):
            mouth.send_multipart([b"Data/x", b'{"message":1}'])
            time.sleep(0.02)
        return talker, ear, mouth

    def check_nothing(self, talker, ear, unauthorised):
        b = self.watcher
        b.subscribe("")
        granted = self.script(zmq.PUB, "aa")
        self.assertEqual(self.watcher_hears(granted)[6], "Data/real")
        self.assertIsNone(b.next(QUIET_MS), "nothing was done")
        for s in (talker, ear):
            self.assertFalse(s.poll(0), "nothing was learnt")
        self.assertFalse(self.announced("aa"))
        self.assertGreaterEqual(b.stats()["keys_refused"], unauthorised)

    def watcher_hears(self, mouth):
        while True:
            mouth.send_multipart([b"Data/real", b'{"message":1}'])
            if got := self.watcher.next(50):
                while (more := self.watcher.next(QUIET_MS)) and more[6] == "Data/real":
                    got = more
                self.assertIsNone(more)
                return got

    def test_a_key_without_an_entry(self):
        def secure(s):
            s.curve_serverkey = self.broker.keys["busbard"][0]
            s.curve_publickey, s.curve_secretkey = self.broker.keys["stranger"]
        talker, ear, _ = self.intrude(secure)
        until(lambda: self.pending(what="key"), "the key is pending")
        self.check_nothing(talker, ear, 1)
        [item] = self.pending(what="key")
        self.assertEqual((item["key"], item["address"]), (self.key("stranger"), "127.0.0.1"))
        self.assertRegex(item["fingerprint"], r"^([A-Z2-7]{4}-){3}[A-Z2-7]{4}$")
        self.assertGreaterEqual(item["times"], 1)
        self.assertEqual(len(self.broker.logged("key-refused")), 1, "once")

    def test_each_door_tells_a_refused_key(self):
        for name, kind, door in (("x", zmq.DEALER, "vip"), ("y", zmq.SUB, "sub"), ("z", zmq.PUB, "pub")):
            self.broker.keys[name] = zmq.curve_keypair()
            s = self.broker.open(kind, name)
            s.connect(self.broker.address[door])
            until(lambda: self.pending(what="key", key=self.key(name), door=door), f"{door} tells")

    def test_no_key_at_all(self):
        talker, ear, _ = self.intrude(lambda s: None)
        self.check_nothing(talker, ear, 0)
        self.assertEqual(self.pending(), [])

    def test_a_password_is_no_key(self):
        def secure(s):
            s.plain_username, s.plain_password = b"aa", b"aa"
        talker, ear, _ = self.intrude(secure)
        self.check_nothing(talker, ear, 0)

    def test_the_secret_of_another(self):
        """The public key of aa without its secret key."""
        def secure(s):
            s.curve_serverkey = self.broker.keys["busbard"][0]
            s.curve_publickey, s.curve_secretkey = self.broker.keys["aa"][0], self.broker.keys["stranger"][1]
        talker, ear, _ = self.intrude(secure)
        self.check_nothing(talker, ear, 0)


class Identities(WithRules):
    def refused(self, identity, key):
        """Says everything at once under an identity that the key may not take."""
        p = Peer(self.broker, identity, key=key, hello=False)
        p.send("", "VIP1", identity, "h", "hello", "hello")
        p.send("", "VIP1", identity, "p", "pubsub", "publish", "Data/x", '{"bus":"","headers":{},"message":1}')
        p.send("bb", "VIP1", identity, "r", "RPC", "{}")
        self.assertEqual(p.next(), ["", "VIP1", "", "h", "error", "-32001", NOT_GRANTED, "", "hello"])
        return p

    def test_an_identity_that_is_not_granted(self):
        self.watcher.subscribe("")
        for identity, key in (("aa", "cc"), ("cc", "cc"), ("aab", "aa"), ("router", "aa"), ("bb.1", "bb")):
            with self.subTest(identity):
                self.refused(identity, key)
                [item] = self.pending(what="identity", text=identity)
                self.assertEqual((item["key"], item["door"]), (self.key(key), "vip"))
                self.assertFalse(self.announced(identity))
        self.assertIsNone(self.watcher.next(QUIET_MS), "nothing was done for any of them")
        self.assertEqual(len(self.broker.logged("identity-refused")), 5)

    def test_a_thief_can_take_neither_the_name_nor_the_mail_of_a_live_agent(self):
        a = Peer(self.broker, "aa")
        thief = Peer(self.broker, "aa", key="cc", hello=False)
        for _ in range(20):
            thief.send("", "VIP1", "aa", "h", "hello", "hello")
            self.watcher.send("aa", "VIP1", "", "m", "RPC", "{}")
            self.assertEqual(a.next()[0], "bb")
        while heard := thief.next(QUIET_MS):
            self.assertEqual(heard, ["", "VIP1", "", "h", "error", "-32001", NOT_GRANTED, "", "hello"])

    def test_one_key_two_connections(self):
        """Two identities of a key live side by side; the same one twice leaves the first where it is."""
        one, two = Peer(self.broker, "aa"), Peer(self.broker, "aa.2")
        again = Peer(self.broker, "aa", hello=False)
        again.send("", "VIP1", "", "h", "hello", "hello")
        for peer, name in ((one, "aa"), (two, "aa.2")):
            self.watcher.send(name, "VIP1", "", "m", "RPC", "{}")
            self.assertEqual(peer.next()[0], "bb")
            peer.publish("Data/x", 1)
            self.assertEqual(peer.answer("pubsub")[5], "request_response")
        self.assertEqual(again.next()[4:7], IN_USE)
        self.assertIsNone(again.next(QUIET_MS))

    def test_two_keys_of_one_identity(self):
        self.rule({**EVERYTHING, "cc": (["aa"], [], [])})
        a = Peer(self.broker, "aa")
        second = Peer(self.broker, "aa", key="cc", hello=False)
        second.send("", "VIP1", "", "h", "hello", "hello")
        self.assertEqual(second.next()[4:7], IN_USE)
        a.publish("Data/x", 1)
        self.assertEqual(a.answer("pubsub")[5], "request_response", "with the rights of its own key")

    def test_the_user_frame_is_the_authenticated_user(self):
        a = Peer(self.broker, "aa")
        self.watcher.subscribe("Data/")
        for user in ("", "bb", "platform.auth", "x" * 300, b"\xff\0"):
            a.send("", "VIP1", user, "p", "pubsub", "publish", "Data/x", '{"bus":"","headers":{},"message":1,"sender":"bb"}')
            delivery = self.watcher.next()
            self.assertEqual(delivery[2], "aa")
            self.assertEqual(json.loads(delivery[7])["sender"], "aa")
            a.answer("pubsub")
            a.send("bb", "VIP1", user, "r", "RPC", "{}")
            self.assertEqual(self.watcher.next()[:3], ["aa", "VIP1", "aa"])
            a.send("bb", "VIP1", user, "r", "error", "1")
            self.assertEqual(self.watcher.next()[:3], ["aa", "VIP1", "aa"])

    def test_forged_senders_at_the_pub_door(self):
        self.watcher.subscribe("Data/")
        ear, mouth = self.script(zmq.SUB, "bb", b"Data/"), self.script(zmq.PUB, "aa")
        self.listen_until_heard(ear, mouth)
        while self.watcher.next(QUIET_MS):
            pass
        for forged in ('{"sender":"bb","message":1}', '{"message":1,"sender":"bb"}', '{"\\u0073ender":"bb","message":1}',
                       '{"sender":"bb","sender":"cc","message":1}'):
            while ear.poll(0):
                ear.recv_multipart()
            mouth.send_multipart([b"Data/y", forged.encode()])
            delivery = self.watcher.next()
            self.assertEqual((delivery[2], json.loads(delivery[7])["sender"]), ("aa", "aa"))
            self.assertEqual(delivery[7].count("sender"), 1)
            self.assertEqual(json.loads(self.hears(ear, PATIENCE_MS)[1])["sender"], "aa")

    def test_agentstop_for_others(self):
        a = Peer(self.broker, "aa")
        for other in ("bb", "", "aa.1", "nobody"):
            a.send("", "VIP1", other, "s", "agentstop", other)
            self.assertEqual(a.next()[4:7], ["error", "-32001", "an agent can stop itself only"])
        self.assertEqual(self.watcher.query("message-bus"), "zmq", "bb is still there")
        a.send("bb", "VIP1", "", "s", "agentstop", "bb")
        self.assertEqual(self.watcher.next()[4:6], ["agentstop", "bb"], "to a peer it is a message like others")
        self.assertTrue(self.announced("bb") and self.announced("aa"))


class Topics(WithRules):
    def test_publishing_at_the_vip_door(self):
        a = Peer(self.broker, "aa")
        self.watcher.subscribe("")
        for topic in ("Data", "data/x", "", "alerts/x", "heartbeat", "Dat\u00e4/"):
            a.publish(topic, 1)
            self.assertEqual(a.next()[4:], ["error", "-32001", "publishing to this topic is not granted to aa", "", "pubsub"])
            [item] = self.pending(what="publish", text=topic)
            self.assertEqual((item["key"], item["door"]), (self.key("aa"), "vip"))
        self.assertIsNone(self.watcher.next(QUIET_MS))
        stats = self.watcher.stats()
        self.assertGreaterEqual(stats["refused"], 6)
        self.assertEqual([p["refused"] for p in stats["peers"] if p["identity"] == "aa"], [6])
        self.assertEqual(len(self.broker.logged("publish-refused")), 6)

    def test_publishing_at_the_pub_door(self):
        self.watcher.subscribe("")
        mouth = self.script(zmq.PUB, "aa")
        while not self.watcher.next(50):
            mouth.send_multipart([b"alerts/x", b'{"message":1}'])
            mouth.send_multipart([b"Data/x", b'{"message":1}'])
        while got := self.watcher.next(QUIET_MS):
            self.assertEqual(got[6], "Data/x")
        [item] = self.pending(what="publish", text="alerts/x", door="pub")
        self.assertEqual(item["key"], self.key("aa"))
        self.assertEqual(len(self.broker.logged("publish-refused")), 1, "once, however often")
        self.assertEqual(self.watcher.stats()["plain"]["refused"], item["times"])

    def test_subscribing_at_the_vip_door(self):
        """A shorter prefix than granted, in every way to say it."""
        a = Peer(self.broker, "aa")
        refused = ["error", "-32001", "subscribing to this prefix is not granted to aa", "", "pubsub"]
        for prefix in ("", "D", "Data", "data/", "heartbeat/"):
            a.send("", "VIP1", "", "s", "pubsub", "subscribe", json.dumps({"prefix": prefix, "bus": ""}))
            self.assertEqual(a.next()[4:], refused)
            self.assertEqual(len(self.pending(what="subscribe", text=prefix, door="vip")), 1)
            for scope in ("internal", "all"):
                a.send("", "VIP1", "", "s", "pubsub", "synchronize", "connected",
                       json.dumps({"subscriptions": {scope: {"": [prefix]}}}))
                self.assertEqual(a.next()[4:6], ["error", "-32001"])
        self.assertEqual(self.watcher.stats()["subscriptions"], 0)
        self.assertEqual(a.subscribe("Data/"), "\x01")
        for gone in ('{"internal":{"prefix":["Data/x"],"bus":""}}', '{"all":{"prefix":null,"bus":""}}', '{"prefix":"","bus":""}'):
            a.send("", "VIP1", "", "u", "pubsub", "unsubscribe", gone)
            a.next()
        publisher = Peer(self.broker, "aa.p")
        publisher.publish("heartbeat/x", 1)
        publisher.publish("Data/x", 1)
        self.assertEqual(a.next()[6], "Data/x", "unsubscribing from less, or more, widens nothing")
        a.send("", "VIP1", "", "l", "pubsub", "list", '{"prefix":"","subscribed":false,"reverse":false,"bus":""}')
        self.assertEqual(json.loads(a.answer("pubsub")[6]), [["", "Data/", True]])

    def test_what_others_listen_to_is_not_told(self):
        a = Peer(self.broker, "aa")
        self.watcher.subscribe("secret/", "Data/open")
        a.send("", "VIP1", "", "l", "pubsub", "list", '{"prefix":"","subscribed":false,"reverse":false,"bus":""}')
        self.assertEqual(json.loads(a.answer("pubsub")[6]), [["", "Data/open", False]])

    def test_subscribing_at_the_sub_door(self):
        mouth = self.script(zmq.PUB, "aa")
        good = self.script(zmq.SUB, "bb", b"")
        wide = {p: self.script(zmq.SUB, "aa", p) for p in (b"", b"D", b"Data", b"heartbeat/")}
        mixed = self.script(zmq.SUB, "aa", b"", b"Data/x")
        nothing = self.script(zmq.SUB, "cc", b"Data/x")
        self.listen_until_heard(mixed, mouth, b"Data/x")
        mixed.unsubscribe(b"")
        mouth.send_multipart([b"heartbeat/x", b'{"message":1}'])
        mouth.send_multipart([b"Data/y", b'{"message":1}'])
        topics = set()
        while got := self.hears(good):
            topics.add(got[0])
        self.assertEqual(topics, {b"Data/x", b"Data/y", b"heartbeat/x"})
        for ear in (*wide.values(), nothing):
            self.assertFalse(ear.poll(0))
        while got := self.hears(mixed, 50):
            self.assertEqual(got[0], b"Data/x")
        for prefix in ("", "D", "Data", "heartbeat/"):
            self.assertEqual(len(self.pending(what="subscribe", text=prefix, door="sub", key=self.key("aa"))), 1)
        self.assertGreaterEqual(self.watcher.stats()["plain"]["subscriptions_refused"], 6)

    def test_unsubscribing_from_what_others_hear_changes_nothing_for_them(self):
        mouth = self.script(zmq.PUB, "aa")
        good = self.script(zmq.SUB, "bb", b"Data/")
        self.listen_until_heard(good, mouth)
        bad = self.broker.open(zmq.XSUB, "aa")
        bad.connect(self.broker.address["sub"])
        for frame in (b"\0Data/", b"\0", b"\1", b"\0", b"\2Data/", b"\1" + b"x" * 2000, b"", b"\0Data/"):
            bad.send(frame)
        time.sleep(0.2)
        while good.poll(0):
            good.recv_multipart()
        self.listen_until_heard(good, mouth)
        self.assertFalse(bad.poll(0))


class Administration(WithRules):
    def test_queries_for_who_looks_after_the_bus(self):
        a = Peer(self.broker, "aa")
        for key in ("busbar.pending", "busbar.access"):
            self.assertEqual(json.loads(a.query(key)), {"refused": "this takes the capability admin"})
        self.assertNotIn(self.key("stranger"), a.query("busbar.stats"))
        self.assertEqual(len(self.pending(what="capability", text="admin", key=self.key("aa"))), 1)
        access = json.loads(self.watcher.query("busbar.access"))
        self.assertEqual((access["entries"], access["error"], access["digest"]), (3, "", self.state()["digest"]))

    def test_random_keys_cost_bounded_memory(self):
        for times in (1, 2):  # libzmq does not try again by itself
            patient = self.broker.open(zmq.DEALER, "stranger")
            patient.connect(self.broker.address["vip"])
            until(lambda: self.pending(key=self.key("stranger"), times=times), "it tries again")
        for _ in range(30):
            self.broker.keys["random"] = zmq.curve_keypair()
            s = self.broker.open(zmq.PUB, "random")
            s.connect(self.broker.address["pub"])
            until(lambda: self.pending(key=self.key("random")), "the newest is there")
            s.close()
        self.assertLessEqual(len(self.pending()), 256)
        self.assertEqual(len(self.pending(key=self.key("stranger"))), 1)
        self.assertLessEqual(len(self.broker.logged("key-refused")), 40)


class NewRules(WithRules):
    """Nobody sends a signal here: the broker sees by itself that access.json changed."""

    def take_all_doors(self):
        a = Peer(self.broker, "aa")
        self.assertEqual(a.subscribe("Data/"), "\x01")
        ear, mouth = self.script(zmq.SUB, "aa", b"Data/"), self.script(zmq.PUB, "aa")
        self.listen_until_heard(ear, mouth)
        while a.next(QUIET_MS):
            pass
        while ear.poll(0):
            ear.recv_multipart()
        return a, ear, mouth

    def test_revoking_ends_all_three_doors(self):
        a, ear, mouth = self.take_all_doors()
        self.rule({**EVERYTHING, "cc": (["cc.*"], ["Data/"], [])})
        other = Peer(self.broker, "cc.1")
        self.watcher.subscribe("Data/")
        begun = time.monotonic()
        write_rules(self.broker, {"bb": EVERYTHING["bb"], "cc": (["cc.*"], ["Data/"], [])})
        self.assertTrue(self.watcher.announced("drop", "aa"))
        print(f"a live peer was dropped {time.monotonic() - begun:.2f} s after the file changed", end=" ", flush=True)
        refused = self.watcher.stats()["keys_refused"]
        for _ in range(5):
            mouth.send_multipart([b"Data/bad", b'{"message":1}'])
            a.publish("Data/bad", 1)
            other.publish("Data/good", 1)
            self.assertEqual(self.watcher.next()[6], "Data/good")
        self.assertIsNone(self.watcher.next(QUIET_MS))
        self.assertFalse(ear.poll(0), "nothing is heard any more")
        self.assertIsNone(a.next(0))
        until(lambda: self.watcher.stats()["keys_refused"] >= refused + 3, "all three doors turn it away")
        for door in ("vip", "sub", "pub"):
            self.assertTrue(any(i["key"] == self.key("aa") for i in self.pending(what="key")), door)

    def test_narrowing(self):
        a, ear, mouth = self.take_all_doors()
        self.rule({**EVERYTHING, "aa": (["aa"], ["Data/x"], ["Data/x"])})
        self.assertEqual(self.watcher.stats()["subscriptions"], 0, "Data/ is more than Data/x")
        for _ in range(3):
            mouth.send_multipart([b"Data/y", b'{"message":1}'])
            mouth.send_multipart([b"Data/x", b'{"message":1}'])
        a.publish("Data/y", 1)
        self.assertEqual(a.next()[4:6], ["error", "-32001"])
        a.publish("Data/x", 1)
        self.assertEqual(a.answer("pubsub")[5], "request_response", "what is still granted goes on")
        self.assertFalse(ear.poll(QUIET_MS), "the prefix Data/ is not granted any more")
        narrow = self.script(zmq.SUB, "aa", b"Data/x")
        self.assertEqual(self.listen_until_heard(narrow, mouth, b"Data/x")[0], b"Data/x")
        self.assertGreaterEqual(self.watcher.stats()["plain"]["refused"], 3, "the pub door refuses, too")
        self.assertEqual(len(self.pending(what="publish", text="Data/y")), 1)

    def test_taking_an_identity_away(self):
        one, two = Peer(self.broker, "aa"), Peer(self.broker, "aa.2")
        self.rule({**EVERYTHING, "aa": (["aa"], ["Data/"], ["Data/"])})
        self.assertTrue(self.watcher.announced("drop", "aa.2"))
        one.publish("Data/x", 1)
        self.assertEqual(one.answer("pubsub")[5], "request_response")
        self.assertFalse(two.socket.poll(0) and two.next(0))

    def test_widening_reaches_who_was_refused(self):
        mouth, ear = self.script(zmq.PUB, "aa"), self.script(zmq.SUB, "cc", b"Data/")
        until(lambda: self.pending(what="subscribe", key=self.key("cc")), "it is refused")
        self.assertFalse(ear.poll(0))
        self.rule({**EVERYTHING, "cc": (["cc.*"], [], ["Data/"])})
        self.listen_until_heard(ear, mouth)
        self.assertEqual(self.pending(what="subscribe", key=self.key("cc")), [], "granted, hence not pending any more")

    def test_a_bad_file_keeps_the_old_rules_and_says_so(self):
        path = self.broker.home / "access.json"
        good = path.read_text()
        a = Peer(self.broker, "aa")
        bad = (('{"version":1,\n"entries":[\n{"key":"x"}]}', ":3: entry 1"), (good[:-20], ":1: "), ("", ":1: "), ("\0\1", ":1: "),
               (None, "No such file"))
        for number, (text, says) in enumerate(bad, 1):
            with self.subTest(says):
                if text is None:
                    path.unlink()
                else:
                    path.write_text(text)
                until(lambda: len(self.broker.logged("rules-kept")) == number, "it says so")
                self.assertIn(says, json.loads(self.watcher.query("busbar.access"))["error"])
                self.assertTrue(self.watcher.stats()["access"]["held"])
                a.publish("Data/x", 1)
                self.assertEqual(a.answer("pubsub")[5], "request_response", "the old rules hold")
        path.write_text(good)
        until(lambda: not self.watcher.stats()["access"]["held"], "the good file is taken")
        path.chmod(0o666)
        until(lambda: self.watcher.stats()["access"]["held"], "a file that everybody may write is refused")
        path.chmod(0o600)
        until(lambda: not self.watcher.stats()["access"]["held"], "and taken when that is over")
        self.assertEqual(len(self.broker.logged("rules-kept")), len(bad) + 1, "one line each")

    def test_reload_under_load_loses_no_granted_message(self):
        rounds, reloads = 600, 6
        self.rule({**EVERYTHING, "cc": (["cc.*"], ["load/"], ["load/"])})
        ear, mouth = self.script(zmq.SUB, "cc", b"load/"), self.script(zmq.PUB, "cc")
        writer, reader = Peer(self.broker, "cc.w", key="cc"), Peer(self.broker, "cc.r", key="cc")
        reader.subscribe("load/")
        self.listen_until_heard(ear, mouth, b"load/warm")
        while reader.next(QUIET_MS):
            pass
        while ear.poll(50):
            ear.recv_multipart()
        seen = []
        for number in range(rounds):
            mouth.send_multipart([b"load/p", json.dumps({"message": number}).encode()])
            writer.publish("load/v", number)
            if number % (rounds // reloads) == 50:
                # Other keys come, go and are narrowed meanwhile.
                seen.append(self.state().get("digest"))
                narrowed = (["aa"], [], [f"Data/{number}"])
                write_rules(self.broker, {**EVERYTHING, "cc": (["cc.*"], ["load/"], ["load/"]), "aa": narrowed})
            time.sleep(0.005)
        heard = {"vip": {"load/p": [], "load/v": []}, "sub": {"load/p": [], "load/v": []}}
        while not all(len(numbers) == rounds for door in heard.values() for numbers in door.values()):
            if reader.socket.poll(0):
                frames = reader.next(0)
                if frames and frames[5] == "publish":
                    heard["vip"][frames[6]].append(json.loads(frames[7])["message"])
            elif ear.poll(PATIENCE_MS):
                topic, body = ear.recv_multipart()
                heard["sub"][topic.decode()].append(json.loads(body)["message"])
            else:
                break
        for door, topics in heard.items():
            for topic, numbers in topics.items():
                self.assertEqual(numbers, list(range(rounds)), f"{door} {topic}")
        self.assertGreaterEqual(len(set(seen)), reloads // 2, "the rules did change meanwhile")
        writer.rest()


if __name__ == "__main__":
    unittest.main()
