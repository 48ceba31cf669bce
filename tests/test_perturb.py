"""Gains against nudged trajectories: by an ODE solver, the exact flow, the ancestral sampler with shared noise."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from truth import LIBRARIES, SCHEDULES, a_gaussian, dense_score, integrate

from paintlib.gaussian import Gaussian
from paintlib.perturb import gain, isotropic_gain
from paintlib.samplers import collect, stochastic
from paintlib.schedules import CLEAN, VP, Level, Tabulated

G = a_gaussian()


@pytest.mark.parametrize("name, t, t_end", [("VP", 0.6, 0.05), ("EDM", 9.0, 0.1), ("Flow", 0.7, 0.05)])
def test_eq_14_gain_of_a_nudge_by_an_ode_solver(name, t, t_end):
    """Integrate with and without the nudge; along each axis, and off the manifold (lam = 0)."""
    schedule, x = SCHEDULES[name], np.random.default_rng(0).standard_normal(G.D)
    off = np.linalg.svd(G.U.T)[2][-1]
    for direction, lam in [*zip(G.U.T, G.lam, strict=True), (off, 0.0)]:
        plain, nudged = (
            integrate(schedule, lambda x, level: dense_score(G, x, level), s, t, t_end) for s in (x, x + direction)
        )
        truth = gain(lam, schedule(t), schedule(t_end)) * direction
        np.testing.assert_allclose(nudged - plain, truth, atol=1e-8)


def test_eq_14_at_the_image():
    level = VP()(0.4)
    for direction, lam in zip(G.U.T, G.lam, strict=True):
        moved = G.filter(direction, level) - G.filter(0 * direction, level)
        np.testing.assert_allclose(moved, gain(lam, level) * direction, atol=1e-13)
    assert gain(0.0, level) == 0


def test_eq_63_gain_of_the_endpoint_estimate_and_of_the_reverse_sde():
    """eta = 1 to the image: alpha lam / v, by which a nudge shows in the endpoint estimate."""
    level, x = VP()(0.4), np.random.default_rng(1).standard_normal(G.D)
    for direction, lam in zip(G.U.T, G.lam, strict=True):
        moved = G.denoise(x + direction, level) - G.denoise(x, level)
        np.testing.assert_allclose(moved, gain(lam, level, eta=1.0) * direction, atol=1e-13)


def test_eq_63_with_the_dense_filter_of_eq_52():
    level = Level(0.6, 0.7)
    C = level.sigma**2 * np.eye(G.D) + level.alpha**2 * (G.U * G.lam) @ G.U.T
    jacobian = (np.eye(G.D) - level.sigma**2 * np.linalg.inv(C)) / level.alpha
    np.testing.assert_allclose(jacobian, (G.U * gain(G.lam, level, eta=1.0)) @ G.U.T, atol=1e-13)


@pytest.mark.parametrize("lam", [0.1, 1.0, 100.0])
def test_d4_gain_with_shared_noise_by_many_ancestral_steps(lam):
    g, table = Gaussian(np.zeros(1), np.eye(1), np.array([lam])), Tabulated.ddpm()
    ends = [
        collect(stochastic(g, np.array([s]), table, range(600, 49, -1), 1.0, np.random.default_rng(2))).x[-1, 0]
        for s in (0.3, 1.3)
    ]
    assert ends[1] - ends[0] == pytest.approx(gain(lam, table(600), table(50), eta=1.0), rel=0.03)  # first order


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_d4_gain_is_the_slope_of_the_reverse_sdes_mean(eta):
    start, end, x = Level(0.4, 0.9), Level(0.8, 0.3), np.zeros(G.D)
    for direction, lam in zip(G.U.T, G.lam, strict=True):
        moved = G.reverse(direction, start, end, eta)[0] - G.reverse(x, start, end, eta)[0]
        np.testing.assert_allclose(moved, gain(lam, start, end, eta) * direction, atol=1e-13)


@pytest.mark.parametrize("alpha, ode, sde", [(0.01, 9.95, 0.99), (0.1, 7.09, 5.03), (0.7, 1.42, 1.41)])
def test_d4_numbers_of_the_errata(alpha, ode, sde):
    level = Level(alpha, math.sqrt(1 - alpha**2))
    assert (gain(100.0, level), gain(100.0, level, eta=1.0)) == pytest.approx((ode, sde), abs=0.006)


def test_e13_e14_when_an_early_nudge_matters_more():
    """The flow's gain falls along generation iff lam > 1; the SDE's peaks at alpha^2 = 1 / (lam - 1) for lam > 2."""
    alphas = np.linspace(0.01, 0.999, 400)
    level = Level(alphas, np.sqrt(1 - alphas**2))
    assert (np.diff(gain(3.0, level)) < 0).all() and (np.diff(gain(0.3, level)) > 0).all()
    np.testing.assert_allclose(gain(1.0, level), 1, rtol=1e-14)
    assert (np.diff(gain(1.9, level, eta=1.0)) > 0).all()
    best = minimize_scalar(
        lambda a: -gain(10.0, Level(a, math.sqrt(1 - a * a)), eta=1.0), bounds=(0, 1), method="bounded"
    )
    assert best.x == pytest.approx(1 / 3, abs=1e-4) and -best.fun == pytest.approx(10 / 6, rel=1e-8)


@pytest.mark.parametrize("library", LIBRARIES)
def test_d10_isotropic_gain_is_the_squared_size_of_the_filter(library):
    """The squared Frobenius norm of the flow's matrix; its off-manifold part is gone at the image."""
    level, lam = Level(0.4, 0.9), LIBRARIES[library](G.lam)
    A = G.filter(np.eye(G.D), level) - G.filter(np.zeros(G.D), level)
    assert float(isotropic_gain(lam, level)) == pytest.approx((A**2).sum(), rel=1e-12)


def test_d10_from_the_trace_to_the_rank():
    assert isotropic_gain(G.lam, Level(0.0, 1.0)) == pytest.approx(G.lam.sum())
    assert isotropic_gain(G.lam, CLEAN) == pytest.approx(G.rank)


def test_d10_counts_off_manifold_directions_where_they_matter():
    start, end = Level(0.4, 0.9), Level(0.9, 0.2)
    A = G.flow(np.eye(G.D), start, end) - G.flow(np.zeros(G.D), start, end)
    lam = np.concatenate([G.lam, np.zeros(G.D - G.rank)])
    assert isotropic_gain(lam, start, end) == pytest.approx((A**2).sum(), rel=1e-12)


def test_eq_14_gains_take_levels_over_a_batch_and_refuse_to_go_back():
    levels = Level(np.array([0.1, 0.6]), np.array([0.995, 0.8]))
    both = gain(2.0, levels, Level(0.9, 0.436), eta=1)
    each = [gain(2.0, Level(a, s), Level(0.9, 0.436), eta=1) for a, s in ((0.1, 0.995), (0.6, 0.8))]
    np.testing.assert_allclose(both, each, rtol=1e-12)
    with pytest.raises(ValueError, match="less noise"):
        gain(2.0, Level(0.9, 0.436), Level(0.1, 0.995))
