"""The interactive of chapter 10: trajectories as curves in space."""

from paintlib import given
from paintlib.checks import require
from paintlib.explore import Interactive, _short


def boomerang(views, kappas, title="Turn the boomerang, and paint along it"):
    """Trajectories in three dimensions (`geometry.boomerang`), in one or more coordinate systems, with a step marker.

    views: {coordinates: {name: r}}, with r (T, 3) from noise to image and up to four names, the same in every view;
    kappas (T,): the noise level sigma / alpha of each step.
    """
    kappas = given.falling("kappas", kappas, ties=True)
    remedy = "give {coordinates: {name: curve}}, with one to four names"
    views = {view: given.named("views", curves, 4, remedy) for view, curves in
             given.named("views", views, 10, remedy).items()}  # fmt: skip
    names = list(next(iter(views.values())))
    alike = all(list(curves) == names for curves in views.values())
    require(alike, "views", {view: list(curves) for view, curves in views.items()}, "give each the same names")
    packed = [{"name": view, "curves": [_curve(r, len(kappas)) for r in curves.values()]}
              for view, curves in views.items()]  # fmt: skip
    return Interactive("boomerang", title, {"kappas": _short(kappas), "names": names, "views": packed})


def _curve(r, T):
    r = given.array("r", r, T, 3)
    require(r[0, 0] > 0, "r", f"a first point {r[0]}", "give what geometry.boomerang returns")
    return _short(r)
