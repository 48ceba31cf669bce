"""Grids against diffusers, EDM's formula, scipy's optimiser and the numbers of D7."""

import math
from itertools import pairwise

import numpy as np
import pytest
from diffusers import EDMEulerScheduler, HeunDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from tries import tries
from truth import SCHEDULES

from paintlib import grids
from paintlib.gaussian import Gaussian
from paintlib.samplers import collect, heun
from paintlib.schedules import EDM, VP, Cosine, Flow, Tabulated

SPECTRUM = 50 * np.arange(1, 65.0) ** -1.5
EDM_0 = EDM(0.0, 80.0)
MAKE = {
    "uniform": grids.uniform,
    "log_snr": grids.log_snr,
    "karras": grids.karras,
    "equal_angle": lambda *a, **k: grids.equal_angle(*a, lam=2.0, **k),
    "optimal": lambda *a, **k: grids.optimal(*a, lams=SPECTRUM, **k),
    "heun_optimal": lambda *a, **k: grids.heun_optimal(*a, lams=SPECTRUM, **k),
}


def shortfall(kappas, lams=SPECTRUM):
    """Relative squared Wasserstein distance of DDIM's samples to the data, by running DDIM's Euler steps on std = 1.

    One step on x / alpha: c + (kappa' - kappa) (c - lam / (kappa^2 + lam) c) / kappa.
    """
    c = np.sqrt(kappas[0] ** 2 + lams)
    for kappa, end in pairwise(kappas):
        c = c + (end - kappa) * c * kappa / (kappa**2 + lams)
    exact = np.sqrt(kappas[-1] ** 2 + lams)
    return ((exact - c) ** 2).sum() / lams.sum()


def to_zero(grid):
    return np.append(grid, 0.0)


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_every_grid_has_n_moves_that_fall(name, schedule, n):
    schedule = SCHEDULES[schedule]
    start, end = schedule.time(50.0), schedule.time(0.02)
    grid = MAKE[name](schedule, n, start=start, end=end)
    assert grid.shape == (n + 1,) and (grid[0], grid[-1]) == (start, end)
    assert all(schedule(a).kappa > schedule(b).kappa for a, b in pairwise(grid))


@pytest.mark.parametrize("name", ["log_snr", "karras", "equal_angle", "optimal"])
def test_a_grid_of_kappa_is_the_same_for_every_schedule(name):
    """Spaced in kappa, so the schedule's own time does not matter."""
    found = []
    for schedule in SCHEDULES.values():
        grid = MAKE[name](schedule, 9, start=schedule.time(50.0), end=schedule.time(0.02))
        found.append([schedule(t).kappa for t in grid])
    np.testing.assert_allclose(found, np.tile(found[0], (len(found), 1)), rtol=1e-9)


def test_uniform_is_even_in_time():
    np.testing.assert_allclose(grids.uniform(Flow(), 4), [1, 0.75, 0.5, 0.25, 0])


def test_log_snr_is_even_in_log_snr():
    vp = VP()
    steps = np.diff([vp(t).log_snr for t in grids.log_snr(vp, 10, end=0.01)])
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


def test_karras_equals_diffusers_and_the_formula_of_edm():
    """(80^(1/7) + i / (n - 1) (0.002^(1/7) - 80^(1/7)))^7; diffusers appends the zero, its sigmas are float32."""
    i = np.arange(18)
    formula = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    ours = grids.karras(EDM(), 17)
    np.testing.assert_allclose(ours, formula, rtol=1e-12)
    theirs = EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, sigma_schedule="karras")
    theirs.set_timesteps(18)
    np.testing.assert_allclose(ours, theirs.sigmas.numpy()[:-1], rtol=1e-5)


def test_karras_on_a_table_equals_diffusers():
    """From the table's largest kappa to its smallest, as `use_karras_sigmas=True` has it; float32 sigmas."""
    theirs = HeunDiscreteScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear", use_karras_sigmas=True)
    theirs.set_timesteps(15)
    sigmas = [theirs.sigmas[0].item(), *theirs.sigmas[1::2].tolist()][:-1]
    table = Tabulated(theirs.alphas_cumprod)
    ours = [table(t).kappa for t in grids.karras(table, 14, start=999.0, end=0.0)]
    np.testing.assert_allclose(ours, sigmas, rtol=1e-4)


@pytest.mark.parametrize("skip", [1, 4])
def test_a_grid_may_start_anywhere(skip):
    full = grids.karras(EDM(), 12)
    np.testing.assert_allclose(grids.karras(EDM(), 12 - skip, start=full[skip]), full[skip:], rtol=1e-12)


# D7: what is best for DDIM


def search(lams, n, start, end, first_guess):
    """The best inner kappas by scipy, from a first guess, in log kappa."""

    def cost(u):
        return math.log(shortfall(np.r_[start, np.exp(u), end], lams))

    found = minimize(cost, np.log(first_guess[1:-1]), method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-15})
    return np.r_[start, np.exp(found.x), end], math.exp(found.fun)


@pytest.mark.parametrize("lam", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("n", [3, 8])
def test_d7_equal_angle_is_best_for_one_variance(lam, n):
    ours = grids.equal_angle(EDM_0, n, lam, end=0.01)
    best, cost = search(np.array([lam]), n, 80.0, 0.01, grids.log_snr(EDM_0, n, end=0.01))
    assert shortfall(ours, np.array([lam])) == pytest.approx(cost, rel=1e-6)
    np.testing.assert_allclose(ours, best, rtol=1e-2)  # the cost is flat at its minimum


@pytest.mark.parametrize("lam", [0.1, 1.0, 30.0])
def test_d7_equal_angles_cost_cos_to_the_n(lam):
    n = 12
    total = math.pi / 2 - math.atan2(math.sqrt(lam), 80.0)
    cost = shortfall(grids.equal_angle(EDM_0, n, lam), np.array([lam]))
    assert cost == pytest.approx((1 - math.cos(total / n) ** n) ** 2, rel=1e-9)


def test_d7_for_unit_variance_it_is_the_cosine_schedule():
    """Equal steps of Nichol and Dhariwal's time, without their offset."""
    cosine = Cosine(offset=0.0)
    np.testing.assert_allclose(grids.equal_angle(cosine, 9, 1.0), grids.uniform(cosine, 9), atol=1e-12)


@pytest.mark.parametrize(
    "n, trailing, karras, log_uniform, cosine, best",
    [(10, 0.0264, 0.0468, 0.0485, 0.0649, 0.0201), (20, 0.0072, 0.0119, 0.0124, 0.0185, 0.0054)],
)
def test_d7_table_of_the_errata(n, trailing, karras, log_uniform, cosine, best):
    """Relative squared Wasserstein distance, spectrum 50 k^-1.5 for k = 1 ... 64, n moves from kappa = 80 to 0.

    Which k and which ends was found out: Karras' and the log-uniform grid stop at 0.002 and at 0.01, and their last
    move goes to 0. The fixed point's density runs to 0; 1e-5 stands for it.
    """
    table = Tabulated.ddpm()
    times = np.round(np.arange(1000, 0, -1000 / n)).astype(int) - 1  # diffusers' "trailing"
    found = {
        trailing: [table(t).kappa for t in times] + [0.0],
        karras: to_zero(grids.karras(EDM(), n - 1)),
        log_uniform: to_zero(grids.log_snr(EDM(0.01, 80.0), n - 1)),
        cosine: grids.equal_angle(EDM_0, n, 1.0),
        best: grids.optimal(EDM_0, n, SPECTRUM, end=1e-5),
    }
    for printed, kappas in found.items():
        assert shortfall(kappas) == pytest.approx(printed, abs=6e-5)


@pytest.mark.parametrize("n", [6, 10])
def test_d7_the_fixed_point_is_within_a_percent_of_the_best(n):
    ours = grids.optimal(EDM_0, n, SPECTRUM, end=1e-3)
    _, cost = search(SPECTRUM, n, 80.0, 1e-3, ours)
    assert cost <= shortfall(ours) < 1.01 * cost


def test_d7_the_fixed_point_beats_the_other_grids():
    for n in (5, 10, 20):
        ours = shortfall(grids.optimal(EDM(), n, SPECTRUM))
        others = (grids.karras(EDM(), n), grids.log_snr(EDM(), n), grids.equal_angle(EDM(), n, 1.0))
        assert all(ours < 0.6 * shortfall(other) for other in others)


@given(lam=st.floats(1e-2, 1e3), n=st.integers(1, 20))
@tries(15)
def test_d7_for_one_variance_the_fixed_point_is_equal_angles(lam, n):
    one = grids.optimal(EDM(), n, np.array([lam]))
    np.testing.assert_allclose(one, grids.equal_angle(EDM(), n, lam), rtol=3e-3)  # 2000 points of a density


def test_d7_features_without_variance_change_nothing():
    padded = np.concatenate([SPECTRUM, np.zeros(100)])
    np.testing.assert_allclose(grids.optimal(EDM(), 9, padded), grids.optimal(EDM(), 9, SPECTRUM), rtol=1e-12)


def test_d8_equal_angles_are_bad_for_heun():
    """What is best for DDIM is not for Heun: relative squared distance 2.06 at n = 10 (errata, D8)."""
    g = Gaussian(np.zeros(64), np.eye(64), SPECTRUM)

    def off(grid):
        run = collect(heun(g, np.sqrt(6400 + SPECTRUM), EDM_0, grid))
        return ((run.x[-1] - SPECTRUM**0.5) ** 2).sum() / SPECTRUM.sum()

    assert off(grids.equal_angle(EDM_0, 10, 1.0)) == pytest.approx(2.06, abs=0.005)
    assert off(to_zero(grids.karras(EDM(), 9))) < 0.02


def test_a_grid_that_leaves_the_schedule_names_its_ends():
    table = Tabulated.ddpm()
    with pytest.raises(ValueError, match=r"start, end: got 999\.0 to -1\.0"):
        grids.karras(table, 20)
    with pytest.raises(ValueError, match="n, start, end"):
        grids.uniform(table, 1500)


@pytest.mark.parametrize("n", [2, 18, 40])
def test_edm_is_the_grid_of_edms_samplers(n):
    """t_i = (80^(1/7) + i / (n - 1) (0.002^(1/7) - 80^(1/7)))^7 for i < n, and t_n = 0; diffusers has it in float32."""
    i = np.arange(n)
    formula = (80 ** (1 / 7) + i / (n - 1) * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    grid = grids.edm(EDM(), n)
    np.testing.assert_allclose(grid, [*formula, 0], rtol=1e-12)
    theirs = EDMEulerScheduler()
    theirs.set_timesteps(n)
    np.testing.assert_allclose(grid, theirs.sigmas.numpy(), rtol=1e-5)


@pytest.mark.parametrize("schedule, clean", [(VP(), 0.0), (Tabulated.ddpm(), -1.0), (EDM(0.0), 0.0), (Flow(), 0.0)])
def test_edm_ends_in_clean_data_on_every_schedule(schedule, clean):
    grid = grids.edm(schedule, 9, start=schedule.time(50.0), end=schedule.time(0.02))
    assert grid[-1] == clean and schedule(grid[-1]).sigma == 0 and (np.diff(grid) < 0).all()
    with pytest.raises(ValueError, match=r"^n: got 1; "):
        grids.edm(schedule, 1)


def test_edm_needs_noise_before_its_last_move():
    with pytest.raises(ValueError, match=r"^end: got 0\.0; "):
        grids.edm(EDM(0.0), 9)
