"""Chapter 16."""

import numpy as np
from scipy.optimize import brentq

from paintlib.guidance import painted_variance


def half_way(lam_c, lam_u):
    """By bisection of what `paintlib.guidance` says is painted."""
    whole = np.log(painted_variance(lam_c, lam_u, 2.0) / lam_c)

    def rest(log_kappa):
        return np.log(painted_variance(lam_c, lam_u, 2.0, low=np.exp(log_kappa)) / lam_c) - whole / 2

    return np.exp(brentq(rest, -8, 8))


def w_at(kappa, lam_c, lam_u, W):
    """By the two linear equations, as numpy solves them: w + v = 1, and the pulls are equal."""
    lam_p = 1 / (W / lam_c + (1 - W) / lam_u)
    pulls = [1 / (kappa**2 + lam_c), 1 / (kappa**2 + lam_u)]
    return np.linalg.solve([[1, 1], pulls], [1, 1 / (kappa**2 + lam_p)])[0]


def taken_back(x):
    turn = x[2:] - 2 * x[1:-1] + x[:-2]
    return (np.einsum("td,td->t", turn[1:], turn[:-1]) < 0).mean()


RIGHT = [
    ("16.1", half_way),
    ("16.2", w_at),
    ("16.3", taken_back),
]
WRONG = [
    ("16.1", lambda c, u: (c * u) ** 0.5, "is squared"),
    ("16.1", lambda c, u: c**0.5, "off by"),
    ("16.1", lambda c, u: None, "nothing yet"),
    ("16.2", lambda kappa, c, u, W: W, "at every level"),
    ("16.2", lambda kappa, c, u, W: W / (1 + kappa**2), "off by"),
    ("16.3", lambda x: 100 * taken_back(x), "per cent"),
    ("16.3", lambda x: np.mean((np.diff(x, axis=0)[1:] * np.diff(x, axis=0)[:-1]).sum(-1) < 0), "change of the move"),
    ("16.3", lambda x: 0.5, "off by"),
]
