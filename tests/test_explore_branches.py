"""The interactives of chapter 08: beliefs, flow and runs on the page are those of paintlib, in Node and in Chromium."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_explore import javascript, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import clocks, explore
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Level

MEANS = np.array([[-2.0, 0.5], [1.0, 1.5], [0.5, -2.0]])
WIDTH, X = 0.3, np.array([0.4, 0.2])
DATA = {"means": MEANS.tolist(), "width": WIDTH, "x": X.tolist()}
MIXTURE = Mixture(np.full(3, 1 / 3), [Gaussian(m, np.eye(2), np.full(2, WIDTH)) for m in MEANS])


@pytest.mark.parametrize("kappa", [0.05, 0.8, 5.0])
def test_eq_95_eq_96_beliefs_and_estimate(kappa):
    p, x0_hat, same = javascript(
        f"""(() => {{ const p = beliefs(data.means, data.width, data.x, {kappa});
        return [p, modesEstimate(data.means, data.width, data.x, {kappa}), sameFate(p, [0, 1, 2])]; }})()""",
        DATA,
    )
    level = Level.from_kappa(kappa)
    truth = MIXTURE.responsibilities(X, level)
    np.testing.assert_allclose(p, truth, atol=1e-12)
    np.testing.assert_allclose(x0_hat, MIXTURE.denoise(X, level), atol=1e-12)
    assert same == pytest.approx(clocks.same_fate(truth), abs=1e-12)


def test_beliefs_without_width_are_retrieval_weights_and_fates_may_be_groups():
    p, pairs = javascript(
        "(() => { const p = beliefs(data.means, 0, data.x, 1.2); return [p, sameFate(p, ['a', 'b', 'a'])]; })()", DATA
    )
    w = PointCloud(MEANS).weights(X, Level.from_kappa(1.2))
    np.testing.assert_allclose(p, w, atol=1e-12)
    assert pairs == pytest.approx((w[0] + w[2]) ** 2 + w[1] ** 2, abs=1e-12)


def test_the_thick_line_is_the_flow_of_eq_4():
    def slope(kappa, x):
        return (x - MIXTURE.denoise(x, Level.from_kappa(kappa))) / kappa

    truth = solve_ivp(slope, (2.0, 0.02), X, rtol=1e-10, atol=1e-12).y[:, -1]
    ends = javascript("[60, 120].map((n) => modesPath(data.means, data.width, data.x, 2, 0.02, n).at(-1))", DATA)
    errors = np.abs(np.array(ends) - truth).max(-1)
    assert errors[1] < 5e-3 and 3 < errors[0] / errors[1] < 5.5, "second order, and exact to the eye"


def test_runs_end_as_the_posterior_says():
    """20,000 ends: shares of the fates, mean and covariance within four standard errors of Bayes' rule on a grid."""
    kappa, n = 1.3, 20_000
    ends = javascript(f"forkEnds(data.means, data.width, data.x, {kappa}, {n}, 8)", DATA)
    fates, x_0 = np.array([e["fate"] for e in ends]), np.array([e["end"] for e in ends])
    p = MIXTURE.responsibilities(X, Level.from_kappa(kappa))
    np.testing.assert_allclose(np.bincount(fates) / n, p, atol=4 * 0.5 / n**0.5)
    side = np.linspace(-6, 6, 401)
    grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    prior = sum(np.exp(-np.sum((grid - m) ** 2, -1) / (2 * WIDTH)) for m in MEANS)
    weight = prior * np.exp(-np.sum((X - grid) ** 2, -1) / (2 * kappa**2))
    weight /= weight.sum()
    mean = weight @ grid
    covariance = (grid - mean).T @ (weight[:, None] * (grid - mean))
    np.testing.assert_allclose(x_0.mean(0), mean, atol=4 * covariance.max() ** 0.5 / n**0.5)
    np.testing.assert_allclose(np.cov(x_0.T), covariance, atol=0.06 * covariance.max())


def test_a_run_between_its_ends_is_a_brownian_bridge_in_kappa_squared():
    kappa, n, steps = 1.5, 4000, 10
    end = np.array([1.0, -1.0])
    paths = javascript(
        f"""(() => {{ const z = normals(3, {2 * steps * n});
        const part = (i) => z.subarray({2 * steps} * i, {2 * steps} * (i + 1));
        return Array.from({{ length: {n} }}, (_, i) => bridge(data.x, {kappa}, [1, -1], part(i))); }})()""",
        DATA,
    )
    paths = np.array(paths)
    clock = (kappa * (1 - np.arange(steps + 1) / steps)) ** 2
    np.testing.assert_allclose(paths[:, -1], np.broadcast_to(end, (n, 2)), atol=1e-12)
    middle = end + (clock / kappa**2)[:, None] * (X - end)
    np.testing.assert_allclose(paths.mean(0), middle, atol=4 * 0.75 / n**0.5)
    np.testing.assert_allclose(paths.var(0)[:, 0], clock * (kappa**2 - clock) / kappa**2, rtol=0.15, atol=1e-12)


def test_fragments_stand_alone_and_carry_what_was_given():
    both = [explore.forks(MEANS, WIDTH, 1.0, X), explore.fates(each=5)]
    stands_alone(both)
    assert payload(both[0])["means"] == MEANS.tolist() and len(payload(both[1])["offsets"]) == 20
    assert all(len(f._repr_html_().encode()) < 40_000 for f in both)


def test_on_the_page_the_noise_the_modes_and_the_forks_answer(browser):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    errors = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.set_content(f"<main>{explore.forks()._repr_html_()}{explore.fates()._repr_html_()}</main>")
    forks, fates = tab.locator(".paint-interactive").all()
    words = forks.locator(".paint-words")
    before = words.text_content()
    mixture = Mixture(np.full(2, 0.5), [Gaussian(np.array([m, 0.0]), np.eye(2), np.full(2, 0.16)) for m in (-2.2, 2.2)])
    p = mixture.responsibilities(np.array([0.3, 0.2]), Level.from_kappa(10**0.301))
    assert f"{clocks.same_fate(p):.2f}" in before and f"{clocks.speciation_kappa(2.2, 0.16):.2g}" in before
    handle = forks.get_by_role("slider", name="Mode 2", exact=True)
    handle.focus()
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    assert words.text_content() != before
    forks.get_by_role("button", name="Reset").click()
    assert words.text_content() == before
    fates.get_by_role("button", name="Fork 200 pairs").click()
    said = fates.locator(".paint-words").text_content()
    expected, measured = (
        [float(v) for v in part.split(".  ")[0].strip(" .").split(", ")]
        for part in said.split("On average over states: ")[1].split(" Last 200 pairs: ")
    )
    assert all(abs(a - b) < 4 * 0.5 / 200**0.5 for a, b in zip(expected, measured, strict=True))
    assert errors == [] and tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()


@pytest.mark.parametrize(
    ("quantity", "make"),
    {
        "means, state": lambda: explore.forks(means=[[0.0, 0.0]]),
        "means": lambda: explore.forks(means=[[0.0, np.nan], [1.0, 1.0]]),
        "width": lambda: explore.forks(width=0.0),
        "kappas": lambda: explore.forks(kappa=9.0),
        "runs": lambda: explore.forks(runs=1),
        "each": lambda: explore.fates(each=1),
        "apart, near": lambda: explore.fates(apart=0.0),
        "kappas ": lambda: explore.fates(kappas=(3.0, 1.0)),
    }.items(),
)
def test_bad_input_is_named(quantity, make):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got"):
        make()
