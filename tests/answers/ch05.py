"""Chapter 05."""

import numpy as np

from paintlib.perturb import gain
from paintlib.samplers import collect, ddim


def undo(lam, first, second):
    return -((second.variance(lam) / first.variance(lam)) ** 0.5)


def nudged(denoiser, x, schedule, grid, at, delta):
    half = collect(ddim(denoiser, x, schedule, grid[: at + 1])).x[-1]
    return collect(ddim(denoiser, half + delta, schedule, grid[at:])).x[-1]


def tremor(lam, levels, size):
    return size * sum(gain(lam, level) ** 2 for level in levels) ** 0.5


def steer(gaussian, level, w, length):
    pull = gaussian.U @ (gain(gaussian.lam, level) * (w @ gaussian.U))
    return length * pull / np.linalg.norm(pull)


RIGHT = [
    ("05.1", undo),
    ("05.2", nudged),
    ("05.3", tremor),
    ("05.4", steer),
]
WRONG = [
    ("05.1", lambda *a: -undo(*a), "wrong sign"),
    ("05.1", lambda lam, first, second: -1.0, "leaves"),  # as if nothing changed
    ("05.1", lambda lam, first, second: -gain(lam, first), "leaves"),  # followed to the image
    ("05.1", lambda lam, first, second: undo(lam, second, first), "leaves"),
    ("05.1", lambda lam, first, second: -gain(lam, first, second), "found them for you"),
    ("05.2", lambda d, x, s, g, at, delta: collect(ddim(d, x, s, g)).x[-1], "without a nudge"),
    ("05.2", lambda d, x, s, g, at, delta: nudged(d, x, s, g, max(at - 1, 0), delta), "off by"),
    ("05.2", lambda d, x, s, g, at, delta: collect(ddim(d, x, s, g)).x[-1] + delta, "off by"),
    ("05.3", lambda lam, levels, size: size * sum(gain(lam, level) for level in levels), "independent"),
    ("05.3", lambda lam, levels, size: tremor(lam, levels, size) ** 2, "off by"),
    ("05.3", lambda lam, levels, size: size * gain(lam, levels[0]), "off by"),
    ("05.4", lambda g, level, w, length: length * w / np.linalg.norm(w), "is possible"),
    ("05.4", lambda g, level, w, length: -steer(g, level, w, length), "is possible"),
    ("05.4", lambda g, level, w, length: 2 * steer(g, level, w, length), "length 2"),
    ("05.4", lambda g, level, w, length: length * g.U[:, 0], "is possible"),
]
