"""The interactives: what the browser computes is what paintlib computes, and each fragment stands alone."""

import base64
import json
import re
import shutil
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from paintlib import explore
from paintlib.gaussian import Gaussian, psi, xi
from paintlib.pointcloud import PointCloud, effective_number
from paintlib.schedules import EDM, VP, Flow, Level

SHAPE, RANK = (6, 7), 12


def node():
    """A JavaScript engine: node, or the one that playwright brings."""
    try:
        from playwright._impl._driver import compute_driver_executable
    except ImportError:
        found = shutil.which("node")
    else:
        found = compute_driver_executable()[0]
    if not found:
        pytest.fail("these tests run JavaScript: pip install playwright (it brings node), or install node")
    return str(found)


def javascript(expression, data):
    """The value of `expression`, which sees `data`, beside the formulas of theory.js."""
    theory = files("paintlib.explore").joinpath("theory.js").read_text("utf-8")
    source = f"""{theory}
    const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));
    console.log(JSON.stringify({expression}, (_, v) => ArrayBuffer.isView(v) ? Array.from(v) : v));"""
    run = subprocess.run([node(), "-e", source], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def payload(interactive):
    """The data in a fragment, read from its HTML."""
    line = re.search(r"^const DATA = (.*);$", interactive._repr_html_(), re.MULTILINE)
    return json.loads(line[1])


@pytest.fixture(scope="module")
def gaussian():
    rng = np.random.default_rng(4)
    D = int(np.prod(SHAPE))
    U = np.linalg.qr(rng.normal(size=(D, RANK + 3)))[0]
    return Gaussian(rng.uniform(-1, 0.5, D), U, 30.0 * np.arange(1, RANK + 4.0) ** -2)


@pytest.fixture(scope="module")
def painting(gaussian):
    x_T = np.random.default_rng(5).normal(size=(3, gaussian.D))
    return x_T, explore.outline_first(gaussian, SHAPE, x_T, rank=RANK, features=(0, 3, 11))


@pytest.fixture(scope="module")
def fragments(painting):
    rng = np.random.default_rng(6)
    points, pictures = rng.normal(size=(9, 2)), rng.uniform(size=(9, 5, 4, 3))
    return [explore.closed_form(), painting[1], explore.retrieval(points, pictures), explore.retrieval(points)]


@pytest.mark.parametrize("schedule", [VP(), Flow(), EDM(kappa_max=20.0)], ids=lambda s: type(s).__name__)
def test_the_page_computes_psi_and_xi_of_eqs_9_and_13(schedule):
    levels = [schedule(t) for t in np.linspace(schedule.t_max, schedule.t_min, 9)]
    lams = [0.01, 0.7, 40.0]
    data = {"levels": [vars(level) for level in levels], "lams": lams}
    for name, formula in (("psi", psi), ("xi", xi)):
        page = javascript(f"data.levels.map((l) => data.lams.map((k) => {name}(l, data.levels[0], k)))", data)
        expected = [[formula(lam, levels[0], level) for lam in lams] for level in levels]
        np.testing.assert_allclose(page, expected, rtol=1e-12)


def test_the_page_paints_the_gaussian_of_eqs_9_and_13_to_within_the_bytes(gaussian, painting):
    x_T, interactive = painting
    data, kept = payload(interactive), gaussian.truncate(RANK)
    page = javascript(
        """data.seeds.map((seed) => data.levels.map((level) => gaussianState(
        { mu: unpack(data.mu)[0], U: unpack(data.U), lam: data.lam }, { c: seed.c, off: unpack(seed.off)[0] },
        level, data.levels[0])))""",
        data,
    )
    start = Level(**data["levels"][0])
    step = {name: np.array(data[name]["scale"]) / 2 for name in ("mu", "U")}  # the largest rounding error of a byte
    for seed, x in enumerate(x_T):
        c = np.abs((x - start.alpha * kept.mu) @ kept.U)
        off = data["seeds"][seed]["off"]["scale"][0] / 2
        for n in (0, 30, 70, 100):
            level = Level(**data["levels"][n])
            state = kept.flow(x, start, level)
            moved, shown = (f(kept.lam, start, level) for f in (psi, xi))
            bounds = {
                "x": level.alpha * step["mu"][0] + level.sigma / start.sigma * off + (moved * c) @ step["U"],
                "x0_hat": step["mu"][0] + (shown * c) @ step["U"],
            }
            clean = level.sigma == 0  # there the estimate is the state's part on the manifold, the state itself
            truth = {"x": state, "x0_hat": state if clean else kept.denoise(state, level)}
            for name, bound in bounds.items():
                error = np.abs(np.array(page[seed][n][name]) - truth[name]).max()
                assert error < bound + 2e-4, f"{name} at time {n}"  # numbers travel with 6 digits
    assert max(step["U"]) * 10 < 0.02, "bytes are coarse: a feature of size 10 would be off by more than 1 %"


def test_new_noise_on_the_page_is_split_by_the_axes_as_numpy_splits_it(gaussian, painting):
    """c_k = u_k (x_T - alpha_T mu) and what is left of it off the axes; the noise itself is standard normal."""
    data, kept = payload(painting[1]), gaussian.truncate(RANK)
    start = Level(**data["levels"][0])
    x_T, made = javascript(
        """(() => { const x_T = normals(1, data.mu.length);
        return [x_T, noiseOf({ mu: data.mu, U: data.U }, x_T, data.start)]; })()""",
        {"mu": kept.mu.tolist(), "U": kept.U.T.tolist(), "start": vars(start)},
    )
    y = np.array(x_T) - start.alpha * kept.mu
    np.testing.assert_allclose(made["c"], y @ kept.U, atol=1e-12)
    np.testing.assert_allclose(made["off"], y - kept.U @ (kept.U.T @ y), atol=1e-12)
    many = np.array(javascript("normals(7, 20000)", {}))
    assert abs(many.mean()) < 4 / 20000**0.5 and abs(many.var() - 1) < 4 * (2 / 20000) ** 0.5


def test_the_ellipse_of_the_first_interactive_is_a_gaussian_too():
    data = payload(explore.closed_form(lam=(2.0, 0.3), angle=25.0))
    U = np.array(data["U"]).T
    plane = Gaussian(np.array(data["mu"]), U, np.array(data["lam"]))
    x = np.array(data["starts"])
    start, level = (Level(**data["levels"][n]) for n in (0, 60))
    c = (x - start.alpha * plane.mu) @ plane.U
    page = javascript(
        """data.c.map((c) => gaussianState({ mu: data.mu, U: data.U, lam: data.lam },
        { c, off: [0, 0] }, data.levels[60], data.levels[0]))""",
        {**data, "c": c.tolist()},
    )
    state = plane.flow(x, start, level)
    np.testing.assert_allclose([p["x"] for p in page], state, atol=1e-12)
    np.testing.assert_allclose([p["x0_hat"] for p in page], plane.denoise(state, level), atol=1e-12)


@pytest.mark.parametrize("kappa", [1e-3, 0.3, 5.0])
@pytest.mark.parametrize("dimension", [2, 6])
def test_the_page_retrieves_as_in_eqs_15_and_100(kappa, dimension):
    rng = np.random.default_rng(7)
    points, x = rng.normal(size=(8, dimension)), rng.normal(size=dimension)
    cloud, level = PointCloud(points), Level.from_kappa(kappa)
    weights, estimate, count = javascript(
        """(() => { const w = retrievalWeights(data.points, data.x, data.kappa);
        return [w, retrieve(data.points, w), effectiveNumber(w)]; })()""",
        {"points": points.tolist(), "x": x.tolist(), "kappa": kappa},
    )
    truth = cloud.weights(x, level)
    np.testing.assert_allclose(weights, truth, atol=1e-12)
    np.testing.assert_allclose(estimate, cloud.denoise(x, level), atol=1e-12)
    assert count == pytest.approx(effective_number(truth), rel=1e-9)


def test_the_path_on_the_page_is_the_probability_flow_of_eq_4():
    rng = np.random.default_rng(8)
    points, x, (high, low) = rng.normal(size=(6, 3)), 2 * rng.normal(size=3), (2.0, 0.1)
    cloud = PointCloud(points)
    data = {"points": points.tolist(), "x": x.tolist(), "high": high, "low": low}
    ends = javascript("[60, 120].map((n) => retrievalPath(data.points, data.x, data.high, data.low, n).at(-1).x)", data)

    def flow(kappa, x):
        return (x - cloud.denoise(x, Level.from_kappa(kappa))) / kappa

    truth = solve_ivp(flow, (high, low), x, rtol=1e-10, atol=1e-12).y[:, -1]
    errors = np.abs(np.array(ends) - truth).max(-1)
    assert errors[1] < 2e-3, "the drawn line must be exact to the eye"
    assert 3 < errors[0] / errors[1] < 5, "second order: half the step, a quarter of the error"


def test_a_fragment_stands_alone(fragments):
    for interactive in fragments:
        fragment = interactive._repr_html_()
        assert fragment.startswith('<div class="paint-interactive"')
        assert set(re.findall(r"https?://[^\s\"'`)]+", fragment)) <= {"http://www.w3.org/2000/svg"}, "asks the network"
        assert not re.search(r"\sid=|@import|url\(|\bimport\(|fetch\(", fragment), "ids clash, imports need a server"
        assert fragment.count("<script") == fragment.count("</script") == 1
        assert "data-output" in fragment and 'aria-live": "polite"' in fragment
        assert fragment == interactive._repr_html_(), "the same data must give the same bytes"
        assert repr(interactive).startswith("explore.") and len(repr(interactive)) < 100


def test_its_style_reaches_nothing_else():
    style = files("paintlib.explore").joinpath("style.css").read_text("utf-8")
    for selectors in re.findall(r"^([^{}@\n]*(?:,\n[^{}\n]*)*)\{", style, re.MULTILINE):
        for selector in re.split(r",(?![^()]*\))", selectors):
            assert ".paint-interactive" in selector, selector


def test_a_title_with_markup_stays_text():
    fragment = explore.closed_form(title="a </script><b>bold</b> title")._repr_html_()
    assert fragment.count("</script") == 1 and "<b>" not in fragment.split("<script>")[0]
    assert payload(explore.closed_form(title="</script>"))["title"] == "</script>"


def test_a_fashion_mnist_of_rank_100_is_light(painting):
    D = 784
    U = np.linalg.qr(np.random.default_rng(9).normal(size=(D, 100)))[0]
    heavy = Gaussian(np.zeros(D), U, np.arange(1.0, 101)[::-1].copy())
    fragment = explore.outline_first(heavy, (28, 28), np.random.default_rng(1).normal(size=(3, D)))._repr_html_()
    assert len(fragment.encode()) < 160_000


def test_pictures_travel_unchanged():
    pictures = np.random.default_rng(3).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    points = np.random.default_rng(3).normal(size=(4, 2))
    sent = payload(explore.retrieval(points, pictures))["pictures"]
    assert sent["shape"] == [5, 6, 3] and base64.b64decode(sent["data"]) == pictures.tobytes()
    assert payload(explore.retrieval(points, pictures / 255))["pictures"] == sent


POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("quantity", "make"),
    {
        "lam": lambda g: explore.closed_form(lam=(4.0, 0.0)),
        "mu": lambda g: explore.closed_form(mu=(1.0, np.nan)),
        "starts": lambda g: explore.closed_form(starts=[[1.0, 2.0, 3.0]]),
        "times": lambda g: explore.closed_form(times=[0.1, 0.9]),
        "t": lambda g: explore.closed_form(schedule=Flow(), times=[1.0, -0.1]),
        "angle": lambda g: explore.closed_form(angle=np.inf),
        "shape": lambda g: explore.outline_first(g, (5, 5), np.zeros((1, g.D))),
        "x_T": lambda g: explore.outline_first(g, SHAPE, np.zeros(g.D), rank=RANK),
        "features": lambda g: explore.outline_first(g, SHAPE, np.zeros((1, g.D)), rank=5, features=(9,)),
        "rank": lambda g: explore.outline_first(g, SHAPE, np.zeros((1, g.D)), rank=500),
        "names": lambda g: explore.retrieval(POINTS, names=["one"]),
        "points": lambda g: explore.retrieval(np.zeros((3, 2))),
        "points ": lambda g: explore.retrieval(np.full((3, 2), np.nan)),
        "kappas": lambda g: explore.retrieval(POINTS, kappas=(1.0, 0.1)),
        "state": lambda g: explore.retrieval(POINTS, state=(1.0, 2.0, 3.0)),
        "pictures": lambda g: explore.retrieval(POINTS, np.zeros((2, 4, 4))),
        "pictures ": lambda g: explore.retrieval(POINTS, np.full((3, 4, 4), 2.0)),
    }.items(),
)  # fmt: skip
def test_bad_input_is_named(gaussian, quantity, make):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got"):
        make(gaussian)
