#!/usr/bin/env python3
"""What historian-agent takes through the bus into SQLite, and the memory that it needs: prints one JSON document.

    /usr/bin/python3 tests/bench/historian.py [SECONDS]

steady      50 devices, 50 points a message, `offered` readings a second: all must be stored
most        as fast as the broker hands them over
away        the same while the target (a PostgreSQL that is not there) is away
Each says how many readings a second were stored (away: kept in the cache), and the resident memory at the end, KiB.
"""
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import vip
from test_historian import BASE, World, stamp

POINTS, DEVICES = 50, 50


def messages(world):
    """Bodies for all devices; the broker is given the time of each."""
    for number in range(1 << 30):
        device = number % DEVICES
        values = {f"point{i}": (number * 31 + i * 7) % 10007 / 100 for i in range(POINTS)}
        about = {name: {"units": "kW", "type": "float", "tz": "UTC"} for name in values}
        yield f"devices/campus/building/unit{device}/all", json.dumps(
            {"bus": "", "headers": {"TimeStamp": stamp(BASE + number // DEVICES * 1_000_000)}, "message": [values, about]})


def stored(status, away):
    return status["cache"]["readings"] + status["cache"]["dropped"] if away else status["target"]["written"]


def drain(peer):
    while peer.socket.poll(0):
        peer.socket.recv_multipart()


def keep_pace(world):
    """Until the historian has taken all so far: the broker drops what a subscriber does not take in time."""
    while True:
        try:
            return world.status()
        except (vip.Refused, TimeoutError):
            time.sleep(0.005)


def measure(seconds, offered=None, **settings):
    world = World()
    try:
        away = settings.get("target") == "postgres"
        world.historian(wait=not away, batch_ms=200, **settings)
        source, sent, begin = messages(world), 0, time.monotonic()
        cpu = os.sysconf("SC_CLK_TCK")
        while (now := time.monotonic() - begin) < seconds:
            if offered and sent * POINTS > offered * now:
                time.sleep(0.002)
                continue
            for _ in range(20):
                world.peer.send("", "pubsub", "publish", *next(source))
                sent += 1
            drain(world.peer)
            if not offered and sent % 400 == 0:
                keep_pace(world)
        status = world.until(lambda s: s["bus"]["pending"] + s["cache"]["memory_batches"] == 0 and (away or s["cache"]["batches"] == 0), 120)
        whole = time.monotonic() - begin
        ticks = pathlib.Path(f"/proc/{world.agent.pid}/stat").read_text().rsplit(")", 1)[1].split()
        figures = {"sent": sent * POINTS, "taken": status["bus"]["readings"], "kept": stored(status, away), "seconds": round(whole, 2),
                   "per_s": round(stored(status, away) / whole), "cpu_s": (int(ticks[11]) + int(ticks[12])) / cpu,
                   "resident_kib": world.agent.resident_kib()}
        if not away:
            figures["bytes_per_reading"] = round((world.home / "historian.db").stat().st_size / max(figures["kept"], 1), 1)
        return figures
    finally:
        world.close()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    away = {"target": "postgres", "connection": "host=127.0.0.1 port=1 user=busbar dbname=grid", "cache_bytes": 64 * 1024 * 1024}
    print(json.dumps({"steady": measure(seconds, offered=50000), "most": measure(seconds), "away": measure(seconds, **away)}, indent=1))


if __name__ == "__main__":
    main()
