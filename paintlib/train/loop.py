"""The training loop. Every random number is a function of the seed and the step, so a run may stop and go on."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from paintlib.checks import require
from paintlib.train.checkpoint import load_checkpoint, save_checkpoint
from paintlib.train.objective import half_norms, loss_at
from paintlib.train.optimiser import Optimiser, average, compiled, rate_at
from paintlib.train.recipes import RECIPES, images_for, network, scheduler


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


def train(
    name, folder, *, file=None, images=None, hours=None, seed=0, start=None, device=None, compile=False, minutes=5
):
    """Train `name` until `images` images have been seen or `hours` of training are spent in all.

    A checkpoint and a grid of samples are written to `folder` every `minutes`. Returns the record of the run:
    steps, images, seconds, the smoothed loss. An existing checkpoint in `folder` is resumed; without one, training goes
    on from the released model in the folder `start`, if one is given, with the optimisers' moments begun anew. Where
    the recipe has changed since, the record's history tells what it was, and until which step.
    """
    if images is None and hours is None:
        raise ValueError("images, hours: got neither; say on how many images to train, or how long, or both")
    recipe = RECIPES[name]
    present = json.loads(json.dumps(asdict(recipe)))  # as a record has it: lists for tuples
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.safetensors"
    torch.manual_seed(seed)
    form = torch.channels_last if recipe.muon else torch.contiguous_format  # Muon needs the first, Adam is faster so
    net, ema = (network(recipe).to(device, memory_format=form) for _ in range(2))
    ema.load_state_dict(net.state_dict())
    optimiser = Optimiser(net, recipe.muon)
    record = {"name": name, "recipe": present, "seed": seed, "step": 0, "seconds": 0.0, "loss": None}
    if checkpoint.exists():
        record = load_checkpoint(checkpoint, net, ema, optimiser)
        same = (record["name"], record["seed"]) == (name, seed)
        require(same, str(checkpoint), f"a run of {record['name']}, seed {record['seed']}", "choose another folder")
    elif start:
        record = json.loads((Path(start) / "training.json").read_text())
        released = load_file(Path(start) / "unet" / "diffusion_pytorch_model.safetensors")
        net.load_state_dict(released)
        ema.load_state_dict(released)
    before = {k: v for k, v in record["recipe"].items() if present[k] != v}
    if before:
        record["history"] = [*record.get("history", []), {"until": record["step"], **before}]
    record["recipe"] = present
    pixels, alpha_bar = images_for(recipe, file).to(device, torch.bfloat16), scheduler().alphas_cumprod
    norms = half_norms(pixels)

    def loss_of(forward):
        return loss_at(forward, pixels, norms, alpha_bar, recipe, record["seed"], record["step"])

    forward = compiled(net, loss_of) if compile else net

    def done():
        out_of_images = images is not None and record["step"] * recipe.batch >= images
        return out_of_images or (hours is not None and record["seconds"] >= 3600 * hours)

    def keep():
        save_checkpoint(checkpoint, net, ema, optimiser, record)
        sample_grid(ema, folder / "samples.png")

    started = clock = saved = time.monotonic()
    first = record["step"]
    while not done():
        step = record["step"]
        loss = loss_of(forward)
        net.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step(rate_at(recipe, step))
        average(ema, net, step, recipe.power)
        now, value = time.monotonic(), loss.item()
        old = value if record["loss"] is None else record["loss"]
        record |= {"step": step + 1, "loss": 0.99 * old + 0.01 * value, "seconds": record["seconds"] + now - clock}
        clock = now
        if step + 1 in recipe.snapshots:
            halves = {k: v.half().contiguous() for k, v in ema.state_dict().items()}
            save_file(halves, folder / f"step{step + 1:06d}.safetensors")
        if step - first in (10, 50) or (step + 1) % 200 == 0:
            speed = (step - first) * recipe.batch / (now - started)
            left = (images - record["step"] * recipe.batch) / speed if images else 3600 * hours - record["seconds"]
            speed_and_time = f"{speed:.0f} images/s  {left / 60:.0f} min left"
            print(f"{name} step {step + 1}  loss {record['loss']:.4f}  {speed_and_time}", flush=True)
        if now - saved > 60 * minutes:
            keep()
            saved = clock = time.monotonic()
    keep()
    return record
