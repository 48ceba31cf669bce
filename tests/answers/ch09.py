"""Chapter 09."""

import numpy as np


def to_estimate(output, x, level, prediction):
    """By solving the two equations for picture and noise."""
    rows = {"epsilon": (0, 1), "sample": (1, 0), "v_prediction": (-level.sigma, level.alpha)}[prediction]
    system = np.array([(level.alpha, level.sigma), rows])
    return np.linalg.solve(system, np.stack([x, output]).reshape(2, -1))[0].reshape(np.shape(x))


def last(share, kappa):
    return kappa[max(n for n in range(len(kappa)) if share[n] < 0.5**0.5)]


def rms(values):
    return np.sqrt(np.mean(values**2))


RIGHT = [
    ("09.1", lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma, -after.alpha)),
    ("09.2", to_estimate),
    ("09.3", lambda S: (S - 1) // 2),
    ("09.4", lambda clipped, free: (np.mean(np.abs(free) > 1), rms(free.clip(-1, 1) - clipped))),
    ("09.5", lambda d, kappa: [last(d[:, s] / d[-1, s], kappa) for s in range(d.shape[1])]),
]
WRONG = [
    (
        "09.1",
        lambda before, after: (after.alpha - before.alpha, before.sigma - after.sigma, -after.alpha),
        "off by",
    ),
    ("09.1", lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma, after.alpha), "off by"),
    ("09.1", lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma, -before.alpha), "off by"),
    ("09.1", lambda before, after: (after.alpha, after.sigma, -after.alpha), "off by"),
    ("09.2", lambda output, x, level, prediction: (x - level.sigma * output) / level.alpha, "off by"),  # Eq. 6 for all
    ("09.2", lambda output, x, level, prediction: to_estimate(output, x, level, "sample"), "off by"),
    ("09.3", lambda S: S // 2, "off by"),  # with half of them wild the middle is wild too
    ("09.3", lambda S: S // 2 - 1, "off by"),
    ("09.3", lambda S: 0, "off by"),  # least squares
    ("09.3", lambda S: S - 1, "off by"),
    ("09.4", lambda clipped, free: (np.mean(free > 1), rms(free.clip(-1, 1) - clipped)), "off by"),  # one side alone
    (
        "09.4",
        lambda clipped, free: (np.mean(np.abs(free) > 1), rms(free - clipped)),
        "off by",
    ),  # not as seen
    ("09.4", lambda clipped, free: (np.mean(np.abs(free) > 1), rms(free.clip(-1, 1) - clipped) ** 2), "off by"),
    (
        "09.5",
        lambda d, kappa: [kappa[np.argmax(s / s[-1] > 0.5**0.5) - 1] for s in d.T],
        "off by",
    ),  # first crossing
    (
        "09.5",
        lambda d, kappa: [kappa[max([0, *np.flatnonzero(abs(s) < 0.5**0.5)])] for s in d.T],
        "off by",
    ),  # of no end
]
