#!/usr/bin/env python3
"""load.py [--clients 200] [--rate 10] [--seconds 10]: what many streams cost.

A broker, busbar-webd, and a board that publishes so many times a second on the bus; every client listens to the channel `dispatch`.
Prints one JSON document: processor of busbar-webd in % of a core, its resident memory, and how long a value took from its publisher
to each client (the clients are one process in Python: their own time is in it).
"""
import argparse
import json
import selectors
import socket
import statistics
import time

import webd


def connect(site, count):
    clients = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", site.port), 10)
        s.sendall(f"GET /api/v1/events?channels=dispatch HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode())
        s.setblocking(False)
        clients.append(s)
    return clients


def drain(selector, until, sent, took, count):
    while (left := until - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            now = time.monotonic()
            text = key.fileobj.recv(65536)
            at = text.find(b'"exchange":')
            while at >= 0:
                number = int(text[at + 11:text.index(b",", at)])
                if number in sent:
                    took.append(now - sent[number])
                    count[0] += 1
                at = text.find(b'"exchange":', at + 1)


def run(clients, rate, seconds):
    with webd.Site("--connections", "512", "--connections-per-address", "512") as site:
        speaker = webd.peer(site, "consumer-agent", "consumer-agent")
        sockets = connect(site, clients)
        selector = selectors.DefaultSelector()
        for s in sockets:
            selector.register(s, selectors.EVENT_READ)
        sent, took, count = {}, [], [0]
        drain(selector, time.monotonic() + 2, sent, took, count)
        cpu, begun = site.cpu_s(), time.monotonic()
        number = 0
        while time.monotonic() - begun < seconds:
            number += 1
            sent[number] = time.monotonic()
            speaker.publish("Data/consumer/consumer1", webd.board("L1", 1, exchange=number, kw=number / 1000))
            drain(selector, begun + number / rate, sent, took, count)
        cpu, wall = site.cpu_s() - cpu, time.monotonic() - begun
        drain(selector, time.monotonic() + 0.5, sent, took, count)
        result = {"clients": clients, "rate_hz": rate, "seconds": round(wall, 2), "published": number, "received": count[0],
                  "cpu_percent": round(100 * cpu / wall, 2), "rss_kb": site.memory_kb()}
        if took:
            steps = statistics.quantiles(took, n=1000)
            result |= {"p50_ms": round(1000 * steps[499], 2), "p99_ms": round(1000 * steps[989], 2), "max_ms": round(1000 * max(took), 2)}
        speaker.close()
        for s in sockets:
            s.close()
        return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    print(json.dumps(run(**vars(parser.parse_args()))))
