"""The closed forms of what samplers make of a Gaussian, against the samplers themselves, dice, and diffusers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler
from scipy.integrate import quad
from scipy.linalg import sqrtm
from scipy.optimize import brentq, minimize
from truth import SCHEDULES, a_gaussian, orders

from paintlib import grids, samplers, transfer
from paintlib.denoisers import noise
from paintlib.gaussian import Gaussian
from paintlib.schedules import EDM, VP, Cosine, Flow, Level, Tabulated

LAM = np.array([225.0, 4.0, 1.0, 0.05, 0.0])
G = Gaussian(np.zeros(5), np.eye(5), LAM)
METHODS = ("ddim", "heun", "rk4", "multistep")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind, schedule", SCHEDULES.items())
@pytest.mark.parametrize("clean", [False, True])
def test_d7_d8_each_is_what_its_sampler_does_to_a_state_of_ones(name, kind, schedule, clean):
    start, end = schedule.time(8.0), schedule.time(0.05)
    grid = grids.log_snr(schedule, 7, start=start, end=end)
    grid = np.append(grid, schedule.t_min) if clean and schedule(schedule.t_min).sigma == 0 else grid
    run = samplers.collect(getattr(samplers, name)(G, np.ones(5), schedule, grid))
    np.testing.assert_allclose(getattr(transfer, name)(LAM, schedule, grid), run.x, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_d7_d8_each_starts_from_pure_noise_too(name):
    grid = grids.uniform(Cosine(), 6)
    run = samplers.collect(getattr(samplers, name)(G, np.ones(5), Cosine(), grid))
    assert Cosine()(grid[0]).alpha == 0
    np.testing.assert_allclose(getattr(transfer, name)(LAM, Cosine(), grid), run.x, rtol=1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_d9_the_mean_and_spread_of_many_stochastic_runs(eta):
    schedule, x, rng = VP(), np.full((200_000, 5), 1.3), np.random.default_rng(0)
    grid = grids.log_snr(schedule, 4, start=0.8, end=0.1)
    runs = samplers.collect(samplers.stochastic(G, x, schedule, grid, eta, rng))
    gain, variance = transfer.stochastic(LAM, schedule, grid, eta)
    np.testing.assert_allclose(runs.x.mean(1), 1.3 * gain, atol=5 * variance.max() ** 0.5 / 200_000**0.5)
    np.testing.assert_allclose(runs.x.var(1), variance, rtol=5 * (2 / 200_000) ** 0.5, atol=1e-12)


def test_d4_d9_many_small_stochastic_moves_are_the_reverse_sde():
    """Mean and variance of `Gaussian.reverse`, to first order in the moves."""
    schedule, errors, counts = VP(), [], [200, 400, 800]
    for n in counts:
        grid = grids.log_snr(schedule, n, start=0.6, end=0.1)
        gain, variance = transfer.stochastic(LAM, schedule, grid, 1.0)
        mean, spread, _ = G.reverse(np.ones(5), schedule(0.6), schedule(0.1))
        errors.append(max(np.abs(gain[-1] - mean).max(), np.abs(variance[-1] - spread).max()))
    assert orders(errors, counts) == pytest.approx(1, abs=0.1)


def test_eq_9_the_exact_transfer_is_the_flow():
    grid = [0.9, 0.5, 0.2]
    truth = [G.flow(np.ones(5), VP()(0.9), VP()(t)) for t in grid]
    np.testing.assert_allclose(transfer.exact(LAM, VP(), grid), truth, rtol=1e-12)


@pytest.mark.parametrize("schedule", [EDM(), VP(), Flow()])
def test_d7_ddim_loses_the_cosine_of_each_turn(schedule):
    grid = grids.karras(schedule, 9, start=schedule.time(30.0), end=schedule.time(0.01))
    ratio = transfer.ddim(LAM, schedule, grid) / transfer.exact(LAM, schedule, grid)
    turns = transfer.turns(LAM, schedule, grid)
    np.testing.assert_allclose(ratio[1:], np.cumprod(np.cos(turns), axis=0), rtol=1e-12)
    np.testing.assert_allclose(ratio[:, LAM == 0], 1, rtol=1e-14)
    assert (turns.sum(0) < math.pi / 2).all()


def test_d7_on_equal_steps_of_log_snr_every_feature_loses_the_same():
    """The loss is (1/2N) L int theta'^2 du with int kappa^2 lam / (kappa^2 + lam)^2 du = 1/2, whatever lam."""
    for lam in (0.01, 1.0, 30.0):
        whole = quad(lambda u, lam=lam: lam * np.exp(2 * u) / (np.exp(2 * u) + lam) ** 2, -30, 30, points=[0])[0]
        assert whole == pytest.approx(0.5, abs=1e-8)
    schedule, n = EDM(1e-3, 1e3), 200
    grid, lam = grids.log_snr(schedule, n), np.array([0.01, 0.3, 1.0, 9.0])
    loss = 1 - (transfer.ddim(lam, schedule, grid) / transfer.exact(lam, schedule, grid))[-1]
    np.testing.assert_allclose(loss, math.log(1e6) / (4 * n), rtol=0.03)


@pytest.mark.parametrize("lam", [0.2, 1.0, 40.0])
def test_d7_equal_angles_are_ddims_best_grid_for_one_variance(lam):
    """A search over the inner times finds nothing better, and the loss is 1 - cos(Theta / N)^N."""
    schedule, n = EDM(0.0, 50.0), 5
    grid = grids.equal_angle(schedule, n, lam)

    def left(inner):
        kappas = 50 * np.sort(1 / (1 + np.exp(inner)))[::-1]
        return transfer.miss(transfer.ddim([lam], schedule, [50.0, *kappas, 0.0])[-1] * (2500 + lam) ** 0.5,
                             np.array([lam]), Level(1.0, 0.0))  # fmt: skip

    best = minimize(left, np.log(50 / np.geomspace(10, 0.1, n - 1) - 1), method="Nelder-Mead",
                    options={"xatol": 1e-8, "fatol": 1e-14, "maxiter": 20000, "maxfev": 20000})  # fmt: skip
    np.testing.assert_allclose(50 * np.sort(1 / (1 + np.exp(best.x)))[::-1], grid[1:-1], rtol=1e-3)
    kept = (transfer.ddim([lam], schedule, grid) / transfer.exact([lam], schedule, grid))[-1, 0]
    assert kept == pytest.approx(math.cos(math.atan(lam**0.5 / 50) / n - math.pi / 2 / n) ** n, rel=1e-9)


def test_d8_heuns_two_moves_without_any_error():
    schedule = EDM(0.0, 80.0)

    def error(middle):
        grid = [80.0, middle, 0.0]
        return (transfer.heun([1.0], schedule, grid) / transfer.exact([1.0], schedule, grid))[-1, 0] - 1

    assert brentq(error, 1.0, 5.0) == pytest.approx(2.5574, abs=1e-4)


def test_d8_heun_widens_and_its_leading_error_is_that_of_the_errata():
    """ratio = 1 + cot(theta) dtheta^3 / 2 - 3 dtheta^4 / 8 + ..."""
    schedule, lam = EDM(1e-3, 1e3), 2.0
    for theta in (0.4, 0.8, 1.2):
        for turn in (0.04, 0.02):
            grid = [2**0.5 / math.tan(theta), 2**0.5 / math.tan(theta + turn)]
            off = (transfer.heun([lam], schedule, grid) / transfer.exact([lam], schedule, grid))[-1, 0] - 1
            lead = turn**3 / math.tan(theta) / 2 - 3 / 8 * turn**4
            assert off == pytest.approx(lead, abs=2 * turn**5)


@pytest.mark.parametrize("lam", [0.3, 1.0])
def test_d8_heuns_best_grid_for_one_variance(lam):
    """Its error nears I^3 / (2 n^2), is below that of other grids, and no random change gains on it."""
    schedule = EDM(0.002, 80.0)

    def error(grid):
        return (transfer.heun([lam], schedule, grid) / transfer.exact([lam], schedule, grid))[-1, 0] - 1

    low, high = math.atan(lam**0.5 / 80), math.atan(lam**0.5 / 0.002)
    whole = quad(lambda theta: (1 / math.tan(theta)) ** (1 / 3), low, high)[0]
    for n, near in ((40, 0.12), (160, 0.03)):
        assert error(grids.heun_angle(schedule, n, lam)) == pytest.approx(whole**3 / (2 * n**2), rel=near)
    best, others = error(grids.heun_angle(schedule, 20, lam)), (grids.log_snr, grids.karras)
    assert all(best < error(other(schedule, 20)) for other in others)
    assert best < error(grids.equal_angle(schedule, 20, lam))
    n, shifts = 20, np.random.default_rng(0).normal(scale=0.05, size=(200, 19))
    grid = grids.heun_angle(schedule, n, lam)
    tries = [error(np.r_[grid[0], np.sort(grid[1:-1] * np.exp(shift))[::-1], grid[-1]]) for shift in shifts]
    assert min(tries) > 0.95 * best


def loud(lams, schedule, grid):
    """The missed share of the variance of Heun's cloud, from its exact factors."""
    off = transfer.heun(lams, schedule, grid)[-1] / transfer.exact(lams, schedule, grid)[-1] - 1
    return float(np.sum(lams * off**2) / np.sum(lams))


def test_d8_heuns_best_grid_for_many_variances():
    """Scipy's optimiser, on the exact error and from this grid, gains a few percent; all other grids are far."""
    schedule, lams = EDM(0.0, 1e3), 50 * np.arange(1, 65.0) ** -1.5
    n, whole = 20, EDM(0.02, 80.0)
    grid = grids.heun_optimal(whole, n, lams)

    def cost(u):
        falls = np.sort(np.exp(u))[::-1]  # the optimiser may try levels out of order
        return math.log(loud(lams, schedule, np.r_[80.0, np.clip(falls, 0.021, 79.0), 0.02]))

    ours = loud(lams, schedule, grid)
    best = math.exp(minimize(cost, np.log(grid[1:-1]), method="L-BFGS-B", options={"maxiter": 15}).fun)
    assert 0.8 * ours < best <= ours
    others = (grids.karras(whole, n), grids.log_snr(whole, n), grids.optimal(whole, n, lams))
    assert all(ours < 0.65 * loud(lams, schedule, other) for other in others)


@pytest.mark.parametrize("lam", [0.3, 4.0])
def test_d8_for_one_variance_its_density_is_the_cube_root_of_the_cotangent(lam):
    """Equal parts of the integral of cot(theta)^(1/3), by quadrature."""
    schedule = EDM(0.02, 80.0)
    grid = grids.heun_optimal(schedule, 6, np.array([lam]), points=20_000)
    angles = np.arctan(lam**0.5 / grid)
    parts = [quad(lambda theta: (1 / math.tan(theta)) ** (1 / 3), *pair)[0] for pair in pairwise(angles)]
    np.testing.assert_allclose(parts, parts[0], rtol=1e-3)


@pytest.mark.parametrize("name, order", [("ddim", 1), ("heun", 2), ("rk4", 4), ("multistep", 2)])
def test_the_orders_of_the_four(name, order):
    schedule, counts = EDM(0.02, 20.0), [100, 200, 400]
    errors = []
    for n in counts:
        grid = grids.log_snr(schedule, n)
        errors.append(np.abs(getattr(transfer, name)(LAM[:3], schedule, grid)[-1]
                             / transfer.exact(LAM[:3], schedule, grid)[-1] - 1).max())  # fmt: skip
    assert orders(errors, counts) == pytest.approx(order, abs=0.15)


def test_multistep_equals_diffusers_dpm_solver():
    """diffusers' scheduler and times, a Gaussian's exact noise; the last step is of first order, to sigma = 0."""
    g = a_gaussian()
    X = np.random.default_rng(0).standard_normal((3, g.D))
    scheduler = DPMSolverMultistepScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear",
                                            euler_at_final=True, final_sigmas_type="zero")  # fmt: skip
    scheduler.set_timesteps(12)
    scheduler.sigmas = scheduler.sigmas.double()
    sigmas = scheduler.sigmas.tolist()
    x, states = torch.tensor(X), [X]
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.step(torch.tensor(noise(g, x.numpy(), Level.from_kappa(sigmas[i]).vp())), t, x).prev_sample
        states.append(x.numpy())
    table = Tabulated.ddpm()
    times = [table.time(kappa) for kappa in sigmas[:-1]] + [-1.0]
    ours = samplers.collect(samplers.multistep(g, X, table, times))
    np.testing.assert_allclose(ours.x, np.stack(states), rtol=1e-5, atol=1e-5)  # its table is kept in float32


def test_miss_is_the_wasserstein_distance_of_the_two_gaussians():
    level, std = Level(0.8, 0.3), np.array([10.0, 1.0, 0.5, 0.2, 0.4])
    A, B = np.diag(std**2), np.diag(level.variance(LAM))
    root = sqrtm(A)
    bures = np.trace(A + B - 2 * np.real(sqrtm(root @ B @ root)))
    assert transfer.miss(std, LAM, level) == pytest.approx(bures, rel=1e-9)


@pytest.mark.parametrize(
    "quantity, call",
    [
        ("lam", lambda: transfer.ddim([-1.0], VP(), [0.9, 0.1])),
        ("grid", lambda: transfer.heun([1.0], VP(), [0.1, 0.9])),
        ("grid", lambda: transfer.exact([1.0], VP(), [])),
        ("eta", lambda: transfer.stochastic([1.0], VP(), [0.9, 0.1], 2.0)),
    ],
)
def test_bad_input_is_named(quantity, call):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        call()
