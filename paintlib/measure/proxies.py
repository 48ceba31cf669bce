"""How far a jump moves the final picture, by two measures: the small table of chapter 12.

    python -m paintlib.measure.proxies cifar10 fashion-mnist --weights lpips_alex_v0.1.safetensors --out proxies.json

From the same noise the network paints with all of DDIM's steps, and after jumps over the first of them. Both pictures
are compared by the mean squared difference per pixel value and by LPIPS, which needs weights that do not ship. Two
pictures of different noises are the yardstick.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from paintlib import commands, data
from paintlib.data.fetch import write_whole
from paintlib.measure.perceptual import lpips

MARGINS = {"cifar10": 0, "fashion-mnist": 2}
SKIPS, MOVES, SEEDS = (3, 6, 9, 12, 15, 18, 21), 25, 10  # those of the chapter


def both(x, y, shape, weights):
    """Mean squared difference and LPIPS of pictures (N, D), each (N,); grey pictures as colour ones of three equals."""
    height, width, channels = shape
    pictures = [
        np.asarray(p, dtype=np.float32).reshape(-1, height, width, channels).transpose(0, 3, 1, 2) for p in (x, y)
    ]
    a, b = (np.clip(np.broadcast_to(p, (len(p), 3, height, width)), -1, 1) for p in pictures)
    return np.mean((x - y) ** 2, axis=1), lpips(np.ascontiguousarray(a), np.ascontiguousarray(b), weights)


def measured(painter, theory, weights=None, seeds=SEEDS):
    """The rows of one network: {"skip", "kappa", "mse", "lpips"}; skip 0 compares each noise with the next one."""
    from diffusers import DDIMScheduler

    from paintlib.networks import land, record

    def brush():
        return DDIMScheduler(timestep_spacing="trailing")

    noise = np.random.default_rng(12).standard_normal((seeds, painter.D))
    *_, last = record(painter, brush(), noise, MOVES)
    found = [(0, None, np.roll(last.x, 1, axis=0))]
    for skip in SKIPS:
        landing = land(theory, brush(), noise, MOVES, skip)
        *_, after = record(painter, brush(), landing.x, MOVES, start=landing.level)
        found.append((skip, float(f"{landing.level.kappa:.4g}"), after.x))
    rows = []
    for skip, kappa, x in found:
        values = (_short(v) for v in both(x, last.x, painter.shape, weights))
        rows.append({"skip": skip, "kappa": kappa} | dict(zip(("mse", "lpips"), values, strict=True)))
    return rows


def _short(values):
    return [float(f"{v:.4g}") for v in values]


@commands.in_words
def main(arguments=None):
    """The table from the command line."""
    from paintlib import networks

    parser = argparse.ArgumentParser(prog="python -m paintlib.measure.proxies", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", choices=sorted(MARGINS))
    parser.add_argument("--weights", help="path of lpips_alex_v0.1.safetensors")
    parser.add_argument("--out", required=True, type=Path)
    asked = parser.parse_args(arguments)
    commands.output(asked.out)
    table = {}
    for model in asked.models:
        theory = data.gaussian(model, MARGINS[model], rest=True)
        table[model] = measured(networks.load(model), theory, asked.weights)
    rows = [f'"{model}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for model, rows in table.items()]
    write_whole(asked.out, ("{" + ",\n".join(rows) + "}\n").encode())


if __name__ == "__main__":
    main()
