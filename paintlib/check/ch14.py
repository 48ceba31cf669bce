"""Answers to the exercises of chapter 14, painting from a prompt."""

import numpy as np

from paintlib.check import Wrong, close, exercise, function, number


@exercise(
    "14.1",
    "Write the guided estimate as a sum of the two estimates, each with its own factor. What do the factors add up to?",
    "Errors that do not know of each other add in squares: each with the square of its factor.",
)
def loudness(answer):
    f = function(answer)
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((2, 400_000))
    for w in (1.0, 2.0, 3.0, 7.5):
        guided = errors[0] + w * (errors[1] - errors[0])
        given, wanted = number("The factor", f(w)), guided.std()
        if w > 1 and abs(given - w) < 0.01:
            raise Wrong(f"At w = {w:g} the prompt's error alone has the factor {w:g}; the other one has its error too")
        close(f"The factor at w = {w:g}", given, wanted, rtol=0.01)


@exercise(
    "14.2",
    "A correlation does not care how large an estimate is, a distance does. Early estimates are pale.",
    "Take from every row its own mean, divide it by its length, and all correlations are one matrix product.",
)
def nearest(answer):
    f = function(answer)
    rng = np.random.default_rng(1)
    endings = rng.standard_normal((6, 40))
    which = np.array([4, 0, 2, 2, 5, 1, 3])
    for size, lift in ((1.0, 0.0), (0.05, 0.0), (0.1, 2.0), (3.0, -1.0)):
        estimates = size * (endings[which] + 0.3 * rng.standard_normal((7, 40))) + lift
        wanted = [int(np.argmax([np.corrcoef(e, end)[0, 1] for end in endings])) for e in estimates]
        close(f"For estimates of size {size:g}, lifted by {lift:g}, the row", f(estimates, endings), wanted, rtol=0)


@exercise(
    "14.3",
    "Two means are needed: that of everything, and one for each prompt.",
    "The seeds' part is the mean square of what is left when each prompt's own mean is gone.",
)
def seed_share(answer):
    f = function(answer)
    rng = np.random.default_rng(2)
    for spread in (0.2, 1.0, 3.0):
        x = 5 + rng.standard_normal((4, 1, 30)) + spread * rng.standard_normal((4, 6, 30))
        flat = x.reshape(24, 30)
        within = sum(((flat[i] - flat[j]) ** 2).sum() for p in range(4) for i in range(6 * p, 6 * p + 6)
                     for j in range(6 * p, 6 * p + 6)) / (2 * 6 * 24)  # fmt: skip
        total = sum(((a - b) ** 2).sum() for a in flat for b in flat) / (2 * 24 * 24)
        given = number("The share", f(x))
        if abs(given - within / (total - within)) < 1e-9:
            raise Wrong("That is the seeds' part against the prompts' part; give it as a share of the whole")
        close(f"The share for a spread of {spread:g}", given, within / total)
