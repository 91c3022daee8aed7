"""Peers that answer the dashboard with anything at all, and publish it: it stays up, refuses what it cannot use, and its bounds hold."""
import json
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import town as towns
import vip
from neighbourhood import PATIENCE_S, wait_until

DEEP = "[" * 200 + "]" * 200
ANSWERS = ["null", "true", "0", "-1", "1e308", '""', '"text"', "[]", "[[]]", "[null]", "{}", DEEP, json.dumps("x" * 1000000),
           '{"lines":null,"accounts":{},"agents":7,"orders":"x","trades":[[]],"entries":[null],"header":[],"hash":{}}',
           '{"height":"x"}', '{"height":-5}', '{"height":"99999999999999999999"}', '{"height":"5","next":"again","trades":[1],"entries":[1]}',
           '{"total":"999999","accounts":[{}],"lines_total":"999999","lines":[{}],"height":"300"}', '{"total":-1,"accounts":[1,2]}',
           '[{"name":"L1"}]', '[{"name":"L1","agent":5,"online":"yes","kw":1e300,"lambda":-1e300}]',
           '[{"name":"' + "é" * 300 + '","agent":"consumer-agent","online":true}]', '[{"name":"all","agent":"nobody","online":true}]',
           '{"boards":[1],"links":{}}', '{"version":99,"web":null}']
ERRORS = ["5", '"no"', "{}", "[]", '{"code":"x","message":5}', '{"code":-32601}', '{"code":-32601,"message":"none"}', '{"message":"%s%n"}',
          '{"code":1,"message":"m","data":[]}', '{"code":1,"message":"m","data":{"status":5}}', '{"code":1,"message":"' + "é" * 2000 + '"}']
PATHS = ["status", "overview", "nodes", "dispatch", "dispatch/site", "dispatch/runs", "market/book", "market/trades", "market/policy", "lines",
         "accounts", "accounts/p1", "accounts/p1/statement", "accounts/p1/orders", "chain/status", "chain/blocks?count=5", "chain/blocks/1",
         "chain/transactions/0x" + "12" * 32, "chain/transactions/0x" + "12" * 32 + "/receipt", "chain/genesis",
         "chain/proof?first=1&second=2", "agents", "agents/a", "agents/a/logs", "agent-stats", "alarms"]
ORDERS = [("dispatch/L1/hold", {}), ("dispatch/all/stop", {}), ("dispatch/L1/override", {"kw": 1}), ("agents/a/start", {}),
          ("ledger/submit", {"transactions": ["0x00"]})]


class Liar(threading.Thread):
    """A peer that answers every call with `self.answer`: a member of the answer and its text."""

    def __init__(self, home, identity, key):
        super().__init__(daemon=True)
        self.peer, self.answer, self.calls, self.ends = vip.Peer(home, identity, key), ("result", "null"), 0, False
        self.say = []
        self.start()

    def run(self):
        while not self.ends:
            while self.say:
                topic, message = self.say.pop()
                self.peer.send("", "pubsub", "publish", topic, '{"bus":"","headers":{},"message":' + message + "}")
            if not self.peer.socket.poll(20):
                continue
            frames = self.peer.socket.recv_multipart()
            if frames[4] != b"RPC":
                continue
            call = json.loads(frames[5])
            if "method" in call:
                self.calls += 1
                member, text = self.answer
                self.peer.send(frames[0].decode(), "RPC", f'{{"jsonrpc":"2.0","id":{json.dumps(call["id"])},"{member}":{text}}}')
        self.peer.close()


class Shell(towns.Town):
    """A broker and the dashboard alone."""

    def start(self):
        self.start_broker()
        self.start_web()


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.town = Shell()
        cls.town.__enter__()
        cls.liars = {name: Liar(cls.town.home, name, name) for name in ("consumer-agent", "dg-agent", "ledger", "agentd")}
        wait_until(lambda: cls.town.get("/api/v1/overview").json["ledger"] == "up", PATIENCE_S, "the liars are there")

    @classmethod
    def tearDownClass(cls):
        for liar in cls.liars.values():
            liar.ends = True
            liar.join()
        cls.town.__exit__(None, None, None)

    def say(self, member, text):
        for liar in self.liars.values():
            liar.answer = (member, text)
        time.sleep(0.21)  # what was answered before is not fresh any more

    def ask_all(self, told):
        for path in PATHS:
            answer = self.town.get("/api/v1/" + path)
            self.assertIn(answer.status, (200, 400, 403, 404, 409, 422, 501, 502, 503, 504), (told, path))
            self.assertIsNotNone(answer.json, (told, path))
        for path, body in ORDERS:
            answer = self.town.post("/api/v1/" + path, body)
            self.assertIsNotNone(answer.json, (told, path))
        self.assertTrue(self.town.processes["webd"].running(), told)

    def test_answers(self):
        for text in ANSWERS:
            self.say("result", text)
            self.ask_all(text[:60])

    def test_errors(self):
        for text in ERRORS:
            self.say("error", text)
            self.ask_all(text[:60])

    def test_ever_more(self):
        """A list of which every page says that there is more is not read for ever."""
        ledger = self.liars["ledger"]
        self.say("result", '{"total":"999999","accounts":[{}]}')
        before = ledger.calls
        self.assertEqual(self.town.get("/api/v1/accounts").status, 200)
        self.assertLessEqual(ledger.calls - before, 100)

    def test_messages(self):
        events = self.town.events("channels=dispatch,run,market,chain,agents,alarms,overview,bus,log:a")
        topics = {"consumer-agent": ["Data/consumer/consumer1"], "ledger": ["market/trades", "market/offers", "market/blocks"],
                  "agentd": ["agents/state/a", "agents/log/a", "agents/log/" + "n" * 200, "alerts/agent/a"], "dg-agent": ["Data/dg/dg1"]}
        more = ['{"name":"a","state":"running"}', '{"name":"a","state":5}', '{"alert":"x"}', '{"alert":5}', '{"price":-1}', '{"price":1e30}',
                '{"alert":"' + "é" * 500 + '","name":"' + "é" * 500 + '","text":"' + "é" * 5000 + '"}',
                '{"name":"L9","agent":"consumer-agent","online":true,"certified":false,"exchange":-5,"lambda":1e18,"kw":-1e18,"kind":5}']
        for identity, names in topics.items():
            self.liars[identity].say += [(name, text) for name in names for text in ANSWERS + more]
        for number in range(1100):
            self.liars["agentd"].say.append((f"alerts/agent/{number}", '{"alert":"flood","name":"a","text":"t"}'))
        wait_until(lambda: not any(liar.say for liar in self.liars.values()), PATIENCE_S, "all is said")
        wait_until(lambda: len(self.town.get("/api/v1/alarms").json) == 1000, PATIENCE_S, "as many alarms as are kept")
        events.until(lambda channel, key, value: channel == "dispatch" and key == "L9", "the one board that is one")
        self.assertEqual(self.town.get("/api/v1/overview").json["boards"], 1)
        self.assertTrue(self.town.processes["webd"].running())
        events.close()


if __name__ == "__main__":
    unittest.main()
