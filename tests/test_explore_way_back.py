"""The interactive of chapter 01: its three walks and its density are those of Eqs. 1 to 4 for two points."""

import json
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import norm
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect, stochastic
from paintlib.schedules import EDM, Level

P, HIGH, LOW, STEPS = 0.7, 12.0, 0.02, 120
KAPPAS = HIGH * (LOW / HIGH) ** (np.arange(STEPS + 1) / STEPS)
CLOUD = PointCloud(np.array([[-1.0], [1.0]]), np.array([1 - P, P]))


def javascript(expression, data):
    source = files("paintlib.explore").joinpath("way_back.js").read_text("utf-8")
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    show = "(_, v) => ArrayBuffer.isView(v) ? Array.from(v) : v"
    program = f"{source}\n{read}\nconsole.log(JSON.stringify({expression}, {show}));"
    run = subprocess.run([node(), "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def walks(mode, z):
    data = {"mode": mode, "kappas": KAPPAS.tolist(), "p": P, "z": np.ravel(z).tolist()}
    return np.array(javascript("walks(data.mode, data.kappas, data.p, Float64Array.from(data.z))", data))


@pytest.mark.parametrize("kappa", [0.05, 0.6, 5.0])
def test_the_guess_on_the_page_is_that_of_the_exact_score(kappa):
    x = np.linspace(-3, 3, 11)
    page = javascript("data.x.map((x) => twoPoints(x, data.kappa, data.p))", {"x": x.tolist(), "kappa": kappa, "p": P})
    np.testing.assert_allclose(page, CLOUD.denoise(x[:, None], Level.from_kappa(kappa))[:, 0], atol=1e-12)


def test_the_flow_on_the_page_is_eq_4():
    z = np.zeros((5, STEPS + 2))
    z[:, 0] = [-2.0, -0.7, -0.3, 0.4, 1.5]
    page = walks(1, z)

    def slope(kappa, x):
        return (x - CLOUD.denoise(x[:, None], Level.from_kappa(kappa))[:, 0]) / kappa

    start = HIGH * z[:, 0] + 2 * P - 1
    np.testing.assert_allclose(page[:, 0], start, rtol=1e-12)
    truth = solve_ivp(slope, (HIGH, LOW), start, t_eval=KAPPAS[[40, 80, 120]], rtol=1e-9, atol=1e-10).y
    np.testing.assert_allclose(
        page[:, [40, 80, 120]] / np.hypot(1, KAPPAS[[40, 80, 120]]),
        truth / np.hypot(1, KAPPAS[[40, 80, 120]]),
        atol=4e-3,
    )  # exact to the eye


def test_the_reverse_walk_on_the_page_takes_ancestral_steps():
    z = np.random.default_rng(1).standard_normal((3, STEPS + 2))

    class Dealt:
        """A generator that deals the same normal numbers."""

        def __init__(self):
            self.n = 0

        def standard_normal(self, size):
            self.n += 1
            return z[:, self.n].reshape(size)

    start = HIGH * z[:, :1] + 2 * P - 1
    run = collect(stochastic(CLOUD, start, EDM(kappa_min=LOW, kappa_max=HIGH), KAPPAS, 1.0, Dealt()))
    np.testing.assert_allclose(walks(2, z), run.x[:, :, 0].T, atol=1e-9)


def test_pouring_on_the_page_has_the_law_of_eq_3():
    z = np.random.default_rng(2).standard_normal((4000, STEPS + 2))
    page = walks(0, z)
    clean = np.sign(page[:, -1])
    assert abs(np.mean(clean > 0) - P) < 4 * np.sqrt(P * (1 - P) / 4000)
    for k in (0, 60, 110):
        came = page[:, k] - clean
        assert abs(came.std() / KAPPAS[k] - 1) < 0.05 and abs(came.mean()) < 4 * KAPPAS[k] / np.sqrt(4000)
    steps = -np.diff(page, axis=1) / np.sqrt(KAPPAS[:-1] ** 2 - KAPPAS[1:] ** 2)
    assert abs(np.corrcoef(steps[:, 3], steps[:, 4])[0, 1]) < 0.07, "its steps are independent"


@pytest.mark.parametrize("kappa", [0.1, 1.0, 8.0])
def test_the_outline_is_the_law_of_the_noisy_data(kappa):
    x = np.linspace(-4, 4, 9)
    page = javascript("data.x.map((x) => below(x, data.kappa, data.p))", {"x": x.tolist(), "kappa": kappa, "p": P})
    truth = (1 - P) * norm.cdf((x + 1) / kappa) + P * norm.cdf((x - 1) / kappa)
    np.testing.assert_allclose(page, truth, atol=3e-7)


def test_in_the_browser_the_marked_walker_goes_where_the_flow_goes(browser):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_content(explore.way_back(share=0.8)._repr_html_())
    noise, _, start = page.locator("input").all()
    noise.fill(str(STEPS))
    for place, end in ((-0.9, "-1.00"), (-0.78, "1.00")):  # 20 % of the walkers start left of -0.84
        start.fill(str(place))
        words = page.locator(".paint-words").inner_text()
        assert f"clean place is {end}" in words
    page.get_by_role("button", name="Reset").click()
    assert noise.input_value() == "90"
    page.close()


def test_the_fragment_stands_alone():
    interactive = explore.way_back(share=0.3, kappas=(20.0, 0.05))
    assert payload(interactive) == {"title": interactive.title, "share": 0.3, "kappas": [20.0, 0.05]}
    stands_alone([interactive])


@pytest.mark.parametrize(
    ("quantity", "options"),
    [("share", {"share": 1.0}), ("share", {"share": np.nan}), ("kappas", {"kappas": (0.1, 1.0)}),
     ("kappas", {"kappas": (1.0, 0.0)}), ("kappas", {"kappas": (np.inf, 0.1)})],
)  # fmt: skip
def test_bad_input_is_named(quantity, options):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.way_back(**options)
