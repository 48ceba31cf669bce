"""Guidance of Gaussians in closed form, against the guided flow integrated by RK4 and by scipy."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from paintlib import grids
from paintlib.denoisers import Guided
from paintlib.gaussian import Gaussian
from paintlib.guidance import painted_mean, painted_variance, product_variance
from paintlib.samplers import collect, rk4
from paintlib.schedules import EDM

LAM_C, LAM_U = np.array([4.0, 0.3, 1.0]), np.array([1.0, 2.0, 1.0])
C, U = (Gaussian(np.zeros(3), np.eye(3), lam) for lam in (LAM_C, LAM_U))


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.5, 7.5, -1.0])
def test_log_variances_are_extrapolated(strength):
    """A state that starts as wide as pure noise ends as wide as is said; the flow is linear, so one state tells."""
    schedule = EDM(1e-4, 2e4)
    start = np.full((1, 3), schedule.kappa_max)
    run = collect(rk4(Guided(C, U, strength), start, schedule, grids.log_snr(schedule, 600)))
    np.testing.assert_allclose(run.x[-1, 0] ** 2, painted_variance(LAM_C, LAM_U, strength), rtol=2e-4)
    np.testing.assert_allclose(painted_variance(LAM_C, LAM_U, strength), LAM_C**strength * LAM_U ** (1 - strength))


@pytest.mark.parametrize("low, high", [(0.5, 3.0), (0.0, 1.0), (2.0, math.inf), (1.0, 1.0)])
def test_guidance_on_an_interval(low, high):
    def slope(kappa, x):
        w = 3.0 if low < kappa < high else 1.0
        return kappa * (w * x / (kappa**2 + LAM_C) + (1 - w) * x / (kappa**2 + LAM_U))

    kappas = [1e5, *(k for k in (high, low) if 0 < k < 1e5), 0.0]
    x = np.full(3, 1e5)
    for a, b in pairwise(kappas):
        if a > b:
            x = solve_ivp(slope, (a, b), x, rtol=1e-10, atol=1e-12, method="LSODA").y[:, -1]
    np.testing.assert_allclose(x**2, painted_variance(LAM_C, LAM_U, 3.0, low, high), rtol=1e-6)


def test_the_denoiser_is_guided_on_its_interval_alone():
    x, schedule = np.ones((1, 3)), EDM()
    partly = Guided(C, U, 3.0, 0.5, 2.0)
    for kappa, wanted in [(0.4, C), (1.0, Guided(C, U, 3.0)), (2.5, C)]:
        level = schedule(kappa)
        np.testing.assert_array_equal(partly.denoise(x, level), wanted.denoise(x, level))
    with pytest.raises(ValueError, match=r"low, high: got \(2.0, 1.0\)"):
        Guided(C, U, 3.0, 2.0, 1.0)


PAIRS = [(1.0, 1.0, 4.0), (0.5, 2.0, 3.0), (2.0, 0.7, 2.0)]


@pytest.mark.parametrize("low, high", [(0.0, math.inf), (0.7, math.inf), (0.0, 1.5), (0.4, 3.0)])
@pytest.mark.parametrize("lam_c, lam_u, strength", PAIRS)
def test_the_mean_that_is_painted(lam_c, lam_u, strength, low, high):
    mu_c, mu_u = 1.5, -0.4

    def slope(kappa, x):
        w = strength if low < kappa < high else 1.0
        return kappa * (w * (x - mu_c) / (kappa**2 + lam_c) + (1 - w) * (x - mu_u) / (kappa**2 + lam_u))

    wide = mu_u + strength * (mu_c - mu_u)
    kappas = [1e4, *(k for k in (high, low) if 0 < k < 1e4), 0.0]
    x = np.array([wide if high == math.inf else mu_c])
    for a, b in pairwise(kappas):
        x = solve_ivp(slope, (a, b), x, rtol=1e-11, atol=1e-11, method="LSODA").y[:, -1]
    found = painted_mean(mu_c, mu_u, lam_c, lam_u, strength, low, high)
    assert found == pytest.approx(x[0], rel=1e-3)
    if lam_c == lam_u:
        reached = [1 if k == 0 else 0 if k == math.inf else (lam_c / (k**2 + lam_c)) ** 0.5 for k in (low, high)]
        assert found == pytest.approx(mu_c + (strength - 1) * (mu_c - mu_u) * (reached[0] - reached[1]), rel=1e-5)


def test_where_guidance_is_off_the_plain_painter_is_not_asked():
    class Counted:
        calls = 0

        def denoise(self, x, level):
            self.calls += 1
            return U.denoise(x, level)

    plain, schedule = Counted(), EDM()
    partly = Guided(C, plain, 3.0, 0.5, 2.0)
    for kappa in (0.4, 1.0, 2.5):
        partly.denoise(np.ones((1, 3)), schedule(kappa))
    assert plain.calls == 1


def test_the_product_of_powers_is_another_density():
    x = np.linspace(-40, 40, 200_001)
    for lam_c, lam_u, strength in [(1.0, 2.0, 3.0), (2.0, 3.0, 1.5)]:
        log_p = -(x**2) / 2 * (strength / lam_c + (1 - strength) / lam_u)
        p = np.exp(log_p)
        assert product_variance(lam_c, lam_u, strength) == pytest.approx((p * x**2).sum() / p.sum(), rel=1e-9)
        assert product_variance(lam_c, lam_u, strength) != pytest.approx(
            painted_variance(lam_c, lam_u, strength), rel=0.03
        )
    with pytest.raises(ValueError, match="no integral"):
        product_variance(4.0, 1.0, 3.0)


@pytest.mark.parametrize("bad", [(0.0, 1.0, 2.0), (1.0, -1.0, 2.0), (1.0, 1.0, math.nan), (1.0, math.inf, 2.0)])
def test_bad_input(bad):
    with pytest.raises(ValueError, match=r"lam_c|lam_u|strength"):
        painted_variance(*bad)
