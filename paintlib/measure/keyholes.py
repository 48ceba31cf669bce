"""The full album behind a keyhole: chapter 17 with all training pictures but its strangers; its numbers are kept.

A chapter runs on the pictures that ship with the book, and the verdict on the keyhole hangs on the album's size. So the
keyholes, the exact score of the same pictures and the two painters of few moments ran once on chapter 17's states,
against the network that ships.

    keyholes.full_album()                 the table, or None where it is of other weights
    python -m paintlib.measure.keyholes   makes it: some ten minutes of one core and 1 GB
"""

import argparse
from pathlib import Path

import numpy as np

from paintlib import commands, data
from paintlib.data.make import PER_CLASS, choose, sums
from paintlib.keyhole import Keyhole
from paintlib.levels import Level
from paintlib.measure.album import MARGINS, weights_of
from paintlib.pointcloud import PointCloud

NAME, SHAPE = "fashion-mnist", (28, 28)
FILE = "fashion_mnist_keyholes.npz"
WINDOWS = {0.15: (3, 5), 0.6: (5, 7, 9), 1.2: (9, 13, 17), 2.5: (17, 25, 33), 5.0: (25, 33)}  # by noise level kappa
STATES = 24
EVERY, SEED = 20, 17  # every twentieth picture of the sample is a stranger; the seed of their noise


def full_album(name=NAME):
    """The numbers of the full album against the network `name`; None where none are kept for its weights.

    pictures: how many the album has; kappa (R,) and painter (R,), the rows' noise levels and names: "Gaussian",
    "mixture", "exact score" or "keyhole 5" with its window's side; error (R, S), the mean squared error per pixel of
    the painter's endpoint estimate to the network's, by state; spread (R,), the variance per pixel of the network's own
    estimates there. The painter explains 1 - mean(error) / spread of them.
    """
    if name != NAME:
        return None
    table = dict(data.shipped(FILE))
    return table if str(table.pop("weights")) == weights_of(NAME) else None


def make(target):
    """Run it all, and write the table into the folder `target`."""
    from paintlib import networks

    full, network = data.load(NAME), networks.load(NAME)
    held = choose(full.labels, PER_CLASS[NAME])[::EVERY]
    album = data.to_vectors(np.delete(full.images, held, axis=0)).astype(np.float32)
    strangers = data.to_vectors(data.pad(full.images[held[:STATES]], MARGINS[NAME]))
    noise = np.random.default_rng(SEED).standard_normal(strangers.shape)
    moments = {
        "Gaussian": data.gaussian(NAME, MARGINS[NAME], rest=True),
        "mixture": data.mixture(NAME, MARGINS[NAME]),
    }
    rows = []
    for kappa, windows in WINDOWS.items():
        keyholes = {f"keyhole {side}": Framed(Keyhole(album, SHAPE, side)) for side in windows}
        painters = moments | {"exact score": Framed(PointCloud(album))} | keyholes
        rows += _rows(painters, network, kappa, strangers + kappa * noise)
    columns = dict(zip(("kappa", "painter", "error", "spread"), map(np.array, zip(*rows, strict=True)), strict=True))
    np.savez_compressed(target / FILE, weights=weights_of(NAME), pictures=len(album), **columns)
    sums(target)


def _rows(painters, network, kappa, x):
    """(kappa, painter, error, spread) of each painter."""
    level = Level.from_kappa(kappa)
    theirs = network.denoise(x, level)
    spread, rows = np.mean((theirs - theirs.mean(0)) ** 2), []
    for name, painter in painters.items():
        error = np.mean((painter.denoise(x, level) - theirs) ** 2, axis=-1)
        rows.append((kappa, name, np.float32(error), np.float32(spread)))
        print(f"kappa {kappa:<4} {name:<12} explains {1 - error.mean() / spread:.4f}", flush=True)
    return rows


class Framed:
    """A painter of square pictures, for pictures in a black frame. All have the same frame, so no vote hangs on it.

    What the state shows of the frame adds to every log vote the same number, and every picture answers -1 there. With a
    frame of 2 around 28 x 28 that spares a quarter of the work.
    """

    def __init__(self, painter, margin=MARGINS[NAME]):
        self.painter, side = painter, round(painter.D**0.5)
        self.inside = np.pad(np.ones((side, side), bool), margin).ravel()
        self.D = len(self.inside)

    def denoise(self, x, level):
        """The endpoint estimate, for x (..., D)."""
        framed = np.full_like(x, -1.0)
        framed[..., self.inside] = self.painter.denoise(x[..., self.inside], level)
        return framed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "datasets", help="folder to write to")
    commands.in_words(make)(parser.parse_args().to)
