#!/usr/bin/env python3
"""Writes some seeds of fuzz_dispatch (a method, then pauses of 8 ms and broadcasts): short talks of neighbours with board 1, by the format of
node-fw/dispatch/broadcast.h and entry.h. Run it again after a change of the format."""
import os
import struct
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fuzz_dispatch")


def entry(board, incarnation=1, version=0, heartbeat=0, flags=0, hops=0, lo=4000000, hi=12000000, pmax=200000000, vote=0):
    return struct.pack("<HHHHBBIIII", board, incarnation, version, heartbeat, flags, hops, lo, hi, pmax, vote)


def beat(board, heartbeat, voted=False, check=0):
    return struct.pack("<HHH", board, heartbeat | (0x8000 if voted else 0), check)


def ack(board, sequence, taken):
    return struct.pack("<HHBB", board, sequence & 0xFFFF, sequence >> 16 & 0xFF, taken)


def share(board, power, weight):
    return struct.pack("<HQQ", board, power, weight)


def broadcast(source, sequence, exchange=1, depth=1, digest=0, full=0, flags=2, incarnation=1,
              acks=(), beats=(), entries=(), shares=(), method=0):
    payload = struct.pack("<BBHHIHHQIBBBBB", 0x10 | method, flags, source, incarnation, sequence, exchange, depth,
                          digest, full, 4, len(acks), len(beats), len(entries), len(shares))
    payload += b"".join(acks) + b"".join(beats) + b"".join(entries) + b"".join(shares)
    return bytes([0, len(payload)]) + payload


def wait(seconds):
    return bytes([125, 0]) * seconds


TALKS = {
    "hello": broadcast(2, 0x10000, entries=[entry(2)]),
    "two_neighbours": broadcast(2, 0x10000, entries=[entry(2)]) + broadcast(3, 0x10000, entries=[entry(3, flags=1, lo=0)])
                      + wait(1) + broadcast(2, 0x10001, exchange=2, acks=[ack(1, 0x70000, 1)], entries=[entry(6, hops=1)]),
    "expiry_and_return": broadcast(2, 0x10000, entries=[entry(2), entry(9, hops=2)]) + wait(5)
                         + broadcast(2, 0x10001, entries=[entry(9, hops=2)])
                         + broadcast(2, 0x20000, incarnation=2, entries=[entry(2, incarnation=2)]) + wait(2),
    "own_id": broadcast(2, 0x10000, entries=[entry(1, incarnation=9)]) + broadcast(3, 0x10000, entries=[entry(1, incarnation=65535)])
              + wait(1) + broadcast(4, 0x10000, entries=[entry(1, incarnation=10, version=3)]),
    "leave": broadcast(2, 0x10000, entries=[entry(2)]) + broadcast(2, 0x10001, entries=[entry(2, version=1, flags=2)]) + wait(5),
    "beats": broadcast(2, 0x10000, entries=[entry(2)]) + broadcast(2, 0x10001, beats=[beat(2, 1), beat(1, 5, True), beat(77, 1)]) + wait(1),
    "shares": broadcast(2, 0x10000, shares=[share(1, 1 << 40, 1 << 31), share(3, 5, 5)])
              + broadcast(2, 0x10001, shares=[share(1, 0, 0)]) + wait(3) + broadcast(2, 0x10002, shares=[share(1, 2**64 - 1, 2**63)]),
    "late_and_repeated": broadcast(2, 0x10004, exchange=5, entries=[entry(2, heartbeat=4)]) + 2 * broadcast(2, 0x10002, entries=[entry(2, heartbeat=2)])
                         + broadcast(2, 0x0F000, entries=[entry(2)]) + wait(1),
    "full_house": b"".join(broadcast(2, 0x10000 + i, flags=3, entries=[entry(10 + 7 * i + k, hops=3) for k in range(7)]) for i in range(40)) + wait(2),
    "other_method": broadcast(2, 0x10000, method=1),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, talk in TALKS.items():
        with open(os.path.join(FOLDER, name), "wb") as seed:
            seed.write(b"\0" + talk)
    return 0


if __name__ == "__main__":
    sys.exit(main())
