"""The interactive of chapter 15: a grid of time against strength of a push."""

import numpy as np

from paintlib import given
from paintlib.checks import require
from paintlib.explore import Interactive, _short, _sprite


def walk(pictures, kappas, strengths, ways, prompt, title="Push the painter: along what, when, how strongly?"):
    """Pictures of one prompt that was pushed on the way, by direction, time and strength: press a cell, and compare.

    pictures (W, T, K, H, W', 3): floats in [0, 1], for the directions `ways` (their names; the last is what the others
    are compared with), T noise levels `kappas` of the push, falling, and K `strengths`, rising, with a 0 among them,
    where all pictures are alike. They travel as bytes: 4 / 3 of their number.
    """
    kappas, strengths = given.falling("kappas", kappas, least=1), given.array("strengths", strengths, "K")
    require(kappas[-1] > 0, "kappas", kappas, "give noise levels, falling, above 0")
    rising = np.all(np.diff(strengths) > 0) and 0 in strengths[1:-1]
    require(rising, "strengths", strengths, "give them rising, with a 0 between")
    ways, [prompt] = given.labels("ways", ways), given.labels("prompt", [prompt])
    wanted = [len(ways), len(kappas), len(strengths)]
    pictures = given.pictures("pictures", pictures, *wanted, "H", "W'", 3)
    require(2 <= len(ways) <= 5, "ways", ways, "give two to five directions")
    plain = pictures[:, :, strengths == 0].astype(int)
    same = np.abs(plain - plain[0, 0]).max() <= 1  # of 255
    require(same, "pictures", "several at strength 0", "without a push there is one picture")
    data = {"sprite": _sprite(pictures.reshape(-1, *pictures.shape[3:])), "counts": wanted, "kappas": _short(kappas),
            "strengths": _short(strengths), "ways": ways, "prompt": prompt}  # fmt: skip
    return Interactive("walk", title, data)
