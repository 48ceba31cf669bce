"""The models that ship: whole, small, readable by diffusers, and better than the mean picture."""

import json

import diffusers
import numpy as np
import pytest
import torch

from paintlib import data, networks
from paintlib.data import emoji
from paintlib.networks.files import SHIPPED
from paintlib.train import gallery, latents, prompts, recipes

NAMES = [name for name in networks.shipped() if not (SHIPPED / name / "text_encoder").is_dir()]


def size(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def test_both_data_sets_have_a_model_and_all_are_small():
    assert {"cifar10", "fashion-mnist"} <= set(NAMES)
    small = size(SHIPPED / "thumbnails")
    assert small <= 8e6  # a score of networks that show how training goes, in chapter 18
    assert sum(size(SHIPPED / name) for name in NAMES if not name.startswith("thumbnails/")) <= 30e6


@pytest.mark.parametrize("name", NAMES)
def test_diffusers_reads_the_folder_and_the_card_says_how_it_was_made(name):
    pipe = diffusers.DDPMPipeline.from_pretrained(SHIPPED / name)
    painter = networks.load(name, device="cpu")
    for ours, theirs in zip(painter.net.parameters(), pipe.unet.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs.float(), rtol=0, atol=0)
    folder = SHIPPED / name
    card = (folder if (folder / "README.md").exists() else folder.parent).joinpath("README.md").read_text()
    assert all(word in card for word in ("images", "hours", "FID", "samples.png"))


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_has_learned(name):
    record = json.loads((SHIPPED / name / "training.json").read_text())
    torch.manual_seed(record["seed"])
    drawn = recipes.network(recipes.RECIPES[record["name"]]).state_dict()
    for key, w in networks.load(name, device="cpu").net.state_dict().items():
        moved = (w - drawn[key]).norm() / drawn[key].norm()
        assert w.ndim < 2 or moved > 1e-3, key  # rounding to float16 moves by 2e-4


@pytest.mark.parametrize("name, kappa", [("cifar10", 1.0), ("fashion-mnist", 1.0), ("fashion-mnist-tiny-3200", 1.0)])
def test_a_network_denoises_real_pictures_better_than_their_mean_does(name, kappa):
    source = "cifar10" if name.startswith("cifar") else "fashion-mnist"
    images = data.sample(source).images[::100]
    x_0 = data.to_vectors(images if source == "cifar10" else data.pad(images, 2))
    painter = networks.load(name, device="cpu")
    level = painter.schedule(painter.schedule.time(kappa))
    x = level.alpha * x_0 + level.sigma * np.random.default_rng(0).normal(size=x_0.shape)
    error = ((painter.denoise(x, level) - x_0) ** 2).mean()
    assert error < 0.5 * x_0.var(axis=0).mean()


# Painting from a prompt


def test_the_painter_of_prompts_is_small_and_its_card_says_how_it_was_made():
    assert "emoji" in networks.shipped() and size(SHIPPED / "emoji") <= 12e6
    card = (SHIPPED / "emoji" / "README.md").read_text()
    assert all(word in card for word in ("held-out", "minutes", "Fréchet distance", "samples.png", "Apache 2.0"))


def test_every_layer_of_the_painter_of_prompts_has_learned():
    record = json.loads((SHIPPED / "emoji" / "training.json").read_text())["prompts"]
    torch.manual_seed(record["seed"])
    drawn = prompts.network(prompts.Recipe()).state_dict()
    for key, w in networks.load("emoji", prompt="panda, cartoon", device="cpu").net.unet.state_dict().items():
        moved = (w - drawn[key]).norm() / drawn[key].norm()
        assert w.ndim < 2 or moved > 1e-3, key


def test_a_panda_in_black_ink_is_painted():
    """By diffusers' own pipeline: the drawings nearest to most pictures are that panda's, and they have no colour."""
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(SHIPPED / "emoji", torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    asked = {"num_inference_steps": 20, "guidance_scale": 3.0, "num_images_per_prompt": 4, "output_type": "np"}
    painted = pipe("panda, black ink", generator=torch.Generator().manual_seed(0), **asked).images
    known = emoji.load()
    pictures = 2 * torch.from_numpy(painted).permute(0, 3, 1, 2) - 1
    drawings = torch.from_numpy(known.images / 127.5 - 1).float().flatten(0, 1).permute(0, 3, 1, 2)
    which, _ = gallery.nearest(pictures, drawings)
    assert sum(known.prompts[i] == "panda, black ink" for i in which) >= 3
    assert np.abs(painted - painted.mean(axis=-1, keepdims=True)).mean() < 0.03
    coloured = pipe("red apple, cartoon", generator=torch.Generator().manual_seed(0), **asked).images
    assert np.abs(coloured - coloured.mean(axis=-1, keepdims=True)).mean() > 0.1


def test_the_autoencoder_of_prompts_gives_held_out_drawings_back():
    vae = diffusers.AutoencoderKL.from_pretrained(SHIPPED / "emoji" / "vae", torch_dtype=torch.float32)
    images, held, _ = latents.drawings_for()
    assert latents.psnr(vae.requires_grad_(False), images[held]) > 27
    z = latents.encode(vae, images[~held])
    np.testing.assert_allclose(z.std(dim=(0, 2, 3)), 1, atol=0.05)
    np.testing.assert_allclose(z.mean(dim=(0, 2, 3)), 0, atol=0.05)
