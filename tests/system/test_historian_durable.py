#!/usr/bin/env python3
"""historian-agent as a durable subscriber: nothing that the broker took is missing, nothing is there twice, whoever is killed and whatever is full."""
import json
import random
import resource
import time
import unittest

from neighbourhood import PATIENCE_S, wait_until
from test_historian import BASE, SEED, WithWorld, stamp


class Durable(WithWorld):
    settings = {"topics": ["Data/d/"], "durable": "past", "durable_from": "start", "batch_ms": 10}

    def behind(self):
        return self.world.peer.call("busbar.broker", "durable.list")["names"][0]["behind"]

    def complete(self, sent):
        """All of 0 … sent-1 are there, in their order, and acknowledged."""
        self.world.until(lambda s: len(self.values("Data/d/x/i")) == sent)
        self.assertEqual(self.values("Data/d/x/i"), [(BASE + i, i) for i in range(sent)])
        wait_until(lambda: self.behind() == 0, PATIENCE_S, "everything is acknowledged")

    def test_the_agent_is_killed(self):
        w, chance = self.world, random.Random(SEED)
        w.historian(**self.settings)
        sent = 0
        for round_ in range(4):
            for _ in range(300):
                w.publish("Data/d/x", {"i": sent, "w": round_}, BASE + sent)
                sent += 1
            time.sleep(chance.uniform(0.02, 0.3))
            w.agent.kill()
            w.publish("Data/d/x", {"i": sent, "w": -1}, BASE + sent)
            sent += 1
            w.again()
        self.complete(sent)

    def test_the_broker_is_killed(self):
        w, sent = self.world, 0
        w.historian(**self.settings)
        for _ in range(3):
            for _ in range(100):
                body = {"bus": "", "headers": {"TimeStamp": stamp(BASE + sent)}, "message": {"i": sent}}
                w.peer.send("", "pubsub", "publish", "Data/d/x", json.dumps(body))
                # Its answer says that it is on the broker's disk.
                self.assertEqual(w.peer.receive("pubsub", PATIENCE_S)[1], b"request_response")
                sent += 1
            w.processes["busbard"].kill()
            w.processes["busbard"].start()
            wait_until(lambda: "vip" in str(list((w.home / "run").iterdir())), PATIENCE_S, "busbard is up")
            w.peer = w.new_peer()
        self.complete(sent)

    def test_the_disk_is_full(self):
        """What has no room stays with the broker until there is some."""
        w, sent = self.world, 0
        w.historian(memory_bytes=1048576, prepare=["prlimit", "--fsize=400000:unlimited"], **self.settings)
        for _ in range(5000):
            w.publish("Data/d/x", {"i": sent, "text": "x" * 500}, BASE + sent)
            sent += 1
        status = w.until(lambda s: s["cache"]["failing"] and s["cache"]["memory_bytes"] > 400_000)
        self.assertLessEqual(status["cache"]["memory_bytes"], 1048576)
        resource.prlimit(w.agent.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.complete(sent)
        self.assertEqual(w.status()["cache"]["dropped"], 0)


if __name__ == "__main__":
    print(f"seed {SEED}")
    unittest.main()
