"""A feature of Gaussian data, by its variance lam: how it moves along the flow, and when it emerges (Eqs. 9, 13)."""

from array_api_compat import array_namespace, is_array_api_obj

from paintlib.checks import everywhere, not_negative, number, rates, require
from paintlib.levels import CLEAN, check_level


def spread(level, lam):
    """v = sigma^2 + lam alpha^2 where it divides: not zero."""
    v = check_level(level).variance(lam)
    remedy = "a feature without variance has no spread at sigma = 0; use sigma > 0"
    require(everywhere(v > 0), "sigma", level.sigma, remedy)
    return v


def _over(a, v, limit=0.0):
    """a / v, and `limit` where v = 0."""
    if not is_array_api_obj(v):
        return a / v if v > 0 else limit
    xp = array_namespace(v)
    return xp.where(v > 0, a / xp.where(v > 0, v, 1.0), limit)


def psi(lam, start, end=CLEAN):
    """How far a feature of variance `lam` moves from level `start` to level `end`: psi = sqrt(v / v_T) (Eq. 9).

    v = sigma^2 + lam alpha^2; lam = 0 gives the off-manifold sigma / sigma_T.
    """
    return check_level(end, "end").variance(lam) ** 0.5 / spread(start, lam) ** 0.5


def xi(lam, start, level):
    """How much of a feature the endpoint estimate at `level` shows: xi = alpha lam / sqrt(v v_T) (Eq. 13)."""
    lam = not_negative("lam", lam, "variances are finite and not negative")
    v = check_level(level).variance(lam)
    return level.alpha * _over(lam, v**0.5) / spread(start, lam) ** 0.5


def psi_rate(lam, start, level, rate):
    """d psi / dt = (sigma sigma' + lam alpha alpha') / sqrt(v v_T), with `rate` = (alpha', sigma') (Eq. 46)."""
    lam = not_negative("lam", lam, "variances are finite and not negative")
    v, rate = check_level(level).variance(lam), rates(rate)
    slope = _over(
        level.sigma * rate[1] + lam * level.alpha * rate[0], v**0.5, rate[1]
    )  # psi = sigma / sigma_T at lam = 0
    return slope / spread(start, lam) ** 0.5


def xi_rate(lam, start, level, rate):
    """d xi / dt = lam sigma (sigma alpha' - alpha sigma') / sqrt(v^3 v_T), a feature's critical period.

    Fig. 3C shows it divided by sqrt(lam).
    """
    lam = not_negative("lam", lam, "variances are finite and not negative")
    v, rate = check_level(level).variance(lam), rates(rate)
    turn = level.sigma * (level.sigma * rate[0] - level.alpha * rate[1])
    return _over(lam, v) * _over(turn, v**0.5) / spread(start, lam) ** 0.5


def emergence_kappa(lam, fraction=0.5**0.5):
    """The sigma / alpha at which the endpoint estimate shows `fraction` of a feature: sqrt(lam (1 / fraction^2 - 1)).

    For the default 1 / sqrt(2) this is the paper's critical point sigma = alpha sqrt(lam) (Sec. 4.2).
    """
    lam = not_negative("lam", lam, "variances are finite and not negative")
    require(0 < number("fraction", fraction) <= 1, "fraction", fraction, "need 0 < fraction <= 1")
    return lam**0.5 * ((1 - fraction) * (1 + fraction)) ** 0.5 / fraction
