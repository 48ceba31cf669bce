"""What goes wrong at the borders, said in one way: the quantity, what came, and the remedy."""

import math
import os
from functools import lru_cache
from numbers import Integral
from pathlib import Path

import array_api_compat.numpy as numpy_library
import numpy as np
from array_api_compat import array_namespace, is_array_api_obj, is_torch_array


def require(condition, quantity, given, remedy):
    """Raise a `ValueError` that names the quantity, what was given and what to do, unless `condition` holds."""
    if not condition:
        with np.printoptions(threshold=20):  # of a long array its ends
            raise ValueError(f"{quantity}: got {given}; {remedy}")


def everywhere(condition):
    """Whether a condition holds; for an array of them, whether all do."""
    if isinstance(condition, bool):
        return condition
    return bool(array_namespace(condition).all(condition)) if is_array_api_obj(condition) else bool(condition)


def library(quantity, array):
    """The array library of `array`."""
    if type(array) is np.ndarray:  # the usual case, without a search
        return numpy_library
    try:
        xp = array_namespace(array)
    except TypeError:
        raise ValueError(f"{quantity}: got a {type(array).__name__}; give a NumPy array or a torch tensor") from None
    if isinstance(array, np.ma.MaskedArray):
        require(False, quantity, "a masked array", "leave out what is masked, or .filled(value)")
    if is_torch_array(array) and (str(array.layout) != "torch.strided" or array.device.type == "meta"):
        given = f"a tensor of layout {array.layout} on {array.device}"
        require(False, quantity, given, "give a dense one that holds its numbers, .to_dense()")
    return xp


def scalar(value, like):
    """One number as an array of the library, dtype and device of another."""
    if type(like) is np.ndarray:
        return np.array(value, dtype=like.dtype)
    return array_namespace(like).asarray(value, dtype=like.dtype, device=like.device)


@lru_cache
def floating(xp, dtype):
    """Whether a dtype is one of real floating-point numbers."""
    return xp.isdtype(dtype, "real floating")


@lru_cache
def square_range(xp, dtype):
    """The smallest and the largest number of a dtype whose squares are ordinary numbers of it."""
    info = xp.finfo(dtype)
    return float(info.smallest_normal) ** 0.5, float(info.max) ** 0.5


def floats(quantity, array):
    """The array library of an array of floating-point numbers."""
    xp = library(quantity, array)
    if not floating(xp, array.dtype):
        require(False, quantity, f"dtype {array.dtype}", "convert to floating point (for pixels: data.to_vectors)")
    return xp


def real_array(quantity, array, ndim=None, empty=False):
    """Check that `array` holds finite floating-point numbers, with `ndim` axes if given, and is not empty.

    With `empty` there may be no rows.
    """
    floats(quantity, array)
    shape = tuple(array.shape)
    if ndim is not None and len(shape) != ndim:
        require(False, quantity, f"shape {shape}", f"give an array with {ndim} axes")
    if empty and shape[0] == 0 and 0 not in shape[1:]:
        return array
    if 0 in shape:
        require(False, quantity, f"shape {shape}", "it must not be empty")
    require(finite(array), quantity, "NaN or infinity", "remove or mend those entries")
    return array


def finite(array):
    """Whether all entries of an array are finite."""
    if type(array) is np.ndarray and array.size < 2**16:
        return bool(np.isfinite(array).all())
    xp = array_namespace(array)  # no mask of its size is made: NaN is both the largest and the smallest
    return bool(xp.isfinite(xp.max(array)) & xp.isfinite(xp.min(array)))


def vectors(quantity, x):
    """Check that x holds floating-point numbers whose squares are finite."""
    xp = library(quantity, x)
    if type(x) is np.ndarray and x.itemsize >= 4 and x.dtype.kind == "f" and x.size > 0:
        sound = math.isfinite(np.vdot(x, x))  # one pass over x, which any NaN and infinity survive
    else:
        real_array(quantity, x)
        sound = bool(xp.isfinite(xp.linalg.vector_norm(x)))
    require(sound, quantity, "NaN or infinity, or entries whose squares are", "remove or mend those entries")
    return x


def state(x, D):
    """Check a state: floating-point numbers whose squares are finite, shape (..., D)."""
    vectors("x", x)
    if x.ndim == 0 or x.shape[-1] != D:
        remedy = f"its last axis must have length {D}; flatten images"
        require(False, "x", f"shape {tuple(x.shape)}", remedy)
    return x


def same_library(x, own, quantity="x"):
    """Check that x and a model's own array are both NumPy's, or both torch's."""
    if type(x) is type(own):
        return
    kinds = f"{type(x).__name__} for a model of {type(own).__name__}"
    same = library(quantity, x) is array_namespace(own)
    require(same, quantity, kinds, "convert one of the two (a Gaussian or Mixture by its .like(x))")


def one_level_each(x, *values):
    """Check that a level's values (..., 1) are no more than x (..., D) has rows."""
    shape = (*x.shape[:-1], 1)
    fits = all(np.broadcast_shapes(tuple(value.shape), shape) == shape for value in values)
    require(fits, "level", f"more levels than x of shape {tuple(x.shape)}", "give one for each x, or one for all")


def same_kind(x, own):
    """Check that x has a model's array library, and its dtype where no promotion would help (NumPy promotes)."""
    same_library(x, own)
    if x.dtype != own.dtype and type(x) is not np.ndarray:
        remedy = "convert one of the two (a Gaussian or Mixture by its .like(x))"
        require(False, "x", f"dtype {x.dtype} for a model of {own.dtype}", remedy)


def together(quantities, *values):
    """Check that the arrays among some values are of one library, and that their shapes fit one another."""
    arrays = [value for value in values if is_array_api_obj(value)]
    if len(arrays) < 2:
        return
    kinds = {array_namespace(array).__name__ for array in arrays}
    require(len(kinds) == 1, quantities, f"arrays of {sorted(kinds)}", "give all in one library")
    shapes = [tuple(array.shape) for array in arrays]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        require(False, quantities, f"shapes {shapes}", "give shapes that fit one another")


def float_array(quantity, values, ndim=1):
    """Numbers as a NumPy array in float64."""
    try:
        values = values.detach().cpu() if hasattr(values, "detach") else values
        array = np.asarray(values, dtype=None if is_array_api_obj(values) else float)
        require(array.dtype.kind in "fiu", quantity, f"dtype {array.dtype}", "give real numbers")
    except (TypeError, ValueError, RuntimeError) as error:  # the last: a tensor without its numbers
        require(False, quantity, f"{values!r} ({error})", "give real numbers")
    return real_array(quantity, array.astype(float), ndim)


def variances(quantity, values, ndim=1):
    """Variances as a NumPy array in float64: not negative, and far from the ends of what a number can be."""
    array = float_array(quantity, values, ndim)
    within(quantity, array, 0, "variances are not negative")
    return array


def within(quantity, value, least, remedy):
    """Check that numbers are `least` or more, and 0 or from 1e-50 to 1e50, so that their products are numbers."""
    require(everywhere(value >= least), quantity, value, remedy)
    with np.errstate(over="ignore"):  # in half precision the ends are 0 and infinity
        usual = (value == 0) | (abs(value) >= 1e-50) & (abs(value) <= 1e50)
    require(everywhere(usual), quantity, value, "give numbers from 1e-50 to 1e50")


def positive(quantity, value, remedy="give one positive number"):
    """One positive number, as a Python float, from 1e-50 to 1e50."""
    value = number(quantity, value, remedy)
    require(value > 0, quantity, value, remedy)
    within(quantity, value, 0, remedy)
    return value


def number(quantity, value, remedy="give one number"):
    """A finite number, as a Python float."""
    require(not isinstance(value, str | bytes), quantity, repr(value), remedy)  # float("1") is a number
    try:
        value = float(value)
    except (TypeError, ValueError, RuntimeError):  # a list, a whole tensor
        raise ValueError(f"{quantity}: got {value!r}; {remedy}") from None
    require(math.isfinite(value), quantity, value, remedy)
    return value


def not_negative(quantity, value, remedy):
    """A finite number >= 0 as a Python float, or an array of such as it came."""
    if type(value) is float and 0 <= value < math.inf:
        return value
    if is_array_api_obj(value) and value.ndim > 0:
        xp = library(quantity, value)
        require(xp.isdtype(value.dtype, "numeric") and not xp.isdtype(value.dtype, "complex floating"),
                quantity, f"dtype {value.dtype}", "give real numbers")  # fmt: skip
        require(bool(xp.all((value >= 0) & (value < math.inf))), quantity, value, remedy)
        return value
    if isinstance(value, list | tuple):
        require(False, quantity, value, "give a number, or an array: np.array([...])")
    value = number(quantity, value, remedy)
    require(value >= 0, quantity, value, remedy)
    return value


def rates(rate):
    """The pair (alpha', sigma') that a schedule's `rate(t)` gives: two finite numbers, or arrays over batch axes."""
    pair = isinstance(rate, tuple | list) and len(rate) == 2
    require(pair, "rate", repr(rate), "give (alpha', sigma'), as schedule.rate(t) does")
    for value in rate:
        if is_array_api_obj(value) and value.ndim > 0:
            real_array("rate", value)
        else:
            number("rate", value)
    return rate


def interval(low, high):
    """The ends of an interval of levels kappa, 0 <= low <= high, as Python floats; high may be infinite."""
    low = number("low", low, "give a level kappa")
    high = math.inf if isinstance(high, float) and high == math.inf else number("high", high, "give a level kappa")
    require(0 <= low <= high, "low, high", (low, high), "need 0 <= low <= high, levels kappa")
    within("low", low, 0, "give a level kappa")
    within("high", min(high, 1e50), 0, "give a level kappa")
    return low, high


def whole(quantity, value, least, remedy):
    """Check that `value` is a whole number of at least `least`, no truth value and no float."""
    fits = isinstance(value, Integral) and not isinstance(value, bool) and value >= least
    require(fits, quantity, repr(value), remedy)


def path(quantity, value):
    """A path as pathlib's, whether something is there or not; a number is none, though open() takes it."""
    fits = isinstance(value, str | os.PathLike) and str(value) != ""
    require(fits, quantity, repr(value), "give a path as text")
    return Path(value)


def as_numpy(array):
    """`array` as NumPy's: a tensor is detached and brought to the CPU, a list is made one."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
    try:
        return np.asarray(array)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"an array: got a {type(array).__name__} ({error}); give numbers in rows of one length"
        ) from None
