"""Paths by strength and sampler: the measures on paths whose shape is known, and the table that ships."""

import functools
import json
import sys

import numpy as np
import pytest

from paintlib.measure import guidance
from paintlib.samplers import Trajectory
from paintlib.schedules import Level

LEVEL = Level.from_kappa(np.geomspace(10.0, 0.05, 40)).vp()


def path(x):
    return Trajectory(np.arange(len(x)), LEVEL[: len(x)], x, x)


def test_a_bow_swings_half_as_much_at_half_the_step_and_takes_nothing_back():
    def arc(count):
        turn = np.linspace(0, 1, count)
        return np.stack([np.cos(turn), np.sin(turn), 2 + turn], axis=-1)[:, None] * np.ones((1, 2, 1))

    few, many = path(arc(20)), path(arc(39))
    assert guidance.reversals(few).tolist() == [0, 0]
    np.testing.assert_allclose(guidance.swing(few), 2 * guidance.swing(many), rtol=0.05)


def test_a_zigzag_takes_back_every_turn_and_turns_more_than_it_moves():
    n = np.arange(30)
    x = np.stack([n, 3 * (-1.0) ** n, np.ones(30)], axis=-1)[:, None]
    assert guidance.reversals(path(x)) == 100
    assert guidance.swing(path(x)) == pytest.approx(100 * 12 / np.hypot(1, 6))
    assert guidance.swing(path(x + np.array([5, 0, 0]))) == guidance.swing(path(x))


def test_a_level_that_is_visited_twice_counts_once():
    n = np.arange(12.0)
    x = np.stack([n, n**2, np.ones(12)], axis=-1)[:, None]
    kappas = np.geomspace(10.0, 0.1, 12)
    again = [0, 1, 1, *range(2, 12)]
    twice = Trajectory(n, Level.from_kappa(kappas[again]), x[again], x[again])
    twice.x[1] += 7  # what is said first of that level
    once = Trajectory(n, Level.from_kappa(kappas), x, x)
    np.testing.assert_allclose(guidance.swing(twice), guidance.swing(once))
    np.testing.assert_allclose(guidance.reversals(twice), guidance.reversals(once))


@pytest.mark.parametrize("measure", [guidance.swing, guidance.reversals, guidance.measures])
def test_too_short_a_path_or_another_thing_is_refused(measure):
    with pytest.raises(ValueError, match=r"path: got 3 levels; for its turns"):
        measure(path(np.random.default_rng(0).normal(size=(3, 2, 5))))
    with pytest.raises(ValueError, match=r"path: got list; give a Trajectory"):
        measure([[1.0, 2.0]])


def test_a_path_that_stands_still_has_no_share_of_its_moves():
    for measure in (guidance.swing, lambda run: guidance.first(run.x)):
        with pytest.raises(ValueError, match=r"path: got one that stands still"):
            measure(path(np.ones((9, 1, 5))))


def test_the_table_is_complete_and_compared_prompt_by_prompt():
    table = guidance.stored("emoji")
    found = {(cell["strength"], cell["sampler"]) for cell in table["cells"]}
    assert found == {(w, s) for w in guidance.STRENGTHS for s in guidance.SAMPLERS}
    names = {*guidance.measures(path(np.random.default_rng(0).normal(size=(12, 2, 5)))), "end"}
    for cell in table["cells"]:
        assert set(cell) == {"strength", "sampler", *names}
        assert all(len(cell[name]) == len(table["prompts"]) for name in names)
    assert guidance.asked(len(table["prompts"]), table["seed"]) == table["prompts"]


def test_a_sampler_that_is_not_measured_is_refused():
    with pytest.raises(ValueError, match=r"^sampler: got Heun"):
        guidance.scheduler({}, "Heun")


def test_the_command_writes_a_table_that_reads_back(tmp_path, monkeypatch):
    few = functools.partial(guidance.cells, strengths=(1.0, 3.0), samplers=("DDIM", "PNDM"), steps=6)
    monkeypatch.setattr(guidance, "cells", few)
    monkeypatch.setattr(sys, "argv", ["guidance", "emoji", "--prompts", "2", "--out", str(tmp_path / "table.json")])
    guidance.main()
    table = json.loads((tmp_path / "table.json").read_text("utf-8"))
    assert len(table["cells"]) == 4 and table["prompts"] == guidance.asked(2)
    assert [np.mean(cell["end"]) == 0 for cell in table["cells"]] == [True, False, True, False]
