"""Runs of diffusers' own schedulers, watched: every state with its level and the endpoint estimate."""

import copy
import inspect
import math

import torch

from paintlib.checks import real_array, require
from paintlib.denoisers import Function
from paintlib.levels import Level
from paintlib.networks.forms import asked_by_level, check_pair, endpoint_of, output_for
from paintlib.networks.pixels import like, tensor, to_pixels
from paintlib.networks.schedulers import draws, kind, sort_arguments, title, visits
from paintlib.samplers import Step


def record(denoiser, scheduler, x, steps=None, start=None, **arguments):
    """Let one of diffusers' own schedulers drive, and watch: a generator of `Step`s.

    denoiser: a network, fed exactly as its pipeline feeds it, or any analytic denoiser, or a flow's network whose times
    are not diffusers' 0 to N: it is asked at each level as an analytic one is. x (B, D) is noise of unit
    variance, NumPy or torch; or, with `start`, a `Level` that the scheduler visits (`visits` lists them), the state
    there. `steps` and `arguments` go to the scheduler's `set_timesteps` (timesteps, sigmas, mu) and to its `step`
    (generator, eta). A step has the state in the scheduler's own coordinates and says their level, so that
    `Trajectory.scaled` or `.vp` puts all schedulers on one footing. Some schedulers visit a level more than once. They
    may clip the estimate (`clip_sample`, `thresholding`), which `samplers.ddim` never does: x0_hat is before the clip.

    DDIM and PNDM step to t - N // n whatever times they list ("linspace" and "trailing" list others); that is the level
    told. There a network is told the listed time, as in its pipeline, and an analytic denoiser the level told.

    Before a run its options are tried on data of one point y, where every state must be alpha y + sigma noise: where it
    is not, within 0.2 % of the noise and 0.1 % of the point (in mean and scatter within 10 % if fresh noise is drawn),
    the run is refused. DDPM with a variance other than "fixed_small" scatters more than its level says, the more the
    fewer its steps.

    ======================================================  =====================================================
    scheduler                                               states
    ======================================================  =====================================================
    DDIM, DDIMParallel, CogVideoXDDIM, PNDM                 x at alphas_cumprod
    DDPM, DDPMParallel, LCM, TCD                            x at alphas_cumprod, with fresh noise
    DPMSolverMultistep, DPMSolverSinglestep,                x at sigmas = sigma / alpha, or of the flow's form with
    UniPCMultistep, DEISMultistep                           `use_flow_sigmas`
    SASolver                                                the same, with fresh noise
    EulerDiscrete, HeunDiscrete, LMSDiscrete,               x / alpha at sigmas; KDPM2 also between them
    KDPM2Discrete, EDMEuler, EDMDPMSolverMultistep
    EulerAncestralDiscrete, KDPM2AncestralDiscrete          x / alpha at sigmas, with fresh noise
    FlowMatchEulerDiscrete, FlowMatchHeunDiscrete           (1 - t) x_0 + t noise at t = sigmas
    FlowMatchLCM                                            the same, with fresh noise
    refused: to noise                                       DDIMInverse, DPMSolverMultistepInverse
    refused: torchsde                                       CosineDPMSolverMultistep, DPMSolverSDE
    refused: needs more                                     CogVideoXDPM, RePaint, UnCLIP, FlowMapEulerDiscrete
    refused: own form                                       MiniMaxH3, CMStochasticIterative, ConsistencyDecoder,
                                                            DDPMWuerstchen, IPNDM, KarrasVe, SCM, Piflow, Helios,
                                                            HeliosDMD, LTXEulerAncestralRF, RFD4Proteina
    refused: no step                                        ScoreSdeVe, ScoreSdeVp
    refused: not Gaussian                                   Amused, BlockRefinement, DiscreteDDIM, EntropyBound,
                                                            VQDiffusion
    ======================================================  =====================================================
    """
    kind(scheduler)
    remedy = "give a network by from_diffusers(net, scheduler), Network, EDMNetwork or FlowNetwork, or a theory"
    able = hasattr(denoiser, "denoise") and not isinstance(denoiser, type)
    require(able, "denoiser", f"a {type(denoiser).__name__}", remedy)
    real_array("x", x, 2)
    setting, stepping = sort_arguments(scheduler, arguments)
    way = visits(scheduler, steps, **setting)
    check_pair(denoiser, scheduler, way)
    first = 0 if start is None else _place(scheduler, way, start)
    rehearse(scheduler, way, first, stepping)
    sample = tensor(x) if asked_by_level(denoiser) else to_pixels(x, denoiser.shape, denoiser.net)
    if start is None:
        sample = sample * getattr(scheduler, "init_noise_sigma", 1.0)
    else:  # the same kappa, in the scheduler's coordinates
        here = way[first].level
        sample = sample * (math.hypot(here.alpha, here.sigma) / math.hypot(start.alpha, start.sigma))
    begin(scheduler, first)
    return _run(denoiser, scheduler, sample, x, way[first:], stepping)


def _run(denoiser, scheduler, sample, x, way, stepping):
    for visit in way[:-1]:
        scaled = scheduler.scale_model_input(sample, visit.t) if hasattr(scheduler, "scale_model_input") else sample
        if sample.ndim == 4:
            output = denoiser.predict(scaled, visit.t)
            estimate, output = endpoint_of(scheduler, sample, output, visit.read)
            x0_hat, fed = like(estimate, x), sample
        else:
            x0_hat = denoiser.denoise(_as(sample, x), visit.level)
            estimate = tensor(x0_hat)
            fed = _moved(sample, estimate, visit)
            output = output_for(scheduler, fed, estimate, visit.read)
        yield Step(float(visit.t), visit.level, _as(sample, x), x0_hat)
        sample = _stepped(scheduler, output, visit.t, fed, stepping)
    level = way[-1].level
    last = _as(sample, x)
    clean = level.sigma == 0
    yield Step(-1.0 if clean else 0.0, level, last, last / level.alpha if clean else denoiser.denoise(last, level))


def _stepped(scheduler, output, t, sample, stepping):
    """The state after a step; whatever goes wrong in it is told as what it is, an option that cannot be served."""
    flat = sample.ndim == 2  # schedulers want a channel, and something beside it
    try:
        pair = (output[..., None], sample[..., None]) if flat else (output, sample)
        after = scheduler.step(pair[0], t, pair[1], **stepping).prev_sample
    except Exception as error:
        message = f"got {type(error).__name__} ({error}) at t = {float(t):g}; change its options"
        raise ValueError(f"{title(scheduler)}'s step: {message}") from error
    remedy = "look at the network's output there, and at the scheduler's options"
    fine = bool(torch.isfinite(after).all())
    require(fine, f"the state after {title(scheduler)}'s step", f"NaN or infinity at t = {float(t):g}", remedy)
    return after[..., 0] if flat else after


def _moved(sample, x0_hat, visit):
    """The state at the level that the scheduler reads, on the same straight line from estimate to noise."""
    level, read = visit.level, visit.read
    if level == read:
        return sample
    return read.alpha * x0_hat + read.sigma / level.sigma * (sample - level.alpha * x0_hat)


def _as(sample, x):
    """A scheduler's sample in the caller's shape and kind."""
    if sample.ndim == 4:
        return like(sample, x)
    return sample if isinstance(x, torch.Tensor) else sample.numpy()


def begin(scheduler, first):
    if first > 0 and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)


def _place(scheduler, way, start):
    """The place of a level among the visits from which a scheduler can begin."""
    require(isinstance(start, Level) and isinstance(start.kappa, float), "start", start, "give one Level, not a time")
    stride = getattr(scheduler, "order", 1)  # of a method of order 2, each second visit is a trial
    kappas = {i: visit.level.kappa for i, visit in enumerate(way[:-1]) if i % stride == 0}
    fits = [i for i, kappa in kappas.items() if math.isclose(kappa, start.kappa, rel_tol=1e-4)]
    near = ", ".join(f"{kappa:.5g}" for kappa in sorted(kappas.values(), key=lambda k: abs(k - start.kappa))[:2])
    require(
        fits, "start", f"kappa = {start.kappa:.5g}", f"begin at one that the scheduler visits ({near}; see `visits`)"
    )
    return fits[0]


def rehearse(scheduler, way, first, stepping):
    """Run a copy on data of one point: every state must be its level's mixture of the point and noise."""
    fresh, own = draws(scheduler, stepping), dict(stepping)
    generator = torch.Generator().manual_seed(0)
    if "generator" in inspect.signature(scheduler.step).parameters:
        own["generator"] = generator
    y = torch.full((1, 3, 1365), min(0.5, scheduler.config.get("clip_sample_range", 1) / 2), dtype=torch.float64)
    y[..., ::2] *= -1
    z = torch.randn(y.shape, generator=generator, dtype=y.dtype)
    double, level = copy.deepcopy(scheduler), way[first].level
    begin(double, first)
    if double.config.get("variance_type") in ("fixed_large", "learned", "learned_range"):  # right for other data
        double.variance_type = "fixed_small"
        double.register_to_config(variance_type="fixed_small")
    said = f"{title(scheduler)}'s states on data of one point y, with these options"
    remedy = "change them, or take another scheduler"
    if level.kappa > 1e3:  # as where a cosine table begins
        remedy = "take more steps, or other options: so far up, the float32 of most schedulers keeps few digits"
    for step in _run(Function(lambda x, level: y), double, level.alpha * y + level.sigma * z, y, way[first:], own):
        rest = step.x - step.level.alpha * y
        if fresh and step.level.sigma > 0:
            off = max(
                abs(float((rest * y.sign()).mean())) / step.level.sigma, abs(float(rest.std()) / step.level.sigma - 1)
            )
            fine = off < 0.1
        else:
            off = float((rest - step.level.sigma * z).abs().max())
            fine = off < 2e-3 * step.level.sigma + 1e-3 * step.level.alpha
        require(fine, said, f"alpha y + sigma noise but for {off:.2g} at kappa = {step.level.kappa:.4g}", remedy)
