"""The exact score of a finite data set: generation as retrieval (Eqs. 15, 16, 97-100)."""

import math
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from paintlib.axes import check_orthonormal
from paintlib.blocks import indices, lengths, put_rows, share, slices, take_rows
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
from paintlib.logspace import check_prior, logsumexp, softmax

CACHE = 2**23  # bytes: a block of points that stays in the processor's cache is converted at little cost
ROUNDING = 1e-10  # a log weight's typical error, which grows as sqrt(D), that needs no second look
PRECISE = 1e-6  # error of an endpoint estimate, as a share of its length, and of a log weight, that float32 may make
COARSE = 1.0  # one that is beyond repair, where many points are that near to one another
FEW = 0.02  # share of the points under which one by one is faster than all at once
LARGE = 2**20  # numbers in the points from which on float32 is worth its bookkeeping
HEAVY = 1e-3  # the share of the weight from which on a point's log weight is had in float64, at little cost
PROBES = 64  # points whose log weights are compared in both precisions


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
    one in float64. The estimate has the log weights of its heavy points from float64 in any case.

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
        positive("memory", self.memory, "give a number of bytes")
        xp = array_namespace(self.points)
        if self.prior is not None:
            check_prior(self.prior, self.N)
            same_library(self.prior, self.points)
            object.__setattr__(self, "_log_prior", xp.log(xp.astype(self.prior, xp.float64)))
        centre = sum(xp.sum(block, axis=0) for _, block in self._blocks()) / self.N
        object.__setattr__(self, "_centre", centre)
        norms = [xp.sum((block - centre) ** 2, axis=-1) for _, block in self._blocks()]
        object.__setattr__(self, "_half_norms", xp.concat(norms) / 2)
        object.__setattr__(self, "_radius", float(2 * xp.max(self._half_norms)) ** 0.5)
        object.__setattr__(self, "_single", self.points.dtype == xp.float32 and self.N * self.D >= LARGE)
        if self.basis is not None:
            real_array("basis", self.basis, 2)
            shape = tuple(self.basis.shape)
            require(shape[0] == self.D, "basis", f"shape {shape}", f"need ({self.D}, q)")
            check_orthonormal("basis", self.basis)
            folded = xp.concat([self._fold(block - centre) for _, block in self._blocks()])
            object.__setattr__(self, "_folded", folded)

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
        return self._batched(x, level, lambda *at: softmax(self._precise(*at)[1]), self.N)

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

    def _blocks(self, index=None, dtype=None):
        """The points, or those at `index`, in float64 or another dtype, in blocks within the memory."""
        xp = array_namespace(self.points)
        count = self.N if index is None else index.shape[0]
        for cut in slices(count, max(min(self.memory, CACHE) // (16 * self.D), 1)):
            block = self.points[cut, :] if index is None else xp.take(self.points, index[cut], axis=0)
            yield cut, xp.astype(block, dtype or xp.float64, copy=False)

    def _log_ratios(self, x, alpha, sigma, single=True):
        """The heaviest point of each row, all log weights relative to it (B, N), their error and its own (B, 1).

        First by products about the centre m of the points, log w_i = (alpha e_i.r - alpha^2 |e_i|^2 / 2) / sigma^2 +
        const with e = y - m and r = x - alpha m. Where rounding could matter, once more from differences. The error is
        not 0 where many log weights come from a product in float32; `single` says if that may be. Negligible: -inf.
        """
        xp = array_namespace(x)
        r = x - alpha * self._centre
        one = slice(0, 1)  # a look at one row tells whether the basis will help
        error = xp.zeros_like(alpha)
        if self.basis is not None and share(self._candidates(r[one, :], alpha[one, :], sigma[one, :])[1]) < FEW:
            best, kept = self._candidates(r, alpha, sigma)
            if share(kept) < FEW:
                rows = range(x.shape[0])
                pairs = [self._exact_row(x[b, :], alpha[b, 0], sigma[b, 0], kept[b, :], int(best[b])) for b in rows]
                best = xp.asarray([best for best, _ in pairs], device=x.device)
                return best, xp.stack([row for _, row in pairs]), error, error
        single = single and self._single and float(xp.max(xp.abs(r))) < 1e15  # squares of that still fit
        logits = self._products(r, alpha, sigma, single)
        best, top = xp.argmax(logits, axis=1), xp.max(logits, axis=1, keepdims=True)
        logits = logits - top
        negligible = math.log(1e-16 / self.N)
        rounding = self._rounding(r, alpha, sigma, single)
        kept = logits >= negligible - 2 * rounding
        few = xp.sum(xp.astype(kept, xp.int64), axis=1) < max(math.ceil(FEW * self.N), 2)
        felt = rounding[:, 0] / self.D**0.5 > ROUNDING
        if single and bool(xp.all(~few & (rounding[:, 0] / self.D**0.5 > COARSE))):
            return self._log_ratios(x, alpha, sigma, single=False)
        for b in indices(felt & few if single else felt):
            best[b], logits[b, :] = self._exact_row(x[b, :], alpha[b, 0], sigma[b, 0], kept[b, :], int(best[b]))
        if single and len(many := indices(felt & ~few)) > 0:
            put_rows(error, many, self._measured(*(take_rows(a, many) for a in (r, alpha, sigma, logits))))
        return best, xp.where(logits < negligible, -xp.inf, logits), error, top

    def _products(self, r, alpha, sigma, single):
        """(alpha e_i.r - alpha^2 |e_i|^2 / 2) / sigma^2 + log pi_i up to a constant, (B, N) in float64."""
        xp = array_namespace(r)
        logits = xp.empty((r.shape[0], self.N), dtype=xp.float64, device=r.device)
        if single:
            rows = xp.astype(r, xp.float32)
            logits[...] = xp.astype(rows @ self.points.T, xp.float64)  # e.r = y.r - m.r; m.r is the same for all points
        else:
            for cut, block in self._blocks():
                logits[:, cut] = r @ (block - self._centre).T
        logits -= alpha * self._half_norms
        logits *= alpha / sigma**2
        if self.prior is not None:
            logits += self._log_prior
        return logits

    def _measured(self, r, alpha, sigma, logits):
        """The error (B, 1), as a root mean square, of these log weights at some points, by products in float64."""
        xp = array_namespace(r)
        probes = xp.arange(0, self.N, max(self.N // PROBES, 1), device=r.device)
        e = xp.astype(xp.take(self.points, probes, axis=0), xp.float64) - self._centre
        exact = (alpha / sigma**2) * (r @ e.T - alpha * xp.take(self._half_norms, probes))
        if self.prior is not None:
            exact = exact + xp.take(self._log_prior, probes)
        off = xp.take(logits, probes, axis=1) - exact
        return xp.std(off, axis=1, keepdims=True)

    def _precise(self, x, alpha, sigma):
        """`_log_ratios` with errors of at most PRECISE."""
        best, ratios, error, _ = self._log_ratios(x, alpha, sigma)
        if float(array_namespace(x).max(error)) > PRECISE:
            best, ratios, _, _ = self._log_ratios(x, alpha, sigma, single=False)
        return best, ratios

    def _sharpened(self, x, alpha, sigma, ratios, top):
        """These log weights, `top` taken off, with those of heavy points in float64; and which points (N,) these are.

        What is left of the error is that of many light points, which hardly moves the mean.
        """
        xp = array_namespace(x)
        heavy = xp.any(ratios > math.log(HEAVY) + logsumexp(ratios)[:, None], axis=0)
        index, r = xp.nonzero(heavy)[0], x - alpha * self._centre
        if index.shape[0] == 0:
            return ratios, heavy
        exact = xp.concat([r @ block.T for _, block in self._blocks(index)], axis=1)
        exact = (alpha / sigma**2) * (exact - alpha * xp.take(self._half_norms, index))
        if self.prior is not None:
            exact = exact + xp.take(self._log_prior, index)
        ratios = xp.asarray(ratios, copy=True)
        ratios[:, heavy] = exact - top
        return ratios, heavy

    def _fold(self, block):
        """Rows (..., D) as (..., q + 1): their coordinates in the basis, and the length of what lies outside its span.

        No two rows are further apart than they were (Cauchy-Schwarz), and each keeps its length.
        """
        xp = array_namespace(block)
        basis = xp.astype(self.basis, xp.float64)
        inside = block @ basis
        outside = xp.sum((block - inside @ basis.T) ** 2, axis=-1, keepdims=True) ** 0.5
        return xp.concat([inside, outside], axis=-1)

    def _candidates(self, r, alpha, sigma):
        """A near point of each row, and which points (B, N) may weigh more than 1e-16 of it.

        Folded points are no further from the folded state than the points are from x, so their log weights, up to the
        same constant, are bounds.
        """
        xp = array_namespace(r)
        upper = (alpha / sigma**2) * (self._fold(r) @ self._folded.T - alpha * self._half_norms)
        if self.prior is not None:
            upper = upper + self._log_prior
        best = xp.argmax(upper, axis=1)
        near = xp.astype(xp.take(self.points, best, axis=0), xp.float64) - self._centre
        product = xp.sum(r * near, axis=1) - alpha[:, 0] * xp.take(self._half_norms, best)
        reached = (alpha / sigma**2)[:, 0] * product
        if self.prior is not None:
            reached = reached + xp.take(self._log_prior, best)
        return best, upper >= reached[:, None] + math.log(1e-16 / self.N) - 2 * self._rounding(r, alpha, sigma)

    def _rounding(self, r, alpha, sigma, single=False):
        """A bound (B, 1) on the rounding error of a log weight that comes from products of D terms."""
        xp = array_namespace(r)
        away = float(xp.sum(self._centre**2)) ** 0.5 if single else 0.0  # there the points are not centred
        size = alpha * (self._radius + away) * (xp.sum(r**2, axis=1, keepdims=True) ** 0.5 + alpha * self._radius)
        return 2 * self.D * xp.finfo(xp.float32 if single else xp.float64).eps * size / sigma**2

    def _exact_row(self, x, alpha, sigma, kept, anchor, settled=False):
        """The heaviest of the kept points, and their log weights relative to it, from differences.

        With an anchor y_a and e = y_i - y_a, log w_i - log w_a = alpha e.r / sigma^2, r = x - alpha y_a - alpha e / 2.
        Its rounding error is of the order of 1e-16 alpha |e| |r| / sigma^2: nothing between near points, and felt only
        where x lies on the border between two far ones.
        """
        xp = array_namespace(x)
        candidates = xp.nonzero(kept)[0]
        y_a = xp.astype(self.points[anchor, :], xp.float64)
        r = x - alpha * y_a
        parts = []
        for _, block in self._blocks(candidates):
            e = block - y_a
            parts.append((alpha / sigma**2) * (e @ r - alpha / 2 * xp.sum(e**2, axis=1)))
        exact = xp.concat(parts)
        if self.prior is not None:
            exact = exact + xp.take(self._log_prior, candidates) - self._log_prior[anchor]
        best = int(candidates[int(xp.argmax(exact))])
        if best != anchor and not settled and float(xp.max(exact)) > 1:
            return self._exact_row(x, alpha, sigma, kept, best, settled=True)  # a far anchor would cost digits
        row = xp.full((self.N,), -xp.inf, dtype=xp.float64, device=x.device)
        row[kept] = exact - xp.max(exact)
        return best, row

    def _denoise(self, x, alpha, sigma):
        xp = array_namespace(x)
        _, ratios, error, top = self._log_ratios(x, alpha, sigma)
        w = softmax(ratios)
        rough = lengths(w)
        unsure = indices((error * rough > PRECISE / 10)[:, 0])
        if unsure:
            sharp, heavy = self._sharpened(*(take_rows(a, unsure) for a in (x, alpha, sigma, ratios, top)))
            sharp = softmax(sharp)
            put_rows(w, unsure, sharp)
            put_rows(rough, unsure, lengths(xp.where(heavy, 0.0, sharp)))
        x0_hat = self._mean(w, error[:, 0] > 0)
        moved = error * self._radius * rough  # errors of points are independent
        size = xp.sum(x0_hat**2, axis=1, keepdims=True) ** 0.5
        moved = xp.where(error > 0, moved + float(xp.finfo(xp.float32).eps) * size, moved)  # the mean's own rounding
        allowed = PRECISE * xp.minimum(alpha * size, sigma * self.D**0.5)
        felt = indices((alpha * moved > allowed)[:, 0])
        if felt:
            w = softmax(self._log_ratios(*(take_rows(a, felt) for a in (x, alpha, sigma)), single=False)[1])
            put_rows(x0_hat, felt, self._mean(w, w[:, 0] < 0))
        return x0_hat

    def _mean(self, w, single):
        """sum_i w_i y_i over the points that weigh anything; in float32, block by block, for the rows `single` (B,)."""
        xp = array_namespace(w)
        out = xp.zeros((w.shape[0], self.D), dtype=xp.float64, device=w.device)
        for rows, dtype in ((indices(~single), xp.float64), (indices(single), xp.float32)):
            if rows:
                own = take_rows(w, rows)
                used = xp.nonzero(xp.any(own > 0, axis=0))[0]
                own, used = (own, None) if used.shape[0] == self.N else (xp.take(own, used, axis=1), used)
                own = xp.astype(own, dtype, copy=False)
                put_rows(out, rows, sum(xp.astype(own[:, cut] @ y, xp.float64) for cut, y in self._blocks(used, dtype)))
        return out

    def _log_prob(self, x, alpha, sigma):
        xp = array_namespace(x)
        best, ratios = self._precise(x, alpha, sigma)
        y = xp.astype(xp.take(self.points, best, axis=0), xp.float64)
        nearest = xp.sum(((x - alpha * y) / sigma) ** 2, axis=1, keepdims=True)
        prior = -math.log(self.N) if self.prior is None else xp.take(self._log_prior, best)[:, None]
        mass = xp.log(xp.sum(xp.exp(ratios), axis=1, keepdims=True))
        return prior + mass - nearest / 2 - self.D * xp.log((2 * math.pi) ** 0.5 * sigma)
