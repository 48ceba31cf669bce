"""FID of lists of noise levels: what a network paints on each list of the table of `measure.clocks`, by DDIM.

    python -m paintlib.measure.lists cifar10 --evaluations 6 --samples 300 --reference train.npy --out lists.json

All lists paint from the same noises. Beside the FID of all pictures stand those of 20 random halves, of the same
pictures for every list: how far a ranking of the lists depends on the pictures. Features are kept beside the table, a
file for each 50 pictures, and are not made again.
"""

import argparse
import json
import platform
import sys
from functools import partial
from pathlib import Path

import numpy as np

from paintlib import commands, data
from paintlib.checks import require, whole
from paintlib.data.fetch import digest, kept, write_whole
from paintlib.measure.clocks import paint
from paintlib.measure.distance import fitted, frechet_gaussians
from paintlib.measure.inception import INCEPTION_SHA256, _features, load_inception
from paintlib.measure.nfe import SETS, halved
from paintlib.measure.stored import stored

BLOCK, HALVES = 50, 20


def features(painter, gaussian, kappas, n, look):
    """Features of the pictures of block n, painted by DDIM on a list from the noises of the generator (13, n)."""
    z = np.random.default_rng((13, n)).standard_normal((BLOCK, gaussian.D))
    return look(data.to_uint8(paint(painter, gaussian, z, kappas, "", "ddim"), painter.shape))


def row(found, real, rng):
    """The FID of features (N, F) against a Gaussian of real ones, and of random halves; `rng` picks the same rows."""
    fid, *halves = halved(lambda rows: frechet_gaussians(real, fitted(rows)), found, rng, HALVES).round(3).tolist()
    return {"fid": fid, "halves": halves}


def table(name, painter, gaussian, evaluations, blocks, real, look, folder):
    """The rows, a list of levels each; a line on the terminal for each block."""
    ends = [float(painter.schedule(t).kappa) for t in (0, painter.schedule.t_max)]  # five digits may round beyond
    cells = [c for c in stored(f"clocks_{name}")["cells"] if (c["sampler"], c["jump"]) == ("ddim", "")]

    def made(kappas, n):
        return {"features": features(painter, gaussian, kappas, n, look)}

    rows = []
    for cell in (c for c in cells if c["evaluations"] in evaluations):
        kappas, parts = np.array([k and np.clip(k, *ends) for k in cell["kappas"]]), []
        key = digest(f"{name} {cell['kappas']} {INCEPTION_SHA256}".encode())[:12]
        for n in range(blocks):
            file = folder / f"{key}-{n:04d}.npz"
            parts.append(kept(file, partial(made, kappas, n))["features"])
            print(f"{cell['list']}, {len(kappas) - 1} moves: {(n + 1) * BLOCK} pictures", file=sys.stderr, flush=True)
        told = {"list": cell["list"], "evaluations": cell["evaluations"], "kappas": cell["kappas"]}
        rows.append(told | row(np.concatenate(parts), real, np.random.default_rng(0)))
    return rows


@commands.in_words
def main(arguments=None):
    """The table of one of the networks that ship."""
    from paintlib import networks

    parser = argparse.ArgumentParser(prog="python -m paintlib.measure.lists", description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=sorted(SETS))
    parser.add_argument("--evaluations", nargs="+", type=int, default=[6])
    parser.add_argument("--samples", type=int, default=300, help=f"a multiple of {BLOCK}")
    parser.add_argument("--reference", required=True, help=".npy of Inception features of the training pictures")
    parser.add_argument("--weights", help="path of inception.pt")
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args(arguments)
    whole("samples", given.samples, BLOCK, f"give a multiple of {BLOCK}")
    require(given.samples % BLOCK == 0, "samples", given.samples, f"give a multiple of {BLOCK}")
    measured = sorted({cell["evaluations"] for cell in stored(f"clocks_{given.model}")["cells"]})
    there = set(given.evaluations) <= set(measured)
    require(there, "evaluations", given.evaluations, f"the table of measure.clocks has {measured}")
    commands.output(given.out)
    known = commands.known("reference", given.reference, "make it by python -m paintlib.measure features")
    painter, gaussian, real = networks.load(given.model), data.gaussian(*SETS[given.model]), fitted(known, "reference")
    inception, folder = load_inception(given.weights), given.out.with_suffix(".parts")
    folder.mkdir(parents=True, exist_ok=True)

    def look(images):
        return _features(inception, images, "cpu")

    rows = table(given.model, painter, gaussian, given.evaluations, given.samples // BLOCK, real, look, folder)
    about = {"model": given.model, "samples": given.samples, "seed": 13, "sampler": "ddim",
             "metric": f"FID, Inception of 2015, against {len(known):,} training pictures",
             "hardware": platform.machine() + " CPU"}  # fmt: skip
    lines = ",\n".join(json.dumps(one) for one in rows)
    write_whole(given.out, f'{{"about": {json.dumps(about)},\n"rows": [\n{lines}\n]}}\n'.encode())


if __name__ == "__main__":
    main()
