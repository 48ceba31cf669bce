"""The slides: from tagged cells, with notes, without a network, and read from the back row."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import slides  # noqa: E402

CHAPTERS = sorted(ROOT.glob("chapters/*.ipynb"))


def test_reveal_is_the_release_and_every_chapter_is_in_a_part():
    assert slides.verified()
    assert sorted(path for _, paths in slides.parts() for path in paths) == CHAPTERS


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_gives_slides_with_notes(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tagged = [cell for cell in cells if "slide" in cell["metadata"].get("tags", [])]
    assert len(tagged) >= 3, "tag the cells of figures and interactives that go on the wall with `slide`"
    made = list(slides.chapter_slides(path))
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in made]
    assert kinds.count("slide") >= len(tagged) + 4 and kinds.count("notes") >= kinds.count("slide") - 2
    assert all(cell.source.strip() for cell, kind in zip(made, kinds, strict=True) if kind == "notes")
    shown = "\n".join(cell.source for cell in made)
    assert "## Predict" in shown and "## Discuss" in shown and "](" not in shown


def test_a_cell_that_shows_nothing_is_named():
    with pytest.raises(ValueError, match="a cell is tagged `slide` and shows nothing: 'x = 1'"):
        slides.as_html({"outputs": [], "source": ["x = 1"]}, "")


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    page = slides.slides(folder, only={2})[1]
    tab = browser.new_page(viewport={"width": 1280, "height": 720})
    tab.wrong = []
    tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.on("requestfailed", lambda request: tab.wrong.append(request.url))
    tab.on("request", lambda request: request.url.startswith(("file:", "data:")) or tab.wrong.append(request.url))
    tab.goto(page.as_uri())
    tab.wait_for_function("window.MathJax?.startup?.promise && document.querySelector('.reveal.ready')")
    tab.evaluate("MathJax.startup.promise")
    yield tab
    tab.close()


SEEN = """() => {
  const slide = Reveal.getCurrentSlide(), texts = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT), sizes = [];
  for (let node; (node = texts.nextNode()); ) {
    const e = node.parentElement;
    const elsewhere = e.closest("aside, .paint-interactive, mjx-container, style, script");
    if (node.textContent.trim() && e.checkVisibility() && !elsewhere)
      sizes.push(parseFloat(getComputedStyle(e).fontSize));
  }
  return { height: slide.scrollHeight, smallest: Math.min(99, ...sizes), notes: !!slide.querySelector("aside.notes"),
    alt: [...slide.querySelectorAll("img")].every((e) => e.alt.length > 20) };
}"""


def test_every_slide_fits_the_wall_and_is_read_from_the_back_row(tab):
    seen = []
    for n in range(tab.evaluate("Reveal.getTotalSlides()")):
        tab.evaluate(f"Reveal.slide({n})")
        seen.append(tab.evaluate(SEEN))
    assert len(seen) > 25 and max(slide["height"] for slide in seen) <= 725
    assert min(slide["smallest"] for slide in seen) >= 28, "of 720 pixels"
    assert all(slide["alt"] for slide in seen) and sum(slide["notes"] for slide in seen) > len(seen) - 6
    assert tab.wrong == [] and tab.locator("mjx-container").count() > 10 and tab.locator("mjx-merror").count() == 0


def test_arrow_keys_move_a_slider_while_it_has_the_focus_and_else_the_slides(tab):
    at = next(
        n for n in range(80) if tab.evaluate(f"Reveal.slide({n}), !!Reveal.getCurrentSlide().querySelector('input')")
    )
    now = "Reveal.getIndices().h"
    slider = tab.locator("section.present input[type=range]").first
    slider.focus()
    before = slider.input_value()
    tab.keyboard.press("ArrowRight")
    assert slider.input_value() != before and tab.evaluate(now) == at
    tab.keyboard.press("Escape")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(now) == at + 1
