"""Checks of chapter 04: the answers are held against flows, estimates and searches, not against their formulas."""

import numpy as np

from paintlib.check import Wrong, close, exercise, function, number
from paintlib.gaussian import Gaussian
from paintlib.levels import CLEAN, Level

PAIRS = ((9.0, 1.0), (1.0, 9.0), (221.4, 0.57), (0.3, 0.02), (2.0, 2.0))
VARIANCES = (0.02, 0.3, 1.0, 7.0, 221.4)


def _shares(lams, kappa):
    """The share of each feature in the endpoint estimate at noise level(s) kappa, in a painting followed to its end."""
    painter = Gaussian(np.zeros(len(lams)), np.eye(len(lams)), np.array(lams))
    start, x = Level.from_kappa(1e4), np.full(len(lams), 1e4)
    now = Level.from_kappa(kappa)
    return painter.denoise(painter.flow(x, start, now), now) / painter.flow(x, start, CLEAN)


def _falling_root(f, low, high):
    """Where the falling function f crosses zero, by halving the interval in the logarithm."""
    for _ in range(60):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if f(middle) > 0 else (low, middle)
    return middle


@exercise(
    "04.1",
    "The share of a feature is xi / xi(0) = sqrt(lam alpha^2 / (lam alpha^2 + sigma^2)). Divide above and below by "
    "alpha^2: only kappa^2 = sigma^2 / alpha^2 is left.",
    "The moment is set by feature 1: at which kappa does it arrive? The other one is seen at the same kappa.",
)
def other_share(answer):
    f = function(answer)
    for lam_1, lam_2 in PAIRS:
        kappa = _falling_root(lambda k, pair=(lam_1, lam_2): _shares(pair, k)[0] - 0.5**0.5, 1e-3, 1e3)
        wanted = _shares((lam_1, lam_2), kappa)[1]
        close(f"The share of lam_2 = {lam_2:g} when lam_1 = {lam_1:g} arrives", f(lam_1, lam_2), wanted, 1e-5)


@exercise(
    "04.2",
    "Write the share in terms of s = log SNR = log(alpha^2 / sigma^2): with q = lam e^s it is sqrt(q / (1 + q)).",
    "Its slope is (1/2) q^(1/2) (1 + q)^(-3/2), because dq/ds = q. Where is the logarithm of this largest?",
    "Set d/dq [log(q) / 2 - 3 log(1 + q) / 2] to zero, and go back from q to s.",
)
def steepest(answer):
    f = function(answer)
    s = np.arange(-12, 12, 0.005)
    for lam in VARIANCES:
        shares = _shares((lam,), np.exp(-s / 2))[:, 0]
        wanted = s[np.argmax(np.gradient(shares, s))]
        close(f"The steepest log-SNR for lam = {lam:g}", f(lam), wanted, rtol=0, atol=0.02)


@exercise(
    "04.3",
    "For a variance-preserving level Eq. 63 says: the estimate moves by alpha lam / (1 + (lam - 1) alpha^2) times "
    "the nudge. Set its derivative to zero.",
    "Where does the derivative vanish, and for which lam does that place lie within [0, 1]?",
    "Where it does not, the response still rises at alpha = 1. What is the largest value on the interval then?",
)
def most_sensitive(answer):
    f = function(answer)
    alphas = np.linspace(0, 1, 4001)
    level = Level(alphas, np.sqrt(1 - alphas**2))
    nudged, plain = np.full((len(alphas), 1), 1.5), np.full((len(alphas), 1), 0.5)
    for lam in (0.1, 1.0, 1.9, 3.0, 11.0, 221.4):
        painter = Gaussian(np.zeros(1), np.eye(1), np.array([lam]))
        moved = painter.denoise(nudged, level) - painter.denoise(plain, level)
        close(f"The most sensitive alpha for lam = {lam:g}", f(lam), alphas[np.argmax(moved)], rtol=0, atol=1e-3)


@exercise(
    "04.4",
    "Feature by feature: the path ends at a coefficient of variance lam_k. Which part of it does the estimate show?",
    "The share is 1 / sqrt(1 + kappa^2 / lam_k). What is missing is the rest of the same coefficient, squared.",
)
def missing(answer):
    """Follow the flow to its end from states of typical size along each axis."""
    f = function(answer)
    for lam in (50 * np.arange(1, 41.0) ** -2, np.array([3.0, 1.0, 0.2])):
        painter = Gaussian(np.zeros(len(lam)), np.eye(len(lam)), lam)
        for kappa in (0.1, 1.0, 6.0):
            now = Level.from_kappa(kappa)
            x = np.diag(np.sqrt(now.variance(lam)))
            end = painter.flow(x, now, CLEAN)
            wanted = np.sum((painter.denoise(x, now) - end) ** 2) / np.sum(lam)
            given = number(f"The fraction at kappa = {kappa}", f(lam, kappa))
            if abs(given - np.sum(lam * kappa**2 / (kappa**2 + lam)) / np.sum(lam)) < 1e-4 * wanted:
                raise Wrong(
                    f"At kappa = {kappa} this is the uncertainty of the picture behind the noise. The path's own "
                    f"end is nearer to the estimate, for the noise decides it"
                )
            close(f"The fraction at kappa = {kappa}", given, wanted)


@exercise(
    "04.5",
    "A frequency arrives when kappa^2 equals its power: kappa^2 = A f^(-a). Solve for f.",
    "Compare the f of kappa / 2 with that of kappa: A drops out.",
)
def finer(answer):
    f = function(answer)
    for a, A, kappa in ((1.0, 3.0, 0.7), (2.0, 40.0, 0.3), (2.6, 50.0, 1.1), (3.5, 0.2, 0.01)):
        here, later = (_falling_root(lambda v, k=k, A=A, a=a: A * v**-a - k * k, 1e-6, 1e9) for k in (kappa, kappa / 2))
        close(f"The gain in resolution for a = {a:g}", f(a), later / here, 1e-6)
