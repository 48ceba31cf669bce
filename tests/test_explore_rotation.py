"""The interactive of chapter 03: the page's hands, error and path are those of the exact flow (Eqs. 7, 9, 71)."""

import json
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore, geometry
from paintlib.gaussian import Gaussian
from paintlib.schedules import Level

PURE, D = Level(0.0, 1.0), 40


def javascript(expression, data):
    source = files("paintlib.explore").joinpath("rotation.js").read_text("utf-8")
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    program = f"{source}\n{read}\nconsole.log(JSON.stringify({expression}));"
    run = subprocess.run([node(), "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def flow(steepness, angles):
    """Variances, path (T, D) and rotation (T, D) of the start with c_k = 1, by the closed-form flow."""
    lam = np.arange(1.0, D + 1) ** -steepness
    painter = Gaussian(np.zeros(D), np.eye(D), lam / lam.mean() * 0.25)
    x_T = np.ones(D)
    path = np.array([painter.flow(x_T, PURE, Level(np.cos(phi), np.sin(phi))) for phi in angles])
    end = painter.filter(x_T, PURE)
    return painter.lam, path, np.cos(angles)[:, None] * end + np.sin(angles)[:, None] * x_T, end


@pytest.mark.parametrize("steepness", [0.0, 0.7, 2.0])
def test_the_error_on_the_page_is_that_of_the_flow(steepness):
    angles = np.linspace(0.01, np.pi / 2 - 0.01, 9)
    lam, path, rotated, end = flow(steepness, angles)
    data = {"a": steepness, "D": D, "angles": angles.tolist()}
    np.testing.assert_allclose(javascript("powerLaw(data.a, data.D, 0.25)", data), lam, rtol=1e-12)
    page = javascript("data.angles.map((phi) => missed(powerLaw(data.a, data.D, 0.25), phi))", data)
    np.testing.assert_allclose(page, ((path - rotated) ** 2).sum(1) / (path**2).sum(1), rtol=1e-9)
    whole = np.array([np.ones(D), *path, end])
    residual = geometry.rotation_residual(whole, np.array([0.0, *np.cos(angles), 1.0]))
    np.testing.assert_allclose(page, residual[1:-1], rtol=1e-9)


@pytest.mark.parametrize("steepness", [0.7, 2.0])
def test_the_path_in_the_plane_is_a_projection_of_the_flow(steepness):
    angles = np.linspace(0.01, np.pi / 2 - 0.01, 7)
    lam, path, rotated, end = flow(steepness, angles)
    up = np.ones(D) / np.sqrt(D)
    right = end - (end @ up) * up
    axes = np.stack([right / np.linalg.norm(right), up], axis=1) / np.sqrt(D)
    page = javascript("data.angles.map((phi) => inPlane(data.lam, phi))", {"lam": lam.tolist(), "angles": list(angles)})
    np.testing.assert_allclose([p["state"] for p in page], path @ axes, atol=1e-12)
    np.testing.assert_allclose([p["rotation"] for p in page], rotated @ axes, atol=1e-12)
    np.testing.assert_allclose(page[0]["end"], end @ axes, atol=1e-12)


def test_white_data_stay_on_a_line_and_reach_the_bound():
    page = javascript("[0.2, 0.7, 1.3].map((phi) => inPlane(powerLaw(0, 30, 0.25), phi).state[0])", {})
    assert page == [0, 0, 0]
    angles = np.linspace(0, np.pi / 2, 4001).tolist()
    worst = javascript("Math.max(...data.map((phi) => missed(powerLaw(0, 30, 4), phi)))", angles)
    assert worst == pytest.approx((2**0.5 - 1) ** 2, rel=1e-6)


def test_a_hand_turns_from_noise_to_picture():
    page = javascript("[Math.PI / 2, Math.atan(3), 0].map((phi) => turned(9, phi))", {})
    np.testing.assert_allclose(page, [0, np.pi / 4, np.pi / 2], atol=1e-12)  # it arrives at kappa = sqrt(lam)


def test_in_the_browser_the_words_tell_what_the_flow_gives(browser):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_content(explore.rotation(steepness=0.7, features=D)._repr_html_())
    page.locator("input").first.fill("60")  # phi = 30 degrees
    _, path, rotated, _ = flow(0.7, np.array([np.pi / 6]))
    share = ((path - rotated) ** 2).sum() / (path**2).sum()
    assert f"misses {100 * share:.1f} % of the square" in page.locator(".paint-words").inner_text()
    page.close()


def test_the_fragment_stands_alone():
    interactive = explore.rotation(steepness=2.0, features=50, variance=1.0)
    assert payload(interactive) == {"title": interactive.title, "steepness": 2.0, "features": 50, "variance": 1.0}
    stands_alone([interactive])


@pytest.mark.parametrize(
    ("quantity", "options"),
    [("steepness", {"steepness": -1}), ("steepness", {"steepness": np.nan}), ("features", {"features": 1}),
     ("features", {"features": 2.5}), ("variance", {"variance": 0.0}), ("variance", {"variance": np.inf})],
)  # fmt: skip
def test_bad_input_is_named(quantity, options):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.rotation(**options)
