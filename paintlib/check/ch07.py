"""Chapter 07, point clouds: checks by integrating the flow, by Bayes' rule point by point, by slopes and by dice."""

from itertools import pairwise

import numpy as np

from paintlib.check import Wrong, close, exercise, function, numbers, parts
from paintlib.grids import log_snr
from paintlib.levels import Level
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect, rk4
from paintlib.schedules import EDM


@exercise(
    "07.1",
    "On a line, paths of the flow never cross. So what lies to the left of a path stays to its left.",
    "The probability to the left of a path is therefore the same at every noise level. What is it at the end, "
    "just right of the j-th point?",
    "At the end it is j / N. At noise level kappa every point has become a normal distribution of width kappa: what "
    "is the probability to the left of x then? scipy.optimize.brentq finds the x.",
)
def _basin_edges(basin_edges):
    """Start the flow on both sides of each edge, and see which point it finds."""
    rng = np.random.default_rng(71)
    for points, kappa in ((np.array([-1.0, 0.0, 2.5]), 3.0), (np.sort(rng.uniform(-2, 2, 5)), 6.0)):
        edges = numbers("The edges", function(basin_edges)(points, kappa))
        close("The array of edges", np.zeros_like(edges), np.zeros(len(points) - 1))
        edges = edges.reshape(len(points) - 1)
        if not all(left < right for left, right in pairwise(edges)):
            raise Wrong(f"The edges should increase; got {edges}")
        for side, found in ((-1, np.arange(len(edges))), (1, np.arange(1, len(points)))):
            ends = _find(points, edges + side * 1e-3 * kappa, kappa)
            missed = np.flatnonzero(ends != found)
            if len(missed):
                j, place = missed[0], ("left", "right")[side > 0]
                raise Wrong(
                    f"With points {np.round(points, 2)} and kappa = {kappa}, a flow that starts just {place} of your "
                    f"edge {edges[j]:.4g} ends on points[{ends[j]}], not on points[{found[j]}]"
                )


def _find(points, x, kappa):
    """The index of the point on which the flow from each x (B,) at level `kappa` ends."""
    schedule = EDM(1e-2, kappa)
    steps = rk4(PointCloud(points[:, None]), x[:, None], schedule, log_snr(schedule, 200))
    return np.argmin(np.abs(collect(steps).x0_hat[-1] - points), axis=1)


@exercise(
    "07.2",
    "Multiply out |x - alpha y_i|^2. Which of the three terms may you drop inside a softmax?",
    "What is left is linear in x, plus a term in |y_i|^2. Let the query end with a number that multiplies that term.",
)
def _query_and_keys(query_and_keys):
    """The weights from the definition, by Bayes' rule; and a query that knows no points, keys that know no state."""
    rng = np.random.default_rng(72)
    points, x, level = rng.standard_normal((7, 5)), rng.standard_normal(5), Level(0.6, 0.9)

    def pair(points, x):
        query, keys = parts(function(query_and_keys)(points, x, level), 2)
        keys = numbers("The keys", keys)
        return numbers("The query", query).ravel(), keys.squeeze(0) if keys.ndim == 3 and len(keys) == 1 else keys

    query, keys = pair(points, x)
    logits = keys @ query if keys.ndim == 2 and query.shape == keys.shape[1:] else None
    if logits is None or logits.shape != (7,):
        raise Wrong(f"keys @ query should have shape (7,); got keys {keys.shape} and query {query.shape}")
    likelihood = np.array([np.exp(-np.sum((x - level.alpha * y) ** 2) / (2 * level.sigma**2)) for y in points])
    share = np.exp(logits - logits.max())
    close("softmax(keys @ query)", share / share.sum(), likelihood / likelihood.sum())
    close("The keys, with another x,", pair(points, x + 1)[1], keys)
    close("The query, with other points,", pair(points[::-1] + 1, x)[0], query)


@exercise(
    "07.3",
    "The step ends on the weighted mean of the points. Which quantity of this chapter is that, for alpha = 1?",
    "Eq. 16 relates the endpoint estimate to the score. Put alpha = 1 and sigma = kappa in.",
)
def _step_factor(step_factor):
    """The step by Bayes' rule, over the gradient by central differences of the summed kernels."""
    rng = np.random.default_rng(73)
    points, h = rng.standard_normal((6, 3)), 1e-5
    for kappa in (0.7, 2.0, 5.0):
        x = rng.standard_normal(3)

        def kernels(x, kappa=kappa):
            return np.array([np.exp(-np.sum((x - y) ** 2) / (2 * kappa**2)) for y in points])

        slope = [np.log(kernels(x + e).sum() / kernels(x - e).sum()) / (2 * h) for e in h * np.eye(3)]
        step = kernels(x) @ points / kernels(x).sum() - x
        wanted = np.linalg.norm(step) / np.linalg.norm(slope)
        close(f"The factor at kappa = {kappa}", function(step_factor)(kappa), wanted)


@exercise(
    "07.4",
    "y_1 has the larger vote where log(w_1 / w_2) > 0. Write the state out and multiply the two squared distances out.",
    "z stands in one term only, and v . z is normal with standard deviation |v|. Which mean and which standard "
    "deviation has log(w_1 / w_2)?",
)
def _right_wins(right_wins):
    """Throw 20,000 noises and count: the error is then at most 0.4 %."""
    rng = np.random.default_rng(74)
    f = function(right_wins)
    for level, apart in ((Level(0.1, 0.995), 0.5), (Level(0.5, 2.0), 1.5), (Level.from_kappa(1.0), 1.0)):
        pair = apart * rng.standard_normal((2, 4))
        w = PointCloud(pair).weights(level.alpha * pair[0] + level.sigma * rng.standard_normal((20_000, 4)), level)
        close(f"The probability at {level}", f(*pair, level), np.mean(w[:, 0] > 0.5), rtol=0, atol=0.015)


@exercise(
    "07.5",
    "Squared distances add up over pixels. How often is each difference counted now?",
    "Squared distance over temperature is about D / 2 at the start. What happens to D?",
)
def _growth(growth):
    """Measure both on pictures of 4 x 4 pixels and on the same ones with larger pixels."""
    rng = np.random.default_rng(75)
    small, level = rng.uniform(-1, 1, (12, 4, 4)), Level.from_kappa(60.0)
    for times in (2, 3, 4):
        spread, ratio = [], []
        for pictures in (small, small.repeat(times, 1).repeat(times, 2)):
            y = pictures.reshape(len(pictures), -1)
            z = level.sigma * rng.standard_normal((20_000, y.shape[1]))
            w = PointCloud(y[:2]).weights(z, level)
            spread.append(np.std(np.log(w[:, 0] / w[:, 1])))
            ratio.append(np.mean((z[:2000, None] - y) ** 2) * y.shape[1] / (2 * level.kappa**2))
        wanted = spread[1] / spread[0], ratio[1] / ratio[0]
        for what, given, measured in zip(("first", "second"), parts(function(growth)(times), 2), wanted, strict=True):
            close(f"The {what} factor for times = {times}", given, measured, rtol=0.06)
