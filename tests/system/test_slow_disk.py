#!/usr/bin/env python3
"""Configurations are written in the loop that serves all peers: on a slow disk they get their share of its time."""
import json
import os
import time
import unittest

from test_hosted import Caller
from test_overload import Overload, shim


class SlowDisk(Overload):
    """Each fsync takes 12 ms more."""

    def setUp(self):
        super().setUp()
        self.broker.process.terminate()
        self.broker.process.wait(20)
        for door in ("vip", "sub", "pub"):
            (self.broker.home / f"run/{door}.address").unlink(missing_ok=True)
        os.environ.update(LD_PRELOAD=shim(), BUSBAR_DISK_SLOW_MS="12")
        try:
            self.broker.start()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["BUSBAR_DISK_SLOW_MS"]

    def set(self, caller, i, count=1):
        """Sends `count` calls in one message."""
        calls = [{"jsonrpc": "2.0", "id": f"s{i + k}", "method": "set_config", "params": ["bb.w", f"n{i + k}", "1", "raw", False, False]}
                 for k in range(count)]
        caller.send("config.store", "VIP1", "", "m", "RPC", json.dumps(calls))

    def test_a_writer_in_a_loop_is_slowed_and_never_refused(self):
        writer = Caller(self.broker, "bb.w")
        for i in range(20):
            self.assertIsNone(writer.result("config.store", "set_config", "bb.w", f"n{i}", "1", send_update=False))
        self.assertEqual(len(writer.result("config.store", "list_configs", "bb.w")), 20)

    def test_writers_that_do_not_wait_stall_nobody(self):
        writer, other = Caller(self.broker, "bb.w"), Caller(self.broker, "aa")
        other.subscribe("Data/")
        self.set(writer, 0, 24)
        waits, answers = [], {}
        end = time.monotonic() + 20
        while len(answers) < 24 and time.monotonic() < end:
            begin = time.monotonic()
            other.publish("Data/x", 1)
            self.assertEqual(other.next()[5], "publish")
            self.assertEqual(other.answer("pubsub")[5], "request_response")
            waits.append(time.monotonic() - begin)
            while (frames := writer.next(0)) is not None:
                for frame in frames[5:]:
                    answers[json.loads(frame)["id"]] = json.loads(frame)
        self.assertEqual([answers[f"s{i}"].get("result", 1) for i in range(24)], [None] * 24)  # in order, and done
        waits.sort()
        # One write at a time, and three quarters of the time for everybody else.
        self.assertLess(waits[len(waits) // 2], 0.05)
        self.assertLess(waits[-1], 1)
        self.assertGreater(len(waits), 100)
        # A call behind those that wait keeps its place.
        self.set(writer, 100, 5)
        self.assertIn("n104", writer.result("config.store", "list_configs", "bb.w"))
        # What comes without end is refused, and another key has its own share of the queue.
        self.set(writer, 200, 64)
        mine = json.loads(other.rpc("config.store", json.dumps({"jsonrpc": "2.0", "id": "x", "method": "set_config",
                                                                "params": ["aa", "n", "1", "raw", False, False]}))[5])
        self.assertNotIn("error", mine)
        codes = [json.loads(frame).get("error", {}).get("code") for _ in range(64) for frame in writer.next()[5:]]
        self.assertGreaterEqual(codes.count(None), 32)
        self.assertEqual(codes.count(None) + codes.count(-32000), 64)

    def test_who_leaves_is_forgotten(self):
        writer, other = Caller(self.broker, "bb.w"), Caller(self.broker, "bb")
        self.set(writer, 0, 30)
        writer.send("", "VIP1", "", "s", "agentstop", "bb.w")
        time.sleep(0.5)
        self.assertLess(len(other.result("config.store", "list_configs", "bb.w")), 30)
        self.assertIsNone(other.result("config.store", "set_config", "bb", "n", "1", send_update=False))


if __name__ == "__main__":
    unittest.main()
