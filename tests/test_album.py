"""The full run of chapter 11: its table is of the weights that ship, and a theory in it is what the table says."""

import numpy as np
import pytest

from paintlib import data
from paintlib.measure import album

NAMES = list(album.MARGINS)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_of_the_weights_that_ship(name):
    """Fails when a network was trained on: run `python -m paintlib.measure.album` again."""
    table = album.full_run(name)
    steps, places, judges = len(table["kappa"]), 3, len(album.THEORIES) + 1
    assert table["states"].shape == table["estimates"].shape == (len(album.THEORIES), steps, album.SEEDS)
    assert table["explained"].shape == (places, judges, len(album.NOISES), 3)
    value, low, high = np.moveaxis(table["explained"], -1, 0)
    assert np.all(low <= value) and np.all(value <= high) and np.all(value <= 1)


def test_there_is_no_table_of_another_network(monkeypatch):
    assert album.full_run("google/ddpm-cifar10-32") is None
    monkeypatch.setattr(album, "weights_of", lambda name: "of other weights")
    assert album.full_run("cifar10") is None


@pytest.mark.parametrize("name", NAMES)
def test_all_begin_at_one_noise_and_the_theories_agree_at_first(name):
    table = album.full_run(name)
    np.testing.assert_allclose(table["states"][:, 0], 0, atol=1e-10)  # but for the rounding of float32
    gaussian, mixture, cloud, whole = table["estimates"][:, 0].mean(-1)
    np.testing.assert_allclose([mixture, cloud, whole], gaussian, rtol=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_score_ends_in_training_pictures_and_explains_its_own_album_best(name):
    """At the lowest noise it stays above zero on the album, and falls below it on strangers."""
    explained = album.full_run(name)["explained"][..., 0]
    cloud = album.THEORIES.index("exact score")
    assert explained[0, cloud, 0] > 0 > explained[1, cloud, 0]


def test_a_small_run_writes_a_table_that_loads(tmp_path, monkeypatch):
    """The whole way, on few pictures and a stand-in for the network."""
    from paintlib import networks

    class StandIn:
        D = 32 * 32

        def denoise(self, x, level):
            return 0.5 * x / np.hypot(level.alpha, level.sigma) - 0.5

    few = data.sample("fashion-mnist")
    few = data.Images(few.images[::12], few.labels[::12], few.classes, few.name)
    monkeypatch.setattr(album.data, "load", lambda name, split="train": few)
    monkeypatch.setattr(networks, "load", lambda name: StandIn())
    monkeypatch.setattr(album, "SEEDS", 12)
    monkeypatch.setattr(album, "STATES", 12)
    album.make("fashion-mnist", tmp_path)
    monkeypatch.setattr(data, "SHIPPED", tmp_path)
    table = album.full_run("fashion-mnist")
    assert table["states"].shape == (4, 51, 12) and np.all(table["states"][:, 1:] > 0)
