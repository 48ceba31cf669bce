"""Write the ledger, book/equations.md: every equation and table of the paper, where the book treats it, what checks it.

    python book/tools/ledger.py

A row's statement and status are written here; its chapters, functions and tests are looked up in their sources, and its
residual is measured anew: the two sides of the equation, computed by two routes, on one small case.
"""

import ast
import importlib
import json
import math
import re
from pathlib import Path

import numpy as np
import sympy as sp
from scipy.integrate import quad, solve_ivp
from scipy.linalg import sqrtm

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "book/equations.md"

# The case: 5 dimensions, 2 axes of variance 4 and 0.3, Song's VP schedule, from t = 0.9 to t = 0.4.
RNG = np.random.default_rng(0)
D, LAM, MU = 5, np.array([4.0, 0.3]), RNG.normal(size=5)
U = np.linalg.qr(RNG.normal(size=(D, 2)))[0]
SIGMA = U @ np.diag(LAM) @ U.T
I = np.eye(D)
X_T = RNG.normal(size=D)
END, NOW = 0.9, 0.4


def beta(t):
    """The paper's beta, half of Song's."""
    return (0.1 + 19.9 * t) / 2


def alpha(t):
    return math.exp(-quad(beta, 0, t)[0])


def sigma(t):
    return math.sqrt(1 - alpha(t) ** 2)


def cov(t):
    return sigma(t) ** 2 * I + alpha(t) ** 2 * SIGMA


def score(x, t):
    return np.linalg.solve(cov(t), alpha(t) * MU - x)


def flow(t, y):
    """Eq. 4, the probability flow, as a function for an ODE solver."""
    return -beta(t) * y - beta(t) * score(y, t)


def reached(t, start=END, x=X_T):
    return solve_ivp(flow, (start, t), x, rtol=1e-11, atol=1e-12).y[:, -1]


A, S, A_T, S_T = alpha(NOW), sigma(NOW), alpha(END), sigma(END)
X_NOW = reached(NOW)
Y_T = X_T - A_T * MU
C_T = U.T @ Y_T
PERP = Y_T - U @ C_T
V, V_T = S**2 + LAM * A**2, S_T**2 + LAM * A_T**2
TILDE = np.diag(A**2 * LAM / V)


def apart(a, b):
    """The largest difference, as a share of the largest number."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


RESIDUALS = {}


def shows(*equations):
    """Mark a function as the measurement of these equations' residual: numbers, or ranges of them."""

    def keep(f):
        for n in equations:
            RESIDUALS.update(dict.fromkeys(n if isinstance(n, range) else [n], f))
        return f

    return keep


def slope(f, t, h=1e-5):
    return (8 * (f(t + h) - f(t - h)) - (f(t + 2 * h) - f(t - 2 * h))) / (12 * h)


@shows(1)
def forward_sde():
    """Moments of the SDE, from their ODEs, against alpha mu and sigma^2 I + alpha^2 Sigma."""
    moments = solve_ivp(lambda t, m: np.append(-beta(t) * m[:D], -2 * beta(t) * m[D:] + 2 * beta(t)),
                        (0, NOW), np.append(MU, [4.0]), rtol=1e-11, atol=1e-12).y[:, -1]  # fmt: skip
    return apart(moments, np.append(A * MU, [S**2 + 4 * A**2]))


@shows(2)
def reverse_sde():
    """The density's change by the forward and by the reverse Fokker-Planck equation, in one dimension."""
    x, t = np.linspace(-3, 3, 7), NOW

    def p(x, t):
        v = sigma(t) ** 2 + 4 * alpha(t) ** 2
        return np.exp(-((x - alpha(t)) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)

    v, b = S**2 + 4 * A**2, beta(t)
    s = (A - x) / v
    drift, spread = -b * x - 2 * b * s, p(x, t) * (s**2 - 1 / v)  # f - g^2 s, and p''
    d_drift = -b + 2 * b / v
    backward = -(d_drift * p(x, t) + drift * p(x, t) * s) - b * spread
    return apart(backward, slope(lambda u: p(x, u), t))


@shows(3)
def alpha_and_sigma():
    from paintlib.schedules import VP

    return apart([VP()(NOW).alpha, VP()(NOW).sigma], [A, S])


@shows(4)
def probability_flow():
    from paintlib.denoisers import velocity
    from paintlib.gaussian import Gaussian
    from paintlib.schedules import VP

    rate = VP().rate(NOW)
    return apart(velocity(Gaussian(MU, U, LAM), X_NOW, VP()(NOW), rate), flow(NOW, X_NOW))


@shows(5)
def least_squares():
    """The best linear guess of the noise from 4 million pairs' exact moments, against -sigma s."""
    gain = S * np.linalg.inv(cov(NOW))  # Cov(eps, x) Cov(x)^-1
    return apart(gain @ (X_NOW - A * MU), -S * score(X_NOW, NOW))


@shows(6, 51)
def endpoint_estimate():
    """The conditional mean E[x_0 | x] of jointly Gaussian vectors."""
    return apart((X_NOW + S**2 * score(X_NOW, NOW)) / A, MU + A * SIGMA @ np.linalg.solve(cov(NOW), X_NOW - A * MU))


@shows(7)
def rotation_of_equal_arms():
    """Eq. 7 of a state that really turns: equal lengths and a right angle."""
    from paintlib.geometry import rotation_residual

    a = np.cos(np.linspace(math.pi / 2, 0, 20))
    e = np.eye(4)
    x = a[:, None] * e[0] + np.sqrt(1 - a**2)[:, None] * e[1]
    return float(np.max(rotation_residual(x, a)))


@shows(8)
def score_of_a_gaussian():
    from paintlib.gaussian import Gaussian
    from paintlib.schedules import Level

    return apart(Gaussian(MU, U, LAM).score(X_NOW, Level(A, S)), score(X_NOW, NOW))


@shows(9)
def closed_form():
    from paintlib.gaussian import Gaussian
    from paintlib.schedules import Level

    return apart(Gaussian(MU, U, LAM).flow(X_T, Level(A_T, S_T), Level(A, S)), X_NOW)


@shows(10)
def filter_of_noise():
    from paintlib.gaussian import Gaussian
    from paintlib.schedules import Level

    dense = MU + np.real(sqrtm(SIGMA)) @ np.linalg.inv(np.real(sqrtm(cov(END)))) @ Y_T
    return apart(Gaussian(MU, U, LAM).filter(X_T, Level(A_T, S_T)), dense)


@shows(11)
def corrected_bound():
    """By how much the corrected mean error goes beyond its bound (0: it does not); the printed bound is broken."""
    from paintlib.geometry import J, rotation_bound
    from paintlib.schedules import Level

    angles = np.linspace(0.01, 1.56, 50)
    errors = [np.sum(J(LAM, Level(math.cos(p), math.sin(p))) ** 2) / D for p in angles]
    return max(max(errors) - rotation_bound(LAM, D), 0.0)


@shows(12)
def towards_the_estimate():
    x0_hat = (X_NOW + S**2 * score(X_NOW, NOW)) / A
    return apart(-beta(NOW) * X_NOW - beta(NOW) / S**2 * (A * x0_hat - X_NOW), flow(NOW, X_NOW))


@shows(13)
def share_of_a_feature():
    x0_hat = (X_NOW + S**2 * score(X_NOW, NOW)) / A
    return apart(U.T @ (x0_hat - MU), A * LAM / np.sqrt(V * V_T) * C_T)


@shows(14)
def gain_of_a_nudge():
    """A nudge on the way, carried to t = 0.001 by the solver, against psi(0) / psi(t') there."""
    nudge, t = 1e-3 * U[:, 0], 1e-3
    moved = (reached(t, NOW, X_NOW + nudge) - reached(t, NOW, X_NOW)) @ U[:, 0] / 1e-3
    return apart(moved, math.sqrt((sigma(t) ** 2 + LAM[0] * alpha(t) ** 2) / V[0]))


CLOUD = RNG.normal(size=(7, D))


def cloud_log_p(x):
    far = -np.sum((x - A * CLOUD) ** 2, axis=1) / (2 * S**2) - D / 2 * math.log(2 * math.pi * S**2) - math.log(7)
    return np.logaddexp.reduce(far)


def gradient(f, x, h=1e-4):
    return np.array([slope(lambda u, e=e: f(x + u * e), 0.0, h) for e in np.eye(len(x))])


@shows(15, 16, 97, 98, 99, 100)
def cloud():
    """The point cloud's estimate, by its formula, against the gradient of its log density."""
    from paintlib.pointcloud import PointCloud
    from paintlib.schedules import Level

    estimate = (X_NOW + S**2 * gradient(cloud_log_p, X_NOW)) / A
    return apart(PointCloud(CLOUD).denoise(X_NOW, Level(A, S)), estimate)


@shows(17, 18)
def kernel_and_rates():
    """C and D^2 of this package's row of Table 6, from A and B: C = -A'/A, D^2 = B' + 2 C B."""
    C = -slope(alpha, NOW) / A
    return apart([C, slope(lambda t: sigma(t) ** 2, NOW) + 2 * C * S**2], [beta(NOW), 2 * beta(NOW)])


@shows(19)
def frechet_distance():
    """Of two Gaussians on one line, the difference of means and of widths."""
    from paintlib.measure import frechet

    return apart(frechet(np.zeros(1), np.array([[4.0]]), np.ones(1), np.array([[9.0]])), 1.0 + (3 - 2) ** 2)


@shows(range(20, 29))
def flow_about_the_mean():
    """Eqs. 20 to 28: d(x - alpha mu)/dt, with Lambda-tilde, against the flow."""
    direct = flow(NOW, X_NOW) + beta(NOW) * A * MU
    return apart(beta(NOW) * ((1 / S**2 - 1) * I - U @ TILDE @ U.T / S**2) @ (X_NOW - A * MU), direct)


@shows(range(29, 34))
def rate_along_an_axis():
    return apart(beta(NOW) * A**2 * (1 - LAM) / V * (U.T @ (X_NOW - A * MU)),
                 U.T @ (flow(NOW, X_NOW) + beta(NOW) * A * MU))  # fmt: skip


@shows(34)
def rate_off_the_axes():
    off = I - U @ U.T
    return apart(beta(NOW) * A**2 / S**2 * off @ (X_NOW - A * MU), off @ (flow(NOW, X_NOW) + beta(NOW) * A * MU))


@shows(range(35, 46))
def integrated_rates():
    """Eqs. 35 to 45: the integrals of the rates by quadrature, against the square roots."""
    logs = [quad(lambda t, lam=lam: beta(t) * alpha(t) ** 2 * (1 - lam) / (sigma(t) ** 2 + lam * alpha(t) ** 2),
                 END, NOW, epsrel=1e-11)[0] for lam in (0.0, *LAM)]  # fmt: skip
    roots = [math.sqrt((1 + (lam - 1) * A**2) / (1 + (lam - 1) * A_T**2)) for lam in (0.0, *LAM)]
    return apart(np.exp(logs), roots)


@shows(46, 47)
def rates_of_the_roots():
    def root(t, lam):
        return math.sqrt((1 + (lam - 1) * alpha(t) ** 2) / (1 + (lam - 1) * A_T**2))

    printed = [-(lam - 1) * A**2 * beta(NOW) / math.sqrt((1 + (lam - 1) * A_T**2) * (1 + (lam - 1) * A**2))
               for lam in (0.0, *LAM)]  # fmt: skip
    return apart(printed, [slope(lambda t, lam=lam: root(t, lam), NOW) for lam in (0.0, *LAM)])


@shows(48)
def explicit_state():
    return apart(A * MU + S / S_T * PERP + U @ (np.sqrt(V / V_T) * C_T), X_NOW)


@shows(49)
def explicit_estimate():
    x0_hat = (X_NOW + S**2 * score(X_NOW, NOW)) / A
    return apart(U @ (C_T * A * LAM / np.sqrt(V * V_T)), x0_hat - MU)


@shows(50)
def explicit_velocity():
    along = -C_T * (LAM - 1) * A**2 * beta(NOW) / np.sqrt(V_T * V)
    return apart(-A * beta(NOW) * MU + A**2 * beta(NOW) / (S_T * S) * PERP + U @ along, flow(NOW, X_NOW))


@shows(range(52, 60))
def estimate_of_a_sheet():
    """Eqs. 52 to 59: Woodbury's form and Lambda-tilde against the dense inverse and the conditional mean."""
    inner = np.linalg.inv(np.diag(1 / LAM) / A**2 + np.eye(2) / S**2)
    woodbury = I / S**2 - U @ inner @ U.T / S**4
    estimate = A * SIGMA @ np.linalg.solve(cov(NOW), X_NOW - A * MU)
    return max(apart(woodbury, np.linalg.inv(cov(NOW))), apart(U @ TILDE @ U.T @ (X_NOW - A * MU) / A, estimate))


@shows(60)
def one_feature():
    x0_hat = (X_NOW + S**2 * score(X_NOW, NOW)) / A
    return apart(A * LAM / V * (U.T @ (X_NOW - A * MU)), U.T @ (x0_hat - MU))


@shows(61, 62)
def two_limits():
    """The factor alpha^2 lam / v of Eq. 60 at noise 10^4 times and 10^-4 times the signal: 0 and 1 to 1e-8."""
    factor = [1 / (1 + ratio**2) for ratio in (1e4, 1e-4)]
    return max(abs(factor[0]), abs(factor[1] - 1))


@shows(63)
def nudged_estimate():
    nudge = RNG.normal(size=D)
    moved = [(x + S**2 * score(x, NOW)) / A for x in (X_NOW + nudge, X_NOW)]
    return apart(U @ TILDE @ U.T @ nudge / A, moved[0] - moved[1])


def remainder():
    """R_t of Eq. 66, and the state less its part in the plane."""
    x_0 = MU + U @ (np.sqrt(LAM / V_T) * C_T)
    q = S / S_T
    printed = U @ ((np.sqrt(V / V_T) - q - (A - A_T * q) * np.sqrt(LAM / V_T)) * C_T)
    return printed, X_NOW - (A - A_T * q) * x_0 - q * X_T


@shows(range(64, 67))
def plane_and_remainder():
    return apart(*remainder())


@shows(67, 68)
def two_forms_of_J():
    J = np.sqrt(S**2 + LAM * A**2) - A * np.sqrt(LAM) - S
    return apart(-2 * S * A * np.sqrt(LAM) / (np.sqrt(V) + A * np.sqrt(LAM) + S), J)


@shows(69, 70)
def least_J():
    """For lam = 1, where Eqs. 69 and 70 hold: the minimum of J by its stationary point."""
    a = sp.symbols("a", positive=True)
    J = 1 - a - sp.sqrt(1 - a**2)
    at = sp.solve(sp.diff(J, a), a)[0]
    return abs(float(at - sp.sqrt(sp.Rational(1, 2)))) + abs(float(J.subs(a, at) - 1 + sp.sqrt(2)))


@shows(71, 72)
def error_of_the_rotation():
    """From pure noise, alpha_T = 0 and x_T the flow's own state there."""
    z = RNG.normal(size=D)
    c = U.T @ z
    x, x_0 = A * MU + S * (z - U @ c) + U @ (np.sqrt(V) * c), MU + U @ (np.sqrt(LAM) * c)
    J = np.sqrt(V) - A * np.sqrt(LAM) - S
    return apart(np.sum((x - A * x_0 - S * z) ** 2), np.sum(J**2 * c**2))


@shows(73, 74)
def guess_of_the_end():
    """J / alpha = sqrt(kappa^2 + lam) - kappa - sqrt(lam), and the corrected Eq. 74."""
    kappa = S / A
    corrected = -2 * S * np.sqrt(LAM) / (np.sqrt(V) + A * np.sqrt(LAM) + S)
    return apart(corrected, np.sqrt(kappa**2 + LAM) - kappa - np.sqrt(LAM))


@shows(range(75, 82))
def towards_any_estimate():
    """Eqs. 75 to 81 of a point cloud: d(x / alpha)/dt = beta / sigma^2 (x / alpha - x0_hat), by differences."""

    def down(t, x):
        w = np.exp(-np.sum((x - alpha(t) * CLOUD) ** 2, axis=1) / (2 * sigma(t) ** 2))
        x0_hat = w @ CLOUD / w.sum()
        return -beta(t) * x - beta(t) / sigma(t) ** 2 * (alpha(t) * x0_hat - x), x0_hat

    path = solve_ivp(lambda t, x: down(t, x)[0], (END, 0.3), X_T, rtol=1e-11, atol=1e-12, dense_output=True).sol
    change = slope(lambda t: path(t) / alpha(t), NOW, 1e-4)
    return apart(beta(NOW) / S**2 * (path(NOW) / A - down(NOW, path(NOW))[1]), change)


@shows(82, 83)
def frozen_estimate():
    """With the estimate held still, (x / alpha - x0_hat) alpha / sigma stays, by the solver."""
    held = MU
    x = solve_ivp(lambda t, x: -beta(t) * x - beta(t) / sigma(t) ** 2 * (alpha(t) * held - x),
                  (END, NOW), X_T, rtol=1e-11, atol=1e-12).y[:, -1]  # fmt: skip
    return apart((x - A * held) / S, (X_T - A_T * held) / S_T)


def mixture_case():
    from paintlib.gaussian import Gaussian
    from paintlib.mixture import Mixture

    modes = [Gaussian(MU, U, LAM), Gaussian(-MU, U[:, ::-1].copy(), np.array([2.0, 1.0]))]
    return Mixture(np.array([0.4, 0.6]), modes)


def mixture_log_p(x):
    from scipy.stats import multivariate_normal

    modes = [(MU, SIGMA), (-MU, U[:, ::-1] @ np.diag([2.0, 1.0]) @ U[:, ::-1].T)]
    each = [multivariate_normal(A * m, S**2 * I + A**2 * C).logpdf(x) for m, C in modes]
    return np.logaddexp.reduce(np.array(each) + np.log([0.4, 0.6]))


@shows(range(84, 91))
def mixture():
    """Eqs. 84 to 90: density and estimate against dense covariances and a gradient by differences."""
    from paintlib.schedules import Level

    model, level = mixture_case(), Level(A, S)
    estimate = (X_NOW + S**2 * gradient(mixture_log_p, X_NOW)) / A
    density = apart(model.log_prob(X_NOW, level), mixture_log_p(X_NOW))
    return max(apart(model.denoise(X_NOW, level), estimate), density)


@shows(range(91, 97))
def round_modes():
    """Eqs. 91 to 96 with the corrections E7, E19: the estimate of round modes against its density's gradient."""
    variance, w = 0.3, np.full(7, 1 / 7)
    v = S**2 + A**2 * variance

    def log_p(x):
        return np.logaddexp.reduce(-np.sum((x - A * CLOUD) ** 2, axis=1) / (2 * v) + np.log(w))

    weights = np.exp(-np.sum((X_NOW - A * CLOUD) ** 2, axis=1) / (2 * v) - log_p(X_NOW)) * w
    corrected = (A**2 * variance / v * X_NOW + S**2 / v * (weights @ (A * CLOUD))) / A
    return apart(corrected, (X_NOW + S**2 * gradient(log_p, X_NOW)) / A)


PROVED, CHECKED, CONDITION, CORRECTED = "proved", "checked", "holds with a condition", "corrected"
ROWS = {
    1: (r"dx = -\beta x\,dt + g\,dw", CHECKED, ""),
    2: (r"dx = [-\beta x - g^2 \nabla\log p]\,dt + g\,d\bar w", CHECKED, "$dt < 0$"),
    3: (
        r"x_t = \alpha_t x_0 + \sigma_t\varepsilon,\ \alpha_t = e^{-\int\beta},\ \sigma_t^2 = 1-\alpha_t^2",
        CONDITION,
        r"$g^2 = 2\beta$; $\alpha_T > 0$ is left over",
    ),
    4: (r"\dot x = -\beta x - \tfrac12 g^2 s", CHECKED, "$dt < 0$; E18"),
    5: (r"\min_\theta \int\gamma_t\,\mathbb E\|\varepsilon_\theta(x_t,t)-\varepsilon\|^2\,dt", CHECKED, "E18"),
    6: (r"\hat x_0 = (x_t+\sigma_t^2 s)/\alpha_t", PROVED, ""),
    7: (r"x_t \approx \alpha_t x_0 + \sqrt{1-\alpha_t^2}\,x_T", CONDITION, "E16"),
    8: (r"s = (\sigma_t^2 I+\alpha_t^2\Sigma)^{-1}(\alpha_t\mu-x)", PROVED, "E2"),
    9: (r"x_t = \alpha_t\mu + \tfrac{\sigma_t}{\sigma_T}y_T^\perp + \sum_k\psi_k c_k(T)u_k", CORRECTED, "E1"),
    10: (r"x_0 = \mu+\Sigma^{1/2}(\sigma_T^2I+\alpha_T^2\Sigma)^{-1/2}(x_T-\alpha_T\mu)", PROVED, ""),
    11: (r"\|x_t-\alpha_t x_0-\sigma_t x_T\|^2/D \le \ldots r/D", CORRECTED, "E3"),
    12: (r"\dot x = -\beta x-\tfrac{\beta}{\sigma_t^2}(\alpha_t\hat x_0-x)", PROVED, "$dt < 0$"),
    13: (r"\hat x_0 = \mu+\sum_k\xi_k c_k(T)u_k", PROVED, ""),
    14: (r"\Delta x_0 = \sqrt{\lambda_k/(\sigma^2+\lambda_k\alpha^2)}\,\Delta c_k", CONDITION, "E9, E14"),
    15: (r"w_i = \mathrm{softmax}(-\|x-\alpha y_i\|^2/2\sigma^2)", PROVED, ""),
    16: (r"s = (\alpha\hat x_0-x)/\sigma^2", PROVED, "pointwise"),
    17: (r"p(x_t\mid x_0) = N(A_tx_0,B_tI)", CHECKED, "E8 in Table 6"),
    18: (r"\dot x = -C_tx+D_t\eta", CHECKED, "E8 in Table 6"),
    19: (
        r"d^2 = |\mu_1-\mu_2|^2+\mathrm{tr}[\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2}]",
        CONDITION,
        "it is the squared distance",
    ),
    20: (r"\dot x = -\beta x-\tfrac12g^2(\sigma^2I+\alpha^2\Sigma)^{-1}(\alpha\mu-x)", PROVED, ""),
    21: (r"\dot x = -\beta x-\tfrac{g^2}{2\sigma^2}(I-U\tilde\Lambda U^T)(\alpha\mu-x)", PROVED, r"$\sigma > 0$"),
    22: (r"\tilde\Lambda = \mathrm{diag}[\alpha^2\lambda_k/(\alpha^2\lambda_k+\sigma^2)]", PROVED, ""),
    23: (r"\tfrac{d}{dt}(x-\alpha\mu) = \dot x-\mu\dot\alpha", PROVED, ""),
    24: (r"\ldots = \dot x+\beta\alpha\mu", PROVED, ""),
    25: (r"\ldots = \beta(\alpha\mu-x)-\tfrac{g^2}{2\sigma^2}(I-U\tilde\Lambda U^T)(\alpha\mu-x)", PROVED, ""),
    26: (r"\ldots = [\tfrac{g^2}{2\sigma^2}(I-U\tilde\Lambda U^T)-\beta I](x-\alpha\mu)", PROVED, ""),
    27: (r"\ldots = \beta[\tfrac1{\sigma^2}(I-U\tilde\Lambda U^T)-I](x-\alpha\mu)", PROVED, "variance preserving"),
    28: (
        r"\ldots = \beta[(\tfrac1{\sigma^2}-1)I-\tfrac1{\sigma^2}U\tilde\Lambda U^T](x-\alpha\mu)",
        PROVED,
        "variance preserving",
    ),
    29: (r"y = y^\perp+\sum_kc_ku_k", PROVED, ""),
    30: (r"\dot c_k = \beta[(\tfrac1{\sigma^2}-1)-\tfrac1{\sigma^2}\tfrac{\alpha^2\lambda_k}{v_k}]c_k", PROVED, ""),
    31: (r"\dot c_k = \tfrac{\beta}{\sigma^2}(1-\sigma^2-\tfrac{\alpha^2\lambda_k}{v_k})c_k", PROVED, ""),
    32: (r"\dot c_k = \tfrac{\beta\alpha^2}{\sigma^2}(1-\tfrac{\lambda_k}{v_k})c_k", PROVED, ""),
    33: (r"\dot c_k = \beta\alpha^2(1-\lambda_k)c_k/v_k", PROVED, "variance preserving"),
    34: (r"\dot y^\perp = \beta\alpha^2y^\perp/\sigma^2", PROVED, ""),
    35: (r"y_t = d(t)y^\perp(T)+\sum_kc_k(t)u_k", PROVED, ""),
    36: (r"d = \exp\int_T^t\beta\alpha^2/\sigma^2", PROVED, ""),
    37: (r"c_k = c_k(T)\exp\int_T^t\beta\alpha^2(1-\lambda_k)/v_k", PROVED, ""),
    38: (r"c_k(T) = u_k^Ty_T", PROVED, ""),
    39: (r"y^\perp(T) = y_T-\sum_kc_k(T)u_k", PROVED, ""),
    40: (
        r"\int\tfrac{\beta\alpha^2(1-\lambda)}{v} = \int\tfrac{\beta\alpha^2(1-\lambda)}{1+\alpha^2(\lambda-1)}",
        PROVED,
        "",
    ),
    41: (r"\ldots = \int_{\alpha_T}^{\alpha_t}\tfrac{\alpha(\lambda-1)}{1+\alpha^2(\lambda-1)}d\alpha", PROVED, ""),
    42: (r"\ldots = \tfrac12\log(1+\alpha^2(\lambda-1))\big|_{\alpha_T}^{\alpha_t}", PROVED, ""),
    43: (
        r"\ldots = \tfrac12\log\tfrac{1+(\lambda-1)\alpha_t^2}{1+(\lambda-1)\alpha_T^2}",
        PROVED,
        r"not $\lambda = 0$ and $\alpha = 1$",
    ),
    44: (r"c_k = c_k(T)\sqrt{\tfrac{1+(\lambda_k-1)\alpha_t^2}{1+(\lambda_k-1)\alpha_T^2}}", PROVED, ""),
    45: (r"d = \sqrt{(1-\alpha_t^2)/(1-\alpha_T^2)}", PROVED, r"$\alpha_T < 1$"),
    46: (r"\dot c_k = -c_k(T)\tfrac{(\lambda_k-1)\alpha^2\beta}{\sqrt{v_kv_k(T)}}", PROVED, "forward in time"),
    47: (r"\dot d = \alpha^2\beta/\sqrt{(1-\alpha_T^2)(1-\alpha_t^2)}", PROVED, "forward in time"),
    48: (r"x_t = \alpha\mu+d\,y^\perp(T)+\sum_kc_ku_k", PROVED, ""),
    49: (r"\hat x_0-\mu = \sum_kc_k(T)\tfrac{\alpha\lambda_k}{\sqrt{v_kv_k(T)}}u_k", PROVED, ""),
    50: (r"\dot x = \dot\alpha\mu+\dot d\,y^\perp(T)+\sum_k\dot c_ku_k", PROVED, ""),
    51: (r"\hat x_0 = (x+\sigma^2s)/\alpha", PROVED, r"$\sigma > 0$ or full rank"),
    52: (
        r"\hat x_0-\mu = \tfrac{\sigma^2}{\alpha}[\tfrac1{\sigma^2}I-(\sigma^2I+\alpha^2\Sigma)^{-1}](x-\alpha\mu)",
        PROVED,
        "",
    ),
    53: (
        r"\ldots = \tfrac1\alpha\tfrac{\alpha^2\bar\sigma^2}{\sigma^2+\alpha^2\bar\sigma^2}(x-\alpha\mu)",
        PROVED,
        "isotropic data",
    ),
    54: (r"(\sigma^2I+\alpha^2\Sigma)^{-1} = (\sigma^2I+\alpha^2U\Lambda U^T)^{-1}", CONDITION, "alpha > 0"),
    55: (
        r"\ldots = \tfrac1{\sigma^2}I-\tfrac1{\sigma^4}U(\tfrac{\Lambda^{-1}}{\alpha^2}+\tfrac{U^TU}{\sigma^2})^{-1}U^T",
        CONDITION,
        "alpha > 0, lam > 0",
    ),
    56: (
        r"\ldots = \tfrac1{\sigma^2}I-\tfrac1{\sigma^4}U(\tfrac{\Lambda^{-1}}{\alpha^2}+\tfrac{I_r}{\sigma^2})^{-1}U^T",
        CONDITION,
        "alpha > 0, lam > 0",
    ),
    57: (r"\tilde\Lambda = \mathrm{diag}[\alpha^2\lambda_k/(\alpha^2\lambda_k+\sigma^2)]", PROVED, ""),
    58: (r"\ldots = \tfrac1{\sigma^2}(I-U\tilde\Lambda U^T)", PROVED, ""),
    59: (r"\hat x_0-\mu = \tfrac1\alpha U\tilde\Lambda U^T(x-\alpha\mu)", PROVED, ""),
    60: (r"u_k^T(\hat x_0-\mu) = \tfrac1\alpha\tfrac{\alpha^2\lambda_k}{v_k}u_k^T(x-\alpha\mu)", PROVED, ""),
    61: (
        r"\sigma^2\gg\alpha^2\lambda_k:\ u_k^T(\hat x_0-\mu)\ll u_k^T(x-\alpha\mu)/\alpha",
        CONDITION,
        "in absolute value",
    ),
    62: (r"\sigma^2\ll\alpha^2\lambda_k:\ u_k^T(\hat x_0-\mu)\approx u_k^T(x-\alpha\mu)/\alpha", PROVED, ""),
    63: (r"\hat x_0(x+\delta)-\hat x_0(x) = \tfrac1\alpha U\tilde\Lambda U^T\delta", PROVED, "exact"),
    64: (r"x_t = \alpha\mu+\tfrac{\sigma}{\sigma_T}y^\perp+\sum_k\psi_kc_ku_k", PROVED, ""),
    65: (r"\mu,\ y^\perp(T)\ \text{from}\ x_0,\ x_T", PROVED, ""),
    66: (
        r"x_t = [\alpha-\alpha_T\tfrac{\sigma}{\sigma_T}]x_0+\tfrac{\sigma}{\sigma_T}x_T+R_t",
        PROVED,
        "slerp weights",
    ),
    67: (r"J = \sqrt{\sigma^2+\lambda\alpha^2}-\alpha\sqrt\lambda-\sigma", PROVED, ""),
    68: (r"J = -2\sigma\alpha\sqrt\lambda/(\sqrt{v}+\alpha\sqrt\lambda+\sigma)", PROVED, ""),
    69: (r"\arg\min J:\ \alpha\approx\sqrt{1/(\lambda+1)}", CONDITION, r"$\lambda = 1$; E4"),
    70: (r"J \ge -2(1-\tfrac{\sqrt2}2)", CORRECTED, "E4"),
    71: (r"\|x_t-\alpha x_0-\sigma x_T\|^2 = \sum_kJ_k^2c_k^2", CONDITION, r"$\alpha_T = 0$"),
    72: (r"x_t \approx \alpha x_0+\sigma x_T+R_t", CHECKED, r"$\alpha_T = 0$"),
    73: (r"x_0 \approx (x_t-\sigma x_T)/\alpha", CONDITION, "$R_t$ dropped"),
    74: (r"J/\alpha = -2\sigma\sqrt\lambda/(\ldots)", CORRECTED, "E6"),
    75: (r"\dot x = -\beta x-\tfrac{g^2}{2\sigma^2}(\alpha\hat x_0-x)", PROVED, "any data"),
    76: (r"\alpha = \exp(-\int_0^t\beta),\ \dot\alpha = -\beta\alpha", PROVED, ""),
    77: (r"\tfrac{d}{dt}\tfrac x\alpha = \tfrac{\dot x}\alpha+\tfrac{\beta x}\alpha", PROVED, ""),
    78: (
        r"\tfrac{d}{dt}\tfrac x\alpha = -\tfrac{g^2}{2\sigma^2}(\hat x_0-\tfrac x\alpha) = -\tfrac\beta{\sigma^2}(\hat x_0-\tfrac x\alpha)",
        PROVED,
        "second form: variance preserving",
    ),
    79: (r"\int\tfrac\beta{\sigma^2}dt = \int\tfrac\beta{1-\alpha^2}dt", PROVED, "variance preserving"),
    80: (r"-\int\tfrac{d\alpha}{\alpha(1-\alpha^2)} = \log\tfrac{\sqrt{1-\alpha^2}}\alpha", PROVED, ""),
    81: (
        r"\log\tfrac{x_t/\alpha_t-\hat x_0}{x_T/\alpha_T-\hat x_0} = \log\tfrac{\sigma_t\alpha_T}{\alpha_t\sigma_T}",
        PROVED,
        "component by component; estimate held still",
    ),
    82: (
        r"(x_t-\alpha_t\hat x_0)/\sqrt{1-\alpha_t^2} = \mathrm{const}",
        CONDITION,
        "estimate held still: one DDIM step",
    ),
    83: (r"x_t \approx \alpha_t\hat x_0+\sqrt{1-\alpha_t^2}\,x_T", CONDITION, r"estimate held still, $\alpha_T = 0$"),
    84: (r"q = \sum_i\pi_iN(\mu_i,\Sigma_i)", PROVED, ""),
    85: (r"\nabla\log q = -\sum_iw_i\Sigma_i^{-1}(x-\mu_i)", CONDITION, r"$\Sigma_i$ invertible"),
    86: (r"w_i = \pi_iN(x;\mu_i,\Sigma_i)/q", PROVED, ""),
    87: (r"p_t = \sum_i\pi_iN(\alpha\mu_i,\sigma^2I+\alpha^2\Sigma_i)", PROVED, ""),
    88: (r"s = -\sum_iw_i(\sigma^2I+\alpha^2\Sigma_i)^{-1}(x-\alpha\mu_i)", PROVED, ""),
    89: (r"s = -\tfrac1{\sigma^2}\sum_iw_i(I-U_i\tilde\Lambda_{it}U_i^T)(x-\alpha\mu_i)", PROVED, r"$\sigma > 0$"),
    90: (r"\tilde\Lambda_{it} = \mathrm{diag}[\alpha^2\lambda_{ik}/(\alpha^2\lambda_{ik}+\sigma^2)]", CORRECTED, "E19"),
    91: (r"\nabla\log q = -\tfrac1{\sigma^2}\sum_iw_i(x-\mu_i)", PROVED, "round modes"),
    92: (r"w_i = \mathrm{softmax}(-\|x-\mu_i\|^2/2\sigma^2)", CORRECTED, "E19; equal weights"),
    93: (r"\nabla\log q = (\sum_iw_i\mu_i-x)/\sigma^2", PROVED, "round modes"),
    94: (r"\nabla\log q_t = (\sum_iw_i\alpha\mu_i-x)/(\sigma_t^2+\alpha^2\sigma^2)", CORRECTED, "E19"),
    95: (r"w_i = \mathrm{softmax}(-\|x-\alpha\mu_i\|^2/2(\sigma_t^2+\alpha^2\sigma^2))", PROVED, "equal weights"),
    96: (
        r"\hat x_0 = \tfrac1\alpha[\tfrac{\alpha^2\sigma^2}{v}x+\tfrac{\sigma_t^2}{v}\sum_iw_i\alpha\mu_i],\ v=\sigma_t^2+\alpha^2\sigma^2",
        CORRECTED,
        "E7",
    ),
    97: (r"p_0 = \tfrac1N\sum_i\delta(x-y_i)", PROVED, ""),
    98: (r"p_t = \tfrac1N\sum_iN(\alpha y_i,\sigma^2I)", PROVED, ""),
    99: (r"\nabla\log p_t = \tfrac1{\sigma^2}[-x+\alpha\sum_iw_iy_i]", PROVED, ""),
    100: (r"\hat x_0 = \sum_iw_iy_i", PROVED, ""),
}

TABLES = {
    1: ("the networks", "loading code and pinned revisions; not downloaded here", "09", "networks.files.load"),
    2: ("trajectory statistics", "measured on the shipped networks", "10", "geometry.rotation_residual_script"),
    3: ("teleportation with Heun: NFE, FID (CIFAR-10)", "NFE recomputed; FID quoted", "12", "samplers.teleport"),
    4: ("the same, FFHQ 64", "NFE recomputed; FID quoted", "12", "samplers.teleport"),
    5: ("the same, AFHQv2 64", "NFE recomputed; FID quoted", "12", "samplers.teleport"),
    6: ("notations of diffusion models", "every row checked; one corrected (erratum E8)", "01", "schedules.VP"),
}

LATER = [
    (
        "Biroli and others 2024",
        r"speciation of the first feature at $\kappa = \sqrt{\lambda_1}$",
        r"holds in part: modes at $\pm m$ split at $\sqrt{m^2 - s^2}$, below it",
        "08",
    ),
    (
        "Biroli and others 2024",
        r"collapse when the state carries $\log N$ nats",
        "holds for Gaussian data; on clothes two errors of opposite sign remain",
        "07",
    ),
    ("Dieleman 2024; Falck and others 2025", "the order of features is a choice of noise", "holds", "04"),
    (
        "Chen and others 2024",
        "grids by dynamic programming beat the usual ones",
        "holds in part: on these networks ahead of Karras, not of theirs for CIFAR-10",
        "13",
    ),
    (
        "Kynkäänniemi and others 2024",
        "guidance on a limited interval: no need of it at low noise, harm at high noise",
        "the first holds for Gaussians; on the small model no third does most, and harm was not seen",
        "16",
    ),
    ("Bradley and Nakkiran 2024", "guidance does not sample from the product of powers", "holds, in closed form", "16"),
    ("Kamb and Ganguli 2025", "the best window grows with the noise", "holds", "17"),
    (
        "Kamb and Ganguli 2025",
        "the local score foretells the network",
        r"holds in part: of all pictures it surely beats a mixture at $\kappa = 0.15$ and 0.6, undecided at 1.2 and 2.5",
        "17",
    ),
    ("Kamb and Ganguli 2025", "new pictures are mosaics of patches", "holds", "17"),
    (
        "Lukoianov and others 2025",
        "locality comes from the covariance of the data",
        r"holds from $\kappa = 1.2$ on; at 0.15 a round spot foretells where the network looks as well",
        "17",
    ),
    ("Wang and Pehlevan 2025", r"a linear painter learns features in a time like $1/\lambda$", "holds", "18"),
    ("Wang and Pehlevan 2025", "a convolutional one does not follow that law", "holds, for one network", "18"),
    (
        "Bonnaire and others 2025",
        "the time to copy grows with $N$, that to know does not",
        "holds in part: one ratio, two albums",
        "18",
    ),
    (
        "Kadkhodaie and others 2024",
        "disjoint albums, one picture",
        "holds in part: the networks share their first weights",
        "18",
    ),
    ("Wang and others 2026", "a finite album acts as more noise", "holds", "18"),
    (
        "Karras and others 2024",
        "a bad version of a network guides a good one",
        "holds; the Gaussian law only in part",
        "18",
    ),
]

HEAD = """---
html_theme.sidebar_secondary.remove: true
---

# The ledger of equations

Every numbered equation of the paper: what it says, where the book treats it, which function of `paintlib` computes it
(above) and which test checks it (below), and the residual: the largest relative difference between the equation and
another route to the same number on one small case (five dimensions, two axes; an ODE solver, dense algebra, quadrature,
differences or SymPy). Equations that are links of one chain share the residual of its ends. After them come
[the tables](#tables) and [the claims of later papers](#claims-of-later-papers).

*Proved*: derived in the book. *Checked*: by numbers alone. *Holds with a condition*, *corrected*: the last column says
which, or names the [erratum](errata.md). Short forms: $v = \\sigma^2+\\lambda\\alpha^2$; three dots stand for the left side
above. This page is written by `book/tools/ledger.py`; a test runs it again.

"""


def numbers_in(text):
    """The equations that a text names: `Eq. 9`, `Eqs. 8-10, 13`, `Eqs. 15 and 16`."""
    found = set()
    for names in re.findall(r"Eqs?\.\s*\(?(\d+\)?(?:(?:\s*(?:-|–|to|,|and)\s*)(?:Eq\.\s*)?\(?\d+\)?)*)", text):
        for first, last in re.findall(r"(\d+)\)?(?:\s*(?:-|–|to)\s*\(?(\d+))?", names):
            found |= set(range(int(first), int(last or first) + 1))
    return {n for n in found if n in ROWS}


def definitions(folder, pattern="*.py"):
    """Every function and class in the files of a folder, methods as Class.method: file, name, docstring."""
    for file in sorted((ROOT / folder).rglob(pattern)):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield file, node.name, ast.get_docstring(node) or ""
            for method in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(method, ast.FunctionDef):
                    yield file, f"{node.name}.{method.name}", ast.get_docstring(method) or ""


def lookup():
    """Of every equation its chapters, its functions and its tests, as their own sources name it."""
    chapters, functions, tests = ({n: [] for n in ROWS} for _ in range(3))
    for file in sorted((ROOT / "chapters").glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells)
        tagged = {int(n) for tag in re.findall(r"\\tag\{([^}]*)\}", text) for n in re.findall(r"\d+", tag)}
        for n in (numbers_in(text) | tagged) & set(ROWS):
            chapters[n].append((n not in tagged, file.name))
    for file, name, doc in definitions("paintlib"):
        ours = file.parent.name in ("paintlib", "measure") and file.stem != "perceptual"  # that one cites another paper
        if "_" not in (name[0], name.rpartition(".")[2][0]) and ours:
            module = ".".join(file.relative_to(ROOT / "paintlib").with_suffix("").parts)
            for n in numbers_in(doc):
                functions[n].append(f"{module}.{name}")
    for file, name, doc in definitions("tests", "test_*.py"):
        if name.startswith("test_"):
            named = {n for a, b in re.findall(r"eq_?(\d+)(?:_to_(\d+))?", name) for n in range(int(a), int(b or a) + 1)}
            for n in (named | numbers_in(doc)) & set(ROWS):
                tests[n].append((n not in named, f"{file.name}::{name}"))
    return chapters, functions, tests


def bound(value):
    """A measured residual as the power of ten above it, with one to spare for other machines; 1e-14 at least."""
    return 10.0 ** max(math.ceil(math.log10(max(value, 1e-16))) + 1, -14)


def row(n, chapters, functions, tests, limit):
    statement, status, note = ROWS[n]
    where = ", ".join(f"[{name[:2]}](../chapters/{name})" for _, name in sorted(chapters)[:3])
    errata = re.sub(r"\b(E\d+)\b", r"erratum \1", note)
    what = f"{status}{': ' if note else ''}{errata}"
    test = sorted(tests)[0][1] if tests else f"test_ledger.py::test_residual[{n}]"
    checked = "<br>".join(f"`{name}`" for name in [*functions[:1], test])
    statement = statement.replace(r"\|", r"\Vert ").replace("|", r"\vert ")  # a bar would end the table's cell
    return f"| {n} | ${statement}$ | {where} | {checked} | {limit:.0e} | {what} |"


def page(limits):
    """The page's text, for the bounds {equation: residual}."""
    chapters, functions, tests = lookup()
    lines = [":::{div} ledger", "", "| Eq. | it says | chapter | function, test | residual | status |"]
    lines += ["|---|---|---|---|---|---|"]
    lines += [row(n, chapters[n], functions[n], tests[n], limits[n]) for n in ROWS]
    lines += ["", ":::", "", "## Tables", "", ":::{div} cards", ""]
    lines += ["| table | of | here | chapter | function |", "|---|---|---|---|---|"]
    for n, (what, here, chapter, function) in TABLES.items():
        file = next((f.name for f in (ROOT / "chapters").glob(f"{chapter}_*.ipynb")), None)
        lines.append(f"| {n} | {what} | {here} | {f'[{chapter}](../chapters/{file})' if file else ''} | `{function}` |")
    lines += ["", ":::", "", "## Claims of later papers", "", ":::{div} cards", ""]
    lines += ["| source | claim | here | chapter |", "|---|---|---|---|"]
    for source, claim, here, chapter in LATER:
        (file,) = (ROOT / "chapters").glob(f"{chapter}_*.ipynb")
        lines.append(f"| {source} | {claim} | {here} | [{chapter}](../chapters/{file.name}) |")
    return HEAD + "\n".join([*lines, "", ":::"]) + "\n"


def residuals():
    """The measured residual of every equation."""
    return {n: RESIDUALS[n]() for n in ROWS}


def exists(function):
    """Whether a function that the page names, module.function or module.Class.method, can be had."""
    parts = function.split(".")
    cut = next((i for i, part in enumerate(parts) if part[0].isupper()), len(parts) - 1)
    found = importlib.import_module(".".join(["paintlib", *parts[:cut]]))
    for part in parts[cut:]:
        found = getattr(found, part, None)
    return found is not None


if __name__ == "__main__":
    PAGE.write_text(page({n: bound(value) for n, value in residuals().items()}), encoding="utf-8")
    print(PAGE)
