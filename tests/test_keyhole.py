"""The painters behind a keyhole, against loops over pixels, pictures and windows typed out with scipy's softmax."""

import time

import numpy as np
import pytest
from scipy.special import softmax
from truth import LIBRARIES

from paintlib import keyhole
from paintlib.keyhole import Keyhole, RovingKeyhole
from paintlib.pointcloud import PointCloud
from paintlib.schedules import CLEAN, Level

RNG = np.random.default_rng(0)
ALBUM = {(4, 5): RNG.standard_normal((7, 20)), (4, 3, 3): RNG.standard_normal((7, 36))}
LEVELS = [Level(0.8, 0.6), Level(1.0, 0.05), Level(0.1, 2.0)]
every_level = pytest.mark.parametrize("level", LEVELS)
every_shape = pytest.mark.parametrize("shape", ALBUM)


def framed(picture, shape, reach):
    """The picture (H, W, C) in a frame of zeros."""
    picture = picture.reshape(*shape[:2], -1)
    return np.pad(picture, ((reach, reach), (reach, reach), (0, 0)))


def by_hand(points, shape, window, x, level, roving):
    """The estimate, pixel by pixel: each window cut out of the framed pictures, each vote cast alone."""
    r, (H, W) = window // 2, shape[:2]
    cut = lambda a, i, j: a[i : i + window, j : j + window]  # noqa: E731
    state, pictures = framed(x, shape, r), [framed(y, shape, r) for y in points]
    out = np.empty((H, W, len(x) // (H * W)))
    for i, j in np.ndindex(H, W):
        places = list(np.ndindex(H, W)) if roving else [(i, j)]
        voters = [(y, place) for y in pictures for place in places]
        apart = [np.sum((cut(state, i, j) - level.alpha * cut(y, *place)) ** 2) for y, place in voters]
        w = softmax(-np.array(apart) / (2 * level.sigma**2))
        out[i, j] = w @ np.array([y[a + r, b + r] for y, (a, b) in voters])
    return out.ravel()


@every_shape
@every_level
@pytest.mark.parametrize("window", [1, 3, 5])
def test_both_are_what_their_formulas_say(shape, level, window):
    points = ALBUM[shape]
    x = np.random.default_rng(1).standard_normal(points.shape[1])
    for kind, roving in ((Keyhole, False), (RovingKeyhole, True)):
        wanted = by_hand(points, shape, window, x, level, roving)
        np.testing.assert_allclose(kind(points, shape, window).denoise(x, level), wanted, rtol=1e-9, atol=1e-11)


@every_shape
@every_level
def test_a_window_that_shows_all_gives_the_exact_score(shape, level):
    points, x = ALBUM[shape], np.random.default_rng(2).standard_normal((3, ALBUM[shape].shape[1]))
    wide = Keyhole(points, shape, 2 * max(shape[:2]) - 1).denoise(x, level)
    np.testing.assert_allclose(wide, PointCloud(points).denoise(x, level), rtol=1e-9, atol=1e-12)


@every_level
def test_a_window_of_one_pixel_gives_a_cloud_for_each_pixel(level):
    points, x = ALBUM[4, 5], np.random.default_rng(2).standard_normal(20)
    alone = [PointCloud(points[:, [p]]).denoise(x[[p]], level)[0] for p in range(20)]
    np.testing.assert_allclose(Keyhole(points, (4, 5), 1).denoise(x, level), alone, rtol=1e-9)


@pytest.mark.parametrize("kind", [Keyhole, RovingKeyhole])
@every_level
def test_the_answer_does_not_depend_on_the_size_of_the_blocks(kind, level, monkeypatch):
    """Blocks of one picture, of two, and all at once: the running log-sum-exp weighs them as one softmax does."""
    points, x = ALBUM[4, 5], np.random.default_rng(3).standard_normal((2, 20))
    answers = []
    for cache in (1, 8 * 20 * 2, 2**30):
        monkeypatch.setattr(keyhole, "CACHE", cache)
        answers.append(kind(points, (4, 5), 3).denoise(x, level))
    for other in answers[1:]:
        np.testing.assert_allclose(other, answers[0], rtol=1e-12, atol=1e-14)


def test_the_roving_one_moves_with_the_picture():
    """A state moved within a wide black frame gets the same answer, moved; the one that stays in its place does not."""
    album = np.zeros((6, 12, 12))
    album[:, 4:8, 4:8] = np.random.default_rng(4).standard_normal((6, 4, 4))
    album, state = album.reshape(6, -1), np.zeros((12, 12))
    state[4:8, 4:8] = np.random.default_rng(5).standard_normal((4, 4))
    level = Level.from_kappa(0.3)
    moved = {}
    for kind in (Keyhole, RovingKeyhole):
        painter = kind(album, (12, 12), 3)
        here, there = (painter.denoise(s.ravel(), level).reshape(12, 12) for s in (state, np.roll(state, 3, axis=1)))
        moved[kind] = np.abs(np.roll(here, 3, axis=1) - there).max()
    assert moved[RovingKeyhole] < 1e-9 < 0.1 < moved[Keyhole]


@pytest.mark.parametrize("library", LIBRARIES)
def test_winners_are_the_pictures_with_the_largest_vote(library, monkeypatch):
    monkeypatch.setattr(keyhole, "CACHE", 8 * 20 * 2)
    points, x, level = ALBUM[4, 5], np.random.default_rng(6).standard_normal((2, 3, 20)), Level(0.7, 0.5)
    array = LIBRARIES[library]
    found = np.asarray(Keyhole(array(points), (4, 5), 1).winners(array(x), level))
    assert found.shape == (2, 3, 20)
    np.testing.assert_array_equal(found, np.abs(x[..., None, :] - 0.7 * points).argmin(axis=-2))
    wide = np.asarray(Keyhole(array(points), (4, 5), 9).winners(array(x), level))
    best = PointCloud(points).weights(x, level).argmax(axis=-1)
    np.testing.assert_array_equal(wide, np.broadcast_to(best[..., None], (2, 3, 20)))


def test_three_thousand_pictures_take_less_than_a_second():
    """0.03 seconds of a core, where it was measured; one second leaves room for slow machines."""
    album = np.random.default_rng(7).standard_normal((3000, 784))
    painter = Keyhole(album, (28, 28), 7)
    start = time.process_time()
    painter.denoise(album[0] + 0.5, Level.from_kappa(0.5))
    assert time.process_time() - start < 1


@pytest.mark.parametrize("kind", [Keyhole, RovingKeyhole])
@pytest.mark.parametrize(
    ("quantity", "make"),
    [
        ("points", lambda kind: kind(np.zeros((3, 4), dtype=int), (2, 2), 3)),
        ("points", lambda kind: kind(np.full((3, 4), np.nan), (2, 2), 3)),
        ("points", lambda kind: kind(np.zeros(4), (2, 2), 3)),
        ("shape", lambda kind: kind(np.zeros((3, 4)), (2, 3), 3)),
        ("shape", lambda kind: kind(np.zeros((3, 4)), 4, 3)),
        ("shape", lambda kind: kind(np.zeros((3, 4)), (4,), 3)),
        ("window", lambda kind: kind(np.zeros((3, 4)), (2, 2), 2)),
        ("window", lambda kind: kind(np.zeros((3, 4)), (2, 2), 0)),
        ("window", lambda kind: kind(np.zeros((3, 4)), (2, 2), 3.0)),
        ("x", lambda kind: kind(np.zeros((3, 4)), (2, 2), 3).denoise(np.zeros(5), Level(1.0, 1.0))),
        ("x", lambda kind: kind(np.zeros((3, 4)), (2, 2), 3).denoise(np.full(4, np.inf), Level(1.0, 1.0))),
        ("x", lambda kind: kind(np.zeros((3, 4)), (2, 2), 3).denoise(np.full(4, 1e200), Level(1.0, 1.0))),
        ("sigma", lambda kind: kind(np.zeros((3, 4)), (2, 2), 3).denoise(np.zeros(4), CLEAN)),
        ("level", lambda kind: kind(np.zeros((3, 4)), (2, 2), 3).denoise(np.zeros(4), Level(np.ones(2), np.ones(2)))),
    ],
)
def test_bad_input_is_named(kind, quantity, make):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        make(kind)
