#!/usr/bin/env python3
"""`busbar demo --boards emulated`: sixteen programs for ARM agree as those of this machine do."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from neighbourhood import BIN, PATIENCE_S

FIRMWARE = BIN.parent.parent / "armhf/bin/busbar-node"


def demo(*arguments):
    return subprocess.run([BIN / "busbar", "demo", "--once", *arguments], capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False)


@unittest.skipUnless(FIRMWARE.exists(), "the preset armhf is not built")
class Emulated(unittest.TestCase):
    def test_sixteen_programs_for_arm_reach_table_1(self):
        done = demo("--boards", "emulated", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        dispatch = json.loads(done.stdout)["dispatch"]
        self.assertEqual(len(dispatch["nodes"]), 16)
        self.assertAlmostEqual(dispatch["lambda"], 7.371025, delta=0.0005)
        for node in dispatch["nodes"]:
            self.assertAlmostEqual(node["kw"], node["central_kw"], delta=0.001, msg=node["id"])


class Refusals(unittest.TestCase):
    def test_a_kind_of_boards_that_is_not_there(self):
        done = demo("--boards", "paper")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('"paper" is none of: process emulated full', done.stderr)

    @unittest.skipIf(os.path.exists("/usr/lib/busbar/armhf/busbar-node"), "it is installed")
    def test_without_the_program_for_arm_it_says_where_it_comes_from(self):
        folder = tempfile.TemporaryDirectory(prefix="bb-")
        self.addCleanup(folder.cleanup)
        copy = shutil.copy(BIN / "busbar", folder.name)
        done = subprocess.run([copy, "demo", "--once", "--boards", "full"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("no busbar-node for ARM", done.stderr)


if __name__ == "__main__":
    unittest.main()
