"""The scrubber shows the steps that were recorded, to within its bytes, and nothing else."""

import re
from dataclasses import replace

import numpy as np
import pytest
from test_explore import javascript, payload

from paintlib import explore
from paintlib.denoisers import Function
from paintlib.samplers import collect, ddim, heun
from paintlib.schedules import EDM, Tabulated

SHAPE, SEEDS = (5, 4, 3), 2


def _painter(x, level):
    """No Gaussian: pixels pull at their neighbours, and the estimate is clipped."""
    x = x / np.hypot(level.alpha, level.sigma)
    return np.clip(np.tanh(2 * x) + 0.3 * np.roll(x, 1, -1), -1, 1)


def _run(sampler=ddim, schedule=None, grid=(999, 700, 400, 150, 20, -1)):
    x_T = np.random.default_rng(3).normal(size=(SEEDS, int(np.prod(SHAPE)))) * (80 if schedule else 1)
    return collect(sampler(Function(_painter), x_T, schedule or Tabulated.ddpm(), np.array(grid, dtype=float)))


@pytest.fixture(scope="module")
def run():
    return _run()


@pytest.mark.parametrize("kappas", [None, (80.0, 10.0, 2.0, 0.5, 0.0)], ids=["DDPM", "EDM"])
def test_the_page_rebuilds_every_state_of_a_ddim_run_to_within_the_bytes(kappas):
    run = _run() if kappas is None else _run(schedule=EDM(), grid=kappas)
    data = payload(explore.scrubber(run, SHAPE))
    page = javascript(
        "data.seeds.map((s) => ddimStates(unpack(s.start)[0], unpack(s.estimates), data.levels))", data
    )
    for s in range(SEEDS):
        grain = data["seeds"][s]["start"]["scale"][0] / 2  # half a step of the bytes is the largest rounding error
        for n, level in enumerate(data["levels"]):
            bound = level["sigma"] / data["levels"][0]["sigma"] * grain + level["alpha"] / 127 / 2
            assert np.abs(np.array(page[s][n]) - run.x[n, s]).max() < bound + 1e-9, f"seed {s}, step {n}"


def test_the_estimates_travel_as_bytes(run):
    data = payload(explore.scrubber(run, SHAPE))
    page = np.array(javascript("data.seeds.map((s) => unpack(s.estimates))", data))
    assert np.abs(page.swapaxes(0, 1) - run.x0_hat).max() <= 1 / 127 / 2 + 1e-9


def test_likeness_is_pearsons_correlation():
    a, b = np.random.default_rng(5).normal(size=(2, 50))
    b += a - 2
    page = javascript("[correlation(data.a, data.b), correlation(data.a, data.a.map(() => 0.1))]",
                      {"a": a.tolist(), "b": b.tolist()})  # fmt: skip
    assert page[0] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)
    assert abs(page[1]) < 1e-6


def test_a_painting_of_cifar_size_is_light():
    x_T = np.random.default_rng(1).normal(size=(3, 3072))
    run = collect(ddim(Function(_painter), x_T, Tabulated.ddpm(), np.append(np.linspace(999, 0, 16), -1.0)))
    assert len(explore.scrubber(run, (32, 32, 3))._repr_html_().encode()) < 250_000


def test_the_fragment_stands_alone(run):
    fragment = explore.scrubber(run, SHAPE, names=["A", "</script>"])._repr_html_()
    assert fragment.startswith('<div class="paint-interactive" data-kind="scrubber"')
    assert set(re.findall(r"https?://[^\s\"'`)]+", fragment)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\sid=|@import|url\(|\bimport\(|fetch\(|image/(png|jpeg)", fragment)
    assert fragment.count("<script") == fragment.count("</script") == 1
    assert "data-output" in fragment and 'aria-live": "polite"' in fragment
    assert fragment == explore.scrubber(run, SHAPE, names=["A", "</script>"])._repr_html_()


@pytest.mark.parametrize(
    ("quantity", "make"),
    {
        "run": lambda r: explore.scrubber(replace(r, x=r.x[:, 0], x0_hat=r.x0_hat[:, 0]), SHAPE),
        "run  ": lambda r: explore.scrubber(replace(r, x0_hat=r.x0_hat * 1.1), SHAPE),
        "run ": lambda r: explore.scrubber(replace(r, x0_hat=np.full_like(r.x0_hat, np.nan)), SHAPE),
        "run   ": lambda r: explore.scrubber(_run(heun), SHAPE),
        "shape": lambda r: explore.scrubber(r, (5, 5, 3)),
        "names": lambda r: explore.scrubber(r, SHAPE, names=["one"]),
    }.items(),
)  # fmt: skip
def test_bad_input_is_named(run, quantity, make):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got"):
        make(run)
