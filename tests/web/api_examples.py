#!/usr/bin/env python3
"""api_examples.py: writes the examples of docs/http-api.md anew, from a real run. By hand, with BUSBAR_BIN set:

    BUSBAR_BIN=build/release/bin tests/web/api_examples.py

An example follows the text of its route: what was asked, and the answer with lists and long texts cut (`…`).
"""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import test_api
from neighbourhood import PATIENCE_S, wait_until

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/http-api.md"
# Of each list so many members, of each text so many characters, of each line so many.
LIST, TEXT, LINE = 1, 68, 150
# The server's own, that stand by themselves.
OWN = ("/api/v1/events", "/api/v1/ticket")
# Whose lists say something as a whole.
WHOLE = {"links"}


def cut(value, name=""):
    if isinstance(value, dict):
        return {key: cut(item, key) for key, item in value.items()}
    if isinstance(value, list):
        most = len(value) if name in WHOLE else LIST
        return [cut(item, name) for item in value[:most]] + (["…"] if len(value) > most else [])
    if isinstance(value, str) and len(value) > TEXT:
        return value[:TEXT] + "…"
    return value


def lines_of(value):
    """The document in lines of at most LINE characters, broken between its members, where possible."""
    words = re.split(r"(?<=,)(?=[\"\[{])", json.dumps(cut(value), ensure_ascii=False, separators=(",", ":")).replace('"…"', "…"))
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > LINE:
            lines.append(" ")
        lines[-1] += word
    return "\n".join("    " + line for line in lines)


def requests(town, api):
    """{heading: (method, path, body)}: what is asked for each route; the orders in the order of the document."""
    identity, runs = api.bought["id"], town.get("/api/v1/dispatch/runs").json
    names = {"{id}/receipt": identity + "/receipt", "transactions/{id}": "transactions/" + identity, "runs/{id}": f"runs/{runs[0]['id']}",
             "{height}": "1", "accounts/{name}": "accounts/p1", "agents/{name}": "agents/talker"}
    queries = {"market/book": "?depth=5", "market/trades": "?count=1", "statement": "?count=1", "chain/blocks": "?count=2",
               "chain/proof": "?first=1&second=2", "bus/topics": "?prefix=market/&max=1", "bus/retained": "?prefix=market/trades", "logs": "?count=1"}
    bodies = {"override": {"kw": 12.5}, "parameter": {"omega": 17.17}, "shelve": {"minutes": 30}}

    def of(method, pattern):
        path = pattern
        for mark, name in names.items():
            path = path.replace(mark, name)
        path = path.replace("{board}", "L1").replace("alarms/{id}", f"alarms/{town.alarm}")
        tail = next((query for end, query in queries.items() if pattern.endswith(end)), "")
        body = bodies.get(pattern.rsplit("/", 1)[1], {})
        if pattern.endswith("submit"):
            body = {"transactions": [town.ledger.signed("p1", "SellOrder", energyWh=1000, priceMicroPerKWh=101000)[0]]}
        return method, path + tail, body if method == "POST" else None
    return of


def raise_alarm(town):
    town.peer.publish("alerts/modbus/meter1", {"name": "meter1", "alert": "lost", "text": "meter1 does not answer"})
    wait_until(lambda: any(a["name"] == "meter1" for a in town.get("/api/v1/alarms").json), PATIENCE_S, "an alarm")
    town.alarm = next(a["id"] for a in town.get("/api/v1/alarms").json if a["name"] == "meter1")


def example(town, of, method, pattern):
    method, path, body = of(method, pattern)
    answer = town.request(method, path, body, token=town.token)
    assert answer.status == 200, (method, path, answer.body)
    told = f"    {method} {path}" + (f"\n{lines_of(body)}" if body else "")
    return told + "\n\n" + lines_of(answer.json) + "\n"


def rewrite(text, make):
    """Each route's section with its example: what begins with four blanks at its end is the old one."""
    sections = re.split(r"(?m)^(?=#{2,4} )", text)
    for i, section in enumerate(sections):
        heading = re.match(r"#### `(GET|POST) (/api/v1/\S+)`\n", section)
        if heading and heading[2] not in OWN:
            said = re.split(r"(?m)^    ", section)[0].rstrip("\n")
            sections[i] = said + "\n\n" + make(heading[1], heading[2]) + "\n"
    return "".join(sections)


def main():
    api = test_api.Api
    api.setUpClass()
    try:
        wait_until(lambda: api.town.get("/api/v1/dispatch/runs").json[0]["ended_ms"] is not None, PATIENCE_S, "the first run is over")
        raise_alarm(api.town)
        of = requests(api.town, api)
        DOCUMENT.write_text(rewrite(DOCUMENT.read_text(), lambda method, pattern: example(api.town, of, method, pattern)))
    finally:
        api.tearDownClass()


if __name__ == "__main__":
    main()
