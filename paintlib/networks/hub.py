"""What a hub repository must give for a denoiser: one variant of the network, its scheduler, a text encoder if any."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from paintlib.checks import require

STEM = "diffusion_pytorch_model"
NETWORKS = ("unet", "transformer")
# Table 1: hub name and revision. The last two are not pinned: their commit could not be verified.
TABLE_1 = {
    "google/ddpm-cifar10-32": "267b167dc01f0e4e61923ea244e8b988f84deb80",
    "google/ddpm-celebahq-256": "cd5c944777ea2668051904ead6cc120739b86c4d",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    "google/ddpm-church-256": "main",
    "dimpo/ddpm-mnist": "main",
}
# What is asked for when the hub cannot be asked for its list, for what is in the cache.
USUAL = [
    "model_index.json",
    *("*config.json" if not f else f"{f}/config.json" for f in ("", *NETWORKS, "text_encoder")),
    "scheduler/*.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
    *(f"{f}{STEM}.safetensors" for f in ("", "unet/", "transformer/")),
    *(f"{f}{STEM}-*-of-*.safetensors" for f in ("", "unet/", "transformer/")),
    *(f"{f}{STEM}.safetensors.index.json" for f in ("", "unet/", "transformer/")),
    "text_encoder/model.safetensors",
]


def fetch(name, instead, choose=None, note=""):
    """The folder of a hub model, of which only what is needed is fetched; says beforehand how many MB that is.

    `choose` picks the files, by default those of a denoiser (`needed`); `note` is said with the size. `instead` is what
    the error offers where there is no network.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    revision = TABLE_1.get(name)
    try:
        info = HfApi().model_info(name, revision=revision, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings}
        patterns, revision = (choose or needed)(list(sizes)), info.sha
        size = sum(sizes[f] for f in patterns) / 1e6
        print(f"{name}: {size:.1f} MB from the hub, less what is kept. {note}".strip(), file=sys.stderr)
    except Exception:  # whatever a client without a network raises; the cache may have the model
        patterns = [*USUAL, "vae/config.json", f"vae/{STEM}.safetensors"] if choose else USUAL
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise ConnectionError(
            f"{name} is neither a folder nor a model that ships, and could not be had from the hub "
            f"({type(error).__name__}). Without a network {instead}."
        ) from error


def needed(files):
    """Of a repository's files those that a denoiser needs: configs, one variant of the weights, the tokenizer."""
    network = next((f"{f}/" for f in NETWORKS if f"{f}/config.json" in files), "")
    chosen = weights(files, network, STEM)
    require(chosen, "files", sorted(files)[:8], f"no weights called {network}{STEM} are in this repository")
    chosen += [f for f in files if f in ("model_index.json", f"{network}config.json", "scheduler_config.json")]
    chosen += [f for f in files if f.startswith("scheduler/") and f.endswith(".json")]
    if "text_encoder/config.json" in files:
        chosen += ["text_encoder/config.json", *weights(files, "text_encoder/", "(?:pytorch_)?model")]
        chosen += [f for f in files if f.startswith("tokenizer/") and f.endswith((".json", ".txt", ".model"))]
    return sorted(set(chosen))


@dataclass(frozen=True)
class Whole:
    """Of a repository's files those of a whole text-to-image pipeline, without its filter; in float16 if `half`."""

    half: bool

    def __call__(self, files):
        chosen = [f for f in files if f == "model_index.json" or re.match(r"(scheduler|tokenizer(_2)?)/[^/]+$", f)]
        parts = {"unet": STEM, "vae": STEM, "text_encoder": "(?:pytorch_)?model", "text_encoder_2": "model"}
        for folder, stem in parts.items():
            if f"{folder}/config.json" in files:
                chosen += [f"{folder}/config.json", *weights(files, f"{folder}/", stem, self.half)]
        return sorted(set(chosen))


def weights(files, folder, stem, half=False):
    """The files of one variant: safetensors before bin, full precision before fp16 (not if `half`), whole to shards."""
    found = variants(files, folder, stem)
    return max(found, key=lambda v: (v[0][0], half and v[1] == "fp16", v), default=(0, "", []))[2]


def variants(files, folder, stem):
    """All variants that are there: how good a choice, the variant's name, its files with their index."""
    part = re.compile(rf"{re.escape(folder)}{stem}(?:\.(?P<a>\w+))?(?P<shard>-\d+-of-\d+)?\.(?P<kind>safetensors|bin)")
    old = re.compile(rf"{re.escape(folder)}{stem}(?P<shard>-\d+-of-\d+)(?:\.(?P<a>\w+))\.(?P<kind>safetensors|bin)")
    groups = {}
    for file in files:
        if match := part.fullmatch(file) or old.fullmatch(file):
            key = (match["a"] or "", match["kind"], bool(match["shard"]))
            groups.setdefault(key, []).append(file)
    order = ["non_ema", "bf16", "fp16", ""]  # any other is an unknown, and comes last
    for (variant, kind, sharded), group in groups.items():
        if sharded:
            group += [
                f for f in files if re.fullmatch(rf"{re.escape(folder)}{stem}\.{kind}\.index(?:\.{variant})?\.json", f)
            ]
        rank = (kind == "safetensors", order.index(variant) if variant in order else -1, not sharded)
        yield rank, variant, sorted(group)
