"""The checks of chapter 12 accept what is right, refuse the slips a reader may make, and have hints."""

import numpy as np
import pytest

from paintlib import check
from paintlib.perturb import gain


def cost(lam, start, end, delta):
    return delta * np.sqrt(lam) * (np.arcsinh(start / np.sqrt(lam)) - np.arcsinh(end / np.sqrt(lam)))


def landing(n, skip):
    first, last = 80 ** (1 / 7), 0.002 ** (1 / 7)
    return 2 * (n - skip) - 1, (first + skip / (n - 1) * (last - first)) ** 7


def cut(lam, r, start, end):
    return np.sum((gain(lam, start, end) - end.sigma / start.sigma)[r:] ** 2)


BOTH = np.array([[0.1, 0.02, 0.03, 0.2], [0.09, 0.03, 0.02, 0.1]])
RIGHT = {"12.1": cost, "12.2": landing, "12.3": cut, "12.4": BOTH}
SLIPS = [
    ("12.1", lambda lam, start, end, delta: delta * np.sqrt(lam) * np.log(start / end)),  # for small features only
    ("12.1", lambda lam, start, end, delta: cost(lam, start, end, delta) / np.sqrt(lam)),
    ("12.1", lambda lam, start, end, delta: cost(lam, start, 0.0, delta)),  # wrong for all of the way
    ("12.2", lambda n, skip: (2 * (n - skip), landing(n, skip)[1])),
    ("12.2", lambda n, skip: (2 * (n - skip) - 1, landing(n, skip + 1)[1])),
    ("12.2", lambda n, skip: 2 * (n - skip) - 1),
    ("12.3", lambda lam, r, start, end: cut(lam, min(r + 1, 30), start, end)),
    ("12.3", lambda lam, r, start, end: np.sum(gain(lam, start, end)[r:] ** 2)),
    ("12.4", BOTH[0]),
    ("12.4", np.stack([BOTH[0], BOTH[0]])),
    ("12.4", 3072 * BOTH),
    ("12.4", -BOTH),
]


@pytest.mark.parametrize("number", RIGHT)
def test_the_right_answer_is_accepted(number, capsys):
    assert check.answer(number, RIGHT[number]), capsys.readouterr().out


@pytest.mark.parametrize(("number", "slip"), SLIPS)
def test_a_slip_is_refused(number, slip, capsys):
    assert not check.answer(number, slip)
    assert "not yet" in capsys.readouterr().out


@pytest.mark.parametrize("number", RIGHT)
def test_there_are_three_hints(number, capsys):
    for level in (1, 2, 3):
        check.hint(number, level)
    assert "Hint 3 of 3" in capsys.readouterr().out
