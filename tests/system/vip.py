"""A peer on the bus in Python, over pyzmq alone, independent of Busbar's own client: what a stranger would write.

`Peer` speaks VIP1 on the vip door; `Ear` is a plain SUB socket on the sub door, `Mouth` a plain PUB socket on the pub door.
"""
import base64
import json
import pathlib
import time
import uuid

import zmq
from zmq.utils import z85

CONTEXT = zmq.Context.instance()


def z85_of(text):
    """A 32-byte key in base64url (VOLTTRON's keystores) as ZeroMQ wants it."""
    return z85.encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def keys_of(home, name):
    pair = json.loads(pathlib.Path(home, "keys", name + ".json").read_text())
    return z85_of(pair["public"]), z85_of(pair["secret"])


def secured(socket, home, name):
    """Gives a socket the key pair of `name` and the broker's public key."""
    socket.curve_serverkey = z85_of(pathlib.Path(home, "keys", "busbard.pub").read_text().strip())
    socket.curve_publickey, socket.curve_secretkey = keys_of(home, name)
    socket.linger = 0
    return socket


def door(home, name):
    return f"ipc://{home}/run/{name}.sock"


class Refused(Exception):
    """The other peer, or the router, answered with an error."""


class Peer:
    """An identity on the vip door."""

    def __init__(self, home, identity="cli.test", key="cli", wait_s=10):
        self.socket = secured(CONTEXT.socket(zmq.DEALER), home, key)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(door(home, "vip"))
        self.send("", "hello", "hello")
        if self.receive("hello", wait_s) is None:
            raise TimeoutError("no welcome from the broker")

    def send(self, recipient, subsystem, *arguments):
        message_id = uuid.uuid4().hex
        frames = [recipient, "VIP1", "", message_id, subsystem, *arguments]
        self.socket.send_multipart([f.encode() if isinstance(f, str) else f for f in frames])
        return message_id

    def receive(self, subsystem, wait_s):
        """The arguments of the next message of a subsystem (or of an error); None in the end."""
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0:
            if self.socket.poll(left * 1000):
                frames = self.socket.recv_multipart()
                if frames[4].decode() in (subsystem, "error"):
                    return [frames[4].decode(), *frames[5:]]
        return None

    def call(self, peer, method, params=None, wait_s=10):
        """The result of a JSON-RPC call; Refused when it is an error."""
        number = uuid.uuid4().hex
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": {} if params is None else params}
        self.send(peer, "RPC", json.dumps(request))
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0:
            got = self.receive("RPC", left)
            if got is None:
                break
            if got[0] == "error":
                raise Refused(b" ".join(got[1:]).decode("utf-8", "replace"))
            answer = json.loads(got[1])
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise Refused(answer["error"])
            return answer["result"]
        raise TimeoutError(f"{peer} did not answer {method} within {wait_s} s")

    def publish(self, topic, message):
        self.send("", "pubsub", "publish", topic, json.dumps({"bus": "", "headers": {}, "message": message}))

    def close(self):
        self.socket.close()


class Ear:
    """A plain SUB socket on the sub door. It keeps the last message of each topic that it has heard."""

    def __init__(self, home, *prefixes, key="cli"):
        self.socket = secured(CONTEXT.socket(zmq.SUB), home, key)
        self.socket.connect(door(home, "sub"))
        for prefix in prefixes or ("",):
            self.socket.subscribe(prefix)
        self.last = {}
        self.heard = 0

    def listen(self, wait_s):
        """Takes what comes; returns as soon as something has come and nothing more waits, at the latest after wait_s."""
        if not self.socket.poll(wait_s * 1000):
            return
        while self.socket.poll(0):
            topic, body = self.socket.recv_multipart()[:2]
            self.last[topic.decode()] = json.loads(body)["message"]
            self.heard += 1

    def until(self, condition, wait_s, what):
        """Listens until condition(self.last) holds; TimeoutError, telling `what`, when it does not in time."""
        deadline = time.monotonic() + wait_s
        while not condition(self.last):
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError(f"not within {wait_s} s: {what}")
            self.listen(min(left, 1))
        return self.last

    def forget(self):
        self.last.clear()

    def close(self):
        self.socket.close()
