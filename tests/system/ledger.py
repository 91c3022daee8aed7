"""A ledger of real processes in a home of its own: busbard with CURVE, busbar-ledgerd, and a tool that signs.

    with Ledger() as ledger:
        ledger.submit([ledger.signed("p1", "SellOrder", energyWh=6000, priceMicroPerKWh=98200)])

Keys are made from names: everybody's secret is the SHA-256 of the name, so that two runs sign the same bytes.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import zmq

import neighbourhood
import vip
from neighbourhood import BIN, PATIENCE_S, Process, wait_until, z85_to_base64url

SIGN = next((BIN / name for name in ("ledger_sign", "../tests/ledger_sign") if (BIN / name).exists()), BIN / "ledger_sign")
# secp256k1: the order of the group.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OPENING = {"money": "10000000000", "energy": "50000"}
ROLES = {"operator": "operator", "edc": "distribution", "p1": "prosumer", "p2": "prosumer", "p3": "prosumer",
         "c1": "consumer", "m1": "meter"}
ACTORS = {"SellOrder": "seller", "BuyOrder": "buyer", "UpdateOrder": "owner", "CancelOrder": "owner", "Transfer": "from",
          "SetLine": "distribution", "SetPolicy": "distribution"}
# What a message has when nothing else is said.
USUAL = {"SellOrder": {"intervalStart": 0, "expires": 0},
         "BuyOrder": {"intervalStart": 0, "fill": 0, "expires": 0},
         "SetPolicy": {"mode": 0, "penaltyMicroPerKWh": 0, "recipient": 0, "minPriceMicroPerKWh": 0,
                       "maxPriceMicroPerKWh": 0, "intervalSeconds": 0, "gateSeconds": 0}}


def secret_of(name):
    return "0x" + hashlib.sha256(f"busbar test {name}".encode()).hexdigest()


class Signer:
    """The tool, by lines."""

    def __init__(self, program=SIGN):
        self.process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addresses = {}

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith("0x"):
            raise ValueError(answer)
        return answer

    def address(self, name):
        if name not in self.addresses:
            self.addresses[name] = self.ask(f"address {secret_of(name)}")
        return self.addresses[name]

    def sign(self, name, separator, kind, message):
        """(bytes, id) as hexadecimal texts."""
        body = json.dumps({"type": kind, "message": message}, separators=(",", ":"))
        return self.ask(f"sign {secret_of(name)} {separator} {body}").split(" ")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Ledger:
    """Everything of one home; see the module's text. `genesis`: members that replace those of the usual genesis."""

    def __init__(self, flags=(), start=True, **genesis):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bb-", dir="/tmp"))
        self.signer = Signer()
        self.genesis = {**self.usual_genesis(), **genesis}
        self.flags, self.wanted = list(flags), start
        self.processes = {}
        self.nonces = {}
        self.peer = self.separator = None

    def usual_genesis(self):
        people = [{"name": name, "address": self.signer.address(name), "role": role,
                   **(OPENING if role in ("prosumer", "consumer") else {})} for name, role in ROLES.items()]
        return {"chain_id": "1337", "sealer": self.signer.address("sealer"), "participants": people}

    # -- the home and its processes ----------------------------------------------------------------------------------

    def furnish(self):
        for folder in ("keys", "run", "log", "ledger"):
            (self.home / folder).mkdir(mode=0o700)
        entries = []
        for name in ("busbard", "cli", "ledger"):
            public, secret = (z85_to_base64url(key) for key in zmq.curve_keypair())
            file = self.home / "keys" / f"{name}.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps({"public": public, "secret": secret}))
            if name == "busbard":
                (self.home / "keys/busbard.pub").write_text(public + "\n")
                continue
            publish = ["market/", "heartbeat/ledger"] if name == "ledger" else [""]
            entries.append({"key": public, "identities": [name, f"{name}.*"], "publish": publish, "subscribe": [""],
                            "comment": name})
        (self.home / "access.json").write_text(json.dumps({"version": 1, "entries": entries}))
        self.write_genesis()
        key = self.home / "ledger/sealer.key"
        key.touch(mode=0o600)
        key.write_text(secret_of("sealer")[2:] + "\n")

    def write_genesis(self):
        (self.home / "ledger/genesis.json").write_text(json.dumps(self.genesis))

    def start_broker(self):
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        (self.home / "run/vip.address").unlink(missing_ok=True)
        self.processes["busbard"] = Process("busbard", [BIN / "busbard", "--home", self.home, *doors], self.home)
        wait_until((self.home / "run/vip.address").exists, PATIENCE_S, "busbard is up")

    def start_ledger(self):
        self.processes["ledgerd"] = Process("ledgerd", [BIN / "busbar-ledgerd", "--home", self.home, *self.flags], self.home)
        self.wait_for_ledger()

    def wait_for_ledger(self):
        def there():
            if not self.processes["ledgerd"].running():
                raise RuntimeError(self.processes["ledgerd"].log())
            try:
                return self.call("status", wait_s=1) is not None
            except (vip.Refused, TimeoutError):
                return False
        wait_until(there, PATIENCE_S, "busbar-ledgerd is up")
        self.separator = self.call("parameters")["separator"]

    def run(self, *arguments, wait_s=PATIENCE_S):
        """busbar-ledgerd once, to its end."""
        return subprocess.run([BIN / "busbar-ledgerd", "--home", self.home, *arguments], capture_output=True, text=True,
                              timeout=wait_s, env={**os.environ, "BUSBAR_HOME": str(self.home)})

    def reconnect(self, identity="cli.test"):
        if self.peer is not None:
            self.peer.close()
        self.peer = vip.Peer(self.home, identity, wait_s=PATIENCE_S)

    def __enter__(self):
        try:
            self.furnish()
            self.start_broker()
            self.reconnect()
            if self.wanted:
                self.start_ledger()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            neighbourhood.Neighbourhood.tell(self)
        self.close()

    def close(self):
        if self.peer is not None:
            self.peer.close()
        for process in reversed(list(self.processes.values())):
            process.stop()
        self.signer.close()
        if not os.environ.get("BUSBAR_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)

    # -- calls -------------------------------------------------------------------------------------------------------

    def call(self, method, wait_s=PATIENCE_S, **params):
        return self.peer.call("ledger", method, params, wait_s)

    def signed(self, actor, kind, nonce=None, deadline=0, separator=None, by=None, **members):
        """(bytes, id) of a transaction; accounts in `members` are names. Without `nonce` the next one is counted here."""
        if nonce is None:
            nonce = self.nonces.get(actor, 0)
            self.nonces[actor] = nonce + 1
        message = {ACTORS.get(kind, "operator"): self.signer.address(actor), "nonce": str(nonce), "deadline": str(deadline),
                   **USUAL.get(kind, {}), **members}
        for member in ("to", "participant", "successor", "sealer", "buyer", "seller"):
            if member in message and not str(message[member]).startswith("0x"):
                message[member] = self.signer.address(message[member])
        if kind == "Correction":
            message["from"] = self.signer.address(message["from"])
        message = {name: str(value) if isinstance(value, int) else value for name, value in message.items()}
        return self.signer.sign(by or actor, separator or self.separator, kind, message)

    def submit(self, transactions, wait_s=PATIENCE_S):
        """The results; a transaction is a text, an object, or what `signed` gave."""
        plain = [t[0] if isinstance(t, list) and t else t for t in transactions]
        return self.call("submit", wait_s, transactions=plain)["results"]

    def act(self, actor, kind, **members):
        """Signs and submits one; its result."""
        return self.submit([self.signed(actor, kind, **members)])[0]

    def account(self, name):
        return self.call("account", account=name)["account"]

    def accounts(self):
        return {a["name"]: a for a in self.call("account")["accounts"]}

    def settle_nonces(self):
        """After refusals: counts on from what the ledger expects."""
        self.nonces = {name: int(a["nonce"]) for name, a in self.accounts().items()}


def altered(text, offset, value):
    """A transaction's text with other bytes at an offset, counted from the end when negative."""
    raw = bytearray.fromhex(text[2:])
    offset %= len(raw)
    raw[offset:offset + len(value)] = value
    return "0x" + raw.hex()


def high_s(text):
    """The malleable twin of a signature: s' = order − s and the other v."""
    raw = bytes.fromhex(text[2:])
    s, v = int.from_bytes(raw[-33:-1], "big"), raw[-1]
    return "0x" + (raw[:-33] + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])).hex()
