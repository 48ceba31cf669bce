"""Which points of a finite data set weigh how much: the log weights of Eq. 15, in the precision that each needs."""

import math
from functools import reduce
from operator import iadd

from array_api_compat import array_namespace

from paintlib.blocks import indices, put_rows, share, slices, take_rows

CACHE = 2**23  # bytes: a block of points that stays in the processor's cache is converted at little cost
ROWS = 512  # points in a block: sums over one block may be in float32, where some products add up one by one
PIECE = 384  # dimensions: products in float32 are summed by pieces, whose rounding does not grow with D
ROUNDING = 1e-10  # a log weight's typical error that needs no second look
PRECISE = 1e-6  # error of an endpoint estimate, as a share of its length, and of a log weight, that float32 may make
COARSE = 1.0  # one that is beyond repair, where many points are that near to one another
BLUR = 4 * 2.0**-23  # error of a mean in float32, as a share of its length; 3.3 * 2^-23 was seen
FEW = 0.05  # share of the points under which one by one is faster than all at once
LARGE = 2**20  # numbers in the points from which on float32 is worth its bookkeeping
PROBES = 64  # points whose log weights are compared in both precisions


class Points:
    """Points (N, D) with log prior weights (N,), or None, made ready to be asked; rows x (B, D) ask, in float64.

    alpha and sigma are (B, 1), `memory` in bytes, and `basis` (D, q), or None, has orthonormal columns.
    """

    def __init__(self, points, log_prior, memory, basis):
        xp = array_namespace(points)
        self.points, self.log_prior, self.memory, self.basis = points, log_prior, memory, basis
        self.N, self.D = points.shape
        self.centre = sum(xp.sum(block, axis=0) for _, block in self.blocks()) / self.N
        norms = [xp.sum((block - self.centre) ** 2, axis=-1) for _, block in self.blocks()]
        self.half_norms = xp.concat(norms) / 2
        self.radius = float(2 * xp.max(self.half_norms)) ** 0.5
        self.reach = max(float(xp.max(xp.linalg.vecdot(block, block))) for _, block in self.blocks()) ** 0.5
        self.single = points.dtype == xp.float32 and self.N * self.D >= LARGE
        if basis is not None:
            self.folded = xp.concat([self._fold(block - self.centre) for _, block in self.blocks()])

    def blocks(self, index=None, dtype=None):
        """The points, or those at `index`, in float64 or another dtype, in blocks within the memory, or the cache."""
        xp = array_namespace(self.points)
        count = self.N if index is None else index.shape[0]
        dtype = dtype or xp.float64
        rows = min(self.memory, CACHE if dtype == xp.float64 else self.memory) // (16 * self.D)
        for cut in slices(count, min(max(rows, 1), ROWS)):
            block = self.points[cut, :] if index is None else xp.take(self.points, index[cut], axis=0)
            yield cut, xp.astype(block, dtype, copy=False)

    def log_ratios(self, x, alpha, sigma, single=True):
        """The heaviest point of each row, all log weights relative to it (B, N), their error and its own (B, 1).

        First by products about the centre m of the points, log w_i = (alpha e_i.r - alpha^2 |e_i|^2 / 2) / sigma^2 +
        const with e = y - m and r = x - alpha m. Where rounding could matter, once more from differences. The error is
        not 0 where many log weights come from a product in float32; `single` says if that may be. Negligible: -inf.
        """
        xp = array_namespace(x)
        r = x - alpha * self.centre
        one = slice(0, 1)  # a look at one row tells whether the basis will help
        error = xp.zeros_like(alpha)
        if self.basis is not None and share(self._candidates(r[one, :], alpha[one, :], sigma[one, :])[1]) < FEW:
            best, kept = self._candidates(r, alpha, sigma)
            if share(kept) < FEW:
                rows = range(x.shape[0])
                pairs = [self._exact_row(x[b, :], alpha[b, 0], sigma[b, 0], kept[b, :], int(best[b])) for b in rows]
                best = xp.asarray([best for best, _ in pairs], device=x.device)
                return best, xp.stack([row for _, row in pairs]), error, error
        single = single and self.single and float(xp.max(xp.abs(r))) < 1e15  # squares of that still fit
        logits = self._products(r, alpha, sigma, single)
        best, top = xp.argmax(logits, axis=1), xp.max(logits, axis=1, keepdims=True)
        logits = logits - top  # not in place: log_prob has a gradient
        negligible = math.log(1e-16 / self.N)
        bound, typical = self._rounding(r, alpha, sigma, single)
        kept = logits >= negligible - 2 * bound
        few = xp.sum(xp.astype(kept, xp.uint8), axis=1) < max(math.ceil(FEW * self.N), 2)
        felt = typical[:, 0] > ROUNDING
        if single and bool(xp.all(~few & (typical[:, 0] > COARSE))):
            return self.log_ratios(x, alpha, sigma, single=False)
        for b in indices(felt & few if single else felt):
            best[b], logits[b, :] = self._exact_row(x[b, :], alpha[b, 0], sigma[b, 0], kept[b, :], int(best[b]))
        if single and len(many := indices(felt & ~few)) > 0:
            put_rows(error, many, self._measured(*(take_rows(a, many) for a in (r, alpha, sigma, logits))))
        logits = xp.where(logits < negligible, -xp.inf, logits)
        return best, logits, error, top

    def precise(self, x, alpha, sigma):
        """`log_ratios` with errors of at most PRECISE."""
        best, ratios, error, _ = self.log_ratios(x, alpha, sigma)
        if float(array_namespace(x).max(error)) > PRECISE:
            best, ratios, _, _ = self.log_ratios(x, alpha, sigma, single=False)
        return best, ratios

    def _products(self, r, alpha, sigma, single):
        """`_logits` of all points (B, N), in float64, from products in float32 if `single`."""
        xp = array_namespace(r)
        if single:  # e.r = y.r - m.r; m.r is the same for all points
            rows = xp.astype(r, xp.float32)
            pieces = (rows[:, cut] @ self.points[:, cut].T for cut in slices(self.D, PIECE))
            inner = xp.astype(reduce(iadd, pieces), xp.float64)
        else:
            inner = xp.empty((r.shape[0], self.N), dtype=xp.float64, device=r.device)
            for cut, block in self.blocks():
                inner[:, cut] = r @ (block - self.centre).T
        return self._logits(inner, alpha, sigma)

    def _logits(self, inner, alpha, sigma, index=None):
        """(alpha e_i.r - alpha^2 |e_i|^2 / 2) / sigma^2 + log pi_i, in the place of the e_i.r, of points at `index`."""
        xp, half_norms, log_prior = array_namespace(inner), self.half_norms, self.log_prior
        if index is not None:
            half_norms = xp.take(half_norms, index)
            log_prior = None if log_prior is None else xp.take(log_prior, index)
        inner -= alpha * half_norms
        inner *= alpha / sigma**2
        if log_prior is not None:
            inner += log_prior
        return inner

    def _measured(self, r, alpha, sigma, logits):
        """The error (B, 1), as a root mean square, of these log weights at some points, by products in float64."""
        xp = array_namespace(r)
        probes = xp.arange(0, self.N, max(self.N // PROBES, 1), device=r.device)
        e = xp.astype(xp.take(self.points, probes, axis=0), xp.float64) - self.centre
        off = xp.take(logits, probes, axis=1) - self._logits(r @ e.T, alpha, sigma, probes)
        return xp.std(off, axis=1, keepdims=True)

    def sharpened(self, x, alpha, sigma, w, top, x0_hat, limit):
        """The mean x0_hat (B, D) with the weights w above `limit` (B, 1) anew in float64; `top` is `log_ratios`' own.

        The squares of the weights that stay sum to `limit` at most: that is what is left of the errors.
        """
        xp = array_namespace(x)
        r, most = x - alpha * self.centre, xp.max(w, axis=1, keepdims=True)
        index = xp.nonzero(xp.any(w > limit, axis=0))[0]
        moved, total = xp.zeros_like(x0_hat), xp.ones_like(alpha)
        for cut, block in self.blocks(index):
            own = self._logits(r @ block.T, alpha, sigma, index[cut])
            change = most * xp.exp(own - top) - xp.take(w, index[cut], axis=1)
            moved += change @ block
            total += xp.sum(change, axis=1, keepdims=True)
        return (x0_hat + moved) / total

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
        for _, e in self.blocks(candidates):
            e -= y_a  # in place: the block is a copy
            parts.append((alpha / sigma**2) * (e @ r - alpha / 2 * xp.linalg.vecdot(e, e)))
        exact = xp.concat(parts)
        if self.log_prior is not None:
            exact = exact + xp.take(self.log_prior, candidates) - self.log_prior[anchor]
        best = int(candidates[int(xp.argmax(exact))])
        if best != anchor and not settled and float(xp.max(exact)) > 1:
            return self._exact_row(x, alpha, sigma, kept, best, settled=True)  # a far anchor would cost digits
        row = xp.full((self.N,), -xp.inf, dtype=xp.float64, device=x.device)
        row[kept] = exact - xp.max(exact)
        return best, row

    def _rounding(self, r, alpha, sigma, single=False):
        """A bound (B, 1) on the rounding error of a log weight, which grows with the terms of a sum; a typical one."""
        xp = array_namespace(r)
        length = self.reach if single else self.radius  # in float32 the points are not centred
        size = alpha * length * (xp.sum(r**2, axis=1, keepdims=True) ** 0.5 + alpha * self.radius)
        terms = min(self.D, PIECE + self.D // PIECE) if single else self.D
        unit = 2 * float(xp.finfo(xp.float32 if single else xp.float64).eps) * size / sigma**2
        return terms * unit, terms**0.5 * unit

    def _candidates(self, r, alpha, sigma):
        """A near point of each row, and which points (B, N) may weigh more than 1e-16 of it.

        Folded points are no further from the folded state than the points are from x, so their log weights, up to the
        same constant, are bounds.
        """
        xp = array_namespace(r)
        upper = self._logits(self._fold(r) @ self.folded.T, alpha, sigma)
        best = xp.argmax(upper, axis=1)
        near = xp.astype(xp.take(self.points, best, axis=0), xp.float64) - self.centre
        reached = self._logits(xp.sum(r * near, axis=1), alpha[:, 0], sigma[:, 0], best)
        return best, upper >= reached[:, None] + math.log(1e-16 / self.N) - 2 * self._rounding(r, alpha, sigma)[0]

    def _fold(self, block):
        """Rows (..., D) as (..., q + 1): their coordinates in the basis, and the length of what lies outside its span.

        No two rows are further apart than they were (Cauchy-Schwarz), and each keeps its length.
        """
        xp = array_namespace(block)
        basis = xp.astype(self.basis, xp.float64)
        inside = block @ basis
        outside = xp.sum((block - inside @ basis.T) ** 2, axis=-1, keepdims=True) ** 0.5
        return xp.concat([inside, outside], axis=-1)

    def mean(self, w, single):
        """sum_i w_i y_i over the points that weigh anything; in float32 for the rows `single` (B,)."""
        xp = array_namespace(w)
        out = xp.zeros((w.shape[0], self.D), dtype=xp.float64, device=w.device)
        coarse, fine = indices(single), indices(~single)
        groups = [[row] for row in fine] if share(w > 0) < FEW else [fine]  # each row may have a few of its own
        for rows, dtype in [(coarse, xp.float32), *((rows, xp.float64) for rows in groups)]:
            if rows:
                own = take_rows(w, rows)
                used = xp.nonzero(xp.any(own > 0, axis=0))[0]
                own, used = (own, None) if used.shape[0] == self.N else (xp.take(own, used, axis=1), used)
                own = xp.astype(own, dtype, copy=False)
                total = xp.zeros((len(rows), self.D), dtype=xp.float64, device=w.device)
                for cut, y in self.blocks(used, dtype):
                    total += own[:, cut] @ y
                put_rows(out, rows, total)
        return out
