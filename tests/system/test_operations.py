#!/usr/bin/env python3
"""Command lines of the documents: those of docs/operations.md for one's own home are run as they stand there; all others, of every
document and manual page, name programs, verbs and options that exist.

Not run: what needs root, systemd or hours (`console` blocks; indented lines, which are benches and single commands; the manual's
examples). README.md and docs/scripting.md are run by tests of their own.
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

import vip
from neighbourhood import BIN, PATIENCE_S

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = {path.name for path in BIN.iterdir()}
RUN_ELSEWHERE = {"scripting.md"}


def text_of(path):
    return path.read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def written():
    """(where, line) of every command line that no test runs."""
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = text_of(path)
        for block in blocks(text, "console"):
            for line in block.splitlines():
                yield path.name, line
        for line in re.findall(r"(?m)^    ((?:build/release/bin/)?(?:busbar|busbard)\b[^│]*)$", text):
            yield path.name, line
    for path in sorted((ROOT / "docs/man").glob("*.scd")):
        for block in re.findall(r"(?m)^```\n(.*?)^```", text_of(path), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                yield path.name, line.strip()


def words_of(line):
    """The words of the first of our commands in a line, without what runs it: (program, words)."""
    line = re.split(r"\s*(?:\||&&|\|\||;|>|<)\s*", line)[0]
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None, []
    while words and (words[0] in ("sudo", "-u", "then", "do", "$") or re.match(r"^\w+=", words[0])
                     or (len(words) > 1 and words[0] in ("busbar", "busbar-ledger") and words[1] in PROGRAMS)):
        words = words[1:]
    name = words[0].rsplit("/", 1)[-1] if words else None
    return name, words[1:]


class Operations(unittest.TestCase):
    def test_drill_as_it_stands(self):
        text = text_of(ROOT / "docs/operations.md")
        for block in blocks(text, "sh"):
            with tempfile.TemporaryDirectory(prefix="bb-", dir="/tmp") as home:
                pathlib.Path(home, "grid").mkdir()
                # The usual ports may be taken on this machine: the doors of the test are sockets.
                pathlib.Path(home, "grid/busbard.json").write_text(json.dumps({name: [vip.door(f"{home}/grid", name)]
                                                                              for name in ("vip", "sub", "pub")}))
                done = subprocess.run(["bash", "-e", "-m", "-c", block.replace("kill %1; wait", "kill %1; wait || true")], text=True,
                                      capture_output=True, timeout=2 * PATIENCE_S, cwd=home, env={
                                          **os.environ, "HOME": home, "BUSBAR_ETC": home, "NO_COLOR": "1",
                                          "PATH": f"{BIN}:{os.environ['PATH']}"})
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("restored ", done.stdout)
                self.assertIn('"kw": 7', done.stdout.split("restored ")[1])
                self.assertIn(" 0 failed", done.stdout)

    def test_blocks_are_of_a_known_kind(self):
        """A block of commands is run, or says by its name that it is not."""
        for path in (ROOT / "docs").glob("*.md"):
            if path.name not in RUN_ELSEWHERE | {"operations.md"}:
                with self.subTest(path.name):
                    self.assertEqual(blocks(text_of(path), "sh"), [])


class Written(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        told = subprocess.run([BIN / "busbar", "help", "--json"], capture_output=True, check=True).stdout
        cls.verbs = {verb["name"]: {option["name"] for option in verb["options"]} for verb in json.loads(told)["verbs"]}
        cls.lines = list(written())

    def verb(self, words):
        for size in (3, 2, 1):
            if " ".join(words[:size]) in self.verbs:
                return " ".join(words[:size])
        return None

    def test_enough(self):
        self.assertGreater(len([line for _, line in self.lines if words_of(line)[0] == "busbar"]), 40)

    def test_verbs_and_options(self):
        for where, line in self.lines:
            program, words = words_of(line)
            if program != "busbar" or not words or words[0].startswith("-"):
                continue
            with self.subTest(f"{where}: {line}"):
                verb = self.verb(words)
                self.assertIsNotNone(verb)
                for name in (word[2:].split("=")[0] for word in words if word.startswith("--") and len(word) > 2):
                    self.assertIn(name, self.verbs[verb] | {"help"})

    def test_other_programs(self):
        helps = {}
        for where, line in self.lines:
            program, words = words_of(line)
            if program not in PROGRAMS or program in ("busbar", "busbar-bench"):
                continue
            if program not in helps:
                helps[program] = subprocess.run([BIN / program, "--help"], capture_output=True, text=True, timeout=30).stdout
            for name in (word[2:].split("=")[0] for word in words if word.startswith("--")):
                with self.subTest(f"{where}: {line}"):
                    self.assertRegex(helps[program] + " config home help version print-config ", rf"\b{name.replace('-', '[-_]')}\b")


if __name__ == "__main__":
    unittest.main()
