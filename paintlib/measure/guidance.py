"""The shape of guided paths by strength of guidance and by sampler, prompt by prompt: a small table.

    python -m paintlib.measure.guidance emoji --out table.json

Every prompt starts from the same noises in all cells, so cells are compared prompt by prompt. All states are measured
in one coordinate system, the variance-preserving one; "raw" alone is as the scheduler keeps them.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np

from paintlib import commands, geometry, given
from paintlib.checks import require, vectors, whole
from paintlib.measure.stored import stored as any_stored
from paintlib.samplers import Trajectory

STRENGTHS = (1.0, 3.0, 5.0, 7.5)
SAMPLERS = {  # all of them deterministic, with one evaluation a step
    "DDIM": {"clip_sample": False},
    "PNDM": {"skip_prk_steps": True},
    "DPMSolverMultistep": {},
    "UniPCMultistep": {},
    "EulerDiscrete": {},
    "LMSDiscrete": {},
}
STEPS = 50


def scheduler(config, sampler):
    """A scheduler of diffusers with the noise table of `config`."""
    import diffusers

    require(sampler in SAMPLERS, "sampler", sampler, f"measured are {', '.join(SAMPLERS)}")
    kept = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "steps_offset", "prediction_type")
    table = {name: config[name] for name in kept if name in config}
    return getattr(diffusers, f"{sampler}Scheduler")(**table, **SAMPLERS[sampler])


def measures(path):
    """What is measured of a path, {name: (B,)}: residuals in % of |x_t|^2, counts of principal components, reversals.

    "2 PCs", "plane", "Eq. 7", and the PCs for 99.9 % of states, differences and noise as in Table 2; "PC1" is the
    variance on the first one, raw and in common coordinates; "swing" and "reversals" as below.
    """
    turns = {"swing": swing(path), "reversals": reversals(path)}
    x, alpha = path.vp().astype(float), path.level.vp().alpha
    eps = geometry.conserved(path.x[:-1], path.x0_hat[:-1], path.level[:-1, None]).astype(float)
    moves = np.diff(x, axis=0)
    return {
        "2 PCs": 100 * geometry.pc_residual(x, 2, centred=True).mean(0),
        "plane": 100 * geometry.plane_residual(x).mean(0),
        "Eq. 7": 100 * geometry.rotation_residual(x, alpha).mean(0),
        "dim x": geometry.effective_dimension(x, centred=True),
        "dim difference": geometry.effective_dimension(moves, centred=True),
        "dim noise": geometry.effective_dimension(eps, centred=True),
        "PC1 raw": first(path.x),
        "PC1": first(x),
        **turns,
    }


def first(x):
    """The part of a path's variance on its first principal component, in %, (B,)."""
    require(
        isinstance(x, np.ndarray) and x.ndim >= 2, "x", type(x).__name__, "give the states, a NumPy array (T, B, D)"
    )
    rows = np.moveaxis(vectors("x", x).astype(float), 0, -2)
    power = np.linalg.svd(rows - rows.mean(-2, keepdims=True), compute_uv=False) ** 2
    return 100 * power[..., 0] / _moved(power.sum(-1))


def swing(path):
    """The length of a path's turns (second differences) in % of that of its moves, (B,); half as much at half the step.

    A level that is visited twice, as by PNDM, counts once, and the last two turns, where grids are uneven, do not.
    """
    x = _evenly(path, 5)
    turns, moves = (np.linalg.norm(np.diff(x, n=n, axis=0), axis=-1) for n in (2, 1))
    return 100 * turns[:-2].sum(0) / _moved(moves[1:-2].sum(0))


def reversals(path):
    """At how many of its steps a path takes back its last turn, in %, (B,): the next one points against it."""
    turn = np.diff(_evenly(path, 6), n=2, axis=0)[:-2]
    return 100 * ((turn[:-1] * turn[1:]).sum(-1) < 0).mean(0)


def _evenly(path, least):
    """A path's states in common coordinates, each level once; `least` of them are needed."""
    kind = isinstance(path, Trajectory) and isinstance(path.x, np.ndarray)
    require(kind, "path", type(path).__name__, "give a Trajectory of NumPy arrays")
    kappa = np.asarray(path.level.kappa)
    once = np.append(kappa[1:] != kappa[:-1], True)
    require(once.sum() >= least, "path", f"{once.sum()} levels", f"for its turns give {least} or more")
    return path.vp()[once].astype(float)


def _moved(length):
    """The length of every path, if none stands still."""
    require(bool(np.all(length > 0)), "path", "one that stands still", "a share of its moves needs some")
    return length


def paint(pipe, sampler, strength, prompts, noise, steps=STEPS):
    """The path of each prompt from its noise (B, D), by that sampler; the pipeline's own one is kept."""
    from paintlib.networks.prompts import record

    own = pipe.scheduler
    try:
        pipe.scheduler = scheduler(own.config, sampler)
        return record(pipe, list(prompts), strength, steps, noise)
    finally:
        pipe.scheduler = own


def cells(pipe, prompts, noise, strengths=STRENGTHS, samplers=tuple(SAMPLERS), steps=STEPS, see=None):
    """One dictionary for each strength and sampler, with its measures prompt by prompt; "end" is its last state's
    distance from DDIM's of that strength, in % of the length of that one."""
    for strength in strengths:
        end = None
        for sampler in samplers:
            path = paint(pipe, sampler, strength, prompts, noise, steps)
            last = path.vp()[-1].astype(float)
            end = last if end is None else end
            off = 100 * np.linalg.norm(last - end, axis=-1) / np.linalg.norm(end, axis=-1)
            if see:
                see(strength, sampler, path)
            values = {name: np.round(v.astype(float), 4).tolist() for name, v in measures(path).items()}
            yield {"strength": strength, "sampler": sampler, **values, "end": np.round(off, 4).tolist()}


def stored(name):
    """The table that ships for a model."""
    return any_stored(f"guidance_{name}")


def asked(count, seed=16):
    """`count` of the emoji's prompts, of pairs that were trained on, by a seed; a larger number prolongs the list."""
    from paintlib.data import emoji

    drawings = emoji.load()
    pairs = zip(drawings.prompts, drawings.held_out.ravel(), strict=True)
    known = [prompt for prompt, held in pairs if not held]
    return [known[n] for n in np.random.default_rng(seed).permutation(len(known))[:count]]


@commands.in_words
def main(arguments=None):
    """Measure on a model, and write the table after each cell."""
    from paintlib.networks import pipelines

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="that ships, or a pipeline's name on the hub")
    parser.add_argument("--prompts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=16, help="of the prompts and of the noises")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(arguments)
    given.count("prompts", args.prompts, 1, 1000)
    whole("seed", args.seed, 0, "give a whole number, not negative")
    commands.output(args.out)
    pipe = pipelines.load(args.model)
    prompts, noise = asked(args.prompts, args.seed), pipelines.noise(pipe, args.prompts, args.seed)
    table = {"model": args.model, "seed": args.seed, "steps": STEPS, "prompts": prompts, "cells": []}
    for cell in cells(pipe, prompts, noise):
        table["cells"].append(cell)
        means = ", ".join(f"{name} {np.mean(v):.3g}" for name, v in list(cell.items())[2:])
        print(f"w = {cell['strength']:g}, {cell['sampler']}: {means}", flush=True)
        partly = args.out.with_suffix(".part")
        partly.write_text(written(table), "utf-8")
        os.replace(partly, args.out)


def written(table):
    """The table as JSON, a cell a line."""
    head = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in table.items() if name != "cells")
    body = ",\n".join(f"  {json.dumps(cell)}" for cell in table["cells"])
    return f'{{\n{head},\n "cells": [\n{body}\n ]\n}}\n'


if __name__ == "__main__":
    main()
