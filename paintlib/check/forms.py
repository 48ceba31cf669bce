"""What an answer came to, in whatever form it comes: numbers, lists, arrays and tensors of any library."""

import math

import numpy as np

ROUNDING = 1e-4  # of the largest value: an answer worked out in float32 is right, and a wrong idea is further off


class Wrong(Exception):
    """The answer is not right; the message says what was seen."""


def numbers(what, value):
    """`value` as a new array of float64, or `Wrong`; `what` names it in the message, as "the mean" does.

    Lists, tuples, arrays and tensors (with gradients too) pass, and complex numbers whose imaginary part is zero.
    """
    if value is None or value is Ellipsis:
        raise Wrong("Your function returns nothing yet")
    try:
        array = np.asarray(_plain(value))
        if array.dtype.kind in "USmM":
            raise TypeError
        array = array.astype(complex)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"{what} should be numbers; got {_kind(value)}") from None
    if np.any(np.abs(array.imag) > 1e-9 * np.abs(array.real).max(initial=1e-300)):
        raise Wrong(f"{what} should be real; it has an imaginary part")
    return array.real.copy()


def number(what, value):
    """`value`, one number or an array that holds just one, as a finite float, or `Wrong`."""
    if callable(value):
        raise Wrong(f"{what} should be a number; got a function")
    array = numbers(what, value)
    if array.size != 1:
        raise Wrong(f"{what} should be a number; got an array of shape {array.shape}")
    if not math.isfinite(array.item()):
        raise Wrong(f"{what} came out as {array.item()}")
    return array.item()


def parts(value, count):
    """The `count` things of which `value` consists, as a tuple, a list or an array does, or `Wrong`."""
    if value is None or value is Ellipsis:
        raise Wrong("Your function returns nothing yet")
    try:
        found = list(value)
    except (TypeError, ValueError):  # the last: a single Level
        raise Wrong(f"Your function should return {count} things; got {_kind(value)}") from None
    if len(found) != count or isinstance(value, (str, dict, set)):
        raise Wrong(f"Your function should return {count} things; got {_kind(value)} of {len(found)}")
    return found


def close(what, given, wanted, rtol=1e-6, atol=1e-9):
    """Raise `Wrong` unless `given` has the shape of `wanted`, but for axes of length 1, and its values.

    They may differ by atol + rtol |wanted|, and by the rounding of float32.
    """
    given, wanted = numbers(what, given), np.asarray(wanted, dtype=float)
    if given.squeeze().shape != wanted.squeeze().shape:
        raise Wrong(f"{what} should have shape {wanted.shape}; got {given.shape}")
    given = given.reshape(wanted.shape)
    if not np.all(np.isfinite(given)):
        raise Wrong(f"{what} should be finite; got NaN or infinity")
    error = np.abs(given - wanted)
    if not np.all(error <= atol + rtol * np.abs(wanted) + ROUNDING * np.abs(wanted).max(initial=0)):
        raise Wrong(f"{what}: off by up to {np.max(error):.3g}")


def _plain(value):
    """Tensors as nested lists, also within lists and tuples; an iterator as a list."""
    if hasattr(value, "detach"):
        return value.detach().tolist()
    if hasattr(value, "__next__"):
        value = list(value)
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _kind(value):
    return "nothing" if value is None or value is Ellipsis else type(value).__name__
