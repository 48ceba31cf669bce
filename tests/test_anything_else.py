"""The same promise as in `test_anything`, where networks, measures and files begin.

Whatever comes: a finite answer, or a `ValueError` that names the quantity, says what came and what to do.
"""

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from test_anything import (
    BAD,
    GAUSSIAN,
    GAUSSIANS,
    PAINTERS,
    SCHEDULES,
    WRONG,
    D,
    a_level,
    arrays,
    counts,
    explained,
    numbers,
    seldom,
    states,
)  # fmt: skip
from test_networks import tiny_unet
from test_prompts_record import PROMPTS, pipe, tokenizer  # noqa: F401  fixtures
from tries import tries

from paintlib import check, data
from paintlib.measure import copies, distance
from paintlib.measure import guidance as paths
from paintlib.networks import Network, jumps, labels, record, teleport
from paintlib.networks import prompts as prompted
from paintlib.networks.sensitivity import sensitivity
from paintlib.networks.timetable import hand_over
from paintlib.samplers import collect, ddim
from paintlib.schedules import EDM, VP, Tabulated
from paintlib.timetables import Timetable, jump_costs, step_costs

SAYS = r"(?s)\w.*: (got )?.+; \w"
TABLE = Tabulated.ddpm()
NOISE = np.random.default_rng(0).standard_normal((2, D))
RUNS = st.sampled_from([
    collect(ddim(GAUSSIAN, 5 * NOISE, EDM(), [80.0, 5.0, 1.0, 0.1, 0.01, 0.002])),
    collect(ddim(GAUSSIAN, NOISE[:, None], VP(), [0.9, 0.5, 0.1, 0.0])),
    collect(ddim(GAUSSIAN.like(torch.zeros(1)), torch.ones(2, D), EDM(0.0), [80.0, 1.0, 0.0])),
    collect(ddim(GAUSSIAN, 5 * NOISE, EDM(), [80.0])),
    None,
])  # fmt: skip
LABELLED = tiny_unet(num_class_embeds=4)
MADE = ["DDIM", "DDPM", "PNDM", "EulerDiscrete", "HeunDiscrete", "DPMSolverMultistep", "FlowMatchEulerDiscrete",
        "UniPCMultistep", "LCM", "IPNDM"]  # fmt: skip
SCHEDULERS = st.sampled_from([*MADE, "none"])
wholes = seldom(st.integers(0, 6), counts)
kappas = seldom(
    st.lists(st.floats(0.01, 90), min_size=1, max_size=4, unique=True).map(lambda k: [*sorted(k, reverse=True), 0.0]),
    st.lists(numbers, max_size=3) | WRONG,
)
MARGINS = st.sampled_from([0, 1, -1, 0.5, None, 1000, 10**7])


def a_scheduler(draw):
    name = draw(SCHEDULERS)
    options = {"clip_sample": False} if name in ("DDIM", "DDPM", "LCM") else {}
    return object() if name == "none" else getattr(diffusers, f"{name}Scheduler")(**options)


def a_theory(draw):
    kind = draw(st.integers(0, 5))
    return [GAUSSIAN, GAUSSIAN] if kind == 0 else draw(WRONG) if kind == 1 else draw(PAINTERS)


def a_timetable(draw):
    return Timetable("a model", "by hand", draw(kappas))


def labelled(draw):
    net = labels.Labelled(LABELLED, draw(wholes), draw(numbers), draw(wholes | st.none()))
    return net(torch.zeros(1, 3, 8, 8), torch.tensor(3.0))


def looked(draw):
    net = Network(lambda x, t: 0.5 * x**2, TABLE, (1, 2, 2))
    values = draw(seldom(st.lists(st.integers(0, 3), min_size=1, max_size=3), st.lists(counts, max_size=2) | WRONG))
    return sensitivity(draw(seldom(st.just(net), WRONG)), draw(states), a_level(draw), values)


def recorded(draw):
    run = record(draw(PAINTERS), a_scheduler(draw), draw(states), draw(wholes), draw(st.none() | WRONG))
    return collect(run)


CALLS = {
    "Timetable.times": lambda draw: a_timetable(draw).times(draw(SCHEDULES)),
    "step_costs": lambda draw: np.nan_to_num(step_costs(draw(RUNS), draw(GAUSSIANS | st.none() | WRONG)), posinf=0),
    "jump_costs": lambda draw: jump_costs(draw(RUNS), draw(GAUSSIANS | st.none())),
    "jump": lambda draw: jumps.jump(a_theory(draw), draw(states), a_level(draw), a_level(draw), draw(wholes)),
    "land": lambda draw: jumps.land(a_theory(draw), a_scheduler(draw), draw(states), draw(wholes), draw(wholes)).x,
    "latents": lambda draw: teleport.latents(
        a_theory(draw), a_scheduler(draw), draw(states), draw(wholes), draw(wholes)
    )["latents"],
    "equivalent": lambda draw: teleport.equivalent(a_scheduler(draw), draw(st.booleans() | st.none())) and None,
    "hand_over": lambda draw: [
        *hand_over(a_timetable(draw) if draw(st.integers(0, 8)) else draw(WRONG), a_scheduler(draw))[1].values()
    ],
    "sensitivity": looked,
    "Labelled": labelled,
    "record": recorded,
    "frechet_gaussians": lambda draw: distance.frechet_gaussians(draw(GAUSSIANS), draw(GAUSSIANS)),
    "fitted": lambda draw: distance.fitted(draw(arrays(5, D))),
    "nearest": lambda draw: copies.nearest(draw(arrays(3, D)), draw(arrays(5, D)), draw(counts)),
    "measures": lambda draw: [*paths.measures(draw(RUNS)).values()],
    "swing": lambda draw: paths.swing(draw(RUNS)),
    "reversals": lambda draw: paths.reversals(draw(RUNS)),
    "first": lambda draw: paths.first(draw(arrays(4, 2, D))),
    "measures, scheduler": lambda draw: (
        paths.scheduler({"beta_start": 1e-4}, draw(st.sampled_from([*paths.SAMPLERS, "Heun", None, 1.0]))) and None
    ),
    "data.eigenvalues": lambda draw: data.eigenvalues(draw(seldom(st.just("cifar10"), WRONG))),
    "data.gaussian": lambda draw: data.gaussian(
        draw(seldom(st.just("fashion-mnist"), WRONG)),
        draw(MARGINS),
        rest=draw(st.booleans()),
    ),
    "hint": lambda draw: check.hint(draw(seldom(st.just("04.1"), WRONG)), draw(counts)),
    "covariance": lambda draw: draw(GAUSSIANS).covariance(),
    "like": lambda draw: draw(PAINTERS.filter(lambda p: hasattr(p, "like"))).like(draw(states)),
}


PAINTING = {
    "guidance": seldom(st.sampled_from([1.0, 3.0]), numbers), "steps": seldom(st.integers(1, 3), counts),
    "seed": seldom(st.integers(0, 9), BAD | WRONG), "every": counts, "batch": st.none() | counts,
    "start": seldom(st.just(0), counts),
    "noise": st.none() | arrays(2, 256).map(lambda a: a if isinstance(a, list) else 0.5 * a),
    "then": seldom(st.none(), st.tuples(counts, st.just(PROMPTS) | WRONG) | WRONG),
    "negative_prompt": st.none() | st.just("x") | WRONG, "eta": numbers, "height": st.none() | counts,
}  # fmt: skip


def test_a_guidance_beyond_float32_is_refused_for_its_picture_would_be_nan():
    with pytest.raises(ValueError, match=r"guidance: got 1e\+300; give one that float32 can hold"):
        labels.Labelled(LABELLED, 0, 1e300, 0)


def test_copies_among_tensors_are_those_among_arrays():
    x, album = np.random.default_rng(0).standard_normal((2, 5, D))
    found = copies.nearest(torch.as_tensor(x), torch.as_tensor(album), 2)
    for one, other in zip(found, copies.nearest(x, album, 2), strict=True):
        np.testing.assert_array_equal(one, other)


@example(prompts=PROMPTS, options={"start": np.eye(2)})
@tries(12)
@given(prompts=seldom(st.just(PROMPTS), st.just("a cat") | WRONG), options=st.fixed_dictionaries({}, optional=PAINTING))
def test_a_painting_from_a_prompt_is_finite_or_refused(pipe, prompts, options):  # noqa: F811
    explained(lambda: prompted.record(pipe, prompts, **{"steps": 2} | options), SAYS)


@given(data=st.data(), name=st.sampled_from(sorted(CALLS)))
@tries(250)
def test_a_finite_answer_or_an_explained_error(data, name):
    explained(lambda: CALLS[name](data.draw), SAYS)
