"""Guidance on the page: the pictures that were recorded, to the byte, and their likeness."""

import numpy as np
import pytest
from test_explore import javascript, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore

PICTURES = np.random.default_rng(0).uniform(size=(2, 3, 3, 5, 4, 6, 3))
KAPPAS = (9.0, 3.0, 1.0, 0.3, 0.0)


def make(pictures=PICTURES, kappas=KAPPAS, prompts=("a cat", "a dog"), guidance=(1.0, 3.0, 7.0)):
    return explore.listening(pictures, kappas, prompts, guidance)


def test_the_page_finds_each_picture_and_its_likeness():
    data = payload(make())
    page = javascript(
        """(() => { const bytes = Uint8Array.from(atob(data.sprite.data), (c) => c.charCodeAt(0)); const size = 72;
        const [, S, G, T] = data.counts;
        const frame = (p, s, g, t) => { const at = (((p * S + s) * G + g) * T + t) * size;
          return [...bytes.subarray(at, at + size)]; };
        return [frame(1, 2, 0, 3), correlation(frame(1, 2, 0, 3), frame(1, 2, 0, 4))]; })()""",
        data,
    )
    np.testing.assert_allclose(np.array(page[0]) / 255, PICTURES[1, 2, 0, 3].ravel(), atol=0.5 / 255 + 1e-9)
    wanted = np.corrcoef(PICTURES[1, 2, 0, 3].ravel(), PICTURES[1, 2, 0, 4].ravel())[0, 1]
    assert page[1] == pytest.approx(wanted, abs=0.02)


def test_fragment_stands_alone():
    stands_alone([make()])


def test_on_the_page_step_prompt_noise_and_reset_work(browser):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    errors = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.set_content(f"<main>{make()._repr_html_()}</main>")
    words, step = tab.locator(".paint-words"), tab.get_by_label("Step:")
    step.focus()
    step.press("End")
    assert "step 4 of 4" in words.text_content() and "1.00 at w = 7" in words.text_content()
    tab.get_by_role("button", name="a dog").click()
    assert "a dog" in words.text_content()
    tab.get_by_role("button", name="3", exact=True).click()
    assert tab.locator("[data-output]").get_attribute("data-state") == "step=4 prompt=1 noise=2"
    tab.get_by_role("button", name="Reset").click()
    assert tab.locator("[data-output]").get_attribute("data-state") == "step=1 prompt=0 noise=0"
    assert errors == [] and tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()


@pytest.mark.parametrize(
    ("quantity", "change"),
    [
        ("pictures", {"pictures": PICTURES[0]}),
        ("pictures", {"prompts": ["one"]}),
        ("pictures", {"pictures": 2 + PICTURES}),
        ("kappas", {"kappas": KAPPAS[::-1]}),
    ],
)
def test_bad_input_is_named(quantity, change):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        make(**change)
