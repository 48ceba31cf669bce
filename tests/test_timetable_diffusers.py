"""A timetable handed to diffusers: its schedulers then do what our samplers do; the traps, each shown."""

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSinglestepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from truth import a_gaussian

from paintlib import samplers
from paintlib.networks import hand_over, record, visits
from paintlib.samplers import collect
from paintlib.schedules import EDM, Flow, Tabulated
from paintlib.timetables import Timetable

D = 6
G = a_gaussian(D, (30.0, 4.0, 0.5, 0.01), 0)
TABLE = Tabulated.ddpm()
TIMES = [999, 801, 655, 430, 222, 31]
KAPPAS = [*(TABLE(t).kappa for t in TIMES), 0.0]
WHOLE = Timetable("a Gaussian", "by hand", KAPPAS)
FREE = Timetable("a Gaussian", "by hand", [80.0, 21.3, 4.4, 1.234, 0.3, 0.0])
LINEAR = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
X = np.random.default_rng(3).standard_normal((20, D))


def run(scheduler, table=WHOLE, x=X):
    scheduler, levels = hand_over(table, scheduler)
    return collect(record(G, scheduler, x, **levels))


def ours(sampler, kappas, x, schedule=TABLE):
    """Our sampler from the same variance-preserving state."""
    first = schedule(schedule.time(kappas[0]))
    start = x * np.hypot(first.alpha, first.sigma)
    return collect(sampler(G, start, schedule, [schedule.time(k) for k in kappas])).x[-1]


def rms(a, b):
    return float(np.sqrt(np.mean((a - b) ** 2)))


@pytest.mark.parametrize(
    ("scheduler", "sampler", "table"),
    [
        (DDIMScheduler(clip_sample=False), samplers.ddim, WHOLE),
        (EulerDiscreteScheduler(), samplers.ddim, WHOLE),
        (EulerDiscreteScheduler(), samplers.ddim, FREE),
        (HeunDiscreteScheduler(**LINEAR), samplers.heun, WHOLE),
        (HeunDiscreteScheduler(**LINEAR), samplers.heun, FREE),
        (DPMSolverMultistepScheduler(solver_order=1), samplers.ddim, WHOLE),
        (DPMSolverMultistepScheduler(euler_at_final=True), samplers.multistep, WHOLE),
    ],
)
def test_a_scheduler_on_a_table_is_our_sampler_on_its_levels(scheduler, sampler, table):
    made = run(scheduler, table)
    np.testing.assert_allclose(np.unique(made.level.kappa)[::-1], table.kappas, rtol=1e-4, atol=1e-7)
    x = X
    if made.level.alpha[0] == 1:  # Euler and Heun start at init_noise_sigma times the noise
        x = made.x[0] / np.hypot(1, table.kappas[0])
    np.testing.assert_allclose(made.x[-1], ours(sampler, table.kappas, x), atol=3e-4)


def test_a_flow_visits_the_table_whatever_its_shift():
    for shift in (1.0, 3.0):
        scheduler, levels = hand_over(FREE, FlowMatchEulerDiscreteScheduler(shift=shift))
        assert [v.level.kappa for v in visits(scheduler, **levels)] == pytest.approx(FREE.kappas, rel=1e-4)
        made = collect(record(G, scheduler, X, **levels))
        flow, first = Flow(), FREE.kappas[0]
        begin = made.x[0]  # the noise itself
        times = [flow.time(k) for k in FREE.kappas]
        np.testing.assert_allclose(made.x[-1], collect(samplers.ddim(G, begin, flow, times)).x[-1], atol=3e-4)
        assert made.level.kappa[0] == pytest.approx(first, rel=1e-4)


@pytest.mark.parametrize("kind", [DDPMScheduler, LCMScheduler, DPMSolverSinglestepScheduler])
def test_the_others_visit_the_table(kind):
    scheduler, levels = hand_over(WHOLE, kind(**LINEAR))
    assert levels == {"timesteps": TIMES}
    assert [v.level.kappa for v in visits(scheduler, **levels)] == pytest.approx(KAPPAS, rel=1e-4, abs=1e-7)


def test_ddim_by_way_of_dpm_is_ddim():
    """On DDIM's own list, against DDIM: equal to 1.5e-5 of states of size one."""
    ddim = DDIMScheduler(clip_sample=False, timestep_spacing="trailing")
    x = np.random.default_rng(1).standard_normal((64, D))
    own = collect(record(G, ddim, x, 10))
    made = run(ddim, Timetable("", "its own", own.level.kappa), x)
    assert np.abs(made.x - own.x).max() < 1.5e-5 * np.abs(own.x).max()


def test_where_the_table_ends_is_kept():
    """With set_alpha_to_one=False DDIM ends at its table's first entry; so does DPM, if the table says so."""
    end = TABLE(0).kappa
    table = Timetable("", "", [*KAPPAS[:-1], end])
    assert run(DDIMScheduler(clip_sample=False, set_alpha_to_one=False), table).level.kappa[-1] == pytest.approx(
        end, rel=1e-3
    )
    with pytest.raises(ValueError, match=r"kappas: got an end at 0.01.* ends at kappa = 0"):
        hand_over(table, DPMSolverMultistepScheduler())


# The traps: what happens without `hand_over`


def test_overwriting_the_timesteps_of_ddim_is_wrong_and_silent():
    """It asks at the new times and steps by the old stride: the levels told and the levels stepped to part."""
    times = [999, 950, 900, 800, 400, 100]
    scheduler = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(len(times))
    scheduler.timesteps = torch.tensor(times)
    x = torch.as_tensor(X)
    for t in scheduler.timesteps:
        level = TABLE(int(t))
        eps = (x - level.alpha * torch.as_tensor(G.denoise(x.numpy(), level))) / level.sigma
        x = scheduler.step(eps, t, x).prev_sample
    table = Timetable("", "", [*(TABLE(t).kappa for t in times), 0.0])
    right = ours(samplers.ddim, table.kappas, X)
    assert rms(x.numpy(), right) > 0.25 * rms(right, 0)
    assert rms(run(DDIMScheduler(clip_sample=False), table).x[-1], right) < 1e-4


def test_euler_drops_the_last_sigma_unless_zero_is_appended():
    scheduler = EulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=KAPPAS[:-1])
    assert len(scheduler.timesteps) == len(KAPPAS) - 2 and float(scheduler.sigmas[-1]) == pytest.approx(KAPPAS[-2])
    scheduler, levels = hand_over(WHOLE, EulerDiscreteScheduler())
    scheduler.set_timesteps(**levels)
    assert len(scheduler.timesteps) == WHOLE.moves and float(scheduler.sigmas[-1]) == 0


def test_a_flow_appends_zero_and_shifts_what_it_is_given():
    sigmas = [k / (1 + k) for k in FREE.kappas]
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(sigmas=sigmas)
    assert scheduler.sigmas[-2:].tolist() == [0, 0], "one more move, which goes nowhere"
    assert float(scheduler.sigmas[3]) == pytest.approx(3 * sigmas[3] / (1 + 2 * sigmas[3])) and sigmas[3] < 0.6
    scheduler, levels = hand_over(FREE, scheduler)
    scheduler.set_timesteps(**levels)
    np.testing.assert_allclose(scheduler.sigmas, sigmas, atol=1e-6)


def test_dpm_cuts_fractional_timesteps_down():
    scheduler = DPMSolverMultistepScheduler()
    scheduler.set_timesteps(timesteps=[999, 500.9, 20.9])
    assert scheduler.timesteps.tolist() == [999, 500, 20]
    between = np.exp(0.1 * np.log(TABLE(500).kappa) + 0.9 * np.log(TABLE(501).kappa))
    _, levels = hand_over(Timetable("", "", [TABLE(999).kappa, between, 0]), DPMSolverMultistepScheduler())
    assert levels["timesteps"] == [999, 501], "the nearest"


# What is refused


@pytest.mark.parametrize("kind", [PNDMScheduler, LMSDiscreteScheduler, UniPCMultistepScheduler])
def test_a_scheduler_without_levels_of_ones_own_is_refused_by_name_with_the_way_on(kind):
    with pytest.raises(ValueError, match=rf"scheduler: got {kind.__name__}; .*DPMSolverMultistepScheduler.from_config"):
        hand_over(WHOLE, kind())


@pytest.mark.parametrize(
    ("word", "scheduler", "kappas"),
    [
        ("clip_sample", DDIMScheduler(), KAPPAS),
        ("share a timestep", DPMSolverMultistepScheduler(), [3.0, 2.9999, 0.0]),
        ("covers", DPMSolverMultistepScheduler(), [3000.0, 1.0, 0.0]),
        ("covers", HeunDiscreteScheduler(), [3000.0, 1.0, 0.0]),
        ("ends at kappa = 0", HeunDiscreteScheduler(), [3.0, 0.1]),
        ("end with 0", FlowMatchEulerDiscreteScheduler(), [3.0, 0.1]),
        ("use_dynamic_shifting", FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), KAPPAS),
        ("use_karras_sigmas", DPMSolverMultistepScheduler(use_karras_sigmas=True), KAPPAS),
        ("would visit", FlowMatchEulerDiscreteScheduler(shift_terminal=0.1), KAPPAS),
    ],
)
def test_what_cannot_be_had_is_said(word, scheduler, kappas):
    with pytest.raises(ValueError, match=word):
        hand_over(Timetable("", "", kappas), scheduler)


def test_edm_times_are_no_table():
    """A table is made of levels, so it goes from schedule to schedule."""
    assert FREE.times(EDM()).tolist() == list(FREE.kappas)
