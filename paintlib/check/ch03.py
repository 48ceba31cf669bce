"""Chapter 03, the rotation: checks by the closed-form flow, by DDIM on a painter that is no Gaussian, and by search."""

import numpy as np

from paintlib.check import Wrong, close, exercise, function, number, numbers
from paintlib.denoisers import Function
from paintlib.gaussian import Gaussian
from paintlib.geometry import slerp
from paintlib.levels import Level
from paintlib.samplers import collect, ddim
from paintlib.schedules import Flow


def _line(lam):
    """A Gaussian of one dimension, mean zero and variance lam."""
    return Gaussian(np.zeros(1), np.eye(1), np.array([float(lam)]))


@exercise(
    "03.1",
    "Along one feature put x_t = sqrt(v) c_T into Eq. 73, and divide by what the feature is at the end, sqrt(lam) c_T.",
    "Divide sqrt(sigma^2 + lam alpha^2) - sigma by alpha: only kappa and lam are left.",
    "Now put cos(theta) = kappa / sqrt(kappa^2 + lam) in, and look among the half-angle formulas.",
)
def _share_of_eq_73(share_of_eq_73):
    """Flow from pure noise, solve Eq. 73, and compare with the end."""
    share, pure, one = function(share_of_eq_73), Level(0.0, 1.0), np.ones(1)
    for lam, kappa in ((4.0, 2.0), (4.0, 30.0), (0.09, 0.5), (50.0, 0.1)):
        level, painter = Level.from_kappa(kappa).vp(), _line(lam)
        state, end = painter.flow(one, pure, level), painter.filter(one, pure)
        wanted = ((state - level.sigma * one) / level.alpha / end)[0]
        where = f"For lam = {lam:g} and kappa = {kappa:g} the share"
        given = number(where, share(lam, kappa))
        if abs(given - (painter.denoise(state, level) / end)[0]) < 1e-6:
            raise Wrong("That is the share in the endpoint estimate; Eq. 73 shows another one")
        close(where, given, wanted)


@exercise(
    "03.2",
    "In which variable does the path have the estimate as its slope? Divide the state by sigma.",
    "Over one step x / sigma grows by the estimate at the step's start, times the growth of q = alpha / sigma.",
    "Each state holds all the pieces before it, the first one none. Mind the axes: q is (T,), the estimates (T, D).",
)
def _path_from_guesses(path_from_guesses):
    """DDIM on a painter that is no Gaussian, from a start with a part of signal in it."""
    painter = Function(lambda x, level: np.tanh(3 * x / np.hypot(level.alpha, level.sigma)) + 0.3 * np.roll(x, 1, -1))
    x_T = np.random.default_rng(32).standard_normal(5)
    run = collect(ddim(painter, x_T, Flow(), [0.9, 0.7, 0.4, 0.2, 0.05]))
    given = function(path_from_guesses)(x_T, run.x0_hat, run.level.alpha, run.level.sigma)
    given = numbers("The path", given)
    if given.shape == run.x.shape and np.allclose(given * run.level.sigma[:, None], run.x):
        raise Wrong("That is x / sigma; multiply by sigma again at the end")
    close("The path", given, run.x)


@exercise(
    "03.3",
    "For lam = 1 the state's variance is 1 at every level. So how does the exact flow move?",
    "Put x_0 = x_T into Eq. 66, between two levels that are an angle of 90 degrees / n apart. Where is the sum of the "
    "two weights largest?",
    "By symmetry it is largest in the middle of a piece. What is it there, and how far is that from 1?",
)
def _worst_piece(worst_piece):
    """Slerp along the flow of a white Gaussian, on a fine grid of angles, from the n-th part of a turn to zero."""
    worst, painter = function(worst_piece), _line(1.0)
    for n in (1, 2, 3, 8):
        whole = np.pi / (2 * n)
        start, angles = Level(np.cos(whole), np.sin(whole)), np.linspace(0, whole, 2001)
        levels = Level(np.cos(angles), np.sin(angles))
        x_T = np.ones((2001, 1))
        path, end = painter.flow(x_T, start, levels), painter.filter(x_T, start)
        wanted = np.max((slerp(x_T, end, start, levels) - path) ** 2 / path**2)
        given = number(f"For n = {n} the worst squared error", worst(n))
        if abs(given - np.sqrt(wanted)) < 1e-4 * np.sqrt(wanted):
            raise Wrong("That is the error's length; square it")
        close(f"For n = {n} the worst squared error", given, wanted, rtol=1e-3)


@exercise(
    "03.4",
    "The last sentence under the curves says how much the rotation misses at most on this way.",
    "Move the steepness until that number passes 5 %; the slider moves by 0.05.",
)
def _steepness(steepness):
    """The interactive's 300 variances, put through the closed-form flow over many noise levels."""
    given = number("The steepness", steepness)
    if not 0 <= given <= 3:
        raise Wrong(f"The slider runs from 0 to 3; got {given:g}")
    below, above = _worst_error(given - 0.055), _worst_error(given + 0.055)
    if not below > 0.05 > above:
        raise Wrong(f"At steepness {given:g} the most that the rotation misses is {_worst_error(given):.1%}")


def _worst_error(steepness, features=300, variance=0.25):
    lam = np.arange(1.0, features + 1) ** -steepness
    painter = Gaussian(np.zeros(features), np.eye(features), lam / lam.mean() * variance)
    x_T, pure = np.ones(features), Level(0.0, 1.0)
    angles = np.linspace(0.01, np.pi / 2 - 0.01, 300)
    path = np.array([painter.flow(x_T, pure, Level(np.cos(phi), np.sin(phi))) for phi in angles])
    rotated = np.cos(angles)[:, None] * painter.filter(x_T, pure) + np.sin(angles)[:, None] * x_T
    return np.max(np.sum((path - rotated) ** 2, axis=1) / np.sum(path**2, axis=1))
