"""What goes wrong at the borders, said in one way: the quantity, what came, and the remedy."""

import math

from array_api_compat import array_namespace, is_array_api_obj


def require(condition, quantity, given, remedy):
    """Raise a `ValueError` that names the quantity, what was given and what to do, unless `condition` holds."""
    if not condition:
        raise ValueError(f"{quantity}: got {given}; {remedy}")


def everywhere(condition):
    """Whether a condition holds; for an array of them, whether all do."""
    return bool(array_namespace(condition).all(condition)) if is_array_api_obj(condition) else bool(condition)


def library(quantity, array):
    """The array library of `array`."""
    try:
        return array_namespace(array)
    except TypeError:
        raise ValueError(f"{quantity}: got a {type(array).__name__}; give a NumPy array or a torch tensor") from None


def real_array(quantity, array, ndim=None):
    """Check that `array` holds finite floating-point numbers, with `ndim` axes if given, and is not empty."""
    xp = library(quantity, array)
    floating = xp.isdtype(array.dtype, "real floating")
    require(floating, quantity, f"dtype {array.dtype}", "convert to floating point (for pixels: data.to_vectors)")
    if ndim is not None:
        require(array.ndim == ndim, quantity, f"shape {tuple(array.shape)}", f"give an array with {ndim} axes")
    require(math.prod(array.shape) > 0, quantity, f"shape {tuple(array.shape)}", "it must not be empty")
    ends = float(xp.min(array)), float(xp.max(array))  # NaN shows in both, and no array of its size is made
    require(all(map(math.isfinite, ends)), quantity, "NaN or infinity", "remove or mend those entries")
    return array


def state(x, D):
    """Check a state: finite floating-point numbers, shape (..., D)."""
    real_array("x", x)
    shape = tuple(x.shape)
    require(x.ndim > 0 and shape[-1] == D, "x", f"shape {shape}", f"its last axis must have length {D}; flatten images")
    return x


def same_library(x, own, quantity="x"):
    """Check that x and a model's own array are both NumPy's, or both torch's."""
    kinds = f"{type(x).__name__} for a model of {type(own).__name__}"
    same = array_namespace(x) is array_namespace(own)
    require(same, quantity, kinds, "convert one of the two (a Gaussian or Mixture by its .like(x))")
