"""The playground of chapter 06: its particles and ellipses are those of paintlib, in Node and in Chromium."""

import json
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore, grids, transfer
from paintlib.gaussian import Gaussian
from paintlib.schedules import EDM, Level

LAM = (1.69, 0.04)
CLOCK = EDM(0.0, 80.0)
GRIDS = {
    "log": lambda n, lam: [*(grids.log_snr(CLOCK, n - 1, end=0.02) if n > 1 else [80.0]), 0.0],
    "karras": lambda n, lam: [*(grids.karras(CLOCK, n - 1, end=0.02) if n > 1 else [80.0]), 0.0],
    "angle": lambda n, lam: grids.equal_angle(CLOCK, n, lam),
}


def javascript(expression, data):
    folder = files("paintlib.explore")
    source = "\n".join(folder.joinpath(name).read_text("utf-8") for name in ("theory.js", "playground.js"))
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    plain = "(_, v) => ArrayBuffer.isView(v) ? Array.from(v) : v"
    program = f"{source}\n{read}\nconsole.log(JSON.stringify({expression}, {plain}));"
    run = subprocess.run([node(), "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("n", [1, 2, 7, 50])
@pytest.mark.parametrize("kind", GRIDS)
def test_the_pages_levels_are_paintlibs_grids(kind, n):
    page = javascript(f"noiseLevels('{kind}', {n}, 80, 0.02, 1.69)", {})
    np.testing.assert_allclose(page, GRIDS[kind](n, 1.69), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["exact", "ddim", "heun", "rk4", "multistep"])
@pytest.mark.parametrize("n", [1, 3, 12])
def test_d7_d8_the_pages_factors_are_those_of_transfer(name, n):
    kappas = GRIDS["log"](n, None)
    data = {"kappas": kappas, "lam": LAM}
    page = javascript(
        f"data.lam.map((l) => lawOf(movesOf('{name}', data.kappas, l, 0)).map((s) => [s.gain, s.variance]))", data
    )
    truth = getattr(transfer, name)(LAM, CLOCK, kappas)
    np.testing.assert_allclose(np.array(page)[..., 0].T, truth, rtol=1e-10, atol=1e-13)
    assert np.all(np.array(page)[..., 1] == 0)


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_d9_the_pages_stochastic_ddim_is_that_of_transfer(eta):
    kappas = GRIDS["karras"](9, None)
    data = {"kappas": kappas, "lam": LAM}
    page = np.array(
        javascript(
            f"data.lam.map((l) => lawOf(movesOf('ddim', data.kappas, l, {eta})).map((s) => [s.gain, s.variance]))", data
        )
    )
    gain, variance = transfer.stochastic(LAM, CLOCK, kappas, eta)
    np.testing.assert_allclose(page[..., 0].T, gain, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(page[..., 1].T, variance, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_d4_the_pages_exact_process_is_the_reverse_sde(eta):
    """Move by move on the page, in one piece in paintlib."""
    data = {"kappas": [80.0, 9.0, 0.7, 0.0], "lam": LAM}
    page = np.array(
        javascript(
            f"data.lam.map((l) => lawOf(movesOf('exact', data.kappas, l, {eta})).map((s) => [s.gain, s.variance]))",
            data,
        )
    )
    g = Gaussian(np.zeros(2), np.eye(2), np.array(LAM))
    for n, kappa in enumerate(data["kappas"]):
        mean, variance, _ = g.reverse(np.ones(2), Level(1.0, 80.0), Level(1.0, kappa), eta)
        np.testing.assert_allclose(page[:, n, 0], mean, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(page[:, n, 1], variance, rtol=1e-9, atol=1e-9)


def test_the_pages_noise_is_normal_and_the_same_for_a_seed():
    one, again, other = javascript("[normals(6, 20000), normals(6, 20000), normals(7, 20000)]", {})
    assert one == again and one != other
    assert abs(np.mean(one)) < 0.03 and np.std(one) == pytest.approx(1, abs=0.02)
    assert np.mean(np.abs(one) > 2) == pytest.approx(0.0455, abs=0.006)
    assert abs(np.corrcoef(one[::2], one[1::2])[0, 1]) < 0.04


@pytest.fixture(scope="module")
def tab(browser):
    """The playground on a telephone, with touch."""
    tab = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce"
    ).new_page()
    tab.complaints = []
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    html = explore.playground(lam=LAM, count=60)._repr_html_()
    tab.set_content(f'<meta name="viewport" content="width=device-width">{html}')
    return tab


def state(tab):
    return json.loads(tab.locator("[data-output]").get_attribute("data-state"))


def pick(tab, name):
    tab.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def fresh(tab):
    pick(tab, "Reset")
    tab.evaluate("document.querySelector('details').open = true")  # on a phone it begins closed
    yield tab
    assert tab.complaints == []


@pytest.mark.parametrize(
    "sampler, name", [("exact", "exact"), ("DDIM", "ddim"), ("Heun", "heun"), ("RK4", "rk4"), ("2M", "multistep")]
)
@pytest.mark.parametrize("grid, kind", [("log κ", "log"), ("Karras", "karras"), ("angle of u₂", "angle")])
def test_in_the_browser_the_spread_and_the_distance_are_paintlibs(fresh, sampler, name, grid, kind):
    pick(fresh, sampler)
    pick(fresh, grid)
    seen = state(fresh)
    kappas = GRIDS[kind](6, LAM[1])
    np.testing.assert_allclose(seen["kappas"], kappas, rtol=1e-6, atol=1e-9)
    made = np.abs(getattr(transfer, name)(LAM, CLOCK, kappas)[-1]) * (6400 + np.array(LAM)) ** 0.5
    np.testing.assert_allclose(seen["made"], made, rtol=1e-5)
    assert seen["distance"] ** 2 == pytest.approx(transfer.miss(made, LAM, Level(1.0, 0.0)), rel=1e-4, abs=1e-9)


def test_in_the_browser_white_noise_misses_as_in_d3(fresh):
    """Prior mismatch: the exact flow from N(0, I) at a low start, against `Gaussian.generated`."""
    pick(fresh, "exact")
    pick(fresh, "white noise")
    fresh.get_by_label("Noise κ at the start").fill("16")
    seen, a = state(fresh), np.deg2rad(30)
    U = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    data = payload(explore.playground(lam=LAM))
    start = Level.from_kappa(seen["kappas"][0]).vp()
    truth = Gaussian(np.array(data["mu"]), U, np.array(LAM)).generated(start, 1.0)
    np.testing.assert_allclose(np.square(seen["made"]), truth.lam, rtol=1e-5)
    np.testing.assert_allclose(U @ seen["shift"], truth.mu - data["mu"], atol=1e-6)


def handle(tab, name):
    box = tab.get_by_role("slider", name=name).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_ellipse_is_dragged_by_mouse_by_key_and_by_touch(fresh):
    x, y = handle(fresh, "End of the second axis")
    fresh.mouse.move(x, y)
    fresh.mouse.down()
    fresh.mouse.move(x - 20, y - 35, steps=4)
    fresh.mouse.up()
    dragged = state(fresh)["std"]
    assert dragged[0] == pytest.approx(LAM[0] ** 0.5) and dragged[1] > 0.4
    end = fresh.get_by_role("slider", name="End of the first axis")
    end.focus()
    fresh.keyboard.press("ArrowLeft")
    assert state(fresh)["std"][0] < dragged[0]
    before = end.get_attribute("aria-valuetext")
    mouse = fresh.context.new_cdp_session(fresh)
    x, y = handle(fresh, "End of the first axis")
    for kind, points in [("touchStart", [(x, y)]), ("touchMove", [(x - 30, y + 60)]), ("touchEnd", [])]:
        mouse.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})
    assert end.get_attribute("aria-valuetext") != before


def test_a_tap_drops_the_noise_and_new_noise_and_time_move_the_particles(fresh):
    pixels = "document.querySelector('.paint-cloud').toDataURL()"
    before = fresh.evaluate(pixels)
    pick(fresh, "New noise")
    after = fresh.evaluate(pixels)
    assert after != before
    fresh.get_by_label("Watch the painting").fill("30")
    assert fresh.evaluate(pixels) != after and state(fresh)["where"] == 0.3
    box = fresh.locator(".paint-stack svg").bounding_box()
    fresh.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
    where = fresh.get_by_role("slider", name="Your noise").get_attribute("aria-valuetext")
    assert where == "2.9 across, -2.9 up"
    pick(fresh, "Reset")
    assert fresh.evaluate(pixels) == before


def test_it_says_what_happened_and_fits_the_phone(fresh):
    assert "DDIM, 6 moves, 6 estimates" in fresh.locator(".paint-words").text_content()
    pick(fresh, "1")
    assert "η = 1" in fresh.locator(".paint-words").text_content()
    assert fresh.evaluate("document.documentElement.scrollWidth") <= 390
    top, bottom = (fresh.locator(s).first.bounding_box() for s in (".paint-controls", ".paint-stack"))
    assert bottom["y"] + bottom["height"] - top["y"] < 700, "the plane and its controls on one screen"


def test_the_fragment_stands_alone():
    stands_alone([explore.playground()])


@pytest.mark.parametrize(
    ("quantity", "options"),
    [
        ("lam", {"lam": (5.0, 1.0)}),
        ("mu", {"mu": (3.0, 0.0)}),
        ("noise", {"noise": (np.nan, 0.0)}),
        ("angle", {"angle": np.inf}),
        ("kappa", {"kappa": 0.5}),
        ("moves", {"moves": 51}),
        ("count", {"count": 0}),
    ],
)
def test_bad_input_is_named(quantity, options):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.playground(**options)
