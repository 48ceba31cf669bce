"""When a painting is settled: speciation (which mode), collapse (which training picture), and the changes of mind.

A *fate* k is what a run may end as: a mode of a mixture, a class, a training picture. Given a state x at noise kappa,
the reverse SDE draws its end from the posterior of the clean picture, so fate k has the probability p(k | x), the
*belief* in it: `Mixture.responsibilities`, `PointCloud.weights`. kappa is sigma / alpha.
"""

import math

import numpy as np
from array_api_compat import array_namespace

from paintlib.checks import (
    as_numpy,
    everywhere,
    float_array,
    library,
    number,
    positive,
    real_array,
    require,
    same_library,
    together,
    variances,
    vectors,
    within,
)
from paintlib.levels import Level


def same_fate(beliefs):
    """The probability sum_k p(k | x)^2 that two runs of the reverse SDE from one state end alike; over the last axis.

    It is 1 / `effective_number`. Its mean over states x_kappa rises as kappa falls, from sum_k pi_k^2 to 1.
    """
    xp = array_namespace(_beliefs(beliefs))
    return xp.sum(beliefs**2, axis=-1)


def runs(x_0, kappas, rng):
    """Runs of the exact reverse SDE that end at x_0 (..., D), at falling `kappas` (T,): states (T, ..., D), alpha = 1.

    Noising read backwards: with the exact score, runs that start from the noisy data have the forward process's law.
    """
    x_0, kappas = float_array("x_0", x_0, None), float_array("kappas", kappas)
    falling = bool(np.all(np.diff(kappas) < 0)) and kappas[-1] >= 0
    require(falling, "kappas", kappas, "give falling noise levels, none negative")
    within("kappas", kappas, 0, "noise levels are not negative")
    require(isinstance(rng, np.random.Generator), "rng", type(rng).__name__, "give np.random.default_rng(0), say")
    steps = np.sqrt(np.diff(kappas[::-1] ** 2, prepend=0))
    states, x = [], x_0
    for step in steps:
        x = x + step * rng.standard_normal(x_0.shape)
        states.append(x)
    return np.stack(states[::-1])


def contrast(m, lam, kappa):
    """rho = sqrt(sum_k m_k^2 / (kappa^2 + lam_k)): two modes at +-m, of one covariance, seen through noise kappa.

    m (r,): half the difference of their means, along the axes of that covariance; lam (r,): its variances.
    """
    m, lam = _modes(m, lam)
    kappa = number("kappa", kappa, "give one noise level")
    within("kappa", kappa, 0, "noise levels are not negative")
    v = kappa**2 + lam
    require(bool(np.all(v > 0)), "kappa, lam", (kappa, lam), "a feature without variance needs noise")
    return float(np.sqrt(np.sum(np.square(m) / v)))


def same_fate_of_two(rho):
    """E[sum_k p(k | x)^2] for two equally likely modes of contrast rho: (1 + E tanh^2(rho^2 + rho z)) / 2, z ~ N(0, 1).

    It rises from 1/2 to 1; at rho = 1, where the middle becomes unstable, it is 0.775.
    """
    rho = number("rho", rho, "give one contrast")
    within("rho", rho, 0, "a contrast is not negative")
    z = np.linspace(-12, 12, 4001)  # equal steps: the trapezoidal rule is exact to rounding for a bell of z
    bell = np.exp(-(z**2) / 2)
    return float((1 + np.sum(bell * np.tanh(rho**2 + rho * z) ** 2) / np.sum(bell)) / 2)


def speciation_kappa(m, lam):
    """The noise at which the midpoint of two modes at +-m becomes unstable: contrast(m, lam, kappa) = 1.

    For round modes, lam_k = s^2, it is sqrt(|m|^2 - s^2); m and lam as in `contrast`.
    """
    m, lam = _modes(m, lam)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.sum(np.where(m == 0, 0.0, np.square(m) / lam)) > 1
    remedy = "modes this close never split: need sum_k m_k^2 / lam_k > 1"
    require(bool(apart), "m, lam", (m, lam), remedy)
    return _root(lambda kappa: contrast(m, lam, kappa) - 1, float(np.sqrt(np.sum(m**2))))


def information(lam, kappa):
    """What the noisy state tells of Gaussian data, in nats: I(x_0; x_kappa) = sum_k log(1 + lam_k / kappa^2) / 2."""
    kappa = positive("kappa", kappa, "give one positive noise level")
    return float(np.sum(np.log1p(variances("lam", lam, None) / kappa**2)) / 2)


def collapse_kappa(lam, N):
    """The noise at which N pictures drawn from a Gaussian of variances `lam` can be told apart: information = log N."""
    lam, N = variances("lam", lam), positive("N", N, "give the number of pictures")
    require(lam.max() > 0, "lam", lam, "need variances, at least one of them positive")
    require(N > 1, "N", N, "an album of one picture has no rivals; give N > 1")
    return _root(lambda kappa: information(lam, kappa) - math.log(N), float(np.sqrt(lam.sum())))


def surprise(model, x_0, noise, kappa):
    """The information density i = log p(x | x_0) - log p_kappa(x) of x = x_0 + kappa noise, in nats; shape (...,).

    `model` has a `log_prob`. Its mean is I(x_0; x_kappa) if x_0 follows the model's law, and an upper bound of it else.
    """
    require(hasattr(model, "log_prob"), "model", type(model).__name__, "give one with a log_prob, a Gaussian say")
    kappa = positive("kappa", kappa, "give one positive noise level")
    vectors("x_0", x_0), vectors("noise", noise), same_library(noise, x_0, "noise")
    xp, shapes = array_namespace(x_0), (tuple(x_0.shape), tuple(noise.shape))
    require(shapes[0] == shapes[1] != (), "x_0, noise", f"shapes {shapes}", "give one noise (..., D) for each x_0")
    own = -xp.sum(noise**2, axis=-1) / 2 - x_0.shape[-1] * math.log(kappa * math.sqrt(2 * math.pi))
    return own - model.log_prob(x_0 + kappa * noise, Level.from_kappa(kappa))


def picked_out(density, N):
    """1 / (1 + (N - 1) exp(-i)): how much of the vote a picture gets back among N - 1 rivals drawn like it, at least.

    `density` is the `surprise` i. The mean over pictures bounds E[sum_i w_i^2] from below (Jensen).
    """
    real_array("density", density)
    N = positive("N", N, "give the number of pictures")
    require(N > 1, "N", N, "an album of one picture has no rivals; give N > 1")
    with np.errstate(over="ignore"):  # infinitely many votes for the rivals: nothing is left
        return 1 / (1 + (N - 1) * array_namespace(density).exp(-density))


def information_rate(mixture, x, level):
    """How fast x learns its mode, in nats per unit of log kappa: sum_k p_k |x0_hat_k - x0_hat|^2 / kappa^2.

    Shape (...,). Its mean over states is -d I(k; x_kappa) / d log kappa: information comes as fast as the
    modes' endpoint estimates disagree.
    """
    modal = hasattr(mixture, "responsibilities")
    require(modal, "mixture", type(mixture).__name__, "give a Mixture, whose modes are asked one by one")
    xp = library("x", x)
    p = mixture.responsibilities(x, level)
    estimates = [mode.denoise(x, level) for mode in mixture.modes]
    x0_hat = sum(p[..., k, None] * estimate for k, estimate in enumerate(estimates))
    apart = xp.stack([xp.sum((estimate - x0_hat) ** 2, axis=-1) for estimate in estimates], axis=-1)
    require(level.noisy, "level", level, "a state without noise has nothing left to learn; use sigma > 0")
    rate = xp.sum(p * apart, axis=-1) / level.kappa / level.kappa
    require(bool(xp.all(xp.isfinite(rate))), "level", level, "the rate is too large for a number; use more noise")
    return rate


def changes_of_mind(beliefs, low, high):
    """How often a run commits to a fate (belief at least `high`) and drops it again (at most `low`).

    beliefs (T, ..., K) along runs from noise to picture; the result has shape (...,).
    """
    return sum(sold for _, _, sold in _deals(beliefs, low, high)).sum(axis=-1)


def prices(beliefs, low, high):
    """The mean beliefs at which fates were dropped, and committed to: (sold, bought), beyond `low` and `high`.

    A run that is looked at now and then is first seen past its threshold. Looks as such spoil nothing: at the prices
    really met, `expected_changes(sold, bought)` is exact.
    """
    low_sum = high_sum = sales = purchases = 0
    for belief, bought, sold in _deals(beliefs, low, high):
        low_sum, sales = low_sum + np.sum(belief[sold]), sales + np.sum(sold)
        high_sum, purchases = high_sum + np.sum(belief[bought]), purchases + np.sum(bought)
    require(sales > 0, "beliefs", "no change of mind", "give more runs, or thresholds nearer to one another")
    return float(low_sum / sales), float(high_sum / purchases)


def expected_changes(low, high):
    """The mean of `changes_of_mind` for the exact reverse SDE, whatever the data: (1 - high) / (high - low).

    Beliefs are fair prices: buy fate k whenever its belief reaches `high`, sell when it falls to `low`. Each sale loses
    high - low, the last purchase wins 1 - high, and the mean gain is zero. (No fate may begin above `high`.)
    """
    low, high = number("low", low), number("high", high)
    require(0 <= low < high <= 1, "low, high", (low, high), "need 0 <= low < high <= 1")
    return (1 - high) / (high - low)


def _deals(beliefs, low, high):
    """At each look the beliefs, and which fates are committed to and which are dropped there, as masks (..., K)."""
    low, high = number("low", low), number("high", high)
    require(0 < low < high < 1, "low, high", (low, high), "need 0 < low < high < 1")
    beliefs = _beliefs(as_numpy(beliefs))
    require(beliefs.ndim > 1, "beliefs", f"shape {beliefs.shape}", "give (T, ..., K): looks first, fates last")
    held = np.zeros(beliefs.shape[1:], dtype=bool)
    for belief in beliefs:
        sold, bought = held & (belief <= low), ~held & (belief >= high)
        held = (held | bought) & ~sold
        yield belief, bought, sold


def _beliefs(beliefs):
    real_array("beliefs", beliefs)
    between = beliefs.ndim > 0 and everywhere((beliefs >= 0) & (beliefs <= 1.001))
    require(between, "beliefs", beliefs, "give probabilities (..., K), those of the fates along the last axis")
    return beliefs


def _modes(m, lam):
    m, lam = np.atleast_1d(float_array("m", m, None)), variances("lam", lam, None)
    within("m", m, -math.inf, "give half the difference of two means")
    together("m, lam", m, lam)
    return m, lam


def _root(falling, upper):
    """Where a function of kappa that falls from above to below zero crosses it, to rounding; it is below at `upper`."""
    lower = upper
    while falling(lower) < 0:
        lower /= 2
    while falling(upper) > 0:
        upper *= 2
    for _ in range(60):
        middle = (lower + upper) / 2
        lower, upper = (middle, upper) if falling(middle) > 0 else (lower, middle)
    return (lower + upper) / 2
