"""The page on checks is of the present chapters; what they cost is measured by hand and not held here."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import checked  # noqa: E402


def test_the_page_names_every_chapter_and_no_other():
    """Else: python book/tools/checked.py, or with --run NN, which measures that chapter."""
    page = checked.PAGE.read_text(encoding="utf-8")
    names = {path.stem for path, _ in checked.present()}
    for name in names:
        assert f"](../chapters/{name}.ipynb) |" in page, f"{name} is not on the page"
    assert page.count("](../chapters/") == len(names)
    measured = json.loads(checked.STORE.read_text("utf-8"))["chapters"]
    assert set(measured) <= names and all(cost["seconds"] > 0 for cost in measured.values())


def test_a_chapter_is_counted_and_a_tiny_one_is_measured(tmp_path, capsys):
    shown = [{"data": {"text/html": '<div class="paint-interactive">'}}]
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["### Exercise 01.1: x"]},
        {
            "cell_type": "code",
            "metadata": {"tags": ["nbval-check-output"]},
            "source": ["assert 1\nassert 2"],
            "outputs": shown,
        },
    ]
    wanted = {"cells": 1, "compared": 1, "asserts": 2, "exercises": 1, "figures": 0, "interactives": 1, "questions": 0}
    assert checked.counted(cells) == wanted
    code = {
        "cell_type": "code",
        "metadata": {},
        "source": "x = bytearray(300 * 10**6)",
        "outputs": [],
        "execution_count": 1,
    }
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps({"cells": [code], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}), encoding="utf-8")
    checked.one(path)
    cost = json.loads(capsys.readouterr().out)
    assert cost["megabytes"] > 300 and cost["seconds"] >= 0
