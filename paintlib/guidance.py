"""What classifier-free guidance makes of Gaussians, in closed form: not the density p_c^w p_u^(1 - w) it is named by.

Two Gaussians share their axes: with the prompt a feature has mean mu_c and variance lam_c, without it mu_u and lam_u.
The guided flow in x / alpha is linear in x, so a Gaussian stays one:

    dx/dkappa = kappa [w (x - mu_c) / (kappa^2 + lam_c) + (1 - w) (x - mu_u) / (kappa^2 + lam_u)].

Between two noise levels widths change as (kappa^2 + lam_c)^(w / 2) (kappa^2 + lam_u)^((1 - w) / 2), its integral.
"""

import math

import numpy as np

from paintlib.checks import everywhere, interval, not_negative, number, require, together, within
from paintlib.features import spread
from paintlib.levels import Level


def painted_variance(lam_c, lam_u, strength, low=0.0, high=math.inf):
    """The variance that guided sampling paints, from pure noise, if the prompt is stressed where low < kappa < high.

    lam_c [q(low) / q(high)]^(w - 1) with q(kappa) = (kappa^2 + lam_c) / (kappa^2 + lam_u). On the whole way that is
    lam_c^w lam_u^(1 - w): logarithms of variances are extrapolated. Outside the interval the prompt alone paints.
    """
    _check(lam_c, lam_u, strength)
    low, high = interval(low, high)
    with np.errstate(over="ignore"):
        change = np.power(_ratio(lam_c, lam_u, low) / _ratio(lam_c, lam_u, high), strength - 1)
        return _number(lam_c * (float(change) if isinstance(lam_c, float) and change.ndim == 0 else change), strength)


def painted_mean(mu_c, mu_u, lam_c, lam_u, strength, low=0.0, high=math.inf, kappas=4000):
    """The mean that guided sampling paints along a feature, from pure noise, the prompt stressed as in the variance.

    mu_c + (w - 1) (mu_c - mu_u) times the integral over kappa, from low to high, of
    kappa / (kappa^2 + lam_u) sqrt(lam_c / (kappa^2 + lam_c)) [q(low) / q(kappa)]^((w - 1) / 2): the push at a level,
    times the factor by which differences of states change from there to the end; by the trapezoidal rule at `kappas`
    levels. With equal variances that is sqrt(lam / (low^2 + lam)) - sqrt(lam / (high^2 + lam)), on the whole way 1.
    """
    _check(lam_c, lam_u, strength)
    low, high = interval(low, high)
    mu_c, mu_u = number("mu_c", mu_c), number("mu_u", mu_u)
    lam_c, lam_u = number("lam_c", lam_c, "give one variance"), number("lam_u", lam_u, "give one variance")
    for name, mean in (("mu_c", mu_c), ("mu_u", mu_u)):
        within(name, mean, -math.inf, "give a mean")
    scale = math.sqrt(max(lam_c, lam_u))
    ends = np.clip([low, high], scale * math.exp(-16), scale * math.exp(16))  # beyond them nothing is left
    u = np.linspace(*np.log(ends), kappas)
    kappa = np.exp(u)
    level = Level(1.0, kappa)
    kept = (lam_c / spread(level, lam_c)) ** 0.5
    with np.errstate(over="ignore", invalid="ignore"):
        more = (_ratio(lam_c, lam_u, low) / _ratio(lam_c, lam_u, kappa)) ** ((strength - 1) / 2)
        push = np.trapezoid(kappa**2 / spread(level, lam_u) * kept * more, u)
        return _number(float(mu_c + (strength - 1) * (mu_c - mu_u) * push), strength)


def product_variance(lam_c, lam_u, strength):
    """The variance of the density p_c^w p_u^(1 - w), normalised: 1 / (w / lam_c + (1 - w) / lam_u), if there is one."""
    _check(lam_c, lam_u, strength)
    precision = strength / lam_c + (1 - strength) / lam_u
    remedy = "for this strength the product of powers has no integral; choose a smaller one"
    require(everywhere(precision > 0), "strength", strength, remedy)
    return 1 / precision


def _ratio(lam_c, lam_u, kappa):
    if np.ndim(kappa) == 0 and math.isinf(kappa):
        return 1.0
    level = Level(1.0, kappa)
    return spread(level, lam_c) / spread(level, lam_u)


def _check(lam_c, lam_u, strength):
    for name, lam in (("lam_c", lam_c), ("lam_u", lam_u)):
        remedy = "give positive, finite variances"
        require(everywhere(not_negative(name, lam, remedy) > 0), name, lam, remedy)
        within(name, lam, 0, remedy)
    together("lam_c, lam_u", lam_c, lam_u)
    within("strength", number("strength", strength, "give a finite strength of guidance"), -math.inf, "give a strength")


def _number(value, strength):
    """What guidance makes, if it is a number."""
    finite = everywhere(abs(value) < math.inf)
    require(finite, "strength", strength, "what it makes is too large for a number; choose a smaller one")
    return value
