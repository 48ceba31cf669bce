"""How far a jump moves a picture, for a painter that is the theory; and the table that ships."""

import json

import numpy as np
import pytest
from truth import a_gaussian

from paintlib.gaussian import Gaussian
from paintlib.measure import proxies, stored

G = Gaussian(np.zeros(16), a_gaussian(16, (1.0, 0.5, 0.2), 0).U, np.array([0.05, 0.02, 0.01]))  # no pixel is clipped


class Painter:
    """A Gaussian that knows the form of its pictures."""

    shape, D, denoise = (4, 4, 1), 16, staticmethod(G.denoise)


def farthest(a, b, weights):
    """In the place of LPIPS, which wants larger pictures and weights."""
    assert a.shape == b.shape and a.shape[1:] == (3, 4, 4) and max(abs(a).max(), abs(b).max()) <= 1
    return abs(a - b).max(axis=(1, 2, 3))


def test_where_the_painter_is_the_theory_a_jump_changes_no_more_than_ddims_own_error(monkeypatch):
    monkeypatch.setattr(proxies, "lpips", farthest)
    yardstick, *jumps = proxies.measured(Painter(), G, seeds=3)
    assert yardstick["skip"] == 0 and yardstick["kappa"] is None and len(yardstick["mse"]) == 3
    assert [row["skip"] for row in jumps] == list(proxies.SKIPS)
    assert all(np.diff([row["kappa"] for row in jumps]) < 0)
    for row in jumps:
        assert np.mean(row["mse"]) < 0.1 * np.mean(yardstick["mse"])


def test_both_measures_are_of_the_pictures_pixel_by_pixel(monkeypatch):
    monkeypatch.setattr(proxies, "lpips", farthest)
    x, y = np.zeros((2, 48)), np.zeros((2, 48))
    y[1, 47] = 0.5  # the last pixel's blue
    mse, far = proxies.both(x, y, (4, 4, 3), None)
    np.testing.assert_allclose(mse, [0, 0.25 / 48])
    np.testing.assert_allclose(far, [0, 0.5])


def test_the_command_writes_one_list_a_network_and_the_one_that_ships_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("paintlib.networks.load", lambda name: name)
    monkeypatch.setattr(proxies, "measured", lambda painter, theory, weights: [{"skip": 0, "of": painter}])
    proxies.main(["cifar10", "fashion-mnist", "--out", str(tmp_path / "p.json")])
    assert json.loads((tmp_path / "p.json").read_text())["cifar10"] == [{"skip": 0, "of": "cifar10"}]
    for rows in stored("proxies").values():
        assert [row["skip"] for row in rows] == [0, *proxies.SKIPS]
        assert all(len(row["mse"]) == len(row["lpips"]) == proxies.SEEDS for row in rows)


def test_a_table_of_fid_names_its_pictures_and_has_both_differences():
    runs = stored("fid_cifar10")
    assert [row["samples"] for row in runs[0]["rows"]] == [10_000, 10_000]
    for run in runs:
        assert run["floor"]["value"] > 0
        [after] = [row for row in run["rows"] if row["skip"]]
        others = {f"ddim-{row['steps']}-{row['skip']}": row for row in run["rows"] if not row["skip"]}
        assert set(after["minus"]) == set(others) and "training pictures" in after["metric"]
        for name, (difference, low, high) in after["minus"].items():
            assert low < difference < high
            assert difference == pytest.approx(after["value"] - others[name]["value"], abs=2e-4)
