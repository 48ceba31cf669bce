"""Gaussian data: everything in closed form (Eqs. 8-10, 13, 14, 20-63, for any schedule)."""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from array_api_compat import array_namespace

from paintlib.blocks import slices
from paintlib.checks import everywhere, real_array, require, same_library, state
from paintlib.schedules import CLEAN

LARGEST_SCATTER = 20_000  # a D x D matrix in float64 takes 3.2 GB at this D


def spread(level, lam):
    """v = sigma^2 + lam alpha^2 where it divides: not zero."""
    v = level.variance(lam)
    remedy = "a feature without variance has no spread at sigma = 0; use sigma > 0"
    require(everywhere(v > 0), "sigma", level.sigma, remedy)
    return v


def psi(level, start, lam):
    """How far a feature of variance `lam` has moved between two levels: psi = sqrt(v / v_T) (Eq. 9).

    v = sigma^2 + lam alpha^2; lam = 0 gives the off-manifold sigma / sigma_T.
    """
    return (level.variance(lam) / spread(start, lam)) ** 0.5


def xi(level, start, lam):
    """How much of a feature the endpoint estimate shows: xi = alpha lam / sqrt(v v_T) (Eq. 13)."""
    return level.alpha * lam / (spread(level, lam) * spread(start, lam)) ** 0.5


def psi_rate(level, rate, start, lam):
    """d psi / dt = (sigma sigma' + lam alpha alpha') / sqrt(v v_T), with `rate` = (alpha', sigma') (Eq. 46)."""
    return (level.sigma * rate[1] + lam * level.alpha * rate[0]) / (spread(level, lam) * spread(start, lam)) ** 0.5


def xi_rate(level, rate, start, lam):
    """d xi / dt = lam sigma (sigma alpha' - alpha sigma') / sqrt(v^3 v_T), a feature's critical period.

    Fig. 3C shows it divided by sqrt(lam).
    """
    turn = level.sigma * (level.sigma * rate[0] - level.alpha * rate[1])
    return lam * turn / (spread(level, lam) ** 3 * spread(start, lam)) ** 0.5


def emergence_kappa(lam, fraction=0.5**0.5):
    """The sigma / alpha at which the endpoint estimate shows `fraction` of a feature: sqrt(lam (1 / fraction^2 - 1)).

    For the default 1 / sqrt(2) this is the paper's critical point sigma = alpha sqrt(lam) (Sec. 4.2).
    """
    require(everywhere(lam >= 0), "lam", lam, "variances are not negative")
    require(0 < fraction <= 1, "fraction", fraction, "need 0 < fraction <= 1")
    return (lam * (1 / fraction**2 - 1)) ** 0.5


@dataclass(frozen=True)
class Gaussian:
    """N(mu, U diag(lam) U^T) of rank r in D dimensions; no D x D matrix is ever formed.

    mu (D,), U (D, r) with orthonormal columns, the principal axes, and lam (r,) their variances.
    `denoise` and the rest take x of shape (..., D) and a `Level`; for x of another library or dtype there is `like`.
    """

    mu: Any
    U: Any
    lam: Any

    def __post_init__(self):
        real_array("mu", self.mu, 1)
        real_array("U", self.U, 2)
        real_array("lam", self.lam, 1)
        kinds = {(type(a).__module__, str(a.dtype)) for a in (self.mu, self.U, self.lam)}
        require(len(kinds) == 1, "mu, U, lam", sorted(kinds), "all three need one array library and one dtype")
        xp = array_namespace(self.mu)
        shapes = (tuple(self.mu.shape), tuple(self.U.shape), tuple(self.lam.shape))
        fits = shapes[1] == (shapes[0][0], shapes[2][0]) and self.rank <= self.D
        require(fits, "mu, U, lam", f"shapes {shapes}", "need (D,), (D, r), (r,) with r <= D")
        require(bool(xp.all(self.lam >= 0)), "lam", self.lam, "variances are not negative")
        gram = self.U.T @ self.U
        off = float(xp.max(xp.abs(gram - xp.eye(self.rank, dtype=gram.dtype, device=gram.device))))
        require(
            off < float(xp.finfo(gram.dtype).eps) ** 0.5,
            "U",
            f"columns off orthonormal by {off:.2g}",
            "orthonormalise them, by QR say",
        )

    @property
    def D(self):
        """The number of dimensions."""
        return self.mu.shape[0]

    @property
    def rank(self):
        """The number of axes."""
        return self.lam.shape[0]

    @classmethod
    def fit(cls, data, rank=None):
        """Mean and covariance (normaliser 1 / N) of `data`: an array (N, D), or an iterable of such batches.

        An array with N <= D goes through its N x N Gram matrix, all else through the D x D scatter matrix, in
        float64. Variances under the rounding error of the largest are dropped; `rank` keeps the leading ones.
        """
        if hasattr(data, "shape"):
            real_array("data", data, 2)
            N, D = data.shape
            mu, U, lam = _fit_few(data) if N <= D else _fit_many(data[cut, :] for cut in slices(N, 4096))
        else:
            mu, U, lam = _fit_many(data)
        xp = array_namespace(lam)
        eps = float(xp.finfo(lam.dtype).eps) * U.shape[0]
        available = max(int(xp.sum(xp.astype(lam > eps * lam[0], xp.int64))), 1)
        rank = available if rank is None else _within(rank, available)
        return cls(mu, U[:, :rank], lam[:rank])

    def truncate(self, rank):
        """The Gaussian of the leading `rank` axes."""
        rank = _within(rank, self.rank)
        return Gaussian(self.mu, self.U[:, :rank], self.lam[:rank])

    def like(self, x):
        """This Gaussian with the array library, dtype and device of `x`."""
        xp = array_namespace(x)
        return Gaussian(*(xp.asarray(a, dtype=x.dtype, device=x.device) for a in (self.mu, self.U, self.lam)))

    def _split(self, x, alpha):
        """y = x - alpha mu, and its coordinates c = U^T y on the principal axes (Eq. 9)."""
        same_library(x, self.mu)
        y = state(x, self.D) - alpha * self.mu
        return y, y @ self.U

    def denoise(self, x, level):
        """The endpoint estimate x0_hat = mu + sum_k alpha lam_k / v_k c_k u_k (Eqs. 6, 13, 59)."""
        alpha, sigma = level.on(x)
        _, c = self._split(x, alpha)
        v = sigma**2 + self.lam * alpha**2
        v = array_namespace(x).where(v > 0, v, 1.0)  # v = 0 only where lam = sigma = 0: there the limit is 0
        return self.mu + (alpha * self.lam / v * c) @ self.U.T

    def log_prob(self, x, level):
        """log N(x; alpha mu, sigma^2 I + alpha^2 Sigma), in nats; shape (...,)."""
        xp = array_namespace(x)
        alpha, sigma = level.on(x)
        y, c = self._split(x, alpha)
        v = sigma**2 + self.lam * alpha**2
        singular = self.rank < self.D or not bool(xp.all(self.lam > 0))
        require(bool(xp.all(v > 0)) and not (singular and bool(xp.any(sigma == 0))), "sigma", level.sigma,
                "a Gaussian of rank < D has no density at sigma = 0; use sigma > 0")  # fmt: skip
        total = xp.sum(c**2 / v + xp.log(v), axis=-1) + self.D * math.log(2 * math.pi)
        if self.rank < self.D:
            off = (y - c @ self.U.T) / sigma
            log_sigma = xp.log(sigma[..., 0] if sigma.ndim else sigma)
            total = total + xp.sum(off**2, axis=-1) + 2 * (self.D - self.rank) * log_sigma
        return -total / 2

    def flow(self, x, start, end=CLEAN):
        """The exact probability flow from level `start` to `end`, for any schedule between (Eq. 9).

        x' = alpha' mu + sigma' / sigma y_perp + sum_k psi_k c_k u_k: the z-scores c_k / sqrt(v_k) are conserved.
        """
        self._check_start(start)
        (alpha, sigma), (alpha_end, sigma_end) = start.on(x), end.on(x)
        y, c = self._split(x, alpha)
        psi_k = ((sigma_end**2 + self.lam * alpha_end**2) / (sigma**2 + self.lam * alpha**2)) ** 0.5
        off = sigma_end / sigma
        return alpha_end * self.mu + off * y + ((psi_k - off) * c) @ self.U.T

    def filter(self, x_T, start):
        """Noise to sample, a linear filter (Eq. 10).

        mu + Sigma^(1/2) (sigma_T^2 I + alpha_T^2 Sigma)^(-1/2) (x_T - alpha_T mu).
        """
        return self.flow(x_T, start, CLEAN)

    def velocity(self, x, level, rate):
        """dx/dt on the flow, with rate = (alpha', sigma') (Eq. 50).

        alpha' mu + sigma' / sigma y_perp + sum_k (sigma sigma' + lam_k alpha alpha') / v_k c_k u_k.
        """
        self._check_start(level)
        alpha, sigma = level.on(x)
        y, c = self._split(x, alpha)
        off = rate[1] / sigma
        on = (sigma * rate[1] + self.lam * alpha * rate[0]) / (sigma**2 + self.lam * alpha**2)
        return rate[0] * self.mu + off * y + ((on - off) * c) @ self.U.T

    def generated(self, start, noise):
        """What the flow makes of N(0, noise^2 I) instead of the true law at level `start` (prior mismatch).

        A Gaussian with variances noise^2 lam_k / v_k and the mean's part along u_k scaled by 1 - alpha psi_k(0).
        """
        require(noise > 0, "noise", noise, "the standard deviation of the starting noise is positive")
        shrink = psi(CLEAN, start, self.lam)
        mu = self.mu - self.U @ (start.alpha * shrink * (self.mu @ self.U))
        return Gaussian(mu, self.U, noise**2 * shrink**2)

    def reverse(self, x, start, end, eta=1.0):
        """Mean and variances of x at level `end`, given x at `start`, under the reverse SDE (Eq. 2 for eta = 1).

        dx = [f x - (1 + eta^2) g^2 s / 2] dt + eta g dW. Returns the mean (..., D), the variances (r,) along the axes
        and the variance of every off-manifold direction: v (1 - rho^(2 eta^2)), rho = (alpha_T / alpha) sqrt(v / v_T).
        """
        require(eta >= 0, "eta", eta, "the noise scale is not negative")
        one = isinstance(start.kappa, float) and isinstance(end.kappa, float)
        require(one, "start, end", (start, end), "give one level each, not arrays")
        require(end.alpha > 0, "end", end, "the reverse SDE is given for end.alpha > 0; choose a later level")
        self._check_start(start)
        require(start.kappa >= end.kappa, "start, end", (start, end), "the start must have more noise than the end")
        xp = array_namespace(x)
        zero = xp.zeros((1,), dtype=x.dtype, device=x.device)
        lam = xp.concat([self.lam, zero])
        v_start, v_end = start.variance(lam), end.variance(lam)
        kept = ((start.alpha / end.alpha) * (v_end / v_start) ** 0.5) ** (eta**2)
        gain, variance = kept * (v_end / v_start) ** 0.5, v_end * (1 - kept**2)
        y, c = self._split(x, start.alpha)
        mean = end.alpha * self.mu + gain[-1] * y + ((gain[:-1] - gain[-1]) * c) @ self.U.T
        return mean, variance[:-1], variance[-1]

    def _check_start(self, level):
        remedy = "the flow cannot start from sigma = 0, where it is not unique; use sigma > 0"
        require(everywhere(level.sigma > 0), "sigma", level.sigma, remedy)


def _within(rank, available):
    whole = isinstance(rank, Integral) and 1 <= rank <= available
    require(whole, "rank", rank, f"there are {available} axes; choose from 1 to {available}")
    return rank


def _fit_few(data):
    """Moments of N <= D points through the N x N Gram matrix."""
    xp = array_namespace(data)
    data = xp.astype(data, xp.float64)
    mu = xp.mean(data, axis=0)
    Y = data - mu
    lam, V = xp.linalg.eigh(Y @ Y.T / data.shape[0])
    lam, V = _descending(lam, V)
    keep = max(int(xp.sum(xp.astype(lam > lam[0] * 1e-15 * Y.shape[1], xp.int64))), 1)
    # QR restores what the Gram matrix loses: the orthogonality of axes with little variance
    U, R = xp.linalg.qr(Y.T @ V[:, :keep])
    return mu, U, xp.linalg.diagonal(R) ** 2 / data.shape[0]


def _fit_many(batches):
    """Moments of any number of points through the D x D scatter matrix, batch by batch."""
    count, shift = 0, None
    for batch in batches:
        real_array("data", batch, 2)
        xp = array_namespace(batch)
        if shift is None:
            D = batch.shape[1]
            require(D <= LARGEST_SCATTER, "data", f"D = {D}", "batches need a D x D matrix; give an array with N <= D")
            shift = xp.mean(xp.astype(batch, xp.float64), axis=0)  # centring before summing keeps small variances exact
            total, scatter = xp.zeros_like(shift), xp.zeros((D, D), dtype=xp.float64, device=batch.device)
        require(batch.shape[1] == D, "data", f"D = {batch.shape[1]} after {D}", "all batches need the same D")
        Y = xp.astype(batch, xp.float64) - shift
        count, total, scatter = count + batch.shape[0], total + xp.sum(Y, axis=0), scatter + Y.T @ Y
    require(count > 0, "data", "no batches", "give at least one point")
    mean = total / count
    lam, U = xp.linalg.eigh(scatter / count - mean[:, None] * mean[None, :])
    lam = xp.where(lam > 0, lam, 0.0)  # rounding may leave a zero variance slightly negative
    lam, U = _descending(lam, U)
    return shift + mean, U, lam


def _descending(lam, V):
    xp = array_namespace(lam)
    return xp.asarray(xp.flip(lam, axis=0), copy=True), xp.asarray(xp.flip(V, axis=1), copy=True)
