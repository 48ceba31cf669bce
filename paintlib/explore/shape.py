"""The interactive of chapter 10: trajectories as curves in space."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _short


def boomerang(views, kappas, title="Turn the boomerang, and paint along it"):
    """Trajectories in three dimensions (`geometry.boomerang`), in one or more coordinate systems, with a step marker.

    views: {coordinates: {name: r}}, with r (T, 3) from noise to image and up to four names, the same in every view;
    kappas (T,): the noise level sigma / alpha of each step.
    """
    kappas = np.asarray(kappas, dtype=float)
    falling = kappas.ndim == 1 and len(kappas) > 1 and np.all(np.diff(kappas) <= 0) and kappas[-1] >= 0
    require(falling, "kappas", kappas, "give (T,) noise levels from noise to image, T at least 2, none rising")
    require(len(views) > 0, "views", "none", "give {coordinates: {name: curve}}")
    names = list(next(iter(views.values())))
    alike = 1 <= len(names) <= 4 and all(list(curves) == names for curves in views.values())
    require(alike, "views", {view: list(curves) for view, curves in views.items()}, "give each the same 1 to 4 names")
    packed = [{"name": view, "curves": [_curve(r, len(kappas)) for r in curves.values()]}
              for view, curves in views.items()]  # fmt: skip
    return Interactive("boomerang", title, {"kappas": _short(kappas), "names": names, "views": packed})


def _curve(r, T):
    r = np.asarray(r, dtype=float)
    require(r.shape == (T, 3), "r", f"shape {r.shape}", f"give ({T}, 3), one point for each of the kappas")
    require(np.isfinite(r).all() and r[0, 0] > 0, "r", "no finite length", "give what geometry.boomerang returns")
    return _short(r)
