"""What keeps an interactive open: films, new noise, curves to scrub, sentences that set it, and a telephone's screen.

Every interactive that the chapters have stored is tried as it stands there, on a telephone with touch.
"""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import landing  # noqa: E402
import refresh  # noqa: E402

PHONE = {"width": 390, "height": 844}
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
RECORDED = {"scrubber", "painters", "teleport", "placing", "listening", "walk", "keyhole", "agreement", "rotation"}
RECORDED |= {"boomerang"}  # their noise is the network's, or (rotation) the mean over all noise
NO_FILM = {"placing"}  # nothing there runs with time
NO_CURVE = {"placing", "retrieval", "forks", "playground", "keyhole"}
SENTENCE = re.compile(r'<span data-set="([^"]+)">')


def stored(path):
    """(kind, fragment) of each interactive of a chapter, by today's scripts, and the wishes of its sentences."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    fragments = [refresh.renewed("".join(data["text/html"])) for _, data in refresh.stored(notebook)]
    words = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown")
    return [(re.search(r'data-kind="(\w+)"', html)[1], html) for html in fragments], SENTENCE.findall(words)


def opened(browser, html, motion="reduce", script=""):
    """A telephone with the page, and what it complained of."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion=motion)
    tab = context.new_page()
    tab.complaints = []
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    head = '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    tab.set_content(f'{head}{script}<main><article style="padding: 0 8px">{html}</article></main>')
    return tab


def shown(box):
    """What is seen of it: its state, its drawings and its pictures."""
    return box.evaluate("""box => box.querySelector("[data-output]").dataset.state
      + [...box.querySelectorAll("canvas")].map((c) => c.toDataURL())
      + [...box.querySelectorAll("svg")].map((s) => s.innerHTML)""")


def press(box, name):
    box.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_interactive_begins_anew_and_fits_a_telephone(browser, path):
    interactives, _ = stored(path)
    tab = opened(browser, "".join(html for _, html in interactives))
    for (kind, _), box in zip(interactives, tab.locator(".paint-interactive").all(), strict=True):
        tall = box.evaluate("""box => box.querySelector("[data-output]").getBoundingClientRect().bottom
          - box.querySelector(".paint-controls").getBoundingClientRect().top""")
        assert tall <= 810, f"{kind}: control and effect take {tall:.0f} px"
        begun = shown(box)
        if kind not in RECORDED:
            press(box, "New noise")
            assert shown(box) != begun, f"{kind}: new noise changes nothing"
        for slider in box.locator("input").all():
            slider.evaluate("s => { s.value = s.max; s.dispatchEvent(new Event('input', { bubbles: true })); }")
        moved = shown(box)
        press(box, "Reset")
        assert shown(box) == begun != moved, kind
        if kind not in NO_FILM:
            assert box.get_by_role("button", name="Loop").get_attribute("aria-pressed") == "false"
        assert (box.locator(".scrub").count() > 0) == (kind not in NO_CURVE), kind
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390 and tab.complaints == []
    tab.context.close()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_sentence_that_sets_a_figure_finds_what_it_names(browser, path):
    interactives, sentences = stored(path)
    assert sentences, "a chapter has a sentence that sets its interactive"
    tab = opened(browser, "".join(html for _, html in interactives))
    for wishes in sentences:
        for wish in wishes.split(";"):
            name, _, reading = (part.strip() for part in wish.partition(":"))
            boxes = "[...document.querySelectorAll('.paint-interactive')]"
            assert tab.evaluate(f"(wish) => {boxes}.some((b) => b.set(...wish))", [name, reading]), (
                f"no interactive has {wish!r}"
            )
    assert tab.complaints == []
    tab.context.close()


@pytest.fixture(scope="module")
def reader(browser):
    """Chapter 06's playground far below a sentence that sets it, with the site's script."""
    (_, html), *_ = stored(next(p for p in CHAPTERS if p.name.startswith("06")))[0]
    script = f"<script>{(ROOT / 'book/assets/book.js').read_text(encoding='utf-8')}</script>"
    say = '<p>Choose <span data-set="Sampler: Heun; Moves: 4">Heun, in four moves</span>.</p>'
    tab = opened(browser, f'{say}<p style="height: 2000px"></p>{html}<p style="height: 2000px"></p>', script=script)
    yield tab
    tab.context.close()


@pytest.mark.parametrize("way", ["mouse", "touch", "Enter", "Space"])
def test_a_sentence_sets_the_figure_and_brings_it_into_view(reader, way):
    press(reader, "Reset")
    sentence = reader.get_by_role("button", name="Heun, in four moves")
    sentence.scroll_into_view_if_needed()
    if way in ("Enter", "Space"):
        sentence.focus()
        reader.keyboard.press(way)
    else:
        sentence.click() if way == "mouse" else sentence.tap()
    state = json.loads(reader.locator("[data-output]").get_attribute("data-state"))
    assert (state["sampler"], state["n"]) == ("heun", 4)
    assert reader.evaluate("document.activeElement.closest('label').textContent").startswith("Moves: 4")
    view = reader.evaluate("""[".paint-controls", ".paint-stack"].flatMap((s) => {
      const { top, bottom } = document.querySelector(s).getBoundingClientRect(); return [top, bottom]; })""")
    assert view[0] >= 0 and view[3] <= PHONE["height"], "control and effect are in view"
    reader.keyboard.press("Escape")
    assert sentence.evaluate("e => document.activeElement === e"), "and back to the sentence"


def finger(tab, begin, end):
    """A finger from one point of the screen to another."""
    touch = tab.context.new_cdp_session(tab)
    points = [tuple(a + (b - a) * n / 8 for a, b in zip(begin, end, strict=True)) for n in range(9)]
    for kind, at in [("touchStart", points[0]), *(("touchMove", p) for p in points[1:]), ("touchEnd", None)]:
        spots = [] if at is None else [{"x": at[0], "y": at[1]}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})
    tab.wait_for_timeout(150)


def test_chapter_10_is_turned_and_painted_by_a_finger_and_the_page_still_scrolls(browser):
    (_, html), *_ = stored(next(p for p in CHAPTERS if p.name.startswith("10")))[0]
    tab = opened(browser, f'{html}<p style="height: 3000px"></p>')
    value = {name: (lambda name=name: tab.get_by_label(f"{name}:").input_value()) for name in ("Turn", "Tilt")}
    step = tab.get_by_label("Step, from noise to picture:")
    for panel, changed in ((0, value["Turn"]), (1, step.input_value)):
        svg = tab.locator("[data-output] > svg").nth(panel)
        svg.scroll_into_view_if_needed()
        box, before = svg.bounding_box(), changed()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        finger(tab, (x, y), (x + 90, y + 3))
        assert changed() != before, "sideways it turns, or paints"
        at = tab.evaluate("scrollY")
        before, tilt = changed(), value["Tilt"]()
        finger(tab, (x, y), (x + 2, y - 150))
        assert (changed(), value["Tilt"]()) == (before, tilt) and tab.evaluate("scrollY") > at + 50, (
            "upwards it scrolls"
        )
    tab.context.close()


def test_a_film_plays_pauses_goes_on_loops_and_speaks_once_it_rests(browser):
    (_, html), *_ = stored(next(p for p in CHAPTERS if p.name.startswith("02")))[0]
    tab = opened(browser, html, motion="no-preference")
    time, said = tab.get_by_label("Time, from noise to data:"), tab.locator(".paint-said")
    tab.evaluate("document.querySelector('.paint-interactive').set('Time', 't = 1.00')")
    press(tab, "Paint")
    tab.wait_for_function("+document.querySelector('input').value > 20")
    assert said.text_content() == "", "nothing is read out while it runs"
    press(tab, "Pause")
    paused = int(time.input_value())
    assert said.text_content() == tab.locator(".paint-words").text_content() != ""
    tab.wait_for_timeout(150)
    assert int(time.input_value()) == paused >= 20
    press(tab, "Paint")
    tab.wait_for_function(f"+document.querySelector('input').value > {paused}")
    time.press("ArrowRight")
    tab.get_by_role("button", name="Paint", exact=True).wait_for()
    tab.evaluate("document.querySelector('input').value = 95")
    press(tab, "Loop")
    tab.wait_for_function("+document.querySelector('input').value > 97")
    tab.wait_for_function("+document.querySelector('input').value < 50")
    tab.context.close()


def test_what_the_start_page_says_is_what_it_shows(browser):
    tab = opened(browser, landing.painting(), motion="no-preference")
    tab.wait_for_function("+document.querySelector('input').value >= 3")
    press(tab, "Pause")
    step = tab.get_by_label("Step:").input_value()
    assert tab.locator(".paint-words").text_content().startswith(f"Step {step} of 20:")
    tab.context.close()
