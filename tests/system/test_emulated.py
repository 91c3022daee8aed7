#!/usr/bin/env python3
"""`busbar demo --boards`: sixteen programs for ARM agree as those of this machine do; two whole boards go on from one that was
started, and are told who they are over their links."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import cases
from neighbourhood import BIN, PATIENCE_S

FIRMWARE = BIN.parent.parent / "armhf/bin/busbar-node"


def demo(*arguments, **environment):
    return subprocess.run([BIN / "busbar", "demo", "--once", *arguments], capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False,
                          env={**os.environ, **environment})


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


    def test_whole_boards_go_on_from_one_and_agree(self):
        consumer, generator = cases.TABLE_1[0], next(board for board in cases.TABLE_1 if board[1] == "generator")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as case:
            json.dump(cases.scenario([consumer, generator]), case)
            case.flush()
            done = demo("--boards", "full", "--case", case.name, "--json", BUSBAR_CACHE=str(BIN.parent.parent / "image"))
        self.assertEqual(done.returncode, 0, done.stderr)
        nodes = json.loads(done.stdout)["dispatch"]["nodes"]
        self.assertEqual([node["id"] for node in nodes], [consumer[0], generator[0]])
        for node in nodes:
            self.assertGreater(node["kw"], 1)
            self.assertAlmostEqual(node["kw"], node["central_kw"], delta=0.001, msg=node["id"])
        self.assertEqual(left_behind(), [], "no emulator stays behind")


def left_behind():
    """Whole boards whose parent is gone."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words, parent = (entry / "cmdline").read_bytes(), (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if words.split(b"\0")[0].endswith(b"qemu-system-arm") and b"/busbar-" in words and parent == "1":
            found.append(entry.name)
    return found


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
