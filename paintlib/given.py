"""What figures, pages and panels are given, read in one way: what cannot be drawn is refused by its name beforehand.

Sizes end at 1e50 and levels begin at 1e-50, as in all of paintlib: so what a page computes of them are numbers.
"""

import math
from collections.abc import Mapping
from numbers import Integral

import numpy as np

from paintlib.checks import as_numpy, float_array, number, require, whole, within
from paintlib.gaussian import Gaussian

MOST = 1e50


def between(quantity, value, low, high, remedy):
    """One number from `low` to `high`, as a Python float."""
    value = number(quantity, value, remedy)
    require(low <= value <= high, quantity, value, remedy)
    return value


def count(quantity, value, low, high):
    """A whole number from `low` to `high`, as a Python int."""
    remedy = f"give a whole number from {low} to {high}"
    whole(quantity, value, low, remedy)
    require(value <= high, quantity, value, remedy)
    return int(value)


def array(quantity, values, *shape):
    """Numbers as float64, in a shape that has a letter where any length will do; ... at its head are any axes."""
    found = float_array(quantity, values, None)
    _fits(quantity, found.shape, shape)
    require(np.abs(found).max() <= MOST, quantity, "numbers beyond 1e50", "give smaller ones")
    return found


def wholes(quantity, values, least, *shape):
    """Whole numbers of `least` or more, as a list of Python's ints."""
    found = array(quantity, values, *shape)
    fits = bool(np.all((found >= least) & (found <= 1e9) & (found % 1 == 0)))
    require(fits, quantity, found, f"give whole numbers from {least} to 1e9")
    return found.astype(int).tolist()


def pictures(quantity, values, *shape, colour=False):
    """Pictures as uint8, given as such or as numbers from 0 to 1; with `colour` an axis of 3 may follow."""
    found = as_numpy(values)
    require(found.dtype.kind in "fiu", quantity, f"dtype {found.dtype}", "give uint8, or floats in [0, 1]")
    shape = (*shape, 3) if colour and found.ndim > len(shape) else shape
    _fits(quantity, found.shape, shape)
    if found.dtype == np.uint8:
        return found
    low, high = found.min(), found.max()
    require(low >= 0 and high <= 1, quantity, f"{low:.3g} to {high:.3g}", "give uint8, or floats in [0, 1]")
    return np.rint(255 * found).astype(np.uint8)


def _fits(quantity, found, wanted):
    """Check a shape against one that has letters for lengths of 1 or more."""
    told = ", ".join("..." if want is ... else str(want) for want in wanted) + "," * (len(wanted) == 1)
    if wanted[:1] == (...,):
        wanted = (*found[: 1 - len(wanted)], *wanted[1:])
    fits = len(found) == len(wanted) and all(
        n > 0 if isinstance(want, str) else n == want for n, want in zip(found, wanted, strict=True)
    )
    require(fits, quantity, f"shape {found}", f"give ({told})")


def falling(quantity, values, least=2, ties=False):
    """Noise levels (T,) from noise to data as float64: `least` or more, falling, or with `ties` none rising."""
    kappas = array(quantity, values, "T")
    down = np.diff(kappas) <= 0 if ties else np.diff(kappas) < 0
    remedy = f"give {least} or more noise levels, {'none rising' if ties else 'falling'}, none below 0"
    require(len(kappas) >= least and down.all(), quantity, kappas, remedy)
    within(quantity, kappas, 0, remedy)
    return kappas


def span(quantity, pair, remedy="give 0 < lowest < highest"):
    """The lowest and the highest of two noise levels, as Python floats."""
    low, high = array(quantity, pair, 2).tolist()
    require(0 < low < high, quantity, (low, high), remedy)
    within(quantity, low, 0, remedy)
    return low, high


def within_span(kappa, pair):
    """A noise level and the two between which it lies, as Python floats."""
    low, high = span("kappas", pair)
    kappa = number("kappa", kappa, "give a noise level within kappas")
    require(low <= kappa <= high, "kappas", (low, kappa, high), "give 0 < lowest <= kappa <= highest")
    return kappa, [low, high]


def listed(given):
    """A list, tuple, range, text or array with an axis as a list; else None."""
    fits = isinstance(given, list | tuple | range | str) or (isinstance(given, np.ndarray) and given.ndim > 0)
    return list(given) if fits else None


def sides(shape, D):
    """The shape of a picture of D values as a list, [H, W] or [H, W, C]."""
    found = listed(shape) or []
    fits = len(found) in (2, 3) and all(isinstance(side, Integral) and side > 0 for side in found)
    fits = fits and math.prod(found) == D and found[2:] in ([], [1], [3])
    require(fits, "shape", shape, f"give (H, W) or (H, W, 3) of a picture, of {D} values")
    return [int(side) for side in found]


def labels(quantity, given):
    """One label or more as a list of text."""
    found = listed(given) or []
    fits = len(found) > 0 and all(isinstance(label, str | Integral) for label in found)
    require(fits, quantity, given, "give a list of texts")
    return [str(label) for label in found]


def names(given, number_of, each):
    """Labels, one for each thing, as a list of text; 1, 2 and so on if none are given."""
    found = [str(n + 1) for n in range(number_of)] if given is None else labels("names", given)
    require(len(found) == number_of, "names", given, f"give {number_of}, one for each {each}")
    return found


def leading(gaussian, shape, rank):
    """The `rank` leading axes of a Gaussian, and the sides of the pictures that it paints."""
    ours = isinstance(gaussian, Gaussian) and isinstance(gaussian.mu, np.ndarray)
    require(ours, "gaussian", f"a {type(gaussian).__name__}", "give a Gaussian of NumPy arrays: .like(np.zeros(1))")
    found, kept = sides(shape, gaussian.D), gaussian.truncate(rank)
    require(np.all(kept.lam > 0), "lam", kept.lam, "keep the axes of positive variance (a smaller rank)")
    return kept, found


def indices(quantity, given, below, least, most):
    """From `least` to `most` whole numbers from 0 to `below` - 1, as a list of Python's ints."""
    found = listed(given) or []
    inside = all(isinstance(k, Integral) and not isinstance(k, bool) and 0 <= k < below for k in found)
    remedy = f"give {least} to {most} whole numbers from 0 to {below - 1}"
    require(least <= len(found) <= most and inside, quantity, given, remedy)
    return [int(k) for k in found]


def named(quantity, things, most, remedy, least=1):
    """A dictionary of `least` to `most` things by their names."""
    is_one = isinstance(things, Mapping)
    fits = is_one and least <= len(things) <= most and all(isinstance(name, str) for name in things)
    require(fits, quantity, list(things) if is_one else type(things).__name__, remedy)
    return dict(things)


def parts(quantity, given, *wanted):
    """As many things as are wanted, in a tuple or a list."""
    fits = isinstance(given, tuple | list) and len(given) == len(wanted)
    told = f"{len(given)} things" if isinstance(given, tuple | list) else f"a {type(given).__name__}"
    require(fits, quantity, told, f"give ({', '.join(wanted)})")
    return given
