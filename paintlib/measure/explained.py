"""How much of one score another explains, by noise level, with an interval."""

import math
from dataclasses import dataclass

import numpy as np

from paintlib.checks import as_numpy, number, real_array, require, whole


@dataclass(frozen=True)
class Explained:
    """An explained variance and the ends of its confidence interval; arrays over noise levels, if there are any."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def explained_variance(predicted, reference, rng, centred=True, confidence=0.95, resamples=1000):
    """How much of the variance of the score `reference` the score `predicted` explains, by noise level.

    1 - sum_n |a_n - b_n|^2 / sum_n |b_n - mean b|^2 over images n, for a = predicted and b = reference of shape
    (..., N, D), noise levels first; with centred=False the mean is not taken off. A perfect score is zero in the mean
    under its own law, so for states drawn from that law the two agree for large N. The interval is that of the
    percentile bootstrap over images, the same resamples at every level; `rng` is a NumPy generator.
    """
    for name, x in (("predicted", predicted), ("reference", reference)):
        real_array(name, x)
        real_array("reference", reference)
        fits = x.ndim >= 2 and x.shape[-2] >= 10 and x.shape == reference.shape
        require(fits, name, f"shape {tuple(x.shape)}", "give two arrays (..., N, D) of one shape, with N >= 10 images")
    require(
        0 < number("confidence", confidence) < 1, "confidence", confidence, "choose a number between 0 and 1, 0.95 say"
    )
    require(isinstance(rng, np.random.Generator), "rng", repr(rng), "give np.random.default_rng(0), say")
    whole("resamples", resamples, 2, "give a number of resamples, 1000 say")
    a, b = (as_numpy(x).astype(np.float64) for x in (predicted, reference))
    N, shape = b.shape[-2], b.shape[:-2]
    counts = rng.multinomial(N, np.full(N, 1 / N), resamples)
    weights = np.concatenate([np.ones((1, N)), counts])
    draws = [_explained(*pair, weights, centred) for pair in zip(_flat(a), _flat(b), strict=True)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.array(draws)[:, 1:], [tail, 1 - tail], axis=1)
    return Explained(*(values.reshape(shape) for values in (np.array(draws)[:, 0], low, high)))


def _flat(x):
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def _explained(a, b, weights, centred):
    """1 - missed / variance for each row of `weights`, which says how often each image counts."""
    missed = weights @ np.sum((a - b) ** 2, axis=-1)
    if centred:
        b = b - b.mean(axis=0)  # so that the difference of squares below loses no digits
    variance = weights @ np.sum(b**2, axis=-1)
    if centred:
        variance = variance - np.sum((weights @ b) ** 2, axis=-1) / len(b)
    require(np.all(variance > 0), "reference", "no variance", "the images' scores must differ; check that they do")
    return 1 - missed / variance
