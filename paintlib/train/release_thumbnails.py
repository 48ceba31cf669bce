"""Turn the runs "thumbnails-N-a" and "-b" into the many small models that ship together: one folder, one card.

    python -m paintlib.train.release_thumbnails runs --log runs/log --hardware "half a CPU core"

Each snapshot of averaged weights becomes paintlib/models/thumbnails/N-a-STEP, float16, in diffusers' format.
"""

import argparse
import json
from pathlib import Path

from diffusers import DDPMPipeline
from safetensors.torch import load_file

from paintlib import commands
from paintlib.networks import load
from paintlib.networks.files import SHIPPED
from paintlib.train.loop import sample_grid
from paintlib.train.recipes import RECIPES, network, scheduler
from paintlib.train.release import objective, seal

CARD = """---
license: mit
library_name: diffusers
---
# Thumbnails: networks of one size that learned from albums of many sizes

Unconditional diffusion models of Fashion-MNIST at 16 x 16 (padded to 32 x 32 with black, blocks of 2 x 2 averaged),
trained for *Outline First, Details Later*: a `UNet2DModel` with {parameters:,} parameters that predicts the noise;
linear beta from 1e-4 to 0.02 in 1000 steps. They are meant for looking at how a painter learns; they are too small and
too young to paint well.

    from paintlib import networks
    painter = networks.load("thumbnails/{name}")

![A grid of samples of {name}](samples.png)

"N-a" learned from the first N pictures of the training set, "N-b" from the N pictures from number 30,000 on. The last
number of a name is that of training steps, of {batch} images each; snapshots of one row are of one run. All runs have
the same seed, so the same first weights.

| run | snapshots at steps | smoothed loss at the end |
|---|---|---|
{rows}

| | |
|---|---|
| loss, times, rate, average | {objective} |
| hours | {hours:.1f} in all, on {hardware} |
| FID | not measured |
| weights | float16 |

    python -m paintlib.train thumbnails-N-a --images {images}
"""


def release(run, folder):
    """Write a folder for each snapshot of a run, in `folder`; returns their names."""
    run = Path(run)
    recipe = RECIPES[run.name]
    names, net = [], network(recipe)
    for file in sorted(run.glob("step*.safetensors")):
        step = int(file.stem.removeprefix("step"))
        net.load_state_dict(load_file(file))
        names.append(f"{run.name.removeprefix('thumbnails-')}-{step:04d}")
        target = folder / names[-1]
        DDPMPipeline(net.half(), scheduler()).save_pretrained(target)
        record = {"name": run.name, "seed": 0, "step": step}
        (target / "training.json").write_text(json.dumps(record) + "\n")
        seal(target)
    return names


def card(folder, log, names, hardware):
    """The one card, with a row for each run; `log` is what the runs printed, their records at their ends."""
    records = {}
    for line in "\n".join(file.read_text() for file in log).splitlines():
        if line.startswith("{"):
            record = json.loads(line)
            records[record["name"]] = record
    rows = []
    for run, made in names.items():
        loss = f"{records[run]['loss']:.4f}" if run in records else "stopped early"
        steps = ", ".join(f"{int(name.rsplit('-', 1)[1]):,}" for name in made)
        rows.append(f"| {run.removeprefix('thumbnails-')} | {steps} | {loss} |")
    recipe, last = (
        next(iter(records.values()))["recipe"],
        [made[-1] for run, made in names.items() if run.endswith("a")][-1],
    )
    net = load(str(folder / last)).net
    sample_grid(net, folder / "samples.png", steps=50)
    about = {"parameters": net.num_parameters(), "name": last, "batch": recipe["batch"], "rows": "\n".join(rows)}
    about |= {"objective": objective(**recipe), "hours": sum(r["seconds"] for r in records.values()) / 3600}
    text = CARD.format(**about, hardware=hardware, images=64_000)
    (folder / "README.md").write_text(text)


@commands.in_words
def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, help="the folder that holds the runs' folders, and their output as `log`")
    parser.add_argument(
        "--log", type=Path, nargs="+", required=True, help="what `python -m paintlib.train` printed for them"
    )
    parser.add_argument("--hardware", required=True, help="what they were trained on, for the card")
    args = parser.parse_args()
    folder = SHIPPED / "thumbnails"
    commands.folder("runs", args.runs)
    order = sorted(args.runs.glob("thumbnails-*"), key=lambda p: (int(p.name.split("-")[1]), p.name))
    names = {run.name: release(run, folder) for run in order}
    card(folder, args.log, {run: made for run, made in names.items() if made}, args.hardware)


if __name__ == "__main__":
    main()
