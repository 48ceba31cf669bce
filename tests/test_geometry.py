"""The shape of trajectories against SVD, least squares, a search for J's minimum, and diffusers (Eqs. 7, 11, 64-83)."""

import math

import numpy as np
import pytest
import sympy
import torch
from diffusers import EulerDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, quad_vec, solve_ivp
from scipy.optimize import minimize_scalar
from sklearn.decomposition import PCA
from tries import tries
from truth import LIBRARIES, a_gaussian

from paintlib import geometry, grids
from paintlib.denoisers import Function, noise, score, velocity
from paintlib.gaussian import Gaussian
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect, ddim, heun
from paintlib.schedules import CLEAN, EDM, VP, Level, Tabulated

T, D = 12, 30
RUN = np.random.default_rng(0).standard_normal((T, 2, D)).cumsum(axis=0) + 3
each_library = pytest.mark.parametrize("library", LIBRARIES)


# Principal components


@each_library
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("k", [0, 1, 2, 5, T])
def test_table_2_pc_residual_by_svd(library, centred, k):
    ours = np.asarray(geometry.pc_residual(LIBRARIES[library](RUN), k, centred=centred))
    for b in range(2):
        x = RUN[:, b]
        centre = x.mean(axis=0) if centred else 0
        Vt = np.linalg.svd(x - centre, full_matrices=False)[2][:k]
        error = (x - centre) - (x - centre) @ Vt.T @ Vt
        np.testing.assert_allclose(ours[:, b], (error**2).sum(1) / (x**2).sum(1), atol=1e-13)


@each_library
@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.999])
def test_table_2_effective_dimension_by_scikit_learn(library, fraction):
    ours = np.asarray(geometry.effective_dimension(LIBRARIES[library](RUN), fraction, centred=True))
    for b in range(2):
        share = np.cumsum(PCA().fit(RUN[:, b]).explained_variance_ratio_)
        assert ours[b] == np.argmax(share >= fraction) + 1


@each_library
def test_principal_axes_by_scikit_learn(library):
    axes, variances = (np.asarray(a) for a in geometry.principal_axes(LIBRARIES[library](RUN), 3))
    for b in range(2):
        pca = PCA(3).fit(RUN[:, b])
        np.testing.assert_allclose(np.abs(axes[b] @ pca.components_.T), np.eye(3), atol=1e-9)
        np.testing.assert_allclose(variances[b] * T / (T - 1), pca.explained_variance_, rtol=1e-9)
        assert np.all(axes[b] @ (RUN[-1, b] - RUN[:, b].mean(0)) > 0)


def test_principal_axes_that_are_not_there_are_refused():
    line = np.linspace(0, 1, 6)[:, None] * np.ones(4)
    with pytest.raises(ValueError, match=r"^k: got 2; the trajectory has no variance"):
        geometry.principal_axes(line, 2)
    with pytest.raises(ValueError, match=r"^k: got 6; a trajectory of 6 steps has from 1 to 5"):
        geometry.principal_axes(line, 6)


def test_effective_dimension_without_centring():
    far_from_zero = np.ones((5, 4)) * 100 + np.random.default_rng(1).standard_normal((5, 4))
    assert geometry.effective_dimension(far_from_zero, 0.99, centred=False) == 1
    assert geometry.effective_dimension(far_from_zero, 0.99, centred=True) > 1


@each_library
def test_plane_residual_by_least_squares(library):
    ours = np.asarray(geometry.plane_residual(LIBRARIES[library](RUN)))
    for b in range(2):
        basis = RUN[[0, -1], b].T
        fitted = basis @ np.linalg.lstsq(basis, RUN[:, b].T, rcond=None)[0]
        truth = ((RUN[:, b] - fitted.T) ** 2).sum(1) / (RUN[:, b] ** 2).sum(1)
        np.testing.assert_allclose(ours[:, b], truth, atol=1e-13)
    assert ours[[0, -1]].max() < 1e-28


def test_a_plane_through_parallel_ends_is_a_line():
    x = np.array([[2.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(geometry.plane_residual(x), [0, 0.5, 0], atol=1e-15)


def test_table_2_is_ordered_by_eckart_and_young():
    """Top two PCs, not centred, lose less in all than the plane, and the plane less than the rotation."""
    g = a_gaussian(40, np.geomspace(20, 0.01, 30))
    start = Tabulated.ddpm()
    x = np.random.default_rng(2).standard_normal((5, 40))
    run = collect(ddim(g, x, start, [*range(950, -1, -19), -1]))
    size = (run.x**2).sum(-1)
    pcs, plane, rotation = (
        (residual * size).sum(0)
        for residual in (
            geometry.pc_residual(run.x, 2, centred=False),
            geometry.plane_residual(run.x),
            geometry.rotation_residual(run.x, run.level.alpha),
        )
    )
    assert (pcs <= plane).all() and (plane <= rotation).all()


def test_coordinates_change_the_principal_components():
    """Euler keeps x / alpha, DDIM keeps x: on one Gaussian PC1 holds 99.99 % or 97 % for that reason alone."""
    table, D = Tabulated.ddpm(), 200
    lam = np.arange(1, D + 1.0) ** -2
    g = Gaussian(np.zeros(D), np.eye(D), lam * 0.25 * D / lam.sum())
    run = collect(ddim(g, np.random.default_rng(3).standard_normal(D), table, [*range(950, -1, -19), -1]))

    def first(x):
        return PCA().fit(x).explained_variance_ratio_[0]

    assert first(run.scaled()) > 0.999 > 0.99 > first(run.x)
    np.testing.assert_allclose(run.vp(), run.x, rtol=1e-13)


def test_the_two_coordinates_are_those_of_diffusers():
    """Driven by the same Gaussian at the same times, its Euler scheduler walks through DDIM's states over alpha."""
    g, x = a_gaussian(), np.random.default_rng(3).standard_normal((2, 6))
    options = dict(beta_start=1e-4, beta_end=0.02, beta_schedule="linear", timestep_spacing="leading")
    euler = EulerDiscreteScheduler(**options)
    euler.set_timesteps(10)
    euler.sigmas = euler.sigmas.double()
    table = Tabulated(euler.alphas_cumprod)
    run = collect(ddim(g, x, table, [*map(int, euler.timesteps), -1]))
    states = [torch.tensor(run.scaled()[0])]
    for sigma, t in zip(euler.sigmas.tolist(), euler.timesteps, strict=False):
        eps = torch.tensor(noise(g, states[-1].numpy(), Level(1.0, sigma)))
        states.append(euler.step(eps, t, states[-1]).prev_sample)
    # its sigmas are float32, and so is what it does with a state
    np.testing.assert_allclose(torch.stack(states).numpy(), run.scaled(), rtol=1e-4, atol=1e-4)


# Rotation (Eqs. 7, 11, 64-71; D5, D6)

POWER = st.floats(-3, 4).map(lambda p: 10.0**p)


def exact_run(g, x_T, alphas):
    """The exact trajectory of a variance-preserving process from alpha_T = 0, by the flow that D1's tests hold."""
    levels = [Level(a, math.sqrt(1 - a * a)) for a in alphas]
    return np.stack([x_T if a == 0 else g.flow(x_T, levels[0], level) for a, level in zip(alphas, levels, strict=True)])


ALPHAS = np.array([0.0, 0.1, 0.3, 0.6, 0.9, 0.99, 1.0])


def test_eq_07_rotation_residual_is_one_of_a_rotation():
    """A trajectory that is a rotation has none; another has the size of what is left over."""
    x_0, x_T = np.random.default_rng(4).standard_normal((2, D))
    x = ALPHAS[:, None] * x_0 + np.sqrt(1 - ALPHAS**2)[:, None] * x_T
    assert geometry.rotation_residual(x, ALPHAS).max() < 1e-30
    x[3] += 0.5
    truth = D * 0.25 / np.linalg.norm(x[3]) ** 2
    np.testing.assert_allclose(geometry.rotation_residual(x, ALPHAS)[3], truth, rtol=1e-12)


def test_eq_64_to_68_eq_71_deviation_is_J_along_each_axis():
    g = a_gaussian(8, (20.0, 1.0, 0.05))
    x_T = np.random.default_rng(5).standard_normal(8)
    x = exact_run(g, x_T, ALPHAS)
    c = x_T @ g.U
    J = np.stack([geometry.J(g.lam, Level(a, math.sqrt(1 - a * a))) for a in ALPHAS])
    size = (x**2).sum(1)
    np.testing.assert_allclose(geometry.rotation_residual(x, ALPHAS) * size, (J**2 * c**2).sum(1), atol=1e-12)
    deviation = x - ALPHAS[:, None] * x[-1] - np.sqrt(1 - ALPHAS**2)[:, None] * x[0]
    np.testing.assert_allclose(deviation, (J * c) @ g.U.T, atol=1e-13)


def test_eq_74_corrected_by_sympy():
    """E6: J / alpha = -2 sigma sqrt(lam) / (sqrt(sigma^2 + lam alpha^2) + alpha sqrt(lam) + sigma)."""
    lam, a = sympy.Rational(7), sympy.Rational(3, 5)
    s = sympy.sqrt(1 - a**2)
    corrected = -2 * s * sympy.sqrt(lam) / (sympy.sqrt(s**2 + lam * a**2) + a * sympy.sqrt(lam) + s)
    printed = -2 * s * sympy.sqrt(lam) / sympy.sqrt(s**2 + lam * a**2 + a * sympy.sqrt(lam) + s)
    ours = geometry.J(7.0, Level(0.6, 0.8)) / 0.6
    assert ours == pytest.approx(float(corrected), rel=1e-14) and abs(ours - float(printed)) > 0.1


@pytest.mark.parametrize(
    "lam, alpha, lowest, printed",
    [
        (0.01, 0.92906, -0.08142, -0.05829),
        (1.0, 0.70711, -0.41421, -0.41421),
        (10.0, 0.52926, -0.64568, -0.55853),
        (100.0, 0.36993, -0.81418, -0.58288),
        (1e4, 0.17166, -0.95691, -0.58576),
    ],
)
def test_d5_table_of_minima_of_J(lam, alpha, lowest, printed):
    """E4: Eq. 70 prints J at alpha = 1 / sqrt(1 + lam), which is its minimum for lam = 1 only."""

    def J(a):
        return geometry.J(lam, Level(a, math.sqrt(1 - a * a)))

    best = minimize_scalar(J, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})
    assert (best.x, best.fun) == pytest.approx((alpha, lowest), abs=6e-6)
    assert J(1 / math.sqrt(1 + lam)) == pytest.approx(printed, abs=6e-6)
    assert printed == pytest.approx(-2 * (1 - math.sqrt(0.5)) * math.sqrt(lam / (1 + lam)), abs=6e-6)


def test_e4_the_printed_bound_is_broken_from_lam_5_302():
    bound = -2 * (1 - math.sqrt(0.5))

    def lowest(lam):
        f = lambda a: geometry.J(lam, Level(a, math.sqrt(1 - a * a)))  # noqa: E731
        return minimize_scalar(f, bounds=(0, 1), method="bounded", options={"xatol": 1e-10}).fun

    assert lowest(5.30) > bound > lowest(5.304)


@given(lam=POWER, alpha=st.just(0.0) | st.floats(1e-150, 1))
@tries(200)
def test_d5_eq_70_corrected_bounds_of_J(lam, alpha):
    """-sqrt(lam / (1 + lam)) <= -min(sigma, alpha sqrt(lam)) <= J <= 0, at any level."""
    level = Level(alpha, math.sqrt(1 - alpha**2))
    J, bound = geometry.J(lam, level), geometry.J_bound(lam, level)
    rounding = 1e-14 * (1 + math.sqrt(lam))
    assert bound - rounding <= J <= rounding
    assert bound == pytest.approx(-min(level.sigma, alpha * math.sqrt(lam)), abs=rounding)
    assert J >= -math.sqrt(lam / (1 + lam)) - rounding


def test_d5_the_bound_is_sharp_at_high_variance():
    level = Level(0.5, math.sqrt(0.75))
    assert geometry.J(1e12, level) == pytest.approx(geometry.J_bound(1e12, level), rel=1e-5)


def test_d5_relative_error_is_at_most_17_percent_for_every_gaussian():
    rng = np.random.default_rng(6)
    worst = 0
    for _ in range(50):
        g = Gaussian(np.zeros(6), np.eye(6), 10 ** rng.uniform(-3, 3, 6))
        worst = max(worst, geometry.rotation_residual(exact_run(g, rng.standard_normal(6), ALPHAS), ALPHAS).max())
    assert 0.05 < worst <= (math.sqrt(2) - 1) ** 2
    sharp = exact_run(Gaussian(np.zeros(1), np.eye(1), np.ones(1)), np.ones(1), np.array([0.0, math.sqrt(0.5), 1.0]))
    residual = geometry.rotation_residual(sharp, np.array([0.0, math.sqrt(0.5), 1.0]))[1]
    assert residual == pytest.approx((math.sqrt(2) - 1) ** 2, rel=1e-12)  # E12: isotropic data are the worst case


def test_e3_eq_11_is_broken_and_the_corrected_bound_holds():
    """Mean relative error <= tr[Sigma (Sigma + I)^-1] / D, where Eq. 11 prints (1 - sqrt(1/2))^2 r / D."""
    D, lam = 20, 100.0
    g = Gaussian(np.zeros(D), np.eye(D), np.full(D, lam))
    x_T = np.random.default_rng(7).standard_normal((2000, D))
    x = exact_run(g, x_T, np.array([0.0, 0.36993, 1.0]))
    error = ((x[1] - 0.36993 * x[-1] - math.sqrt(1 - 0.36993**2) * x[0]) ** 2).sum(-1).mean() / D
    assert (1 - math.sqrt(0.5)) ** 2 < 0.343 < error < lam / (1 + lam)


def test_d6_eq_66_slerp_is_the_part_of_the_trajectory_in_its_plane():
    """With alpha_T > 0 slerp meets both ends; scipy-free check by the angle itself."""
    start = Level(math.cos(1.3), math.sin(1.3))
    x_0, x_T = np.random.default_rng(8).standard_normal((2, D))
    for phi in (0.0, 0.4, 1.0, 1.3):
        level = Level(math.cos(phi), math.sin(phi))
        truth = (math.sin(1.3 - phi) * x_0 + math.sin(phi) * x_T) / math.sin(1.3)
        np.testing.assert_allclose(geometry.slerp(x_T, x_0, start, level), truth, atol=1e-14)
        np.testing.assert_allclose(geometry.slerp(x_T, x_0, start.ve(), level.ve()), truth, atol=1e-14)
    np.testing.assert_allclose(geometry.slerp(x_T, x_0, start, CLEAN), x_0, atol=1e-15)
    np.testing.assert_allclose(geometry.slerp(x_T, x_0, start, start), x_T, atol=1e-15)


def test_d6_slerp_is_exact_where_the_data_do_not_vary():
    """lam = 0 everywhere: the flow is slerp for any alpha_T, and Eq. 7 is not."""
    g, start = Gaussian(np.ones(D), np.eye(D)[:, :1], np.zeros(1)), Level(0.6, 0.8)
    x_T, level = np.random.default_rng(9).standard_normal(D), Level(0.96, 0.28)
    x_0, x = g.flow(x_T, start), g.flow(x_T, start, level)
    np.testing.assert_allclose(geometry.slerp(x_T, x_0, start, level), x, atol=1e-13)
    assert np.abs(0.96 * x_0 + 0.28 * x_T - x).max() > 0.1


def test_d6_the_identity_that_holds_for_any_data():
    """x_t - alpha_t x_0 - sigma_t x_T = sigma_t int_0^q (x0_hat - x_0) dq, q = alpha / sigma; on a point cloud."""
    cloud, vp = PointCloud(np.array([[1.0, 0.0], [-1.0, 0.7], [0.0, -1.5]])), VP()
    start, middle, end = 1.0, 0.3, 0.001

    def slope(t, x):
        return velocity(cloud, x, vp(t), vp.rate(t))

    x_at = solve_ivp(slope, (start, end), [0.4, -0.9], rtol=1e-10, atol=1e-12, method="DOP853", dense_output=True).sol

    def estimate(q):
        t = vp.time(1 / q)
        return cloud.denoise(x_at(t), vp(t))

    q_T, q = (1 / vp(t).kappa for t in (start, middle))
    x_0 = cloud.denoise(x_at(end), vp(end))
    deviation = x_at(middle) / vp(middle).sigma - x_at(start) / vp(start).sigma - (q - q_T) * x_0
    integral = quad_vec(lambda q: estimate(q) - x_0, q_T, q, epsrel=1e-8)[0]
    assert np.abs(deviation).max() > 0.1
    np.testing.assert_allclose(deviation, integral, rtol=1e-6, atol=1e-7)  # the solver's dense output is of order 7


def test_eq_82_eq_83_conserved_while_the_estimate_stands_still():
    """A frozen endpoint estimate: one DDIM move or many, the quantity stays; and it is minus sigma times the score."""
    x, frozen, table = np.random.default_rng(10).standard_normal(D), np.ones(D), Tabulated.ddpm()
    run = collect(ddim(Function(lambda x, level: frozen), x, table, [950, 600, 300, 10]))
    kept = [geometry.conserved(x, frozen, table(t)) for t, x in zip(run.t, run.x, strict=True)]
    np.testing.assert_allclose(kept, np.tile(kept[0], (4, 1)), rtol=1e-11)
    g, level = a_gaussian(), Level(0.6, 0.7)
    x = np.random.default_rng(11).standard_normal((3, 6))
    np.testing.assert_allclose(geometry.conserved(x, g.denoise(x, level), level), -0.7 * score(g, x, level), rtol=1e-12)


def test_eq_78_to_81_log_ratio_by_integration():
    """log[(x / alpha - x0_hat) / (x_T / alpha_T - x0_hat)] = int beta / sigma^2 dt, with the estimate frozen."""
    vp, frozen, x_T = VP(), 2.0, 0.3
    grid = grids.uniform(vp, 7, end=0.2)
    *_, last = ddim(Function(lambda x, level: frozen + 0 * x), np.array([x_T]), vp, grid)
    ratio = (last.x[0] / vp(0.2).alpha - frozen) / (x_T / vp(1.0).alpha - frozen)
    integral = quad(lambda t: vp.beta(t) / vp(t).sigma ** 2, 1.0, 0.2, epsabs=1e-12)[0]
    assert math.log(ratio) == pytest.approx(integral, rel=1e-9)


def test_the_script_differs_by_a_square_and_by_one_step():
    run, alpha = RUN[:, 0], np.linspace(0.01, 1, T)
    shifted = run[1:] - (alpha[:-1] ** 2)[:, None] * run[-1] - np.sqrt(1 - alpha[:-1] ** 2)[:, None] * run[0]
    truth = (shifted**2).sum(1) / (run[1:] ** 2).sum(1)
    np.testing.assert_allclose(geometry.rotation_residual_script(run, alpha), truth, rtol=1e-12)


@each_library
def test_residuals_on_every_library_and_batched(library):
    array, alpha = LIBRARIES[library], np.linspace(0.01, 1, T)
    for f in (geometry.rotation_residual, geometry.rotation_residual_script):
        together = f(array(RUN), array(alpha))
        assert type(together) is type(array(RUN))
        for b in range(2):
            np.testing.assert_allclose(np.asarray(together)[:, b], f(RUN[:, b], alpha), rtol=1e-12)


def test_residuals_do_not_depend_on_how_it_was_sampled_in_the_limit():
    """Heun in x / alpha, brought to variance-preserving coordinates, gives DDIM's residual for many moves."""
    g, x = a_gaussian(8, (20.0, 1.0, 0.05)), 80 * np.random.default_rng(12).standard_normal((3, 8))
    grid = grids.log_snr(EDM(), 400)
    runs = [collect(sampler(g, x, EDM(), grid)) for sampler in (ddim, heun)]
    alpha = 1 / np.hypot(1, grid)
    one, other = (geometry.rotation_residual(run.vp(), alpha) for run in runs)
    np.testing.assert_allclose(one, other, atol=0.01 * one.max())


def test_d5_the_mean_error_of_the_rotation_is_within_its_bound():
    """Eq. 11's true form: over many seeds, at every time, with x_T of variance one and alpha_T = 0."""
    rng = np.random.default_rng(0)
    lam = np.array([30.0, 4.0, 1.0, 0.2, 0.01, 0.0])
    z = rng.normal(size=(20_000, lam.size))
    bound = geometry.rotation_bound(lam, lam.size)
    for alpha in np.linspace(0, 1, 21):
        sigma = np.sqrt(1 - alpha**2)
        error = (np.sqrt(sigma**2 + lam * alpha**2) - alpha * np.sqrt(lam) - sigma) * z
        assert (error**2).sum(1).mean() / lam.size <= bound
    assert bound <= np.count_nonzero(lam) / lam.size


def test_slerp_takes_levels_for_a_batch():
    rng = np.random.default_rng(1)
    x_0, x_T = rng.normal(size=(2, 3, 5))
    kappa = np.array([0.1, 1.0, 5.0])
    rows = [geometry.slerp(x_T[i], x_0[i], Level.from_kappa(9.0), Level.from_kappa(k)) for i, k in enumerate(kappa)]
    together = geometry.slerp(x_T, x_0, Level.from_kappa(9.0), Level(np.ones(3), kappa))
    np.testing.assert_allclose(together, rows, rtol=1e-12)


def test_a_trajectory_that_stays_or_passes_zero_is_refused():
    with pytest.raises(ValueError, match="stays where it is"):
        geometry.effective_dimension(np.ones((5, 3)), centred=True)
    with pytest.raises(ValueError, match="length 0"):
        geometry.plane_residual(np.vstack([np.ones((2, 3)), np.zeros((1, 3)), 2 * np.ones((1, 3))]))
