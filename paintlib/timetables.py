"""Timetables for one's own model: the grids on which straight steps cut the least corner, by dynamic programming.

    run = collect(rk4(painter, noise, EDM(), grids.karras(EDM(), 60)))     a fine run of a few pictures, once
    table = best(step_costs(run), most=10)                                 the best grids of 1 to 10 moves, in one pass
    kappas = run.level.kappa[table[6]]                                     the seven levels of six moves
    placed(lam, 6, transfer.multistep)                                     from theory alone, without a network

A step from level i to level j along the slope at i misses the state that the fine run has there. The sum of what the
steps of a grid miss is made as small as it can be (Chen, Zhou, Wang, Shen, Lyu, 2024: on the trajectory regularity of
ODE-based diffusion sampling). A miss early on is not what is left of it at the end: `step_costs(run, gaussian)` counts
each where it counts, in the picture.
"""

import json
import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from array_api_compat import array_namespace

from paintlib import grids, transfer
from paintlib.checks import as_numpy, float_array, positive, require, same_kind, variances, whole, within
from paintlib.gaussian import Gaussian
from paintlib.levels import CLEAN
from paintlib.samplers import Trajectory
from paintlib.schedules import EDM, check_schedule


def step_costs(run, gaussian=None):
    """What one Euler step from each level of a fine run to each later one misses: a NumPy array (T, T).

    cost[i, j] = mean over pictures of |x_i + (kappa_j - kappa_i) e_i - x_j| for j > i, with x in units of alpha and the
    slope e = (x - x0_hat) / kappa; infinite elsewhere. `run` is a `Trajectory` (T, B, D) that ends at kappa = 0 or
    short of it. No B x T x T x D array is made: the squares come from products of states with states and slopes,
    about the straight line of the first slope, on which no digits are lost where noise is large.

    With a `Gaussian`, of the run's library, a miss counts as what its flow would make of it in the picture: along axis
    k it is multiplied by sqrt(lam_k / (kappa_j^2 + lam_k)), and off the axes by 0 (Eq. 14).
    """
    x = _states(run, gaussian)
    kappa = as_numpy(run.level.kappa)
    require(len(kappa) > 1, "run", f"{len(kappa)} state", "a step needs two")
    finite = bool(np.all(np.isfinite(kappa)))
    require(finite, "run", "a level with alpha = 0", "x / alpha needs some signal; start a little later")
    require(bool(np.all(np.diff(kappa) < 0)), "run", "levels that do not fall", "noise must fall from step to step")
    xp = array_namespace(x)
    fall, alpha = (xp.asarray(v, dtype=x.dtype, device=x.device) for v in (kappa, as_numpy(run.level.alpha)))
    total = 0.0
    for b in range(x.shape[1]):  # picture by picture, so that what is made of one stays in the cache
        y, x0_hat = x[:, b, :] / alpha[:, None], run.x0_hat[:-1, b, :]
        y = y - fall[:, None] * ((y[0, :] - x0_hat[0, :]) / fall[0])  # about the straight line of the first slope
        step = y[:-1, :] - x0_hat  # kappa times the slope that is left
        if gaussian is not None:
            total = total + _carried(y @ gaussian.U, step @ gaussian.U / fall[:-1, None], fall, gaussian)
        else:
            total = total + _missed(y, step, fall)
    costs = np.full((len(kappa), len(kappa)), np.inf)
    later = np.triu_indices(len(kappa), 1)
    costs[later] = as_numpy(total / x.shape[1])[later]
    return costs


def _states(run, gaussian):
    """The states (T, B, D) of a fine run, and whether a Gaussian is of their kind."""
    remedy = "give the fine run of a batch, collect(rk4(...)), with states (T, B, D)"
    require(isinstance(run, Trajectory), "run", type(run).__name__, remedy)
    require(run.x.ndim == 3, "run", f"states of shape {tuple(run.x.shape)}", remedy)
    if gaussian is not None:
        require(isinstance(gaussian, Gaussian), "gaussian", type(gaussian).__name__, "give a Gaussian, or None")
        require(gaussian.D == run.x.shape[-1], "gaussian", f"D = {gaussian.D}", f"the states have {run.x.shape[-1]}")
        same_kind(run.x, gaussian.mu)
    return run.x


def _missed(y, step, fall):
    """|y_i + h e_i - y_j| for all i and j, from inner products: (T - 1, T), of states (T, D) and kappa e (T - 1, D)."""
    xp = array_namespace(y)
    yy, sy = y @ y.T, step @ y.T
    length, own = xp.linalg.diagonal(yy), xp.linalg.diagonal(sy)
    h = fall[None, :] / fall[:-1, None] - 1
    square = length[:-1, None] + length[None, :] - 2 * yy[:-1, :] + h**2 * xp.linalg.vecdot(step, step)[:, None]
    square = square + 2 * h * (own[:, None] - sy)
    return xp.where(square > 0, square, 0.0) ** 0.5


def _carried(c, e, fall, gaussian):
    """The same along the axes, each part times its gain from j to the picture."""
    xp = array_namespace(c)
    gain = gaussian.lam / (fall[:, None] ** 2 + gaussian.lam)  # squared, (T, r)
    h = fall[None, :] - fall[:-1, None]
    off = c[:-1, None, :] + h[:, :, None] * e[:, None, :] - c[None, :, :]
    return xp.sum(off**2 * gain, axis=-1) ** 0.5


def jump_costs(run, gaussian):
    """What a jump along the Gaussian's flow misses, from the first level of a fine run to each: (T,), the first is 0.

    Counted in the picture, as `step_costs(run, gaussian)` counts. Put in place of its first row, it lets `best` choose
    the landing: a table of n + 1 moves is then a jump, which asks no network, and n steps.
    """
    require(gaussian is not None, "gaussian", None, "a jump needs one")
    _states(run, gaussian)
    at = [run.level[j] for j in range(len(run.t))]
    found = []
    for j, level in enumerate(at):
        off = (gaussian.flow(run.x[0, ...], at[0], level) - run.x[j, ...]) @ gaussian.U
        xp = array_namespace(off)
        gain = (gaussian.lam / level.variance(gaussian.lam)) ** 0.5
        found.append(float(xp.mean(xp.sum((off * gain) ** 2, axis=-1) ** 0.5)))
    return np.array(found)


def best(costs, most):
    """The cheapest grids from the first level to the last, of 1 to `most` moves: a dictionary from moves to indices.

    The dynamic programme V_k(j) = min_i [V_(k-1)(i) + cost(i, j)]: every budget from one pass, and exact. Each entry is
    an integer array of k + 1 indices, from 0 to T - 1. costs (T, T); only j > i is read.
    """
    costs = as_numpy(costs)
    require(costs.dtype.kind in "fiu", "costs", f"dtype {costs.dtype}", "give real numbers, or infinity for no way")
    costs = costs.astype(float, copy=False)
    square = costs.ndim == 2 and costs.shape[0] == costs.shape[1] and len(costs) > 1
    require(square, "costs", f"shape {costs.shape}", "give a square matrix, two levels or more")
    T = len(costs)
    forward = np.full((T, T), np.inf)  # [j, i], so that the i stand side by side
    np.copyto(forward, costs.T, where=np.tri(T, k=-1, dtype=bool))
    least = forward.min()  # NaN, if there is one
    require(not np.isnan(least), "costs", "NaN", "mend the run they come from: some state of it is NaN")
    require(bool(least >= 0), "costs", "a negative cost", "costs are distances")
    remedy = f"{T} levels allow from 1 to {T - 1} moves; run the fine run on more"
    whole("most", most, 1, remedy)
    require(most <= T - 1, "most", most, remedy)
    starts, rows = T * np.arange(T), (slice(T // 2), slice(T // 2, T))  # no level of the second half leads to the first
    value, came = forward[:, 0], np.zeros((most + 1, T), dtype=np.intp)
    for moves in range(2, most + 1):
        for j in rows:
            (forward[j, : j.stop] + value[: j.stop]).argmin(axis=1, out=came[moves, j])
        value = forward.take(starts + came[moves]) + value.take(came[moves])
        possible = math.isfinite(value[-1])
        require(possible, "costs", f"no way of {moves} moves with a finite cost", "mend the costs, or ask for fewer")
    at = np.full((most, most + 1), T - 1)  # at[k - 1]: the grid of k moves, found from its end for all budgets at once
    for moves in range(most, 1, -1):
        at[moves - 1 :, moves - 1] = came[moves][at[moves - 1 :, moves]]
    at[:, 0] = 0
    return {moves: at[moves - 1, : moves + 1].copy() for moves in range(1, most + 1)}


def placed(lam, moves, sampler=transfer.ddim, start=80.0):
    """The best levels for a sampler on Gaussian data of variances `lam`: falling kappas (moves + 1,) that end at 0.

    sampler: a function of `paintlib.transfer`. The levels between `start` and 0 are moved one by one in log kappa, by
    steps that shrink, for as long as the squared Wasserstein distance of the result falls: a minimum near the best
    grid of leading order, `grids.optimal`.
    """
    lam, start = variances("lam", lam), positive("start", start, "give the first noise level")
    require(lam.max() > 0, "lam", lam, "need variances, at least one of them positive")
    require(callable(sampler), "sampler", repr(sampler), "give a function of paintlib.transfer")
    whole("moves", moves, 1, "need at least one move")
    if moves == 1:
        return np.array([float(start), 0.0])
    clock = EDM(0.0, float(start))
    end = 0.05 * min(1.0, float(np.sqrt(lam.max())))
    u = np.log(grids.optimal(clock, moves - 1, lam, end=end)[1:])
    found, step = missed(lam, [start, *np.exp(u), 0.0], sampler), 0.4
    while step > 1e-3:
        better = False
        for k, sign in [(k, sign) for k in range(moves - 1) for sign in (1, -1)]:
            trial = u.copy()
            trial[k] += sign * step
            if np.all(np.diff([math.log(start), *trial]) < 0):
                value = missed(lam, [start, *np.exp(trial), 0.0], sampler)
                if value < found:
                    u, found, better = trial, value, True
        step = step if better else step / 2
    return np.array([float(start), *np.exp(u), 0.0])


def missed(lam, kappas, sampler=transfer.ddim):
    """The squared Wasserstein distance of what a sampler paints from Gaussian data, as a share of their variance.

    kappas fall to 0; the start has the true law, and so all is from closed forms (D7, D8). 1 if all pictures are alike.
    """
    lam, kappas = variances("lam", lam), float_array("kappas", kappas)
    require(lam.max() > 0, "lam", lam, "need variances, at least one of them positive")
    require(len(kappas) > 1 and kappas[-1] == 0, "kappas", kappas, "give two levels or more, the last of them 0")
    require(callable(sampler), "sampler", repr(sampler), "give a function of paintlib.transfer")
    within("kappas", kappas, 0, "noise levels are not negative")
    clock = EDM(0.0, float(kappas[0]))
    std = np.abs(sampler(lam, clock, kappas)[-1]) * (kappas[0] ** 2 + lam) ** 0.5
    return float(transfer.miss(std, lam, CLEAN) / lam.sum())


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
        kappas = tuple(float_array("kappas", self.kappas).tolist())
        fall = len(kappas) > 1 and all(a > b for a, b in pairwise(kappas))
        sound = fall and kappas[-1] >= 0
        require(sound, "kappas", kappas, "give two or more finite levels that fall, none below zero")
        object.__setattr__(self, "kappas", kappas)

    @property
    def moves(self):
        """How many steps it takes."""
        return len(self.kappas) - 1

    def times(self, schedule):
        """The grid of a schedule that visits these levels, for the samplers of this package."""
        schedule = check_schedule(schedule)
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
