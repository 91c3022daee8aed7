#!/usr/bin/env python3
"""The manual says what the programs do: every verb and option of the table of verbs and of the programs' own help is in a page,
and every page is clean."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs/man"
BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin")


def source(page):
    """The text of a page, `busbar-bus(1)`, without its marks."""
    name, section = re.fullmatch(r"([a-z-]+)\((\d)\)", page).groups()
    return (PAGES / f"{name}.{section}.scd").read_text().replace("*", "").replace("\\", "")


class Table(unittest.TestCase):
    """The table of verbs against the pages that it names."""

    @classmethod
    def setUpClass(cls):
        cls.verbs = json.loads(subprocess.run([BIN / "busbar", "help", "--json"], capture_output=True, check=True).stdout)["verbs"]

    def test_verbs(self):
        self.assertGreater(len(self.verbs), 10)
        for verb in self.verbs:
            with self.subTest(verb["name"]):
                self.assertIn(verb["name"].split()[-1], source(verb["page"]))

    def test_options(self):
        shared = source("busbar(1)")
        for verb in self.verbs:
            for option in verb["options"]:
                with self.subTest(f"{verb['name']} --{option['name']}"):
                    self.assertRegex(source(verb["page"]) + shared, rf"--{option['name']}\b")

    def test_nothing_more(self):
        """Every option in busbar's pages exists."""
        known = {o["name"] for verb in self.verbs for o in verb["options"]} | {"help", "version", "OPTION"}
        for page in {verb["page"] for verb in self.verbs}:
            for name in re.findall(r"(?<![\w-])--([\w-]+)", source(page)):
                with self.subTest(f"{page} --{name}"):
                    self.assertIn(name, known)


class Programs(unittest.TestCase):
    """The other programs' help against their pages."""

    def check(self, program, page):
        if not (BIN / program).exists():
            self.skipTest(f"{program} is not built")
        told = subprocess.run([BIN / program, "--help"], capture_output=True, text=True, check=True, timeout=30).stdout
        for option in set(re.findall(r"(?<![\w-])--[a-z][\w-]*", told)):
            with self.subTest(f"{program} {option}"):
                self.assertRegex(source(page), rf"{option}\b")

    def test_busbard(self):
        self.check("busbard", "busbard(8)")

    def test_node(self):
        self.check("busbar-node", "busbar-node(8)")

    def test_wire(self):
        self.check("busbar-wire", "busbar-wire(1)")

    def test_uart_agent(self):
        self.check("busbar-uart-agent", "busbar-uart-agent(8)")

    def test_agentd(self):
        self.check("busbar-agentd", "busbar-agentd(8)")

    def test_listener(self):
        self.check("listener-agent", "listener-agent(1)")


class Everything(unittest.TestCase):
    """Nothing that is installed and no file of a home is without a page."""

    # Not installed: an example to be copied, and the measurements.
    ALONE = {"example-agent", "busbar-bench"}

    def test_programs(self):
        for program in sorted(path.name for path in BIN.iterdir()):
            if program not in self.ALONE:
                with self.subTest(program):
                    pages = [page for page in PAGES.glob(f"{program}.*.scd") if page.name.split(".")[1] in "18"]
                    self.assertEqual(len(pages), 1)
                    told = subprocess.run([BIN / program, "--help"], capture_output=True, text=True, check=True, timeout=30).stdout
                    options = set() if program == "busbar" else set(re.findall(r"(?<![\w-])--[a-z][\w-]*", told))
                    for option in options:
                        self.assertRegex(pages[0].read_text().replace("*", "").replace("\\", ""), rf"{option}\b")

    def test_files(self):
        page = re.sub(r"[*\\]", "", (PAGES / "busbar-home.5.scd").read_text())
        for document, title in (("architecture.md", "## The home of an installation"), ("platform.md", "## The home")):
            text = (PAGES.parent / document).read_text().split(title + "\n")[1].split("\n##")[0]
            rows = re.findall(r"(?m)^\| (`[^|]+) \|", text)
            self.assertGreater(len(rows), 5)
            for name in (name for row in rows for name in re.findall(r"`([^`]+)`", row)):
                with self.subTest(f"{document}: {name}"):
                    plain = re.sub(r"<([^>]+)>", lambda match: match[1].upper(), name)
                    self.assertIn(f"_{plain}", page)


class Clean(unittest.TestCase):
    """Each page is understood by scdoc and by man, and refers to pages that exist."""

    def test_references(self):
        names = {re.sub(r"\.(\d)\.scd$", r"(\1)", p.name) for p in PAGES.glob("*.scd")}
        for page in PAGES.glob("*.scd"):
            for reference in re.findall(r"\*((?:busbar|listener)[a-z-]*)\*(\(\d\))", page.read_text()):
                with self.subTest(f"{page.name} {''.join(reference)}"):
                    self.assertIn("".join(reference), names)

    @unittest.skipUnless(shutil.which("scdoc") and shutil.which("man"), "scdoc or man is not there")
    def test_clean(self):
        for page in sorted(PAGES.glob("*.scd")):
            with self.subTest(page.name):
                made = subprocess.run(["scdoc"], input=page.read_bytes(), capture_output=True, check=False)
                self.assertEqual((made.returncode, made.stderr), (0, b""))
                read = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-"], input=made.stdout, capture_output=True,
                                      check=False, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""})
                self.assertEqual((read.returncode, read.stderr), (0, b""))
                self.assertGreater(len(read.stdout), 200)


if __name__ == "__main__":
    unittest.main()
