"""Turn a training run into a model that ships: float16 weights, configs, samples, and a card with what was measured.

    python -m paintlib.train.release cifar10 --hardware "2 CPU cores" --reference features.npy --inception inception.pt

Writes paintlib/models/NAME in diffusers' format. The FID is measured on the float16 weights as they ship, computed in
bfloat16 as in training. --reference are Inception features of training images, at the data set's own size (see
`python -m paintlib.measure features`); without them the card says that the FID was not measured.
"""

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMPipeline, DPMSolverMultistepScheduler
from safetensors.torch import load_file
from tqdm import tqdm

from paintlib import commands, measure
from paintlib.checks import whole
from paintlib.data import to_images
from paintlib.networks import load, record
from paintlib.networks.files import SHIPPED
from paintlib.train.checkpoint import load_checkpoint
from paintlib.train.loop import sample_grid
from paintlib.train.recipes import RECIPES, network, recipe_of, scheduler

CARD = """---
license: mit
library_name: diffusers
---
# {name}

An unconditional diffusion model of {data} at 32 x 32, trained for *Outline First, Details Later*: a `UNet2DModel` with
{parameters:,} parameters that predicts the noise; linear beta from 1e-4 to 0.02 in 1000 steps.{padding}

    from paintlib import networks
    painter = networks.load("{name}")

or `diffusers.DDPMPipeline.from_pretrained("paintlib/models/{name}")`.

![A grid of samples](samples.png)

| | |
|---|---|
| data | the {data} training set, without augmentation |
| training | {steps:,} steps of {batch} images, {images:,} in all; seed {seed} |
| loss, times, rate, average | {objective} |{earlier}
| time and hardware | {hours:.1f} hours on {hardware} |
| smoothed loss of the last steps | {last} |
| FID | {fid} |
| weights | float16 |

    python -m paintlib.train {trained} --images {images}
"""
STEPS = 20  # of DPM-Solver++(2M), for the FID


def release(name, run, hardware, reference=None, inception=None, count=10_000, folder=None, step=None):
    """Write the model folder of a run, and its card; returns the folder.

    With a `step`, it is the snapshot of the averaged weights at that step, and its name ends in it.
    """
    recipe, trained, run = recipe_of(name), name, commands.folder("run", run)
    whole("count", count, 1, "give how many samples the FID is measured on")
    if reference is not None:
        known = commands.known("reference", reference, "make it by python -m paintlib.measure features")
    net, ema = network(recipe), network(recipe)
    run_record = load_checkpoint(run / "checkpoint.safetensors", net, ema)
    if step is not None:
        ema.load_state_dict(load_file(run / f"step{step:06d}.safetensors"))
        run_record |= {"seconds": run_record["seconds"] * step / run_record["step"], "step": step, "loss": None}
        name = f"{name}-{step:04d}"
    folder = Path(folder or SHIPPED / name)
    DDPMPipeline(ema.half(), scheduler()).save_pretrained(folder)
    sample_grid(load(str(folder)).net, folder / "samples.png", steps=50)
    images = run_record["step"] * recipe.batch
    margin = 2 if recipe.data == "fashion-mnist" else 0
    padding = " Images are padded from 28 x 28 with black." if margin else ""
    fid = "not measured"
    if reference is not None:
        drawn = measure.inception_features(draw(folder, count, margin), weights=inception)
        how = f"{count:,} samples, clipped DPM-Solver++(2M), {STEPS} Karras steps, seed 0"
        fid = f"{measure.fid(drawn, known):.1f} ({how}, against {len(known):,} training images)"
    numbers = {"steps": run_record["step"], "images": images, "hours": run_record["seconds"] / 3600}
    last = "not kept for a snapshot" if step else f"{run_record['loss']:.4f}"
    about = {
        "name": name,
        "trained": trained,
        "data": recipe.data,
        "padding": padding,
        "hardware": hardware,
        "fid": fid,
        "objective": objective(**run_record["recipe"]),
        "earlier": earlier(run_record),
    }
    how = {"batch": recipe.batch, "seed": run_record["seed"], "last": last}
    card = CARD.format(parameters=ema.num_parameters(), **about, **how, **numbers)
    (folder / "README.md").write_text(card)
    (folder / "training.json").write_text(json.dumps(run_record) + "\n")
    seal(folder)
    return folder


def seal(folder):
    """Write sha256.json, which holds every file of a model folder that is read when the model loads."""
    kinds = (".json", ".safetensors", ".txt")
    files = sorted(f for f in folder.rglob("*") if f.suffix in kinds and f.name != "sha256.json")
    digests = {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    (folder / "sha256.json").write_text(json.dumps(digests, indent=1) + "\n")


def objective(most, rate, decay, power, muon, angle, exact_above=None, **_):
    """What was minimised, and how, in words, from the fields of a recipe."""
    weight = f", weighted by min(1 / alpha^2, {most:g})" if most > 1 else ""
    exact = f", and of its mean given the state where kappa > {exact_above:g}" if exact_above is not None else ""
    loss = f"squared error of the noise{exact}{weight}"
    times = f"times even in {'the angle arctan(kappa)' if angle else 'the number of the step'}"
    rate = f"{'Muon and Adam' if muon else 'Adam'}, rate {rate:g}, as 1 / sqrt(step) from step {decay:,} on"
    return f"{loss}; {times}; {rate}; weights of a step count as step^{power:g}"


def earlier(run_record):
    """The rows of the card that tell the recipes a run had before, latest first."""
    then, rows = run_record["recipe"], ""
    for change in reversed(run_record.get("history", [])):
        then = then | change
        rows += f"\n| until step {change['until']:,} | {objective(**then)} |"
    return rows


class InBFloat16(torch.nn.Module):
    """A network that is computed in bfloat16, as it was in training; what it returns is float32."""

    def __init__(self, net):
        super().__init__()
        self.net, self.config = net.to(memory_format=torch.channels_last), net.config

    def forward(self, x, t):
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return self.net(x.contiguous(memory_format=torch.channels_last), t).sample.float()


def draw(folder, count, margin=0, batch=250):
    """Samples of a released model as uint8 (count, H, W, C), less `margin` pixels on each side.

    The endpoint estimate is clipped to [-1, 1] in every step, for a young network may have a tint at high noise. The
    spacing is that of Karras and others (2022): with steps of equal time the last one would begin at kappa = 0.18.
    """
    painter, rng, drawn = load(str(folder)), np.random.default_rng(0), []
    painter = replace(painter, net=InBFloat16(painter.net))
    options = {"thresholding": True, "sample_max_value": 1.0, "use_karras_sigmas": True}
    driver = DPMSolverMultistepScheduler.from_config(scheduler().config, **options)
    for start in tqdm(range(0, count, batch), desc="samples"):
        *_, last = record(painter, driver, rng.normal(size=(min(batch, count - start), painter.D)), STEPS)
        pixels = (255 * to_images(last.x, painter.shape)).round().astype(np.uint8)
        drawn.append(pixels[:, margin : painter.shape[0] - margin, margin : painter.shape[1] - margin])
    return np.concatenate(drawn)


@commands.in_words
def main():
    parser = argparse.ArgumentParser(prog="python -m paintlib.train.release", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--run", help="folder of the run (default: runs/NAME)")
    parser.add_argument("--hardware", required=True, help="what it was trained on, for the card")
    parser.add_argument("--reference", help="Inception features of the training set, .npy")
    parser.add_argument("--inception", help="the Inception weights")
    parser.add_argument("--count", type=int, default=10_000, help="samples for the FID")
    args = parser.parse_args()
    run = args.run or Path("runs") / args.name
    for step in RECIPES[args.name].snapshots or [None]:
        print(release(args.name, run, args.hardware, args.reference, args.inception, args.count, step=step))


if __name__ == "__main__":
    main()
