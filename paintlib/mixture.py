"""Mixtures of low-rank Gaussians with their own weights and ranks (Eqs. 84-96), in log space."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from paintlib.checks import floats, real_array, require, same_kind, same_library, state
from paintlib.gaussian import Gaussian
from paintlib.levels import check_level
from paintlib.logspace import check_prior, logsumexp, softmax


@dataclass(frozen=True)
class Mixture:
    """sum_i prior_i N(mu_i, Sigma_i): prior weights (K,) sum to one, modes are K `Gaussian`s of one D."""

    prior: Any
    modes: Sequence[Gaussian]

    def __post_init__(self):
        given = list(self.modes) if hasattr(self.modes, "__iter__") else [self.modes]
        kinds = sorted({type(mode).__name__ for mode in given} - {"Gaussian"})
        listed = hasattr(self.modes, "__iter__") and not kinds
        require(listed, "modes", kinds or "a Gaussian", "give a list of Gaussians")
        object.__setattr__(self, "modes", given)
        require(len(self.modes) > 0, "modes", "none", "give at least one Gaussian")
        dimensions = {mode.D for mode in self.modes}
        require(len(dimensions) == 1, "modes", f"dimensions {sorted(dimensions)}", "all modes need the same D")
        kinds = {(type(mode.mu).__module__, str(mode.mu.dtype)) for mode in self.modes}
        require(len(kinds) == 1, "modes", sorted(kinds), "all modes need one array library and one dtype")
        check_prior(self.prior, len(self.modes))
        same_library(self.prior, self.modes[0].mu, "prior")
        self._stack()

    def _stack(self):
        """All modes' axes side by side, so that one matrix product serves them all; the modes become views of it."""
        xp, modes, ends = array_namespace(self.modes[0].mu), self.modes, [0]
        for mode in modes:
            ends.append(ends[-1] + mode.rank)
        axes, device = xp.concat([mode.U for mode in modes], axis=1), modes[0].mu.device
        cuts = [slice(*pair) for pair in pairwise(ends)]
        views = [
            Gaussian._of(mode.mu, axes[:, cut], mode.lam, mode.rest) for mode, cut in zip(modes, cuts, strict=True)
        ]
        owner = [i for i, mode in enumerate(modes) for _ in range(mode.rank)]
        full = [mode.rank == mode.D for mode in modes]  # nothing lies off the axes of such a mode: any rest will do
        parts = {
            "modes": views,
            "_axes": axes,
            "_cuts": cuts,
            "_owner": xp.asarray(owner, device=device),
            "_centres": xp.stack([mode.mu for mode in modes]),
            "_along": xp.concat([mode.mu @ mode.U for mode in modes]),
            "_lam": xp.concat([mode.lam for mode in modes]),
            "_rest": xp.asarray(
                [m.rest or float(f) for m, f in zip(modes, full, strict=True)], dtype=axes.dtype, device=device
            ),
            "_off": xp.asarray([mode.D - mode.rank for mode in modes], dtype=axes.dtype, device=device),
        }
        for name, value in parts.items():
            object.__setattr__(self, name, value)

    @classmethod
    def fit(cls, data, labels, rank=None, *, rest=False):
        """One `Gaussian.fit` for each value of `labels` (N,), weighted by how often it occurs in `data` (N, D)."""
        real_array("data", data, 2)
        xp = array_namespace(data)
        labels = np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels)
        shapes = tuple(data.shape), labels.shape
        require(shapes[1] == shapes[0][:1], "data, labels", f"shapes {shapes}", "need (N, D) and (N,)")
        try:
            values, labels = np.unique(labels, return_inverse=True)  # labels of any kind and library, words too
        except TypeError as error:
            require(False, "labels", f"labels of several kinds ({error})", "give all as numbers, or all as words")
        missing = values.dtype.kind in "fc" and bool(np.isnan(values).any())
        require(not missing, "labels", "NaN", "leave those points out, or give them a label")
        labels = xp.asarray(labels, device=data.device)
        parts = [data[labels == value] for value in range(len(values))]
        counts = xp.asarray([float(part.shape[0]) for part in parts], dtype=xp.float64, device=data.device)
        return cls(counts / data.shape[0], [Gaussian.fit(part, rank, rest=rest) for part in parts])

    @property
    def D(self):
        """The number of dimensions."""
        return self.modes[0].D

    def like(self, x):
        """This mixture with the array library, dtype and device of `x`."""
        prior = floats("x", x).asarray(self.prior, dtype=x.dtype, device=x.device)
        return Mixture(prior, [mode.like(x) for mode in self.modes])

    def _look(self, x, level):
        """alpha, the coordinates of x in all modes (..., R), and its log joint density with each (..., K).

        Squared lengths off the axes are differences here, |y|^2 - |c|^2. Where rounding could be felt in them, and that
        is at small sigma, each mode is asked for its own log density; the last answer says whether that was needed.
        """
        same_kind(state(x, self.D), self._axes)
        xp = array_namespace(x)
        alpha, sigma = check_level(level).on(x)
        if not level.noisy:
            for mode in self.modes:
                mode.check_spread(level, "a Gaussian of rank < D has no density at sigma = 0; use sigma > 0")
        c = x @ self._axes - alpha * self._along
        v, v_rest = self._variances(alpha, sigma)
        lengths = xp.sum(x**2, axis=-1, keepdims=True), alpha**2 * xp.sum(self._centres**2, axis=-1)
        eps = float(xp.finfo(x.dtype).eps)
        fine = bool(xp.all(eps * (lengths[0] + lengths[1]) < max(1e-10, 8 * eps * self.D) * v_rest))
        if not fine:
            return alpha, c, self._asked(x, level), False
        square = lengths[0] + lengths[1] - 2 * alpha * (x @ self._centres.T)
        on = self._per_mode(c**2 / v + xp.log(v))
        off = xp.where(self._off > 0, (square - self._per_mode(c**2)) / v_rest, 0.0) + self._off * xp.log(v_rest)
        return alpha, c, xp.log(self.prior) - (on + off + self.D * math.log(2 * math.pi)) / 2, True

    def _asked(self, x, level):
        xp = array_namespace(x)
        return xp.stack([mode.log_prob(x, level) for mode in self.modes], axis=-1) + xp.log(self.prior)

    def _variances(self, alpha, sigma):
        """v along all axes (..., R), and off them (..., K)."""
        return sigma**2 + self._lam * alpha**2, sigma**2 + self._rest * alpha**2

    def _per_mode(self, values):
        """Sums (..., K) over each mode's axes of values (..., R)."""
        xp = array_namespace(values)
        return xp.stack([xp.sum(values[..., cut], axis=-1) for cut in self._cuts], axis=-1)

    def _join(self, w, x, alpha, c, mean, on, off):
        """sum_i w_i [mean mu_i + off_i y_i + sum_k (on_k - off_i) c_k u_k], with y_i = x - alpha mu_i."""
        xp = array_namespace(x)
        off = xp.where(self._off > 0, off, 0.0)
        each = (on - xp.take(off, self._owner, axis=-1)) * c * xp.take(w, self._owner, axis=-1)
        centres = (w * (mean - alpha * off)) @ self._centres
        return centres + xp.sum(w * off, axis=-1, keepdims=True) * x + each @ self._axes.T

    def log_prob(self, x, level):
        """Log density at `level`, in nats; shape (...,) (Eq. 87). Log determinants count: ranks may differ."""
        return logsumexp(self._look(x, level)[2])

    def responsibilities(self, x, level):
        """Posterior weights of the modes given x, shape (..., K) (Eqs. 86, 88)."""
        return softmax(self._look(x, level)[2])

    def denoise(self, x, level):
        """The modes' endpoint estimates, averaged with the responsibilities as weights (Eqs. 6, 89)."""
        alpha, c, joint, _ = self._look(x, level)
        v, v_rest = self._variances(*level.on(x))
        return self._join(softmax(joint), x, alpha, c, 1.0, alpha * self._lam / v, alpha * self._rest / v_rest)

    def score(self, x, level):
        """The gradient of the log density: the modes' scores, averaged in the same way (Eqs. 85, 88)."""
        alpha, c, joint, fine = self._look(x, level)
        w = softmax(joint)
        if not fine:
            return sum(w[..., i, None] * mode.score(x, level) for i, mode in enumerate(self.modes))
        v, v_rest = self._variances(*level.on(x))
        return self._join(w, x, alpha, c, 0.0, -1 / v, -1 / v_rest)
