"""The interactive of chapter 11: several painters start from the same noise."""

import math

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _pack, _short


def painters(kappas, estimates, shape, names=None, title="One noise, several painters: lower the noise"):
    """Endpoint estimates side by side, from noise to picture, and how far each painter is from the first.

    kappas (T,): falling noise levels sigma / alpha; estimates: {painter: x0_hat (T, S, D)} for S noises, two to five
    painters, of whom the first is the one that the others are held against; shape: (H, W) or (H, W, 3) of a picture;
    names: the noises' labels. Estimates travel as int8, one scale per picture (4/3 T S D bytes for each painter).
    """
    kappas = np.asarray(kappas, dtype=float)
    falling = kappas.ndim == 1 and len(kappas) > 1 and np.all(np.diff(kappas) < 0) and kappas[-1] >= 0
    require(falling, "kappas", kappas, "give (T,) falling noise levels, T at least 2")
    require(2 <= len(estimates) <= 5, "estimates", f"{len(estimates)} painters", "give {painter: x0_hat}, two to five")
    arrays = [np.asarray(x, dtype=float) for x in estimates.values()]
    shapes = [x.shape for x in arrays]
    fits = len(set(shapes)) == 1 and arrays[0].ndim == 3 and len(arrays[0]) == len(kappas) and 0 not in shapes[0]
    require(fits, "estimates", shapes, f"give all as (T, S, D) with T = {len(kappas)}, the number of kappas")
    require(all(np.isfinite(x).all() for x in arrays), "estimates", "NaN or infinity", "look for their cause")
    _, S, D = shapes[0]
    require(D == math.prod(shape), "shape", shape, f"the estimates have D = {D} values a picture")
    names = names or [str(n + 1) for n in range(S)]
    require(len(names) == S, "names", names, f"give {S}, one for each noise")
    packed = [{"name": name, "frames": [_pack(x[:, s]) for s in range(S)]}
              for name, x in zip(estimates, arrays, strict=True)]  # fmt: skip
    data = {"kappas": _short(kappas), "shape": list(shape), "names": list(names), "painters": packed}
    return Interactive("painters", title, data)
