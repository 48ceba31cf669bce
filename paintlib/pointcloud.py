"""The exact score of a finite data set: generation as retrieval (Eqs. 15, 16, 97-100)."""

import math
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from paintlib.axes import check_orthonormal
from paintlib.blocks import slices
from paintlib.checks import real_array, require, same_library, state
from paintlib.logspace import check_prior, softmax

CACHE = 2**23  # bytes: a block of points that stays in the processor's cache is converted at little cost
ROUNDING = 1e-10  # a log weight's typical error, which grows as sqrt(D), that needs no second look
FEW = 0.02  # share of the points under which one by one is faster than all at once


def effective_number(weights):
    """How many points share the weight: 1 / sum_i w_i^2 over the last axis, from 1 to N."""
    return 1 / array_namespace(weights).sum(weights**2, axis=-1)


@dataclass(frozen=True)
class PointCloud:
    """N points y_i (N, D) with `prior` weights pi_i (N,), uniform by default: p(x_0) = sum_i pi_i delta(x_0 - y_i).

    Points are kept in their own dtype; the computation is in float64 with temporaries of about `memory` bytes, never
    B x N x D. Weights below 1e-16 of the total are left out.

    A `basis` (D, q) with orthonormal columns, the leading principal axes say, makes low noise fast: inside its span
    distances are exact, outside they are at least the difference of the lengths, so points that are surely too far
    away are passed over without a look at their D coordinates.
    """

    points: Any
    prior: Any = None
    memory: int = 2**28
    basis: Any = None

    def __post_init__(self):
        real_array("points", self.points, 2)
        xp = array_namespace(self.points)
        if self.prior is not None:
            check_prior(self.prior, self.N)
            same_library(self.prior, self.points)
            object.__setattr__(self, "_log_prior", xp.log(xp.astype(self.prior, xp.float64)))
        everything = xp.arange(self.N, device=self.points.device)
        norms = [xp.sum(block**2, axis=-1) for _, block in self._blocks(everything)]
        object.__setattr__(self, "_half_norms", xp.concat(norms) / 2)
        if self.basis is not None:
            real_array("basis", self.basis, 2)
            shape = tuple(self.basis.shape)
            require(shape[0] == self.D, "basis", f"shape {shape}", f"need ({self.D}, q)")
            check_orthonormal("basis", self.basis)
            folded = xp.concat([self._fold(block) for _, block in self._blocks(everything)])
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
        return self._batched(x, level, lambda x, alpha, sigma: softmax(self._log_ratios(x, alpha, sigma)[1]), self.N)

    def denoise(self, x, level):
        """The endpoint estimate: the weighted mean of the points, sum_i w_i y_i (Eqs. 15, 100)."""
        return self._batched(x, level, self._denoise, self.D)

    def log_prob(self, x, level):
        """Log density at `level`, in nats; shape (...,) (Eq. 98)."""
        return self._batched(x, level, self._log_prob, 1)[..., 0]

    def _batched(self, x, level, f, width):
        """f on rows of x in batches that keep B x N within the memory; the level may differ from row to row."""
        xp = array_namespace(x)
        state(x, self.D)
        same_library(x, self.points)
        alpha, sigma = level.on(x)
        remedy = "a finite data set has no score at sigma = 0; use sigma > 0"
        require(bool(xp.all(sigma > 0)), "sigma", level.sigma, remedy)
        shape = (*x.shape[:-1], 1)
        alpha, sigma = (xp.reshape(xp.astype(xp.broadcast_to(a, shape), xp.float64), (-1, 1)) for a in (alpha, sigma))
        rows = xp.astype(xp.reshape(x, (-1, self.D)), xp.float64)
        cuts = slices(rows.shape[0], max(self.memory // (32 * self.N), 1))
        out = xp.concat([f(rows[cut, :], alpha[cut, :], sigma[cut, :]) for cut in cuts])
        return xp.astype(xp.reshape(out, (*x.shape[:-1], width)), x.dtype)

    def _blocks(self, index):
        """The points at `index` in float64, in blocks within the memory."""
        xp = array_namespace(self.points)
        for cut in slices(index.shape[0], max(min(self.memory, CACHE) // (16 * self.D), 1)):
            everything = index.shape[0] == self.N  # then a view will do
            block = self.points[cut, :] if everything else xp.take(self.points, index[cut], axis=0)
            yield cut, xp.astype(block, xp.float64)

    def _log_ratios(self, x, alpha, sigma):
        """The heaviest point of each row, and all log weights relative to it (B, N); -inf where negligible.

        First by matrix products, log w_i = (alpha x.y_i - alpha^2 |y_i|^2 / 2) / sigma^2 + const. Where their rounding
        could matter, once more from differences, which stay exact however near the points are to one another.
        """
        xp = array_namespace(x)
        one = slice(0, 1)  # a look at one row tells whether the basis will help
        if self.basis is not None and _share(self._candidates(x[one, :], alpha[one, :], sigma[one, :])[1]) < FEW:
            best, kept = self._candidates(x, alpha, sigma)
            if _share(kept) < FEW:
                rows = range(x.shape[0])
                pairs = [self._exact_row(x[b, :], alpha[b, 0], sigma[b, 0], kept[b, :], int(best[b])) for b in rows]
                return xp.asarray([best for best, _ in pairs], device=x.device), xp.stack([row for _, row in pairs])
        everything = xp.arange(self.N, device=x.device)
        logits = xp.concat([x @ block.T for _, block in self._blocks(everything)], axis=1)
        logits = (alpha / sigma**2) * (logits - alpha * self._half_norms)
        if self.prior is not None:
            logits = logits + self._log_prior
        best = xp.argmax(logits, axis=1)
        logits = logits - xp.max(logits, axis=1, keepdims=True)
        negligible = math.log(1e-16 / self.N)
        rounding = self._rounding(x, alpha, sigma)
        logits = xp.where(logits < negligible - 2 * rounding, -xp.inf, logits)
        for b in range(x.shape[0]):
            if rounding[b, 0] / self.D**0.5 > ROUNDING:
                kept = logits[b, :] > -xp.inf
                best[b], logits[b, :] = self._exact_row(x[b, :], alpha[b, 0], sigma[b, 0], kept, int(best[b]))
        return best, xp.where(logits < negligible, -xp.inf, logits)

    def _fold(self, block):
        """Rows (..., D) as (..., q + 1): their coordinates in the basis, and the length of what lies outside its span.

        No two rows are further apart than they were (Cauchy-Schwarz), and each keeps its length.
        """
        xp = array_namespace(block)
        basis = xp.astype(self.basis, xp.float64)
        inside = block @ basis
        outside = xp.sum((block - inside @ basis.T) ** 2, axis=-1, keepdims=True) ** 0.5
        return xp.concat([inside, outside], axis=-1)

    def _candidates(self, x, alpha, sigma):
        """A near point of each row, and which points (B, N) may weigh more than 1e-16 of it.

        Folded points are no further from the folded state than the points are from x, so their log weights, up to the
        same constant, are bounds.
        """
        xp = array_namespace(x)
        upper = (alpha / sigma**2) * (self._fold(x) @ self._folded.T - alpha * self._half_norms)
        if self.prior is not None:
            upper = upper + self._log_prior
        best = xp.argmax(upper, axis=1)
        near = xp.astype(xp.take(self.points, best, axis=0), xp.float64)
        product = xp.sum(x * near, axis=1) - alpha[:, 0] * xp.take(self._half_norms, best)
        reached = (alpha / sigma**2)[:, 0] * product
        if self.prior is not None:
            reached = reached + xp.take(self._log_prior, best)
        return best, upper >= reached[:, None] + math.log(1e-16 / self.N) - 2 * self._rounding(x, alpha, sigma)

    def _rounding(self, x, alpha, sigma):
        """A bound (B, 1) on the rounding error of a log weight that comes from products of D terms."""
        xp = array_namespace(x)
        longest = alpha * (2 * xp.max(self._half_norms)) ** 0.5
        size = longest * (xp.sum(x**2, axis=1, keepdims=True) ** 0.5 + longest) / sigma**2
        return 2 * self.D * xp.finfo(xp.float64).eps * size

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
        w = softmax(self._log_ratios(x, alpha, sigma)[1])
        used = xp.nonzero(xp.any(w > 0, axis=0))[0]
        few = xp.take(w, used, axis=1)
        return sum(few[:, cut] @ block for cut, block in self._blocks(used))

    def _log_prob(self, x, alpha, sigma):
        xp = array_namespace(x)
        best, ratios = self._log_ratios(x, alpha, sigma)
        y = xp.astype(xp.take(self.points, best, axis=0), xp.float64)
        nearest = xp.sum(((x - alpha * y) / sigma) ** 2, axis=1, keepdims=True)
        prior = -math.log(self.N) if self.prior is None else xp.take(self._log_prior, best)[:, None]
        mass = xp.log(xp.sum(xp.exp(ratios), axis=1, keepdims=True))
        return prior + mass - nearest / 2 - self.D * xp.log((2 * math.pi) ** 0.5 * sigma)


def _share(mask):
    """The share of true entries."""
    xp = array_namespace(mask)
    return float(xp.mean(xp.astype(mask, xp.float64)))
