"""The interactive of chapter 17: where a network looks, and where a Gaussian painter does."""

from paintlib import given
from paintlib.checks import require, within
from paintlib.explore import Interactive, _pack, _short


def keyhole(
    network, gaussian, shape, mean, rows, columns, kappas, windows, title="Move the pixel: where does it look?"
):
    """Two fields for each noise level and each pixel of a grid: what of the state the estimate there depends on.

    network, gaussian: (K, R, C, D), the derivatives of the endpoint estimate at the pixel in row `rows[r]` and column
    `columns[c]`, counted from 0, at noise level `kappas[k]`; shape (H, W) of a picture; mean (D,): the picture drawn
    beneath, from -1 to 1; windows: the odd side of the window drawn around the pixel, one for each level. The fields
    travel as int8.
    """
    H, W = given.indices("shape", shape, 1000, 2, 2)
    kappas = given.array("kappas", kappas, "K")
    within("kappas", kappas, 0, "give noise levels, none below 0")
    rows, columns = given.indices("rows", rows, H, 1, H), given.indices("columns", columns, W, 1, W)
    fields = {}
    for name, field in (("network", network), ("gaussian", gaussian)):
        field = given.array(name, field, len(kappas), len(rows), len(columns), H * W)
        fields[name] = _pack(field.reshape(-1, H * W))
    sides = given.indices("windows", windows, 10_000, len(kappas), len(kappas))
    require(all(w % 2 == 1 for w in sides), "windows", sides, f"give {len(kappas)} odd sides, one for each level")
    data = {"shape": [H, W], "mean": _pack(given.array("mean", mean, H * W)), "kappas": _short(kappas)}
    return Interactive("keyhole", title, {**data, "rows": rows, "columns": columns, "windows": sides, **fields})
