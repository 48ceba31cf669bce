"""Checks of chapter 09: the answers are held against diffusers' steps, pictures known beforehand, and brute force."""

from itertools import pairwise

import numpy as np

from paintlib.check import close, exercise, function, parts
from paintlib.levels import Level
from paintlib.schedules import VP, Tabulated


@exercise(
    "09.1",
    "Write down the state before the step and the state after it, each from its own level. In which of the two does "
    "the clipped estimate stand, in which the unclipped one?",
    "Replace the clipped estimate by the estimate less the part that was cut off. Then subtract, and sort by pictures.",
)
def difference_weights(answer):
    f = function(answer)
    rng = np.random.default_rng(0)
    for schedule, grid in ((Tabulated.ddpm(), (999.0, 700.0, 300.0, 20.0)), (VP(), (0.9, 0.5, 0.2))):
        for start, end in pairwise(grid):
            before, after = schedule(start), schedule(end)
            x0_hat, eps = 2 * rng.standard_normal(60), rng.standard_normal(60)
            x = before.alpha * x0_hat + before.sigma * eps
            moved = after.alpha * np.clip(x0_hat, -1, 1) + after.sigma * eps
            pictures = np.stack([x0_hat, eps, x0_hat - np.clip(x0_hat, -1, 1)], -1)
            wanted = np.linalg.lstsq(pictures, moved - x, rcond=None)[0]
            given = parts(f(before, after), 3)
            close(f"The three weights from t = {start:g} to t = {end:g}", given, wanted, 1e-6, 1e-9)


@exercise(
    "09.2",
    "One of the three outputs is the estimate already, and Eq. 6 is for another. For v you have two equations with the "
    "two unknown pictures: that of the state and that of v.",
    "Take so much of the one and so much of the other that the noise drops out of their difference.",
)
def to_estimate(answer):
    f = function(answer)
    rng = np.random.default_rng(1)
    picture, noise = rng.uniform(-1, 1, (3, 20)), rng.standard_normal((3, 20))
    for kappa in (20.0, 1.0, 0.1):
        level = Level.from_kappa(kappa).vp()
        x = level.alpha * picture + level.sigma * noise
        outputs = {"epsilon": noise, "sample": picture, "v_prediction": level.alpha * noise - level.sigma * picture}
        for prediction, output in outputs.items():
            what = f"The estimate from the prediction {prediction!r} at kappa = {kappa:g}"
            close(what, f(output, x, level, prediction), picture, atol=1e-3)


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
    "A pixel out of range is one whose absolute value is above 1. What is the mean of many trues and falses?",
    "For the eye first: what a screen shows of a value beyond the range is black or white. Compare what it shows.",
)
def without_clip(answer):
    f = function(answer)
    rng = np.random.default_rng(4)
    for wild in (0.1, 1.0):
        clipped = rng.uniform(-1, 1, (4, 6))
        free = clipped + wild * rng.standard_normal((4, 6))
        pixels = list(zip(free.ravel(), clipped.ravel(), strict=True))
        share = sum(v > 1 or v < -1 for v, _ in pixels) / len(pixels)
        apart = (sum((min(max(v, -1), 1) - w) ** 2 for v, w in pixels) / len(pixels)) ** 0.5
        close("The part out of range, and the difference", parts(f(clipped, free), 2), (share, apart))


@exercise(
    "09.5",
    "A seed's share is its coefficient over its own last one. True where it is below the mark: when is that last so?",
    "For each seed take the noise levels at which it is below, and of these the smallest.",
)
def own_arrivals(answer):
    f = function(answer)
    kappa = np.array([100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1])
    last = (1, 4, 3, 5)  # the step at which each seed is below the mark for the last time
    for sizes in ((1.0, 2.0, -3.0, 0.5), (-0.1, -4.0, 1.0, 7.0)):
        share = np.array([[0.9 if n > at or (n == 2 and at > 3) else 0.3 for at in last] for n in range(7)])
        share[-1] = 1.0
        close("The noise levels", f(share * np.array(sizes), kappa), kappa[list(last)])
