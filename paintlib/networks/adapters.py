"""Networks as denoisers: from what a network was trained to predict, to its endpoint estimate (Eq. 6).

At the border images are flattened as in `paintlib.data`, row by row with the channels last, and cast to the network's
dtype and device; a NumPy array in gives a NumPy array out. The network is called as net(pixels, t) with pixels
(B, C, H, W) and t (B,).
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from paintlib.checks import require, whole
from paintlib.networks.pixels import column, like, predict, to_pixels
from paintlib.schedules import Tabulated

PREDICTIONS = ("epsilon", "sample", "v_prediction")


class Adapter:
    """What all adapters share: the number of dimensions, and the network's own output."""

    def __post_init__(self):
        remedy = "give (height, width, channels), channels last"
        require(isinstance(self.shape, tuple | list) and len(self.shape) == 3, "shape", repr(self.shape), remedy)
        for side in self.shape:
            whole("shape", side, 1, remedy)
        if self.batch is not None:
            whole("batch", self.batch, 1, "need at least one image")
        require(callable(self.net), "net", type(self.net).__name__, "give a network: net(pixels, t)")

    @property
    def D(self):
        """The number of dimensions."""
        return math.prod(self.shape)

    def predict(self, pixels, t):
        """The network's own output for pixels (B, C, H, W) and times t, a number or (B,)."""
        return predict(self.net, pixels, t, self.batch)

    def _mean(self, pixels, t):
        """The output without the variances that may come after it."""
        return self.predict(pixels, t)[:, : pixels.shape[1]]


@dataclass(frozen=True)
class Network(Adapter):
    """A network trained on the levels of a variance-preserving schedule, seen as a denoiser at any level within it.

    net(x, t) predicts the noise, the image or v (`prediction`) from variance-preserving x (B, C, H, W) at a time t of
    `schedule`, a table or continuous; `shape` is (H, W, C). A level of another kind is taken to the same
    kappa = sigma / alpha, and t may fall between two entries. At most `batch` images are computed at once; on a GPU
    without room, half as many. A network of flow matching is a `FlowNetwork`, one of EDM's form an `EDMNetwork`.
    """

    net: Any
    schedule: Tabulated
    shape: tuple[int, int, int]
    prediction: str = "epsilon"
    batch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        require(self.prediction in PREDICTIONS, "prediction", repr(self.prediction), f"choose one of {PREDICTIONS}")
        kind = type(self.schedule).__name__
        times = (
            np.linspace(max(self.schedule.t_min, 0), self.schedule.t_max, 5) if hasattr(self.schedule, "t_min") else []
        )
        levels = [self.schedule(t) for t in times[1:]]
        preserving = bool(levels) and all(abs(math.hypot(v.alpha, v.sigma) - 1) < 1e-4 for v in levels)
        remedy = (
            "a Network sees variance-preserving states; use FlowNetwork(net, shape, times) or EDMNetwork(net, shape)"
        )
        require(preserving, "schedule", kind, remedy)

    def denoise(self, x, level):
        """The endpoint estimate of the network, for x (..., D) (Eq. 6)."""
        pixels, alpha, sigma = _rows(x, level, self)
        require(
            np.all(sigma > 0),
            "level",
            level,
            "a network knows noisy images only, kappa > 0; x / alpha is the clean one",
        )
        norm = np.hypot(alpha, sigma)
        seen = self.prediction != "epsilon" or bool(np.all(alpha > 0))
        require(seen, "level", level, "kappa is infinite, and from noise alone a prediction of noise tells no image")
        with np.errstate(divide="ignore"):
            times = np.array([self.schedule.time(kappa) for kappa in sigma / alpha])
        alpha, sigma = column(alpha / norm, pixels), column(sigma / norm, pixels)
        pixels = pixels / column(norm, pixels)
        return like(endpoint(pixels, self._mean(pixels, times), alpha, sigma, self.prediction), x)


@dataclass(frozen=True)
class EDMNetwork(Adapter):
    """A network in EDM's form: x0_hat = c_skip x + c_out net(c_in x, log(kappa) / 4) for x in units of alpha.

    c_skip = s^2 / (kappa^2 + s^2), c_out = kappa s / sqrt(kappa^2 + s^2), c_in = 1 / sqrt(kappa^2 + s^2), where s is
    `sigma_data`; any kappa > 0 will do.
    """

    net: Any
    shape: tuple[int, int, int]
    sigma_data: float = 0.5
    batch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        fits = isinstance(self.sigma_data, Real) and 0 < self.sigma_data < math.inf
        require(fits, "sigma_data", repr(self.sigma_data), "the data's standard deviation is positive")

    def denoise(self, x, level):
        """The endpoint estimate of the network, for x (..., D)."""
        pixels, alpha, sigma = _rows(x, level, self)
        inside = np.all(alpha > 0) and np.all(sigma > 0)
        require(inside, "level", level, "a network of EDM's form knows levels with 0 < kappa < infinity only")
        kappa, s = sigma / alpha, self.sigma_data
        pixels, total = pixels / column(alpha, pixels), np.hypot(kappa, s)
        skip, out, inner = (column(a, pixels) for a in (s**2 / total**2, kappa * s / total, 1 / total))
        return like(skip * pixels + out * self._mean(inner * pixels, np.log(kappa) / 4), x)


@dataclass(frozen=True)
class FlowNetwork(Adapter):
    """A network of flow matching (rectified flow): trained on x_t = (1 - t) x_0 + t noise, it predicts dx_t/dt.

    `times` are its own times at the image and at pure noise: (0, 1000) for diffusers, whose networks get 1000 t;
    (0, 1) where it gets t; (1, 0) where its time runs from noise to image, as in much of the literature, and its
    velocity, x_0 - noise, along with it. With t from 0 to 1, x0_hat = x_t - t v for v = noise - x_0. A level of another
    kind is taken to the same kappa, so t = kappa / (1 + kappa); pure noise will do.
    """

    net: Any
    shape: tuple[int, int, int]
    times: tuple[float, float]
    batch: int | None = None

    def __post_init__(self):
        super().__post_init__()
        pair = isinstance(self.times, tuple | list) and len(self.times) == 2
        pair = (
            pair
            and all(isinstance(t, Real) and math.isfinite(t) for t in self.times)
            and self.times[0] != self.times[1]
        )
        remedy = "give the network's times (at the image, at pure noise): (0, 1000) in diffusers, else (0, 1) or (1, 0)"
        require(pair, "times", self.times, remedy)

    def denoise(self, x, level):
        """The endpoint estimate of the network, for x (..., D)."""
        pixels, alpha, sigma = _rows(x, level, self)
        require(
            np.all(sigma > 0),
            "level",
            level,
            "a network knows noisy images only, kappa > 0; x / alpha is the clean one",
        )
        t, (clean, noisy) = sigma / (alpha + sigma), self.times
        pixels = pixels / column(alpha + sigma, pixels)
        velocity = self._mean(pixels, clean + t * (noisy - clean))
        return like(pixels - column(math.copysign(1, noisy - clean) * t, pixels) * velocity, x)


def endpoint(x, output, alpha, sigma, prediction):
    """x0_hat from a network's output at a variance-preserving level, for each kind of prediction.

    epsilon: (x - sigma eps) / alpha (Eq. 6); sample: the output; v_prediction: alpha x - sigma v.
    """
    if prediction == "epsilon":
        return (x - sigma * output) / alpha
    return output if prediction == "sample" else alpha * x - sigma * output


def _rows(x, level, network):
    """x as pixels, and alpha and sigma of every row (B,)."""
    pixels = to_pixels(x, network.shape, network.net)
    alpha, sigma = (np.asarray(a, dtype=float) for a in (level.alpha, level.sigma))
    batch = tuple(x.shape[:-1])
    fits = all(
        len(a.shape) <= len(batch) and all(o in (1, b) for o, b in zip(a.shape[::-1], batch[::-1], strict=False))
        for a in (alpha, sigma)
    )
    require(fits, "level", f"shape {alpha.shape} for x {tuple(x.shape)}", "give one level, or one for each x")
    return pixels, *(np.broadcast_to(a, batch).reshape(-1) for a in (alpha, sigma))
