"""Runs of diffusers' schedulers: every state is told at its level, or the run is refused by name.

The touchstone is data of one point y: every state of every run must be alpha y + sigma z, with one and the same z where
no fresh noise is drawn. That holds for the levels of the run itself, so no formula of the package is used to check it.
"""

import copy
import re
from itertools import pairwise

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from test_networks import LINEAR, SHAPE, a_gaussian_of_12, tiny_unet
from tries import tries

from paintlib.denoisers import Function
from paintlib.networks import EDMNetwork, FlowNetwork, Network, load, record, visits
from paintlib.networks.schedulers import REASONS, SCHEDULERS, draws
from paintlib.samplers import collect
from paintlib.schedules import Flow, Level, Tabulated

Y = 0.3
POINT = Function(lambda x, level: 0 * x + Y)
RECORDED = [name for name, how in SCHEDULERS.items() if how not in REASONS]


def make(name, **options):
    return getattr(diffusers, f"{name}Scheduler")(**options)


def off_level(scheduler, steps, **arguments):
    """How far the states of a run on one point are from alpha y + sigma z, and the run."""
    x = np.random.default_rng(0).normal(size=(2, 1000))
    if level := arguments.get("start"):
        x = level.alpha * Y + level.sigma * x
    run = list(record(POINT, scheduler, x, steps, **arguments))
    z = (run[0].x - run[0].level.alpha * Y) / run[0].level.sigma
    rest = [(step.x - step.level.alpha * Y, step.level.sigma) for step in run]
    if draws(scheduler, arguments):
        noisy = [(r / sigma) for r, sigma in rest[1:] if sigma > 0] or [np.array([-1, 1])]
        return max(max(abs(r.mean()), abs(r.std() - 1)) for r in noisy), run
    return max(np.abs(r - sigma * z).max() for r, sigma in rest), run


def test_the_table_names_every_scheduler_of_diffusers():
    shown = set(re.findall(r"\b[A-Z]\w+", record.__doc__.split("=====\n")[2].replace("Gaussian", "")))
    shown.discard("KDPM2")  # the note on it
    assert shown == set(SCHEDULERS)
    ours = {name.removesuffix("Scheduler") for name in dir(diffusers.schedulers) if name.endswith("Scheduler")}
    there = {name for name in ours if name[0].isupper()}
    assert there - set(SCHEDULERS) <= {"FlaxDDIM"}  # no class of this version is unknown to the table


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("steps", [7, 20])
def test_every_recorded_scheduler_tells_its_levels(name, steps):
    off, run = off_level(make(name), steps)
    assert off < (0.1 if draws(make(name), {}) else 1e-4)  # Euler, Heun and others keep float32
    assert run[0].level.kappa > 10 and run[-1].level.kappa < 0.1


@pytest.mark.parametrize("name", [name for name, how in SCHEDULERS.items() if how in REASONS])
def test_every_refused_scheduler_is_refused_by_name_and_reason(name):
    scheduler = type(f"{name}Scheduler", (), {"config": {}})()  # some cannot even be made without other packages
    with pytest.raises(
        ValueError, match=f"scheduler: got {name}Scheduler; not recorded: {REASONS[SCHEDULERS[name]][:15]}"
    ):
        record(POINT, scheduler, np.ones((1, 4)), 5)


ZERO = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
OPTIONS = [
    *((name, {"timestep_spacing": s})
      for name in ("DDIM", "PNDM", "DDPM", "EulerDiscrete", "DPMSolverMultistep",
      "KDPM2Discrete", "HeunDiscrete", "UniPCMultistep") for s in ("linspace", "leading", "trailing")),
    *((name, {k: True})
      for name in ("EulerDiscrete", "HeunDiscrete", "KDPM2Discrete", "DPMSolverMultistep", "LMSDiscrete",
      "DPMSolverSinglestep", "DEISMultistep")
      for k in ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")),
    *((name, {"prediction_type": p})
      for name in ("DDIM", "DPMSolverMultistep", "UniPCMultistep", "DEISMultistep", "DDPM",
      "EulerDiscrete", "HeunDiscrete") for p in ("sample", "v_prediction")),
    *((name, {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0}) for name in
      ("DPMSolverMultistep", "DPMSolverSinglestep", "UniPCMultistep", "DEISMultistep", "SASolver")),
    *((name, ZERO) for name in ("DDIM", "DDPM", "DPMSolverMultistep", "UniPCMultistep", "EulerDiscrete", "TCD")),
    *((name, {"thresholding": True}) for name in ("DDIM", "DDPM", "DPMSolverMultistep", "UniPCMultistep")),
    ("DDIM", {"set_alpha_to_one": False, "steps_offset": 1}),
    ("PNDM", {"skip_prk_steps": True, "steps_offset": 1}),
    ("EulerDiscrete", {"sigma_min": 0.01, "sigma_max": 0.9, "use_karras_sigmas": True}),
    ("EulerDiscrete", {"final_sigmas_type": "sigma_min"}),
    ("DPMSolverMultistep", {"algorithm_type": "sde-dpmsolver++"}),
    ("DPMSolverMultistep", {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}),
    ("DPMSolverMultistep", {"use_lu_lambdas": True, "euler_at_final": True}),
    ("EDMEuler", {"sigma_data": 0.8, "sigma_schedule": "exponential"}),
    ("EDMEuler", {"prediction_type": "v_prediction"}),
    ("FlowMatchEulerDiscrete", {"shift": 3.0, "use_karras_sigmas": True}),
    ("FlowMatchEulerDiscrete", {"stochastic_sampling": True}),
    ("FlowMatchHeunDiscrete", {"shift": 3.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=lambda v: str(v))
def test_options_are_told_as_they_are(name, options):
    scheduler = make(name, **options)
    off, _ = off_level(scheduler, 10)
    assert off < (0.1 if draws(scheduler, {}) else 5e-4)


@pytest.mark.parametrize("variance", ["fixed_large", "fixed_small_log"])
def test_ddpm_with_another_variance_keeps_its_alpha(variance):
    """The paper's CIFAR-10 network has beta_t for the variance of a step: right for data of unit variance only."""
    x = np.random.default_rng(0).normal(size=(2, 2000))
    for step in record(POINT, make("DDPM", variance_type=variance), x, 10, generator=torch.Generator().manual_seed(0)):
        rest = step.x - step.level.alpha * Y
        assert abs(rest.mean()) < 0.1 * max(rest.std(), 1e-4)


@pytest.mark.parametrize(("spacing", "steps"), [("linspace", 10), ("trailing", 13), ("leading", 13)])
def test_ddim_steps_to_t_minus_its_stride_whatever_it_lists(spacing, steps):
    """Known of old by users: after a step from t the state is at t - 1000 // n, not at the next listed time."""
    scheduler = make("DDIM", timestep_spacing=spacing, clip_sample=False)
    off, run = off_level(scheduler, steps)
    assert off < 1e-6
    for step, after in pairwise(run):
        t = int(step.t) - 1000 // steps
        alpha2 = float(scheduler.alphas_cumprod[t]) if t >= 0 else 1.0
        assert after.level.alpha == pytest.approx(alpha2**0.5, rel=1e-6)


def test_coordinates_are_those_of_the_class_not_of_the_first_sigma():
    scheduler = make(
        "EulerDiscrete", use_karras_sigmas=True, sigma_min=0.01, sigma_max=0.9, timestep_spacing="trailing"
    )
    first = next(record(POINT, scheduler, np.ones((1, 4)), 10))
    assert first.level.alpha == 1 and first.level.sigma == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("name", "options", "order"),
    [("KDPM2Discrete", {}, 2), ("FlowMatchEulerDiscrete", {}, 1), ("FlowMatchHeunDiscrete", {}, 2),
     ("DPMSolverSinglestep", {}, 2), ("DDIM", {"clip_sample": False, "timestep_spacing": "linspace"}, 1)],
)  # fmt: skip
def test_eq_09_the_closed_form_is_met_at_the_schedulers_order(name, options, order):
    gaussian, x, errors = a_gaussian_of_12(), np.random.default_rng(1).normal(size=(4, 12)), []
    for steps in (20, 40):
        run = collect(record(gaussian, make(name, **options), x, steps))
        level = [Level(float(a), float(s)) for a, s in zip(run.level.alpha, run.level.sigma, strict=True)]
        kappa = run.level.sigma[:-1:2] / np.maximum(run.level.alpha[:-1:2], 1e-9)  # each second state may be a trial
        middle = 2 * int(np.argmin(np.abs(np.log(kappa))))
        start = 0 if level[0].alpha > 0 else 2  # the flow from pure noise is not invertible
        errors.append(np.abs(run.x[middle] - gaussian.flow(run.x[start], level[start], level[middle])).max())
    assert np.log2(errors[0] / errors[1]) > order - 0.45, errors
    assert errors[1] < 0.2


# What is refused


def a_network(prediction="epsilon"):
    return Network(lambda x, t: 0 * x, Tabulated.ddpm(), (1, 1, 4), prediction)


def a_flow():
    return FlowNetwork(lambda x, t: 0 * x, (1, 1, 4), (0, 1000))


EDM_NET = EDMNetwork(lambda x, t: 0 * x, (1, 1, 4))
CONTRADICTIONS = [
    (a_network(), ("EDMEuler", {}), "EDMEulerScheduler, for a network .* EDM's form; this one, a Network, .* epsilon"),
    (a_network(), ("DDIM", {"prediction_type": "v_prediction"}), "DDIMScheduler.*v_prediction.*this one.*epsilon"),
    (a_network("v_prediction"), ("DDIM", {}), "DDIMScheduler.*epsilon.*this one.*v_prediction"),
    (a_network(), ("FlowMatchEulerDiscrete", {}), "FlowMatchEulerDiscreteScheduler.*flow.*this one.*epsilon"),
    (
        a_network(),
        ("DDIM", {"beta_schedule": "scaled_linear"}),
        "DDIMScheduler's table.*the network's has 1000 entries",
    ),
    (a_network(), ("DDIM", {"num_train_timesteps": 500}), "got 500 entries.*the network's has 1000 entries"),
    (a_network(), ("EulerDiscrete", {"timestep_type": "continuous"}), "timestep_type: got continuous"),
    (EDM_NET, ("EDMEuler", {"sigma_data": 1.0}), "sigma_data: got 1.0; the network's is 0.5"),
    (EDM_NET, ("DDIM", {}), "DDIMScheduler.*this one, a EDMNetwork"),
    (EDM_NET, ("EDMEuler", {"prediction_type": "v_prediction"}), "prediction_type: got v_prediction"),
    (a_flow(), ("DDIM", {}), "DDIMScheduler.*this one, a FlowNetwork, predicts a flow's velocity"),
    (
        a_flow(),
        ("FlowMatchEulerDiscrete", {"num_train_timesteps": 500}),
        r"times: got \(0, 500\).*network's.*\(0, 1000\)",
    ),
]


@pytest.mark.parametrize(("network", "scheduler", "message"), CONTRADICTIONS)
def test_a_network_and_a_scheduler_that_contradict_each_other_are_both_named(network, scheduler, message):
    name, options = scheduler
    with pytest.raises(ValueError, match=message):
        record(network, make(name, **options), np.ones((1, 4)), 10)


@pytest.mark.parametrize("name", ["DDIM", "DDPM", "DPMSolverMultistep", "EulerDiscrete", "UniPCMultistep", "TCD"])
def test_zero_terminal_snr_with_epsilon_is_refused_with_its_reason(name):
    scheduler = make(name, rescale_betas_zero_snr=True, timestep_spacing="trailing")
    with pytest.raises(ValueError, match=r"zero terminal SNR: x0_hat cannot be had from eps.*v_prediction"):
        record(POINT, scheduler, np.ones((1, 4)), 10)


def test_zero_terminal_snr_with_v_works_also_from_a_folder(tmp_path):
    scheduler = diffusers.DDIMScheduler(**LINEAR, **ZERO, clip_sample=False)
    diffusers.DDPMPipeline(tiny_unet(), diffusers.DDPMScheduler(**LINEAR, **ZERO)).save_pretrained(tmp_path)
    network = load(str(tmp_path), device="cpu")
    x = torch.randn(2, 192, generator=torch.Generator().manual_seed(0))
    run = collect(record(network, scheduler, x, 10))
    assert run.level.alpha[0] == 0 and bool(torch.isfinite(run.x).all())
    torch.testing.assert_close(run.x0_hat[0], network.denoise(x, Level(0.0, 1.0)), rtol=1e-4, atol=1e-4)
    t = torch.tensor(999)
    v = network.net(x.reshape(2, *SHAPE).permute(0, 3, 1, 2), t).sample.permute(0, 2, 3, 1).reshape(2, -1)
    torch.testing.assert_close(run.x0_hat[0], -v, rtol=1e-4, atol=1e-5)  # alpha x - sigma v


@pytest.mark.parametrize("name", ["EulerDiscrete", "EulerAncestralDiscrete", "DPMSolverMultistep", "UniPCMultistep"])
def test_zero_terminal_snr_is_one_whether_a_scheduler_writes_0_or_2_to_the_minus_24(name):
    """These four keep 2^-24 for the last entry, which on the linear table is more than the one before."""
    trained, scheduler = (make(kind, **ZERO).alphas_cumprod for kind in ("DDPM", name))
    assert float(trained[-1]) == 0 and float(scheduler[-1]) > float(scheduler[-2])
    assert Tabulated(scheduler)(999) == Level(0.0, 1.0) and Tabulated(scheduler).time(1e9) > 998
    told = []

    def net(pixels, t):
        told.append(float(t[0]))
        alpha2 = float(np.interp(told[-1], np.arange(1000), trained.double()))
        alpha, sigma = alpha2**0.5, (1 - alpha2) ** 0.5
        return alpha * (pixels - alpha * Y) / sigma - sigma * Y  # v of the one point

    for table in (trained, scheduler):
        network = Network(net, Tabulated(table), (1, 1, 4), "v_prediction")
        run = list(record(network, make(name, **ZERO), np.ones((1, 4)), 10))
        np.testing.assert_allclose([step.x0_hat for step in run], Y, atol=5e-4)  # 2^-12 of the noise stays
    assert told[0] == 999


def test_a_table_that_ends_at_zero_is_a_schedule_up_to_pure_noise():
    schedule = Tabulated(make("DDIM", rescale_betas_zero_snr=True).alphas_cumprod)
    assert (schedule(999).alpha, schedule(999).sigma) == (0, 1) and schedule.time(np.inf) == 999
    for t in (998.2, 998.9, 998.0, 500.5):
        assert schedule.time(schedule(t).kappa) == pytest.approx(t, abs=1e-9)
        h = 1e-6
        for part, rate in zip(("alpha", "sigma"), schedule.rate(t + 0.01), strict=True):
            slope = (getattr(schedule(t + 0.01 + h), part) - getattr(schedule(t + 0.01 - h), part)) / (2 * h)
            assert rate == pytest.approx(slope, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(
    ("steps", "options", "message"),
    [
        (1000, {"steps_offset": 1, "set_alpha_to_one": False}, r"t = 1000.*has the times 0 to 999; .*steps_offset = 0"),
        (0, {}, "a whole number from 1 to 1000"),
        (-3, {}, "a whole number from 1 to 1000"),
        (1001, {}, "a whole number from 1 to 1000"),
        (2.5, {}, "a whole number from 1 to 1000"),
        (float("nan"), {}, "a whole number from 1 to 1000"),
        (None, {}, "a whole number from 1 to 1000"),
        (True, {}, "a whole number from 1 to 1000"),
    ],
)
def test_counts_that_a_scheduler_cannot_take(steps, options, message):
    with pytest.raises(ValueError, match=f"steps: got .*{message}"):
        record(POINT, make("DDIM", clip_sample=False, **options), np.ones((1, 4)), steps)


def test_what_a_scheduler_asks_for_is_passed_on_and_what_it_does_not_know_is_refused():
    dynamic = make("FlowMatchEulerDiscrete", use_dynamic_shifting=True)
    with pytest.raises(ValueError, match="mu"):
        record(POINT, dynamic, np.ones((1, 4)), 10)
    assert off_level(dynamic, 10, mu=0.7)[0] < 1e-5
    with pytest.raises(
        ValueError, match=r"eta: got 0.5; EulerDiscreteScheduler has no such option; it takes \['generator'"
    ):
        record(POINT, make("EulerDiscrete"), np.ones((1, 4)), 10, eta=0.5)
    with pytest.raises(ValueError, match=r"timesteps: .*DDIMScheduler has no such option"):
        record(POINT, make("DDIM"), np.ones((1, 4)), timesteps=[900, 500])


@pytest.mark.parametrize("name", [name for name in RECORDED if name != "PNDM" and "KDPM2" not in name])
@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps_are_no_reason_to_refuse(name, steps):
    """Euler, Heun and others go from kappa = 157 to 0.01 in one: float32 leaves an error, but no other level."""
    off, run = off_level(make(name), steps)
    assert off < (0.2 if draws(make(name), {}) else 1e-3) and run[-1].level.kappa < 0.05


def exact_of_one_point(schedule, told):
    """The network of the point Y that notes the times it is told, and believes that they mean what its table says."""

    def net(pixels, t):
        level = schedule(float(t[0]))
        told.append(float(t[0]))
        return (pixels - level.alpha * Y) / level.sigma

    return Network(net, schedule, (1, 1, 4))


@pytest.mark.parametrize("options", [{"interpolation_type": "log_linear"}, {"use_flow_sigmas": True}])
def test_a_network_is_told_the_time_of_the_level_that_it_sees_or_the_run_is_refused(options):
    """Euler spaces its sigmas evenly in the logarithm, then names the times of other levels to the network."""
    name = "DPMSolverMultistep" if "use_flow_sigmas" in options else "EulerDiscrete"
    network = exact_of_one_point(Tabulated(make(name).alphas_cumprod), told := [])
    *_, last = record(network, make(name), np.ones((1, 4)), 10)
    np.testing.assert_allclose(last.x, Y, atol=1e-4)
    with pytest.raises(ValueError, match=rf"{name}Scheduler's time: got .* at kappa = .*knows this level as time"):
        record(network, make(name, **options), np.ones((1, 4)), 10)
    assert len(told) == 10


@pytest.mark.parametrize("name", ["EulerDiscrete", "HeunDiscrete", "DPMSolverMultistep", "DDPM", "LCM"])
@pytest.mark.parametrize(
    ("times", "message"),
    [([100, 500], "below the last"), ([5, 5, 2], "below the last"), ([1000, 3], "has the times 0 to 999"),
     ([-1], "has the times 0 to 999"), ([], "must not be empty"), ([900, np.nan], "NaN"), ("ab", "give real numbers")],
)  # fmt: skip
def test_timesteps_of_ones_own_fall_within_the_table(name, times, message):
    """Diffusers runs some of these from the image to the noise, and clips others, without a word."""
    with pytest.raises(ValueError, match=f"^timesteps: got .*{message}"):
        record(POINT, make(name), np.ones((1, 4)), timesteps=times)


@pytest.mark.parametrize("x", [np.full((1, 4), np.nan), np.ones(4), np.ones((1, 4), int), [[1.0, 2.0]]])
def test_a_first_state_that_is_none_is_refused(x):
    with pytest.raises(ValueError, match="x: got"):
        record(POINT, make("DDIM"), x, 10)


def test_nan_never_leaves_in_silence():
    late = Function(lambda x, level: x * (np.nan if level.kappa < 1 else 0))
    with pytest.raises(ValueError, match=r"the state after DDIMScheduler's step: got NaN or infinity at t = \d+"):
        list(record(late, make("DDIM", clip_sample=False), np.ones((1, 4)), 10))
    broken = Network(lambda x, t: x * float("inf"), Tabulated.ddpm(), (1, 1, 4))
    with pytest.raises(
        ValueError, match=r"the network's output: got NaN or infinity at times 900 to 900; check its weights"
    ):
        list(record(broken, make("DDIM"), np.ones((1, 4)), 10))


# Own times, own start


@pytest.mark.parametrize("name", ["DDPM", "EulerDiscrete", "HeunDiscrete", "DPMSolverMultistep"])
def test_own_timesteps_are_visited(name):
    off, run = off_level(make(name), None, timesteps=[900, 600, 400, 100, 20])
    assert off < (0.1 if name == "DDPM" else 1e-4)
    assert {900.0, 600.0, 400.0, 100.0} <= {step.t for step in run}


def test_own_sigmas_are_visited():
    off, run = off_level(make("FlowMatchEulerDiscrete"), None, sigmas=[1.0, 0.5, 0.25])
    assert off < 1e-5 and [step.level.sigma for step in run] == [1, 0.5, 0.25, 0]


@pytest.mark.parametrize("name", ["DDIM", "EulerDiscrete", "HeunDiscrete", "KDPM2Discrete", "DPMSolverMultistep",
                                  "UniPCMultistep", "FlowMatchEulerDiscrete", "FlowMatchHeunDiscrete"])  # fmt: skip
def test_a_run_from_a_start_level_is_the_rest_of_the_run(name):
    """On one point any method is exact, so to begin half way must end where the whole run does."""
    whole = list(record(POINT, make(name), np.random.default_rng(0).normal(size=(2, 50)), 10))
    middle = next(i for i, s in enumerate(whole) if i >= len(whole) // 2 and i % 2 == 0)
    begin = whole[middle]
    level = Level(2 * begin.level.alpha, 2 * begin.level.sigma)  # other coordinates, the same kappa
    rest = list(record(POINT, make(name), 2 * begin.x, 10, start=level))
    assert len(rest) == len(whole) - middle and rest[0].level == begin.level
    for one, other in zip(rest, whole[middle:], strict=True):
        np.testing.assert_allclose(one.x, other.x, atol=1e-4)


def test_teleport_into_a_scheduler():
    """The closed form up to a visited level, the scheduler from there: as the scheduler alone, to its own error."""
    gaussian, x_T = a_gaussian_of_12(), np.random.default_rng(3).normal(size=(3, 12))
    scheduler = make("DDIM", clip_sample=False)
    levels = [visit.level for visit in visits(scheduler, 100)]
    x = gaussian.flow(x_T, levels[0], levels[40])
    *_, last = record(gaussian, scheduler, x, 100, start=levels[40])
    np.testing.assert_allclose(last.x, gaussian.flow(x_T, levels[0], Level(1.0, 0.0)), atol=0.1)
    with pytest.raises(ValueError, match=r"start: got kappa = 0.50001; begin at one that the scheduler visits \("):
        record(gaussian, scheduler, x, 100, start=Level(1.0, 0.50001))
    with pytest.raises(ValueError, match="start: got 500; give one Level"):
        record(gaussian, scheduler, x, 100, start=500)


def test_the_network_is_told_the_time_in_one_form():
    seen = []

    def net(pixels, t):
        seen.append((t.shape, t.dtype))
        return 0 * pixels

    network = Network(net, Tabulated.ddpm(), (1, 1, 4))
    network.denoise(np.ones((3, 4)), Level(0.6, 0.8))
    list(record(network, make("DDIM"), np.ones((3, 4)), 4))
    assert len(seen) == 5 and set(seen) == {(torch.Size([3]), torch.float32)}


def test_the_callers_noise_and_the_global_generator_stay_as_they_were():
    x, before = np.ones((2, 4)), torch.get_rng_state()
    list(record(POINT, make("DDPM"), x, 5, generator=torch.Generator().manual_seed(0)))
    assert bool((torch.get_rng_state() == before).all()) and np.all(x == 1)


# Anything that can be asked


@example("SASolver", 1, {"num_train_timesteps": 20})
@tries(40)
@given(
    name=st.sampled_from([name for name in RECORDED if "KDPM2" not in name]),  # seconds to make
    steps=st.one_of(st.integers(-2, 30), st.sampled_from([None, 1.5, 1000, 1001])),
    options=st.fixed_dictionaries(
        {},
        optional={
            "timestep_spacing": st.sampled_from(["linspace", "leading", "trailing", "none"]),
            "prediction_type": st.sampled_from(["epsilon", "sample", "v_prediction", "flow_prediction", "x"]),
            "use_karras_sigmas": st.booleans(),
            "rescale_betas_zero_snr": st.booleans(),
            "steps_offset": st.integers(0, 2),
            "use_flow_sigmas": st.booleans(),
            "solver_order": st.integers(1, 3),
            "beta_schedule": st.sampled_from(["linear", "scaled_linear", "squaredcos_cap_v2"]),
            "num_train_timesteps": st.sampled_from([20, 1000]),
            "clip_sample": st.booleans(),
        },
    ),
)
def test_any_run_is_at_its_levels_or_refused_with_a_word(name, steps, options):
    known = getattr(diffusers, f"{name}Scheduler").__init__.__wrapped__.__code__.co_varnames
    try:
        scheduler = make(name, **{k: v for k, v in options.items() if k in known})
    except (ValueError, NotImplementedError, ImportError):  # refused by diffusers itself
        return
    steps = 40 if steps == 1000 else steps
    try:
        # fresh noise is told from a state at its level; noise alone is none where a short table begins at alpha = 0.9
        at = {"start": visits(copy.deepcopy(scheduler), steps)[0].level} if draws(scheduler, {}) else {}
        off, run = off_level(scheduler, steps, **at)
    except ValueError as error:
        assert re.search(r": got .*; ", str(error), re.DOTALL), error
        return
    scale = max(step.level.sigma for step in run)
    assert off < (0.25 if draws(scheduler, {}) else 2e-3 * max(scale, 1))


@pytest.mark.parametrize("times", [(0, 1), (1, 0), (1000, 0)])
@pytest.mark.parametrize(
    ("name", "options"),
    [("FlowMatchEulerDiscrete", {"shift": 3.0}), ("FlowMatchHeunDiscrete", {}),
     ("UniPCMultistep", {"use_flow_sigmas": True, "prediction_type": "flow_prediction"})],
)  # fmt: skip
def test_a_flow_of_any_clock_paints_what_that_of_diffusers_would(times, name, options):
    """One painter, whose velocity is written down for each clock: v = dx / dt of its own time."""
    gaussian, (clean, noisy) = a_gaussian_of_12(), times

    def exact(pixels, t, sign=1):
        x = pixels.permute(0, 2, 3, 1).reshape(len(pixels), -1).double().numpy()
        level = Flow()(float(t))
        v = sign * (x - gaussian.denoise(x, level)) / level.sigma
        return torch.as_tensor(v).reshape(len(x), 2, 2, 3).permute(0, 3, 1, 2).to(pixels)

    own = FlowNetwork(lambda x, t: exact(x, (t[0] - clean) / (noisy - clean), np.sign(noisy - clean)), (2, 2, 3), times)
    usual = FlowNetwork(lambda x, t: exact(x, t[0] / 1000), (2, 2, 3), (0, 1000))
    x = np.random.default_rng(4).normal(size=(3, 12))
    found, right = (collect(record(net, make(name, **options), x, 8)) for net in (own, usual))
    np.testing.assert_allclose(found.x, right.x, atol=2e-2 if options.get("use_flow_sigmas") else 1e-5)  # t is rounded
    np.testing.assert_allclose(found.x0_hat[:-1], [gaussian.denoise(s.x, s.level) for s in list(found)[:-1]], atol=1e-5)


def test_flow_and_diffusion_meet_at_one_kappa():
    """The one-point flow network written by hand: v = noise - x_0."""

    def net(pixels, t):
        return (pixels - Y) / (t / 1000).reshape(-1, 1, 1, 1)

    network = FlowNetwork(net, (1, 1, 4), (0, 1000))
    run = list(
        record(network, make("FlowMatchEulerDiscrete", shift=2.0), np.random.default_rng(0).normal(size=(3, 4)), 6)
    )
    np.testing.assert_allclose(run[-1].x, Y, atol=1e-5)
    for step in run[:-1]:
        np.testing.assert_allclose(step.x0_hat, Y, atol=1e-5)
    for level in (Flow()(0.3), Level(0.6, 0.8), Level(1.0, 7.0), Level(0.0, 2.0)):
        x = level.alpha * Y + level.sigma * np.ones((2, 4))
        np.testing.assert_allclose(network.denoise(x, level), Y, atol=1e-5)
