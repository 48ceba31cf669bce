"""FID of lists of levels, with a Gaussian as the painter and coordinates as the features."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from paintlib import data
from paintlib.gaussian import Gaussian
from paintlib.measure import lists
from paintlib.measure.distance import fitted
from paintlib.schedules import Tabulated

U = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 5)))[0]
G = Gaussian(np.full(12, 0.1), U, np.array([0.3, 0.2, 0.1, 0.05, 0.01]))


class Painter:
    shape, schedule = (2, 2, 3), Tabulated.ddpm()

    def __init__(self):
        self.asked = 0

    def denoise(self, x, level):
        self.asked += 1
        return G.denoise(x, level)


def look(images):
    assert images.dtype == np.uint8 and images.shape[1:] == (2, 2, 3)
    return images.reshape(len(images), -1)[:, :4].astype(np.float32)


CELLS = [
    {"list": "fine", "jump": "", "sampler": "ddim", "evaluations": 6, "kappas": [80, 9, 2, 0.6, 0.2, 0.010001, 0]},
    {"list": "one step", "jump": "", "sampler": "ddim", "evaluations": 6, "kappas": [80, 79, 78, 77, 76, 75, 0]},
    {"list": "other", "jump": "near", "sampler": "ddim", "evaluations": 6, "kappas": [80, 0]},
    {"list": "other", "jump": "", "sampler": "heun", "evaluations": 6, "kappas": [80, 0]},
    {"list": "other", "jump": "", "sampler": "ddim", "evaluations": 5, "kappas": [80, 0]},
]


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(lists, "stored", lambda name: {"cells": CELLS})
    album = data.to_uint8(G.sample(np.random.default_rng(1).standard_normal((5000, 12))), (2, 2, 3))
    return look(album)


def test_lists_are_told_apart_and_a_stopped_run_goes_on(known, tmp_path):
    painter = Painter()
    run = lists.table("toy", painter, G, [6], 4, fitted(known), look, tmp_path)
    assert [row["list"] for row in run] == ["fine", "one step"] and run[0]["fid"] < 0.2 * run[1]["fid"]
    assert painter.asked == 2 * 4 * 6 and len(list(tmp_path.iterdir())) == 8
    assert lists.table("toy", painter, G, [6], 4, fitted(known), look, tmp_path) == run and painter.asked == 48


def test_an_fid_is_that_of_its_pictures(known, tmp_path):
    """Against Eq. 19 written out with scipy's matrix root; the halves scatter about it, and lie above."""
    [row, _] = lists.table("toy", Painter(), G, [6], 4, fitted(known), look, tmp_path)
    found = np.concatenate(
        [lists.features(Painter(), G, np.array([80, 9, 2, 0.6, 0.2, 0.0100013, 0]), n, look) for n in range(4)]
    )
    a, b = (np.cov(features, rowvar=False) for features in (found, known))
    means = np.sum((found.mean(0) - known.mean(0)) ** 2)
    wanted = means + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real
    assert row["fid"] == pytest.approx(wanted, abs=2e-3 * wanted + 1e-3)
    assert len(row["halves"]) == 20 and np.mean(row["halves"]) > row["fid"]


def test_a_part_of_a_block_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="samples: got 70; give a multiple of 50"):
        lists.main(["cifar10", "--samples", "70", "--reference", "none.npy", "--out", str(tmp_path / "lists.json")])


def test_the_table_that_ships_is_whole():
    table = lists.stored("lists_cifar10")
    assert len(table["rows"]) == 10 and all(len(row["halves"]) == 20 for row in table["rows"])
    clocks = [c for c in lists.stored("clocks_cifar10")["cells"] if (c["sampler"], c["jump"]) == ("ddim", "")]
    assert [r["kappas"] for r in table["rows"]] == [c["kappas"] for c in clocks if c["evaluations"] == 6]
