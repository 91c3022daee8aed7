#!/usr/bin/env python3
"""The identities that busbard hosts itself, spoken to frame by frame: JSON-RPC as it must be, `platform.auth`."""
import json
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

    def test_rpc_authorizations_are_echoed(self):
        methods = {"f": ["c", "d"], "g": []}
        self.assertEqual(self.a.result("platform.auth", "update_id_rpc_authorizations", "aa", methods), methods)


if __name__ == "__main__":
    unittest.main()
