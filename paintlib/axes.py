"""Principal axes: of a covariance, of few points in many dimensions; and whether axes are orthonormal."""

import numpy as np
from array_api_compat import array_namespace

from paintlib.checks import require, vectors


def check_orthonormal(quantity, U):
    """Check that the columns of U (D, r) are orthonormal, to half the digits of their dtype."""
    xp = array_namespace(U)
    with np.errstate(over="ignore", invalid="ignore"):  # entries that large are refused in a line
        gram = U.T @ U
    off = float(xp.max(xp.abs(gram - xp.eye(U.shape[1], dtype=gram.dtype, device=gram.device))))
    remedy = "orthonormalise them, by QR say"
    require(off < float(xp.finfo(gram.dtype).eps) ** 0.5, quantity, f"columns off orthonormal by {off:.2g}", remedy)


def principal_axes(matrix, rank=None):
    """Eigenvalues (D,) and eigenvectors (D, D) of a covariance (D, D), the largest first.

    If a few are enough (16 rank <= D), these alone: (rank,) and (D, rank), as exactly, after some products with the
    matrix.
    """
    few = rank is not None and 16 * rank <= matrix.shape[0]
    return _lanczos(matrix, rank) if few else _eigh(matrix)


def _eigh(matrix):
    """Eigenvalues and eigenvectors of a symmetric matrix, the largest first."""
    xp = array_namespace(matrix)
    lam, V = xp.linalg.eigh(matrix)
    return xp.asarray(xp.flip(lam, axis=0), copy=True), xp.asarray(xp.flip(V, axis=1), copy=True)


def _lanczos(matrix, rank):
    """Block Lanczos, fully orthogonalised: the span of V, A V, A^2 V, ... grows until the leading axes are in it."""
    xp = array_namespace(matrix)
    D, width = matrix.shape[0], max(rank // 4, 16)
    start = np.random.default_rng(0).standard_normal((D, width))  # a start of any other seed ends in the same axes
    block, _ = xp.linalg.qr(xp.asarray(start, dtype=matrix.dtype, device=matrix.device))
    span, images, enough = block[:, :0], block[:, :0], rank + width
    while 2 * (span.shape[1] + width) <= D:
        image = matrix @ block
        span, images = xp.concat([span, block], axis=1), xp.concat([images, image], axis=1)
        if span.shape[1] >= enough:
            lam, Z = _eigh(span.T @ images)
            lam, axes = lam[:rank], span @ Z[:, :rank]
            off = xp.sum((images @ Z[:, :rank] - lam * axes) ** 2, axis=0) ** 0.5
            if bool(xp.max(off) <= 1e-13 * lam[0]):
                return lam, axes
            enough = span.shape[1] * 5 // 4
        block = image
        for _ in range(2):  # twice is enough for orthogonality to rounding
            block, _ = xp.linalg.qr(block - span @ (span.T @ block))
    return _eigh(matrix)


def axes_of_few(data, rank):
    """Mean, axes, variances and total variance of N <= D points through the N x N Gram matrix."""
    xp = array_namespace(data)
    data = vectors("data", xp.astype(data, xp.float64))
    mu = xp.mean(data, axis=0)
    Y = data - mu
    lam, V = principal_axes(Y @ Y.T / data.shape[0], rank)
    lam = lam[:rank]
    keep = max(int(xp.sum(xp.astype(lam > lam[0] * 1e-15 * Y.shape[1], xp.int64))), 1)
    # QR restores what the Gram matrix loses: the orthogonality of axes with little variance
    U, R = xp.linalg.qr(Y.T @ V[:, :keep])
    return mu, U, xp.linalg.diagonal(R) ** 2 / data.shape[0], float(xp.sum(Y**2)) / data.shape[0]
