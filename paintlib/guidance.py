"""What classifier-free guidance makes of Gaussians, in closed form: not the density p_c^w p_u^(1 - w) it is named by.

Two Gaussians share their axes: with the prompt a feature has mean mu_c and variance lam_c, without it mu_u and lam_u.
The guided flow in x / alpha is linear in x, so a Gaussian stays one:

    dx/dkappa = kappa [w (x - mu_c) / (kappa^2 + lam_c) + (1 - w) (x - mu_u) / (kappa^2 + lam_u)].

Between two noise levels widths change as (kappa^2 + lam_c)^(w / 2) (kappa^2 + lam_u)^((1 - w) / 2), its integral.
"""

import math

import numpy as np

from paintlib.checks import everywhere, number, require
from paintlib.gaussian import spread
from paintlib.schedules import Level


def painted_variance(lam_c, lam_u, strength, low=0.0, high=math.inf):
    """The variance that guided sampling paints, from pure noise, if the prompt is stressed where low < kappa < high.

    lam_c [q(low) / q(high)]^(w - 1) with q(kappa) = (kappa^2 + lam_c) / (kappa^2 + lam_u). On the whole way that is
    lam_c^w lam_u^(1 - w): logarithms of variances are extrapolated. Outside the interval the prompt alone paints.
    """
    _check(lam_c, lam_u, strength)
    require(0 <= low <= high, "low, high", (low, high), "need 0 <= low <= high, levels kappa")
    return lam_c * (_ratio(lam_c, lam_u, low) / _ratio(lam_c, lam_u, high)) ** (strength - 1)


def painted_mean(mu_c, mu_u, lam_c, lam_u, strength, kappas=4000):
    """The mean that guided sampling paints along a feature, from pure noise, guidance on all the way.

    With equal variances mu_u + w (mu_c - mu_u). Else the integral over kappa of the pull towards the means, kappa
    [w mu_c / (kappa^2 + lam_c) + (1 - w) mu_u / (kappa^2 + lam_u)], times the factor by which widths change from there
    to the end; by the trapezoidal rule at `kappas` levels.
    """
    _check(lam_c, lam_u, strength)
    w, scale = strength, math.sqrt(max(lam_c, lam_u))
    u = np.linspace(-16, 16, kappas)  # log(kappa / scale): beyond both ends nothing is left of the integrand
    square = (scale * np.exp(u)) ** 2
    pull = square * (w * mu_c / (square + lam_c) + (1 - w) * mu_u / (square + lam_u))
    kept = (lam_c / (square + lam_c)) ** (w / 2) * (lam_u / (square + lam_u)) ** ((1 - w) / 2)
    return float(np.trapezoid(pull * kept, u))


def product_variance(lam_c, lam_u, strength):
    """The variance of the density p_c^w p_u^(1 - w), normalised: 1 / (w / lam_c + (1 - w) / lam_u), if there is one."""
    _check(lam_c, lam_u, strength)
    precision = strength / lam_c + (1 - strength) / lam_u
    remedy = "for this strength the product of powers has no integral; choose a smaller one"
    require(everywhere(precision > 0), "strength", strength, remedy)
    return 1 / precision


def _ratio(lam_c, lam_u, kappa):
    if math.isinf(kappa):
        return 1.0
    level = Level.from_kappa(kappa)
    return spread(level, lam_c) / spread(level, lam_u)


def _check(lam_c, lam_u, strength):
    for name, lam in (("lam_c", lam_c), ("lam_u", lam_u)):
        positive = everywhere(lam > 0) and everywhere(lam < math.inf)
        require(positive, name, lam, "give positive, finite variances")
    strength = number("strength", strength)
    require(math.isfinite(strength), "strength", strength, "give a finite strength of guidance")
