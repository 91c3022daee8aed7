"""Neighbourhoods for the tests: Table 1, perturbations of it, random ones; and an oracle of its own in floating point."""
import random

# (name, kind, intercept $/kWh: omega or beta, slope $/kWh/kW: sigma or alpha, pmax kW)
TABLE_1 = [
    ("L1", "consumer", 17.17, 0.0935, 91.79),
    ("L2", "consumer", 12.28, 0.0417, 147.29),
    ("L3", "consumer", 18.42, 0.1007, 91.41),
    ("L4", "consumer", 7.06, 0.0561, 62.96),
    ("L5", "consumer", 10.85, 0.0540, 100.53),
    ("L6", "consumer", 18.91, 0.1414, 66.88),
    ("L7", "consumer", 18.76, 0.0793, 118.35),
    ("L8", "consumer", 15.70, 0.1064, 73.81),
    ("L9", "consumer", 14.28, 0.0850, 84.00),
    ("L10", "consumer", 10.15, 0.0460, 110.32),
    ("DG1", "generator", 6.71, 0.0031, 113.23),
    ("DG2", "generator", 5.53, 0.0074, 179.10),
    ("DG3", "generator", 7.58, 0.0066, 90.03),
    ("DG4", "generator", 6.24, 0.0063, 106.41),
    ("DG5", "generator", 8.53, 0.0069, 193.80),
    ("DG6", "generator", 6.73, 0.0032, 143.41),
]

# The powers that the thesis prints (§2.6, Table 1), kW, and its price, $/kWh.
TABLE_1_KW = {"L1": 52.4, "L2": 58.9, "L3": 54.9, "L4": 0.0, "L5": 32.2, "L6": 40.8, "L7": 71.8, "L8": 39.1, "L9": 40.6,
              "L10": 30.2, "DG1": 106.6, "DG2": 124.4, "DG3": 0.0, "DG4": 89.8, "DG5": 0.0, "DG6": 100.2}
TABLE_1_LAMBDA = 7.371


def perturbed(boards, chance):
    """The same boards with other parameters: prices ±10 %, slopes and limits ±30 %; six decimals, as boards keep them."""
    return [(name, kind, round(intercept * chance.uniform(0.9, 1.1), 6), round(slope * chance.uniform(0.7, 1.3), 6),
             round(pmax * chance.uniform(0.7, 1.3), 6)) for name, kind, intercept, slope, pmax in boards]


def random_case(count, chance):
    """`count` boards, at least one of each kind."""
    boards = []
    for i in range(count):
        consumer = i == 0 or (i != 1 and chance.random() < 0.6)
        pmax = round(chance.uniform(10, 200), 3)
        if consumer:
            boards.append((f"L{i + 1}", "consumer", round(chance.uniform(7, 19), 3), round(chance.uniform(0.03, 0.15), 4), pmax))
        else:
            boards.append((f"DG{i + 1}", "generator", round(chance.uniform(5, 9), 3), round(chance.uniform(0.003, 0.03), 4), pmax))
    return boards


def chance_of(seed):
    return random.Random(seed)


def power(board, price):
    """What a board wants at a price, kW (thesis §2.4.1, equations 1, 2, 5, 6)."""
    _, kind, intercept, slope, pmax = board
    wanted = (intercept - price) / (2 * slope) if kind == "consumer" else (price - intercept) / (2 * slope)
    return min(max(wanted, 0.0), pmax)


def optimum(boards):
    """(price, {name: kW}) at which load and generation meet, by bisection."""
    low, high = 0.0, max(b[2] + 2 * b[3] * b[4] for b in boards)
    for _ in range(200):
        price = (low + high) / 2
        balance = sum(power(b, price) * (1 if b[1] == "consumer" else -1) for b in boards)
        low, high = (price, high) if balance > 0 else (low, price)
    return high, {b[0]: power(b, high) for b in boards}


def scenario(boards):
    """The boards as the file that `busbar dispatch solve` takes."""
    words = {"consumer": ("omega", "sigma"), "generator": ("beta", "alpha")}
    nodes = [{"id": name, "kind": kind, words[kind][0]: intercept, words[kind][1]: slope, "pmax_kw": pmax}
             for name, kind, intercept, slope, pmax in boards]
    return {"name": "test", "nodes": nodes}
