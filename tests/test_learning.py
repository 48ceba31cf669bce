"""How a linear painter learns: against an ODE solver, gradient descent, scipy, and albums drawn by Monte Carlo."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import exp1

from paintlib import learning

LAM = 50 * np.arange(1, 61.0) ** -1.5


def test_the_exponential_integral_is_that_of_scipy():
    x = np.geomspace(1e-9, 600, 3001)
    np.testing.assert_allclose(learning.exponential_integral(x), exp1(x), rtol=1e-13)


@pytest.mark.parametrize("q", [0.0, 0.3])
def test_gain_is_where_gradient_descent_on_the_exact_loss_arrives(q):
    lam, kappa, rate, steps = 2.0, 0.7, 1e-4, 5000
    w = q
    for _ in range(steps):
        w -= rate * 2 * (w * (lam + kappa**2) - lam)  # d/dw of E (w (x_0 + kappa z) - x_0)^2
    assert w == pytest.approx(learning.slope(lam, kappa, 2 * rate * steps, q), rel=2e-4)


@pytest.mark.parametrize(("lam", "a", "q"), [(9.0, 0.3, 0.0), (0.5, 1.0, 0.2), (0.01, 40.0, 0.9), (3.0, 100.0, 0.0)])
def test_painted_variance_is_what_an_ode_solver_paints(lam, a, q):
    high, low = 80.0, 0.002

    def rate(u, c):  # d log c / d log kappa = 1 - w
        return (1 - learning.slope(lam, np.exp(u), a, q)) * c

    run = solve_ivp(rate, (np.log(high), np.log(low)), [high], rtol=1e-10, atol=1e-14)
    assert learning.painted_variance(lam, a, q) == pytest.approx(run.y[0, -1] ** 2, rel=1e-6)


def test_much_training_paints_the_variance_and_strong_features_come_first():
    lam = np.array([10.0, 1.0, 0.1])
    np.testing.assert_allclose(learning.painted_variance(lam, 1e4), lam / (1 + lam / 6400), rtol=1e-4)
    passages = np.array([learning.first_passage(v) for v in lam])
    for v, a in zip(lam, passages, strict=True):
        assert learning.painted_variance(v, a) == pytest.approx(v / 2, rel=1e-6)
    assert np.all(np.diff(passages) > 0) and np.ptp(passages * lam) < 0.2 * passages[1]


@pytest.mark.parametrize("n", [20, 60, 200])
@pytest.mark.parametrize("kappa", [0.3, 2.0])
def test_what_an_album_does_is_what_albums_drawn_by_chance_do(n, kappa):
    rng, v = np.random.default_rng(n), LAM + kappa**2
    means, apart, whole = [], [], []
    for _ in range(150):
        albums = rng.normal(size=(2, n, 60)) * LAM**0.5
        S = albums.swapaxes(1, 2) @ albums / n
        first, second = np.linalg.solve(S + kappa**2 * np.eye(60), S)
        means.append(np.diag(first))
        apart.append(np.sum((first - second) ** 2 @ v))
        whole.append(np.sum((first**2 + second**2) @ v))
    s = learning.renormalised(LAM, kappa, n) ** 2
    np.testing.assert_allclose(np.mean(means, 0), LAM / (LAM + s), atol=0.03)
    assert np.mean(apart) / np.mean(whole) == pytest.approx(learning.disagreement(LAM, kappa, n), rel=0.07)


def test_renormalised_noise_solves_its_equation_and_falls_to_kappa():
    kappa = np.array([0.1, 1.0, 10.0])
    s = learning.renormalised(LAM, kappa, 100) ** 2
    np.testing.assert_allclose(s, kappa**2 + s * np.sum(LAM / (LAM + s[:, None]), axis=1) / 100, rtol=1e-9)
    np.testing.assert_allclose(learning.renormalised(LAM, kappa, 10**9), kappa, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("a", lambda: learning.slope(1.0, 1.0, -1.0)),
        ("lam", lambda: learning.slope(-1.0, 1.0, 1.0)),
        ("kappa", lambda: learning.slope(1.0, 0.0, 1.0)),
        ("kappas", lambda: learning.painted_variance(1.0, 1.0, kappas=(1.0, 2.0))),
        ("a", lambda: learning.painted_variance(1.0, 0.0)),
        ("share", lambda: learning.first_passage(1.0, 1.5)),
        ("lam", lambda: learning.first_passage(0.0)),
        ("lam", lambda: learning.first_passage(1e-9, q=0.5)),
        ("x", lambda: learning.exponential_integral(0.0)),
        ("kappa", lambda: learning.renormalised(LAM, 0.0, 10)),
        ("n", lambda: learning.renormalised(LAM, 1.0, 0)),
    ],
)
def test_bad_input_is_named(name, call):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        call()
