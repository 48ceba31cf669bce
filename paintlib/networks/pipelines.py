"""Text-to-image pipelines of diffusers from files, and the way between their latents and pictures.

Latents are flattened like pictures, row by row with the channels last: vectors (..., D), D = height width channels.
"""

import math
from pathlib import Path

import numpy as np
import torch

from paintlib.checks import require, state, whole
from paintlib.networks import hub
from paintlib.networks.files import SHIPPED, fetch_other, shipped, verify
from paintlib.networks.text import quiet

PIXELS_PER_SLICE = 2**20
LICENCES = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "CreativeML Open RAIL-M: its Attachment A forbids some uses, of the "
    "model and of all that is derived from it, and whoever passes it on must pass these terms on "
    "(https://huggingface.co/spaces/CompVis/stable-diffusion-license). The pipeline is used here without its filter.",
}


def load(name, device=None):
    """A text-to-image pipeline from the name of a model that ships, a folder of diffusers format, or a hub name.

    Stable Diffusion 1, 2 and XL, in float16 on a GPU and in float32 on a CPU. Of a hub model one variant of what is
    needed is fetched, at the revision pinned in `TABLE_1` if it is of the paper, its size and licence said before.
    """
    from diffusers import DiffusionPipeline

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    half = str(device).startswith("cuda")
    if name in shipped():
        folder = SHIPPED / name
        verify(folder)
    elif Path(name).is_dir():
        folder = Path(name)
    else:
        folder = fetch_other(name, "use 'emoji', the small one that ships", hub.Whole(half), LICENCES.get(name, ""))
    require((folder / "model_index.json").is_file(), str(folder), "no model_index.json", "give a pipeline's folder")
    index = (folder / "model_index.json").read_text()
    require('"unet"' in index and '"tokenizer"' in index, str(folder), "no text-to-image pipeline", "it needs a prompt")
    bare = {"safety_checker": None, "requires_safety_checker": False} if '"safety_checker"' in index else {}
    options = {"torch_dtype": torch.float16 if half else torch.float32, **bare}
    variant = "fp16" if half and any((folder / "unet").glob("*.fp16.safetensors")) else None
    with quiet():
        pipe = DiffusionPipeline.from_pretrained(folder, variant=variant, **options).to(device)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def latent_shape(pipe, height=None, width=None):
    """(height, width, channels) of a pipeline's latents, for pictures of its usual size or of so many pixels."""
    usual = pipe.unet.config.sample_size
    usual = (usual, usual) if isinstance(usual, int) else tuple(usual)
    for name, side in (("height", height), ("width", width)):
        whole(name, 64 if side is None else side, 8, "give it in pixels")
    sides = [
        u if side is None else side // pipe.vae_scale_factor for side, u in zip((height, width), usual, strict=True)
    ]
    return (*sides, pipe.unet.config.in_channels)


def noise(pipe, count, seed=0, **sides):
    """`count` vectors of unit noise for a pipeline, float32 (count, D), the same on every machine."""
    D = math.prod(latent_shape(pipe, **sides))
    whole("count", count, 1, "give how many vectors")
    whole("seed", seed, 0, "give a whole number, 0 or more")
    return np.random.default_rng(seed).standard_normal((count, D), dtype=np.float32)


@torch.inference_mode()
def decode(pipe, z, **sides):
    """Latents (..., D) as pictures (..., H, W, 3) in [0, 1], float32, slice by slice; the pipeline's own decoding."""
    shape, vae = latent_shape(pipe, **sides), _plain(pipe.vae)
    state(z, math.prod(shape))
    rows = torch.as_tensor(z).reshape(-1, *shape).permute(0, 3, 1, 2)

    def pictures(part):
        pixels = vae.decode(part / vae.config.scaling_factor).sample
        return ((pixels / 2 + 0.5).clamp(0, 1)).permute(0, 2, 3, 1)

    found = _in_slices(vae, pictures, rows, PIXELS_PER_SLICE // (shape[0] * shape[1] * pipe.vae_scale_factor**2))
    return found.reshape(*z.shape[:-1], *found.shape[1:])


@torch.inference_mode()
def encode(pipe, images):
    """Latents (..., D) of pictures (..., H, W, 3) in [0, 1]: the mean that the autoencoder gives, float32."""
    images = np.asarray(images)
    require(images.ndim >= 3 and images.shape[-1] == 3, "images", f"shape {images.shape}", "give (..., H, W, 3)")
    require(images.dtype != np.uint8 and 0 <= images.min() and images.max() <= 1, "images",
            f"{images.dtype}, {images.min():g} to {images.max():g}", "give floats in [0, 1]")  # fmt: skip
    vae, (H, W) = _plain(pipe.vae), images.shape[-3:-1]
    rows = torch.as_tensor(2.0 * images - 1, dtype=torch.float32).reshape(-1, H, W, 3).permute(0, 3, 1, 2)

    def latents(part):
        mean = vae.encode(part).latent_dist.mode() * vae.config.scaling_factor
        return mean.permute(0, 2, 3, 1).flatten(1)

    return _in_slices(vae, latents, rows, PIXELS_PER_SLICE // (H * W)).reshape(*images.shape[:-3], -1)


def _plain(vae):
    """An autoencoder whose latents are scaled by one number, as those of Stable Diffusion are."""
    odd = {key: vae.config.get(key) for key in ("latents_mean", "latents_std", "shift_factor") if vae.config.get(key)}
    require(not odd, "vae", odd, "only latents with a single scaling_factor are turned here; use the pipeline's own")
    return vae


def _in_slices(vae, turn, rows, size):
    """`turn` of all rows, a slice at a time, in float32 (some autoencoders overflow in float16); the dtype is kept."""
    kept = vae.dtype
    with quiet():
        vae.float()
        try:
            parts = [turn(part.to(vae.device, torch.float32)).cpu() for part in rows.split(max(size, 1))]
        finally:
            vae.to(kept)
    return torch.cat(parts).numpy()
