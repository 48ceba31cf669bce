"""Networks from files: the models that ship, the paper's (Table 1), any folder in diffusers' format or hub model."""

import hashlib
import json
from numbers import Integral
from pathlib import Path

import torch

from paintlib.checks import require, whole
from paintlib.networks.adapters import EDMNetwork, FlowNetwork, Network
from paintlib.networks.forms import prediction_of
from paintlib.networks.hub import NETWORKS, STEM, TABLE_1, fetch, variants
from paintlib.networks.labels import Labelled, takes_labels
from paintlib.networks.text import Prompted, embed
from paintlib.schedules import Tabulated

SHIPPED = Path(__file__).parents[1] / "models"
CLASSES = ("UNet2DModel", "UNet2DConditionModel", "DiTTransformer2DModel", "Transformer2DModel")
__all__ = ["SHIPPED", "TABLE_1", "from_diffusers", "load", "shipped"]


def load(name, prompt=None, guidance=None, label=None, unlabelled=None, size=None, device=None, batch=None):
    """A denoiser from the name of a model that ships, a folder of diffusers format, or a hub name.

    The models that ship: `shipped()`. The paper's: `TABLE_1`. Stable Diffusion takes a `prompt`, and denoises latents;
    a class-conditional network takes a `label`, a whole number, and for guidance the label that stands for none,
    `unlabelled`, if its kind has none of its own. `guidance` is the strength of classifier-free guidance, 7.5 with a
    prompt and 1 (none) with a label if nothing is said. `size` is the side of the images, or (height, width), if the
    network's config does not say it. Weights come from safetensors where there are any, else from a weights-only file;
    full precision before fp16; nothing is unpickled freely, and nothing half loaded.
    """
    require(isinstance(name, str | Path) and name != "", "name", repr(name), f"give a folder, or one of {shipped()}")
    if name in shipped():
        folder = SHIPPED / name
        verify(folder)
    else:
        folder = Path(name) if Path(name).is_dir() else fetch_other(name, f"use one of {shipped()}")
    texts = (folder / "text_encoder").is_dir()
    remedy = "Stable Diffusion needs one, other models take none"
    require((prompt is not None) == texts, "prompt", repr(prompt), remedy)
    net, scheduler = _read_network(folder), _read_scheduler(folder)
    labels = takes_labels(net.config) and not texts
    require(labels or label is None, "label", repr(label), "this network was trained without labels; leave it out")
    if texts:
        net = Prompted(net, embed(folder, ["", prompt]), 7.5 if guidance is None else guidance)
    elif labels:
        net = Labelled(net, label, 1.0 if guidance is None else guidance, unlabelled)
    else:
        require(guidance is None, "guidance", guidance, "it takes a prompt or a label, and this network has neither")
    net = net.to(_device(device)).eval().requires_grad_(False)
    return from_diffusers(net, scheduler, batch, size)


def from_diffusers(net, scheduler, batch=None, size=None):
    """A `UNet2DModel` (or what has its config) with the scheduler that it was trained for, as a denoiser.

    `size` is the images' side, or (height, width), where the config's `sample_size` does not say it.
    """
    said, config = getattr(getattr(net, "module", net), "config", None), getattr(scheduler, "config", None)
    fits = hasattr(said, "in_channels") and hasattr(said, "sample_size") and hasattr(config, "get")
    kinds = f"{type(net).__name__} and {type(scheduler).__name__}"
    remedy = "give a network and a scheduler of diffusers; wrap others: Network(net, schedule, shape, prediction)"
    require(fits, "net, scheduler", kinds, remedy)
    size = said.sample_size if size is None else size
    require(size is not None, "sample_size", None, "its config does not say how large the images are; give size=")
    side = sides(size)
    shape, halvings = (*side, said.in_channels), len(getattr(said, "block_out_channels", [0])) - 1
    odd = any(isinstance(length, int) and length % 2**halvings for length in side)
    remedy = f"take sides that are multiples of {2**halvings}: the network halves them from level to level"
    require(not odd, "sample_size", side, remedy)
    prediction, name = prediction_of(scheduler), type(scheduler).__name__
    own = "wrap it yourself: Network(net, schedule, shape, prediction), EDMNetwork or FlowNetwork"
    require(prediction is not None, "scheduler", name, f"it does not say what its network predicts; {own}")
    if prediction == "flow":
        require(
            not config.get("invert_sigmas"), "invert_sigmas", True, "wrap it yourself: FlowNetwork(net, shape, times)"
        )
        return FlowNetwork(net, shape, (0, config.num_train_timesteps), batch)
    if prediction == "edm":
        require(config.prediction_type == "epsilon", "prediction_type", config.prediction_type, "EDM needs epsilon")
        return EDMNetwork(net, shape, config.sigma_data, batch)
    known = hasattr(scheduler, "alphas_cumprod")
    require(known, "scheduler", name, f"it has no alphas_cumprod to tell the levels; {own}")
    for option, usual in (("timestep_type", "discrete"), ("use_flow_sigmas", False)):
        found = config.get(option, usual)
        remedy = f"its network knows other times than the table's; {own}"
        require(found == usual, f"{name}'s {option}", repr(found), remedy)
    return Network(net, Tabulated(scheduler.alphas_cumprod), shape, prediction, batch)


def sides(size):
    """(height, width) of images, of a config's or a caller's `sample_size`."""
    pair = (size, size) if isinstance(size, Integral) else size
    fits = isinstance(pair, tuple | list) and len(pair) == 2
    require(fits, "sample_size", repr(size), "give the side of the images, or (height, width): whole numbers")
    for side in pair:
        whole("sample_size", side, 1, "give the side of the images, or (height, width): whole numbers")
    return tuple(pair)


def shipped():
    """The names of the models that ship with the book."""
    return sorted(p.parent.relative_to(SHIPPED).as_posix() for p in SHIPPED.rglob("model_index.json"))


def fetch_other(name, instead, *options):
    """The folder of a hub model; says what to do where the name is one of the book's and its weights are missing."""
    remedy = "install the wheel paintlib-models from the book's release, or work in a checkout of the book"
    require("/" in str(name) or shipped(), "name", repr(name), f"the networks that ship are not installed: {remedy}")
    return fetch(name, instead, *options)


def verify(folder):
    """Compare every file of a model that ships with its sha256."""
    for file, wanted in json.loads((folder / "sha256.json").read_text()).items():
        found = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        remedy = f"wanted {wanted}; reinstall paintlib, or restore the file from the repository"
        require(found == wanted, f"{folder.name}/{file}", f"sha256 {found}", remedy)


def _read_network(folder):
    """The network of a folder, every weight of it from the files of one variant."""
    import diffusers

    folder = next((folder / f for f in NETWORKS if (folder / f).is_dir()), folder)
    files = [p.name for p in folder.iterdir()]
    there = [v for v in variants(files, "", STEM) if any(f.endswith((".safetensors", ".bin")) for f in v[2])]
    expected = f"expected {STEM}.safetensors (or .fp16.safetensors, or shards) beside config.json"
    require(there, str(folder), f"no weights in {sorted(files)}", expected)
    (safe, _, whole), variant, names = max(there)
    config = _read_json(folder / "config.json")
    kind = config.get("_class_name", "UNet2DModel")
    require(kind in CLASSES, "config.json", f"a {kind}", f"only {CLASSES} are loaded here")
    if not whole:
        index = [f for f in names if f.endswith(".json")]
        require(index, str(folder), f"shards {names} without their index", "fetch the .index.json beside them")
    options = {"torch_dtype": torch.float32, "output_loading_info": True, "low_cpu_mem_usage": False}
    options |= {"variant": variant or None, "use_safetensors": safe}
    try:
        net, report = getattr(diffusers, kind).from_pretrained(folder, **options)
    except Exception as error:  # whatever the reader of a broken file raises
        message = (
            f"{folder / names[0]}: could not be read as weights of its config.json ({type(error).__name__}: {error})"
        )
        raise ValueError(f"{message}; fetch the file again") from error
    off = {key: report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[key]}
    require(not off, str(folder), off, "weights and config.json do not belong together; fetch both again")
    groups = {part.num_groups for part in net.modules() if isinstance(part, torch.nn.GroupNorm)}
    counted = all(isinstance(number, int) and number > 0 for number in groups)  # torch makes layers of -1 or 0.5
    require(counted, "norm_num_groups", groups, "such a network can take no step; fetch config.json again")
    return net


def _read_scheduler(folder):
    import diffusers

    folder = folder / "scheduler" if (folder / "scheduler").is_dir() else folder
    config = _read_json(folder / "scheduler_config.json")
    name = config.get("_class_name", "DDPMScheduler")
    kind = getattr(diffusers, name, None) if str(name).endswith("Scheduler") else None
    require(kind is not None, "scheduler_config.json", repr(name), "name a scheduler of diffusers")
    try:
        return kind.from_config(config)
    except Exception as error:  # whatever a scheduler raises for options that do not fit
        message = f"{folder}/scheduler_config.json: got {type(error).__name__} from {name} ({error})"
        raise ValueError(f"{message}; fetch the file again, or mend it") from error


def _device(name):
    """A device that is there; by default the GPU if there is one."""
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except Exception as error:  # torch has several, and asserts
        raise ValueError(f"device: got {name!r}, which torch does not have here ({error}); leave it out") from error
    return name


def _read_json(file):
    """A config, which is a dictionary."""
    try:
        found = json.loads(file.read_text())
        require(
            isinstance(found, dict), str(file), f"a {type(found).__name__}", "a config is a dictionary; fetch it again"
        )
        return found
    except FileNotFoundError:
        raise ValueError(
            f"{file}: not there; a model folder holds config.json, weights and scheduler_config.json"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not JSON ({error}); fetch the file again") from error
