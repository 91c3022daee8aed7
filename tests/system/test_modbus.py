#!/usr/bin/env python3
"""modbus-agent between a real busbard and devices of pymodbus (TCP and RTU): scraping, absence, setting with and without a reservation, SunSpec."""
import contextlib
import datetime
import json
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

import vip
from neighbourhood import BIN, PATIENCE_S, Process, wait_until

DEVICE = pathlib.Path(__file__).with_name("modbus_device.py")
HEAD = "Volttron Point Name,Units,Units Details,Modbus Register,Writable,Point Address,Default Value,Transform,Table,Mixed Endian\n"
METER = HEAD + """power,kW,,>f,FALSE,0,,,,
energy,Wh,,>Q,FALSE,2,,,,
voltage,V,,>H,FALSE,8,,scale(0.1),,
odd,,,<i,FALSE,10,,,,
swapped,,,>I,FALSE,12,,,,TRUE
serial,,,8s,FALSE,20,,,,
fault,On/Off,,BOOL,FALSE,3,,,,
limit,%,,>H,TRUE,100,,,,
ramp,kW/s,,>f,TRUE,101,2.5,,,
bias,V,,>h,TRUE,110,,scale(0.01),,
relay,On/Off,,BOOL,TRUE,0,,,,
"""


def words(form, *values):
    data = struct.pack(form, *values)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def meter():
    return {"input": {"0": words(">f", 52.4) + words(">Q", 2**63 + 1) + [0, 0] + [2305, 0] + words("<i", -7) + [2, 1],
                      "14": [0] * 6 + words(">8s", b"SN-0042")},
            "discrete": {"0": [0, 0, 0, 1]}, "coils": {"0": [0]}, "holding": {"100": [80] + words(">f", 1.5) + [0] * 7 + [65436]}}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stamp(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat(sep=" ")


class Device:
    """A device in a process of its own; it can be killed and started again."""

    def __init__(self, world, name, kind, place, units, delay=0):
        description = json.dumps({"units": units, "delay": delay})
        self.process = Process(name, ["/usr/bin/python3", DEVICE, kind, place, description], world.home, talks=True)
        world.processes.append(self.process)
        self.wait()

    def wait(self):
        line = self.process.read_line(PATIENCE_S)
        assert line == "ready", (line, self.process.log())

    def again(self):
        for pipe in (self.process.popen.stdin, self.process.popen.stdout):
            pipe.close()
        self.process.start()
        self.wait()

    def order(self, **order):
        self.process.popen.stdin.write(json.dumps(order) + "\n")
        self.process.popen.stdin.flush()
        return json.loads(self.process.read_line(PATIENCE_S))

    def get(self, table, address, count=1, unit=1):
        return self.order(get=[unit, table, address, count])


class World:
    """A home with busbard; devices and agents come and go with each test."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bb-", dir="/tmp"))
        for agent in ("modbus-agent", "platform.driver", "platform.actuator"):
            subprocess.run([BIN / "busbar", "init", "--home", self.home, "--agent", agent], check=True, capture_output=True)
            subprocess.run([BIN / "busbar", "access", "grant", agent, "--publish", "devices/", "--publish", "alerts/modbus/", "--home", self.home],
                           check=True, capture_output=True)
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        self.busbard = Process("busbard", [BIN / "busbard", "--home", self.home, *doors], self.home)
        wait_until((self.home / "run/pub.sock").exists, PATIENCE_S, "busbard is up")
        # They stay: an identity that comes back at once is let in only when its old connection is found dead.
        self.peer, self.other = vip.Peer(self.home, "cli.one"), vip.Peer(self.home, "cli.two")

    def start(self):
        self.closing, self.processes, self.modbus = contextlib.ExitStack(), [], None

    def keep(self, peer):
        self.closing.callback(peer.close)
        return peer

    def device(self, units, name="device", delay=0):
        self.port = free_port()
        return Device(self, name, "tcp", self.port, units, delay)

    def settings(self, *devices, **settings):
        (self.home / "modbus.json").write_text(json.dumps({"devices": [{"interval_ms": 100, "timeout_ms": 1000, "retries": 0, **d} for d in devices],
                                                           "retry_max_ms": 300, **settings}))

    def registry(self, text, name="meter.csv"):
        (self.home / name).write_text(text)
        return name

    def agent(self, *arguments, name="modbus-agent"):
        self.name = name
        self.modbus = Process("modbus", [BIN / "modbus-agent", "--home", self.home, "--heartbeat-ms", "0", *arguments], self.home)
        self.processes.append(self.modbus)
        wait_until(lambda: "event=started" in self.modbus.log() or not self.modbus.running(), PATIENCE_S, "the agent is up")

    def ear(self, *prefixes):
        return self.keep(vip.Ear(self.home, *prefixes))

    def all(self, path="campus/b/meter"):
        """The next scrape that is published."""
        topic = f"devices/{path}/all"
        return self.ear(topic).until(lambda last: last, PATIENCE_S, f"{path} is published\n{self.modbus.log()}")[topic]

    def until(self, condition, what, path="campus/b/meter"):
        """Asks for the status of a device until a condition of it holds."""
        deadline, device = time.monotonic() + PATIENCE_S, None
        while time.monotonic() < deadline and self.modbus.running():
            try:
                device = next(d for d in self.peer.call(self.name, "status")["devices"] if d["name"] == path)
            except vip.Refused:
                continue
            if condition(device):
                return device
            time.sleep(0.02)
        raise TimeoutError(f"{what}: {device}\n{self.modbus.log()}")

    def call(self, method, *params, peer=None):
        return (peer or self.peer).call(self.name, method, list(params), wait_s=PATIENCE_S)

    def end(self):
        """Ends what the test had; what its agent's sanitizers say."""
        if self.modbus is not None and self.modbus.running():
            self.modbus.popen.terminate()
            self.modbus.popen.wait(PATIENCE_S)
        for process in reversed(self.processes):
            process.stop()
        self.closing.close()
        if self.modbus is not None and self.modbus.popen.returncode not in (0, 2):
            return [f"it ended with {self.modbus.popen.returncode}\n{self.modbus.log()}"]
        log = self.modbus.log() if self.modbus is not None else ""
        (self.home / "log/modbus.log").unlink(missing_ok=True)
        (self.home / "modbus-state.json").unlink(missing_ok=True)
        return [part for part in log.split("\n\n") if "runtime error" in part or "ERROR: AddressSanitizer" in part or
                ("leak of" in part and "libzmq.so" not in part)]

    def close(self):
        self.peer.close()
        self.other.close()
        self.busbard.stop()
        shutil.rmtree(self.home)


WORLD = None


def setUpModule():
    global WORLD
    WORLD = World()


def tearDownModule():
    WORLD.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.w = WORLD
        self.w.start()
        self.addCleanup(lambda: self.assertEqual(self.w.end(), []))

    def refused(self, part, method, *params, peer=None):
        with self.assertRaises(vip.Refused) as caught:
            self.w.call(method, *params, peer=peer)
        self.assertIn(part, str(caught.exception))

    def meter(self, **settings):
        w = self.w
        device = w.device({"1": meter()})
        w.settings({"name": "devices/campus/b/meter", "tcp": f"127.0.0.1:{w.port}", "registry": w.registry(METER)}, **settings)
        w.agent()
        w.until(lambda d: d["state"] == "up", "the meter is up")
        return device

    def reserve(self, task="t", peer=None, seconds=60, priority="LOW", start=-1):
        return self.w.call("request_new_schedule", "somebody else", task, priority, [["campus/b/meter", stamp(start), stamp(seconds)]], peer=peer)


class Scraping(Case):
    def test_all(self):
        """VOLTTRON's shape: values exact, meta data, headers; each point by itself when it is wanted."""
        w = self.w
        device = w.device({"1": meter()})
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{w.port}", "registry": w.registry(METER), "points": True}, timezone="Europe/Berlin")
        ear = w.ear("devices/campus/b/meter/")
        w.agent()
        heard = {}
        while "devices/campus/b/meter/all" not in heard:
            self.assertTrue(ear.socket.poll(PATIENCE_S * 1000))
            topic, body = ear.socket.recv_multipart()[:2]
            heard[topic.decode()] = (body, json.loads(body))
        raw, envelope = heard["devices/campus/b/meter/all"]
        values, meta = envelope["message"]
        self.assertEqual(values, {"power": 52.4, "energy": 2**63 + 1, "voltage": 230.5, "odd": -7, "swapped": 65538, "serial": "SN-0042",
                                  "fault": True, "limit": 80, "ramp": 1.5, "bias": -1.0, "relay": False})
        self.assertIn(b'"power":52.4,"energy":9223372036854775809,', raw)
        self.assertEqual(meta["power"], {"units": "kW", "tz": "Europe/Berlin", "type": "float"})
        self.assertEqual([meta[p]["type"] for p in ("energy", "voltage", "serial", "fault")], ["integer", "float", "string", "boolean"])
        headers = envelope["headers"]
        due, now = (datetime.datetime.fromisoformat(headers[name]) for name in ("SynchronizedTimeStamp", "TimeStamp"))
        self.assertEqual(headers["Date"], headers["TimeStamp"])
        self.assertEqual(round(due.timestamp() * 1000) % 100, 0)
        self.assertLess(abs((now - due).total_seconds()), 30)
        self.assertEqual(heard["devices/campus/b/meter/power"][1]["message"], [52.4, meta["power"]])
        # Eleven points in four reads, one of each table.
        self.assertEqual(w.until(lambda d: d["scrapes"] >= 2, "two scrapes")["reads"], 4)
        self.assertGreaterEqual(device.order(requests=True), 8)

    def test_calls(self):
        w = self.w
        self.meter()
        self.assertEqual(w.call("get_point", "campus/b/meter", "power"), 52.4)
        self.assertEqual(w.call("get_point", "devices/campus/b/meter/voltage"), 230.5)
        self.assertEqual(w.peer.call("modbus-agent", "get_point", {"path": "campus/b/meter", "point_name": "serial"}), "SN-0042")
        self.assertEqual(w.call("scrape_all", "campus/b/meter")["odd"], -7)
        self.assertEqual(w.call("get_multiple_points", "campus/b/meter", ["power", "nothing"]),
                         [{"power": 52.4}, {"nothing": "the device has no such point"}])
        self.assertEqual(w.call("get_multiple_points", ["campus/b/meter/power", "campus/x/y"]),
                         [{"campus/b/meter/power": 52.4}, {"campus/x/y": "there is no such device"}])
        self.assertEqual(w.call("points", "campus/b/meter")["limit"],
                         {"writable": True, "address": 100, "meta": {"units": "%", "tz": "UTC", "type": "integer"}})
        self.refused("no point called", "get_point", "campus/b/meter", "nothing")
        self.refused("no such device", "get_point", "campus/b/other", "power")
        self.refused("no such device", "get_point")
        self.refused("no such device", "scrape_all", 7)
        self.refused("wanted", "get_multiple_points", "campus/b/meter", 7)
        told = subprocess.run([BIN / "busbar", "rpc", "modbus-agent", "get_point", '["campus/b/meter","power"]', "--home", w.home], capture_output=True,
                              text=True, check=True)
        self.assertEqual(told.stdout.strip(), "52.4")

    def test_exceptions(self):
        """What a device does not have is left out; a gap that it does not have is not read again."""
        w = self.w
        w.device({"1": {"input": {"0": [7], "4": [8]}}})
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{w.port}",
                    "registry": w.registry(HEAD + "a,,,>H,,0,,,,\nb,,,>H,,4,,,,\nc,,,>H,,500,,,,\n")})
        ear = w.ear("devices/")
        w.agent()
        ear.until(lambda last: any(m[0] == {"a": 7, "b": 8} for m in last.values()), PATIENCE_S, "a and b")
        self.assertIn("event=no-gaps", w.modbus.log())
        self.refused("Illegal data address", "get_point", "campus/b/meter", "c")


class Absence(Case):
    def test_restart(self):
        w = self.w
        device = self.meter()
        ear, topic = w.ear("alerts/modbus/"), "alerts/modbus/campus/b/meter"
        time.sleep(0.2)
        device.process.kill()
        lost = ear.until(lambda last: last, PATIENCE_S, "an alert")[topic]
        self.assertEqual((lost["name"], lost["alert"]), ("campus/b/meter", "lost"))
        self.refused("127.0.0.1", "get_point", "campus/b/meter", "power")
        device.again()
        ear.until(lambda last: last[topic]["alert"] == "returned", PATIENCE_S, "it returns")
        self.assertEqual(w.all()[0]["power"], 52.4)

    def test_slow(self):
        """One that is slow and one that is not there delay nobody else; each is lost by itself."""
        w = self.w
        w.device({"1": meter()}, "slow", delay=1.5)
        slow, gone = w.port, free_port()
        w.device({"1": meter()}, "fast")
        registry = w.registry(METER)
        w.settings({"name": "campus/slow", "tcp": f"127.0.0.1:{slow}", "registry": registry, "timeout_ms": 600},
                   {"name": "campus/gone", "tcp": f"127.0.0.1:{gone}", "registry": registry},
                   {"name": "campus/fast", "tcp": f"localhost:{w.port}", "registry": registry})
        ear = w.ear("devices/campus/")
        w.agent()
        self.assertIn("no answer in time", w.until(lambda d: d["state"] == "lost", "slow is lost", "campus/slow")["reason"])
        self.assertIn("refused", w.until(lambda d: d["state"] == "lost", "gone is lost", "campus/gone")["reason"])
        fast = w.until(lambda d: d["scrapes"] >= 10, "fast goes on", "campus/fast")
        self.assertEqual((fast["failures"], fast["state"]), (0, "up"))
        ear.listen(1)
        self.assertEqual(set(ear.last), {"devices/campus/fast/all"})

    def test_wrong_unit(self):
        w = self.w
        w.device({"1": meter()})
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{w.port}", "unit": 9, "registry": w.registry(METER), "timeout_ms": 300})
        w.agent()
        self.assertIn("unit 9", w.until(lambda d: d["state"] == "lost", "unit 9 is lost")["reason"])

    def test_rtu(self):
        """Two units on one line, and one that is not there."""
        w = self.w
        cable = [w.home / "cable-agent", w.home / "cable-device"]
        wire = Process("wire", [BIN / "busbar-wire", "--cable", *cable], w.home, talks=True)
        w.processes.append(wire)
        self.assertEqual(wire.read_line(PATIENCE_S), "ready")
        device = Device(w, "device", "rtu", cable[1], {"1": meter(), "2": {"holding": {"100": [5]}}})
        rtu = {"port": str(cable[0]), "baud": 9600, "parity": "N", "stop": 1}
        one = w.registry(HEAD + "limit,%,,>H,TRUE,100,,,,\n", "one.csv")
        w.settings({"name": "campus/b/meter", "rtu": rtu, "registry": w.registry(METER)},
                   {"name": "campus/b/two", "rtu": rtu, "unit": 2, "registry": one},
                   {"name": "campus/b/dead", "rtu": rtu, "unit": 3, "registry": one, "timeout_ms": 100}, free_writes=True)
        w.agent()
        w.until(lambda d: d["state"] == "lost", "three is lost", "campus/b/dead")
        self.assertEqual(w.all("campus/b/two")[0], {"limit": 5})
        self.assertEqual(w.all()[0]["energy"], 2**63 + 1)
        self.assertEqual(w.call("set_point", "campus/b/two", "limit", 9), 9)
        self.assertEqual(device.get("holding", 100, unit=2), [9])
        self.assertEqual(w.peer.call("modbus-agent", "status")["lines"], 1)


    def test_garbage(self):
        """A device that answers anything: it is lost, and nothing else happens."""
        w = self.w
        chance = random.Random(os.environ.get("BUSBAR_SEED", "1"))

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        while request := connection.recv(300):
                            # The request's own head with another body, a head that promises too much, or noise.
                            body = chance.randbytes(chance.randrange(300))
                            connection.sendall(chance.choice([request[:7] + body, request[:4] + b"\xff\xff\1" + body, body]))
                            answered.append(1)
        answered, listener = [], socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=answer, daemon=True).start()
        port = listener.getsockname()[1]
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{port}", "registry": w.registry(METER), "timeout_ms": 50, "interval_ms": 50},
                   {"name": "campus/b/sun", "tcp": f"127.0.0.1:{port}", "sunspec": True, "timeout_ms": 50, "interval_ms": 50}, retry_max_ms=100)
        w.agent()
        w.until(lambda d: d["failures"] >= 5, "the meter fails")
        w.until(lambda d: d["failures"] + d["scrapes"] >= 2, "the inverter fails", "campus/b/sun")
        listener.close()
        self.assertGreater(len(answered), 5)
        self.assertTrue(w.modbus.running())


class Setting(Case):
    def test_reservation(self):
        """Only who holds a device sets its points, whatever name it gives; what it has set goes back with the reservation."""
        w = self.w
        device = self.meter()
        other = w.other
        ear = w.ear("devices/actuators/")
        time.sleep(0.2)
        self.refused("LockError", "set_point", "campus/b/meter", "limit", 40)
        self.assertEqual(self.reserve(), {"result": "SUCCESS", "info": "", "data": []})
        told = ear.until(lambda last: last, PATIENCE_S, "the lock is announced")
        self.assertEqual(set(told), {"devices/actuators/schedule/announce/campus/b/meter"})
        self.assertEqual(w.call("set_point", "campus/b/meter", "limit", 40), 40)
        self.assertEqual(w.call("set_point", "cli.two", "campus/b/meter/limit", 41.2), 41)
        self.assertEqual(w.call("set_point", "campus/b/meter", "relay", True), True)
        refusal = "\"limit\" does not take that: its register has 16 bits without a sign"
        self.assertEqual(w.call("set_multiple_points", "campus/b/meter", [["bias", -0.5], ["ramp", 0.1], ["power", 1], ["limit", -1]]),
                         {"power": "it is not writable", "limit": refusal})
        self.assertEqual(w.call("get_multiple_points", "campus/b/meter", ["bias", "ramp", "limit"])[0], {"bias": -0.5, "ramp": 0.1, "limit": 41})
        self.assertEqual(device.get("holding", 100) + device.get("coils", 0), [41, 1])
        for name in ("cli.one", "cli.two"):
            self.refused("LockError: campus/b/meter is reserved by cli.one", "set_point", name, "campus/b/meter/limit", 1, peer=other)
        self.refused("LockError", "revert_device", "campus/b/meter", peer=other)
        self.refused("LockError", "revert_point", "campus/b/meter", "limit", peer=other)
        self.assertEqual(w.call("set_multiple_points", "x", [["campus/b/meter/limit", 3]], peer=other),
                         {"campus/b/meter/limit": "LockError: campus/b/meter is reserved by cli.one"})
        answer = self.reserve("u", other)
        self.assertEqual((answer["result"], answer["info"]), ("FAILURE", "CONFLICTS_WITH_EXISTING_SCHEDULES"))
        self.assertEqual(answer["data"]["cli.one"]["t"][0][0], "campus/b/meter")
        self.assertEqual(w.call("request_cancel_schedule", "cli.one", "t", peer=other)["info"], "AGENT_ID_TASK_ID_MISMATCH")
        self.assertIsNone(w.call("revert_point", "campus/b/meter", "limit"))
        self.assertEqual(device.get("holding", 100), [80])
        self.assertEqual(w.call("request_cancel_schedule", "cli.one", "t")["result"], "SUCCESS")
        w.until(lambda d: d["set"] == 0, "all is put back")
        # The default of the registry where there is one, else what was there before.
        self.assertEqual(device.get("holding", 100, 3) + device.get("holding", 110) + device.get("coils", 0), [80] + words(">f", 2.5) + [65436, 0])
        self.assertFalse((w.home / "modbus-state.json").exists())

    def test_requests(self):
        w = self.w
        self.meter()
        slot = ["campus/b/meter", stamp(10), stamp(20)]
        for info, *params in (("MISSING_TASK_ID", "", "LOW", [slot]), ("MISSING_PRIORITY", "t", None, [slot]), ("INVALID_PRIORITY", "t", "MID", [slot]),
                              ("MALFORMED_REQUEST_EMPTY", "t", "LOW", []), ("REQUEST_CONFLICTS_WITH_SELF", "t", "LOW", [slot, slot]),
                              ("MALFORMED_REQUEST: there is no device campus/x", "t", "LOW", [["campus/x", *slot[1:]]]),
                              ("MALFORMED_REQUEST: \"soon\"", "t", "LOW", [["campus/b/meter", "soon", "later"]]),
                              ("MALFORMED_REQUEST: wanted", "t", "LOW", [["campus/b/meter"]]),
                              ("MALFORMED_REQUEST: \"" + slot[2], "t", "LOW", [["campus/b/meter", slot[2], slot[1]]])):
            answer = w.call("request_new_schedule", "me", *params)
            self.assertEqual((answer["result"], answer["info"][:len(info)]), ("FAILURE", info))
        self.assertEqual(w.call("request_new_schedule", "me", "t", "LOW", slot)["result"], "SUCCESS")
        self.assertEqual(w.call("request_new_schedule", "me", "t", "LOW", slot)["info"], "TASK_ID_ALREADY_EXISTS")
        self.assertEqual(w.call("request_cancel_schedule", "me", "u")["info"], "TASK_ID_DOES_NOT_EXIST")
        # It is reserved from ten seconds on, not now.
        self.refused("LockError", "set_point", "campus/b/meter", "limit", 1)

    def test_end_and_preemption(self):
        """A slot that ends, and a LOW_PREEMPT task that gives way with its time of grace: what was set goes back each time."""
        w = self.w
        device = self.meter(grace_ms=500)
        other = w.other
        ear = w.ear("devices/actuators/schedule/result")
        self.assertEqual(self.reserve(seconds=0.6)["result"], "SUCCESS")
        w.call("set_point", "campus/b/meter", "limit", 40)
        w.until(lambda d: d["holder"] == "" and d["set"] == 0, "the slot has ended")
        self.assertEqual(device.get("holding", 100), [80])
        self.assertEqual(self.reserve("low", priority="LOW_PREEMPT")["result"], "SUCCESS")
        w.call("set_point", "campus/b/meter", "limit", 50)
        self.assertEqual(self.reserve("high", other, priority="HIGH"), {"result": "SUCCESS", "info": "", "data": [["cli.one", "low"]]})
        told = ear.until(lambda last: last, PATIENCE_S, "the preemption is told")
        self.assertEqual(told["devices/actuators/schedule/result"],
                         {"result": "PREEMPTED", "info": None, "data": {"agentID": "cli.two", "taskID": "high"}})
        w.until(lambda d: d["holder"] == "cli.two" and d["set"] == 0, "the other holds it")
        self.assertEqual(device.get("holding", 100), [80])
        self.assertEqual(w.call("set_point", "campus/b/meter", "limit", 60, peer=other), 60)
        self.refused("reserved by cli.two", "set_point", "campus/b/meter", "limit", 1)

    def test_owner_leaves(self):
        w = self.w
        device = self.meter(leave_ms=200)
        other = vip.Peer(w.home, "cli.three")
        self.assertEqual(self.reserve(peer=other)["result"], "SUCCESS")
        w.call("set_point", "campus/b/meter", "limit", 40, peer=other)
        self.assertEqual(device.get("holding", 100), [40])
        other.close()
        w.until(lambda d: d["holder"] == "" and d["set"] == 0, "the owner is gone")
        self.assertEqual(device.get("holding", 100), [80])

    def test_stop_and_crash(self):
        """What is set is put back at the agent's end; after a crash, by the next run; while the device is away, when it returns."""
        w = self.w
        device = self.meter(free_writes=True)
        w.call("set_point", "campus/b/meter", "limit", 40)
        w.modbus.stop()
        self.assertEqual((w.modbus.popen.returncode, device.get("holding", 100)), (0, [80]))
        for away in (False, True):
            w.modbus.start()
            w.until(lambda d: d["state"] == "up", "it scrapes")
            self.assertEqual(w.call("set_point", "campus/b/meter", "limit", 41), 41)
            w.modbus.kill()
            self.assertEqual(json.loads((w.home / "modbus-state.json").read_text())["held"][0]["registers"], [80])
            if away:
                device.order(delay=3)
            w.modbus.start()
            if away:
                w.until(lambda d: d["state"] == "lost" and d["set"] == 1, "the device is away")
                device.order(delay=0)
            w.until(lambda d: d["set"] == 0 and d["state"] == "up", "nothing is set")
            self.assertEqual(device.get("holding", 100), [80])
            w.modbus.stop()

    def test_stubborn(self):
        """A device that does not keep what is written, or refuses it."""
        w = self.w
        device = w.device({"1": {**meter(), "holding": {"100": [80]}}})
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{w.port}", "registry": w.registry(METER)}, free_writes=True)
        w.agent()
        w.until(lambda d: d["state"] == "up", "up")
        device.order(frozen=[1, "holding", 100])
        self.refused("it was written, but the device has 80", "set_point", "campus/b/meter", "limit", 40)
        self.refused("Illegal data address", "set_point", "campus/b/meter", "bias", 1)
        self.refused("nobody has set it", "revert_point", "campus/b/meter", "bias")
        self.refused("that is no value", "set_point", "campus/b/meter", "limit", {"a": 1})
        self.refused("wants true or false", "set_point", "campus/b/meter", "relay", 2)


def sunspec():
    """A common model, a three-phase inverter with scale factors, its controls, a model that nobody knows."""
    common = words(">32s", b"ACME") + words(">32s", b"Sun 5") + [0] * 8 + words(">16s", b"1.2") + words(">32s", b"77") + [1, 0x8000]
    none = 0x8000
    inverter = [180, 60, 60, 60, 0xfffe, 0xffff, 0xffff, 0xffff, 2301, 2302, 2303, none, 412, 1, 5001, 0xfffe] + [none] * 6 + words(">I", 123456) + [0]
    inverter += [0xffff, none, 0xffff, none, none, none, 401, none, none, none, none, 4, 0xffff] + [0] * 4 + [0xffff] * 8
    controls = [0xffff, 0xffff, 1, 10000] + [0xffff] * 3 + [0, 1000, 0xffff, 0xffff, 0xffff, 0] + [none] * 3 + [0xffff] * 4 + [0, 0xfffe, 0xfffd, none]
    assert (len(common), len(inverter), len(controls)) == (66, 50, 24)
    return {"holding": {"40000": [0x5375, 0x6e53, 1, 66, *common, 103, 50, *inverter, 64001, 3, 1, 2, 3, 123, 24, *controls, 0xffff, 0]}}


class SunSpec(Case):
    def test_inverter(self):
        w = self.w
        device = w.device({"1": sunspec()})
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{w.port}", "sunspec": True})
        w.agent()
        values, meta = w.all()
        self.assertEqual({p: values["common." + p] for p in ("Mn", "Md", "Opt", "Vr", "SN", "DA")},
                         {"Mn": "ACME", "Md": "Sun 5", "Opt": None, "Vr": "1.2", "SN": "77", "DA": 1})
        wanted = {"A": 1.8, "AphA": 0.6, "PPVphAB": None, "PhVphA": None, "W": 4120, "Hz": 50.01, "VA": None, "WH": 123456, "TmpCab": None, "St": 4,
                  "Evt1": 0, "EvtVnd1": None}
        self.assertEqual({p: values["inverter." + p] for p in wanted}, wanted)
        self.assertEqual((meta["inverter.W"]["units"], meta["controls.WMaxLimPct"]["units"]), ("W", "% WMax"))
        self.assertNotIn("inverter.W_SF", values)
        self.assertEqual(self.reserve()["result"], "SUCCESS")
        self.assertEqual(w.call("set_point", "campus/b/meter", "controls.WMaxLimPct", 42.5), 42.5)
        at = 40000 + 2 + 68 + 52 + 5 + 2 + 3
        self.assertEqual(device.get("holding", at), [4250])
        self.refused("does not take", "set_point", "campus/b/meter", "controls.WMaxLimPct", 655.35)
        self.refused("it is not writable", "set_point", "campus/b/meter", "inverter.W", 1)
        w.call("revert_device", "campus/b/meter")
        self.assertEqual(device.get("holding", at), [10000])

    def test_scan(self):
        w = self.w

        def scan(place):
            return subprocess.run([BIN / "modbus-agent", "--scan", place], capture_output=True, text=True)
        w.device({"1": sunspec()}, "sun")
        told = scan(f"tcp:127.0.0.1:{w.port}")
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        for line in ("40004  model 1, common, 66 registers", "model 64001, 3 registers", "inverter.W                       4120 W",
                     "controls.WMaxLimPct              100.00 % WMax  (writable)"):
            self.assertIn(line, told.stdout)
        w.device({"1": meter()}, "plain")
        self.assertIn("no SunSpec device", scan(f"tcp:127.0.0.1:{w.port}").stdout)
        told = scan(f"tcp:127.0.0.1:{free_port()}")
        self.assertEqual((told.returncode, "refused" in told.stderr), (1, True), told.stderr)
        self.assertEqual(scan("the meter").returncode, 2)

    def test_not_one(self):
        w = self.w
        w.device({"1": meter()})
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{w.port}", "sunspec": True})
        w.agent()
        self.assertIn("no SunS at 40000", w.until(lambda d: d["state"] == "lost", "it is none")["reason"])


class Starting(Case):
    def test_two_names(self):
        """VOLTTRON's agents call platform.driver and platform.actuator; a fake device needs nothing else."""
        w = self.w
        w.settings({"name": "campus/b/meter", "fake": True, "seed": 7, "registry": w.registry(METER)}, {"name": "campus/b/sun", "fake": True, "sunspec": True})
        w.agent("--identity", "platform.driver", "--actuator", "platform.actuator", name="platform.driver")
        values = w.all()[0]
        self.assertEqual((values["ramp"], values["serial"]), (2.5, ""))
        self.assertNotEqual(values["power"], 0)
        self.assertEqual(w.all("campus/b/sun")[0]["common.Mn"], "Busbar")

        def ask(method, *params):
            return w.peer.call("platform.actuator", method, list(params))
        self.assertEqual(ask("request_new_schedule", "x", "t", "HIGH", ["campus/b/sun", stamp(-1), stamp(60)])["result"], "SUCCESS")
        self.assertEqual(ask("set_point", "x", "campus/b/sun/controls.WMaxLimPct", 12.5), 12.5)
        self.assertEqual(w.call("get_point", "campus/b/sun", "controls.WMaxLimPct"), 12.5)
        self.assertIsNone(ask("revert_device", "x", "campus/b/sun"))
        self.assertEqual(w.call("get_point", "campus/b/sun", "controls.WMaxLimPct"), 100)

    def test_hosted(self):
        """As busbar-agentd starts it: its name, its configuration and its state by the environment."""
        w = self.w
        state = w.home / "state"
        state.mkdir()
        w.settings({"name": "campus/b/meter", "fake": True, "registry": w.registry(METER)}, free_writes=True)
        (w.home / "modbus.json").rename(w.home / "config.json")
        with unittest.mock.patch.dict(os.environ, BUSBAR_IDENTITY="platform.driver", BUSBAR_AGENT_CONFIG=str(w.home / "config.json"),
                                      BUSBAR_AGENT_STATE=str(state)):
            w.agent(name="platform.driver")
        w.until(lambda d: d["state"] == "up", "it is up")
        self.assertEqual(w.call("set_point", "campus/b/meter", "limit", 7), 7)
        self.assertTrue((state / "modbus-state.json").exists())
        self.assertIsNone(w.call("revert_point", "campus/b/meter", "limit"))
        self.assertEqual(list(state.iterdir()), [])

    def refuse(self, code, part):
        told = subprocess.run([BIN / "modbus-agent", "--home", self.w.home], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual((told.returncode, part in told.stderr), (code, True), told.stderr)

    def test_refusals(self):
        w = self.w
        good = {"name": "a/b", "tcp": "h:1", "registry": w.registry(METER)}
        rtu = {"name": "a/b", "rtu": {"port": "/dev/x", "baud": 9600}, "registry": "m"}
        cases = [({}, "\"devices\" is missing"), ({"devices": [{**good, "name": "a//b"}]}, "modbus.json:4: \"name\""),
                 ({"devices": [good, good]}, "modbus.json:9: \"name\" is another"), ({"devices": [{**good, "tcp": "h:0"}]}, "\"tcp\" is to be HOST:PORT"),
                 ({"devices": [{**good, "fake": True}]}, "needs one of"), ({"devices": [{"name": "a/b", "tcp": "h:1"}]}, "\"registry\" and \"sunspec\""),
                 ({"devices": [{**good, "unit": 256}]}, "from 0 to 255"), ({"devices": [{**good, "colour": 1}]}, "\"colour\" is unknown"),
                 ({"devices": [{**rtu, "rtu": {"port": "/dev/x", "baud": 1}}]}, "\"baud\""), ({"devices": [{**rtu, "unit": 248}]}, "at most 247"),
                 ({"devices": [rtu, {**rtu, "name": "a/c", "rtu": {"port": "/dev/x", "baud": 19200}}]}, "on one port"),
                 ({"devices": [good], "grace_ms": -1}, "\"grace_ms\""), ({"devices": [good], "retries": 1}, "\"retries\" is unknown"),
                 ({"devices": [{**good, "interval_ms": "1"}]}, "\"interval_ms\" is to be a whole number")]
        for settings, part in cases:
            (w.home / "modbus.json").write_text(json.dumps(settings, indent=1))
            self.refuse(2, part)
        w.registry(HEAD + "a,,,>f,FALSE,0,,,,\nb,,,>z,FALSE,2,,,,\n")
        w.settings({"name": "a/b", "fake": True, "registry": "meter.csv"})
        self.refuse(2, "meter.csv:3: ")
        (w.home / "meter.csv").unlink()
        self.refuse(1, "meter.csv: No such file")
        w.registry(METER)
        (w.home / "modbus-state.json").write_text("{}")
        self.refuse(2, "modbus-state.json")
        told = subprocess.run([BIN / "modbus-agent", "--help"], capture_output=True, text=True, check=True)
        self.assertIn("--config", told.stdout)
        self.assertIn("tcp:HOST:PORT or rtu:PATH[:BAUD]", told.stdout)


class Broker(unittest.TestCase):
    def test_restart(self):
        """The broker is killed: the agent goes on with its devices and comes back; an owner that does not, has left."""
        w = World()
        self.addCleanup(w.close)
        w.start()
        self.addCleanup(lambda: self.assertEqual(w.end(), []))
        device = w.device({"1": meter()})
        w.settings({"name": "campus/b/meter", "tcp": f"127.0.0.1:{w.port}", "registry": w.registry(METER)}, leave_ms=1500)
        w.agent()
        w.until(lambda d: d["state"] == "up", "up")
        answer = w.call("request_new_schedule", "me", "t", "LOW", ["campus/b/meter", stamp(-1), stamp(60)])
        self.assertEqual(answer["result"], "SUCCESS")
        self.assertEqual(w.call("set_point", "campus/b/meter", "limit", 40), 40)
        w.busbard.kill()
        requests = device.order(requests=True)
        wait_until(lambda: device.order(requests=True) > requests + 8, PATIENCE_S, "it goes on without a broker")
        self.assertEqual(device.get("holding", 100), [40])
        w.peer.close()
        w.busbard.start()
        wait_until(lambda: device.get("holding", 100) == [80], PATIENCE_S, f"it is put back\n{w.modbus.log()}")
        self.assertIn("event=owner-left owner=cli.one", w.modbus.log())
        w.peer = vip.Peer(w.home, "cli.four")
        w.until(lambda d: d["state"] == "up" and d["holder"] == "", "it is back on the bus")


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
