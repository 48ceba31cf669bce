"""Chapter 17."""

import numpy as np
from scipy.special import softmax


def row_cut_down(Sigma, p, seen, kappa):
    return (Sigma @ np.linalg.inv(Sigma + kappa**2 * np.eye(len(Sigma))))[p][seen]


def plain_average(a, b):
    return max(a[0], b[0]), a[1] + b[1], (a[2] + b[2]) / 2


def without_a_common_top(a, b):
    weights = [block[1] * np.exp(block[0]) for block in (a, b)]
    return 0.0, sum(weights), (weights[0] * a[2] + weights[1] * b[2]) / sum(weights)


def row_by_inverse(Sigma, p, seen, kappa):
    return Sigma[p, seen] @ np.linalg.inv(Sigma[seen][:, seen] + kappa**2 * np.eye(len(seen)))


def merged(a, b):
    """By logarithms of the two weights."""
    logs = np.array([top + np.log(weight) for top, weight, _ in (a, b)])
    return logs.max(), np.exp(logs - logs.max()).sum(), softmax(logs) @ np.stack([a[2], b[2]])


RIGHT = [("17.1", row_by_inverse), ("17.2", merged)]
WRONG = [
    ("17.1", row_cut_down, "cut down"),
    ("17.2", plain_average, "plain average"),
    ("17.2", without_a_common_top, "finite"),
]
