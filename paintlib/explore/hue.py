"""The interactive on the colour of the noise, for chapter 04."""

from paintlib import given
from paintlib.explore import Interactive, _pack, _short


def colour(gaussian, shape, z, rank=80, features=(0, 2, 9, 29, 79), gamma=0.0, kappas=(0.02, 50.0), names=None,
           title="Turn the colour of the noise: what comes first?"):  # fmt: skip
    """A Gaussian of real data paints with noise whose variance along axis k is kappa^2 lam_k^gamma.

    gaussian: a `Gaussian` (NumPy), of which the `rank` leading axes travel as int8; shape: of a picture; z (S, rank):
    the z-scores to choose from, `names` their labels; features: up to five axes to follow, from 0; gamma: 0 to 2.
    """
    kept, shape = given.leading(gaussian, shape, rank)
    z = given.array("z", z, "S", rank)
    names, features = given.names(names, len(z), "row of z"), given.indices("features", features, rank, 1, 5)
    gamma = given.between("gamma", gamma, 0, 2, "give a colour from 0 to 2")
    seeds = [{"name": n, "z": _short(row)} for n, row in zip(names, z, strict=True)]
    data = {"shape": shape, "mu": _pack(kept.mu), "U": _pack(kept.U.T), "lam": _short(kept.lam), "seeds": seeds,
            "features": features, "kappas": _short(given.span("kappas", kappas)), "gamma": gamma}  # fmt: skip
    return Interactive("colour", title, data)
