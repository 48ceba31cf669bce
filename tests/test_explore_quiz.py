"""The quiz: it needs no script, and works by mouse, touch and keyboard, in the light and in the dark."""

import re
import sys
from pathlib import Path

import pytest

from paintlib import explore

sys.path.insert(0, str(Path(__file__).parents[1] / "book/tools"))

import editions

RIGHT, WRONG = "The <b>second</b>", "The first"
ASKED = ("Which is it?", (WRONG, False, "It comes before."), (RIGHT, True, "It is what was asked."))


def test_it_is_one_fragment_without_a_script_and_markup_stays_text():
    fragment = explore.quiz(*ASKED)._repr_html_()
    assert fragment == explore.quiz(*ASKED)._repr_html_() and len(fragment.encode()) < 4000
    assert not re.search(r"<script|\sid=|https?:|@import|url\(|\son\w+=", fragment)
    assert "&lt;b&gt;second&lt;/b&gt;" in fragment and "<b>second" not in fragment
    style = re.search(r"<style>(.*)</style>", fragment, re.S)[1]
    for selectors in re.findall(r"^([^{}\n]+)\{", style, re.M):
        assert all(".paint-quiz" in selector for selector in re.split(r",(?![^()]*\))", selectors)), selectors


def test_in_colab_and_jupyterlab_the_code_with_the_answers_is_folded_and_the_question_is_not():
    shown = {"output_type": "execute_result", "data": {"text/html": "<p>asked"}, "metadata": {}, "execution_count": 1}
    code = {"cell_type": "code", "id": "q", "metadata": {"tags": ["quiz"]}, "execution_count": 1, "outputs": [shown]}
    notebook = {"cells": [{**code, "source": ['explore.quiz("Why?")']}], "metadata": {}}
    [cell] = editions.colab(notebook, editions.local(None))["cells"]
    assert "".join(cell["source"]) == '# @title Which is right?\nexplore.quiz("Why?")' and cell["outputs"] == [shown]
    assert cell["metadata"]["cellView"] == "form"
    assert cell["metadata"]["jupyter"] == {"source_hidden": True, "outputs_hidden": False}


@pytest.fixture(params=["light", "dark"])
def tab(browser, request):
    tab = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True).new_page()
    tab.complaints = []
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    head = '<meta name="viewport" content="width=device-width">'
    ground = {"light": "#fff", "dark": "#111"}[request.param]
    body = f"<main style='background: {ground}'>{explore.quiz(*ASKED)._repr_html_()}</main>"
    tab.set_content(f'<!doctype html><html lang="en" data-theme="{request.param}">{head}<body>{body}</body></html>')
    tab.add_script_tag(path=Path(__file__).with_name("page.js"))
    yield tab
    assert tab.complaints == []
    tab.context.close()


def reason(tab, text):
    return tab.get_by_text(text).is_visible()


def test_a_choice_is_opened_by_touch_and_by_keyboard_and_says_why(tab):
    assert not reason(tab, "It comes before.") and not reason(tab, "It is what was asked.")
    group = tab.get_by_role("group", name="Which is right? Which is it?")
    assert group.count() == 1, "the choices belong to their question"
    tab.get_by_text(WRONG).tap()
    assert tab.get_by_text("No. It comes before.").is_visible() and not reason(tab, "It is what was asked.")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == RIGHT
    assert tab.evaluate("page.focus()")[0] == "solid" and tab.evaluate("page.focus()")[1] >= 2
    tab.keyboard.press("Enter")
    assert tab.get_by_text("Right. It is what was asked.").is_visible()
    tab.keyboard.press("Space")
    assert not reason(tab, "It is what was asked.")


def test_open_answers_have_contrast_and_fit_a_phone(tab):
    for summary in tab.locator("summary").all():
        summary.click()
        assert summary.bounding_box()["height"] >= 34
    assert tab.evaluate("page.lowContrast(4.5)") == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    ("quantity", "arguments"),
    [
        ("question", ("", *ASKED[1:])),
        ("choices", ASKED[:2]),
        ("choices", ("Which?", (WRONG, False, "no"), (RIGHT, False, "no"))),
        ("choices", ("Which?", (WRONG, True, "yes"), (RIGHT, True, "yes"))),
        ("choices", ("Which?", (WRONG, "no", "no"), (RIGHT, True, "yes"))),
        ("choices", ("Which?", (WRONG, False, " "), (RIGHT, True, "yes"))),
        ("choices", ("Which?", (RIGHT, False, "no"), (RIGHT, True, "yes"))),
    ],
)
def test_bad_input_is_named(quantity, arguments):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        explore.quiz(*arguments)
