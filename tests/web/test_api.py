"""/api/v1 of busbar-webd: every GET gives what the command line gives with --json, every error is the one that docs/http-api.md
says, orders need the operator's token and do what they say.
"""
import pathlib
import re
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import town as towns
from agents import bundle
from neighbourhood import PATIENCE_S, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What moves from one look to the next, by name: never compared.
MOVES = {"time", "first_ms", "connected_ms", "uptime_s", "stats", "heard_ms", "received", "received_bytes", "delivered", "delivered_bytes", "published", "queued",
         "queued_bytes", "messages", "bytes", "rate", "last_ms", "bad_frames", "exchange", "cpu_percent", "cpu_s", "memory_bytes",
         "subscriptions", "web", "kw_measured", "temperature_c", "free_bytes", "load"}
# Peers that are there for one look only.
PASSING = re.compile(r"cli\.\d+$")


def still(value):
    """A document without what moves."""
    if isinstance(value, dict):
        return {key: still(item) for key, item in value.items() if key not in MOVES}
    if isinstance(value, list):
        return [still(item) for item in value
                if not (isinstance(item, str) and PASSING.match(item))
                and not (isinstance(item, dict) and PASSING.match(str(item.get("identity", item.get("sender", "")))))]
    return value


class Api(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.town = towns.Town()
        try:
            cls.town.__enter__()
            cls.town.certified()
            cls.furnish(cls.town)
        except BaseException:
            cls.town.tell()
            cls.town.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.town.__exit__(None, None, None)

    @classmethod
    def furnish(cls, town):
        """A trade, an open order, a hosted agent that has printed something."""
        ledger = town.ledger
        cls.sold = ledger.act("p1", "SellOrder", energyWh=6000, priceMicroPerKWh=98200)
        cls.bought = ledger.act("c1", "BuyOrder", energyWh=2000, maxPriceMicroPerKWh=100000)
        archive = town.home / "talker.agent"
        archive.write_bytes(bundle({"talk": "#!/bin/sh\necho hello\nsleep 1000 &\nwait\n"}, name="talker", command=["./talk"]))
        town.busbar("agent", "install", archive, "--yes")
        town.busbar("agent", "start", "talker")
        wait_until(lambda: "hello" in town.busbar("agent", "logs", "talker"), PATIENCE_S, "the agent talks")

    def same(self, path, *words):
        """The API's document is the command line's; asked a few times, since what does not move by itself may have just changed, and
        an answer is given again for 200 ms."""
        for attempt in range(8):
            time.sleep(0.25 if attempt else 0)
            answer = self.town.get(path)
            self.assertEqual(answer.status, 200, answer.body)
            theirs = self.town.document(*words)
            if still(answer.json) == still(theirs):
                return answer.json
        self.assertEqual(still(answer.json), still(theirs))
        return None

    def refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.error), (status, code), answer.body)
        self.assertTrue(answer.text)

    # -- the same as the command line ---------------------------------------------------------------------------------

    def test_status(self):
        document = self.same("/api/v1/status", "status")
        self.assertGreaterEqual(document["web"]["uptime_s"], 0)
        self.assertEqual(document["boards"], {"known": 3, "online": 3, "certified": 3})

    def test_dispatch(self):
        document = self.same("/api/v1/dispatch", "dispatch", "show")
        self.assertTrue(document["agreed"])
        self.assertEqual(len(document["boards"]), 3)

    def test_nodes(self):
        self.same("/api/v1/nodes", "node", "list")

    def test_market(self):
        self.same("/api/v1/market/book", "market", "book")
        self.same("/api/v1/market/book?depth=1", "market", "book", "--depth", 1)
        trades = self.same("/api/v1/market/trades", "market", "trades")
        self.assertEqual(trades["trades"][-1]["buyer_name"], "c1")
        self.same("/api/v1/market/trades?account=p1&count=1", "market", "trades", "--account", "p1", "--count", 1)
        self.same("/api/v1/market/policy", "market", "policy")

    def test_accounts(self):
        self.assertEqual(len(self.same("/api/v1/accounts", "account", "list")["accounts"]), 7)
        document = self.same("/api/v1/accounts/p1", "account", "show", "p1")
        self.assertEqual(document["orders"], self.town.get("/api/v1/accounts/p1/orders").json["orders"])
        self.same("/api/v1/accounts/p1/statement", "account", "statement", "p1")
        self.same("/api/v1/accounts/p1/statement?count=1", "account", "statement", "p1", "--count", 1)

    def test_lines(self):
        document = self.town.get("/api/v1/lines").json
        policy = self.town.document("market", "policy")
        self.assertEqual(document["lines"], policy["lines"])
        self.assertEqual(document["lines"][0]["used"], "2000")

    def test_chain(self):
        self.same("/api/v1/chain/status", "chain", "status")
        rows = self.same("/api/v1/chain/blocks", "chain", "log")["blocks"]
        self.same("/api/v1/chain/blocks?count=1", "chain", "log", "--count", 1)
        self.assertEqual(self.town.get(f"/api/v1/chain/blocks?before={rows[0]['height']}").json["blocks"], rows[1:20])
        self.same("/api/v1/chain/blocks/1", "chain", "block", 1)
        self.same("/api/v1/chain/blocks/head", "chain", "block", "head")
        identity = self.bought["id"]
        self.same(f"/api/v1/chain/transactions/{identity}", "chain", "tx", identity)
        self.same(f"/api/v1/chain/transactions/{identity}/receipt", "chain", "receipt", identity)
        genesis = self.same("/api/v1/chain/genesis", "chain", "genesis")
        self.assertTrue(genesis["genesis_bytes"].startswith("0x"))
        proof = self.town.get("/api/v1/chain/proof?first=1&second=2").json
        self.assertEqual({k: proof[k] for k in ("first_root", "second_root", "path")},
                         {k: self.town.ledger.call("proof", first="1", second="2")[k] for k in ("first_root", "second_root", "path")})

    def test_bus(self):
        self.same("/api/v1/bus/peers", "peers")
        self.same("/api/v1/bus/topics?prefix=market/", "topic", "stats", "market/")
        page = self.town.get("/api/v1/bus/topics?max=2").json
        self.assertEqual(len(page["topics"]), 2)
        after = self.town.get(f"/api/v1/bus/topics?max=2&after={page['next']}").json
        self.assertNotEqual(page["topics"][0]["topic"], after["topics"][0]["topic"])
        kept = self.town.get("/api/v1/bus/retained?prefix=market/trades").json["messages"]
        self.assertEqual([row["topic"] for row in kept], ["market/trades"])

    def test_agents(self):
        self.same("/api/v1/agents", "agent", "list")
        self.same("/api/v1/agents/talker", "agent", "show", "talker")
        self.same("/api/v1/agent-stats", "agent", "stats")
        self.same("/api/v1/agents/talker/logs?count=1", "agent", "logs", "talker", "--count", 1)
        behind = self.town.get("/api/v1/agents/talker/logs?after=0&count=5").json
        self.assertEqual(behind["lines"][0]["text"], "hello")
        self.assertGreaterEqual(behind["next"], 1)

    def test_overview(self):
        for _ in range(5):
            overview, dispatch = self.town.get("/api/v1/overview").json, self.town.document("dispatch", "show")
            if overview["load_kw"] == dispatch["load_kw"]:
                break
        for member in ("load_kw", "generation_kw", "mismatch_kw", "lambda_min", "lambda_max", "certified"):
            self.assertEqual(overview[member], dispatch[member], member)
        self.assertEqual((overview["boards"], overview["boards_online"]), (3, 3))
        newest = self.town.get("/api/v1/market/trades?count=1").json["trades"][0]
        self.assertAlmostEqual(overview["price_cents_per_kwh"], int(newest["price"]) / 1e4)
        self.assertEqual((overview["bus"], overview["ledger"], overview["simulated"]), ("up", "up", False))

    def test_site(self):
        site = self.town.get("/api/v1/dispatch/site").json
        self.assertEqual([board["name"] for board in site["boards"]], ["L1", "L3", "DG1"])
        self.assertEqual(sorted(sorted(link) for link in site["links"]), [["DG1", "L1"], ["DG1", "L3"], ["L1", "L3"]])

    # -- runs ---------------------------------------------------------------------------------------------------------

    def test_runs(self):
        def resting():
            runs = self.town.get("/api/v1/dispatch/runs").json
            return not runs or runs[0]["ended_ms"] is not None
        wait_until(resting, PATIENCE_S, "the run before is over")
        events = self.town.events("channels=run,dispatch")
        before = self.town.get("/api/v1/dispatch/runs").json
        parameter = self.town.post("/api/v1/dispatch/L1/parameter", {"omega": 15.5})
        self.assertEqual(parameter.json, {"version": 1, "order": "parameter", "name": "L1", "omega": 15.5})
        piece = events.until(lambda channel, key, value: channel == "run" and key != "live" and value["frames"]
                             and any(f["k"] > 0 for f in value["frames"]), "frames of a run")[3]
        wait_until(lambda: self.town.get(f"/api/v1/dispatch/runs/{piece['id']}").json["ended_ms"] is not None, PATIENCE_S, "its end")
        run = self.town.get(f"/api/v1/dispatch/runs/{piece['id']}").json
        listed = self.town.get("/api/v1/dispatch/runs").json
        self.assertEqual(listed[0]["id"], piece["id"])
        self.assertEqual(listed[0]["frames"], len(run["frames"]))
        self.assertEqual({board["name"] for board in run["boards"]}, {"L1", "L3", "DG1"})
        self.assertEqual(run["frames"][piece["from"]:piece["from"] + len(piece["frames"])], piece["frames"])
        times = [frame["t_ms"] for frame in run["frames"]]
        self.assertEqual(times, sorted(times))
        last = {frame["board"]: frame for frame in run["frames"]}
        shown = {board["name"]: board for board in self.town.document("dispatch", "show")["boards"]}
        for name, frame in last.items():
            self.assertEqual(frame["lambda"], shown[name]["lambda"])
            self.assertTrue(frame["certified"])
        if before:
            self.assertGreater(piece["id"], before[0]["id"])
        events.close()

    # -- orders -------------------------------------------------------------------------------------------------------

    def test_orders_need_the_operators_token(self):
        for path in ("dispatch/L1/hold", "agents/talker/stop", "alarms/1/acknowledge"):
            for token in (None, "bbw_" + "A" * 43):
                answer = self.town.post("/api/v1/" + path, {}, token=token)
                self.assertIn(answer.status, (401, 403), path)
        self.assertEqual(self.town.document("dispatch", "show")["ordered"], 0)
        self.assertEqual(self.town.document("agent", "show", "talker")["agent"]["state"], "running")

    def test_orders_to_boards(self):
        def mode(name):
            return next(b["mode"] for b in self.town.get("/api/v1/dispatch").json["boards"] if b["name"] == name)
        held = self.town.post("/api/v1/dispatch/L3/hold")
        self.assertEqual((held.status, held.json), (200, {"version": 1, "order": "hold", "name": "L3"}))
        wait_until(lambda: mode("L3") == "hold", PATIENCE_S, "L3 holds")
        self.assertEqual(self.town.post("/api/v1/dispatch/L3/override", {"kw": 12.5}).json["kw"], 12.5)
        wait_until(lambda: mode("L3") == "override", PATIENCE_S, "L3 is overridden")
        self.assertEqual(self.town.post("/api/v1/dispatch/all/release").json["name"], "all")
        wait_until(lambda: mode("L3") == "automatic", PATIENCE_S, "L3 is released")

    def test_wrong_orders(self):
        post = self.town.post
        self.refused(post("/api/v1/dispatch/L99/hold"), 404, "not-found")
        self.refused(post("/api/v1/dispatch/all/override", {"kw": 1}), 400, "range")
        for body in ({"kw": -1}, {"kw": "1"}, {"kw": 0.0000001}, {"kw": 5000}, {"kw": 1e300}, {}, {"watts": 1}, {"kw": None}):
            self.refused(post("/api/v1/dispatch/L1/override", body), 400, "range")
        for body in ("[]", "1", "{", '{"kw":1,"kw":2}', '{"kw":NaN}'):
            self.assertEqual(post("/api/v1/dispatch/L1/override", body).status, 400, body)
        self.refused(post("/api/v1/dispatch/L1/parameter", {"beta": 1}), 422, "range")

    def test_orders_to_agents(self):
        post = self.town.post
        self.assertEqual(post("/api/v1/agents/talker/stop").json["agent"]["state"], "stopped")
        self.assertEqual(self.town.document("agent", "show", "talker")["agent"]["state"], "stopped")
        events = self.town.events("channels=agents,log:talker")
        self.assertEqual(post("/api/v1/agents/talker/start").json["agent"]["state"], "running")
        events.until(lambda channel, key, value: (channel, key, value.get("state")) == ("agents", "talker", "running"), "it runs")
        events.until(lambda channel, key, value: channel == "log:talker" and value["text"] == "hello", "it talks")
        pid = self.town.document("agent", "show", "talker")["agent"]["pid"]
        self.assertNotEqual(post("/api/v1/agents/talker/restart").json["agent"]["pid"], pid)
        self.refused(post("/api/v1/agents/nobody/start"), 404, "not-found")
        events.close()

    def test_an_agent_that_is_removed(self):
        """It is stopped, removed, and that is told."""
        town = self.town
        archive = town.home / "crasher.agent"
        archive.write_bytes(bundle({"crash": "#!/bin/sh\nexit 3\n"}, name="crasher", command=["./crash"]))
        events = town.events("channels=agents,alarms")
        town.busbar("agent", "install", archive, "--yes")
        self.assertIn(town.post("/api/v1/agents/crasher/start").status, (200, 422))
        town.post("/api/v1/agents/crasher/stop")
        town.busbar("agent", "remove", "crasher", "--yes")
        events.until(lambda channel, key, value: (channel, key, value.get("state")) == ("agents", "crasher", "removed"), "it is removed")
        events.close()
        self.refused(town.get("/api/v1/agents/crasher"), 404, "not-found")

    def test_submit(self):
        ledger = self.town.ledger
        signed, identity = ledger.signed("p2", "SellOrder", energyWh=1000, priceMicroPerKWh=200000)
        answer = self.town.post("/api/v1/ledger/submit", {"transactions": [signed]}, token=None)
        self.assertEqual(answer.status, 200, answer.body)
        result = answer.json["results"][0]
        self.assertEqual((result["id"], result["verdict"]), (identity, self.sold["verdict"]))
        self.assertEqual(self.town.get(f"/api/v1/chain/transactions/{identity}").json["id"], identity)
        forged = signed[:-4] + ("0000" if signed[-4:] != "0000" else "1111")
        result = self.town.post("/api/v1/ledger/submit", {"transactions": [forged]}, token=None).json["results"][0]
        self.assertIn("refused", result)
        self.assertTrue(result["text"])
        for body in ({}, {"transactions": []}, {"transactions": {}}, {"transactions": ["0x"] * 1025}, {"transactions": [signed], "x": 1}, []):
            self.assertEqual(self.town.post("/api/v1/ledger/submit", body, token=None).status, 400, str(body)[:60])

    # -- errors -------------------------------------------------------------------------------------------------------

    def test_a_wallet(self):
        """/rpc says what the command line says, as a wallet shows it."""
        asked = []

        def rpc(method, *params):
            asked.append({"jsonrpc": "2.0", "id": len(asked), "method": method, "params": list(params)})
            answer = self.town.post("/rpc", asked[-1], token=None).json
            self.assertEqual((answer["jsonrpc"], answer["id"]), ("2.0", len(asked) - 1))
            return answer["result"]
        chain = self.town.document("chain", "status")
        self.assertEqual(int(rpc("eth_chainId"), 16), int(chain["chain_id"]))
        self.assertEqual(rpc("net_version"), chain["chain_id"])
        for account in self.town.document("account", "list")["accounts"]:
            for address in (account["address"], account["address"].lower(), "0x" + account["address"][2:].upper()):
                self.assertEqual(int(rpc("eth_getBalance", address, "latest"), 16), int(account["money"]) * 10**9, account["name"])
                self.assertEqual(int(rpc("eth_getTransactionCount", address), 16), int(account["nonce"]), account["name"])
        self.assertEqual(rpc("eth_getBalance", "0x" + "12" * 20, "pending"), "0x0")
        self.assertGreaterEqual(int(rpc("eth_blockNumber"), 16), 2)
        self.assertEqual([a["result"] for a in self.town.post("/rpc", asked[:2], token=None).json], [hex(int(chain["chain_id"])), chain["chain_id"]])

    def test_unknown_names(self):
        for path in ("accounts/nobody", "accounts/nobody/statement", "accounts/nobody/orders", "market/trades?account=nobody",
                     "chain/blocks/999999", "chain/transactions/0x" + "12" * 32, "chain/transactions/0x" + "12" * 32 + "/receipt",
                     "agents/nobody", "agents/nobody/logs", "dispatch/runs/999", "dispatch/runs/0", "dispatch/runs/x"):
            self.refused(self.town.get("/api/v1/" + path), 404, "not-found")
        self.assertEqual(self.town.get("/api/v1/nothing").status, 404)

    def test_bad_parameters(self):
        for path in ("market/book?depth=0", "market/book?depth=1001", "market/book?interval=-1", "market/book?interval=soon",
                     "market/trades?count=x", "market/trades?count=5001", "lines?interval=1e3", "chain/blocks?count=201",
                     "chain/blocks?before=0", "chain/blocks/-1", "chain/blocks/1x", "chain/transactions/12", "chain/proof?first=1",
                     "chain/proof?first=a&second=b", "bus/topics?max=257", "bus/retained?max=0", "agents/talker/logs?count=0",
                     "agents/talker/logs?after=-1"):
            self.refused(self.town.get("/api/v1/" + path), 400, "range")

    # -- what is told ------------------------------------------------------------------------------------------------

    def test_a_trade_is_told_within_a_second(self):
        events = self.town.events("channels=market,chain,overview")
        events.until(lambda channel, key, value: (channel, key) == ("market", "book"), "the book as it is")
        ledger = self.town.ledger
        ledger.act("p3", "SellOrder", energyWh=1000, priceMicroPerKWh=50000)
        began = time.monotonic()
        ledger.act("c1", "BuyOrder", energyWh=1000, maxPriceMicroPerKWh=60000)
        heard = events.until(lambda channel, key, value: (channel, key) == ("market", "trade") and value["price"] == 50000, "the trade")
        self.assertLess(heard[0] - began, 1.0)
        events.until(lambda channel, key, value: channel == "overview" and value["price_cents_per_kwh"] == 5, "its price")
        events.until(lambda channel, key, value: channel == "chain" and value["trades"] == 1, "its block")
        self.assertEqual(self.town.get("/api/v1/market/trades?count=1").json["trades"][0]["price"], "50000")
        events.close()

    def test_the_sniffer(self):
        events = self.town.events("channels=bus&filter=test/")
        deadline = time.monotonic() + PATIENCE_S
        while not events.heard or all(item[1] != "bus" for item in events.heard):
            self.assertLess(time.monotonic(), deadline)
            self.town.peer.publish("test/sniffed", {"a": 1})
            time.sleep(0.1)
        self.town.peer.publish("test/long", "é" * 5000)
        long = events.until(lambda channel, key, value: channel == "bus" and key == "test/long", "the long one")[3]
        self.assertTrue(long["cut"])
        self.assertLessEqual(len(long["message"].encode()), 4096)
        with events.lock:
            bus = [item for item in events.heard if item[1] == "bus"]
        self.assertTrue(all(item[2].startswith("test/") for item in bus))
        self.assertFalse(bus[0][3]["cut"])
        self.assertEqual(bus[0][3]["sender"], "cli.test")
        self.town.peer.publish("test/once", 1)
        self.town.peer.publish("test/end", 1)
        events.until(lambda channel, key, value: channel == "bus" and key == "test/end", "the last one")
        with events.lock:
            self.assertEqual(len([item for item in events.heard if item[2] == "test/once"]), 1)
        events.close()

    def test_many_ask_once(self):
        def asked():
            return next(p["received"] for p in self.town.get("/api/v1/bus/peers").json["peers"] if p["identity"] == "ledger")
        before, statuses = asked(), []
        threads = [threading.Thread(target=lambda: statuses.append(self.town.get("/api/v1/market/book?depth=7").status)) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 40)
        self.assertLess(asked() - before, 30)

    def test_routes_are_documented(self):
        """docs/http-api.md has a heading for each row of the tables of routes, and no other."""
        rows = set()
        for source in (ROOT / "agents/web").rglob("*.c"):
            rows |= set(re.findall(r'\{"(GET|POST)", "(/[^"]*)"', re.sub(r'",\s+"', '", "', source.read_text())))
        documented = set(re.findall(r"^#### `(GET|POST) (/\S+)`$", (ROOT / "docs/http-api.md").read_text(), re.M))
        self.assertGreater(len(rows), 30)
        self.assertEqual({row for row in rows if row[1] != "/"}, documented)


class Away(unittest.TestCase):
    """Peers that go, and come back."""

    def test_peers_that_are_away(self):
        with towns.Town(agentd=False) as town:
            town.certified()
            self.look_at_what_lasts(town)
            events = town.events("channels=overview,dispatch,alarms")
            self.assertEqual(town.get("/api/v1/agents").status, 503)
            self.look_at_a_board(town, events)
            self.look_at_an_agent(town, events)
            self.look_at_the_ledger(town, events)
            self.look_at_the_bus(town, events)
            events.close()

    def look_at_what_lasts(self, town):
        """A condition from before the dashboard was there."""
        town.processes["webd"].stop()
        (town.home / "run/web.address").unlink(missing_ok=True)
        town.peer.publish("alerts/modbus/meter1", {"name": "meter1", "alert": "lost", "text": "meter1 does not answer"})
        town.peer.publish("alerts/modbus/meter2", {"name": "meter2", "alert": "not-put-back", "text": "a point of meter2"})
        town.start_web()
        wait_until(lambda: [a["name"] for a in town.get("/api/v1/alarms").json] == ["meter1"], PATIENCE_S, "meter1's alarm")
        town.peer.publish("alerts/modbus/meter1", {"name": "meter1", "alert": "returned", "text": "it is back"})
        wait_until(lambda: not town.get("/api/v1/alarms").json[0]["standing"], PATIENCE_S, "meter1 is back")

    def look_at_a_board(self, town, events):
        began = time.monotonic()
        town.processes["L3"].kill()
        heard = events.until(lambda channel, key, value: channel == "dispatch" and key == "L3" and not value["online"], "L3 has gone")
        self.assertLess(heard[0] - began, 4.0)
        alarm = events.until(lambda channel, key, value: channel == "alarms" and value["name"] == "L3", "its alarm")[3]
        self.assertEqual((alarm["alert"], alarm["state"], alarm["standing"]), ("link-lost", "active", True))
        done = town.post(f"/api/v1/alarms/{alarm['id']}/acknowledge")
        self.assertEqual((done.json["state"], done.json["by"]), ("acknowledged", "tester"))
        refused = town.post("/api/v1/dispatch/L3/hold")
        self.assertEqual((refused.status, refused.error), (503, "unreachable"))
        town.start_board("L3")
        events.until(lambda channel, key, value: channel == "alarms" and value["name"] == "L3" and value["state"] == "cleared", "it is back")
        self.assertEqual(town.post(f"/api/v1/alarms/{alarm['id']}/acknowledge").status, 409)
        town.certified()

    def look_at_an_agent(self, town, events):
        town.processes["dg-agent"].kill()
        events.until(lambda channel, key, value: channel == "alarms" and value["alert"] == "agent-away", "dg-agent has gone")
        events.until(lambda channel, key, value: channel == "dispatch" and key == "DG1" and not value["online"], "and its board with it")
        shown = town.get("/api/v1/dispatch").json
        self.assertEqual([board["name"] for board in shown["boards"]], ["L1", "L3"])
        town.start_agent("dg-agent")
        events.until(lambda channel, key, value: channel == "alarms" and value["alert"] == "agent-away" and not value["standing"], "it is back")
        town.certified()

    def look_at_the_ledger(self, town, events):
        town.processes["ledgerd"].stop()
        alarm = events.until(lambda channel, key, value: channel == "alarms" and value["alert"] == "ledger-down", "the ledger has gone")[3]
        for path in ("market/book", "accounts", "chain/status", "chain/blocks"):
            answer = town.get("/api/v1/" + path)
            self.assertEqual((answer.status, answer.error, answer.text), (503, "unreachable", "ledger is not on the bus"))
        shelved = town.post(f"/api/v1/alarms/{alarm['id']}/shelve", {"minutes": 5})
        self.assertEqual(shelved.json["state"], "shelved")
        self.assertAlmostEqual(shelved.json["until_ms"] / 1000, time.time() + 300, delta=60)
        for body in ({}, {"minutes": 0}, {"minutes": 10081}, {"minutes": "5"}, {"minutes": 1.5}):
            self.assertEqual(town.post(f"/api/v1/alarms/{alarm['id']}/shelve", body).status, 400)
        self.assertEqual(town.post("/api/v1/alarms/777/shelve", {"minutes": 5}).status, 404)
        self.assertEqual(town.get("/api/v1/dispatch").status, 200)
        town.ledger.start_ledger()
        wait_until(lambda: town.get("/api/v1/overview").json["ledger"] == "up", PATIENCE_S, "the ledger is back")
        self.assertEqual(town.get("/api/v1/market/book").status, 200)
        wait_until(lambda: ("shelved", False) in [(a["state"], a["standing"]) for a in town.get("/api/v1/alarms").json
                                                  if a["id"] == alarm["id"]], PATIENCE_S, "its alarm is over, on the shelf")

    def look_at_the_bus(self, town, events):
        town.processes["busbard"].kill()
        events.until(lambda channel, key, value: channel == "overview" and value["bus"] == "down", "the bus has gone")
        for path in ("dispatch", "status", "market/book", "bus/peers", "agents"):
            answer = town.get("/api/v1/" + path)
            self.assertEqual((answer.status, answer.error), (503, "unreachable"), path)
        self.assertEqual(town.get("/api/v1/alarms").json[0]["alert"], "bus-down")
        (town.home / "run/vip.address").unlink(missing_ok=True)
        town.start_broker()
        events.until(lambda channel, key, value: channel == "overview" and value["bus"] == "up" and value["boards_online"] == 3, "all is back")
        wait_until(lambda: town.get("/api/v1/market/book").status == 200, PATIENCE_S, "the ledger, too")


if __name__ == "__main__":
    unittest.main()
