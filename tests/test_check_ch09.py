"""The checks of chapter 09 accept what is right, refuse the slips a reader may make, and have hints."""

import pytest

from paintlib import check

RIGHT = {
    "09.1": lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma),
    "09.2": lambda error, most: most / error,
    "09.3": lambda S: (S - 1) // 2,
    "09.4": lambda q: q,
}
SLIPS = [
    ("09.1", lambda before, after: (after.alpha - before.alpha, before.sigma - after.sigma)),  # the sign
    ("09.1", lambda before, after: (after.sigma - before.sigma, after.alpha - before.alpha)),  # exchanged
    ("09.1", lambda before, after: (after.alpha, after.sigma)),
    ("09.2", lambda error, most: error / most),
    ("09.2", lambda error, most: most * error),
    ("09.2", lambda error, most: (most / error) ** 2),
    ("09.3", lambda S: S // 2),  # with half of them wild the middle is wild too
    ("09.3", lambda S: S // 2 - 1),
    ("09.3", lambda S: 0),  # least squares
    ("09.3", lambda S: S - 1),
    ("09.4", lambda q: q**2),
    ("09.4", lambda q: 1 / q),
    ("09.4", lambda q: 1.0),
]


@pytest.mark.parametrize("number", RIGHT)
def test_the_right_answer_is_accepted(number, capsys):
    assert check.answer(number, RIGHT[number])
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "slip"), SLIPS)
def test_a_slip_is_refused_with_a_word_on_what_is_off(number, slip, capsys):
    assert not check.answer(number, slip)
    assert "off by" in capsys.readouterr().out
