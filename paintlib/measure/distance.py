"""The Fréchet distance of Gaussians, and FID, which is that of two sets of features (Eq. 19)."""

import numpy as np
from array_api_compat import array_namespace

from paintlib.checks import as_numpy, library, real_array, require, vectors
from paintlib.gaussian import Gaussian

EPS32 = 2.0**-23


def frechet_gaussians(a, b):
    """The squared Fréchet (2-Wasserstein) distance of two `Gaussian`s of any ranks; no D x D matrix is formed.

    d = |mu_1 - mu_2|^2 + tr[S_1 + S_2 - 2 (S_1^(1/2) S_2 S_1^(1/2))^(1/2)], Eq. (19). With factors S = F F^T, here
    F = U lam^(1/2), the last trace is the sum of the singular values of F_1^T F_2: the two have the same squares.
    So nothing is inverted. Of equal Gaussians it is zero up to rounding, which may be on the negative side. Isotropic
    rests meet in every direction that neither has axes in; the others are few.
    """
    for gaussian in (a, b):
        require(isinstance(gaussian, Gaussian), "a, b", type(gaussian).__name__, "give two Gaussians")
    require(a.D == b.D, "D", f"{a.D} and {b.D}", "both Gaussians need the same number of dimensions")
    mu1, U1, lam1, mu2, U2, lam2 = _alike("the Gaussians", a.mu, a.U, a.lam, b.mu, b.U, b.lam)
    xp = array_namespace(mu1)
    if a.rest or b.rest:
        return float(xp.sum((mu1 - mu2) ** 2)) + _with_rests(U1, lam1, a.rest, U2, lam2, b.rest)
    overlap = lam1[:, None] ** 0.5 * (U1.T @ U2) * lam2[None, :] ** 0.5
    means = xp.sum((mu1 - mu2) ** 2)
    return float(means + xp.sum(lam1) + xp.sum(lam2) - 2 * xp.sum(xp.linalg.svdvals(overlap)))


def _with_rests(U1, lam1, rest1, U2, lam2, rest2):
    """The part of the covariances U lam U^T + rest (I - U U^T): within the span of all axes, and outside of it."""
    xp = array_namespace(U1)
    Q = xp.linalg.qr(xp.concat([U1, U2], axis=1), mode="reduced")[0]
    within = []
    for U, lam, rest in ((U1, lam1, rest1), (U2, lam2, rest2)):
        A = Q.T @ U
        within.append(rest * xp.eye(Q.shape[1], dtype=Q.dtype, device=Q.device) + (A * (lam - rest)) @ A.T)
    zero = xp.zeros(Q.shape[1], dtype=Q.dtype, device=Q.device)
    outside = Q.shape[0] - Q.shape[1]
    return frechet(zero, within[0], zero, within[1]) + outside * (rest1**0.5 - rest2**0.5) ** 2


def frechet(mean1, cov1, mean2, cov2):
    """The squared Fréchet distance of N(mean1, cov1) and N(mean2, cov2), singular or not (Eq. 19).

    Means (D,), covariances (D, D), of one library; `frechet_gaussians` has the formula. Moments that were kept in
    float32, as statistics files are, may have variances that its rounding made negative: those count as zero, up to
    D times the rounding of the largest entry.
    """
    return frechet_gaussians(_gaussian(mean1, cov1, "mean1, cov1"), _gaussian(mean2, cov2, "mean2, cov2"))


def _gaussian(mean, cov, names):
    """N(mean, cov) on its principal axes; variances under the rounding error of the largest count as zero."""
    vectors(names, real_array(names, mean, 1))
    vectors(names, real_array(names, cov, 2))
    mean, cov = _alike(names, mean, cov)
    D = mean.shape[0]
    require(tuple(cov.shape) == (D, D), names, f"shapes {(D,)}, {tuple(cov.shape)}", "need (D,) and (D, D)")
    xp = array_namespace(mean, cov)
    lam, U = xp.linalg.eigh((cov + cov.T) / 2)
    largest = float(xp.max(xp.abs(cov)))
    tiny = 10 * D * float(xp.finfo(lam.dtype).eps) * largest
    kept = max(tiny, D * EPS32 * largest)
    asymmetry = float(xp.max(xp.abs(cov - cov.T)))
    require(asymmetry <= kept, names, f"a covariance off symmetric by {asymmetry:.2g}", "give (cov + cov.T) / 2")
    require(float(lam[0]) >= -kept, names, f"a variance of {float(lam[0]):.2g}", "no variance is negative")
    return Gaussian(mean, U, xp.where(lam > tiny, lam, 0.0))


def _alike(names, *arrays):
    """Arrays of one library in the widest of their dtypes, float32 at least: libraries have no axes in half of it."""
    one = len({library(names, array) for array in arrays}) == 1
    require(one, names, sorted({type(array).__name__ for array in arrays}), "give arrays of one library")
    xp = array_namespace(*arrays)
    dtype = xp.result_type(*arrays, xp.float32)
    return [xp.astype(array, dtype) for array in arrays]


def fid(features_a, features_b):
    """FID: the squared Fréchet distance of Gaussians fitted to the features (N, 2048) of two sets of images (Eq. 19).

    Covariances have the normaliser 1 / (N - 1), as in the code that published values come from. FID depends on N and
    falls as N grows: name it beside the value, and compare at the same N (50,000 in the paper, App. F).
    CIFAR-10's training set against its test set gives 3.15.
    """
    return frechet_gaussians(fitted(features_a, "features_a"), fitted(features_b, "features_b"))


def fitted(features, name="features"):
    """The Gaussian of features (N, F), with the normaliser 1 / (N - 1): kept, it need not be fitted again for each FID.

    Fewer images than features go through their N x N products, so a small sample is quick.
    """
    vectors(name, real_array(name, features, 2))
    N = len(features)
    require(N > 1, name, f"{N} image", "a covariance needs two images or more")
    found = Gaussian.fit(as_numpy(features).astype(np.float64))
    return Gaussian._of(found.mu, found.U, found.lam * (N / (N - 1)))
