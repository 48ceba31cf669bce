"""The same promise as in `test_anything`, where pages, figures and panels begin: nothing is shown that is no number.

Whatever comes: what can be drawn, or a `ValueError` that names the quantity, says what came and what to do.
"""

import inspect
import io
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from test_anything import BAD, GAUSSIAN, GAUSSIANS, SCHEDULES, WRONG, D, arrays, counts, explained, numbers, positive
from test_anything_else import RUNS, SAYS, kappas
from tries import tries

from paintlib import explore, live, plots
from paintlib.explore import Interactive
from paintlib.samplers import collect, ddim
from paintlib.schedules import EDM

RNG = np.random.default_rng(0)
ANY = WRONG | BAD | st.sampled_from([[], {}, (), [None], ["a", "b"], {3: 1}, {"a": None}, range(2), object()])
number, pair, whole = numbers | ANY, st.tuples(numbers, numbers) | arrays(2) | ANY, counts | ANY
levels = kappas | pair
schedule, names = SCHEDULES, st.sampled_from([["one", "two"], "ab", "abcd", [1, None]]) | ANY
shape = st.sampled_from([(4,), (2, 3), (2.0, 2), (2, 2, 1), (4, 1, 1), (-2, -2), [2, 2]]) | ANY
features = st.lists(counts, max_size=2) | ANY


def array(*shape):
    return arrays(*shape) | ANY


@st.composite
def pictures(draw, *shape):
    """Pictures from 0 to 1 or as bytes, seldom of another shape or with an entry that is no colour."""
    a = np.asarray(draw(arrays(*shape)))
    if a.dtype.kind not in "fiu" or draw(st.integers(0, 3)) == 0:
        return a
    with np.errstate(all="ignore"):
        return (255 * (a % 1)).astype(np.uint8) if draw(st.booleans()) else a % 1


@st.composite
def named(draw, usual, *odd):
    """A dictionary that is usual but for one of its things, or is none."""
    other = draw(st.sampled_from([*usual, "c", 3, None]))
    return draw(st.just(usual | {other: draw(st.one_of(*odd))}) | ANY)


def seldom_other(make, /, **usually):
    """A call of `make` with what is usual for most of its arguments, and with others for three at most."""

    def call(draw, *first):
        chosen = {name: usual for name, (usual, _) in usually.items()}
        if "title" in inspect.signature(make).parameters and draw(st.integers(0, 19)) == 7:
            chosen["title"] = draw(ANY)
        for name in draw(st.lists(st.sampled_from([*usually]), max_size=3, unique=True)):
            chosen[name] = draw(usually[name][1])
        return make(*first, **chosen)

    return call


PAIR, SHAPE, NAMES, WHOLE = ((1.0, 0.2), pair), ((2, 2), shape), (None, names), (2, whole)
RISING, FALLING, SMALL = ((0.1, 6.0), pair), ((6.0, 0.1), levels), (0.5, number)
FIELD, POINTS = (RNG.normal(size=(1, 1, 1, D)), array(1, 1, 1, D)), (RNG.normal(size=(4, 2)), array(4, 2))
NOISES, FILM = (RNG.normal(size=(2, D)), array(2, D)), (RNG.normal(size=(2, 1, D)), array(2, 1, D))
MODEL = {"gaussian": (GAUSSIAN, GAUSSIANS | ANY), "shape": SHAPE, "rank": WHOLE, "features": ((0, 1), features),
         "names": NAMES}  # fmt: skip
CLOCK = {"schedule": (None, schedule), "times": (None, levels)}
ALBUM = {"a": ((1, 9), np.zeros((2, 2, 1, 2, 2)), (0.5, 0.1))}
ONE_MOVE = [9.0, 0.0]
BEST = {name: {1: ONE_MOVE} for name in ("ddim", "heun", "multistep")}
CURVES = {"a": {"b": [[1.0, 0, 0], [0, 0, 0]]}}
GREYS = pictures(4, 3, 3) | pictures(4, 3, 3, 3)
PUSHED = (np.zeros((2, 1, 3, 1, 1, 3)), pictures(2, 1, 3, 1, 1, 3))
RUN = collect(ddim(GAUSSIAN, RNG.normal(size=(2, D)), EDM(), [80.0, 5.0, 1.0]))
moves_of = st.dictionaries(st.integers(0, 3), kappas | ANY, max_size=2) | st.just({1: ONE_MOVE}) | ANY
PAGES = {
    "closed_form": seldom_other(explore.closed_form, lam=PAIR, mu=PAIR, angle=SMALL, starts=POINTS, **CLOCK),
    "outline_first": seldom_other(explore.outline_first, x_T=NOISES, **MODEL, **CLOCK),
    "retrieval": seldom_other(explore.retrieval, points=POINTS, pictures=(None, GREYS | ANY), kappas=(None, pair),
                              state=PAIR, names=NAMES),
    "scrubber": seldom_other(explore.scrubber, run=(RUN, RUNS | ANY), shape=SHAPE, most=(None, number), names=NAMES),
    "agreement": seldom_other(explore.agreement, painters=(ALBUM, named(ALBUM, st.tuples(
        array(2), pictures(2, 2, 1, 2, 2), pair), ANY))),
    "forks": seldom_other(explore.forks, means=([(1, 0), (0, 1)], array(2, 2)), width=SMALL, kappa=SMALL, state=PAIR,
                          runs=WHOLE, kappas=RISING),
    "fates": seldom_other(explore.fates, each=WHOLE, kappa=SMALL, kappas=RISING, apart=SMALL, near=SMALL, seed=WHOLE),
    "colour": seldom_other(explore.colour, z=([(1.0, 2.0)], array(2, 2)), gamma=SMALL, kappas=RISING, **MODEL),
    "teleport": seldom_other(explore.teleport, kappas=FALLING, evaluations=([3, 2], array(2)), pictures=FILM,
                             sketches=FILM, predicted=([[1.0], [2.0]], array(2, 1)), shape=SHAPE, names=NAMES),
    "placing": seldom_other(explore.placing, lam=PAIR, lists=({"a": {1: ONE_MOVE}}, named({}, moves_of)),
                            best=(BEST, named(BEST, moves_of)), moves=(1, whole)),
    "listening": seldom_other(explore.listening, pictures=(np.zeros((1, 1, 2, 2, 1, 1, 3)), array(1, 1, 2, 2, 1, 1, 3)),
                              kappas=FALLING, prompts=(["a"], names), guidance=PAIR),
    "keyhole": seldom_other(explore.keyhole, network=FIELD, gaussian=FIELD, shape=SHAPE, mean=(np.zeros(D), array(D)),
                            rows=([0], features), columns=([1], features), kappas=([0.5], levels),
                            windows=([3], features)),
    "nudge": seldom_other(explore.nudge, x_T=NOISES, **MODEL, **CLOCK),
    "playground": seldom_other(explore.playground, lam=PAIR, mu=PAIR, angle=SMALL, kappa=(2, number), moves=WHOLE,
                               noise=PAIR, count=WHOLE),
    "way_back": seldom_other(explore.way_back, share=SMALL, kappas=FALLING),
    "painters": seldom_other(explore.painters, kappas=FALLING, shape=SHAPE, names=NAMES, estimates=(
        {"a": FILM[0], "b": FILM[0]}, named({"a": FILM[0]}, FILM[1]))),
    "boomerang": seldom_other(explore.boomerang, kappas=FALLING, views=(
        CURVES, named(CURVES, named(CURVES["a"], array(2, 3))))),
    "guided": seldom_other(explore.guided, strength=SMALL, most=(8.0, number), kappas=RISING, pairs=(
        None, named({}, st.tuples(*4 * [positive(arrays(2))]), st.lists(pair), ANY))),
    "rotation": seldom_other(explore.rotation, steepness=SMALL, features=WHOLE, variance=SMALL),
    "walk": seldom_other(explore.walk, pictures=PUSHED, kappas=([0.5], levels), strengths=([-1, 0, 1], array(3)),
                         ways=("ab", names), prompt=("c", ANY)),
}  # fmt: skip


def told(page):
    """All numbers that a page is told, as a browser reads them."""

    def leaves(value):
        values = value.values() if isinstance(value, dict) else value
        deep = isinstance(value, dict | list)
        return [leaf for v in values for leaf in leaves(v)] if deep else [] if isinstance(value, str) else [value]

    return leaves(json.loads(re.search(r"const DATA = (.*);\n", page._repr_html_())[1]))


@given(data=st.data(), name=st.sampled_from(sorted(PAGES)))
@tries(300)
def test_a_page_of_numbers_or_an_explained_error(data, name):
    explained(lambda: told(PAGES[name](data.draw)), SAYS)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_what_is_usual_is_shown(name):
    """Else the test above would refuse all that it draws."""
    assert told(PAGES[name](lambda strategy: [])) != []


@given(question=st.just("Why?") | ANY, choice=st.just(("b", False, "no")) | st.just(("a", False, "no")) | ANY)
@tries(20)
def test_a_question_or_an_explained_error(question, choice):
    explained(lambda: explore.quiz(question, ("a", True, "so"), choice)._repr_html_(), SAYS)


def test_no_infinity_reaches_a_page():
    with pytest.raises(ValueError, match=r"^kappas: got NaN, infinity or what is no data; give finite numbers"):
        Interactive("rotation", "A title", {"kappas": [1.0, math.inf]})
    with pytest.raises(ValueError, match=r"^most: got inf; give the largest strength of the slider"):
        explore.guided(most=math.inf)


FIGURES = {
    "image_grid": seldom_other(plots.image_grid, images=(np.zeros((2, 3, 3)), GREYS | array(2, 2, 3, 3)),
                               columns=((), names), rows=((), names), limits=((0.0, 1.0), pair)),
    "feature_curves": seldom_other(plots.feature_curves, x=([1, 2], array(2)), values=(np.zeros((2, 2)), array(2, 2)),
                                   lams=PAIR),
    "paths": seldom_other(plots.paths, x=(np.zeros((3, 2)), array(3, 2) | array(3, 2, 2))),
    "band": seldom_other(plots.band, x=([1, 2], array(2)), values=(np.zeros((2, 3)), array(2, 3)),
                         color=("k", st.just("k"))),
    "spectrum": seldom_other(plots.spectrum, lams=PAIR),
    "heat": seldom_other(plots.heat, x=([1, 2], array(2)), y=([1, 2], array(2)), values=(np.zeros((2, 2)), array(2, 2)),
                         label=("", st.just(""))),
    "arrows": seldom_other(plots.arrows, x=(np.zeros((3, 2)), array(3, 2)), v=(np.zeros((3, 2)), array(3, 2))),
    "ellipse": seldom_other(plots.ellipse, mean=PAIR, U=(np.eye(2), array(2, 2)), std=PAIR, radius=SMALL),
    "noise_axis": seldom_other(plots.noise_axis, label=("", st.just(""))),
}  # fmt: skip


@given(data=st.data(), name=st.sampled_from(sorted(FIGURES)))
@tries(60)
def test_a_figure_or_an_explained_error(data, name):
    ax = data.draw(ANY) if data.draw(st.integers(0, 19)) == 0 else Figure(figsize=(1, 1)).subplots()
    explained(lambda: FIGURES[name](data.draw, ax) and None, SAYS)


def a_file(kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)).save(file, format=kind)
    return file.getvalue()


SPECS = st.one_of(
    st.tuples(numbers, numbers), st.tuples(st.just(0), st.just(9), counts), st.just((np.int64(0), np.int64(3))),
    st.lists(number, max_size=3), st.just("a text"), st.booleans(), st.builds(live.Upload), ANY,
)  # fmt: skip
DRAWS = st.sampled_from([lambda **values: str(values), lambda seed: "a text", lambda seed, progress: None, dict, print])


ALTS = st.sampled_from(["seed {seed}", "{seed:d}", "{seed.x}", "{seed[0]}", "{", "{}", "{x}"])


@given(
    draw=DRAWS | ANY,
    alt=ALTS | ANY,
    seed=SPECS,
    more=st.dictionaries(st.just("steps") | st.just("progress"), SPECS, max_size=1),
)
@tries(60)
def test_a_panel_or_an_explained_error(draw, alt, seed, more):
    explained(lambda: live.panel(draw, alt, seed=seed, **more)._repr_mimebundle_() and None, SAYS)


BYTES = st.dictionaries(st.integers(0, 99), st.integers(0, 255))


@given(kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP"]), other=BYTES, end=st.integers(0, 200), size=whole)
@tries(40)
def test_any_file_is_a_picture_or_is_said_to_be_none(kind, other, end, size):
    content = bytearray(a_file(kind))
    for place, byte in other.items():
        content[place % len(content)] = byte
    explained(lambda: live.picture(bytes(content[:end] if end < 100 else content), size), SAYS)
