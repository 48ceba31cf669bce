"""The open questions begin with code that runs, and what the page says of its numbers is so."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "book/projects.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def said():
    """What the blocks print, run one after the other as a reader would."""
    from contextlib import redirect_stdout
    from io import StringIO

    out, names = StringIO(), {}
    with redirect_stdout(out):
        for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
            exec(compile(block, str(PAGE), "exec"), names)
    return out.getvalue()


def numbers(said, start):
    """The numbers of every line that begins with some words."""
    lines = [line[len(start) :] for line in said.splitlines() if line.lstrip().startswith(start)]
    assert lines, start
    return [[float(n) for n in re.findall(r"[-+]?\d+\.?\d*(?:e[-+]\d+)?", line)] for line in lines]


def test_at_high_noise_the_network_is_worse_than_mean_and_covariance(said):
    found = {row[0]: row for row in numbers(said, "kappa ") if len(row) == 5}
    assert found[50.0][3] > found[50.0][4] > 0, "surely worse at 50"
    assert found[2.0][3] < -found[2.0][4] < 0, "surely better at 2"


def test_choices_fall_in_order_and_a_covariance_is_borrowed_for_few_pictures(said):
    group, kind, picture = (
        numbers(said, f"{name} is half decided at kappa =")[0][0] for name in ("group", "class", "picture")
    )
    assert group > kind > picture
    boots = {int(n): (own, all_) for n, own, all_ in re.findall(r"(\d+) boots: .*? (0\.\d+), .*? (0\.\d+)", said)}
    assert boots[20][0] > boots[20][1] and boots[80][0] < boots[80][1]


def test_the_links_are_what_the_page_says(said):
    assert numbers(said, "Hopfield and the exact score differ by")[0][0] < 1e-12
    apart = [float(x) for x in re.findall(r"estimates differ by at most (\S+)", said)]
    assert apart == sorted(apart, reverse=True) and apart[-1] < 1e-3
    (first, second), (fine_first, fine_second) = (
        numbers(said, "outline: distance")[0],
        numbers(said, "details: distance")[0],
    )
    assert first < second / 2 and fine_second < fine_first
    should, does = numbers(said, "around the right mean the lower half should vary by")[0]
    assert does > 1.5 * should


def test_every_question_says_what_an_answer_would_be_and_the_page_is_in_the_book():
    questions = TEXT.split("## Links")[0].split("\n## ")[1:]
    assert len(questions) >= 5
    for question in questions:
        for part in (
            "The question.",
            "Why it matters.",
            "What is known.",
            "Begin here.",
            "First measurable step.",
            "An answer",
        ):
            assert f"**{part}" in question, (part, question[:40])
        assert "```python" in question and re.search(r"arxiv\.org|doi\.org", question)
    assert "file: book/projects" in (PAGE.parents[1] / "_toc.yml").read_text()
