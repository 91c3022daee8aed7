#!/usr/bin/env python3
"""idle_host.py [SECONDS]: what busbard, busbar-agentd and 20 hosted listener-agents cost when nothing happens: memory (PSS and RSS) and
processor. Programs from $BUSBAR_BIN, by default build/release/bin."""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import agents

AGENTS = 20
HERTZ = os.sysconf("SC_CLK_TCK")


def rollup(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    host = agents.Home("idle")
    try:
        host.start()
        program = (agents.BIN / "listener-agent").read_bytes()
        for i in range(AGENTS):
            name = f"listener{i:02}"
            host.install(agents.bundle({"listener-agent": program}, name=name, limits={"memory_mb": 64},
                                       command=["./listener-agent", "--identity", name, "--prefix", "Data/"]),
                         grant={"publish": [f"heartbeat/{name}"], "subscribe": ["Data/"], "capabilities": []})
        time.sleep(5)
        pids = {"busbard": [host.broker.pid], "busbar-agentd": [host.agentd.pid],
                f"{AGENTS} agents": [a["pid"] for a in host.call("agent.list")["agents"]]}
        before, began = {name: sum(map(ticks, group)) for name, group in pids.items()}, time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        total = [0.0, 0.0, 0.0]
        for name, group in pids.items():
            row = [sum(rollup(p, "Pss") for p in group), sum(rollup(p, "Rss") for p in group),
                   100 * (sum(map(ticks, group)) - before[name]) / HERTZ / passed]
            total = [a + b for a, b in zip(total, row)]
            print(f"{name:14} PSS {row[0]:6.1f} MiB  RSS {row[1]:6.1f} MiB  {row[2]:5.2f} % of a core")
        print(f"{'together':14} PSS {total[0]:6.1f} MiB  RSS {total[1]:6.1f} MiB  {total[2]:5.2f} % of a core, over {passed:.0f} s")
    finally:
        host.stop()


if __name__ == "__main__":
    main()
