"""Lists of levels compared on a painter whose exact flow is known, a Gaussian; the table that ships."""

import json

import numpy as np
import pytest
from truth import a_gaussian

from paintlib.measure import clocks
from paintlib.schedules import Level, Tabulated

G = a_gaussian(6, (30.0, 4.0, 0.5, 0.01, 0.01), 0)


@pytest.fixture(scope="module")
def cells():
    return list(clocks.cells(G, G, G.lam, Tabulated.ddpm(), 12, [6]))


def test_every_cell_is_a_run_from_the_same_noise(cells):
    for cell in cells:
        assert len(cell["mse"]) == 12 and cell["evaluations"] == len(cell["kappas"]) - 1 == 6
    names = {(c["list"], c["jump"], c["sampler"]) for c in cells}
    assert len(names) == len(cells) and ("DP, carried", True, "ddim") in names and ("AYS", False, "ddim") in names


def test_an_error_is_the_distance_from_the_exact_picture(cells):
    """A fine run of a Gaussian ends where its flow does; so the error of a list can be had without that run."""
    z = np.random.default_rng(13).standard_normal((12, 6))
    exact = G.flow(clocks.start(z, 80.0), Level(1.0, 80.0), Level(1.0, 0.0))
    [cell] = [c for c in cells if (c["list"], c["jump"], c["sampler"]) == ("theory", False, "ddim")]
    painted = clocks.paint(G, G, z, np.array(cell["kappas"]), False, "ddim")
    np.testing.assert_allclose(np.mean((painted - exact) ** 2, axis=1), cell["mse"], rtol=0.1, atol=1e-3)


def test_a_jump_is_free_of_error_where_the_painter_is_the_gaussian(cells):
    mean = {(c["list"], c["jump"]): np.mean(c["mse"]) for c in cells if c["sampler"] == "ddim"}
    assert mean["DP, carried", True] < 0.3 * mean["DP, carried", False] < 0.3 * mean["Karras", False]


def test_the_table_that_ships_is_whole_and_an_unknown_one_is_refused():
    table = clocks.stored("fashion-mnist")
    about, found = table["about"], table["cells"]
    assert {c["evaluations"] for c in found} == set(clocks.EVALUATIONS)
    assert all(len(c["mse"]) == about["seeds"] and np.all(np.diff(c["kappas"]) < 0) for c in found)
    with pytest.raises(ValueError, match="model: got 'mine'"):
        clocks.stored("mine")


def test_the_command_writes_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr("paintlib.networks.load", lambda name: type("P", (), {"schedule": None})())
    row = {"list": "a", "jump": False}
    monkeypatch.setattr(clocks, "cells", lambda *given: iter([row]))
    clocks.main(["fashion-mnist", "--out", str(tmp_path / "t.json")])
    made = json.loads((tmp_path / "t.json").read_text())
    assert made["cells"] == [row] and made["about"]["model"] == "fashion-mnist"
