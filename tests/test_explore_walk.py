"""The grid of pushes on the page: the pictures that were recorded, to the byte, and how far each one has moved."""

import numpy as np
import pytest
from test_explore import javascript, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore

PICTURES = np.random.default_rng(0).uniform(size=(3, 2, 5, 8, 9, 3))
PICTURES[:, :, 2] = PICTURES[0, 0, 2]
KAPPAS, STRENGTHS, WAYS = (9.0, 0.5), (-4.0, -1.0, 0.0, 1.0, 4.0), ("PC1", "PC2", "random")


def make(pictures=PICTURES, kappas=KAPPAS, strengths=STRENGTHS, ways=WAYS):
    return explore.walk(pictures, kappas, strengths, ways, "a cat")


def moved(d, t, k):
    return np.sqrt(np.mean((PICTURES[d, t, k] - PICTURES[d, t, 2]) ** 2))


def test_the_page_finds_each_picture():
    page = javascript(
        """(() => { const bytes = Uint8Array.from(atob(data.sprite.data), (c) => c.charCodeAt(0)); const size = 216;
        const [, T, K] = data.counts;
        const frame = (d, t, k) => bytes.subarray(((d * T + t) * K + k) * size, ((d * T + t) * K + k + 1) * size);
        return [...frame(2, 1, 3)]; })()""",
        payload(make()),
    )
    np.testing.assert_allclose(np.array(page) / 255, PICTURES[2, 1, 3].ravel(), atol=0.5 / 255 + 1e-9)


def test_fragment_stands_alone():
    stands_alone([make()])


def test_on_the_page_cells_sliders_directions_and_reset_work(browser):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    errors = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.set_content(f"<main>{make()._repr_html_()}</main>")
    words, output = tab.locator(".paint-words"), tab.locator("[data-output]")
    assert output.get_attribute("data-state") == "way=0 time=0 strength=4"
    sheet = tab.locator("canvas").first
    box = sheet.bounding_box()
    sheet.click(position={"x": box["width"] * 0.7, "y": box["height"] * 0.8})
    assert output.get_attribute("data-state") == "way=0 time=1 strength=3"
    tab.get_by_role("button", name="PC2").click()
    assert f"by {moved(1, 1, 3):.3f}; along random by {moved(2, 1, 3):.3f}" in words.text_content()
    tab.get_by_label("Strength:").focus()
    tab.get_by_label("Strength:").press("Home")
    tab.get_by_label("Time of the push").press("Home")
    assert output.get_attribute("data-state") == "way=1 time=0 strength=0" and "strength −4" in words.text_content()
    shown = tab.evaluate("""() => { const c = document.querySelectorAll("canvas")[2];
        return [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data]; }""")
    np.testing.assert_allclose(np.reshape(shown, (8, 9, 4))[..., :3] / 255, PICTURES[1, 0, 0], atol=1.01 / 255)
    tab.get_by_role("button", name="Reset").click()
    assert output.get_attribute("data-state") == "way=0 time=0 strength=4"
    assert errors == [] and tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()


@pytest.mark.parametrize(
    ("quantity", "change"),
    [
        ("pictures", {"pictures": PICTURES[0]}),
        ("pictures", {"pictures": 2 + PICTURES}),
        ("pictures", {"pictures": PICTURES[:, :, ::-1][:, :, [0, 1, 3, 2, 4]]}),
        ("pictures", {"ways": ("PC1", "random")}),
        ("kappas", {"kappas": KAPPAS[::-1]}),
        ("strengths", {"strengths": STRENGTHS[::-1]}),
        ("strengths", {"strengths": (0.0, 1.0, 2.0, 3.0, 4.0)}),
    ],
)
def test_bad_input_is_named(quantity, change):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        make(**change)
