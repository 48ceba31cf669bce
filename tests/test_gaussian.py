"""The Gaussian's closed forms against dense covariances, ODE solvers, scipy and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.linalg import sqrtm
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from tries import tries
from truth import LIBRARIES, SCHEDULES, a_gaussian, dense, dense_score, drift_and_diffusion, integrate, noisy

from paintlib.denoisers import score, velocity
from paintlib.gaussian import Gaussian, emergence_kappa, psi, psi_rate, xi, xi_rate
from paintlib.mixture import Mixture
from paintlib.schedules import CLEAN, VP, Level

G = a_gaussian()
VPS = VP()
SOLVER = 1e-8  # the ODE solver runs at rtol 1e-11 per step, over some hundred steps


class SubVP:
    """sigma = 1 - alpha^2: a schedule that paintlib does not know."""

    def __call__(self, t):
        alpha = math.exp(-2 * t**2)
        return Level(alpha, 1 - alpha**2)

    def rate(self, t):
        alpha = math.exp(-2 * t**2)
        return -4 * t * alpha, 8 * t * alpha**2


SPANS = {"VP": (1.0, 0.05), "Cosine": (0.95, 0.05), "EDM": (20.0, 0.05), "Flow": (0.95, 0.05)}


def schedule_named(name):
    return SubVP() if name == "SubVP" else SCHEDULES[name]


def test_eq_08_score_against_the_inverse_of_the_covariance():
    x, level = np.random.default_rng(0).standard_normal((4, G.D)), VPS(0.3)
    np.testing.assert_allclose(score(G, x, level), dense_score(G, x, level), rtol=1e-11)


def test_eq_09_flow_against_an_ode_solver():
    x = np.random.default_rng(1).standard_normal(G.D)
    solved = integrate(VPS, lambda x, level: dense_score(G, x, level), x, 1.0, 0.02)
    np.testing.assert_allclose(G.flow(x, VPS(1.0), VPS(0.02)), solved, rtol=SOLVER, atol=SOLVER)


@pytest.mark.parametrize("name", [*SPANS, "SubVP"])
def test_d1_flow_of_any_schedule_against_an_ode_solver(name):
    schedule, (start, end) = schedule_named(name), SPANS.get(name, (1.2, 0.2))
    x = np.random.default_rng(2).standard_normal(G.D) * 3
    solved = integrate(schedule, lambda x, level: dense_score(G, x, level), x, start, end)
    np.testing.assert_allclose(G.flow(x, schedule(start), schedule(end)), solved, rtol=SOLVER, atol=SOLVER)


def test_d1_the_flow_runs_both_ways_and_the_law_follows():
    """It carries the covariance at one level to the covariance at the other (it is linear: push the axes through)."""
    start, end = Level(0.2, 1.1), Level(0.8, 0.3)
    at_zero = G.flow(np.zeros(G.D), start, end)
    A = (G.flow(np.eye(G.D), start, end) - at_zero).T
    (mean, C), (mean_end, C_end) = noisy(G, start), noisy(G, end)
    np.testing.assert_allclose(A @ C @ A.T, C_end, atol=1e-13)
    np.testing.assert_allclose(A @ mean + at_zero, mean_end, atol=1e-13)
    x = np.random.default_rng(3).standard_normal((5, G.D))
    np.testing.assert_allclose(G.flow(G.flow(x, start, end), end, start), x, rtol=1e-12, atol=1e-13)


def test_d2_variance_preserving_and_exploding_are_one_curve():
    x, start, end = np.random.default_rng(4).standard_normal((5, G.D)), VPS(0.9), VPS(0.2)
    scaled = G.flow(x / start.alpha, start.ve(), end.ve())
    np.testing.assert_allclose(G.flow(x, start, end) / end.alpha, scaled, rtol=1e-11, atol=1e-12)


@given(kappas=st.tuples(*[st.floats(0.01, 100)] * 3), alphas=st.tuples(*[st.floats(0.01, 2)] * 3))
@tries(40)
def test_flow_composes(kappas, alphas):
    a, b, c = (Level(alpha, alpha * kappa) for kappa, alpha in zip(kappas, alphas, strict=True))
    x = a.alpha * G.mu + np.random.default_rng(5).standard_normal((3, G.D)) * a.sigma
    direct = G.flow(x, a, c)
    np.testing.assert_allclose(G.flow(G.flow(x, a, b), b, c), direct, rtol=1e-9, atol=1e-10 * np.abs(direct).max())


@given(seed=st.integers(0, 2**32 - 1))
@tries(20)
def test_turned_data_are_painted_the_same_way(seed):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((G.D, G.D)))[0]
    turned, x = Gaussian(Q @ G.mu, Q @ G.U, G.lam), rng.standard_normal((3, G.D))
    start, end = VPS(0.9), VPS(0.1)
    np.testing.assert_allclose(turned.flow(x @ Q.T, start, end), G.flow(x, start, end) @ Q.T, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(turned.denoise(x @ Q.T, start), G.denoise(x, start) @ Q.T, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(turned.log_prob(x @ Q.T, end), G.log_prob(x, end), rtol=1e-9)


def test_eq_10_filter_against_matrix_roots():
    """mu + Sigma^(1/2) (sigma_T^2 I + alpha_T^2 Sigma)^(-1/2) (x_T - alpha_T mu), by scipy's sqrtm."""
    start, x = VPS(1.0), np.random.default_rng(6).standard_normal((4, G.D))
    mean, C = noisy(G, start)
    filter_ = G.U @ np.diag(G.lam**0.5) @ G.U.T @ np.linalg.inv(sqrtm(C).real)
    np.testing.assert_allclose(G.filter(x, start), G.mu + (x - mean) @ filter_.T, rtol=1e-11, atol=1e-12)


def test_eq_13_endpoint_estimate_along_the_flow():
    """x0_hat(x_t) = mu + sum_k xi(t, lam_k) c_k(T) u_k, x_t from the ODE solver, x0_hat from a dense inverse."""
    x_T, start, t = np.random.default_rng(7).standard_normal(G.D), VPS(1.0), 0.3
    x = integrate(VPS, lambda x, level: dense_score(G, x, level), x_T, 1.0, t)
    level = VPS(t)
    x0_hat = (x + level.sigma**2 * dense_score(G, x, level)) / level.alpha
    c_T = (x_T - start.alpha * G.mu) @ G.U
    np.testing.assert_allclose(x0_hat, G.mu + G.U @ (xi(G.lam, start, level) * c_T), rtol=SOLVER, atol=SOLVER)


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0, 50.0])
def test_eq_33_to_45_psi_against_the_integral_of_its_rate(lam):
    """c' / c = beta alpha^2 (1 - lam) / (alpha^2 lam + sigma^2) (Eqs. 33, 34, 36, 37), integrated by scipy."""

    def growth(t):
        level = VPS(t)
        return VPS.beta(t) * level.alpha**2 * (1 - lam) / (level.alpha**2 * lam + level.sigma**2)

    exponent = quad(growth, 1.0, 0.1, epsabs=1e-13, epsrel=1e-13)[0]
    assert psi(lam, VPS(1.0), VPS(0.1)) == pytest.approx(math.exp(exponent), rel=1e-10)


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0, 50.0])
@pytest.mark.parametrize("name", SPANS)
def test_eq_46_eq_47_rates_of_psi_and_xi_against_differences(name, lam):
    schedule, (first, last) = schedule_named(name), SPANS[name]
    start, t, h = schedule(first), (first + last) / 3, 1e-5 * first
    slope_psi = (psi(lam, start, schedule(t + h)) - psi(lam, start, schedule(t - h))) / (2 * h)
    slope_xi = (xi(lam, start, schedule(t + h)) - xi(lam, start, schedule(t - h))) / (2 * h)
    # central differences: h^2 of truncation, 1e-16 / h of rounding
    assert psi_rate(lam, start, schedule(t), schedule.rate(t)) == pytest.approx(slope_psi, rel=1e-7, abs=1e-9)
    assert xi_rate(lam, start, schedule(t), schedule.rate(t)) == pytest.approx(slope_xi, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", [*SPANS, "SubVP"])
def test_eq_50_velocity_against_the_probability_flow(name):
    schedule, t = schedule_named(name), 0.4
    x = np.random.default_rng(8).standard_normal((3, G.D))
    f, g2 = drift_and_diffusion(schedule, t)
    flow = f * x - g2 / 2 * dense_score(G, x, schedule(t))
    np.testing.assert_allclose(G.velocity(x, schedule(t), schedule.rate(t)), flow, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(velocity(G, x, schedule(t), schedule.rate(t)), flow, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("level", [Level(0.7, 0.7), Level(1e-6, 1.0), Level(1.0, 1e-4)])
def test_eq_51_to_59_endpoint_estimate_against_the_dense_inverse(level):
    """mu + alpha Sigma C^-1 (x - alpha mu): the form of Eqs. 52 and 58 that stays finite for alpha -> 0."""
    x = level.alpha * G.mu + np.random.default_rng(9).standard_normal((4, G.D)) * level.sigma
    mean, C = noisy(G, level)
    truth = G.mu + level.alpha * np.linalg.solve(C, (x - mean).T).T @ dense(G)
    np.testing.assert_allclose(G.denoise(x, level), truth, rtol=1e-7, atol=1e-9)  # cond(C) is 1e9 in the last case


def test_eq_53_isotropic_data():
    D, variance, level = 4, 2.5, Level(0.6, 0.8)
    isotropic, x = Gaussian(np.ones(D), np.eye(D), np.full(D, variance)), np.arange(4.0)
    shrink = variance * 0.6 / (0.64 + 0.36 * variance)
    np.testing.assert_allclose(isotropic.denoise(x, level), 1 + shrink * (x - 0.6), rtol=1e-14)


def test_eq_60_to_62_each_feature_is_shown_or_not():
    """High variance: x0_hat - mu is y / alpha; low variance: a small part of it."""
    shown, hidden = (
        Gaussian(np.zeros(1), np.eye(1), np.array([1e6])),
        Gaussian(np.zeros(1), np.eye(1), np.array([1e-6])),
    )
    x, level = np.array([2.0]), Level(0.5, 0.5)
    assert float(shown.denoise(x, level)[0]) == pytest.approx(4.0, rel=2e-6)
    assert 0 < float(hidden.denoise(x, level)[0]) < 1e-5 * 4.0


def test_denoise_at_sigma_zero_is_the_projection_on_the_data():
    x = np.random.default_rng(10).standard_normal((4, G.D))
    np.testing.assert_allclose(G.denoise(x, CLEAN), G.mu + (x - G.mu) @ G.U @ G.U.T, rtol=1e-12, atol=1e-13)
    flat = Gaussian(G.mu, G.U, np.array([9.0, 2.0, 0.0]))
    np.testing.assert_allclose(flat.denoise(x, CLEAN), G.truncate(2).denoise(x, CLEAN), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("level", [Level(0.7, 0.6), Level(1.0, 1e-3), Level(0.0, 1.0), Level(1.0, 50.0)])
def test_log_prob_against_scipy(level):
    x = np.random.default_rng(11).standard_normal((2, 3, G.D))
    mean, C = noisy(G, level)
    np.testing.assert_allclose(G.log_prob(x, level), multivariate_normal(mean, C).logpdf(x), rtol=1e-9)


def test_log_prob_of_full_rank_exists_without_noise():
    full, x = a_gaussian(4, (4.0, 2.0, 1.0, 0.5)), np.arange(4.0)
    truth = multivariate_normal(full.mu, dense(full)).logpdf(x)
    assert float(full.log_prob(x, CLEAN)) == pytest.approx(truth, rel=1e-12)


def test_level_arrays_in_flow_and_log_prob_equal_a_loop():
    rng = np.random.default_rng(12)
    x, (a, s, b, r) = rng.standard_normal((3, G.D)), rng.uniform(0.2, 1, (4, 3))
    together = G.flow(x, Level(a, s), Level(b, r)), G.log_prob(x, Level(a, s))
    for i in range(3):
        np.testing.assert_allclose(together[0][i], G.flow(x[i], Level(a[i], s[i]), Level(b[i], r[i])), rtol=1e-12)
        np.testing.assert_allclose(together[1][i], G.log_prob(x[i], Level(a[i], s[i])), rtol=1e-12)


# Emergence (Sec. 4.2)


@pytest.mark.parametrize("lam", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("fraction", [0.5**0.5, 0.1, 0.9])
def test_emergence_kappa_is_where_xi_reaches_the_fraction(lam, fraction):
    start = Level(1.0, 1e4)

    def missing(log_kappa):
        return xi(lam, start, Level.from_kappa(math.exp(log_kappa))) / xi(lam, start, CLEAN) - fraction

    kappa = math.exp(brentq(missing, -15, 10, xtol=1e-13))
    assert emergence_kappa(lam, fraction) == pytest.approx(kappa, rel=1e-10)


@pytest.mark.parametrize("lam", [0.1, 1.0, 30.0])
def test_xi_is_steepest_in_log_snr_where_lam_alpha_squared_is_half_sigma_squared(lam):
    """errata, "critical point": in log-SNR the steepest point is lam alpha^2 / sigma^2 = 1/2."""

    def minus_slope(log_snr):
        level = Level.from_log_snr(log_snr)
        rate = (level.alpha * level.sigma**2 / 2, -level.sigma * level.alpha**2 / 2)  # d / d log-SNR
        return -xi_rate(lam, Level(0.0, 1.0), level, rate)

    best = minimize_scalar(minus_slope, bounds=(-20, 20), method="bounded", options={"xatol": 1e-10}).x
    assert lam * math.exp(best) == pytest.approx(0.5, rel=1e-5)  # a maximum is found to the root of the precision


# Prior mismatch (D3) and the reverse SDE (D4)


def test_d3_generated_is_the_pushed_forward_start():
    """The flow is linear, so its image of N(0, noise^2 I) is had from the images of the axes."""
    start, noise = Level(0.3, 0.9), 1.3
    at_zero = G.flow(np.zeros(G.D), start)
    A = (G.flow(np.eye(G.D), start) - at_zero).T
    made = G.generated(start, noise)
    np.testing.assert_allclose(dense(made), noise**2 * A @ A.T, atol=1e-13)
    np.testing.assert_allclose(made.mu, at_zero, atol=1e-13)


@pytest.mark.parametrize(
    "alpha_T, ratios", [(6.3528e-3, [0.9996, 0.996, 0.961, 0.713]), (6.8265e-2, [0.960, 0.684, 0.177, 0.021])]
)
def test_d3_numbers_of_the_errata(alpha_T, ratios):
    lam = np.array([1e4, 1e3, 1e2, 1e1])
    start = Level(alpha_T, math.sqrt(1 - alpha_T**2))
    made = Gaussian(np.zeros(4), np.eye(4), lam).generated(start, 1.0)
    np.testing.assert_allclose((made.lam / lam)[::-1], ratios, atol=6e-4)  # printed with three or four digits


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("name", ["VP", "EDM", "Flow"])
def test_d4_reverse_sde_against_its_moment_equations(name, eta):
    """m' = A m + b and V' = A V + V A^T - eta^2 g^2 I backwards in time, with dense A, by scipy."""
    schedule, (start, end) = SCHEDULES[name], {"VP": (0.9, 0.1), "EDM": (20.0, 0.3), "Flow": (0.9, 0.1)}[name]
    g = a_gaussian(3, (4.0, 0.3))
    x = np.random.default_rng(13).standard_normal(3) * 2
    D = g.D

    def moments(t, y):
        m, V = y[:D], y[D:].reshape(D, D)
        f, g2 = drift_and_diffusion(schedule, t)
        mean, C = noisy(g, schedule(t))
        pull = (1 + eta**2) * g2 / 2 * np.linalg.inv(C)
        A = f * np.eye(D) + pull
        return np.concatenate([A @ m - pull @ mean, (A @ V + V @ A.T - eta**2 * g2 * np.eye(D)).ravel()])

    y = solve_ivp(moments, (start, end), np.concatenate([x, np.zeros(D * D)]), rtol=1e-10, atol=1e-12, method="DOP853")
    m, V = y.y[:D, -1], y.y[D:, -1].reshape(D, D)
    mean, on, off = g.reverse(x, schedule(start), schedule(end), eta)
    np.testing.assert_allclose(mean, m, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose((g.U * (on - off)) @ g.U.T + off * np.eye(D), V, rtol=1e-7, atol=1e-8)


def test_d4_with_eta_one_is_bayes_rule():
    """The reverse SDE has the forward law: condition x_t on x_T in their joint Gaussian, x_T = a x_t + noise."""
    end, start = Level(0.8, 0.5), Level(0.3, 1.2)
    x = np.random.default_rng(14).standard_normal((4, G.D))
    (m_end, C_end), (m_start, C_start) = noisy(G, end), noisy(G, start)
    a = start.alpha / end.alpha
    K = a * C_end @ np.linalg.inv(C_start)
    mean, on, off = G.reverse(x, start, end)
    np.testing.assert_allclose(mean, m_end + (x - m_start) @ K.T, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose((G.U * (on - off)) @ G.U.T + off * np.eye(G.D), C_end - a * K @ C_end, atol=1e-13)


def test_d4_at_the_image_the_sde_draws_from_the_posterior():
    start, x = VPS(0.8), np.random.default_rng(15).standard_normal((4, G.D))
    mean, on, off = G.reverse(x, start, CLEAN)
    np.testing.assert_allclose(mean, G.denoise(x, start), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(on, 1 / (1 / G.lam + start.alpha**2 / start.sigma**2), rtol=1e-12)
    assert off == 0


def test_d4_with_eta_zero_is_the_flow():
    start, end, x = VPS(0.8), VPS(0.1), np.random.default_rng(16).standard_normal((4, G.D))
    mean, on, off = G.reverse(x, start, end, 0.0)
    np.testing.assert_allclose(mean, G.flow(x, start, end), rtol=1e-12)
    assert off == 0 and not on.any()


# Fitting


def points(N, D, seed=0):
    rng = np.random.default_rng(seed)
    return 3.0 + rng.standard_normal((N, D)) * np.geomspace(5, 0.1, D) @ np.linalg.qr(rng.standard_normal((D, D)))[0]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("N, D", [(200, 8), (9, 30), (30, 30), (2, 5)])
def test_fit_against_scikit_learn(library, N, D):
    data = points(N, D)
    fitted = Gaussian.fit(LIBRARIES[library](data))
    pca = PCA(svd_solver="full").fit(data)
    r = min(N - 1, D)
    assert fitted.rank == r
    np.testing.assert_allclose(np.asarray(fitted.mu), pca.mean_, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(fitted.lam), pca.explained_variance_[:r] * (N - 1) / N, rtol=1e-9)
    np.testing.assert_allclose(dense_of(fitted), np.cov(data.T, bias=True), rtol=1e-9, atol=1e-11)


def dense_of(fitted):
    return dense(Gaussian(*map(np.asarray, (fitted.mu, fitted.U, fitted.lam))))


def test_fit_by_batches_equals_fit_at_once():
    data = points(500, 12)
    by_batches = Gaussian.fit(iter(np.array_split(data, 7)), rank=5)
    at_once = Gaussian.fit(data, rank=5)
    np.testing.assert_allclose(by_batches.mu, at_once.mu, rtol=1e-13)
    np.testing.assert_allclose(by_batches.lam, at_once.lam, rtol=1e-11)
    np.testing.assert_allclose(dense(by_batches), dense(at_once), rtol=1e-10, atol=1e-11)


def test_fit_by_gram_and_by_scatter_agree():
    data = points(40, 60)
    np.testing.assert_allclose(dense(Gaussian.fit(data)), dense(Gaussian.fit([data])), rtol=1e-9, atol=1e-11)


def test_fit_of_float32_works_in_float64():
    data = points(100, 20).astype(np.float32) + np.float32(1000)  # a large mean would eat float32's digits
    fitted, few = Gaussian.fit(data), Gaussian.fit(data[:15])
    assert fitted.lam.dtype == few.lam.dtype == np.float64
    np.testing.assert_allclose(dense(fitted), np.cov(data.astype(float).T, bias=True), rtol=1e-8, atol=1e-9)
    assert Gaussian.fit(torch.from_numpy(data)).lam.dtype == torch.float64


def test_fit_keeps_orthonormal_axes_over_many_decades_of_variance():
    rng = np.random.default_rng(17)
    data = rng.standard_normal((20, 50)) * np.geomspace(1e3, 1e-3, 50)
    fitted = Gaussian.fit(data)
    np.testing.assert_allclose(fitted.U.T @ fitted.U, np.eye(fitted.rank), atol=1e-13)
    exact = np.linalg.svd(data - data.mean(0), compute_uv=False)[:19] ** 2 / 20
    np.testing.assert_allclose(fitted.lam[:12], exact[:12], rtol=1e-6)


def test_fit_of_one_point_and_of_copies_is_that_point():
    for data in (np.arange(4.0)[None], np.tile(np.arange(4.0), (3, 1)), np.tile(np.arange(4.0), (9, 1))):
        fitted = Gaussian.fit(data)
        np.testing.assert_allclose(fitted.mu, np.arange(4.0))
        assert fitted.lam.max() < 1e-25


def test_truncate_keeps_the_leading_axes():
    data = points(100, 10)
    kept = Gaussian.fit(data).truncate(3)
    pca = PCA(3).fit(data)
    np.testing.assert_allclose(kept.lam, pca.explained_variance_ * 0.99, rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(kept.U * pca.components_.T, axis=0)), 1, rtol=1e-9)


def test_no_dense_matrix_at_a_size_where_it_would_not_fit():
    """D = 400,000: a D x D matrix would be 1.3 TB."""
    D, rng = 400_000, np.random.default_rng(18)
    fitted = Gaussian.fit(rng.standard_normal((6, D)))
    x = rng.standard_normal(D)
    assert fitted.rank == 5
    assert np.isfinite(fitted.flow(x, VPS(1.0))).all() and math.isfinite(fitted.log_prob(x, VPS(0.5)))


def test_like_an_array_of_whole_numbers_is_refused_for_it_would_cut_all_digits():
    g = a_gaussian(3, (2.0, 1.0))
    for like in (g.like, Mixture(np.ones(1), [g]).like):
        with pytest.raises(ValueError, match=r"x: got dtype int64; convert to floating point"):
            like(np.arange(3))
