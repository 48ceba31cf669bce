"""Chapter 18."""

from bisect import bisect_left

import numpy as np
from scipy.optimize import brentq

from paintlib import learning


def guided(lam_c, lam_u, strength):
    return np.exp(strength * np.log(lam_c) + (1 - strength) * np.log(lam_u))


def by_root(lam, kappa, n):
    return brentq(lambda s: kappa**2 + s * np.sum(lam / (lam + s)) / n - s, kappa**2, 1e6) ** 0.5


def enough(lam, kappa, apart):
    return 1 + bisect_left(range(1, 10**7), True, key=lambda n: learning.disagreement(lam, kappa, n) <= apart)


RIGHT = [("18.1", guided), ("18.2", by_root), ("18.3", enough)]
WRONG = [
    ("18.1", lambda c, u, strength: strength * c + (1 - strength) * u, "off by"),
    ("18.1", lambda c, u, strength: guided(c, u, strength) ** 0.5, "off by"),
    ("18.2", lambda lam, kappa, n: by_root(lam, kappa, n) ** 2, "square root"),
    ("18.2", lambda lam, kappa, n: kappa, "answer otherwise"),
    ("18.2", lambda lam, kappa, n: np.sqrt(kappa**2 + np.sum(lam * kappa**2 / (lam + kappa**2)) / n), "off by"),
    ("18.2", learning.renormalised, "found them for you"),
    ("18.3", lambda lam, kappa, apart: 2 * enough(lam, kappa, apart), "would do"),
    ("18.3", lambda lam, kappa, apart: enough(lam, kappa, apart) - 1, "more than"),
    ("18.3", lambda lam, kappa, apart: enough(lam, kappa, apart) + 0.5, "whole number"),
]
