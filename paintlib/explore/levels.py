"""The interactive of chapter 13: the reader places the steps."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _short

SAMPLERS = ("ddim", "heun", "multistep")


def placing(lam, lists, best, moves=6, title="Place the steps yourself"):
    """Levels to drag, and what DDIM, Heun and 2M on them miss of Gaussian data of variances `lam`, exactly.

    lam (r,): the variances; lists: {name: {n: kappas}} to compare with, one for each number n of moves; best: the best
    ones, {sampler: {n: kappas}} for "ddim", "heun" and "multistep"; moves: n to begin with. All lists fall from noise
    to 0, the best ones from one common start. The page computes the closed forms of `paintlib.transfer`.
    """
    lam = np.asarray(lam, dtype=float)
    fits = lam.ndim == 1 and len(lam) > 0 and bool(np.all((lam > 0) & np.isfinite(lam)))
    require(fits, "lam", f"shape {lam.shape}", "give (r,) positive variances")
    require(len(lists) > 0, "lists", "none", "give one list or more to compare with")
    require(set(best) == set(SAMPLERS), "best", sorted(best), f"give {', '.join(SAMPLERS)}")
    counts = sorted(next(iter(lists.values())))
    for name, of in [*lists.items(), *best.items()]:
        require(sorted(of) == counts, name, f"moves {sorted(of)}", f"all lists need the same numbers: {counts}")
        for n, kappas in of.items():
            sound = len(kappas) == n + 1 and kappas[-1] == 0 and bool(np.all(np.diff(kappas) < 0))
            require(sound, name, list(kappas), f"{n} moves are {n + 1} levels that fall to 0")
    require(moves in counts, "moves", moves, f"choose among {counts}")
    starts = {float(of[n][0]) for of in best.values() for n in counts}
    require(len(starts) == 1, "best", f"starts {sorted(starts)}", "let all begin at one noise level")
    data = {"lam": _short(lam), "lists": _ready(lists), "best": _ready(best), "start": starts.pop(),
            "moves": int(moves), "counts": [int(n) for n in counts]}  # fmt: skip
    return Interactive("placing", title, data)


def _ready(lists):
    return {name: {str(n): _short(kappas) for n, kappas in of.items()} for name, of in lists.items()}
