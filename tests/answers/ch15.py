"""Chapter 15."""

import numpy as np
from sklearn.decomposition import PCA

from paintlib import geometry, perturb


def advantage(lam, D, level):
    left = lam / (level.sigma**2 + lam * level.alpha**2)
    return np.sqrt(left[0] * D / left.sum())


def axes(x, k):
    return PCA(k).fit(x).components_


def own_share(change, u):
    """What is left after the part across the push is taken off."""
    unit = u / np.linalg.norm(u, axis=-1, keepdims=True)
    across = change - np.einsum("bi,bi,bj->bj", change, unit, unit)
    return 1 - (across**2).sum(-1) / (change**2).sum(-1)


RIGHT = [
    ("15.1", advantage),
    ("15.2", axes),
    ("15.3", own_share),
]
WRONG = [
    ("15.1", lambda lam, D, level: advantage(lam, len(lam), level), "within the manifold"),
    ("15.1", lambda lam, D, level: advantage(lam, D, level) ** 2, "ratio of squares"),
    ("15.1", lambda lam, D, level: np.sqrt(D * lam[0] / lam.sum()), "off by"),  # at the start alone
    ("15.1", lambda lam, D, level: perturb.gain(lam[0], level)
     / np.sqrt(perturb.isotropic_gain(lam, level) / D), "Write that part yourself"),
    ("15.2", lambda x, k: np.linalg.svd(x)[2][:k], "take the mean off"),
    ("15.2", lambda x, k: axes(x, k).T, "yours are columns"),
    ("15.2", lambda x, k: 2 * axes(x, k), "length of an axis"),
    ("15.2", lambda x, k: np.linalg.eigh(np.cov(x, rowvar=False))[1].T[:k], "cosine"),  # the smallest ones
    ("15.2", lambda x, k: geometry.principal_axes(x, k)[0], "Write that part yourself"),
    ("15.3", lambda e, u: own_share(e, u) ** 0.5, "cosine"),
    ("15.3", lambda e, u: own_share(e, u) * (u**2).sum(-1), "other lengths"),
    ("15.3", lambda e, u: 1 - own_share(e, u), "off by"),
    ("15.3", lambda e, u: own_share(e, u).mean(), "should have shape"),
    ("15.3", lambda e, u: None, "nothing yet"),
]  # fmt: skip
