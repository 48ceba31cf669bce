"""Levels and schedules against integrals, the forward SDE's moments, finite differences and diffusers' tables."""

import math

import mpmath
import numpy as np
import pytest
from diffusers import DDPMScheduler, EulerDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from tries import tries
from truth import LIBRARIES, SCHEDULES

from paintlib.gaussian import psi
from paintlib.schedules import CLEAN, EDM, VP, Cosine, Flow, Level, Tabulated

FLOAT32 = 2e-6  # diffusers keeps its tables in float32, and multiplies 1000 of their entries
TIMES = {"VP": (1e-3, 1), "Cosine": (1e-3, 0.999), "EDM": (1e-3, 80), "Flow": (1e-3, 0.999), "Tabulated": (0, 999)}
each_schedule = pytest.mark.parametrize("name", SCHEDULES)


@pytest.mark.parametrize("t", [0.0, 0.03, 0.5, 1.0])
def test_eq_03_alpha_is_exp_of_minus_the_integral_of_beta(t):
    vp = VP(0.3, 12.0)
    level = vp(t)
    assert level.alpha == pytest.approx(math.exp(-quad(vp.beta, 0, t, epsabs=1e-14)[0]), rel=1e-13)
    assert level.alpha**2 + level.sigma**2 == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("name", ["VP", "Cosine", "Flow", "EDM"])
def test_eq_01_eq_17_eq_18_forward_sde_has_these_moments(name):
    """dx = f x dt + g dw from x = 1: mean' = f mean, variance' = 2 f variance + g^2, with f, g^2 from `rate`."""
    schedule, (start, end) = SCHEDULES[name], {"EDM": (0.1, 3.0)}.get(name, (0.1, 0.7))

    def moments(t, y):
        level, (a, s) = schedule(t), schedule.rate(t)
        f = a / level.alpha
        return [f * y[0], 2 * f * y[1] + 2 * level.sigma * s - 2 * f * level.sigma**2]

    first = schedule(start)
    mean, variance = solve_ivp(moments, (start, end), [first.alpha, first.sigma**2], rtol=1e-11, atol=1e-13).y[:, -1]
    last = schedule(end)
    assert [mean, variance] == pytest.approx([last.alpha, last.sigma**2], rel=1e-8)


def test_eq_01_vp_diffusion_is_twice_beta():
    """In the variance-preserving process g^2 = 2 beta, with the paper's beta: half of Song's."""
    vp, t = VP(0.1, 20.0), 0.37
    level, (alpha_rate, sigma_rate) = vp(t), vp.rate(t)
    g2 = 2 * level.sigma * sigma_rate - 2 * alpha_rate / level.alpha * level.sigma**2
    assert g2 == pytest.approx(2 * vp.beta(t), rel=1e-13)
    assert vp.beta(t) == pytest.approx((0.1 + t * 19.9) / 2, rel=1e-15)


def slope(f, t, h):
    """Central difference with one Richardson step."""
    return (8 * (f(t + h) - f(t - h)) - (f(t + 2 * h) - f(t - 2 * h))) / (12 * h)


@each_schedule
def test_rate_is_the_derivative(name):
    schedule, (low, high) = SCHEDULES[name], TIMES[name]
    for t in np.linspace(low, high, 9)[1:-1] + 0.05 * (name == "Tabulated"):
        h = 1e-4 * (high - low) if name != "Tabulated" else 0.01  # a table has knots: stay between two
        alpha_rate, sigma_rate = schedule.rate(t)
        assert alpha_rate == pytest.approx(slope(lambda t: schedule(t).alpha, t, h), rel=1e-7, abs=1e-9)
        assert sigma_rate == pytest.approx(slope(lambda t: schedule(t).sigma, t, h), rel=1e-7, abs=1e-9)


@each_schedule
@given(share=st.floats(0, 1))
@tries(40)
def test_time_inverts_kappa(name, share):
    schedule, (low, high) = SCHEDULES[name], TIMES[name]
    t = low + share * (high - low)
    kappa = schedule(t).kappa
    assert schedule.time(kappa) == pytest.approx(t, rel=1e-9, abs=1e-9)
    assert schedule(schedule.time(kappa)).kappa == pytest.approx(kappa, rel=1e-9)


@each_schedule
def test_ends(name):
    schedule = SCHEDULES[name]
    assert schedule(schedule.t_max).kappa > 80 - 1e-9 and schedule(schedule.t_min).kappa <= 0.002
    if name not in ("EDM", "Tabulated"):
        assert schedule(0.0) == CLEAN and schedule.time(0.0) == 0.0
    assert schedule.time(schedule(schedule.t_max).kappa) == pytest.approx(schedule.t_max, rel=1e-12)
    for outside in (schedule.t_max * 1.01, -2.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^t: got .*this schedule's times run from"):
            schedule(outside)


def test_ddpm_table_equals_diffusers():
    theirs = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear").alphas_cumprod.double().numpy()
    ours = Tabulated.ddpm()
    np.testing.assert_allclose([ours(t).alpha ** 2 for t in range(1000)], theirs, rtol=20 * FLOAT32)
    assert ours(999).alpha == pytest.approx(6.3528e-3, abs=1e-7)  # errata, Eq. 3


def test_stable_diffusion_never_reaches_the_image():
    betas = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    table = Tabulated(DDPMScheduler(**betas).alphas_cumprod)
    assert table(999).alpha == pytest.approx(6.8265e-2, abs=1e-6)
    assert table(0).sigma == pytest.approx(0.02915, abs=1e-5)


def test_table_6_ddpm_row_by_running_the_chain():
    """x' = sqrt(1 - beta) x + sqrt(beta) noise: follow the mean's factor A and the variance B (E8: A has alpha-bar)."""
    A, B, table = 1.0, 0.0, Tabulated.ddpm()
    for t, beta in enumerate(np.linspace(1e-4, 0.02, 1000)):
        A, B = math.sqrt(1 - beta) * A, (1 - beta) * B + beta
        assert (table(t).alpha, table(t).sigma ** 2) == pytest.approx((A, B), rel=1e-11)


def test_cosine_equals_diffusers():
    theirs = DDPMScheduler(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2").alphas_cumprod.double().numpy()
    ours = np.array([Cosine()((i + 1) / 1000).alpha ** 2 for i in range(999)])  # their last beta is capped
    np.testing.assert_allclose(ours[:900], theirs[:900], rtol=1e-4)  # 1 - beta loses float32 digits as beta -> 1
    assert Cosine()(1.0).alpha == 0 and Cosine()(1.0).kappa == math.inf


def test_table_between_its_entries_equals_diffusers():
    euler = EulerDiscreteScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    table = Tabulated(euler.alphas_cumprod)
    log_kappa = np.array([math.log(table(t).kappa) for t in range(1000)])
    for t in (0.5, 17.25, 640.9, 998.01):
        kappa = table(t).kappa
        assert euler._sigma_to_t(np.array([kappa]), log_kappa)[0] == pytest.approx(t, abs=1e-9)
        assert table.time(kappa) == pytest.approx(t, abs=1e-9)
    assert table(-1) == CLEAN and table.time(0.0) == -1


@given(log_snr=st.floats(-30, 30))
@tries(50)
def test_level_conversions_both_ways(log_snr):
    level = Level.from_log_snr(log_snr)
    assert level.log_snr == pytest.approx(log_snr, rel=1e-12, abs=1e-12)
    assert level.alpha**2 + level.sigma**2 == pytest.approx(1, abs=1e-14)
    edm = level.ve()
    assert edm.alpha == 1 and edm.sigma == pytest.approx(level.kappa, rel=1e-15)
    assert Level.from_kappa(edm.sigma).vp().alpha == pytest.approx(level.alpha, rel=1e-12)
    assert level.variance(3.0) == pytest.approx(level.sigma**2 + 3 * level.alpha**2, rel=1e-15)


@pytest.mark.parametrize("library", LIBRARIES)
def test_levels_may_be_arrays(library):
    array = LIBRARIES[library]
    alpha, sigma = np.array([0.9, 0.5, 0.1]), np.array([0.1, 0.5, 2.0])
    together = Level(array(alpha), array(sigma))
    for i, alone in enumerate(map(Level, alpha, sigma)):
        for name in ("kappa", "log_snr"):
            assert float(getattr(together, name)[i]) == pytest.approx(getattr(alone, name), rel=1e-14)
        for other in ("vp", "ve"):
            assert float(getattr(together, other)().alpha[i]) == pytest.approx(getattr(alone, other)().alpha, rel=1e-14)
    a, s = together.on(array(np.zeros((3, 4))))
    assert tuple(a.shape) == tuple(s.shape) == (3, 1)


def test_flow_and_edm_are_what_their_names_say():
    assert Flow()(0.25) == Level(0.75, 0.25) and Flow().time(3.0) == 0.75
    assert EDM()(7.0) == Level(1.0, 7.0) and EDM().time(7.0) == 7.0


def test_cosine_times_keep_their_digits_near_clean_data():
    for offset in (0.0, 0.008):
        schedule = Cosine(offset)
        for kappa in (1e-3, 1e-2, 0.5, 3.0, 1e4):
            assert schedule(schedule.time(kappa)).kappa == pytest.approx(kappa, rel=1e-8)
        assert schedule.time(0) == 0 and schedule.time(math.inf) == 1 and schedule.time(1e-6) > 0


def test_stable_diffusion_table_equals_diffusers():
    theirs = DDPMScheduler(1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").alphas_cumprod
    np.testing.assert_allclose(Tabulated.stable_diffusion().alphas_cumprod, theirs.numpy(), rtol=20 * FLOAT32)


@pytest.mark.parametrize("small", [1e-9, 1e-4, 0.3])
def test_a_vp_level_from_alpha_or_sigma_keeps_its_digits(small):
    with mpmath.workdps(40):
        near_one = float(mpmath.sqrt(1 - mpmath.mpf(small) ** 2))
        partner = float(mpmath.sqrt(1 - mpmath.mpf(near_one) ** 2))  # of the double that is near one
    assert Level.from_sigma(small).alpha == pytest.approx(near_one, rel=4e-16)
    assert Level.from_alpha(near_one).sigma == pytest.approx(partner, rel=4e-16)
    assert Level.from_alpha(small).sigma == Level.from_sigma(small).alpha


@pytest.mark.parametrize("library", LIBRARIES)
def test_levels_over_batch_axes_are_indexed_like_their_arrays(library):
    array = LIBRARIES[library]
    alpha, sigma = np.array([0.1, 0.6, 0.8]), np.array([0.9, 0.8, 0.6])
    levels = Level(array(alpha), array(sigma))
    assert levels[1] == Level(0.6, 0.8) == levels[-2]
    np.testing.assert_array_equal(np.asarray(levels[1:].sigma), sigma[1:])
    assert tuple(levels[:-1, None].alpha.shape) == (2, 1)
    assert [level.sigma for level in Level(1.0, array(sigma))] == sigma.tolist()
    grid = Level(array(alpha[:, None]), array(sigma))  # two shapes that broadcast
    assert grid[2, 0] == Level(0.8, 0.9)
    with pytest.raises(ValueError, match=r"^level: got a single one; "):
        CLEAN[0]


@pytest.mark.parametrize("library", ["numpy", "torch"])  # the strict library multiplies no whole number by a float
def test_whole_numbers_are_variances(library):
    level, whole = Level(0.006, 1.0), np.array([1, 10, 10000])  # alpha^2 is below one, and no whole number
    lam = LIBRARIES[library](whole)
    assert np.allclose(np.asarray(level.variance(lam)), 1 + whole * 0.006**2, rtol=1e-6)
    assert np.allclose(np.asarray(psi(lam, level)), (whole / (1 + whole * 0.006**2)) ** 0.5, rtol=1e-6)


def test_a_level_that_was_asked_before_is_refused_as_the_first_time_and_gives_what_no_one_can_change():
    level = Level(0.8, 1e-100)
    for _ in range(2):
        alpha, sigma = level.on(np.zeros(3))
        assert (alpha, sigma) == (0.8, 1e-100) and alpha.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            alpha += 1
        with pytest.raises(ValueError, match=r"sigma: got 1e-100; its square is no number of float32"):
            level.on(np.zeros(3, dtype=np.float32))
        with pytest.raises(ValueError, match="x: got dtype int64; convert"):
            level.on(np.zeros(3, dtype=np.int64))
