"""The picture that stands beside a link to the book: a network's guesses, from noise to picture (chapter 9's network).

.venv/bin/python book/tools/card.py       writes book/assets/card.png, 1200 x 630
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from paintlib import data, networks
from paintlib.samplers import collect, ddim

ASSETS = Path(__file__).resolve().parents[1] / "assets"
STEPS = np.linspace(999, 0, 40).round().astype(int)
SHOWN = (0, 6, 11, 16, 22, 39)
SEEDS = (3, 8, 12)

if __name__ == "__main__":
    net = networks.load("cifar10")
    x_T = np.stack([np.random.default_rng(seed).standard_normal(net.D) for seed in SEEDS])
    run = collect(ddim(net, x_T, net.schedule, STEPS))
    guesses = data.to_images(np.asarray(run.x0_hat)[list(SHOWN)], net.shape)
    fig = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="#14161a")
    for column in range(len(SHOWN)):
        for row in range(len(SEEDS)):
            ax = fig.add_axes((0.05 + 0.152 * column, 0.05 + 0.2 * (len(SEEDS) - 1 - row) / 1.0, 0.14, 0.19))
            ax.imshow(guesses[column, row])
            ax.set_axis_off()
    fig.text(0.05, 0.84, "Outline First, Details Later", color="white", fontsize=44, fontweight="bold")
    fig.text(0.05, 0.74, "How diffusion models paint: a book of notebooks", color="#c8ccd4", fontsize=25)
    fig.savefig(ASSETS / "card.png", pil_kwargs={"optimize": True})
