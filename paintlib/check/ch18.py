"""Checks of chapter 18: flows of two painters guided, albums drawn by chance, and counting upwards."""

import numpy as np
from scipy.integrate import solve_ivp

from paintlib import learning
from paintlib.check import Wrong, close, exercise, function, number


@exercise(
    "18.1",
    "Along one axis the estimate of a Gaussian painter is lam / (lam + kappa^2) times the state. Guide with that.",
    "The flow is d log c / d log kappa = 1 - w. With guidance, w is a weighted sum of two, so log c is one of two.",
    "Each part alone paints log c = (1/2) log of its variance. The weights are the strength and 1 minus the strength.",
)
def guided_variance(answer):
    f = function(answer)
    for lam_c, lam_u, strength in (
        (2.0, 8.0, 1.5),
        (1.0, 0.25, 2.0),
        (3.0, 3.0, 4.0),
        (5.0, 9.0, 0.0),
        (5.0, 9.0, 1.0),
    ):

        def rate(u, c, lam_c=lam_c, lam_u=lam_u, strength=strength):
            by = [lam / (lam + np.exp(2 * u)) for lam in (lam_c, lam_u)]
            return (1 - strength * by[0] - (1 - strength) * by[1]) * c

        run = solve_ivp(rate, (np.log(1e4), np.log(1e-4)), [1e4], rtol=1e-9, atol=1e-12)
        given = f(lam_c, lam_u, strength)
        close(f"The variance for {lam_c}, {lam_u} at strength {strength}", given, run.y[0, -1] ** 2, 1e-3)


@exercise(
    "18.2",
    "s stands on both sides. Put a guess into the right side, and get a better guess: which guess to begin with?",
    "Begin with s = kappa^2, the noise of a painter who knows everything, and repeat until s no longer changes.",
    "Small albums need many rounds, some thousand. Return the square root: a noise level, not its square.",
    own=(learning.renormalised,),
)
def renormalised(answer):
    f = function(answer)
    lam = 30 * np.arange(1, 41.0) ** -1.5
    for n, kappa in ((20, 1.0), (40, 0.7), (200, 0.3), (10**6, 2.0)):
        found = number(f"kappa' for {n} pictures", f(lam, kappa, n))
        if found < 0:
            raise Wrong(f"A noise level is not negative; for {n} pictures you gave {found:.4g}")
        wanted = learning.renormalised(lam, kappa, n)
        if abs(found - wanted**2) < 1e-4 < abs(found - wanted):
            raise Wrong("That is s, the square; return kappa', its square root")
        rng, means = np.random.default_rng(n), []
        if n <= 200:  # albums drawn by chance: their mean answer along the first axes
            for _ in range(200):
                X = rng.normal(size=(n, 40)) * lam**0.5
                S = X.T @ X / n
                means.append(np.diag(np.linalg.solve(S + kappa**2 * np.eye(40), S)))
            off = np.abs(np.mean(means, 0) - lam / (lam + found**2)).max()
            if not off < 0.03:
                raise Wrong(f"Drawn albums of {n} answer otherwise: off by {off:.2g} along some axis")
        s = found**2
        close(f"s for {n} pictures, put into its equation", kappa**2 + s * np.sum(lam / (lam + s)) / n, s, 1e-4)


@exercise(
    "18.3",
    "learning.disagreement(lam, kappa, n) falls as n grows. You look for the first n at which it is small enough.",
    "Double n until it is enough; the answer is then between n / 2 and n. Halve what is left.",
    "Keep two numbers: one album that is too small, one that is large enough. Stop when they are neighbours.",
)
def pictures_needed(answer):
    f = function(answer)
    lam = 30 * np.arange(1, 41.0) ** -1.5
    for kappa, apart in ((1.0, 0.1), (1.0, 0.01), (0.3, 0.02), (3.0, 0.005)):
        n = number(f"The album for {apart} at kappa = {kappa}", f(lam, kappa, apart))
        if n != round(n):
            raise Wrong(f"An album has a whole number of pictures; got {n}")
        if learning.disagreement(lam, kappa, n) > apart:
            raise Wrong(f"At kappa = {kappa}, with {n:g} pictures each, they are more than {apart} apart")
        if n > 1 and learning.disagreement(lam, kappa, n - 1) <= apart:
            raise Wrong(f"At kappa = {kappa}, {n - 1:g} pictures would do for {apart}")
