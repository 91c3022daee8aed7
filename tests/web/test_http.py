#!/usr/bin/env python3
"""The HTTP side of busbar-webd with a real broker: pages, roles, streams, what a wallet and Prometheus get, restarts, TLS."""
import gzip
import http.client
import json
import re
import signal
import ssl
import subprocess
import threading
import time
import unittest
import warnings

import load
import webd
from webd import Site, Stream, eventually

HEADERS = {"x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
           "cross-origin-resource-policy": "same-origin"}
JSON = {"Content-Type": "application/json"}


class Open(unittest.TestCase):
    """As it is on this machine: looking is open, acting takes a token."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site("--posts-per-s", "1000")
        cls.addClassCleanup(cls.site.close)
        eventually(lambda: cls.site.get("/readyz").status == 200, "the bus is there")

    def error(self, answer):
        return answer.status, json.loads(answer.body)["error"]["code"]

    # -- pages -------------------------------------------------------------------------------------------------------

    def test_pages(self):
        plain = self.site.get("/")
        self.assertEqual((plain.status, plain.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertNotIn(b"<script>", plain.body)
        for page in ("/dispatch", "/market", "/chain", "/bus", "/agents", "/alarms"):
            self.assertEqual(self.site.get(page).body, plain.body, page)
        for path in re.findall(rb'(?:src|href)="(/[^"]+)"', plain.body):
            answer = self.site.get(path.decode())
            self.assertEqual(answer.status, 200, path)
            self.assertGreater(len(answer.body), 0, path)

    def test_packed_is_the_same(self):
        plain, packed = self.site.get("/app.js"), self.site.get("/app.js", Accept_Encoding="gzip, br")
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertLess(len(packed.body), len(plain.body))
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertEqual(plain.headers["Vary"], "Accept-Encoding")
        self.assertIsNone(self.site.get("/app.js", Accept_Encoding="gzip;q=0").headers["Content-Encoding"])

    def test_known_is_not_sent_again(self):
        tag = self.site.get("/app.js").headers["ETag"]
        again = self.site.get("/app.js", If_None_Match=tag)
        self.assertEqual((again.status, again.body, again.headers["ETag"]), (304, b"", tag))
        self.assertEqual(self.site.get("/app.js", If_None_Match='"other"').status, 200)

    def test_imports_are_addresses(self):
        """No name that a browser would need an import map for."""
        seen, todo = set(), ["/app.js", "/worker.js"]
        while todo:
            path = todo.pop()
            if path in seen:
                continue
            seen.add(path)
            answer = self.site.get(path)
            self.assertEqual(answer.status, 200, path)
            text = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)", "", answer.body.decode(), flags=re.S)
            for name in re.findall(r"""(?m)(?:^|[;}])\s*(?:import|export)\b(?:[\w*{}\s,$]*?\bfrom|)\s*["']([^"'\n]+)["']""", text):
                self.assertRegex(name, r"^(/|\./|\.\./)", path)
                todo.append(name if name[0] == "/" else re.sub(r"[^/]+$", "", path) + name.removeprefix("./") if not name.startswith("..") else
                            re.sub(r"[^/]+/[^/]+$", "", path) + name.removeprefix("../"))
        self.assertGreater(len(seen), 5)

    def test_licences(self):
        """Of everything that is of others."""
        text = self.site.get("/licenses.txt").body.decode()
        for name in ("preact", "htm", "uplot"):
            self.assertIn(f"---- {name} ----", text)
        self.assertGreater(text.count("Permission is hereby granted"), 1)

    def test_headers_of_every_answer(self):
        for answer in (self.site.get("/"), self.site.get("/nothing"), self.site.get("/api/v1/overview"), self.site.request("PUT", "/healthz"),
                       self.site.get("/%zz"), self.site.post("/api/v1/ticket", {}, Origin="http://evil.example")):
            for name, value in HEADERS.items():
                self.assertEqual(answer.headers[name], value, name)
            policy = answer.headers["Content-Security-Policy"]
            self.assertTrue(policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"), policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])
        self.assertEqual(self.site.get("/api/v1/overview").headers["Cache-Control"], "no-store")
        self.assertEqual(self.site.get("/").headers["Cache-Control"], "no-cache")

    def test_head(self):
        for path in ("/", "/healthz", "/api/v1/overview", "/api/v1/events?channels=overview"):
            answer = self.site.request("HEAD", path)
            self.assertEqual((answer.status, answer.body), (200, b""), path)
        self.assertGreater(int(self.site.request("HEAD", "/").headers["Content-Length"]), 100)

    def test_methods(self):
        for method, path, allow in (("POST", "/healthz", "GET, HEAD"), ("DELETE", "/api/v1/overview", "GET, HEAD"), ("GET", "/api/v1/ticket", "POST"),
                                    ("PUT", "/rpc", "POST"), ("OPTIONS", "/api/v1/dispatch/L1/hold", "POST"), ("TRACE", "/metrics", "GET, HEAD")):
            answer = self.site.request(method, path)
            self.assertEqual((*self.error(answer), answer.headers["Allow"]), (405, "method", allow), (method, path))
        self.assertEqual(self.error(self.site.request("PATCH", "/nothing")), (404, "not-found"))

    # -- roles -------------------------------------------------------------------------------------------------------

    def test_tokens(self):
        hold = "/api/v1/dispatch/L1/hold"
        self.assertEqual(self.error(self.site.post(hold, {})), (401, "token"))
        self.assertIn("Bearer", self.site.post(hold, {}).headers["WWW-Authenticate"])
        viewer, operator = self.site.token("wall", "viewer"), self.site.token("room", "operator")
        self.assertNotIn(operator, (self.site.home / "web-tokens.json").read_text())
        self.assertEqual((self.site.home / "web-tokens.json").stat().st_mode & 0o777, 0o600)
        acts = lambda token: self.site.post(hold, {}, Authorization=f"Bearer {token}")
        eventually(lambda: acts(operator).status == 503, "the operator's token is taken (and there is no board)", 5)
        self.assertEqual(self.error(acts(viewer)), (403, "role"))
        self.assertEqual(self.error(acts(operator[:-1])), (401, "token"))
        self.assertEqual(self.error(self.site.post(hold, {}, Authorization="Basic Zm9v")), (401, "token"))
        self.assertEqual(self.error(self.site.get("/api/v1/overview", Authorization="Bearer nonsense")), (401, "token"))
        self.assertIn("user=room", self.site.log("busbar-webd"))
        self.assertEqual([t["name"] for t in json.loads(self.site.busbar("web", "token", "list", "--json"))["tokens"]][-2:], ["wall", "room"])
        self.site.busbar("web", "token", "add", "room", code=1)
        self.site.busbar("web", "token", "remove", "room")
        eventually(lambda: acts(operator).status == 401, "the token is taken back", 5)
        self.site.busbar("web", "token", "remove", "room", code=3)

    def test_tokens_at_once(self):
        threads = [threading.Thread(target=self.site.token, args=(f"many-{i}", "viewer")) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = {token["name"] for token in json.loads(self.site.busbar("web", "token", "list", "--json"))["tokens"]}
        self.assertLessEqual({f"many-{i}" for i in range(12)}, names)

    def test_file_that_others_can_read(self):
        token = self.site.token("open", "operator")
        acts = lambda: self.site.post("/api/v1/dispatch/L1/hold", {}, Authorization=f"Bearer {token}").status
        eventually(lambda: acts() == 503, "the token is taken", 5)
        (self.site.home / "web-tokens.json").chmod(0o644)
        eventually(lambda: acts() == 401, "nobody has a token", 5)
        (self.site.home / "web-tokens.json").chmod(0o600)
        eventually(lambda: acts() == 503, "the token is taken again", 5)

    def test_origins(self):
        token = {"Authorization": "Bearer " + self.site.token("origins", "operator")}
        eventually(lambda: self.site.post("/api/v1/dispatch/L1/hold", {}, **token).status == 503, "the token is taken", 5)
        for origin in ("http://evil.example", "null", "https://127.0.0.1.evil.example", f"http://127.0.0.1:{self.site.port + 1}", "file://"):
            self.assertEqual(self.error(self.site.post("/api/v1/dispatch/L1/hold", {}, Origin=origin, **token)), (403, "origin"), origin)
        self.assertEqual(self.site.post("/api/v1/dispatch/L1/hold", {}, Origin=f"http://127.0.0.1:{self.site.port}", **token).status, 503)

    def test_names(self):
        """A foreign name that points here could read everything as if it were of the same origin."""
        for host in ("evil.example", "evil.example:8087", "127.0.0.1.evil.example", "", "[::1"):
            self.assertEqual(self.error(self.site.get("/api/v1/overview", Host=host)), (421, "host"), host)
        for host in ("127.0.0.1", "localhost", f"LOCALHOST:{self.site.port}", "[::1]:1", "192.0.2.7:80"):
            self.assertEqual(self.site.get("/api/v1/overview", Host=host).status, 200, host)

    # -- streams -----------------------------------------------------------------------------------------------------

    def test_stream(self):
        stream = Stream(self.site, "channels=overview")
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        begun = time.monotonic()
        clocks = [stream.until(lambda channel, _: channel == "clock", "the clock")[1]["value"] for _ in range(3)]
        self.assertLess(time.monotonic() - begun, 8)
        self.assertEqual([clock["bus"] for clock in clocks], ["up"] * 3)
        self.assertEqual([clock["ledger"] for clock in clocks], ["down"] * 3)
        self.assertGreater(clocks[2]["time_ms"], clocks[1]["time_ms"])
        self.assertIn("boards_online", stream.until(lambda channel, _: channel == "overview", "the overview")[1]["value"])

    def test_newest_value_comes_first(self):
        speaker = webd.peer(self.site, "consumer-agent", "consumer-agent")
        self.addCleanup(speaker.close)
        speaker.publish("Data/consumer/consumer1", webd.board("L1", 1, exchange=4711))
        first = Stream(self.site, "channels=dispatch")
        first.until(lambda channel, data: channel == "dispatch" and data["value"]["exchange"] == 4711, "the board is known")
        first.close()
        for _ in range(2):
            stream = Stream(self.site, "channels=dispatch")
            event = stream.until(lambda channel, data: channel == "dispatch" and data["key"] == "L1", "the kept value")[1]
            self.assertEqual(event["value"]["exchange"], 4711)
            stream.close()

    def test_fast_values_are_thinned(self):
        """Two hundred a second of one key: at most ten or so, and the last of them."""
        speaker = webd.peer(self.site, "dg-agent", "dg-agent")
        self.addCleanup(speaker.close)
        stream = Stream(self.site, "channels=dispatch")
        self.addCleanup(stream.close)
        begun = time.monotonic()
        for number in range(1, 201):
            speaker.publish("Data/dg/dg1", webd.board("DG1", 11, kind="generator", agent="dg-agent", exchange=number))
            time.sleep(0.005)
        got = []
        stream.until(lambda channel, data: channel == "dispatch" and data["key"] == "DG1" and (got.append(data["value"]["exchange"]) or got[-1] == 200), "the last")
        took = time.monotonic() - begun
        self.assertEqual(got, sorted(got))
        self.assertLessEqual(len(got), 10 * took + 3)
        self.assertGreater(len(got), 3)

    def test_passing_values_of_a_prefix(self):
        stream = Stream(self.site, "channels=bus&filter=devices%2Fa")
        self.addCleanup(stream.close)
        speaker = webd.peer(self.site)
        self.addCleanup(speaker.close)
        got = []

        def tell():
            while len(got) < 3:
                speaker.publish("devices/b", 0)
                speaker.publish("devices/a/x", len(got))
                time.sleep(0.02)
        teller = threading.Thread(target=tell)
        teller.start()
        stream.until(lambda channel, data: channel == "bus" and (got.append(data["key"]) or len(got) == 3), "three messages")
        teller.join()
        self.assertEqual(got, ["devices/a/x"] * 3)

    def test_a_stream_that_is_none(self):
        for channels in ("a b", "log:" + "x" * 80, "bus,,run", ",".join(f"log:c{i}" for i in range(40)), "%F0%9F%98%80", "dispach", "run,nope"):
            self.assertEqual(self.error(self.site.get(f"/api/v1/events?channels={channels.replace(' ', '%20')}")), (400, "channels"), channels)

    # -- others ------------------------------------------------------------------------------------------------------

    def test_metrics(self):
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families
        except ImportError:
            self.skipTest("python3-prometheus-client is not there")
        answer = self.site.get("/metrics")
        self.assertTrue(answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0"))
        families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
        self.assertGreater(len(families), 20)
        value = lambda name: families[name].samples[0].value
        self.assertEqual((value("busbar_bus_up"), value("busbar_ledger_up")), (1, 0))
        self.assertGreater(value("busbar_web_requests"), 0)
        self.assertGreater(value("process_resident_memory_bytes"), 1 << 20)
        self.assertEqual({s.labels["code"] for s in families["busbar_web_responses"].samples}, {"1xx", "2xx", "3xx", "4xx", "5xx"})

    def rpc(self, document):
        answer = self.site.post("/rpc", document, Origin="chrome-extension://abcdef")
        self.assertEqual(answer.status, 200)
        return json.loads(answer.body)

    def test_rpc_refuses(self):
        call = lambda method, *params, **more: self.rpc({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params), **more})
        self.assertEqual(call("eth_chainId"), {"jsonrpc": "2.0", "id": 7, "error": {"code": -32000, "message": "the ledger does not answer"}})
        self.assertEqual(call("eth_sendRawTransaction", "0x00")["error"]["code"], -32601)
        for params in ([], ["0x12"], ["0x" + "0" * 40, "0x1"], ["0x" + "g" * 40], ["0x" + "0" * 40, "latest", 3], [5]):
            self.assertEqual(call("eth_getBalance", *params)["error"]["code"], -32602, params)
        self.assertEqual(call("eth_chainId", params={"a": 1})["error"]["code"], -32602)
        for request in (5, {}, {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"}, {"jsonrpc": "2.0", "id": {}, "method": "eth_chainId"}, []):
            self.assertEqual(self.rpc(request)["error"]["code"], -32600, request)
        self.assertEqual(self.rpc([{"jsonrpc": "2.0", "id": 1, "method": "x"}] * 33)["error"]["code"], -32600)
        self.assertEqual([a["id"] for a in self.rpc([{"jsonrpc": "2.0", "id": i, "method": "x"} for i in range(32)])], list(range(32)))
        self.assertEqual(json.loads(self.site.request("POST", "/rpc", b"{", JSON).body)["error"]["code"], -32700)
        self.assertEqual(self.site.post("/rpc", {"jsonrpc": "2.0", "method": "eth_chainId"}).status, 204)

    def test_answers_of_many_at_once(self):
        got = []
        ask = lambda: got.append(self.site.get("/api/v1/status").status)
        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(got, [200] * 40)

    def test_one_connection_for_many(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=10)
        for path in ("/healthz", "/api/v1/status", "/nothing", "/", "/healthz"):
            connection.request("GET", path)
            connection.getresponse().read()
        self.assertIsNotNone(connection.sock)
        connection.close()


class Closed(unittest.TestCase):
    """Where looking takes a token."""

    def test_viewers(self):
        with Site("--viewer", "token") as site:
            token = site.token("wall", "viewer")
            with_token = {"Authorization": f"Bearer {token}"}
            for path in ("/", "/app.js", "/healthz", "/readyz"):
                self.assertIn(site.get(path).status, (200, 503), path)
            for path in ("/api/v1/overview", "/metrics", "/api/v1/events?channels=overview"):
                self.assertEqual(site.get(path).status, 401, path)
            eventually(lambda: site.get("/api/v1/overview", **with_token).status == 200, "the token is taken", 5)
            self.assertEqual(site.post("/rpc", {}).status, 401)
            self.assertEqual(site.post("/api/v1/ticket", {}).status, 401)
            ticket = json.loads(site.post("/api/v1/ticket", {}, **with_token).body)["ticket"]
            self.assertEqual(site.get(f"/api/v1/overview?ticket={ticket}").status, 401)
            stream = Stream(site, f"channels=overview&ticket={ticket}")
            self.assertEqual(stream.status, 200)
            stream.until(lambda channel, _: channel == "overview", "the overview")
            stream.close()
            self.assertEqual(site.get(f"/api/v1/events?channels=overview&ticket={ticket}").status, 401)
            self.assertEqual(site.get("/api/v1/events?channels=overview&ticket=" + "A" * 43).status, 401)

    def test_settings_that_do_not_go_together(self):
        def told(*words):
            done = subprocess.run([webd.BIN / "busbar-webd", "--home", "/nonexistent", *words], capture_output=True, text=True, timeout=30, check=False)
            return done.returncode, done.stderr
        for words, what in ((["--listen", "0.0.0.0:0"], "token"), (["--listen", "8087"], "form"), (["--listen", "127.0.0.1:70000"], "form"),
                            (["--listen", "::1:80"], "form"), (["--certificate", "c.pem"], "together"), (["--connections", "8", "--connections-per-address", "9"], "more"),
                            (["--viewer", "anybody"], "viewer"), (["--nothing=1"], "no such setting")):
            code, text = told(*words)
            self.assertEqual(code, 2, (words, text))
            self.assertIn(what, text)

    def test_the_shipped_settings(self):
        root = webd.pathlib.Path(__file__).resolve().parents[2]
        done = subprocess.run([webd.BIN / "busbar-webd", "--config", root / "configs/webd.json", "--print-config"], capture_output=True, text=True, timeout=30, check=True)
        printed, shipped = json.loads(done.stdout), json.loads((root / "configs/webd.json").read_text())
        self.assertEqual(shipped, {key: printed[key] for key in shipped})
        usual = subprocess.run([webd.BIN / "busbar-webd", "--home", "/nonexistent", "--print-config"], capture_output=True, text=True, timeout=30, check=True)
        self.assertEqual({**json.loads(usual.stdout), "home": ""}, printed)


class Life(unittest.TestCase):
    """What ends and comes back."""

    def test_the_broker_goes_and_comes_back(self):
        with Site() as site:
            eventually(lambda: site.get("/readyz").status == 200, "the bus is there")
            stream = Stream(site, "channels=overview")
            # What the clock said last may be of before.
            stream.until(lambda channel, data: channel == "clock" and data["value"]["bus"] == "up", "the bus is up")
            self.assertEqual(site.stop("busbard", signal.SIGKILL), -signal.SIGKILL)
            begun = time.monotonic()
            stream.until(lambda channel, data: channel == "clock" and data["value"]["bus"] == "down", "the bus is down")
            self.assertLess(time.monotonic() - begun, 5)
            answer = site.get("/readyz")
            self.assertEqual((answer.status, json.loads(answer.body)["reasons"]), (503, ["the broker is not connected"]))
            self.assertEqual(site.get("/healthz").status, 200)
            self.assertEqual(site.get("/api/v1/status").status, 503)
            site.start_broker()
            stream.until(lambda channel, data: channel == "clock" and data["value"]["bus"] == "up", "the bus is up again")
            eventually(lambda: site.get("/readyz").status == 200, "it is ready again")
            eventually(lambda: site.get("/api/v1/status").status == 200, "questions are answered")
            stream.close()

    def test_it_starts_without_a_broker(self):
        with Site(bus=False) as site:
            self.assertEqual((site.get("/").status, site.get("/readyz").status), (200, 503))
            site.start_broker()
            eventually(lambda: site.get("/readyz").status == 200, "the bus is there")

    def test_its_end(self):
        """With streams and a question under way it ends at once, and tells nobody where it was."""
        site = Site()
        self.addCleanup(site.close)
        streams = [Stream(site, "channels=overview,dispatch,bus") for _ in range(20)]
        for stream in streams:
            stream.event()
        begun = time.monotonic()
        self.assertEqual(site.stop("busbar-webd"), 0)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertFalse((site.home / "run/web.address").exists())
        for stream in streams:
            try:
                self.assertIsNone(stream.until(lambda *_: False, "the end", 5))
            except ConnectionResetError:
                pass
            stream.close()

    def test_a_port_that_is_taken(self):
        with Site() as one:
            with Site("--listen", f"127.0.0.1:{one.port}", "--listen-tries", "20") as other:
                self.assertNotEqual(one.port, other.port)
                self.assertEqual(other.get("/healthz").status, 200)
            done = subprocess.run([webd.BIN / "busbar-webd", "--home", one.home, "--listen", f"127.0.0.1:{one.port}"], capture_output=True, text=True, timeout=30,
                                  check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("Address already in use", done.stderr)


class Load(unittest.TestCase):
    def test_two_hundred_streams(self):
        """Every value reaches every client. What it costs is in docs/performance.md; here only that it is not ten times as much."""
        told = load.run(200, 10, 3)
        print(told, flush=True)
        self.assertGreater(told["received"], 0.8 * told["published"] * 200)
        self.assertLess(told["cpu_percent"], 50)


class Encrypted(unittest.TestCase):
    def test_tls(self):
        folder = self.enterContext(webd.tempfile.TemporaryDirectory(prefix="bw-tls-", dir="/tmp"))
        certificate, key = f"{folder}/c.pem", f"{folder}/k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30)
        webd.os.chmod(key, 0o644)
        with self.assertRaisesRegex(RuntimeError, "chmod 600"):
            Site("--certificate", certificate, "--private-key", key)
        webd.os.chmod(key, 0o600)
        with Site("--certificate", certificate, "--private-key", key) as site:
            self.assertTrue(site.url.startswith("https://"))
            context = ssl.create_default_context(cafile=certificate)
            connection = http.client.HTTPSConnection("localhost", site.port, timeout=30, context=context)
            connection.request("GET", "/api/v1/overview")
            answer = connection.getresponse()
            self.assertEqual((answer.status, "boards" in json.loads(answer.read())), (200, True))
            self.assertIn(connection.sock.version(), ("TLSv1.2", "TLSv1.3"))
            connection.request("GET", "/api/v1/events?channels=overview")
            self.assertIn(b"event: ", connection.getresponse().read(400))
            connection.close()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
            old = http.client.HTTPSConnection("localhost", site.port, timeout=30, context=context)
            with self.assertRaises((ssl.SSLError, OSError)):
                old.request("GET", "/healthz")
            old.close()
            self.assertEqual(site.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 5)[:5].count(b"HTTP/"), 0)


if __name__ == "__main__":
    unittest.main()
