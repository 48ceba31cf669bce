"""Answers to the exercises of chapter 15, walking the image manifold."""

import numpy as np

from paintlib import geometry
from paintlib.check import Wrong, close, exercise, function, number, numbers
from paintlib.gaussian import Gaussian
from paintlib.levels import Level
from paintlib.perturb import gain, isotropic_gain


@exercise(
    "15.1",
    "A push along u_k leaves its length times the gain of Eq. 14. Of which parts along the features is a random "
    "direction made?",
    "A random unit direction has the mean square 1 / D along each of D axes. What does each leave, and how do "
    "parts at right angles add up?",
    own=(gain, isotropic_gain),
)
def advantage(answer):
    f = function(answer)
    for lam, D in ((np.array([4.0, 1.0, 0.3]), 8), (np.array([0.5, 0.2, 0.2, 0.01]), 4)):
        painter = Gaussian(np.zeros(D), np.eye(D)[:, : len(lam)], lam)
        for kappa in (9.0, 1.0, 0.1):
            level = Level.from_kappa(kappa).vp()
            left = painter.flow(np.eye(D), level)  # of a push along each axis
            wanted = np.linalg.norm(left[0]) / np.sqrt(np.mean(np.sum(left**2, axis=-1)))
            given = number("The advantage", f(lam, D, level))
            on = np.linalg.norm(left[0]) / np.sqrt(np.sum(left**2) / len(lam))
            if abs(given - on) < 1e-3 * on and abs(on - wanted) > 1e-2 * wanted:
                raise Wrong("That is a random direction within the manifold; most of a random direction may lie off it")
            if abs(given - wanted**2) < 1e-3 * wanted:
                raise Wrong("That is the ratio of squares; lengths are asked for")
            close(f"The advantage at kappa = {kappa:g}, D = {D}", given, wanted)


@exercise(
    "15.2",
    "Where is the middle of the trajectory? Principal components describe how it spreads around it.",
    "With T steps and D numbers, T far below D, no covariance (D, D) is needed: which decomposition of the centred "
    "rows themselves gives directions of the rows' space, the strongest first?",
    own=(geometry.principal_axes,),
)
def axes(answer):
    f = function(answer)
    rng = np.random.default_rng(0)
    for T, D, k in ((9, 40, 3), (16, 12, 2)):
        steps = rng.standard_normal((T, D)) @ np.diag(np.linspace(2, 0.2, D)) + 3 * rng.standard_normal(D)
        given = numbers("The axes", f(steps, k))
        wanted = np.linalg.eigh(np.cov(steps, rowvar=False))[1][:, ::-1][:, :k].T
        if given.squeeze().shape == (D, k) != (k, D):
            raise Wrong(f"The axes should be rows, ({k}, {D}); yours are columns")
        if given.squeeze().shape != (k, D):
            raise Wrong(f"The axes should have shape ({k}, {D}); got {given.shape}")
        given = given.reshape(k, D)
        mean = steps.mean(0) / np.linalg.norm(steps.mean(0))
        if abs(given[0] @ mean) > 0.95 * np.linalg.norm(given[0]):
            raise Wrong("Your first axis points to the mean of the steps; take the mean off first")
        close("The length of an axis", np.linalg.norm(given, axis=-1), np.ones(k), rtol=1e-3)
        close("The cosine between your axes and the principal ones", np.abs((given * wanted).sum(-1)), np.ones(k), 1e-3)


@exercise(
    "15.3",
    "Split each change into a part along its push and a part across it. Which of the two is asked for, and of what?",
    "The part along a push has the length of the inner product with its unit vector. A push may have any length.",
)
def own_share(answer):
    f = function(answer)
    rng = np.random.default_rng(1)
    for B, D in ((3, 6), (5, 20)):
        u, change = rng.standard_normal((2, B, D))
        along = [np.linalg.lstsq(row[:, None], e, rcond=None)[0][0] * row for row, e in zip(u, change, strict=True)]
        wanted = [(a @ a) / (e @ e) for a, e in zip(along, change, strict=True)]
        given = numbers("The share", f(change, u)).squeeze()
        if given.shape == (B,) and np.allclose(np.abs(given), np.sqrt(wanted), atol=1e-3):
            raise Wrong("That is the cosine; the share of the *squared* change is asked for")
        unit = [(e @ row) ** 2 / (e @ e) for row, e in zip(u, change, strict=True)]
        if given.shape == (B,) and np.allclose(given, unit, rtol=1e-3):
            raise Wrong("That is right for pushes of length 1; here they have other lengths")
        close("The share", given, wanted)
