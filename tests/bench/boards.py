#!/usr/bin/env python3
"""boards.py [KIND…]: what sixteen boards cost here as programs of this machine, programs for ARM, and whole emulated boards: how long
until all are certified, memory, processor time at rest. Runs `busbar demo --boards KIND` as it is; a Markdown table is printed."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BUSBAR_BIN") or ROOT / "build/release/bin")
REST_S = 20
PROGRAMS = {"process": "busbar-node", "emulated": "qemu-arm", "full": "qemu-system-arm"}
TICKS = os.sysconf("SC_CLK_TCK")


def children(pid, program):
    """The processes of one parent that run a program."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid and (entry / "cmdline").read_bytes().split(b"\0")[0].decode().endswith(program):
                found.append(entry)
        except (OSError, ValueError):
            continue
    return found


def seconds_of(entries):
    total = 0
    for entry in entries:
        fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def pss_mb(entries):
    """Proportional: what processes share counts once."""
    return sum(int(line.split()[1]) for entry in entries for line in (entry / "smaps_rollup").read_text().splitlines()
               if line.startswith("Pss:")) / 1024


def measure(kind):
    start = time.monotonic()
    environment = {**os.environ, "BUSBAR_CACHE": str(ROOT / "build/image")}
    demo = subprocess.Popen([BIN / "busbar", "demo", "--boards", kind, "--json"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        line, depth = "", 0
        while not line or depth:  # one document, which ends with its last brace
            got = demo.stdout.readline()
            if not got:
                raise SystemExit(f"the demo of {kind} has ended")
            line += got
            depth += got.count("{") - got.count("}")
        took = time.monotonic() - start
        boards = children(demo.pid, PROGRAMS[kind])
        began, used = time.monotonic(), seconds_of(boards)
        time.sleep(REST_S)
        rest = (seconds_of(boards) - used) / (time.monotonic() - began)
        return [kind, str(len(boards)), f"{took:.1f} s", f"{json.loads(line)['dispatch']['seconds']:.2f} s", f"{used:.1f} s",
                f"{pss_mb(boards):.0f} MB", f"{100 * rest:.1f} %"]
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(30)


def main():
    rows = [["boards", "how many", "from nothing to the market's end", "from the boards' start to 16 certificates", "their processor time", "memory", "at rest, of a core"]]
    rows.append(["---"] * len(rows[0]))
    for kind in sys.argv[1:] or PROGRAMS:
        rows.append(measure(kind))
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
