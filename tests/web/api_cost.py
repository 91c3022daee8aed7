#!/usr/bin/env python3
"""api_cost.py: what the API costs, with Table 1 and a ledger. By hand, with BUSBAR_BIN set to a release; docs/performance.md has the figures."""
import http.client
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import town as towns
import cases

PATHS = ["overview", "dispatch", "market/book", "accounts", "chain/blocks", "status"]
CLIENTS, EACH, ORDERS = 200, 5, 30


def ask(connection, path):
    began = time.perf_counter()
    connection.request("GET", "/api/v1/" + path)
    assert connection.getresponse().read()
    return (time.perf_counter() - began) * 1000


def alone(town):
    connection = http.client.HTTPConnection(*town.address)
    for path in PATHS:
        asked, kept = [], []
        for _ in range(20):
            time.sleep(0.25)
            asked.append(ask(connection, path))
            kept.append(ask(connection, path))
        print(f"GET {path}: median {statistics.median(asked):.1f} ms, again within 200 ms {statistics.median(kept):.2f} ms")


def together(town):
    def received():
        return next(p["received"] for p in town.get("/api/v1/bus/peers").json["peers"] if p["identity"] == "ledger")

    def many():
        connection = http.client.HTTPConnection(*town.address)
        for _ in range(EACH):
            ask(connection, "market/book")
    before, began = received(), time.monotonic()
    threads = [threading.Thread(target=many) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    print(f"{CLIENTS} connections, {CLIENTS * EACH} GETs of the book: {took:.2f} s; messages to the ledger: {received() - before}")


def news(town):
    """From an order's submission to the trade's event at a listener."""
    events, took = town.events("channels=market"), []
    for number in range(ORDERS):
        town.ledger.act("p1", "SellOrder", energyWh=100, priceMicroPerKWh=50000 + number)
        began = time.monotonic()
        town.ledger.act("c1", "BuyOrder", energyWh=100, maxPriceMicroPerKWh=50000 + number)
        heard = events.until(lambda channel, key, value, price=50000 + number: key == "trade" and value["price"] == price, "the trade")
        took.append((heard[0] - began) * 1000)
    events.close()
    print(f"an order until its trade is heard: median {statistics.median(took):.1f} ms, longest of {ORDERS} {max(took):.1f} ms")


def rest(town):
    stat = pathlib.Path(f"/proc/{town.processes['webd'].pid}/stat")
    before = sum(int(word) for word in stat.read_text().split()[13:15])
    time.sleep(20)
    after = sum(int(word) for word in stat.read_text().split()[13:15])
    print(f"nobody looks: {(after - before) / 20:.2f} % of a core; memory {town.processes['webd'].resident_kib() / 1024:.1f} MiB")


def main():
    with towns.Town(boards=cases.TABLE_1, agentd=False) as town:
        town.certified()
        alone(town)
        together(town)
        news(town)
        rest(town)


if __name__ == "__main__":
    main()
