"""Mean and covariance of a data set as an object that adds up: parts may come from batches, processes or machines."""

import math
import os
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from paintlib.blocks import slices
from paintlib.checks import real_array, require, same_library, vectors, whole

COLUMNS = 512  # a product by blocks of columns leaves out what symmetry gives: half the work
BATCH = 2**27  # bytes of rows in float64 that are centred at a time


@dataclass(frozen=True)
class Moments:
    """`count` points, their `mean` (D,) and `scatter` (D, D), the sum of (x - mean)(x - mean)^T, in float64.

    `a + b` are the moments of both data sets (Chan, Golub and LeVeque), `sum(parts)` those of many. Points are centred
    before they are squared, so small variances keep their digits beside a large mean. Memory: 8 D^2 bytes.
    """

    count: int
    mean: Any
    scatter: Any

    def __post_init__(self):
        whole("count", self.count, 0, "give the number of points")
        shapes = tuple(tuple(getattr(part, "shape", "?")) for part in (self.mean, self.scatter))
        fits = len(shapes[0]) == 1 and shapes[1] == shapes[0] * 2
        require(fits, "mean, scatter", f"shapes {shapes}", "need (D,) and (D, D)")

    @classmethod
    def of(cls, data):
        """The moments of an array (N, D), or of an iterable of such batches; a part may be empty, (0, D)."""
        if hasattr(data, "shape"):
            data = [data]
        require(hasattr(data, "__iter__"), "data", repr(data), "give an array (N, D), or batches of it")
        count, mean, scatter = 0, None, None
        for batch in data:
            real_array("data", batch, 2, empty=True)
            xp = array_namespace(batch)
            if mean is None:
                D = batch.shape[1]
                check_memory(D)
                like = dict(dtype=xp.float64, device=batch.device)
                mean, scatter = xp.zeros((D,), **like), xp.zeros((D, D), **like)
            same_library(batch, mean, "data")
            require(batch.shape[1] == D, "data", f"D = {batch.shape[1]} after {D}", "all batches need the same D")
            for cut in slices(batch.shape[0], max(BATCH // (8 * D), 1)):
                rows = vectors("data", xp.astype(batch[cut, :], xp.float64))
                here, own = rows.shape[0], xp.mean(rows, axis=0)
                step, total = own - mean, count + here
                # the distance of the two means counts as one more row
                rows = xp.concat([rows - own, (count * here / total) ** 0.5 * step[None, :]])
                for block in slices(D, COLUMNS):
                    scatter[block, block.start :] += rows[:, block].T @ rows[:, block.start :]
                count, mean = total, mean + (here / total) * step
        require(mean is not None, "data", "no batches", "give one batch or more, (N, D)")
        for block in slices(D, COLUMNS):
            scatter[block.stop :, block] = scatter[block, block.stop :].T
        return cls(count, mean, scatter)

    def __add__(self, other):
        if not isinstance(other, Moments):
            return NotImplemented
        shapes = tuple(self.mean.shape), tuple(other.mean.shape)
        require(shapes[0] == shapes[1], "moments", f"dimensions {shapes}", "both need the same D")
        same_library(other.mean, self.mean, "moments")
        step, total = other.mean - self.mean, max(self.count + other.count, 1)  # of nothing and nothing: zeros
        between = (self.count * other.count / total) * step[:, None] * step[None, :]
        return Moments(
            self.count + other.count, self.mean + (other.count / total) * step, self.scatter + other.scatter + between
        )

    def __radd__(self, other):  # sum() starts from 0
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def covariance(self):
        """scatter / count (D, D)."""
        require(self.count > 0, "count", 0, "a covariance needs points")
        return self.scatter / self.count


def memory_of_a_fit(D):
    """The bytes that it takes to turn the moments of D dimensions into all their axes: five matrices of D x D."""
    return 5 * 8 * D**2


def check_memory(D):
    """Check that this machine can hold a fit in D dimensions, before the work begins."""
    known = hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names
    here = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else math.inf
    given = f"D = {D}, whose fit takes {memory_of_a_fit(D) / 1e9:.1f} GB where there are {here / 1e9:.1f}"
    require(memory_of_a_fit(D) <= here, "data", given, "give one array with N <= D, or smaller pictures")
