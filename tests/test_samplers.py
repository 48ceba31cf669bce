"""Samplers against diffusers' schedulers, the exact flow, and their own closed forms on a Gaussian (D7-D9)."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, HeunDiscreteScheduler
from truth import LIBRARIES, SCHEDULES, a_gaussian, noisy, orders

from paintlib import grids
from paintlib.denoisers import Function, noise
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.samplers import Step, collect, ddim, heun, rk4, stochastic, teleport
from paintlib.schedules import EDM, VP, Cosine, Flow, Level, Tabulated

G = a_gaussian()
X = np.random.default_rng(0).standard_normal((4, G.D))
DETERMINISTIC = {"ddim": ddim, "heun": heun, "rk4": rk4}
LINEAR = dict(beta_start=1e-4, beta_end=0.02, beta_schedule="linear")


class Constant:
    """A random generator whose every normal deviate is the same: it makes the noise's factor visible."""

    def __init__(self, value):
        self.value = value

    def standard_normal(self, shape):
        return np.full(shape, self.value)


def one_feature(lam):
    return Gaussian(np.zeros(1), np.eye(1), np.array([float(lam)]))


def multiplier(sampler, lam, schedule, grid, **options):
    """What a whole run makes of x = 1, on a Gaussian of one feature: the sampler is linear there."""
    return collect(sampler(one_feature(lam), np.ones(1), schedule, grid, **options)).x[-1, 0]


# Order of convergence


@pytest.mark.parametrize(
    "name, order, counts", [("ddim", 1, [64, 128, 256]), ("heun", 2, [64, 128, 256]), ("rk4", 4, [32, 64, 128])]
)
@pytest.mark.parametrize("schedule", [EDM(), VP(), Flow()])
def test_order_of_convergence(name, order, counts, schedule):
    start, end = schedule.time(20.0), schedule.time(0.01)
    exact = G.flow(X, schedule(start), schedule(end))
    errors = []
    for n in counts:
        grid = grids.log_snr(schedule, n, start=start, end=end)
        errors.append(np.abs(collect(DETERMINISTIC[name](G, X, schedule, grid)).x[-1] - exact).max())
    assert orders(errors, counts) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_a_mixture_converges_too(name):
    """Where no flow is known in closed form: against RK4 with many moves."""
    mixture = Mixture(np.array([0.3, 0.7]), [a_gaussian(6, (3.0,), 1), a_gaussian(6, (1.0, 0.5), 2)])
    fine = collect(rk4(mixture, X, EDM(), grids.karras(EDM(), 600))).x[-1]
    errors = [
        np.abs(collect(DETERMINISTIC[name](mixture, X, EDM(), grids.karras(EDM(), n))).x[-1] - fine).max()
        for n in (40, 160)
    ]
    assert errors[1] < errors[0] / 2.5


@pytest.mark.parametrize("name, order", [("heun", 3), ("rk4", 5)])
def test_the_first_step_from_pure_noise_has_the_order_of_its_method(name, order):
    """One step of Flow from alpha = 0 against the exact flow: its error falls by one order more than a whole run's."""
    ends = np.array([0.95, 0.975, 0.9875])
    errors = []
    for end in ends:
        step = collect(DETERMINISTIC[name](G, X, Flow(), [1.0, end]))[-1]
        errors.append(np.abs(step.x - G.flow(X, Flow()(1.0), Flow()(end))).max())
    assert min(orders(errors, 1 / (1 - ends))) > order - 0.2  # a Gaussian's falls by one order more still


@pytest.mark.parametrize("name, tolerance", [("heun", 2e-3), ("rk4", 1e-4)])
@pytest.mark.parametrize("schedule", [Flow(), Cosine()])
def test_heun_and_rk4_paint_from_pure_noise(schedule, name, tolerance):
    exact = G.flow(X, Level(0.0, 1.0))
    run = collect(DETERMINISTIC[name](G, X, schedule, grids.uniform(schedule, 300)))
    np.testing.assert_allclose(run.x[-1], exact, atol=tolerance * np.abs(exact).max())


# diffusers


@pytest.mark.parametrize("moves", [10, 51])
def test_ddim_equals_diffusers(moves):
    """diffusers' own scheduler, timesteps and table (made float64, so that the comparison is tight)."""
    scheduler = DDIMScheduler(**LINEAR, clip_sample=False)
    scheduler.alphas_cumprod, scheduler.final_alpha_cumprod = (
        scheduler.alphas_cumprod.double(),
        torch.tensor(1.0).double(),
    )
    scheduler.set_timesteps(moves)
    table, x, states = Tabulated(scheduler.alphas_cumprod), torch.tensor(X), [X]
    for t in scheduler.timesteps:
        eps = torch.tensor(noise(G, x.numpy(), table(int(t))))
        x = scheduler.step(eps, t, x).prev_sample
        states.append(x.numpy())
    ours = collect(ddim(G, X, table, [*scheduler.timesteps.tolist(), -1]))
    np.testing.assert_allclose(ours.x, np.stack(states), rtol=1e-11, atol=1e-12)


def test_heun_equals_diffusers():
    """diffusers' own sigmas, which it uses in pairs; its state is x / alpha, as in EDM."""
    scheduler = HeunDiscreteScheduler(**LINEAR)
    scheduler.set_timesteps(12)
    scheduler.sigmas = scheduler.sigmas.double()
    sigmas = [scheduler.sigmas[0].item(), *scheduler.sigmas[1::2].tolist()]
    first = 150 * X
    x, stages = torch.tensor(first), []
    for i, t in enumerate(scheduler.timesteps):
        sigma = scheduler.sigmas[i].item()
        x = scheduler.step(torch.tensor(noise(G, x.numpy(), Level(1.0, sigma))), t, x).prev_sample
        stages.append(x.numpy())
    states = [first, *stages[1::2], stages[-1]]  # a move has two stages, the last one only one
    ours = collect(heun(G, first, EDM(0.0, 200.0), sigmas))
    assert sigmas[-1] == 0
    np.testing.assert_allclose(ours.x, np.stack(states), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_stochastic_equals_diffusers_ddim_with_the_same_noise(eta):
    scheduler = DDIMScheduler(**LINEAR, clip_sample=False)
    scheduler.alphas_cumprod, scheduler.final_alpha_cumprod = (
        scheduler.alphas_cumprod.double(),
        torch.tensor(1.0).double(),
    )
    scheduler.set_timesteps(20)
    table, x, rng = Tabulated(scheduler.alphas_cumprod), torch.tensor(X), np.random.default_rng(1)
    for t in scheduler.timesteps:
        eps, z = torch.tensor(noise(G, x.numpy(), table(int(t)))), torch.tensor(rng.standard_normal(X.shape))
        x = scheduler.step(eps, t, x, eta=eta, variance_noise=z).prev_sample
    ours = collect(stochastic(G, X, table, [*scheduler.timesteps.tolist(), -1], eta, np.random.default_rng(1)))
    np.testing.assert_allclose(ours.x[-1], x.numpy(), rtol=1e-10, atol=1e-11)


def test_stochastic_with_eta_one_is_ddpm():
    """diffusers' DDPMScheduler, which writes the same step by beta and alpha; torch's generator on both sides."""
    scheduler = DDPMScheduler(**LINEAR, clip_sample=False)
    scheduler.alphas_cumprod, scheduler.one = scheduler.alphas_cumprod.double(), torch.tensor(1.0).double()
    scheduler.set_timesteps(20)
    torch_G = G.like(torch.tensor(X))
    table, x, rng = Tabulated(scheduler.alphas_cumprod), torch.tensor(X), torch.Generator().manual_seed(5)
    for t in scheduler.timesteps:
        x = scheduler.step(noise(torch_G, x, table(int(t))), t, x, generator=rng).prev_sample
    grid = [*scheduler.timesteps.tolist(), -1]
    ours = collect(stochastic(torch_G, torch.tensor(X), table, grid, 1.0, torch.Generator().manual_seed(5)))
    assert torch.allclose(ours.x[-1], x, rtol=1e-9, atol=1e-10)


# Closed forms on a Gaussian


@pytest.mark.parametrize("lam", [0.01, 1.0, 7.0, 1e4])
@pytest.mark.parametrize("name", ["VP", "EDM", "Flow", "Tabulated"])
def test_d7_ddim_is_a_product_of_cosines(name, lam):
    """c_N = c_exact prod_n cos(theta_{n+1} - theta_n), theta = arctan(sqrt(lam) / kappa), down to the clean image."""
    schedule = SCHEDULES[name] if name != "EDM" else EDM(0.0, 80.0)
    if name == "Tabulated":
        grid = [*range(950, -1, -50), -1]
    else:
        grid = grids.uniform(schedule, 20, start=schedule.time(50.0))
    levels = [schedule(t) for t in grid]
    theta = [math.atan2(math.sqrt(lam) * level.alpha, level.sigma) for level in levels]
    cosines = math.prod(math.cos(b - a) for a, b in pairwise(theta))
    exact = math.sqrt(levels[-1].variance(lam) / levels[0].variance(lam))
    assert multiplier(ddim, lam, schedule, grid) == pytest.approx(exact * cosines, rel=1e-12)


def test_d7_ddim_is_exact_for_the_mean_and_off_the_manifold():
    grid = [*range(950, -1, -50), 0]
    table = Tabulated.ddpm()
    start, end = table(950), table(0)
    flat = Gaussian(G.mu, G.U, np.zeros(3))
    ours = collect(ddim(flat, X, table, grid[:-1])).x[-1]
    exact = end.alpha * G.mu + end.sigma / start.sigma * (X - start.alpha * G.mu)
    np.testing.assert_allclose(ours, exact, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("lam", [0.05, 1.0, 40.0])
def test_d8_heun_multiplier(lam):
    """One step over the exact step: cos(dtheta) + sin^2(dtheta) sin(theta') / (2 sin(theta))."""
    for kappa, end in pairwise(np.geomspace(60, 0.01, 12)):
        a, b = math.atan2(math.sqrt(lam), kappa), math.atan2(math.sqrt(lam), end)
        ratio = math.cos(b - a) + math.sin(b - a) ** 2 * math.sin(b) / math.sin(a) / 2
        exact = math.sqrt((end**2 + lam) / (kappa**2 + lam))
        assert multiplier(heun, lam, EDM(), [kappa, end]) == pytest.approx(exact * ratio, rel=1e-12)


def test_d8_two_steps_of_heun_can_be_exact():
    """For one variance over- and underdispersion cancel: 80 -> 2.5574 -> 0 at lam = 1 (errata, D8)."""
    grid = [80.0, 2.5574, 0.0]
    assert multiplier(heun, 1.0, EDM(0.0), grid) == pytest.approx(1 / math.sqrt(6401), rel=2e-5)  # 2.5574 has 5 digits


def test_d7_ddim_is_too_narrow_and_d8_heun_without_its_last_step_too_wide():
    for lam in (0.1, 1.0, 50.0):
        grid = grids.log_snr(EDM(), 15)
        exact = math.sqrt((EDM().t_min ** 2 + lam) / (6400 + lam))
        assert multiplier(ddim, lam, EDM(), grid) < exact < multiplier(heun, lam, EDM(), grid)


@pytest.mark.parametrize("lam", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("move", [(900, 700), (300, 50), (50, 0)])
def test_d9_one_ancestral_step_is_bayes_rule_with_the_estimate_for_the_image(lam, move):
    """Given x_0, (x', x) is a Gaussian pair: condition on x, with x_0 = x0_hat(x)."""
    table, g = Tabulated.ddpm(), one_feature(lam)
    here, there = table(move[0]), table(move[1])
    x0_hat = float(g.denoise(np.ones(1), here)[0])
    a = here.alpha / there.alpha
    gain = a * there.sigma**2 / here.sigma**2
    mean = there.alpha * x0_hat + gain * (1 - here.alpha * x0_hat)
    std = math.sqrt(there.sigma**2 - gain * a * there.sigma**2)
    quiet, loud = (collect(stochastic(g, np.ones(1), table, move, 1.0, Constant(z))).x[-1, 0] for z in (0.0, 1.0))
    assert (quiet, loud - quiet) == pytest.approx((mean, std), rel=1e-11)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_d9_variance_after_one_step(eta):
    """V' = m^2 V + tau^2; what is lacking is lam sigma^2 / v (alpha' - alpha sqrt(sigma'^2 - tau^2) / sigma)^2."""
    table, lam = Tabulated.ddpm(), 3.0
    here, there = table(600), table(400)
    grid = [600, 400]
    m, m_and_tau = (
        collect(stochastic(one_feature(lam), np.ones(1), table, grid, eta, Constant(z))).x[-1, 0] for z in (0.0, 1.0)
    )
    v = here.variance(lam)
    tau2 = (m_and_tau - m) ** 2
    lacking = lam * here.sigma**2 / v * (there.alpha - here.alpha * math.sqrt(there.sigma**2 - tau2) / here.sigma) ** 2
    assert there.variance(lam) - (m**2 * v + tau2) == pytest.approx(lacking, rel=1e-9)


def test_d9_in_the_long_run_the_samples_have_the_variance_of_the_data():
    """Draws agree with the recursion V' = m^2 V + tau^2, and the recursion with the data as the moves get many."""
    lams, table = np.array([0.1, 1.0, 10.0]), Tabulated.ddpm()
    g, missing = Gaussian(np.zeros(3), np.eye(3), lams), []
    for n in (50, 100, 200):
        grid = [*range(950, -1, -950 // n), -1]
        V = table(950).variance(lams)
        for move in pairwise(grid):
            m, m_and_tau = (collect(stochastic(g, np.ones(3), table, move, 1.0, Constant(z))).x[-1] for z in (0.0, 1.0))
            V = m**2 * V + (m_and_tau - m) ** 2
        missing.append(np.abs(V / lams - 1))
        if n == 50:
            expected, moves = V, grid
    assert (missing[1] < 0.65 * missing[0]).all() and (missing[2] < 0.65 * missing[1]).all()  # first order
    rng, N = np.random.default_rng(2), 40_000
    x = rng.standard_normal((N, 3)) * table(950).variance(lams) ** 0.5
    *_, last = stochastic(g, x, table, moves, 1.0, rng)
    np.testing.assert_allclose(last.x.var(axis=0), expected, rtol=5 * math.sqrt(2 / N))  # five standard errors


def test_d4_many_ancestral_steps_reach_the_reverse_sdes_conditional_law():
    """From one x_T: the recursion's mean and variance against `Gaussian.reverse`."""
    table, lam, x_T = Tabulated.ddpm(), 5.0, 1.3
    g, m, V = one_feature(lam), x_T, 0.0
    for move in pairwise(range(950, 99, -1)):
        gain, gain_and_tau = (
            collect(stochastic(g, np.ones(1), table, move, 1.0, Constant(z))).x[-1, 0] for z in (0.0, 1.0)
        )
        m, V = gain * m, gain**2 * V + (gain_and_tau - gain) ** 2
    mean, on, _ = g.reverse(np.array([x_T]), table(950), table(100))
    assert (m, V) == pytest.approx((mean[0], on[0]), rel=0.02)  # 850 moves of a first-order method


# What a sampler is


def test_eq_04_eq_12_ddim_is_eulers_method_on_x_over_alpha():
    vp = VP()
    grid = grids.uniform(vp, 15, end=0.05)
    x = X / vp(1.0).alpha
    for t, s in pairwise(grid):
        kappa, end = vp(t).kappa, vp(s).kappa
        x = x + (end - kappa) * (x - G.denoise(x, Level(1.0, kappa))) / kappa
    np.testing.assert_allclose(collect(ddim(G, X, vp, grid)).scaled()[-1], x, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name, calls", [("ddim", 12), ("heun", 23), ("rk4", 45)])
def test_a_batch_is_one_integration_and_costs_this_many_calls(name, calls):
    """n moves to sigma = 0: n, 2 n - 1 and 4 n - 3 calls of the denoiser, whatever the batch."""
    seen = []

    def f(x, level):
        seen.append(x.shape)
        return G.denoise(x, level)

    table = Tabulated.ddpm()
    grid = [*range(999, 0, -90), -1]
    together = collect(DETERMINISTIC[name](Function(f), X, table, grid))
    assert len(grid) == 13 and len(seen) == calls and set(seen) == {X.shape}
    for i in range(len(X)):
        alone = collect(DETERMINISTIC[name](G, X[i], table, grid))
        np.testing.assert_allclose(together.x[:, i], alone.x, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(together.x0_hat[:, i], alone.x0_hat, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_steps_carry_time_level_state_and_estimate(name):
    table, grid = Tabulated.ddpm(), [900, 500, 100, -1]
    steps = list(DETERMINISTIC[name](G, X, table, grid))
    assert all(isinstance(step, Step) for step in steps)
    assert [step.t for step in steps] == grid and [step.level for step in steps] == [table(t) for t in grid]
    np.testing.assert_array_equal(steps[0].x, X)
    for step in steps[:-1]:
        np.testing.assert_array_equal(step.x0_hat, G.denoise(step.x, step.level))
    np.testing.assert_array_equal(steps[-1].x0_hat, steps[-1].x)
    run = collect(steps)
    assert run.x.shape == run.x0_hat.shape == (4, *X.shape) and run.t.tolist() == grid
    norm = np.hypot(run.level.alpha, run.level.sigma)[:, None, None]
    np.testing.assert_allclose(run.vp() * norm, run.x, rtol=1e-15)
    np.testing.assert_allclose(run.scaled() * run.level.alpha[:, None, None], run.x, rtol=1e-15)


def test_a_trajectory_is_indexed_by_step():
    run = collect(ddim(G, X, EDM(), grids.edm(EDM(), 6)))
    first, part = run[0], run[2:5]
    assert (first.t, first.level) == (80.0, Level(1.0, 80.0)) and np.array_equal(first.x, X)
    assert len(part.t) == 3 and part.x.shape == (3, *X.shape) and part.level[0] == run.level[2]
    assert [step.t for step in run] == run.t.tolist() and np.array_equal(collect(run).x0_hat, run.x0_hat)
    some = run[[0, 2]]
    assert some.t.tolist() == run.t[[0, 2]].tolist() and some.level[1] == run.level[2]
    assert np.array_equal(some.x[1], run[np.int64(2)].x) and np.array_equal(run[run.t > 1].x, run.x[run.t > 1])


def test_pure_noise_has_no_coordinates_of_edm():
    run = collect(ddim(G, X, Flow(), [1.0, 0.5, 0.1]))
    with pytest.raises(ValueError, match=r"alpha: got \[0\. .*no x / alpha in pure noise; .*run\[1:\]"):
        run.scaled()
    assert np.isfinite(run[1:].scaled()).all() and np.isfinite(run.vp()).all()


def test_the_caller_may_stop_early():
    seen = []
    denoiser = Function(lambda x, level: seen.append(level) or x)
    for step in ddim(denoiser, X, Tabulated.ddpm(), [900, 500, 100, -1]):
        if step.t == 500:
            break
    assert len(seen) == 2


@pytest.mark.parametrize("library", LIBRARIES)
def test_samplers_on_every_library(library):
    array, table, grid = LIBRARIES[library], Tabulated.ddpm(), [950, 600, 200, -1]
    g = Gaussian(array(G.mu), array(G.U), array(G.lam))
    for sampler in DETERMINISTIC.values():
        ours, truth = collect(sampler(g, array(X), table, grid)), collect(sampler(G, X, table, grid))
        assert type(ours.x) is type(array(X))
        np.testing.assert_allclose(np.asarray(ours.vp()), truth.vp(), rtol=1e-12, atol=1e-12)
    rng = torch.Generator().manual_seed(0) if library == "torch" else np.random.default_rng(0)
    assert tuple(collect(stochastic(g, array(X), table, grid, 1.0, rng)).x.shape) == (4, *X.shape)


def test_noise_is_a_function_of_the_generator_alone():
    table, grid = Tabulated.ddpm(), [950, 600, 200, -1]
    a, b, c = (collect(stochastic(G, X, table, grid, 1.0, np.random.default_rng(s))).x for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 0.1


def test_stochastic_without_noise_is_ddim():
    table, grid = Tabulated.ddpm(), [950, 600, 200, -1]
    quiet = collect(stochastic(G, X, table, grid, 0.0, np.random.default_rng(0)))
    np.testing.assert_allclose(quiet.x, collect(ddim(G, X, table, grid)).x, rtol=1e-13)


# Teleportation (Sec. 6.1)


@pytest.mark.parametrize("skip", [0, 3, 10])
def test_teleport_lands_on_the_flow(skip):
    """RK4 on a fine grid carries x to the same place."""
    grid = grids.karras(EDM(), 10)
    x = 80 * X
    landed, rest = teleport(G, x, EDM(), grid, skip)
    np.testing.assert_array_equal(rest, grid[skip:])
    if skip:
        fine = grids.log_snr(EDM(), 300, end=grid[skip])
        x = collect(rk4(G, x, EDM(), fine)).x[-1]
    np.testing.assert_allclose(landed, x, rtol=1e-6, atol=1e-6)


def test_teleport_saves_moves_and_error_on_a_gaussian():
    grid, x = grids.karras(EDM(), 18), 80 * X
    exact = G.flow(x, Level(1.0, 80.0), Level(1.0, 0.002))
    landed, rest = teleport(G, x, EDM(), grid, 8)
    full, short = (collect(ddim(G, s, EDM(), g)).x[-1] for s, g in ((x, grid), (landed, rest)))
    assert len(rest) == len(grid) - 8
    assert np.abs(short - exact).max() < np.abs(full - exact).max()


def test_what_the_flow_makes_of_many_starts_has_the_law_of_the_data():
    """Monte Carlo: 20,000 draws at the start, moved by Heun, have the mean and the covariance of the data."""
    rng, start = np.random.default_rng(3), Level(1.0, 80.0)
    mean, C = noisy(G, start)
    x = mean + rng.standard_normal((20_000, G.D)) @ np.linalg.cholesky(C).T
    *_, last = heun(G, x, EDM(), grids.karras(EDM(), 30))
    covariance = (G.U * G.lam) @ G.U.T + 0.002**2 * np.eye(G.D)
    np.testing.assert_allclose(last.x.mean(axis=0), G.mu, atol=5 * math.sqrt(9 / 20_000))  # five standard errors
    np.testing.assert_allclose(np.cov(last.x.T), covariance, atol=5 * 9 * math.sqrt(2 / 20_000))


@pytest.mark.parametrize("sampler", [ddim, heun, rk4])
@pytest.mark.filterwarnings("error")
def test_what_overflows_in_half_precision_is_refused_by_name(sampler):
    x = np.array([0.1257, -0.1321, 0.6406, 0.1049], np.float16)
    steps = sampler(Function(lambda x, level: x / 2 + 6e4 * (level.kappa < 1)), x, Flow(), [1.0, 1e-6, 0.0])
    with pytest.raises(ValueError, match=r"^x, x0_hat: got NaN or infinity at t = .*or its dtype"):
        list(steps)
