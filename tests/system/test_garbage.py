#!/usr/bin/env python3
"""Garbage on every door leaves everything working. BUSBAR_SEED repeats a run."""
import os
import random
import socket
import unittest

import zmq

import cases
import vip
from neighbourhood import Neighbourhood

SEED = int(os.environ.get("BUSBAR_SEED", "1"))


class Garbage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"\nseed {SEED}", flush=True)
        cls.town = cls.enterClassContext(Neighbourhood(cases.TABLE_1[:4] + cases.TABLE_1[10:12], topology="ring"))
        cls.town.certified()

    def setUp(self):
        self.chance = random.Random(SEED)

    def tearDown(self):
        """The bus still carries a change to everybody."""
        self.assertTrue(self.town.processes["busbard"].running())
        self.town.tune(("L1", "consumer", round(self.chance.uniform(14, 18), 3), 0.09, 90.0))
        price, _ = self.town.solve()
        self.town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5)

    def blob(self, most=200):
        return self.chance.randbytes(self.chance.randrange(most))

    def test_bytes_that_are_no_zmtp(self):
        for door in ("vip", "sub", "pub"):
            for _ in range(50):
                with socket.socket(socket.AF_UNIX) as raw:
                    raw.connect(f"{self.town.home}/run/{door}.sock")
                    try:
                        raw.sendall(self.blob(2000))
                    except (BrokenPipeError, ConnectionResetError):
                        pass

    def test_peers_without_keys(self):
        for door in ("vip", "sub", "pub"):
            stranger = vip.CONTEXT.socket(zmq.DEALER)
            stranger.linger = 0
            stranger.connect(vip.door(self.town.home, door))
            for _ in range(20):
                stranger.send_multipart([b"", b"VIP1", b"", b"1", b"hello"])
            self.assertFalse(stranger.poll(200))
            stranger.close()

    def test_frames_on_the_vip_door(self):
        subsystems = [b"hello", b"ping", b"pubsub", b"peerlist", b"query", b"RPC", b"error", b"agentstop", b""]
        verbs = [b"publish", b"subscribe", b"unsubscribe", b"synchronize", b"list", b""]
        peer = vip.Peer(self.town.home, "cli.garbage")
        for _ in range(500):
            frames = [self.chance.choice([b"", b"consumer-agent", self.blob(20)]), b"VIP1", b"", self.blob(10),
                      self.chance.choice(subsystems), self.chance.choice(verbs)]
            frames += [self.chance.choice([self.blob(), b"{}", b'{"prefix":', b"[[[[", b'{"bus":"","message":1}'])
                       for _ in range(self.chance.randrange(4))]
            peer.socket.send_multipart(self.chance.choice([frames, frames[:self.chance.randrange(1, 6)], [self.blob()] * 70]))
        peer.close()

    def test_calls_to_the_agents(self):
        peer = vip.Peer(self.town.home, "cli.garbage2")
        for _ in range(300):
            peer.send(self.chance.choice(["consumer-agent", "dg-agent"]), "RPC",
                      self.chance.choice([self.blob(), b"{}", b"[]", b'{"jsonrpc":"2.0","id":1,"method":"board.hold"}',
                                          b'{"jsonrpc":"2.0","id":{},"method":7,"params":[1]}', b"null", b'"x"']))
        peer.close()

    def test_publishes_that_look_like_the_boards(self):
        peer = vip.Peer(self.town.home, "cli.garbage3")
        for _ in range(300):
            topic = self.chance.choice(list(self.town.topics.values()))
            peer.publish(topic, self.chance.choice([1, None, [], {}, {"board": "x"}, {"frame": "AAAA", "board": 2},
                                                    {"frame": "!!!"}, {"frame": 7}, {"board": -1, "frame": "AQID"}]))
        peer.close()

    def test_the_scripts_doors(self):
        for kind, door in ((zmq.PUB, "pub"), (zmq.XSUB, "sub")):
            mouth = vip.secured(vip.CONTEXT.socket(kind), self.town.home, "cli")
            mouth.connect(vip.door(self.town.home, door))
            mouth.poll(200, zmq.POLLOUT)
            for _ in range(300):
                mouth.send_multipart([self.blob(40) or b"x" for _ in range(self.chance.randrange(1, 4))])
            mouth.close()


if __name__ == "__main__":
    unittest.main()
