"""The interactive of chapter 13: its closed forms are paintlib's, in Node and Chromium, by mouse, touch, keyboard."""

import json

import numpy as np
import pytest
from test_explore import payload
from test_explore import test_a_fragment_stands_alone as stands_alone
from test_explore_playground import state

from paintlib import explore, transfer, usual
from paintlib.schedules import EDM, Tabulated
from paintlib.timetables import missed, placed

LAM = 50 * np.arange(1.0, 41) ** -1.5
COUNTS = (4, 6)
TABLE = Tabulated.ddpm()
LISTS = {name: {n: usual.LISTS[name](TABLE, n) for n in COUNTS} for name in ("log-SNR", "Karras")}
BEST = {name: {n: placed(LAM, n, getattr(transfer, name)) for n in COUNTS} for name in ("ddim", "heun", "multistep")}
NAMES = {"DDIM": "ddim", "Heun": "heun", "2M": "multistep"}


def placing(**options):
    return explore.placing(**{"lam": LAM, "lists": LISTS, "best": BEST, **options})


def test_the_fragment_stands_alone_and_carries_what_was_given():
    stands_alone([placing()])
    data = payload(placing())
    assert data["counts"] == list(COUNTS) and data["start"] == 80
    np.testing.assert_allclose(data["lists"]["Karras"]["6"], LISTS["Karras"][6], rtol=1e-5)


@pytest.fixture(scope="module")
def tab(browser):
    """The interactive on a telephone, with touch."""
    tab = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce"
    ).new_page()
    tab.complaints = []
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.set_content(f'<meta name="viewport" content="width=device-width">{placing()._repr_html_()}')
    return tab


@pytest.fixture
def fresh(tab):
    tab.get_by_role("button", name="DDIM", exact=True).click()
    tab.get_by_role("button", name="log-SNR", exact=True).click()
    yield tab
    assert tab.complaints == []


@pytest.mark.parametrize(("button", "name"), NAMES.items())
@pytest.mark.parametrize("begin", ["log-SNR", "Karras", "the best"])
def test_in_the_browser_the_missed_share_is_transfers(fresh, button, name, begin):
    fresh.get_by_role("button", name=button, exact=True).click()
    fresh.get_by_role("button", name=begin, exact=True).click()
    seen = state(fresh)
    kappas = BEST[name][6] if begin == "the best" else LISTS[begin][6]
    np.testing.assert_allclose(seen["kappas"], kappas, rtol=1e-5, atol=1e-9)
    assert seen["missed"] == pytest.approx(missed(LAM, seen["kappas"], getattr(transfer, name)), rel=1e-4, abs=1e-9)
    shown = dict(seen["rows"])
    for other, of in LISTS.items():
        assert shown[other] == pytest.approx(missed(LAM, of[6], getattr(transfer, name)), rel=1e-3, abs=1e-9)


def test_the_columns_are_the_turns(fresh):
    seen = state(fresh)
    turn = transfer.turns(LAM, EDM(0.0, 80.0), seen["kappas"])
    np.testing.assert_allclose(seen["bends"], (1 - np.cos(turn)) @ LAM / LAM.sum(), rtol=1e-4, atol=1e-7)


def centre(tab, name):
    box = tab.get_by_role("slider", name=name).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_level_is_moved_by_mouse_by_touch_and_by_key_and_keeps_its_place(fresh):
    before = state(fresh)["kappas"]
    x, y = centre(fresh, "Level 2")
    fresh.mouse.move(x, y)
    fresh.mouse.down()
    fresh.mouse.move(x + 12, y, steps=3)
    fresh.mouse.up()
    dragged = state(fresh)["kappas"]
    assert dragged[2] < before[2] and dragged[3:] == before[3:] and dragged[:2] == before[:2]
    touch = fresh.context.new_cdp_session(fresh)
    x, y = centre(fresh, "Level 4")
    for kind, points in [("touchStart", [(x, y)]), ("touchMove", [(x + 200, y)]), ("touchEnd", [])]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})
    touched = state(fresh)["kappas"]
    assert touched[4] < before[4] and all(np.diff(touched) < 0), "it stops at its neighbour"
    fresh.get_by_role("slider", name="Level 1").focus()
    fresh.keyboard.press("ArrowRight")
    assert state(fresh)["kappas"][1] == pytest.approx(touched[1] * np.exp(-0.02))
    text = fresh.locator(".paint-words").text_content()
    assert "DDIM on your 6 moves misses" in text and "times as much" in text


def test_another_number_of_moves_and_the_phone(fresh):
    fresh.get_by_label("Moves:").fill("0")
    assert state(fresh)["n"] == 4 and len(state(fresh)["kappas"]) == 5
    fresh.get_by_label("Moves:").fill("1")
    assert fresh.evaluate("document.documentElement.scrollWidth") <= 390
    top, bottom = (fresh.locator(s).first.bounding_box() for s in (".paint-controls", ".paint-panels"))
    assert bottom["y"] + bottom["height"] - top["y"] < 700, "all on one screen"
    assert json.loads(fresh.locator("[data-output]").get_attribute("data-state"))["sampler"] == "ddim"


@pytest.mark.parametrize(
    ("quantity", "options"),
    [
        ("lam", {"lam": [1.0, -1.0]}),
        ("lists", {"lists": {}}),
        ("best", {"best": {"ddim": BEST["ddim"]}}),
        ("moves", {"moves": 5}),
        ("heun", {"best": BEST | {"heun": {4: BEST["heun"][4]}}}),
        ("Karras", {"lists": {"Karras": {4: [80, 1, 0.0], 6: LISTS["Karras"][6]}}}),
    ],
)
def test_bad_input_is_named(quantity, options):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        placing(**options)
