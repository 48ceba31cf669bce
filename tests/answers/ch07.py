"""Chapter 07."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm


def edges_by_cdf(points, kappa):
    N, far = len(points), 10 * kappa
    return [
        brentq(lambda x, j=j: norm.cdf((x - points) / kappa).mean() - j / N, points[0] - far, points[-1] + far)
        for j in range(1, N)
    ]


def query_and_keys(points, x, level):
    norms = np.sum(points**2, axis=1, keepdims=True)
    return level.alpha / level.sigma**2 * np.append(x, level.alpha), np.hstack([points, -norms / 2])


def right_wins(y_1, y_2, level):
    return norm.cdf(np.linalg.norm(y_1 - y_2) / (2 * level.kappa))


RIGHT = [("07.1", edges_by_cdf), ("07.2", query_and_keys), ("07.3", lambda kappa: kappa**2), ("07.4", right_wins),
         ("07.5", lambda times: (times, times**2)),
]  # fmt: skip


def without_norms(points, x, level):
    return level.alpha / level.sigma**2 * x, points


def peeking(points, x, level):
    """Right weights, but the norm of x - alpha y_i sits in the keys."""
    distances = np.sum((x - level.alpha * points) ** 2, axis=1, keepdims=True)
    return np.array([-1 / (2 * level.sigma**2)]), distances


WRONG = [
    ("07.1", lambda points, kappa: (points[1:] + points[:-1]) / 2, "ends on point"),  # Voronoi, not basins
    ("07.1", lambda points, kappa: kappa * norm.ppf(np.arange(1, len(points)) / len(points)), "ends on point"),
    ("07.1", lambda points, kappa: points, "shape"),
    ("07.1", lambda points, kappa: np.full(len(points) - 1, np.nan), "increase"),
    ("07.1", lambda points, kappa: None, "nothing yet"),
    ("07.2", without_norms, "softmax"),
    ("07.2", peeking, "keys, with another x"),
    ("07.2", lambda points, x, level: points, "2 things"),
    ("07.2", lambda points, x, level: (x, x), "shape"),
    ("07.3", lambda kappa: kappa, "off by"),
    ("07.3", lambda kappa: 1 / kappa**2, "off by"),
    ("07.3", lambda kappa: "here", "numbers"),
    ("07.4", lambda y_1, y_2, level: norm.cdf(np.linalg.norm(y_1 - y_2) / level.kappa), "off by"),  # not halved
    ("07.4", lambda y_1, y_2, level: norm.cdf(np.linalg.norm(y_1 - y_2) / (2 * level.sigma)), "off by"),  # no alpha
    ("07.4", lambda y_1, y_2, level: 0.5, "off by"),
    ("07.4", 0.23, "function itself"),
    ("07.5", lambda times: (times**2, times), "first factor"),
    ("07.5", lambda times: (1, times**2), "first factor"),
    ("07.5", lambda times: (times, times), "second factor"),
    ("07.5", lambda times: times, "2 things"),
]
