"""Fit the Gaussian of a data set on many processes or machines, with Dask: moments add up (paintlib.moments).

.venv/bin/python book/tools/fit.py pictures.npy --rank 400 --out gaussian.npz              all cores of this machine
.venv/bin/python book/tools/fit.py pictures.npy --rank 400 --out gaussian.npz --workers 4  four processes
.venv/bin/python book/tools/fit.py ... --cluster tcp://scheduler:8786                      any cluster that Dask knows

`pictures.npy` holds uint8 images (N, H, W, C), or vectors (N, D) in floating point; every worker reads its own rows of
it. The result is the same to rounding for any number of workers: mu, U, lam and rest of a `Gaussian`, in float64.
Needs dask, and for a cluster dask[distributed].
"""

import argparse

import dask
import numpy as np

from paintlib import data
from paintlib.blocks import slices
from paintlib.gaussian import Gaussian
from paintlib.moments import Moments


def rows(file, cut):
    """Some of the file's points as vectors; nothing else of it is read."""
    part = np.load(file, mmap_mode="r")[cut]
    return data.to_vectors(part) if part.dtype == np.uint8 else part


def moments(file, batch):
    """A Dask value of the moments of the whole file, added up pair by pair."""
    part, add = dask.delayed(lambda cut: Moments.of(rows(file, cut))), dask.delayed(Moments.__add__)
    parts = [part(cut) for cut in slices(len(np.load(file, mmap_mode="r")), batch)]
    while len(parts) > 1:
        parts = [
            add(*pair) if len(pair) == 2 else pair[0] for pair in (parts[i : i + 2] for i in range(0, len(parts), 2))
        ]
    return parts[0]


def fit(file, rank=None, workers=None, cluster=None, batch=4096):
    """The Gaussian of the points in `file`, with the mean variance in all directions off its `rank` axes."""
    whole = moments(file, batch)
    if cluster:
        from dask.distributed import Client

        with Client(cluster):
            return Gaussian.fit(whole.compute(), rank, rest=True)
    return Gaussian.fit(whole.compute(scheduler="processes", num_workers=workers), rank, rest=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--rank", type=int)
    parser.add_argument("--out", required=True)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--cluster")
    parser.add_argument("--batch", type=int, default=4096, help="points that a worker reads at a time")
    asked = parser.parse_args()
    made = fit(asked.file, asked.rank, asked.workers, asked.cluster, asked.batch)
    np.savez(asked.out, mu=made.mu, U=made.U, lam=made.lam, rest=made.rest)
    print(f"{asked.out}: rank {made.rank} of {made.D}, {made.rest:.4g} of variance in every other direction")
