"""watcher: an agent in Python that busbar-agentd hosts, with pyzmq alone (Debian: python3-zmq).

It hears the prefixes of its configuration, publishes watcher/heard, and answers the call `heard`. The frames are VOLTTRON's VIP1.
"""
import base64
import json
import os
import pathlib
import signal
import sys
import time
import uuid

import zmq
from zmq.utils import z85


def key(text):
    return z85.encode(base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4)))


class Bus:
    """A peer: its identity, its key and the broker's address are in the environment."""

    def __init__(self):
        self.identity = os.environ["BUSBAR_IDENTITY"]
        keys = pathlib.Path(os.environ["BUSBAR_HOME"], "keys")
        pair = json.loads((keys / f"{self.identity}.json").read_text())
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.identity = self.identity.encode()
        self.socket.curve_serverkey = key((keys / "busbard.pub").read_text())
        self.socket.curve_publickey, self.socket.curve_secretkey = key(pair["public"]), key(pair["secret"])
        self.socket.connect(os.environ["BUSBAR_VIP"].split("?")[0])  # behind the `?` is the broker's key, which is in the home, too
        self.send("", "hello", "hello")

    def send(self, peer, subsystem, *arguments, number=None):
        frames = [peer, "VIP1", "", number or uuid.uuid4().hex, subsystem, *arguments]
        self.socket.send_multipart([frame if isinstance(frame, bytes) else frame.encode() for frame in frames])

    def subscribe(self, prefix):
        self.send("", "pubsub", "subscribe", json.dumps({"prefix": prefix, "bus": ""}))

    def publish(self, topic, message):
        self.send("", "pubsub", "publish", topic, json.dumps({"bus": "", "headers": {}, "message": message}))

    def receive(self, wait_s):
        """(sender, number, subsystem, arguments), or None when nothing comes."""
        if not self.socket.poll(max(wait_s, 0) * 1000):
            return None
        sender, _, _, number, subsystem, *arguments = self.socket.recv_multipart()
        return sender, number, subsystem.decode(), arguments


def answer(bus, sender, number, request, methods):
    reply = {"jsonrpc": "2.0", "id": request.get("id")}
    if request.get("method") in methods:
        reply["result"] = methods[request["method"]]()
    else:
        reply["error"] = {"code": -32601, "message": f"no method {request.get('method')}"}
    bus.send(sender, "RPC", json.dumps(reply), number=number)


def main():
    config = json.loads(pathlib.Path(os.environ["BUSBAR_AGENT_CONFIG"]).read_text())
    heard = dict.fromkeys(config["prefixes"], 0)
    bus = Bus()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for prefix in heard:
        bus.subscribe(prefix)
    print("hearing", ", ".join(heard), flush=True)
    due = time.monotonic() + config["every_s"]
    while True:
        got = bus.receive(due - time.monotonic())
        if got is None:
            due += config["every_s"]
            bus.publish("watcher/heard", heard)
            bus.publish(f"heartbeat/{bus.identity}", "GOOD")
            continue
        sender, number, subsystem, arguments = got
        if subsystem == "pubsub" and len(arguments) > 1 and arguments[0] == b"publish":
            for prefix in heard:
                heard[prefix] += arguments[1].decode().startswith(prefix)
        elif subsystem == "RPC":
            request = json.loads(arguments[0])
            if "method" in request:
                answer(bus, sender, number, request, {"heard": lambda: heard})
        elif subsystem == "error":
            print(*(a.decode() for a in arguments), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
