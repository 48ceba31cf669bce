"""Stored interactives run today's scripts, as a freshly run chapter would have them."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import refresh  # noqa: E402


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda path: path.stem)
def test_stored_interactives_have_todays_scripts(path):
    """Else: python book/tools/refresh.py."""
    found = list(refresh.stored(json.loads(path.read_text(encoding="utf-8"))))
    assert found, "a chapter has an interactive"
    assert [i for i, data in found if refresh.renewed("".join(data["text/html"])) != "".join(data["text/html"])] == []


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_stored_quiz_says_what_its_cell_says(path):
    """Else: python book/tools/refresh.py."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if question := refresh.asked(cell):
            assert "".join(cell["outputs"][0]["data"]["text/html"]) == question._repr_html_(), question


def test_a_question_that_was_edited_is_stored_anew(tmp_path):
    stored = {"data": {"text/html": ["old"], "text/plain": ["old"]}}
    source = 'explore.quiz("Why?", ("a", True, "so"), ("b", False, "not so"))'
    path = tmp_path / "x.ipynb"
    cell = {"metadata": {"tags": ["quiz"]}, "source": [source], "outputs": [stored]}
    path.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    assert refresh.refresh(path) == ([0], []) and refresh.refresh(path) == ([], [])
    assert "not so" in path.read_text(encoding="utf-8")


def test_an_old_script_is_renewed_and_the_data_stay(tmp_path):
    html = refresh.Interactive("painters", "A title", {"a": [1, 2]})._repr_html_()
    old = html.replace("interactive(findRoot", "/* old */ interactive(findRoot")
    notebook = {
        "cells": [{"outputs": [{"data": {"text/html": [old]}}]}, {"outputs": [{"data": {"text/html": "<p>x"}}]}]
    }
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert refresh.refresh(path) == ([0], [])
    again = json.loads(path.read_text(encoding="utf-8"))
    assert "".join(again["cells"][0]["outputs"][0]["data"]["text/html"]) == html
    assert refresh.refresh(path) == ([], [])
