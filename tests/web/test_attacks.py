#!/usr/bin/env python3
"""What strangers may try at busbar-webd: everything is refused, memory stays bounded, the bus notices nothing."""
import errno
import json
import resource
import socket
import time
import unittest

import webd
from webd import Site, Stream, eventually

JSON = {"Content-Type": "application/json"}


class Shapes(unittest.TestCase):
    """Requests that are not what they should be."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site("--posts-per-s", "1000", "--header-ms", "2000")
        cls.addClassCleanup(cls.site.close)
        eventually(lambda: cls.site.get("/readyz").status == 200, "the bus is there")

    def status(self, data, wait_s=20):
        """The status of what comes back for these bytes; 0: the connection was cut."""
        got = self.site.raw(data, wait_s)
        return int(got.split()[1]) if got.startswith(b"HTTP/1.") else 0

    def get(self, target, *lines):
        return self.status(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n")

    def test_path_traversal(self):
        for target in (b"/../etc/passwd", b"/..", b"/%2e%2e/%2e%2e/etc/passwd", b"/pages/../../etc/passwd", b"/..%2f..%2fetc%2fpasswd", b"/%252e%252e/etc/passwd",
                       b"/....//etc/passwd", b"/./app.js", b"/a%2fb", b"/a%5c..%5cb", b"/\\..\\x", b"//etc/passwd", b"/etc/passwd%00.js", b"/%c0%ae%c0%ae/etc/passwd",
                       b"/api/v1/../../web-tokens.json", b"/web-tokens.json", b"/keys/web.json", b"/api/v1/agents/..%2f..%2fx", b"/vendor/../app.js"):
            got = self.site.raw(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            self.assertIn(int(got.split()[1]), (400, 404), target)
            self.assertNotIn(b"root:", got)
            self.assertNotIn(b"secret", got)

    def test_targets(self):
        for target, status in ((b"/%", 400), (b"/%4", 400), (b"/%zz", 400), (b"/%ff", 400), (b"/%ed%a0%80", 400), (b"/%00", 400), (b"/%0a", 400), (b"/%7f", 400), (b"/\xff", 400),
                               (b"/?a=%ff", 400), (b"/?%f5=1", 400), (b"*", 400), (b"http://127.0.0.1/healthz", 400), (b"healthz", 400),
                               (b"/" + b"a/" * 20, 400), (b"/?" + b"a&" * 40, 400), (b"/" + b"a" * 4096, 414), (b"/" + b"%41" * 2000, 414), (b"/" + b"a" * 4095, 404),
                               (b"/healthz?a=%F0%9F%98%80+b&&=&c", 200), (b"/%68ealthz", 200)):
            self.assertEqual(self.get(target), status, target[:60])

    def test_oversize(self):
        self.assertIn(self.get(b"/" + b"a" * 100000), (0, 414, 431))
        self.assertIn(self.get(b"/healthz", b"X: " + b"a" * 100000), (0, 413, 431))
        self.assertIn(self.get(b"/healthz", *[b"X-%d: a" % i for i in range(20000)]), (0, 413, 431))
        for size, status in ((65537, 413), (10**6, 413), (2**40, 413), (2**64, 413)):
            self.assertIn(self.status(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size), (status, 400), size)
        whole = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x", "pad": "y" * 65000}).ljust(65536)
        self.assertEqual(self.site.request("POST", "/rpc", whole, JSON).status, 200)
        self.assertLess(self.site.memory_kb(), 120000)

    def test_bodies(self):
        post = lambda body, **headers: self.site.request("POST", "/rpc", body, {**JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}).status
        self.assertEqual(post(b'{"a":"\xff"}'), 400)
        self.assertEqual(post(b'{"a":"\xed\xa0\x80"}'), 400)
        self.assertEqual(post(b'{"a":"\xf4\x90\x80\x80"}'), 400)
        self.assertEqual(post(b'{"a":"\x00"}'), 400)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "application/json; charset=utf-16", ""):
            self.assertEqual(post(b"{}", Content_Type=kind), 415, kind)
        self.assertEqual(post(b"{}", Content_Type="application/json; charset=utf-8"), 200)
        self.assertEqual(post(b"[" * 60000), 200)
        self.assertEqual(self.status(b"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 421)
        self.assertEqual(self.status(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 411)
        self.assertEqual(self.status(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\r\n"), 411)
        self.assertIn(self.status(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n"), (0, 400))
        self.assertEqual(self.get(b"/healthz", b"Content-Length: 5") // 100, 4)

    def test_headers_twice(self):
        """Of two that disagree, somebody on the way may believe the other one."""
        for line in (b"Host: evil.example", b"Host: 127.0.0.1", b"Content-Length: 0\r\nContent-Length: 5", b"Content-Length: 0\r\ncontent-length: 0", b"Origin: null\r\nOrigin: http://127.0.0.1"):
            self.assertEqual(self.get(b"/healthz", line), 400, line)
        self.assertEqual(self.get(b"/healthz", b"Accept: a", b"Accept: b"), 200)
        inner = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for first, second in ((2, 2 + len(inner)), (2 + len(inner), 2)):
            got = self.site.raw(b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\nContent-Length: %d\r\n\r\n{}" % (first, second) + inner, 5)
            self.assertEqual((got.count(b"HTTP/1.1"), got.split()[1]), (1, b"400"))

    def test_a_cross_site_form(self):
        """What a page elsewhere can send without being asked first: a form or a plain text; neither does anything."""
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = self.site.request("POST", "/api/v1/dispatch/all/stop", b'{"a":1}', {"Content-Type": kind, "Origin": "http://evil.example"})
            self.assertEqual(answer.status, 403)
        self.assertEqual(self.site.request("OPTIONS", "/api/v1/dispatch/all/stop", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}).status, 405)

    def test_lines_that_are_none(self):
        for data in (b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 4096, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n folded: x\r\nConnection: close\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.site.port), 10) as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                try:
                    got = s.recv(65536)
                except ConnectionResetError:
                    got = b""
                self.assertTrue(got == b"" or got.startswith(b"HTTP/1."), data[:20])
        self.assertEqual(self.site.get("/healthz").status, 200)

    def test_forged_tokens(self):
        """A hundred wrong tokens: refused, and soon slowed down; the right one works all the time."""
        token = self.site.token("real", "operator")
        act = lambda secret: self.site.post("/api/v1/dispatch/L1/hold", {}, Authorization=f"Bearer {secret}").status
        eventually(lambda: act(token) == 503, "the token is taken", 5)
        statuses = [act("bbw_" + "A" * (i % 60)) for i in range(100)]
        self.assertEqual(set(statuses), {401, 429})
        self.assertGreater(statuses.count(429), 50)
        self.assertEqual(act(token), 503)
        eventually(lambda: act("bbw_x") == 401, "who was slowed down may try again", 10)


class Floods(unittest.TestCase):
    """Many, and slow ones."""

    def setUp(self):
        self.sockets = []
        self.addCleanup(lambda: [s.close() for s in self.sockets])

    def site(self, *settings):
        site = Site(*settings)
        self.addCleanup(site.close)
        eventually(lambda: site.get("/readyz").status == 200, "the bus is there")
        return site

    def connect(self, site, data=b""):
        s = socket.create_connection(("127.0.0.1", site.port), 10)
        self.sockets.append(s)
        try:
            s.sendall(data)
        except OSError:
            pass
        return s

    @staticmethod
    def is_cut(s, wait_s=0.0):
        s.settimeout(wait_s)
        try:
            return s.recv(1) == b""
        except (BlockingIOError, TimeoutError):
            return False
        except OSError:
            return True

    def test_slowloris(self):
        """A byte now and then holds no connection beyond header_ms; who streams and who asks is served meanwhile."""
        site = self.site("--header-ms", "1500", "--connections-per-address", "60", "--connections", "60")
        stream = Stream(site, "channels=overview")
        slow = [self.connect(site, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n") for _ in range(20)]
        slow += [self.connect(site, b"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n") for _ in range(20)]
        begun, cut = time.monotonic(), set()
        while len(cut) < len(slow):
            self.assertLess(time.monotonic() - begun, 15, f"{len(cut)} of {len(slow)} are cut")
            for s in slow:
                if s in cut:
                    continue
                try:
                    s.settimeout(0)
                    s.send(b"X")
                except OSError as error:
                    if error.errno != errno.EAGAIN:
                        cut.add(s)
                if self.is_cut(s):
                    cut.add(s)
            self.assertEqual(site.get("/healthz").status, 200)
            stream.until(lambda channel, _: channel == "clock", "the clock", 5)
        self.assertGreater(time.monotonic() - begun, 0.9)
        stream.close()

    def test_idle_connections_are_closed(self):
        site = self.site("--idle-ms", "1000")
        idle = self.connect(site, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.assertTrue(idle.recv(4096).startswith(b"HTTP/1.1 200"))
        self.assertTrue(self.is_cut(idle, 10))

    def test_ten_thousand_connections(self):
        """From one address: so many as the setting says stand, the others are hung up on; memory is bounded, the bus does not notice."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(16000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        site = self.site()
        stream = Stream(site, "channels=overview")
        before = site.memory_kb()
        speaker = webd.peer(site)
        count = min(10000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
        for start in range(0, count, 500):
            for _ in range(min(500, count - start)):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(("127.0.0.1", site.port))
                self.sockets.append(s)
            begun = time.monotonic()
            speaker.publish("flood/x", start)
            self.assertLess(time.monotonic() - begun, 5)
            time.sleep(0.02)
        self.assertEqual(len(self.sockets), count)
        cut = lambda: sum(self.is_cut(s) for s in self.sockets)
        eventually(lambda: cut() >= count - 300, "those beyond the limit are hung up on", 30)
        begun = time.monotonic()
        self.assertIn("web", json.loads(site.busbar("status", "--json"))["peers"])
        self.assertLess(time.monotonic() - begun, 10)
        flooded = site.memory_kb()
        print(f"{count} connections: busbar-webd has {flooded} kB, before {before} kB", flush=True)
        self.assertLess(flooded - before, 40000)
        stream.until(lambda channel, data: channel == "clock" and data["value"]["bus"] == "up", "the stream goes on", 10)
        for s in self.sockets:
            s.close()
        eventually(lambda: site.get("/healthz").status == 200, "it serves again", 20)
        self.assertEqual(site.get("/api/v1/status").status, 200)
        stream.close()
        speaker.close()

    def test_streams_that_nobody_reads(self):
        """They get what fits into their socket, then nothing; memory is bounded, and after idle_ms they are cut."""
        site = self.site("--idle-ms", "2000")
        deaf = []
        for _ in range(100):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", site.port))
            s.sendall(b"GET /api/v1/events?channels=bus,overview HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            deaf.append(s)
            self.sockets.append(s)
        speaker = webd.peer(site)
        hearing = Stream(site, "channels=bus")
        big = "x" * 3000
        for i in range(4000):
            speaker.publish("flood/y", [i, big])
            if i % 100 == 0:
                time.sleep(0.02)
        print(f"100 streams that nobody reads: {site.memory_kb()} kB", flush=True)
        self.assertLess(site.memory_kb(), 200000)
        hearing.until(lambda channel, _: channel == "bus", "who reads is served")
        eventually(lambda: site.get("/metrics").body.count(b"busbar_web_streams 1\n") == 1, "the deaf are cut", 60)
        hearing.close()
        speaker.close()

    def test_large_answers_that_nobody_reads(self):
        """They are carried up to a bound, then refused; small ones go all the time."""
        site = self.site("--idle-ms", "4000", "--connections-per-address", "500")
        speaker = webd.peer(site)
        for i in range(400):
            speaker.publish(f"big/{i:03}", "x" * 6000)
        eventually(lambda: b"big/399" in site.get("/api/v1/bus/topics?prefix=big/399").body, "the topics are known")
        whole = site.get("/api/v1/bus/retained?prefix=big/&max=256")
        self.assertEqual(whole.status, 200)
        self.assertGreater(len(whole.body), 250000)
        before = site.memory_kb()
        for _ in range(400):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", site.port))
            s.sendall(b"GET /api/v1/bus/retained?prefix=big/&max=256 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            self.sockets.append(s)
        eventually(lambda: site.get("/api/v1/bus/retained?prefix=big/&max=256").status == 503, "no more of them", 10)
        self.assertEqual(site.get("/api/v1/overview").status, 200)
        print(f"400 large answers that nobody reads: busbar-webd has {site.memory_kb()} kB, before {before} kB", flush=True)
        self.assertLess(site.memory_kb() - before, 600000)  # a sanitizer keeps what was freed for a while
        eventually(lambda: site.get("/api/v1/bus/retained?prefix=big/&max=256").status == 200, "they are cut, and there is room again", 30)
        speaker.close()

    def test_made_up_channels(self):
        """Who listens to names that nobody publishes takes no channel from others."""
        site = self.site()
        crowd = [Stream(site, "channels=" + ",".join(f"log:{n}.{i}" for i in range(32))) for n in range(20)]
        self.assertEqual({s.status for s in crowd}, {200})
        speaker = webd.peer(site)
        hearing = Stream(site, "channels=bus,run,log:other")
        self.assertEqual(hearing.status, 200)
        eventually(lambda: (speaker.publish("made/up", 1), hearing.until(lambda channel, _: channel == "bus", "what is on the bus"))[1], "it is heard")
        for s in (*crowd, hearing, speaker):
            s.close()

    def test_posts_are_limited(self):
        site = self.site("--posts-per-s", "2")
        statuses = [site.post("/rpc", {}).status for _ in range(40)]
        self.assertEqual(set(statuses), {200, 429})
        self.assertLessEqual(statuses.count(200), 20)
        answer = site.post("/rpc", {})
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "1"))
        self.assertEqual(site.get("/healthz").status, 200)
        eventually(lambda: site.post("/rpc", {}).status == 200, "after a while it may act again", 10)


if __name__ == "__main__":
    unittest.main()
