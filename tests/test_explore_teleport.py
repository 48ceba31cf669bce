"""The interactive of chapter 12 shows the pictures that it was given, to within its bytes, and measures them."""

import re

import numpy as np
import pytest
from test_explore import payload
from test_explore import test_a_fragment_stands_alone as stands_alone
from test_explore_painters import javascript as of_painters

from paintlib import explore

J, S, SHAPE = 4, 2, (4, 3, 3)
KAPPAS, LEFT = np.geomspace(80, 1, J), [10, 8, 6, 4]


def javascript(expression, data):
    return of_painters(expression, data, "teleport.js")


def given():
    rng = np.random.default_rng(2)
    return rng.normal(size=(J, S, 36)), rng.normal(size=(J, S, 36)), rng.random((J, S))


def make(kappas=KAPPAS, left=LEFT, pictures=None, sketches=None, predicted=None, shape=SHAPE, **options):
    own = given()
    parts = [
        mine if theirs is None else theirs for mine, theirs in zip(own, (pictures, sketches, predicted), strict=True)
    ]
    return explore.teleport(kappas, left, *parts, shape, **options)


def test_what_travels_is_what_was_given_to_within_a_byte():
    data, (pictures, sketches, predicted) = payload(make()), given()
    for name, own in (("pictures", pictures), ("sketches", sketches)):
        page = np.array(javascript(f"data.seeds.map((s) => unpack(s.{name}))", data)).swapaxes(0, 1)
        assert np.all(np.abs(page - own).max(-1) <= np.abs(own).max(-1) / 254 + 1e-9)
    np.testing.assert_allclose([seed["predicted"] for seed in data["seeds"]], predicted.T, rtol=1e-5)


def test_the_page_measures_how_far_a_picture_is_from_the_one_without_a_jump():
    film = given()[0][:, 0]
    np.testing.assert_allclose(javascript("deviations(data)", film.tolist()), np.mean((film - film[0]) ** 2, -1))


@pytest.fixture(scope="module")
def phone(browser):
    """The interactive on a telephone, with touch."""
    tab = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce"
    ).new_page()
    tab.complaints = []
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.set_content(f'<meta name="viewport" content="width=device-width">{make()._repr_html_()}')
    return tab


def state(tab):
    """(step, seed) as the page has them, and the two numbers of its sentence."""
    step, seed = map(int, re.findall(r"\d+", tab.locator("[data-output]").get_attribute("data-state")))
    said = re.findall(r"by (\S+) mean squared.*gives (\S+)\.$", tab.locator(".paint-words").text_content())
    return step, seed, [float(number) for number in said[0]] if said else []


def test_in_the_browser_the_jump_grows_by_key_by_touch_and_by_its_button(phone):
    pictures, _, predicted = given()
    canvases = "[...document.querySelectorAll('canvas')].map((c) => c.toDataURL())"
    jump = phone.get_by_label("Jump:")
    jump.fill("1")
    shown = phone.evaluate(canvases)
    jump.focus()
    phone.keyboard.press("ArrowRight")
    step, seed, (moved, foretold) = state(phone)
    assert (step, seed) == (2, 0)
    assert moved == pytest.approx(np.mean((pictures[2, 0] - pictures[0, 0]) ** 2), rel=0.03)  # bytes, two digits
    assert foretold == pytest.approx(predicted[2, 0], rel=0.06)
    now = phone.evaluate(canvases)
    assert now[0] == shown[0] and now[1] != shown[1] and now[2] != shown[2], "the picture without a jump stays"
    box = jump.bounding_box()
    phone.touchscreen.tap(box["x"] + 1, box["y"] + box["height"] / 2)
    assert state(phone)[0] == 0 and "No jump: the network makes all 10" in phone.locator(".paint-words").text_content()
    phone.touchscreen.tap(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    assert state(phone)[0] == J - 1
    other = phone.get_by_role("button", name="2", exact=True)
    other.focus()
    phone.keyboard.press("Enter")
    assert state(phone)[:2] == (J - 1, 1) and phone.evaluate(canvases)[0] != shown[0]
    jump.fill("0")
    phone.get_by_role("button", name="Let the jump grow").click()  # calm: at once to its end
    assert state(phone)[0] == J - 1


def test_it_fits_a_telephone_with_its_controls(phone):
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390 and phone.complaints == []
    top, bottom = (phone.locator(s).first.bounding_box() for s in (".paint-controls", ".paint-panels"))
    assert bottom["y"] + bottom["height"] - top["y"] < 700, "all on one screen"


def test_the_fragment_stands_alone():
    stands_alone([make(names=["A", "</script>"])])


@pytest.mark.parametrize(
    ("quantity", "change"),
    [
        ("kappas", {"kappas": KAPPAS[::-1]}),
        ("evaluations", {"left": [1]}),
        ("sketches", {"pictures": np.zeros((J, S, 35))}),
        ("pictures", {"pictures": np.full((J, S, 36), np.nan)}),
        ("predicted", {"predicted": np.zeros(J)}),
        ("shape", {"shape": (5, 5)}),
        ("names", {"names": ["one"]}),
    ],
)
def test_bad_input_is_named(quantity, change):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        make(**change)
