"""Clothes at 16 x 16, in two albums: what the networks "thumbnails/..." learned from.

    thumbnails.load()                                  what ships
    python -m paintlib.data.thumbnails                 makes it from the full Fashion-MNIST

A network of N pictures learned from the first N of album "a" or "b"; of each album the first 4,096 ship. The albums
have no picture in common, so each holds strangers to the painters of the other.
"""

from dataclasses import dataclass

import numpy as np

from paintlib import data
from paintlib.checks import require

SIDE, HALF, KEPT = 16, 30_000, 4096


@dataclass(frozen=True)
class Thumbnails:
    """uint8 pictures (4096, 16, 16): the beginnings of the albums "a" and "b", in the order of the training set."""

    a: np.ndarray
    b: np.ndarray


def shrink(images, side):
    """uint8 images (N, H, W) or (N, H, W, C), padded to 32 x 32 with black, and blocks averaged to side x side."""
    margin, block = (32 - images.shape[1]) // 2, 32 // side
    fits = images.dtype == np.uint8 and images.shape[1] == images.shape[2] <= 32 and side * block == 32
    require(fits, "images, side", f"{images.dtype} {images.shape}, {side}", "give uint8 of 32 x 32 or less; 32 / side")
    padded = data.pad(images, margin)
    blocks = padded.reshape(len(padded), side, block, side, block, *images.shape[3:])
    return blocks.mean(axis=(2, 4)).round().astype(np.uint8)


def load():
    """The thumbnails that ship."""
    return Thumbnails(**data.shipped("thumbnails.npz"))


def make(target):
    """Write thumbnails.npz into the folder `target`, from the full set as `data.load` finds it."""
    from paintlib.data.make import sums

    train = data.load("fashion-mnist").images
    albums = {"a": shrink(train[:KEPT], SIDE), "b": shrink(train[HALF : HALF + KEPT], SIDE)}
    np.savez_compressed(target / "thumbnails.npz", **albums)
    sums(target)


if __name__ == "__main__":
    make(data.SHIPPED)
