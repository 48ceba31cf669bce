"""What classifier-free guidance makes of Gaussians, in closed form: not the density p_c^w p_u^(1 - w) it is named by.

Two Gaussians share their axes: with the prompt a feature has mean mu_c and variance lam_c, without it mu_u and lam_u.
The guided flow in x / alpha is linear in x, so a Gaussian stays one:

    dx/dkappa = kappa [w (x - mu_c) / (kappa^2 + lam_c) + (1 - w) (x - mu_u) / (kappa^2 + lam_u)].

Between two noise levels widths change as (kappa^2 + lam_c)^(w / 2) (kappa^2 + lam_u)^((1 - w) / 2), its integral.
"""

import math

import numpy as np

from paintlib.checks import everywhere, number, require
from paintlib.features import spread
from paintlib.levels import Level


def painted_variance(lam_c, lam_u, strength, low=0.0, high=math.inf):
    """The variance that guided sampling paints, from pure noise, if the prompt is stressed where low < kappa < high.

    lam_c [q(low) / q(high)]^(w - 1) with q(kappa) = (kappa^2 + lam_c) / (kappa^2 + lam_u). On the whole way that is
    lam_c^w lam_u^(1 - w): logarithms of variances are extrapolated. Outside the interval the prompt alone paints.
    """
    _check(lam_c, lam_u, strength)
    _check_interval(low, high)
    return lam_c * (_ratio(lam_c, lam_u, low) / _ratio(lam_c, lam_u, high)) ** (strength - 1)


def painted_mean(mu_c, mu_u, lam_c, lam_u, strength, low=0.0, high=math.inf, kappas=4000):
    """The mean that guided sampling paints along a feature, from pure noise, the prompt stressed as in the variance.

    mu_c + (w - 1) (mu_c - mu_u) times the integral over kappa, from low to high, of
    kappa / (kappa^2 + lam_u) sqrt(lam_c / (kappa^2 + lam_c)) [q(low) / q(kappa)]^((w - 1) / 2): the push at a level,
    times the factor by which differences of states change from there to the end; by the trapezoidal rule at `kappas`
    levels. With equal variances that is sqrt(lam / (low^2 + lam)) - sqrt(lam / (high^2 + lam)), on the whole way 1.
    """
    _check(lam_c, lam_u, strength)
    _check_interval(low, high)
    scale = math.sqrt(max(lam_c, lam_u))
    ends = np.clip([low, high], scale * math.exp(-16), scale * math.exp(16))  # beyond them nothing is left
    u = np.linspace(*np.log(ends), kappas)
    kappa = np.exp(u)
    level = Level(1.0, kappa)
    kept = (lam_c / spread(level, lam_c)) ** 0.5
    more = (_ratio(lam_c, lam_u, low) / _ratio(lam_c, lam_u, kappa)) ** ((strength - 1) / 2)
    push = np.trapezoid(kappa**2 / spread(level, lam_u) * kept * more, u)
    return float(mu_c + (strength - 1) * (mu_c - mu_u) * push)


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


def _check_interval(low, high):
    require(0 <= low <= high, "low, high", (low, high), "need 0 <= low <= high, levels kappa")


def _check(lam_c, lam_u, strength):
    for name, lam in (("lam_c", lam_c), ("lam_u", lam_u)):
        positive = everywhere(lam > 0) and everywhere(lam < math.inf)
        require(positive, name, lam, "give positive, finite variances")
    strength = number("strength", strength)
    require(math.isfinite(strength), "strength", strength, "give a finite strength of guidance")
