#!/usr/bin/env python3
"""cables.py [BUILD]: what virtual cables and a board's process cost. BUILD is build/release unless given.

Prints bytes a second and processor time of busbar-wire with 16 cables full both ways, the time of one 53-byte frame, and the
memory of busbar-node beside that of a program that does nothing.
"""
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
CABLES, SECONDS, FRAME, ROUNDS = 16, 4, 53, 100
BOARD = "id 1\nname L1\nkind consumer\nomega 17.17\nsigma 0.0935\npmax_kw 91.79\nstate L1.state\n"


def processor_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def memory_kib(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {k: int(v.split()[0]) for k, v in (line.split(":", 1) for line in lines) if k in ("VmRSS", "RssAnon")}


def take(fd):
    try:
        return len(os.read(fd, 65536))
    except BlockingIOError:
        return 0


def give(fd, data):
    try:
        os.write(fd, data)
    except BlockingIOError:
        pass


def full_load(wire, ends):
    begin, spent, got = time.monotonic(), processor_ms(wire.pid), [0] * len(ends)
    while time.monotonic() - begin < SECONDS:
        for i, fd in enumerate(ends):
            give(fd, b"x" * 64)
            got[i] += take(fd)
        time.sleep(0.004)
    took = time.monotonic() - begin
    print(f"{CABLES} cables full both ways: {min(got) / took:.0f} … {max(got) / took:.0f} bytes/s each way, "
          f"{(processor_ms(wire.pid) - spent) / took / 10:.1f} % of a core")
    time.sleep(4)  # what the kernel still holds
    for fd in ends:
        while take(fd):
            pass


def one_frame(a, b):
    times = []
    for _ in range(ROUNDS):
        begin, got = time.monotonic(), 0
        os.write(a, b"y" * FRAME)
        while got < FRAME:
            select.select([b], [], [])
            got += take(b)
        times.append((time.monotonic() - begin) * 1000)
        time.sleep(0.005)
    times.sort()
    print(f"{FRAME} bytes one way: {times[0]:.2f} / {times[ROUNDS // 2]:.2f} / {times[ROUNDS * 95 // 100]:.2f} ms "
          f"(least, median, 95 %); copper takes {FRAME * 10 / 115.2:.2f} ms")


def node_memory(build, folder, port):
    board = folder / "L1.board"
    board.write_text(BOARD)
    nothing = folder / "nothing"
    subprocess.run(["cc", "-O2", "-xc", "-", "-o", nothing], input="int pause(void); int main(void) { return pause(); }",
                   text=True, check=True)
    programs = [subprocess.Popen([build / "bin/busbar-node", "--config", board, "--port", port], stderr=subprocess.DEVNULL),
                subprocess.Popen([nothing])]
    time.sleep(2)
    node, empty = (memory_kib(p.pid) for p in programs)
    for p in programs:
        p.terminate()
        p.wait()
    print(f"busbar-node: {node['VmRSS']} KiB resident, {node['RssAnon']} of them its own; an empty program "
          f"{empty['VmRSS']} and {empty['RssAnon']}; the difference is {node['VmRSS'] - empty['VmRSS']} KiB")


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else TOP / "build/release").resolve()
    with tempfile.TemporaryDirectory(prefix="bb-") as name:
        folder = pathlib.Path(name)
        arguments = [argument for i in range(CABLES) for argument in ("--cable", f"{name}/a{i}", f"{name}/b{i}")]
        wire = subprocess.Popen([build / "bin/busbar-wire", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            wire.stdout.readline()
            ends = [os.open(f"{name}/{end}{i}", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
                    for i in range(CABLES) for end in "ab"]
            full_load(wire, ends)
            one_frame(ends[0], ends[1])
            os.close(ends[1])
            node_memory(build, folder, folder / "b0")
        finally:
            wire.terminate()
            wire.wait()


if __name__ == "__main__":
    main()
