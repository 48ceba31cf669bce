"""The interactive of chapter 06: a Gaussian in the plane under every sampler."""

import numpy as np

from paintlib import given
from paintlib.checks import number, require
from paintlib.explore import Interactive, _short


def playground(lam=(1.69, 0.09), mu=(0.5, 0.3), angle=30.0, kappa=80.0, moves=6, noise=(-1.2, 1.0), count=400,
               title="A Gaussian, and what each sampler makes of it"):  # fmt: skip
    """Hundreds of particles from noise to data, by a sampler, a number of moves and a grid that the reader chooses.

    lam: the two variances to begin with, 0.01 to 2.25; mu (2,): the mean, within 1.5; angle: of the first axis, in
    degrees; kappa: noise at the start, 1 to 80; moves: 1 to 50; noise (2,): the reader's own noise; count: particles,
    to 2000.
    All is computed on the page, from the closed forms of `paintlib.transfer` and `Gaussian.reverse`.
    """
    lam, mu, noise = given.array("lam", lam, 2), given.array("mu", mu, 2), given.array("noise", noise, 2)
    require(np.all((lam >= 0.01) & (lam <= 2.25)), "lam", lam, "give two variances in [0.01, 2.25]")
    require(np.all(np.abs(mu) <= 1.5), "mu", mu, "give the mean's two coordinates, within 1.5")
    require(np.all(np.abs(noise) <= 3.4), "noise", noise, "give two coordinates, within 3.4")
    data = {"lam": _short(lam), "mu": _short(mu), "angle": number("angle", angle, "give degrees"),
            "kappa": given.between("kappa", kappa, 1, 80, "give a noise level from 1 to 80"),
            "moves": given.count("moves", moves, 1, 50), "noise": _short(noise),
            "count": given.count("count", count, 1, 2000)}  # fmt: skip
    return Interactive("playground", title, data)
