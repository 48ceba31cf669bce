"""What becomes of a nudge: gains of the deterministic and the stochastic sampler (Eqs. 14, 63)."""

from array_api_compat import array_namespace

from paintlib.checks import everywhere, number, real_array, require
from paintlib.features import spread
from paintlib.levels import CLEAN, check_level


def gain(lam, start, end=CLEAN, eta=0.0):
    """How much of a nudge at level `start` along a feature of variance `lam` is left at `end`.

    eta = 0, the flow: sqrt(v_end / v), at the image sqrt(lam / v) (Eq. 14). eta = 1, the reverse SDE with the same
    noise: alpha v_end / (alpha_end v), at the image alpha lam / v (Eq. 63). alpha and v are those of `start`, and
    lam = 0 is an off-manifold nudge.
    """
    check_level(start, "start")
    require(
        everywhere(check_level(end, "end").alpha > 0),
        "end",
        end,
        "the gain is given for end.alpha > 0; choose a later level",
    )
    later = everywhere(start.kappa >= end.kappa)
    require(later, "start, end", (start, end), "a nudge acts on what comes later; the end must have less noise")
    require(0 <= number("eta", eta) <= 1000, "eta", eta, "the noise scale is from 0 to 1000")
    shrink = (end.variance(lam) / spread(start, lam)) ** 0.5
    return shrink * ((start.alpha / end.alpha) * shrink) ** (eta**2)


def isotropic_gain(lam, start, end=CLEAN):
    """Mean square effect at `end` of a nudge of unit variance in every direction: sum_k v_end / v over lam (r,).

    At the image it goes from tr Sigma, for a nudge of pure noise (alpha = 0, sigma = 1), to rank Sigma for the last.
    Off-manifold directions, which matter only for end.sigma > 0, count if `lam` holds their zeros.
    """
    real_array("lam", lam, 1)
    return array_namespace(lam).sum(gain(lam, start, end) ** 2)
