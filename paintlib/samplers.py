"""Samplers as generators of steps (Eqs. 2, 4, 12; Sec. 6.1). The caller owns the loop.

Each takes a denoiser, the first state x (..., D), a schedule, and a grid of times from noise to image. It yields a
`Step` at every time of the grid, so a grid of n + 1 times makes n moves.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from paintlib.checks import finite, library, number, real_array, require
from paintlib.levels import Level
from paintlib.schedules import check_schedule


@dataclass(frozen=True)
class Step:
    """The state x at time t and its level, with the endpoint estimate there (x / alpha where sigma = 0)."""

    t: float
    level: Level
    x: Any
    x0_hat: Any


@dataclass(frozen=True)
class Trajectory:
    """A whole run: times (T,), levels with alpha and sigma (T,), states and endpoint estimates (T, ..., D).

    `run[n]` is the step n, `run[:9]` the run of the first nine steps, `run[[0, 9]]` that of these two, and a loop over
    `run` goes step by step.
    """

    t: Any
    level: Level
    x: Any
    x0_hat: Any

    def __getitem__(self, index):
        one = isinstance(index, Integral)
        kind, t = (Step, float(self.t[index])) if one else (Trajectory, self.t[index])
        return kind(t, self.level[index], self.x[index, ...], self.x0_hat[index, ...])

    def scaled(self):
        """The states in EDM's coordinates: x / alpha."""
        remedy = "there is no x / alpha in pure noise; leave that step out, run[1:].scaled(), or use .vp()"
        require(bool(np.all(self.level.alpha > 0)), "alpha", self.level.alpha, remedy)
        return self.x / self._column(self.level.alpha)

    def vp(self):
        """The states in variance-preserving coordinates: x / sqrt(alpha^2 + sigma^2)."""
        return self.x / self._column((self.level.alpha**2 + self.level.sigma**2) ** 0.5)

    def _column(self, values):
        xp = array_namespace(self.x)
        column = np.reshape(values, (-1,) + (1,) * (self.x.ndim - 1))
        return xp.asarray(column, dtype=self.x.dtype, device=self.x.device)


def collect(steps: Iterable[Step]):
    """Run a sampler to its end and stack its steps."""
    steps = list(steps)
    require(len(steps) > 0, "steps", "none", "give a sampler's steps")
    xp = array_namespace(steps[0].x)
    level = Level(np.asarray([s.level.alpha for s in steps]), np.asarray([s.level.sigma for s in steps]))
    times = np.asarray([s.t for s in steps])
    return Trajectory(times, level, xp.stack([s.x for s in steps]), xp.stack([s.x0_hat for s in steps]))


def ddim(denoiser, x, schedule, grid):
    """DDIM: x' = alpha' x0_hat + sigma' eps, the Euler method on x / alpha in kappa (Eq. 4; first order).

    The estimate is taken as it is. diffusers' schedulers, as most pipelines ship them, clip it to [-1, 1] first
    (`clip_sample`, or dynamic thresholding): from the same noise they paint other pictures. To compare, set
    `clip_sample=False` there.
    """

    def move(step, level):
        return level.alpha * step.x0_hat + level.sigma * _eps(step)

    return _walk(denoiser, x, schedule, grid, move)


def stochastic(denoiser, x, schedule, grid, eta, rng):
    """DDIM with fresh noise z: x' = alpha' x0_hat + sqrt(sigma'^2 - tau^2) eps + tau z.

    tau = eta sigma' sqrt(1 - kappa'^2 / kappa^2).
    eta = 1 is ancestral (DDPM) sampling, eta = 0 is `ddim`. rng is a NumPy or torch random generator.
    """
    require(0 <= number("eta", eta) <= 1, "eta", eta, "choose from 0 (deterministic) to 1 (ancestral)")
    fits = hasattr(rng, "initial_seed" if is_torch_array(x) else "standard_normal")
    require(fits, "rng", repr(rng), "give np.random.default_rng(seed), or a torch.Generator for torch")

    def move(step, level):
        tau2 = (eta * level.sigma) ** 2 * (1 - (level.kappa / step.level.kappa) ** 2)
        mean = level.alpha * step.x0_hat + (level.sigma**2 - tau2) ** 0.5 * _eps(step)
        return mean + tau2**0.5 * _normal_like(step.x, rng)

    return _walk(denoiser, x, schedule, grid, move)


def heun(denoiser, x, schedule, grid):
    """Heun's method on x / alpha in kappa, as in EDM (second order); a step to sigma = 0 is an Euler step.

    A first step from alpha = 0, where there is no x / alpha, is Heun's on x / sigma in 1 / kappa.
    """

    def rule(slope, x, k1, start, end):
        return (k1 + slope(x + (end - start) * k1, end)) / 2

    return _runge_kutta(rule, denoiser, x, schedule, grid)


def rk4(denoiser, x, schedule, grid):
    """The classical Runge-Kutta method on x / alpha in kappa (fourth order); a step to sigma = 0 is an Euler step.

    A first step from alpha = 0, where there is no x / alpha, is the same method's on x / sigma in 1 / kappa.
    """

    def rule(slope, x, k1, start, end):
        h, middle = end - start, (start + end) / 2
        k2 = slope(x + h / 2 * k1, middle)
        k3 = slope(x + h / 2 * k2, middle)
        k4 = slope(x + h * k3, end)
        return (k1 + 2 * k2 + 2 * k3 + k4) / 6

    return _runge_kutta(rule, denoiser, x, schedule, grid)


def _runge_kutta(rule, denoiser, x, schedule, grid):
    """Steps x + (end - start) rule(slope, x, first slope, start, end) in the coordinates in which the flow is smooth.

    d(x / alpha) / dkappa = (x / alpha - x0_hat) / kappa (Eq. 12), and with u = alpha / sigma = 1 / kappa, which is 0 at
    pure noise, d(x / sigma) / du = x0_hat.
    """

    def of_kappa(x, kappa):
        return (x - denoiser.denoise(x, Level.from_kappa(kappa))) / kappa

    def of_u(z, u):
        return denoiser.denoise(z, Level(u, 1.0))

    def move(step, level):
        if step.level.alpha == 0 and level.sigma > 0:
            z, u = step.x / step.level.sigma, level.alpha / level.sigma
            return level.sigma * (z + u * rule(of_u, z, step.x0_hat, 0.0, u))
        if level.sigma == 0:
            return level.alpha * step.x0_hat
        x, kappa = step.x / step.level.alpha, step.level.kappa
        slope = rule(of_kappa, x, (x - step.x0_hat) / kappa, kappa, level.kappa)
        return level.alpha * (x + (level.kappa - kappa) * slope)

    return _walk(denoiser, x, schedule, grid, move)


def multistep(denoiser, x, schedule, grid):
    """DPM-Solver++(2M): second order with one estimate a move, since it remembers the estimate before (underscores).

    On x / alpha: x' = k x + (1 - k) (x0_hat + h / (2 h_) (x0_hat - x0_hat_)), with k = kappa' / kappa and h = -log k.
    A first move, and those from alpha = 0 and to sigma = 0, are DDIM's.
    """
    before = None

    def move(step, level):
        nonlocal before
        kept, goal = level.kappa / step.level.kappa, step.x0_hat
        if before is not None and kept > 0 and before[1] > 0:
            goal = goal + math.log(kept) / math.log(before[1]) / 2 * (goal - before[0])
        before = (step.x0_hat, kept)
        ratio = level.sigma / step.level.sigma
        return ratio * step.x + (level.alpha - ratio * step.level.alpha) * goal

    return _walk(denoiser, x, schedule, grid, move)


def teleport(gaussian, x, schedule, grid, skip):
    """Skip the first `skip` moves of a grid with the exact Gaussian flow (Sec. 6.1).

    Returns the state at grid[skip] and the rest of the grid, ready for any sampler.
    """
    levels = _levels(schedule, grid)
    whole = isinstance(skip, Integral) and 0 <= skip < len(levels)
    require(whole, "skip", skip, f"this grid has {len(levels) - 1} moves")
    return gaussian.flow(x, levels[0], levels[skip]), grid[skip:]


def _levels(schedule, grid):
    """The grid's levels, from noise to image."""
    check_schedule(schedule)
    ordered = hasattr(grid, "__getitem__") and hasattr(grid, "__len__") and not isinstance(grid, str)
    require(ordered, "grid", repr(grid), "give a list of times, from noise to image")
    levels = [schedule(t) for t in grid]
    require(len(levels) > 0, "grid", "no times", "give at least one")
    falling = all(a.kappa > b.kappa for a, b in pairwise(levels))
    require(falling, "grid", f"{grid}", "its times run from noise to image, each with less noise than the last")
    return levels


def _walk(denoiser, x, schedule, grid, move):
    """A generator of steps; what is wrong with the arguments is said before the first."""
    xp = library("x", real_array("x", x))
    remedy = "give one with a method denoise(x, level); a plain function becomes one by denoisers.Function(f)"
    require(hasattr(denoiser, "denoise"), "denoiser", type(denoiser).__name__, remedy)
    levels = _levels(schedule, grid)

    def steps(x):
        for i, level in enumerate(levels):
            x0_hat = denoiser.denoise(x, level) if level.sigma > 0 else x / level.alpha
            same = library("x0_hat", x0_hat) is xp and x0_hat.shape == x.shape
            given = f"a {type(x0_hat).__name__} of shape {tuple(x0_hat.shape)} for x {tuple(x.shape)}"
            require(same, "x0_hat", given, "a denoiser's estimate is of the kind and shape of its x")
            sound = finite(x) and finite(x0_hat)
            given = f"NaN or infinity at t = {grid[i]}, kappa = {level.kappa:.3g}"
            require(sound, "x, x0_hat", given, "look for the noise level at which the denoiser breaks, or its dtype")
            step = Step(float(grid[i]), level, x, x0_hat)
            yield step
            if i + 1 < len(levels):
                with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused above
                    x = move(step, levels[i + 1])

    return steps(x)


def _eps(step):
    return (step.x - step.level.alpha * step.x0_hat) / step.level.sigma


def _normal_like(x, rng):
    xp = array_namespace(x)
    if is_torch_array(x):
        return xp.randn(x.shape, generator=rng, dtype=x.dtype, device=x.device)
    return xp.asarray(rng.standard_normal(tuple(x.shape)), dtype=x.dtype)
