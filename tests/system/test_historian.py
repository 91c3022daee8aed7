#!/usr/bin/env python3
"""historian-agent between a real busbard and real databases: what is published is there, once, whatever goes away or is killed meanwhile."""
import collections
import csv
import datetime
import io
import json
import os
import pathlib
import random
import resource
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
import unittest

import vip
from neighbourhood import BIN, PATIENCE_S, Process, wait_until

SEED = int(os.environ.get("BUSBAR_SEED", "1"))
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def stamp(us):
    return (EPOCH + datetime.timedelta(microseconds=us)).isoformat(timespec="microseconds")


def micros(text):
    return (datetime.datetime.fromisoformat(text) - EPOCH) // datetime.timedelta(microseconds=1)


class World:
    """A home with busbard, whose topics under Data/d/ are durable."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bb-", dir="/tmp"))
        self.processes, self.peers, self.servers, self.published = {}, [], [], 0
        subprocess.run([BIN / "busbar", "init", "--home", self.home, "--agent", "platform.historian"], check=True, capture_output=True)
        (self.home / "busbard.json").write_text(json.dumps({"durable": ["Data/d/"]}))
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        self.processes["busbard"] = Process("busbard", [BIN / "busbard", "--home", self.home, *doors], self.home)
        wait_until((self.home / "run/pub.sock").exists, PATIENCE_S, "busbard is up")
        self.peer = self.new_peer()

    def new_peer(self, **options):
        self.peers.append(vip.Peer(self.home, **options))
        return self.peers[-1]

    def ear(self, prefix):
        """Hears a prefix from now on."""
        ear = vip.Ear(self.home, prefix)
        self.peers.append(ear)
        while not ear.last:
            self.publish(prefix + "ready", None)
            ear.listen(0.05)
        return ear

    def keep(self, server):
        self.servers.append(server)
        return server

    def historian(self, wait=True, prepare=None, **settings):
        """Short pauses, so that a test waits for what it tests alone."""
        whole = {"batch_ms": 20, "retry_min_ms": 20, "retry_max_ms": 200, "heartbeat_ms": 0, **settings}
        (self.home / "historian.json").write_text(json.dumps(whole))
        words = [*(prepare or []), BIN / "historian-agent", "--home", self.home]
        before = self.log().count("event=started") if "historian" in self.processes else 0
        self.processes["historian"] = Process("historian", words, self.home)
        wait_until(lambda: self.log().count("event=started") > before or not self.agent.running(), PATIENCE_S, "the historian is up")
        if wait:
            self.until(lambda s: s["target"]["connected"])
        return self.agent

    @property
    def agent(self):
        return self.processes["historian"]

    def again(self, how="kill"):
        """Ends it and starts it anew."""
        self.agent.kill() if how == "kill" else self.agent.stop()
        before = self.log().count("event=started")
        self.agent.start()
        wait_until(lambda: self.log().count("event=started") > before, PATIENCE_S, f"the historian is up again\n{self.log()[-2000:]}")

    def log(self):
        return (self.home / "log/historian.log").read_text()

    def publish(self, topic, message, us=None, peer=None, raw=None):
        headers = {} if us is None else {"TimeStamp": stamp(us)}
        body = raw or json.dumps({"bus": "", "headers": headers, "message": message})
        (peer or self.peer).send("", "pubsub", "publish", topic, body)
        self.published += 1
        # The broker drops what a subscriber does not take in time; an answer says that the historian has taken all so far.
        if self.published % 200 == 0 and "historian" in self.processes and self.agent.running():
            try:
                self.status()
            except vip.Refused:
                pass

    def ask(self, method, **params):
        return self.peer.call("historian", method, params)

    def status(self):
        return self.ask("status")

    def until(self, condition, wait_s=PATIENCE_S):
        deadline, status = time.monotonic() + wait_s, None
        while time.monotonic() < deadline:
            try:
                status = self.status()
                if condition(status):
                    return status
            except (vip.Refused, TimeoutError):
                pass
            if not self.agent.running():
                break
            time.sleep(0.02)
        raise TimeoutError(f"{json.dumps(status)}\n{self.log()[-3000:]}")

    def settled(self, readings=None):
        """Until nothing waits any more, and so many readings are at the target since its start."""
        return self.until(lambda s: s["bus"]["pending"] + s["cache"]["batches"] + s["cache"]["memory_batches"] == 0 and s["target"]["connected"] and
                          (readings is None or s["target"]["written"] >= readings))

    def busbar(self, *words, code=0):
        told = subprocess.run([BIN / "busbar", *words, "--home", self.home], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        if told.returncode != code:
            raise AssertionError(f"{words}: {told.returncode}\n{told.stdout}\n{told.stderr}")
        return told

    def rows(self, sql, *values):
        with sqlite3.connect(f"file:{self.home}/historian.db?mode=ro", uri=True) as db:
            return db.execute(sql, values).fetchall()

    def close(self):
        for peer in self.peers:
            peer.close()
        for name in reversed(self.processes):
            self.processes[name].stop()
        for server in self.servers:
            server.stop()
        logs = {name: (self.home / f"log/{name}.log").read_text() for name in self.processes}
        shutil.rmtree(self.home)
        return logs


class WithWorld(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.end)

    def end(self):
        for name, log in self.world.close().items():
            for word in ("runtime error", "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "CHECK("):
                if word in log and not (word == "ERROR: LeakSanitizer" and "libzmq.so" in log):
                    self.fail(f"{name}: {log[-4000:]}")

    def values(self, topic, **more):
        got = self.world.ask("query", topic=topic, count=10000, **more)
        return [(micros(t), v) for t, v in got.get("values", [])]

    def expect_aggregates(self, topic, readings, period, word):
        for kind in ("avg", "min", "max", "sum", "count", "first", "last"):
            got = dict(self.values(topic, agg_type=kind, agg_period=word))
            wanted = {start: a[kind] for start, a in aggregates(readings, period).items()}
            self.assertEqual(got.keys(), wanted.keys(), (topic, kind, word))
            for start, value in wanted.items():
                self.assertAlmostEqual(got[start], value, places=6)


BASE = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z


class Sqlite(WithWorld):
    def test_what_is_published_can_be_asked(self):
        w = self.world
        w.historian(topics=["devices/", "datalogger/", "record/", "Data/"])
        w.publish("devices/c/b/d/all", [{"t": 21.5, "on": True, "n": 3}, {"t": {"units": "C", "tz": "UTC", "type": "float"}}], BASE)
        w.publish("devices/c/b/d/t", [1.0, {}], BASE)
        w.publish("datalogger/pump", {"hz": {"Readings": [[stamp(BASE + 1), 50.1], [stamp(BASE + 2), 1e-7]], "Units": "Hz"}})
        w.publish("record/anything", {"a": [1, {"b": None}], "\u00e4": "\n"}, BASE)
        for i in range(25):
            w.publish("Data/x", {"kw": i / 7, "name": "L1", "count": 2**60 + i, "none": None}, BASE + i * 1_000_000)
        w.publish("elsewhere/x", 1)
        w.settled(6 + 75)
        self.assertEqual(self.values("c/b/d/t"), [(BASE, 21.5)])
        self.assertEqual(self.values("devices/c/b/d/on"), [(BASE, True)])
        self.assertEqual(self.values("datalogger/pump/hz"), [(BASE + 1, 50.1), (BASE + 2, 1e-7)])
        self.assertEqual(json.loads(self.values("record/anything")[0][1]), {"a": [1, {"b": None}], "\u00e4": "\n"})
        self.assertEqual(self.values("Data/x/kw"), [(BASE + i * 1_000_000, i / 7) for i in range(25)])
        self.assertEqual(self.values("Data/x/count")[3][1], 2**60 + 3)
        self.assertEqual(w.ask("query", topic="c/b/d/t")["metadata"], {"units": "C", "tz": "UTC", "type": "float"})
        self.assertEqual(w.ask("query", topic="no/such"), {})
        self.parts_of_a_series()
        self.lists()
        self.command_line()

    def parts_of_a_series(self):
        w, kw = self.world, [i / 7 for i in range(25)]
        some = w.ask("query", topic="Data/x/kw", start=stamp(BASE + 5_000_000), end=stamp(BASE + 20_000_000), skip=2, count=4)
        self.assertEqual([v for _, v in some["values"]], kw[7:11])
        self.assertEqual(some["next"], stamp(BASE + 11_000_000))
        last = w.ask("query", topic="Data/x/kw", order="LAST_TO_FIRST", count=3)
        self.assertEqual([v for _, v in last["values"]], kw[:-4:-1])
        before = w.ask("query", topic="Data/x/kw", order="LAST_TO_FIRST", count=3, end=last["next"])
        self.assertEqual([v for _, v in before["values"]], kw[-4:-7:-1])
        both = w.ask("query", topic=["Data/x/kw", "Data/x/name", "no/such"], count=2)
        self.assertEqual({k: [v for _, v in rows] for k, rows in both["values"].items()}, {"Data/x/kw": kw[:2], "Data/x/name": ["L1", "L1"]})
        # As VOLTTRON's clients may say it: by position.
        self.assertEqual(w.peer.call("historian", "query", ["Data/x/kw", stamp(BASE), None, None, None, 0, 1])["values"], [[stamp(BASE), 0.0]])
        mixed = {"*args": ["Data/x/kw"], "**kwargs": {"count": 1, "order": "LAST_TO_FIRST"}}
        self.assertEqual(w.peer.call("historian", "query", mixed)["values"], [[stamp(BASE + 24_000_000), 24 / 7]])
        tens = w.ask("query", topic="Data/x/kw", agg_type="sum", agg_period="10s")["values"]
        self.assertEqual([micros(t) for t, _ in tens], [BASE, BASE + 10_000_000, BASE + 20_000_000])
        for (_, got), wanted in zip(tens, (kw[:10], kw[10:20], kw[20:])):
            self.assertAlmostEqual(got, sum(wanted))
        with self.assertRaises(vip.Refused):
            w.peer.call("historian", "query", ["a"] * 9)
        for wrong in ({}, {"topic": 7}, {"topic": "a", "start": "x"}, {"topic": "a", "count": 0}, {"topic": "a", "count": 10001},
                      {"topic": "a", "order": "UP"}, {"topic": "a", "agg_type": "avg"}, {"topic": "a", "agg_type": "avg", "agg_period": "x"},
                      {"topic": ["a"] * 101}):
            with self.assertRaises(vip.Refused, msg=wrong):
                w.ask("query", **wrong)

    def lists(self):
        w = self.world
        names = ["Data/x/count", "Data/x/kw", "Data/x/name", "c/b/d/n", "c/b/d/on", "c/b/d/t", "datalogger/pump/hz", "record/anything"]
        self.assertEqual(w.ask("get_topic_list"), names)
        self.assertEqual(w.ask("get_topic_list", prefix="Data/", after="Data/x/count", max=1), ["Data/x/kw"])
        self.assertEqual(sorted(w.ask("get_topics_by_pattern", topic_pattern="^c/.*/O.*$")), ["c/b/d/on"])
        with self.assertRaises(vip.Refused):
            w.ask("get_topics_by_pattern", topic_pattern="(a|b)+")
        self.assertEqual(w.ask("get_aggregate_topics"), [])
        page = w.ask("topics", prefix="c/", max=2)
        self.assertEqual(([t["topic"] for t in page["topics"]], page["next"]), (["c/b/d/n", "c/b/d/on"], "c/b/d/on"))
        with self.assertRaises(vip.Refused):
            w.ask("insert", topic="a")

    def command_line(self):
        w = self.world
        document = json.loads(w.busbar("historian", "query", "Data/x/kw", "--json", "--from", stamp(BASE), "--count", "2").stdout)
        self.assertEqual(document, {"version": 1, "topic": "Data/x/kw", "metadata": {}, "values": [[stamp(BASE), 0.0], [stamp(BASE + 1_000_000), 1 / 7]]})
        rows = list(csv.reader(io.StringIO(w.busbar("historian", "query", "Data/x/kw", "--csv").stdout)))
        self.assertEqual((rows[0], len(rows), float(rows[-1][1])), (["time", "value"], 26, 24 / 7))
        lines = [json.loads(line) for line in w.busbar("historian", "query", "Data/x/kw", "--jsonl", "--to", "now", "--count", "3").stdout.splitlines()]
        self.assertEqual([line["value"] for line in lines], [0.0, 1 / 7, 2 / 7])
        told = w.busbar("historian", "query", "Data/x/kw", "--every", "1d", "--aggregate", "max").stdout
        self.assertIn("3.428571428571428", told)
        self.assertIn("value, C", w.busbar("historian", "query", "c/b/d/t").stdout)
        self.assertIn("Data/x/kw", w.busbar("historian", "topics", "Data/").stdout)
        self.assertEqual(len(json.loads(w.busbar("historian", "topics", "--json").stdout)["topics"]), 8)
        self.assertIn("connected        true", w.busbar("historian", "status").stdout)
        self.assertEqual(json.loads(w.busbar("historian", "status", "--json").stdout)["target"]["kind"], "sqlite")
        exported = list(csv.DictReader(io.StringIO(w.busbar("historian", "export", "--csv").stdout)))
        self.assertEqual(len(exported), 81)
        self.assertEqual([float(r["value"]) for r in exported if r["topic"] == "Data/x/kw"], [i / 7 for i in range(25)])
        self.assertEqual([int(r["value"]) for r in exported if r["topic"] == "Data/x/count"], [2**60 + i for i in range(25)])
        told = w.busbar("historian", "export", "Data/x/n", "--jsonl", "--from", stamp(BASE + 20_000_000), "--output", w.home / "out")
        self.assertEqual([json.loads(line)["time"] for line in (w.home / "out").read_text().splitlines()], [stamp(BASE + i * 1_000_000) for i in range(20, 25)])
        self.assertIn("5 readings of 1 series", told.stderr)
        for code, words in ((3, ["query", "no/such"]), (2, ["query"]), (2, ["query", "a", "--from", "x"]), (2, ["query", "a", "--csv", "--json"]),
                            (2, ["query", "a", "--aggregate", "avg"]), (6, ["query", "a", "--every", "x"]), (2, ["query", "a", "--count", "0"]),
                            (2, ["export"]), (2, ["export", "--csv", "--to", "x"]), (1, ["export", "--csv", "--output", w.home / "out"]),
                            (4, ["status", "--historian", "nobody"]), (4, ["export", "--csv", "--output", w.home / "none", "--historian", "nobody"])):
            self.assertIn("busbar historian", w.busbar("historian", *words, code=code).stderr)
        self.assertFalse((w.home / "none").exists(), "an export that failed leaves no file in its way")
        for verb in ("query", "topics", "export", "status"):
            self.assertIn(f"busbar historian {verb}", w.busbar("historian", verb, "--help").stdout)

    def test_bad_company(self):
        w = self.world
        w.historian(topics=["devices/", "Data/"], series_max=40)
        w.publish("Data/x", None, raw='{"bus":"","headers":{"TimeStamp":"never"},"message":{"a":1}}')
        w.publish("Data/x", None, raw='{"bus":"","headers":{},"message":{"a":1e999}}')
        w.publish("Data/x", [1, 2])
        w.publish("devices/all", 1)
        w.publish("Data/x", None, raw='{"bus":"","headers":{},"message":' + "[" * 5000 + "]" * 5000 + "}")
        w.publish("Data/x", {"t" * 1100: 1, "long": "x" * 5000, "b": 2})
        w.publish("Data/many", {f"f{i}": i for i in range(70000)})
        for i in range(200):
            w.publish(f"Data/name{i}", {"a\u0000b": i} if i % 2 else {"ab": i})
        status = w.until(lambda s: s["target"]["too_many_series"] >= 65000)
        self.assertGreaterEqual(status["bus"]["malformed"], 2)
        self.assertEqual(status["bus"]["undated"], 1)
        self.assertGreaterEqual(status["bus"]["left_out"], 4)
        self.assertEqual(status["target"]["series"], 40)
        self.assertIn("Data/x", w.log())
        self.assertEqual(w.log().count("event=message-malformed"), 1)
        self.assertEqual([v for _, v in self.values("Data/x/b")], [2])
        w.publish("Data/x", {"b": 3})
        w.until(lambda s: len(self.values("Data/x/b")) == 2)

    def test_answers_fit_the_bus(self):
        """Texts that JSON makes six times as long; names as long as they may be."""
        w = self.world
        w.historian(topics=["Data/"])
        for i in range(450):
            w.publish("Data/t", "\u0001" * 4000, BASE + i)
        for part in range(3):
            w.publish("Data/n", {f"{part}{i:05d}" + "\u0002" * 1000: i for i in range(720)})
        w.settled(450 + 2160)
        values, start = [], None
        while True:
            page = w.ask("query", topic="Data/t", count=10000, start=start)
            values += page["values"]
            if (start := page.get("next")) is None:
                break
        self.assertEqual([micros(t) for t, _ in values], [BASE + i for i in range(450)])
        with self.assertRaisesRegex(vip.Refused, "too long"):
            w.ask("get_topic_list")
        with self.assertRaisesRegex(vip.Refused, "too long"):
            w.ask("get_topics_by_pattern", topic_pattern="")
        self.assertEqual(len(w.ask("get_topic_list", max=1000)), 1000)
        self.assertEqual(len(json.loads(w.busbar("historian", "topics", "--json").stdout)["topics"]), 2161)

    def test_killed_between_cache_and_target(self):
        """What is in the cache survives; the target is locked by somebody else meanwhile."""
        w = self.world
        w.historian()
        w.publish("Data/x", {"a": 0}, BASE)
        w.settled(1)
        lock = sqlite3.connect(w.home / "historian.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        for i in range(1, 500):
            w.publish("Data/x", {"a": i}, BASE + i)
        w.until(lambda s: s["cache"]["readings"] == 499)
        w.agent.kill()
        lock.execute("ROLLBACK")
        lock.close()
        w.agent.start()
        w.settled(499)
        self.assertEqual(self.values("Data/x/a"), [(BASE + i, i) for i in range(500)])

    def test_full_disk(self):
        w = self.world
        limit = 400_000
        w.historian(topics=["Data/"], memory_bytes=1048576, prepare=["prlimit", f"--fsize={limit}:unlimited"])
        ear = w.ear("alerts/historian/")
        sent = 0
        deadline = time.monotonic() + PATIENCE_S
        while not w.status()["cache"]["failing"] and time.monotonic() < deadline:
            for _ in range(50):
                w.publish("Data/x", {"text": "x" * 500, "i": sent}, BASE + sent)
                sent += 1
        w.until(lambda s: s["cache"]["failing"])
        ear.until(lambda last: last.get("alerts/historian/historian", {}).get("alert") in ("cache-failed", "target-away"), PATIENCE_S, "an alert")
        # It goes on answering, and keeps within its memory; what had no room is counted.
        for _ in range(4000):
            w.publish("Data/x", {"text": "x" * 500, "i": sent}, BASE + sent)
            sent += 1
        status = w.until(lambda s: s["bus"]["readings"] == 2 * sent)
        self.assertLessEqual(status["cache"]["memory_bytes"], 1048576 + 600_000)
        self.assertGreater(status["cache"]["dropped"], 0)
        resource.prlimit(w.agent.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        status = w.until(lambda s: s["bus"]["pending"] + s["cache"]["batches"] + s["cache"]["memory_batches"] == 0 and s["target"]["connected"])
        kept = w.rows("SELECT count(*) FROM readings")[0][0]
        self.assertEqual(kept + status["cache"]["dropped"], 2 * sent)
        ids = [v for (v,) in w.rows("SELECT value FROM readings JOIN series ON id = series WHERE name = 'Data/x/i' ORDER BY time_us")]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertEqual(ids[-1], sent - 1)

    def test_wrong_settings(self):
        w = self.world
        cases = ([{"target": "postgres"}, "wants a connection"], [{"target": "postgres", "connection": "host=a password=b"}, "without a password"],
                 [{"target": "influx"}, "wants an url"], [{"target": "influx", "url": "http://a", "bucket": "b"}, "organisation"],
                 [{"retention": ["Data/ soon"]}, "30d"], [{"aggregation": ["Data/ 7m"]}, "1m 15m 1h 1d"], [{"retention": ["devices/ 3d"]}, "without it"],
                 [{"secret_file": "none"}, "none"], [{"colour": 1}, "unknown key"], [{"durable_from": "then"}, "now or start"],
                 [{"database": "keys/cli.json", "cache": "keys/cli.json"}, "keys/cli.json"])
        for settings, part in cases:
            (w.home / "historian.json").write_text(json.dumps(settings))
            told = subprocess.run([BIN / "historian-agent", "--home", w.home], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            self.assertNotEqual(told.returncode, 0, settings)
            self.assertIn(part, told.stderr)
        (w.home / "token").write_text("x")
        os.chmod(w.home / "token", 0o644)
        (w.home / "historian.json").write_text("{}")
        told = subprocess.run([BIN / "historian-agent", "--home", w.home, "--secret-file", "token"], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        self.assertNotEqual(told.returncode, 0)
        self.assertIn("chmod 600", told.stderr)
        told = subprocess.run([BIN / "historian-agent", "--help"], capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
        self.assertNotIn("--password", told)
        page = (pathlib.Path(__file__).parents[2] / "docs/man/busbar-historian.5.scd").read_text()
        for key in json.loads(subprocess.run([BIN / "historian-agent", "--print-config", "--home", "/nowhere"], capture_output=True, check=True).stdout):
            self.assertIn(key, page)
        w.historian()
        second = subprocess.run([BIN / "historian-agent", "--home", w.home, "--identity", "cli"], capture_output=True, text=True,
                                timeout=PATIENCE_S, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another historian", second.stderr)

    def test_under_volttrons_name(self):
        w = self.world
        w.processes["historian"] = Process("historian", [BIN / "historian-agent", "--identity", "platform.historian", "--batch-ms", "10"], w.home)
        wait_until(lambda: "event=target-connected" in w.log(), PATIENCE_S, "the historian is up")
        w.publish("devices/a/b/all", [{"t": 1.5}, {}], BASE)
        wait_until(lambda: w.peer.call("platform.historian", "get_topic_list", []) == ["a/b/t"], PATIENCE_S, "it is stored")
        self.assertEqual(w.peer.call("platform.historian", "query", ["a/b/t"])["values"], [[stamp(BASE), 1.5]])
        self.assertIn("1.5", w.busbar("historian", "query", "a/b/t", "--historian", "platform.historian").stdout)

    def test_hosted(self):
        """With the environment that busbar-agentd gives, it writes into its state alone."""
        w = self.world
        state = w.home / "state"
        state.mkdir()
        config = w.home / "config.json"
        config.write_text(json.dumps({"topics": ["Data/"], "batch_ms": 10}))
        w.processes["historian"] = Process("historian", ["env", f"BUSBAR_AGENT_STATE={state}", f"BUSBAR_AGENT_CONFIG={config}",
                                                         "BUSBAR_IDENTITY=historian", BIN / "historian-agent"], w.home)
        wait_until(lambda: "event=target-connected" in w.log(), PATIENCE_S, "the historian is up")
        w.publish("Data/x", 1, BASE)
        w.settled(1)
        self.assertTrue((state / "historian.db").exists() and (state / "historian-cache.db").exists())
        self.assertFalse((w.home / "historian.db").exists())


MINUTE, DAY = 60_000_000, 86_400_000_000


def aggregates(readings, period):
    """Of {time: value}, by the start of each period: an oracle of its own."""
    periods = collections.defaultdict(list)
    for us in sorted(readings):
        periods[us - us % period].append(readings[us])
    return {start: {"avg": statistics.fmean(v), "min": min(v), "max": max(v), "sum": sum(v), "count": len(v), "first": v[0], "last": v[-1]}
            for start, v in periods.items()}


class Kept(WithWorld):
    """Aggregation and retention; the same for each target that can be asked."""

    def put(self, topic, readings):
        for us, value in readings.items():
            self.world.publish(topic, value, us)

    def marks(self):
        return self.world.rows("SELECT count(*) FROM marks WHERE start_us < ?", int((time.time() - 3600) * 1e6))[0][0]

    def test_aggregates_through_crashes_and_late_readings(self):
        w, chance = self.world, random.Random(SEED)
        rules = {"aggregation": ["Data/ 1m 15m 1h 1d"]}
        w.historian(topics=["Data/"])
        start = int((time.time() - 3 * 86400) * 1e6)
        # These are there before the rule.
        early = {start + i * 7_000_000: chance.uniform(-5, 5) for i in range(300)}
        self.put("Data/a", early)
        w.settled(300)
        w.agent.stop()
        w.historian(topics=["Data/"], **rules)
        readings = dict(early)
        for round_ in range(3):
            fresh = {start + chance.randrange(6 * 3600) * 1_000_000: chance.uniform(-5, 5) for _ in range(400)}
            self.put("Data/a", fresh)
            self.put("Data/b", {us: us % 3 == 0 for us in fresh})
            w.until(lambda s: s["bus"]["readings"] >= 2 * len(fresh) and s["bus"]["pending"] + s["cache"]["batches"] + s["cache"]["memory_batches"] == 0)
            readings.update(fresh)
            w.again()
        w.until(lambda s: self.marks() == 0)
        self.assertEqual(dict(self.values("Data/a")), readings)
        for period, word in ((MINUTE, "1m"), (15 * MINUTE, "15m"), (60 * MINUTE, "1h"), (DAY, "1d"), (37 * MINUTE, "37m")):
            self.expect_aggregates("Data/a", readings, period, word)
        stored = w.rows("SELECT start_us, count, sum FROM aggregates JOIN series ON id = series WHERE name = 'Data/a' AND period = 1 ORDER BY start_us")
        wanted = aggregates(readings, 15 * MINUTE)
        self.assertEqual([(us, n) for us, n, _ in stored], [(us, wanted[us]["count"]) for us in sorted(wanted)])
        # Late ones: seen at once, before their aggregate is made anew, and after.
        late = {start + 3_600_000_000 + i: 1000.0 + i for i in range(5)}
        self.put("Data/a", late)
        w.settled(5)
        readings.update(late)
        self.expect_aggregates("Data/a", readings, 15 * MINUTE, "15m")
        w.until(lambda s: self.marks() == 0)
        self.expect_aggregates("Data/a", readings, 15 * MINUTE, "15m")
        self.assertEqual([(t, p) for t, _, p in w.ask("get_aggregate_topics")][:2], [("Data/a", "1m"), ("Data/a", "15m")])
        self.assertEqual({v for _, v in self.values("Data/b", agg_type="max", agg_period="1d")}, {1.0})

    def test_retention(self):
        w = self.world
        now = int(time.time() * 1e6)
        old = {now - 5 * DAY + i * MINUTE: float(i) for i in range(6000)}
        w.historian(topics=["Data/"], aggregation=["Data/ 1h"])
        for topic in ("Data/short/x", "Data/long/x"):
            self.put(topic, old)
        w.settled(12000)
        w.agent.stop()
        w.historian(topics=["Data/"], aggregation=["Data/ 1h"], retention=["Data/short/ 2d", "Data/ 30d"])
        horizon = (now - 2 * DAY) // DAY * DAY
        w.until(lambda s: s["target"]["removed"] == sum(us < horizon for us in old))
        self.assertEqual(w.rows("SELECT count(*) FROM readings")[0][0], 6000 + sum(us >= horizon for us in old))
        self.assertEqual(min(us for us, _ in self.values("Data/short/x")), min(us for us in old if us >= horizon))
        # What is too old already is not taken, so that no aggregate is made of a part of its readings.
        w.publish("Data/short/x", 7.0, now - 4 * DAY)
        w.until(lambda s: s["target"]["too_old"] == 1)
        self.expect_aggregates("Data/short/x", old, 60 * MINUTE, "1h")
        self.expect_aggregates("Data/long/x", old, 60 * MINUTE, "1h")


if __name__ == "__main__":
    print(f"seed {SEED}")
    unittest.main()
