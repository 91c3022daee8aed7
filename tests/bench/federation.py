#!/usr/bin/env python3
"""federation.py [BUILD]: what durable topics cost across a link. BUILD is build/release unless given.

Two platforms over CURVE on this machine. The first one's broker keeps twenty thousand messages; then both agents start, and the
time is taken until the second one's broker has acknowledged the last to its agent.
"""
import os
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
os.environ["BUSBAR_BIN"] = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else TOP / "build/release").resolve() / "bin")
sys.path.insert(0, str(TOP / "tests/system"))
import federation  # noqa: E402

MESSAGES, BURST, ROUNDS = 20000, 500, 3


def processor_us(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK") * 1e6


class Measure(federation.DurableFederation):
    def runTest(self):
        a, b = self.pair()
        for platform in (a, b):
            platform.start_broker()
            self.peers[platform.name] = federation.Peer(platform)
        peer = self.peers["a"]
        for i in range(MESSAGES):
            peer.publish(federation.TOPIC, {"kw": 52.4, "n": i, "text": "x" * 60})
            if i % BURST == BURST - 1:
                while peer.next(0) is not None:
                    pass
        probe = lambda: peer.call(federation.BROKER, "durable.open", ["probe", ["D/"], "now", True])["result"]["acknowledged"]
        federation.eventually(lambda: probe() >= MESSAGES, "all are kept")
        a.start_agent()
        b.start_agent()
        self.wait_state(a, "up")
        start = time.monotonic()
        federation.eventually(lambda: self.state(b)["a"]["durable_in"]["received"] >= MESSAGES, "all have crossed")
        took = time.monotonic() - start
        print(f"{MESSAGES / took:.0f} messages a second; µs of processor time a message: sending agent "
              f"{processor_us(a.agent) / MESSAGES:.0f}, receiving agent {processor_us(b.agent) / MESSAGES:.0f}")


for _ in range(ROUNDS):
    Measure().debug()
