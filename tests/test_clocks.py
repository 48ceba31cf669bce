"""The clocks against quadrature, chance run by run, dense algebra and an exact Markov chain."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm
from truth import a_gaussian, dense

from paintlib import clocks, grids, samplers
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud, effective_number
from paintlib.schedules import EDM, Level

ONE = np.eye(1)


def two(m, variance, D=2):
    """Modes at +-m (D,) with dense covariance diag(variance)."""
    return Mixture(np.full(2, 0.5), [Gaussian(s * m, np.eye(D), np.asarray(variance, dtype=float)) for s in (1, -1)])


def test_two_runs_of_the_reverse_sampler_end_alike_as_often_as_the_beliefs_say():
    """300 states, 2 ancestral runs each, in 80 steps: within four standard errors."""
    rng = np.random.default_rng(0)
    mixture = Mixture(
        np.array([0.5, 0.3, 0.2]), [Gaussian(c, np.eye(2), np.full(2, 0.2)) for c in 2 * rng.normal(size=(3, 2))]
    )
    k = rng.choice(3, 300, p=mixture_prior(mixture))
    x = np.stack([mixture.modes[i].mu for i in k]) + (0.2 + 1.5**2) ** 0.5 * rng.normal(size=(300, 2))
    schedule = EDM(0.01, 1.5)
    *_, last = samplers.stochastic(mixture, np.stack([x, x]), schedule, grids.log_snr(schedule, 80), 1.0, rng)
    ends = mixture.responsibilities(last.x, last.level).argmax(-1)
    expected = clocks.same_fate(mixture.responsibilities(x, Level.from_kappa(1.5)))
    error = (expected * (1 - expected)).mean() ** 0.5 / 300**0.5
    assert abs((ends[0] == ends[1]).mean() - expected.mean()) < 4 * error


def mixture_prior(mixture):
    return np.asarray(mixture.prior if hasattr(mixture, "prior") else mixture.weights)


def test_same_fate_is_one_over_the_effective_number_and_grows_as_noise_falls():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(20, 3))
    x = clocks.runs(points[rng.integers(20, size=400)], np.geomspace(8, 0.05, 12), rng)
    kappa = np.geomspace(8, 0.05, 12)[:, None]
    w = PointCloud(points).weights(x, Level(np.ones_like(kappa), kappa))
    np.testing.assert_allclose(clocks.same_fate(w), 1 / effective_number(w), rtol=1e-14)
    mean = clocks.same_fate(w).mean(1)
    assert np.all(np.diff(mean) > -0.01) and mean[0] == pytest.approx(1 / 20, abs=0.02) and mean[-1] > 0.99


def test_runs_read_backwards_have_the_law_of_the_reverse_sde():
    """For a Gaussian, the correlation of two levels is that of `Gaussian.reverse`, gain v / v_T (D4)."""
    lam, kappas, rng = 4.0, np.array([3.0, 1.0, 0.0]), np.random.default_rng(2)
    x = clocks.runs(lam**0.5 * rng.normal(size=(40_000, 1)), kappas, rng)[..., 0]
    np.testing.assert_allclose(x.var(axis=1), lam + kappas**2, rtol=0.03)
    gaussian = Gaussian(np.zeros(1), ONE, np.array([lam]))
    mean, _, _ = gaussian.reverse(x[0][:, None], Level(1.0, 3.0), Level(1.0, 1.0))
    slope = (x[1] @ x[0]) / (x[0] @ x[0])
    assert slope == pytest.approx((mean[:, 0] @ x[0]) / (x[0] @ x[0]), abs=0.01)


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0, 2.5, 12.0])
def test_two_modes_by_quadrature_of_bayes_rule(rho):
    """From the two densities, without the tanh."""

    def integrand(x):
        a, b = norm.pdf(x, rho), norm.pdf(x, -rho)
        return (a**2 + b**2) / (a + b) / 2 if a + b > 0 else 0.0

    value = (
        quad(integrand, -rho - 10, 0, points=[-rho], limit=200)[0]
        + quad(integrand, 0, rho + 10, points=[rho], limit=200)[0]
    )
    assert clocks.same_fate_of_two(rho) == pytest.approx(value, abs=1e-9)


def test_contrast_is_all_that_two_modes_of_one_covariance_have():
    m, variance, kappa = np.array([1.5, -0.7]), [0.4, 1.3], 0.8
    mixture, rng = two(m, variance), np.random.default_rng(3)
    x = m + (np.array(variance) + kappa**2) ** 0.5 * rng.normal(size=(100_000, 2))
    measured = clocks.same_fate(mixture.responsibilities(x, Level.from_kappa(kappa)))
    assert clocks.same_fate_of_two(clocks.contrast(m, variance, kappa)) == pytest.approx(measured.mean(), abs=0.003)


def test_speciation_of_round_modes():
    assert clocks.speciation_kappa(3.0, 1.0) == pytest.approx(8**0.5, rel=1e-12)
    assert clocks.speciation_kappa([1.0, 2.0], 0.5) == pytest.approx(4.5**0.5, rel=1e-12)


@pytest.mark.parametrize("variance", [[0.5, 0.5], [0.2, 2.0], [0.0, 1.0]])
def test_speciation_is_where_the_flow_leaves_the_middle(variance):
    """The flow of Eq. 4 from a hair beside the middle, by scipy: it shrinks above that noise, and grows below."""
    m = np.array([1.6, 0.9])
    mixture, split = two(m, variance), clocks.speciation_kappa(m, variance)
    for begin, end, grows in ((1.3, 1.05, False), (0.95, 0.8, True)):
        x = 1e-6 * m  # the direction in which the middle gives way at the split

        def slope(kappa, x):
            return (x - mixture.denoise(x, Level.from_kappa(kappa))) / kappa

        way = solve_ivp(slope, (begin * split, end * split), x, rtol=1e-10, atol=1e-16).y
        assert (abs(way[:, -1] @ m) > abs(way[:, 0] @ m)) == grows


def test_speciation_is_where_one_hump_becomes_two():
    m, s = 1.7, 0.6
    x = np.linspace(-0.2, 0.2, 401)
    for factor, humps in ((1.02, 1), (0.98, 2)):
        kappa = factor * clocks.speciation_kappa(m, s**2)
        p = norm.pdf(x, m, np.hypot(s, kappa)) + norm.pdf(x, -m, np.hypot(s, kappa))
        assert (p[200] < p[210]) == (humps == 2)


def test_information_and_collapse_by_dense_determinants():
    gaussian = a_gaussian(6, (9.0, 2.0, 0.3))

    def nats(kappa):
        return np.linalg.slogdet(np.eye(6) + dense(gaussian) / kappa**2)[1] / 2

    assert clocks.information(gaussian.lam, 0.7) == pytest.approx(nats(0.7), rel=1e-12)
    for N in (2, 500):
        root = brentq(lambda kappa, N=N: nats(kappa) - np.log(N), 1e-6, 1e3)
        assert clocks.collapse_kappa(gaussian.lam, N) == pytest.approx(root, rel=1e-9)


def test_surprise_is_the_log_ratio_of_two_densities_and_averages_to_the_information():
    gaussian, kappa, rng = a_gaussian(5, (4.0, 1.0)), 0.6, np.random.default_rng(4)
    x_0 = gaussian.mu + (rng.normal(size=(20_000, 2)) * gaussian.lam**0.5) @ gaussian.U.T
    noise = rng.normal(size=x_0.shape)
    i = clocks.surprise(gaussian, x_0, noise, kappa)
    marginal = multivariate_normal(gaussian.mu, dense(gaussian) + kappa**2 * np.eye(5))
    x = (x_0 + kappa * noise)[:50]
    truth = [
        multivariate_normal(a, kappa**2 * np.eye(5)).logpdf(b) for a, b in zip(x_0[:50], x, strict=True)
    ] - marginal.logpdf(x)
    np.testing.assert_allclose(i[:50], truth, rtol=1e-9, atol=1e-9)
    assert i.mean() == pytest.approx(clocks.information(gaussian.lam, kappa), abs=4 * i.std() / 20_000**0.5)


def test_picked_out_bounds_what_albums_show():
    """400 albums of 12 pictures: the mean weight of the true picture is above the bound."""
    rng, gaussian, kappa = np.random.default_rng(5), Gaussian(np.zeros(3), np.eye(3), np.array([4.0, 2.0, 1.0])), 1.0
    own, bound = [], []
    for _ in range(400):
        album = rng.normal(size=(12, 3)) * gaussian.lam**0.5
        noise = rng.normal(size=album.shape)
        own.append(clocks.same_fate(PointCloud(album).weights(album + kappa * noise, Level.from_kappa(kappa))).mean())
        bound.append(clocks.picked_out(clocks.surprise(gaussian, album, noise, kappa), 12).mean())
    gap = np.array(own) - bound
    assert gap.mean() > 4 * gap.std() / 20


def test_information_rate_is_the_slope_of_the_mutual_information():
    """Of a mixture on a line, by quadrature: I(k; x) = H(x) - sum_k pi_k H(x | k), differentiated by differences."""
    prior, centres, variances = np.array([0.6, 0.4]), np.array([-1.0, 2.0]), np.array([0.3, 1.1])
    mixture = Mixture(
        prior, [Gaussian(np.array([c]), ONE, np.array([v])) for c, v in zip(centres, variances, strict=True)]
    )

    def over_x(f, kappa):
        x = np.linspace(-25, 25, 20_001)[:, None]
        p = np.exp(mixture.log_prob(x, Level.from_kappa(kappa)))
        return np.sum(p * f(x)) * 50 / 20_000

    def mutual(kappa):
        entropy = over_x(lambda x: -mixture.log_prob(x, Level.from_kappa(kappa)), kappa)
        return entropy - prior @ (np.log(2 * np.pi * np.e * (variances + kappa**2)) / 2)

    for kappa in (0.4, 1.5, 4.0):
        slope = -(mutual(kappa * 1.001) - mutual(kappa / 1.001)) / (2 * np.log(1.001))
        rate = over_x(lambda x, k=kappa: clocks.information_rate(mixture, x, Level.from_kappa(k)), kappa)
        assert rate == pytest.approx(slope, rel=1e-4)


def changes_on_a_lattice(low, high, n=20):
    """The mean number of changes of mind of a fair walk on beliefs 0, 1/n, ..., 1, two fates, by linear algebra."""
    states = [(i, a, b) for i in range(n + 1) for a in (0, 1) for b in (0, 1)]  # belief in fate 1; which are held
    index = {s: j for j, s in enumerate(states)}
    A, gain = np.eye(len(states)), np.zeros(len(states))
    for (i, a, b), j in index.items():
        if 0 < i < n:
            for to in (i - 1, i + 1):
                held, lost = [], 0
                for was, belief in ((a, to / n), (b, 1 - to / n)):
                    lost += bool(was) and belief <= low + 1e-9
                    held.append(int((was and belief > low + 1e-9) or belief >= high - 1e-9))
                A[j, index[(to, *held)]] -= 0.5
                gain[j] += lost / 2
    return np.linalg.solve(A, gain)[index[(n // 2, 0, 0)]]


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.9), (0.2, 0.7), (0.4, 0.6)])
def test_changes_of_mind_by_an_exact_markov_chain(low, high):
    assert clocks.expected_changes(low, high) == pytest.approx(changes_on_a_lattice(low, high), rel=1e-9)


@pytest.mark.parametrize(("D", "K"), [(1, 2), (3, 5)])
def test_changes_of_mind_of_exact_runs_keep_the_law_whatever_the_mixture(D, K):
    """At the prices really met, for fine and coarse looks; the finer, the nearer to the law at the thresholds."""
    rng = np.random.default_rng(6)
    mixture = Mixture(np.full(K, 1 / K), [Gaussian(c, np.eye(D), np.full(D, 0.1)) for c in 2 * rng.normal(size=(K, D))])
    x_0 = np.stack([m.mu for m in mixture.modes])[rng.integers(K, size=3000)]
    kappas = np.geomspace(20, 0.05, 801)
    x = clocks.runs(x_0 + 0.1**0.5 * rng.normal(size=x_0.shape), kappas, rng)
    p = np.stack([mixture.responsibilities(row, Level.from_kappa(k)) for row, k in zip(x, kappas, strict=True)])
    law, means = clocks.expected_changes(0.4, 0.8), []
    for stride in (16, 4, 1):
        counts = clocks.changes_of_mind(p[::stride], 0.4, 0.8)
        sold, bought = clocks.prices(p[::stride], 0.4, 0.8)
        assert sold < 0.4 and bought > 0.8
        assert counts.mean() == pytest.approx(clocks.expected_changes(sold, bought), abs=4 * counts.std() / 3000**0.5)
        means.append(counts.mean())
    assert means[0] < means[1] < means[2] < law


def test_changes_of_mind_counts_a_written_example():
    belief = np.array([0.5, 0.8, 0.6, 0.95, 0.3, 0.92, 0.5, 0.1, 0.05])  # fate 1 is dropped twice, fate 2 never
    both = np.stack([belief, 1 - belief], -1)[:, None]
    assert clocks.changes_of_mind(both, 0.4, 0.9).tolist() == [2]
    sold, bought = clocks.prices(both, 0.4, 0.9)
    assert sold == pytest.approx((0.3 + 0.1) / 2) and bought == pytest.approx((0.95 + 0.92 + 0.9 + 0) / 3, abs=0.01)


@pytest.mark.parametrize(
    ("quantity", "call"),
    {
        "rho": lambda: clocks.same_fate_of_two(-1.0),
        "m, lam": lambda: clocks.speciation_kappa(1.0, 1.0),
        "lam": lambda: clocks.speciation_kappa(1.0, -1.0),
        "lam ": lambda: clocks.collapse_kappa([0.0], 10),
        "N": lambda: clocks.collapse_kappa([1.0], 1),
        "low, high": lambda: clocks.expected_changes(0.9, 0.5),
        "low, high ": lambda: clocks.changes_of_mind(np.zeros((3, 2)), 0.0, 0.5),
        "kappas": lambda: clocks.runs(np.zeros((1, 2)), [1.0, 2.0], np.random.default_rng(0)),
    }.items(),
)
def test_bad_input_is_named(quantity, call):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got"):
        call()
