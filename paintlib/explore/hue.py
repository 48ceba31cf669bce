"""The interactive on the colour of the noise, for chapter 04."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _pack, _points, _short


def colour(gaussian, shape, z, rank=80, features=(0, 2, 9, 29, 79), gamma=0.0, kappas=(0.02, 50.0), names=None,
           title="Turn the colour of the noise: what comes first?"):  # fmt: skip
    """A Gaussian of real data paints with noise whose variance along axis k is kappa^2 lam_k^gamma.

    gaussian: a `Gaussian` (NumPy), of which the `rank` leading axes travel as int8; shape: of a picture; z (S, rank):
    the z-scores to choose from, `names` their labels; features: up to five axes to follow, from 0; gamma: 0 to 2.
    """
    require(gaussian.D == np.prod(shape), "shape", shape, f"the Gaussian has D = {gaussian.D} values a picture")
    kept = gaussian.truncate(rank)
    z = _points("z", z, rank)
    names = names or [str(n + 1) for n in range(len(z))]
    require(len(names) == len(z), "names", names, f"give {len(z)}, one for each row of z")
    inside = 0 < len(features) <= 5 and all(0 <= k < rank for k in features)
    require(inside, "features", features, f"give one to five axes from 0 to {rank - 1}")
    require(bool(np.all(kept.lam > 0)), "lam", kept.lam, "keep the axes of positive variance (a smaller rank)")
    require(0 <= gamma <= 2, "gamma", gamma, "give a colour from 0 to 2")
    low, high = kappas
    require(0 < low < high, "kappas", kappas, "give 0 < lowest < highest")
    seeds = [{"name": n, "z": _short(row)} for n, row in zip(names, z, strict=True)]
    data = {"shape": list(shape), "mu": _pack(kept.mu), "U": _pack(kept.U.T), "lam": _short(kept.lam), "seeds": seeds,
            "features": list(features), "kappas": _short(kappas), "gamma": float(gamma)}  # fmt: skip
    return Interactive("colour", title, data)
