"""A jump: a theory takes a state from one level to another at once, and a scheduler goes on from there (Sec. 6.1).

The theory is a `Gaussian`, whose flow is closed; a `Mixture` or any other analytic denoiser, whose flow is integrated;
or one `Gaussian` a picture, for pictures of known classes. It sees flat pictures with the channels last, as all of this
package does. `paintlib.networks.teleport` brings a landing into the pipelines of diffusers.
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from paintlib.checks import real_array, require, vectors, whole
from paintlib.gaussian import Gaussian
from paintlib.levels import CLEAN, Level, check_level
from paintlib.networks.schedulers import Visit, title, visits
from paintlib.samplers import collect, rk4


def jump(theory, x, start, end=CLEAN, moves=40):
    """The state at level `end` on the theory's own flow from x (..., D) at level `start`.

    A `Gaussian` has it in closed form (Eq. 9). Any other denoiser is integrated (Eq. 4) with `moves` steps of RK4, even
    in log kappa. A list of Gaussians is one for each row of x (B, D): those of the pictures' classes.
    """
    one = all(isinstance(check_level(level, "start, end").kappa, float) for level in (start, end))
    require(one, "start, end", (start, end), "give one level each, not arrays")
    vectors("x", x)
    if isinstance(theory, list | tuple):
        fits = x.ndim == 2 and len(theory) == x.shape[0]
        given = f"{len(theory)} theories for x {tuple(x.shape)}"
        require(fits, "theory", given, "give one for each row of x (B, D), or a single one for all")
        rows = [jump(g, row[None], start, end, moves)[0] for g, row in zip(theory, x, strict=True)]
        return torch.stack(rows) if isinstance(x, torch.Tensor) else np.stack(rows)
    require(hasattr(theory, "denoise"), "theory", type(theory).__name__, "give a Gaussian, a Mixture, or a denoiser")
    require(start.kappa > end.kappa, "start, end", (start, end), "a jump goes to a level with less noise")
    theory = theory.like(x) if hasattr(theory, "like") else theory
    if isinstance(theory, Gaussian):
        return theory.flow(x, start, end)
    whole("moves", moves, 1, "give the number of RK4's steps, 40 say")
    way = Way(tuple(_levels(start, end, moves)))
    return collect(rk4(theory, x, way, range(len(way.levels)))).x[-1, ...]


@dataclass(frozen=True)
class Way:
    """A list of levels as a schedule, whose times count them from 0."""

    levels: tuple[Level, ...]

    def __call__(self, n):
        return self.levels[n]

    def time(self, kappa):
        """The number of the level with this kappa."""
        return [level.kappa for level in self.levels].index(kappa)


def _levels(start, end, moves):
    """Even in log kappa between the two; pure noise is left, and clean data reached, in a move of its own."""
    first = start.kappa if start.alpha > 0 else max(1e3, 10 * end.kappa)
    last = end.kappa if end.sigma > 0 else min(1e-3, first / 10)
    levels = [Level.from_kappa(float(kappa)).vp() for kappa in np.geomspace(first, last, moves + 1)]
    return [start, *levels[int(start.alpha > 0) : moves + int(end.sigma == 0)], end]


@dataclass(frozen=True)
class Landing:
    """Where a jump ends and a scheduler begins.

    x is the state there, of the noise's shape and kind, in the scheduler's own coordinates, which `level` tells;
    `visits` are the scheduler's from here on.
    """

    x: Any
    level: Level
    visits: tuple[Visit, ...]


def land(theory, scheduler, noise, steps=None, skip=0, **setting):
    """Jump over the first `skip` of a scheduler's network evaluations: a `Landing`.

    noise has unit variance: (B, D), or (B, C, H, W) as in diffusers. `steps` and `setting` go to a copy's
    `set_timesteps`. A scheduler of second order, as Heun, evaluates twice a step and is entered between two steps.
    """
    ready, name = copy.deepcopy(scheduler), title(scheduler)
    way = visits(ready, steps, **setting)
    whole("skip", skip, 0, "give how many of the evaluations the jump replaces")
    require(skip < len(way) - 1, "skip", skip, f"{name} makes {len(way) - 1} evaluations here; leave it one or more")
    order = getattr(scheduler, "order", 1)
    require(skip % order == 0, "skip", skip, f"{name} evaluates {order} times a step; skip a multiple of {order}")
    rows, back = _rows(noise)
    scale, here = float(getattr(ready, "init_noise_sigma", 1.0)), way[skip].level
    x = back(jump(theory, scale * rows, way[0].level, here)) if skip else scale * noise
    return Landing(x, here, tuple(way[skip:]))


def _rows(noise):
    """Noise as flat pictures, channels last, and the way back to its own form."""
    shape = tuple(getattr(noise, "shape", ()))
    require(
        len(shape) in (2, 4), "noise", shape or type(noise).__name__, "give (B, D), or (B, C, H, W) as in diffusers"
    )
    real_array("noise", noise)
    if len(shape) == 2:
        return noise, lambda x: x
    B, C, H, W = shape
    pixels = torch.as_tensor(noise)
    rows = pixels.permute(0, 2, 3, 1).reshape(B, -1).to("cpu", torch.float64)  # not every device has float64

    def back(x):
        x = x.reshape(B, H, W, C).permute(0, 3, 1, 2).contiguous()
        return x.to(noise) if isinstance(noise, torch.Tensor) else x.numpy().astype(noise.dtype)

    return rows, back
