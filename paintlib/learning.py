"""How a linear painter learns, and what a finite album does to him (Wang and Pehlevan 2025; Wang and others 2026).

Along an axis of variance lam, a linear painter who sees x_0 + kappa noise estimates w times what he sees. Gradient
flow on the mean of |x0_hat - x_0|^2, at rate eta, takes w from q to lam / (lam + kappa^2), and `a` = 2 eta tau is the
training that he had. Means are taken off, and alpha = 1.
"""

import math

import numpy as np

from paintlib.checks import float_array, number, positive, require, together, variances, within

SERIES = 1.5  # below, the series of E1 keeps its digits; above, the continued fraction is short


def slope(lam, kappa, a, q=0.0):
    """w = lam / (lam + kappa^2) (1 - e^(-a (lam + kappa^2))) + q e^(-a (lam + kappa^2)); broadcasts."""
    lam, kappa, a, q = _checked(lam, kappa, a, q)
    v = lam + kappa**2
    forgotten = np.exp(-a * v)
    return lam / v * (1 - forgotten) + q * forgotten


def painted_variance(lam, a, q=0.0, kappas=(80.0, 0.002)):
    """The variance along an axis that the flow paints, from noise of variance kappa_T^2, after training `a`.

    `kappas` are (kappa_T, kappa_0), where the flow d log c / d log kappa = 1 - w begins and ends. In closed form

        kappa_T^2 (lam + kappa_0^2) / (lam + kappa_T^2)
          exp[(1 - q) e^(-a lam) (E(a kappa_T^2) - E(a kappa_0^2)) - E(a (lam + kappa_T^2)) + E(a (lam + kappa_0^2))]

    with the exponential integral E = E1. After much training it is lam + kappa_0^2, up to (1 + lam / kappa_T^2).
    """
    high, low = _ends(kappas)
    lam, _, a, q = _checked(lam, high, a, q)
    require(bool(np.all(a > 0)), "a", a, "before any training (a = 0) the variance is kappa_T^(2 q) kappa_0^(2 - 2 q)")
    E = _e1
    blur = (1 - q) * np.exp(-a * lam) * (E(a * high**2) - E(a * low**2))
    shrink = E(a * (lam + high**2)) - E(a * (lam + low**2))
    with np.errstate(over="ignore"):
        painted = high**2 * (lam + low**2) / (lam + high**2) * np.exp(blur - shrink)
    require(bool(np.all(painted < math.inf)), "q", q, "it begins with too large a variance; start nearer to 0")
    return painted


def first_passage(lam, share=0.5, q=0.0, kappas=(80.0, 0.002)):
    """The training `a` at which the painted variance first comes to `share` of lam, from below; lam a number.

    Bisection in log a; where painting is small from the start, it is about a constant over lam.
    """
    share, lam = number("share", share), positive("lam", lam, "give one positive variance")
    require(0 < share < 1, "share", share, "choose a share of the variance between 0 and 1")
    low, high = -math.log(lam) - 30, -math.log(lam) + 10
    below = painted_variance(lam, math.exp(low), q, kappas) < share * lam
    require(below, "lam", lam, "it is painted before training begins: take a smaller q, or a smaller kappa_0")
    above = painted_variance(lam, math.exp(high), q, kappas) >= share * lam
    require(above, "share", share, "it never comes so far: take a smaller one, or a larger kappa_T")
    for _ in range(80):
        middle = (low + high) / 2
        if painted_variance(lam, math.exp(middle), q, kappas) < share * lam:
            low = middle
        else:
            high = middle
    return math.exp(low)


def exponential_integral(x):
    """E1(x), the integral of e^-u / u over u > x, for x > 0: its series below 1.5, its continued fraction above."""
    x = float_array("x", x, None)
    require(bool(np.all(x > 0)), "x", x, "E1 is infinite at 0; give positive numbers")
    return _e1(x)


def _e1(x):
    small, large = np.minimum(x, SERIES), np.maximum(x, SERIES)
    term, total = np.ones_like(small), np.zeros_like(small)
    for k in range(1, 30):
        term = term * -small / k
        total = total - term / k
    fraction = np.zeros_like(large)
    for k in range(60, 0, -1):  # e^-x / (x + 1 - 1 / (x + 3 - 4 / (x + 5 - ...)))
        fraction = k**2 / (large + 2 * k + 1 - fraction)
    return np.where(x < SERIES, total - np.euler_gamma - np.log(small), np.exp(-large) / (large + 1 - fraction))


def renormalised(lam, kappa, n):
    """The noise that n pictures add to that of a Gaussian painter: the kappa' > kappa at which he really works.

    A Gaussian fitted to n pictures of covariance S estimates with S_hat (S_hat + kappa^2)^-1, whose mean is nearly
    S (S + s)^-1 with s = kappa'^2 = kappa^2 + s tr[S (S + s)^-1] / n. lam (r,): the variances of S; kappa > 0, a
    number or an array. By bisection: the root lies between kappa^2 and kappa^2 + tr S / n, and is the only one.
    """
    lam, kappa = variances("lam", lam), _noise(kappa)
    n = positive("n", n, "give the number of pictures")
    require(n >= 1, "n", n, "an album has one picture or more")
    low, high = np.log(kappa**2), np.log(kappa**2 + lam.sum() / n)
    for _ in range(60):
        middle = (low + high) / 2
        s = np.exp(middle)
        over = s - np.sum(s[..., None] * lam / (lam + s[..., None]), axis=-1) / n > kappa**2
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.exp((low + high) / 4)


def disagreement(lam, kappa, n):
    """How far apart the estimates of two Gaussian painters with n pictures each are, of one noisy picture.

    The mean of |x0_hat - x0_hat'|^2 over the mean of |x0_hat|^2 + |x0_hat'|^2, means taken off: 0 of one mind, 1 of two
    that have nothing in common. With s of `renormalised`, g = 1 / (lam + s) and f = sum (lam g)^2 / n, the fluctuation
    of S_hat (S_hat + kappa^2)^-1, summed over what is seen (lam + kappa^2) and what is answered, is

        s^2 sum[(lam + kappa^2) lam g^2] sum[lam g^2] / (n (1 - f))

    to leading order in 1 / n (the resolvent's two-point function; Bach 2024). By the equation of s, n (1 - f) is
    n kappa^2 / s + s sum(lam g^2), in which no digits cancel.
    """
    lam, kappa = variances("lam", lam), positive("kappa", kappa, "give one positive noise level")
    require(lam.max() > 0, "lam", lam, "without variance all painters agree; give one that is positive")
    s = renormalised(lam, kappa, n) ** 2
    g = 1 / (lam + s)
    seen, answered = lam + kappa**2, np.sum(lam * g**2)
    scatter = s**2 * np.sum(seen * lam * g**2) * answered / (n * kappa**2 / s + s * answered)
    return float(scatter / (scatter + np.sum(seen * (lam * g) ** 2)))


def _checked(lam, kappa, a, q):
    lam, kappa, a, q = variances("lam", lam, None), _noise(kappa), float_array("a", a, None), float_array("q", q, None)
    within("a", a, 0, "training is not negative")
    within("q", q, -math.inf, "give the weight at the start, a number")
    together("lam, kappa, a, q", lam, kappa, a, q)
    return lam, kappa, a, q


def _noise(kappa):
    kappa = float_array("kappa", kappa, None)
    require(bool(np.all(kappa > 0)), "kappa", kappa, "give positive noise levels")
    within("kappa", kappa, 0, "noise levels are not negative")
    return kappa


def _ends(kappas):
    remedy = "give where the flow begins and, below it, where it ends"
    pair = float_array("kappas", kappas)
    require(len(pair) == 2 and 0 < pair[1] < pair[0], "kappas", kappas, remedy)
    within("kappas", pair, 0, remedy)
    return tuple(pair.tolist())
