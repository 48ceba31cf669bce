"""Chapter 12."""

import numpy as np

from paintlib.perturb import gain


def cost(lam, start, end, delta):
    return delta * np.sqrt(lam) * (np.arcsinh(start / np.sqrt(lam)) - np.arcsinh(end / np.sqrt(lam)))


def landing(n, skip):
    first, last = 80 ** (1 / 7), 0.002 ** (1 / 7)
    return 2 * (n - skip) - 1, (first + skip / (n - 1) * (last - first)) ** 7


def cut(lam, r, start, end):
    return np.sum((gain(lam, start, end) - end.sigma / start.sigma)[r:] ** 2)


BOTH = np.array([[0.1, 0.02, 0.03, 0.2], [0.09, 0.03, 0.02, 0.1]])
RIGHT = [
    ("12.1", cost),
    ("12.2", landing),
    ("12.3", cut),
    ("12.4", BOTH),
]
WRONG = [
    (
        "12.1",
        lambda lam, start, end, delta: delta * np.sqrt(lam) * np.log(start / end),
        "off by",
    ),  # small features only
    ("12.1", lambda lam, start, end, delta: cost(lam, start, end, delta) / np.sqrt(lam), "off by"),
    ("12.1", lambda lam, start, end, delta: cost(lam, start, 0.0, delta), "off by"),  # wrong for all of the way
    ("12.2", lambda n, skip: (2 * (n - skip), landing(n, skip)[1]), "off by"),
    ("12.2", lambda n, skip: (2 * (n - skip) - 1, landing(n, skip + 1)[1]), "off by"),
    ("12.2", lambda n, skip: 2 * (n - skip) - 1, "2 things"),
    ("12.3", lambda lam, r, start, end: cut(lam, min(r + 1, 30), start, end), "off by"),
    ("12.3", lambda lam, r, start, end: np.sum(gain(lam, start, end)[r:] ** 2), "off by"),
    ("12.4", BOTH[0], "four noises"),
    ("12.4", np.stack([BOTH[0], BOTH[0]]), "one theory"),
    ("12.4", 3072 * BOTH, "mean over the pixels"),
    ("12.4", -BOTH, "positive"),
]
