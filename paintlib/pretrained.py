"""Trained networks as denoisers: the models that ship, the paper's (Table 1), any diffusers folder or hub model.

At the border images are flattened as in `paintlib.data`, row by row with the channels last, and cast to the network's
dtype and device; a NumPy array in gives a NumPy array out.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from paintlib.checks import require, state
from paintlib.samplers import Step
from paintlib.schedules import Level, Tabulated

SHIPPED = Path(__file__).parent / "models"

# Table 1: hub name and revision. The last two are not pinned: their commit could not be verified.
TABLE_1 = {
    "google/ddpm-cifar10-32": "267b167dc01f0e4e61923ea244e8b988f84deb80",
    "google/ddpm-celebahq-256": "cd5c944777ea2668051904ead6cc120739b86c4d",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    "google/ddpm-church-256": "main",
    "dimpo/ddpm-mnist": "main",
}

PREDICTIONS = ("epsilon", "sample", "v_prediction")
PIXELS_PER_BATCH = 2**18


@dataclass(frozen=True)
class Network:
    """A network trained on the levels of a table, seen as a denoiser at any level within it.

    net(x, t) predicts the noise, the image or v (`prediction`) from variance-preserving x (B, C, H, W) at a time t of
    `schedule`; `shape` is (H, W, C). A level of another kind is taken to the same kappa = sigma / alpha, and t may
    fall between two entries. At most `batch` images are computed at once; on a GPU without room, half as many.
    """

    net: Any
    schedule: Tabulated
    shape: tuple[int, int, int]
    prediction: str = "epsilon"
    batch: int | None = None

    def __post_init__(self):
        require(self.prediction in PREDICTIONS, "prediction", repr(self.prediction), f"choose one of {PREDICTIONS}")
        require(self.batch is None or self.batch >= 1, "batch", self.batch, "need at least one image")

    @property
    def D(self):
        """The number of dimensions."""
        return math.prod(self.shape)

    def denoise(self, x, level):
        """The endpoint estimate of the network, for x (..., D) (Eq. 6)."""
        pixels, kappa = _per_alpha(x, level, self)
        times = torch.as_tensor([self.schedule.time(k) for k in kappa], dtype=pixels.dtype, device=pixels.device)
        alpha, sigma = (_column(a, pixels) for a in (1 / np.hypot(1, kappa), kappa / np.hypot(1, kappa)))
        pixels = alpha * pixels
        return like(endpoint(pixels, self.predict(pixels, times), alpha, sigma, self.prediction), x)

    def predict(self, pixels, t):
        """The network's own output for pixels (B, C, H, W) and times t, a number or (B,)."""
        return predict(self.net, pixels, t, self.batch)


@dataclass(frozen=True)
class EDMNetwork:
    """A network in EDM's form: x0_hat = c_skip x + c_out net(c_in x, log(kappa) / 4) for x in units of alpha.

    c_skip = s^2 / (kappa^2 + s^2), c_out = kappa s / sqrt(kappa^2 + s^2), c_in = 1 / sqrt(kappa^2 + s^2), where s is
    `sigma_data`; any kappa > 0 will do.
    """

    net: Any
    shape: tuple[int, int, int]
    sigma_data: float = 0.5
    batch: int | None = None

    def __post_init__(self):
        require(self.sigma_data > 0, "sigma_data", self.sigma_data, "the data's standard deviation is positive")

    @property
    def D(self):
        """The number of dimensions."""
        return math.prod(self.shape)

    def denoise(self, x, level):
        """The endpoint estimate of the network, for x (..., D)."""
        pixels, kappa = _per_alpha(x, level, self)
        s, total = self.sigma_data, np.hypot(kappa, self.sigma_data)
        skip, out, inner = (_column(a, pixels) for a in (s**2 / total**2, kappa * s / total, 1 / total))
        noise = torch.as_tensor(np.log(kappa) / 4, dtype=pixels.dtype, device=pixels.device)
        return like(skip * pixels + out * self.predict(inner * pixels, noise), x)

    def predict(self, pixels, t):
        """The network's own output for pixels (B, C, H, W) and its times t = log(kappa) / 4, a number or (B,)."""
        return predict(self.net, pixels, t, self.batch)


@torch.inference_mode()
def predict(net, pixels, t, batch=None):
    """net(pixels, t) in batches that fit the memory: `batch` images, or what is usual for their size, or fewer."""
    size = batch or max(PIXELS_PER_BATCH // math.prod(pixels.shape[2:]), 1)
    t = torch.as_tensor(t, device=pixels.device)
    while True:
        try:
            cuts = [slice(i, i + size) for i in range(0, len(pixels), size)]
            parts = [net(pixels[cut], t[cut] if t.ndim else t) for cut in cuts]
            parts = [getattr(part, "sample", part) for part in parts]
            return parts[0] if len(parts) == 1 else torch.cat(parts)
        except torch.OutOfMemoryError as full:
            size = min(size, len(pixels)) // 2
            if size == 0:
                one = f"one image of shape {tuple(pixels.shape[1:])}"
                raise MemoryError(f"{one} does not fit on {pixels.device}; use a smaller model or the CPU") from full


def endpoint(x, output, alpha, sigma, prediction):
    """x0_hat from a network's output at a variance-preserving level, for each kind of prediction.

    epsilon: (x - sigma eps) / alpha (Eq. 6); sample: the output; v_prediction: alpha x - sigma v.
    """
    if prediction == "epsilon":
        return (x - sigma * output) / alpha
    return output if prediction == "sample" else alpha * x - sigma * output


def to_pixels(x, shape, net):
    """Flat vectors (..., D) as a contiguous batch (B, C, H, W) in the network's dtype and on its device."""
    state(x, math.prod(shape))
    weight = next(net.parameters(), torch.zeros(())) if hasattr(net, "parameters") else torch.zeros(())
    pixels = torch.as_tensor(x, dtype=weight.dtype, device=weight.device).reshape(-1, *shape)
    return pixels.permute(0, 3, 1, 2).contiguous()


def _per_alpha(x, level, network):
    """x / alpha as pixels, and kappa of every row (B,)."""
    pixels = to_pixels(x, network.shape, network.net)
    alpha, sigma = (np.broadcast_to(a, x.shape[:-1]).reshape(-1) for a in (level.alpha, level.sigma))
    inside = bool(np.all(alpha > 0) and np.all(sigma > 0))
    require(inside, "level", level, "a network knows levels with 0 < kappa < infinity only")
    return pixels / _column(alpha, pixels), sigma / alpha


def like(pixels, x):
    """A batch (B, C, H, W) flattened to the shape, kind and dtype of x."""
    flat = pixels.permute(0, 2, 3, 1).reshape(tuple(x.shape))
    return flat.to(x) if isinstance(x, torch.Tensor) else flat.cpu().numpy().astype(x.dtype)


def _column(values, pixels):
    return torch.as_tensor(np.array(values), dtype=pixels.dtype, device=pixels.device).reshape(-1, 1, 1, 1)


def load(name, prompt=None, guidance=7.5, device=None, batch=None):
    """A denoiser from the name of a model that ships, a folder of diffusers format, or a hub name.

    The models that ship: `shipped()`. The paper's: `TABLE_1`. Stable Diffusion takes a `prompt` and a strength of
    classifier-free `guidance`, and denoises latents. Weights come from safetensors where there are any, else from a
    weights-only file; nothing is unpickled freely, and nothing half loaded.
    """
    if name in shipped():
        folder = SHIPPED / name
        _verify(folder)
    else:
        folder = Path(name) if Path(name).is_dir() else _fetch(name)
    texts = (folder / "text_encoder").is_dir()
    remedy = "Stable Diffusion needs one, other models take none"
    require((prompt is not None) == texts, "prompt", repr(prompt), remedy)
    net, scheduler = _read_network(folder), _read_scheduler(folder)
    if texts:
        net = Prompted(net, _embed(folder, ["", prompt]), guidance)
    net = net.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval().requires_grad_(False)
    return from_diffusers(net, scheduler, batch)


def shipped():
    """The names of the models that ship with the book."""
    return sorted(p.parent.name for p in SHIPPED.glob("*/model_index.json"))


def from_diffusers(net, scheduler, batch=None):
    """A `UNet2DModel` (or what has its config) with the scheduler that it was trained for, as a denoiser."""
    size, config = net.config.sample_size, scheduler.config
    side = (size, size) if isinstance(size, int) else tuple(size)
    shape = (*side, net.config.in_channels)
    if "sigma_data" in config:
        require(config.prediction_type == "epsilon", "prediction_type", config.prediction_type, "EDM needs epsilon")
        return EDMNetwork(net, shape, config.sigma_data, batch)
    return Network(net, Tabulated(scheduler.alphas_cumprod), shape, config.prediction_type, batch)


class Prompted(torch.nn.Module):
    """A text-conditional network with its prompt: eps = eps_u + guidance (eps_c - eps_u)."""

    def __init__(self, unet, embeddings, guidance):
        super().__init__()
        self.unet, self.guidance, self.config = unet, guidance, unet.config
        self.register_buffer("embeddings", embeddings)  # of the empty prompt and of the prompt: (2, tokens, width)

    def forward(self, x, t):
        t = t.expand(len(x)).repeat(2)
        texts = self.embeddings.repeat_interleave(len(x), 0)
        plain, prompted = self.unet(torch.cat([x, x]), t, encoder_hidden_states=texts).sample.chunk(2)
        return plain + self.guidance * (prompted - plain)


@torch.inference_mode()
def _embed(folder, prompts):
    from transformers import CLIPTextModel, CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    room = tokenizer.model_max_length
    longest = max(len(ids) for ids in tokenizer(prompts).input_ids)
    require(longest <= room, "prompt", f"{longest} tokens", f"this model reads {room}; shorten it")
    return encoder(**tokenizer(prompts, padding="max_length", max_length=room, return_tensors="pt"))[0]


def _fetch(name):
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ["*.json", "*.txt", "*.safetensors", "*.bin"]
    try:
        return Path(snapshot_download(name, revision=TABLE_1.get(name), allow_patterns=patterns))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise ConnectionError(
            f"{name} is neither a folder nor a model that ships, and could not be had from the hub "
            f"({type(error).__name__}). Without a network use one of {shipped()}."
        ) from error


def _verify(folder):
    """Compare every file of a model that ships with its sha256."""
    for file, wanted in json.loads((folder / "sha256.json").read_text()).items():
        found = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        remedy = f"wanted {wanted}; reinstall paintlib, or restore the file from the repository"
        require(found == wanted, f"{folder.name}/{file}", f"sha256 {found}", remedy)


def _read_network(folder):
    """The network of a folder, every weight of it from the file."""
    import diffusers

    folder = folder / "unet" if (folder / "unet").is_dir() else folder
    safe, other = (folder / f"diffusion_pytorch_model.{kind}" for kind in ("safetensors", "bin"))
    require(safe.exists() or other.exists(), str(folder), "no weights", f"expected {safe.name} beside config.json")
    kind = _read_json(folder / "config.json").get("_class_name", "UNet2DModel")
    known = ("UNet2DModel", "UNet2DConditionModel")
    require(kind in known, "config.json", f"a {kind}", f"only {known} are loaded here")
    options = {"torch_dtype": torch.float32, "output_loading_info": True, "low_cpu_mem_usage": False}
    try:
        net, report = getattr(diffusers, kind).from_pretrained(folder, use_safetensors=safe.exists(), **options)
    except Exception as error:  # whatever the reader of a broken file raises
        file = safe if safe.exists() else other
        message = f"{file}: could not be read as weights of its config.json ({type(error).__name__}: {error})"
        raise ValueError(f"{message}; fetch the file again") from error
    off = {key: report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[key]}
    require(not off, str(folder), off, "weights and config.json do not belong together; fetch both again")
    return net


def _read_scheduler(folder):
    import diffusers

    folder = folder / "scheduler" if (folder / "scheduler").is_dir() else folder
    config = _read_json(folder / "scheduler_config.json")
    kind = getattr(diffusers, config.get("_class_name", "DDPMScheduler"), None)
    require(kind is not None, "scheduler_config.json", config.get("_class_name"), "name a scheduler of diffusers")
    return kind.from_config(config)


def _read_json(file):
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        raise ValueError(
            f"{file}: not there; a model folder holds config.json, weights and scheduler_config.json"
        ) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}: not JSON ({error}); fetch the file again") from error


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
