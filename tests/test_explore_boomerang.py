"""The interactive of chapter 10: what the page draws is the curve that `geometry.boomerang` gives, turned."""

import json
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore

T = 9
KAPPAS = np.geomspace(80, 0.1, T)


def curve(seed=0):
    s = np.linspace(1, 0, T)
    a, b = np.random.default_rng(seed).uniform(0.1, 1, 2)
    return np.stack([50 * s, a * s * (1 - s), b * s**2 * (1 - s) - 0.1 * s * (1 - s)], axis=-1)


VIEWS = {"x / α": {"network": curve(1), "Gaussian": curve(2)}, "x": {"network": curve(3), "Gaussian": curve(4)}}


def javascript(expression, data):
    source = files("paintlib.explore").joinpath("boomerang.js").read_text("utf-8")
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    program = f"{source}\n{read}\nconsole.log(JSON.stringify({expression}));"
    run = subprocess.run([node(), "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize(("turn", "tilt"), [(0.0, 0.0), (0.7, -0.4), (-2.5, 1.2)])
def test_the_page_turns_a_point_as_two_rotations_do(turn, tilt):
    points = np.random.default_rng(5).normal(size=(6, 3))
    page = javascript(
        "data.p.map((p) => seen(p, data.turn, data.tilt))", {"p": points.tolist(), "turn": turn, "tilt": tilt}
    )
    turned = (Rotation.from_euler("x", tilt) * Rotation.from_euler("y", turn)).apply(points)
    np.testing.assert_allclose(page, turned[:, :2], atol=1e-12)


def test_the_page_measures_the_way_gone_and_the_distance_from_the_straight_line():
    rng = np.random.default_rng(6)
    frame = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    r = curve(7)
    x = r @ frame.T + rng.normal(size=3)  # the same curve anywhere in space
    page = javascript("data.r.map((_, n) => standing(data.r, n))", {"r": r.tolist()})
    way = x[0] - x[-1]
    share = (x - x[-1]) @ way / (way @ way)
    off = np.linalg.norm(x - x[-1] - share[:, None] * way, axis=1) / np.linalg.norm(way)
    np.testing.assert_allclose([p["gone"] for p in page], 1 - share, atol=1e-12)
    np.testing.assert_allclose([p["off"] for p in page], off, atol=1e-12)


def test_what_travels_is_what_was_given_in_a_fragment_that_stands_alone():
    interactive = explore.boomerang(VIEWS, KAPPAS)
    data = payload(interactive)
    assert data["names"] == ["network", "Gaussian"] and [v["name"] for v in data["views"]] == ["x / α", "x"]
    for view, curves in zip(data["views"], VIEWS.values(), strict=True):
        np.testing.assert_allclose(view["curves"], list(curves.values()), rtol=1e-5)
    np.testing.assert_allclose(data["kappas"], KAPPAS, rtol=1e-5)
    stands_alone([interactive])
    assert len(interactive._repr_html_().encode()) < 40_000


@pytest.mark.parametrize(
    ("quantity", "views", "kappas"),
    [
        ("kappas", VIEWS, KAPPAS[::-1]),
        ("kappas", VIEWS, [1.0]),
        ("views", {}, KAPPAS),
        ("views", {"x": {"one": curve()}, "y": {"two": curve()}}, KAPPAS),
        ("r", {"x": {"one": curve()[:-1]}}, KAPPAS),
        ("r", {"x": {"one": np.full((T, 3), np.nan)}}, KAPPAS),
        ("r", {"x": {"one": np.zeros((T, 3))}}, KAPPAS),
    ],
)
def test_bad_input_is_named(quantity, views, kappas):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.boomerang(views, kappas)
