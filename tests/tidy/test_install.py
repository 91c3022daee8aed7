#!/usr/bin/env python3
"""configs/install: which packages it finds missing, with lists of its own and a machine that has no apt-get."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ("bash", "dirname", "tr", "dpkg-query", "env")


class Missing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bb.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        shutil.copy(ROOT / "configs/install", self.folder / "install")
        (self.folder / "bin").mkdir()
        for command in COMMANDS:
            (self.folder / "bin" / command).symlink_to(shutil.which(command))

    def install(self, text, *sections):
        """(exit code, standard error) with that list of packages."""
        (self.folder / "packages.txt").write_text(text)
        done = subprocess.run([self.folder / "bin/bash", self.folder / "install", *sections], capture_output=True, text=True,
                              env={**os.environ, "PATH": str(self.folder / "bin")}, timeout=60, check=False)
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr

    def test_what_is_there_needs_nothing(self):
        self.assertEqual(self.install("[a]\nlibc6\nbash\n[b]\nno-such-package\n", "a"), (0, ""))

    def test_what_is_not_there_is_named(self):
        code, told = self.install("# head\n[a]\nlibc6\nno-such-package\n[b]\nno-other-package\n", "a", "b")
        self.assertEqual(code, 1)
        self.assertTrue(told.strip().endswith(": no-such-package no-other-package"), told)

    def test_a_command_stands_for_its_package(self):
        self.assertEqual(self.install("[a]\nno-such-package?tr\nbash?no-such-command\n", "a"), (0, ""))

    def test_without_the_command_the_package_is_wanted(self):
        code, told = self.install("[a]\nno-such-package?no-such-command\n", "a")
        self.assertEqual(code, 1)
        self.assertTrue(told.strip().endswith(": no-such-package"), told)

    def test_the_list_of_the_tree_is_understood(self):
        for line in (ROOT / "configs/packages.txt").read_text().splitlines():
            if line and line[0] not in "#[":
                self.assertRegex(line, r"^[a-z0-9][a-z0-9.+-]+(\?[a-z0-9-]+)?$")


if __name__ == "__main__":
    unittest.main()
