"""Chapter 02: answers are put to an ODE solver that has a dense covariance and knows no closed form."""

import math

import numpy as np
from scipy.integrate import solve_ivp

from paintlib.check import Wrong, close, exercise, function, number, numbers, parts
from paintlib.features import psi
from paintlib.gaussian import Gaussian
from paintlib.levels import Level

# Curves s -> (alpha, sigma, alpha', sigma'): four kinds of noise, of which only the first is variance preserving.
CURVES = {
    "variance preserving": lambda s: (math.cos(s), math.sin(s), -math.sin(s), math.cos(s)),
    "variance exploding": lambda s: (1.0, s, 0.0, 1.0),
    "straight (flow)": lambda s: (1 - s, s, -1.0, 1.0),
    "sub-VP": lambda s: (math.cos(s), math.sin(s) ** 2, -math.sin(s), math.sin(2 * s)),
}


def carry(x, mu, Sigma, curve, begin, end):
    """The state after the probability flow x' = f x - g^2 score / 2 from `begin` to `end` (Eqs. 4, 8)."""

    def velocity(s, x):
        alpha, sigma, alpha_rate, sigma_rate = curve(s)
        drift = alpha_rate / alpha
        score = np.linalg.solve(sigma**2 * np.eye(len(mu)) + alpha**2 * Sigma, alpha * mu - x)
        return drift * x - (sigma * sigma_rate - drift * sigma**2) * score

    return solve_ivp(velocity, (begin, end), x, method="DOP853", rtol=1e-9, atol=1e-11).y[:, -1]


def carry_one(c, lam, curve, begin, end, m=0.0):
    """The same for one feature of mean m and variance lam."""
    return float(carry(np.array([c]), np.array([m]), np.array([[lam]]), curve, begin, end)[0])


@exercise(
    "02.1",
    "Half-way means psi = (1 + sqrt(lam)) / 2. Square it.",
    "With alpha_T = 0 the square of Eq. 9 is psi^2 = 1 + (lam - 1) alpha^2. Solve for alpha^2.",
    "lam - 1 = (sqrt(lam) - 1)(sqrt(lam) + 1), so one factor cancels, and nothing is divided by zero at lam = 1.",
)
def halfway(answer):
    f, circle, start = function(answer), CURVES["variance preserving"], math.pi / 2 - 1e-7
    for lam in (0.01, 0.25, 4.0, 100.0):
        square = number(f"alpha^2 for lam = {lam:g}", f(lam))
        if not 0 < square < 1:
            raise Wrong(f"alpha^2 lies between 0 and 1; for lam = {lam:g} it came out as {square:.4g}")
        reached = carry_one(1.0, lam, circle, start, math.acos(math.sqrt(square)))
        wanted = (1 + math.sqrt(lam)) / 2
        if abs(reached - wanted) > 1e-4 * wanted:
            word = ". At 1/2 it is psi^2 that is half-way" if abs(square - 0.5) < 1e-9 else ""
            raise Wrong(f"For lam = {lam:g} the ODE gives psi = {reached:.4f} at alpha^2 = {square:.4f}; "
                        f"half-way is {wanted:.4f}{word}")  # fmt: skip
    at_one = number("alpha^2 for lam = 1", f(1.0))
    close("alpha^2 for lam = 1, the limit from both sides,", at_one, 0.5)


@exercise(
    "02.2",
    "Which quantity stays the same along the flow, whatever the schedule?",
    "The z-score c / sqrt(v) is conserved, with v = sigma^2 + lam alpha^2. Level has .variance(lam).",
    own=(psi, Gaussian.flow, Gaussian.filter),
)
def coefficient(answer):
    f, off = function(answer), {}
    for name, curve in CURVES.items():
        begin, end = (0.9, 0.2) if name != "variance exploding" else (5.0, 0.2)
        start, level = (Level(*curve(s)[:2]) for s in (begin, end))
        for lam in (0.3, 6.0, 0.0):
            given = number(f"The coefficient for lam = {lam:g}", f(-1.5, lam, start, level))
            truth = carry_one(-1.5, lam, curve, begin, end)
            if not abs(given - truth) <= 1e-5:
                off[name] = f"lam = {lam:g}: the ODE takes c = -1.5 to {truth:.4f}, you to {given:.4f}"
                break
    if off:
        word = "" if "variance preserving" in off else " It is right while alpha^2 + sigma^2 = 1; use that nowhere."
        raise Wrong("; ".join(f"On the {name} schedule, {what}" for name, what in off.items()) + "." + word)


@exercise(
    "02.3",
    "Read Eq. 10 backwards: which c_k(T) gives the picture's coefficient u_k^T (x_0 - mu)?",
    "One number per feature lies between the two, and psi knows it. Undo it, then put the features together.",
    "The noise is not centred on 0: at the start the cloud of pictures has the mean alpha_T mu.",
)
def noise_for(answer):
    rng = np.random.default_rng(21)
    D, r, begin = 6, 3, math.acos(0.4)  # alpha_T = 0.4: far enough from 0 for every shortcut to show
    U = np.linalg.qr(rng.normal(size=(D, r)))[0]
    gaussian = Gaussian(2 * rng.normal(size=D), U, np.array([9.0, 1.0, 0.04]))
    curve = CURVES["variance preserving"]
    x_0 = gaussian.mu + U @ np.array([2.0, -1.5, 0.1])
    x_T = numbers("x_T", function(answer)(x_0, gaussian, Level(*curve(begin)[:2])))
    if x_T.squeeze().shape != (D,):
        raise Wrong(f"x_T should have shape ({D},), that of the picture; got {x_T.shape}")
    if not np.isfinite(x_T).all():
        raise Wrong("x_T holds NaN or infinity")
    x_T = x_T.reshape(D)
    missed = U.T @ (carry(x_T, gaussian.mu, U * gaussian.lam @ U.T, curve, begin, 1e-6) - x_0)
    worst = float(np.abs(missed).max())
    if worst > 1e-4:
        raise Wrong(f"The ODE takes your noise to a picture that is off by {worst:.3g} along an axis "
                    f"(here alpha_T = 0.4, mu is not 0, and alpha_T^2 lam is not small)")  # fmt: skip


@exercise(
    "02.4",
    "Eq. 10 along one feature is x_0 = m + psi_0 (x_T - alpha_T m). Put a standard normal x_T in.",
    "A straight line a + b z of a standard normal z has mean a and standard deviation |b|.",
    own=(Gaussian.flow, Gaussian.filter),
)
def generated(answer):
    curve = CURVES["variance preserving"]
    for m, lam, alpha_T in ((0.0, 100.0, 0.07), (2.0, 25.0, 0.3), (-1.0, 0.2, 0.5)):
        begin = math.acos(alpha_T)
        mean, std = parts(function(answer)(m, lam, Level(*curve(begin)[:2])), 2)
        mean, std = number("The mean", mean), number("The standard deviation", std)
        at_zero, at_one = (carry_one(z, lam, curve, begin, 0.0, m) for z in (0.0, 1.0))
        where = f"For m = {m:g}, lam = {lam:g}, alpha_T = {alpha_T:g}"
        if abs(std - math.sqrt(lam)) < 1e-6 * std:
            raise Wrong(f"{where}: sqrt(lam) is the data's own spread; it comes out only if x_T has the right law")
        if abs(std - (at_one - at_zero) ** 2) < 1e-5 * std:
            raise Wrong(f"{where}: that is the variance; give its root")
        close(f"{where}, the standard deviation", std, at_one - at_zero, rtol=1e-5)
        close(f"{where}, the mean", mean, at_zero, rtol=1e-5, atol=1e-6)
