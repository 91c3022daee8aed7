#!/usr/bin/env python3
"""Everything in docs/scripting.md works as it stands there: its files are written, its command lines run, in their order."""
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import vip
from neighbourhood import BIN, PATIENCE_S, Process, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/scripting.md").read_text(encoding="utf-8")
NPM = ROOT / "tests/scripts/npm"
ENDINGS = {"python": "py", "js": "mjs", "c": "c"}
# What a line that stays prints, or a line that ends: (in whose output, a part of it).
HEARD = {
    "python3 say.py": [("python3 listen.py", 'weather/wind weather {\'m_s\': 7.2}')],
    "busbar rpc weather forecast": [(None, "4.2")],
    "python3 agent.py": [("python3 agent.py", "welcome weather"), ("python3 listen.py", "weather/sun weather {'hours': 9}")],
    "python3 call.py": [(None, "{'kw': 4.2}")],
    "node say.mjs": [("node listen.mjs", 'weather/rain weather {"mm":3}')],
    "node call.mjs": [(None, '{"kw":4.2}')],
    "busbar pub weather/clouds '{\"octas\":3}'": [("busbar sub weather/ --jsonl > heard.txt", '"octas"')],
    "./agent": [("./agent", 'weather/temperature weather {"celsius":12.5}')],
    "busbar rpc weather mean": [(None, "11.5")],
}
# Lines after which a script that stays must be subscribed before the next one speaks.
EARS = ("python3 listen.py", "node listen.mjs", "busbar sub", "./listen")


def blocks():
    """(language, content) of each code block, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def sanitized():
    cache = BIN.parent / "CMakeCache.txt"
    return cache.exists() and "BUSBAR_SANITIZE:BOOL=ON" in cache.read_text()


def node_modules():
    """Installs what the lock file names, once, without install scripts: the binaries are in the package."""
    folder = BIN.parents[1] / "npm-scripts"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256((NPM / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NPM / name, folder / name)
        npm = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier"],
                             cwd=folder, capture_output=True, text=True, timeout=100, check=False)
        if npm.returncode != 0:
            raise AssertionError(f"`npm ci` failed, which needs the network the first time:\n{npm.stderr[-2000:]}")
        stamp.write_text(wanted)
    return folder / "node_modules"


class Scripting(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bb-", dir="/tmp"))
        self.addCleanup(lambda: os.environ.get("BUSBAR_KEEP") or shutil.rmtree(self.home))
        self.place = self.home / "scripts"
        self.place.mkdir()
        self.stays = {}
        subprocess.run([BIN / "busbar", "init", "--home", self.home], check=True, capture_output=True)
        doors = [f"--{name}={vip.door(self.home, name)}" for name in ("vip", "sub", "pub")]
        self.broker = Process("busbard", [BIN / "busbard", "--home", self.home, *doors], self.home)
        self.addCleanup(self.broker.stop)
        wait_until((self.home / "run/pub.sock").exists, PATIENCE_S, "busbard is up")
        (self.place / "node_modules").symlink_to(node_modules())
        source = self.home / "source"
        (source / "build").mkdir(parents=True)
        (source / "include").symlink_to(ROOT / "include")
        (source / "build/release").symlink_to(BIN.parent)
        self.environment = {**os.environ, "BUSBAR_HOME": str(self.home), "BUSBAR_SOURCE": str(source), "NO_COLOR": "1",
                            "PATH": f"{BIN}:/usr/bin:{os.environ['PATH']}"}
        self.peer = vip.Peer(self.home)
        self.addCleanup(self.peer.close)

    def shell(self, line, output):
        if sanitized():
            line = re.sub(r"^cc ", "cc -fsanitize=address,undefined ", line)
        return subprocess.Popen(["bash", "-c", line], cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def output(self, line):
        kept = re.search(r"> (\S+)$", line)
        return self.place / (kept.group(1) if kept else f"{list(self.stays).index(line)}.out")

    def end(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def stay(self, line):
        """A line with & at its end: it goes on until the end; an ear is to hear before somebody speaks."""
        self.stays[line] = None
        self.output(line).touch()
        with open(self.place / f"{len(self.stays)}.log", "w") if ">" in line else self.output(line).open("w") as to:
            self.stays[line] = self.shell(line, to)
        self.addCleanup(self.end, self.stays[line])
        if line.startswith(EARS):
            wait_until(lambda: self.listens(line), PATIENCE_S, f"{line} listens")

    def listens(self, line):
        """Says something until it is heard: a plain subscription is not acknowledged."""
        self.peer.publish("weather/ready", None)
        return "weather/ready" in self.output(line).read_text()

    def run_once(self, line):
        process = self.shell(line, subprocess.PIPE)
        try:
            output, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            self.end(process)
        self.assertEqual(process.returncode, 0, f"{line}:\n{output}")
        return output

    def heard(self, line, output):
        for whose, part in HEARD.get(line, []):
            if whose is None:
                self.assertIn(part, output)
            else:
                wait_until(lambda w=whose, p=part: p in self.output(w).read_text(), PATIENCE_S, f"{part} of {whose}, after {line}")

    def command(self, line):
        if line.startswith("npm install"):
            # The lock file is what `npm ci` took.
            self.assertIn(f'"zeromq": "{line.rsplit("@", 1)[1]}"', (NPM / "package.json").read_text())
            return
        if line == "./agent &":
            self.end(self.stays["python3 agent.py"])
        output = ""
        if line.endswith(" &"):
            line = line.removesuffix(" &")
            self.stay(line)
        else:
            output = self.run_once(line)
        if line.startswith("busbar init"):
            wait_until(lambda: "event=rules-read" in self.broker.log(), PATIENCE_S, "the broker knows the key")
        self.heard(line, output)

    def test_everything(self):
        files, ran = set(), []
        for language, content in blocks():
            if language == "sh":
                for line in content.splitlines():
                    self.command(line)
                    ran.append(line)
            else:
                name = re.match(r"(?://|#) (\w+\.\w+): ", content).group(1)
                self.assertTrue(name.endswith("." + ENDINGS[language]), name)
                (self.place / name).write_text(content)
                files.add(name)
        lines = "\n".join(ran)
        for name in files - {"bus.py", "bus.mjs"}:
            self.assertIn(name, lines, "every file is run")
        for line in HEARD:
            self.assertIn(line, lines)


if __name__ == "__main__":
    unittest.main()
