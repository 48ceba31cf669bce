"""Teleportation inside diffusers: a theory takes the first steps at once, a network the rest (Sec. 6.1).

    pipeline = DDPMPipeline.from_pretrained(...)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    images = paint(pipeline, gaussian, 50, skip=20, batch_size=4).images          30 evaluations in place of 50
    pipe(prompt, **latents(gaussian, pipe.scheduler, noise, 30, skip=10))         a pipeline that takes its start

The theory is one of those that `paintlib.networks.jumps` takes. No network is asked for a jump; `counted` says what
one was asked.
"""

import copy
import inspect
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from paintlib.checks import require, whole
from paintlib.networks.files import sides
from paintlib.networks.forms import taken
from paintlib.networks.jumps import land
from paintlib.networks.labels import takes_labels
from paintlib.networks.schedulers import kind, sort_arguments, title, visits
from paintlib.networks.watch import begin, rehearse

SAME_KAPPA = 1e-3  # relative: schedulers look their levels up in tables of float32
NO_TIMESTEPS = "its set_timesteps takes no timesteps=; "
ELSEWHERE = NO_TIMESTEPS + "use paint(), or DPMSolverMultistepScheduler.from_config(scheduler.config)"
REFUSED = {
    "DDIM": NO_TIMESTEPS + "use paint(), or equivalent(scheduler), which makes the same steps on any grid",
    "DDIMParallel": NO_TIMESTEPS + "use paint(), or equivalent(scheduler), which makes the same steps on any grid",
    **dict.fromkeys(("PNDM", "DEISMultistep", "IPNDM", "LMSDiscrete", "UniPCMultistep"), ELSEWHERE),
}


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
    kind(scheduler)  # one that is not recorded may have no `set_timesteps` at all
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


def equivalent(scheduler, clean=None):
    """DPM-Solver++ of first order in place of DDIM: the same steps, and it takes any grid as `timesteps`.

    Both are Euler's method on x / alpha in kappa: they keep x0_hat and the noise of a step (Eq. 4). With `clip_sample`
    or `thresholding` DDIM's step is another one, since it keeps the noise of the estimate before the clip: that is
    refused. The last step ends at the clean picture, if `clean`, or at the table's own end; None: as DDIM's does.
    """
    from diffusers import DPMSolverMultistepScheduler

    require("DDIM" in title(scheduler), "scheduler", title(scheduler), "only DDIM's steps are those of first order")
    config = scheduler.config
    clips = config.clip_sample or config.get("thresholding")
    remedy = "DPM-Solver++ has no such clip; set them False (a jump lands where a clip does nothing), or use paint()"
    require(not clips, "clip_sample, thresholding", True, remedy)
    end = "zero" if (config.set_alpha_to_one if clean is None else clean) else "sigma_min"
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

    plain = {"unet", "scheduler"} == set(getattr(pipeline, "components", ()))
    remedy = (
        "only for pipelines of a unet and a scheduler; call others as pipe(..., **latents(theory, pipe.scheduler, ...))"
    )
    require(plain, "pipeline", type(pipeline).__name__, remedy)
    require(output_type in ("pil", "np", "pt"), "output_type", repr(output_type), 'choose "pil", "np" or "pt"')
    unet, device, scheduler = pipeline.unet, pipeline._execution_device, copy.deepcopy(pipeline.scheduler)
    remedy = "this pipeline gives it no label; use land, and record with load(folder, label=...)"
    require(not takes_labels(unet.config), "pipeline", "a network that was trained with labels", remedy)
    whole("batch_size", batch_size, 1, "give how many pictures to paint")
    several = list(generator) if isinstance(generator, list | tuple) else [generator] * batch_size
    right = len(several) == batch_size and all(g is None or isinstance(g, torch.Generator) for g in several)
    require(right, "generator", repr(generator), "give a torch.Generator, or a list of them, one for each picture")
    shape = (int(batch_size), unet.config.in_channels, *sides(unet.config.sample_size))
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
        output = taken(scheduler, unet(seen, t).sample, x.shape[1])
        x = scheduler.step(output, t, x, **stepping).prev_sample
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
