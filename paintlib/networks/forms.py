"""How a scheduler reads a network's output, turned both ways; and whether a network and a scheduler belong together."""

import math

import numpy as np
import torch

from paintlib.checks import require
from paintlib.networks.adapters import PREDICTIONS, EDMNetwork, FlowNetwork, Network, endpoint
from paintlib.networks.schedulers import title
from paintlib.schedules import STAND_IN, Flow, Tabulated

WORDS = {
    "epsilon": "epsilon, the noise",
    "sample": "the sample",
    "v_prediction": "v (v_prediction) of a variance-preserving state",
    "edm": "in EDM's form",
    "flow": "a flow's velocity",
}


def prediction_of(scheduler):
    """What a scheduler takes its network to predict: one of `PREDICTIONS`, "edm" or "flow"; None if it does not say."""
    if hasattr(scheduler, "precondition_outputs"):
        return "edm"
    if title(scheduler).startswith("FlowMatch"):  # whatever a config that came from elsewhere says
        return "flow"
    said = scheduler.config.get("prediction_type")
    return "flow" if said == "flow_prediction" else said


def asked_by_level(denoiser):
    """Whether it is asked for its estimate at a level: an analytic denoiser, and a flow's network with its own clock.

    A clock from 0 to N is that of diffusers, whose schedulers tell it the time.
    """
    if isinstance(denoiser, FlowNetwork):
        return denoiser.times[0] != 0 or denoiser.times[1] <= 1
    return not isinstance(denoiser, Network | EDMNetwork)


def learns_variance(scheduler):
    """Whether a scheduler takes the second half of the channels for variances."""
    return str(scheduler.config.get("variance_type")).startswith("learned")


def taken(scheduler, output, channels):
    """What of a network's output a scheduler's `step` takes: DDPM's the learned variances too, all others the mean."""
    if not (learns_variance(scheduler) and title(scheduler).startswith("DDPM")):
        return output[:, :channels]
    said, found = scheduler.config.variance_type, output.shape[1]
    remedy = f"its step needs {2 * channels} channels of output, and this network gives {found}; use 'fixed_small'"
    require(found == 2 * channels, f"{title(scheduler)}'s variance_type", repr(said), remedy)
    return output


def endpoint_of(scheduler, sample, output, level):
    """x0_hat from a network's output, as the scheduler reads it, and what of the output its `step` takes."""
    mean, fed = output[:, : sample.shape[1]], taken(scheduler, output, sample.shape[1])
    if prediction_of(scheduler) == "edm":
        return scheduler.precondition_outputs(sample, mean, torch.tensor(level.sigma)), fed
    if prediction_of(scheduler) == "flow":
        return sample - level.sigma * mean, fed
    norm, vp = math.hypot(level.alpha, level.sigma), level.vp()
    return endpoint(sample / norm, mean, vp.alpha, vp.sigma, prediction_of(scheduler)), fed


def output_for(scheduler, sample, x0_hat, level):
    """What a network would have to output for the scheduler to read x0_hat: the inverse of `endpoint_of`."""
    prediction = prediction_of(scheduler)
    if prediction == "edm":
        skip, out = (scheduler.precondition_outputs(*pair, torch.tensor(level.sigma)) for pair in ((1, 0), (0, 1)))
        return (x0_hat - skip * sample) / out
    if prediction == "flow":
        return (sample - x0_hat) / level.sigma
    eps, vp = (sample - level.alpha * x0_hat) / level.sigma, level.vp()
    outputs = {"epsilon": eps, "sample": x0_hat, "v_prediction": vp.alpha * eps - vp.sigma * x0_hat}
    return outputs[prediction]


def check_pair(denoiser, scheduler, way):
    """Refuse a network and a scheduler that contradict each other, and noise predictions where alpha = 0."""
    name, prediction = title(scheduler), prediction_of(scheduler)
    known = (*PREDICTIONS, "edm", "flow")
    require(prediction in known, "prediction_type", repr(prediction), f"{name} is recorded with one of {known}")
    if prediction == "edm":
        said = scheduler.config.prediction_type
        require(
            said in PREDICTIONS[::2],
            "prediction_type",
            repr(said),
            f"{name} is recorded with one of {PREDICTIONS[::2]}",
        )
    silent = learns_variance(scheduler) and not isinstance(denoiser, Network | EDMNetwork | FlowNetwork)
    said = scheduler.config.get("variance_type")
    require(not silent, f"{name}'s variance_type", said, "an analytic denoiser tells no variance; use 'fixed_small'")
    if learns_variance(scheduler) and not name.startswith("DDPM"):  # which cut every output at three channels
        channels = getattr(denoiser, "shape", (3,))[-1]
        require(channels <= 3, f"{name}'s variance_type", said, f"it would leave 3 of {channels} channels; use None")
    blind = prediction == "epsilon" and (
        way[0].read.alpha == 0 or (scheduler.config.get("rescale_betas_zero_snr") and way[0].read.kappa > 1000)
    )
    reason = (
        "zero terminal SNR: x0_hat cannot be had from eps where alpha = 0; use v_prediction, and a network trained so"
    )
    require(not blind, f"{name}, rescale_betas_zero_snr", f"epsilon at {way[0].read}", reason)
    forms = {Network: PREDICTIONS, EDMNetwork: ("edm",), FlowNetwork: ("flow",)}
    for adapter, served in forms.items():
        if isinstance(denoiser, adapter):
            theirs = f"{name}, for a network that predicts {WORDS[prediction]}"
            mine = getattr(denoiser, "prediction", served[0])
            remedy = (
                f"this one, a {adapter.__name__}, predicts {WORDS[mine]}; take a scheduler of its kind, by from_config"
            )
            require(prediction in served and prediction == mine, "scheduler", theirs, remedy)
    if isinstance(denoiser, Network):
        _check_tables(denoiser.schedule, scheduler)
        _check_times(scheduler, way, denoiser.schedule.time, denoiser.schedule)
    if isinstance(denoiser, EDMNetwork):
        said, mine = scheduler.config.sigma_data, denoiser.sigma_data
        require(math.isclose(said, mine), f"{name}'s sigma_data", said, f"the network's is {mine}; make them equal")
        fits = scheduler.config.prediction_type == "epsilon"
        require(fits, f"{name}'s prediction_type", scheduler.config.prediction_type, "an EDMNetwork has 'epsilon'")
    if isinstance(denoiser, FlowNetwork) and not asked_by_level(denoiser):
        top = scheduler.config.num_train_timesteps
        fits = tuple(denoiser.times) == (0, top)
        remedy = f"the network's are {denoiser.times}; set num_train_timesteps to its time at pure noise"
        require(fits, f"{name}'s times", (0, top), remedy)
        _check_times(scheduler, way, lambda kappa: top * Flow().time(kappa))


def _check_tables(schedule, scheduler):
    """A network is told a scheduler's times, so they must mean to it what they mean to the scheduler."""
    name = title(scheduler)
    theirs = np.asarray(scheduler.alphas_cumprod, dtype=float)
    tabulated = isinstance(schedule, Tabulated)
    remedy = f"{name} tells times 0 to {len(theirs) - 1}, the network was trained with those of its table; use samplers"
    require(tabulated, "the network's schedule", type(schedule).__name__, remedy)
    mine = schedule.alphas_cumprod
    equal = len(mine) == len(theirs) and np.allclose(mine, theirs, rtol=1e-3, atol=1e-6)
    ends = f"{len(theirs)} entries, {theirs[0]:.6g} to {theirs[-1]:.6g}"
    remedy = (
        f"the network's has {len(mine)} entries, {mine[0]:.6g} to {mine[-1]:.6g}; make the scheduler by "
        "from_config of the one that came with the network, or with its beta_start, beta_end and beta_schedule"
    )
    require(equal, f"{name}'s table alphas_cumprod", ends, remedy)
    said = scheduler.config.get("timestep_type", "discrete")
    require(said == "discrete", f"{name}'s timestep_type", said, "the network was trained with times of its table")


def _check_times(scheduler, way, time, table=None):
    """A network must be told the time of the level that it is shown; schedulers may round it to a whole number."""
    for visit in way[:-1]:
        kappa = visit.read.kappa
        if math.isclose(kappa, STAND_IN**-0.5, rel_tol=1e-6):  # a scheduler's word for pure noise
            kappa = math.inf
        if table is not None:  # levels beyond a table's ends are told as its ends
            kappa = min(max(kappa, table(0).kappa), table(table.t_max).kappa)
        told, right = float(visit.t), time(kappa)
        remedy = (
            f"a network knows this level as time {right:.5g}; choose other options for sigmas and timesteps "
            "(interpolation_type, use_flow_sigmas, timestep_spacing)"
        )
        require(abs(told - right) < 1.5, f"{title(scheduler)}'s time", f"{told:.5g} at kappa = {kappa:.4g}", remedy)
