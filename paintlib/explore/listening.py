"""The interactive on guidance, for chapter 14."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _short, _sprite


def listening(pictures, kappas, prompts, guidance, title="Paint from a prompt: how loud shall it be?"):
    """Endpoint estimates of one prompt at several strengths of guidance, side by side, to scrub through.

    pictures (P, S, G, T, H, W, 3): floats in [0, 1], for P prompts (their names), S noises, G strengths of `guidance`
    and T noise levels `kappas`, falling. They travel as bytes.
    """
    pictures, kappas = np.asarray(pictures), np.asarray(kappas, dtype=float)
    wanted = (len(prompts), len(guidance), len(kappas))
    fits = pictures.ndim == 7 and pictures.shape[-1] == 3 and (pictures.shape[0], *pictures.shape[2:4]) == wanted
    need = f"give (P, S, G, T, H, W, 3) with (P, G, T) = {wanted}"
    require(fits, "pictures", f"shape {pictures.shape}", need)
    falling = len(kappas) > 1 and np.all(np.diff(kappas) < 0) and kappas[-1] >= 0
    require(falling, "kappas", kappas, "give two or more noise levels, falling")
    P, S, G, T, H, W, _ = pictures.shape
    require(G <= 4, "guidance", f"{G} strengths", "up to four fit on a phone")
    sprite = _sprite(pictures.reshape(-1, H, W, 3), P * S * G * T)
    data = {"sprite": sprite, "counts": [P, S, G, T], "kappas": _short(kappas), "prompts": list(prompts),
            "guidance": _short(guidance)}  # fmt: skip
    return Interactive("listening", title, data)
