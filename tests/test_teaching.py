"""The page for teachers agrees with the chapters: titles, sections, exercises and their minutes."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import teaching as tool  # noqa: E402

PAGE = (ROOT / "book/teaching.md").read_text(encoding="utf-8")
WORDS = {path.name[:2]: tool.chapter(path.name[:2])[1] for path in sorted(ROOT.glob("chapters/*.ipynb"))}
MINUTES = {n: e[3] for words in WORDS.values() for n, e in tool.exercises(words).items()}


def route(heading):
    """The rows of a route's table."""
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return rows[2:]


def headings(number):
    return {h.strip() for words in WORDS[number] for h in re.findall(r"^## (.+)$", words, re.M)}


def test_what_chapters_say_of_themselves_is_on_the_page():
    """Else: python book/tools/teaching.py."""
    assert tool.written(PAGE) == PAGE
    for number, words in WORDS.items():
        found = len(tool.exercises(words))
        assert found == sum(cell.count("### Exercise ") for cell in words), (
            f"an exercise of {number} was not understood"
        )


def test_every_chapter_has_aims_mistakes_two_questions_and_a_projector():
    parts = re.split(r"\n## (\d+)\. (.+)\n", PAGE)[1:]
    assert parts[::3] == [str(n) for n in range(1, 19)]
    for number, name, part in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        own = f"{int(number):02d}"
        assert f"<!-- chapter {own} -->" in part and (own not in WORDS or name == tool.title(WORDS[own]))
        marks = ["**Aims.**", "**What goes wrong, and what to say.**", "**Discuss.** 1.", "**With a projector only.**"]
        places = [part.find(mark) for mark in marks]
        assert -1 < places[0] < places[1] < places[2] < places[3], number
        questions = part[places[2] : places[3]]
        assert "\n2." in questions or " 2. " in questions
        assert part[places[1] : places[2]].count("\n- ") >= 2


@pytest.mark.parametrize(("heading", "minutes"), [("Two hours", 120), ("Six hours", 360)])
def test_a_route_takes_the_time_it_says(heading, minutes):
    rows = route(heading)
    assert sum(int(row[2]) for row in rows) == minutes
    for _, what, taken in rows:
        numbers = re.findall(r"\d\d\.\d", what)
        assert not numbers or int(taken) == sum(MINUTES[n] for n in numbers), what


@pytest.mark.parametrize("heading", ["Two hours", "Six hours", "A semester of twelve weeks"])
def test_a_route_names_sections_that_there_are(heading):
    for row in route(heading):
        numbers, what = row[1:3] if heading.startswith("A semester") else row[:2]
        known = set().union(*(headings(number) for number in numbers.split(", ")))
        for name in re.findall(r"\*([^*]+)\*", what):
            assert name in known, f"{name!r} is no section of chapter {numbers}"


def test_the_semester_has_twelve_weeks_and_its_homework_adds_up():
    rows = route("A semester of twelve weeks")
    assert [row[0] for row in rows] == [str(n) for n in range(1, 13)]
    for row in rows:
        numbers = row[3].split(", ")
        assert int(row[4]) == sum(MINUTES[n] for n in numbers), f"week {row[0]}"
        assert {n[:2] for n in numbers} <= set(row[1].split(", "))
    named = {number for row in rows for number in row[1].split(", ")}
    assert named | {"15", "16", "17"} >= set(WORDS), "a chapter is in no week, and no project either"
