"""A basis makes the point cloud fast at low noise and changes nothing: Cauchy-Schwarz bounds against the plain sums."""

import numpy as np
import pytest

from paintlib import retrieval
from paintlib.pointcloud import PointCloud
from paintlib.retrieval import Points
from paintlib.samplers import collect, ddim
from paintlib.schedules import EDM, Level

RNG = np.random.default_rng(0)
D, N, Q = 120, 600, 20
SPREAD = np.sqrt(50 * np.arange(1, D + 1.0) ** -1.5)
POINTS = RNG.normal(size=(N, D)) * SPREAD
POINTS[1] = POINTS[0] + 1e-7
PRIOR = (RNG.random(N) + 0.1) / (RNG.random(N) + 0.1).sum()
PRIOR = PRIOR / PRIOR.sum()


def noisy(sigma, alpha=0.8, count=12):
    return alpha * POINTS[:count] + sigma * np.random.default_rng(1).normal(size=(count, D))


@pytest.mark.parametrize("prior", [None, PRIOR], ids=["uniform", "weighted"])
@pytest.mark.parametrize("sigma", [30.0, 3.0, 1.0, 0.3, 0.05, 1e-3, 1e-6])
def test_eq_15_with_a_basis_equals_eq_15_without(sigma, prior):
    plain, fast = PointCloud(POINTS, prior), PointCloud(POINTS, prior, basis=np.eye(D)[:, :Q])
    x, level = noisy(sigma), Level(0.8, sigma)
    np.testing.assert_allclose(fast.weights(x, level), plain.weights(x, level), atol=1e-12)
    np.testing.assert_allclose(fast.denoise(x, level), plain.denoise(x, level), atol=1e-12)
    np.testing.assert_allclose(fast.log_prob(x, level), plain.log_prob(x, level), rtol=1e-12)


@pytest.mark.parametrize("sigma", [3.0, 1.0, 0.3, 0.05])
def test_what_is_passed_over_weighs_less_than_the_bound(sigma):
    cloud, level = PointCloud(POINTS, basis=np.eye(D)[:, :Q]), Level(0.8, sigma)
    x = noisy(sigma)
    column = np.ones((len(x), 1))
    _, kept = cloud._asked._candidates(x, 0.8 * column, sigma * column)
    weights = PointCloud(POINTS).weights(x, level)
    assert np.where(kept, 0, weights).sum(axis=1).max() <= 1e-16
    assert sigma > 0.3 or kept.mean() < 0.01


def test_a_random_basis_and_far_states_are_as_exact():
    basis, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(D, Q)))
    plain, fast = PointCloud(POINTS), PointCloud(POINTS, basis=basis)
    x = 50 * np.random.default_rng(3).normal(size=(5, D))
    for sigma in (1.0, 1e-3):
        np.testing.assert_allclose(fast.weights(x, Level(1.0, sigma)), plain.weights(x, Level(1.0, sigma)), atol=1e-9)


def test_a_trajectory_takes_the_short_way_at_low_noise_and_ends_alike(monkeypatch):
    looked_at = []
    exact_row = Points._exact_row

    def counted(self, x, alpha, sigma, kept, anchor):
        looked_at.append(kept.sum())
        return exact_row(self, x, alpha, sigma, kept, anchor)

    schedule, grid = EDM(), np.geomspace(80, 0.01, 30)
    x = 80 * np.random.default_rng(4).normal(size=(3, D))
    wanted = collect(ddim(PointCloud(POINTS), x, schedule, grid)).x
    monkeypatch.setattr(Points, "_exact_row", counted)
    found = collect(ddim(PointCloud(POINTS, basis=np.eye(D)[:, :Q]), x, schedule, grid)).x
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert len(looked_at) >= 30 and max(looked_at) <= retrieval.FEW * N * 3


def test_points_in_float32_take_a_basis_in_float64():
    cloud = PointCloud(POINTS.astype(np.float32), basis=np.eye(D)[:, :Q])
    wanted = PointCloud(POINTS.astype(np.float32)).weights(noisy(0.3), Level(0.8, 0.3))
    np.testing.assert_allclose(cloud.weights(noisy(0.3), Level(0.8, 0.3)), wanted, atol=1e-12)


def test_a_basis_of_another_space_is_refused():
    with pytest.raises(ValueError, match=r"basis: got shape \(60, 20\)"):
        PointCloud(POINTS, basis=np.eye(60)[:, :Q])


def test_a_basis_that_is_not_orthonormal_is_refused():
    with pytest.raises(ValueError, match="orthonormal"):
        PointCloud(POINTS, basis=2 * np.eye(D)[:, :Q])
