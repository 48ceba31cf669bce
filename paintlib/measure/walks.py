"""Pushes on the way of a prompted painter, by time, strength, direction and guidance: a small table (Figs. 19-22).

    python -m paintlib.measure.walks emoji --prompts 16 --out walks_emoji.json

For each of some prompts, drawn by chance from the pairs trained on, one noise: the painting by DDIM is pushed after n
of 16 steps along a principal axis of its own endpoint estimates, or along a random direction, by K units of the
latents, and painted on. A row tells what became of one painting. `lpips`: perceptual distance of the two pictures;
`moved`: of their latents; `other`: whether another drawing of the album is now the nearest one (by correlation).
"""

import argparse
import json
import time
from importlib.resources import files
from pathlib import Path

import numpy as np

from paintlib import commands, geometry, given, measure
from paintlib.checks import require
from paintlib.data import emoji

STEPS = 16
TIMES, STRENGTHS, GUIDANCE = (0, 3, 6, 9, 12), (1.0, 2.0, 4.0), (1.0, 3.0)
AXES = (1, 2, 3)
DIRECTIONS = (*(f"PC{k}" for k in AXES), "random")


def stored(model):
    """The table that ships for a model: {"about": ..., "rows": [...]}."""
    there = files("paintlib.measure").joinpath("tables", f"walks_{model}.json")
    require(there.is_file(), "model", repr(model), "a table ships for emoji; make one as this module's head says")
    return json.loads(there.read_text("utf-8"))


def table(found, measured, guidance):
    """One measure of a stored table at one guidance, (prompts, directions, times, strengths)."""
    about = found["about"]
    rows = [row for row in found["rows"] if row["guidance"] == guidance]
    require(rows, "guidance", guidance, f"the table has {about['guidance']}")
    require(measured in rows[0], "measured", repr(measured), "choose lpips, moved or other")
    return np.array([row[measured] for row in rows])


def directions(painting, rng):
    """Unit vectors (directions, B, D): the principal axes of the endpoint estimates, and a random one for each."""
    axes, _ = geometry.principal_axes(painting.x0_hat[:-1].astype(float), max(AXES))
    chance = rng.standard_normal(axes[:, 0].shape)
    chance = chance / np.linalg.norm(chance, axis=-1, keepdims=True)
    return np.stack([*(axes[:, k - 1] for k in AXES), chance])


def pushed(pipe, painting, prompt, guidance, n, moves):
    """Final latents (M, D) of one painting that is pushed by `moves` (M, D) after n steps, and painted on by DDIM."""
    from paintlib.networks import prompts

    x = (painting.x[n] + moves).astype(np.float32)
    return prompts.record(pipe, [prompt] * len(x), guidance, STEPS, x, start=n, every=STEPS).x[-1]


def rows(pipe, asked, album, seed=15, lpips=measure.lpips):
    """One row for each prompt and guidance; its measures have the shape (directions, times, strengths)."""
    from paintlib.networks import pipelines, prompts

    shape = (len(DIRECTIONS), len(STRENGTHS), len(TIMES))
    for number, prompt in enumerate(asked):
        z, rng = pipelines.noise(pipe, 1, seed + number), np.random.default_rng(seed + number)
        sign = rng.choice([-1.0, 1.0], size=len(DIRECTIONS))[:, None, None]
        for guidance in GUIDANCE:
            painting = prompts.record(pipe, [prompt], guidance, STEPS, z)
            units = sign * directions(painting, rng)  # (directions, 1, D)
            moves = (units * np.array(STRENGTHS)[:, None]).reshape(-1, z.shape[-1])
            ends = np.stack([pushed(pipe, painting, prompt, guidance, n, moves) for n in TIMES], axis=1)
            pictures = pipelines.decode(pipe, np.concatenate([painting.x[-1], ends.reshape(-1, z.shape[-1])]))
            which = nearest(pictures, album)
            first = np.repeat(pictures[:1], len(pictures) - 1, axis=0)
            apart = lpips(*((2 * each - 1).transpose(0, 3, 1, 2) for each in (pictures[1:], first)))
            found = {"lpips": apart, "moved": np.linalg.norm(ends - painting.x[-1], axis=-1).ravel(),
                     "other": (which[1:] != which[0]).astype(int)}  # fmt: skip
            measures = {name: _rounded(v.reshape(shape).swapaxes(1, 2)) for name, v in found.items()}
            yield {"prompt": prompt, "guidance": guidance, **measures}


def nearest(pictures, album):
    """The number of the album's picture with the highest correlation of pixels, for each picture (N, H, W, 3)."""
    rows = [a.reshape(len(a), -1) - a.reshape(len(a), -1).mean(-1, keepdims=True) for a in (pictures, album)]
    q, e = (a / np.linalg.norm(a, axis=-1, keepdims=True) for a in rows)
    return (q @ e.T).argmax(-1)


def _rounded(values):
    return [[[float(f"{v:.3g}") for v in line] for line in page] for page in values]


@commands.in_words
def main(arguments=None):
    """Measure on a model that ships, and write the table after each prompt."""
    from diffusers import DDIMScheduler

    from paintlib.networks import pipelines

    parser = argparse.ArgumentParser(prog="python -m paintlib.measure.walks", description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=["emoji"])
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--out", required=True)
    asked = parser.parse_args(arguments)
    given.count("prompts", asked.prompts, 1, 1000)
    commands.output(asked.out)
    pipe, began, found = pipelines.load(asked.model), time.process_time(), []
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    drawings = emoji.load()
    seen = [p for p, held in zip(drawings.prompts, drawings.held_out.ravel(), strict=True) if not held]
    chosen = [seen[i] for i in np.random.default_rng(15).permutation(len(seen))[: asked.prompts]]
    album = drawings.images.reshape(-1, *drawings.images.shape[2:]) / 255
    about = {"model": asked.model, "steps": STEPS, "times": TIMES, "strengths": STRENGTHS, "guidance": GUIDANCE,
             "directions": DIRECTIONS, "seed": 15}  # fmt: skip
    for row in rows(pipe, chosen, album):
        found.append(row)
        spent = {"prompts": len({row["prompt"] for row in found}), "cpu_seconds": round(time.process_time() - began)}
        lines = ",\n".join(json.dumps(each) for each in found)
        text = f'{{"about": {json.dumps(about | spent)},\n"rows": [\n{lines}\n]}}\n'
        Path(asked.out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
