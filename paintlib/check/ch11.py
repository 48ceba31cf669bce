"""Checks of chapter 11: the answers are held against whole flows, scores, smaller albums, and normal theory."""

import numpy as np

from paintlib.check import close, exercise, function
from paintlib.denoisers import score
from paintlib.gaussian import Gaussian
from paintlib.levels import Level
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Tabulated


def _typical(lam, level):
    """Rows whose squares sum to the covariance of the noisy Gaussian: one of typical size along each axis."""
    return np.diag(np.sqrt(level.variance(lam)))


@exercise(
    "11.1",
    "Along axis k the flow keeps c_k / sqrt(v_k) = z_k, standard normal (Eq. 9). What is c_k at the two levels?",
    "So along each axis both states are multiples of one z_k. What is the mean of its square? Then add up the axes.",
)
def shift_floor(answer):
    f = function(answer)
    table = Tabulated.ddpm()
    for lam in (50 * np.arange(1, 41.0) ** -2, np.array([3.0, 1.0, 0.2, 0.0])):
        painter = Gaussian(np.zeros(len(lam)), np.eye(len(lam)), lam)
        for t in ((899, 879), (300, 280), (40, 20)):
            before, after = (table(time) for time in t)
            x = _typical(lam, before)
            wanted = np.sum((painter.flow(x, before, after) - x) ** 2) / len(lam)
            close(f"The floor between t = {t[0]} and {t[1]}", f(lam, before, after), wanted)


@exercise(
    "11.2",
    "Along an axis of variance lam_k the true score is -c_k / v_k. What does a painter who left the axis out answer?",
    "He answers as for plain noise, an axis without variance. The mean of c_k^2 is v_k: with it you have the mean of "
    "what is missed on each axis, and the mean square of the true score.",
)
def truncated(answer):
    f = function(answer)
    lam = 50 * np.arange(1, 41.0) ** -1.5
    whole = Gaussian(np.zeros(40), np.eye(40), lam)
    for kappa in (0.1, 1.0, 10.0):
        for level in (Level.from_kappa(kappa), Level.from_kappa(kappa).vp()):
            x = _typical(lam, level)
            true = score(whole, x, level)
            for r in (1, 5, 20, 40):
                missed = np.sum((score(whole.truncate(r), x, level) - true) ** 2)
                wanted = 1 - missed / np.sum(true**2)
                close(f"The share at kappa = {kappa} with {r} axes", f(lam, r, level), wanted, 1e-7, 1e-7)


@exercise(
    "11.3",
    "It is Eq. (15) with one voter less: picture own[b] must have no say in row b.",
    "Taking the own picture's part off afterwards, (x0_hat - w y) / (1 - w), divides by zero where its weight is 1.",
    "So take it out before the softmax: set its logarithm to -infinity. scipy.special.softmax takes that.",
    own=(PointCloud.denoise, PointCloud.weights),
)
def leave_one_out(answer):
    f = function(answer)
    rng = np.random.default_rng(0)
    points, own = rng.standard_normal((12, 5)), np.array([0, 3, 11])
    for kappa in (5.0, 1.0, 0.02):
        for level in (Level.from_kappa(kappa), Level.from_kappa(kappa).vp()):
            x = level.alpha * points[own] + level.sigma * rng.standard_normal((3, 5))
            albums = [PointCloud(np.delete(points, n, axis=0)) for n in own]
            others = [album.denoise(row, level) for album, row in zip(albums, x, strict=True)]
            close(f"The estimates at kappa = {kappa}", f(points, own, x, level), np.stack(others), 1e-6, 1e-9)


@exercise(
    "11.4",
    "A lucky noise is lucky for both painters. Draw noises again, not errors: both painters get the same draw.",
    "So the numbers to draw from are the differences, one per noise. Each draw gives a mean; the middle of many means "
    "is the interval.",
)
def paired_interval(answer):
    f = function(answer)
    rng = np.random.default_rng(1)
    for S, shared in ((200, 5.0), (400, 0.0)):
        luck = shared * rng.standard_normal(S)
        a, b = luck + rng.standard_normal(S), luck + rng.standard_normal(S) + 0.3
        half = 1.96 * np.std(a - b) / np.sqrt(S)
        wanted = np.mean(a - b) + half * np.array([-1, 1])
        given = f(a, b, np.random.default_rng(2))
        close(f"The interval for {S} noises (by normal theory {wanted.round(2)})", given, wanted, 0, 0.25 * half)


@exercise(
    "11.5",
    "The posterior weights of the modes given a noisy picture say which mode is most probable: one row of weights for "
    "each picture.",
    "`level` is where to ask: scale the pictures by its alpha, and compare the two answers row by row.",
)
def same_class(answer):
    """By the densities of the modes, each by itself."""
    f = function(answer)
    rng = np.random.default_rng(115)
    modes = [Gaussian.fit(3 * rng.standard_normal(6) + rng.standard_normal((30, 6))) for _ in range(4)]
    for prior in (np.full(4, 0.25), np.array([0.7, 0.1, 0.1, 0.1])):
        mixture = Mixture(prior, modes)
        before = np.concatenate(
            [mode.sample(np.random.default_rng(n).standard_normal((5, 6))) for n, mode in enumerate(modes)]
        )
        for after in (before, before[::-1], np.roll(before, 3, axis=0), before + rng.standard_normal(before.shape)):
            level = Level.from_kappa(0.1).vp()
            best = [
                [
                    max(range(4), key=lambda i: np.log(prior[i]) + modes[i].log_prob(level.alpha * x, level))
                    for x in rows
                ]
                for rows in (before, after)
            ]
            wanted = np.mean([a == b for a, b in zip(*best, strict=True)])
            close("The part of pairs", f(mixture, before, after, level), wanted)
