"""A noise level: how much of the picture, and how much noise, is in a state (Eq. 3)."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from paintlib.checks import (
    everywhere,
    floating,
    library,
    not_negative,
    number,
    require,
    scalar,
    square_range,
    together,
)


def _scale(name, value):
    """alpha or sigma: not negative, and with an ordinary number for its square (or zero)."""
    value = not_negative(name, value, "noise levels are finite and not negative")
    low, high = (1e-150, 1e150) if isinstance(value, float) else _range_of(value)
    if not everywhere((value == 0) | (low <= value) & (value <= high)):
        remedy = f"noise levels are 0, or from {low:.1g} to {high:.1g}, so that their squares are numbers"
        require(False, name, value, remedy)
    return value


def _range_of(array):
    xp = library("level", array)
    return square_range(xp, array.dtype) if floating(xp, array.dtype) else (1, 1e150)


def _partner(name, value):
    """sqrt(1 - value^2) without loss of digits near 1."""
    value = _scale(name, value)
    require(everywhere(value <= 1), name, value, "alpha^2 + sigma^2 = 1 needs a value in [0, 1]")
    return ((1 - value) * (1 + value)) ** 0.5


@dataclass(frozen=True)
class Level:
    """A noise level: x_t = alpha x_0 + sigma noise (Eq. 3).

    alpha and sigma are numbers, or arrays over batch axes; they are unitless scales, not variances. Levels over batch
    axes are indexed like their arrays: `run.level[n]`.
    """

    alpha: float
    sigma: float

    def __post_init__(self):
        alpha, sigma = _scale("alpha", self.alpha), _scale("sigma", self.sigma)
        together("alpha, sigma", alpha, sigma)
        require(everywhere(alpha + sigma > 0), "Level", "alpha = sigma = 0", "one of the two must be positive")
        object.__setattr__(self, "alpha", alpha)
        object.__setattr__(self, "sigma", sigma)

    def __getitem__(self, index):
        """The level, or levels, at `index` of the batch axes."""
        arrays = [value for value in (self.alpha, self.sigma) if is_array_api_obj(value)]
        require(len(arrays) > 0, "level", "a single one", "an index needs levels over batch axes")
        if len(arrays) == 1:  # the other is one number for all
            return Level(*(value[index] if is_array_api_obj(value) else value for value in (self.alpha, self.sigma)))
        return Level(*(value[index] for value in array_namespace(*arrays).broadcast_arrays(*arrays)))

    @classmethod
    def from_alpha(cls, alpha):
        """The variance-preserving level with this alpha in [0, 1]: sigma = sqrt((1 - alpha) (1 + alpha))."""
        return cls(alpha, _partner("alpha", alpha))

    @classmethod
    def from_sigma(cls, sigma):
        """The variance-preserving level with this sigma in [0, 1]: alpha = sqrt((1 - sigma) (1 + sigma))."""
        return cls(_partner("sigma", sigma), sigma)

    @classmethod
    def from_kappa(cls, kappa):
        """The level with alpha = 1 and sigma = kappa: EDM's way to write it."""
        return cls(1.0, kappa)

    @classmethod
    def from_log_snr(cls, log_snr):
        """The variance-preserving level whose log(alpha^2 / sigma^2) is `log_snr`, a number or a NumPy array."""
        log_snr = log_snr if is_array_api_obj(log_snr) else number("log_snr", log_snr)
        with np.errstate(over="ignore"):
            kappa = np.exp(-np.asarray(log_snr, dtype=float) / 2)
        return cls.from_kappa(kappa).vp()

    @property
    def kappa(self):
        """sigma / alpha: the noise on x / alpha; infinite where alpha = 0."""
        if isinstance(self.alpha, float) and isinstance(self.sigma, float):
            return self.sigma / self.alpha if self.alpha > 0 else math.inf
        with np.errstate(divide="ignore"):
            return self.sigma / self.alpha

    @property
    def noisy(self):
        """Whether there is noise, sigma > 0; for levels over batch axes, whether everywhere."""
        return self.sigma > 0 if isinstance(self.sigma, float) else everywhere(self.sigma > 0)

    @property
    def log_snr(self):
        """log(alpha^2 / sigma^2)."""
        kappa = self.kappa
        if isinstance(kappa, float):
            return -2 * math.log(kappa) if kappa > 0 else math.inf
        return -2 * array_namespace(kappa).log(kappa)

    def vp(self):
        """The level of the same kappa with alpha^2 + sigma^2 = 1."""
        norm = (self.alpha**2 + self.sigma**2) ** 0.5
        return Level(self.alpha / norm, self.sigma / norm)

    def ve(self):
        """The level of the same kappa with alpha = 1."""
        require(everywhere(self.alpha > 0), "alpha", self.alpha, "x / alpha needs some signal; use alpha > 0")
        return Level(self.alpha / self.alpha, self.kappa)

    def variance(self, lam):
        """v = sigma^2 + lam alpha^2: the variance at this level of a feature whose data variance is `lam`."""
        lam = not_negative("lam", lam, "variances are finite and not negative")
        if not isinstance(lam, float):
            together("lam, level", lam, self.alpha, self.sigma)
            self._fits(lam)
        with np.errstate(over="ignore"):
            v = self.sigma**2 + lam * self.alpha**2
        require(everywhere(v < math.inf), "lam, level", (lam, self), "sigma^2 + lam alpha^2 is too long for a number")
        return v

    def on(self, x):
        """alpha and sigma as arrays like x, shaped to multiply x of shape (..., D): batch axes gain a trailing one."""
        if type(x) is np.ndarray and type(self.alpha) is float and type(self.sigma) is float:
            return _kept(self.alpha, self.sigma, x.dtype)
        return self._made(x)

    def _made(self, x):
        xp = library("x", x)
        if not floating(xp, x.dtype):
            require(False, "x", f"dtype {x.dtype}", "convert to floating point")
        self._fits(x)
        return tuple(
            scalar(value, x) if isinstance(value, float) else self._over_batch(xp, value, x)
            for value in (self.alpha, self.sigma)
        )

    def _fits(self, x):
        """That the squares of alpha and sigma, where they are one number each, are numbers of the dtype of x."""
        if not floating(library("x", x), x.dtype):
            return  # whole numbers times a float are floats
        low, high = _range_of(x)
        for name, value in (("alpha", self.alpha), ("sigma", self.sigma)):
            if isinstance(value, float) and not (value == 0 or low <= value <= high):
                require(False, name, value, f"its square is no number of {x.dtype}; compute with more digits")

    def _over_batch(self, xp, value, x):
        batch, own = tuple(x.shape[:-1]), tuple(value.shape)
        fits = all(b == o or 1 in (b, o) for b, o in zip(batch[::-1], own[::-1], strict=False))
        given = f"shape {own} for x with batch axes {batch}"
        require(fits, "level", given, "give one level for each x, or one for all")
        return xp.asarray(value, dtype=x.dtype, device=x.device)[..., None]


@lru_cache(maxsize=1024)
def _kept(alpha, sigma, dtype):
    """One level's numbers as NumPy arrays of a dtype, made and checked once; read-only, since they are kept."""
    values = Level(alpha, sigma)._made(np.empty((), dtype))
    for value in values:
        value.setflags(write=False)
    return values


def check_level(level, quantity="level"):
    """Check that this is a `Level`, and not a time or a number."""
    if not isinstance(level, Level):
        remedy = "give a Level: a schedule at a time, VP()(0.5), or Level.from_kappa(sigma / alpha)"
        require(False, quantity, repr(level), remedy)
    return level


CLEAN = Level(1.0, 0.0)
