"""Moments that add up, and the axes of a covariance, against numpy and one computation of the whole."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tries import tries
from truth import LIBRARIES

from paintlib import data, moments
from paintlib.axes import principal_axes
from paintlib.gaussian import Gaussian
from paintlib.moments import Moments


def points(N, D, seed=0):
    rng = np.random.default_rng(seed)
    return 50 + rng.standard_normal((N, D)) * np.geomspace(5, 0.01, D) @ np.linalg.qr(rng.standard_normal((D, D)))[0]


def same(a, b, rtol=1e-12):
    assert a.count == b.count
    np.testing.assert_allclose(np.asarray(a.mean), np.asarray(b.mean), rtol=rtol)
    np.testing.assert_allclose(
        np.asarray(a.scatter), np.asarray(b.scatter), rtol=1e-9, atol=rtol * np.abs(b.scatter).max()
    )


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("N, D", [(300, 8), (5, 12), (1, 3)])
def test_moments_are_numpys(library, N, D):
    data = points(N, D)
    ours = Moments.of(LIBRARIES[library](data))
    assert ours.count == N
    np.testing.assert_allclose(np.asarray(ours.mean), data.mean(0), rtol=1e-13)
    np.testing.assert_allclose(np.asarray(ours.covariance()), np.cov(data.T, bias=True), rtol=1e-10, atol=1e-13)


def test_blocks_of_columns_and_of_rows_change_nothing(monkeypatch):
    data = points(70, 11)
    whole = Moments.of(data)
    monkeypatch.setattr(moments, "COLUMNS", 4)
    monkeypatch.setattr(moments, "BATCH", 8 * 11 * 9)
    same(Moments.of(data), whole)


@given(cuts=st.lists(st.integers(1, 59), max_size=6), order=st.randoms(use_true_random=False))
@tries(30)
def test_moments_of_parts_add_up_in_any_order(cuts, order):
    data = points(60, 5)
    parts = [Moments.of(part) for part in np.split(data, sorted(set(cuts)))]
    order.shuffle(parts)
    same(sum(parts), Moments.of(data))


def test_parts_may_come_from_processes():
    data = points(400, 6)
    with ProcessPoolExecutor(2) as pool:
        parts = list(pool.map(Moments.of, np.array_split(data, 5)))
    same(sum(parts), Moments.of(data))
    fitted, whole = Gaussian.fit(sum(parts), 3, rest=True), Gaussian.fit(data, 3, rest=True)
    np.testing.assert_allclose(fitted.covariance(), whole.covariance(), rtol=1e-10)


def test_a_large_mean_costs_no_digits():
    """Sums of squares would leave nothing of a variance of 1 beside a mean of 1e9."""
    data = np.random.default_rng(1).standard_normal((1000, 2)) + 1e9
    added = Moments.of(data[:300]) + Moments.of(data[300:])
    np.testing.assert_allclose(added.covariance(), np.cov(data.T, bias=True), rtol=1e-6, atol=1e-8)


def test_moments_can_be_sent():
    same(pickle.loads(pickle.dumps(Moments.of(points(9, 3)))), Moments.of(points(9, 3)))


def test_a_part_may_be_empty():
    """A worker may find nothing in its share; the sum knows nothing of it."""
    data = np.random.default_rng(0).standard_normal((20, 3))
    none = Moments.of(data[:0])
    for whole in (none + Moments.of(data), Moments.of(data) + none, Moments.of([data[:0], data, data[:0]]),
                  sum([none, none, Moments.of(data[:7]), none, Moments.of(data[7:])])):  # fmt: skip
        assert whole.count == 20
        np.testing.assert_allclose(whole.covariance(), np.cov(data.T, bias=True), rtol=1e-12)
    assert (none + none).count == 0
    for call in (none.covariance, lambda: Gaussian.fit(none), lambda: Gaussian.fit(data[:0]),
                 lambda: Gaussian.fit([data[:0]]), lambda: Moments.of(data[:, :0]),
                 lambda: Moments.of([])):  # fmt: skip
        with pytest.raises(ValueError, match=r"^(count|data): got"):
            call()
    for bad in (("a", data[0], np.eye(3)), (-1, data[0], np.eye(3)), (1, data[0], np.eye(2)), (1, None, None)):
        with pytest.raises(ValueError, match=r"^(count|mean, scatter): got"):
            Moments(*bad)


def test_other_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"^moments: got dimensions .+; .+"):
        Moments.of(points(9, 3)) + Moments.of(points(9, 4))
    with pytest.raises(TypeError):
        Moments.of(points(9, 3)) + 1


def test_a_fit_says_what_memory_it_needs_before_it_begins():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    D = int((2 * pages / 40) ** 0.5)
    with pytest.raises(ValueError, match=rf"^data: got D = {D}, whose fit takes [0-9.]+ GB where there are [0-9.]+; "):
        Gaussian.fit(iter([np.zeros((1, D))]))
    assert moments.memory_of_a_fit(12_288) == pytest.approx(6.04e9, rel=1e-3)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("spectrum", ["power law", "plateau", "low rank", "zero"])
def test_few_axes_are_those_of_the_whole_decomposition(library, spectrum):
    D, rank = 200, 12
    lam = {
        "power law": 100 / np.arange(1.0, D + 1) ** 2,
        "plateau": np.where(np.arange(D) < 30, 5.0, 0.1),
        "low rank": np.where(np.arange(D) < 5, 3.0, 0.0),
        "zero": np.zeros(D),
    }[spectrum]
    Q = np.linalg.qr(np.random.default_rng(2).standard_normal((D, D)))[0]
    covariance = (Q * lam) @ Q.T
    few, axes = map(np.asarray, principal_axes(LIBRARIES[library]((covariance + covariance.T) / 2), rank))
    np.testing.assert_allclose(few[:rank], lam[:rank], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-12)
    np.testing.assert_allclose(covariance @ axes, axes * few, atol=1e-11)


@pytest.mark.parametrize("N", [90, 400])
def test_a_fit_of_few_axes_is_the_whole_fit_cut(N):
    data = points(N, 200)
    few, whole = Gaussian.fit(data, 8, rest=True), Gaussian.fit(data).truncate(8, rest=True)
    np.testing.assert_allclose(few.lam, whole.lam, rtol=1e-10)
    np.testing.assert_allclose(few.rest, whole.rest, rtol=1e-9)
    np.testing.assert_allclose(few.covariance(), whole.covariance(), atol=1e-10 * whole.lam[0])


def test_the_fit_with_dask_is_the_same_with_one_worker_and_with_two(tmp_path):
    pictures = np.random.default_rng(3).integers(0, 256, (90, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "pictures.npy", pictures)
    for workers in ("1", "2"):
        out = tmp_path / f"{workers}.npz"
        options = ["--rank", "5", "--workers", workers, "--batch", "20", "--out", out]
        subprocess.run([sys.executable, "book/tools/fit.py", tmp_path / "pictures.npy", *options], check=True)
    one, two = (np.load(tmp_path / f"{workers}.npz") for workers in "12")
    whole = Gaussian.fit(data.to_vectors(pictures), 5, rest=True)
    for fitted in (one, two):
        np.testing.assert_allclose(fitted["mu"], whole.mu, atol=1e-14)
        np.testing.assert_allclose(fitted["lam"], whole.lam, rtol=1e-11)
        assert float(fitted["rest"]) == pytest.approx(whole.rest, rel=1e-11)
        np.testing.assert_allclose(
            (fitted["U"] * fitted["lam"]) @ fitted["U"].T, (whole.U * whole.lam) @ whole.U.T, atol=1e-12
        )
