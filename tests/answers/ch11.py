"""Chapter 11."""

import numpy as np
from scipy.special import softmax

from paintlib.pointcloud import PointCloud


def floor(lam, before, after):
    return np.mean((np.sqrt(before.variance(lam)) - np.sqrt(after.variance(lam))) ** 2)


def truncated(lam, r, level):
    v = level.variance(lam)
    return 1 - np.sum((v * (1 / level.sigma**2 - 1 / v) ** 2)[r:]) / np.sum(1 / v)


def _votes(points, x, level):
    return -np.sum((x[:, None] - level.alpha * points) ** 2, axis=-1) / (2 * level.sigma**2)


def leave_one_out(points, own, x, level):
    votes = _votes(points, x, level)
    votes[np.arange(len(own)), own] = -np.inf
    return softmax(votes, axis=1) @ points


def paired(a, b, rng):
    means = rng.choice(a - b, (2000, len(a))).mean(axis=1)
    return np.quantile(means, [0.025, 0.975])


def unpaired(a, b, rng):
    means = rng.choice(a, (2000, len(a))).mean(axis=1) - rng.choice(b, (2000, len(b))).mean(axis=1)
    return np.quantile(means, [0.025, 0.975])


def afterwards(points, own, x, level):
    w = softmax(_votes(points, x, level), axis=1)
    mine = w[np.arange(len(own)), own][:, None]
    with np.errstate(all="ignore"):
        return (w @ points - mine * points[own]) / (1 - mine)


def same_class(mixture, before, after, level):
    return sum(
        np.argmax(mixture.responsibilities(level.alpha * a, level))
        == np.argmax(mixture.responsibilities(level.alpha * b, level))
        for a, b in zip(before, after, strict=True)
    ) / len(before)


def called(points, own, x, level):
    return np.stack([PointCloud(np.delete(points, i, axis=0)).denoise(x[b], level) for b, i in enumerate(own)])


RIGHT = [
    ("11.1", floor),
    ("11.2", truncated),
    ("11.3", leave_one_out),
    ("11.4", paired),
    ("11.5", same_class),
]
WRONG = [
    ("11.5", lambda mixture, before, after, level: 1 - same_class(mixture, before, after, level), "off by"),
    ("11.5", lambda mixture, before, after, level: same_class(mixture, before, before, level), "off by"),
    ("11.5", lambda mixture, before, after, level: same_class(mixture, before, after, level) ** 0.5, "off by"),
    (
        "11.1",
        lambda lam, before, after: np.sum((before.variance(lam) ** 0.5 - after.variance(lam) ** 0.5) ** 2),
        "off by",
    ),
    ("11.1", lambda lam, before, after: np.mean((before.variance(lam) - after.variance(lam)) ** 2), "off by"),
    ("11.1", lambda lam, before, after: np.mean(before.variance(lam) - after.variance(lam)) ** 2, "off by"),
    ("11.2", lambda lam, r, level: np.sum(lam[:r]) / np.sum(lam), "off by"),  # the share of the data's variance
    ("11.2", lambda lam, r, level: truncated(lam, min(r + 1, 40), level), "off by"),
    ("11.2", lambda lam, r, level: 1 - (1 - truncated(lam, r, level)) ** 0.5, "off by"),
    (
        "11.3",
        lambda points, own, x, level: softmax(_votes(points, x, level), axis=1) @ points,
        "off by",
    ),  # nobody left out
    ("11.3", afterwards, "finite"),
    ("11.3", called, "PointCloud.denoise of paintlib found them"),
    ("11.4", unpaired, "off by"),
    ("11.4", lambda a, b, rng: paired(b, a, rng), "off by"),
    (
        "11.4",
        lambda a, b, rng: np.quantile(a - b, [0.025, 0.975]),
        "off by",
    ),  # not of their mean
]
