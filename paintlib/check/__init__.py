"""Answers to the exercises, checked by another route than the solution's, with hints that go from a nudge to the idea.

check.answer("02.1", my_psi)      says whether it is right, and if not, what is off
check.hint("02.1", 1)             the first hint
"""

import importlib
from dataclasses import dataclass
from typing import Any

from paintlib.check.attempt import Attempt
from paintlib.check.forms import Wrong, close, number, numbers, parts
from paintlib.checks import require, whole

__all__ = ["Wrong", "answer", "close", "exercise", "function", "hint", "number", "numbers", "parts"]


@dataclass(frozen=True)
class Exercise:
    """An exercise: a test of the answer that raises `Wrong`, hints, and the functions of paintlib that do its work."""

    test: Any
    hints: tuple[str, ...]
    own: tuple[Any, ...] = ()


EXERCISES: dict[str, Exercise] = {}


def exercise(number, *hints, own=()):
    """Register the decorated test as the check of exercise `number`, "02.1" say.

    `own` are paintlib's functions that do what the reader is to write: a right answer that calls them is no answer yet.
    """

    def register(test):
        EXERCISES[number] = Exercise(test, hints, tuple(own))
        return test

    return register


def function(answer):
    """The answer, to be called; raises `Wrong` where it is no function."""
    if isinstance(answer, Attempt):
        return answer
    if not callable(answer):
        raise Wrong(f"Hand over the function itself, without calling it; got {type(answer).__name__}")
    return Attempt(answer)


def answer(number, value):
    """Print whether `value` answers exercise `number`; returns True or False."""
    off = _what_is_off(_find(number), value)
    if off:
        stop = "" if off.endswith("?") else "."
        print(f"Exercise {number}: not yet. {off}{stop} For help: check.hint({number!r}, 1)")
    else:
        print(f"Exercise {number}: right.")
    return not off


def _what_is_off(exercise, value):
    """A word on what is wrong with the answer; empty where nothing is."""
    if value is None or value is Ellipsis:
        return "There is no answer here yet"
    if callable(value):
        value = Attempt(value, exercise.own)
    try:
        exercise.test(value)
    except Wrong as wrong:
        return str(wrong)
    except Exception as error:  # the answer is of a kind that the test does not foresee
        return f"It could not be put to the test: {type(error).__name__}, {error}"
    if isinstance(value, Attempt) and value.used:
        used = " and ".join(sorted(value.used))
        return f"The numbers are right, but {used} of paintlib found them for you. Write that part yourself"
    return ""


def hint(number, level=1):
    """Print hint `level` of exercise `number`, counted from 1."""
    hints = _find(number).hints
    remedy = f"exercise {number} has hints 1 to {len(hints)}"
    whole("level", level, 1, remedy)
    require(level <= len(hints), "level", level, remedy)
    print(f"Hint {level} of {len(hints)}: {hints[level - 1]}")


def _find(number):
    chapter = str(number).partition(".")[0]
    try:
        importlib.import_module(f"paintlib.check.ch{chapter}")
    except ModuleNotFoundError as missing:
        if missing.name != f"paintlib.check.ch{chapter}":
            raise
    known = isinstance(number, str) and number in EXERCISES
    require(known, "number", repr(number), f"known here: {', '.join(sorted(EXERCISES)) or 'none'}")
    return EXERCISES[number]
