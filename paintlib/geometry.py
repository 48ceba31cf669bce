"""The shape of a trajectory: principal components, plane, rotation (Eqs. 7, 11, 64-83; Table 2).

A trajectory x has shape (T, ..., D), from noise x[0] = x_T to image x[-1] = x_0. Residuals are per step,
|error_t|^2 / |x_t|^2 of shape (T, ...); Table 2 averages them over the steps.
"""

import math
from numbers import Integral

import numpy as np
from array_api_compat import array_namespace

from paintlib.checks import everywhere, float_array, not_negative, number, real_array, require, together, vectors
from paintlib.levels import check_level


def pc_residual(x, k, *, centred):
    """Residual of x_t after projection on the trajectory's top k principal components, with or without the mean."""
    xp = _check_trajectory(x)
    whole = isinstance(k, Integral) and 0 <= k <= x.shape[0]
    require(whole, "k", k, f"a trajectory of {x.shape[0]} steps has from 0 to that many components")
    values, scores = _components(x, centred)
    lost = xp.sum(values[..., None, k:] * scores[..., :, k:] ** 2, axis=-1)
    return _share(xp.moveaxis(lost, -1, 0), x)


def effective_dimension(x, fraction=0.999, *, centred):
    """How many principal components hold `fraction` of the trajectory's variance; shape (...,)."""
    require(0 < number("fraction", fraction) < 1, "fraction", fraction, "need 0 < fraction < 1")
    values, _ = _components(x, centred)
    xp = array_namespace(x)
    total = xp.sum(values, axis=-1, keepdims=True)
    rounding = float(xp.finfo(x.dtype).eps) ** 2 * xp.sum(xp.sum(x**2, axis=-1), axis=0)[..., None]
    require(
        bool(xp.all(total > rounding)), "x", "a trajectory that stays where it is", "it has no dimension; leave it out"
    )
    share = xp.cumulative_sum(values, axis=-1) / total
    return xp.sum(xp.astype(share < fraction, xp.int64), axis=-1) + 1


def principal_axes(x, k):
    """The top k principal axes of a trajectory, unit vectors (..., k, D), and its variances along them (..., k).

    The mean over the steps is taken off, and a variance is the mean square of what is left. Of the endpoint estimates'
    trajectory these are the paper's directions along the image manifold (Fig. 5A). Signs are free: an axis points to
    where the trajectory ends.
    """
    xp = _check_trajectory(x)
    inside = isinstance(k, Integral) and 1 <= k < x.shape[0]
    require(inside, "k", k, f"a trajectory of {x.shape[0]} steps has from 1 to {x.shape[0] - 1} axes")
    rows = xp.moveaxis(x - xp.mean(x, axis=0), 0, -2)
    values, scores = _principal(rows)
    values, scores = values[..., :k], scores[..., :k]
    least = float(xp.finfo(x.dtype).eps) * values[..., :1] * x.shape[0]
    require(bool(xp.all(values > least)), "k", k, "the trajectory has no variance along that many axes; ask for fewer")
    last = scores[..., -1:, :]
    scores = xp.where(last < 0, -scores, scores)
    axes = xp.matrix_transpose(scores) @ rows
    return axes / values[..., None] ** 0.5, values / x.shape[0]


def _share(square, x):
    """Squared errors as shares of |x_t|^2."""
    xp = array_namespace(x)
    whole = xp.sum(x**2, axis=-1)
    require(bool(xp.all(whole > 0)), "x", "a state of length 0", "its residual has no meaning; leave the step out")
    return square / whole


def _check_trajectory(x):
    vectors("x", x)
    require(x.ndim >= 2, "x", f"shape {tuple(x.shape)}", "a trajectory has shape (T, ..., D)")
    xp = array_namespace(x)
    require(xp.finfo(x.dtype).bits >= 32, "x", f"dtype {x.dtype}", "convert to float32 or float64: too few digits")
    return xp


def _components(x, centred):
    """Squared singular values (..., T) and scores (..., T, T) of one trajectory per batch index."""
    xp = _check_trajectory(x)
    rows = xp.moveaxis(x, 0, -2)
    if centred:
        rows = rows - xp.mean(rows, axis=-2, keepdims=True)
    return _principal(rows)


def _principal(rows):
    """Squared singular values (..., T) and left singular vectors (..., T, T) of rows (..., T, D), decreasing."""
    xp = array_namespace(rows)
    values, scores = xp.linalg.eigh(rows @ xp.matrix_transpose(rows))  # T x T: far smaller than T x D
    values = xp.where(values > 0, values, 0.0)  # rounding may leave a zero slightly negative
    return xp.flip(values, axis=-1), xp.flip(scores, axis=-1)


def plane_residual(x):
    """Residual of x_t after projection on the plane through 0, x_0 and x_T; where these are parallel, on their line."""
    xp = _check_trajectory(x)
    e1 = _unit(x[0, ...])
    e2 = x[-1, ...] - _dot(x[-1, ...], e1) * e1
    e2 = e2 - _dot(e2, e1) * e1  # once more, for orthogonality to rounding
    rounding = 8 * float(xp.finfo(x.dtype).eps) * x.shape[-1] ** 0.5
    left = _dot(e2, e2) > rounding**2 * _dot(x[-1, ...], x[-1, ...])
    e2 = xp.where(left, _unit(e2), 0.0)
    return _share(xp.sum((x - _dot(x, e1) * e1 - _dot(x, e2) * e2) ** 2, axis=-1), x)


def rotation_residual(x, alpha):
    """Residual of the rotation alpha_t x_0 + sqrt(1 - alpha_t^2) x_T (Eq. 7 with K_t = alpha_t).

    x in variance-preserving coordinates (`Trajectory.vp`), alpha (T,) the signal scale there.
    """
    _check_trajectory(x), real_array("alpha", alpha, 1)
    return _rotation_error(x, alpha, alpha, x[0, ...], x[-1, ...])


def rotation_residual_script(x, alpha):
    """The same as the paper's published script has it, alpha_t^2 x_0 + sqrt(1 - alpha_t^2) x_T, one step late.

    Each x_t is compared with the alpha of the step before; shape (T - 1, ...). Table 2's rotation column is of this
    kind; Eq. 7 is `rotation_residual`.
    """
    _check_trajectory(x), real_array("alpha", alpha, 1)
    return _rotation_error(x[1:, ...], alpha[:-1] ** 2, alpha[:-1], x[0, ...], x[-1, ...])


def _rotation_error(x, K, alpha, x_T, x_0):
    xp = _check_trajectory(x)
    column = (-1,) + (1,) * (x.ndim - 1)
    K, alpha = (xp.asarray(a, dtype=x.dtype, device=x.device) for a in (K, alpha))
    inside = tuple(alpha.shape) == (x.shape[0],) and bool(xp.all((alpha >= 0) & (alpha <= 1)))
    require(inside, "alpha", alpha, "give one value in [0, 1] per step; rescale the trajectory with Trajectory.vp()")
    error = x - xp.reshape(K, column) * x_0 - xp.reshape((1 - alpha**2) ** 0.5, column) * x_T
    return _share(xp.sum(error**2, axis=-1), x)


def slerp(x_T, x_0, start, level):
    """Spherical interpolation [sin(phi_T - phi) x_0 + sin(phi) x_T] / sin(phi_T), tan(phi) = kappa (Eq. 66).

    The rotation that is exact at both ends also where alpha_T > 0; for alpha_T = 0 it is Eq. 7. The two states, and the
    result, are in variance-preserving coordinates; levels of another kind count by their kappa.
    """
    vectors("x_T", x_T), vectors("x_0", x_0), check_level(start, "start"), check_level(level)
    together("x_T, x_0", x_T, x_0)
    require(start.noisy, "start", start, "the turn from x_T needs some noise there; use sigma > 0")
    inside = everywhere(level.sigma * start.alpha <= start.sigma * level.alpha * (1 + 1e-6))  # tables are in float32
    require(inside, "start, level", (start, level), "the turn goes from `start` to less noise")
    (cos, sin), (cos_T, sin_T) = level.vp().on(x_0), start.vp().on(x_0)
    return ((sin_T * cos - cos_T * sin) * x_0 + sin * x_T) / sin_T


def conserved(x, x0_hat, level):
    """(x - alpha x0_hat) / sigma: what stays constant while the endpoint estimate does (Eq. 82)."""
    vectors("x", x), vectors("x0_hat", x0_hat)
    require(check_level(level).noisy, "sigma", level.sigma, "at sigma = 0 there is no noise to keep; use sigma > 0")
    alpha, sigma = level.on(x)
    together("x, x0_hat, level", x, x0_hat, alpha, sigma)
    return (x - alpha * x0_hat) / sigma


def J(lam, level):
    """How far a feature of variance `lam` strays from the rotation: sqrt(v) - alpha sqrt(lam) - sigma <= 0 (Eq. 67)."""
    lam = not_negative("lam", lam, "variances are finite and not negative")
    return check_level(level).variance(lam) ** 0.5 - level.alpha * lam**0.5 - level.sigma


def J_bound(lam, level):
    """The true lower bound of J: -min(sigma, alpha sqrt(lam)), in place of the paper's Eq. 70."""
    lam = not_negative("lam", lam, "variances are finite and not negative")
    check_level(level).variance(lam)  # checks that the two fit
    a, b = level.alpha * lam**0.5, level.sigma
    return -((a + b) - abs(a - b)) / 2  # min(a, b), for numbers and arrays alike


def rotation_bound(lam, D):
    """A bound on the rotation's mean squared error, as a share of D, for alpha_T = 0: tr Sigma (Sigma + I)^-1 / D.

    It takes the place of the paper's Eq. 11. For every single trajectory and time of a Gaussian holds besides that
    |x_t - alpha x_0 - sigma x_T|^2 <= (sqrt(2) - 1)^2 |x_t - alpha mu|^2, 17.2 %.
    """
    real_array("lam", not_negative("lam", lam, "give an array of variances, finite and not negative"), 1)
    require(isinstance(D, Integral) and D >= 1, "D", D, "give the number of dimensions")
    return array_namespace(lam).sum(lam / (1 + lam)) / D


def _dot(a, b):
    xp = array_namespace(a, b)
    return xp.sum(a * b, axis=-1, keepdims=True)


def _unit(a):
    """a / |a|, and 0 for 0: a plane through parallel vectors is a line."""
    norm = _dot(a, a) ** 0.5
    return a / array_namespace(a).where(norm > 0, norm, 1.0)


def boomerang(x):
    """A trajectory in three dimensions, (T, ..., 3): along x_T - x_0, then along the two main axes of what is left.

    The origin is x_0. Signs are chosen so that x_T lies at positive first coordinate and the bulges are positive
    (Chen et al., "On the trajectory regularity of ODE-based diffusion sampling").
    """
    xp = _check_trajectory(x)
    rows = xp.moveaxis(x - x[-1, ...], 0, -2)
    axis = _unit(rows[..., :1, :])
    along = _dot(rows, axis)
    rest = rows - along * axis
    values, scores = _principal(rest)
    across = (scores * values[..., None, :] ** 0.5)[..., :2]
    across = across * xp.where(xp.sum(across, axis=-2, keepdims=True) < 0, -1.0, 1.0)
    return xp.moveaxis(xp.concat([along, across], axis=-1), -2, 0)


def curvature_torsion(r, t):
    """Curvature |r' x r''| / |r'|^3 and torsion (r' x r'').r''' / |r' x r''|^2 of space curves r (T, ..., 3).

    NumPy only, with errors of second order in the steps of the parameter t (T,), which may be any and uneven, up to
    both ends; units 1 / length. A piece that is straight, but for the rounding of r, has no torsion, and one that
    stands still has neither: NaN.
    """
    r, t = vectors("r", np.asarray(r)), float_array("t", t)
    require(
        r.ndim > 1 and r.shape[0] >= 5 and r.shape[-1] == 3,
        "r",
        f"shape {tuple(r.shape)}",
        "need (T, ..., 3) with T >= 5",
    )
    steps = np.diff(t)
    monotone = len(t) == len(r) and (np.all(steps > 0) or np.all(steps < 0))
    require(monotone, "t", f"shape {t.shape}", "give one parameter for each point, which only rises or only falls")
    (d1, d2, d3), (blur1, blur2, _) = _derivatives(r.astype(float), t, float(np.finfo(r.dtype).eps))
    normal = np.cross(d1, d2)
    length, bend, area = (np.linalg.norm(d, axis=-1) for d in (d1, d2, normal))
    still, straight = length <= blur1, area <= length * blur2 + bend * blur1
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature, torsion = area / length**3, (normal * d3).sum(-1) / area**2
    return np.where(still, np.nan, curvature), np.where(still | straight, np.nan, torsion)


def _derivatives(r, t, eps):
    """The first three derivatives of the quartic through each point and its four nearest in order.

    And what the rounding of r, eps |r|, may make of their lengths.
    """
    window = np.clip(np.arange(len(t)) - 2, 0, len(t) - 5)[:, None] + np.arange(5)
    s = t[window] - t[:, None]
    unit = np.abs(s).max(axis=1, keepdims=True)
    inverse = np.linalg.inv((s / unit)[..., None] ** np.arange(5))
    size = np.linalg.norm(r, axis=-1)
    taylor = inverse @ r[window].reshape(len(t), 5, -1)
    blur = 4 * eps * np.abs(inverse) @ size[window].reshape(len(t), 5, -1)
    return tuple(
        tuple((math.factorial(n) * terms[:, n] / unit**n).reshape(like.shape) for n in (1, 2, 3))
        for terms, like in ((taylor, r), (blur, size))
    )
