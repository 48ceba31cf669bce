"""Timetables for one's own model: the grids on which straight steps cut the least corner, by dynamic programming.

    run = collect(rk4(painter, noise, EDM(), grids.karras(EDM(), 60)))     a fine run of a few pictures, once
    table = best(step_costs(run), most=10)                                 the best grids of 1 to 10 moves, in one pass
    kappas = run.level.kappa[table[6]]                                     the seven levels of six moves

A step from level i to level j along the slope at i misses the state that the fine run has there. The sum of what the
steps of a grid miss is made as small as it can be (Chen, Zhou, Wang, Shen, Lyu, 2024: on the trajectory regularity of
ODE-based diffusion sampling).
"""

import json
import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from array_api_compat import array_namespace

from paintlib.checks import as_numpy, require, whole

# Chen and others (2024), for EDM's network of CIFAR-10 at six evaluations: sigma of each state.
GITS_CIFAR10 = (80.0, 10.9836, 3.8811, 1.584, 0.5666, 0.1698, 0.002)


def step_costs(run):
    """What one Euler step from each level of a fine run to each later one misses: a NumPy array (T, T).

    cost[i, j] = mean over pictures of |x_i + (kappa_j - kappa_i) e_i - x_j| for j > i, with x in units of alpha and the
    slope e = (x - x0_hat) / kappa; infinite elsewhere. `run` is a `Trajectory` (T, B, D) that ends at kappa = 0 or
    short of it. No B x T x T x D array is made: the squares come from products of states with states and slopes,
    about the straight line of the first slope, on which no digits are lost where noise is large.
    """
    x = run.scaled()
    require(x.ndim == 3, "run", f"states of shape {tuple(x.shape)}", "give the fine run of a batch, (T, B, D)")
    kappa = as_numpy(run.level.kappa)
    require(len(kappa) > 1, "run", f"{len(kappa)} state", "a step needs two")
    finite = bool(np.all(np.isfinite(kappa)))
    require(finite, "run", "a level with alpha = 0", "x / alpha needs some signal; start a little later")
    require(bool(np.all(np.diff(kappa) < 0)), "run", "levels that do not fall", "noise must fall from step to step")
    xp = array_namespace(x)
    fall = xp.asarray(kappa, dtype=x.dtype, device=x.device)
    slope = (x[:-1, ...] - run.x0_hat[:-1, ...]) / fall[:-1, None, None]
    line = slope[0, ...]
    y = xp.permute_dims(x - fall[:, None, None] * line, (1, 0, 2))  # (B, T, D)
    e = xp.permute_dims(slope - line, (1, 0, 2))  # (B, T - 1, D)
    yy, ey = y @ xp.matrix_transpose(y), e @ xp.matrix_transpose(y)
    length, own = xp.linalg.diagonal(yy), xp.linalg.diagonal(ey)
    apart = length[:, :-1, None] + length[:, None, :] - 2 * yy[:, :-1, :]
    h = fall[None, :] - fall[:-1, None]
    square = apart + 2 * h * (own[:, :, None] - ey) + h**2 * xp.sum(e**2, axis=-1)[:, :, None]
    missed = as_numpy(xp.mean(xp.where(square > 0, square, 0.0) ** 0.5, axis=0))
    costs = np.full((len(kappa), len(kappa)), np.inf)
    later = np.triu_indices(len(kappa), 1)
    costs[later] = missed[later]
    return costs


def best(costs, most):
    """The cheapest grids from the first level to the last, of 1 to `most` moves: a dictionary from moves to indices.

    The dynamic programme V_k(j) = min_i [V_(k-1)(i) + cost(i, j)]: every budget from one pass, and exact. Each entry is
    an integer array of k + 1 indices, from 0 to T - 1. costs (T, T); only j > i is read.
    """
    costs = np.asarray(costs, dtype=float)
    square = costs.ndim == 2 and costs.shape[0] == costs.shape[1] and len(costs) > 1
    require(square, "costs", f"shape {costs.shape}", "give a square matrix, two levels or more")
    T = len(costs)
    later = costs[np.triu_indices(T, 1)]
    require(not np.isnan(later).any(), "costs", "NaN", "mend the run they come from: some state of it is NaN")
    require(bool(np.all(later >= 0)), "costs", "a negative cost", "costs are distances")
    remedy = f"{T} levels allow from 1 to {T - 1} moves; run the fine run on more"
    whole("most", most, 1, remedy)
    require(most <= T - 1, "most", most, remedy)
    forward = np.where(np.tri(T, k=-1, dtype=bool), costs.T, np.inf)  # [j, i], so that the i stand side by side
    value, came, tables = forward[:, 0], [], {1: np.array([0, T - 1])}
    for moves in range(2, most + 1):
        through = forward + value
        came.append(np.argmin(through, axis=1))
        value = through[np.arange(T), came[-1]]
        at = [T - 1]
        for back in reversed(came):
            at.append(int(back[at[-1]]))
        possible = math.isfinite(value[-1])
        require(possible, "costs", f"no way of {moves} moves with a finite cost", "mend the costs, or ask for fewer")
        tables[moves] = np.array([0, *reversed(at)])
    return tables


@dataclass(frozen=True)
class Timetable:
    """The levels that a sampler of one model should visit, as a file that can be kept beside it.

    `kappas` fall from noise to image, sigma / alpha of each state; the last may be 0. `model` and `how` say in words
    what they are for and where they come from.
    """

    model: str
    how: str
    kappas: tuple[float, ...]

    def __post_init__(self):
        kappas = tuple(float(k) for k in self.kappas)
        fall = len(kappas) > 1 and all(a > b for a, b in pairwise(kappas))
        sound = fall and kappas[-1] >= 0 and math.isfinite(kappas[0])
        require(sound, "kappas", kappas, "give two or more finite levels that fall, none below zero")
        object.__setattr__(self, "kappas", kappas)

    @property
    def moves(self):
        """How many steps it takes."""
        return len(self.kappas) - 1

    def times(self, schedule):
        """The grid of a schedule that visits these levels, for the samplers of this package."""
        return np.array([schedule.time(kappa) for kappa in self.kappas])

    def save(self, file):
        """Write it as JSON, numbers to the last digit."""
        Path(file).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, file):
        """Read what `save` wrote; anything else is refused."""
        try:
            found = json.loads(Path(file).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{file}: not a timetable ({error}); save one with Timetable.save") from None
        fields = set(cls.__dataclass_fields__)
        right = isinstance(found, dict) and set(found) == fields
        have = sorted(found) if isinstance(found, dict) else type(found).__name__
        require(right, str(file), have, f"a timetable has {sorted(fields)}; save one with Timetable.save")
        return cls(**found)
