#!/usr/bin/env python3
"""The identities that busbard hosts itself, spoken to frame by frame: JSON-RPC as it must be, `platform.auth`."""
import json
import sqlite3
import unittest

import zmq

import test_vip
from test_vip import Peer, QUIET_MS


class Caller(Peer):
    """A peer that calls, and answers calls that come in meanwhile from `serves` {method: function(params)}."""

    serves = {}
    count = 0

    def rpc(self, to, text, message_id="m"):
        """Sends one text and gives back the frames of the answer."""
        self.send(to, "VIP1", "", message_id, "RPC", text)
        return self.next()

    def call(self, to, method, *args, **kwargs):
        self.count += 1
        params = {"*args": args, "**kwargs": kwargs} if args and kwargs else list(args) or kwargs or None
        request = {"jsonrpc": "2.0", "method": method, "id": f"{self.count}.5"}
        if params:
            request["params"] = params
        self.send(to, "VIP1", "", f"m.{self.count}", "RPC", json.dumps(request))
        while True:
            frames = self.next()
            if frames is None:
                raise TimeoutError(f"{to} did not answer {method}")
            message = json.loads(frames[5])
            if "method" in message:
                self.serve(frames, message)
            elif message["id"] == request["id"]:
                assert frames[:5] == [to, "VIP1", to, f"m.{self.count}", "RPC"], frames
                return message

    def serve(self, frames, message):
        result = self.serves[message["method"]](message.get("params"))
        if "id" in message:
            self.send(frames[0], "VIP1", "", frames[3], "RPC",
                      json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}))

    def result(self, to, method, *args, **kwargs):
        answer = self.call(to, method, *args, **kwargs)
        if "result" not in answer:
            raise AssertionError(answer)
        return answer["result"]

    def refused(self, to, method, *args, **kwargs):
        """The code of the error."""
        answer = self.call(to, method, *args, **kwargs)
        if "error" not in answer:
            raise AssertionError(answer)
        return answer["error"]["code"]


class JsonRpc(test_vip.WithBroker):
    """What is no proper request is answered as JSON-RPC 2.0 says."""

    def setUp(self):
        super().setUp()
        self.a = Caller(self.broker, "aa")

    def code(self, text):
        frames = self.a.rpc("platform.auth", text)
        self.assertEqual(frames[:5], ["platform.auth", "VIP1", "platform.auth", "m", "RPC"])
        answer = json.loads(frames[5])
        return answer["id"], answer["error"]["code"]

    def test_errors(self):
        request = '{"jsonrpc":"2.0","id":"1.5","method":'
        cases = [("", (None, -32700)), ("{", (None, -32700)), ("\xff", (None, -32700)), ('{"id":NaN}', (None, -32700)),
                 ("[" * 5000, (None, -32700)), ("5", (None, -32600)), ("[]", (None, -32600)), ("{}", (None, -32600)),
                 ('{"id":7,"method":"get_user_to_capabilities"}', (7, -32600)),
                 ('{"jsonrpc":"1.0","id":7,"method":"inspect"}', (7, -32600)),
                 ('{"jsonrpc":"2.0","id":{},"method":"inspect"}', (None, -32600)),
                 ('{"jsonrpc":"2.0","id":7,"method":5}', (7, -32600)),
                 ("[" + ",".join(['{"jsonrpc":"2.0","id":1,"method":"inspect"}'] * 65) + "]", (None, -32600)),
                 (request + '"nothing"}', ("1.5", -32601)), (request + '".inspect"}', ("1.5", -32601)),
                 (request + '"get_capabilities"}', ("1.5", -32602)),
                 (request + '"get_capabilities","params":[5]}', ("1.5", -32602)),
                 (request + '"get_capabilities","params":["a","b"]}', ("1.5", -32602)),
                 (request + '"get_capabilities","params":{"who":"a"}}', ("1.5", -32602)),
                 (request + '"get_capabilities","params":"aa"}', ("1.5", -32602)),
                 (request + '"get_capabilities","params":{"*args":["a"],"**kwargs":{"user_id":"a"}}}', ("1.5", -32602))]
        for text, want in cases:
            self.assertEqual(self.code(text), want, text[:80])
        self.assertEqual(self.code(" " * (4 << 20) + "{}"), (None, -32600))

    def test_forms_of_parameters(self):
        for params in (["aa"], {"user_id": "aa"}, {"*args": ["aa"], "**kwargs": {}}, {"*args": [], "**kwargs": {"user_id": "aa"}}):
            frames = self.a.rpc("platform.auth", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "get_capabilities",
                                                             "params": params}))
            self.assertEqual(json.loads(frames[5]), {"jsonrpc": "2.0", "id": 1,
                                                     "result": {"edit_config_store": {"identity": "aa"}}})

    def test_notifications_and_stray_answers_are_not_answered(self):
        for text in ('{"jsonrpc":"2.0","method":"get_user_to_capabilities"}', '{"jsonrpc":"2.0","method":"nothing"}',
                     '{"jsonrpc":"2.0","id":null,"method":"get_capabilities"}',
                     '{"jsonrpc":"2.0","id":"busbard.1024","result":1}', '{"jsonrpc":"2.0","id":"1","error":{"code":1,"message":""}}'):
            self.a.send("platform.auth", "VIP1", "", "m", "RPC", text)
        self.a.send("platform.auth", "VIP1", "", "m", "error", "113", "No route to host", "", "RPC")
        self.assertIsNone(self.a.next(QUIET_MS))

    def test_batches_and_several_arguments(self):
        one = '{"jsonrpc":"2.0","id":"%s","method":"get_groups","params":["aa"]}'
        self.a.send("platform.auth", "VIP1", "", b"\0\xff", "RPC", f"[{one % 'x'},{one % 'y'},5]", one % "z")
        got = [self.a.next() for _ in range(4)]
        self.assertEqual({f[3] for f in got}, {"\0\xff"})
        self.assertEqual([json.loads(f[5])["id"] for f in got], ["x", "y", None, "z"])

    def test_inspect(self):
        self.assertIn("get_capabilities", self.a.result("platform.auth", "inspect")["methods"])
        self.assertEqual(self.a.result("platform.auth", "get_capabilities.inspect"),
                         {"params": {"user_id": {"kind": "POSITIONAL_OR_KEYWORD"}}})

    def test_other_subsystems(self):
        for who in test_vip.HOSTED:
            self.a.send(who, "VIP1", "", "p", "ping", "ping", "x", b"\0\1")
            self.assertEqual(self.a.next(), [who, "VIP1", who, "p", "ping", "pong", "x", "\0\1"])
            self.a.send(who, "VIP1", "", "h", "hello", "hello")
            self.assertEqual(self.a.next(), [who, "VIP1", who, "h", "hello", "welcome", "1.0", who, "aa"])
            self.a.send(who, "VIP1", "", "u", "nothing", "x")
            self.assertEqual(self.a.next(), [who, "VIP1", who, "u", "error", "93", "Protocol not supported", who, "nothing"])

    def test_the_first_message_may_go_to_a_hosted_identity(self):
        b = Caller(self.broker, "bb", hello=False)
        self.assertEqual(b.result("platform.auth", "get_groups", "bb"), [])
        self.assertTrue(self.a.announced("add", "bb"))


class JsonRpcWithoutSecurity(JsonRpc):
    security = "none"

    def test_forms_of_parameters(self):
        self.assertEqual(self.a.result("platform.auth", "get_capabilities", "aa"), {"edit_config_store": None})


class Names(test_vip.WithBroker):
    def test_nobody_takes_a_hosted_name(self):
        self.broker.grant(aa=(["*"], [""], [""]))
        self.broker.process.send_signal(1)
        self.broker.logged("rules-read")
        watcher = Peer(self.broker, "aa")
        for who in test_vip.HOSTED:
            thief = Peer(self.broker, who, key="aa", hello=False)
            thief.send("", "VIP1", "", "h", "hello", "hello")
            self.assertEqual(thief.next()[4:6], ["error", "-32001"])
            self.assertTrue(any(f"identity={who}" in line for line in self.broker.logged("identity-refused")))
        watcher.send("", "VIP1", "", "l", "peerlist", "list")
        self.assertEqual(watcher.next()[6:], ["aa", *test_vip.HOSTED])

    def test_nobody_speaks_with_a_hosted_name_at_the_pub_door(self):
        self.broker.grant(aa=(["platform.auth"], [""], [""]), bb=(["bb"], [], [""]))
        self.broker.process.send_signal(1)
        self.broker.logged("rules-read")
        b = Peer(self.broker, "bb")
        b.subscribe("")
        mouth = self.broker.open(zmq.PUB, "aa")
        mouth.connect(self.broker.address["pub"])
        for _ in range(20):
            mouth.send_multipart([b"t", b'{"message":1}'])
            self.assertIsNone(b.next(20))
            if b.stats()["plain"]["refused"] > 0:
                return
        self.fail("nothing was refused")


class PlatformAuth(test_vip.WithBroker):
    def setUp(self):
        super().setUp()
        self.broker.grant(aa=(["aa", "aa.*"], [""], [""], ["talk", {"look": {"at": "/a.*/", "how": "long"}}]), bb=(["bb"], [], [""]),
                          cc=(["cc.*"], [], []))
        self.broker.process.send_signal(1)
        self.broker.logged("rules-read")
        self.a = Caller(self.broker, "aa")

    def test_user_map(self):
        c = Caller(self.broker, "cc.1")
        mine = {"talk": None, "look": {"at": "/a.*/", "how": "long"}, "edit_config_store": {"identity": "aa"}}
        self.assertEqual(c.result("platform.auth", "get_user_to_capabilities"),
                         {"config.store": {"sync_agent_config": None}, "platform.auth": {"modify_rpc_method_allowance": None},
                          "aa": mine, "bb": {"edit_config_store": {"identity": "bb"}},
                          "cc.1": {"edit_config_store": {"identity": "cc.1"}}})
        self.assertEqual(self.a.result("platform.auth", "get_authorizations", "aa"), [mine, [], []])
        self.assertEqual(self.a.result("platform.auth", "get_authorizations", "nobody"), None)
        self.assertEqual(self.a.result("platform.auth", "get_capabilities", "nobody"), [])
        self.assertEqual(self.a.result("platform.auth", "get_roles", user_id="aa"), [])

    def test_who_looked_is_told_of_changes(self):
        b = Caller(self.broker, "bb")
        b.result("platform.auth", "get_user_to_capabilities")

        def told():
            frames = b.next()
            self.assertEqual(frames[:3] + frames[4:5], ["platform.auth", "VIP1", "platform.auth", "RPC"])
            message = json.loads(frames[5])
            self.assertEqual((message["method"], "id" in message), ("auth.update", False))
            return message["params"][0]

        Peer(self.broker, "aa.9")
        self.assertIn("talk", told()["aa.9"])
        self.broker.grant(aa=(["aa"], [""], [""], ["new"]), bb=(["bb"], [], [""]))
        self.assertEqual(told()["aa"], {"new": None, "edit_config_store": {"identity": "aa"}})
        self.assertIsNone(self.a.next(QUIET_MS))

    def test_rpc_authorizations_are_echoed(self):
        methods = {"f": ["c", "d"], "g": []}
        self.assertEqual(self.a.result("platform.auth", "update_id_rpc_authorizations", "aa", methods), methods)


class AuthFile(test_vip.WithBroker):
    def setUp(self):
        super().setUp()
        self.broker.grant(aa=(["aa"], [""], [""], ["allow_auth_modifications", {"look": {"at": "/a/"}}]), bb=(["bb"], [], [""]),
                          cc=(["cc.*", "cx"], ["Data/"], []))
        self.broker.process.send_signal(1)
        self.broker.logged("rules-read")
        self.a = Caller(self.broker, "aa")
        self.key = {name: test_vip.text_of(self.broker.keys[name][0]) for name in ("aa", "bb", "cc", "stranger")}

    def entries(self):
        return json.loads((self.broker.home / "access.json").read_text())["entries"]

    def shown(self, key, name, capabilities, publish, subscribe, identities=None):
        return {"domain": None, "address": None, "mechanism": "CURVE", "credentials": key, "user_id": name, "identity": name,
                "groups": [], "roles": [], "capabilities": capabilities, "rpc_method_authorizations": {}, "comments": None,
                "enabled": True, "identities": identities or [name], "publish": publish, "subscribe": subscribe}

    def test_read_and_find(self):
        c = self.shown(self.key["cc"], "cc.*", {}, ["Data/"], [], ["cc.*", "cx"])
        for method in ("auth_file.read", "list"):
            self.assertEqual(self.a.result("platform.auth", method), {
                "allow": [self.shown(self.key["aa"], "aa", {"allow_auth_modifications": None, "look": {"at": "/a/"}}, [""], [""]),
                          self.shown(self.key["bb"], "bb", {}, [], [""]), c],
                "deny": [], "groups": {}, "roles": {}, "version": {"major": 1, "minor": 3}})
        self.assertEqual(self.a.result("platform.auth", "auth_file.find_by_credentials", self.key["cc"]), [c])
        self.assertEqual(self.a.result("platform.auth", "auth_file.find_by_credentials", self.key["cc"], False), [])
        self.assertEqual(self.a.result("platform.auth", "auth_file.find_by_credentials", "x"), [])

    def test_a_key_that_is_added_may_come(self):
        self.assertEqual(self.a.result("platform.auth", "auth_file.add", {
            "credentials": self.key["stranger"], "identity": "new", "user_id": "new", "mechanism": "CURVE", "groups": [], "roles": None,
            "capabilities": {"c": None, "d": {"x": "y"}}, "comments": "by hand", "enabled": True}), None)
        self.assertEqual(self.entries()[3], {"key": self.key["stranger"], "identities": ["new"], "publish": [""], "subscribe": [""],
                                             "capabilities": ["c", {"d": {"x": "y"}}], "comment": "by hand"})
        self.broker.logged("access-changed")
        Peer(self.broker, "new", key="stranger")
        self.assertEqual(self.a.result("platform.auth", "get_capabilities", "new"),
                         {"c": None, "d": {"x": "y"}, "edit_config_store": {"identity": "new"}})

    def test_what_is_refused_changes_nothing(self):
        before = (self.broker.home / "access.json").read_bytes()
        new = {"credentials": self.key["stranger"], "identity": "new"}
        for method, args in (("auth_file.add", [{}]), ("auth_file.add", [{"credentials": "x", "identity": "new"}]),
                             ("auth_file.add", [{"credentials": self.key["stranger"]}]),
                             ("auth_file.add", [{**new, "credentials": self.key["bb"]}]),
                             ("auth_file.add", [{**new, "identity": "no name"}]), ("auth_file.add", [{**new, "groups": ["g"]}]),
                             ("auth_file.add", [{**new, "mechanism": "NULL"}]), ("auth_file.add", [{**new, "enabled": False}]),
                             ("auth_file.add", [{**new, "publish": [5]}]), ("auth_file.add", [{**new, "capabilities": [5]}]),
                             ("auth_file.update_by_index", [new, 3]), ("auth_file.update_by_index", [{**new, "identity": "a b"}, 1]),
                             ("auth_file.remove_by_index", [3]), ("auth_file.remove_by_index", [-1]),
                             ("auth_file.remove_by_indices", [[1, 9]]), ("auth_file.remove_by_indices", [[1, "2"]])):
            self.assertEqual(self.a.refused("platform.auth", method, *args), -32000, (method, args))
        self.assertEqual(self.a.result("platform.auth", "remove", self.key["stranger"]), None)
        b = Caller(self.broker, "bb")
        for method, args in (("auth_file.read", []), ("auth_file.find_by_credentials", [self.key["aa"]]), ("auth_file.add", [new]),
                             ("auth_file.update_by_index", [new, 0]), ("auth_file.remove_by_credentials", [self.key["aa"]]),
                             ("auth_file.remove_by_index", [0]), ("auth_file.remove_by_indices", [[0]]), ("list", []), ("add", [new]),
                             ("remove", [self.key["aa"]])):
            self.assertEqual(b.refused("platform.auth", method, *args), -32001, method)
        self.assertEqual((self.broker.home / "access.json").read_bytes(), before)

    def test_change_and_remove(self):
        self.a.result("platform.auth", "auth_file.update_by_index",
                      {"credentials": self.key["stranger"], "identities": ["x.*"], "identity": "x", "publish": [], "subscribe": ["t"]}, 1)
        self.assertEqual([e["key"] for e in self.entries()], [self.key["aa"], self.key["stranger"], self.key["cc"]])
        self.assertEqual(self.entries()[1]["identities"], ["x.*"])
        self.assertEqual((self.entries()[1].get("publish", []), self.entries()[1]["subscribe"]), ([], ["t"]))
        self.a.result("platform.auth", "auth_file.remove_by_indices", [2, 1, 2])
        self.assertEqual([e["key"] for e in self.entries()], [self.key["aa"]])

    def test_a_key_that_is_removed_must_go_however_much_it_sends(self):
        for name in ("bb", "cc.1"):
            with self.subTest(name):
                self.broker.grant(aa=(["aa"], [""], [""], ["admin"]), bb=(["bb"], ["Data/"], [""]), cc=(["cc.*"], ["Data/"], []))
                self.broker.process.send_signal(1)
                loud = Peer(self.broker, name)
                key = self.key[name.split(".")[0]]
                for i in range(3000):
                    loud.publish("Data/x", i)
                self.a.result("platform.auth", "remove", key)
                loud.socket.sndtimeo = 100
                for i in range(3000):
                    try:
                        loud.publish("Data/x", i)
                    except zmq.Again:
                        break
                deadline = test_vip.time.monotonic() + 5
                while name in [p["identity"] for p in self.a.stats()["peers"]]:
                    self.assertLess(test_vip.time.monotonic(), deadline)


class ConfigStore(test_vip.WithBroker):
    def setUp(self):
        super().setUp()
        every = {"edit_config_store": {"identity": "/.*/"}}
        self.broker.grant(aa=(["aa", "aa.*"], [""], [""], [every]), bb=(["bb"], [], [""]),
                          cc=(["cc.*"], [], [], ["read_config_store", {"edit_config_store": {"identity": "/cc\\.[0-9]/"}}]))
        self.reload()
        self.a, self.b = Caller(self.broker, "aa"), Caller(self.broker, "bb")
        self.pushed = []
        self.b.serves = {name: lambda params, name=name: self.pushed.append((name, params))
                         for name in ("config.update", "config.initial_update")}

    def reload(self):
        self.broker.process.send_signal(1)
        self.broker.logged("rules-read")

    def set(self, name, contents, kind="raw", who="bb", caller=None, **more):
        """Sets while the agent `bb` takes what is pushed to it."""
        caller = caller or self.b
        self.assertEqual(caller.result("config.store", "set_config", who, name, contents, kind, **more), None)

    def get(self, *args, **kwargs):
        return self.b.result("config.store", "get_config", "bb", *args, **kwargs)

    def test_as_volttron_10_calls_it(self):
        """`platform.config_store`: the same store; what is the agent's own goes without its identity."""
        ten = "platform.config_store"
        self.assertIsNone(self.b.result(ten, "set_config", "config", {"a": [1, 2.5]}))
        self.assertEqual(self.pushed.pop(), ("config.update", {"*args": ["NEW", "config"], "**kwargs": {"contents": {"a": [1, 2.5]},
                                                                                                         "trigger_callback": False}}))
        self.assertIsNone(self.b.result(ten, "set_config", "config", "text", trigger_callback=True))
        self.assertEqual(self.pushed.pop(), ("config.update", {"*args": ["UPDATE", "config"], "**kwargs": {"contents": "text",
                                                                                                            "trigger_callback": True}}))
        self.assertIsNone(self.b.result(ten, "set_config", "list", [1], send_update=False))
        self.assertEqual(self.pushed, [])
        # config.store sees the same.
        self.assertEqual(self.get("list", raw=False), [1])
        self.assertEqual(self.b.result("config.store", "get_metadata", "bb", "list")["type"], "json")
        self.set("nine", '{"x":9}', "json")
        self.pushed.clear()
        self.assertIsNone(self.b.result(ten, "get_configs"))
        self.assertEqual(self.pushed.pop(), ("config.initial_update", [{"config": "text", "list": [1], "nine": {"x": 9}}]))
        for method, arguments, answer in (("manage_get", ("bb", "nine", False), {"x": 9}), ("manage_list_configs", ("bb",), ["config", "list", "nine"]),
                                          ("manage_list_stores", (), ["bb"])):
            self.assertEqual(self.b.result(ten, method, *arguments), answer)
        self.assertIsNone(self.b.result(ten, "delete_config", "list", send_update=False))
        self.assertIsNone(self.b.result(ten, "delete_config", "nine"))
        self.assertEqual(self.pushed.pop(), ("config.update", {"*args": ["DELETE", "nine"], "**kwargs": {"trigger_callback": False}}))
        self.assertEqual(self.b.refused(ten, "delete_config", "nine"), -32000)
        self.assertEqual(self.b.refused(ten, "set_config", "n", 7), -32000)
        self.assertEqual(self.b.refused(ten, "set_config", "", "x"), -32602)
        # Whose it is says the key, not an argument; to change another's takes the capability.
        c = Caller(self.broker, "cc.10")
        c.serves = {"config.update": lambda params: None}
        self.assertIsNone(c.result(ten, "set_config", "mine", "1"))
        self.assertEqual(c.refused(ten, "manage_store", "bb", "n", "1"), -32001)
        self.assertEqual(self.a.result("config.store", "list_stores"), ["bb", "cc.10"])
        self.assertIsNone(self.a.result(ten, "manage_store", "absent", "n", "[1]", "json"))
        self.assertEqual(self.a.result(ten, "manage_get", "absent", "n"), "[1]")
        self.assertIsNone(self.a.result(ten, "manage_delete_store", "absent"))

    def test_a_row_comes_back_as_it_was(self):
        csv = 'point,"units, ""of"" it"\r\na,F\r\n\r\nb\r\n"c\nd",kW,more,still\n'
        parsed = [{"point": "a", 'units, "of" it': "F"}, {"point": "b", 'units, "of" it': None},
                  {"point": "c\nd", 'units, "of" it': "kW", "null": ["more", "still"]}]
        text = '{"a": 1.50, # number\n "b": [1, "http://x#y"], /* and\n a list */ "\u00e9\U0001f600": null} // end'
        for name, kind, contents, value in (("r", "raw", "any \u00e9 text\n", "any \u00e9 text\n"), ("j", "json", text, None),
                                            ("registry/c.csv", "csv", csv, parsed), ("empty", "raw", "", "")):
            self.set(name, contents, kind)
            self.assertEqual(self.get(name), contents)
            self.assertEqual(self.get(name, raw=True), contents)
            got = self.get(name, False)
            self.assertEqual(got, value if kind != "json" else {"a": 1.5, "b": [1, "http://x#y"], "\u00e9\U0001f600": None})
            about = self.b.result("config.store", "get_metadata", "bb", name)
            self.assertRegex(about.pop("modified"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
            self.assertEqual(about, {"type": kind, "data": contents})
        self.assertEqual(self.b.result("config.store", "list_configs", "bb"), ["empty", "j", "r", "registry/c.csv"])
        self.assertEqual(self.b.result("config.store", "list_stores"), ["bb"])

    def test_names(self):
        self.set(" /\\Config/ ", "1")
        self.set("CONFIG", "2")
        self.assertEqual(self.b.result("config.store", "list_configs", "bb"), ["CONFIG"])
        self.assertEqual(self.get("config"), "2")
        self.assertEqual([p["*args"] for _, p in self.pushed], [["NEW", "Config"], ["UPDATE", "CONFIG"]])
        for name in ("", " / ", "a\tb", "x" * 256):
            self.assertEqual(self.b.refused("config.store", "set_config", "bb", name, "1"), -32602)
        for who in ("", "a b", "1e5", "x" * 256):
            self.assertEqual(self.a.refused("config.store", "set_config", who, "n", "1"), -32602)

    def test_what_is_refused(self):
        for kind, text in (("json", "{"), ("json", "5"), ("json", '{"a":NaN}'), ("csv", ""), ("csv", 'a\n"b'), ("xml", "<a/>"), ("JSON", "{}")):
            self.assertEqual(self.b.refused("config.store", "set_config", "bb", "n", text, kind), -32000, text)
        self.assertEqual(self.b.refused("config.store", "set_config", "bb", "n", "x" * ((1 << 20) + 1)), -32000)
        self.assertEqual(self.b.refused("config.store", "set_config", "bb", "n", {"a": 1}, "json"), -32602)
        for method in ("get_config", "get_metadata", "delete_config"):
            answer = self.b.call("config.store", method, "bb", "n")
            self.assertEqual(answer["error"]["code"], -32000)
            self.assertEqual(answer["error"]["data"]["exception.py"]["exc_type"], "KeyError")
        self.assertEqual(self.b.result("config.store", "list_configs", "bb"), [])
        self.assertEqual(self.pushed, [])

    def test_initial_update_comes_before_the_answer(self):
        self.set("config", '{"link": "config://other"}', "json", send_update=False)
        self.set("other", "text", send_update=False)
        self.assertEqual(self.pushed, [])
        self.assertEqual(self.b.result("config.store", "initialize_configs", "bb"), None)
        self.assertEqual(self.pushed, [("config.initial_update", [{"config": {"link": "config://other"}, "other": "text"}])])
        self.pushed.clear()
        self.assertEqual(self.b.result("config.store", "get_configs"), None)
        self.assertEqual(len(self.pushed), 1)
        # Of an agent that is not there, and by one who may.
        self.assertEqual(self.a.result("config.store", "initialize_configs", "absent"), None)

    def test_pushes(self):
        self.set("n", "1", trigger_callback=False)
        self.set("n", '[1]', "json")
        self.b.result("config.store", "delete_config", "bb", "N", trigger_callback=True)
        self.b.result("config.store", "delete_store", "bb")
        self.set("m", "1", send_update=False)
        self.b.result("config.store", "delete_store", "bb")
        self.assertEqual(self.pushed, [
            ("config.update", {"*args": ["NEW", "n"], "**kwargs": {"contents": "1", "trigger_callback": False}}),
            ("config.update", {"*args": ["UPDATE", "n"], "**kwargs": {"contents": [1], "trigger_callback": True}}),
            ("config.update", {"*args": ["DELETE", "N"], "**kwargs": {"trigger_callback": True}}),
            ("config.update", {"*args": ["DELETE_ALL", None], "**kwargs": {"trigger_callback": True}})])
        self.assertEqual(self.b.result("config.store", "list_stores"), [])

    def test_a_push_is_the_stores_own_and_its_answer_counts_from_the_agent_alone(self):
        self.a.send("config.store", "VIP1", "", "m", "RPC", json.dumps(
            {"jsonrpc": "2.0", "id": "x", "method": "set_config", "params": ["bb", "n", "1"]}))
        frames = self.b.next()
        self.assertEqual(frames[:3], ["config.store", "VIP1", "config.store"])
        self.assertEqual(frames[4], "RPC")
        number = json.loads(frames[5])["id"]
        forged = json.dumps({"jsonrpc": "2.0", "id": number, "result": None})
        self.a.send("config.store", "VIP1", "", "m", "RPC", forged)
        self.assertIsNone(self.a.next(QUIET_MS))
        self.b.send("config.store", "VIP1", "", frames[3], "RPC", forged)
        self.assertEqual(json.loads(self.a.next()[5]), {"jsonrpc": "2.0", "id": "x", "result": None})

    def test_an_agent_that_leaves_or_fails_holds_nobody_up(self):
        request = {"jsonrpc": "2.0", "id": "x", "method": "set_config", "params": ["bb", "n", "1"]}
        self.a.send("config.store", "VIP1", "", "m", "RPC", json.dumps(request))
        frames = self.b.next()
        self.b.send("config.store", "VIP1", "", frames[3], "RPC", json.dumps(
            {"jsonrpc": "2.0", "id": json.loads(frames[5])["id"], "error": {"code": -32001, "message": "no"}}))
        self.assertEqual(json.loads(self.a.next()[5])["result"], None)
        self.broker.logged("config-not-taken")
        self.a.send("config.store", "VIP1", "", "m", "RPC", json.dumps(request))
        self.assertIsNotNone(self.b.next())
        self.b.close()
        self.assertEqual(json.loads(self.a.next()[5])["result"], None)

    def test_links(self):
        self.set("a", '{"x": ["config://B", "config://missing", "config:/none"], "y": "raw"}', "json")
        self.set("b", '[{"deep": "config://c.csv/ "}]', "json")
        self.set("c.csv", "p\nconfig://d\n", "csv")
        self.set("d", "config://a")
        self.assertEqual(self.get("a", False)["x"][0], "config://B")
        self.assertEqual(self.get("a", False, resolve=True),
                         {"x": [[{"deep": [{"p": "config://a"}]}], None, "config:/none"], "y": "raw"})
        for name, text in (("b", '["config://A"]'), ("e", '["config://e"]'), ("C.csv", '["config://a"]')):
            self.assertEqual(self.b.refused("config.store", "set_config", "bb", name, text, "json"), -32000)
        self.assertEqual(json.loads(self.get("b")), [{"deep": "config://c.csv/ "}])
        # Twenty configurations, each with the next one twice, are a million values.
        for i in range(20):
            self.set(f"wide{i}", json.dumps([f"config://wide{i + 1}"] * 2), "json", send_update=False)
        self.assertEqual(self.b.refused("config.store", "get_config", "bb", "wide0", False, resolve=True), -32000)

    def test_who_may(self):
        c = Caller(self.broker, "cc.1")
        self.set("n", "1")
        everything = (("set_config", ("n", "1")), ("get_config", ("n",)), ("get_metadata", ("n",)), ("delete_config", ("n",)),
                      ("list_configs", ()), ("initialize_configs", ()), ("delete_store", ()), ("manage_store", ("n", "1")))
        for method, args in everything:
            self.assertEqual(self.b.refused("config.store", method, "aa", *args), -32001, method)
        self.assertEqual(c.result("config.store", "get_config", "bb", "n"), "1")
        self.assertEqual(c.refused("config.store", "set_config", "bb", "n", "1"), -32001)
        self.assertEqual(c.refused("config.store", "set_config", "cc.10", "n", "1"), -32001)
        self.assertEqual(c.result("config.store", "set_config", "cc.2", "n", "1"), None)
        self.assertEqual(self.a.result("config.store", "get_config", "cc.2", "n"), "1")

    def test_older_names(self):
        self.b.result("config.store", "manage_store", "bb", "n", "1")
        self.assertEqual(self.b.result("config.store", "manage_get", "bb", "n"), "1")
        self.assertEqual(self.b.result("config.store", "manage_list_configs", "bb"), ["n"])
        self.assertEqual(self.b.result("config.store", "manage_list_stores"), ["bb"])
        self.assertEqual(self.b.result("config.store", "manage_get_metadata", "bb", "n")["data"], "1")
        self.b.result("config.store", "manage_delete_config", "bb", "n")
        self.b.result("config.store", "manage_delete_store", "bb")
        self.assertEqual(self.b.result("config.store", "manage_list_stores"), [])

    def test_what_was_answered_survives_kill_9(self):
        for i in range(30):
            self.set(f"n{i}", str(i), send_update=False)
        self.broker.process.kill()
        self.broker.process.wait()
        (self.broker.home / "run/pub.address").unlink()
        self.broker.log.close()
        self.broker.start()
        b = Caller(self.broker, "bb")
        self.assertEqual([b.result("config.store", "get_config", "bb", f"n{i}") for i in range(30)], [str(i) for i in range(30)])

    def test_bounds(self):
        for i in range(8):
            self.set(f"n{i}", "x" * (1 << 20), send_update=False)
        self.assertEqual(self.b.refused("config.store", "set_config", "bb", "more", "x"), -32000)
        self.set("n0", "", send_update=False)
        self.set("more", "x" * (1 << 20), send_update=False)


class DamagedStore(test_vip.WithBroker):
    """busbard runs without its configurations, says so, and changes nothing in the file."""

    def end_with(self, contents, mode=0o600):
        path = self.broker.home / "config.db"
        self.broker.process.terminate()
        self.broker.process.wait()
        path.write_bytes(contents)
        path.chmod(mode)
        self.broker.log.close()
        self.broker.start()
        b = Caller(self.broker, "bb")
        for method, args in (("initialize_configs", ["bb"]), ("set_config", ["bb", "n", "1"]), ("get_config", ["bb", "n"]), ("list_stores", [])):
            self.assertEqual(b.refused("config.store", method, *args), -32000)
        hosted = {one["identity"]: one["trouble"] for one in b.stats()["hosted"]}
        self.assertIn("config.db", hosted["config.store"])
        self.assertEqual(hosted["platform.auth"], "")
        self.assertEqual(path.read_bytes(), contents)
        self.broker.logged("config-store")

    def test_no_database(self):
        self.end_with(b"this is no database at all" * 100)

    def test_cut_short(self):
        b = Caller(self.broker, "bb")
        for i in range(50):
            b.result("config.store", "set_config", "bb", f"n{i}", "x" * 2000, send_update=False)
        self.broker.process.terminate()
        self.broker.process.wait()
        whole = (self.broker.home / "config.db").read_bytes()
        self.assertGreater(len(whole), 100000)
        self.end_with(whole[:40960])

    def test_somebody_elses(self):
        other = sqlite3.connect(self.broker.home / "other.db")
        other.execute("CREATE TABLE t(a)")
        other.commit()
        other.close()
        self.end_with((self.broker.home / "other.db").read_bytes())


if __name__ == "__main__":
    unittest.main()
