"""The checks of chapters 04 and 09 accept what is right, refuse the slips a reader may make, and have hints."""

import math

import pytest

from paintlib import check

RIGHT = {
    "04.1": lambda lam_1, lam_2: math.sqrt(lam_2 / (lam_1 + lam_2)),
    "04.2": lambda lam: -math.log(2 * lam),
    "04.3": lambda lam: 1 / math.sqrt(lam - 1) if lam > 2 else 1.0,
    "04.4": lambda lam, kappa: ((1 - (1 + kappa**2 / lam) ** -0.5) ** 2 * lam).sum() / lam.sum(),
    "04.5": lambda a: 2 ** (2 / a),
    "09.1": lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma),
    "09.2": lambda error, most: most / error,
    "09.3": lambda S: (S - 1) // 2,
    "09.4": lambda q: q,
}
SLIPS = [
    ("04.1", lambda lam_1, lam_2: lam_2 / (lam_1 + lam_2)),  # the root forgotten
    ("04.1", lambda lam_1, lam_2: math.sqrt(lam_1 / (lam_1 + lam_2))),  # the wrong feature
    ("04.1", lambda lam_1, lam_2: math.sqrt(lam_2 / lam_1)),
    ("04.2", lambda lam: -math.log(lam)),  # the critical point, SNR lam = 1
    ("04.2", lambda lam: math.log(2 * lam)),
    ("04.2", lambda lam: -math.log(2 * lam) / 2),  # log(alpha / sigma)
    ("04.3", lambda lam: 1 / math.sqrt(1 + lam)),  # the critical point
    ("04.3", lambda lam: 1 / (lam - 1) if lam > 2 else 1.0),  # alpha squared
    ("04.3", lambda lam: 1.0),
    ("04.4", lambda lam, kappa: ((1 - (1 + kappa**2 / lam) ** -0.5) * lam).sum() / lam.sum()),  # not squared
    ("04.4", lambda lam, kappa: ((1 - (1 + kappa**2 / lam) ** -0.5) ** 2).mean()),  # not weighed by variance
    ("04.5", lambda a: 2 ** (1 / a)),  # power and amplitude confused
    ("04.5", lambda a: 2.0),
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


def test_the_uncertainty_behind_the_noise_is_told_from_what_the_path_lacks(capsys):
    assert not check.answer("04.4", lambda lam, kappa: (lam * kappa**2 / (kappa**2 + lam)).sum() / lam.sum())
    assert "the picture behind the noise" in capsys.readouterr().out
