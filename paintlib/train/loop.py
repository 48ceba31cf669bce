"""The training loop. Every random number is a function of the seed and the step, so a run may stop and go on."""

import json
import math
import time
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from paintlib import commands
from paintlib.checks import number, positive, require, whole
from paintlib.train.checkpoint import load_checkpoint, save_checkpoint
from paintlib.train.objective import half_norms, loss_at
from paintlib.train.optimiser import Optimiser, average, compiled, rate_at
from paintlib.train.recipes import images_for, network, recipe_of, scheduler

CHECKPOINT = "checkpoint.safetensors"


@torch.no_grad()
def sample_grid(net, file, steps=25, rows=4):
    """Save rows x rows samples (DDIM, seed 0) as a PNG."""
    from diffusers import DDIMPipeline, DDIMScheduler
    from PIL import Image

    pipe = DDIMPipeline(net, DDIMScheduler.from_config(scheduler().config))
    pipe.set_progress_bar_config(disable=True)
    out = pipe(rows**2, torch.Generator().manual_seed(0), num_inference_steps=steps, output_type="np").images
    h, c = out.shape[1], out.shape[-1]
    tiled = (out.reshape(rows, rows, h, h, c).transpose(0, 2, 1, 3, 4).reshape(rows * h, rows * h, c) * 255).round()
    Image.fromarray(tiled.astype(np.uint8).squeeze()).resize((8 * rows * 16, 8 * rows * 16), Image.NEAREST).save(file)


@dataclass
class Run:
    """A training run: a network, the average that will ship, the optimiser, and the record, kept in a folder."""

    folder: Path
    recipe: Any
    net: torch.nn.Module
    ema: torch.nn.Module
    optimiser: Optimiser
    record: dict

    def keep(self):
        """Write a checkpoint that `begin` goes on from."""
        save_checkpoint(self.folder / CHECKPOINT, self.net, self.ema, self.optimiser, self.record)


def begin(name, recipe, make, folder, seed=0, device=None, start=None):
    """The run in `folder`, resumed, or a new one of networks drawn by `make()`.

    Without a checkpoint, training goes on from the released model in the folder `start`, if one is given, with the
    optimisers' moments begun anew. Where the recipe has changed since, the record's history tells what it was, and
    until which step.
    """
    check_recipe(recipe)
    present = json.loads(json.dumps(asdict(recipe)))  # as a record has it: lists for tuples
    usual = "cuda" if torch.cuda.is_available() else "cpu"
    device = a_device(usual if device is None else device)
    whole("seed", seed, 0, "give a whole number from 0 to 10**9")
    require(seed <= 10**9, "seed", seed, "give a whole number from 0 to 10**9")  # times a million is still one of torch
    remedy = "give the folder of a model that paintlib.train.release wrote"
    if start is not None:
        start = commands.folder("start", start, remedy)
        require((start / "training.json").is_file(), "start", repr(str(start)), remedy)
    folder = commands.made("folder", folder)
    torch.manual_seed(seed)
    form = torch.channels_last if recipe.muon else torch.contiguous_format  # Muon needs the first, Adam is faster so
    net, ema = (make().to(device, memory_format=form) for _ in range(2))
    ema.load_state_dict(net.state_dict())
    optimiser = Optimiser(net, recipe.muon)
    record = {"name": name, "recipe": present, "seed": seed, "step": 0, "seconds": 0.0, "loss": None}
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        record = load_checkpoint(checkpoint, net, ema, optimiser)
        same = (record["name"], record["seed"]) == (name, seed)
        require(same, str(checkpoint), f"a run of {record['name']}, seed {record['seed']}", "choose another folder")
    elif start is not None:
        record = json.loads((start / "training.json").read_text())
        released = load_file(start / "unet" / "diffusion_pytorch_model.safetensors")
        net.load_state_dict(released)
        ema.load_state_dict(released)
    before = {k: v for k, v in record["recipe"].items() if present[k] != v}
    if before:
        record["history"] = [*record.get("history", []), {"until": record["step"], **before}]
    record["recipe"] = present
    return Run(folder, recipe, net, ema, optimiser, record)


def fit(run, loss_of, look, *, images=None, hours=None, minutes=5, after=lambda step: None):
    """Train until `images` images have been seen or `hours` of training are spent in all; returns the record.

    `loss_of(step)` is the loss of a step. Every `minutes`, and at the end, `look()` measures and draws, and a
    checkpoint is kept. `after(step)` is called when a step is done. A loss that is no number ends the run, and the
    checkpoint before it stays.
    """
    recipe, record = run.recipe, run.record

    def done():
        out_of_images = images is not None and record["step"] * recipe.batch >= images
        return out_of_images or (hours is not None and record["seconds"] >= 3600 * hours)

    def keep():
        look()
        run.keep()

    started = clock = saved = time.monotonic()
    first = record["step"]
    while not done():
        step = record["step"]
        loss = loss_of(step)
        value = loss.item()
        told = f"{value} at step {step}"
        require(math.isfinite(value), "loss", told, f"lower the rate; {run.folder / CHECKPOINT} is from before")
        run.net.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)
        run.optimiser.step(rate_at(recipe, step))
        average(run.ema, run.net, step, recipe.power)
        now = time.monotonic()
        old = value if record["loss"] is None else record["loss"]
        record |= {"step": step + 1, "loss": 0.99 * old + 0.01 * value, "seconds": record["seconds"] + now - clock}
        clock = now
        after(step + 1)
        if step - first in (10, 50) or (step + 1) % 200 == 0:
            speed = (step - first) * recipe.batch / (now - started)
            left = (images - record["step"] * recipe.batch) / speed if images else 3600 * hours - record["seconds"]
            speed_and_time = f"{speed:.0f} images/s  {left / 60:.0f} min left"
            print(f"{record['name']} step {step + 1}  loss {record['loss']:.4f}  {speed_and_time}", flush=True)
        if now - saved > 60 * minutes:
            keep()
            saved = clock = time.monotonic()
    keep()
    return record


def budget(images, hours, minutes=5):
    """Refuse a run without an end, or with one that is no number."""
    remedy = "say on how many images to train, or how long, or both"
    require(images is not None or hours is not None, "images, hours", "neither", remedy)
    if images is not None:
        whole("images", images, 0, "give how many images to train on, repeats counted")
    if hours is not None:
        remedy = "give hours of training, none below 0"
        require(number("hours", hours, remedy) >= 0, "hours", hours, remedy)
    positive("minutes", minutes, "give the minutes between two checkpoints")


def check_recipe(recipe):
    """Refuse a recipe of no images, or with rates that are none."""
    require(is_dataclass(recipe), "recipe", type(recipe).__name__, "give a Recipe of this module")
    whole("batch", recipe.batch, 1, "give how many images a step learns from")
    for name in ("rate", "warmup", "decay"):
        positive(name, getattr(recipe, name), "give one positive number")
    remedy = "give a number, none below 0"
    require(number("power", recipe.power, remedy) >= 0, "power", recipe.power, remedy)


def a_device(name):
    """A device of torch that this machine has."""
    try:
        torch.zeros(1, device=name).item()  # a device may have a name and be none
        return torch.device(name)
    except (RuntimeError, TypeError, ValueError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device: got {name!r} ({error}); give 'cpu', or 'cuda' where there is a GPU") from error


def train(
    name, folder, *, file=None, images=None, hours=None, seed=0, start=None, device=None, compile=False, minutes=5
):
    """Train `name` until `images` images have been seen or `hours` of training are spent in all, see `begin` and `fit`.

    A checkpoint and a grid of samples are written to `folder` every `minutes`. Returns the record of the run:
    steps, seconds, the smoothed loss.
    """
    budget(images, hours, minutes)
    recipe = recipe_of(name)
    run = begin(name, recipe, lambda: network(recipe), folder, seed, device, start)
    device, seed = next(run.net.parameters()).device, run.record["seed"]
    pixels, alpha_bar = images_for(recipe, file).to(device, torch.bfloat16), scheduler().alphas_cumprod
    norms = half_norms(pixels)

    def loss_with(forward, step):
        return loss_at(forward, pixels, norms, alpha_bar, recipe, seed, step)

    def snapshot(step):
        if step in recipe.snapshots:
            halves = {k: v.half().contiguous() for k, v in run.ema.state_dict().items()}
            save_file(halves, run.folder / f"step{step:06d}.safetensors")

    forward = compiled(run.net, lambda net: loss_with(net, run.record["step"])) if compile else run.net
    return fit(
        run,
        lambda step: loss_with(forward, step),
        lambda: sample_grid(run.ema, run.folder / "samples.png"),
        images=images,
        hours=hours,
        minutes=minutes,
        after=snapshot,
    )
