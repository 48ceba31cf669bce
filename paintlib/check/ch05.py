"""Chapter 05, nudging the painter: paintings with and without the nudge, step by step, decide."""

import numpy as np

from paintlib.check import Wrong, close, exercise, function, number, numbers
from paintlib.features import psi
from paintlib.gaussian import Gaussian
from paintlib.levels import CLEAN, Level
from paintlib.perturb import gain
from paintlib.samplers import collect, ddim, rk4
from paintlib.schedules import EDM, VP, Flow


def _feature(lam):
    return Gaussian(np.zeros(1), np.eye(1), np.array([float(lam)]))


@exercise(
    "05.1",
    "Follow the first nudge to the second moment. How long is it there?",
    "The flow keeps z-scores: a difference of two paintings grows like the spread of the cloud, sqrt(v).",
    "The second nudge must be just what is there of the first one, with the other sign.",
    own=(gain, psi, Gaussian.flow, Gaussian.filter),
)
def _undo(answer):
    """Two paintings by RK4 in small steps, one of them nudged twice: they must end together."""
    f = function(answer)
    for schedule, t1, t2 in ((VP(), 0.7, 0.2), (EDM(), 9.0, 0.5), (Flow(), 0.8, 0.3)):
        for lam in (0.05, 1.0, 20.0):
            first, second = schedule(t1), schedule(t2)
            given = number("The second nudge", f(lam, first, second))
            way = np.geomspace(t1, t2, 120)
            arrived = collect(rk4(_feature(lam), np.ones(1), schedule, way)).x[-1, 0]
            if np.isclose(given, arrived, rtol=1e-3) and arrived > 0:
                raise Wrong(
                    f"At lam = {lam:g} your nudge has the right length and the wrong sign: it doubles the first"
                )
            if not np.isclose(given, -arrived, rtol=1e-3):
                raise Wrong(f"At lam = {lam:g}, {type(schedule).__name__}, the first nudge has become {arrived:.4f} by "
                            f"then; your {given:.4f} leaves {arrived + given:.4f} of it")  # fmt: skip


@exercise(
    "05.2",
    "A nudge cuts the painting in two: up to grid[at], and from there on.",
    "The sampler takes any grid, so its parts too. Which time belongs to both parts? (A slice leaves out its end.)",
    "collect(...).x holds all states of a part. Try at = 0 and the last one: a part may have a single time.",
)
def _nudged(answer):
    """DDIM written out move by move, with the nudge put in on the way."""
    f, rng = function(answer), np.random.default_rng(52)
    U = np.linalg.qr(rng.standard_normal((5, 3)))[0]
    gaussian, schedule = Gaussian(rng.standard_normal(5), U, np.array([9.0, 1.0, 0.1])), VP()
    grid = np.linspace(0.9, 0.05, 8)
    x_T, delta = rng.standard_normal((2, 5)), rng.standard_normal(5)
    for at in (0, 3, 7):
        x = x_T
        for n, t in enumerate(grid):
            level = schedule(t)
            x = x + delta if n == at else x
            if n + 1 < len(grid):
                after, x0_hat = schedule(grid[n + 1]), gaussian.denoise(x, level)
                x = after.alpha * x0_hat + after.sigma * (x - level.alpha * x0_hat) / level.sigma
        given = numbers("The picture", f(gaussian, x_T, schedule, grid, at, delta))
        plain = collect(ddim(gaussian, x_T, schedule, grid)).x[-1]
        if given.shape == plain.shape and np.allclose(given, plain, atol=1e-4):
            raise Wrong(f"With at = {at} your picture is the one without a nudge")
        close(f"The picture with at = {at}", given, x)


@exercise(
    "05.3",
    "What is left at the end of one tremor alone, at one of the levels? Eq. 14 knows.",
    "The tremors are independent, so what is left of them adds up in squares.",
    "gain(lam, level) takes one level at a time; the end is CLEAN by default. The root comes last.",
)
def _tremor(answer):
    """The variance carried from level to level: it grows with the cloud, and each tremor adds to it."""
    f, clock = function(answer), EDM(0.0, 100.0)
    for kind, kappas in ((Level.vp, (30.0, 4.0, 1.0, 0.3)), (Level.ve, (9.0, 2.0, 0.1)), (Level.vp, (0.7,))):
        levels = [kind(Level.from_kappa(kappa)) for kappa in kappas]
        for lam in (0.04, 1.0, 25.0):
            variance, before = 0.0, levels[0]
            for level in levels:
                way = np.geomspace(before.kappa, level.kappa, 80)
                moved = level.kappa < before.kappa
                carried = collect(rk4(_feature(lam), np.ones(1), clock, way)).x[-1, 0] if moved else 1.0
                variance = variance * (carried * level.alpha / before.alpha) ** 2 + 0.1**2
                before = level
            wanted = (variance * _feature(lam).flow(np.ones(1), before, CLEAN)[0] ** 2) ** 0.5
            given = number("The spread", f(lam, levels, 0.1))
            alone = 0.1 * sum(abs(_feature(lam).flow(np.ones(1), level, CLEAN)[0]) for level in levels)
            if len(levels) > 1 and np.isclose(given, alone, rtol=1e-4):
                raise Wrong("You added the tremors up as if all went the same way; they are independent")
            close(f"The spread for lam = {lam:g} after {len(levels)} tremors", given, wanted, 1e-4)


@exercise(
    "05.4",
    "The picture moves by a matrix times the nudge. Which nudge of a given length makes w times that largest?",
    "Among vectors of one length the scalar product with b is largest along b. Bring the matrix over to w.",
    "Along the axes u_k that matrix is diagonal. What does it do to w, taken apart along them? The length comes last.",
)
def _steer(answer):
    """The flow's own matrix, from nudges of one pixel each."""
    f, rng = function(answer), np.random.default_rng(54)
    U = np.linalg.qr(rng.standard_normal((6, 4)))[0]
    gaussian, w = Gaussian(rng.standard_normal(6), U, np.array([40.0, 3.0, 0.5, 0.02])), rng.standard_normal(6)
    for kappa in (20.0, 1.0, 0.05):
        level = Level.from_kappa(kappa).vp()
        matrix = gaussian.filter(np.eye(6), level) - gaussian.filter(np.zeros(6), level)
        delta = numbers("The nudge", f(gaussian, level, w, 2.0)).squeeze()
        if delta.shape != (6,):
            raise Wrong(f"The nudge should have shape (6,), that of a picture; got {delta.shape}")
        length, best = np.linalg.norm(delta), 2 * np.linalg.norm(matrix @ w)
        if not np.isclose(length, 2, rtol=1e-4):
            raise Wrong(f"The nudge should have length 2; yours has {length:.4f}")
        reached = w @ (delta @ matrix)
        if reached < (1 - 1e-4) * best:
            raise Wrong(
                f"At kappa = {kappa:g} your nudge moves w times the picture by {reached:.4f}; {best:.4f} is possible"
            )
