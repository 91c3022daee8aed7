#!/usr/bin/env python3
"""The wire at its worst. Sixteen boards under noise stay certified and correct, and take each command once; every kind of failure of a
cable is survived, on ports by libserialport (the consumers') and by termios (the generators')."""
import os
import time
import unittest

import cases
from neighbourhood import BIN, PATIENCE_S, Neighbourhood, wait_until

SHIM = BIN.parent / "tests/agents/uart/libserial_shim.so"
SMALL = cases.TABLE_1[:3] + cases.TABLE_1[10:13]


class Noisy(Neighbourhood):
    """Noise from the first byte on."""
    WORDS = ("--flip", 500, "--drop", 500, "--seed", int(os.environ.get("BUSBAR_SEED", "1")))

    def wire_words(self):
        return self.WORDS


class SixteenUnderNoise(unittest.TestCase):
    COMMANDS, PARAMETERS = 120, 20

    @classmethod
    def setUpClass(cls):
        cls.town = cls.enterClassContext(Noisy())

    def table_1(self):
        _, powers = cases.optimum(cases.TABLE_1)  # a status that is lost is said again with the next heartbeat
        boards = self.town.certified(also=lambda b: abs(b["kw"] - powers[b["name"]]) < 1e-4)
        for name in powers:
            self.assertAlmostEqual(boards[name]["lambda"], cases.TABLE_1_LAMBDA, delta=1e-4, msg=name)
            self.assertAlmostEqual(boards[name]["kw"], cases.TABLE_1_KW[name], delta=0.05, msg=name)

    def once_each(self):
        """Every command and every parameter reaches its board once: by what the boards wrote into their logs."""
        town, times = self.town, []
        time.sleep(0.5)  # the boards' logs may be written again (Neighbourhood.commands_taken)
        before = town.commands_taken("L5"), town.commands_taken("L1", "parameters-persisted")
        for number in range(self.COMMANDS):
            begin = time.monotonic()
            town.call("L5", "board.override", kw=20 + number / 1000)
            times.append((time.monotonic() - begin) * 1000)
            if number % (self.COMMANDS // self.PARAMETERS) == 0:
                town.tune(("L1", "consumer", 17.17 - number / 1000, 0.0935, 91.79))
        time.sleep(0.5)
        town.call("L5", "board.release")
        town.tune(cases.TABLE_1[0])
        expected = before[0] + self.COMMANDS + 1, before[1] + self.PARAMETERS + 1
        wait_until(lambda: (town.commands_taken("L5"), town.commands_taken("L1", "parameters-persisted")) >= expected, 5, "all are there")
        self.assertEqual((town.commands_taken("L5"), town.commands_taken("L1", "parameters-persisted")), expected)
        times.sort()
        print(f"\n{len(times)} commands, ms: median {times[len(times) // 2]:.1f}, 95 % {times[len(times) * 95 // 100]:.1f}, "
              f"most {times[-1]:.1f}", flush=True)

    def damage(self, kind):
        return sum(self.town.wire_counters(name, end)[kind] for name in self.town.topics for end in ("agent", "board"))

    def test_1_flips_and_drops(self):
        self.table_1()
        self.once_each()
        self.table_1()
        self.assertGreater(min(self.damage("flipped"), self.damage("dropped")), 50)  # the noise is real

    def test_2_frames_lost_in_bursts(self):
        self.town.wire.say("faults 0 0")
        self.town.wire.say("bursts 10000 3")
        before = self.damage("eaten")
        self.once_each()
        self.table_1()
        self.assertGreater(self.damage("eaten") - before, 20)


class Hub(Neighbourhood):
    """Each agent finds its ports by a pattern, as behind a hub; the consumers' by libserialport, the generators' by termios."""

    def start_agent(self, agent):
        if agent == "dg-agent":
            self.run(agent, BIN / "busbar-uart-agent", "--home", self.home, "--identity", agent, "--ports", f"pty:{self.home}/run/DG*.agent")
            return
        self.run(agent, "/usr/bin/env", f"LD_PRELOAD={SHIM}", "ASAN_OPTIONS=verify_asan_link_order=0", BIN / "busbar-uart-agent",
                 "--home", self.home, "--identity", agent, "--ports", f"{self.home}/run/L*.agent")


class Failures(unittest.TestCase):
    """L2 is behind libserialport, DG2 behind termios: what befalls one befalls the other, mostly at the same time."""

    @classmethod
    def setUpClass(cls):
        cls.town = cls.enterClassContext(Hub(SMALL, topology="complete"))

    def setUp(self):
        self.town.certified()
        self.marks = {agent: len(self.town.processes[agent].log()) for agent in ("consumer-agent", "dg-agent")}

    def tearDown(self):
        self.expect(self.town.certified())

    def say(self, *commands):
        for command in commands:
            self.town.wire.say(command)

    def port(self, name, end="agent"):
        return self.town.cable(name, end)

    def told(self, agent="consumer-agent"):
        """What an agent has logged since the test began."""
        return self.town.processes[agent].log()[self.marks[agent]:]

    def expect(self, boards):
        _, powers = cases.optimum([b for b in self.town.cases if b[0] in boards])
        for name, board in boards.items():
            self.assertAlmostEqual(board["kw"], powers[name], delta=1e-3, msg=name)

    def without(self, *names):
        """The others are certified without them; both agents have raised the alert."""
        self.expect(self.town.certified([n for n in self.town.topics if n not in names]))
        for name in names:
            self.assertIn(f"alert=link-lost board={name}", self.told(self.town.agent_of[name]))

    def change(self, omega):
        self.town.tune(("L1", "consumer", omega, 0.0935, 91.79))
        price, _ = cases.optimum(self.town.cases)
        self.expect(self.town.certified(also=lambda b: abs(b["lambda"] - price) < 1e-5))

    def test_unplugged_in_mid_frame(self):
        self.say(f"unplug {self.port('L2')} 9", f"unplug {self.port('DG2', 'board')} 9")
        self.without("L2", "DG2")
        self.say(f"replug {self.port('L2')}", f"replug {self.port('DG2', 'board')}")

    def test_replugged_under_another_name(self):
        """The board is the board wherever it is; its old place given to another one is worth an alert."""
        places = {"L2": "L98", "DG2": "DG98"}
        for name, place in places.items():
            self.say(f"unplug {self.port(name)}", f"replug {self.port(name)} {self.port(place)}")
        boards = self.town.certified(also=lambda b: b["name"] not in places or b["port"].endswith(f"/{places[b['name']]}.agent"))
        self.expect(boards)
        for agent in ("consumer-agent", "dg-agent"):
            self.assertNotIn("wrong-board", self.told(agent))
        for name, other in (("L2", "L3"), ("DG2", "DG3")):
            self.say(f"unplug {self.port(other)}", f"replug {self.port(other)} {self.port(name)}")
        self.expect(self.town.certified(also=lambda b: b["name"] not in ("L3", "DG3") or b["port"].endswith("2.agent")))
        self.assertIn("alert=wrong-board board=L3", self.told())
        self.assertIn("alert=wrong-board board=DG3", self.told("dg-agent"))
        for kind in ("L", "DG"):
            self.say(f"unplug {self.port(kind + '2')}", f"unplug {self.port(kind + '98')}",
                     f"replug {self.port(kind + '2')} {self.port(kind + '3')}", f"replug {self.port(kind + '98')} {self.port(kind + '2')}")
        self.town.certified(also=lambda b: b["port"].endswith(f"/{b['name']}.agent"))

    def test_exchanged_boards(self):
        """Two cables are exchanged and nobody hangs up: alerts, and every board's data under its own name."""
        swap = f"swap {self.port('L2')} {self.port('L3')}", f"swap {self.port('DG1')} {self.port('DG2')}"
        self.say(*swap)
        moved = {"L2": "L3", "L3": "L2", "DG1": "DG2", "DG2": "DG1"}
        self.expect(self.town.certified(also=lambda b: b["port"].endswith(f"/{moved.get(b['name'], b['name'])}.agent")))
        for name in moved:
            self.assertIn(f"alert=wrong-board board={name}", self.told(self.town.agent_of[name]))
            self.assertNotIn("duplicate-board-id", self.told(self.town.agent_of[name]))
        self.change(16.5)
        self.say(*swap)
        self.town.certified(also=lambda b: b["port"].endswith(f"/{b['name']}.agent"))

    def test_half_open(self):
        """L2 does not hear, of DG2 nothing is heard: both are declared dead, on both sides, and are back when the lines are."""
        begin = time.monotonic()
        self.say(f"dead {self.port('L2', 'board')} on", f"dead {self.port('DG2')} on")
        for name in ("L2", "DG2"):
            agent = self.town.agent_of[name]
            wait_until(lambda: f"alert=link-lost board={name}" in self.told(agent), PATIENCE_S, f"{name} is declared dead")
        print(f"\nboth sides know after {time.monotonic() - begin:.1f} s", flush=True)
        self.without("L2", "DG2")
        self.assertEqual((self.told().count("link-lost"), self.told("dg-agent").count("link-lost")), (1, 1))  # they do not come and go
        self.say(f"dead {self.port('L2', 'board')} off", f"dead {self.port('DG2')} off")

    def test_a_side_that_does_not_read(self):
        """Nobody takes what the agent says to L2, nor what DG2 says."""
        self.say(f"stall {self.port('L2')} on", f"stall {self.port('DG2', 'board')} on")
        self.without("L2", "DG2")
        self.say(f"stall {self.port('L2')} off", f"stall {self.port('DG2', 'board')} off")

    def test_echoes(self):
        """What is said comes back: dropped, counted, told; a change gets through."""
        self.say(*(f"echo {self.port(name, end)} on" for name in ("L2", "DG2") for end in ("agent", "board")))
        self.change(16.0)
        for name in ("L2", "DG2"):
            agent = self.town.agent_of[name]
            wait_until(lambda: "event=port-echoes" in self.told(agent), PATIENCE_S, "the echoes are told")
            self.assertIn(f"/{name}.agent", next(line for line in self.told(agent).splitlines() if "port-echoes" in line))
        self.say(*(f"echo {self.port(name, end)} off" for name in ("L2", "DG2") for end in ("agent", "board")))

    def test_babble(self):
        """Random bytes fill two cables, one towards the agent, one towards the board: the others take a change."""
        original = self.town.cases[0]
        self.town.tune(("L1", "consumer", 15.0, 0.0935, 91.79))
        self.say(f"babble {self.port('L2')} on", f"babble {self.port('DG2', 'board')} on")
        kept = [b for b in self.town.cases if b[0] not in ("L2", "DG2")]
        optima = [cases.optimum(kept + [b for b in self.town.cases if b[0] in some])[1] for some in ((), ("L2",), ("DG2",), ("L2", "DG2"))]
        self.town.ear.until(lambda _: any(all(abs(self.town.board(b[0]).get("kw", -1) - o[b[0]]) < 1e-3 for b in kept) for o in optima),
                            PATIENCE_S, "the others have taken the change")
        self.say(f"babble {self.port('L2')} off", f"babble {self.port('DG2', 'board')} off")
        self.town.tune(original)

    def test_two_hosts_on_one_port(self):
        """The second one is refused and says why; the first one loses no frame."""
        with Second(self.town) as second:
            for agent, name in (("consumer-agent", "L2"), ("dg-agent", "DG2")):
                wait_until(lambda: f"/{name}.agent" in second.refused(agent), PATIENCE_S, "the second host is refused")
                self.assertIn("another process holds it", second.refused(agent))
            bad = {name: self.town.board(name)["bad_frames"] for name in self.town.topics}
            self.change(17.0)
            for name in self.town.topics:
                self.assertEqual(self.town.board(name)["bad_frames"], bad[name], name)
                self.assertEqual(self.town.wire_counters(name, "agent")["overrun"], 0, name)
        self.assertNotIn("alert", self.told() + self.told("dg-agent"))


class Second(Hub):
    """Another installation, with a bus of its own, that looks at the first one's ports."""

    def __init__(self, first):
        super().__init__(SMALL, topology="complete")
        self.first = first

    def start(self):
        for port in (self.first.home / "run").glob("*.agent"):
            (self.home / "run" / port.name).symlink_to(port.resolve())
        self.start_broker()
        for agent in sorted(set(self.agent_of.values())):
            self.start_agent(agent)

    def refused(self, agent):
        return "\n".join(line for line in self.processes[agent].log().splitlines() if "event=port-refused" in line)


if __name__ == "__main__":
    unittest.main()
