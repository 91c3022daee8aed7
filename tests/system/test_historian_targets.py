#!/usr/bin/env python3
"""historian-agent with targets over the network: nothing is lost and nothing is there twice while they are away, hang, or refuse."""
import signal
import time
import unittest

import stores
import vip
from neighbourhood import PATIENCE_S
from test_historian import BASE, DAY, MINUTE, SEED, WithWorld


class Postgres(WithWorld):
    """A real server of the test's own."""

    def setUp(self):
        super().setUp()
        self.server = self.world.keep(stores.Postgres(self.world.home / "postgres"))
        secret = self.world.home / "password"
        secret.write_text(stores.PASSWORD + "\n")
        secret.chmod(0o600)
        self.settings = {"topics": ["Data/"], "target": "postgres", "secret_file": "password", "timeout_ms": 3000,
                         "connection": f"host=127.0.0.1 port={self.server.port} user=busbar dbname=postgres"}

    def test_nothing_is_lost_while_the_server_is_away(self):
        w = self.world
        w.historian(**self.settings)
        sent = 0

        def send(count):
            nonlocal sent
            for _ in range(count):
                w.publish("Data/x", {"i": sent, "r": sent / 7, "on": sent % 2 == 0, "text": "a\tb\\\n\u00e4"}, BASE + sent * 1000)
                sent += 1

        send(500)
        w.settled(2000)
        taken = 500
        for how in (signal.SIGINT, signal.SIGQUIT):
            send(200)
            self.server.stop(how)
            send(300)
            taken += 500
            w.until(lambda s: not s["target"]["connected"] and s["bus"]["messages"] == taken and
                    s["bus"]["pending"] + s["cache"]["memory_batches"] == 0)
            with self.assertRaisesRegex(vip.Refused, "away"):
                w.ask("query", topic="Data/x/i")
            w.again()
            send(100)
            w.until(lambda s: s["bus"]["readings"] == 400 and s["bus"]["pending"] + s["cache"]["memory_batches"] == 0)
            self.server.start()
            send(10)
            taken = 110
            w.settled()
        w.until(lambda s: s["bus"]["readings"] >= 440)
        w.settled()
        w.until(lambda s: len(self.values("Data/x/i")) == sent)
        self.assertEqual(self.values("Data/x/i"), [(BASE + i * 1000, i) for i in range(sent)])
        self.assertEqual(self.values("Data/x/r"), [(BASE + i * 1000, i / 7) for i in range(sent)])
        self.assertEqual({v for _, v in self.values("Data/x/text")}, {"a\tb\\\n\u00e4"})
        self.assertEqual(self.server.ask("SELECT count(*) FROM historian_readings"), [[str(4 * sent)]])
        self.assertEqual(self.values("Data/x/on")[:2], [(BASE, True), (BASE + 1000, False)])
        self.assertNotIn(stores.PASSWORD, w.log())

    def test_a_server_that_hangs(self):
        """It holds neither the bus, nor the cache, nor the end of the agent."""
        w = self.world
        w.historian(**self.settings)
        w.publish("Data/x", 0, BASE)
        w.settled(1)
        self.server.tell(signal.SIGSTOP)
        try:
            for i in range(1, 400):
                w.publish("Data/x", i, BASE + i)
            begin = time.monotonic()
            w.until(lambda s: s["cache"]["readings"] == 399)
            self.assertLess(time.monotonic() - begin, 3)
            begin = time.monotonic()
            w.agent.stop()
            self.assertLess(time.monotonic() - begin, 3)
            self.assertEqual(w.agent.popen.returncode, 0)
            w.again()
            w.until(lambda s: "does not answer" in s["target"]["reason"])
        finally:
            self.server.tell(signal.SIGCONT)
        w.settled()
        self.assertEqual(self.values("Data/x"), [(BASE + i, i) for i in range(400)])

    def test_asked_like_any_other(self):
        w, now = self.world, int(time.time() * 1e6)
        old = {now - 5 * DAY + i * 10 * MINUTE: i / 3 for i in range(700)}
        settings = {**self.settings, "aggregation": ["Data/ 15m 1d"]}
        w.historian(**settings)
        for us, value in old.items():
            w.publish("Data/a", value, us)
        w.publish("Data/big", 2**60 + 1, BASE)
        w.settled(701)
        self.assertEqual(dict(self.values("Data/a")), old)
        self.assertEqual(self.values("Data/big"), [(BASE, 2**60 + 1)])
        w.until(lambda s: self.server.ask(f"SELECT count(*) FROM historian_marks WHERE start_us < {now - DAY}") == [["0"]])
        self.expect_aggregates("Data/a", old, 15 * MINUTE, "15m")
        self.expect_aggregates("Data/a", old, DAY, "1d")
        self.expect_aggregates("Data/a", old, 7 * MINUTE, "7m")
        w.publish("Data/a", 1e6, now - 4 * DAY)
        w.settled(702)
        old[now - 4 * DAY] = 1e6
        self.expect_aggregates("Data/a", old, DAY, "1d")
        w.agent.stop()
        w.historian(**settings, retention=["Data/a 2d"])
        horizon = (now - 2 * DAY) // DAY * DAY
        w.until(lambda s: len(self.values("Data/a")) == sum(us >= horizon for us in old))
        self.expect_aggregates("Data/a", old, DAY, "1d")
        exported = w.busbar("historian", "export", "Data/a", "--csv").stdout
        self.assertEqual(len(exported.splitlines()), 1 + sum(us >= horizon for us in old))


class Away(WithWorld):
    def test_the_cache_is_bounded(self):
        w = self.world
        w.historian(wait=False, topics=["Data/"], target="postgres", cache_bytes=65536,
                    connection=f"host=127.0.0.1 port={stores.free_port()} user=busbar dbname=grid")
        ear = w.ear("alerts/historian/")
        w.until(lambda s: s["target"]["reason"] != "")
        for i in range(3000):
            w.publish("Data/x", {"i": i, "text": "x" * 50}, BASE + i)
        ear.until(lambda last: last.get("alerts/historian/historian", {}).get("alert") == "cache-full", PATIENCE_S, "an alert")
        status = w.until(lambda s: s["bus"]["readings"] == 6000 and s["bus"]["pending"] + s["cache"]["memory_batches"] == 0)
        self.assertLessEqual(status["cache"]["bytes"], 65536)
        self.assertEqual(status["cache"]["dropped"] + status["cache"]["readings"], 6000)
        self.assertIn("event=target-away", w.log())
        # The newest are kept: another target takes them.
        w.agent.stop()
        w.historian(topics=["Data/"])
        w.settled()
        self.assertEqual(self.values("Data/x/i")[-1], (BASE + 2999, 2999))
        self.assertEqual(len(self.values("Data/x/i")), status["cache"]["readings"] // 2)


class Influx(WithWorld):
    def send(self, first, last):
        for i in range(first, last):
            self.world.publish("Data/a b,c=d", {"i": i, "r": i / 7, "on": i % 2 == 0, "text": 'a "b" \\ c\n'}, BASE + i * 1000)

    def test_version_1(self):
        """A real server."""
        w = self.world
        server = w.keep(stores.Influx(w.home / "influx"))
        w.historian(topics=["Data/"], target="influx", url=f"http://127.0.0.1:{server.port}", influx_database="grid", timeout_ms=3000)
        self.send(0, 300)
        w.settled(1200)
        server.stop()
        self.send(300, 600)
        w.until(lambda s: not s["target"]["connected"] and s["cache"]["readings"] == 1200)
        w.again()
        server.start()
        self.send(600, 700)
        w.until(lambda s: s["bus"]["readings"] == 400)
        w.settled()
        for field, name, wanted in (("value", "i", lambda i: i), ("value", "r", lambda i: i / 7), ("flag", "on", lambda i: i % 2 == 0),
                                    ("text", "text", lambda i: 'a "b" \\ c\n')):
            rows = server.ask(f"SELECT {field} FROM busbar WHERE topic = 'Data/a b,c=d/{name}'")
            self.assertEqual(rows, [[BASE + i * 1000, wanted(i)] for i in range(700)])
        with self.assertRaisesRegex(vip.Refused, "its own means"):
            w.ask("query", topic="Data/x")

    def test_version_2(self):
        """A stand-in: it shows what is sent, not that InfluxDB 2 takes it."""
        w = self.world
        server = w.keep(stores.Standin("token of the test"))
        (w.home / "token").write_text("token of the test\n")
        (w.home / "token").chmod(0o600)
        w.historian(topics=["Data/"], target="influx", url=f"http://127.0.0.1:{server.port}/", bucket="grid/1", organisation="my org",
                    secret_file="token", timeout_ms=3000)
        self.send(0, 10)
        w.settled(40)
        for answer in (503, 401, 429):
            server.answer = answer
            before = len(server.points)
            self.send(before // 4, before // 4 + 10)
            w.until(lambda s: s["cache"]["readings"] == 40 and str(answer) in s["target"]["reason"])
            server.answer = None
            w.settled()
        server.answer = 400
        w.publish("Data/bad", 1, BASE)
        w.until(lambda s: s["target"]["refused"] == 1)
        server.answer = None
        self.send(40, 50)
        w.until(lambda s: len(server.points) == 200)
        self.assertEqual({k: v for k, v in server.points.items() if k[0] == "Data/a b,c=d/r"},
                         {("Data/a b,c=d/r", BASE + i * 1000): ("value", repr(i / 7)) for i in range(50)})
        self.assertEqual(server.points["Data/a b,c=d/text", BASE], ("text", '"a \\"b\\" \\\\ c\n"'))
        self.assertNotIn("token of the test", w.log())


if __name__ == "__main__":
    print(f"seed {SEED}")
    unittest.main()
