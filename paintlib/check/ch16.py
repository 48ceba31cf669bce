"""Answers to the exercises of chapter 16, guidance and samplers."""

from itertools import pairwise

import numpy as np

from paintlib.check import Wrong, close, exercise, function, number

PAIRS = [(0.5, 1.6), (0.1, 2.0), (3.0, 0.7), (0.02, 0.9)]


@exercise(
    "16.1",
    "What is left to do below a level is told by q there alone. Which q has done half, in logarithms?",
    "Call r the square root of q at zero noise, and solve q(kappa) = r for the square of kappa. What do r lam_u and "
    "lam_c have in common?",
)
def half_way(answer):
    f = function(answer)
    kappas = np.geomspace(1e-4, 1e4, 400_001)
    for c, u in PAIRS:
        rate = kappas**2 * (1 / (kappas**2 + c) - 1 / (kappas**2 + u))  # of log width, by log kappa
        done = np.cumsum(rate[::-1])
        wanted = kappas[::-1][np.searchsorted(np.abs(done), np.abs(done[-1]) / 2)]
        given = number("The level", f(c, u))
        where = f"The level for variances {c:g} and {u:g}"
        if abs(given - wanted**2) < 1e-3 * wanted**2 and abs(wanted - 1) > 1e-2:
            raise Wrong(f"{where} is squared: kappa is measured like a standard deviation, not like a variance")
        close(where, given, wanted, rtol=2e-3)


@exercise(
    "16.2",
    "The product of powers is a Gaussian. What would its own painter's pull be at this level, and what is the pull of "
    "the mixture?",
    "Each pull towards the mean 0 is one over (kappa^2 + a variance). Set w times one plus (1 - w) times another equal "
    "to the third, and solve for w.",
)
def w_at(answer):
    f = function(answer)
    for c, u in PAIRS[:2]:
        for W in (2.0, 5.0):
            x = np.linspace(-15, 15, 6001)
            p = np.exp(-(x**2) / 2 * (W / c + (1 - W) / u))
            wanted = (p * x**2).sum() / p.sum()
            logs = np.linspace(np.log(1e-3), np.log(1e3), 1201)
            kappas = np.exp(logs)
            w = np.array([number("The strength", f(float(k), c, u, W)) for k in kappas])
            rate = kappas**2 * (w / (kappas**2 + c) + (1 - w) / (kappas**2 + u))
            painted = kappas[-1] ** 2 * np.exp(-2 * np.trapezoid(rate, logs))
            if np.ptp(w) == 0:
                raise Wrong(f"Your strength is {w[0]:g} at every level; the flow then paints {painted:.3g}")
            close(f"The variance painted for variances {c:g} and {u:g}, W = {W:g},", painted, wanted, rtol=0.01)


@exercise(
    "16.3",
    "Differences of differences: how many are there for T states, and how many pairs of neighbours?",
    "Two vectors point against each other where their inner product is negative; one such number for each pair.",
)
def taken_back(answer):
    f = function(answer)
    rng = np.random.default_rng(3)
    swing = np.cumsum(np.array([(1.0, 0.2 * (-1) ** n) for n in range(12)]), axis=0)
    bow = np.stack([np.linspace(0, 1, 20), np.linspace(0, 1, 20) ** 2], axis=-1)
    for name, x in {"a zigzag": swing, "a bow": bow, "a random walk": np.cumsum(rng.normal(size=(40, 6)), 0)}.items():
        pairs = [(x[n + 2] - 2 * x[n + 1] + x[n], x[n + 3] - 2 * x[n + 2] + x[n + 1]) for n in range(len(x) - 3)]
        wanted = sum(float(np.dot(a, b)) < 0 for a, b in pairs) / len(pairs)
        given = number("The part", f(x))
        moves = np.diff(x, axis=0)
        first = np.mean([np.dot(a, b) < 0 for a, b in pairwise(moves)])
        if abs(given - first) < 1e-9 < abs(first - wanted):
            raise Wrong(f"On {name} you count moves that go back; a turn is a change of the move")
        if abs(given - 100 * wanted) < 1e-6 and wanted > 0:
            raise Wrong("That is in per cent; give a number from 0 to 1")
        close(f"The part on {name}", given, wanted)
