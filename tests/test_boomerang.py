"""The boomerang and its curvature, against curves whose shape is known."""

import numpy as np
import pytest

from paintlib.gaussian import Gaussian
from paintlib.geometry import boomerang, curvature_torsion
from paintlib.schedules import EDM


def test_curvature_and_torsion_of_a_helix():
    t = np.linspace(0, 4, 400) ** 1.2  # an uneven parameter
    a, b = 2.0, 0.7
    helix = np.stack([a * np.cos(t), a * np.sin(t), b * t], axis=-1)
    curvature, torsion = curvature_torsion(helix, t)
    inner = slice(5, -5)
    np.testing.assert_allclose(curvature[inner], a / (a**2 + b**2), rtol=1e-3)
    np.testing.assert_allclose(torsion[inner], b / (a**2 + b**2), rtol=1e-2)


def test_boomerang_keeps_the_distances_of_a_curve_in_three_dimensions():
    rng = np.random.default_rng(0)
    s = np.linspace(0, 1, 30)
    curve = np.stack([s, s * (1 - s), s**2 * (1 - s)], axis=-1)
    frame, _ = np.linalg.qr(rng.normal(size=(50, 3)))
    r = boomerang(curve @ frame.T)
    distance = np.linalg.norm(curve[:, None] - curve, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(r[:, None] - r, axis=-1), distance, atol=1e-7)
    np.testing.assert_allclose(r[-1], 0, atol=1e-7)
    np.testing.assert_allclose(r[0], [np.linalg.norm(curve[0] - curve[-1]), 0, 0], atol=1e-7)


def test_boomerang_of_a_batch_is_that_of_each_and_agrees_with_an_svd():
    rng = np.random.default_rng(1)
    x = np.cumsum(rng.normal(size=(12, 4, 40)), axis=0)
    r = boomerang(x)
    for b in range(4):
        np.testing.assert_allclose(boomerang(x[:, b]), r[:, b], atol=1e-8)
        rows = x[:, b] - x[-1, b]
        axis = rows[0] / np.linalg.norm(rows[0])
        rest = rows - np.outer(rows @ axis, axis)
        U, s, _ = np.linalg.svd(rest, full_matrices=False)
        np.testing.assert_allclose(np.abs(r[:, b, 1:]), np.abs(U * s)[:, :2], atol=1e-6)


def test_the_flow_of_an_isotropic_gaussian_is_straight():
    gaussian = Gaussian(np.zeros(6), np.eye(6), np.ones(6))
    schedule, x_T = EDM(), np.random.default_rng(2).normal(size=6) * 80
    x = np.stack([gaussian.flow(x_T, schedule(80), schedule(t)) for t in np.geomspace(80, 0.01, 20)])
    np.testing.assert_allclose(boomerang(x)[:, 1:], 0, atol=1e-4)


def test_too_short_a_curve_is_refused():
    with pytest.raises(ValueError, match="T >= 5"):
        curvature_torsion(np.zeros((4, 3)), np.arange(4))
