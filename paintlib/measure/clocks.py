"""Lists of noise levels compared on a network, from the same noise, for all numbers of evaluations: a small table.

    python -m paintlib.measure.clocks fashion-mnist --seeds 24 --out clocks.json

Each cell: what a sampler on a list paints from the seeds' noises, against a fine run from the same noises. A list is
from use (`paintlib.usual`), from theory (`timetables.placed`), or from the network's own fine run by dynamic
programming ("DP": misses counted where they happen; "DP, carried": in the picture). The runs that the dynamic
programme learns from have other seeds than those that are measured.

A list after a jump along the Gaussian's flow, which asks no network: "near" jumps over the first move of the list with
one move more, and walks the rest of it; "far" lands where the dynamic programme itself would have it. Heun asks twice
a move and once in the last, so it is there for odd numbers of evaluations alone.

Two pictures are held to be true, both from the same noise: that of the network's own fine run ("mse"), which has the
mistakes that it makes at high noise, and that of a fine run which the Gaussian leads from kappa = 80 to 20
("mse_led"), where the Gaussian cleans pictures better than the networks that ship (chapter 12).

Seeds are painted eight at a time, and what is painted is kept beside the table, in a folder: a run that was stopped
goes on where it was, and more seeds add to those that are there.
"""

import argparse
import json
import os
import platform
import time
from functools import partial
from pathlib import Path

import numpy as np

from paintlib import commands, given, samplers, transfer, usual
from paintlib.checks import require, whole
from paintlib.data.fetch import digest, kept, write_whole
from paintlib.measure.distance import frechet
from paintlib.schedules import EDM
from paintlib.timetables import best, jump_costs, placed, step_costs

FINE = 40
EVALUATIONS = range(5, 11)
RARELY = ("leading", "log-SNR", "cosine", "AYS", "DP")  # measured for DDIM alone, every third number of evaluations
ALL = ("trailing", "Karras", "GITS", "theory", "DP, carried")
NEAR = {("theory", "near"), ("DP, carried", "near")}
FAR = ("DP, carried", "far")
BLOCK = 8  # seeds that are painted together
LED = 20.0  # how far the Gaussian leads the second fine run
TEACHERS = 8
AXES = 5
clock = EDM(0.0, 200.0)  # alpha = 1 and t = kappa: no list is tied to a schedule


def fine(painter, gaussian, z, first=80.0, end=0.02):
    """A fine run of noises z (B, D) of unit variance by 2M, to `end`; from kappa = 80 to `first` the Gaussian leads."""
    x = start(z, 80.0)
    x = gaussian.like(x).flow(x, clock(80.0), clock(first)) if first < 80 else x
    return samplers.collect(samplers.multistep(painter, x, clock, np.append(np.geomspace(first, end, FINE), 0.0)))


def start(z, kappa):
    """White noise as a state at a level, with alpha = 1: the total variance is that of unit data and noise."""
    return (z * (1 + kappa**2) ** 0.5).astype(np.float32)


def own_lists(run, gaussian, most):
    """The lists of the network's own: {(name, jump): {moves: kappas}}, for up to `most` moves."""
    run = run[:-1]  # its last move goes to 0
    kappa, counts = np.asarray(run.level.kappa), range(1, most + 1)
    carried = step_costs(run, gaussian)
    jumped = np.vstack([jump_costs(run, gaussian), carried[1:]])
    plain, walked, far = (best(costs, most + 1) for costs in (step_costs(run), carried, jumped))
    return {
        ("DP", ""): {n: _ended(kappa[plain[n]]) for n in counts},
        ("DP, carried", ""): {n: _ended(kappa[walked[n]]) for n in counts},
        ("DP, carried", "near"): {n: _ended(kappa[walked[n + 1]])[1:] for n in counts},
        FAR: {n: _ended(kappa[far[n + 1]])[1:] for n in counts},
    }


def _ended(kappas):
    """The last level of a fine run is as good as clean: 0 in its place."""
    return np.append(kappas[:-1], 0.0)


def every_list(table, lam, own, n, sampler):
    """{(name, jump): kappas} of n moves. Theory's list for 2M is DDIM's (chapter 13 says why)."""
    rule = transfer.heun if sampler == "heun" else transfer.ddim
    lists = {(name, ""): make(table, n) for name, make in usual.LISTS.items()}
    lists |= {("theory", ""): placed(lam, n, rule), ("theory", "near"): placed(lam, n + 1, rule)[1:]}
    return lists | {key: tables[n] for key, tables in own.items()}


def moves(sampler, evaluations):
    """How many moves a sampler makes of so many evaluations, or None: Heun asks twice a move, and once in the last."""
    if sampler != "heun":
        return evaluations
    return (evaluations + 1) // 2 if evaluations % 2 else None


def asked(sampler, evaluations):
    """Which lists are measured, as (name, jump)."""
    usually = {(name, "") for name in ALL} | NEAR
    if sampler == "heun":
        return usually - {("GITS", "")}
    rarely = {FAR} | ({(name, "") for name in RARELY} if sampler == "ddim" else set())
    return usually | (rarely if evaluations % 3 == 0 else set())


def paint(painter, gaussian, z, kappas, jump, sampler):
    """Final pictures from noises z: after a jump from kappa = 80 to the list's first level, or from noise there."""
    first = float(kappas[0])
    x = gaussian.flow(start(z, 80.0), clock(80.0), clock(first)) if jump else start(z, first)
    *_, last = getattr(samplers, sampler)(painter, x, clock, kappas)
    return last.x


class Job:
    """A network with its theory, the lists that are compared, and a folder in which what is painted is kept."""

    def __init__(self, name, painter, gaussian, lam, table, evaluations, folder=None):
        self.name, self.painter, self.gaussian, self.folder = name, painter, gaussian, folder
        teacher = fine(painter, gaussian, np.random.default_rng(100).standard_normal((TEACHERS, gaussian.D)))
        own = own_lists(teacher, gaussian.like(teacher.x), max(evaluations))
        self.cells = []
        for n in evaluations:
            for sampler in ("ddim", "multistep", "heun"):
                if made := moves(sampler, n):
                    lists, wanted = every_list(table, lam, own, made, sampler), asked(sampler, n)
                    self.cells += [(*key, sampler, n, kappas) for key, kappas in lists.items() if key in wanted]

    def noises(self, block):
        """The noises of a block of seeds: rows of one stream, so that more seeds leave the first ones as they are."""
        rows = np.random.default_rng(13).standard_normal(((block + 1) * BLOCK, self.gaussian.D))
        return rows[block * BLOCK :]

    def kept(self, what, make):
        """An array of the folder, made and kept there if it is not yet."""
        if self.folder is None:
            return make()
        file = self.folder / f"{digest(f'{self.name} {what}'.encode())[:16]}.npz"
        return kept(file, lambda: {"x": make()})["x"]

    def truth(self, block, first=80.0):
        """The last states of a fine run of a block's noises."""
        return self.kept(
            f"fine {first} {block}", lambda: fine(self.painter, self.gaussian, self.noises(block), first).x[-1]
        )

    def found(self, cell, block):
        """What a cell paints from a block's noises."""
        _, jump, sampler, _, kappas = cell
        z, levels = self.noises(block), " ".join(f"{kappa:.6g}" for kappa in kappas)
        near = self.gaussian.like(start(z, 1.0))
        make = partial(paint, self.painter, near, z, kappas, jump, sampler)
        return self.kept(f"{sampler} {bool(jump)} {levels} {block}", make)

    def rows(self, blocks):
        """The table's cells for so many blocks: dictionaries that JSON takes."""
        U = self.gaussian.U[:, :AXES]
        own, led = (np.concatenate([self.truth(b, first) for b in range(blocks)]) for first in (80.0, LED))
        for cell in self.cells:
            name, jump, sampler, n, kappas = cell
            x = np.concatenate([self.found(cell, block) for block in range(blocks)])
            moments = [(p.mean(0), np.cov(p, rowvar=False)) for p in (x @ U, own @ U)]
            yield {
                "list": name, "jump": jump, "sampler": sampler, "evaluations": n,
                "kappas": [float(f"{k:.5g}") for k in kappas],
                "mse": [float(f"{v:.4g}") for v in np.mean((x - own) ** 2, axis=1)],
                "mse_led": [float(f"{v:.4g}") for v in np.mean((x - led) ** 2, axis=1)],
                "frechet": float(f"{frechet(*moments[0], *moments[1]):.4g}"),
            }  # fmt: skip


@commands.in_words
def main(arguments=None):
    """Compare on one of the networks that ship, and write the table after each block of seeds."""
    from paintlib import data, networks

    parser = argparse.ArgumentParser(prog="python -m paintlib.measure.clocks", description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=["fashion-mnist", "cifar10"])
    parser.add_argument("--seeds", type=int, default=24, help=f"a multiple of {BLOCK}")
    parser.add_argument("--evaluations", nargs="*", type=int, default=list(EVALUATIONS))
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(arguments)
    whole("seeds", options.seeds, BLOCK, f"give a multiple of {BLOCK}")
    require(options.seeds % BLOCK == 0, "seeds", options.seeds, f"give a multiple of {BLOCK}")
    require(len(options.evaluations) > 0, "evaluations", "none", "give one number or more")
    for n in options.evaluations:
        given.count("evaluations", n, 2, FINE - 2)
    folder = commands.output(options.out).with_suffix(".parts")
    painter, began = networks.load(options.model), time.process_time()
    gaussian = data.gaussian(options.model, 2 if options.model == "fashion-mnist" else 0)
    lam = data.eigenvalues(options.model).astype(float)
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(options.model, painter, gaussian, lam, painter.schedule, options.evaluations, folder)
    for blocks in range(1, options.seeds // BLOCK + 1):
        rows = ",\n".join(json.dumps(row) for row in job.rows(blocks))
        about = {"model": options.model, "seeds": blocks * BLOCK, "teachers": TEACHERS, "axes": AXES}
        about["hardware"] = f"{os.cpu_count()} CPU cores, {platform.machine()}"
        text = f'{{"about": {json.dumps(about)},\n"cells": [\n{rows}\n]}}\n'
        write_whole(options.out, text.encode())
        print(f"{blocks * BLOCK} seeds, {time.process_time() - began:.0f} CPU seconds", flush=True)


if __name__ == "__main__":
    main()
