"""The checks of chapter 08 take right answers in any legitimate form, and tell known wrong ideas apart."""

import numpy as np
import pytest
from scipy.special import softmax

from paintlib import check
from paintlib.mixture import Mixture


def estimate(prior, modes, x, level):
    w = softmax(np.log(prior) + [m.log_prob(x, level) for m in modes])
    return w @ np.stack([m.denoise(x, level) for m in modes])


def without_prior(prior, modes, x, level):
    return estimate(np.ones(len(modes)), modes, x, level)


def without_logs(prior, modes, x, level):
    w = prior * np.exp([m.log_prob(x, level) for m in modes])
    return w @ np.stack([m.denoise(x, level) for m in modes]) / w.sum()


RIGHT = [
    ("08.1", lambda R, s: np.sqrt(R**2 / 2 - s**2)),
    ("08.1", lambda R, s: [(R**2 / 2 - s**2) ** 0.5]),
    ("08.2", estimate),
    ("08.2", lambda *a: estimate(*a).tolist()),
    ("08.3", lambda q: 1 / q),
    ("08.4", (2.3, 6.0)),
    ("08.4", np.array([-2.4, 6])),
]
WRONG = [
    ("08.1", lambda R, s: np.sqrt(R**2 - s**2), "two modes split"),
    ("08.1", lambda R, s: np.sqrt(R**2 / 2 + s**2), "first feature emerges"),
    ("08.1", lambda R, s: R / np.sqrt(2), "off by"),
    ("08.1", lambda R, s: -1.0, "positive"),
    ("08.2", lambda prior, modes, x, level: prior @ np.stack([m.denoise(x, level) for m in modes]), "by the prior"),
    ("08.2", without_prior, "off by"),
    ("08.2", without_logs, "finite"),
    ("08.2", lambda prior, modes, x, level: Mixture(prior, modes).denoise(x, level), "of paintlib found them"),
    ("08.3", lambda q: (1 - q) / q, "the one that stays counts too"),
    ("08.3", lambda q: 1.0, "off by"),
    ("08.4", (1.0, 6.0), "is where the flow ends"),
    ("08.4", (2.3, 60.0), "not on the slider"),
    ("08.4", 3.0, "2 things"),
]


@pytest.mark.parametrize(("number", "right"), RIGHT)
def test_right_answers_pass(number, right, capsys):
    assert check.answer(number, right), capsys.readouterr().out


@pytest.mark.parametrize(("number", "wrong", "message"), WRONG)
def test_wrong_ideas_get_their_word(number, wrong, message, capsys):
    assert not check.answer(number, wrong)
    assert message in capsys.readouterr().out
