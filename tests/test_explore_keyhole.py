"""Where does it look: the page's correlation and share are NumPy's, and it works on a phone by slider and by press."""

import re

import numpy as np
import pytest
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore

SHAPE, ROWS, COLUMNS, KAPPAS, WINDOWS = (8, 9), [2, 5], [1, 4, 7], [0.2, 0.6, 5.0], [3, 5, 17]
RNG = np.random.default_rng(0)
NETWORK, GAUSSIAN = RNG.standard_normal((2, 3, 2, 3, 72))
GIVEN = {"network": NETWORK, "gaussian": GAUSSIAN, "shape": SHAPE, "mean": RNG.uniform(-1, 1, 72), "rows": ROWS,
         "columns": COLUMNS, "kappas": KAPPAS, "windows": WINDOWS}  # fmt: skip


def test_fragment_stands_alone():
    stands_alone([explore.keyhole(**GIVEN)])


def test_on_the_page_the_numbers_are_those_of_numpy(browser):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    errors = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.set_content(f"<main>{explore.keyhole(**GIVEN)._repr_html_()}</main>")
    words, output = tab.locator(".paint-words"), tab.locator("[data-output]")
    for n, r, c in ((0, 0, 0), (1, 1, 2), (2, 0, 1)):
        for label, value in (("Noise level κ:", n), ("Pixel, down:", r), ("Pixel, across:", c)):
            tab.get_by_label(label).fill(str(value))
        i, j = np.divmod(np.arange(72), 9)
        near = np.maximum(abs(i - ROWS[r]), abs(j - COLUMNS[c])) <= WINDOWS[n] // 2
        a, b = NETWORK[n, r, c], GAUSSIAN[n, r, c]
        shares = [100 * np.abs(f[near]).sum() / np.abs(f).sum() for f in (a, b)]
        wanted = [np.corrcoef(a, b)[0, 1], *shares]
        said = re.search(r"by (\S+)\. .*holds (\d+) % .* and (\d+) %", words.text_content()).groups()
        np.testing.assert_allclose([float(v) for v in said], wanted, atol=0.6)
        assert float(said[0]) == pytest.approx(wanted[0], abs=0.02)  # the fields travel as int8
    box = tab.locator("canvas").first.bounding_box()
    tab.locator("canvas").first.click(position={"x": box["width"] * 0.85, "y": box["height"] * 0.7})
    assert output.get_attribute("data-state") == "kappa=5 row=5 column=7"
    tab.get_by_role("button", name="Reset").click()
    assert output.get_attribute("data-state").startswith("kappa=0.6")
    assert errors == [] and tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()


@pytest.mark.parametrize(
    ("quantity", "change"),
    [("network", {"network": NETWORK[:2]}), ("gaussian", {"gaussian": np.full_like(GAUSSIAN, np.nan)}),
     ("rows", {"rows": [2, 8]}), ("columns", {"columns": [-1, 4, 7]}), ("windows", {"windows": [3, 4, 17]}),
     ("mean", {"mean": np.zeros(5)})],
)  # fmt: skip
def test_bad_input_is_named(quantity, change):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.keyhole(**(GIVEN | change))
