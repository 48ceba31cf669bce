"""The full album behind a keyhole: its table is of the weights that ship, and says what the painters say."""

import numpy as np
import pytest

from paintlib import data, networks
from paintlib.keyhole import Keyhole
from paintlib.measure import keyholes
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Level


def rows(kappa):
    """The errors of the table at a noise level, by painter."""
    table = keyholes.full_album()
    at = table["kappa"] == kappa
    return dict(zip(table["painter"][at], table["error"][at], strict=True)), table["spread"][at][0]


def test_the_table_is_of_the_weights_that_ship_and_no_better_window_lies_beyond():
    """Fails when the network was trained on: run `python -m paintlib.measure.keyholes` again."""
    for kappa, windows in keyholes.WINDOWS.items():
        errors, spread = rows(kappa)
        assert all(error.shape == (keyholes.STATES,) and error.min() > 0 for error in errors.values()) and spread > 0
        means = [errors[f"keyhole {side}"].mean() for side in windows] + [errors["exact score"].mean()]
        best = int(np.argmin(means))
        assert best > 0 or windows[best] == 3, "a smaller window was not looked at"
        assert best != len(windows) - 1, "a larger window was not looked at"


def test_there_is_no_table_of_another_network(monkeypatch):
    assert keyholes.full_album("cifar10") is None
    monkeypatch.setattr(keyholes, "weights_of", lambda name: "of other weights")
    assert keyholes.full_album() is None


def test_the_painters_of_few_moments_say_what_the_table_says():
    """They ship whole, and so do the strangers: one noise level anew."""
    kappa, level = 0.6, Level.from_kappa(0.6)
    pictures = data.to_vectors(data.pad(data.sample(keyholes.NAME).images[:: keyholes.EVERY], 2))[: keyholes.STATES]
    x = pictures + kappa * np.random.default_rng(keyholes.SEED).standard_normal(pictures.shape)
    theirs = networks.load(keyholes.NAME).denoise(x, level)
    errors, spread = rows(kappa)
    assert np.mean((theirs - theirs.mean(0)) ** 2) == pytest.approx(spread, rel=1e-4)
    painters = {"Gaussian": data.gaussian(keyholes.NAME, 2, rest=True), "mixture": data.mixture(keyholes.NAME, 2)}
    for name, painter in painters.items():
        found = np.mean((painter.denoise(x, level) - theirs) ** 2, axis=1)
        np.testing.assert_allclose(found, errors[name], rtol=1e-3)


def side(y):
    return round(y.shape[1] ** 0.5)


@pytest.mark.parametrize("make", [PointCloud, lambda y: Keyhole(y, (side(y), side(y)), 3)])
def test_a_frame_that_all_pictures_share_changes_no_vote(make):
    rng = np.random.default_rng(0)
    inner = rng.uniform(-1, 1, (20, 5, 5))
    outer = np.pad(inner, ((0, 0), (2, 2), (2, 2)), constant_values=-1).reshape(20, -1)
    x, level = outer[:3] + 0.4 * rng.standard_normal((3, 81)), Level.from_kappa(0.4)
    framed = keyholes.Framed(make(inner.reshape(20, -1)), 2)
    assert framed.D == 81
    np.testing.assert_allclose(framed.denoise(x, level), make(outer).denoise(x, level), atol=1e-12)


def test_a_small_run_writes_a_table_that_loads(tmp_path, monkeypatch):
    """The whole way, on few pictures and a stand-in for the network."""

    class StandIn:
        def denoise(self, x, level):
            return 0.5 * x / np.hypot(level.alpha, level.sigma) - 0.5

    few = data.sample(keyholes.NAME)
    few = data.Images(few.images[::10], few.labels[::10], few.classes, few.name)
    monkeypatch.setattr(keyholes.data, "load", lambda name: few)
    monkeypatch.setattr(networks, "load", lambda name: StandIn())
    monkeypatch.setattr(keyholes, "WINDOWS", {0.6: (3, 25)})
    keyholes.make(tmp_path)
    monkeypatch.setattr(data, "SHIPPED", tmp_path)
    table = keyholes.full_album()
    assert table["pictures"] == 285 and list(table["painter"][-2:]) == ["keyhole 3", "keyhole 25"]
    assert table["error"].shape == (5, 15) and np.all(table["error"] > 0)
