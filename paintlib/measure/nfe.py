"""Quality against the number of network evaluations (NFE), with and without teleportation: one table.

    python -m paintlib.measure.nfe cifar10 --out table --samples 10000 --reference train.npy --batch 250 --device cuda
    accelerate launch --num_processes 2 -m paintlib.measure.nfe cifar10 --out table ...        the same numbers

A cell is a method, its steps, and how many evaluations the jump replaces. Beside its distance stands by how much that
exceeds the distance of the same steps without a jump, and of as many evaluations without one ("minus"), in pairs. Chunk
i of the samples starts from the noise of the generator (seed, i), whatever the cell and whoever computes it, so all
cells have the same noise and any number of processes, on machines that share the folder, gives the same numbers. Chunks
that are there are not made again. The table's "floor" is the FID of as many training pictures against the others, or
of one half of them against the other where they are fewer than two cells: more pictures have less.
"""

import argparse
import itertools
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from paintlib import commands, data
from paintlib.checks import require, whole
from paintlib.data.fetch import digest, kept, write_whole
from paintlib.gaussian import Gaussian
from paintlib.measure.distance import fid, fitted, frechet_gaussians
from paintlib.measure.inception import INCEPTION_SHA256, _features, load_inception

METHODS = {"ddim": "DDIM", "heun": "HeunDiscrete", "dpm": "DPMSolverMultistep"}
SETS = {"cifar10": ("cifar10", 0), "fashion-mnist": ("fashion-mnist", 2)}  # model: data set, black margin
PCA = 64  # axes


@dataclass(frozen=True)
class Cell:
    """One entry of the table: a method, its steps, and how many of its evaluations the jump replaces."""

    method: str
    steps: int
    skip: int

    def __str__(self):
        return f"{self.method}-{self.steps}-{self.skip}"


def scheduler_of(method):
    """diffusers' scheduler for a method of `METHODS`, unclipped, on the times T, T - T / n, ..."""
    import diffusers

    known = ", ".join(METHODS)
    require(method in METHODS, "method", repr(method), f"choose from {known}")
    clip = {"clip_sample": False} if method == "ddim" else {}
    return getattr(diffusers, f"{METHODS[method]}Scheduler")(timestep_spacing="trailing", **clip)


def painted(painter, theory, cell, noise, device="cpu"):
    """Pictures (B, H, W, C), uint8, for noise (B, D), and the evaluations that each took, counted."""
    import torch

    from paintlib.networks.jumps import land
    from paintlib.networks.teleport import counted, run

    H, W, C = painter.shape
    pixels = torch.as_tensor(noise, dtype=torch.float32, device=device).reshape(-1, H, W, C).permute(0, 3, 1, 2)
    scheduler = scheduler_of(cell.method)
    landing = land(theory, scheduler, pixels.contiguous(), cell.steps, cell.skip)
    with torch.inference_mode(), counted(painter) as count:
        x = run(painter.net, scheduler, landing, cell.steps, {}, {})
    images = data.to_uint8(x.permute(0, 2, 3, 1).flatten(1), painter.shape)
    return images, count.images // len(noise)


def chunk(job, cell, n):
    """Features (batch, F) of chunk n of a cell, and the evaluations a picture took; from its file, if it is there."""

    def make():
        noise = np.random.default_rng((job.seed, n)).standard_normal((job.batch, job.painter.D))
        images, nfe = painted(job.painter, job.theory, cell, noise, job.device)
        return {"features": job.features(images), "nfe": nfe}

    arrays = kept(job.folder / f"{cell}-{job.key}-{n:05d}.npz", make)
    return arrays["features"], int(arrays["nfe"])


class Job:
    """A network, its theory, how features are made and what they are held against, and the folder of the chunks."""

    def __init__(self, asked):
        from paintlib import networks

        require(asked.model in SETS, "model", repr(asked.model), f"data are known for {sorted(SETS)}")
        whole("samples", asked.samples, 2, "give how many pictures a cell gets, 10000 say")
        whole("batch", asked.batch, 1, "give how many pictures are painted at a time")
        fits = asked.samples % asked.batch == 0
        require(fits, "samples", asked.samples, f"give a multiple of the batch, {asked.batch}")
        name, margin = SETS[asked.model]
        self.painter = networks.load(asked.model, device=asked.device)
        self.theory = data.gaussian(name, margin, rest=True)
        self.seed, self.batch, self.device, self.folder = asked.seed, asked.batch, asked.device, Path(asked.out)
        self.samples, self.asked, self.floor, self.halves = asked.samples, asked, None, {}
        self.folder.mkdir(parents=True, exist_ok=True)
        self.features, self.distance, measured = (self._pca if asked.metric == "pca" else self._inception)()
        self.key = digest(f"{asked.model} {asked.seed} {asked.batch} {measured}".encode())[:8]

    def _pca(self):
        """Coordinates on the data's leading axes, held against the data's own variances there."""
        kept = self.theory.truncate(PCA)
        own = Gaussian(np.zeros(PCA), np.eye(PCA), kept.lam)

        def features(images):
            return (data.to_vectors(images.squeeze(-1) if images.shape[-1] == 1 else images) - kept.mu) @ kept.U

        return features, lambda found: frechet_gaussians(Gaussian.fit(found), own), f"pca {PCA}"

    def _inception(self):
        """Inception's features, held against those of the training pictures."""
        remedy = "give --reference, made by python -m paintlib.measure features, or --metric pca"
        there = self.asked.reference is not None and Path(self.asked.reference).is_file()
        require(there, "reference", self.asked.reference, remedy)
        network = load_inception(self.asked.weights, self.device)
        features = commands.known("reference", self.asked.reference, "make it by python -m paintlib.measure features")
        real, self.real = fitted(features, "reference"), len(features)
        if self.real > 3:
            self.floor = _floor(features, self.samples)

        def distance(found):
            return frechet_gaussians(real, fitted(found))

        return lambda images: _features(network, images, self.device), distance, f"inception {INCEPTION_SHA256}"


def _floor(features, n):
    """The FID of as many real pictures as a cell has, half at most, against the others: of few it is far above 0."""
    n = min(n, len(features) // 2)
    value, others = fid(features[:n], features[n:]), len(features) - n
    return {"value": round(float(value), 4), "what": f"FID of {n:,} training pictures against {others:,} others"}


def halved(distance, features, rng, repeats):
    """The distance for all N features, and for `repeats` random halves of them: (1 + repeats,)."""
    N = len(features)
    return np.array([distance(features), *(distance(features[rng.permutation(N)[: N // 2]]) for _ in range(repeats))])


def interval(values):
    """What `halved` gives for all features, and it plus and minus 1.96 standard errors.

    The error is the spread over the halves: the variance of a mean of m out of N is (1 / m - 1 / N) of one's, which at
    m = N / 2 is that of the mean of N new ones. So it is for the difference of two `halved` with the same rows: what
    the two have in common is in no error.
    """
    error = float(np.std(values[1:], ddof=1))
    return [float(values[0] + side * 1.96 * error) for side in (0, -1, 1)]


def table(job, cells, rank=0, processes=1, wait=lambda: None):
    """Make every chunk whose turn is this process's; then, in process 0, the rows of the table, else None."""
    jobs = list(itertools.product(cells, range(job.samples // job.batch)))
    for cell, n in jobs[rank::processes]:
        chunk(job, cell, n)
        print(f"{cell}: {(n + 1) * job.batch} of {job.samples} pictures", file=sys.stderr, flush=True)
    wait()
    return None if rank else [_row(job, cell, cells) for cell in cells]


def _row(job, cell, cells):
    values, nfe = _halved(job, cell)
    value, low, high = (round(part, 4) for part in interval(values))
    metric = f"FID, Inception of 2015, against {job.real:,} training pictures" if job.asked.metric == "fid" else (
        f"squared Frechet distance on {PCA} principal axes of the training pictures")  # fmt: skip
    row = {"model": job.asked.model, **asdict(cell), "nfe": nfe, "metric": metric, "value": value}
    row |= {"low": low, "high": high, "samples": job.samples, "seed": job.seed, "minus": {}}
    for other in cells if cell.skip else ():  # the same steps without the jump, and as many evaluations without one
        if (other.method, other.skip) == (cell.method, 0) and other.steps in (cell.steps, cell.steps - cell.skip):
            row["minus"][str(other)] = [round(part, 4) for part in interval(values - _halved(job, other)[0])]
    return row | {"hardware": _hardware(job.device)}


def _halved(job, cell):
    """`halved` of a cell, the same rows for all cells, and the evaluations that a picture took; kept in the job."""
    if cell not in job.halves:
        parts = [chunk(job, cell, n) for n in range(job.samples // job.batch)]
        features = np.concatenate([found for found, _ in parts])
        values = halved(job.distance, features, np.random.default_rng(0), job.asked.repeats)
        job.halves[cell] = values, parts[0][1]
    return job.halves[cell]


def _hardware(device):
    import torch

    kind = torch.cuda.get_device_name(device) if str(device).startswith("cuda") else platform.machine() + " CPU"
    return f"{kind}, torch {torch.__version__}"


@commands.in_words
def main(arguments=None):
    """The table from the command line."""
    parser = argparse.ArgumentParser(prog="python -m paintlib.measure.nfe", description=__doc__.splitlines()[0])
    parser.add_argument("model", help=f"one of {sorted(SETS)}")
    parser.add_argument("--out", required=True, help="folder of the chunks, and of table.json")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help=f"of {sorted(METHODS)}")
    parser.add_argument("--steps", nargs="+", type=int, default=[10, 20])
    parser.add_argument(
        "--skips", nargs="+", type=int, default=[0, 2, 4, 6, 8], help="evaluations that a jump replaces"
    )
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--metric", choices=["fid", "pca"], default="fid")
    parser.add_argument("--reference", help=".npy of Inception features of the training pictures")
    parser.add_argument("--weights", help="path of inception.pt")
    parser.add_argument("--repeats", type=int, default=20, help="subsamples for the interval")
    parser.add_argument("--device", default="cpu")
    _run(parser.parse_args(arguments))


def _run(asked):
    for method in asked.methods:
        scheduler_of(method)
    for steps in asked.steps:
        whole("steps", steps, 1, "give numbers of steps")
    for name in ("skips", "seed"):
        for value in np.ravel(getattr(asked, name)):
            whole(name, value, 0, "give whole numbers, none below 0")
    whole("repeats", asked.repeats, 2, "an interval needs 2 subsamples or more")
    every = itertools.product(asked.methods, asked.steps, asked.skips)
    cells = [Cell(*parts) for parts in every if parts[2] < parts[1]]
    require(cells, "skips", asked.skips, f"give some that are fewer than the steps, {asked.steps}")
    rank, processes, wait = 0, 1, lambda: None
    if "LOCAL_RANK" in os.environ or int(os.environ.get("WORLD_SIZE", 1)) > 1:
        from accelerate import PartialState

        state = PartialState(cpu=asked.device == "cpu")
        rank, processes, wait = state.process_index, state.num_processes, state.wait_for_everyone
        asked.device = str(state.device) if asked.device == "cuda" else asked.device
    job = Job(asked)
    rows = table(job, cells, rank, processes, wait)
    if rows is not None:
        text = json.dumps({"floor": job.floor, "rows": rows}, indent=1) + "\n"
        write_whole(Path(asked.out) / "table.json", text.encode())
        print(text)


if __name__ == "__main__":
    main()
