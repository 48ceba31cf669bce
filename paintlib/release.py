"""Turn a training run into a model that ships: float16 weights, configs, samples, and a card with what was measured.

    python -m paintlib.release cifar10 --hardware "2 CPU cores" --reference features.npy --inception inception.pt

Writes paintlib/models/NAME in diffusers' format. The FID is measured on the float16 weights as they ship; without
--reference (Inception features of the training set, see `python -m paintlib.metrics features`) the card says so.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMPipeline
from safetensors.torch import load_file

from paintlib.pretrained import SHIPPED, load, record
from paintlib.train import RECIPES, load_checkpoint, network, sample_grid, scheduler

CARD = """---
license: mit
library_name: diffusers
---
# {name}

An unconditional diffusion model of {data} at 32 x 32, trained for *Outline First, Details Later*: a `UNet2DModel` with
{parameters:,} parameters that predicts the noise; linear beta from 1e-4 to 0.02 in 1000 steps.{padding}

    from paintlib import pretrained
    painter = pretrained.load("{name}")

or `diffusers.DDPMPipeline.from_pretrained("paintlib/models/{name}")`.

![A grid of samples](samples.png)

| | |
|---|---|
| data | the {data} training set, without augmentation |
| training | {steps:,} steps of {batch} images, {images:,} in all; Adam at {rate}; power-law average; seed {seed} |
| time and hardware | {hours:.1f} hours on {hardware} |
| smoothed training loss | {loss} |
| FID | {fid} |
| weights | float16 |

    python -m paintlib.train {trained} --images {images}
"""


def release(name, run, hardware, reference=None, inception=None, count=10_000, folder=None, step=None):
    """Write the model folder of a run, and its card; returns the folder.

    With a `step`, it is the snapshot of the averaged weights at that step, and its name ends in it.
    """
    recipe, trained, run = RECIPES[name], name, Path(run)
    net, ema = network(recipe), network(recipe)
    run_record = load_checkpoint(run / "checkpoint.safetensors", net, ema, torch.optim.Adam(net.parameters()))
    if step is not None:
        ema.load_state_dict(load_file(run / f"step{step:06d}.safetensors"))
        run_record |= {"seconds": run_record["seconds"] * step / run_record["step"], "step": step, "loss": None}
        name = f"{name}-{step:04d}"
    folder = Path(folder or SHIPPED / name)
    DDPMPipeline(ema.half(), scheduler()).save_pretrained(folder)
    sample_grid(load(str(folder)).net, folder / "samples.png", steps=50)
    fid = "not measured"
    if reference:
        value = measure(folder, reference, inception, count)
        fid = f"{value:.2f} ({count:,} samples, DDIM, 50 steps, seed 0, against the training set)"
    images = run_record["step"] * recipe.batch
    padding = " Images are padded from 28 x 28 with black." if recipe.data == "fashion-mnist" else ""
    numbers = {"steps": run_record["step"], "images": images, "hours": run_record["seconds"] / 3600}
    loss = "not kept for a snapshot" if step else f"{run_record['loss']:.4f}"
    about = {
        "name": name,
        "trained": trained,
        "data": recipe.data,
        "padding": padding,
        "hardware": hardware,
        "fid": fid,
    }
    how = {"batch": recipe.batch, "rate": recipe.rate, "seed": run_record["seed"], "loss": loss}
    card = CARD.format(parameters=ema.num_parameters(), **about, **how, **numbers)
    (folder / "README.md").write_text(card)
    (folder / "training.json").write_text(json.dumps(run_record) + "\n")
    files = sorted(f for f in folder.rglob("*") if f.suffix in (".json", ".safetensors") and f.name != "sha256.json")
    digests = {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    (folder / "sha256.json").write_text(json.dumps(digests, indent=1) + "\n")
    return folder


def measure(folder, reference, inception, count, batch=250):
    """FID of `count` DDIM samples in 50 steps against the reference features."""
    from tqdm import tqdm

    from paintlib import metrics

    painter, rng, features = load(str(folder)), np.random.default_rng(0), []
    driver = DDIMScheduler.from_config(scheduler().config)
    for start in tqdm(range(0, count, batch), desc="samples"):
        *_, last = record(painter, driver, rng.normal(size=(min(batch, count - start), painter.D)), 50)
        pixels = ((last.x.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8).reshape(-1, *painter.shape)
        features.append(metrics.inception_features(pixels, weights=inception))
    return metrics.fid(np.concatenate(features), np.load(reference))


def main():
    parser = argparse.ArgumentParser(prog="python -m paintlib.release", description=__doc__.split("\n")[0])
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
