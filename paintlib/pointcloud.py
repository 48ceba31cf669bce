"""The exact score of a finite data set: generation as retrieval (Eqs. 15, 16, 97-100)."""

import math
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from paintlib.axes import check_orthonormal
from paintlib.blocks import indices, lengths, put_rows, slices, take_rows
from paintlib.checks import (
    everywhere,
    library,
    one_level_each,
    positive,
    real_array,
    require,
    same_library,
    state,
    vectors,
)
from paintlib.levels import check_level
from paintlib.logspace import check_prior, softmax
from paintlib.retrieval import BLUR, PRECISE, Points


def effective_number(weights):
    """How many points share the weight: 1 / sum_i w_i^2 over the last axis, from 1 to N."""
    square = library("weights", real_array("weights", weights)).sum(weights**2, axis=-1)
    require(everywhere(square > 0), "weights", "none above zero", "give weights whose sum is 1")
    return 1 / square


@dataclass(frozen=True)
class PointCloud:
    """N points y_i (N, D) with `prior` weights pi_i (N,), uniform by default: p(x_0) = sum_i pi_i delta(x_0 - y_i).

    Points are kept in their own dtype, with temporaries of about `memory` bytes, never B x N x D. Weights below 1e-16
    of the total are left out. All is in float64, but for one thing: if the points are float32, a float32 product tells
    which of them matter. Are they few, their weights come from float64 differences, exact however near the points are
    to one another; are they many, the float32 product is taken if its error, measured on some of the points, moves
    the endpoint estimate by at most 1e-6 of its length, and of the noise's (a log weight by at most 1e-6), and else
    one in float64 of as many of the heaviest points as it takes.

    A `basis` (D, q) with orthonormal columns, the leading principal axes say, makes low noise fast: inside its span
    distances are exact, outside they are at least the difference of the lengths, so points that are surely too far
    away are passed over without a look at their D coordinates.
    """

    points: Any
    prior: Any = None
    memory: int = 2**28
    basis: Any = None

    def __post_init__(self):
        vectors("points", real_array("points", self.points, 2))
        object.__setattr__(self, "memory", int(positive("memory", self.memory, "give a number of bytes")))
        xp = array_namespace(self.points)
        log_prior = None
        if self.prior is not None:
            check_prior(self.prior, self.N)
            same_library(self.prior, self.points)
            log_prior = xp.log(xp.astype(self.prior, xp.float64))
        if self.basis is not None:
            real_array("basis", self.basis, 2)
            shape = tuple(self.basis.shape)
            require(shape[0] == self.D, "basis", f"shape {shape}", f"need ({self.D}, q)")
            check_orthonormal("basis", self.basis)
        object.__setattr__(self, "_asked", Points(self.points, log_prior, self.memory, self.basis))

    @property
    def N(self):
        """The number of points."""
        return self.points.shape[0]

    @property
    def D(self):
        """The number of dimensions."""
        return self.points.shape[1]

    def weights(self, x, level):
        """Retrieval weights w_i = softmax(-|x - alpha y_i|^2 / (2 sigma^2) + log pi_i), shape (..., N) (Eq. 15)."""
        return self._batched(x, level, lambda *at: softmax(self._asked.precise(*at)[1]), self.N)

    def denoise(self, x, level):
        """The endpoint estimate: the weighted mean of the points, sum_i w_i y_i (Eqs. 15, 100)."""
        return self._batched(x, level, self._denoise, self.D)

    def log_prob(self, x, level):
        """Log density at `level`, in nats; shape (...,) (Eq. 98)."""
        return self._batched(x, level, self._log_prob, 1)[..., 0]

    def _batched(self, x, level, f, width):
        """f on rows of x in batches that keep B x N within the memory; the level may differ from row to row."""
        state(x, self.D)
        xp = array_namespace(x)
        same_library(x, self.points)
        alpha, sigma = check_level(level).on(x)
        remedy = "a finite data set has no score at sigma = 0; use sigma > 0"
        require(bool(xp.all(sigma > 0)), "sigma", level.sigma, remedy)
        shape = (*x.shape[:-1], 1)
        one_level_each(x, alpha, sigma)
        alpha, sigma = (xp.reshape(xp.astype(xp.broadcast_to(a, shape), xp.float64), (-1, 1)) for a in (alpha, sigma))
        rows = xp.astype(xp.reshape(x, (-1, self.D)), xp.float64)
        cuts = slices(rows.shape[0], max(self.memory // (48 * self.N), 1))
        out = xp.concat([f(rows[cut, :], alpha[cut, :], sigma[cut, :]) for cut in cuts])
        return xp.astype(xp.reshape(out, (*x.shape[:-1], width)), x.dtype)

    def _denoise(self, x, alpha, sigma):
        xp = array_namespace(x)
        _, ratios, error, top = self._asked.log_ratios(x, alpha, sigma)
        w = softmax(ratios)
        x0_hat = self._asked.mean(w, error[:, 0] > 0)
        size = lengths(x0_hat)
        allowed = PRECISE * xp.minimum(alpha * size, sigma * self.D**0.5)
        room = xp.where(error > 0, allowed - BLUR * alpha * size, allowed)  # less the mean's own rounding
        spread = 2 * error * alpha * self._asked.radius  # twice the root mean square; errors of points are independent
        felt = spread * lengths(w) > room
        blurred = indices((felt & (room <= 0))[:, 0])
        if unsure := indices((felt & (room > 0))[:, 0]):
            *of, room, spread = (take_rows(a, unsure) for a in (x, alpha, sigma, w, top, x0_hat, room, spread))
            put_rows(x0_hat, unsure, self._asked.sharpened(*of, limit=(room / spread) ** 2))
        if blurred:
            w = softmax(self._asked.log_ratios(*(take_rows(a, blurred) for a in (x, alpha, sigma)), single=False)[1])
            put_rows(x0_hat, blurred, self._asked.mean(w, w[:, 0] < 0))
        return x0_hat

    def _log_prob(self, x, alpha, sigma):
        xp = array_namespace(x)
        best, ratios = self._asked.precise(x, alpha, sigma)
        y = xp.astype(xp.take(self.points, best, axis=0), xp.float64)
        nearest = xp.sum(((x - alpha * y) / sigma) ** 2, axis=1, keepdims=True)
        prior = -math.log(self.N) if self.prior is None else xp.take(self._asked.log_prior, best)[:, None]
        mass = xp.log(xp.sum(xp.exp(ratios), axis=1, keepdims=True))
        return prior + mass - nearest / 2 - self.D * xp.log((2 * math.pi) ** 0.5 * sigma)
