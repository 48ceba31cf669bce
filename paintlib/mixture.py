"""Mixtures of low-rank Gaussians with their own weights and ranks (Eqs. 84-96), in log space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from paintlib.checks import real_array, require
from paintlib.gaussian import Gaussian
from paintlib.logspace import check_prior, logsumexp, softmax


@dataclass(frozen=True)
class Mixture:
    """sum_i prior_i N(mu_i, Sigma_i): prior weights (K,) sum to one, modes are K `Gaussian`s of one D."""

    prior: Any
    modes: Sequence[Gaussian]

    def __post_init__(self):
        require(len(self.modes) > 0, "modes", "none", "give at least one Gaussian")
        dimensions = {mode.D for mode in self.modes}
        require(len(dimensions) == 1, "modes", f"dimensions {sorted(dimensions)}", "all modes need the same D")
        check_prior(self.prior, len(self.modes))

    @classmethod
    def fit(cls, data, labels, rank=None, *, rest=False):
        """One `Gaussian.fit` for each value of `labels` (N,), weighted by how often it occurs in `data` (N, D)."""
        real_array("data", data, 2)
        shapes = tuple(data.shape), tuple(getattr(labels, "shape", ()))
        require(shapes[1] == shapes[0][:1], "data, labels", f"shapes {shapes}", "need arrays (N, D) and (N,)")
        xp = array_namespace(data)
        parts = [data[labels == value] for value in xp.unique_values(labels)]
        counts = xp.asarray([float(part.shape[0]) for part in parts], dtype=xp.float64, device=data.device)
        return cls(counts / data.shape[0], [Gaussian.fit(part, rank, rest=rest) for part in parts])

    @property
    def D(self):
        """The number of dimensions."""
        return self.modes[0].D

    def like(self, x):
        """This mixture with the array library, dtype and device of `x`."""
        prior = array_namespace(x).asarray(self.prior, dtype=x.dtype, device=x.device)
        return Mixture(prior, [mode.like(x) for mode in self.modes])

    def _log_joint(self, x, level):
        xp = array_namespace(x)
        return xp.stack([mode.log_prob(x, level) for mode in self.modes], axis=-1) + xp.log(self.prior)

    def log_prob(self, x, level):
        """Log density at `level`, in nats; shape (...,) (Eq. 87). Log determinants count: ranks may differ."""
        return logsumexp(self._log_joint(x, level))

    def responsibilities(self, x, level):
        """Posterior weights of the modes given x, shape (..., K) (Eqs. 86, 88)."""
        return softmax(self._log_joint(x, level))

    def denoise(self, x, level):
        """The modes' endpoint estimates, averaged with the responsibilities as weights (Eqs. 6, 89)."""
        w = self.responsibilities(x, level)
        return sum(w[..., i, None] * mode.denoise(x, level) for i, mode in enumerate(self.modes))

    def score(self, x, level):
        """The gradient of the log density: the modes' scores, averaged in the same way (Eqs. 85, 88)."""
        w = self.responsibilities(x, level)
        return sum(w[..., i, None] * mode.score(x, level) for i, mode in enumerate(self.modes))
