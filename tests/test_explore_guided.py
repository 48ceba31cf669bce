"""The interactive on guidance: the page computes what `paintlib.guidance` says, and reads its controls."""

import json
import math
import re
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore
from paintlib.guidance import painted_mean, painted_variance, product_variance

PAIRS = [(1.5, -0.4, 0.5, 2.0), (0.3, 0.8, 1.3, 1.0), (-1.0, 0.2, 0.7, 0.7)]
SETTINGS = [(0.0, 0.0, math.inf), (1.0, 0.1, 3.0), (2.5, 0.0, 0.8), (4.0, 0.6, 5.0), (7.5, 0.0, math.inf)]


def javascript(expression, data):
    source = files("paintlib.explore").joinpath("guided.js").read_text("utf-8")
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    run = subprocess.run([node(), "-e", f"{source}\n{read}\nconsole.log(JSON.stringify({expression}));"],
                         input=json.dumps(data), capture_output=True, text=True, timeout=60)  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_page_computes_what_is_painted_and_what_is_not():
    features = [dict(zip(("mc", "mu", "c", "u"), pair, strict=True)) for pair in PAIRS]
    settings = [[w, low, None if math.isinf(high) else high] for w, low, high in SETTINGS]
    found = javascript(
        """data.features.map((f) => data.settings.map(([w, low, high]) => {
        const top = high ?? Infinity;
        return [paintedVariance(f, w, low, top), paintedMean(f, w, low, top), product(f, w)?.variance ?? 0,
                product(f, w)?.mean ?? 0]; }))""",
        {"features": features, "settings": settings},
    )
    for (mu_c, mu_u, c, u), rows in zip(PAIRS, found, strict=True):
        for (w, low, high), row in zip(SETTINGS, rows, strict=True):
            assert row[0] == pytest.approx(painted_variance(c, u, w, low, high), rel=1e-9)
            assert row[1] == pytest.approx(painted_mean(mu_c, mu_u, c, u, w, low, high), rel=1e-5, abs=1e-6)
            if row[2] == 0:
                with pytest.raises(ValueError, match="no integral"):
                    product_variance(c, u, w)
                continue
            assert row[2] == pytest.approx(product_variance(c, u, w))
            x = np.linspace(-60, 60, 60_001)
            p = np.exp(-w * (x - mu_c) ** 2 / (2 * c) - (1 - w) * (x - mu_u) ** 2 / (2 * u))
            assert row[3] == pytest.approx((p * x).sum() / p.sum(), abs=1e-6)


def test_fragment_stands_alone():
    stands_alone([explore.guided()])


def test_on_the_page_strength_interval_and_pairs_work(browser):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    errors = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    made = explore.guided()
    tab.set_content(f"<main>{made._repr_html_()}</main>")
    words, output = tab.locator(".paint-words"), tab.locator("[data-output]")
    f = payload(made)["pairs"][0]["features"][0]
    loud = tab.get_by_label("Strength w =")
    loud.focus()
    loud.press("End")
    assert output.get_attribute("data-state") == "pair=0 w=8.0 low=0 high=60 seed=16"
    wanted = painted_variance(f["c"], f["u"], 8.0) ** 0.5
    said = re.search(r"standard deviation ([\d.]+) horizontally", words.text_content())[1]
    assert float(said) == pytest.approx(wanted, rel=0.02)  # it is told to two digits
    tab.get_by_role("button", name="one axis wider").click()
    assert "no density" in words.text_content()
    tab.get_by_label("off above κ =").focus()
    tab.get_by_label("off above κ =").press("Home")
    assert output.get_attribute("data-state").startswith("pair=1 w=8.0 low=0 high=0")
    tab.get_by_role("button", name="New noise").click()
    assert output.get_attribute("data-state").endswith("seed=18")
    tab.get_by_role("button", name="Reset").click()
    assert output.get_attribute("data-state") == "pair=0 w=2.0 low=0 high=60 seed=16"
    assert errors == [] and tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()


@pytest.mark.parametrize(
    ("quantity", "change"),
    [
        ("pairs", {"pairs": {}}),
        ("pair x", {"pairs": {"x": ((0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0))}}),
        ("pair x", {"pairs": {"x": ((0.0,), (0.0, 0.0), (1.0, 1.0), (1.0, 1.0))}}),
        ("strength", {"strength": 9.0}),
        ("kappas", {"kappas": (2.0, 1.0)}),
    ],
)
def test_bad_input_is_named(quantity, change):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.guided(**change)
