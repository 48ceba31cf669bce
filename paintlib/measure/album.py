"""The full run: chapter 11 with all training pictures, against the networks that ship; its numbers are kept.

A chapter runs on the pictures that ship with the book, and no verdict may hang on that choice. So the exact score of
all training pictures ran once, beside Gaussian and class mixture as they ship (all moments, a variance for the rest)
and the whole Gaussian with all its axes. What came out is a table of some 40 KB beside the data; strangers are pictures
of the test split.

    album.full_run("cifar10")                    the table, or None where it is of other weights
    python -m paintlib.measure.album cifar10     makes it: ten minutes of one core and 4 GB
"""

import argparse
from pathlib import Path

import numpy as np

from paintlib import commands, data
from paintlib.data.fetch import digest
from paintlib.data.make import sums
from paintlib.denoisers import Function, score
from paintlib.gaussian import Gaussian
from paintlib.levels import Level
from paintlib.measure.explained import explained_variance
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect

MODELS = Path(__file__).parents[1] / "models"
MARGINS = {"cifar10": 0, "fashion-mnist": 2}  # to the 32 x 32 of the networks
THEORIES = ("Gaussian", "mixture", "exact score", "whole Gaussian")
NOISES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
SEEDS, STATES = 24, 64


def full_run(name):
    """The numbers of the full run against the network `name`, by array; None where none is kept for its weights.

    kappa (T,); states and estimates (4, T, S), the mean squared error per pixel to the network's, by theory, step and
    noise (chapter 11's first S = 24); explained (places, 5, noises, 3), value and interval of the explained
    variance on noisy album pictures, noisy strangers and the network's path, for THEORIES and the mean picture.
    """
    if not (isinstance(name, str) and name in MARGINS):
        return None
    table = dict(data.shipped(f"{name.replace('-', '_')}_full_run.npz"))
    return table if str(table.pop("weights")) == weights_of(name) else None


def weights_of(name):
    """What tells the weights of the network `name` that ships from all others."""
    sums = MODELS / name / "sha256.json"
    return digest(sums.read_bytes()) if sums.is_file() else ""


def make(name, target):
    """Run it all, and write the table into the folder `target`."""
    commands.folder("target", target)
    from paintlib import networks

    train, test = data.load(name), data.load(name, "test")
    y, strangers = (data.to_vectors(data.pad(split.images, MARGINS[name])) for split in (train, test))
    whole = Gaussian.fit(y[i : i + 2000] for i in range(0, len(y), 2000))
    cloud = PointCloud(y.astype(np.float32), basis=whole.truncate(200).U.astype(np.float32))
    moments = data.gaussian(name, MARGINS[name], rest=True), data.mixture(name, MARGINS[name])
    theories = [*moments, cloud, whole]
    network = networks.load(name)
    x_T = np.random.default_rng(11).standard_normal((SEEDS, network.D))
    own = _paint(network, x_T, clip=True)
    runs = [_paint(theory, x_T) for theory in theories]
    errors = {
        "states": [np.mean((run.x - own.x) ** 2, -1) for run in runs],
        "estimates": [np.mean((run.x0_hat - own.x0_hat.clip(-1, 1)) ** 2, -1) for run in runs],
    }
    kappa = own.level.kappa
    near = [int(np.argmin(abs(np.log(kappa[:-1] / noise)))) for noise in NOISES]
    path = [(own.x[n], Level(own.level.alpha[n], own.level.sigma[n])) for n in near]
    places = [_noisy(y[:: len(y) // STATES][:STATES]), _noisy(strangers[:STATES]), path]
    judges = [*theories, Function(lambda x, level: whole.mu + 0 * x)]
    explained = [_explained(judges, network, states) for states in places]
    arrays = {key: np.asarray(value, np.float32) for key, value in (errors | {"explained": explained}).items()}
    file = target / f"{name.replace('-', '_')}_full_run.npz"
    np.savez_compressed(file, kappa=kappa, weights=weights_of(name), **arrays)
    sums(target)


def _paint(painter, x_T, clip=False):
    from diffusers import DDIMScheduler

    from paintlib import networks

    scheduler = DDIMScheduler(timestep_spacing="trailing", clip_sample=clip)
    return collect(networks.record(painter, scheduler, x_T, 50))


def _noisy(pictures):
    z = np.random.default_rng(12).standard_normal(pictures.shape)
    levels = [Level.from_kappa(noise).vp() for noise in NOISES]
    return [(level.alpha * pictures + level.sigma * z, level) for level in levels]


def _explained(judges, network, states):
    truth = np.stack([score(network, x, level) for x, level in states])
    shares = []
    for judge in judges:
        guess = np.stack([score(judge, x, level) for x, level in states])
        share = explained_variance(guess, truth, np.random.default_rng(0), centred=False)
        shares.append(np.stack([share.value, share.low, share.high], -1))
    return shares


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MARGINS)
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "datasets", help="folder to write to")
    options = parser.parse_args()
    commands.in_words(make)(options.name, options.to)
