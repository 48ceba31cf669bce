"""Truth at the edges: clean levels, features without variance, parallel states, ends of curves, broken denoisers."""

import math

import mpmath
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from truth import LIBRARIES, a_gaussian

from paintlib import geometry, grids, measure
from paintlib.denoisers import Function, score, velocity
from paintlib.gaussian import Gaussian, psi, psi_rate, xi, xi_rate
from paintlib.mixture import Mixture
from paintlib.perturb import gain
from paintlib.pointcloud import PointCloud, effective_number
from paintlib.samplers import collect, ddim, heun, multistep, rk4, stochastic
from paintlib.schedules import CLEAN, EDM, VP, Flow, Level, Tabulated

D = 6
G = a_gaussian(D)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, D))


# A feature without variance at a clean level


@pytest.mark.parametrize("schedule", [VP(), EDM(0.0), Flow()])
def test_a_feature_without_variance_never_shows_in_the_estimate(schedule):
    """xi = alpha lam / sqrt(v v_T) -> 0 for lam -> 0 and sigma -> 0 together, in whatever order."""
    start = schedule(0.9)
    assert xi(0.0, start, CLEAN) == 0
    for power in (0.1, 1, 2, 10):
        small = [xi(s**power, start, Level(1.0, s)) for s in (1e-3, 1e-6, 1e-9)]
        assert small[0] > small[1] > small[2]
    together = xi(np.array([0.0, 2.0, 0.0]), start, CLEAN)
    np.testing.assert_allclose(together, [0, xi(2.0, start, CLEAN), 0])


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_zero_in_an_array_does_not_fail_the_call(library):
    lam, start, rate = LIBRARIES[library](np.array([1.0, 0.0])), Level(0.1, 1.0), (-1.0, 1.0)
    for f in (xi, psi):
        np.testing.assert_allclose(np.asarray(f(lam, start, CLEAN)), [f(1.0, start, CLEAN), 0.0])
    np.testing.assert_allclose(np.asarray(xi_rate(lam, start, CLEAN, rate)), [xi_rate(1.0, start, CLEAN, rate), 0.0])


def test_rates_at_a_clean_level_are_those_from_the_noisy_side():
    start, h = Flow()(0.9), 1e-7
    for lam in (0.0, 2.0):
        for f, slope in ((psi, psi_rate), (xi, xi_rate)):
            one_sided = (f(lam, start, Flow()(h)) - f(lam, start, CLEAN)) / h
            assert slope(lam, start, CLEAN, Flow().rate(0.0)) == pytest.approx(one_sided, abs=1e-6)


def test_the_estimate_of_data_without_variance_is_the_mean():
    dot = Gaussian(G.mu, G.U, np.zeros(3))
    np.testing.assert_array_equal(dot.denoise(X, CLEAN), np.broadcast_to(G.mu, X.shape))


# Parallel states span a line


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(20))
def test_a_constant_picture_lies_in_its_own_plane(kind, seed):
    """x_0 and x_T parallel up to rounding: the plane is a line, and every state lies on it."""
    rng = np.random.default_rng(seed)
    direction = np.ones(3072) if seed % 2 else rng.standard_normal(3072)
    x = (rng.uniform(0.1, 9, (8, 2, 1)) * direction).astype(kind)
    assert geometry.plane_residual(x).max() < 1e-10


def test_a_small_angle_is_still_a_plane():
    rng = np.random.default_rng(0)
    a, b = np.linalg.qr(rng.standard_normal((50, 2)))[0].T
    angles = np.linspace(1e-6, 0, 9)
    x = np.cos(angles)[:, None] * a + np.sin(angles)[:, None] * b
    assert geometry.plane_residual(x).max() < 1e-25


def test_a_trajectory_that_stays_but_for_rounding_has_no_dimension():
    x = np.full((9, 4), 0.1)
    x[3] = np.nextafter(x[3], 1)
    with pytest.raises(ValueError, match=r"^x: got a trajectory that stays"):
        geometry.effective_dimension(x, centred=True)


# Curvature and torsion up to the ends


def helix(T, a=1.3, b=0.7, warp=1.0):
    s = 4 * np.linspace(0, 1, T) ** warp + (0.3 if warp != 1 else 0)
    return np.stack([a * np.cos(s), a * np.sin(s), b * s], axis=-1), s


@pytest.mark.parametrize("warp", [1.0, 1.3])
def test_curvature_and_torsion_of_a_helix_are_of_second_order_at_every_point(warp):
    """kappa = a / (a^2 + b^2), tau = b / (a^2 + b^2)."""
    a, b, errors = 1.3, 0.7, []
    for T in (41, 81, 161):
        curvature, torsion = geometry.curvature_torsion(*helix(T, a, b, warp))
        errors.append(
            [np.abs(curvature * (a * a + b * b) / a - 1).max(), np.abs(torsion * (a * a + b * b) / b - 1).max()]
        )
    errors = np.array(errors)
    assert errors[0].max() < 0.05
    assert np.log2(errors[:-1] / errors[1:]).min() > 1.8


def test_torsion_of_a_batch_runs_both_ways():
    r, t = helix(30)
    batch = np.stack([r, 2 * r], axis=1)
    curvature, torsion = geometry.curvature_torsion(batch, t)
    np.testing.assert_allclose(torsion[:, 1], torsion[:, 0] / 2, rtol=1e-7)
    back = geometry.curvature_torsion(batch[::-1], t[::-1])
    np.testing.assert_allclose(back[0][::-1], curvature, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("where", [0, 5, -70])
def test_a_straight_piece_has_no_torsion_wherever_it_lies_but_for_its_rounding(dtype, where):
    """Rounding alone bends a line by 1e-13, and its torsion, that over itself, was anything: 93 for the line at 5."""
    t = np.linspace(0, 1, 21)
    line = np.outer(t, [0.37, -1.91, 2.73]) + where
    curvature, torsion = geometry.curvature_torsion(line.astype(dtype), t)
    assert np.abs(curvature).max() < 1e5 * np.finfo(dtype).eps and np.isnan(torsion).all()
    r, s = helix(41)
    both = geometry.curvature_torsion((r + where).astype(dtype), s)  # what does bend still has its own
    np.testing.assert_allclose(both[1][5:-5], 0.7 / (1.3**2 + 0.7**2), rtol=0.1 if dtype == "float32" else 0.02)
    assert np.isnan(geometry.curvature_torsion(np.ones((9, 3), dtype) * where, np.arange(9))).all()


def test_curves_need_one_parameter_for_each_point():
    r, t = helix(30)
    for bad in (t[:-1], np.r_[t[:-1], t[-2]], np.where(t > 2, np.nan, t)):
        with pytest.raises(ValueError, match=r"^t: got .+; .+"):
            geometry.curvature_torsion(r, bad)


# The score where the difference of estimate and state has no digits left


@pytest.mark.parametrize("sigma", [1e-8, 1e-5, 1e-2])
def test_score_of_a_mixture_keeps_its_digits(sigma):
    full = [Gaussian.from_moments(RNG.standard_normal(2), np.diag([1.0, 0.5])) for _ in range(2)]
    mixture, x, level = Mixture(np.array([0.4, 0.6]), full), np.array([0.3, -0.2]), Level(1.0, sigma)

    def log_p(a, b):
        total = mpmath.mpf(0)
        for weight, mode in zip((0.4, 0.6), full, strict=True):
            p = mpmath.mpf(weight)
            for value, mean, lam in zip((a, b), mode.mu, np.diag(mode.covariance()), strict=True):
                v = mpmath.mpf(lam) + mpmath.mpf(sigma) ** 2
                p *= mpmath.exp(-((value - mean) ** 2) / (2 * v)) / mpmath.sqrt(v)
            total += p
        return mpmath.log(total)

    with mpmath.workdps(40):
        truth = [float(mpmath.diff(log_p, tuple(x), n)) for n in ((1, 0), (0, 1))]
    np.testing.assert_allclose(score(mixture, x, level), truth, rtol=1e-10)


# What a user gives where something else is meant

MODELS = [G, Mixture(np.ones(1), [G]), PointCloud(np.eye(D))]


@pytest.mark.parametrize("given", [0.5, 3, None, (0.8, 0.6), EDM()])
def test_a_level_is_a_level(given):
    calls = [lambda m=m: m.denoise(X, given) for m in MODELS] + [lambda m=m: m.log_prob(X, given) for m in MODELS]
    calls += [
        lambda: score(Function(lambda x, level: x), X, given),
        lambda: G.flow(X, given),
        lambda: G.flow(X, Level(0.1, 1.0), given),
        lambda: psi(1.0, given),
        lambda: xi(1.0, CLEAN, given),
        lambda: gain(1.0, given),
        lambda: geometry.slerp(X, X, Level(0.1, 1.0), given),
        lambda: geometry.J(1.0, given),
        lambda: geometry.conserved(X, X, given),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"(?s)^(level|start|end): got .+; give a Level"):
            call()


def test_old_orders_of_arguments_are_refused():
    start, level = Level(0.1, 1.0), Level(0.8, 0.6)
    for call in (lambda: psi(level, start, 2.0), lambda: xi(level, start, 2.0)):
        with pytest.raises(ValueError, match=r"^(level|start|end|lam): got"):
            call()
    with pytest.raises(ValueError, match=r"(?s)^start, level: got .*less noise"):
        geometry.slerp(X[0], X[1], level, start)


def test_numbers_that_are_none():
    for call in (lambda: VP()("half"), lambda: VP()([0.5]), lambda: Flow().time(None), lambda: Level("a", 1.0)):
        with pytest.raises(ValueError, match=r"^(t|kappa|alpha): got .+; .+"):
            call()
    with pytest.raises(ValueError, match=r"^lam: got .+; .+"):
        psi([1.0, 2.0], Level(0.1, 1.0))
    with pytest.raises(ValueError, match=r"^schedule: got .+with its brackets"):
        ddim(G, X, EDM, [1.0, 0.5])


def test_a_tensor_of_another_dtype_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^x: got dtype torch.float32 for a model of torch.float64; .*like"):
        G.like(torch.zeros(1, dtype=torch.float64)).denoise(torch.zeros(D, dtype=torch.float32), CLEAN)
    assert G.denoise(X.astype(np.float32), CLEAN).dtype == np.float64  # NumPy promotes


def test_a_noise_level_too_small_for_the_dtype_is_refused():
    x = X.astype(np.float16)
    with pytest.raises(ValueError, match=r"^sigma: got 0.0001; its square is no number of float16"):
        G.like(x).denoise(x, Level(1.0, 1e-4))


@pytest.mark.parametrize("labels", [[0, 1, 1], ["coat", "bag", "bag"], np.array([0, 1, 1]), torch.tensor([0, 1, 1])])
@pytest.mark.parametrize("library", LIBRARIES)
def test_labels_may_be_of_any_kind(library, labels):
    fitted = Mixture.fit(LIBRARIES[library](X), labels)
    np.testing.assert_allclose(np.sort(np.asarray(fitted.prior)), [1 / 3, 2 / 3])


def test_a_label_is_not_nan():
    with pytest.raises(ValueError, match=r"^labels: got NaN; "):
        Mixture.fit(X, np.array([0, np.nan, 1]))


# Nothing that is no number leaves a sampler

SAMPLERS = {
    "ddim": ddim,
    "heun": heun,
    "rk4": rk4,
    "multistep": multistep,
    "stochastic": lambda *a: stochastic(*a, 1.0, np.random.default_rng(0)),
}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_says_where_the_denoiser_breaks(name, bad):
    broken = Function(lambda x, level: np.full_like(x, bad) if level.kappa < 1 else 0 * x)
    with pytest.raises(ValueError, match=r"^x, x0_hat: got NaN or infinity at t = [0-9.]+, kappa = [0-9.]+; "):
        collect(SAMPLERS[name](broken, X, EDM(), grids.karras(EDM(), 9)))


@pytest.mark.parametrize("name", ["heun", "rk4"])
def test_a_step_may_end_at_any_noise_however_small(name):
    """1e-17 is lost beside 80: the last slope is taken at the end itself, not at start + step, which is 0."""
    run = collect(SAMPLERS[name](G, X, EDM(0.0), [80.0, 1.0, 1e-17]))
    assert np.isfinite(run.x).all()


def test_shipped_schedulers_clip_the_estimate_and_ours_does_not():
    """The trap that the docstring names: same noise, other pictures, until `clip_sample=False`."""
    table = dict(beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    wide = a_gaussian(D, (30.0, 9.0, 2.0))
    x, ends = torch.tensor(X), {}
    for clip in (True, False):
        scheduler, state = DDIMScheduler(**table, clip_sample=clip, timestep_spacing="leading"), x
        scheduler.set_timesteps(50)
        ours_table = Tabulated(scheduler.alphas_cumprod)
        for t in scheduler.timesteps:
            level = ours_table(int(t))
            estimate = wide.like(state).denoise(state, level)
            state = scheduler.step((state - level.alpha * estimate) / level.sigma, t, state).prev_sample
        ends[clip] = state.numpy()
    grid = [*scheduler.timesteps.tolist(), 0]
    ours = collect(ddim(wide, X, ours_table, grid[:-1])).x0_hat[-1]
    assert np.abs(ends[False] - ours).max() < 0.05 * np.abs(ours).max() < 0.3 * np.abs(ends[True] - ours).max()


# What looks like an array of numbers


def of_rank_2(**changes):
    U = np.linalg.qr(np.random.default_rng(1).standard_normal((D, D)))[0]
    return Gaussian(**({"mu": np.zeros(D), "U": U[:, :2], "lam": np.array([2.0, 0.0]), "rest": 0.1} | changes))


@pytest.mark.parametrize("method", ["denoise", "score", "log_prob"])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ma.masked_array(X, X > 0), "got a masked array; leave out what is masked"),
        (torch.as_tensor(X).to_sparse(), "got a tensor of layout torch.sparse_coo on cpu; give a dense one"),
        (torch.as_tensor(X).to("meta"), "got a tensor of layout torch.strided on meta"),
    ],
)
def test_an_array_without_all_its_numbers_is_refused(method, x, message):
    for model in (of_rank_2(), Mixture(np.ones(1), [of_rank_2()])):
        with pytest.raises(ValueError, match=f"^x: {message}"):
            getattr(model, method)(x, Level(0.6, 0.8))


@pytest.mark.parametrize("method", ["denoise", "score", "log_prob", "responsibilities"])
@pytest.mark.parametrize("level", [CLEAN, Level(np.array([1.0, 0.6, 0.0]), np.array([0.0, 0.8, 1.0]))])
def test_a_mode_without_variance_has_no_density_where_there_is_no_noise(method, level):
    """Its rest has variance, one of its axes has none: there c^2 / v was 0 / 0."""
    mixture = Mixture(np.array([0.5, 0.5]), [of_rank_2(), of_rank_2(lam=np.ones(2))])
    with pytest.raises(ValueError, match=r"^sigma: got .*no density at sigma = 0"):
        getattr(mixture, method)(X, level)
    full = Mixture(np.array([0.5, 0.5]), [of_rank_2(lam=np.ones(2), rest=0.3), of_rank_2(lam=np.ones(2))])
    assert np.isfinite(getattr(full, method)(X, level)).all()


@pytest.mark.parametrize("rate", [None, 1.0, (1.0,), (1.0, 2.0, 3.0), (math.nan, 1.0), ("a", 1.0)])
def test_a_rate_is_a_pair_of_numbers(rate):
    level = Level(0.6, 0.8)
    for call in (lambda: psi_rate(1.0, level, level, rate), lambda: xi_rate(1.0, level, level, rate),
                 lambda: G.velocity(X, level, rate), lambda: velocity(G, X, level, rate)):  # fmt: skip
        with pytest.raises(ValueError, match=r"^rate: got"):
            call()


@pytest.mark.parametrize(
    ("quantity", "call"),
    {
        "modes": lambda: Mixture(np.ones(1), [3]),
        "modes ": lambda: Mixture(np.ones(1), of_rank_2()),
        "modes  ": lambda: Mixture(np.ones(0), []),
        "labels": lambda: Mixture.fit(X, [0, None, 1]),
        "rest": lambda: of_rank_2(rest=np.array([0.1, 0.2])),
        "lam": lambda: psi([0.0, 1.0], Level(0.1, 0.9)),
        "memory": lambda: PointCloud(X, memory="1"),
        "memory ": lambda: PointCloud(X, memory=-1),
        "grid": lambda: ddim(G, X, VP(), {0.9, 0.1}),
        "grid ": lambda: ddim(G, X, VP(), (t for t in (0.9, 0.1))),
        "grid  ": lambda: rk4(G, X, VP(), "91"),
        "denoiser": lambda: heun(lambda x, level: x, X, VP(), [0.9, 0.1]),
        "x0_hat": lambda: list(ddim(Function(lambda x, level: np.ones(D)), X, VP(), [0.9, 0.1])),
        "x0_hat ": lambda: list(ddim(Function(lambda x, level: x.tolist()), X, VP(), [0.9, 0.1])),
        "x0_hat  ": lambda: list(ddim(Function(lambda x, level: torch.as_tensor(x)), X, VP(), [0.9, 0.1])),
        "points": lambda: grids.optimal(EDM(), 4, [1.0], points=1),
        "points ": lambda: grids.heun_optimal(EDM(), 4, [1.0], points="many"),
        "rng": lambda: measure.explained_variance(np.ones((10, 2)), np.ones((10, 2)), 0),
        "confidence": lambda: measure.explained_variance(np.ones((10, 2)), np.ones((10, 2)), RNG, confidence="much"),
        "a, b": lambda: measure.frechet_gaussians(G, None),
        "weights": lambda: effective_number(np.zeros(3)),
        "weights ": lambda: effective_number(np.array([0.5, math.nan])),
    }.items(),
)
def test_what_is_none_is_named(quantity, call):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got .*; "):
        call()
