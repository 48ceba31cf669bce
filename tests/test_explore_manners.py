"""How interactives behave on a phone and to the ear: a finger drags the dot or scrolls; words are read out once."""

import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from test_plots import contrast

from paintlib import explore
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Level

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def phone(browser, tmp_path_factory):
    """Chapter 07's interactive on a telephone, with page above and below it to scroll through."""
    path = tmp_path_factory.mktemp("manners") / "page.html"
    fragment = explore.retrieval(np.array([[0.0, 0.0], [1.0, 0.2], [0.3, 1.0]]))._repr_html_()
    path.write_text(
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{fragment}'
        '<p style="height: 3000px">',
        "utf-8",
    )
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(path.as_uri())
    yield page
    context.close()


def swipe(page, box, up):
    """A finger that goes up by `up` pixels from the middle of a box."""
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    points = [y - up * n / 8 for n in range(1, 9)]
    for kind, at in [("touchStart", y), *(("touchMove", p) for p in points), ("touchEnd", None)]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if at is None else [{"x": x, "y": at}]})
    page.wait_for_timeout(200)


def state(page):
    return page.locator("[data-output]").get_attribute("data-state"), page.evaluate("scrollY")


def test_a_finger_on_the_dot_drags_it_and_one_beside_it_scrolls_the_page(phone):
    phone.locator(".state").scroll_into_view_if_needed()
    phone.evaluate("scrollTo(0, scrollY + 40)")
    begun = state(phone)
    swipe(phone, phone.locator(".state").bounding_box(), 60)
    dragged = state(phone)
    assert dragged[0] != begun[0] and dragged[1] == begun[1]
    plane = phone.locator("svg").first.bounding_box()
    swipe(phone, {"x": plane["x"] + 8, "y": plane["y"] + plane["height"] - 30, "width": 4, "height": 4}, 120)
    assert state(phone)[0] == dragged[0] and state(phone)[1] > dragged[1]


def test_a_point_of_the_album_is_moved_by_keys_and_its_weight_follows(phone):
    phone.get_by_role("button", name="Reset").click()
    begun = phone.locator(".paint-words").text_content()
    phone.get_by_role("slider", name="Point 3", exact=True).focus()
    for _ in range(12):
        phone.keyboard.press("Shift+ArrowDown")
    told = phone.locator("[data-output]").get_attribute("data-state")
    kappa, x, points = (
        np.array([float(v) for v in told.split(f"{name}=")[1].split(" ")[0].split(",")])
        for name in ("kappa", "x", "points")
    )
    assert points[-1] == pytest.approx(-0.05), "60 steps of 0.0175 down from 1"
    weights = PointCloud(points.reshape(3, 2)).weights(x, Level.from_kappa(kappa[0]))
    said = phone.locator(".paint-words").text_content()
    assert f"is point {weights.argmax() + 1}, with {100 * weights.max():.0f} %" in said != begun
    phone.get_by_role("button", name="Reset").click()
    assert phone.locator(".paint-words").text_content() == begun


def test_as_many_particles_end_on_each_point(phone):
    phone.get_by_role("button", name="120 particles").click()
    found = re.search(r"Of 120 particles ([\d, ]+) end on", phone.locator(".paint-words").text_content())
    counts = [int(n) for n in found[1].split(",")]
    assert sum(counts) == 120 and max(abs(n - 40) for n in counts) < 4 * (120 * 2 / 9) ** 0.5
    phone.get_by_role("button", name="Reset").click()


def test_a_gesture_is_read_out_once(phone):
    phone.evaluate("""() => {
      window.said = [];
      const live = document.querySelector("[aria-live]");
      new MutationObserver(() => said.push(live.textContent)).observe(live, { childList: true });
      const slider = document.querySelector("input");
      for (let n = 0; n < 40; n++) {
        slider.value = +slider.min + (n / 40) * (slider.max - slider.min);
        slider.dispatchEvent(new Event("input"));
      }
    }""")
    phone.wait_for_timeout(1200)
    assert phone.evaluate("said") == [phone.locator(".paint-words").text_content()]


def test_lines_stand_out_from_both_cards():
    css = files("paintlib.explore").joinpath("style.css").read_text("utf-8")
    pairs = dict(re.findall(r"--(\w+): ((?:light-dark\([^)]*\))|#\w+)", css))
    colours = {name: (re.findall(r"#\w+", value) * 2)[:2] for name, value in pairs.items()}
    for name in ("ink", "soft", "c0", "c1", "c2", "c3", "c4"):
        for theme in (0, 1):
            assert contrast(colours[name][theme], colours["card"][theme]) >= 3, (name, theme)


SLID = """(slider) => {
  const places = Array.from({ length: 21 }, (_, n) => {
    slider.value = +slider.min + ((slider.max - slider.min) * n) / 20;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const box = slider.getBoundingClientRect();
    return [box.x, box.y, box.width].map(Math.round).join(" ");
  });
  return new Set(places).size;
}"""


@pytest.mark.parametrize("path", sorted(ROOT.glob("chapters/*.ipynb")), ids=lambda path: path.name[:2])
def test_a_slider_stays_under_the_finger_whatever_its_words(browser, path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    shown = ["".join(o.get("data", {}).get("text/html", "")) for cell in cells for o in cell.get("outputs", ())]
    interactives = [fragment for fragment in shown if "paint-interactive" in fragment]
    assert interactives
    page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    for fragment in interactives:
        page.set_content(f'<meta name="viewport" content="width=device-width">{fragment}')
        page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        for slider in page.locator("input[type=range]").all():
            assert slider.evaluate(SLID) == 1, slider.evaluate("(slider) => slider.parentElement.textContent")
    page.close()
