"""Whatever a user gives to the theory core: a finite answer, or a `ValueError` that says what came and what to do.

Some hundreds of examples here; with networks, `record`, measures, checks and files 50,000 by

    .venv/bin/python -m pytest -m hypothesis --hypothesis-profile=many
"""

import math
import re
import warnings
from itertools import islice

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from tries import tries
from truth import a_gaussian

from paintlib import (
    clocks,
    denoisers,
    gaussian,
    geometry,
    grids,
    guidance,
    keyhole,
    learning,
    moments,
    perturb,
    samplers,
    timetables,
    transfer,
    usual,
)
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud, effective_number
from paintlib.schedules import CLEAN, EDM, VP, Cosine, Flow, Level, Tabulated

D = 4
BAD = st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 0.0, 1e300, -1e300, 1e-300, 1e-160, 1e17])
WRONG = st.sampled_from([None, "half", [0.5], (1.0, 2.0), np.eye(2), True, 1j])
KINDS = st.sampled_from([np.float64, np.float64, np.float64, np.float32, np.float16, np.int64, np.complex128])
LIBRARIES = st.sampled_from([np.asarray, np.asarray, torch.as_tensor])


def seldom(usual, rare):
    """Mostly what is usual."""
    return st.one_of(usual, usual, usual, usual, usual, rare)


numbers = seldom(st.floats(0.01, 20) | st.integers(1, 9), BAD | WRONG)
counts = seldom(st.integers(1, 6), st.integers(-2, 0) | st.sampled_from([1000, 10**7]) | BAD | WRONG)


@st.composite
def arrays(draw, *shape):
    """An array of ordinary numbers, seldom of another shape, kind or library, seldom with an entry that is none."""
    shape = draw(seldom(st.just(shape), st.lists(st.integers(0, 5), max_size=3)))
    a = np.random.default_rng(draw(st.integers(0, 99))).standard_normal(shape)
    entry = draw(seldom(st.none(), BAD))
    if entry is not None and a.size:
        a.flat[draw(st.integers(0, a.size - 1))] = entry
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = a.astype(draw(seldom(st.just(np.float64), KINDS)))
    return draw(LIBRARIES)(a) if draw(st.integers(0, 9)) else a.tolist()


def positive(strategy):
    def absolute(a):
        return abs(a) if hasattr(a, "shape") else a

    return strategy.map(absolute)


states = st.one_of(arrays(D), arrays(2, D), arrays(2, 3, D))
lams = st.one_of(numbers, positive(arrays(3)))
sizes = st.floats(0, 1) | st.floats(1e-3, 100)


@st.composite
def any_level(draw):
    alpha, sigma = draw(sizes), draw(sizes)
    if draw(st.integers(0, 4)) == 0:
        alpha, sigma = np.array([alpha, 1.0]), np.array([0.5, sigma])
    return Level(alpha, sigma)


def a_level(draw, strategy=None):
    """A level, if the draw makes one."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from([0.5, None, (1.0, 0.5), Flow(), "clean"]))
    if kind == 1:
        return draw(st.sampled_from([CLEAN, Level(0.0, 1.0), Level(1.0, 1e-9), Level(1e-9, 1.0), Level(1e50, 1e-50)]))
    if kind == 2:
        return Level(draw(numbers), draw(numbers))
    return draw(any_level())


SCHEDULES = st.sampled_from(
    [VP(), EDM(), EDM(0.0), Flow(), Cosine(), Tabulated.ddpm(), Tabulated.stable_diffusion(), VP, None]
)
GAUSSIAN = a_gaussian(D, (3.0, 1.0))
GAUSSIANS = st.sampled_from(
    [
        GAUSSIAN,
        Gaussian(GAUSSIAN.mu, GAUSSIAN.U, GAUSSIAN.lam, rest=0.2),
        a_gaussian(D, (3.0, 1.0, 0.5, 0.1)),
        Gaussian(GAUSSIAN.mu, GAUSSIAN.U, np.array([1.0, 0.0])),
        GAUSSIAN.like(torch.zeros(1, dtype=torch.float32)),
        GAUSSIAN.like(np.zeros(1, dtype=np.float32)),
    ]
)
PAINTERS = GAUSSIANS | st.sampled_from(
    [
        Mixture(np.array([0.3, 0.7]), [GAUSSIAN, a_gaussian(D, (2.0,), 1)]),
        Mixture(np.array([0.3, 0.7]), [a_gaussian(D, (2.0,), s) for s in (1, 2)]).like(torch.zeros(1)),
        PointCloud(np.eye(D)),
        PointCloud(np.random.default_rng(0).standard_normal((9, D)).astype(np.float32), basis=np.eye(D)[:, :2]),
        PointCloud(torch.eye(D)),
    ]
)
MODELS = PAINTERS | st.just(denoisers.Function(lambda x, level: x / 2))


@st.composite
def any_grid(draw):
    return draw(
        seldom(
            st.lists(st.floats(0, 1), min_size=1, max_size=5, unique=True).map(lambda t: sorted(t, reverse=True)),
            st.lists(numbers, max_size=4)
            | st.sampled_from([range(3, -1, -1), np.array([1.0, 0.5]), [], [900, 50, -1]]),
        )
    )


def method(name):
    """A method of a model that has one."""
    return lambda draw: getattr(draw(PAINTERS), name, lambda *_: None)(draw(states), a_level(draw))


def sampled(sampler, *more):
    def call(draw):
        extra = [draw(strategy) for strategy in more]
        steps = sampler(draw(MODELS), draw(states), draw(SCHEDULES), draw(any_grid()), *extra)
        return samplers.collect(islice(steps, 6))

    return call


def a_grid(make, *more):
    def call(draw):
        ends = {name: draw(numbers) for name in ("start", "end") if draw(st.booleans())}
        return make(draw(SCHEDULES), draw(counts), *[draw(strategy) for strategy in more], **ends)

    return call


def rates(draw):
    return draw(st.tuples(st.floats(-9, 9), st.floats(-9, 9)))


def painted_behind(kind):
    """A keyhole of any pictures, shape and window, asked for an estimate and for the leading pictures."""

    def call(draw):
        shape = draw(seldom(st.just((2, 2)), st.sampled_from([(4,), (2, 3), (2, 2, 1), None, (0, 4), (1.0, 4)])))
        points = draw(seldom(st.just(np.eye(D)), arrays(3, D)))
        painter = kind(points, shape, draw(seldom(st.sampled_from([1, 3, 5]), counts)))
        x, level = draw(states), a_level(draw)
        return painter.denoise(x, level), *([painter.winners(x, level)] if kind is keyhole.Keyhole else [])

    return call


def passed(sampler, *more):
    return lambda draw: sampler(
        draw(variances), draw(SCHEDULES), draw(any_grid()), *[draw(strategy) for strategy in more]
    )


def ends(draw):
    return draw(seldom(st.just((80.0, 0.002)), st.tuples(numbers, numbers) | st.none()))


variances = seldom(positive(arrays(3)).map(lambda a: a if isinstance(a, list) else np.asarray(a)), lams)
beliefs = arrays(4, 2, 3).map(lambda b: 1 / (1 + abs(b)) if hasattr(b, "shape") else b)
SAMPLERS = st.sampled_from([transfer.ddim, transfer.heun, transfer.rk4, transfer.multistep, None])
intervals = seldom(st.just(()) | st.just((0.1, 2.0)), st.tuples(numbers, numbers))
RNG = st.sampled_from([np.random.default_rng(0), torch.Generator(), None])
CALLS = {
    "Level": lambda draw: Level(draw(lams), draw(lams)),
    "Level[]": lambda draw: draw(any_level())[draw(st.integers(0, 1))],
    "Level.from_alpha": lambda draw: Level.from_alpha(draw(lams)),
    "Level.from_sigma": lambda draw: Level.from_sigma(draw(lams)),
    "Level.from_kappa": lambda draw: Level.from_kappa(draw(lams)).vp(),
    "Level.from_log_snr": lambda draw: Level.from_log_snr(draw(numbers)),
    "Level.ve": lambda draw: draw(any_level()).ve(),
    "Level.variance": lambda draw: draw(any_level()).variance(draw(lams)),
    "VP": lambda draw: VP(draw(numbers), draw(numbers))(draw(numbers)),
    "EDM": lambda draw: EDM(draw(numbers), draw(numbers))(draw(numbers)),
    "Cosine": lambda draw: Cosine(draw(numbers))(draw(numbers)),
    "Tabulated": lambda draw: Tabulated(draw(arrays(5)))(draw(numbers)),
    "schedule": lambda draw: draw(SCHEDULES.filter(lambda s: s not in (VP, None)))(draw(numbers)),
    "rate": lambda draw: draw(SCHEDULES.filter(lambda s: s not in (VP, None))).rate(draw(numbers)),
    "time": lambda draw: draw(SCHEDULES.filter(lambda s: s not in (VP, None))).time(draw(numbers)),
    "psi": lambda draw: gaussian.psi(draw(lams), a_level(draw), a_level(draw)),
    "xi": lambda draw: gaussian.xi(draw(lams), a_level(draw), a_level(draw)),
    "psi_rate": lambda draw: gaussian.psi_rate(draw(lams), a_level(draw), a_level(draw), rates(draw)),
    "xi_rate": lambda draw: gaussian.xi_rate(draw(lams), a_level(draw), a_level(draw), rates(draw)),
    "emergence_kappa": lambda draw: gaussian.emergence_kappa(draw(lams), draw(numbers)),
    "Gaussian": lambda draw: Gaussian(draw(arrays(D)), draw(arrays(D, 2)), draw(positive(arrays(2))), draw(numbers)),
    "Gaussian.fit": lambda draw: Gaussian.fit(draw(arrays(9, D)), draw(counts | st.none()), rest=draw(st.booleans())),
    "Gaussian.fit, batches": lambda draw: Gaussian.fit([draw(arrays(3, D)), draw(arrays(3, D))], draw(counts)),
    "from_moments": lambda draw: Gaussian.from_moments(
        draw(arrays(2)), draw(arrays(2, 2) | st.just(np.eye(2))), draw(counts), rest=draw(st.booleans())
    ),
    "Moments": lambda draw: sum([moments.Moments.of(draw(arrays(3, D))), moments.Moments.of(draw(arrays(3, D)))]),
    "truncate": lambda draw: draw(GAUSSIANS).truncate(draw(counts), rest=draw(st.booleans())),
    "generated": lambda draw: draw(GAUSSIANS).generated(a_level(draw), draw(numbers)),
    "flow": lambda draw: draw(GAUSSIANS).flow(draw(states), a_level(draw), a_level(draw)),
    "reverse": lambda draw: draw(GAUSSIANS).reverse(draw(states), a_level(draw), a_level(draw), draw(numbers)),
    "Gaussian.velocity": lambda draw: draw(GAUSSIANS).velocity(draw(states), a_level(draw), rates(draw)),
    "sample": lambda draw: draw(GAUSSIANS).sample(draw(states), a_level(draw)),
    "denoise": method("denoise"),
    "log_prob": method("log_prob"),
    "responsibilities": method("responsibilities"),
    "weights": method("weights"),
    "score": lambda draw: denoisers.score(draw(MODELS), draw(states), a_level(draw)),
    "noise": lambda draw: denoisers.noise(draw(MODELS), draw(states), a_level(draw)),
    "velocity": lambda draw: denoisers.velocity(draw(MODELS), draw(states), a_level(draw), rates(draw)),
    "Mixture": lambda draw: Mixture(draw(positive(arrays(2))), [draw(GAUSSIANS), draw(GAUSSIANS)]),
    "Mixture.fit": lambda draw: Mixture.fit(draw(arrays(6, D)), draw(arrays(6) | st.just(list("aababb")))),
    "PointCloud": lambda draw: PointCloud(draw(arrays(5, D)), draw(positive(arrays(5)) | st.none())),
    "effective_number": lambda draw: effective_number(PointCloud(np.eye(D)).weights(draw(states), a_level(draw))),
    "ddim": sampled(samplers.ddim),
    "heun": sampled(samplers.heun),
    "rk4": sampled(samplers.rk4),
    "multistep": sampled(samplers.multistep),
    "stochastic": sampled(samplers.stochastic, numbers, RNG),
    "teleport": lambda draw: samplers.teleport(
        draw(GAUSSIANS), draw(states), draw(SCHEDULES), draw(any_grid()), draw(counts)
    ),
    "uniform": a_grid(grids.uniform),
    "log_snr": a_grid(grids.log_snr),
    "karras": a_grid(grids.karras, numbers),
    "edm": a_grid(grids.edm, numbers),
    "equal_angle": a_grid(grids.equal_angle, numbers),
    "optimal": a_grid(grids.optimal, positive(arrays(3))),
    "heun_optimal": a_grid(grids.heun_optimal, positive(arrays(3))),
    "gain": lambda draw: perturb.gain(draw(lams), a_level(draw), a_level(draw), draw(numbers)),
    "isotropic_gain": lambda draw: perturb.isotropic_gain(draw(lams), a_level(draw), a_level(draw)),
    "pc_residual": lambda draw: geometry.pc_residual(draw(arrays(5, D)), draw(counts), centred=draw(st.booleans())),
    "effective_dimension": lambda draw: geometry.effective_dimension(draw(arrays(5, D)), draw(numbers), centred=True),
    "plane_residual": lambda draw: geometry.plane_residual(draw(arrays(5, D))),
    "rotation_residual": lambda draw: geometry.rotation_residual(draw(arrays(5, D)), draw(arrays(5))),
    "rotation_residual_script": lambda draw: geometry.rotation_residual_script(draw(arrays(5, D)), draw(arrays(5))),
    "slerp": lambda draw: geometry.slerp(draw(states), draw(states), a_level(draw), a_level(draw)),
    "conserved": lambda draw: geometry.conserved(draw(states), draw(states), a_level(draw)),
    "J": lambda draw: geometry.J(draw(lams), a_level(draw)),
    "J_bound": lambda draw: geometry.J_bound(draw(lams), a_level(draw)),
    "rotation_bound": lambda draw: geometry.rotation_bound(draw(lams), draw(counts)),
    "boomerang": lambda draw: geometry.boomerang(draw(arrays(5, D))),
    "Keyhole": painted_behind(keyhole.Keyhole),
    "RovingKeyhole": painted_behind(keyhole.RovingKeyhole),
    "slope": lambda draw: learning.slope(draw(lams), draw(lams), draw(lams), draw(numbers)),
    "painted_variance": lambda draw: learning.painted_variance(draw(lams), draw(lams), draw(numbers), ends(draw)),
    "first_passage": lambda draw: learning.first_passage(draw(numbers), draw(numbers), kappas=ends(draw)),
    "exponential_integral": lambda draw: learning.exponential_integral(draw(lams)),
    "renormalised": lambda draw: learning.renormalised(draw(variances), draw(lams), draw(numbers)),
    "disagreement": lambda draw: learning.disagreement(draw(variances), draw(numbers), draw(numbers)),
    "same_fate": lambda draw: clocks.same_fate(draw(beliefs)),
    "clocks.runs": lambda draw: clocks.runs(draw(states), draw(any_grid()), draw(RNG)),
    "contrast": lambda draw: clocks.contrast(draw(lams), draw(lams), draw(numbers)),
    "same_fate_of_two": lambda draw: clocks.same_fate_of_two(draw(numbers)),
    "speciation_kappa": lambda draw: clocks.speciation_kappa(draw(lams), draw(lams)),
    "information": lambda draw: clocks.information(draw(lams), draw(numbers)),
    "collapse_kappa": lambda draw: clocks.collapse_kappa(draw(variances), draw(numbers)),
    "surprise": lambda draw: clocks.surprise(draw(MODELS), draw(states), draw(states), draw(numbers)),
    "picked_out": lambda draw: clocks.picked_out(draw(arrays(3)), draw(numbers)),
    "information_rate": lambda draw: clocks.information_rate(draw(PAINTERS), draw(states), a_level(draw)),
    "changes_of_mind": lambda draw: clocks.changes_of_mind(draw(beliefs), draw(numbers), draw(numbers)),
    "prices": lambda draw: clocks.prices(draw(beliefs), draw(st.floats(0, 0.5)), draw(st.floats(0.5, 1) | numbers)),
    "expected_changes": lambda draw: clocks.expected_changes(draw(numbers), draw(numbers)),
    "transfer.exact": passed(transfer.exact),
    "transfer.ddim": passed(transfer.ddim),
    "transfer.heun": passed(transfer.heun),
    "transfer.rk4": passed(transfer.rk4),
    "transfer.multistep": passed(transfer.multistep),
    "transfer.stochastic": passed(transfer.stochastic, numbers),
    "transfer.turns": passed(transfer.turns),
    "miss": lambda draw: transfer.miss(draw(lams), draw(lams), a_level(draw)),
    "timetables.best": lambda draw: list(timetables.best(draw(positive(arrays(4, 4))), draw(counts)).values()),
    "placed": lambda draw: timetables.placed(draw(variances), draw(st.integers(-1, 4) | WRONG), draw(SAMPLERS)),
    "missed": lambda draw: timetables.missed(draw(variances), draw(any_grid()), draw(SAMPLERS)),
    "Timetable": lambda draw: timetables.Timetable("a", "b", draw(any_grid())).times(draw(SCHEDULES)),
    "painted_variance, guided": lambda draw: guidance.painted_variance(
        draw(numbers), draw(numbers), draw(numbers), *draw(intervals)
    ),
    "painted_mean": lambda draw: guidance.painted_mean(*[draw(numbers) for _ in range(5)], *draw(intervals)),
    "product_variance": lambda draw: guidance.product_variance(draw(lams), draw(lams), draw(numbers)),
    "Guided": lambda draw: denoisers.Guided(GAUSSIAN, GAUSSIAN, draw(numbers), *draw(intervals)).denoise(
        draw(states), a_level(draw)
    ),
    "usual": lambda draw: draw(st.sampled_from(list(usual.LISTS.values())))(draw(SCHEDULES), draw(counts)),
    "curvature": lambda draw: geometry.curvature_torsion(draw(arrays(6, 3)), draw(arrays(6) | st.just(range(6))))[0],
}


def parts(value):
    """All arrays and numbers in an answer."""
    if isinstance(value, tuple | list):
        return [part for item in value for part in parts(item)]
    if isinstance(value, Mixture):
        return [*parts(list(value.modes)), value.prior]
    if hasattr(value, "__dict__") and not hasattr(value, "shape"):
        return [part for name, item in vars(value).items() if not name.startswith("_") for part in parts(item)]
    return [] if value is None or isinstance(value, str | bool) else [value]


def explained(call, says=r"(?s)^[\w, ]+: got .+; .+"):
    """Whether a call gives finite numbers alone, or a ValueError that says what this pattern finds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of diffusers
            warnings.simplefilter("error", RuntimeWarning)  # NumPy's word for a NaN or an infinity on its way
            answer = call()
    except ValueError as error:
        assert re.search(says, str(error)), error
        return
    for part in parts(answer):
        part = part.detach() if hasattr(part, "detach") else part
        assert np.isfinite(np.asarray(part, dtype=complex)).all(), answer


@given(data=st.data(), name=st.sampled_from(sorted(CALLS)))
@tries(800)
def test_a_finite_answer_or_an_explained_error(data, name):
    explained(lambda: CALLS[name](data.draw))
