"""Timetables against brute force, against steps really taken, and against what a file may hold."""

import itertools
import json

import numpy as np
import pytest
import torch
from truth import a_gaussian

from paintlib import grids, transfer, usual
from paintlib.gaussian import Gaussian
from paintlib.samplers import Trajectory, collect, ddim, rk4
from paintlib.schedules import EDM, VP, Level, Tabulated
from paintlib.timetables import Timetable, best, jump_costs, missed, placed, step_costs

G = a_gaussian(6, (30.0, 4.0, 0.5, 0.01), 0)


EDM_ITSELF = EDM()


def fine(schedule=EDM_ITSELF, n=14, library=np.asarray):
    x = library(80 * np.random.default_rng(0).standard_normal((5, 6)))
    gaussian = G.like(x)
    grid = grids.karras(schedule, n, end=schedule.time(0.01), start=schedule.time(70.0))
    return collect(rk4(gaussian, x * float(schedule(grid[0]).alpha), schedule, grid))


@pytest.mark.parametrize("schedule", [EDM(), VP()])
def test_a_cost_is_what_a_ddim_step_really_misses(schedule):
    """DDIM is Euler in kappa; its steps, taken one by one, against the products."""
    run = fine(schedule)
    costs = step_costs(run)
    for i, j in [(0, 1), (0, 14), (3, 9), (12, 13), (13, 14)]:
        *_, last = ddim(G, run.x[i], schedule, run.t[[i, j]])
        apart = last.x / last.level.alpha - run.scaled()[j]
        assert costs[i, j] == pytest.approx(np.linalg.norm(apart, axis=1).mean(), rel=1e-6, abs=1e-9)
    assert np.isinf(costs[np.tril_indices(15)]).all()


def test_costs_are_the_same_in_torch():
    np.testing.assert_allclose(step_costs(fine(library=torch.from_numpy)), step_costs(fine()), rtol=1e-6, atol=1e-9)


def test_costs_keep_their_digits_where_noise_is_large():
    """Of data at one point every step is exact, from kappa = 1e4 on; squares of states are 1e9 there."""
    point, kappa = np.full((1, 3, 6), 2.0), np.array([1e4, 1e3, 1.0, 0.1])
    x = point + kappa[:, None, None] * np.random.default_rng(0).standard_normal((1, 3, 6))
    run = Trajectory(kappa, Level(np.ones(4), kappa), x, np.broadcast_to(point, x.shape))
    assert step_costs(run)[np.triu_indices(4, 1)].max() < 1e-5


@pytest.mark.parametrize("seed", range(30))
def test_best_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    T = int(rng.integers(2, 9))
    costs = rng.random((T, T)) if seed % 2 else rng.integers(0, 3, (T, T)).astype(float)
    found = best(costs, T - 1)
    assert list(found) == list(range(1, T))
    for moves, grid in found.items():
        ways = itertools.combinations(range(1, T - 1), moves - 1)
        least = min(sum(costs[a, b] for a, b in itertools.pairwise((0, *way, T - 1))) for way in ways)
        assert grid[0] == 0 and grid[-1] == T - 1 and len(grid) == moves + 1 and (np.diff(grid) > 0).all()
        assert sum(costs[a, b] for a, b in itertools.pairwise(grid)) == pytest.approx(least, abs=1e-12)


def test_the_best_grid_beats_the_usual_ones_on_its_own_cost():
    run = fine(n=60)
    costs = step_costs(run)
    table = best(costs, 8)[8]
    even = np.linspace(0, 60, 9).round().astype(int)
    total = [sum(costs[a, b] for a, b in itertools.pairwise(way)) for way in (table, even)]
    assert total[0] < total[1]


@pytest.mark.parametrize(
    "costs, most, message",
    [
        (np.ones((3, 4)), 1, "costs: got shape"),
        (np.ones((1, 1)), 1, "costs: got shape"),
        (np.full((3, 3), np.nan), 1, "costs: got NaN"),
        (-np.ones((3, 3)), 1, "costs: got a negative cost"),
        (np.ones((5, 5)), 5, "most: got 5; 5 levels allow from 1 to 4 moves"),
        (np.ones((5, 5)), 0, "most: got 0"),
        (np.ones((5, 5)), 2.5, "most: got 2.5"),
        (np.full((3, 3), np.inf), 2, "costs: got no way of 2 moves"),
    ],
)
def test_impossible_budgets_and_costs_are_refused(costs, most, message):
    with pytest.raises(ValueError, match=message):
        best(costs, most)


def test_runs_without_costs_are_refused():
    run = fine()
    with pytest.raises(ValueError, match=r"run: got states of shape \(15, 6\)"):
        step_costs(Trajectory(run.t, run.level, run.x[:, 0], run.x0_hat[:, 0]))
    with pytest.raises(ValueError, match="run: got 1 state"):
        step_costs(run[:1])
    with pytest.raises(ValueError, match="run: got levels that do not fall"):
        step_costs(run[::-1])
    other = Gaussian(np.zeros(2), np.eye(2), np.ones(2))
    for call, message in ((lambda: step_costs(3), "run: got int"), (lambda: step_costs(run, 3), "gaussian: got int"),
                          (lambda: step_costs(run, other), "gaussian: got D = 2; the states have 6"),
                          (lambda: step_costs(run, G.like(torch.zeros(1))), "x: got ndarray for a model of Tensor"),
                          (lambda: jump_costs(run, None), "gaussian: got None")):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{message}"):
            call()


def test_levels_may_come_with_gradients():
    assert Timetable("", "", torch.tensor([2.0, 1.0, 0.0], requires_grad=True)).kappas == (2.0, 1.0, 0.0)


def test_a_timetable_is_kept_to_the_last_digit(tmp_path):
    table = Timetable("my model", "by hand", (80.0, 0.1 + 0.2, 0.0))
    table.save(tmp_path / "table.json")
    assert Timetable.load(tmp_path / "table.json") == table and table.moves == 2
    schedule = VP(0.1, 20.0)
    again = Timetable("x", "x", usual.GITS_CIFAR10).times(schedule)
    np.testing.assert_allclose([schedule(t).kappa for t in again], usual.GITS_CIFAR10, rtol=1e-9)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{}", json.dumps({"model": "a", "how": "b", "kappas": [1, 2]}), "\x00"])
def test_a_file_that_holds_no_timetable_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x\.json|kappas"):
        Timetable.load(tmp_path / "x.json")


# Counted in the picture; theory's lists; the lists in use


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy])
def test_a_carried_cost_is_what_the_flow_leaves_of_the_miss(library):
    """A step really taken, and both states really carried to the picture by the exact flow."""
    run = fine(library=library)
    gaussian = G.like(run.x)
    costs = step_costs(run, gaussian)
    for i, j in [(0, 1), (0, 14), (3, 9), (12, 13)]:
        *_, last = ddim(gaussian, run.x[i], EDM_ITSELF, run.t[[i, j]])
        ends = [np.asarray(gaussian.flow(x, run.level[j], Level(1.0, 0.0))) for x in (last.x, run.x[j])]
        assert costs[i, j] == pytest.approx(np.linalg.norm(ends[0] - ends[1], axis=1).mean(), rel=1e-6, abs=1e-9)
    assert np.isinf(costs[np.tril_indices(15)]).all()


def test_a_jump_costs_nothing_where_the_painter_is_the_gaussian_and_what_it_misses_elsewhere():
    run = fine(n=120)
    assert jump_costs(run, G).max() < 1e-3
    narrow = type(G)(G.mu, G.U, 0.5 * G.lam)  # another painter's run: the jump follows the wrong flow
    ends = [narrow.flow(x, run.level[60], Level(1.0, 0.0)) for x in (
        narrow.flow(run.x[0], run.level[0], run.level[60]), run.x[60])]  # fmt: skip
    wanted = np.linalg.norm((ends[0] - ends[1]) @ narrow.U, axis=1).mean()
    assert jump_costs(run, narrow)[60] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ["ddim", "heun", "multistep"])
def test_the_predicted_distance_is_the_measured_one_to_1e_10(name):
    """W2 of two Gaussians with common axes, from the standard deviations of a cloud whose covariance is exact."""
    from paintlib import samplers

    kappas = np.array([80.0, 12.0, 4.0, 1.1, 0.2, 0.0])
    z = np.random.default_rng(0).standard_normal((50, G.rank))
    z = np.linalg.qr(z - z.mean(0))[0] * 50**0.5  # covariance exactly 1
    x = G.mu + (z * (kappas[0] ** 2 + G.lam) ** 0.5) @ G.U.T
    end = collect(getattr(samplers, name)(G, x, EDM(0.0, 80.0), kappas)).x[-1]
    made = np.linalg.eigvalsh(np.cov((end - G.mu) @ G.U, rowvar=False, bias=True))
    measured = np.sum((np.sort(made) ** 0.5 - np.sort(G.lam) ** 0.5) ** 2) / G.lam.sum()
    assert abs(missed(G.lam, kappas, getattr(transfer, name)) - measured) < 1e-10


@pytest.mark.parametrize("name", ["ddim", "heun"])
def test_no_level_of_a_placed_list_can_be_moved_for_the_better(name):
    lam, sampler = 50 * np.arange(1.0, 60) ** -1.5, getattr(transfer, name)
    kappas = placed(lam, 6, sampler)
    least = missed(lam, kappas, sampler)
    for k in range(1, 6):
        for factor in (0.97, 1.03):
            other = kappas.copy()
            other[k] *= factor
            assert missed(lam, other, sampler) >= least
    usuals = [make(Tabulated.ddpm(), 6) for make in usual.LISTS.values()]
    assert all(least < missed(lam, other, sampler) for other in usuals)


def test_for_one_variance_the_placed_list_is_that_of_equal_angles():
    np.testing.assert_allclose(placed([2.0], 5), grids.equal_angle(EDM(0.0, 80.0), 5, 2.0), rtol=5e-3, atol=1e-9)
    assert placed([2.0], 1).tolist() == [80.0, 0.0]


def test_the_lists_in_use_are_those_of_diffusers():
    import diffusers
    from diffusers.schedulers import AysSchedules

    assert list(usual.AYS) == AysSchedules["StableDiffusionTimesteps"]
    table = Tabulated.ddpm()
    for spacing in ("leading", "trailing"):
        scheduler = diffusers.DDIMScheduler(timestep_spacing=spacing)
        scheduler.set_timesteps(6)
        wanted = [table(int(t)).kappa for t in scheduler.timesteps]
        assert getattr(usual, spacing)(table, 6) == pytest.approx([*wanted, 0.0])
    euler = diffusers.EulerDiscreteScheduler(beta_start=1e-4, beta_end=0.02, use_karras_sigmas=True)
    euler.set_timesteps(6)
    assert usual.karras(table, 6, table(999).kappa) == pytest.approx(euler.sigmas.tolist(), rel=1e-3)
    for name, make in usual.LISTS.items():
        for n in (1, 2, 5, 10):
            kappas = make(table, n)
            assert len(kappas) == n + 1 and kappas[-1] == 0 and np.all(np.diff(kappas) < 0), name
    assert usual.ays(table, 10)[:-1] == pytest.approx([table(t).kappa for t in usual.AYS])
    assert usual.gits(table, 6)[:-1] == pytest.approx(usual.GITS_CIFAR10[:-1])
