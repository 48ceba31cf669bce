"""The interactive of chapter 18: two painters with albums of their own, one noise."""

import numpy as np

from paintlib import given
from paintlib.checks import require
from paintlib.explore import Interactive, _short, _sprite


def agreement(painters, title="Give both more pictures: when do two strangers paint the same?"):
    """Pictures that two painters without a common picture paint from the same noise, by the size of their albums.

    painters: {kind: (counts, pictures, apart)}: counts (C,), rising numbers of pictures; pictures (C, 2, S, H, W),
    uint8, of the first and of the second painter for S noises, S the same for all kinds; apart (C,): how far their
    pictures are from each other over all noises, 0 (the same) to 1 (nothing in common).
    """
    wanted = ("counts", "pictures", "apart")
    painters = given.named("painters", painters, 4, f"give one to four kinds, {{name: ({', '.join(wanted)})}}")
    kinds = [_kind(name, *given.parts(f"painters, {name}", parts, *wanted)) for name, parts in painters.items()]
    noises = {kind["noises"] for kind in kinds}
    require(len(noises) == 1, "pictures", f"{sorted(noises)} noises", "give each kind the same")
    return Interactive("agreement", title, {"kinds": kinds, "noises": noises.pop()})


def _kind(name, counts, pictures, apart):
    counts = given.wholes(f"counts of {name}", counts, 1, "C")
    rising = len(counts) > 1 and bool(np.all(np.diff(counts) > 0))
    require(rising, f"counts of {name}", counts, "give two or more numbers of pictures, rising")
    pictures = given.pictures(f"pictures of {name}", pictures, len(counts), 2, "S", "H", "W")
    apart = given.array(f"apart of {name}", apart, len(counts))
    require(bool(np.all((apart > 0) & (apart < 2))), f"apart of {name}", apart, "give numbers above 0, at most 1")
    _, _, S, H, W = pictures.shape
    sprite = _sprite(pictures.reshape(-1, H, W))
    return {"name": name, "counts": counts, "apart": _short(apart), "noises": S, **sprite}
