"""A whole trajectory under the exact score of CIFAR-10's 50,000 pictures: 64 states, 50 DDIM steps; one Markdown table.

    PAINTLIB_DATA=folder python tests/benchmarks/trajectory.py    the real pictures (data.load finds them)
    python tests/benchmarks/trajectory.py --points 2000           the sample that ships, to see that it runs

Three ways, each in a process of its own on one thread: paintlib's point cloud with a basis of principal axes, which
passes over points that are surely too far; paintlib's without; and the plain form in float32, all products whole.
Time is the processor's, memory the peak of the process above its data, which are float32.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from core import ROOT, peak

from paintlib import data
from paintlib.denoisers import Function
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect, ddim
from paintlib.schedules import Tabulated

STATES, AXES = 64, 256


def pictures(count):
    """The first `count` pictures as float32 vectors: of the full set where there are that many, else of the sample."""
    images = data.sample("cifar10").images
    if count > len(images):
        images = data.load("cifar10").images
    return np.concatenate([data.to_vectors(part).astype(np.float32) for part in np.array_split(images[:count], 50)])


def plain(y):
    """Eq. 15 in float32 with |x|^2 - 2 x.y + |y|^2, all points at once."""
    norms = (y * y).sum(1)

    def denoise(x, level):
        z = (x / level.alpha).astype(np.float32)
        square = (z * z).sum(1)[:, None] - 2 * z @ y.T + norms
        logits = square / np.float32(-2 * level.kappa**2)
        w = np.exp(logits - logits.max(1, keepdims=True))
        return (w / w.sum(1, keepdims=True)) @ y

    return Function(denoise)


def basis():
    return data.gaussian("cifar10").U[:, :AXES]


WAYS = {
    "paintlib, with a basis": lambda y: PointCloud(y, basis=basis()),
    "paintlib, without": PointCloud,
    "NumPy, matrix products in float32": plain,
}


def file_of_pictures(file):
    return Path(file).with_name("pictures.npy")


def child(way, file):
    """Run one way; report the seconds of making it and of the trajectory, by half, and the memory above the data."""
    y = np.load(file_of_pictures(file))
    basis()
    before = peak()
    started = time.process_time()
    painter = WAYS[way](y)
    made = time.process_time()
    schedule, grid = Tabulated.ddpm(), np.append(np.linspace(999, 0, 50).round(), -1)
    x = np.random.default_rng(0).standard_normal((STATES, y.shape[1]))
    steps, marks = [], [made]
    for step in ddim(painter, x, schedule, grid):
        steps.append(step)
        marks.append(time.process_time())
    np.save(file, collect(steps).x[-1])
    early = sum(step.level.kappa > 1 for step in steps)
    times = [made - started, marks[early] - made, marks[-1] - marks[early]]
    print(json.dumps({"times": times, "memory": peak() - before}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child and args.child[0] == "pictures":
        return np.save(file_of_pictures(args.child[1]), pictures(args.points))
    if args.child:
        return child(*args.child)
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = {**os.environ, **one, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    print(f"{args.points} points, {STATES} states, 50 steps of DDIM\n")
    print(
        "| way | to make, s | kappa > 1, s | kappa < 1, s | whole, ratio | peak above the data, MB | ends elsewhere |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    first = None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "end.npy"
        # in a process of its own too: on Linux a child's peak begins at its parent's
        make = [sys.executable, __file__, "--points", str(args.points), "--child", "pictures", str(file)]
        subprocess.run(make, env=environment, check=True)
        for way in WAYS:
            command = [sys.executable, __file__, "--child", way, str(file)]
            out = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
            result, end = json.loads(out.splitlines()[-1]), np.load(file)
            first = first or (sum(result["times"][1:]), end)
            print(row(way, result, end, first), flush=True)


def row(way, result, end, first):
    """A line of the table; `first` is the time and the end of the way in the first line."""
    made, early, late = result["times"]
    elsewhere = int((np.abs(end - first[1]).max(1) > 1e-2).sum())
    cells = f"{made:.1f} | {early:.1f} | {late:.1f} | {(early + late) / first[0]:.2f} | {result['memory']:.0f}"
    return f"| {way} | {cells} | {elsewhere} of {STATES} |"


if __name__ == "__main__":
    main()
