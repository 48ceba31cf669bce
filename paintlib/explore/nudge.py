"""The interactive of chapter 05: a push along one feature, and what becomes of it."""

import numpy as np

from paintlib import given
from paintlib.explore import Interactive, _levels, _pack, _short


def nudge(gaussian, shape, x_T, schedule=None, rank=100, features=(0, 1, 2, 9, 29, 99), names=None, times=None,
          title="Nudge the painter: along which feature, and when?"):  # fmt: skip
    """The Gaussian of a real data set paints, and is pushed along one feature at one step (Eqs. 14, 63).

    gaussian: a `Gaussian` (NumPy), of which the `rank` leading axes travel to the page, as int8 (the size: 4/3 D rank
    bytes); shape: (H, W) or (H, W, 3) of a picture; x_T (S, D): the noises to choose from, `names` their labels;
    features: the axes to choose from, counted from 0.
    """
    kept, shape = given.leading(gaussian, shape, rank)
    x_T = given.array("x_T", x_T, "S", gaussian.D)
    names, features = given.names(names, len(x_T), "x_T"), given.indices("features", features, rank, 2, rank)
    levels = _levels(schedule, times)
    c = (x_T - levels["levels"][0]["alpha"] * kept.mu) @ kept.U
    seeds = [{"name": n, "c": _short(k)} for n, k in zip(names, c, strict=True)]
    draws = _short(np.random.default_rng(5).standard_normal((4, rank)).round(3))
    data = {"shape": shape, "mu": _pack(kept.mu), "U": _pack(kept.U.T), "lam": _short(kept.lam), "seeds": seeds,
            "features": features, "draws": draws}  # fmt: skip
    return Interactive("nudge", title, {**levels, **data})
