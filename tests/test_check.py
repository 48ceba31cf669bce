"""What every exercise owes its reader: hints that go further and further, and patience with an unfinished answer."""

import importlib
import math
import pkgutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tries import tries

from paintlib import check

for module in pkgutil.iter_modules(check.__path__):
    importlib.import_module(f"paintlib.check.{module.name}")
NUMBERS = sorted(check.EXERCISES)


def test_every_chapter_has_exercises():
    assert {number[:2] for number in NUMBERS} == {f"{n:02d}" for n in range(1, 19)}


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


PLAIN = st.one_of(
    st.none(), st.just(...), st.booleans(), st.text(max_size=4), st.floats(), st.complex_numbers(), st.binary()
)
ARRAYS = arrays.arrays(
    st.sampled_from([float, np.float32, complex, int, object, "U3"]), arrays.array_shapes(min_side=0, max_side=3)
)
ANYTHING = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
)


@tries(100)
@given(st.sampled_from(NUMBERS), ANYTHING, st.booleans())
def test_whatever_comes_is_answered_with_a_word(number, thing, wrapped):
    """Neither a thing handed over nor a function that returns it ends in a traceback."""
    assert check.answer(number, (lambda *_: thing) if wrapped else thing) in (True, False)


def test_deviations_may_be_tensors_and_what_is_none_is_said(capsys):
    right = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5]], requires_grad=True)
    assert check.answer("12.4", right)
    capsys.readouterr()
    for wrong in ("yes", {}, object(), lambda: right):
        assert not check.answer("12.4", wrong)
        assert "should be numbers" in capsys.readouterr().out
