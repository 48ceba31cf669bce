"""Checks of chapter 17: least squares without a covariance, and one softmax over all blocks at once."""

import numpy as np
from scipy.special import softmax

from paintlib.check import Wrong, close, exercise, function, numbers, parts


@exercise(
    "17.1",
    "Write out the mean of (x_0(p) - a . x_S)^2. Which covariances of x_0(p) and of the pixels x_S come in?",
    "The covariance of x_S is Sigma_SS + kappa^2 I, that of x_S with x_0(p) is Sigma_Sp. Set the gradient to zero.",
)
def best_row(answer):
    f, rng = function(answer), np.random.default_rng(0)
    L = rng.standard_normal((6, 6))  # x_0 = L g with g standard normal
    for p, seen in ((0, [0, 1, 2]), (3, [5, 3, 1]), (2, [0, 4]), (1, [0, 1, 2, 3, 4, 5])):
        for kappa in (0.3, 2.0):
            # x_S - a . x_S has g's part L_p - L_S^T a and z's part kappa a: both as short as can be
            stacked = np.vstack([L[seen].T, kappa * np.eye(len(seen))])
            wanted = np.linalg.lstsq(stacked, np.append(L[p], np.zeros(len(seen))), rcond=None)[0]
            given, whole = numbers("The weights", f(L @ L.T, p, seen, kappa)), L @ L.T
            cut = np.linalg.solve(whole + kappa**2 * np.eye(6), whole[:, p])[seen]
            if len(seen) < 6 and given.shape == cut.shape and np.allclose(given, cut):
                raise Wrong("That is the row of the full matrix, cut down: first cut Sigma, then invert")
            close(f"The weights at pixel {p} with {seen} seen", given, wanted)


@exercise(
    "17.2",
    "A weight is counted in units of e^top. Bring both weights to one unit, that of the larger top.",
    "A block that changes its unit multiplies its weight: by which factor, that can never overflow? Then count the "
    "means by the weights.",
)
def merge(answer):
    f, rng = function(answer), np.random.default_rng(1)
    for shift, offset in ((0.0, 0.0), (1.5, -1e5), (-800.0, -1e5), (3.0, 2e3)):
        logs = [offset + rng.standard_normal(5), offset + shift + rng.standard_normal(3)]
        answers = [rng.standard_normal((5, 2)), rng.standard_normal((3, 2))]
        a, b = ((v.max(), np.exp(v - v.max()).sum(), softmax(v) @ y) for v, y in zip(logs, answers, strict=True))
        top, weight, mean = (
            numbers(f"The {n}", v) for n, v in zip(("top", "weight", "mean"), parts(f(a, b), 3), strict=True)
        )
        every = np.concatenate(logs)
        wanted = softmax(every) @ np.concatenate(answers)
        plain = (a[2] + b[2]) / 2
        if mean.shape == plain.shape and np.allclose(mean, plain):
            raise Wrong("That is the plain average of the two means; the block with the heavier votes counts for more")
        close("The mean", mean, wanted)
        close(
            "The weight in units of e^top",
            np.log(weight) + top,
            np.log(np.exp(every - every.max()).sum()) + every.max(),
        )
