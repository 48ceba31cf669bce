"""Networks as denoisers: from what a network was trained to predict, to its endpoint estimate (Eq. 6).

At the border images are flattened as in `paintlib.data`, row by row with the channels last, and cast to the network's
dtype and device; a NumPy array in gives a NumPy array out.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from paintlib.checks import require, state
from paintlib.schedules import Tabulated

PREDICTIONS = ("epsilon", "sample", "v_prediction")
PIXELS_PER_BATCH = 2**18


@dataclass(frozen=True)
class Network:
    """A network trained on the levels of a table, seen as a denoiser at any level within it.

    net(x, t) predicts the noise, the image or v (`prediction`) from variance-preserving x (B, C, H, W) at a time t of
    `schedule`; `shape` is (H, W, C). A level of another kind is taken to the same kappa = sigma / alpha, and t may
    fall between two entries. At most `batch` images are computed at once; on a GPU without room, half as many.
    """

    net: Any
    schedule: Tabulated
    shape: tuple[int, int, int]
    prediction: str = "epsilon"
    batch: int | None = None

    def __post_init__(self):
        require(self.prediction in PREDICTIONS, "prediction", repr(self.prediction), f"choose one of {PREDICTIONS}")
        require(self.batch is None or self.batch >= 1, "batch", self.batch, "need at least one image")

    @property
    def D(self):
        """The number of dimensions."""
        return math.prod(self.shape)

    def denoise(self, x, level):
        """The endpoint estimate of the network, for x (..., D) (Eq. 6)."""
        pixels, kappa = _per_alpha(x, level, self)
        times = torch.as_tensor([self.schedule.time(k) for k in kappa], dtype=pixels.dtype, device=pixels.device)
        alpha, sigma = (_column(a, pixels) for a in (1 / np.hypot(1, kappa), kappa / np.hypot(1, kappa)))
        pixels = alpha * pixels
        return like(endpoint(pixels, self.predict(pixels, times), alpha, sigma, self.prediction), x)

    def predict(self, pixels, t):
        """The network's own output for pixels (B, C, H, W) and times t, a number or (B,)."""
        return predict(self.net, pixels, t, self.batch)


@dataclass(frozen=True)
class EDMNetwork:
    """A network in EDM's form: x0_hat = c_skip x + c_out net(c_in x, log(kappa) / 4) for x in units of alpha.

    c_skip = s^2 / (kappa^2 + s^2), c_out = kappa s / sqrt(kappa^2 + s^2), c_in = 1 / sqrt(kappa^2 + s^2), where s is
    `sigma_data`; any kappa > 0 will do.
    """

    net: Any
    shape: tuple[int, int, int]
    sigma_data: float = 0.5
    batch: int | None = None

    def __post_init__(self):
        require(self.sigma_data > 0, "sigma_data", self.sigma_data, "the data's standard deviation is positive")

    @property
    def D(self):
        """The number of dimensions."""
        return math.prod(self.shape)

    def denoise(self, x, level):
        """The endpoint estimate of the network, for x (..., D)."""
        pixels, kappa = _per_alpha(x, level, self)
        s, total = self.sigma_data, np.hypot(kappa, self.sigma_data)
        skip, out, inner = (_column(a, pixels) for a in (s**2 / total**2, kappa * s / total, 1 / total))
        noise = torch.as_tensor(np.log(kappa) / 4, dtype=pixels.dtype, device=pixels.device)
        return like(skip * pixels + out * self.predict(inner * pixels, noise), x)

    def predict(self, pixels, t):
        """The network's own output for pixels (B, C, H, W) and its times t = log(kappa) / 4, a number or (B,)."""
        return predict(self.net, pixels, t, self.batch)


def from_diffusers(net, scheduler, batch=None):
    """A `UNet2DModel` (or what has its config) with the scheduler that it was trained for, as a denoiser."""
    size, config = net.config.sample_size, scheduler.config
    side = (size, size) if isinstance(size, int) else tuple(size)
    shape = (*side, net.config.in_channels)
    if "sigma_data" in config:
        require(config.prediction_type == "epsilon", "prediction_type", config.prediction_type, "EDM needs epsilon")
        return EDMNetwork(net, shape, config.sigma_data, batch)
    return Network(net, Tabulated(scheduler.alphas_cumprod), shape, config.prediction_type, batch)


@torch.inference_mode()
def predict(net, pixels, t, batch=None):
    """net(pixels, t) in batches that fit the memory: `batch` images, or what is usual for their size, or fewer."""
    size = batch or max(PIXELS_PER_BATCH // math.prod(pixels.shape[2:]), 1)
    t = torch.as_tensor(t, device=pixels.device)
    while True:
        try:
            cuts = [slice(i, i + size) for i in range(0, len(pixels), size)]
            parts = [net(pixels[cut], t[cut] if t.ndim else t) for cut in cuts]
            parts = [getattr(part, "sample", part) for part in parts]
            return parts[0] if len(parts) == 1 else torch.cat(parts)
        except torch.OutOfMemoryError as full:
            size = min(size, len(pixels)) // 2
            if size == 0:
                one = f"one image of shape {tuple(pixels.shape[1:])}"
                raise MemoryError(f"{one} does not fit on {pixels.device}; use a smaller model or the CPU") from full


def endpoint(x, output, alpha, sigma, prediction):
    """x0_hat from a network's output at a variance-preserving level, for each kind of prediction.

    epsilon: (x - sigma eps) / alpha (Eq. 6); sample: the output; v_prediction: alpha x - sigma v.
    """
    if prediction == "epsilon":
        return (x - sigma * output) / alpha
    return output if prediction == "sample" else alpha * x - sigma * output


def to_pixels(x, shape, net):
    """Flat vectors (..., D) as a contiguous batch (B, C, H, W) in the network's dtype and on its device."""
    state(x, math.prod(shape))
    weight = next(net.parameters(), torch.zeros(())) if hasattr(net, "parameters") else torch.zeros(())
    pixels = torch.as_tensor(x, dtype=weight.dtype, device=weight.device).reshape(-1, *shape)
    return pixels.permute(0, 3, 1, 2).contiguous()


def _per_alpha(x, level, network):
    """x / alpha as pixels, and kappa of every row (B,)."""
    pixels = to_pixels(x, network.shape, network.net)
    alpha, sigma = (np.broadcast_to(a, x.shape[:-1]).reshape(-1) for a in (level.alpha, level.sigma))
    inside = bool(np.all(alpha > 0) and np.all(sigma > 0))
    require(inside, "level", level, "a network knows levels with 0 < kappa < infinity only")
    return pixels / _column(alpha, pixels), sigma / alpha


def like(pixels, x):
    """A batch (B, C, H, W) flattened to the shape, kind and dtype of x."""
    flat = pixels.permute(0, 2, 3, 1).reshape(tuple(x.shape))
    return flat.to(x) if isinstance(x, torch.Tensor) else flat.cpu().numpy().astype(x.dtype)


def _column(values, pixels):
    return torch.as_tensor(np.array(values), dtype=pixels.dtype, device=pixels.device).reshape(-1, 1, 1, 1)
