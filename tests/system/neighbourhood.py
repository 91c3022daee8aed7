"""A neighbourhood of real processes in a home of its own: boards on virtual cables, busbard with CURVE, both agents.

    with Neighbourhood(cases.TABLE_1) as town:
        town.certified()

Nothing waits by sleeping: every wait listens on the bus, or looks at a process, until a condition holds or a deadline has passed.
Logs are in <home>/log; the home is kept when BUSBAR_KEEP is set.
"""
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

import zmq

import cases
import vip

BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
AGENTS = {"consumer": "consumer-agent", "generator": "dg-agent"}
# Under sanitizers and on a busy machine everything takes longer: deadlines are generous, they are not measurements.
PATIENCE_S = float(os.environ.get("BUSBAR_PATIENCE", "60"))


def wait_until(condition, wait_s, what):
    """For what cannot be heard on the bus: looks every few milliseconds."""
    deadline = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {wait_s} s: {what}")
        time.sleep(0.01)


def z85_to_base64url(key):
    import base64
    from zmq.utils import z85
    return base64.urlsafe_b64encode(z85.decode(key)).decode().rstrip("=")


class Process:
    """A program of ours with its log; it is ended with the neighbourhood. `talks`: by lines on standard input and output."""

    def __init__(self, name, arguments, home, talks=False):
        self.name, self.arguments, self.home, self.talks = name, [str(a) for a in arguments], home, talks
        self.popen = None
        self.start()

    def start(self):
        environment = {**os.environ, "BUSBAR_HOME": str(self.home)}
        with open(self.home / "log" / f"{self.name}.log", "ab") as log:
            self.popen = subprocess.Popen(self.arguments, env=environment, stderr=log, text=True,
                                          stdin=subprocess.PIPE if self.talks else subprocess.DEVNULL,
                                          stdout=subprocess.PIPE if self.talks else log)

    def read_line(self, wait_s):
        if not select.select([self.popen.stdout], [], [], wait_s)[0]:
            raise TimeoutError(f"{self.name} says nothing within {wait_s} s")
        return self.popen.stdout.readline().strip()

    def say(self, line, wait_s=10):
        """Says a line and hears its answer, which is to be ok; what else it says."""
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()
        answer = self.read_line(wait_s)
        if answer.split()[0] != "ok":
            raise RuntimeError(f"{self.name}: {line}: {answer}")
        return answer[3:]

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """As a power cut would."""
        self.popen.kill()
        self.popen.wait()

    def stop(self):
        if self.running():
            self.popen.terminate()
            self.popen.send_signal(signal.SIGCONT)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def log(self):
        return (self.home / "log" / f"{self.name}.log").read_text(errors="replace")


def site_of(boards, topology, method, by_agent, offsets):
    """The site file (docs/architecture.md) of the boards, in their order; ids from 1."""
    numbers, entries = {"consumer": 0, "generator": 0}, []
    for number, (name, kind, *_) in enumerate(boards, 1):
        numbers[kind] += 1
        topic = f"Data/consumer/consumer{numbers[kind]}" if kind == "consumer" else f"Data/dg/dg{numbers[kind]}"
        entries.append({"id": number, "name": name, "kind": kind, "agent": AGENTS[kind], "topic": topic,
                        "dispatch": "agent" if name in by_agent else "board"})
    site = {"name": "test", "method": method, "topology": topology, "exchange_ms": 150, "heartbeat_ms": 1000, "expiry_ms": 4000,
            "boards": entries}
    if topology == "circulant":
        site["offsets"] = offsets
    return site


def board_file(number, board):
    name, kind, intercept, slope, pmax = board
    words = ("omega", "sigma") if kind == "consumer" else ("beta", "alpha")
    return (f"id {number}\nname {name}\nkind {kind}\n{words[0]} {intercept:.6f}\n{words[1]} {slope:.6f}\npmax_kw {pmax:.6f}\n"
            f"on_link_loss hold\nfixed_kw 0\nramp_kw_per_s 0\nstate {name}.state\n")


class Neighbourhood:
    """Everything of one home; see the module's text."""

    def __init__(self, boards=cases.TABLE_1, topology="circulant", method="curves", by_agent=(), offsets=(1, 2)):
        self.cases = list(boards)
        self.site = site_of(boards, topology, method, by_agent, list(offsets))
        self.topics = {entry["name"]: entry["topic"] for entry in self.site["boards"]}
        self.agent_of = {entry["name"]: entry["agent"] for entry in self.site["boards"]}
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bb-", dir="/tmp"))
        self.processes = {}
        self.ear = self.peer = self.wire = None

    # -- the home ----------------------------------------------------------------------------------------------------

    def furnish(self):
        for folder in ("keys", "run", "boards", "log"):
            (self.home / folder).mkdir(mode=0o700)
        entries = []
        for name in ("busbard", "cli", *AGENTS.values()):
            public, secret = (z85_to_base64url(key) for key in zmq.curve_keypair())
            file = self.home / "keys" / f"{name}.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps({"public": public, "secret": secret}))
            if name == "busbard":
                (self.home / "keys/busbard.pub").write_text(public + "\n")
            else:
                names = ["cli", "cli.*"] if name == "cli" else [name]
                entries.append({"key": public, "identities": names, "publish": [""], "subscribe": [""], "comment": name})
        (self.home / "access.json").write_text(json.dumps({"version": 1, "entries": entries}))
        (self.home / "site.json").write_text(json.dumps(self.site))
        for number, board in enumerate(self.cases, 1):
            (self.home / "boards" / f"{board[0]}.board").write_text(board_file(number, board))

    # -- processes ---------------------------------------------------------------------------------------------------

    def run(self, name, *arguments, talks=False):
        process = Process(name, arguments, self.home, talks)
        self.processes[name] = process
        return process

    def __enter__(self):
        try:
            self.furnish()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.tell()
        self.close()

    def close(self):
        for socket in (self.ear, self.peer):
            if socket is not None:
                socket.close()
        for process in reversed(list(self.processes.values())):
            process.stop()
        if not os.environ.get("BUSBAR_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)

    def tell(self):
        """The ends of the logs, for whoever reads a failure."""
        for log in sorted((self.home / "log").glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-8:]
            print(f"--- {log.name}", *lines, sep="\n", flush=True)

    def start_broker(self):
        """On ipc alone: neighbourhoods side by side do not meet."""
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        broker = self.run("busbard", BIN / "busbard", f"--home={self.home}", *doors)
        wait_until(lambda: (self.home / "run/vip.address").exists() or not broker.running(), PATIENCE_S, "the broker's address")

    def cable(self, name, end):
        """One end of a board's cable: `agent` or `board`."""
        return f"{self.home}/run/{name}.{end}"

    def wire_counters(self, name, end):
        """What has come towards one end of a board's cable: bytes, flipped, dropped, frames, eaten, arrived, overrun."""
        words = self.wire.say(f"counters {self.cable(name, end)}").split()
        return {key: int(value) for key, value in (word.split("=") for word in words)}

    def commands_taken(self, name, event="command"):
        """How many commands (or other events) a board has taken, by its own log. It writes no more than five lines a second and 20 at once, and tells
        with the next one how many it did not write: those are commands too, where nothing else happens so often."""
        log = self.processes[name].log()
        return log.count(f"event={event} ") + sum(map(int, re.findall(r" dropped_lines=(\d+)$", log, re.M)))

    def wire_words(self):
        """Further options of the wire."""
        return ()

    def start_wire(self):
        cables = [word for name in self.topics for word in ("--cable", self.cable(name, "agent"), self.cable(name, "board"))]
        self.wire = self.run("wire", BIN / "busbar-wire", "--baud", 115200, *self.wire_words(), *cables, talks=True)
        if self.wire.read_line(PATIENCE_S) != "ready":
            raise RuntimeError("the cables are not ready")

    def start_board(self, name):
        self.run(name, BIN / "busbar-node", "--config", self.home / "boards" / f"{name}.board", "--port", self.cable(name, "board"))

    def start_agent(self, agent):
        ports = [word for name in self.topics if self.agent_of[name] == agent for word in ("--ports", "pty:" + self.cable(name, "agent"))]
        self.run(agent, BIN / "busbar-uart-agent", "--home", self.home, "--identity", agent, *ports)

    def start(self):
        self.start_broker()
        self.start_wire()
        for name in self.topics:
            self.start_board(name)
        self.reconnect()
        for agent in sorted(set(self.agent_of.values())):
            self.start_agent(agent)

    def reconnect(self):
        """The tests' own ear and voice."""
        for socket in (self.ear, self.peer):
            if socket is not None:
                socket.close()
        self.peer = vip.Peer(self.home, wait_s=PATIENCE_S)
        self.ear = vip.Ear(self.home)
        deadline = time.monotonic() + PATIENCE_S
        while "test/echo" not in self.ear.last:  # a SUB socket does not tell when it is subscribed
            if time.monotonic() > deadline:
                raise TimeoutError("what goes in by the vip door does not come out by the sub door")
            self.peer.publish("test/echo", time.monotonic())
            self.ear.listen(0.1)
        del self.ear.last["test/echo"]

    # -- what the bus says -------------------------------------------------------------------------------------------

    def board(self, name):
        """The last board object heard, {} when there is none."""
        return self.ear.last.get(self.topics[name], {})

    def agree(self, names, also=lambda board: True):
        """True when these boards, and no others, are alive for each of them, all are certified, and of one mind.

        With `curves` that is one digest; with `incremental-cost` a board knows its neighbours alone, and it is one price."""
        seen = [self.board(name) for name in names]
        if not all(b.get("online") and b.get("certified") and b.get("live") == len(names) and also(b) for b in seen):
            return False
        if self.site["method"] == "curves":
            return len({b["digest"] for b in seen}) == 1
        return max(b["lambda"] for b in seen) - min(b["lambda"] for b in seen) < 0.001

    def certified(self, names=None, wait_s=None, fresh=True, also=lambda board: True):
        """Waits until the boards (all of them) agree; returns {name: board object}. `fresh`: forgets first what was said before."""
        names = list(names or self.topics)
        if fresh:
            self.ear.forget()
        try:
            self.ear.until(lambda last: self.agree(names, also), wait_s or PATIENCE_S, f"{len(names)} boards agree")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; {json.dumps({n: self.board(n) for n in names})}") from None
        return {name: self.board(name) for name in names}

    def call(self, name, method, **parameters):
        """An RPC to the agent of a board, or to both agents for `all`."""
        agents = sorted(set(self.agent_of.values())) if name == "all" else [self.agent_of[name]]
        return [self.peer.call(agent, method, {"name": name, **parameters}, PATIENCE_S) for agent in agents]

    def tune(self, board):
        """Gives a board other parameters at run time, and remembers them."""
        name, kind, intercept, slope, pmax = board
        words = ("omega", "sigma") if kind == "consumer" else ("beta", "alpha")
        self.call(name, "board.parameter", **{words[0]: intercept, words[1]: slope, "pmax_kw": pmax})
        self.cases = [board if b[0] == name else b for b in self.cases]

    def solve(self):
        """(price, {name: kW}) of `busbar dispatch solve`, the exact centralised optimum."""
        out = subprocess.run([BIN / "busbar", "dispatch", "solve", "-", "--json"], input=json.dumps(cases.scenario(self.cases)),
                             capture_output=True, text=True, check=True, timeout=30)
        answer = json.loads(out.stdout)
        return answer["lambda"], {node["id"]: node["kw"] for node in answer["nodes"]}
