"""Chapter 02."""

import numpy as np

from paintlib.gaussian import psi
from paintlib.schedules import CLEAN


def halfway(lam):
    return (lam**0.5 + 3) / (4 * (lam**0.5 + 1))


def coefficient(c_T, lam, start, level):
    return c_T * (level.variance(lam) / start.variance(lam)) ** 0.5


def vp_coefficient(c_T, lam, start, level):
    return c_T * ((1 + (lam - 1) * level.alpha**2) / (1 + (lam - 1) * start.alpha**2)) ** 0.5


def noise_for(x_0, gaussian, start):
    c_T = (x_0 - gaussian.mu) @ gaussian.U / psi(gaussian.lam, start, CLEAN)
    return start.alpha * gaussian.mu + c_T @ gaussian.U.T


def noise_for_with_junk(x_0, gaussian, start):
    junk = np.arange(gaussian.D, dtype=float)
    return noise_for(x_0, gaussian, start) + junk - gaussian.U @ (gaussian.U.T @ junk)


def generated(m, lam, start):
    psi_0 = (lam / start.variance(lam)) ** 0.5
    return m * (1 - start.alpha * psi_0), psi_0


RIGHT = [("02.1", halfway), ("02.2", coefficient), ("02.3", noise_for), ("02.3", noise_for_with_junk),
         ("02.4", generated)]  # fmt: skip
WRONG = [
    ("02.1", lambda lam: 0.5, "it is psi^2 that is half-way"),
    ("02.1", lambda lam: 1 / (1 + lam), "half-way is"),
    ("02.1", lambda lam: None, "returns nothing yet"),
    ("02.1", lambda lam: ((1 + lam**0.5) ** 2 - 4) / (4 * (lam - 1)), "lam = 1 your function divides by zero"),
    ("02.1", lambda lam: 2 + lam, "between 0 and 1"),
    ("02.1", lambda lam: np.nan if lam == 1 else halfway(lam), "lam = 1"),
    ("02.2", vp_coefficient, "right while alpha^2 + sigma^2 = 1"),
    ("02.2", lambda c, lam, start, level: coefficient(c, lam, level, start), "variance preserving"),
    ("02.2", lambda *_: None, "returns nothing yet"),
    ("02.3", lambda x_0, g, start: (x_0 - g.mu) @ g.U / g.lam**0.5 @ g.U.T, "off by"),
    ("02.3", lambda x_0, g, start: noise_for(x_0, g, start) - start.alpha * g.mu, "mu is not 0"),
    ("02.3", lambda x_0, g, start: (x_0 - g.mu) @ g.U, "shape (6,)"),
    ("02.4", lambda m, lam, start: (m, lam**0.5), "the data's own spread"),
    ("02.4", lambda m, lam, start: (m, generated(m, lam, start)[1]), "the mean"),
    ("02.4", lambda m, lam, start: (0, generated(m, lam, start)[1] ** 2), "give its root"),
    ("02.4", lambda m, lam, start: m, "2 things"),
]
