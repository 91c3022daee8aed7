#!/usr/bin/env python3
"""Durable topics over links: what a broker has acknowledged to its publisher reaches the durable subscriber of the other platform,
whichever agent or broker is killed on the way. BUSBAR_SEED repeats a run."""
import os
import random
import time
import unittest

from federation import DurableFederation, Publisher, eventually

SEED = int(os.environ.get("BUSBAR_SEED", "1"))


class Kills(DurableFederation):
    def kills(self, what, count, exact):
        """Kills something again and again while a publisher sends; all arrives, in order of first arrival."""
        chance = random.Random(SEED)
        a, b = self.pair()
        self.start(subscribe=[])
        publisher = Publisher(a, count)
        for round_ in range(3):
            goal = (round_ + 1) * count // 4
            eventually(lambda: publisher.taken >= goal, f"{goal} are published; {publisher.error}", 15)
            time.sleep(chance.uniform(0, 0.1))
            what(a, b)
        publisher.join(15)
        self.assertEqual((publisher.taken, publisher.error), (count, None))
        came = self.until_kept(b, count)
        first = list(dict.fromkeys(came))
        self.assertEqual(first, list(range(count)), f"seed {SEED}")
        here = [r[0] for r in self.kept(a)]
        if exact:  # nothing more than what is in the log where it was published
            self.assertEqual(came, here, f"seed {SEED}")
        # A batch may come twice when the receiving side dies between the disk and the word about it.
        self.assertLessEqual(len(came), len(here) + 3 * 256)

    def test_the_sending_agent_is_killed(self):
        self.kills(lambda a, b: self.restart_agent(a), 800, True)

    def test_the_receiving_agent_is_killed(self):
        self.kills(lambda a, b: self.restart_agent(b), 800, False)

    def test_the_sending_broker_is_killed(self):
        self.kills(lambda a, b: self.restart_broker(a), 600, True)

    def test_the_receiving_broker_is_killed(self):
        self.kills(lambda a, b: self.restart_broker(b), 600, False)


if __name__ == "__main__":
    unittest.main()
