"""A Gaussian with an isotropic rest, or made from dense moments, against the same law with all its axes."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from tries import tries
from truth import LIBRARIES

from paintlib.denoisers import noise, score
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.schedules import CLEAN, VP, Level

D = 7
rng = np.random.default_rng(0)
U = np.linalg.qr(rng.standard_normal((D, 3)))[0]
SIGMA = U @ np.diag([9.0, 2.0, 0.5]) @ U.T + 0.3 * (np.eye(D) - U @ U.T)
G = Gaussian(rng.standard_normal(D), U, np.array([9.0, 2.0, 0.5]), rest=0.3)
LAM, V = np.linalg.eigh(SIGMA)
FULL = Gaussian(G.mu, V, LAM)  # the same law with all its axes
X = rng.standard_normal((4, D))
A, B = Level(0.3, 0.9), Level(0.8, 0.4)
RATE = (-0.7, 1.3)

METHODS = {
    "denoise": lambda g, x: g.denoise(x, A),
    "denoise, clean": lambda g, x: g.denoise(x, CLEAN),
    "score": lambda g, x: g.score(x, A),
    "score, clean": lambda g, x: g.score(x, CLEAN),
    "log_prob": lambda g, x: g.log_prob(x, A),
    "log_prob, clean": lambda g, x: g.log_prob(x, CLEAN),
    "flow": lambda g, x: g.flow(x, A, B),
    "flow, from clean": lambda g, x: g.flow(x, CLEAN, B),
    "filter": lambda g, x: g.filter(x, A),
    "sample": lambda g, x: g.sample(x, B),
    "velocity": lambda g, x: g.velocity(x, A, RATE),
    "velocity, clean": lambda g, x: g.velocity(x, CLEAN, RATE),
    "generated": lambda g, x: g.generated(A, 1.3).covariance(),
    "generated, mean": lambda g, x: g.generated(A, 1.3).mu,
    "reverse": lambda g, x: g.reverse(x, A, B, 0.5)[0],
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("method", METHODS)
def test_a_rest_is_what_the_same_variances_on_axes_of_their_own_are(method, library):
    array = LIBRARIES[library]
    ours = METHODS[method](G.like(array(X)), array(X))
    np.testing.assert_allclose(np.asarray(ours), METHODS[method](FULL, X), rtol=1e-12, atol=1e-13)


def test_reverse_gives_the_rest_its_variance():
    _, on, off = G.reverse(X, A, B, 0.5)
    _, every, _ = FULL.reverse(X, A, B, 0.5)
    np.testing.assert_allclose(np.sort(np.append(on, [off] * 4)), np.sort(every), rtol=1e-12)


def test_its_covariance_is_dense_on_demand_and_its_density_is_scipys():
    np.testing.assert_allclose(G.covariance(), SIGMA, atol=1e-14)
    np.testing.assert_allclose(G.log_prob(X, CLEAN), multivariate_normal(G.mu, SIGMA).logpdf(X), rtol=1e-12)


def test_sample_turns_white_noise_into_the_law():
    """It is linear in the noise: push the axes through."""
    at_zero = G.sample(np.zeros(D), B)
    M = (G.sample(np.eye(D), B) - at_zero).T
    np.testing.assert_allclose(at_zero, B.alpha * G.mu)
    np.testing.assert_allclose(M @ M.T, B.sigma**2 * np.eye(D) + B.alpha**2 * SIGMA, atol=1e-13)


@pytest.mark.parametrize("library", LIBRARIES)
def test_fit_with_rest_is_scikit_learns_probabilistic_pca(library):
    """Its `noise_variance_` is the mean variance of the axes left out (Tipping and Bishop)."""
    N = 200
    data = rng.standard_normal((N, D)) @ np.linalg.cholesky(SIGMA).T
    theirs = PCA(3, svd_solver="full").fit(data)
    shrink = (N - 1) / N
    fitted = Gaussian.fit(LIBRARIES[library](data), 3, rest=True)
    assert fitted.rest == pytest.approx(theirs.noise_variance_ * shrink, rel=1e-10)
    np.testing.assert_allclose(np.asarray(fitted.covariance()), theirs.get_covariance() * shrink, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("N", [5, 60])
def test_fit_with_rest_keeps_the_total_variance(N):
    data = rng.standard_normal((N, 20))
    for rank in (1, 3, None):
        fitted = Gaussian.fit(data, rank, rest=True)
        total = float(fitted.lam.sum()) + fitted.rest * (20 - fitted.rank)
        assert total == pytest.approx(data.var(0).sum(), rel=1e-12)
    assert fitted.rest == 0.0  # nothing was left out


def test_a_mixture_takes_a_rest():
    data, labels = rng.standard_normal((60, D)), np.repeat([0, 1], 30)
    fitted = Mixture.fit(data, labels, 2, rest=True)
    dense = [Gaussian.from_moments(mode.mu, mode.covariance()) for mode in fitted.modes]
    for f in ("denoise", "score", "log_prob"):
        ours, theirs = (getattr(m, f)(X, A) for m in (fitted, Mixture(fitted.prior, dense)))
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_truncate_drops_the_rest_or_pools_it():
    assert G.truncate(2).rest == 0.0 and G.truncate(3).rest == 0.0
    pooled = G.truncate(1, rest=True)
    assert pooled.rest == pytest.approx((2.0 + 0.5 + 4 * 0.3) / 6)
    assert np.trace(pooled.covariance()) == pytest.approx(np.trace(SIGMA))


@pytest.mark.parametrize("library", LIBRARIES)
def test_from_moments_is_the_law_of_that_mean_and_covariance(library):
    array = LIBRARIES[library]
    made = Gaussian.from_moments(array(G.mu), array(SIGMA))
    np.testing.assert_allclose(np.asarray(made.covariance()), SIGMA, atol=1e-13)
    cut = Gaussian.from_moments(array(G.mu), array(SIGMA), 3, rest=True)
    assert cut.rank == 3 and cut.rest == pytest.approx(0.3)
    single = Gaussian.from_moments(G.mu.astype(np.float32), SIGMA.astype(np.float32))
    np.testing.assert_allclose(single.covariance(), SIGMA, atol=1e-6)


def test_from_moments_of_a_singular_covariance_has_its_rank():
    assert Gaussian.from_moments(np.zeros(D), U @ U.T).rank == 3


@pytest.mark.parametrize(
    "quantity, mu, Sigma",
    [
        ("mu, Sigma", np.zeros(3), np.eye(4)),
        ("Sigma", np.zeros(2), np.array([[1.0, 0.5], [0.1, 1.0]])),
        ("Sigma", np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]])),
        ("Sigma", np.zeros(2), np.array([[1.0, math.nan], [math.nan, 1.0]])),
        ("mu", [0.0, 0.0], np.eye(2)),
    ],
)
def test_from_moments_refuses_what_is_no_covariance(quantity, mu, Sigma):
    with pytest.raises(ValueError, match=rf"^{quantity}: got .+; .+"):
        Gaussian.from_moments(mu, Sigma)


@pytest.mark.parametrize("rest", [-0.1, math.nan, math.inf])
def test_a_rest_is_a_variance(rest):
    with pytest.raises(ValueError, match=r"^rest: got .+; .+"):
        Gaussian(G.mu, G.U, G.lam, rest)


# Small noise, where the difference alpha x0_hat - x has lost its digits


def exact_score(x, level):
    with mpmath.workdps(60):
        C = mpmath.mpf(level.sigma) ** 2 * mpmath.eye(D) + mpmath.mpf(level.alpha) ** 2 * mpmath.matrix(SIGMA.tolist())
        y = mpmath.matrix(
            [mpmath.mpf(a) - mpmath.mpf(level.alpha) * mpmath.mpf(m) for a, m in zip(x, G.mu, strict=True)]
        )
        return -np.array([float(v) for v in mpmath.lu_solve(C, y)])


@pytest.mark.parametrize("sigma", [0.0, 1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("g", [G, FULL], ids=["rest", "full rank"])
def test_score_and_noise_keep_their_digits_at_small_sigma(g, sigma):
    level = Level(1.0, sigma)
    truth = np.stack([exact_score(x, level) for x in X])
    np.testing.assert_allclose(score(g, X, level), truth, rtol=1e-12)
    if sigma > 0:
        np.testing.assert_allclose(noise(g, X, level), -sigma * truth, rtol=1e-12)


@given(sigma=st.floats(1e-12, 1.0), seed=st.integers(0, 2**32 - 1))
@tries(30)
def test_on_a_sheet_the_score_along_the_axes_keeps_its_digits(sigma, seed):
    """Off the sheet it is -y_perp / sigma^2, of which nothing may leak into the axes: there it is -c / v."""
    sheet = Gaussian(G.mu, U, G.lam)
    level = Level(1.0, sigma)
    z = np.random.default_rng(seed).standard_normal(D)
    x = sheet.sample(z, level)
    s = sheet.score(x, level)
    exact = -((x - G.mu) @ U) / (sigma**2 + G.lam)
    np.testing.assert_allclose(s @ U, exact, rtol=1e-12, atol=1e-15 * np.abs(s).max())  # U's own rounding


def test_a_sheet_has_no_score_at_sigma_zero():
    with pytest.raises(ValueError, match=r"^sigma: got .*use sigma > 0"):
        score(Gaussian(G.mu, U, G.lam), X, CLEAN)


def test_the_rest_costs_no_dense_matrix():
    """D = 400,000: a D x D matrix would be 1.3 TB."""
    big = 400_000
    fitted = Gaussian.fit(rng.standard_normal((6, big)), 3, rest=True)
    x, level = rng.standard_normal(big), VP()(0.5)
    assert fitted.rank == 3 and fitted.rest > 0
    for value in (fitted.flow(x, level), fitted.denoise(x, level), fitted.score(x, CLEAN), fitted.log_prob(x, CLEAN)):
        assert np.isfinite(value).all()


def test_parts_that_are_sound_are_not_checked_again(monkeypatch):
    """Orthonormality costs a product of D r^2: once, where a user gives the axes."""
    calls = []
    monkeypatch.setattr("paintlib.gaussian.check_orthonormal", lambda *a: calls.append(a))
    data = rng.standard_normal((60, D))
    fitted = Gaussian.fit(data)
    fitted.like(X.astype(np.float32)), fitted.truncate(2), fitted.generated(A, 1.0), Gaussian.from_moments(G.mu, SIGMA)
    Mixture.fit(data, np.repeat([0, 1], 30)).like(X)
    assert not calls
    Gaussian(G.mu, G.U, G.lam)
    assert len(calls) == 1
