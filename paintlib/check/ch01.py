"""Chapter 01: checks by the definition, by a sampler on an unseen painter, by quadrature, and by walking the flow."""

import numpy as np

from paintlib.check import Wrong, close, exercise, function, number, numbers, parts
from paintlib.denoisers import Function, noise
from paintlib.levels import Level
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect, ddim, heun, rk4, stochastic
from paintlib.schedules import EDM


@exercise(
    "01.1",
    "You have two equations, x = alpha x0_hat + sigma eps_hat and the definition of v, and two unknowns.",
    "Take so much of the first and so much of the second that one of the unknowns drops out of their difference.",
    "What stands before the unknown that is left? And what sort of map takes (x0_hat, eps_hat) to (x, v)?",
)
def _from_v(from_v):
    rng, f = np.random.default_rng(11), function(from_v)
    for angle in (0.0, 0.3, 1.2, np.pi / 2):
        alpha, sigma = np.cos(angle), np.sin(angle)
        x0_hat, eps = rng.standard_normal((2, 5))
        given = parts(f(alpha * x0_hat + sigma * eps, alpha * eps - sigma * x0_hat, alpha, sigma), 2)
        where = f"At alpha = {alpha:.2f}, sigma = {sigma:.2f}"
        for name, value, wanted in (("x0_hat", given[0], x0_hat), ("eps_hat", given[1], eps)):
            close(f"{where} {name}", value, wanted)


def _unseen(x, level):
    """A painter that is no Gaussian, and treats its pixels differently."""
    return np.tanh(2 * x / np.hypot(level.alpha, level.sigma)) * np.linspace(0.5, 1.5, 4) + 0.2


@exercise(
    "01.2",
    "What would you do if the noise estimate were the truth? Take all of it away, and you have a guess of the picture.",
    "A step of DDIM needs two estimates. You are given one; the table of the four names has the other.",
    "One pass of a loop takes x from its level to the next. How many passes are there for N levels?",
    own=(ddim, heun, rk4, stochastic, collect),
)
def _my_ddim(my_ddim):
    """Against the slope: an Euler step in kappa on x / alpha; on levels of no schedule in the book."""
    f, painter = function(my_ddim), Function(_unseen)
    alphas, sigmas = np.array([0.1, 0.5, 0.8, 0.9, 1.0]), np.array([1.3, 1.1, 0.7, 0.2, 0.0])
    x = np.random.default_rng(12).standard_normal((3, 4))

    def eps(x, alpha, sigma):
        return noise(painter, np.asarray(x, dtype=float), Level(alpha, sigma))

    scaled, kappas = x / alphas[0], sigmas / alphas
    in_time = x.copy()
    for n in range(4):
        slope = eps(alphas[n] * scaled, alphas[n], sigmas[n])
        scaled = scaled + (kappas[n + 1] - kappas[n]) * slope
        guess = eps(in_time, alphas[n], sigmas[n])
        in_time = in_time + (sigmas[n + 1] - sigmas[n]) * guess
    given = numbers("The last state", f(eps, x, alphas, sigmas))
    if given.shape == x.shape and np.allclose(given, in_time):
        raise Wrong("The noise goes, but the signal stays at its first size: let x0_hat grow from alpha to alpha'")
    close("The last state", given, alphas[-1] * scaled)


@exercise(
    "01.3",
    "Draw many x_0 and z. What is the chance of x_0 = +1, given x? Bayes' rule has two terms.",
    "The chance of +1 is one bell over the sum of two, at x. Ada's guess is a mean: what is it, given that chance?",
    "For the proof: given x, Bo's draw and the truth are independent and have the same mean. Add their variances.",
)
def _two_errors(two_errors):
    """By quadrature over x, with the weights of an exact score."""
    f, cloud = function(two_errors), PointCloud(np.array([[-1.0], [1.0]]))
    for kappa in (0.5, 1.0, 2.0):
        x = np.linspace(-1 - 9 * kappa, 1 + 9 * kappa, 4001)
        w = cloud.weights(x[:, None], Level.from_kappa(kappa))
        p = sum(np.exp(-((x - y) ** 2) / (2 * kappa**2)) for y in (-1, 1))
        mean = w[:, 1] - w[:, 0]
        best = np.sum(p * (w * (mean[:, None] - [-1, 1]) ** 2).sum(1)) / p.sum()
        drawn = np.sum(p * 8 * w[:, 0] * w[:, 1]) / p.sum()  # different with chance 2 w_0 w_1, then off by 2
        likelier = np.sum(p * 4 * w.min(1)) / p.sum()
        given = [number(f"At kappa = {kappa:g} error {k + 1}", v) for k, v in enumerate(parts(f(kappa), 2))]
        if abs(given[1] - likelier) < 0.02 * likelier:
            raise Wrong(f"At kappa = {kappa:g} that is the error of naming the likelier point; Bo draws")
        close(f"At kappa = {kappa:g} Ada's error", given[0], best, rtol=0.04)
        close(f"At kappa = {kappa:g} Bo's error", given[1], drawn, rtol=0.04)


@exercise(
    "01.4",
    "Move the noise slider to its right end: the sentence under the picture tells where the marked walker ends.",
    "On a line, paths of the flow keep their order. Which part of all walkers must end at -1?",
)
def _border(border):
    """The flow of the interactive's two points, from starts around the answer."""
    given = number("The start", border)
    clock = EDM(kappa_min=0.02, kappa_max=12.0)
    starts = 12 * np.array([[given - 0.06], [given + 0.06]]) + 0.6
    cloud = PointCloud(np.array([[-1.0], [1.0]]), np.array([0.2, 0.8]))
    *_, last = rk4(cloud, starts, clock, np.geomspace(12, 0.02, 200))
    left, right = last.x[:, 0]
    if left > 0 or right < 0:
        end = "+1" if left > 0 else "-1"
        raise Wrong(f"From {given:g} and a little to both sides the flow ends at {end}")
