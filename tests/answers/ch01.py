"""Chapter 01."""

import numpy as np
from scipy.integrate import quad

from paintlib.denoisers import Function
from paintlib.samplers import ddim
from paintlib.schedules import EDM


def turned_back(x, v, alpha, sigma):
    return np.array([[alpha, -sigma], [sigma, alpha]]) @ np.stack([x, v])


def in_kappa(eps, x, alphas, sigmas):
    x = x / alphas[0]
    for a, s, b, r in zip(alphas, sigmas, alphas[1:], sigmas[1:], strict=False):
        x = x + (r / b - s / a) * eps(a * x, a, s)
    return alphas[-1] * x


def signal_left_behind(eps, x, alphas, sigmas):
    for n in range(len(alphas) - 1):
        x = x + (sigmas[n + 1] - sigmas[n]) * eps(x, alphas[n], sigmas[n])
    return x


def borrowed(eps, x, alphas, sigmas):
    painter = Function(lambda x, level: (x - level.sigma * eps(x, level.alpha, level.sigma)) / level.alpha)
    *_, last = ddim(painter, x / alphas[0], EDM(kappa_max=20), np.asarray(sigmas) / alphas)
    return last.x


def by_integral(kappa):
    def ada(x):
        return (1 - np.tanh(x / kappa**2) ** 2) * np.exp(-((x - 1) ** 2) / (2 * kappa**2))

    error = quad(ada, 1 - 9 * kappa, 1 + 9 * kappa)[0] / (kappa * np.sqrt(2 * np.pi))
    return error, 2 * error


def by_dice(kappa):
    rng = np.random.default_rng(5)
    x_0 = rng.choice([-1, 1], 200_000)
    guess = np.tanh((x_0 + kappa * rng.standard_normal(200_000)) / kappa**2)
    return [np.mean((guess - x_0) ** 2), np.mean((np.sign(rng.uniform(-1, 1, 200_000) + guess) - x_0) ** 2)]


def names_the_likelier(kappa):
    rng = np.random.default_rng(5)
    x_0 = rng.choice([-1, 1], 200_000)
    x = x_0 + kappa * rng.standard_normal(200_000)
    return by_integral(kappa)[0], np.mean((np.sign(x) - x_0) ** 2)


RIGHT = [
    ("01.1", lambda x, v, alpha, sigma: (alpha * x - sigma * v, sigma * x + alpha * v)),
    ("01.1", turned_back),
    ("01.2", in_kappa),
    ("01.3", by_integral),
    ("01.3", by_dice),
    ("01.4", -0.84),
    ("01.4", -0.8),
]
WRONG = [
    ("01.1", lambda x, v, alpha, sigma: (sigma * x + alpha * v, alpha * x - sigma * v), "x0_hat: off by"),
    ("01.1", lambda x, v, alpha, sigma: (alpha * x + sigma * v, sigma * x - alpha * v), "off by"),
    ("01.1", lambda x, v, alpha, sigma: alpha * x - sigma * v, "2 things"),
    ("01.2", signal_left_behind, "signal stays"),
    ("01.2", borrowed, "of paintlib found them"),
    ("01.2", lambda eps, x, alphas, sigmas: (x - sigmas[0] * eps(x, alphas[0], sigmas[0])) / alphas[0], "off by"),
    ("01.3", names_the_likelier, "likelier point"),
    ("01.3", lambda kappa: (by_integral(kappa)[0],) * 2, "Bo's error"),
    ("01.3", lambda kappa: by_integral(kappa)[::-1], "Ada's error"),
    ("01.4", 0.0, "ends at +1"),
    ("01.4", -1.5, "ends at -1"),
    ("01.4", "left", "numbers"),
]
