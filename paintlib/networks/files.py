"""Networks from files: the models that ship, the paper's (Table 1), any folder in diffusers' format or hub model."""

import hashlib
import json
from pathlib import Path

import torch

from paintlib.checks import require
from paintlib.networks.adapters import from_diffusers
from paintlib.networks.text import Prompted, embed

SHIPPED = Path(__file__).parents[1] / "models"
# Table 1: hub name and revision. The last two are not pinned: their commit could not be verified.
TABLE_1 = {
    "google/ddpm-cifar10-32": "267b167dc01f0e4e61923ea244e8b988f84deb80",
    "google/ddpm-celebahq-256": "cd5c944777ea2668051904ead6cc120739b86c4d",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    "google/ddpm-church-256": "main",
    "dimpo/ddpm-mnist": "main",
}


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
        net = Prompted(net, embed(folder, ["", prompt]), guidance)
    net = net.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval().requires_grad_(False)
    return from_diffusers(net, scheduler, batch)


def shipped():
    """The names of the models that ship with the book."""
    return sorted(p.parent.name for p in SHIPPED.glob("*/model_index.json"))


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
