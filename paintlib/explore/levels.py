"""The interactive of chapter 13: the reader places the steps."""

from collections.abc import Mapping

import numpy as np

from paintlib import given
from paintlib.checks import require, variances, whole
from paintlib.explore import Interactive, _short

SAMPLERS = ("ddim", "heun", "multistep")


def placing(lam, lists, best, moves=6, title="Place the steps yourself"):
    """Levels to drag, and what DDIM, Heun and 2M on them miss of Gaussian data of variances `lam`, exactly.

    lam (r,): the variances; lists: {name: {n: kappas}} to compare with, one for each number n of moves; best: the best
    ones, {sampler: {n: kappas}} for "ddim", "heun" and "multistep"; moves: n to begin with. All lists fall from noise
    to 0, the best ones from one common start. The page computes the closed forms of `paintlib.transfer`.
    """
    lam = variances("lam", lam)
    require(bool(np.all(lam > 0)), "lam", lam, "give positive variances")
    lists = given.named("lists", lists, 20, "give {name: {n: kappas}}, one list or more to compare with")
    best = given.named("best", best, 3, f"give {{sampler: {{n: kappas}}}} for {', '.join(SAMPLERS)}")
    require(set(best) == set(SAMPLERS), "best", sorted(best), f"give {', '.join(SAMPLERS)}")
    lists, best = ({name: _by_moves(name, of) for name, of in group.items()} for group in (lists, best))
    counts = list(next(iter(lists.values())))
    for name, of in [*lists.items(), *best.items()]:
        require(list(of) == counts, name, f"moves {list(of)}", f"all lists need the same numbers: {counts}")
    whole("moves", moves, 1, f"choose among {counts}")
    require(moves in counts, "moves", moves, f"choose among {counts}")
    starts = {float(of[n][0]) for of in best.values() for n in counts}
    require(len(starts) == 1, "best", f"starts {sorted(starts)}", "let all begin at one noise level")
    data = {"lam": _short(lam), "lists": _ready(lists), "best": _ready(best), "start": starts.pop(),
            "moves": int(moves), "counts": counts}  # fmt: skip
    return Interactive("placing", title, data)


def _by_moves(name, of):
    """The lists of one name, {n: kappas}, by rising numbers of moves."""
    require(isinstance(of, Mapping) and len(of) > 0, name, f"a {type(of).__name__}", "give {n: kappas}")
    found = {}
    for n, kappas in of.items():
        n, kappas = given.count(name, n, 1, 1000), given.falling(name, kappas)
        sound = len(kappas) == n + 1 and kappas[-1] == 0
        require(sound, name, kappas, f"{n} moves are {n + 1} levels that fall to 0")
        found[n] = kappas
    return dict(sorted(found.items()))


def _ready(lists):
    return {name: {str(n): _short(kappas) for n, kappas in of.items()} for name, of in lists.items()}
