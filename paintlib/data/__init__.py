"""Real images: a sample and the principal axes that ship with the book, and the full sets, fetched and verified.

    data.sample("cifar10")            2,000 training images, no network needed
    data.gaussian("cifar10")          the Gaussian of all 50,000, from the shipped leading axes
    data.mixture("cifar10")           ten Gaussians of all 50,000, one for each class, in the span of those axes
    data.load("cifar10", "test")      a full split: from a local file, or fetched once and kept

The names are "cifar10" and "fashion-mnist". Pixels are uint8; `to_vectors` takes them to [-1, 1], row by row, as
vectors (..., D), `to_uint8` takes vectors back, and `to_images` makes them fit for `imshow`. The shipped files are
described in paintlib/datasets/README.md; `python -m paintlib.data.make` computes them. Nothing here is unpickled.
"""

import io
import math
import os
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from paintlib.checks import path, require, whole
from paintlib.data.fetch import UNREADABLE, digest, obtain
from paintlib.data.pixels import held_in_memory, pad, to_images, to_uint8, to_vectors
from paintlib.data.sources import SOURCES, read_npz

__all__ = [
    "Images",
    "eigenvalues",
    "folder",
    "gaussian",
    "load",
    "mixture",
    "pad",
    "sample",
    "shipped",
    "to_images",
    "to_uint8",
    "to_vectors",
]

SHIPPED = resources.files("paintlib") / "datasets"


@dataclass(frozen=True)
class Images:
    """Labelled images: `images` uint8 (N, H, W) or (N, H, W, 3), `labels` (N,), indices into the names `classes`."""

    images: np.ndarray
    labels: np.ndarray
    classes: tuple
    name: str

    def __len__(self):
        return len(self.images)

    @property
    def shape(self):
        """The shape of one image, as `to_images` wants it."""
        return self.images.shape[1:]


def sample(name):
    """The part of the training set that ships with the book: equally many images of each class."""
    source = _source(name)
    arrays = shipped(f"{source.stem}_sample.npz")
    return Images(arrays["images"], arrays["labels"], source.classes, source.name)


def eigenvalues(name):
    """All D variances along the principal axes of the full training set, decreasing; they sum to its total variance.

    Pixels in [-1, 1], normaliser 1/N.
    """
    return shipped(f"{_source(name).stem}_gaussian.npz")["eigenvalues"]


def gaussian(name, margin=0, *, rest=False):
    """The Gaussian of the full training set along its leading axes, which hold 98 % of the variance.

    With `rest=True` the directions left out get their mean variance, so that the total is that of the data. `margin`
    pads the images with black (2 takes Fashion-MNIST's 28 x 28 to the 32 x 32 of the book's networks): the variances
    stay, since constant pixels add none. A margin whose axes would take more than 4 GB is refused.
    """
    from paintlib.gaussian import Gaussian

    arrays = shipped(f"{_source(name).stem}_gaussian.npz")
    _check_margin(name, margin, len(arrays["axes"]), models=1 if rest else 0)
    mean, U = _padded(name, arrays, margin)
    lam, left = np.split(arrays["eigenvalues"], [U.shape[1]])
    if not rest:
        return Gaussian(mean, U, lam)
    U, lam = _with_margin(name, U, lam, margin)
    return Gaussian(mean, U, lam, left.mean())


def mixture(name, margin=0):
    """The mixture of ten Gaussians, one for each class of the full training set, along the axes of `gaussian`.

    Each has its own mean and its own whole covariance within the span of those axes; off them it has one variance, the
    mean of what is left of that class. `margin` as in `gaussian`.
    """
    from paintlib.gaussian import Gaussian
    from paintlib.mixture import Mixture

    source = _source(name)
    gaussian_arrays = shipped(f"{source.stem}_gaussian.npz")
    _check_margin(name, margin, len(gaussian_arrays["axes"]), models=len(source.classes))
    _, axes = _padded(name, gaussian_arrays, margin)
    scale = eigenvalues(name)[: axes.shape[1]] ** 0.5
    arrays = shipped(f"{source.stem}_classes.npz")
    means = pad(arrays["means"].astype(np.float64).reshape(-1, *source.shape), margin, black=-1)
    modes = []
    for mean, half, rest in zip(means, arrays["moments"], arrays["rest"], strict=True):
        full = np.zeros((len(scale), len(scale)))
        full[np.triu_indices(len(scale))] = half
        lam, V = np.linalg.eigh(scale[:, None] * full * scale, UPLO="U")
        U, lam = _with_margin(name, axes @ V[:, ::-1], lam[::-1].clip(0), margin)
        modes.append(Gaussian(mean.ravel(), U, lam, rest))
    return Mixture(arrays["prior"], modes)


def _check_margin(name, margin, rank, models):
    """Refuse a margin that makes the axes, or those of each of the models with one for each pixel of it, too many."""
    whole("margin", margin, 0, "give a whole number of pixels, 0 or more")
    (H, W, *channels), D = _source(name).shape, math.prod(_source(name).shape)
    padded = (H + 2 * margin) * (W + 2 * margin) * math.prod(channels)
    held_in_memory(margin, 8 * padded * (rank + models * (rank + padded - D)))


def _padded(name, arrays, margin):
    """The mean (D,) and the axes (D, r) of a shipped Gaussian, with a black margin."""
    shape = _source(name).shape
    mean = pad(arrays["mean"].reshape(1, *shape), margin, black=-1)
    axes = pad(arrays["axes"].astype(np.float64).reshape(-1, *shape), margin, black=0)
    return mean.ravel(), _orthonormal(axes.reshape(len(axes), -1).T)


def _with_margin(name, U, lam, margin):
    """One more axis, of variance zero, for each pixel value of the margin."""
    frame = pad(np.zeros((1, *_source(name).shape)), margin, black=1).ravel() > 0
    return np.hstack([U, np.eye(len(U))[:, frame]]), np.append(lam, np.zeros(frame.sum()))


def load(name, split="train", file=None):
    """A full split, "train" or "test", verified by the sha256 of its pixels and labels.

    It comes from `file`, an .npz with x_train, y_train, x_test and y_test, if given; or from cifar10.npz or
    fashion_mnist.npz in `folder()`; or else from its public home, fetched into `folder()` once.
    """
    source = _source(name)
    require(
        isinstance(split, str) and split in source.content,
        "split",
        repr(split),
        f"choose one of {', '.join(map(repr, source.content))}",
    )
    local = folder() / f"{source.stem}.npz" if file is None else path("file", file)
    if file is not None or local.exists():
        paths, read, remedy = [local], read_npz, "make that file again, or pass another as file="
    else:
        paths, read, remedy = _fetched(source, split), source.read, "delete what is named here and call load again"
    named = ", ".join(map(str, paths))
    wanted = source.content[split]
    try:
        images, labels = read(paths, split)
    except FileNotFoundError:
        raise ValueError(f"file: got {named}, which does not exist; {_ways_on(source)}") from None
    except UNREADABLE as error:
        fault = f"{named}: broken or partial ({error}); wanted {split} data of sha256 {wanted}, found none"
        raise ValueError(f"{fault}; {remedy}") from error
    images, labels = _as_kept(images, labels, source, f"{named}: the {split} data")
    found = digest(images.tobytes(), labels.tobytes())
    require(found == wanted, f"{named}: sha256 of the {split} data, wanted {wanted}", found, remedy)
    return Images(images, labels, source.classes, source.name)


def _as_kept(images, labels, source, named):
    """Images uint8 (N, *shape) and labels uint8 (N,); the same labels in another integer type or as (N, 1) will do."""
    images, labels = np.asarray(images), np.asarray(labels)
    fits = images.dtype == np.uint8 and images.shape[1:] == source.shape
    remedy = f"need uint8 of shape (N, {', '.join(map(str, source.shape))}), channels last"
    require(fits, f"{named}, images", f"{images.dtype} of shape {images.shape}", remedy)
    counted = np.issubdtype(labels.dtype, np.integer) and labels.shape in ((len(images),), (len(images), 1))
    remedy = f"need whole numbers of shape ({len(images)},), one for each image"
    require(counted, f"{named}, labels", f"{labels.dtype} of shape {labels.shape}", remedy)
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    most = len(source.classes) - 1
    require(0 <= low and high <= most, f"{named}, labels", f"{low} to {high}", f"classes are numbered 0 to {most}")
    return np.ascontiguousarray(images), labels.reshape(-1).astype(np.uint8)


def folder():
    """Where full sets are looked for and kept: $PAINTLIB_DATA if set, else paintlib/ in the user's cache folder."""
    if chosen := os.environ.get("PAINTLIB_DATA"):
        return Path(chosen).expanduser()
    usual = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA", "~/AppData/Local")}
    base = usual.get(sys.platform, os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return Path(base).expanduser() / "paintlib"


def _source(name):
    key = str(name).replace("_", "-")
    require(key in SOURCES, "name", repr(name), f"choose one of {', '.join(map(repr, SOURCES))}")
    return SOURCES[key]


def _fetched(source, split):
    try:
        return [obtain(archive, source.homes, folder()) for archive in source.archives[split]]
    except ConnectionError as error:
        raise ConnectionError(f"{error}\n{_ways_on(source)}") from error


def _ways_on(source):
    return (
        f"ways on: data.sample({source.name!r}) ships with the book and needs no network; or get {source.stem}.npz "
        f"(x_train, y_train, x_test, y_test) elsewhere and put it into {folder()}, or pass its path as file="
    )


def shipped(file):
    """A shipped .npz, held against its line in SHA256SUMS."""
    sums = dict(reversed(line.split()) for line in (SHIPPED / "SHA256SUMS").read_text().splitlines())
    raw = (SHIPPED / file).read_bytes()
    found = digest(raw)
    require(found == sums[file], f"{SHIPPED / file}: sha256, wanted {sums[file]}", found, "install paintlib again")
    return np.load(io.BytesIO(raw), allow_pickle=False)


def _orthonormal(U):
    """Undo the rounding of float16: each Newton-Schulz step U (3 I - U^T U) / 2 squares the distance from U^T U = I."""
    for _ in range(2):
        U = U @ (3 * np.eye(U.shape[1]) - U.T @ U) / 2
    return U
