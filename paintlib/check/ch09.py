"""Checks of chapter 09: the answers are held against a sampler's steps, brute force, and whole flows."""

import numpy as np

from paintlib.check import close, exercise, function
from paintlib.denoisers import Function
from paintlib.gaussian import Gaussian
from paintlib.samplers import collect, ddim
from paintlib.schedules import CLEAN, VP, Level, Tabulated


def _painter(x, level):
    """Some denoiser, neither Gaussian nor linear."""
    return np.tanh(np.roll(x, 1, -1) / np.hypot(level.alpha, level.sigma))


@exercise(
    "09.1",
    "Write the state as x = alpha x0_hat + sigma eps_hat. A DDIM step keeps x0_hat and eps_hat, not alpha and sigma.",
    "x' - x = (alpha' - alpha) x0_hat + (sigma' - sigma) eps_hat. Read off the two weights; sigma falls.",
)
def difference_weights(answer):
    f = function(answer)
    x = np.random.default_rng(0).standard_normal(40)
    for schedule, grid in ((Tabulated.ddpm(), (999.0, 700.0, 300.0, 20.0, -1.0)), (VP(), (0.9, 0.5, 0.2, 0.0))):
        run = collect(ddim(Function(_painter), x, schedule, np.array(grid)))
        for n in range(len(grid) - 1):
            before, after = (run.level[m] for m in (n, n + 1))
            noise = (run.x[n] - before.alpha * run.x0_hat[n]) / before.sigma
            wanted = np.linalg.lstsq(np.stack([run.x0_hat[n], noise], -1), run.x[n + 1] - run.x[n], rcond=None)[0]
            close(f"The two weights from t = {grid[n]:g} to t = {grid[n + 1]:g}", f(before, after), wanted, 1e-6, 1e-9)


@exercise(
    "09.2",
    "The state is right, the noise is off: eps_hat + d. Put that into x0_hat = (x - sigma eps_hat) / alpha.",
    "The estimate is off by sigma / alpha times d in every pixel, so its root mean square is kappa times that of d.",
    "Turn it around: at which kappa does the error of the estimate reach `most`?",
)
def largest_kappa(answer):
    f = function(answer)
    x = np.random.default_rng(1).standard_normal(500)
    for error, most in ((0.02, 0.5), (0.1, 0.5), (0.05, 1.0), (0.3, 0.1)):
        slip = np.random.default_rng(2).standard_normal(500)
        slip *= error / np.sqrt(np.mean(slip**2))

        def estimate_error(kappa, slip=slip):
            level = Level.from_kappa(kappa).vp()
            true = _painter(x, level)
            noise = (x - level.alpha * true) / level.sigma
            return np.sqrt(np.mean(((x - level.sigma * (noise + slip)) / level.alpha - true) ** 2))

        low, high = 1e-6, 1e6
        for _ in range(80):
            middle = np.sqrt(low * high)
            low, high = (middle, high) if estimate_error(middle) < most else (low, middle)
        close(f"The largest kappa for a noise error of {error} and at most {most}", f(error, most), middle, 1e-5)


@exercise(
    "09.3",
    "With equal weights the weighted median is the plain one. Try S = 5 on paper: move one ratio far up, then "
    "two, then three.",
    "As long as the good ones are more than half, some good one lies on either side of the middle, or at it.",
)
def bad_seeds(answer):
    f = function(answer)
    for S in (1, 2, 3, 8, 24, 25):
        good = np.linspace(0.4, 0.6, S)
        bad = [m for m in range(S + 1) for wild in (-1e9, 1e9)
               if not 0.4 <= _least_absolute(np.append(good[m:], np.full(m, wild))) <= 0.6]  # fmt: skip
        close(f"The number for {S} seeds", f(S), min(bad) - 1, rtol=0)


def _least_absolute(ratios):
    """The lowest r that minimises sum |ratio - r|, among the ratios, by trying each."""
    errors = [np.abs(ratios - r).sum() for r in np.sort(ratios)]
    return np.sort(ratios)[int(np.argmin(np.round(errors, 3)))]


@exercise(
    "09.4",
    "The painter is a Gaussian of variance q^2 lam. What matters for its clock is its own variance.",
    "Its feature arrives at kappa = sqrt(q^2 lam). Divide by the predicted kappa = sqrt(lam).",
)
def faint_painter(answer):
    f = function(answer)
    for q in (0.2, 0.5, 1.0, 1.3):
        ratios = []
        for lam in (0.3, 40.0):
            painter = Gaussian(np.zeros(1), np.eye(1), np.array([q**2 * lam]))
            x, low, high = np.full(1, 1e5), 1e-4, 1e4
            start = Level.from_kappa(1e5)
            for _ in range(60):
                middle = np.sqrt(low * high)
                now = Level.from_kappa(middle)
                share = painter.denoise(painter.flow(x, start, now), now) / painter.flow(x, start, CLEAN)
                low, high = (middle, high) if share[0] > 0.5**0.5 else (low, middle)
            ratios.append(middle / np.sqrt(lam))
        close(f"Measured over predicted for q = {q}", f(q), np.mean(ratios), 1e-4)
