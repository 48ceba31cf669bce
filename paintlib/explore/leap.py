"""The interactive of chapter 12: one noise, and a jump that grows."""

import math

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _pack, _short


def teleport(kappas, evaluations, pictures, sketches, predicted, shape, names=None, title="Make the jump longer"):
    """The picture after a jump, beside the fully sampled one and beside what theory knew at the landing.

    kappas (J,): falling noise levels at the landings, the first without a jump; evaluations (J,): what the network is
    asked then; pictures (J, S, D): the final pictures for S noises, of which [0] are the fully sampled ones; sketches
    (J, S, D): the theory's endpoint estimates at the landing; predicted (J, S): the mean squared deviation of the
    picture that the difference at the landing lets one expect; shape: (H, W) or (H, W, 3). Pictures travel as int8
    (8/3 J S D bytes).
    """
    kappas, evaluations = np.asarray(kappas, dtype=float), np.asarray(evaluations)
    falling = kappas.ndim == 1 and len(kappas) > 1 and np.all(np.diff(kappas) < 0) and kappas[-1] >= 0
    require(falling, "kappas", kappas, "give (J,) falling noise levels, J at least 2")
    pictures, sketches, predicted = (np.asarray(a, dtype=float) for a in (pictures, sketches, predicted))
    fits = pictures.ndim == 3 and pictures.shape == sketches.shape and len(pictures) == len(kappas)
    given = f"shapes {pictures.shape}, {sketches.shape}"
    require(fits and 0 not in pictures.shape, "pictures, sketches", given, f"give both as ({len(kappas)}, S, D)")
    J, S, D = pictures.shape
    require(predicted.shape == (J, S), "predicted", f"shape {predicted.shape}", f"give ({J}, {S})")
    require(evaluations.shape == (J,), "evaluations", evaluations, f"give ({J},), one for each landing")
    every = (pictures, sketches, predicted)
    require(all(np.isfinite(a).all() for a in every), "pictures", "NaN or infinity", "look for their cause")
    require(D == math.prod(shape), "shape", shape, f"the pictures have D = {D} values each")
    names = names or [str(n + 1) for n in range(S)]
    require(len(names) == S, "names", names, f"give {S}, one for each noise")
    seeds = [{"name": name, "pictures": _pack(pictures[:, s]), "sketches": _pack(sketches[:, s]),
              "predicted": _short(predicted[:, s])} for s, name in enumerate(names)]  # fmt: skip
    data = {"kappas": _short(kappas), "evaluations": evaluations.tolist(), "shape": list(shape), "seeds": seeds}
    return Interactive("teleport", title, data)
