"""Lists of noise levels compared on a network, from the same noise, for all numbers of evaluations: a small table.

    python -m paintlib.measure.clocks fashion-mnist --seeds 8 --out clocks.json

Each cell: what a sampler on a list paints from the seeds' noises, against a fine run from the same noises. A list is
from use (`paintlib.usual`), from theory (`timetables.placed`), or from the network's own fine run by dynamic
programming ("DP": misses counted where they happen; "DP, carried": in the picture). "jump" is after a teleport along
the Gaussian's flow: to the level that the dynamic programme chooses for "DP, carried", and to the same one for the
others. The runs that the dynamic programme learns from have other seeds than those that are measured.
"""

import argparse
import json
import os
import platform
import time
from importlib.resources import files
from pathlib import Path

import numpy as np

from paintlib import samplers, usual
from paintlib.checks import require
from paintlib.measure.distance import frechet
from paintlib.schedules import EDM
from paintlib.timetables import best, jump_costs, placed, step_costs

FINE = 40
EVALUATIONS = range(5, 11)
RARELY = ("leading", "cosine", "AYS", "DP")  # measured for DDIM alone, and every third number of evaluations
DDIM_ALONE = (("trailing", ""), ("log-SNR", ""), ("theory", "jump"))
TEACHERS = 8
AXES = 5
clock = EDM(0.0, 200.0)  # alpha = 1 and t = kappa: no list is tied to a schedule


def fine(painter, gaussian, z, end=0.02):
    """A fine run of noises z (B, D) of unit variance, by 2M, from kappa = 80 to `end`."""
    grid = np.append(np.geomspace(80.0, end, FINE), 0.0)
    return samplers.collect(samplers.multistep(painter, start(z, 80.0), clock, grid))


def start(z, kappa):
    """White noise as a state at a level, with alpha = 1: the total variance is that of unit data and noise."""
    return (z * (1 + kappa**2) ** 0.5).astype(np.float32)


def own_lists(run, gaussian, most):
    """The lists of the network's own: {name: {moves: kappas}}, and the landings of the jump, of its carried DP."""
    run = run[:-1]  # its last move goes to 0
    kappa = np.asarray(run.level.kappa)
    carried = step_costs(run, gaussian)
    jumped = np.vstack([jump_costs(run, gaussian), carried[1:]])
    lists = {"DP": best(step_costs(run), most), "DP, carried": best(carried, most)}
    lists = {name: {n: _ended(kappa[at]) for n, at in tables.items()} for name, tables in lists.items()}
    jumps = {n - 1: _ended(kappa[at])[1:] for n, at in best(jumped, most + 1).items() if n > 1}
    return lists, jumps


def _ended(kappas):
    """The last level of a fine run is as good as clean: 0 in its place."""
    return np.append(kappas[:-1], 0.0)


def stored(model):
    """The table that ships for a model: {"about": ..., "cells": [...]}."""
    there = files("paintlib.measure").joinpath("tables", f"clocks_{model}.json")
    require(there.is_file(), "model", repr(model), "a table ships for fashion-mnist and cifar10; make one as above")
    return json.loads(there.read_text("utf-8"))


def every_list(table, lam, own, jumps, n):
    """{(name, jump): kappas} of n evaluations."""
    lists = {(name, ""): make(table, n) for name, make in usual.LISTS.items()}
    lists |= {("theory", ""): placed(lam, n)} | {(name, ""): tables[n] for name, tables in own.items()}
    landing = float(jumps[n][0])
    lists[("theory", "jump")] = placed(lam, n, start=landing)
    lists[("DP, carried", "jump")] = jumps[n]
    return lists


def paint(painter, gaussian, z, kappas, jump, sampler):
    """Final pictures from noises z: after a jump from kappa = 80 to the list's first level, or from noise there."""
    first = float(kappas[0])
    x = gaussian.flow(start(z, 80.0), clock(80.0), clock(first)) if jump else start(z, first)
    *_, last = getattr(samplers, sampler)(painter, x, clock, kappas)
    return last.x


def cells(painter, gaussian, lam, table, seeds, evaluations, names=None):
    """All cells, one by one: dictionaries that JSON takes."""
    D = gaussian.D
    teacher = fine(painter, gaussian, np.random.default_rng(100).standard_normal((TEACHERS, D)))
    own, jumps = own_lists(teacher, gaussian.like(teacher.x), max(EVALUATIONS))
    z = np.random.default_rng(13).standard_normal((seeds, D))
    truth = fine(painter, gaussian, z).x[-1]
    g, U = gaussian.like(truth), gaussian.U[:, :AXES]
    lists = {n: every_list(table, lam, own, jumps, n) for n in evaluations}
    for n in evaluations:
        for sampler in ("ddim", "multistep"):
            for (name, jump), kappas in lists[n].items():
                rarely = name in RARELY and (sampler != "ddim" or n % 3)
                if rarely or (names and name not in names) or (sampler != "ddim" and (name, jump) in DDIM_ALONE):
                    continue
                x = paint(painter, g, z, kappas, jump, sampler)
                off = np.mean((x - truth) ** 2, axis=1)
                moments = [(p.mean(0), np.cov(p, rowvar=False)) for p in (x @ U, truth @ U)]
                yield {
                    "list": name, "jump": bool(jump), "sampler": sampler, "evaluations": n,
                    "kappas": [float(f"{k:.5g}") for k in kappas],
                    "mse": [float(f"{v:.4g}") for v in off],
                    "frechet": float(f"{frechet(*moments[0], *moments[1]):.4g}"),
                }  # fmt: skip


def main(arguments=None):
    """Compare on one of the networks that ship, and write the table."""
    from paintlib import data, networks

    parser = argparse.ArgumentParser(prog="python -m paintlib.measure.clocks", description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=["fashion-mnist", "cifar10"])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--lists", nargs="*", help="these alone")
    parser.add_argument("--evaluations", nargs="*", type=int, default=list(EVALUATIONS))
    parser.add_argument("--out", required=True)
    asked = parser.parse_args(arguments)
    painter, began = networks.load(asked.model), time.process_time()
    gaussian = data.gaussian(asked.model, 2 if asked.model == "fashion-mnist" else 0)
    lam = data.eigenvalues(asked.model).astype(float)
    table, found = painter.schedule, []
    for cell in cells(painter, gaussian, lam, table, asked.seeds, asked.evaluations, asked.lists):
        found.append(cell)
        spent = round(time.process_time() - began)
        about = {"model": asked.model, "seeds": asked.seeds, "teachers": TEACHERS, "axes": AXES, "cpu_seconds": spent}
        hardware = f"{os.cpu_count()} CPU cores, {platform.machine()}"
        rows = ",\n".join(json.dumps(row) for row in found)
        text = f'{{"about": {json.dumps(about | {"hardware": hardware})},\n"cells": [\n{rows}\n]}}\n'
        Path(asked.out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
