"""Where a scheduler of diffusers stands at every step: the time it names, the level of the state, whose coordinates.

`SCHEDULERS` says of every class whether its runs are recorded, and how; `record` shows the table.
"""

import inspect
import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from paintlib.checks import float_array, require
from paintlib.levels import Level

REASONS = {
    "to noise": "runs from an image to noise; `record` watches the way back",
    "not Gaussian": "its states are no mixture of an image with Gaussian noise, or its model is no denoiser",
    "own form": "its network has a form of its own, that no adapter here speaks",
    "needs more": "its step needs more than a network's output, a mask or a second time",
    "torchsde": "needs torchsde, with which it was never checked here",
    "no step": "has no `step` that takes a network's output alone",
}
# Class, without its ending "Scheduler": how its states are mixed, or why they are not recorded.
SCHEDULERS = {
    "DDIM": "table, t - N // n",
    "DDIMParallel": "table, t - N // n",
    "CogVideoXDDIM": "table, t - N // n",
    "PNDM": "table, PNDM's own",
    "DDPM": "table, next, noise",
    "DDPMParallel": "table, next, noise",
    "LCM": "table, next, noise",
    "TCD": "table, next, noise",
    "DPMSolverMultistep": "sigmas, x",
    "DPMSolverSinglestep": "sigmas, x",
    "UniPCMultistep": "sigmas, x",
    "DEISMultistep": "sigmas, x",
    "SASolver": "sigmas, x, noise",
    "EulerDiscrete": "sigmas, x / alpha",
    "HeunDiscrete": "sigmas, x / alpha",
    "LMSDiscrete": "sigmas, x / alpha",
    "KDPM2Discrete": "sigmas, x / alpha",
    "EulerAncestralDiscrete": "sigmas, x / alpha, noise",
    "KDPM2AncestralDiscrete": "sigmas, x / alpha, noise",
    "EDMEuler": "sigmas, x / alpha",
    "EDMDPMSolverMultistep": "sigmas, x / alpha",
    "FlowMatchEulerDiscrete": "sigmas, flow",
    "FlowMatchHeunDiscrete": "sigmas, flow",
    "FlowMatchLCM": "sigmas, flow, noise",
    "DDIMInverse": "to noise",
    "DPMSolverMultistepInverse": "to noise",
    "CosineDPMSolverMultistep": "torchsde",
    "DPMSolverSDE": "torchsde",
    "CogVideoXDPM": "needs more",
    "RePaint": "needs more",
    "UnCLIP": "needs more",
    "FlowMapEulerDiscrete": "needs more",
    "MiniMaxH3": "own form",
    "CMStochasticIterative": "own form",
    "ConsistencyDecoder": "own form",
    "DDPMWuerstchen": "own form",
    "IPNDM": "own form",
    "KarrasVe": "own form",
    "SCM": "own form",
    "Piflow": "own form",
    "Helios": "own form",
    "HeliosDMD": "own form",
    "LTXEulerAncestralRF": "own form",
    "RFD4Proteina": "own form",
    "ScoreSdeVe": "no step",
    "ScoreSdeVp": "no step",
    "Amused": "not Gaussian",
    "BlockRefinement": "not Gaussian",
    "DiscreteDDIM": "not Gaussian",
    "EntropyBound": "not Gaussian",
    "VQDiffusion": "not Gaussian",
}


@dataclass(frozen=True)
class Visit:
    """A state on a scheduler's way: the time it names, the level the state has, and the level it reads it at.

    The two levels differ where a scheduler lists other times than it steps to, as DDIM does with "linspace" spacing.
    """

    t: Any
    level: Level
    read: Level


def title(scheduler):
    """The name of a scheduler's class."""
    return type(scheduler).__name__


def kind(scheduler):
    """How its states are mixed, from `SCHEDULERS`; a class that is not recorded is refused, with the reason."""
    name = title(scheduler)
    how = SCHEDULERS.get(name.removesuffix("Scheduler"))
    require(how is not None, "scheduler", name, "not among those that `record` knows; see its table")
    require(how not in REASONS, "scheduler", name, f"not recorded: {REASONS.get(how)}")
    return how


def draws(scheduler, arguments):
    """Whether a run adds fresh noise on its way, with these arguments of `step`."""
    config = scheduler.config
    if title(scheduler) == "TCDScheduler":
        return arguments.get("eta", 0.3) > 0
    return (
        kind(scheduler).endswith("noise")
        or arguments.get("eta", 0) > 0
        or arguments.get("s_churn", 0) > 0
        or str(config.get("algorithm_type", "")).startswith("sde")
        or bool(config.get("stochastic_sampling"))
    )


def sort_arguments(scheduler, arguments):
    """`arguments` in two: for `set_timesteps` (timesteps, sigmas, mu), and for `step` (generator, eta)."""
    kind(scheduler)  # one that is not recorded may have no `step` at all
    setting, stepping = (set(inspect.signature(f).parameters) for f in (scheduler.set_timesteps, scheduler.step))
    setting -= {"num_inference_steps", "device"}
    stepping -= {"model_output", "timestep", "sample", "return_dict"}
    for name in arguments:
        known = f"it takes {sorted(setting | stepping)}"
        require(
            name in setting | stepping, name, repr(arguments[name]), f"{title(scheduler)} has no such option; {known}"
        )
    return tuple({k: v for k, v in arguments.items() if k in names} for names in (setting, stepping - setting))


def visits(scheduler, steps=None, **setting):
    """Set a scheduler's timesteps, and list its visits: one before each step, and where the last one leads.

    `steps` and `setting` are for its `set_timesteps`. An n that it cannot take, or that leaves its table, is refused.
    """
    name, how = title(scheduler), kind(scheduler)
    most = scheduler.config.num_train_timesteps if "num_train_timesteps" in scheduler.config else math.inf
    counted = isinstance(steps, Integral) and not isinstance(steps, bool) and 1 <= steps <= most
    own = steps is None and bool(setting.keys() & {"timesteps", "sigmas"})
    remedy = f"{name} takes a whole number from 1 to {most}" + ("" if setting else ", or timesteps= where it has them")
    require(counted or own, "steps", repr(steps), remedy)
    given = {} if own else {"num_inference_steps": int(steps)}
    for word in setting.keys() & {"timesteps", "sigmas"}:
        _check_own(scheduler, word, setting[word])
    try:
        with np.errstate(all="ignore"):
            scheduler.set_timesteps(**given, **setting)
    except Exception as error:  # whatever a scheduler raises for what it cannot take
        message = f"{name}.set_timesteps refused ({type(error).__name__}: {error})"
        raise ValueError(f"steps: got {steps} {setting or ''}; {message}; change one of the two") from error
    if how.startswith("table"):
        return _table(scheduler, how, steps)
    sigmas = _between(scheduler, [float(sigma) for sigma in scheduler.sigmas])
    fine = all(math.isfinite(sigma) and sigma >= 0 for sigma in sigmas) and sigmas[0] > 0
    require(
        fine, "steps", steps, f"{name} has no noise level for some of them ({sigmas[:3]} ...); choose another number"
    )
    levels = [_mixed(scheduler, how, sigma) for sigma in sigmas]
    times = [*scheduler.timesteps, None]
    return [Visit(t, level, level) for t, level in zip(times, levels[: len(times)], strict=True)]


def _check_own(scheduler, word, values):
    """Timesteps or sigmas of one's own: numbers that fall, and times that the scheduler's table has."""
    if values is None:
        return
    values = float_array(word, values)
    require(bool(np.all(np.diff(values) < 0)), word, values, "give them from noise to image, each below the last")
    last = scheduler.config.get("num_train_timesteps", math.inf) - ("flow" not in kind(scheduler))
    if word == "timesteps":
        require(0 <= values[-1] and values[0] <= last, word, values, f"{title(scheduler)} has the times 0 to {last}")


def _table(scheduler, how, steps):
    """The visits of a scheduler that looks its levels up in alphas_cumprod."""
    name, table = title(scheduler), scheduler.alphas_cumprod
    times = [int(t) for t in scheduler.timesteps]
    fits = all(0 <= t < len(table) for t in times) and all(float(t) == int(t) for t in scheduler.timesteps)
    offset = scheduler.config.get("steps_offset", 0)
    remedy = f"its table has the times 0 to {len(table) - 1}; take fewer steps" + (
        " or steps_offset = 0" * bool(offset)
    )
    require(fits, "steps", steps, f"{name} would step from t = {max(times)} to {min(times)}, but {remedy}")
    stride = len(table) // len(times) if steps is None else scheduler.config.num_train_timesteps // steps
    if name == "PNDMScheduler":
        after = _pndm(scheduler, times, stride)
    elif how == "table, t - N // n":
        after = [t - stride for t in times]
    else:
        end = 0 if name == "TCDScheduler" else -1
        after = [*times[1:], end]
    final = getattr(scheduler, "final_alpha_cumprod", 1.0) if not how.endswith("noise") else 1.0
    reached = [_squared(table[t]) if t >= 0 else _squared(final) for t in (times[0], *after)]
    reads = [*(_squared(table[t]) for t in times), reached[-1]]
    return [Visit(*triple) for triple in zip([*scheduler.timesteps, None], reached, reads, strict=True)]


def _pndm(scheduler, times, stride):
    """PNDM's Runge-Kutta steps go half a stride and back; its second linear step is the first once more."""
    first = len(scheduler.prk_timesteps)
    after = [t - (0 if i % 2 else stride // 2) for i, t in enumerate(times[:first])]
    for i, t in enumerate(times[first:], first):
        after.append(t if i == 1 else t - stride)
    return after


def _between(scheduler, sigmas):
    """KDPM2 visits a level between its sigmas at every second step."""
    name = title(scheduler)
    if name not in ("KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"):
        return sigmas
    shift = 1 if "Ancestral" in name else 0
    return [float(scheduler.sigmas_interpol[i - shift]) if i % 2 else sigma for i, sigma in enumerate(sigmas)]


def _mixed(scheduler, how, sigma):
    if "x / alpha" in how:
        return Level(1.0, sigma)
    if "flow" in how or scheduler.config.get("use_flow_sigmas"):
        require(0 <= sigma <= 1, "sigmas", sigma, "a flow's run from 1 (noise) to 0 (image)")
        require(
            not scheduler.config.get("invert_sigmas"), "invert_sigmas", True, "not recorded: its sigmas tell the image"
        )
        return Level(1 - sigma, sigma)
    return Level.from_kappa(sigma).vp()


def _squared(alpha2):
    alpha2 = float(alpha2)
    return Level(math.sqrt(alpha2), math.sqrt(1 - alpha2))
