"""Answers to the exercises, checked by another route than the solution's, with hints that go from a nudge to the idea.

check.answer("02.1", my_psi)      says whether it is right, and if not, what is off
check.hint("02.1", 1)             the first hint
"""

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from paintlib.checks import require


@dataclass(frozen=True)
class Exercise:
    """An exercise's test, a function of the answer that raises `Wrong`, and its hints."""

    test: Any
    hints: tuple[str, ...]


class Wrong(Exception):
    """The answer is not right; the message says what was seen."""


EXERCISES: dict[str, Exercise] = {}


def exercise(number, *hints):
    """Register the decorated test as the check of exercise `number`, "02.1" say."""

    def register(test):
        EXERCISES[number] = Exercise(test, hints)
        return test

    return register


def close(what, given, wanted, rtol=1e-6, atol=1e-9):
    """Raise `Wrong` unless `given` has the shape of `wanted` and its values to a tolerance."""
    try:
        given = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"{what} should be numbers; got {type(given).__name__}") from None
    wanted = np.asarray(wanted, dtype=float)
    if given.shape != wanted.shape:
        raise Wrong(f"{what} should have shape {wanted.shape}; got {given.shape}")
    if not np.all(np.isfinite(given)):
        raise Wrong(f"{what} should be finite; got NaN or infinity")
    error = np.abs(given - wanted)
    if not np.all(error <= atol + rtol * np.abs(wanted)):
        raise Wrong(f"{what} is off by up to {np.max(error):.3g}")


def function(answer):
    """The answer, to be called; raises `Wrong` where it is no function, or when it returns nothing."""
    if not callable(answer):
        raise Wrong(f"Hand over the function itself, without calling it; got {type(answer).__name__}")

    def called(*arguments):
        value = answer(*arguments)
        if value is None or value is Ellipsis:
            raise Wrong("Your function returns nothing yet")
        return value

    return called


def answer(number, value):
    """Print whether `value` answers exercise `number`; returns True or False."""
    off = _what_is_off(_find(number), value)
    if off:
        print(f"Exercise {number}: not yet. {off}. For help: check.hint({number!r}, 1)")
    else:
        print(f"Exercise {number}: right.")
    return not off


def _what_is_off(exercise, value):
    """A word on what is wrong with the answer; empty where nothing is."""
    try:
        exercise.test(value)
    except Wrong as wrong:
        return str(wrong)
    except (TypeError, ValueError) as error:  # an unfinished answer, or one of another kind than was asked for
        return f"It could not be put to the test: {type(error).__name__}, {error}"
    return ""


def hint(number, level=1):
    """Print hint `level` of exercise `number`, counted from 1."""
    hints = _find(number).hints
    require(1 <= level <= len(hints), "level", level, f"exercise {number} has hints 1 to {len(hints)}")
    print(f"Hint {level} of {len(hints)}: {hints[level - 1]}")


def _find(number):
    chapter = str(number).partition(".")[0]
    try:
        importlib.import_module(f"paintlib.check.ch{chapter}")
    except ModuleNotFoundError as missing:
        if missing.name != f"paintlib.check.ch{chapter}":
            raise
    known = sorted(EXERCISES)
    require(number in EXERCISES, "number", repr(number), f"known here: {', '.join(known) or 'none'}")
    return EXERCISES[number]
