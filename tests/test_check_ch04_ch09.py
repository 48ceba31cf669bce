"""The checks of chapters 04 and 09 accept what is right, refuse the slips a reader may make, and have hints."""

import math

import numpy as np
import pytest

from paintlib import check


def to_estimate(output, x, level, prediction):
    """By solving the two equations for picture and noise."""
    rows = {"epsilon": (0, 1), "sample": (1, 0), "v_prediction": (-level.sigma, level.alpha)}[prediction]
    system = np.array([(level.alpha, level.sigma), rows])
    return np.linalg.solve(system, np.stack([x, output]).reshape(2, -1))[0].reshape(np.shape(x))


def last(share, kappa):
    return kappa[max(n for n in range(len(kappa)) if share[n] < 0.5**0.5)]


def rms(values):
    return np.sqrt(np.mean(values**2))


RIGHT = {
    "04.1": lambda lam_1, lam_2: math.sqrt(lam_2 / (lam_1 + lam_2)),
    "04.2": lambda lam: -math.log(2 * lam),
    "04.3": lambda lam: 1 / math.sqrt(lam - 1) if lam > 2 else 1.0,
    "04.4": lambda lam, kappa: ((1 - (1 + kappa**2 / lam) ** -0.5) ** 2 * lam).sum() / lam.sum(),
    "04.5": lambda a: 2 ** (2 / a),
    "09.1": lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma, -after.alpha),
    "09.2": to_estimate,
    "09.3": lambda S: (S - 1) // 2,
    "09.4": lambda clipped, free: (np.mean(np.abs(free) > 1), rms(free.clip(-1, 1) - clipped)),
    "09.5": lambda d, kappa: [last(d[:, s] / d[-1, s], kappa) for s in range(d.shape[1])],
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
    ("09.1", lambda before, after: (after.alpha - before.alpha, before.sigma - after.sigma, -after.alpha)),  # the sign
    ("09.1", lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma, after.alpha)),
    ("09.1", lambda before, after: (after.alpha - before.alpha, after.sigma - before.sigma, -before.alpha)),
    ("09.1", lambda before, after: (after.alpha, after.sigma, -after.alpha)),
    ("09.2", lambda output, x, level, prediction: (x - level.sigma * output) / level.alpha),  # Eq. 6 for all
    ("09.2", lambda output, x, level, prediction: to_estimate(output, x, level, "sample")),
    ("09.3", lambda S: S // 2),  # with half of them wild the middle is wild too
    ("09.3", lambda S: S // 2 - 1),
    ("09.3", lambda S: 0),  # least squares
    ("09.3", lambda S: S - 1),
    ("09.4", lambda clipped, free: (np.mean(free > 1), rms(free.clip(-1, 1) - clipped))),  # one side alone
    ("09.4", lambda clipped, free: (np.mean(np.abs(free) > 1), rms(free - clipped))),  # not as the eye sees it
    ("09.4", lambda clipped, free: (np.mean(np.abs(free) > 1), rms(free.clip(-1, 1) - clipped) ** 2)),
    ("09.5", lambda d, kappa: [kappa[np.argmax(s / s[-1] > 0.5**0.5) - 1] for s in d.T]),  # the first crossing
    (
        "09.5",
        lambda d, kappa: [kappa[max([0, *np.flatnonzero(abs(s) < 0.5**0.5)])] for s in d.T],
    ),  # not in parts of its end
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
