"""Chapter 13."""

from itertools import combinations, pairwise

import numpy as np

from paintlib import data
from paintlib.timetables import best, placed


def cheapest(costs, moves):
    T = len(costs)
    ways = ((0, *inner, T - 1) for inner in combinations(range(1, T - 1), moves - 1))
    return min(ways, key=lambda grid: sum(costs[i][j] for i, j in pairwise(grid)))


def greedy(costs, moves):
    grid, T = [0], len(costs)
    for left in range(moves - 1, 0, -1):
        ahead = range(grid[-1] + 1, T - left)
        grid.append(min(ahead, key=lambda j: costs[grid[-1]][j]))
    return [*grid, T - 1]


RIGHT = [
    ("13.1", lambda lam, N: 2 * np.sum(lam) / N),
    ("13.1", lambda lam, N: np.array([2 * np.sum(lam) / N])),
    ("13.2", cheapest),
    ("13.2", lambda costs, moves: np.array(cheapest(costs, moves), dtype=float)),
    ("13.3", lambda kappas, s: [s * k for k in kappas]),
    ("13.3", lambda kappas, s: s * np.array(kappas)),
    ("13.4", tuple(placed(data.gaussian("cifar10").lam, 6).round(2))),
]
WRONG = [
    ("13.1", lambda lam, N: np.sum(lam) / N, "half of it"),
    ("13.1", lambda lam, N: 2 * np.sum(lam) / N**0.5, "pairs of samples gave"),
    ("13.2", greedy, "there is a way for"),
    ("13.2", lambda costs, moves: list(range(moves + 1)), "rising indices"),
    ("13.2", lambda costs, moves: best(costs, moves)[moves], "found them for you"),
    ("13.3", lambda kappas, s: [s * s * k for k in kappas], "standard deviations"),
    ("13.3", lambda kappas, s: kappas, "off by"),
    ("13.4", (80, 18, 4.2, 1.0, 0.22, 0.05, 0), "misses"),
    ("13.4", (80, 18, 4.2, 0), "seven levels"),
]
