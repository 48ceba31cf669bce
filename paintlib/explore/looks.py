"""The interactive of chapter 17: where a network looks, and where a Gaussian painter does."""

import numpy as np

from paintlib.checks import require
from paintlib.explore import Interactive, _pack, _points, _short


def keyhole(
    network, gaussian, shape, mean, rows, columns, kappas, windows, title="Move the pixel: where does it look?"
):
    """Two fields for each noise level and each pixel of a grid: what of the state the estimate there depends on.

    network, gaussian: (K, R, C, D), the derivatives of the endpoint estimate at the pixel in row `rows[r]` and column
    `columns[c]`, counted from 0, at noise level `kappas[k]`; shape (H, W) of a picture; mean (D,): the picture drawn
    beneath, from -1 to 1; windows: the odd side of the window drawn around the pixel, one for each level. The fields
    travel as int8.
    """
    H, W = shape
    wanted = (len(kappas), len(rows), len(columns), H * W)
    fields = {}
    for name, field in (("network", network), ("gaussian", gaussian)):
        field = np.asarray(field, dtype=float)
        require(field.shape == wanted, name, f"shape {field.shape}", f"give {wanted}: levels, rows, columns, pixels")
        fields[name] = _pack(_points(name, field.reshape(-1, H * W), H * W))
    for name, values, side in (("rows", rows, H), ("columns", columns, W)):
        require(all(0 <= v < side for v in values), name, list(values), f"give pixels from 0 to {side - 1}")
    odd = len(windows) == len(kappas) and all(w % 2 == 1 for w in windows)
    require(odd, "windows", list(windows), f"give {len(kappas)} odd sides, one for each level")
    data = {"shape": [H, W], "mean": _pack(_points("mean", [mean], H * W)), "kappas": _short(kappas)}
    places = {
        "rows": [int(v) for v in rows],
        "columns": [int(v) for v in columns],
        "windows": [int(w) for w in windows],
    }
    return Interactive("keyhole", title, {**data, **places, **fields})
