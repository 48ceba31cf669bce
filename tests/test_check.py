"""What every exercise owes its reader: hints that go further and further, and patience with an unfinished answer."""

import importlib
import math
import pkgutil

import pytest

from paintlib import check

for module in pkgutil.iter_modules(check.__path__):
    importlib.import_module(f"paintlib.check.{module.name}")
NUMBERS = sorted(check.EXERCISES)


def test_every_chapter_has_exercises():
    assert {number[:2] for number in NUMBERS} >= {"02", "04", "07", "09", "10", "11"}


@pytest.mark.parametrize("number", NUMBERS)
def test_there_are_graded_hints(number, capsys):
    count = len(check.EXERCISES[number].hints)
    assert count >= 2
    for level in range(1, count + 1):
        check.hint(number, level)
        assert f"Hint {level} of {count}" in capsys.readouterr().out
    with pytest.raises(ValueError, match="level"):
        check.hint(number, count + 1)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("unfinished", [..., None, 0.5, lambda *args: ..., lambda *args: None, lambda *args: math.nan])
def test_an_unfinished_answer_is_refused(number, unfinished, capsys):
    assert not check.answer(number, unfinished)
    assert "not yet" in capsys.readouterr().out


def test_an_unknown_exercise_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"number: got '04\.99'; known here: .*04\.1"):
        check.answer("04.99", 1)
