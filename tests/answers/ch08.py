"""Chapter 08."""

import numpy as np
from scipy.special import softmax

from paintlib.mixture import Mixture


def estimate(prior, modes, x, level):
    w = softmax(np.log(prior) + [m.log_prob(x, level) for m in modes])
    return w @ np.stack([m.denoise(x, level) for m in modes])


def without_prior(prior, modes, x, level):
    return estimate(np.ones(len(modes)), modes, x, level)


def without_logs(prior, modes, x, level):
    w = prior * np.exp([m.log_prob(x, level) for m in modes])
    return w @ np.stack([m.denoise(x, level) for m in modes]) / w.sum()


RIGHT = [
    ("08.1", lambda R, s: np.sqrt(R**2 / 2 - s**2)),
    ("08.1", lambda R, s: [(R**2 / 2 - s**2) ** 0.5]),
    ("08.2", estimate),
    ("08.2", lambda *a: estimate(*a).tolist()),
    ("08.3", lambda q: 1 / q),
    ("08.4", (2.3, 6.0)),
    ("08.4", np.array([-2.4, 6])),
]
WRONG = [
    ("08.1", lambda R, s: np.sqrt(R**2 - s**2), "two modes split"),
    ("08.1", lambda R, s: np.sqrt(R**2 / 2 + s**2), "first feature emerges"),
    ("08.1", lambda R, s: R / np.sqrt(2), "off by"),
    ("08.1", lambda R, s: -1.0, "positive"),
    ("08.2", lambda prior, modes, x, level: prior @ np.stack([m.denoise(x, level) for m in modes]), "by the prior"),
    ("08.2", without_prior, "off by"),
    ("08.2", without_logs, "finite"),
    ("08.2", lambda prior, modes, x, level: Mixture(prior, modes).denoise(x, level), "of paintlib found them"),
    ("08.3", lambda q: (1 - q) / q, "the one that stays counts too"),
    ("08.3", lambda q: 1.0, "off by"),
    ("08.4", (1.0, 6.0), "is where the flow ends"),
    ("08.4", (2.3, 60.0), "not on the slider"),
    ("08.4", 3.0, "2 things"),
]
