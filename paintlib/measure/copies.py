"""Whether a painter copies: how near his pictures are to those of his album."""

import numpy as np

from paintlib.checks import as_numpy, real_array, require, vectors, whole


def nearest(x, album, count=2):
    """Distances (B, count) from pictures x (B, D) to the nearest of `album` (N, D), nearest first, and which they are.

    A copy stands out by its gap: far nearer to one picture than to all others. The literature counts a sample as a copy
    where the first distance is below a third of the second (Favero and others 2025, say).
    """
    x = as_numpy(vectors("x", real_array("x", x, 2)))
    album = as_numpy(vectors("album", real_array("album", album, 2)))
    require(x.shape[1] == album.shape[1], "x, album", f"shapes {x.shape}, {album.shape}", "need (B, D) and (N, D)")
    whole("count", count, 1, "give how many of the nearest are wanted")
    require(count <= len(album), "count", count, f"the album has {len(album)} pictures")
    square = np.sum(x**2, axis=1)[:, None] - 2 * x @ album.T + np.sum(album**2, axis=1)
    which = np.argsort(square, axis=1)[:, :count]
    away = x[:, None, :] - album[which]  # once more, for the difference of squares loses digits where it is small
    return np.linalg.norm(away, axis=2), which
