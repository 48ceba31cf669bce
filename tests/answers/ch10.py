"""Chapter 10."""

import numpy as np


def common(x_raw, kappas):
    return x_raw / np.hypot(1, kappas)[:, None, None]


def worst(lam):
    return np.cos(np.arctan(np.sqrt(lam)))


def turn_share(angle):
    """By the two variances as integrals over the arc, with Simpson's rule."""
    u = np.linspace(-angle / 2, angle / 2, 4001)
    weights = np.ones(4001)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    arc = np.stack([np.sin(u), np.cos(u)])
    variances = np.average(arc**2, axis=1, weights=weights) - np.average(arc, axis=1, weights=weights) ** 2
    return max(variances) / sum(variances)


def bend(lam, kappa_T):
    m = np.tan(np.arctan(kappa_T / np.sqrt(lam)) / 2)
    return np.sqrt(lam) * m / np.sqrt(1 - m**2)


def kept(x):
    """By the eigenvalues of the covariance (D, D) of each seed's states."""
    values = np.stack([np.linalg.eigvalsh(np.cov(x[:, b].T)) for b in range(x.shape[1])])
    return values[:, -2:].sum(1) / values.sum(1)


RIGHT = [
    ("10.1", common),
    ("10.2", worst),
    ("10.3", turn_share),
    ("10.4", bend),
    ("10.5", kept),
]
WRONG = [
    ("10.5", lambda x: kept(x - x[-1]) ** 2, "off by"),
    ("10.5", lambda x: np.ones(x.shape[1]), "off by"),
    ("10.5", lambda x: kept(np.concatenate([x, -x])), "off by"),  # the mean left in
    ("10.1", lambda x, kappas: x, "off by"),
    ("10.1", lambda x, kappas: x / kappas[:, None, None].clip(1), "off by"),
    ("10.1", lambda x, kappas: x[0], "shape"),
    ("10.2", lambda lam: 1 / (4 * lam) ** (1 / 6), "off by"),  # the place of the largest absolute error
    ("10.2", lambda lam: 0.5**0.5, "off by"),
    ("10.2", worst(2.0), "function itself"),
    ("10.3", lambda angle: 1.0, "off by"),
    ("10.3", lambda angle: (1 + np.sin(angle) / angle) / 2, "off by"),  # not centred
    ("10.4", lambda lam, kappa_T: np.sqrt(lam), "off by"),  # the place of the emergence
    ("10.4", lambda lam, kappa_T: None, "nothing yet"),
]
