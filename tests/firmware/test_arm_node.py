#!/usr/bin/env python3
"""The firmware as it is for a board with a Cortex-A7: what it is built for, its size, its memory, and that a lesser processor
refuses it. Emulated: what the emulator itself uses is not counted; a real board's pages may still be others than these.
"""
import os
import pathlib
import pty
import re
import subprocess
import tempfile
import time
import tty
import unittest

BIN = pathlib.Path(os.environ["BUSBAR_BUILD"]) / "bin"
NODE = BIN / "busbar-node"
TOOLS = "arm-linux-gnueabihf-"
SIZE_BYTES, RESIDENT_BYTES = 512 * 1024, 1024 * 1024
BOARD = "id 1\nname L1\nkind consumer\nomega 17.17\nsigma 0.0935\npmax_kw 91.79\nstate L1.state\n"


def tool(name, *words):
    return subprocess.run([TOOLS + name, *map(str, words)], check=True, capture_output=True, text=True).stdout


def resident(pid, program=NODE):
    """Bytes of the emulated process that are in memory: of the 4 GiB that are its own, at the place of its first segment."""
    first = int(re.search(r"LOAD +0x0+ 0x(\w+)", tool("readelf", "-lW", program))[1], 16)
    base, total, counting = None, 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        area = re.match(r"(\w+)-(\w+) \S+ (\w+) .*?(/.*)?$", line)
        if area:
            start = int(area[1], 16)
            if base is None and area[4] == str(program) and int(area[3], 16) == 0:
                base = start - first
            counting = base is not None and base <= start < base + 2**32
        elif counting and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


class Node(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bb-arm-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "L1.board").write_text(BOARD)

    def start(self):
        """The firmware behind a pty: (process, its other end)."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        tty.setraw(theirs)
        words = ["qemu-arm", "-cpu", "cortex-a7", NODE, "--config", self.folder / "L1.board", "--port", os.ttyname(theirs)]
        with open(self.folder / "log", "wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log)
        self.addCleanup(os.close, theirs)  # or ours would be a cut line until the firmware opens it
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.kill)
        return process, ours

    def test_built_for_cortex_a7(self):
        attributes = tool("readelf", "-A", NODE)
        for attribute in ("Tag_CPU_arch: v7", "Tag_FP_arch: VFPv4", "Tag_Advanced_SIMD_arch: NEONv1 with Fused-MAC",
                          "Tag_ABI_VFP_args: VFP registers", "Tag_DIV_use: Allowed in v7-A with integer division extension"):
            self.assertIn(attribute, attributes)
        self.assertNotIn("INTERP", tool("readelf", "-lW", NODE))  # static: a board has nothing else
        self.assertNotIn("NEEDED", tool("readelf", "-dW", NODE))

    def test_size(self):
        stripped = self.folder / "busbar-node"
        tool("strip", "-o", stripped, NODE)
        size = stripped.stat().st_size
        print(f"busbar-node: {size} bytes, stripped", flush=True)
        self.assertLessEqual(size, SIZE_BYTES)

    def test_memory(self):
        process, ours = self.start()
        heard = b""
        deadline = time.monotonic() + 20
        while heard.count(b"\0") < 4 and time.monotonic() < deadline:
            heard += os.read(ours, 4096)
        self.assertIn(b"L1", heard)  # its HELLO
        size = resident(process.pid)
        print(f"busbar-node: {size} bytes in memory, saying HELLO", flush=True)
        self.assertGreater(size, 64 * 1024)
        self.assertLessEqual(size, RESIDENT_BYTES)

    def test_a_lesser_processor_refuses_it(self):
        """A Cortex-A8 divides no integers: were this not so, the tests under the emulator would prove nothing of the processor."""
        self.assertRegex(tool("objdump", "-d", NODE), r"\t[us]div\t")
        words = ["qemu-arm", "-cpu", "cortex-a8", "-L", os.environ["BUSBAR_SYSROOT"], BIN.parent / "tests/test_curves"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)  # the dispatch of the same firmware
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Illegal instruction", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
