"""The checks of chapter 07 take right answers, and say no to likely wrong ones."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import norm

from paintlib import check
from paintlib.check import ch07  # noqa: F401  registers the exercises


def edges_by_cdf(points, kappa):
    N, far = len(points), 10 * kappa
    return [
        brentq(lambda x, j=j: norm.cdf((x - points) / kappa).mean() - j / N, points[0] - far, points[-1] + far)
        for j in range(1, N)
    ]


def query_and_keys(points, x, level):
    norms = np.sum(points**2, axis=1, keepdims=True)
    return level.alpha / level.sigma**2 * np.append(x, level.alpha), np.hstack([points, -norms / 2])


def mean_shift(points, x, kappa):
    logits = -np.sum((x - points) ** 2, axis=1) / (2 * kappa**2)
    return np.exp(logits - logsumexp(logits)) @ points


def vote_spread(y_i, y_j, level):
    return level.alpha / level.sigma * np.linalg.norm(y_i - y_j)


RIGHT = {"07.1": edges_by_cdf, "07.2": query_and_keys, "07.3": mean_shift, "07.4": vote_spread}


def halved(f):
    return lambda *args: np.asarray(f(*args)) / 2


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
    ("07.3", lambda points, x, kappa: points.mean(0), "off by"),
    ("07.3", lambda points, x, kappa: mean_shift(points, x, kappa) - x, "off by"),  # the shift alone
    ("07.3", lambda points, x, kappa: "here", "numbers"),
    ("07.4", halved(vote_spread), "off by"),
    ("07.4", lambda y_i, y_j, level: np.linalg.norm(y_i - y_j), "off by"),
    ("07.4", 0.23, "function itself"),
]


@pytest.mark.parametrize("number", RIGHT)
def test_right_answer(number, capsys):
    assert check.answer(number, RIGHT[number])
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "answer", "message"), WRONG)
def test_wrong_answer(number, answer, message, capsys):
    assert not check.answer(number, answer)
    assert message in capsys.readouterr().out
