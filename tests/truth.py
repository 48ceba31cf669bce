"""The slow, dense, independent ways by which the tests find the truth, and the three array libraries."""

import array_api_strict
import numpy as np
import torch
from scipy.integrate import solve_ivp

from paintlib import schedules
from paintlib.gaussian import Gaussian

LIBRARIES = {
    "numpy": np.asarray,
    "array_api_strict": lambda a: array_api_strict.asarray(np.asarray(a)),
    "torch": lambda a: torch.from_numpy(np.array(a)),
}
SCHEDULES = {
    "VP": schedules.VP(),
    "Cosine": schedules.Cosine(),
    "EDM": schedules.EDM(),
    "Flow": schedules.Flow(),
    "Tabulated": schedules.Tabulated.ddpm(),
}


def a_gaussian(D=6, lam=(9.0, 2.0, 0.3), seed=0):
    """A Gaussian of rank len(lam) with a random mean and random axes."""
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.standard_normal((D, len(lam))))[0]
    return Gaussian(rng.standard_normal(D), U, np.asarray(lam, dtype=float))


def dense(gaussian):
    """The D x D covariance U diag(lam) U^T."""
    return (gaussian.U * gaussian.lam) @ gaussian.U.T


def noisy(gaussian, level):
    """Mean and dense covariance of the data at `level`."""
    return level.alpha * gaussian.mu, level.sigma**2 * np.eye(gaussian.D) + level.alpha**2 * dense(gaussian)


def dense_score(gaussian, x, level):
    """-C^-1 (x - alpha mu), the covariance inverted as it stands."""
    mean, C = noisy(gaussian, level)
    return -np.linalg.solve(C, (x - mean).T).T


def drift_and_diffusion(schedule, t):
    """f and g^2 of the forward process dx = f x dt + g dw that has this schedule's alpha and sigma."""
    level, (alpha_rate, sigma_rate) = schedule(t), schedule.rate(t)
    f = alpha_rate / level.alpha
    return f, 2 * level.sigma * sigma_rate - 2 * f * level.sigma**2


def integrate(schedule, score, x, t_start, t_end):
    """The probability flow dx/dt = f x - g^2 s / 2 (Eq. 4) by an adaptive solver; x has shape (D,)."""

    def slope(t, x):
        f, g2 = drift_and_diffusion(schedule, t)
        return f * x - g2 / 2 * score(x, schedule(t))

    return solve_ivp(slope, (t_start, t_end), x, rtol=1e-11, atol=1e-12, method="DOP853").y[:, -1]


def orders(errors, counts):
    """Orders of convergence: slopes of log error against log step between neighbouring counts of moves."""
    return -np.diff(np.log(errors)) / np.diff(np.log(counts))
