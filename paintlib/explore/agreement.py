"""The interactive of chapter 18: two painters with albums of their own, one noise."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _short, _sprite


def agreement(painters, title="Give both more pictures: when do two strangers paint the same?"):
    """Pictures that two painters without a common picture paint from the same noise, by the size of their albums.

    painters: {kind: (counts, pictures, apart)}: counts (C,), rising numbers of pictures; pictures (C, 2, S, H, W),
    uint8, of the first and of the second painter for S noises, S the same for all kinds; apart (C,): how far their
    pictures are from each other over all noises, 0 (the same) to 1 (nothing in common).
    """
    require(0 < len(painters) <= 4, "painters", list(painters), "give one to four kinds")
    kinds = [_kind(name, *parts) for name, parts in painters.items()]
    noises = {kind["noises"] for kind in kinds}
    require(len(noises) == 1, "pictures", f"{sorted(noises)} noises", "give each kind the same")
    return Interactive("agreement", title, {"kinds": kinds, "noises": noises.pop()})


def _kind(name, counts, pictures, apart):
    counts, pictures, apart = np.asarray(counts), np.asarray(pictures), np.asarray(apart, dtype=float)
    rising = counts.ndim == 1 and len(counts) > 1 and counts[0] >= 1 and bool(np.all(np.diff(counts) > 0))
    require(rising, f"counts of {name}", counts, "give two or more numbers of pictures, rising")
    fits = pictures.ndim == 5 and pictures.shape[:2] == (len(counts), 2) and pictures.shape[2] > 0
    require(fits, f"pictures of {name}", f"shape {pictures.shape}", f"give ({len(counts)}, 2, S, H, W)")
    positive = apart.shape == counts.shape and bool(np.all((apart > 0) & (apart < 2)))
    require(positive, f"apart of {name}", apart, f"give {len(counts)} numbers above 0")
    C, _, S, H, W = pictures.shape
    sprite = _sprite(pictures.reshape(-1, H, W), C * 2 * S)
    return {"name": name, "counts": counts.tolist(), "apart": _short(apart), "noises": S, **sprite}
