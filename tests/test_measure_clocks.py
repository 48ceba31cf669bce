"""Lists of levels compared on a painter whose exact flow is known, a Gaussian; the tables that ship."""

import json

import numpy as np
import pytest
from truth import a_gaussian

from paintlib import data
from paintlib.measure import clocks, stored
from paintlib.schedules import Level, Tabulated

G = a_gaussian(6, (30.0, 4.0, 0.5, 0.01, 0.01), 0)


def job(evaluations, folder=None):
    return clocks.Job("a Gaussian", G, G, G.lam, Tabulated.ddpm(), evaluations, folder)


@pytest.fixture(scope="module")
def cells():
    return list(job([5, 6]).rows(2))


class Counting:
    """A painter that counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def denoise(self, x, level):
        self.asked += 1
        return G.denoise(x, level)


def test_every_cell_asks_as_often_as_it_says(cells):
    z = np.random.default_rng(0).standard_normal((2, 6))
    for cell in cells:
        painter = Counting()
        clocks.paint(painter, G, z, np.array(cell["kappas"]), cell["jump"], cell["sampler"])
        assert painter.asked == cell["evaluations"]


def test_every_cell_is_a_run_from_the_same_noise(cells):
    assert all(len(cell["mse"]) == len(cell["mse_led"]) == 16 for cell in cells)
    names = {(c["list"], c["jump"], c["sampler"], c["evaluations"]) for c in cells}
    assert len(names) == len(cells) and ("DP, carried", "far", "ddim", 6) in names
    assert ("AYS", "", "ddim", 6) in names and ("AYS", "", "ddim", 5) not in names
    assert {c["evaluations"] for c in cells if c["sampler"] == "heun"} == {5}


def test_an_error_is_the_distance_from_the_exact_picture(cells):
    """A fine run of a Gaussian ends where its flow does; so the error of a list can be had without that run."""
    z = np.random.default_rng(13).standard_normal((16, 6))
    exact = G.flow(clocks.start(z, 80.0), Level(1.0, 80.0), Level(1.0, 0.0))
    [cell] = [c for c in cells if (c["list"], c["jump"], c["sampler"], c["evaluations"]) == ("theory", "", "ddim", 6)]
    painted = clocks.paint(G, G, z, np.array(cell["kappas"]), "", "ddim")
    for truth in ("mse", "mse_led"):  # of a Gaussian both are the exact picture
        np.testing.assert_allclose(np.mean((painted - exact) ** 2, axis=1), cell[truth], rtol=0.1, atol=1e-3)


def test_a_jump_gives_one_move_more_and_is_free_of_error_where_the_painter_is_the_gaussian(cells):
    mean = {(c["list"], c["jump"]): np.mean(c["mse"]) for c in cells if (c["sampler"], c["evaluations"]) == ("ddim", 6)}
    assert mean["DP, carried", "near"] < 0.8 * mean["DP, carried", ""] < 0.8 * mean["Karras", ""]
    assert mean["theory", "near"] < 0.8 * mean["theory", ""]


def test_a_stopped_run_goes_on_where_it_was(tmp_path, monkeypatch):
    kept = list(job([5], tmp_path).rows(1))
    assert kept == list(job([5]).rows(1))
    monkeypatch.setattr(clocks, "paint", lambda *given: pytest.fail("painted again"))
    assert list(job([5], tmp_path).rows(1)) == kept


@pytest.mark.parametrize("model", ["fashion-mnist", "cifar10"])
def test_the_table_that_ships_is_whole(model):
    """Every list that the command asks for is there, and theory's lists are the ones that theory gives today."""
    table = stored(f"clocks_{model}")
    about, found = table["about"], table["cells"]
    there = {(c["sampler"], c["evaluations"]): set() for c in found}
    for c in found:
        there[c["sampler"], c["evaluations"]].add((c["list"], c["jump"]))
        assert len(c["mse"]) == len(c["mse_led"]) == about["seeds"] >= 16 and np.all(np.diff(c["kappas"]) < 0)
    assert {n for _, n in there} == set(clocks.EVALUATIONS)
    assert all(lists == clocks.asked(*key) for key, lists in there.items())
    lam = data.eigenvalues(model).astype(float)
    for c in found:
        if (c["list"], c["jump"], c["sampler"], c["evaluations"]) == ("theory", "near", "heun", 7):
            np.testing.assert_allclose(c["kappas"], clocks.placed(lam, 5, clocks.transfer.heun)[1:], rtol=2e-3)


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match=r"table: got 'mine'; these ship: .*clocks_cifar10"):
        stored("mine")


def test_the_command_writes_a_table_after_each_block(tmp_path, monkeypatch):
    monkeypatch.setattr("paintlib.networks.load", lambda name: type("P", (), {"schedule": None})())
    row = {"list": "a", "jump": ""}
    monkeypatch.setattr(clocks, "Job", lambda *given: type("J", (), {"rows": lambda self, blocks: iter([row])})())
    clocks.main(["fashion-mnist", "--seeds", "16", "--out", str(tmp_path / "t.json")])
    made = json.loads((tmp_path / "t.json").read_text())
    assert made["cells"] == [row] and made["about"]["model"] == "fashion-mnist" and made["about"]["seeds"] == 16
    with pytest.raises(SystemExit, match="seeds: got 9; give a multiple of 8"):
        clocks.main(["fashion-mnist", "--seeds", "9", "--out", str(tmp_path / "t.json")])
