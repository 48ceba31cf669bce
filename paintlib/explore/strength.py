"""The interactive of chapter 16: how strong guidance is, and when it is on, on two Gaussians."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _short

PAIRS = {  # name: means with and without the prompt, variances with and without it, along two common axes
    "narrower": ((0.5, 0.3), (0.0, 0.0), (0.5, 0.25), (1.0, 0.5)),
    "one axis wider": ((0.4, 0.2), (0.0, 0.0), (1.3, 0.3), (1.0, 0.8)),
    "equally wide": ((0.5, 0.3), (0.0, 0.0), (0.5, 0.5), (0.5, 0.5)),
}


def guided(pairs=None, strength=2.0, most=8.0, kappas=(0.05, 20.0), title="How loud, and when: what guidance paints"):
    """What guided sampling paints of two Gaussians with common axes, and the density that it is named by.

    pairs: {name: (mu_c, mu_u, lam_c, lam_u)}, each of them (2,), with the prompt (c) and without it (u); strength: w to
    begin with, of 0 to `most`; kappas: lowest and highest noise level of the interval in which guidance is on.
    """
    pairs = PAIRS if pairs is None else pairs
    require(0 < len(pairs) <= 4, "pairs", list(pairs), "give one to four")
    require(0 <= strength <= most, "strength", strength, f"give 0 to {most:g}")
    require(0 < kappas[0] < kappas[1] < np.inf, "kappas", kappas, "give 0 < lowest < highest")
    data = {"pairs": [_pair(name, *parts) for name, parts in pairs.items()], "strength": float(strength),
            "most": float(most), "kappas": _short(kappas)}  # fmt: skip
    return Interactive("guided", title, data)


def _pair(name, *parts):
    mu_c, mu_u, lam_c, lam_u = (np.asarray(part, dtype=float) for part in parts)
    shapes = [part.shape for part in (mu_c, mu_u, lam_c, lam_u)]
    require(all(shape == (2,) for shape in shapes), f"pair {name}", shapes, "give means and variances of two axes")
    fine = bool(np.isfinite([mu_c, mu_u]).all() and np.isfinite([lam_c, lam_u]).all() and min(*lam_c, *lam_u) > 0)
    require(fine, f"pair {name}", (mu_c, mu_u, lam_c, lam_u), "give finite means and positive, finite variances")
    features = [
        dict(zip(("mc", "mu", "c", "u"), _short(values), strict=True))
        for values in zip(mu_c, mu_u, lam_c, lam_u, strict=True)
    ]
    return {"name": name, "features": features}
