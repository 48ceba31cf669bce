"""Chapter 03."""

import numpy as np


def by_tangent(lam, kappa):
    return np.tan(np.arctan2(np.sqrt(lam), kappa) / 2)


def by_roots(lam, kappa):
    return np.sqrt(1 + kappa**2 / lam) - kappa / np.sqrt(lam)


def by_strips(x_T, x0_hat, alpha, sigma):
    strips = np.diff(alpha / sigma)[:, None] * x0_hat[:-1]
    return sigma[:, None] * (x_T / sigma[0] + np.vstack([0 * x_T, np.cumsum(strips, axis=0)]))


def by_steps(x_T, x0_hat, alpha, sigma):
    path = [x_T]
    for n in range(len(alpha) - 1):
        eps = (path[-1] - alpha[n] * x0_hat[n]) / sigma[n]
        path.append(alpha[n + 1] * x0_hat[n] + sigma[n + 1] * eps)
    return path


def late(x_T, x0_hat, alpha, sigma):
    """Each estimate held to the time before, not to the next."""
    return by_strips(x_T, np.vstack([x0_hat[1:], x0_hat[-1:]]), alpha, sigma)


RIGHT = [
    ("03.1", by_tangent),
    ("03.1", by_roots),
    ("03.2", by_strips),
    ("03.2", by_steps),
    ("03.3", lambda n: (1 / np.cos(np.pi / (4 * n)) - 1) ** 2),
    ("03.4", 1.6),
    ("03.4", 1.55),
]
WRONG = [
    ("03.1", lambda lam, kappa: np.sqrt(lam / (kappa**2 + lam)), "share in the endpoint estimate"),
    ("03.1", lambda lam, kappa: np.sqrt(kappa**2 + lam) - kappa, "off by"),
    ("03.2", late, "off by"),
    ("03.2", lambda x_T, x0_hat, alpha, sigma: by_strips(x_T, x0_hat, alpha, sigma) / sigma[:, None], "multiply by"),
    ("03.2", lambda x_T, x0_hat, alpha, sigma: by_strips(x_T, x0_hat, alpha, sigma)[1:], "shape"),
    ("03.3", lambda n: 1 / np.cos(np.pi / (4 * n)) - 1, "square it"),
    ("03.3", lambda n: (2**0.5 - 1) ** 2 / n**2, "off by"),
    ("03.4", 1.5, "steepness 1.5"),  # 5.6 %, one step of the slider too early
    ("03.4", 2.0, "steepness 2"),
    ("03.4", 5, "0 to 3"),
    ("03.4", "steep", "numbers"),
]
