"""Runs of diffusers' own schedulers, watched: every state with its level and the endpoint estimate."""

import math

import torch

from paintlib.networks.adapters import EDMNetwork, Network, endpoint, like, to_pixels
from paintlib.samplers import Step
from paintlib.schedules import Level


def record(denoiser, scheduler, x, steps, **arguments):
    """Let one of diffusers' own schedulers drive, and watch: a generator of `Step`s.

    denoiser: a network, fed exactly as its pipeline feeds it, or any analytic denoiser. x (B, D) is noise of unit
    variance, NumPy or torch; `steps` is for the scheduler's `set_timesteps`; `arguments` (generator, eta) go to its
    `step`. A step has the state in the scheduler's own coordinates and says their level, so that `Trajectory.scaled`
    or `.vp` puts all schedulers on one footing. Some schedulers visit a level more than once.
    """
    scheduler.set_timesteps(steps)
    if isinstance(denoiser, Network | EDMNetwork):
        sample = to_pixels(x, denoiser.shape, denoiser.net)
    else:
        sample = torch.as_tensor(x)
    return _record(denoiser, scheduler, sample * scheduler.init_noise_sigma, x, arguments)


def _record(denoiser, scheduler, sample, x, arguments):
    for i, t in enumerate(scheduler.timesteps):
        level = _level(scheduler, i)
        scaled = scheduler.scale_model_input(sample, t)
        if sample.ndim == 4:
            output = denoiser.predict(scaled, t)
            x0_hat = like(_endpoint(scheduler, sample, output, level), x)
        else:
            x0_hat = denoiser.denoise(_as(sample, x), level)
            output = _output(scheduler, sample, torch.as_tensor(x0_hat), level)
        yield Step(float(t), level, _as(sample, x), x0_hat)
        sample = scheduler.step(output, t, sample, **arguments).prev_sample
    level = _level(scheduler, len(scheduler.timesteps))
    last = _as(sample, x)
    clean = level.sigma == 0
    yield Step(-1.0 if clean else 0.0, level, last, last / level.alpha if clean else denoiser.denoise(last, level))


def _as(sample, x):
    """A scheduler's sample in the caller's shape and kind."""
    if sample.ndim == 4:
        return like(sample, x)
    return sample if isinstance(x, torch.Tensor) else sample.numpy()


def _level(scheduler, i):
    """The level of the state before step i, or after the last, in the scheduler's own coordinates.

    Schedulers without `sigmas` keep variance-preserving x at alphas_cumprod[t]. Of those with `sigmas`, the ones that
    start from noise larger than one keep x / alpha; the others keep x.
    """
    if not hasattr(scheduler, "sigmas"):
        past = i == len(scheduler.timesteps)
        final = getattr(scheduler, "final_alpha_cumprod", torch.tensor(1.0))
        square = float(final if past else scheduler.alphas_cumprod[int(scheduler.timesteps[i])])
        return Level(math.sqrt(square), math.sqrt(1 - square))
    sigma = float(scheduler.sigmas[i])
    return Level(1.0, sigma) if scheduler.init_noise_sigma > 1 else Level.from_kappa(sigma).vp()


def _endpoint(scheduler, sample, output, level):
    """x0_hat from a network's output, as the scheduler reads it."""
    if hasattr(scheduler, "precondition_outputs"):
        return scheduler.precondition_outputs(sample, output, torch.tensor(level.sigma))
    norm, vp = math.hypot(level.alpha, level.sigma), level.vp()
    return endpoint(sample / norm, output, vp.alpha, vp.sigma, scheduler.config.prediction_type)


def _output(scheduler, sample, x0_hat, level):
    """What a network would have to output for the scheduler to read x0_hat: the inverse of `_endpoint`."""
    if hasattr(scheduler, "precondition_outputs"):
        skip, out = (scheduler.precondition_outputs(*pair, torch.tensor(level.sigma)) for pair in ((1, 0), (0, 1)))
        return (x0_hat - skip * sample) / out
    eps = (sample - level.alpha * x0_hat) / level.sigma
    vp, prediction = level.vp(), scheduler.config.prediction_type
    outputs = {"epsilon": eps, "sample": x0_hat, "v_prediction": vp.alpha * eps - vp.sigma * x0_hat}
    return outputs[prediction]
