"""The interactive of chapter 15: a grid of time against strength of a push."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _short, _sprite


def walk(pictures, kappas, strengths, ways, prompt, title="Push the painter: along what, when, how strongly?"):
    """Pictures of one prompt that was pushed on the way, by direction, time and strength: press a cell, and compare.

    pictures (W, T, K, H, W', 3): floats in [0, 1], for the directions `ways` (their names; the last is what the others
    are compared with), T noise levels `kappas` of the push, falling, and K `strengths`, rising, with a 0 among them,
    where all pictures are alike. They travel as bytes: 4 / 3 of their number.
    """
    pictures, kappas = np.asarray(pictures), np.asarray(kappas, dtype=float)
    strengths = np.asarray(strengths, dtype=float)
    wanted = (len(ways), len(kappas), len(strengths))
    fits = pictures.ndim == 6 and pictures.shape[-1] == 3 and pictures.shape[:3] == wanted
    require(fits, "pictures", f"shape {pictures.shape}", f"give (W, T, K, H, W', 3) with (W, T, K) = {wanted}")
    require(np.isfinite(pictures).all(), "pictures", "NaN or infinity", "look for their cause")
    require(np.all(np.diff(kappas) < 0) and kappas[-1] > 0, "kappas", kappas, "give noise levels, falling, above 0")
    rising = np.all(np.diff(strengths) > 0) and 0 in strengths[1:-1]
    require(rising, "strengths", strengths, "give them rising, with a 0 between")
    require(2 <= len(ways) <= 5, "ways", ways, "give two to five directions")
    middle = int(np.flatnonzero(strengths == 0)[0])
    same = np.abs(pictures[:, :, middle] - pictures[0, 0, middle]).max() < 1 / 255
    require(same, "pictures", "several at strength 0", "without a push there is one picture")
    sprite = _sprite(pictures.reshape(-1, *pictures.shape[3:]), int(np.prod(wanted)))
    data = {"sprite": sprite, "counts": list(wanted), "kappas": _short(kappas), "strengths": _short(strengths),
            "ways": list(ways), "prompt": prompt}  # fmt: skip
    return Interactive("walk", title, data)
