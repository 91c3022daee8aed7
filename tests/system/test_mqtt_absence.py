#!/usr/bin/env python3
"""mqtt-agent while one side is away: the MQTT broker, the bus, the agent itself; what waits, what is dropped, what comes after."""
import time
import unittest

import mqtt
import vip
from neighbourhood import PATIENCE_S, wait_until
from test_mqtt import QUIET_S, WithWorld


class Absence(WithWorld):
    def collect(self, client, count):
        got = []
        while len(set(got)) < count:
            m = client.receive()
            self.assertIsNotNone(m, f"{len(set(got))} of {count} came")
            got.append(int(m.payload))
        return got

    def keep_session(self, broker):
        with mqtt.Client(broker.port, "keeper", keep_s=600) as client:
            client.subscribe("home/#")

    def test_mqtt_broker_killed(self):
        """QoS 1: what was accepted reaches a subscriber whose session the MQTT broker kept, in order, at least once."""
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, ["Data/ => home/ qos1"])
        self.keep_session(broker)
        wait_until((broker.folder / "mosquitto.db").exists, PATIENCE_S, "the session is on the disk")
        time.sleep(1.5)
        for i in range(100):
            w.peer.publish("Data/n", i)
        w.until(lambda s: s["to_mqtt"]["done"] == 100)
        time.sleep(1.5)
        broker.kill()
        w.until(lambda s: not s["mqtt"]["connected"])
        for i in range(100, 400):
            w.peer.publish("Data/n", i)
        status = w.until(lambda s: s["to_mqtt"]["taken"] == 400)
        self.assertEqual((status["to_mqtt"]["waiting"], status["to_mqtt"]["dropped"]), (300, 0))
        self.assertIn("event=mqtt-away", w.processes["mqtt-agent"].log())
        broker.start()
        w.until(lambda s: s["to_mqtt"]["done"] == 400 and s["to_mqtt"]["waiting"] == 0)
        with mqtt.Client(broker.port, "keeper", keep_s=600) as client:
            got = self.collect(client, 400)
        self.assertEqual(sorted(set(got)), list(range(400)))
        self.assertEqual(list(dict.fromkeys(got)), list(range(400)), "each QoS keeps its order")

    def test_mqtt_broker_goes_and_comes_in_midstream(self):
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, ["Data/ => home/ qos1"])
        self.keep_session(broker)
        count, said = 2000, 0
        for _ in range(2):
            for said in range(said, said + count // 4):
                w.peer.publish("Data/n", said)
            said += 1
            broker.stop()
            for said in range(said, said + count // 4):
                w.peer.publish("Data/n", said)
            said += 1
            broker.start()
        w.until(lambda s: s["to_mqtt"]["taken"] == count and s["to_mqtt"]["waiting"] == 0)
        with mqtt.Client(broker.port, "keeper", keep_s=600) as client:
            self.assertEqual(sorted(set(self.collect(client, count))), list(range(count)))

    def test_the_queue_is_bounded(self):
        """The oldest go, each is counted, and QoS 0 does not push out QoS 1."""
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, ["Data/ => home/ qos1", "flood/ => flood/"], queue_messages=200)
        self.keep_session(broker)
        broker.stop()
        w.until(lambda s: not s["mqtt"]["connected"])
        for i in range(250):
            w.peer.publish("Data/n", i)
        for i in range(1000):
            w.peer.publish("flood/n", i)
        status = w.until(lambda s: s["to_mqtt"]["taken"] == 1250)
        self.assertEqual((status["to_mqtt"]["waiting"], status["to_mqtt"]["dropped"]), (400, 850))
        broker.start()
        w.until(lambda s: s["to_mqtt"]["waiting"] == 0)
        with mqtt.Client(broker.port, "keeper", keep_s=600) as client:
            self.assertEqual(self.collect(client, 200), list(range(50, 250)))

    def test_bus_away(self):
        """What MQTT sends at QoS 1 while busbard is killed and started again arrives: the agent stops reading, the MQTT broker keeps it."""
        w = self.world
        broker = w.mosquitto()
        w.agent(broker.port, to_bus=["m/ => mqtt/ qos1"], keepalive_s=5)
        ear = w.ear("mqtt/")
        count = 3000
        with mqtt.Client(broker.port) as client:
            client.publish("m/n", b"0", qos=1)
            self.assertEqual(ear.hear()[1]["message"], 0)
            w.processes["busbard"].kill()
            for i in range(1, count):
                client.publish("m/n", str(i), qos=1)
            time.sleep(QUIET_S)
            w.bus()
            # The ear has to be there before the agent is; the agent waits until its first connection after a pause.
            got = {0}
            while len(got) < count:
                heard = ear.hear(PATIENCE_S, lambda topic: topic == "mqtt/n")
                self.assertIsNotNone(heard, f"{len(got)} of {count}")
                got.add(heard[1]["message"])
        w.peer = w.keep(vip.Peer(w.home, "cli.again"))
        status = w.until(lambda s: s["to_bus"]["waiting"] == 0)
        self.assertEqual((status["to_bus"]["dropped"], status["to_bus"]["taken"]), (0, count))

    def test_agent_away(self):
        """The MQTT broker keeps QoS 1 messages for an agent that is not there; a stopping agent delivers what it has."""
        w = self.world
        broker = w.mosquitto()
        agent = w.agent(broker.port, ["Data/ => home/ qos1"], ["m/ => mqtt/ qos1"])
        ear = w.ear("mqtt/")
        with mqtt.Client(broker.port) as client:
            client.subscribe("home/#")
            for i in range(300):
                w.peer.publish("Data/n", i)
            w.until(lambda s: s["to_mqtt"]["taken"] == 300)
            agent.stop()
            self.assertEqual(self.collect(client, 300), list(range(300)))
            for i in range(50):
                client.publish("m/n", str(i), qos=1)
            agent.start()
            self.assertEqual([ear.hear()[1]["message"] for _ in range(50)], list(range(50)))


if __name__ == "__main__":
    unittest.main()
