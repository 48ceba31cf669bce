"""What a painter of details lacks, components, axes or pictures: the table of chapter 08, on the full Fashion-MNIST.

python book/tools/components.py     (a minute; finds the data as data.load does)

Gaussians and mixtures of the ten classes are fitted to more and more pictures, and clean 600 that none of them has
seen. Printed is the root mean squared error per picture at noise kappa = 0.2, where few pictures make ten classes lose.
"""

import numpy as np

from paintlib import data
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.schedules import Level

PICTURES = (2400, 12_000, 48_000)
KAPPA, HELD = 0.2, 600


def error(painter, clean, noise):
    wrong = painter.denoise(clean + KAPPA * noise, Level.from_kappa(KAPPA)) - clean
    return float(np.sqrt(np.mean(np.sum(wrong**2, axis=-1))))


if __name__ == "__main__":
    images = data.load("fashion-mnist")
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    x, labels = data.to_vectors(images.images)[order], images.labels[order]
    clean, noise = x[:HELD], rng.standard_normal((HELD, x.shape[1]))
    for N in PICTURES:
        seen, kinds = x[HELD : HELD + N], labels[HELD : HELD + N]
        painters = {"one, all axes": Gaussian.fit(seen), "one, 50 axes": Gaussian.fit(seen, 50, rest=True)}
        painters |= {f"ten, {rank} axes": Mixture.fit(seen, kinds, rank, rest=True) for rank in (50, 200)}
        print(f"{N} pictures:", ", ".join(f"{name} {error(p, clean, noise):.2f}" for name, p in painters.items()))
