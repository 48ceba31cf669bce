"""The interactive of chapter 05: a push along one feature, and what becomes of it."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _levels, _pack, _points, _short
from paintlib.schedules import VP


def nudge(gaussian, shape, x_T, schedule=None, rank=100, features=(0, 1, 2, 9, 29, 99), names=None, times=None,
          title="Nudge the painter: along which feature, and when?"):  # fmt: skip
    """The Gaussian of a real data set paints, and is pushed along one feature at one step (Eqs. 14, 63).

    gaussian: a `Gaussian` (NumPy), of which the `rank` leading axes travel to the page, as int8 (the size: 4/3 D rank
    bytes); shape: (H, W) or (H, W, 3) of a picture; x_T (S, D): the noises to choose from, `names` their labels;
    features: the axes to choose from, counted from 0.
    """
    require(gaussian.D == np.prod(shape), "shape", shape, f"the Gaussian has D = {gaussian.D} values a picture")
    x_T = _points("x_T", x_T, gaussian.D)
    names = names or [str(n + 1) for n in range(len(x_T))]
    require(len(names) == len(x_T), "names", names, f"give {len(x_T)}, one for each x_T")
    kept = gaussian.truncate(rank)
    inside = len(features) > 1 and all(0 <= k < rank for k in features)
    require(inside, "features", features, f"give two axes or more, from 0 to {rank - 1}")
    require(np.all(kept.lam > 0), "lam", kept.lam, "keep the axes of positive variance (a smaller rank)")
    levels = _levels(schedule or VP(), times)
    c = (x_T - levels["levels"][0]["alpha"] * kept.mu) @ kept.U
    seeds = [{"name": n, "c": _short(k)} for n, k in zip(names, c, strict=True)]
    draws = _short(np.random.default_rng(5).standard_normal((4, rank)).round(3))
    data = {"shape": list(shape), "mu": _pack(kept.mu), "U": _pack(kept.U.T), "lam": _short(kept.lam), "seeds": seeds,
            "features": list(features), "draws": draws}  # fmt: skip
    return Interactive("nudge", title, {**levels, **data})
