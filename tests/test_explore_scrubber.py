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
    """No Gaussian: pixels pull at their neighbours, and early estimates are far too large."""
    x = x / np.hypot(level.alpha, level.sigma)
    return np.tanh(2 * x) + (0.3 + 0.1 * level.kappa) * np.roll(x, 1, -1)


def _run(sampler=ddim, schedule=None, grid=(999, 700, 400, 150, 20, -1)):
    x_T = np.random.default_rng(3).normal(size=(SEEDS, int(np.prod(SHAPE)))) * (80 if schedule else 1)
    return collect(sampler(Function(_painter), x_T, schedule or Tabulated.ddpm(), np.array(grid, dtype=float)))


@pytest.fixture(scope="module")
def run():
    return _run()


def _diffusers(clip):
    """The same painter, with diffusers' own DDIM at the brush."""
    from diffusers import DDIMScheduler

    from paintlib.networks import record

    x_T = np.random.default_rng(3).normal(size=(SEEDS, int(np.prod(SHAPE))))
    scheduler = DDIMScheduler(timestep_spacing="trailing", clip_sample=clip)
    return collect(record(Function(_painter), scheduler, x_T, 10))


RUNS = {
    "DDPM": (_run, None),
    "EDM": (lambda: _run(schedule=EDM(), grid=(80.0, 10.0, 2.0, 0.5, 0.0)), None),
    "diffusers": (lambda: _diffusers(clip=False), None),
    "diffusers, clipped": (lambda: _diffusers(clip=True), 1),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_page_rebuilds_every_state_to_within_the_bytes(name):
    make, most = RUNS[name]
    run = make()
    data = payload(explore.scrubber(run, SHAPE, most))
    x0_hat = np.array(javascript("data.seeds.map((s) => unpack(s.estimates))", data))
    x = np.array(javascript("""data.seeds.map((s) => ddimStates(unpack(s.start)[0], unpack(s.estimates), data.levels,
        data.most ?? Infinity))""", data))  # fmt: skip
    assert most is None or np.abs(run.x0_hat).max() > 5, "the clip must matter"
    for s, seed in enumerate(data["seeds"]):
        grain = np.array(seed["estimates"]["scale"]) / 2  # half a step of the bytes is the largest rounding error
        assert np.all(np.abs(x0_hat[s] - run.x0_hat[:, s]).max(-1) <= grain + 1e-6)
        bound = seed["start"]["scale"][0] / 2
        for n, level in enumerate(data["levels"]):
            assert np.abs(x[s, n] - run.x[n, s]).max() < bound + 1e-5, f"seed {s}, step {n}"
            if n < len(data["levels"]) - 1:
                after = data["levels"][n + 1]
                ratio = after["sigma"] / level["sigma"]
                bound = ratio * bound + (after["alpha"] + ratio * level["alpha"]) * grain[n]


def test_likeness_is_pearsons_correlation():
    a, b = np.random.default_rng(5).normal(size=(2, 50))
    b += a - 2
    page = javascript("[correlation(data.a, data.b), correlation(data.a, data.a.map(() => 0.1))]",
                      {"a": a.tolist(), "b": b.tolist()})  # fmt: skip
    assert page[0] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)
    assert abs(page[1]) < 1e-6


def test_a_painting_of_cifar_size_is_light():
    x_T = np.random.default_rng(1).normal(size=(2, 3072))
    run = collect(ddim(Function(_painter), x_T, Tabulated.ddpm(), np.append(np.linspace(999, 0, 20), -1.0)))
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
        "run    ": lambda r: explore.scrubber(r, SHAPE, most=1),
        "most": lambda r: explore.scrubber(r, SHAPE, most=-1),
        "run ": lambda r: explore.scrubber(replace(r, x0_hat=np.full_like(r.x0_hat, np.nan)), SHAPE),
        "run   ": lambda r: explore.scrubber(_run(heun), SHAPE),
        "shape": lambda r: explore.scrubber(r, (5, 5, 3)),
        "names": lambda r: explore.scrubber(r, SHAPE, names=["one"]),
    }.items(),
)  # fmt: skip
def test_bad_input_is_named(run, quantity, make):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got"):
        make(run)
