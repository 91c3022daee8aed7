#!/usr/bin/env python3
"""Replays tests/vectors/vip: whole conversations of VOLTTRON 9 agents, byte for byte, by a bare ZeroMQ client, over CURVE and NULL."""
import json
import pathlib
import unittest

import zmq

import test_vip
from test_vip import PATIENCE_MS, QUIET_MS

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/vip"
# The peers of the vectors, under keys of the test's broker.
PEERS = {"AGENT": ("aa", "aa"), "WATCH": ("bb", "bb")}


class Replay:
    def __init__(self, case, broker):
        self.case, self.broker = case, broker
        self.sockets, self.kept = {}, {}
        key = test_vip.text_of(broker.keys["busbard"][0]) if broker.security == "curve" else ""
        self.words = {"SERVERKEY": key, **{word: identity for word, (identity, _) in PEERS.items()}}

    def named(self, text):
        for word, value in self.words.items():
            text = text.replace(word, value)
        return text

    def made(self, value):
        """A value of a vector with the names put in."""
        if isinstance(value, str):
            return self.named(value)
        if isinstance(value, list):
            return [self.made(v) for v in value]
        if isinstance(value, dict):
            if list(value) == ["same"]:
                return self.kept[value["same"]]
            return {self.named(k): self.made(v) for k, v in value.items()}
        return value

    def sent(self, frame):
        if isinstance(frame, str):
            return self.named(frame).encode("latin-1")
        kind, value = next(iter(frame.items()))
        if kind == "same":
            return self.kept[value]
        if kind == "hex":
            return bytes.fromhex(value)
        return (self.named(value) if kind == "text" else json.dumps(self.made(value))).encode("latin-1")

    def match(self, got, want, where):
        """Compares values of JSON."""
        if isinstance(want, dict) and list(want) == ["any"]:
            self.kept[want["any"]] = got
        elif isinstance(want, dict):
            self.case.assertIsInstance(got, dict, where)
            want = {self.named(k): v for k, v in want.items()}
            self.case.assertEqual(sorted(got), sorted(want), where)
            for key, value in want.items():
                self.match(got[key], value, f"{where}.{key}")
        elif isinstance(want, list):
            self.case.assertEqual((type(got), len(got)), (list, len(want)), where)
            for at, value in enumerate(want):
                self.match(got[at], value, f"{where}[{at}]")
        else:
            self.case.assertEqual(got, self.made(want), where)

    def match_frame(self, got, want, where):
        if isinstance(want, dict) and "any" in want:
            self.kept[want["any"]] = got
        elif isinstance(want, dict) and "json" in want:
            self.match(json.loads(got), want["json"], where)
        else:
            self.case.assertEqual(got, self.sent(want), where)

    def open(self, peer):
        identity, key = PEERS[peer]
        self.sockets[peer] = socket = self.broker.open(zmq.DEALER, key)
        socket.setsockopt(zmq.IDENTITY, identity.encode())
        socket.connect(self.broker.address["vip"])

    def joined(self, peer):
        self.open(peer)
        self.do({"from": peer, "frames": ["", "VIP1", "", "h", "hello", "hello"]}, "joined")
        self.do({"to": peer, "frames": ["", "VIP1", peer, "h", "hello", "welcome", "1.0", {"any": "router"}, peer]}, "joined")

    def do(self, step, where):
        if "joined" in step:
            self.joined(step["joined"])
        elif "open" in step:
            self.open(step["open"])
        elif "broken" in step:
            self.sockets.pop(step["broken"]).close(0)
        elif "quiet" in step:
            came = self.sockets[step["quiet"]].poll(QUIET_MS) and self.sockets[step["quiet"]].recv_multipart()
            self.case.assertFalse(came, where)
        elif "within" in step:
            for key, value in step["has"].items():
                self.match(self.kept[step["within"]][key], value, where)
        elif "from" in step:
            if step["from"] not in self.sockets:
                self.open(step["from"])
            self.sockets[step["from"]].send_multipart([self.sent(f) for f in step["frames"]])
        else:
            self.case.assertTrue(self.sockets[step["to"]].poll(PATIENCE_MS), f"{where}: nothing came")
            got, wanted = self.sockets[step["to"]].recv_multipart(), step["frames"]
            if isinstance(wanted[-1], dict) and "among" in wanted[-1]:
                self.case.assertLessEqual({f.encode() for f in wanted[-1]["among"]}, set(got[len(wanted) - 1:]), where)
                got, wanted = got[:len(wanted) - 1], wanted[:-1]
            self.case.assertEqual(len(got), len(wanted), f"{where}: {got}")
            for at, (one, want) in enumerate(zip(got, wanted)):
                self.match_frame(one, want, f"{where}, frame {at}: {got}")

    def run(self, name):
        steps = json.loads((VECTORS / f"{name}.json").read_text())["steps"]
        for number, step in enumerate(steps, 1):
            self.do(step, f"{name}, step {number}")
        for peer, socket in self.sockets.items():
            self.case.assertFalse(socket.poll(QUIET_MS), f"{name}: something more came to {peer}")


class Golden(test_vip.WithBroker):
    def setUp(self):
        super().setUp()
        if self.security == "curve":
            self.broker.grant(aa=(["aa"], ["devices/", "heartbeat/"], ["devices/", "analysis/"]), bb=(["bb"], [""], [""]))
            self.broker.process.send_signal(1)
            self.broker.logged("rules-read")

    def test_a_wrong_frame_is_found(self):
        replay = Replay(self, self.broker)
        replay.joined("AGENT")
        replay.do({"from": "AGENT", "frames": ["", "VIP1", "", "x", "ping", "ping"]}, "")
        with self.assertRaises(AssertionError):
            replay.do({"to": "AGENT", "frames": ["", "VIP1", "AGENT", "y", "ping", "pong"]}, "")


class GoldenWithoutSecurity(Golden):
    security = "none"


for file in sorted(VECTORS.glob("*.json")):
    setattr(Golden, f"test_{file.stem}", lambda self, name=file.stem: Replay(self, self.broker).run(name))


if __name__ == "__main__":
    unittest.main()
