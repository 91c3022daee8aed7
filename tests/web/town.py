"""A neighbourhood with everything that the dashboard shows: boards on virtual cables, uart agents, a ledger, hosted agents, busbar-webd.

    with Town() as town:
        town.get("/api/v1/overview")
"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import cases
import ledger as ledgers
from neighbourhood import BIN, PATIENCE_S, Neighbourhood, wait_until, z85_to_base64url

WEB = "web"
BOARDS = [cases.TABLE_1[0], cases.TABLE_1[2], cases.TABLE_1[10]]
# identity: (publish, capabilities)
MORE = {"ledger": (["market/", "heartbeat/ledger"], []), "agentd": ([""], ["admin"]), WEB: (["heartbeat/web"], ["agents", "watch"])}


class Answer:
    """What came back: `status`, the parsed `json` (None when it is none), `headers`."""

    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read()
        try:
            self.json = json.loads(self.body, parse_constant=self.no_number)
        except ValueError:
            self.json = None

    @staticmethod
    def no_number(word):
        raise AssertionError(f"{word} is no JSON")

    @property
    def error(self):
        return self.json["error"]["code"]

    @property
    def text(self):
        return self.json["error"]["text"]


class Events:
    """A stream of the server's, read by a thread: `heard` has (seconds, channel, key, value)."""

    def __init__(self, town, query):
        self.heard, self.lock = [], threading.Condition()
        self.connection = http.client.HTTPConnection(*town.address, timeout=PATIENCE_S)
        self.connection.request("GET", "/api/v1/events?" + query)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        event = None
        try:
            for line in self.response:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    data = json.loads(line[6:], parse_constant=Answer.no_number)
                    with self.lock:
                        self.heard.append((time.monotonic(), event, data.get("key"), data.get("value", data)))
                        self.lock.notify_all()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def until(self, condition, what, wait_s=PATIENCE_S):
        """The first (seconds, channel, key, value) that fulfils the condition(channel, key, value)."""
        deadline, seen = time.monotonic() + wait_s, 0
        with self.lock:
            while True:
                for item in self.heard[seen:]:
                    seen += 1
                    if condition(*item[1:]):
                        return item
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"never heard within {wait_s} s: {what}")
                self.lock.wait(left)

    def close(self):
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.response.close()
        self.connection.close()


class Town(Neighbourhood):
    def __init__(self, boards=None, agentd=True, **more):
        super().__init__(boards or BOARDS, **more)
        self.with_agentd = agentd
        self.signer = ledgers.Signer()
        self.ledger = None
        self.address = self.token = None

    # -- the home ----------------------------------------------------------------------------------------------------

    def furnish(self):
        super().furnish()
        access = json.loads((self.home / "access.json").read_text())
        for entry in access["entries"]:
            if entry["comment"] == "cli":
                entry["capabilities"] = ["admin", "agents"]
        for name, (publish, capabilities) in MORE.items():
            public, secret = (z85_to_base64url(key) for key in zmq.curve_keypair())
            file = self.home / "keys" / f"{name}.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps({"public": public, "secret": secret}))
            access["entries"].append({"key": public, "identities": [name, f"{name}.*"], "publish": publish, "subscribe": [""],
                                      "capabilities": capabilities, "comment": name})
        (self.home / "access.json").write_text(json.dumps(access))
        (self.home / "signers.json").write_text(json.dumps({"version": 1, "signers": [], "unsigned": True}))
        self.furnish_ledger()
        self.furnish_token()

    def furnish_token(self):
        """An operator's token, as `busbar web token add` keeps it."""
        self.token = "bbw_" + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
        file = self.home / "web-tokens.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"version": 1, "tokens": [
            {"name": "tester", "role": "operator", "sha256": hashlib.sha256(self.token.encode()).hexdigest(), "created_ms": 0}]}))

    def furnish_ledger(self):
        """A ledger's home is this one: what ledger.py knows of keys and signing is used as it is."""
        self.ledger = object.__new__(ledgers.Ledger)
        self.ledger.__dict__.update(home=self.home, signer=self.signer, processes=self.processes, nonces={}, flags=[], peer=None,
                                    separator=None)
        self.ledger.genesis = {**self.ledger.usual_genesis(), "lines": [{"buyer": "c1", "seller": "p1", "capacity": "5000"}]}
        (self.home / "ledger").mkdir(mode=0o700)
        self.ledger.write_genesis()
        key = self.home / "ledger/sealer.key"
        key.touch(mode=0o600)
        key.write_text(ledgers.secret_of("sealer")[2:] + "\n")

    # -- processes ---------------------------------------------------------------------------------------------------

    def start(self):
        super().start()
        self.ledger.peer = self.peer
        self.ledger.start_ledger()
        if self.with_agentd:
            self.run("agentd", BIN / "busbar-agentd", "--home", self.home, "--landlock=false")
        self.start_web()

    def start_web(self, *flags):
        self.run("webd", BIN / "busbar-webd", "--home", self.home, "--listen", "127.0.0.1:0", *flags)
        wait_until(lambda: self.find_web() or not self.processes["webd"].running(), PATIENCE_S, "busbar-webd listens")
        wait_until(lambda: self.get("/api/v1/overview").json["bus"] == "up", PATIENCE_S, "busbar-webd is on the bus")

    def find_web(self):
        path = self.home / "run/web.address"
        if not path.exists():
            return False
        host, _, port = path.read_text().strip().removeprefix("http://").rstrip("/").rpartition(":")
        self.address = (host, int(port))
        return True

    def close(self):
        super().close()
        self.signer.close()

    # -- asking ------------------------------------------------------------------------------------------------------

    def request(self, method, path, body=None, token=None, headers=None):
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        try:
            headers = dict(headers or {})
            if body is not None:
                headers.setdefault("Content-Type", "application/json")
                body = body if isinstance(body, (str, bytes)) else json.dumps(body)
            if token is not None:
                headers["Authorization"] = f"Bearer {token}"
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        """With the operator's token, unless another is given (None: without)."""
        more.setdefault("token", self.token)
        return self.request("POST", path, {} if body is None else body, **more)

    def events(self, query):
        return Events(self, query)

    def busbar(self, *words, status=0):
        """The command line's output; its exit code is to be `status`."""
        done = subprocess.run([BIN / "busbar", *[str(w) for w in words], "--home", self.home], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False, env={**os.environ, "BUSBAR_HOME": str(self.home)})
        assert done.returncode == status, f"{words}: {done.returncode}: {done.stderr}"
        return done.stdout

    def document(self, *words):
        return json.loads(self.busbar(*words, "--json"))
