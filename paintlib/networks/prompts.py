"""Text-to-image pipelines of diffusers, watched while they paint; by the same code Stable Diffusion 1, 2 and XL."""

import copy
import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import torch

from paintlib.checks import number, require, whole
from paintlib.levels import Level
from paintlib.networks import pipelines
from paintlib.networks.forms import endpoint_of
from paintlib.networks.pixels import like
from paintlib.networks.schedulers import visits
from paintlib.samplers import Step, Trajectory

LATENTS_PER_CALL = 2**15
SETTING = ("timesteps", "sigmas")  # of the options those that choose the visits
OWN = ("prompt_embeds", "callback_on_step_end", "output_type", "num_images_per_prompt", "guidance_rescale",
       "denoising_end")  # fmt: skip


@dataclass(frozen=True)
class Guided(Step):
    """A step of a pipeline, with the two estimates that its guidance mixes: x0_hat = plain + w (asked - plain).

    `asked` is the endpoint estimate for the prompt, `plain` that for the empty or the negative one. At w = 1 a pipeline
    does not ask for it, and it is None. The network's noise is (x - alpha asked) / sigma.
    """

    asked: Any
    plain: Any


@dataclass(frozen=True)
class Painting(Trajectory):
    """The run of a pipeline, a `Trajectory` of latents (T, B, D), with `asked` and `plain` as in `Guided`."""

    asked: Any
    plain: Any


def read(pipe, prompts):
    """What a pipeline's text encoder makes of prompts, (B, tokens, width): a point for each, with others between them.

    `record` and `watch` take such points in place of prompts. For pipelines of one text encoder, Stable Diffusion 1, 2.
    """
    _alone(pipe, "prompts")
    with torch.inference_mode():
        return pipe.encode_prompt(list(prompts), pipe.unet.device, 1, False)[0]


def record(
    pipe,
    prompts,
    guidance=7.5,
    steps=50,
    noise=None,
    seed=0,
    every=1,
    batch=None,
    then=None,
    start=0,
    progress=False,
    **options,
):
    """Let a pipeline paint the prompts (B of them), and note each `every`th step and the last; a `Painting`.

    prompts: texts, or points between texts as `read` gives them.

    Nothing is changed by it: the last state is what pipe(prompts, latents=...) decodes. noise (B, D) is of unit
    variance, by default `pipelines.noise(pipe, B, seed)`. `options` go to the pipeline: negative_prompt, generator,
    height, width, eta, timesteps. `then` = (n, others) changes what is asked for: the first n steps are for `prompts`,
    the rest for `others` (B of them). `start` = n paints on from states that n of the steps have made, given as `noise`
    in the run's own coordinates (run.x[n]); what a scheduler remembers of earlier steps begins anew, DDIM remembers
    nothing. At most `batch` prompts are painted at once. The run is held on the CPU in float32, 4 T B D numbers of it
    (D = 16384 for Stable Diffusion 1, 51 steps: 13 MB a prompt); `watch` holds nothing.
    The last estimate is the last state itself, which is what a pipeline takes for the picture.
    """
    _check(pipe, guidance, options)
    prompts = _texts("prompts", [prompts] if isinstance(prompts, str) else prompts)
    whole("start", start, 0, "say how many steps are done")
    require(start == 0 or noise is not None, "noise", None, "with a start, give the states there, run.x[start] say")
    whole("every", every, 1, "note every step (1), every second (2), ...")
    whole("batch", 1 if batch is None else batch, 1, "give how many prompts are painted at once, or None")
    turn, others = _turn(then, len(prompts))
    sides = _sides(options)
    H, W, C = pipelines.latent_shape(pipe, **sides)
    z = pipelines.noise(pipe, len(prompts), seed, **sides) if noise is None else noise
    shape = tuple(np.shape(z))
    require(shape == (len(prompts), H * W * C), "noise", shape, f"give ({len(prompts)}, {H * W * C}), one a prompt")
    size = batch or max(LATENTS_PER_CALL // (H * W), 1)
    parts = []
    for first in range(0, len(prompts), size):
        cut, kept = slice(first, first + size), []
        later = then and (turn, others[cut])
        watch(pipe, prompts[cut], z[cut], _keeper(kept, every), guidance, steps, later, start, progress, **options)
        parts.append(kept)
    return _stacked(parts)


def watch(pipe, prompts, noise, see, guidance=7.5, steps=50, then=None, start=0, progress=False, **options):
    """Let a pipeline paint the prompts at once, and call see(step, last) with each `Guided` step; nothing is kept.

    noise (B, D), `then` and `start` as in `record`; see(step, last) gets NumPy arrays (B, D), and True at the last.
    """
    _check(pipe, guidance, options)
    prompts = _texts("prompts", prompts)
    if options.get("negative_prompt"):
        options["negative_prompt"] = [options["negative_prompt"]] * len(prompts)
    turn, changed = _change(pipe, len(prompts), then, guidance, options)
    scheduler = copy.deepcopy(pipe.scheduler)
    setting = {name: options[name] for name in SETTING if options.get(name) is not None}
    way = visits(scheduler, None if setting else steps, **setting)
    require(turn is None or turn < len(way) - 1, "then", turn, f"change before the last of {len(way) - 1} steps")
    whole("start", start, 0, "say how many steps are done")
    require(start < len(way) - 1, "start", start, f"leave a step to do, of {len(way) - 1}")
    H, W, C = pipelines.latent_shape(pipe, **_sides(options))
    z = torch.as_tensor(noise).reshape(-1, H, W, C).permute(0, 3, 1, 2)
    z = z.to(pipe.unet.device, pipe.unet.dtype).contiguous()
    unit = scheduler.init_noise_sigma  # by which a pipeline multiplies what it is given
    heard, sample, both = [], [z if start else z * unit], []

    def after(_, n, t, tensors):
        output, visit = heard.pop(), way[start + n]
        both[:] = output
        estimates = [endpoint_of(scheduler, sample[0].float(), part, visit.read)[0] for part in output]
        see(_step(float(visit.t), visit.level, sample[0], estimates, guidance), False)
        sample[0] = tensors["latents"]
        return changed if start + n + 1 == turn else {}

    with _listening(pipe.unet, len(z), heard), _bar(pipe, progress), _from(pipe, start):
        count = {} if setting else {"num_inference_steps": steps}
        asked = {"prompt_embeds" if torch.is_tensor(prompts) else "prompt": prompts}
        pipe(**asked, latents=z / unit if start else z, guidance_scale=guidance, callback_on_step_end=after,
             output_type="latent", **count, **options)  # fmt: skip
    level, end = way[-1].level, sample[0]
    require(bool(torch.isfinite(end).all()), "the last state", "NaN or infinity", "paint in float32, or fewer steps")
    see(_step(-1.0 if level.sigma == 0 else 0.0, level, end, [end] * len(both), 1), True)


def _sides(options):
    """The pictures' height and width, where they are asked for."""
    return {side: options[side] for side in ("height", "width") if options.get(side) is not None}


def _step(t, level, sample, estimates, guidance):
    """Estimates are [asked] or [plain, asked]."""
    flat = [like(each.float(), np.empty((len(each), each[0].numel()), np.float32)) for each in (sample, *estimates)]
    x, asked, plain = flat[0], flat[-1], flat[1] if len(flat) == 3 else None
    guided = asked if plain is None else plain + np.float32(guidance) * (asked - plain)
    return Guided(t, level, x, guided, asked, plain)


def _keeper(kept, every):
    count = iter(range(10**9))

    def keep(step, last):
        if next(count) % every == 0 or last:
            kept.append(step)

    return keep


def _stacked(parts):
    """A `Painting` of batches of steps."""
    steps = parts[0]
    level = Level(*(np.array([getattr(step.level, scale) for step in steps]) for scale in ("alpha", "sigma")))
    times = np.array([step.t for step in steps])

    def joined(name):
        if getattr(steps[0], name) is None:
            return None
        return np.concatenate([np.stack([getattr(step, name) for step in part]) for part in parts], axis=1)

    return Painting(times, level, *(joined(name) for name in ("x", "x0_hat", "asked", "plain")))


def _check(pipe, guidance, options):
    fits = hasattr(pipe, "unet") and "callback_on_step_end" in inspect.signature(pipe.__call__).parameters
    require(fits, "pipe", type(pipe).__name__, "give a text-to-image pipeline with a UNet: Stable Diffusion 1, 2 or XL")
    remedy = "a pipeline guides from 1 (none) on"
    require(number("guidance", guidance, remedy) >= 1, "guidance", guidance, remedy)
    number("eta", options.get("eta", 0))
    own = [name for name in options if name in OWN and options[name]]
    require(not own, own[0] if own else "", "an option", "leave it out: it is not recorded, or set here")
    negative = options.get("negative_prompt")
    require(negative is None or isinstance(negative, str), "negative_prompt", negative, "give one for all prompts")


def _texts(quantity, prompts):
    """A list of texts, or points between texts (B, tokens, width)."""
    if torch.is_tensor(prompts) and prompts.ndim == 3 and len(prompts) > 0:
        return prompts
    texts = isinstance(prompts, list | tuple) and len(prompts) > 0 and all(isinstance(text, str) for text in prompts)
    require(texts, quantity, repr(prompts), "give a text, or a list of one or more")
    return list(prompts)


def _turn(then, B):
    """After which step others are asked for, and the B others; None and none where nothing is to change."""
    if then is None:
        return None, []
    pair = isinstance(then, tuple | list) and len(then) == 2
    require(pair, "then", repr(then), "give (n, others), after how many steps which prompts")
    whole("then", then[0], 1, "change after the first step or later")
    others = _texts("then", then[1])
    require(len(others) == B, "then", f"{len(others)} prompts", f"give {B}, one for each")
    return then[0], others


def _change(pipe, B, then, guidance, options):
    """After which step a pipeline is to read other prompts, and what its callback then answers."""
    if then is None:
        return None, {}
    turn, others = _turn(then, B)
    _alone(pipe, "then")
    asked, plain = pipe.encode_prompt(others, pipe.unet.device, 1, guidance > 1, options.get("negative_prompt"))
    return turn, {"prompt_embeds": asked if plain is None else torch.cat([plain, asked])}


@contextmanager
def _listening(unet, B, heard):
    """While it lasts, `heard` holds the network's last output: [asked], or [plain, asked] under guidance."""

    def hook(_, arguments, output):
        found = output[0] if isinstance(output, tuple) else output.sample
        heard[:] = [list(found.float().split(B))]

    handle = unet.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _alone(pipe, name):
    alone = not hasattr(pipe, "text_encoder_2")
    require(alone, name, type(pipe).__name__, "texts are read and changed for Stable Diffusion 1 and 2 only")


@contextmanager
def _from(pipe, start):
    """While it lasts, the pipeline's list of times lacks the first `start`."""
    kept = pipe.scheduler
    late = copy.deepcopy(kept)
    setting = late.set_timesteps

    @wraps(setting)
    def set_timesteps(*arguments, **options):
        setting(*arguments, **options)
        late.timesteps = late.timesteps[start:]
        if hasattr(late, "set_begin_index"):  # those that count along their levels
            late.set_begin_index(start)

    if start:
        late.set_timesteps, pipe.scheduler = set_timesteps, late
    try:
        yield
    finally:
        pipe.scheduler = kept


@contextmanager
def _bar(pipe, shown):
    """The pipeline's own progress bar, shown or not; afterwards as it was."""
    before = dict(getattr(pipe, "_progress_bar_config", {}))
    pipe.set_progress_bar_config(**{**before, "disable": not shown})
    try:
        yield
    finally:
        pipe.set_progress_bar_config(**before)
