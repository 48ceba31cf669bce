"""The painter behind a keyhole: the exact score of what a window shows, one vote for each pixel.

After M. Kamb and S. Ganguli, "An analytic theory of creativity in convolutional diffusion models", ICML 2025
(arXiv:2412.20292): `Keyhole` is their local score, `RovingKeyhole` their local score that is equivariant too. Pictures
are vectors, row by row with the channels last, as in `paintlib.data`; a window shows all channels of its pixels.

At the border both see what a convolution with zero padding sees: state and pictures are 0 outside. A window that stays
in its place finds 0 - alpha 0 there, so it is in effect cut off at the border. A window that roves compares what lies
outside the state with what lies inside a picture, and so knows a border when it sees one.
"""

import math
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from paintlib.blocks import slices
from paintlib.checks import one_level_each, real_array, require, same_library, state, whole
from paintlib.levels import check_level

CACHE = 2**20  # bytes of a block of log votes: one that stays in the processor's cache is faster than a large one


@dataclass(frozen=True)
class _Painter:
    """An album behind windows of one size; a kind of it says how one state (D,) at alpha and sigma is estimated."""

    points: Any
    shape: tuple
    window: int

    def __post_init__(self):
        _check(self)

    @property
    def D(self):
        """The number of dimensions."""
        return self.points.shape[1]

    def denoise(self, x, level):
        """The endpoint estimate, for x (..., D)."""
        return _by_rows(self, x, level, self._estimate)


class Keyhole(_Painter):
    """x0_hat(p) = sum_i w_i(p) y_i(p), w(p) = softmax_i(-sum over q near p of (x(q) - alpha y_i(q))^2 / 2 sigma^2).

    points (N, D): the album; shape (H, W) or (H, W, C) of a picture; window: the odd side of the square around pixel p,
    in pixels. A window of 2 max(H, W) - 1 or more shows all from everywhere: that is `PointCloud`. All is in float64.
    """

    def winners(self, x, level):
        """Which picture has the largest vote at each pixel: indices into the album, (..., H W)."""
        return _by_rows(self, x, level, self._winners)

    def _estimate(self, x, alpha, sigma):
        votes = _Votes(array_namespace(x))
        for _, log_votes, y in self._log_votes(x, alpha, sigma):
            votes.add(log_votes[..., None], y)
        return votes.mean

    def _winners(self, x, alpha, sigma):
        xp, best, winner = array_namespace(x), None, None
        for start, log_votes, _ in self._log_votes(x, alpha, sigma):
            top, index = xp.max(log_votes, axis=0), start + xp.argmax(log_votes, axis=0)
            ahead = top > (-math.inf if best is None else best)
            best = top if best is None else xp.where(ahead, top, best)
            winner = index if winner is None else xp.where(ahead, index, winner)
        return winner

    def _log_votes(self, x, alpha, sigma):
        """(number of the first picture, log votes (n, H, W), pictures (n, H, W, C)), block by block."""
        xp, (H, W) = array_namespace(x), self.shape[:2]
        rows, columns = (_band(n, self.window // 2, x) for n in (H, W))
        for cut in slices(self.points.shape[0], max(CACHE // (8 * self.D), 1)):
            y = xp.reshape(xp.astype(self.points[cut, :], xp.float64), (-1, H, W, self.D // (H * W)))
            apart = xp.sum((xp.reshape(x, y.shape[1:]) - alpha * y) ** 2, axis=-1)
            seen = rows @ (apart @ columns)  # a box sum without the rounding that an integral image has
            yield cut.start, -seen / (2 * sigma**2), y


class RovingKeyhole(_Painter):
    """The same with the windows around all pixels of all pictures as voters: the album is a heap of patches.

    x0_hat(p) = sum_iq w_iq(p) y_i(q), w(p) = softmax_iq(-sum over o of (x(p + o) - alpha y_i(q + o))^2 / 2 sigma^2).
    It costs H W times as much as `Keyhole`: a hundred pictures of 28 x 28 are work for a second or so.
    """

    def _estimate(self, x, alpha, sigma):
        xp, (H, W) = array_namespace(x), self.shape[:2]
        sight = xp.reshape(self._patches(xp.reshape(x, (1, -1))), (H * W, -1))
        votes = _Votes(xp)
        for cut in slices(self.points.shape[0], max(CACHE // (8 * (H * W) ** 2), 1)):
            y = xp.astype(self.points[cut, :], xp.float64)
            seen = xp.reshape(self._patches(y), (-1, sight.shape[1]))
            square = xp.sum(sight**2, axis=1) + alpha**2 * xp.sum(seen**2, axis=1)[:, None]
            square = square - 2 * alpha * (seen @ sight.T)
            votes.add(-square[..., None] / (2 * sigma**2), xp.reshape(y, (-1, 1, self.D // (H * W))))
        return votes.mean

    def _patches(self, rows):
        """The windows around each pixel of pictures (n, D), as (n, H W, C window^2), 0 outside."""
        xp, (H, W), r = array_namespace(rows), self.shape[:2], self.window // 2
        C = self.D // (H * W)
        padded = xp.zeros((rows.shape[0], H + 2 * r, W + 2 * r, C), dtype=rows.dtype, device=rows.device)
        padded[:, r : r + H, r : r + W, :] = xp.reshape(rows, (-1, H, W, C))
        steps = range(self.window)
        shown = [padded[:, i : i + H, j : j + W, :] for i in steps for j in steps]
        return xp.reshape(xp.concat(shown, axis=-1), (rows.shape[0], H * W, -1))


class _Votes:
    """A softmax mean over voters that come block by block: exact, however they are cut, by a running log-sum-exp.

    `top` is the largest log vote so far, `weight` the sum of exp(log vote - top), `mean` the mean of the answers.
    """

    def __init__(self, xp):
        self.xp, self.top, self.weight, self.mean = xp, None, None, None

    def add(self, log_votes, answers):
        """Voters along the first axis; log votes and answers broadcast against each other."""
        xp = self.xp
        top = xp.max(log_votes, axis=0)
        if self.top is not None:
            top = xp.maximum(top, self.top)
        votes = xp.exp(log_votes - top)
        weight, total = xp.sum(votes, axis=0), xp.sum(votes * answers, axis=0)
        if self.top is not None:
            before = xp.exp(self.top - top) * self.weight
            weight, total = weight + before, total + before * self.mean
        self.top, self.weight, self.mean = top, weight, total / weight


def _check(painter):
    real_array("points", painter.points, 2)
    shape, D = painter.shape, painter.points.shape[1]
    remedy = f"give (H, W) or (H, W, C) with the product {D}, the length of the points"
    require(isinstance(shape, tuple | list) and len(shape) in (2, 3), "shape", repr(shape), remedy)
    for side in shape:
        whole("shape", side, 1, remedy)
    require(math.prod(shape) == D, "shape", shape, remedy)
    whole("window", painter.window, 1, "give an odd side in pixels, 5 say")
    require(painter.window % 2 == 1, "window", painter.window, "give an odd side, so that a pixel is in the middle")


def _by_rows(painter, x, level, row):
    """row(x, alpha, sigma), flattened, for each row of x (..., D); the level may differ from row to row."""
    xp = array_namespace(state(x, painter.D))
    same_library(x, painter.points)
    alpha, sigma = check_level(level).on(x)
    require(bool(xp.all(sigma > 0)), "sigma", level.sigma, "a finite album has no score at sigma = 0; use sigma > 0")
    one_level_each(x, alpha, sigma)
    shape = (*x.shape[:-1], 1)
    alpha, sigma = (xp.reshape(xp.astype(xp.broadcast_to(a, shape), xp.float64), (-1,)) for a in (alpha, sigma))
    rows = xp.astype(xp.reshape(x, (-1, painter.D)), xp.float64)
    most = xp.max(xp.abs(rows), axis=1) + alpha * float(xp.max(xp.abs(painter.points)))
    usual = xp.all((sigma > 1e-150) & (sigma < 1e150) & (most < 1e150) & (most < 1e150 * sigma))
    require(
        bool(usual),
        "x",
        f"up to {float(xp.max(most)):.3g} with the album, at {level}",
        "its square over sigma^2 overflows",
    )
    out = xp.stack([xp.reshape(row(rows[n, :], alpha[n], sigma[n]), (-1,)) for n in range(rows.shape[0])])
    out = xp.reshape(out, (*x.shape[:-1], -1))
    return xp.astype(out, x.dtype) if xp.isdtype(out.dtype, "real floating") else out


def _band(n, reach, like):
    """The matrix (n, n) that sums over neighbours at most `reach` away: 1 where |i - j| <= reach, else 0."""
    xp = array_namespace(like)
    i = xp.arange(n, device=like.device)
    return xp.astype(xp.abs(i[:, None] - i) <= reach, xp.float64)
