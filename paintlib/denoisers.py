"""The one primitive: a denoiser gives the endpoint estimate x0_hat; score, noise and velocity follow (Eqs. 4-6, 16)."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from paintlib.checks import finite, interval, library, number, rates, require, vectors, within
from paintlib.levels import check_level


class Denoiser(Protocol):
    """Anything that estimates the clean image: x of shape (..., D) at a `Level` -> x0_hat of the same shape (Eq. 6)."""

    def denoise(self, x, level): ...


@dataclass(frozen=True)
class Function:
    """A plain function f(x, level) -> x0_hat as a denoiser.

    Heun and RK4 call it at alpha = 1 with x / alpha, so it should depend on a level's kappa, not on its schedule.
    """

    f: callable

    def denoise(self, x, level):
        return self.f(x, level)


def _noisy(x, level):
    alpha, sigma = check_level(level).on(vectors("x", x))
    require(
        level.noisy, "sigma", level.sigma, "score and noise exist for sigma > 0 only; stop at a small positive level"
    )
    return alpha, sigma


def _estimate(denoiser, x, level):
    return vectors("x0_hat", denoiser.denoise(x, level))  # anyone's denoiser: a NaN ends here


def _finite(quantity, x, formula):
    """What a formula gives, with a word where x has too few digits for it."""
    with np.errstate(over="ignore", invalid="ignore"):
        value = formula()
    require(finite(value), quantity, f"infinity in {x.dtype}", "it is too large there; compute with more digits")
    return value


def score(denoiser, x, level):
    """The gradient of the log density: s = (alpha x0_hat - x) / sigma^2 (Eq. 6 turned around, Eq. 16).

    A denoiser that has a `score` of its own, as a `Gaussian` does, is asked for that: at small sigma the difference
    loses its digits.
    """
    if hasattr(denoiser, "score"):
        return denoiser.score(x, level)
    alpha, sigma = _noisy(x, level)
    x0_hat = _estimate(denoiser, x, level)
    return _finite("the score", x, lambda: (alpha * x0_hat - x) / sigma**2)


def noise(denoiser, x, level):
    """The noise prediction of a network: eps = (x - alpha x0_hat) / sigma = -sigma s (Eq. 5)."""
    alpha, sigma = _noisy(x, level)
    if hasattr(denoiser, "score"):
        return -sigma * denoiser.score(x, level)
    x0_hat = _estimate(denoiser, x, level)
    return _finite("the noise", x, lambda: (x - alpha * x0_hat) / sigma)


def velocity(denoiser, x, level, rate):
    """The probability flow's dx/dt = alpha' x0_hat + sigma' eps, for any schedule (Eq. 4).

    `rate` is (alpha', sigma'), as `schedule.rate(t)` gives it; t runs forward, towards noise.
    """
    alpha, sigma = _noisy(x, level)
    x0_hat, rate = _estimate(denoiser, x, level), rates(rate)
    return _finite("the velocity", x, lambda: rate[0] * x0_hat + rate[1] * (x - alpha * x0_hat) / sigma)


@dataclass(frozen=True)
class Guided:
    """Classifier-free guidance: x0_hat = x0_u + strength (x0_c - x0_u); strength 1 is the conditional model alone.

    Where kappa is not between `low` and `high` the conditional model paints alone (Kynkaanniemi and others, 2024), and
    at one such level the other one is not asked.
    """

    conditional: Denoiser
    unconditional: Denoiser
    strength: float
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self):
        strength = number("strength", self.strength, "give one strength of guidance")
        within("strength", strength, -math.inf, "give a strength of guidance")
        interval(self.low, self.high)

    def denoise(self, x, level):
        asked = self.conditional.denoise(x, level)
        if isinstance(level.kappa, float) and not self.low <= level.kappa <= self.high:
            return asked
        plain = self.unconditional.denoise(x, level)
        guided = plain + self.strength * (asked - plain)
        if (self.low, self.high) == (0.0, math.inf):
            return guided
        xp = library("x", x)
        alpha, sigma = level.on(x)
        below = sigma <= self.high * alpha if self.high < math.inf else sigma >= 0
        return xp.where((sigma >= self.low * alpha) & below, guided, asked)
