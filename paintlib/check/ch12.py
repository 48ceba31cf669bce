"""Checks of chapter 12: the answers are held against integrated flows, the paper's tables, and whole jumps."""

import numpy as np
from scipy.integrate import quad, solve_ivp

from paintlib.check import Wrong, close, exercise, function, numbers, parts
from paintlib.gaussian import Gaussian
from paintlib.levels import Level
from paintlib.networks.jumps import jump, land


@exercise(
    "12.1",
    "With y = x / alpha along one axis, dy/dkappa = noise estimate. The Gaussian's is kappa y / (kappa^2 + lam).",
    "The difference obeys dd/dkappa = kappa d / (kappa^2 + lam) + delta. Try d = sqrt(kappa^2 + lam) f(kappa).",
    "Put it in: an equation for f' alone is left. Integrate it, and ask what d is where the noise has gone.",
)
def early_error(answer):
    f = function(answer)
    for lam in (0.3, 4.0, 150.0):
        for start, end in ((157.0, 50.0), (80.0, 6.0), (30.0, 1.0)):

            def slope(kappa, d, lam=lam):
                return kappa * d / (kappa**2 + lam) + 0.01

            early = solve_ivp(slope, (start, end), [0.0], rtol=1e-9, atol=1e-12).y[0, -1]
            wanted = early * np.exp(-quad(lambda k, lam=lam: k / (k**2 + lam), 0, end)[0])
            found = abs(numbers("The change", f(lam, start, end, 0.01)))
            close(f"The change for lam = {lam}, kappa from {start} to {end}", found, abs(wanted), 1e-4, 1e-7)


@exercise(
    "12.2",
    "EDM's grid: equal steps in sigma^(1/7) from 80 to 0.002, n states, and the last move to 0.",
    "n states and a last move to 0 make n steps. At which state does a jump over s of them end?",
    "How many steps are left then, and in which of them does Heun ask only once?",
)
def landing(answer):
    f = function(answer)
    tables = ((18, 0, 35, 80.0), (18, 5, 25, 12.9), (18, 8, 19, 3.3), (40, 10, 59, 16.8), (40, 20, 39, 2.2))
    for n, skip, nfe, sigma in tables:  # Tables 3 to 5, to the digits printed
        found = parts(f(n, skip), 2)
        close(f"The evaluations for {n} steps, {skip} skipped", found[0], nfe)
        close(f"The landing for {n} steps, {skip} skipped", found[1], sigma, 0.02, 0.05)


@exercise(
    "12.3",
    "Along an axis that is kept the jump is right. Along one left out the Gaussian takes the data for a point.",
    "By which factor does Eq. 9 carry such an axis from start to end? And by which, if one takes its variance for 0?",
    "The noise has variance 1: what do two different factors, on the same noise, leave as a mean squared error?",
    own=(Gaussian.truncate, Gaussian.flow, jump, land),
)
def cut(answer):
    f = function(answer)
    lam = 50 * np.arange(1, 31.0) ** -1.5
    whole = Gaussian(np.zeros(30), np.eye(30), lam)
    start = Level.from_kappa(157.0).vp()
    for kappa in (40.0, 6.0, 1.0):
        end = Level.from_kappa(kappa).vp()
        for r in (0, 3, 12, 30):
            few = Gaussian(np.zeros(30), np.eye(30), np.where(np.arange(30) < r, lam, 0.0))
            off = whole.flow(np.eye(30), start, end) - few.flow(np.eye(30), start, end)
            close(
                f"The landing's error at kappa = {kappa} with {r} axes",
                f(lam, r, start, end),
                np.sum(off**2),
                1e-6,
                1e-9,
            )


@exercise(
    "12.4",
    "Which landing does each theory foretell from the same noise, and what has the network to do from there?",
    "networks.land(theory, scheduler, noise, MOVES, skip) takes a mixture as it takes a Gaussian; record begins there.",
    "Compare noise by noise: the same noises, deviations of both jumps from the fully sampled picture.",
)
def mixture_or_gaussian(answer):
    found = numbers("Your deviations", answer)
    if found.ndim != 2 or found.shape[0] != 2 or found.shape[1] < 4:
        raise Wrong(f"Give both deviations for four noises or more, (2, S): Gaussian, mixture; got {found.shape}")
    if not np.isfinite(found).all() or (found <= 0).any():
        raise Wrong("Deviations are positive numbers: mean squared, one for each noise")
    if np.allclose(found[0], found[1], rtol=1e-6):
        raise Wrong("Both rows are the same; did both jumps use one theory?")
    if found.max() > 4:
        raise Wrong("Pictures in [-1, 1] cannot be that far apart; take the mean over the pixels")
