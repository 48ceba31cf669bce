"""Which times to visit: grids of n moves, n + 1 times from noise to image.

`start` and `end` are times of the schedule, by default its two ends. A grid is spaced in some function of
kappa = sigma / alpha, so the same grid is had for every schedule.
"""

import math
from numbers import Integral

import numpy as np

from paintlib.checks import float_array, number, require, whole
from paintlib.schedules import check_schedule

MOST = 10**6  # moves of a grid


def uniform(schedule, n, start=None, end=None):
    """Equal steps in the schedule's own time."""
    first, last = _ends(schedule, n, start, end)
    return _visited(schedule, np.linspace(first, last, n + 1))


def log_snr(schedule, n, start=None, end=None):
    """Equal steps in log-SNR."""
    return _spaced(schedule, n, start, end, math.log, np.exp)


def karras(schedule, n, rho=7.0, start=None, end=None):
    """Equal steps in kappa^(1 / rho): EDM's grid."""
    require(0.1 <= number("rho", rho), "rho", rho, "need a finite rho of at least 0.1; for the limit take log_snr")
    return _spaced(schedule, n, start, end, lambda kappa: kappa ** (1 / rho), lambda u: u**rho)


def edm(schedule, n, rho=7.0, start=None, end=None):
    """The grid of EDM's samplers: n - 1 moves of `karras` to an `end` that has noise, and one more to clean data.

    EDM's own is `edm(EDM(), n)`: from kappa = 80 to 0.002, and then to 0.
    """
    check_schedule(schedule)
    enough = isinstance(n, Integral) and n >= 2
    require(enough, "n", n, "this grid has a whole number of moves, two or more: the last goes to clean data")
    noisy = karras(schedule, n - 1, rho, start, end)
    remedy = "the last move starts with some noise; set `end` to a time that has it"
    require(schedule(noisy[-1]).kappa > 0, "end", noisy[-1], remedy)
    return np.append(noisy, schedule.time(0.0))


def equal_angle(schedule, n, lam, start=None, end=None):
    """DDIM's best grid for one variance `lam`: equal steps in the angle theta = arctan(sqrt(lam) / kappa)."""
    require(0 < number("lam", lam), "lam", lam, "need a positive, finite variance")
    root = math.sqrt(lam)
    if schedule(_ends(schedule, n, start, end)[1]).kappa > root:  # both angles may be tiny: keep their digits
        return _spaced(
            schedule, n, start, end, lambda kappa: math.atan2(root, kappa), lambda theta: root / np.tan(theta)
        )
    # pi / 2 - theta keeps its digits near the image
    return _spaced(schedule, n, start, end, lambda kappa: math.atan2(kappa, root), lambda rest: root * np.tan(rest))


def heun_angle(schedule, n, lam, start=None, end=None, points=20_000):
    """Heun's best grid for one variance `lam`, to leading order in 1 / n, if all n moves are Heun's (end with noise).

    A move's error is cot(theta) dtheta^3 / 2, so the density of moves in theta = arctan(sqrt(lam) / kappa) goes as
    cot(theta)^(1/3), and the error of the whole is I^3 / (2 n^2), where I is the integral of cot(theta)^(1/3).
    """
    require(0 < number("lam", lam), "lam", lam, "need a positive, finite variance")
    return heun_optimal(schedule, n, np.array([float(lam)]), start, end, points)


def optimal(schedule, n, lams, start=None, end=None, points=2000):
    """DDIM's best grid for many variances `lams` (r,), to leading order in 1 / n.

    The density of steps in u = log kappa solves rho ~ sqrt(sum_k lam_k e_k theta_k'^2), where e_k is the integral of
    theta_k'^2 / rho and theta_k' = sqrt(lam_k) kappa / (kappa^2 + lam_k): it minimises sum_k lam_k e_k^2.
    """

    def turned(kappa, lams):  # theta_k'^2; a step's error is half of it times du^2
        return lams * kappa**2 / (kappa**2 + lams) ** 2

    return _of_density(turned, 1, schedule, n, lams, start, end, points)


def heun_optimal(schedule, n, lams, start=None, end=None, points=2000):
    """Heun's best grid for many variances `lams` (r,), to leading order in 1 / n, if all n moves are Heun's.

    A move's error is cot(theta_k) theta_k'^3 du^3 / 2, all of one sign. The density of moves in u = log kappa solves
    rho ~ (sum_k lam_k e_k w_k)^(1/3), where w_k = cot(theta_k) theta_k'^3 = lam_k kappa^4 / (kappa^2 + lam_k)^3 and e_k
    is the integral of w_k / rho^2: it minimises sum_k lam_k e_k^2. The last move must end with noise: one to kappa = 0
    is DDIM's, whose error has the other sign.
    """

    def bent(kappa, lams):
        return lams * kappa**4 / (kappa**2 + lams) ** 3

    return _of_density(bent, 2, schedule, n, lams, start, end, points)


def _of_density(weight, order, schedule, n, lams, start, end, points):
    """The grid whose density in u = log kappa minimises sum_k lam_k e_k^2, with e_k = integral of w_k / rho^order."""
    lams = float_array("lams", lams)
    require(
        bool(np.all(lams >= 0)) and 0 < lams.max() < 1e150,
        "lams",
        lams,
        "need variances, at least one of them positive",
    )
    first, last = _ends(schedule, n, start, end)
    whole("points", points, 100, "give the number of levels at which the density is found, 2000 say")
    u = np.linspace(_log_kappa(schedule, first), _log_kappa(schedule, last), points)
    curve = weight(np.exp(u), lams[:, None])
    rho = np.ones(points)
    for _ in range(1000):
        far = "between these ends are levels at which no variance turns at all; begin or end nearer to the variances"
        require(float(rho.min()) ** order > 1e-300, "lams, start, end", (lams, first, last), far)
        e = curve @ rho**-order / points
        new = ((lams * e) @ curve) ** (1 / (order + 1))
        new = np.sqrt(rho * new / new.mean())  # the geometric mean of old and new converges without overshoot
        change, rho = np.max(np.abs(new - rho)), new / new.mean()
        if change < 1e-10:
            break
    else:
        raise ValueError(f"lams: the grid's fixed point did not settle for {lams}; use fewer decades of variance")
    area = _cumulative(rho)
    inner = np.exp(np.interp(np.linspace(0, area[-1], n + 1), area, u))[1:-1]
    return _at(schedule, first, inner, last)


def _ends(schedule, n, start, end):
    check_schedule(schedule)
    counted = isinstance(n, Integral) and 1 <= n <= MOST
    require(counted, "n", n, f"a grid has a whole number of moves, from one to {MOST:,}")
    first, last = schedule.t_max if start is None else start, schedule.t_min if end is None else end
    falling = schedule(first).kappa > schedule(last).kappa
    require(falling, "start, end", (first, last), "the start must have more noise than the end")
    return float(first), float(last)


def _spaced(schedule, n, start, end, forward, back):
    """Equal steps in forward(kappa); the ends are kept to the last bit."""
    first, last = _ends(schedule, n, start, end)
    u = []
    for name, t in (("start", first), ("end", last)):
        kappa = schedule(t).kappa
        bounded = (kappa > 0 or forward is not math.log) and math.isfinite(forward(kappa))
        remedy = f"this grid's spacing is infinite at kappa = {kappa}; set `{name}` nearer the middle"
        require(bounded, name, t, remedy)
        u.append(forward(kappa))
    return _at(schedule, first, back(np.linspace(*u, n + 1)[1:-1]), last)


def _cumulative(density):
    """The integral of a density over an even grid up to each of its points, in units of a step."""
    return np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])


def _at(schedule, first, kappas, last):
    """The times at these kappas, between two ends that are kept to the last bit."""
    try:
        return np.array([first, *map(schedule.time, kappas), last])
    except ValueError as error:
        remedy = "set `start` and `end` within the schedule's levels"
        given = f"{first} to {last}, from where to where this grid leaves the schedule ({error})"
        raise ValueError(f"start, end: got {given}; {remedy}") from None


def _visited(schedule, times):
    """The times, if the schedule has a level at each."""
    try:
        for t in times:
            schedule(t)
    except ValueError as error:
        remedy = "choose n, `start` and `end` so that it has one at each"
        raise ValueError(f"n, start, end: got a grid that visits a time without a level ({error}); {remedy}") from None
    return times


def _log_kappa(schedule, t):
    kappa = schedule(t).kappa
    require(0 < kappa < math.inf, "start, end", f"t = {t} with kappa = {kappa}", "this grid needs 0 < kappa < infinity")
    return math.log(kappa)
