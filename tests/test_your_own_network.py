"""The page for a reader's own network: its blocks run in order, and say what the page says."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "book/your_own_network.md"


@pytest.fixture(scope="module")
def said():
    """What the blocks print, run one after the other as a reader would."""
    from contextlib import redirect_stdout
    from io import StringIO

    out, names = StringIO(), {}
    with redirect_stdout(out):
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            exec(compile(block, str(PAGE), "exec"), names)
    return out.getvalue()


def test_both_wrappings_are_right_by_the_pages_own_two_questions(said):
    numbers = [[float(n) for n in re.findall(r"\d\.\d+", line)] for line in said.splitlines()[:2]]
    assert all(late < 0.15 and early < 0.15 for late, early in numbers)


def test_runs_end_clean(said):
    assert "(51, 8, 196) last level 1.0 0.0" in said and said.count("(51, 8, 196)") == 2


def test_the_theory_explains_the_stand_in_and_teleports(said):
    explained = [float(n) for n in re.findall(r"explained (-?\d\.\d+)", said)]
    assert len(explained) == 3 and explained[0] > explained[1] > 0.99 and 0.5 < explained[2] < 0.9
    assert "30 calls in place of 50" in said
    assert 0 < float(re.search(r"move by (\S+) of", said)[1]) < 1e-2


def test_the_page_is_in_the_book():
    assert "file: book/your_own_network" in (PAGE.parents[1] / "_toc.yml").read_text()
