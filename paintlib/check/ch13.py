"""Checks of chapter 13: answers are held against clouds that are sampled, brute force, and runs on other data."""

from itertools import combinations, pairwise

import numpy as np

from paintlib import data, timetables, transfer
from paintlib.check import Wrong, close, exercise, function, number, numbers
from paintlib.gaussian import Gaussian
from paintlib.levels import CLEAN
from paintlib.samplers import collect, ddim
from paintlib.schedules import EDM


@exercise(
    "13.1",
    "The mean of N draws is itself random. What is its variance along an axis of variance lam_k?",
    "Two such means, from two independent samples: how large is their difference, squared, in the mean?",
    "The variances of independent things add up, also for a difference. Then sum over the axes.",
)
def _floor(answer):
    """Draw many pairs of samples, and measure."""
    f, rng = function(answer), np.random.default_rng(0)
    for lam, N in ((np.array([4.0, 1.0, 0.25]), 8), (np.ones(5), 40)):
        draws = rng.standard_normal((20_000, 2, len(lam))) * (lam / N) ** 0.5  # means of N draws
        measured = np.mean(np.sum((draws[:, 0] - draws[:, 1]) ** 2, axis=1))
        given = number("The floor", f(lam, N))
        if np.isclose(2 * given, measured, rtol=0.03):
            raise Wrong("That is half of it: both means are random, not one alone")
        if not np.isclose(given, measured, rtol=0.03):
            raise Wrong(
                f"For lam = {lam.tolist()} and N = {N}, 20,000 pairs of samples gave {measured:.4f}, you {given:.4f}"
            )


@exercise(
    "13.2",
    "The best way of k moves to level j ends with a move from some i. Where was it one move earlier?",
    "Keep value[j], the least cost of k moves from 0 to j. With one move more: the least of value[i] + costs[i, j].",
    "Remember for each k and j the i that won. At the end walk back from T - 1.",
    own=(timetables.best,),
)
def _cheapest(answer):
    """All grids, one by one."""
    f, rng = function(answer), np.random.default_rng(1)
    for T, moves in ((5, 2), (7, 3), (8, 5), (6, 1)):
        costs = np.triu(rng.random((T, T)), 1)
        costs[np.tril_indices(T)] = np.inf

        def total(grid, costs=costs):
            return sum(costs[i, j] for i, j in pairwise(grid))

        least = min(total((0, *inner, T - 1)) for inner in combinations(range(1, T - 1), moves - 1))
        given = numbers("The grid", f(costs, moves)).ravel()
        grid = np.nan_to_num(given).astype(int)
        sound = len(grid) == moves + 1 and np.all(grid == given) and grid[0] == 0 and grid[-1] == T - 1
        if not (sound and np.all(np.diff(grid) > 0)):
            raise Wrong(
                f"{moves} moves over {T} levels are {moves + 1} rising indices from 0 to {T - 1}; got {given.tolist()}"
            )
        if total(grid) > least + 1e-12:
            greedy = " A list that takes the cheapest next move each time is not the cheapest as a whole." * (moves > 1)
            raise Wrong(f"{grid.tolist()} costs {total(grid):.4f}; there is a way for {least:.4f}.{greedy}".rstrip("."))


@exercise(
    "13.3",
    "A feature knows its noise through kappa / sqrt(lam) alone. What happens to sqrt(lam) when all pixels are doubled?",
    "The quarter turn of every feature must look as before: the same angles at the same moves.",
    "theta = arctan(sqrt(lam) / kappa). If sqrt(lam) is multiplied by s, what keeps theta?",
)
def _rescaled(answer):
    """Run DDIM on the features of pictures of another contrast."""
    f, lam = function(answer), np.array([40.0, 3.0, 0.2])
    for s in (2.0, 0.5, 3.0):
        kappas = [80.0, 9.0, 2.0, 0.3, 0.0]
        given = numbers("The list", f(kappas, s)).ravel()
        if given.shape != (5,) or given[-1] != 0 or np.any(np.diff(given) >= 0):
            raise Wrong("The list should have as many levels as before, falling to 0")
        wanted = _share(kappas, lam)
        made = _share(given, s**2 * lam)
        if np.allclose(given, np.array(kappas) * s**2, rtol=1e-4):
            raise Wrong("Variances grow by s^2, but kappa is a ratio of standard deviations")
        close(f"The share of each feature that DDIM keeps, at contrast {s:g},", made, wanted, rtol=1e-6)


def _share(kappas, lam):
    """What DDIM keeps of features, run."""
    features, first = Gaussian(np.zeros(len(lam)), np.eye(len(lam)), lam), float(kappas[0])
    x = (first**2 + lam) ** 0.5
    return collect(ddim(features, x, EDM(0.0, max(first, 1.0)), kappas)).x[-1] / CLEAN.variance(lam) ** 0.5


@exercise(
    "13.4",
    "Look at the grey columns. A high column next to a low one asks for the dot between them to move.",
    "Which of the levels turns almost nothing? It would be of more use elsewhere.",
    "Karras' list has two levels below 0.3. The best list has none there, and one more between 80 and 3.",
)
def _by_hand(answer):
    """DDIM's closed form on the spectrum of the photographs."""
    kappas = numbers("Your list", answer).ravel()
    if kappas.shape != (7,) or kappas[-1] != 0 or np.any(np.diff(kappas) >= 0) or abs(kappas[0] - 80) > 1e-6:
        raise Wrong("Six moves are seven levels that fall from 80 to 0: give them as the sentence lists them")
    missed = timetables.missed(data.gaussian("cifar10").lam, kappas, transfer.ddim)
    if missed > 0.06:
        raise Wrong(f"That list misses {missed:.2%} of the variance; wanted: 6 % or less")
