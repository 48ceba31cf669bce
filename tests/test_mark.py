"""A made-up class is marked: right, wrong, endless, broken, hungry, and one that asks the network."""

import csv
import json
import re
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "book/tools"))

import mark

RIGHT = "def f(x, v, alpha, sigma):\n    return alpha * x - sigma * v, sigma * x + alpha * v"
WRONG = "def f(x, v, alpha, sigma):\n    return alpha * x + sigma * v, sigma * x + alpha * v"
ENDLESS = "def f(x, v, alpha, sigma):\n    while True:\n        pass"
STUBBORN = "import signal, time\nsignal.alarm(0)\ntime.sleep(1000)"
ASKS = "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nreached = True"


def notebook(*code, words=""):
    def cell(kind, source, *tags):
        return {"cell_type": kind, "source": source, "metadata": {"tags": list(tags)}}

    head = cell("markdown", "### Exercise 01.1: the fifth name\n\nGet both back.")
    asked = cell("code", 'check.answer("01.1", f);', "stub")
    own = cell("markdown", words or "*Your words here: why?*", "words")
    cells = [cell("code", "from paintlib import check"), head, *(cell("code", c) for c in code), asked, own]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """The class, marked once: its rows by name, its table, its page, and the seconds that it took."""
    door = socket.create_server(("127.0.0.1", 0))
    visitors = []
    threading.Thread(target=lambda: visitors.append(door.accept()), daemon=True).start()
    folder = tmp_path_factory.mktemp("class")
    hungry = "big = bytearray(5 * 2**30)"
    pupils = {
        "ada/01.ipynb": notebook(RIGHT, words="No division, so <b>nothing</b> blows up."),
        "bo/01.ipynb": notebook(WRONG),
        "cy/01.ipynb": notebook(ENDLESS),
        "di/01.ipynb": notebook(STUBBORN),
        "ed/01.ipynb": notebook("1 / 0", hungry, ASKS.format(port=door.getsockname()[1]), RIGHT),
        "=fay/01.ipynb": '{"cells": [{]}',
        "gus/01.ipynb": notebook("import os; os._exit(3)"),
    }
    for name, text in pupils.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    begun = time.monotonic()
    rows = mark.mark(folder, seconds=12, cell_seconds=4, gigabytes=4)
    took = time.monotonic() - begun
    door.close()
    with (folder / "marks/marks.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    page = (folder / "marks/marks.html").read_text(encoding="utf-8")
    return {row.name.split("/")[0]: row for row in rows}, table, page, took, visitors


def test_right_and_wrong_are_told_and_what_was_off(marked):
    rows, table, page, *_ = marked
    assert rows["ada"].how == "ran" and rows["ada"].exercises["01.1"] == ("right", "")
    state, off = rows["bo"].exercises["01.1"]
    assert state == "not yet" and len(off) > 20 and "For help" not in off
    assert off.split("\n")[0][:40] in page and "what was off" in table[0]


def test_an_endless_or_a_broken_notebook_costs_its_own_row_alone(marked):
    rows, table, _, took, _ = marked
    assert len(rows) == len(table) == 7 and took < 400
    assert rows["cy"].how == "ran" and rows["cy"].exercises["01.1"][0] == "did not end"
    assert rows["cy"].errors == ["01.1, cell 4: stopped after 4 s"]
    assert rows["di"].how == "stopped after 12 s" and rows["di"].exercises["01.1"][0] == "not asked"
    assert rows["=fay"].how.startswith("no notebook") and rows["gus"].how.startswith("broke off")


def test_a_cell_that_fails_is_noted_and_the_next_runs_without_memory_or_network(marked):
    rows, _, _, _, visitors = marked
    ed = rows["ed"]
    assert ed.exercises["01.1"][0] == "right"
    zero, memory, network = ed.errors
    assert "ZeroDivisionError" in zero and "MemoryError" in memory
    assert re.search(r"OSError|ConnectionRefusedError|TimeoutError", network)
    assert visitors == [], "the notebook has come through to a server on this machine"


def test_the_words_are_there_to_read_and_nothing_of_a_pupil_is_markup_or_a_formula(marked):
    _, table, page, *_ = marked
    assert "&lt;b&gt;nothing&lt;/b&gt; blows up" in page and "<b>nothing" not in page
    assert page.count("<tr>") == 8 and "Your words here" not in page
    assert any(row["notebook"] == "'=fay/01.ipynb" for row in table)


def test_where_the_network_cannot_be_taken_away_python_is_held_and_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(mark, "isolation", lambda: ([], False))
    (tmp_path / "a.ipynb").write_text(notebook(ASKS.format(port=9), RIGHT), encoding="utf-8")
    [row] = mark.mark(tmp_path, seconds=60)
    assert "the network is not there" in row.errors[0]
    assert "could not take the notebooks off the network" in (tmp_path / "marks/marks.html").read_text(encoding="utf-8")


def test_an_empty_folder_is_said_to_be_one(tmp_path):
    with pytest.raises(SystemExit, match="no notebook"):
        mark.mark(Path(tmp_path))
