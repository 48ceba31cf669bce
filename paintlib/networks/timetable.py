"""A timetable for diffusers: one call, and a scheduler visits the levels of one's own table.

    table = Timetable("my model", "dynamic programme", kappas)
    scheduler, levels = hand_over(table, pipeline.scheduler)
    record(painter, scheduler, x_T, **levels)                    or, with a pipeline that takes them,
    pipeline.scheduler = scheduler; pipeline(prompt, **levels)

What diffusers does with levels of one's own differs from class to class, and it warns of none of it. The levels that
the scheduler will really visit are therefore listed, and held against the table, before anything is handed back.
"""

import copy
import math
from itertools import pairwise

import numpy as np

from paintlib.checks import require
from paintlib.networks.schedulers import title, visits
from paintlib.networks.teleport import equivalent
from paintlib.schedules import Tabulated
from paintlib.timetables import Timetable


def hand_over(timetable, scheduler):
    """A scheduler, and the arguments of `set_timesteps` with which it visits the levels of `timetable`.

    ==========================================  ================================================================
    scheduler                                   levels
    ==========================================  ================================================================
    EulerDiscrete, HeunDiscrete                 the table's own
    FlowMatchEulerDiscrete                      the table's own; its `shift` is undone beforehand
    DPMSolverMultistep, DPMSolverSinglestep,    those of the nearest whole timesteps, on which such networks were
    DDPM, DDPMParallel, LCM                     trained
    DDIM, DDIMParallel                          the same, by DPMSolverMultistepScheduler of order 1, which is DDIM
                                                without fresh noise and takes timesteps; it is what comes back
    ==========================================  ================================================================

    All others take no levels of one's own and are refused. A table ends where the scheduler ends: at kappa = 0, or at
    the end of the scheduler's own table if it is told so (`final_sigmas_type="sigma_min"`).
    """
    require(isinstance(timetable, Timetable), "timetable", type(timetable).__name__, "give a Timetable")
    name = title(scheduler)
    if name in ("DDIMScheduler", "DDIMParallelScheduler"):
        scheduler = equivalent(scheduler, clean=timetable.kappas[-1] == 0)
    say = WAYS.get(title(scheduler).removesuffix("Scheduler"))
    known = ", ".join(sorted([*WAYS, "DDIM", "DDIMParallel"]))
    remedy = (
        f"it takes no levels of one's own; these do: {known}. Try DPMSolverMultistepScheduler.from_config(its config)"
    )
    require(say is not None, "scheduler", name, remedy)
    arguments, wanted = say(np.array(timetable.kappas), scheduler)
    found = [visit.level.kappa for visit in visits(copy.deepcopy(scheduler), **arguments)]
    found = [kappa for i, kappa in enumerate(found) if i == 0 or kappa != found[i - 1]]  # Heun asks twice at a level
    same = len(found) == len(wanted) and np.allclose(found, wanted, rtol=2e-3, atol=1e-6)
    shown = " ".join(f"{kappa:.4g}" for kappa in found)
    remedy = "end the table where it ends, or change its options for sigmas (final_sigmas_type, use_..._sigmas, shift)"
    require(same, "kappas", " ".join(f"{k:.4g}" for k in wanted), f"{name} would visit {shown}; {remedy}")
    return scheduler, arguments


def _euler(kappas, scheduler):
    """Euler steps along the list as it is, and stops at its last entry: the 0 must be in it."""
    return {"sigmas": kappas.tolist()}, kappas


def _flow(kappas, scheduler):
    """FlowMatchEuler shifts what it is given, and appends the 0 itself."""
    require(
        kappas[-1] == 0, "kappas", f"an end at {kappas[-1]:g}", "this scheduler ends at the clean image: end with 0"
    )
    dynamic = scheduler.config.get("use_dynamic_shifting")
    require(not dynamic, "use_dynamic_shifting", True, "its levels depend on the picture's size; make it with False")
    sigmas = kappas[:-1] / (1 + kappas[:-1])
    before = sigmas / (scheduler.shift - (scheduler.shift - 1) * sigmas)
    return {"sigmas": before.tolist()}, kappas


def _heun(kappas, scheduler):
    """Heun takes fractional timesteps, between which its sigmas are linear; it appends the 0."""
    inside, end = _split(kappas, scheduler)
    table = Tabulated(scheduler.alphas_cumprod)
    sigmas = [table(t).kappa for t in range(len(table.alphas_cumprod))]
    [table.time(kappa) for kappa in inside]  # a level outside the table is refused here
    return {"timesteps": np.interp(inside, sigmas, np.arange(len(sigmas))).tolist()}, np.array([*inside, *end])


def _whole(kappas, scheduler):
    """Whole timesteps; a fractional one would be cut down without a word."""
    inside, end = _split(kappas, scheduler)
    table = Tabulated(scheduler.alphas_cumprod)
    times = [round(table.time(kappa)) for kappa in inside]
    apart = all(a > b for a, b in pairwise(times))
    require(apart, "kappas", times, f"two levels share a timestep of {title(scheduler)}; take fewer moves, or Euler")
    return {"timesteps": times}, np.array([*(table(t).kappa for t in times), *end])


def _split(kappas, scheduler):
    """The levels at which a table's scheduler is asked, and the end that it appends itself."""
    last = scheduler.config.get("final_sigmas_type") == "sigma_min"
    end = Tabulated(scheduler.alphas_cumprod)(0).kappa if last else 0.0
    fits = math.isclose(kappas[-1], end, rel_tol=1e-3)
    remedy = (
        f"{title(scheduler)} ends at kappa = {end:g}: let the table end there, in place of its last level or after it"
    )
    require(fits, "kappas", f"an end at {kappas[-1]:g}", remedy)
    return kappas[:-1], [end]


WAYS = {
    "EulerDiscrete": _euler,
    "HeunDiscrete": _heun,
    "FlowMatchEulerDiscrete": _flow,
    "DPMSolverMultistep": _whole,
    "DPMSolverSinglestep": _whole,
    "DDPM": _whole,
    "DDPMParallel": _whole,
    "LCM": _whole,
}
