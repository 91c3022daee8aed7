#!/usr/bin/env python3
"""Links that are cut: wires, brokers and agents that die, stop and come back."""
import json
import signal
import time
import unittest

from federation import Federation, Peer, Relay


class Cuts(Federation):
    def test_a_cut_wire_heals(self):
        a, b = self.make("ab")
        relay = Relay(b.port)
        self.addCleanup(relay.end)
        a.link(b, dials=True, port=relay.port, calls=["meter/*"])
        b.link(a, calls=["meter/*"])
        pa, pb = self.start(queue_messages=100)
        self.peers["meter"] = meter = Peer(b, "meter")
        self.peers["meter2"] = Peer(a, "meter")
        pa.publish("T/0", 0)
        self.assertEqual(len(pb.listen(1)), 1)
        # A call on its way when the wire is cut is answered with an error on both sides.
        for peer, name in ((pa, "meter@b"), (pb, "meter@a")):
            peer.send(name, "RPC", json.dumps({"jsonrpc": "2.0", "method": "silent", "id": "s"}))
        time.sleep(0.2)
        relay.cut()
        for peer in (pa, pb):
            frames = peer.wait(lambda f: f[4] == "RPC" and "\"s\"" in f[5])
            self.assertEqual(json.loads(frames[5])["error"]["code"], -32006)
        self.wait_state(a, "down")
        self.wait_state(b, "down")
        started = time.monotonic()
        self.assertEqual(pa.call("meter@b", "who")["error"]["code"], -32006)
        self.assertEqual(pb.call("meter@a", "who")["error"]["code"], -32006)
        self.assertLess(time.monotonic() - started, 5)
        for i in range(150):
            pa.publish("T/c", i)
            pb.publish("T/d", i)
        pa.listen(151)
        pb.listen(150)
        self.assertEqual(self.state(a)["b"]["dropped"], 50)
        relay.mend()
        self.wait_state(a, "up")
        # The newest hundred come, in order, once.
        self.assertEqual([m["message"] for _, m in pb.listen(100)], list(range(50, 150)))
        self.assertEqual([m["message"] for _, m in pa.listen(100)], list(range(50, 150)))
        self.assertIn("result", pa.call("meter@b", "who", helpers=[meter]))
        self.assertEqual(self.state(a)["b"]["cuts"], 1)

    def test_messages_on_their_way_when_the_wire_is_cut_come_once(self):
        a, b = self.make("ab")
        relay = Relay(b.port)
        self.addCleanup(relay.end)
        a.link(b, dials=True, port=relay.port)
        b.link(a)
        pa, pb = self.start()
        for i in range(1000):
            pa.publish("T/c", i)
            if i % 250 == 125:
                relay.cut()
                time.sleep(0.1)
                relay.mend()
        self.assertEqual([m["message"] for _, m in pb.listen(1000)], list(range(1000)))

    def test_a_killed_broker_and_a_stopped_one(self):
        a, b = self.make("ab")
        self.connect([(a, b)], calls=["meter/*"])
        pa, pb = self.start()
        b.broker.kill()
        b.broker.wait()
        self.wait_state(a, "down")
        pa.publish("T/1", 1)
        pb.socket.close()
        b.start_broker()
        pb = self.peers["b"] = Peer(b, subscribe=["T/"])
        self.wait_state(a, "up")
        self.wait_state(b, "up")
        self.assertEqual([m["message"] for _, m in pb.listen(1)], [1])
        # Stopped, it says nothing: that is noticed too, and nothing is lost.
        b.broker.send_signal(signal.SIGSTOP)
        self.wait_state(a, "down")
        pa.publish("T/2", 2)
        self.assertEqual(pa.call("meter@b", "who")["error"]["code"], -32006)
        b.broker.send_signal(signal.SIGCONT)
        self.wait_state(a, "up")
        self.assertEqual([m["message"] for _, m in pb.listen(1)], [2])
        # The agent on the other side: killed, and back.
        b.agent.kill()
        b.agent.wait()
        self.wait_state(a, "down")
        pa.publish("T/3", 3)
        b.start_agent()
        self.wait_state(a, "up")
        self.assertEqual([m["message"] for _, m in pb.listen(1)], [3])
        pa.listen(3)

if __name__ == "__main__":
    unittest.main()
