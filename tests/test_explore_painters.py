"""The interactive of chapter 11 shows the estimates that it was given, to within its bytes, and measures them."""

import json
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore

T, S, SHAPE = 5, 2, (4, 3, 3)
KAPPAS = np.geomspace(80, 0.1, T)


def _estimates(count=3, D=36, T=T):
    rng = np.random.default_rng(2)
    return {f"painter {k}": rng.normal(scale=1 + k, size=(T, S, D)) for k in range(count)}


def javascript(expression, data, script="painters.js"):
    folder = files("paintlib.explore")
    source = "\n".join(folder.joinpath(f).read_text("utf-8") for f in ("theory.js", script))
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    value = f"JSON.stringify({expression}, (_, v) => ArrayBuffer.isView(v) ? [...v] : v)"
    program = f"{source}\n{read}\nconsole.log({value});"
    run = subprocess.run([node(), "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_what_travels_is_what_was_given_to_within_a_byte():
    estimates = _estimates()
    data = payload(explore.painters(KAPPAS, estimates, SHAPE))
    assert [p["name"] for p in data["painters"]] == list(estimates) and data["names"] == ["1", "2"]
    page = np.array(javascript("data.painters.map((p) => p.frames.map(unpack))", data)).swapaxes(1, 2)
    given = np.array(list(estimates.values()))
    assert np.all(np.abs(page - given).max(-1) <= np.abs(given).max(-1) / 254 + 1e-9)


def test_the_page_measures_the_mean_squared_difference_from_the_first_painter():
    films = np.random.default_rng(3).normal(size=(3, T, 36))
    page = javascript("distances(data)", films.tolist())
    np.testing.assert_allclose(page, np.var(films[1:] - films[0], -1) + np.mean(films[1:] - films[0], -1) ** 2)


def test_the_fragment_stands_alone_and_is_light():
    stands_alone([explore.painters(KAPPAS, _estimates(), SHAPE, names=["A", "</script>"])])
    ten = explore.painters(np.geomspace(80, 0.1, 10), _estimates(4, 784, 10), (28, 28))
    assert len(ten._repr_html_().encode()) < 120_000


@pytest.mark.parametrize(
    ("quantity", "make"),
    {
        "kappas": lambda e: explore.painters(KAPPAS[::-1], e, SHAPE),
        "kappas ": lambda e: explore.painters([1.0], e, SHAPE),
        "estimates": lambda e: explore.painters(KAPPAS, {"alone": np.zeros((T, S, 36))}, SHAPE),
        "estimates ": lambda e: explore.painters(KAPPAS[:-1], e, SHAPE),
        "estimates  ": lambda e: explore.painters(KAPPAS, {**e, "other": np.zeros((T, 1, 36))}, SHAPE),
        "estimates   ": lambda e: explore.painters(KAPPAS, {**e, "other": np.full((T, S, 36), np.nan)}, SHAPE),
        "shape": lambda e: explore.painters(KAPPAS, e, (5, 5)),
        "names": lambda e: explore.painters(KAPPAS, e, SHAPE, names=["one"]),
    }.items(),
)
def test_bad_input_is_named(quantity, make):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got"):
        make(_estimates())
