#!/usr/bin/env python3
"""An update of a whole board in QEMU whose power is cut at random moments, by hand (some minutes):
tests/system/whole_update.py --cuts 6 --seed 1. Each time the board comes back as it was or with the new image, enrolled, and the
transfer goes on; at the end it runs the new image, confirmed, and still does after a last cut."""
import argparse
import base64
import os
import random
import time
import zlib

os.environ.setdefault("BUSBAR_PATIENCE", "240")  # an image is on its way for 45 s

import cases
from neighbourhood import PATIENCE_S
from test_whole_board import NAME, Mixed
from whole_board import BUILD

PIECE = 96 * 1024
IMAGE = BUILD / "armhf/tests/image-next"


def node(town):
    return next((node for node in town.nodes() if node["name"] == NAME), None)


def send(town, image):
    for at in range(0, len(image), PIECE):
        town.peer.call(town.agent_of[NAME], "node.update", {"name": NAME, "total": len(image), "crc32": zlib.crc32(image), "offset": at,
                                                            "data": base64.b64encode(image[at:at + PIECE]).decode()}, PATIENCE_S)


def cut_power(town):
    """The board as it is found afterwards."""
    boots = node(town)["boots"] or 0
    town.processes[NAME].kill()
    town.start_board(NAME)
    found = town.wait_for(lambda again: again["name"] == NAME and again["online"] and (again["boots"] or 0) > boots, "the board")
    assert found["enrolled"] and (found["running"] == "built in") == (found["firmware"] == "0.1.0"), found
    return found


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--cuts", type=int, default=6)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    chance = random.Random(given.seed)
    image = IMAGE.read_bytes()
    with Mixed(cases.TABLE_1) as town:
        town.wait_for(lambda found: found["name"] is None and found["port"] == "pty:" + town.cable(NAME, "agent"), "the new board")
        town.enroll()
        town.wait_for(lambda found: found["name"] == NAME and found["online"], "the enrolled board")
        send(town, image)
        for cut in range(given.cuts):
            time.sleep(chance.uniform(0, 60 / given.cuts))
            print("before", node(town)["update"], flush=True)
            found = cut_power(town)
            print(f"cut {cut + 1}:", {key: found[key] for key in ("running", "state", "boots", "cause", "update")}, flush=True)
        if node(town)["state"] == "rolled back":  # it was cut twice in its first seconds
            send(town, image)
        town.wait_for(lambda found: found["online"] and found["firmware"] == "0.2.0" and found["state"] == "confirmed", "the new image")
        assert cut_power(town)["firmware"] == "0.2.0"
    print("updated")


if __name__ == "__main__":
    main()
