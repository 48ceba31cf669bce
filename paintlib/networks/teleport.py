"""Teleportation inside diffusers: a theory takes the first steps at once, a network the rest (Sec. 6.1).

    pipeline = DDPMPipeline.from_pretrained(...)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    images = paint(pipeline, gaussian, 50, skip=20, batch_size=4).images          30 evaluations in place of 50
    pipe(prompt, **latents(gaussian, pipe.scheduler, noise, 30, skip=10))         a pipeline that takes its start

The theory is a `Gaussian`, whose flow is closed; a `Mixture` or any other analytic denoiser, whose flow is integrated;
or one `Gaussian` a picture, for pictures of known classes. It sees flat pictures with the channels last, as all of this
package does. No network is asked for a jump; `counted` says what one was asked.
"""

import copy
import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from paintlib.checks import require, whole
from paintlib.gaussian import Gaussian
from paintlib.networks.schedulers import Visit, sort_arguments, title, visits
from paintlib.networks.watch import begin, rehearse
from paintlib.samplers import collect, rk4
from paintlib.schedules import CLEAN, Level

SAME_KAPPA = 1e-3  # relative: schedulers look their levels up in tables of float32
NO_TIMESTEPS = "its set_timesteps takes no timesteps=; "
ELSEWHERE = NO_TIMESTEPS + "use paint(), or DPMSolverMultistepScheduler.from_config(scheduler.config)"
REFUSED = {
    "DDIM": NO_TIMESTEPS + "use paint(), or equivalent(scheduler), which makes the same steps on any grid",
    "DDIMParallel": NO_TIMESTEPS + "use paint(), or equivalent(scheduler), which makes the same steps on any grid",
    **dict.fromkeys(("PNDM", "DEISMultistep", "IPNDM", "LMSDiscrete", "UniPCMultistep"), ELSEWHERE),
}


def jump(theory, x, start, end=CLEAN, moves=40):
    """The state at level `end` on the theory's own flow from x (..., D) at level `start`.

    A `Gaussian` has it in closed form (Eq. 9). Any other denoiser is integrated (Eq. 4) with `moves` steps of RK4, even
    in log kappa. A list of Gaussians is one for each row of x (B, D): those of the pictures' classes.
    """
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
    if len(shape) == 2:
        return noise, lambda x: x
    B, C, H, W = shape
    pixels = torch.as_tensor(noise)
    rows = pixels.permute(0, 2, 3, 1).reshape(B, -1).to("cpu", torch.float64)  # not every device has float64

    def back(x):
        x = x.reshape(B, H, W, C).permute(0, 3, 1, 2).contiguous()
        return x.to(noise) if isinstance(noise, torch.Tensor) else x.numpy().astype(noise.dtype)

    return rows, back


def latents(theory, scheduler, noise, steps=None, skip=0, **setting):
    """What a pipeline is to be called with, to begin after a jump: {"latents": ..., "timesteps": ...}.

    For pipelines that take both, as Stable Diffusion's do; nothing in them is changed. The latents are divided by the
    scheduler's `init_noise_sigma`, with which the pipeline multiplies them. FlowMatchEuler gets "sigmas" in place of
    timesteps, before its shift. Schedulers that take no timesteps are refused, and grids that come out otherwise.
    """
    name = title(scheduler)
    require(
        name.removesuffix("Scheduler") not in REFUSED, "scheduler", name, REFUSED.get(name.removesuffix("Scheduler"))
    )
    known = "timesteps" in inspect.signature(scheduler.set_timesteps).parameters
    require(known, "scheduler", name, ELSEWHERE)
    landing = land(theory, scheduler, noise, steps, skip, **setting)
    rest = _own_grid(scheduler, landing.visits)
    ready = copy.deepcopy(scheduler)
    found = [visit.level.kappa for visit in visits(ready, **rest)]
    wanted = [visit.level.kappa for visit in landing.visits]
    same = len(found) == len(wanted) and np.allclose(found, wanted, rtol=SAME_KAPPA)
    given = f"the levels {np.round(wanted[:3], 3)} ..., of which it makes {np.round(found[:3], 3)} ..."
    remedy = f"{name} cannot be given these by {next(iter(rest))}: take whole timesteps, or use paint()"
    require(same, "timesteps", given, remedy)
    return {"latents": landing.x / float(getattr(ready, "init_noise_sigma", 1.0)), **rest}


def _own_grid(scheduler, way):
    """The rest of a grid in the words of `set_timesteps`: each time once, and a flow's sigmas before their shift."""
    if "flow" in title(scheduler).lower():
        sigmas, shift = np.array([visit.level.sigma for visit in way[:-1]]), float(scheduler.shift)
        return {"sigmas": (sigmas / (shift - (shift - 1) * sigmas)).tolist()}
    times = dict.fromkeys(float(visit.t) for visit in way[:-1])
    return {"timesteps": [int(t) if t == int(t) else t for t in times]}


def equivalent(scheduler):
    """DPM-Solver++ of first order in place of DDIM: the same steps, and it takes any grid as `timesteps`.

    Both keep x0_hat and the noise of a step (Eq. 4). With `clip_sample` DDIM's step is another one, since it keeps the
    noise of the estimate before the clip: that is refused.
    """
    from diffusers import DPMSolverMultistepScheduler

    require("DDIM" in title(scheduler), "scheduler", title(scheduler), "only DDIM's steps are those of first order")
    config = scheduler.config
    clips = config.clip_sample or config.thresholding
    remedy = "DPM-Solver++ has no such clip; set clip_sample=False (a jump lands where it does nothing), or use paint()"
    require(not clips, "clip_sample", True, remedy)
    end = "zero" if config.set_alpha_to_one else "sigma_min"
    return DPMSolverMultistepScheduler.from_config(
        config, solver_order=1, final_sigmas_type=end, algorithm_type="dpmsolver++"
    )


@torch.no_grad()
def paint(
    pipeline, theory, steps, skip=0, batch_size=1, generator=None, output_type="pil", return_dict=True, **options
):
    """What an unconditional pipeline paints after a jump over its first `skip` evaluations, in the pipeline's own form.

    pipeline: with `unet` and `scheduler`, as `DDPMPipeline` and `DDIMPipeline`, which take no latents; its progress bar
    runs, and with skip = 0 the pictures are its own. `options` go to `set_timesteps` and `step`. Returns an
    `ImagePipelineOutput`, PIL images, "np" or "pt" in [0, 1], or a tuple of it.
    """
    from diffusers import ImagePipelineOutput
    from diffusers.utils.torch_utils import randn_tensor

    plain = {"unet", "scheduler"} == set(pipeline.components)
    remedy = (
        "only for pipelines of a unet and a scheduler; call others as pipe(..., **latents(theory, pipe.scheduler, ...))"
    )
    require(plain, "pipeline", type(pipeline).__name__, remedy)
    require(output_type in ("pil", "np", "pt"), "output_type", repr(output_type), 'choose "pil", "np" or "pt"')
    unet, device, scheduler = pipeline.unet, pipeline._execution_device, copy.deepcopy(pipeline.scheduler)
    side = unet.config.sample_size
    shape = (batch_size, unet.config.in_channels, *((side, side) if isinstance(side, int) else side))
    noise = randn_tensor(shape, generator=generator, device=device, dtype=unet.dtype)
    setting, stepping = sort_arguments(scheduler, options)
    landing = land(theory, scheduler, noise, steps, skip, **setting)
    x = run(unet, scheduler, landing, steps, setting, stepping, pipeline.progress_bar)
    images = (x / 2 + 0.5).clamp(0, 1)
    if output_type != "pt":
        images = images.cpu().permute(0, 2, 3, 1).float().numpy()
        images = pipeline.numpy_to_pil(images) if output_type == "pil" else images
    pipeline.maybe_free_model_hooks()
    return ImagePipelineOutput(images=images) if return_dict else (images,)


def run(unet, scheduler, landing, steps, setting, stepping, bar=iter):
    """The scheduler's own steps from a landing on, with the network as its pipeline drives it: pixels (B, C, H, W)."""
    way = visits(scheduler, steps, **setting)
    skip = len(way) - len(landing.visits)
    known = skip == 0 or title(scheduler) != "PNDMScheduler"
    require(
        known, "scheduler", "PNDMScheduler", "its first steps are a start of their own; use DPMSolverMultistep, say"
    )
    if skip:
        rehearse(scheduler, way, skip, stepping)
    begin(scheduler, skip)
    x = landing.x
    for t in bar(scheduler.timesteps[skip:]):
        seen = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(unet(seen, t).sample, t, x, **stepping).prev_sample
    return x


@dataclass
class Count:
    """How often a network was called, and for how many images in all."""

    calls: int = 0
    images: int = 0


@contextmanager
def counted(net):
    """Count a network's evaluations while the block runs: `with counted(net) as count: ...`; `count.images`.

    net: a torch module, or an adapter around one. Guidance doubles the images of a call, and so it does here.
    """
    net = getattr(net, "net", net)
    require(hasattr(net, "register_forward_pre_hook"), "net", type(net).__name__, "give a torch module")
    count = Count()

    def see(module, args, kwargs):
        first = args[0] if args else kwargs["sample"]
        count.calls, count.images = count.calls + 1, count.images + len(first)

    hook = net.register_forward_pre_hook(see, with_kwargs=True)
    try:
        yield count
    finally:
        hook.remove()
