"""The interactives of chapter 08: where the runs from one noisy state end, and when each kind of fate is settled."""

import numpy as np

from paintlib import given
from paintlib.checks import number, require, whole
from paintlib.explore import Interactive, _short


def forks(means=((-2.2, 0.0), (2.2, 0.0)), width=0.16, kappa=2.0, state=(0.3, 0.2), runs=60, kappas=(0.1, 6.0),
          title="Fork a painting: the modes, the noise and the state are yours"):  # fmt: skip
    """Round modes in the plane, and runs of the reverse SDE from one state, drawn exactly (Eqs. 86, 95, 96).

    means (K, 2): two to four, within 4.7; width: variance of a mode, 0.01 to 2.25; kappa: noise at the state, within
    `kappas`; state (2,); runs: 2 to 200.
    """
    means, state = given.array("means", means, "K", 2), given.array("state", state, 2)
    inside = 2 <= len(means) <= 4 and np.abs(means).max() <= 4.7 and np.abs(state).max() <= 4.7
    require(inside, "means, state", (means.tolist(), state.tolist()), "give two to four means and a state, within 4.7")
    width = given.between("width", width, 0.01, 2.25, "give the variance of a mode, 0.01 to 2.25")
    kappa, ends = given.within_span(kappa, kappas)
    data = {"means": _short(means), "width": width, "kappa": kappa, "state": _short(state),
            "runs": given.count("runs", runs, 2, 200), "kappas": _short(ends)}  # fmt: skip
    return Interactive("forks", title, data)


def fates(each=8, kappa=2.0, kappas=(0.05, 20.0), apart=6.0, near=1.4, seed=0,
          title="Three fates, one formula: when is each of them settled?"):  # fmt: skip
    """A cloud of 2 families x 2 kinds x `each` points, and the chance that two runs from a state end alike.

    kappa: the noise to begin with, within `kappas`; apart, near: half the distance of families and of kinds.
    """
    each, (kappa, ends) = given.count("each", each, 2, 30), given.within_span(kappa, kappas)
    apart, near = (number("apart, near", value, "give two numbers") for value in (apart, near))
    require(0.5 <= apart <= 8 and 0.2 <= near <= 3, "apart, near", (apart, near), "give 0.5 to 8 and 0.2 to 3")
    whole("seed", seed, 0, "give a whole number, not negative")
    rng = np.random.default_rng(seed)
    offsets = [{"x": x, "y": y, "family": family, "kind": kind} for family in (-1, 1) for kind in (-1, 1)
               for x, y in _short(0.5 * rng.standard_normal((each, 2)))]  # fmt: skip
    data = {"offsets": offsets, "kappa": kappa, "kappas": _short(ends), "apart": apart, "near": near}
    return Interactive("fates", title, data)
