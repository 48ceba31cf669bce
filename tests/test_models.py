"""The models that ship: whole, small, readable by diffusers, and better than the mean picture."""

import json

import diffusers
import numpy as np
import pytest
import torch

from paintlib import data, networks
from paintlib.networks.files import SHIPPED
from paintlib.train import recipes

NAMES = networks.shipped()


def test_both_data_sets_have_a_model_and_all_are_small():
    assert {"cifar10", "fashion-mnist"} <= set(NAMES)
    assert sum(f.stat().st_size for f in SHIPPED.rglob("*") if f.is_file()) <= 30e6


@pytest.mark.parametrize("name", NAMES)
def test_diffusers_reads_the_folder_and_the_card_says_how_it_was_made(name):
    pipe = diffusers.DDPMPipeline.from_pretrained(SHIPPED / name)
    painter = networks.load(name, device="cpu")
    for ours, theirs in zip(painter.net.parameters(), pipe.unet.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs.float(), rtol=0, atol=0)
    card = (SHIPPED / name / "README.md").read_text()
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
