"""The checks of chapter 17 know the wrong ideas by name."""

import numpy as np
import pytest

from paintlib import check


def said(capsys, number, answer):
    right = check.answer(number, answer)
    return right, capsys.readouterr().out


def row_cut_down(Sigma, p, seen, kappa):
    return (Sigma @ np.linalg.inv(Sigma + kappa**2 * np.eye(len(Sigma))))[p][seen]


def plain_average(a, b):
    return max(a[0], b[0]), a[1] + b[1], (a[2] + b[2]) / 2


def without_a_common_top(a, b):
    weights = [block[1] * np.exp(block[0]) for block in (a, b)]
    return 0.0, sum(weights), (weights[0] * a[2] + weights[1] * b[2]) / sum(weights)


@pytest.mark.parametrize(
    ("number", "answer", "word"),
    [
        ("17.1", row_cut_down, "cut down"),
        ("17.2", plain_average, "plain average"),
        ("17.2", without_a_common_top, "finite"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_idea_is_named(capsys, number, answer, word):
    right, words = said(capsys, number, answer)
    assert not right and word in words
