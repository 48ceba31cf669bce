"""Chapter 14's formula for a prompt exchanged on the way, as its cell has it, against runs of two Gaussian painters."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from paintlib.gaussian import Gaussian
from paintlib.samplers import heun
from paintlib.schedules import EDM

CHAPTER = Path(__file__).parents[1] / "chapters" / "14_painting_from_a_prompt.ipynb"


@pytest.mark.parametrize("lam", [0.05, 0.2, 1.0])
def test_changed_is_what_two_gaussians_do(lam):
    cell = next(c for c in json.loads(CHAPTER.read_text("utf-8"))["cells"] if c["id"] == "c14-change-formula")
    kappas = np.array([9.0, 4.0, 1.5, 0.5])
    names = {"np": np, "sizes": {"seed": lam * 2 / 3}, "SEEDS": 3, "kappas": kappas, "TURNS": [1, 2, 3]}
    with contextlib.redirect_stdout(io.StringIO()):
        exec("".join(cell["source"]), names)
    rng = np.random.default_rng(0)
    means, x_T = rng.normal(size=(2, 5)), 9 * rng.normal(size=5)
    first, second = (Gaussian(mu, np.eye(5), np.full(5, lam)) for mu in means)

    def run(painter, x, start, end):
        *_, last = heun(painter, x, EDM(), np.geomspace(start, end, 400))
        return last.x

    a, b = (run(painter, x_T, 9.0, 1e-4) for painter in (first, second))
    for kappa, formula in zip(kappas[1:], names["formula"], strict=True):
        switched = run(second, run(first, x_T, 9.0, kappa), kappa, 1e-4)
        assert (switched - a) @ (b - a) / ((b - a) @ (b - a)) == pytest.approx(formula, abs=1e-4)
