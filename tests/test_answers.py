"""The checks of every chapter take right answers, in any legitimate form, and tell likely wrong ones what is off.

The answers stand in a file for each chapter under `answers`: RIGHT has (exercise, answer), WRONG (exercise, answer, a
word of what it is to be told, or several with | between).
"""

import runpy
from pathlib import Path

import pytest
from test_check import NUMBERS

from paintlib import check

CHAPTERS = [runpy.run_path(str(file)) for file in sorted(Path(__file__).with_name("answers").glob("ch*.py"))]
RIGHT = [pair for chapter in CHAPTERS for pair in chapter["RIGHT"]]
WRONG = [triple for chapter in CHAPTERS for triple in chapter["WRONG"]]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
def test_a_right_answer_is_taken(number, answer, capsys):
    assert check.answer(number, answer), capsys.readouterr().out


@pytest.mark.parametrize(("number", "answer", "words"), WRONG)
@pytest.mark.filterwarnings("ignore")  # a wrong answer may divide by zero
def test_a_wrong_answer_is_told_what_is_off(number, answer, words, capsys):
    assert not check.answer(number, answer)
    said = capsys.readouterr().out
    assert any(word in said for word in words.split("|")), said


def test_every_exercise_has_a_right_and_a_wrong_answer():
    assert {number for number, _ in RIGHT} == {number for number, *_ in WRONG} == set(NUMBERS)
