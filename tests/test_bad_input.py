"""Bad input gets a `ValueError` that names the quantity, says what came, and tells the remedy; nothing is clamped."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tries import tries
from truth import a_gaussian

from paintlib import geometry, grids, perturb
from paintlib.denoisers import noise, score, velocity
from paintlib.gaussian import Gaussian, emergence_kappa, psi, psi_rate, xi, xi_rate
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud
from paintlib.samplers import collect, ddim, heun, rk4, stochastic, teleport
from paintlib.schedules import CLEAN, EDM, VP, Cosine, Flow, Level, Tabulated

NAN, INF = math.nan, math.inf
D = 4
G = a_gaussian(D, (3.0, 1.0))
CLOUD = PointCloud(np.eye(D))
LEVEL, NOISY = Level(0.8, 0.6), Level(0.1, 1.0)
ONES, RUN = np.ones(D), np.random.default_rng(0).standard_normal((6, D))
RNG = np.random.default_rng(0)
PIXELS = np.zeros((3, D), dtype=np.uint8)
TABLE = Tabulated.ddpm()


def with_entry(a, value):
    a = np.array(a, dtype=float)
    a.flat[0] = value
    return a


CASES = {
    # quantity that the message names: calls that must say so
    "alpha": [
        lambda: Level(NAN, 1.0),
        lambda: Level(-0.1, 1.0),
        lambda: Level(np.array([0.5, INF]), 1.0),
        lambda: Level(0.0, 1.0).ve(),
        lambda: Level(np.zeros(2), np.ones(2)).ve(),
        lambda: geometry.rotation_residual(RUN, np.ones(5)),
        lambda: geometry.rotation_residual(RUN, np.full(6, 1.2)),
        lambda: geometry.rotation_residual(RUN, with_entry(np.ones(6), NAN)),
        lambda: geometry.rotation_residual_script(RUN, np.full(6, -0.1)),
    ],
    "sigma": [
        lambda: Level(1.0, NAN),
        lambda: Level(1.0, -1e-9),
        lambda: Level(1.0, torch.tensor([1.0, -1.0])),
        lambda: score(G, ONES, CLEAN),
        lambda: noise(G, ONES, CLEAN),
        lambda: velocity(G, ONES, CLEAN, (-1.0, 1.0)),
        lambda: score(G, np.ones((2, D)), Level(np.ones(2), np.array([1.0, 0.0]))),
        lambda: CLOUD.denoise(ONES, CLEAN),
        lambda: CLOUD.weights(ONES, CLEAN),
        lambda: CLOUD.log_prob(np.ones((2, D)), Level(1.0, np.array([0.1, 0.0]))),
        lambda: G.flow(ONES, CLEAN, LEVEL),
        lambda: G.velocity(ONES, CLEAN, (-1.0, 1.0)),
        lambda: G.log_prob(ONES, CLEAN),
        lambda: Gaussian(np.zeros(2), np.eye(2), np.array([1.0, 0.0])).log_prob(np.ones(2), CLEAN),
        lambda: G.reverse(ONES, CLEAN, CLEAN),
        lambda: Mixture(np.ones(1), [G]).denoise(ONES, CLEAN),
        lambda: psi(0.0, CLEAN, CLEAN),
        lambda: xi(np.array([1.0, 0.0]), CLEAN, LEVEL),
        lambda: perturb.gain(0.0, CLEAN),
        lambda: geometry.conserved(ONES, ONES, CLEAN),
    ],
    "Level": [lambda: Level(0.0, 0.0), lambda: Level(np.array([1.0, 0.0]), np.array([0.0, 0.0]))],
    "level": [lambda: G.denoise(np.ones((3, D)), Level(np.ones(2), np.ones(2)))],
    "beta_min, beta_max": [lambda: VP(0.0, 1.0), lambda: VP(2.0, 1.0), lambda: VP(NAN, 1.0), lambda: VP(0.1, INF)],
    "kappa_min, kappa_max": [lambda: EDM(-1.0), lambda: EDM(1.0, 1.0), lambda: EDM(0.1, NAN), lambda: EDM(0.1, INF)],
    "offset": [lambda: Cosine(-0.1), lambda: Cosine(NAN), lambda: Cosine(INF)],
    "alphas_cumprod": [
        lambda: Tabulated([0.9]),
        lambda: Tabulated([0.5, 0.9]),
        lambda: Tabulated([1.0, 0.5]),
        lambda: Tabulated([0.9, NAN, 0.1]),
        lambda: Tabulated(np.ones((2, 2))),
        lambda: Tabulated([]),
    ],
    "t": [lambda: VP()(1.5), lambda: Flow()(NAN), lambda: TABLE(-0.5), lambda: TABLE(1000), lambda: VP().rate(0.0)],
    "kappa": [lambda: VP().time(-1.0), lambda: Flow().time(NAN), lambda: TABLE.time(1e3), lambda: TABLE.time(1e-3)],
    "x": [
        lambda: G.denoise(with_entry(ONES, NAN), LEVEL),
        lambda: G.flow(with_entry(ONES, INF), LEVEL),
        lambda: G.denoise(np.ones(D + 1), LEVEL),
        lambda: G.denoise(np.array(1.0), LEVEL),
        lambda: G.denoise(PIXELS, LEVEL),
        lambda: G.denoise([1.0] * D, LEVEL),
        lambda: G.denoise(np.ones((0, D)), LEVEL),
        lambda: G.denoise(torch.ones(D, dtype=torch.float64), LEVEL),
        lambda: G.like(torch.ones(1)).denoise(ONES, LEVEL),
        lambda: CLOUD.denoise(torch.ones(D), LEVEL),
        lambda: CLOUD.denoise(with_entry(ONES, NAN), LEVEL),
        lambda: CLOUD.log_prob(np.ones(D + 1), LEVEL),
        lambda: CLOUD.weights(PIXELS, LEVEL),
        lambda: Mixture(np.ones(1), [G]).denoise(PIXELS, LEVEL),
        lambda: ddim(G, with_entry(ONES, NAN), EDM(), [80.0, 1.0]),
        lambda: heun(G, PIXELS, EDM(), [80.0, 1.0]),
        lambda: collect(ddim(G, np.ones(D + 1), EDM(), [80.0, 1.0])),
        lambda: geometry.pc_residual(with_entry(RUN, NAN), 2, centred=True),
        lambda: geometry.pc_residual(np.ones(5), 1, centred=True),
        lambda: geometry.effective_dimension(np.ones(5), centred=True),
        lambda: geometry.plane_residual(np.ones(5)),
        lambda: geometry.plane_residual(with_entry(RUN, INF)),
        lambda: geometry.rotation_residual(np.ones(5), np.ones(5)),
        lambda: geometry.rotation_residual(PIXELS, np.ones(3)),
    ],
    "mu": [lambda: Gaussian(with_entry(ONES, NAN), G.U, G.lam), lambda: Gaussian(PIXELS[0], G.U, G.lam)],
    "U": [
        lambda: Gaussian(ONES, 1.01 * G.U, G.lam),
        lambda: Gaussian(ONES, np.ones((D, 2)), G.lam),
        lambda: Gaussian(ONES, with_entry(G.U, NAN), G.lam),
        lambda: Gaussian(ONES, G.U[:, :0], G.lam[:0]),
        lambda: Gaussian(ONES, G.U + np.eye(D)[:, :2] * 1e-5, G.lam),
    ],
    "lam": [
        lambda: Gaussian(ONES, G.U, np.array([1.0, -1e-3])),
        lambda: Gaussian(ONES, G.U, np.array([NAN, 1.0])),
        lambda: psi(-1.0, NOISY, LEVEL),
        lambda: psi(np.array([1.0, NAN]), NOISY, LEVEL),
        lambda: xi(-1.0, NOISY, LEVEL),
        lambda: psi_rate(-1.0, NOISY, LEVEL, (-1.0, 1.0)),
        lambda: xi_rate(-1.0, NOISY, LEVEL, (-1.0, 1.0)),
        lambda: emergence_kappa(-1.0),
        lambda: perturb.gain(-1.0, LEVEL),
        lambda: perturb.isotropic_gain(np.array([1.0, -1.0]), LEVEL),
        lambda: geometry.J(-1.0, LEVEL),
        lambda: geometry.J_bound(-1.0, LEVEL),
        lambda: grids.equal_angle(EDM(), 5, 0.0),
        lambda: grids.equal_angle(EDM(), 5, NAN),
        lambda: grids.equal_angle(EDM(), 5, INF),
    ],
    "mu, U, lam": [
        lambda: Gaussian(np.ones(D + 1), G.U, G.lam),
        lambda: Gaussian(ONES, G.U, np.ones(3)),
        lambda: Gaussian(np.ones(2), np.ones((2, 3)), np.ones(3)),
    ],
    "data": [
        lambda: Gaussian.fit(np.zeros((0, D))),
        lambda: Gaussian.fit([]),
        lambda: Gaussian.fit(iter([])),
        lambda: Gaussian.fit(PIXELS),
        lambda: Gaussian.fit([PIXELS]),
        lambda: Gaussian.fit(with_entry(np.ones((9, D)), NAN)),
        lambda: Gaussian.fit(with_entry(np.ones((2, D)), INF)),
        lambda: Gaussian.fit(ONES),
        lambda: Gaussian.fit(np.ones((2, 3, 3))),
        lambda: Gaussian.fit([np.ones((2, D)), np.ones((2, D + 1))]),
        lambda: Mixture.fit(PIXELS, np.zeros(3)),
        lambda: Mixture.fit(np.zeros((0, D)), np.zeros(0)),
    ],
    "rank": [
        lambda: Gaussian.fit(np.eye(D), rank=9),
        lambda: G.truncate(0),
        lambda: G.truncate(3),
        lambda: G.truncate(1.5),
    ],
    "fraction": [
        lambda: emergence_kappa(1.0, 0.0),
        lambda: emergence_kappa(1.0, NAN),
        lambda: emergence_kappa(1.0, 1.1),
        lambda: geometry.effective_dimension(RUN, 1.0, centred=True),
    ],
    "noise": [lambda: G.generated(NOISY, 0.0), lambda: G.generated(NOISY, -1.0), lambda: G.generated(NOISY, NAN)],
    "eta": [
        lambda: G.reverse(ONES, NOISY, LEVEL, -1.0),
        lambda: G.reverse(ONES, NOISY, LEVEL, NAN),
        lambda: stochastic(G, ONES, EDM(), [80.0, 1.0], 1.5, RNG),
        lambda: stochastic(G, ONES, EDM(), [80.0, 1.0], NAN, RNG),
        lambda: perturb.gain(1.0, LEVEL, eta=-1.0),
    ],
    "rng": [lambda: stochastic(G, ONES, EDM(), [80.0, 1.0], 1.0, None)],
    "end": [lambda: G.reverse(ONES, NOISY, Level(0.0, 1.0)), lambda: perturb.gain(1.0, LEVEL, Level(0.0, 1.0))],
    "start, end": [
        lambda: G.reverse(ONES, LEVEL, NOISY),
        lambda: grids.uniform(EDM(), 5, start=1.0, end=2.0),
        lambda: grids.karras(EDM(), 5, start=1.0, end=1.0),
        lambda: grids.optimal(VP(), 5, np.ones(1)),
    ],
    "start": [lambda: geometry.slerp(ONES, ONES, CLEAN, LEVEL), lambda: grids.karras(Flow(), 5)],
    "prior": [
        lambda: Mixture(np.array([0.5, 0.4]), [G, G]),
        lambda: Mixture(np.array([1.5, -0.5]), [G, G]),
        lambda: Mixture(np.array([1.0]), [G, G]),
        lambda: Mixture(np.array([NAN, 1.0]), [G, G]),
        lambda: Mixture([0.5, 0.5], [G, G]),
        lambda: PointCloud(np.eye(D), np.ones(D)),
        lambda: PointCloud(np.eye(D), np.ones(3) / 3),
        lambda: PointCloud(np.eye(D), np.array([1.0, 0.0, 0.0, 0.0])),
    ],
    "modes": [lambda: Mixture(np.ones(1), []), lambda: Mixture(np.ones(2) / 2, [G, a_gaussian(5, (1.0,))])],
    "data, labels": [lambda: Mixture.fit(RUN, np.zeros(5)), lambda: Mixture.fit(RUN, [0] * 5)],
    "points": [
        lambda: PointCloud(np.zeros((0, D))),
        lambda: PointCloud(PIXELS),
        lambda: PointCloud(ONES),
        lambda: PointCloud(with_entry(np.eye(D), NAN)),
        lambda: PointCloud([[1.0]]),
    ],
    "grid": [
        lambda: ddim(G, ONES, EDM(), [1.0, 80.0]),
        lambda: heun(G, ONES, EDM(), [80.0, 1.0, 1.0]),
        lambda: rk4(G, ONES, TABLE, range(1000)),
        lambda: stochastic(G, ONES, Flow(), [0.1, 0.9], 1.0, RNG),
        lambda: ddim(G, ONES, EDM(), []),
        lambda: teleport(G, ONES, EDM(), [1.0, 80.0], 1),
    ],
    "steps": [lambda: collect([])],
    "skip": [lambda: teleport(G, ONES, EDM(), [80.0, 1.0], 2), lambda: teleport(G, ONES, EDM(), [80.0, 1.0], 0.5)],
    "k": [lambda: geometry.pc_residual(RUN, 7, centred=True), lambda: geometry.pc_residual(RUN, 1.5, centred=True)],
    "rho": [lambda r=r: grids.karras(EDM(), 5, r) for r in (0.0, -1.0, NAN, INF, 1e-3)],
    "lams": [lambda: grids.optimal(EDM(), 5, np.array([1.0, -2.0])), lambda: grids.optimal(EDM(), 5, np.ones((2, 2)))],
}
CALLS = [
    pytest.param(quantity, call, id=f"{quantity}-{i}")
    for quantity, calls in CASES.items()
    for i, call in enumerate(calls)
]


@pytest.mark.parametrize("quantity, call", CALLS)
def test_message_names_the_quantity_what_came_and_the_remedy(quantity, call):
    with pytest.raises(ValueError, match=rf"(?s)^{re.escape(quantity)}: got .+; .+") as caught:
        call()
    assert type(caught.value) is ValueError


def test_grid_log_snr_says_which_end_is_infinite():
    with pytest.raises(ValueError, match=r"^end: got 0.*infinite at kappa = 0"):
        grids.log_snr(VP(), 5)
    with pytest.raises(ValueError, match=r"^start: got 1.*infinite at kappa = inf"):
        grids.log_snr(Flow(), 5, end=0.1)


# Whatever comes, the answer is finite or a ValueError

ANY = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e300])
LIBRARY = st.sampled_from([np.asarray, torch.as_tensor])


def answer(call):
    try:
        return call()
    except ValueError as error:
        assert re.match(r"(?s)^[\w, -]+: got .+; .+", str(error)), error
        return None


@given(alpha=ANY, sigma=ANY)
@tries(100)
def test_any_two_numbers_are_a_level_or_refused(alpha, sigma):
    level = answer(lambda: Level(alpha, sigma))
    right = all(a == 0 or 1e-150 <= a <= 1e150 for a in (alpha, sigma)) and max(alpha, sigma) > 0
    assert (level is not None) == right


@given(entry=ANY, where=st.integers(0, 2), library=LIBRARY)
@tries(100)
def test_one_bad_entry_in_a_gaussian_is_found(entry, where, library):
    parts = [np.array(a) for a in (G.mu, G.U, G.lam)]
    before = parts[where].flat[0]
    parts[where].flat[0] = entry
    made = answer(lambda: Gaussian(*map(library, parts)))
    valid = (math.isfinite(entry), math.isclose(entry, before, abs_tol=1e-12), math.isfinite(entry) and entry >= 0)
    assert valid[where] <= (made is not None)
    if made is not None:
        assert all(np.isfinite(np.asarray(a)).all() for a in (made.mu, made.U, made.lam))
        assert np.allclose(np.asarray(made.U.T @ made.U), np.eye(2), atol=1e-5)


@given(entry=ANY, library=LIBRARY, model=st.sampled_from(["Gaussian", "PointCloud"]))
@tries(60)
def test_one_bad_entry_in_a_state_is_found(entry, library, model):
    assume(not 1e150 < abs(entry) < INF)  # whose square is no float64
    x = np.array(np.broadcast_to(ONES, (2, D)))
    x[1, 2] = entry
    model = G.like(library(x)) if model == "Gaussian" else PointCloud(library(np.eye(D)))
    x0_hat = answer(lambda: model.denoise(library(x), LEVEL))
    assert (x0_hat is not None) == math.isfinite(entry)


@given(weights=st.lists(ANY | st.floats(0.01, 1), min_size=1, max_size=4))
@tries(100)
def test_weights_sum_to_one_or_are_refused(weights):
    made = answer(lambda: Mixture(np.array(weights), [G] * len(weights)))
    if made is not None:
        assert sum(weights) == pytest.approx(1, abs=1e-6) and min(weights) > 0
    total = sum(weights)
    if all(w > 0 for w in weights) and 0 < total < INF and min(weights) / total > 0:
        assert answer(lambda: Mixture(np.array(weights) / total, [G] * len(weights))) is not None


@given(times=st.lists(st.floats(0.0, 90.0) | ANY, min_size=1, max_size=4))
@tries(100)
def test_a_grid_falls_or_is_refused(times):
    falling = all(a > b for a, b in pairwise(times))
    steps = answer(lambda: ddim(G, ONES, EDM(0.0), times))
    assert (steps is not None) == (falling and all(t == 0 or 1e-150 <= t <= 80 for t in times))


@given(shape=st.lists(st.integers(0, 5), max_size=3), kind=st.sampled_from([np.float64, np.float32, np.int64, bool]))
@tries(60)
def test_any_shape_and_dtype_of_x(shape, kind):
    x = np.ones(shape, dtype=kind)
    right = x.size > 0 and shape[-1:] == [D] and np.issubdtype(kind, np.floating)
    for model in (G, CLOUD, Mixture(np.ones(1), [G])):
        assert (answer(lambda model=model: model.denoise(x, LEVEL)) is not None) == right


@example(n=5, start=2.0, end=1.0, lam=5.5e-31)  # angles so small that their complement loses every digit
@given(n=st.integers(-2, 30), start=ANY, end=ANY, lam=ANY)
@tries(100)
def test_every_grid_falls_or_is_refused(n, start, end, lam):
    schedule = EDM(0.0)
    for make in (grids.uniform, grids.log_snr, grids.karras, lambda s, n, **k: grids.equal_angle(s, n, lam, **k)):
        grid = answer(lambda make=make: make(schedule, n, start=start, end=end))
        if grid is not None:
            assert len(grid) == n + 1 and np.isfinite(grid).all() and (np.diff(grid) <= 0).all()


def test_a_message_shows_of_a_long_array_its_ends():
    with pytest.raises(ValueError, match=r"lam: got \[.*\.\.\..*\]; variances are finite") as caught:
        psi(-np.arange(1.0, 1001.0), Level(0.6, 0.8), Level(0.6, 0.8))
    assert len(str(caught.value)) < 200
