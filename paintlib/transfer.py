"""What a sampler makes of a Gaussian, in closed form: how much of each feature passes through its moves.

On Gaussian data every sampler of `paintlib.samplers` multiplies the coefficient of a feature of variance lam by a
number at each move. Each function here takes what the sampler of the same name takes, with the variances `lam` (r,) for
denoiser and state, and returns the product of these numbers up to each time of the grid, c_n / c_0, shape (T, r).
The truth is `exact`. With v = sigma^2 + lam alpha^2 and theta = arctan(sqrt(lam) / kappa), an angle that runs from 0
(noise) to pi / 2 (image), DDIM's ratio to the truth is cos(theta' - theta) at each move.
"""

import math
from itertools import pairwise

import numpy as np

from paintlib.checks import float_array, number, require, variances, within
from paintlib.features import spread
from paintlib.levels import check_level
from paintlib.schedules import check_schedule


def exact(lam, schedule, grid):
    """The flow itself: psi = sqrt(v / v_0) (Eq. 9)."""
    lam, levels = _given(lam, schedule, grid)
    return np.stack([(level.variance(lam) / spread(levels[0], lam)) ** 0.5 for level in levels])


def ddim(lam, schedule, grid):
    """DDIM: (sigma sigma' + lam alpha alpha') / v at each move."""
    lam, levels = _given(lam, schedule, grid)
    return _product(lam, levels, _ddim)


def heun(lam, schedule, grid):
    """Heun: 1 + h (f + f' (1 + h f)) / 2 on x / alpha, with f = kappa / (kappa^2 + lam) and h = kappa' - kappa."""

    def rule(f, start, h):
        return (f(start) + f(start + h) * (1 + h * f(start))) / 2

    return _runge_kutta(rule, lam, schedule, grid)


def rk4(lam, schedule, grid):
    """The classical Runge-Kutta method on x / alpha: 1 + h (k1 + 2 k2 + 2 k3 + k4) / 6."""

    def rule(f, start, h):
        k1, middle = f(start), f(start + h / 2)
        k2 = middle * (1 + h / 2 * k1)
        k3 = middle * (1 + h / 2 * k2)
        k4 = f(start + h) * (1 + h * k3)
        return (k1 + 2 * k2 + 2 * k3 + k4) / 6

    return _runge_kutta(rule, lam, schedule, grid)


def multistep(lam, schedule, grid):
    """DPM-Solver++(2M), on x / alpha: q' = k q + (1 - k) (e + h / (2 h_) (e - e_)), with k = kappa' / kappa.

    e = lam q / (kappa^2 + lam) is the endpoint estimate, h = -log k; an underscore marks the move before.
    """
    lam, levels = _given(lam, schedule, grid)
    c, before, found = np.ones_like(lam), None, [np.ones_like(lam)]
    for start, end in pairwise(levels):
        estimate, kept = start.alpha * lam / spread(start, lam) * c, end.kappa / start.kappa
        goal, ratio = estimate, end.sigma / start.sigma
        if before is not None and kept > 0 and before[1] > 0:
            goal = estimate + np.log(kept) / np.log(before[1]) / 2 * (estimate - before[0])
        c, before = ratio * c + (end.alpha - ratio * start.alpha) * goal, (estimate, kept)
        found.append(c)
    return np.stack(found)


def stochastic(lam, schedule, grid, eta):
    """DDIM with fresh noise: the products of m = (lam alpha alpha' + sigma sqrt(sigma'^2 - tau^2)) / v, and the noise.

    tau = eta sigma' sqrt(1 - kappa'^2 / kappa^2). The second array holds the variance that the fresh noise has brought
    so far, V' = m^2 V + tau^2, shape (T, r) too.
    """
    eta = number("eta", eta)
    require(0 <= eta <= 1, "eta", eta, "choose from 0 (deterministic) to 1 (ancestral)")
    lam, levels = _given(lam, schedule, grid)
    gain, variance = [np.ones_like(lam)], [np.zeros_like(lam)]
    for start, end in pairwise(levels):
        tau2 = (eta * end.sigma) ** 2 * (1 - (end.kappa / start.kappa) ** 2)
        kept = start.sigma * (end.sigma**2 - tau2) ** 0.5
        m = (lam * start.alpha * end.alpha + kept) / spread(start, lam)
        gain.append(m * gain[-1])
        variance.append(m**2 * variance[-1] + tau2)
    return np.stack(gain), np.stack(variance)


def turns(lam, schedule, grid):
    """The angles theta' - theta that a feature turns by at each move, shape (T - 1, r); together at most pi / 2."""
    lam, levels = _given(lam, schedule, grid)
    angles = [np.arctan2(lam**0.5 * level.alpha, level.sigma) for level in levels]
    return np.diff(np.stack(angles), axis=0)


def miss(std, lam, level):
    """Squared 2-Wasserstein distance of Gaussians with the same mean and axes: sum_k (std_k - sqrt(v_k))^2.

    std (r,): the standard deviations that a sampler gave, `abs(ddim(...)[-1])` times those of its start, say.
    """
    std, lam = float_array("std", std, None), variances("lam", lam, None)
    within("std", std, -math.inf, "give standard deviations")
    require(std.shape == lam.shape, "std, lam", f"shapes {(std.shape, lam.shape)}", "give one of each for a feature")
    return np.sum((std - check_level(level).variance(lam) ** 0.5) ** 2)


def _given(lam, schedule, grid):
    lam, schedule = variances("lam", lam), check_schedule(schedule)
    levels = [schedule(t) for t in float_array("grid", grid)]
    falling = all(a.kappa > b.kappa for a, b in pairwise(levels))
    require(falling, "grid", f"{grid}", "its times run from noise to image, each with less noise than the last")
    return lam, levels


def _product(lam, levels, move):
    factors = [np.ones_like(lam)] + [move(lam, *pair) for pair in pairwise(levels)]
    return np.cumprod(np.stack(factors), axis=0)


def _ddim(lam, start, end):
    return (start.sigma * end.sigma + lam * start.alpha * end.alpha) / spread(start, lam)


def _runge_kutta(rule, lam, schedule, grid):
    """1 + h rule(f, start, h) for each move; to sigma = 0 an Euler step, from alpha = 0 on x / sigma in 1 / kappa."""
    lam, levels = _given(lam, schedule, grid)

    def move(lam, start, end):
        if end.sigma == 0:
            return _ddim(lam, start, end)
        if start.alpha == 0:
            h = end.alpha / end.sigma
            return (end.sigma / start.sigma) * (1 + h * rule(lambda u: lam * u / (1 + lam * u**2), 0.0, h))
        h = end.kappa - start.kappa
        return (end.alpha / start.alpha) * (1 + h * rule(lambda kappa: kappa / (kappa**2 + lam), start.kappa, h))

    return _product(lam, levels, move)
