"""Chapter 08, mixtures: checks by slopes of the estimate, by Bayes' rule on a grid, by a fair walk, and by the flow."""

import numpy as np

from paintlib.check import Wrong, close, exercise, function, number, numbers, parts
from paintlib.clocks import expected_changes
from paintlib.gaussian import Gaussian
from paintlib.grids import log_snr
from paintlib.levels import Level
from paintlib.mixture import Mixture
from paintlib.samplers import rk4
from paintlib.schedules import EDM


def _round(means, variance):
    """Equally likely round modes."""
    means = np.asarray(means, dtype=float)
    D = means.shape[1]
    modes = [Gaussian(m, np.eye(D), np.full(D, float(variance))) for m in means]
    return Mixture(np.full(len(means), 1 / len(means)), modes)


@exercise(
    "08.1",
    "Near the middle the estimate is a straight line in x. The middle gives way when a small push comes back as large "
    "as it was: at which slope of the estimate?",
    "The slope is one part of the modes' own, s^2 / v with v = kappa^2 + s^2, and one of the beliefs that shift. The "
    "second is kappa^2 / v^2 times the covariance of the means.",
    "For K means evenly on a circle that covariance is the same in all directions, and its trace is R^2.",
)
def _ring_split(ring_split):
    """The estimate's slope at the middle, by differences, for rings of 3, 5 and 8 modes."""
    for K, R, s in ((3, 2.0, 0.5), (5, 3.0, 1.2), (8, 1.5, 0.2)):
        turn = 2 * np.pi * np.arange(K) / K
        ring = _round(R * np.stack([np.cos(turn), np.sin(turn)], -1), s**2)
        where = f"For R = {R:g} and s = {s:g} the noise"
        kappa = number(where, function(ring_split)(R, s))
        if kappa <= 0:
            raise Wrong(f"{where} should be positive; got {kappa:.3g}")
        if abs(kappa / np.sqrt(R**2 - s**2) - 1) < 1e-4:
            raise Wrong("That is where two modes split; on a circle the modes lie in two directions, not in one")
        if R**2 / 2 > s**2 and abs(kappa / np.sqrt(R**2 / 2 + s**2) - 1) < 1e-4:
            raise Wrong("That is where the first feature emerges, sqrt(lam_1); the middle gives way later")
        h = 1e-4 * np.array([1.0, 0.5])
        level = Level.from_kappa(kappa)
        slope = (ring.denoise(h, level) - ring.denoise(-h, level)) @ h / (2 * h @ h)
        close(
            f"With your kappa, {K} modes, R = {R:g} and s = {s:g}, the estimate's slope at the middle (1)", slope, 1.0
        )


@exercise(
    "08.2",
    "Which mode was it? Bayes: prior times the density of x under each mode. Then average the modes' own estimates.",
    "mode.log_prob(x, level) is the logarithm of that density, and mode.denoise(x, level) the estimate.",
    "Subtract the largest log before you take exponentials: far from all modes every density is zero to the computer.",
    own=(Mixture.denoise, Mixture.responsibilities, Mixture.score),
)
def _mixture_estimate(mixture_estimate):
    """The mean of the clean picture given x, summed over a fine grid of clean pictures."""
    estimate = function(mixture_estimate)
    prior = np.array([0.7, 0.3])
    modes = [
        Gaussian(np.array([-1.0, 0.5]), np.eye(2), np.array([0.5, 0.3])),
        Gaussian(np.array([1.0, 0.0]), np.eye(2), np.array([0.1, 0.9])),
    ]
    side = np.linspace(-7, 7, 561)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    density = sum(
        p * np.exp(-np.sum((grid - m.mu) ** 2 / m.lam, -1) / 2) / np.prod(m.lam) ** 0.5
        for p, m in zip(prior, modes, strict=True)
    )
    for x, level in ((np.array([0.2, 0.4]), Level(0.8, 0.6)), (np.array([0.5, -1.0]), Level(0.3, 0.95))):
        weight = density * np.exp(-np.sum((x - level.alpha * grid) ** 2, -1) / (2 * level.sigma**2))
        wanted = weight @ grid / weight.sum()
        given = numbers("The estimate", estimate(prior, modes, x, level))
        ends = [m.denoise(x, level) for m in modes]
        if given.shape == (2,) and np.allclose(given, prior @ ends):
            raise Wrong(
                "That averages the modes' estimates by the prior: the state has not been asked which mode it was"
            )
        close(f"The estimate at x = {x.tolist()}", given, wanted)
    far = estimate(prior, modes, np.array([3e3, 0.0]), Level(1.0, 0.1))
    close(
        "Far from all modes, at x = [3000, 0], the estimate",
        far,
        Mixture(prior, modes).denoise(np.array([3e3, 0.0]), Level(1.0, 0.1)),
    )


@exercise(
    "08.3",
    "Use the fair prices again. Buy a mode when your belief in it first reaches q, and never sell.",
    "Every purchase costs q. Exactly one of the modes pays 1 in the end. What is the mean gain of a fair game?",
)
def _ever_believed(ever_believed):
    """A fair walk on a lattice of beliefs, by linear algebra."""
    n = 20
    for q in (0.6, 0.7, 0.95):
        given = number(f"For q = {q} the number of modes", function(ever_believed)(q))
        if abs(given - expected_changes(0.0, q)) < 1e-6:
            raise Wrong("That counts the modes that were believed in and lost; the one that stays counts too")
        top = round(q * n)
        A, gain = np.eye(top + 1), np.zeros(top + 1)  # the chance to reach q from i / n
        gain[top] = 1.0
        for i in range(1, top):
            A[i, [i - 1, i + 1]] -= 0.5
        reach = np.linalg.solve(A, gain)
        close(f"For q = {q} the number of modes", given, 2 * reach[n // 2])


@exercise(
    "08.4",
    "Chapter 7 met this: a point on the rim is nearest more often than it is found. Look for a place that lies nearer "
    "to an outer mode, at high noise.",
    "The flow keeps the order of paths on a line, and each mode is found by one third of them. The middle mode "
    "therefore owns more of the line than the places that are nearest to it.",
)
def _found(found):
    """The flow from there, and the beliefs there."""
    across, kappa = (number("Each of the two", v) for v in parts(found, 2))
    if not 0.1 <= kappa <= 6:
        raise Wrong(f"kappa = {kappa:.3g} is not on the slider, which goes from 0.1 to 6")
    row = _round([[-4.0, 0.0], [0.0, 0.0], [4.0, 0.0]], 0.16)
    x, schedule = np.array([across, 0.0]), EDM(0.02, 6.5)
    believed = row.responsibilities(x, Level.from_kappa(kappa)).argmax()
    start = schedule.time(kappa)
    *_, last = rk4(row, x, schedule, log_snr(schedule, 200, start=start))
    reached = row.responsibilities(last.x, last.level).argmax()
    if believed == reached:
        raise Wrong(
            f"From {across:.3g} at kappa = {kappa:.3g} the favourite, mode {believed + 1}, is where the flow ends"
        )
