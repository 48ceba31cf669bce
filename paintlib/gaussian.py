"""Gaussian data: everything in closed form (Eqs. 8-10, 13, 14, 20-63, for any schedule)."""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from array_api_compat import array_namespace

from paintlib.axes import axes_of_few, check_orthonormal, principal_axes
from paintlib.checks import floats, not_negative, number, rates, real_array, require, same_kind, same_library, state
from paintlib.features import emergence_kappa, psi, psi_rate, xi, xi_rate
from paintlib.levels import CLEAN, Level, check_level
from paintlib.moments import Moments

__all__ = ["Gaussian", "emergence_kappa", "psi", "psi_rate", "xi", "xi_rate"]


@dataclass(frozen=True)
class Gaussian:
    """N(mu, Sigma) in D dimensions with Sigma = U diag(lam) U^T + rest (I - U U^T); no D x D matrix is ever formed.

    mu (D,), U (D, r) with orthonormal columns, the principal axes, and lam (r,) their variances. `rest`, a number, is
    the variance in every direction off these axes: with 0 the data lie on a sheet of r dimensions, and a positive one
    stands for the many small variances that a cut leaves out (probabilistic PCA).
    `denoise` and the others take x of shape (..., D) and a `Level`; for x of another library or dtype there is `like`.
    """

    mu: Any
    U: Any
    lam: Any
    rest: float = 0.0

    def __post_init__(self):
        real_array("mu", self.mu, 1)
        real_array("U", self.U, 2)
        real_array("lam", self.lam, 1)
        kinds = {(type(a).__module__, str(a.dtype)) for a in (self.mu, self.U, self.lam)}
        require(len(kinds) == 1, "mu, U, lam", sorted(kinds), "all three need one array library and one dtype")
        shapes = (tuple(self.mu.shape), tuple(self.U.shape), tuple(self.lam.shape))
        fits = shapes[1] == (shapes[0][0], shapes[2][0]) and self.rank <= self.D
        require(fits, "mu, U, lam", f"shapes {shapes}", "need (D,), (D, r), (r,) with r <= D")
        xp = array_namespace(self.mu)
        require(bool(xp.all(self.lam >= 0)), "lam", self.lam, "variances are not negative")
        rest = number("rest", self.rest, "give one variance: finite and not negative")
        object.__setattr__(self, "rest", not_negative("rest", rest, "give one variance: finite and not negative"))
        check_orthonormal("U", self.U)

    @property
    def D(self):
        """The number of dimensions."""
        return self.mu.shape[0]

    @property
    def rank(self):
        """The number of axes."""
        return self.lam.shape[0]

    @classmethod
    def _of(cls, mu, U, lam, rest=0.0):
        """A Gaussian of parts that are sound by their making, which no check needs to look through again."""
        made = object.__new__(cls)
        made.__dict__.update(mu=mu, U=U, lam=lam, rest=rest)
        return made

    @classmethod
    def fit(cls, data, rank=None, *, rest=False):
        """Mean and covariance (normaliser 1 / N) of `data`: an array (N, D), an iterable of such batches, or `Moments`.

        An array with N <= D goes through its N x N Gram matrix, all else through the D x D scatter matrix, in
        float64. Variances under the rounding error of the largest are dropped; `rank` keeps the leading ones, and with
        `rest=True` the directions left out get their mean variance, so that the total variance is the data's.
        Few axes (16 rank <= D) cost little more than the one product of the data with themselves.
        """
        _check_rank(rank)
        if hasattr(data, "shape"):
            real_array("data", data, 2)
            if data.shape[0] <= data.shape[1]:
                return cls._leading(*axes_of_few(data, rank), rank, rest)
        moments = data if isinstance(data, Moments) else Moments.of(data)
        require(moments.count > 0, "data", "no points", "give one or more")
        return cls.from_moments(moments.mean, moments.covariance(), rank, rest=rest)

    @classmethod
    def from_moments(cls, mu, Sigma, rank=None, *, rest=False):
        """The Gaussian of a mean (D,) and a dense covariance (D, D); `rank` and `rest` as in `fit`."""
        _check_rank(rank)
        real_array("mu", mu, 1)
        real_array("Sigma", Sigma, 2)
        same_library(Sigma, mu, "Sigma")
        xp = array_namespace(mu)
        shapes = tuple(mu.shape), tuple(Sigma.shape)
        require(shapes[1] == shapes[0] * 2, "mu, Sigma", f"shapes {shapes}", "need (D,) and (D, D)")
        mu, Sigma = (xp.astype(a, xp.float64) for a in (mu, Sigma))
        size = float(xp.max(xp.abs(Sigma)))
        skew = float(xp.max(xp.abs(Sigma - Sigma.T)))
        require(
            skew <= 1e-5 * size, "Sigma", f"a matrix that is off symmetric by {skew:.2g}", "give (Sigma + Sigma.T) / 2"
        )
        lam, U = principal_axes(Sigma, rank)
        total = float(xp.linalg.trace(Sigma))
        negative = min(float(xp.min(lam)), total - float(xp.sum(lam)))
        sound = negative >= -1e-5 * size  # moments are often kept in float32
        require(sound, "Sigma", f"a variance of {negative:.2g}", "a covariance has none below zero")
        return cls._leading(mu, U, lam, total, rank, rest)

    @classmethod
    def _leading(cls, mu, U, lam, total, rank, rest):
        """The leading `rank` of the axes whose variances are above the rounding error of the largest."""
        xp = array_namespace(lam)
        D, eps = U.shape[0], float(xp.finfo(lam.dtype).eps) * U.shape[0]
        available = max(int(xp.sum(xp.astype(lam > eps * lam[0], xp.int64))), 1)
        rank = available if rank is None else _within(rank, available)
        left = total - float(xp.sum(lam[:rank]))
        mean = left / (D - rank) if rest and rank < D and left > eps * total else 0.0
        return cls._of(mu, U[:, :rank], xp.where(lam[:rank] > 0, lam[:rank], 0.0), mean)

    def truncate(self, rank, *, rest=False):
        """The Gaussian of the leading `rank` axes; with `rest=True` all other directions get their mean variance."""
        rank = _within(rank, self.rank)
        mean = 0.0
        if rest and rank < self.D:
            xp = array_namespace(self.lam)
            total = float(xp.sum(self.lam[rank:])) + (self.D - self.rank) * self.rest
            mean = total / (self.D - rank)
        return Gaussian._of(self.mu, self.U[:, :rank], self.lam[:rank], mean)

    def covariance(self):
        """The dense covariance (D, D): U diag(lam) U^T + rest (I - U U^T)."""
        xp = array_namespace(self.mu)
        eye = xp.eye(self.D, dtype=self.mu.dtype, device=self.mu.device)
        return (self.U * (self.lam - self.rest)) @ self.U.T + self.rest * eye

    def like(self, x):
        """This Gaussian with the array library, dtype and device of `x`."""
        xp = floats("x", x)
        parts = (xp.asarray(a, dtype=x.dtype, device=x.device) for a in (self.mu, self.U, self.lam))
        return Gaussian._of(*parts, self.rest)

    def _split(self, x, level, quantity="level"):
        """alpha and sigma for x, y = x - alpha mu, and its coordinates c = U^T y on the principal axes (Eq. 9)."""
        state(x, self.D)
        same_kind(x, self.mu)
        alpha, sigma = check_level(level, quantity).on(x)
        y = x - alpha * self.mu
        return alpha, sigma, y, y @ self.U

    def _join(self, mean, y, c, on, off):
        """mean mu + off y_perp + sum_k on_k c_k u_k, with y_perp = y - U c."""
        if self.rank == self.D:
            return mean * self.mu + (on * c) @ self.U.T
        return mean * self.mu + off * y + ((on - off) * c) @ self.U.T

    def _variances(self, alpha, sigma):
        """v = sigma^2 + lam alpha^2 along the axes (..., r), and off them (..., 1)."""
        rest = self.rest if self.rank < self.D else 1.0  # where there is nothing off them, any
        return sigma**2 + self.lam * alpha**2, sigma**2 + rest * alpha**2

    def check_spread(self, level, remedy):
        """That every direction has variance at this level."""
        if not level.noisy:
            least = self.rest if self.rank < self.D else math.inf
            least = min(least, float(array_namespace(self.lam).min(self.lam)))
            require(least > 0, "sigma", level.sigma, remedy)

    def denoise(self, x, level):
        """The endpoint estimate mu + alpha rest / v_rest y_perp + sum_k alpha lam_k / v_k c_k u_k (Eqs. 6, 13, 59)."""
        alpha, sigma, y, c = self._split(x, level)
        v, v_rest = self._variances(alpha, sigma)
        if not level.noisy:  # v = 0 where lam = 0 too: there the limit is 0
            xp = array_namespace(x)
            v, v_rest = xp.where(v > 0, v, 1.0), xp.where(v_rest > 0, v_rest, 1.0)
        return self._join(1.0, y, c, alpha * self.lam / v, alpha * self.rest / v_rest)

    def score(self, x, level):
        """The gradient of the log density: -y_perp / v_rest - sum_k c_k / v_k u_k (Eqs. 8, 55).

        It keeps its digits where sigma is tiny, and exists at sigma = 0 where every direction has variance.
        """
        alpha, sigma, y, c = self._split(x, level)
        self.check_spread(level, "a Gaussian of rank < D has no score at sigma = 0; use sigma > 0")
        v, v_rest = self._variances(alpha, sigma)
        on = -(c / v) @ self.U.T
        if self.rank == self.D:
            return on
        off = y - c @ self.U.T
        off = off - (off @ self.U) @ self.U.T  # once more: rounding that is left along the axes would be blown up
        return on - off / v_rest

    def log_prob(self, x, level):
        """log N(x; alpha mu, sigma^2 I + alpha^2 Sigma), in nats; shape (...,)."""
        alpha, sigma, y, c = self._split(x, level)
        self.check_spread(level, "a Gaussian of rank < D has no density at sigma = 0; use sigma > 0")
        xp = array_namespace(x)
        v, v_rest = self._variances(alpha, sigma)
        total = xp.sum(c**2 / v + xp.log(v), axis=-1) + self.D * math.log(2 * math.pi)
        if self.rank < self.D:
            off = (y - c @ self.U.T) / v_rest**0.5
            log_v = xp.log(v_rest[..., 0] if v_rest.ndim else v_rest)
            total = total + xp.sum(off**2, axis=-1) + (self.D - self.rank) * log_v
        return -total / 2

    def flow(self, x, start, end=CLEAN):
        """The exact probability flow from level `start` to `end`, for any schedule between (Eq. 9).

        x' = alpha' mu + psi_rest y_perp + sum_k psi_k c_k u_k: the z-scores c_k / sqrt(v_k) are conserved.
        """
        alpha, sigma, y, c = self._split(x, start, "start")
        self.check_spread(start, "the flow cannot start from sigma = 0, where it is not unique; use sigma > 0")
        alpha_end, sigma_end = check_level(end, "end").on(x)
        (v, v_rest), (v_end, v_rest_end) = self._variances(alpha, sigma), self._variances(alpha_end, sigma_end)
        return self._join(alpha_end, y, c, (v_end / v) ** 0.5, (v_rest_end / v_rest) ** 0.5)

    def filter(self, x_T, start):
        """Noise to sample, a linear filter (Eq. 10).

        mu + Sigma^(1/2) (sigma_T^2 I + alpha_T^2 Sigma)^(-1/2) (x_T - alpha_T mu).
        """
        return self.flow(x_T, start, CLEAN)

    def sample(self, noise, level=CLEAN):
        """Draws at `level` from white noise (..., D): alpha mu + (sigma^2 I + alpha^2 Sigma)^(1/2) noise."""
        return self.flow(noise, Level(0.0, 1.0), level)

    def velocity(self, x, level, rate):
        """dx/dt on the flow, with rate = (alpha', sigma') (Eq. 50).

        alpha' mu + sigma' / sigma y_perp + sum_k (sigma sigma' + lam_k alpha alpha') / v_k c_k u_k, for rest = 0.
        """
        alpha, sigma, y, c = self._split(x, level)
        self.check_spread(level, "the flow cannot start from sigma = 0, where it is not unique; use sigma > 0")
        (v, v_rest), rate = self._variances(alpha, sigma), rates(rate)
        on, off = ((sigma * rate[1] + lam * alpha * rate[0]) / var for lam, var in ((self.lam, v), (self.rest, v_rest)))
        return self._join(rate[0], y, c, on, off)

    def generated(self, start, noise):
        """What the flow makes of N(0, noise^2 I) instead of the true law at level `start` (prior mismatch).

        A Gaussian with variances noise^2 lam_k / v_k and the mean's part along u_k scaled by 1 - alpha psi_k(0).
        """
        remedy = "the standard deviation of the starting noise is positive, and its square a number"
        require(0 < number("noise", noise) < 1e150, "noise", noise, remedy)
        require(isinstance(check_level(start, "start").kappa, float), "start", start, "give one level, not arrays")
        on, off = psi(self.lam, start), psi(self.rest, start) if self.rest else 0.0
        mu = self.mu - start.alpha * self._join(0.0, self.mu, self.mu @ self.U, on, off)
        return Gaussian._of(mu, self.U, noise**2 * on**2, noise**2 * off**2)

    def reverse(self, x, start, end, eta=1.0):
        """Mean and variances of x at level `end`, given x at `start`, under the reverse SDE (Eq. 2 for eta = 1).

        dx = [f x - (1 + eta^2) g^2 s / 2] dt + eta g dW. Returns the mean (..., D), the variances (r,) along the axes
        and the variance of every off-manifold direction: v (1 - rho^(2 eta^2)), rho = (alpha_T / alpha) sqrt(v / v_T).
        """
        require(0 <= number("eta", eta) <= 1000, "eta", eta, "the noise scale is from 0 to 1000")
        one = all(isinstance(check_level(level, "start, end").kappa, float) for level in (start, end))
        require(one, "start, end", (start, end), "give one level each, not arrays")
        require(end.alpha > 0, "end", end, "the reverse SDE is given for end.alpha > 0; choose a later level")
        require(start.kappa >= end.kappa, "start, end", (start, end), "the start must have more noise than the end")
        _, _, y, c = self._split(x, start, "start")
        self.check_spread(start, "the reverse SDE cannot start from sigma = 0 on a sheet; use sigma > 0")
        xp = array_namespace(x)
        lam = xp.concat([self.lam, xp.full((1,), self.rest, dtype=self.lam.dtype, device=self.lam.device)])
        v_start, v_end = start.variance(lam), end.variance(lam)
        kept = ((start.alpha / end.alpha) * (v_end / v_start) ** 0.5) ** (eta**2)
        gain, variance = kept * (v_end / v_start) ** 0.5, v_end * (1 - kept**2)
        return self._join(end.alpha, y, c, gain[:-1], gain[-1]), variance[:-1], variance[-1]


def _check_rank(rank):
    whole = rank is None or (isinstance(rank, Integral) and rank >= 1)
    require(whole, "rank", rank, "give a whole number of axes, at least one, or None for all")


def _within(rank, available):
    _check_rank(rank)
    require(
        rank is not None and rank <= available,
        "rank",
        rank,
        f"there are {available} axes; choose from 1 to {available}",
    )
    return rank
