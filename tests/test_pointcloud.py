"""The exact score of a finite data set against 60-digit brute force, down to sigma = 1e-6 and on near-duplicates."""

import subprocess
import sys

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from tries import tries
from truth import LIBRARIES

from paintlib import grids
from paintlib.denoisers import score
from paintlib.pointcloud import PointCloud, effective_number
from paintlib.retrieval import Points
from paintlib.samplers import collect, ddim
from paintlib.schedules import EDM, Level


def brute(points, x, level, prior=None):
    """Weights, endpoint estimate and log density of one x, with 60 digits and no algebra."""
    with mpmath.workdps(60):
        a, s = mpmath.mpf(level.alpha), mpmath.mpf(level.sigma)
        prior = [mpmath.mpf(1) / len(points)] * len(points) if prior is None else [mpmath.mpf(float(p)) for p in prior]
        terms = []
        for p, y in zip(prior, points, strict=True):
            far = mpmath.fsum((mpmath.mpf(float(u)) - a * mpmath.mpf(float(v))) ** 2 for u, v in zip(x, y, strict=True))
            terms.append(mpmath.log(p) - far / (2 * s**2))
        top = max(terms)
        masses = [mpmath.exp(t - top) for t in terms]
        total = mpmath.fsum(masses)
        w = [m / total for m in masses]
        x0_hat = [mpmath.fsum(u * mpmath.mpf(float(v)) for u, v in zip(w, column, strict=True)) for column in points.T]
        log_p = top + mpmath.log(total) - len(x) * mpmath.log(2 * mpmath.pi * s**2) / 2
        return np.array(w, float), np.array(x0_hat, float), float(log_p)


def agree(cloud, x, level, points=None, prior=None, rtol=1e-9, atol=1e-12):
    w, x0_hat, log_p = brute(cloud.points if points is None else points, x, level, prior)
    np.testing.assert_allclose(cloud.weights(x, level), w, rtol=rtol, atol=atol)
    np.testing.assert_allclose(cloud.denoise(x, level), x0_hat, rtol=rtol, atol=atol)
    assert float(cloud.log_prob(x, level)) == pytest.approx(log_p, rel=1e-9)
    return w


def test_eq_15_eq_100_weights_and_endpoint_estimate_by_plain_numpy():
    rng, level = np.random.default_rng(0), Level(0.6, 0.8)
    y, x = rng.standard_normal((20, 4)), rng.standard_normal((3, 4))
    far = ((x[:, None] / level.alpha - y) ** 2).sum(-1)
    w = softmax(-(level.alpha**2) / (2 * level.sigma**2) * far, axis=1)
    np.testing.assert_allclose(PointCloud(y).weights(x, level), w, rtol=1e-11)
    np.testing.assert_allclose(PointCloud(y).denoise(x, level), w @ y, rtol=1e-11, atol=1e-13)


def test_eq_97_eq_98_log_prob_by_scipy():
    rng, level = np.random.default_rng(1), Level(0.6, 0.8)
    y, x, prior = rng.standard_normal((20, 4)), rng.standard_normal((3, 4)), rng.dirichlet(np.ones(20))
    each = np.array([multivariate_normal(level.alpha * p, level.sigma**2).logpdf(x) for p in y])
    np.testing.assert_allclose(PointCloud(y).log_prob(x, level), logsumexp(each, axis=0) - np.log(20), rtol=1e-12)
    weighted = logsumexp(each + np.log(prior)[:, None], axis=0)
    np.testing.assert_allclose(PointCloud(y, prior).log_prob(x, level), weighted, rtol=1e-12)


def test_eq_16_eq_99_score():
    """sum_i w_i (alpha y_i - x) / sigma^2, each term the score of one Gaussian."""
    rng, level = np.random.default_rng(2), Level(0.6, 0.8)
    y, x = rng.standard_normal((20, 4)), rng.standard_normal(4)
    w, _, _ = brute(y, x, level)
    np.testing.assert_allclose(score(PointCloud(y), x, level), w @ (level.alpha * y - x) / level.sigma**2, rtol=1e-11)


def near_duplicates(D, apart, seed=3):
    """Thirty points: three images, each with nine copies that differ by `apart` in all."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(-1, 1, (3, D))
    nudges = rng.standard_normal((27, D))
    copies = np.repeat(images, 9, axis=0) + apart * nudges / np.linalg.norm(nudges, axis=1, keepdims=True)
    return np.concatenate([images, copies])


@pytest.mark.parametrize("sigma", [1.0, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_near_duplicates_are_told_apart(sigma, alpha):
    """Copies about sigma apart share the weight; by |x|^2 - 2 x.y + |y|^2 it would be noise."""
    y, level = near_duplicates(200, 2 * sigma), Level(alpha, alpha * sigma)
    x = alpha * (y[0] + sigma * np.random.default_rng(4).standard_normal(200))
    w = agree(PointCloud(y), x, level, rtol=1e-6, atol=1e-9)
    assert 1.5 < effective_number(w)


@pytest.mark.parametrize("sigma", [1e-3, 1e-6])
def test_near_duplicates_with_a_prior(sigma):
    y, prior = near_duplicates(50, sigma), np.random.default_rng(5).dirichlet(np.ones(30))
    x = y[1] + sigma * np.random.default_rng(6).standard_normal(50)
    agree(PointCloud(y, prior), x, Level(1.0, sigma), prior=prior, rtol=1e-6, atol=1e-9)


def test_exact_copies_share_the_weight():
    y = np.tile(np.random.default_rng(7).standard_normal((1, 30)), (5, 1))
    np.testing.assert_allclose(PointCloud(y).weights(y[0] + 1e-7, Level(1.0, 1e-6)), 0.2, rtol=1e-12)


def test_points_kept_in_float32_are_exact_all_the_same():
    y = near_duplicates(200, 1e-2).astype(np.float32)
    x = y[0].astype(float) + 1e-3 * np.random.default_rng(8).standard_normal(200)
    agree(PointCloud(y), x, Level(1.0, 1e-3), points=y.astype(float), rtol=1e-6, atol=1e-9)


@given(
    log_sigma=st.floats(-6, 2),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    far=st.sampled_from([0.0, 1.0, 1e4]),
    seed=st.integers(0, 2**32 - 1),
)
@tries(40)
def test_any_dynamic_range_against_brute_force(log_sigma, scale, far, seed):
    """Points of every size, x on them or far away, sigma from 1e-6 to 100 of their size."""
    rng = np.random.default_rng(seed)
    y = scale * rng.standard_normal((8, 5)) * 10.0 ** rng.integers(-3, 3, (8, 1))
    sigma = scale * 10**log_sigma
    x = y[0] + sigma * rng.standard_normal(5) + far * scale * rng.standard_normal(5)
    w, x0_hat, log_p = brute(y, x, Level(1.0, sigma))
    cloud = PointCloud(y)
    # float64 knows the difference of two logits, e . r / sigma^2, to 16 digits, for the points that share the weight
    best = np.argmax(w)
    e, r = np.linalg.norm(y - y[best], axis=1)[w > 1e-15].max(), np.linalg.norm(x - y[best])
    loss = 1e-12 + 1e-14 * e * r / sigma**2
    assume(loss < 1e-3)
    np.testing.assert_allclose(cloud.weights(x, Level(1.0, sigma)), w, atol=loss)
    np.testing.assert_allclose(cloud.denoise(x, Level(1.0, sigma)), x0_hat, atol=loss * np.abs(y).max())
    assert float(cloud.log_prob(x, Level(1.0, sigma))) == pytest.approx(log_p, rel=1e-12, abs=loss)


def test_the_right_point_is_chosen_far_from_all_of_them():
    """x is 1e8 sigma away: every density underflows, the nearest point still has all the weight."""
    y = np.random.default_rng(9).standard_normal((50, 10))
    x = 100 * y[17] / np.linalg.norm(y[17])
    level = Level(1.0, 1e-6)
    nearest = int(np.argmin(((x - y) ** 2).sum(1)))
    cloud = PointCloud(y)
    assert cloud.weights(x, level)[nearest] == 1.0
    np.testing.assert_array_equal(cloud.denoise(x, level), y[nearest])
    assert np.isfinite(cloud.log_prob(x, level)) and np.isfinite(score(cloud, x, level)).all()


@given(seed=st.integers(0, 2**32 - 1))
@tries(15)
def test_order_and_rotation_of_the_points_do_not_matter(seed):
    rng, level = np.random.default_rng(seed), Level(0.9, 0.3)
    y, x, order = rng.standard_normal((15, 4)), rng.standard_normal((3, 4)), rng.permutation(15)
    Q = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    plain = PointCloud(y)
    np.testing.assert_allclose(PointCloud(y[order]).weights(x, level), plain.weights(x, level)[:, order], atol=1e-12)
    np.testing.assert_allclose(PointCloud(y @ Q.T).denoise(x @ Q.T, level), plain.denoise(x, level) @ Q.T, atol=1e-11)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("memory", [1, 10_000, 2**28])
def test_the_size_of_the_blocks_does_not_matter(library, memory):
    y, array = near_duplicates(40, 1e-4), LIBRARIES[library]
    x = y[:6] + 1e-4 * np.random.default_rng(10).standard_normal((6, 40))
    cloud = PointCloud(array(y), memory=memory)
    level = Level(1.0, 1e-4)
    for i in range(6):
        w, x0_hat, _ = brute(y, x[i], level)
        np.testing.assert_allclose(np.asarray(cloud.weights(array(x), level))[i], w, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(np.asarray(cloud.denoise(array(x), level))[i], x0_hat, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("sigma", [1e-6, 1e-3, 0.05, 2.0])
@pytest.mark.parametrize("with_prior", [False, True])
def test_a_basis_passes_over_no_point_that_counts(library, sigma, with_prior):
    """Against 60 digits: copies in pairs, x near and far, the basis too small to tell all points apart."""
    rng, array, D = np.random.default_rng(13), LIBRARIES[library], 12
    images = rng.standard_normal((100, D)) * np.geomspace(3, 0.1, D)
    y = np.concatenate([images, images + sigma * rng.standard_normal((100, D)) / 4])
    prior = rng.dirichlet(np.ones(200)) if with_prior else None
    basis = np.linalg.svd(y - y.mean(0), full_matrices=False)[2][:3].T
    cloud = PointCloud(array(y), None if prior is None else array(prior), basis=array(basis))
    level = Level(0.8, 0.8 * sigma)
    x = 0.8 * (y[[3, 40, 7]] + np.array([[1.0], [3.0], [0.0]]) * sigma * rng.standard_normal((3, D)))
    x[2] += 0.3  # far from all of them
    w, x0_hat = (np.asarray(f(array(x), level)) for f in (cloud.weights, cloud.denoise))
    for i in range(3):
        truth = brute(y, x[i], level, prior)
        np.testing.assert_allclose(w[i], truth[0], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(x0_hat[i], truth[1], rtol=1e-6, atol=1e-9)


def test_effective_number_counts():
    assert effective_number(np.full(8, 1 / 8)) == pytest.approx(8)
    assert effective_number(np.eye(4)).tolist() == [1.0] * 4
    assert effective_number(torch.tensor([[0.5, 0.5, 0.0]])).tolist() == [2.0]


def test_weights_sharpen_until_one_picture_is_left():
    """Along a trajectory the effective number falls from nearly N to one, and the state ends on a data point."""
    y = np.random.default_rng(11).standard_normal((40, 3))
    cloud, x = PointCloud(y), 80 * np.random.default_rng(12).standard_normal((5, 3))
    run = collect(ddim(cloud, x, EDM(), grids.karras(EDM(), 60)))
    shares = [effective_number(cloud.weights(x, Level(1.0, s))) for x, s in zip(run.x, run.level.sigma, strict=True)]
    assert (shares[0] > 38).all() and (shares[-1] < 1 + 1e-9).all()
    nearest = np.linalg.norm(run.x0_hat[-1][:, None] - y, axis=-1).min(axis=1)
    assert nearest.max() < 1e-12


MEASURE = """
import resource, sys
import numpy as np
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Level
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 * (2**-10 if sys.platform == "darwin" else 1)
y = np.random.default_rng(0).standard_normal((20_000, 500), dtype=np.float32)
x = np.random.default_rng(1).standard_normal((64, 500))
if sys.argv[1] == "torch":
    import torch
    y, x = torch.from_numpy(y), torch.from_numpy(x)
PointCloud(y[:3000]).denoise(x, Level(1.0, 1.0))  # the matrix library's own buffers
before = peak()
cloud = PointCloud(y, memory=2**25)
for sigma in (30.0, 3.0, 0.01):
    cloud.denoise(x, Level(1.0, sigma))
print(peak() - before)
"""


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_memory_stays_within_the_bound(library):
    """B x N x D would be 5 GB here, the points in float64 80 MB; the bound is 32 MB, and twice that is the limit."""
    command = [sys.executable, "-c", MEASURE, library]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(out.stdout) < 64


def test_ties_between_far_points_end_and_share_the_weight():
    """Two points on opposite sides of x: rounding may prefer either, but the search for the heaviest must end."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=50)
        x = 1e4 * rng.normal(size=50)
        x -= y * (x @ y) / (y @ y)
        weights = PointCloud(np.stack([y, -y])).weights(x, Level(1.0, 1e-3))
        assert np.isclose(weights.sum(), 1)


@pytest.mark.parametrize(
    ("library", "shift", "with_prior"),
    [("numpy", 0.5, False), ("numpy", 20.0, False), ("numpy", 0.5, True), ("torch", 0.5, True)],
)
@pytest.mark.parametrize("kappa", [40.0, 8.0, 3.0, 1.0, 0.1, 1e-3])
def test_float32_products_move_the_estimate_by_no_more_than_is_said(library, shift, with_prior, kappa):
    """Against sums over differences in float64, near-duplicates among the points."""
    rng = np.random.default_rng(0)
    y = (rng.standard_normal((4500, 256)) * np.arange(1, 257) ** -0.5 + shift).astype(np.float32)
    y[1::2] = y[::2] + 1e-6 * rng.standard_normal((2250, 256), dtype=np.float32)
    x = y[:6].astype(float) + kappa * rng.standard_normal((6, 256))
    prior = rng.dirichlet(np.ones(4500)) if with_prior else np.full(4500, 1 / 4500)
    exact = -((x[:, None] - y.astype(float)) ** 2).sum(-1) / (2 * kappa**2) + np.log(prior)
    wanted = softmax(exact, axis=1) @ y.astype(float)
    cast = torch.from_numpy if library == "torch" else np.asarray
    cloud, state = PointCloud(cast(y), cast(prior) if with_prior else None), cast(x)
    assert cloud._asked.single
    found = np.asarray(cloud.denoise(state, Level(1.0, kappa)))
    size = np.minimum(np.linalg.norm(wanted, axis=1), 16 * kappa)
    assert (np.linalg.norm(found - wanted, axis=1) <= 1e-6 * size).all()
    weights = np.asarray(cloud.weights(state, Level(1.0, kappa)))
    np.testing.assert_allclose(weights, softmax(exact, axis=1), rtol=1e-5, atol=1e-12)


@pytest.fixture
def taken(monkeypatch):
    """Whether each product of all points was taken in float32, in turn."""
    found, products = [], Points._products

    def watched(self, r, alpha, sigma, single):
        found.append(single)
        return products(self, r, alpha, sigma, single)

    monkeypatch.setattr(Points, "_products", watched)
    return found


def test_float32_is_really_taken_and_really_refused(taken):
    """Else the test above would hold of float64 alone."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal((4500, 256), dtype=np.float32)
    for shift, kappa in ((0, 40.0), (100, 3.0), (0, 0.01)):  # a far centre costs digits
        cloud = PointCloud(y + np.float32(shift))
        cloud.denoise(cloud.points[:3].astype(float) + kappa * rng.standard_normal((3, 256)), Level(1.0, kappa))
    assert taken == [True, True, False, True]


@pytest.mark.parametrize("with_prior", [False, True])
def test_points_above_a_limit_are_weighed_anew_in_float64_and_the_rest_err_by_what_is_said(with_prior):
    rng = np.random.default_rng(0)
    y = (rng.standard_normal((4500, 256)) * np.arange(1, 257) ** -0.5 + 5).astype(np.float32)
    prior = rng.dirichlet(np.full(4500, 9.0)) if with_prior else None
    cloud, x, at = PointCloud(y, prior), y[:3] + 2.0 * rng.standard_normal((3, 256)), np.full((3, 1), 2.0)
    true = -((x[:, None] - y.astype(float)) ** 2).sum(-1) / 8 + (np.log(prior) if with_prior else 0)
    wanted = softmax(true, axis=1) @ y.astype(float)
    _, rough, error, top = cloud._asked.log_ratios(x, at / 2, at)
    w = softmax(rough, axis=1)
    off = []
    for limit in (1.0, 1e-3, -1.0):
        found = cloud._asked.sharpened(x, at / 2, at, w, top, w @ y.astype(float), limit=np.full((3, 1), limit))
        off.append(np.linalg.norm(found - wanted, axis=1))
    assert 3 < (w > 1e-3).sum() < 600
    np.testing.assert_allclose(off[0], np.linalg.norm(w @ y.astype(float) - wanted, axis=1), rtol=1e-6)
    assert (off[1] < 2 * error[:, 0] * cloud._asked.radius * 1e-3**0.5).all() and (off[1] < off[0]).all()
    assert (off[2] < 1e-11).all() and (off[0] > 1e-8).all()


def test_points_on_a_line_are_told_apart_one_by_one_after_one_product_in_float32(taken):
    """Each is nearly its neighbour; a product in pieces says well enough which of them matter."""
    rng = np.random.default_rng(0)
    ends = rng.standard_normal((2, 1536), dtype=np.float32)
    y = ends[0] + np.linspace(0, 1, 3000, dtype=np.float32)[:, None] * (ends[1] - ends[0])
    x = y[500:2500:500].astype(float) + 0.05 * rng.standard_normal((4, 1536))
    found = PointCloud(y[rng.permutation(3000)]).denoise(x, Level(1.0, 0.05))
    far = np.stack([((row - y.astype(float)) ** 2).sum(-1) for row in x])
    wanted = softmax(-far / (2 * 0.05**2), axis=1) @ y.astype(float)
    assert taken == [True]
    np.testing.assert_allclose(found, wanted, atol=1e-11)


def test_the_memory_may_be_written_as_a_float():
    np.testing.assert_allclose(PointCloud(np.eye(2), memory=1e6).denoise(np.ones(2), Level(1.0, 1.0)), 0.5)
