"""Mixtures against scipy's dense densities, mpmath and scikit-learn."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture
from tries import tries
from truth import LIBRARIES, a_gaussian, dense, dense_score, integrate, noisy

from paintlib.denoisers import score
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect, rk4
from paintlib.schedules import EDM, VP, Level

D = 5
WEIGHTS = np.array([0.15, 0.25, 0.6])
MODES = [a_gaussian(D, (4.0, 1.0), 0), a_gaussian(D, (0.5,), 1), a_gaussian(D, (2.0, 1.0, 0.5, 0.2, 0.1), 2)]
M = Mixture(WEIGHTS, MODES)
LEVELS = [Level(0.7, 0.7), Level(1.0, 0.05), Level(0.05, 1.0)]


def log_joint(x, level):
    """log pi_i N(x; alpha mu_i, C_i) with dense covariances, by scipy."""
    each = [multivariate_normal(*noisy(mode, level)).logpdf(x) for mode in MODES]
    return np.stack(each, axis=-1) + np.log(WEIGHTS)


def states(level, *batch):
    rng = np.random.default_rng(5)
    return level.alpha * rng.standard_normal((*batch, D)) + level.sigma * rng.standard_normal((*batch, D))


@pytest.mark.parametrize("level", LEVELS)
def test_eq_84_eq_87_log_prob_with_ranks_that_differ(level):
    x = states(level, 2, 3)
    np.testing.assert_allclose(M.log_prob(x, level), logsumexp(log_joint(x, level), axis=-1), rtol=1e-9)


@pytest.mark.parametrize("level", LEVELS)
def test_eq_86_eq_92_responsibilities(level):
    """Log determinants of modes with ranks 2, 1 and 5 do not cancel, nor do unequal weights."""
    x = states(level, 6)
    truth = softmax(log_joint(x, level), axis=-1)
    np.testing.assert_allclose(M.responsibilities(x, level), truth, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_eq_85_eq_88_eq_89_score(level):
    """sum_i w_i times each mode's dense score."""
    x = states(level, 6)
    w = softmax(log_joint(x, level), axis=-1)
    truth = sum(w[:, i, None] * dense_score(mode, x, level) for i, mode in enumerate(MODES))
    np.testing.assert_allclose(score(M, x, level), truth, rtol=1e-7, atol=1e-8)


def test_eq_91_to_96_isotropic_modes_against_mpmath():
    """E7: the endpoint estimate of Eq. 96 has a sigma_t^2 in its second term, which the paper's print lacks."""
    variance, level, centres = 0.3, Level(0.8, 0.6), np.array([[1.0, 0.0], [-1.0, 0.5], [0.0, -2.0]])
    modes = [Gaussian(c, np.eye(2), np.full(2, variance)) for c in centres]
    mixture, x = Mixture(np.full(3, 1 / 3), modes), np.array([0.3, -0.2])

    def log_p(*x):
        v = mpmath.mpf(level.sigma) ** 2 + level.alpha**2 * variance
        far = [sum((a - level.alpha * b) ** 2 for a, b in zip(x, c, strict=True)) for c in centres]
        return mpmath.log(sum(mpmath.exp(-d / (2 * v)) for d in far) / (3 * 2 * mpmath.pi * v))

    with mpmath.workdps(30):
        gradient = [mpmath.diff(log_p, tuple(x), n) for n in ((1, 0), (0, 1))]
        x0_hat = [float((a + level.sigma**2 * g) / level.alpha) for a, g in zip(x, gradient, strict=True)]
        density = float(log_p(*x))
    np.testing.assert_allclose(mixture.denoise(x, level), x0_hat, rtol=1e-12)
    assert float(mixture.log_prob(x, level)) == pytest.approx(density, rel=1e-13)
    v, w = level.sigma**2 + level.alpha**2 * variance, mixture.responsibilities(x, level)
    printed = (level.alpha**2 * variance / v * x + level.alpha / v * (w @ centres)) / level.alpha
    assert np.abs(printed - x0_hat).max() > 0.1


def test_one_mode_is_a_gaussian():
    x = states(LEVELS[0], 4)
    alone = Mixture(np.array([1.0]), [MODES[0]])
    np.testing.assert_allclose(alone.denoise(x, LEVELS[0]), MODES[0].denoise(x, LEVELS[0]), rtol=1e-14)


def test_modes_without_variance_are_a_point_cloud():
    rng, level = np.random.default_rng(6), Level(0.9, 0.4)
    y, prior = rng.standard_normal((7, D)), rng.dirichlet(np.ones(7))
    axis = np.eye(D)[:, :1]
    dots = Mixture(prior, [Gaussian(p, axis, np.zeros(1)) for p in y])
    x, cloud = rng.standard_normal((4, D)), PointCloud(y, prior)
    np.testing.assert_allclose(dots.denoise(x, level), cloud.denoise(x, level), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(dots.log_prob(x, level), cloud.log_prob(x, level), rtol=1e-12)
    np.testing.assert_allclose(dots.responsibilities(x, level), cloud.weights(x, level), rtol=1e-10, atol=1e-14)


@given(order=st.permutations([0, 1, 2]))
@tries(6)
def test_the_order_of_the_modes_does_not_matter(order):
    shuffled = Mixture(WEIGHTS[order], [MODES[i] for i in order])
    x = states(LEVELS[0], 4)
    np.testing.assert_allclose(shuffled.denoise(x, LEVELS[0]), M.denoise(x, LEVELS[0]), rtol=1e-12)


def test_far_from_all_data_nothing_underflows():
    """Every density is exp(-1e15) here; its logarithm and the endpoint estimate are ordinary numbers."""
    x, level = np.full(D, 1e6), Level(1.0, 0.1)
    assert np.isfinite(M.log_prob(x, level)) and np.isfinite(M.denoise(x, level)).all()
    assert M.responsibilities(x, level).sum() == pytest.approx(1, abs=1e-15)


def test_eq_88_the_flow_ends_in_the_data():
    """RK4 with the mixture against scipy's solver with the dense scores."""
    schedule, x = VP(), np.random.default_rng(7).standard_normal(D)

    def dense_mixture_score(x, level):
        w = softmax(log_joint(x, level))
        return sum(w[i] * dense_score(mode, x, level) for i, mode in enumerate(MODES))

    solved = integrate(schedule, dense_mixture_score, x, 1.0, 0.1)
    kappas = np.geomspace(schedule(1.0).kappa, schedule(0.1).kappa, 400)
    grid = [1.0, *(EDM(0, 200).time(k) for k in kappas[1:-1]), 0.1]
    grid[1:-1] = [schedule.time(k) for k in grid[1:-1]]
    ours = collect(rk4(M, x, schedule, grid)).x[-1]
    np.testing.assert_allclose(ours, solved, rtol=1e-6, atol=1e-6)  # 400 moves of a fourth-order method


@pytest.mark.parametrize("library", LIBRARIES)
def test_fit_by_class_against_numpy_and_scikit_learn(library):
    rng, array = np.random.default_rng(8), LIBRARIES[library]
    labels = rng.choice([2, 5, 9], 300, p=[0.5, 0.3, 0.2])
    data = rng.standard_normal((300, D)) @ rng.standard_normal((D, D)) + labels[:, None]
    fitted = Mixture.fit(array(data), array(labels))
    counts = np.array([(labels == v).sum() for v in (2, 5, 9)])
    np.testing.assert_allclose(np.asarray(fitted.prior), counts / 300, rtol=1e-14)
    for v, mode in zip((2, 5, 9), fitted.modes, strict=True):
        mode = Gaussian(*map(np.asarray, (mode.mu, mode.U, mode.lam)))
        np.testing.assert_allclose(dense(mode), np.cov(data[labels == v].T, bias=True), rtol=1e-9, atol=1e-11)
    theirs = GaussianMixture(3)
    theirs.weights_, theirs.means_ = counts / 300, np.array([data[labels == v].mean(0) for v in (2, 5, 9)])
    theirs.precisions_cholesky_ = np.array(
        [np.linalg.cholesky(np.linalg.inv(np.cov(data[labels == v].T, bias=True))) for v in (2, 5, 9)]
    )
    x, level = data[:10], Level(1.0, 1e-6)  # scikit-learn knows no noise: as little as changes nothing here
    np.testing.assert_allclose(np.asarray(fitted.log_prob(array(x), level)), theirs.score_samples(x), rtol=1e-7)
    responsibilities = np.asarray(fitted.responsibilities(array(x), level))
    np.testing.assert_allclose(responsibilities, theirs.predict_proba(x), rtol=1e-5, atol=1e-8)


def test_fit_takes_the_rank():
    data, labels = np.random.default_rng(9).standard_normal((60, D)), np.repeat([0, 1], 30)
    assert [mode.rank for mode in Mixture.fit(data, labels, 2).modes] == [2, 2]


def test_float32_in_float32_out():
    x = torch.tensor(states(LEVELS[0], 3), dtype=torch.float32)
    assert M.like(x).denoise(x, LEVELS[0]).dtype == M.like(x).log_prob(x, LEVELS[0]).dtype == torch.float32


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sigma", [1e-6, 1e-3, 0.05, 1.0, 50.0])
def test_one_product_for_all_modes_agrees_with_each_mode_asked_alone(dtype, sigma):
    """At small sigma the differences of squares that the product leaves would be rounding, so there each is asked."""
    level, rng = Level(1.0, sigma), np.random.default_rng(0)
    mixture = M.like(np.zeros(1, dtype=dtype))
    modes = [Gaussian(m.mu.astype(dtype), m.U.astype(dtype), m.lam.astype(dtype)) for m in MODES]
    x = np.concatenate([mode.sample(rng.standard_normal((4, D)), level) for mode in MODES]).astype(dtype)
    joint = np.stack([mode.log_prob(x, level) for mode in modes], axis=-1) + np.log(WEIGHTS)
    w, digits = softmax(joint, axis=-1), 1e3 * np.finfo(dtype).eps
    alone = [sum(w[:, i, None] * getattr(m, f)(x, level) for i, m in enumerate(modes)) for f in ("denoise", "score")]
    for found, wanted in zip((mixture.denoise(x, level), mixture.score(x, level)), alone, strict=True):
        np.testing.assert_allclose(found, wanted, atol=digits * np.abs(wanted).max(), rtol=0)
    np.testing.assert_allclose(mixture.log_prob(x, level), logsumexp(joint, axis=-1), rtol=digits, atol=D * digits)


def test_modes_of_two_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"modes: .*float32.*; all modes need one array library and one dtype"):
        Mixture(WEIGHTS[:2] / WEIGHTS[:2].sum(), [MODES[0], MODES[1].like(np.zeros(1, dtype=np.float32))])
