"""Chapter 06."""

import math
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from paintlib import transfer
from paintlib.schedules import EDM


def moves_needed(share):
    return next(n for n in range(1, 10**4) if math.cos(math.pi / 2 / n) ** n >= share)


def final_std(lam, kappas, eta, fresh=True, start=None):
    V = kappas[0] ** 2 + lam if start is None else start
    for a, b in pairwise(kappas):
        tau2 = eta**2 * b**2 * (1 - b**2 / a**2)
        V = ((lam + a * math.sqrt(b**2 - tau2)) / (a**2 + lam)) ** 2 * V + fresh * tau2
    return math.sqrt(V)


def middle(lam, kappa_T):
    def error(kappa):
        grid = [kappa_T, kappa, 0.0]
        return transfer.heun([lam], EDM(0.0, 100.0), grid)[-1, 0] - math.sqrt(lam / (kappa_T**2 + lam))

    return brentq(error, math.sqrt(lam), kappa_T / 2, xtol=1e-12)


def with_transfer(lam, kappas, eta):
    gain, fresh = transfer.stochastic([lam], EDM(0.0, 100.0), kappas, eta)
    return math.sqrt(gain[-1, 0] ** 2 * (kappas[0] ** 2 + lam) + fresh[-1, 0])


RIGHT = [
    ("06.1", moves_needed),
    ("06.1", lambda share: np.int64(moves_needed(share))),
    ("06.1", lambda share: float(moves_needed(share))),
    ("06.2", final_std),
    ("06.2", lambda *a: np.array(final_std(*a))),
    ("06.3", middle),
    ("06.4", (1.5, 0.1, 13)),
    ("06.4", [1.5, 0.1, 12.0]),
]
WRONG = [
    ("06.1", lambda share: math.ceil(math.pi**2 / 8 / (1 - share)), "more than needed"),
    ("06.1", lambda share: moves_needed(share) - 1, r"too few|at least 1"),
    ("06.1", lambda share: moves_needed(share) + 1, "more than needed"),
    ("06.1", lambda share: 7.5, "whole"),
    ("06.1", lambda share: None, "returns nothing"),
    ("06.2", lambda *a: final_std(*a, fresh=False), "fresh noise"),
    ("06.2", with_transfer, "found them for you"),
    ("06.2", lambda *a: final_std(*a) ** 2, "off by"),  # the variance
    ("06.2", lambda *a: final_std(*a, start=a[1][0] ** 2), "off by"),  # pure noise at the start
    ("06.3", lambda lam, kappa_T: 2.5574, "is off by"),
    ("06.3", lambda lam, kappa_T: math.sqrt(kappa_T), "is off by"),
    ("06.3", lambda lam, kappa_T: 2 * kappa_T, "between"),
    ("06.4", (1.0, 1.0, 13), "u2"),
    ("06.4", (1.5, 0.01, 13), "playground has"),
    ("06.4", (1.5, 0.1), "3 things"),
    ("06.4", ..., "no answer here yet"),
]
