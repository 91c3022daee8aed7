#!/usr/bin/env python3
"""mqtt-agent between a real busbard and a real mosquitto: both directions, what each side's absence costs, TLS, circles, bad company."""
import base64
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import mqtt
import vip
from neighbourhood import BIN, PATIENCE_S, Process, wait_until

# How long nothing must come to count as nothing.
QUIET_S = 0.4


class World:
    """A home with busbard; agents and MQTT brokers come later."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bb-", dir="/tmp"))
        self.processes, self.brokers, self.peers = {}, [], []
        for agent in ("mqtt-agent", "mqtt-two"):
            subprocess.run([BIN / "busbar", "init", "--home", self.home, "--agent", agent], check=True, capture_output=True)
        self.grant("mqtt-agent", publish=["mqtt/", "devices/", "heartbeat/mqtt-agent"])
        self.grant("mqtt-two", publish=["Data/", "mqtt/", "heartbeat/mqtt-two"])
        self.bus()
        self.peer = self.keep(vip.Peer(self.home))

    def grant(self, agent, publish):
        path = self.home / "access.json"
        rules = json.loads(path.read_text())
        for entry in rules["entries"]:
            if agent in entry["identities"]:
                entry["publish"] = publish
        path.write_text(json.dumps(rules))

    def bus(self):
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        if "busbard" in self.processes:
            self.processes["busbard"].start()
        else:
            self.processes["busbard"] = Process("busbard", [BIN / "busbard", "--home", self.home, *doors], self.home)
        wait_until((self.home / "run/pub.sock").exists, PATIENCE_S, "busbard is up")

    def keep(self, peer):
        self.peers.append(peer)
        return peer

    def mosquitto(self, name="mosquitto", **options):
        broker = mqtt.Mosquitto(self.home / name, **options)
        self.brokers.append(broker)
        return broker

    def configure(self, name, port, maps, settings):
        """Short pauses, so that a test waits for what it tests alone."""
        file = self.home / f"{name}.conf.json"
        file.write_text(json.dumps({"identity": name, "host": "127.0.0.1", "port": port, "retry_min_ms": 50, "retry_max_ms": 200,
                                    "heartbeat_ms": 0, **maps, **settings}))
        return [BIN / "mqtt-agent", "--home", self.home, "--config", file]

    def agent(self, port, to_mqtt=(), to_bus=(), name="mqtt-agent", wait=True, **settings):
        maps = {"to_mqtt": list(to_mqtt), "to_bus": list(to_bus)}
        self.processes[name] = Process(name, self.configure(name, port, maps, settings), self.home)
        if wait:
            self.until(lambda s: s["mqtt"]["connected"], name=name)
            # The subscriptions' acknowledgements are in by the next tick.
            time.sleep(0.1)
        return self.processes[name]

    def status(self, name="mqtt-agent"):
        return self.peer.call(name, "status")

    def until(self, condition, name="mqtt-agent"):
        """Asks for the status until a condition of it holds."""
        deadline, status = time.monotonic() + PATIENCE_S, None
        while time.monotonic() < deadline:
            try:
                status = self.status(name)
                if condition(status):
                    return status
            except (vip.Refused, TimeoutError):
                pass
            if not self.processes[name].running():
                break
            time.sleep(0.02)
        raise TimeoutError(f"{status}\n{self.processes[name].log()}")

    def logged(self, part, name="mqtt-agent"):
        wait_until(lambda: part in self.processes[name].log(), PATIENCE_S, f"{part} in\n{self.processes[name].log()}")

    def ear(self, *prefixes):
        ear = self.keep(Ear(self.home, *prefixes))
        # Until its subscription is there: what this peer says is heard.
        while not ear.hear(0.05, lambda topic: topic == prefixes[0] + "ready"):
            self.peer.publish(prefixes[0] + "ready", None)
        while ear.hear(0.1, lambda topic: topic == prefixes[0] + "ready"):
            pass
        return ear

    def close(self):
        for peer in self.peers:
            peer.close()
        for name in reversed(self.processes):
            self.processes[name].stop()
        for broker in self.brokers:
            broker.stop()
        logs = {name: process.log() for name, process in self.processes.items()}
        shutil.rmtree(self.home)
        return logs


class Ear(vip.Ear):
    def hear(self, wait_s=PATIENCE_S, wanted=lambda topic: True):
        """The next (topic, envelope) of a wanted topic; None when none comes in time."""
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0:
            if self.socket.poll(left * 1000):
                topic, body = self.socket.recv_multipart()
                if wanted(topic.decode()):
                    return topic.decode(), json.loads(body)
        return None


def faults(log):
    """What sanitizers say, but for the buffer that libzmq 4.3.4 itself loses when a CURVE socket closes while messages stream in."""
    if "runtime error" in log or "ERROR: AddressSanitizer" in log:
        return [log]
    return [leak for leak in log.split("\n\n") if "leak of" in leak and "libzmq.so" not in leak]


class WithWorld(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.end)

    def end(self):
        for name, log in self.world.close().items():
            self.assertEqual(faults(log), [], name)


class Carrying(WithWorld):
    def test_both_directions(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, ["Data/ => home/grid/ qos1", "Data/dg/ => home/dg/ envelope", "Data/say => home/say exact plain"],
                ["home/meters/ => devices/home/ qos1", "home/wrapped/ => mqtt/ envelope"])
        ear = w.ear("devices/", "mqtt/")
        with mqtt.Client(broker.port) as client:
            client.subscribe("#")
            w.peer.publish("Data/consumer/consumer1", {"kw": 52.4})
            m = client.receive()
            self.assertEqual((m.topic, json.loads(m.payload), m.qos, m.retained), ("home/grid/consumer/consumer1", {"kw": 52.4}, 1, False))
            self.assertEqual(m.properties["busbar-sender"], "cli.test")
            self.assertEqual(m.properties["busbar-origin"], (w.home / "keys/busbard.pub").read_text().strip())
            w.peer.publish("Data/dg/dg1", [1])
            m = client.receive()
            body = json.loads(m.payload)
            self.assertEqual((m.topic, m.qos, body["topic"], body["sender"], body["message"]),
                             ("home/dg/dg1", 0, "Data/dg/dg1", "cli.test", [1]))
            w.peer.publish("Data/say", "ON")
            self.assertEqual(client.receive()[:2], ("home/say", b"ON"))
            w.peer.publish("other/x", 1)

            client.publish("home/meters/1", b'{"kwh":1.50}', qos=1)
            topic, heard = ear.hear()
            self.assertEqual((topic, heard["sender"], heard["message"]), ("devices/home/1", "mqtt-agent", {"kwh": 1.5}))
            self.assertEqual({k: v for k, v in heard["headers"].items() if k.startswith("mqtt")},
                             {"mqtt-agent": "mqtt-agent", "mqtt-topic": "home/meters/1", "mqtt-retained": False})
            client.publish("home/wrapped/x", b'{"message":[2],"headers":{"Cookie":"c","mqtt-agent":"liar"}}')
            topic, heard = ear.hear()
            self.assertEqual((topic, heard["message"], heard["headers"]["Cookie"], heard["headers"]["mqtt-agent"]),
                             ("mqtt/x", [2], "c", "mqtt-agent"))
            client.publish("home/elsewhere", b"1")
            self.assertIsNone(ear.hear(QUIET_S))
        status = w.until(lambda s: s["to_bus"]["done"] == 2 and s["to_mqtt"]["done"] == 3)
        self.assertEqual([m["taken"] for m in status["maps"]], [1, 1, 1, 1, 1])
        told = subprocess.run([BIN / "busbar", "rpc", "mqtt-agent", "status", "--home", w.home], capture_output=True, text=True, check=True)
        self.assertTrue(json.loads(told.stdout)["mqtt"]["connected"], told.stdout)

    def test_payloads(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, to_bus=["m/ => mqtt/"], payload_max=100000)
        ear = w.ear("mqtt/")
        binary = bytes(range(256))
        deep = b"[" * 60000
        cases = [(b"21.5", 21.5), (b"ON", "ON"), (b"", None), ("\u00e4\n".encode(), "\u00e4\n"),
                 (binary, {"base64": base64.b64encode(binary).decode()}), (b'{"a":1}\0', {"base64": "eyJhIjoxfQA="}),
                 (deep, deep.decode()), (b"NaN", "NaN")]
        with mqtt.Client(broker.port) as client:
            for payload, wanted in cases:
                client.publish("m/x", payload)
                self.assertEqual(ear.hear()[1]["message"], wanted)

    def test_retained(self):
        w = self.world
        broker = w.mosquitto()
        with mqtt.Client(broker.port) as client:
            client.publish("m/kept", b"1", qos=1, retain=True)
            client.publish("f/kept", b"1", qos=1, retain=True)
        ear = w.ear("mqtt/")
        w.agent(broker.port, ["Data/ => home/ retain qos1"], ["m/ => mqtt/m/", "f/ => mqtt/f/ fresh"])
        topic, heard = ear.hear()
        self.assertEqual((topic, heard["headers"]["mqtt-retained"]), ("mqtt/m/kept", True))
        with mqtt.Client(broker.port) as client:
            client.publish("f/kept", b"2", qos=1)
            topic, heard = ear.hear()
            self.assertEqual((topic, heard["message"], heard["headers"]["mqtt-retained"]), ("mqtt/f/kept", 2, False))
        w.peer.publish("Data/last", 7)
        w.until(lambda s: s["to_mqtt"]["done"] == 1)
        with mqtt.Client(broker.port, "later") as client:
            client.subscribe("home/#")
            self.assertEqual(client.receive()[:4], ("home/last", b"7", 1, True))
        self.assertEqual(w.status()["to_bus"]["skipped"], 1)

    def test_mqtt_3(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, ["Data/ => home/ qos1"], ["m/ => mqtt/ qos1"], protocol="3.1.1")
        ear = w.ear("mqtt/")
        with mqtt.Client(broker.port, version=4) as client:
            client.subscribe("home/#")
            w.peer.publish("Data/x", 1)
            self.assertEqual(client.receive()[:2], ("home/x", b"1"))
            client.publish("m/x", b"2", qos=1)
            self.assertEqual(ear.hear()[1]["message"], 2)


class Security(WithWorld):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="bb-tls-", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        mqtt.certificates(cls.folder)

    def tls(self, server="server", *more):
        return ["allow_anonymous true", f"cafile {self.folder}/ca.pem", f"certfile {self.folder}/{server}.pem",
                f"keyfile {self.folder}/{server}.key", "require_certificate true", "use_identity_as_username true", *more]

    def secured(self, ca="ca", certificate="client"):
        own = {"certificate": f"{self.folder}/{certificate}.pem", "private_key": f"{self.folder}/{certificate}.key"}
        return {"host": "localhost", "tls": True, "ca_file": f"{self.folder}/{ca}.pem", **(own if certificate else {})}

    def test_certificates_of_both(self):
        w = self.world
        broker = w.mosquitto(lines=self.tls())
        w.agent(broker.port, ["Data/ => home/ qos1"], ["m/ => mqtt/ qos1"], **self.secured())
        ear = w.ear("mqtt/")
        with mqtt.Client(broker.port, tls=mqtt.trusting(self.folder)) as client:
            client.subscribe("home/#")
            w.peer.publish("Data/x", "y" * 100000)
            self.assertEqual(len(client.receive().payload), 100002)
            # Many at once: TLS holds decrypted ones that the socket does not show.
            for i in range(2000):
                client.publish("m/n", str(i))
            self.assertEqual([ear.hear()[1]["message"] for _ in range(2000)], list(range(2000)))

    def refused(self, lines, words, **settings):
        w = self.world
        broker = w.mosquitto(lines=lines)
        w.agent(broker.port, ["Data/ => home/"], wait=False, **settings)
        w.logged("event=mqtt-away")
        w.logged(words)
        status = w.status()
        self.assertFalse(status["mqtt"]["connected"])
        self.assertIn(words, status["mqtt"]["reason"])
        self.assertEqual(w.processes["mqtt-agent"].log().count(words), 1, "told once, however often it is tried")

    def test_wrong_authority(self):
        self.refused(self.tls(), "the MQTT broker's certificate is not trusted", **self.secured(ca="other"))

    def test_wrong_host(self):
        self.refused(self.tls("elsewhere"), "the MQTT broker's certificate is not for the host localhost", **self.secured())

    def test_no_certificate_of_ones_own(self):
        w = self.world
        broker = w.mosquitto(lines=self.tls())
        w.agent(broker.port, ["Data/ => home/"], wait=False, **self.secured(certificate=None))
        # With TLS 1.3 the broker says so after the handshake, if it is heard before the connection is gone.
        w.logged("certificate")
        self.assertFalse(w.status()["mqtt"]["connected"])

    def test_no_tls_there(self):
        self.refused(["allow_anonymous true"], "TLS with the MQTT broker fails", **self.secured())

    def passwords(self):
        file = self.world.home / "passwords"
        file.write_text("grid:geheim\n")
        subprocess.run(["mosquitto_passwd", "-U", file], check=True)
        file.chmod(0o644)
        return ["allow_anonymous false", f"password_file {file}"]

    def secret(self, text, mode=0o600):
        file = self.world.home / "mqtt.password"
        file.touch(mode=0o600)
        file.write_text(text + "\n")
        file.chmod(mode)
        return {"username": "grid", "password_file": "mqtt.password"}

    def test_password(self):
        w = self.world
        broker = w.mosquitto(lines=self.passwords())
        w.agent(broker.port, ["Data/ => home/"], **self.secret("geheim"))
        self.assertIn("event=password-in-clear", w.processes["mqtt-agent"].log())
        command = pathlib.Path(f"/proc/{w.processes['mqtt-agent'].pid}/cmdline").read_bytes()
        self.assertNotIn(b"geheim", command + w.processes["mqtt-agent"].log().encode())

    def test_wrong_password(self):
        self.refused(self.passwords(), "the MQTT broker refuses the connection", **self.secret("falsch"))

    def test_password_that_others_can_read(self):
        w = self.world
        agent = w.agent(1, ["Data/ => home/"], wait=False, **self.secret("geheim", 0o644))
        agent.popen.wait(PATIENCE_S)
        self.assertIn("chmod 600", agent.log())

    def test_without_a_grant_nothing_is_carried(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, to_bus=["m/ => market/", "n/ => mqtt/"])
        ear = w.ear("market/", "mqtt/")
        with mqtt.Client(broker.port) as client:
            client.publish("m/trades", b"1")
            client.publish("n/x", b"1")
            self.assertEqual(ear.hear()[0], "mqtt/x")
            w.until(lambda s: s["to_bus"]["refused_by_bus"] == 1)


class Circles(WithWorld):
    def test_nothing_comes_back(self):
        """Topics mapped onto each other, two agents, and the MQTT broker's retained copies: each message crosses once."""
        w = self.world
        broker = w.mosquitto()
        maps = (["Data/ => home/ qos1 retain"], ["home/ => Data/ qos1"])
        w.grant("mqtt-agent", ["Data/", "heartbeat/mqtt-agent"])
        w.processes["busbard"].signal(1)
        w.agent(broker.port, *maps)
        w.agent(broker.port, *maps, name="mqtt-two")
        ear = w.ear("Data/")
        with mqtt.Client(broker.port) as client:
            client.subscribe("home/#")
            while client.receive(QUIET_S):
                pass
            before = [w.status(name) for name in ("mqtt-agent", "mqtt-two")]
            w.peer.publish("Data/x", 1)
            # Each agent carries it once.
            self.assertEqual([client.receive()[:2] for _ in range(2)], [("home/x", b"1")] * 2)
            self.assertIsNone(client.receive(QUIET_S))
            self.assertEqual(ear.hear()[1]["sender"], "cli.test")
            self.assertIsNone(ear.hear(QUIET_S))
            client.publish("home/y", b"2", qos=1)
            self.assertEqual(client.receive()[:2], ("home/y", b"2"))
            self.assertEqual(sorted(ear.hear()[1]["sender"] for _ in range(2)), ["mqtt-agent", "mqtt-two"])
            self.assertIsNone(ear.hear(QUIET_S))
            self.assertIsNone(client.receive(QUIET_S))
            for name, old in zip(("mqtt-agent", "mqtt-two"), before):
                status = w.status(name)
                self.assertGreater(status["to_mqtt"]["returned"], old["to_mqtt"]["returned"])
                # Its own is not even sent to it (No Local); the other's is marked as from this bus.
                self.assertGreater(status["to_bus"]["returned"], old["to_bus"]["returned"])
            # What the broker kept of this bus stays there when an agent starts anew.
            w.processes["mqtt-agent"].stop()
            w.processes["mqtt-agent"].start()
            w.until(lambda s: s["mqtt"]["connected"] and s["to_bus"]["returned"] > 0)
            self.assertIsNone(ear.hear(QUIET_S))

    def test_another_bus_is_another_origin(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, to_bus=["home/ => mqtt/"], origin="here")
        ear = w.ear("mqtt/")
        with mqtt.Client(broker.port) as client:
            client.publish("home/x", b"1", properties={"busbar-origin": "here"})
            client.publish("home/x", b"2", properties={"other": "here", "busbar-origin": "there"})
            self.assertEqual(ear.hear()[1]["message"], 2)
        self.assertEqual(w.status()["to_bus"]["returned"], 1)

    def test_3_1_1_has_no_marks(self):
        w = self.world
        agent = w.agent(1, ["Data/ => home/"], ["home/x/ => mqtt/"], wait=False, protocol="3.1.1")
        self.assertEqual(agent.popen.wait(PATIENCE_S), 2)
        self.assertIn("comes back", agent.log())


class Strangers(WithWorld):
    def test_topics_that_mqtt_cannot_have(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, ["Data/ => home/ qos1", "raw/ =>"])
        with mqtt.Client(broker.port) as client:
            client.subscribe("#")
            for topic in ("Data/a+b", "Data/#", "Data/" + "/" * 300, "Data/\x01", b"Data/\xff", "raw/$SYS/x", "raw/", b"Data/" + b"x" * 1019):
                w.peer.send("", "pubsub", "publish", topic, '{"bus":"","headers":{},"message":1}')
            w.peer.publish("Data/big", "x" * 2000000)
            w.peer.publish("Data/fine", 1)
            got = client.receive()
            self.assertEqual(len(got.topic), 1024)
            self.assertEqual(client.receive().topic, "home/fine")
        status = w.status()
        self.assertEqual((status["to_mqtt"]["refused"], status["mqtt"]["connections"]), (8, 1))
        self.assertEqual(w.processes["mqtt-agent"].log().count("event=message-refused"), 1, "not one line for each")

    def test_what_mqtt_may_send(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, to_bus=["m/ => mqtt/", "e/ => mqtt/ envelope", "n/ =>"], payload_max=1000)
        ear = w.ear("mqtt/")
        dice = random.Random(4)
        with mqtt.Client(broker.port) as client:
            for payload in (b"", b"[]", b'{"message":1', b'{"headers":1,"message":1}', b'{"headers":{"a":1,"a":2},"message":1}', b"\xff"):
                client.publish("e/x", payload)
            client.publish("m/" + "x" * 2000, b"1")
            client.publish("n/", b"1")
            client.publish("m/x", b"x" * 1001)
            client.publish("m/x", b"x" * 500000)
            for _ in range(300):
                client.publish("m/" + "".join(dice.choice("ab/ $-") for _ in range(dice.randrange(1, 40))),
                               dice.randbytes(dice.randrange(1000)))
            client.publish("m/last", b"1")
            while ear.hear()[0] != "mqtt/last":
                pass
        status = w.status()
        self.assertEqual((status["to_bus"]["refused"], status["to_bus"]["taken"], status["mqtt"]["connections"]), (9, 301, 1))

    def test_a_broker_that_lies(self):
        """Whatever a server says, the agent stays on the bus, tries again, and its memory stays small."""
        answers = [b"", b"\x00", b"\xff" * 100, b"\x20\xff\xff\xff\x7f", b"\x20\x03\x00\x00\x00\x30\xff\xff\xff\x7f" + b"x" * 100,
                   b"\x20\x03\x00\x00\x00\x30\x05\x00\xff\x00\x00\x00", b"\x20\x03\x00\x00\x00\x90\x03\x00\x01\x00",
                   b"\x20\x03\x00\x00\x00\x40\x04\x00\x00\x00\x00", b"\x20\x03\x00\x87\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n",
                   b"\x20\x03\x00\x00\x00\x30\x0a\x00\x03m/\x00\x00abcd"]
        self.listen_to(answers)

    def test_a_broker_that_babbles(self):
        """The same with random bytes, in MQTT 3.1.1: libmosquitto 2.0.11 itself aborts when a broker uses a property that MQTT 5 does
        not have."""
        dice = random.Random(int(os.environ.get("BUSBAR_SEED", "5")))
        self.listen_to([b"\x20\x02\x00\x00" + dice.randbytes(200) for _ in range(40)], protocol="3.1.1")

    def listen_to(self, answers, **settings):
        w = self.world
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE_S)
            told = threading.Event()
            threading.Thread(target=self.lie, args=(server, answers, told), daemon=True).start()
            w.agent(server.getsockname()[1], ["Data/ => home/ qos1"], ["m/ => mqtt/ qos1"], wait=False, retry_max_ms=50, keepalive_s=5,
                    **settings)
            w.until(lambda s: s["bus"]["connected"])
            for i in range(300):
                w.peer.publish("Data/n", i)
            self.assertTrue(told.wait(PATIENCE_S))
        self.assertFalse(w.until(lambda s: not s["mqtt"]["connected"])["mqtt"]["connected"])
        self.assertTrue(w.processes["mqtt-agent"].running())

    @staticmethod
    def lie(server, answers, told):
        """One answer to each client that greets; a connection that says nothing is the agent's probe."""
        for answer in answers:
            greeted = False
            while not greeted:
                peer, _ = server.accept()
                with peer:
                    peer.settimeout(PATIENCE_S)
                    try:
                        greeted = bool(peer.recv(1000))
                        if greeted:
                            peer.sendall(answer)
                            peer.settimeout(0.05)
                            while peer.recv(65536):
                                pass
                    except OSError:
                        pass
        told.set()


class Starting(unittest.TestCase):
    def test_settings(self):
        for words, why in ((["--to-bus", "m => x"], "ends with /"), ([], "nothing to carry"), (["--to-mqtt", "a => b+"], "+ and #"),
                           (["--password", "x"], "password")):
            done = subprocess.run([BIN / "mqtt-agent", *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                                  env={**os.environ, "HOME": "/nowhere"})
            self.assertEqual(done.returncode, 2)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
