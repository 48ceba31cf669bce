"""Pixels and vectors: uint8 to [-1, 1] and back, and black margins."""

import math

import numpy as np

from paintlib.checks import as_numpy, number, require, whole

MOST_BYTES = 4e9  # of pictures with a margin: all of CIFAR-10 as float64 take 1.2e9


def to_vectors(images):
    """uint8 images (N, H, W) or (N, H, W, C) to float64 vectors (N, D) in [-1, 1]: x / 127.5 - 1, row by row."""
    images = as_numpy(images)
    require(images.dtype == np.uint8, "images", f"dtype {images.dtype}", "give uint8 pixels from 0 to 255")
    _check_axes(images)
    require(len(images) > 0, "images", f"shape {images.shape}", "give at least one image")
    return images.reshape(len(images), -1) / 127.5 - 1


def to_images(x, shape):
    """Vectors (..., D) in [-1, 1] to float images (..., *shape) in [0, 1] for `imshow`: (x + 1) / 2.

    What lies outside [-1, 1] is clipped. That is for the eye alone: compute with x, never with what comes out here.
    """
    x = _checked(x, shape)
    return np.clip((x + 1) / 2, 0, 1).reshape(*x.shape[:-1], *shape)


def to_uint8(x, shape):
    """Vectors (..., D) in [-1, 1] as pictures (..., *shape), uint8, rounded: the inverse of `to_vectors`.

    What lies outside [-1, 1] is clipped, as files of pictures clip it.
    """
    x = _checked(x, shape)
    return np.round(127.5 * np.clip(x, -1, 1) + 127.5).astype(np.uint8).reshape(*x.shape[:-1], *shape)


def _checked(x, shape):
    """Vectors as NumPy's, if they fill pictures of this shape."""
    x = as_numpy(x)
    sides = isinstance(shape, tuple | list) and len(shape) > 0
    require(sides, "shape", repr(shape), "give the shape of one image, (H, W) or (H, W, C)")
    for side in shape:
        whole("shape", side, 1, f"its sides are whole numbers, 1 or more; it was {tuple(shape)}")
    require(
        np.issubdtype(x.dtype, np.floating), "x", f"dtype {x.dtype}", "give floats; uint8 images need no conversion"
    )
    require(x.ndim > 0 and x.shape[-1] == math.prod(shape), "x", f"shape {x.shape}",
            f"its last axis must have length {math.prod(shape)} to fill images of shape {tuple(shape)}")  # fmt: skip
    require(np.isfinite(x).all(), "x", "NaN or infinity", "such pixels have no colour; look for their cause")
    return x


def pad(images, margin=2, black=0):
    """Images (N, H, W) or (N, H, W, C) with a black margin on all four sides; black is 0 for uint8, -1 in [-1, 1]."""
    images = as_numpy(images)
    _check_axes(images)
    whole("margin", margin, 0, "give a whole number of pixels, 0 or more")
    black = number("black", black, "give the value of a black pixel, 0 or -1")
    with np.errstate(all="ignore"):
        cast = np.asarray(black).astype(images.dtype)
    held = np.isfinite(cast) if images.dtype.kind in "fc" else cast == black
    require(held, "black", black, f"pixels of {images.dtype} have no such value")
    grown = math.prod(side + 2 * margin for side in images.shape[1:3])
    held_in_memory(margin, len(images) * grown * math.prod(images.shape[3:]) * images.itemsize)
    sides = [(0, 0), (margin, margin), (margin, margin), (0, 0)]
    return np.pad(images, sides[: images.ndim], constant_values=black)


def held_in_memory(margin, size):
    """Refuse a margin with which an array would fill the memory; `size` is that of the array in bytes."""
    remedy = "a few pixels are enough for a network: 2 take 28 x 28 to 32 x 32"
    require(size <= MOST_BYTES, "margin", f"{margin}, with which the arrays take {size / 1e9:.3g} GB", remedy)


def _check_axes(images):
    coloured = images.shape[-1:] in ((1,), (3,))
    require(images.ndim == 3 + coloured, "images", f"shape {images.shape}",
            "give (N, H, W) or (N, H, W, C), channels last; a single image is images[None]")  # fmt: skip
