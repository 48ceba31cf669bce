"""Compute the files that ship in paintlib/datasets from a full training set.

    python -m paintlib.data.make cifar10
    python -m paintlib.data.make fashion-mnist --file fashion_mnist.npz --to some/folder

Two minutes and 1.5 GB for CIFAR-10, seconds for Fashion-MNIST. The folder's SHA256SUMS is brought up to date.
"""

import argparse
from pathlib import Path

import numpy as np

from paintlib import data
from paintlib.data.fetch import digest
from paintlib.data.sources import SOURCES
from paintlib.gaussian import Gaussian

PER_CLASS = {"cifar10": 200, "fashion-mnist": 300}
FRACTION = 0.98  # of the variance, held by the axes that ship
BATCH = 2000


def choose(labels, count):
    """The places of the first `count` images of each class, in the order of the set: no chance, no taste."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)]))


def principal(images):
    """Mean, all axes as rows, and all variances: pixels in [-1, 1], normaliser 1/N, D x D scatter matrix in float64."""
    starts = range(0, len(images), BATCH)
    fit = Gaussian.fit(data.to_vectors(images[i : i + BATCH]) for i in starts)
    axes = fit.U.T
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1, keepdims=True), 1)
    return fit.mu, axes * np.sign(largest), fit.lam  # the sign of an axis is free: its largest entry is positive


def enough(variances, fraction):
    """How many of the leading variances hold `fraction` of their sum."""
    return int(np.searchsorted(np.cumsum(variances), fraction * variances.sum())) + 1


def classes(full, gaussian, dtype=np.float16):
    """Mean and covariance of each class on the axes of `gaussian`, in units of their standard deviations.

    So the entries are of the order of one, and float16 (`dtype`) keeps them: `moments` (K, r (r + 1) / 2) is the upper
    triangle of lam^-1/2 U^T Cov U lam^-1/2. `rest` (K,) is the mean variance of a direction off the axes.
    """
    scale, upper = gaussian.lam**0.5, np.triu_indices(gaussian.rank)
    prior, means, moments, rest = [], [], [], []
    for label in np.unique(full.labels):
        y = data.to_vectors(full.images[full.labels == label])
        y, mean = y - y.mean(0), y.mean(0)
        z = y @ gaussian.U / scale
        moment = z.T @ z / len(z)
        off = np.mean(np.sum(y**2, 1)) - np.diag(moment) @ gaussian.lam
        prior.append(len(y) / len(full)), means.append(mean)
        moments.append(moment[upper]), rest.append(off / (gaussian.D - gaussian.rank))
    return dict(prior=np.array(prior), means=np.float32(means), moments=np.array(moments, dtype), rest=np.array(rest))


def sums(target):
    """Bring the folder's SHA256SUMS up to date."""
    lines = [f"{digest(path.read_bytes())}  {path.name}\n" for path in sorted(target.glob("*.npz"))]
    (target / "SHA256SUMS").write_text("".join(lines))


def make(full, target):
    """Write the sample and the Gaussian of the training set `full` into the folder `target`."""
    stem = SOURCES[full.name].stem
    rows = choose(full.labels, PER_CLASS[full.name])
    np.savez_compressed(target / f"{stem}_sample.npz", images=full.images[rows], labels=full.labels[rows])
    mean, axes, variances = principal(full.images)
    kept = axes[: enough(variances, FRACTION)].astype(np.float16)
    np.savez_compressed(target / f"{stem}_gaussian.npz", mean=mean, axes=kept, eigenvalues=variances)
    np.savez_compressed(target / f"{stem}_classes.npz", **classes(full, data.gaussian(full.name)))
    sums(target)
    print(f"{full.name}: {len(rows)} images; {len(kept)} of {len(axes)} axes; total variance {variances.sum():.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SOURCES)
    parser.add_argument("--file", help="the full set as a local .npz (default: wherever data.load finds it)")
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "datasets", help="folder to write to")
    options = parser.parse_args()
    make(data.load(options.name, file=options.file), options.to)
