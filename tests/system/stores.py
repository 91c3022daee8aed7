"""The databases that a historian writes to: a PostgreSQL and an InfluxDB 1 of the test's own, and a server that stands in for InfluxDB 2."""
import collections
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

PATIENCE_S = 30
PASSWORD = "secret of the test"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Postgres:
    """A server of its own; as root it runs as nobody, because it refuses root."""

    def __init__(self, folder):
        self.folder, self.port = pathlib.Path(folder), free_port()
        homes = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not homes:
            raise FileNotFoundError("PostgreSQL is not there: run configs/install check")
        self.bin = homes[-1].parent
        self.folder.mkdir()
        os.chmod(self.folder.parent, 0o711)
        self.become = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
            self.become = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        secret = self.folder / "first"
        secret.write_text(PASSWORD)
        self.run(self.bin / "initdb", "-D", self.folder / "data", "-U", "busbar", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync",
                 "-E", "UTF8", "--locale=C.UTF-8")
        self.popen = None
        self.start()

    def run(self, *words):
        subprocess.run([*self.become, *words], check=True, capture_output=True, cwd="/")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.popen = subprocess.Popen([*self.become, self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-c",
                                           "listen_addresses=127.0.0.1", "-k", self.folder, "-c", "fsync=off", "-c", "shared_buffers=16MB"],
                                          stdout=log, stderr=log, cwd="/", start_new_session=True)
        deadline = time.monotonic() + PATIENCE_S
        while self.ask("SELECT 1", check=False) != [["1"]]:
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not start: " + (self.folder / "log").read_text())
            time.sleep(0.05)

    def ask(self, sql, check=True):
        """The rows of a question, as texts."""
        told = subprocess.run([self.bin / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "busbar", "-d", "postgres", "-At", "-F", "\t",
                               "-c", sql], env={**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "5"}, capture_output=True,
                              text=True, check=check, timeout=PATIENCE_S)
        return [line.split("\t") for line in told.stdout.splitlines()]

    def tell(self, number):
        """To the server and all that serve its connections."""
        children = pathlib.Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        for pid in (self.popen.pid, *map(int, children)):
            os.kill(pid, number)

    def stop(self, how=signal.SIGINT):
        """SIGINT: connections are cut; SIGQUIT: at once, as a crash would."""
        if self.popen.poll() is None:
            self.popen.send_signal(how)
            self.popen.wait(PATIENCE_S)


class Influx:
    """An InfluxDB 1 with one user."""

    def __init__(self, folder):
        self.folder, self.port, rpc = pathlib.Path(folder), free_port(), free_port()
        if not shutil.which("influxd"):
            raise FileNotFoundError("InfluxDB is not there: run configs/install check")
        self.folder.mkdir()
        (self.folder / "influxdb.conf").write_text("\n".join([
            "reporting-disabled = true", f'bind-address = "127.0.0.1:{rpc}"', "[meta]", f'dir = "{self.folder}/meta"', "[data]",
            f'dir = "{self.folder}/data"', f'wal-dir = "{self.folder}/wal"', "[http]", f'bind-address = "127.0.0.1:{self.port}"', "log-enabled = false",
            "[monitor]", "store-enabled = false", ""]))
        self.popen = None
        self.start()
        self.ask("CREATE DATABASE grid", post=True)

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.popen = subprocess.Popen(["influxd", "-config", self.folder / "influxdb.conf"], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=1).close()
                return
            except OSError:
                if self.popen.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("InfluxDB does not start: " + (self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def ask(self, text, post=False):
        words = urllib.parse.urlencode({"q": text, "db": "grid", "epoch": "u"})
        url = f"http://127.0.0.1:{self.port}/query" + ("" if post else "?" + words)
        with urllib.request.urlopen(url, data=words.encode() if post else None, timeout=PATIENCE_S) as answer:
            series = json.load(answer)["results"][0].get("series", [])
        return series[0]["values"] if series else []

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


LINE = re.compile(r'busbar,topic=((?:\\.|[^ ,=\\])+) (value|flag|text)=("(?:\\.|[^"\\])*"|[^ "]+) (\d+)\n', re.DOTALL)


class Standin(http.server.ThreadingHTTPServer):
    """Takes what InfluxDB 2 takes at /api/v2/write, and keeps the points. `answer`: the status it gives instead. It is no InfluxDB: it shows what
    is sent to one, not that one takes it."""

    def __init__(self, token):
        self.token, self.answer, self.points, self.requests = token, None, {}, collections.Counter()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def stop(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.end(204)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        server, url = self.server, urllib.parse.urlparse(self.path)
        wanted = {"precision": ["us"], "org": ["my org"], "bucket": ["grid/1"]}
        status = server.answer or 204
        if url.path != "/api/v2/write" or urllib.parse.parse_qs(url.query) != wanted:
            status = 404
        elif self.headers["Authorization"] != f"Token {server.token}":
            status = 401
        server.requests[status] += 1
        if status == 204:
            at = 0
            while at < len(body):
                found = LINE.match(body, at)
                series, field, value, time_us = found.groups()
                at = found.end()
                server.points[re.sub(r"\\(.)", r"\1", series), int(time_us)] = (field, value)
        self.end(status)

    def end(self, status):
        body = b"" if status == 204 else b'{"message":"so says the test"}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
