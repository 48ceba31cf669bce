"""The schedules that map a time to a noise level (Eqs. 1-3, 17, 18, Table 6)."""

import math
from dataclasses import dataclass

import numpy as np

from paintlib.checks import float_array, number, require
from paintlib.levels import CLEAN, Level

# What some schedulers of diffusers keep for a last alphas_cumprod of 0; it may exceed the one before.
STAND_IN = 2.0**-24


def check_schedule(schedule):
    """Check that this is a schedule, and not its class or a list of times."""
    if isinstance(schedule, type) or not (callable(schedule) and hasattr(schedule, "time")):
        require(False, "schedule", repr(schedule), "give a schedule such as VP(), with its brackets")
    return schedule


def _time(t, low, high):
    remedy = f"this schedule's times run from {low} to {high}"
    value = number("t", t, remedy)
    require(low <= value <= high, "t", value, remedy)
    return value


def _noise_ratio(kappa):
    if isinstance(kappa, float) and kappa == math.inf:
        return kappa
    remedy = "give one ratio sigma / alpha that is not negative, and whose square is a number"
    value = number("kappa", kappa, remedy)
    require(0 <= value <= 1e150, "kappa", value, remedy)
    return value


@dataclass(frozen=True)
class VP:
    """Variance preserving with linear beta: alpha = exp(-int_0^t beta), alpha^2 + sigma^2 = 1 (Eq. 3), t in [0, 1].

    beta_min and beta_max are Song's, in which the drift is -beta x / 2; the paper's beta(t) is half of them.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    t_min = 0.0
    t_max = 1.0

    def __post_init__(self):
        given = tuple(number("beta_min, beta_max", value) for value in (self.beta_min, self.beta_max))
        require(
            0 < self.beta_min <= self.beta_max < math.inf,
            "beta_min, beta_max",
            given,
            "need 0 < beta_min <= beta_max, both finite",
        )

    def beta(self, t):
        """The paper's beta(t) = -d log(alpha) / dt (Eq. 1)."""
        return (self.beta_min + t * (self.beta_max - self.beta_min)) / 2

    def __call__(self, t):
        """The level at time t."""
        t = _time(t, self.t_min, self.t_max)
        log_alpha = -(self.beta_min * t + t**2 * (self.beta_max - self.beta_min) / 2) / 2
        return Level(math.exp(log_alpha), math.sqrt(-math.expm1(2 * log_alpha)))

    def rate(self, t):
        """(d alpha / dt, d sigma / dt), which for sigma = 0 does not exist."""
        level, beta = self(t), self.beta(t)
        require(level.sigma > 0, "t", t, "d sigma / dt is infinite where sigma = 0; use t > 0")
        return -beta * level.alpha, beta * level.alpha**2 / level.sigma

    def time(self, kappa):
        """The time at which sigma / alpha = kappa."""
        require(_noise_ratio(kappa) < math.inf, "kappa", kappa, f"this schedule ends at {self(1).kappa:.6g}")
        area = math.log1p(kappa**2)  # = -2 log alpha
        slope = self.beta_max - self.beta_min
        t = 2 * area / (self.beta_min + math.sqrt(self.beta_min**2 + 2 * slope * area))
        return _time(min(t, 1.0) if math.isclose(t, 1.0) else t, self.t_min, self.t_max)


@dataclass(frozen=True)
class Cosine:
    """alpha = cos(phi) / cos(phi_0), phi = pi/2 (t + offset) / (1 + offset): Nichol and Dhariwal's, t in [0, 1]."""

    offset: float = 0.008
    t_min = 0.0
    t_max = 1.0

    def __post_init__(self):
        require(0 <= number("offset", self.offset), "offset", self.offset, "need a finite offset >= 0")

    def _angle(self, t):
        return math.pi / 2 * (t + self.offset) / (1 + self.offset)

    def __call__(self, t):
        """The level at time t."""
        t = _time(t, self.t_min, self.t_max)
        phi, first = self._angle(t), self._angle(0)
        alpha = math.cos(phi) / math.cos(first) if t < 1 else 0.0
        sigma2 = math.sin(phi + first) * math.sin(phi - first) / math.cos(first) ** 2  # = 1 - alpha^2
        return Level(alpha, math.sqrt(sigma2))

    def rate(self, t):
        """(d alpha / dt, d sigma / dt), which for sigma = 0 does not exist."""
        level = self(t)
        require(level.sigma > 0, "t", t, "d sigma / dt is infinite where sigma = 0; use t > 0")
        slope = -math.pi / 2 / (1 + self.offset) * math.sin(self._angle(t)) / math.cos(self._angle(0))
        return slope, -slope * level.alpha / level.sigma

    def time(self, kappa):
        """The time at which sigma / alpha = kappa."""
        kappa, first = _noise_ratio(kappa), self._angle(0)
        if kappa in (0, math.inf):
            return 0.0 if kappa == 0 else 1.0
        s, c = math.sin(first), math.cos(first)
        root = math.hypot(s, kappa)  # sin(phi) sqrt(1 + kappa^2)
        turn = math.atan2(c * kappa**2 / (root + s), c**2 + s * root)  # phi - first, without cancellation
        return turn * 2 / math.pi * (1 + self.offset)


@dataclass(frozen=True)
class EDM:
    """Variance exploding as in EDM: alpha = 1 and sigma = t, from t = 0 (clean) to kappa_max."""

    kappa_min: float = 0.002
    kappa_max: float = 80.0

    def __post_init__(self):
        given = tuple(number("kappa_min, kappa_max", value) for value in (self.kappa_min, self.kappa_max))
        fits = 0 <= self.kappa_min < self.kappa_max < math.inf
        require(fits, "kappa_min, kappa_max", given, "need 0 <= kappa_min < kappa_max, both finite")

    @property
    def t_min(self):
        """The image's end, short of sigma = 0."""
        return self.kappa_min

    @property
    def t_max(self):
        """The noise's end."""
        return self.kappa_max

    def __call__(self, t):
        """The level at time t."""
        return Level(1.0, _time(t, 0.0, self.kappa_max))

    def rate(self, t):
        """(d alpha / dt, d sigma / dt) = (0, 1)."""
        return 0.0, 1.0

    def time(self, kappa):
        """The time at which sigma / alpha = kappa: kappa itself."""
        return _time(kappa, 0.0, self.kappa_max)


@dataclass(frozen=True)
class Flow:
    """Rectified flow: alpha = 1 - t and sigma = t, t in [0, 1]."""

    t_min = 0.0
    t_max = 1.0

    def __call__(self, t):
        """The level at time t."""
        t = _time(t, self.t_min, self.t_max)
        return Level(1 - t, t)

    def rate(self, t):
        """(d alpha / dt, d sigma / dt) = (-1, 1)."""
        return -1.0, 1.0

    def time(self, kappa):
        """The time at which sigma / alpha = kappa."""
        kappa = _noise_ratio(kappa)
        return 1.0 if kappa == math.inf else kappa / (1 + kappa)


class Tabulated:
    """The variance-preserving schedule of a table `alphas_cumprod`, as any diffusers scheduler has one.

    alphas_cumprod[t] = alpha_t^2 (DDPM's alpha-bar) at the integer times t = 0 ... N - 1. Between two entries log-SNR
    is linear in t, as in diffusers' Karras sigmas. The time -1 is clean data. A table may end at 0 ("zero terminal
    SNR"), or at 2^-24, which some schedulers write for it; up to that last entry the angle arctan(kappa) is linear.
    """

    t_min = -1.0

    def __init__(self, alphas_cumprod):
        table = float_array("alphas_cumprod", alphas_cumprod)
        require(table.size > 1, "alphas_cumprod", f"shape {table.shape}", "give two or more entries")
        table[-1] = 0.0 if table[-1] == STAND_IN else table[-1]
        decreasing = bool(np.all(np.diff(table) < 0)) and 0 <= table[-1] and table[0] < 1
        require(decreasing, "alphas_cumprod", table, "it must fall strictly, within (0, 1); the last may be 0")
        self.alphas_cumprod = table
        with np.errstate(divide="ignore"):  # log kappa, which zero terminal SNR ends with infinity
            self._half_log = 0.5 * (np.log1p(-table) - np.log(table))

    @classmethod
    def ddpm(cls, steps=1000, first=1e-4, last=0.02):
        """DDPM's linear table: beta from `first` to `last` in float64."""
        return cls(np.cumprod(1 - np.linspace(first, last, steps)))

    @classmethod
    def stable_diffusion(cls):
        """Stable Diffusion's table, "scaled_linear": 1000 equal steps in sqrt(beta), beta from 0.00085 to 0.012."""
        return cls(np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2))

    @property
    def t_max(self):
        """The noise's end, N - 1."""
        return float(len(self.alphas_cumprod) - 1)

    def __call__(self, t):
        """The level at time t; -1 is clean data."""
        t = number("t", t, f"this schedule's times run from 0 to {self.t_max}, and -1 is clean data")
        if t == -1:
            return CLEAN
        _time(t, 0.0, self.t_max)
        if t == int(t):
            square = float(self.alphas_cumprod[int(t)])
            return Level(math.sqrt(square), math.sqrt(1 - square))
        if t > self._last:
            return Level(math.cos(self._angle(t)), math.sin(self._angle(t)))
        log_kappa = np.interp(t, np.arange(len(self._half_log)), self._half_log)
        return Level.from_kappa(math.exp(log_kappa)).vp()

    def rate(self, t):
        """(d alpha / dt, d sigma / dt) of the interpolated table; at a knot, the slope towards less noise."""
        level = self(t)
        i = max(math.ceil(_time(t, 0.0, self.t_max)), 1)
        if t > self._last:
            turn = math.pi / 2 - self._angle(self._last)
            return -level.sigma * turn, level.alpha * turn
        slope = float(self._half_log[i] - self._half_log[i - 1])  # d log kappa / dt
        return -level.alpha * level.sigma**2 * slope, level.sigma * level.alpha**2 * slope

    def time(self, kappa):
        """The (fractional) time at which sigma / alpha = kappa; -1 for kappa = 0."""
        kappa = _noise_ratio(kappa)
        if kappa == 0:
            return -1.0
        if self._last < self.t_max and kappa > math.exp(self._half_log[-2]):
            first = self._angle(self._last)
            return self._last + (math.atan(kappa) - first) / (math.pi / 2 - first)
        low, high = math.exp(self._half_log[0]), math.exp(self._half_log[-1])
        inside = low * (1 - 1e-6) <= kappa <= high * (1 + 1e-6)  # tables are often kept in float32
        require(inside, "kappa", kappa, f"this table covers {low:.6g} to {high:.6g}")
        return float(np.interp(math.log(kappa), self._half_log, np.arange(len(self._half_log))))

    @property
    def _last(self):
        """The last time whose kappa is finite."""
        return self.t_max - (self.alphas_cumprod[-1] == 0)

    def _angle(self, t):
        """arctan(kappa) between the last two entries of a table that ends at 0."""
        first = math.atan(math.exp(self._half_log[-2]))
        return first + (t - self._last) * (math.pi / 2 - first)
