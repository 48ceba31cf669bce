"""The interactive of chapter 05: the page's gains and pictures are those of paintlib."""

import json
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore
from paintlib.gaussian import Gaussian
from paintlib.perturb import gain
from paintlib.schedules import CLEAN, VP, Level

SHAPE, RANK = (6, 7), 12
NOISE = np.random.default_rng(5).normal(size=(2, 42))


@pytest.fixture(scope="module")
def gaussian():
    rng = np.random.default_rng(4)
    U = np.linalg.qr(rng.normal(size=(42, RANK + 3)))[0]
    return Gaussian(rng.uniform(-1, 0.5, 42), U, 30.0 * np.arange(1, RANK + 4.0) ** -2)


@pytest.fixture(scope="module")
def made(gaussian):
    return explore.nudge(gaussian, SHAPE, NOISE, rank=RANK, features=(0, 3, 11))


def javascript(expression, data):
    source = "".join(files("paintlib.explore").joinpath(f).read_text("utf-8") for f in ("theory.js", "nudge.js"))
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    program = f"{source}\n{read}\nconsole.log(JSON.stringify({expression}));"
    run = subprocess.run([node(), "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_page_computes_the_gains_of_eqs_14_and_63():
    levels = [VP()(t) for t in np.linspace(1, 0.01, 7)]
    lams = [0.01, 1.0, 40.0]
    data = {"levels": [vars(level) for level in levels], "lams": lams}
    for sde in (False, True):
        page = javascript(f"data.levels.map((l) => data.lams.map((k) => nudgeGain(k, l, {str(sde).lower()})))", data)
        truth = [[gain(lam, level, eta=float(sde)) for lam in lams] for level in levels]
        np.testing.assert_allclose(page, truth, rtol=1e-12)


@pytest.mark.parametrize("sde", [False, True])
def test_the_page_paints_by_the_flow_and_by_the_reverse_sde(gaussian, made, sde):
    data, kept = payload(made), gaussian.truncate(RANK)
    page = javascript(
        f"data.seeds.map((s) => finished(s.c, data.lam, data.levels[0], {str(sde).lower()}, data.draws[0]))", data
    )
    start = Level(**data["levels"][0])
    if sde:
        mean, variance, _ = kept.reverse(NOISE, start, CLEAN)
        truth = (mean - kept.mu) @ kept.U + variance**0.5 * np.array(data["draws"][0])
    else:
        truth = (kept.flow(NOISE, start) - kept.mu) @ kept.U
    np.testing.assert_allclose(page, truth, rtol=2e-4, atol=2e-4)  # numbers travel with 6 digits


def test_in_the_browser_a_nudge_leaves_what_eq_14_says(browser, made, gaussian):
    tab = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce").new_page()
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.set_content(f'<meta name="viewport" content="width=device-width">{made._repr_html_()}')
    pictures = "[...document.querySelectorAll('canvas')].map((c) => c.toDataURL())"

    def state():
        return json.loads(tab.locator("[data-output]").get_attribute("data-state"))

    tab.get_by_label("Feature:").fill("2")
    tab.get_by_label("Nudge at step:").fill("70")
    data = payload(made)
    level = Level(**data["levels"][70])
    for painter, eta in (("ODE", 0.0), ("SDE", 1.0)):
        tab.get_by_role("button", name=painter, exact=True).click()
        assert state()["left"] == pytest.approx(2 * gain(gaussian.lam[11], level, eta=eta), rel=1e-4)
    before = tab.evaluate(pictures)
    tab.get_by_label("Length of the nudge").fill("-5")
    after = tab.evaluate(pictures)
    assert after[0] == before[0] and after[1] != before[1] and after[2] != before[2]
    tab.get_by_role("button", name="New noise for the SDE").click()
    assert tab.evaluate(pictures)[0] != before[0]
    tab.get_by_label("Nudge at step:").focus()
    tab.keyboard.press("ArrowLeft")
    assert state()["where"] == 69
    tab.get_by_role("button", name="Reset").click()
    assert state()["size"] == 2 and not state()["sde"]
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390 and complaints == []
    assert "the ODE leaves a length of" in tab.locator(".paint-words").text_content()


def test_the_fragment_stands_alone_and_is_light(made):
    stands_alone([made])
    U = np.linalg.qr(np.random.default_rng(9).normal(size=(784, 100)))[0]
    heavy = Gaussian(np.zeros(784), U, np.arange(1.0, 101)[::-1].copy())
    fragment = explore.nudge(heavy, (28, 28), np.random.default_rng(1).normal(size=(3, 784)))._repr_html_()
    assert len(fragment.encode()) < 160_000


@pytest.mark.parametrize(
    ("quantity", "make"),
    {
        "shape": lambda g: explore.nudge(g, (5, 5), NOISE),
        "x_T": lambda g: explore.nudge(g, SHAPE, NOISE[0], rank=RANK),
        "features": lambda g: explore.nudge(g, SHAPE, NOISE, rank=5, features=(0, 9)),
        "names": lambda g: explore.nudge(g, SHAPE, NOISE, rank=5, names=["one"]),
    }.items(),
)
def test_bad_input_is_named(gaussian, quantity, make):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        make(gaussian)
