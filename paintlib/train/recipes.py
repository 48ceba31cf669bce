"""What is trained, and how: the recipes of the models that ship, their network, schedule and images."""

from dataclasses import dataclass

import numpy as np
import torch

from paintlib.checks import path, require
from paintlib.data.fetch import UNREADABLE
from paintlib.data.thumbnails import HALF, shrink


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how: network widths; the rate, its warm-up and decay in steps; the average's power.

    An error of the noise weighs at most `most`, see `weights`. Where kappa > `exact_above` the network learns from the
    mean of the noise, see `exact_noise`, instead of from one draw of it; None: nowhere. Without `muon` Adam trains all
    weights, see `Optimiser`. Times are drawn evenly in the `angle` of the rotation from image to noise, see `shares`,
    or else in the number of the step. Images are made `side` pixels wide; of them, those from `album[0]` up to
    `album[1]` are learned from, all if it is None.
    """

    data: str
    channels: int
    widths: tuple[int, ...]
    attention: bool = True
    batch: int = 64
    rate: float = 1.5e-3
    warmup: int = 500
    decay: int = 4000
    most: float = 30
    exact_above: float | None = 1
    power: float = 30
    muon: bool = True
    angle: bool = True
    snapshots: tuple[int, ...] = ()  # steps at which the averaged weights are kept
    side: int = 32
    album: tuple[int, int] | None = None


RECIPES = {
    "cifar10": Recipe("cifar10", 3, (32, 64, 128, 256)),
    "fashion-mnist": Recipe("fashion-mnist", 1, (32, 64, 96, 128)),
    "fashion-mnist-tiny": Recipe(
        "fashion-mnist",
        1,
        (16, 32, 32),
        attention=False,
        rate=1e-3,
        most=1,
        exact_above=None,
        power=7,
        muon=False,
        angle=False,
        snapshots=(50, 200, 800, 3200),
    ),
}


def thumbnails(album):
    """Clothes at 16 x 16 from a part of the training set: networks of one size for albums of many sizes."""
    common = {"attention": False, "power": 30, "muon": False, "snapshots": (100, 300, 1000, 3000)}
    return Recipe("fashion-mnist", 1, (16, 32), side=16, album=album, warmup=100, decay=3000, **common)


# two albums of one size have no picture in common: "a" begins at 0, "b" at the half of the training set
for count in (64, 512, 4096, HALF):
    RECIPES[f"thumbnails-{count}-a"] = thumbnails((0, count))
    RECIPES[f"thumbnails-{count}-b"] = thumbnails((HALF, HALF + count))


def recipe_of(name):
    """The recipe of a model that ships."""
    require(isinstance(name, str) and name in RECIPES, "name", repr(name), f"choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def network(recipe):
    """An unconditional `UNet2DModel` that predicts the noise; attention at its third resolution only."""
    from diffusers import UNet2DModel
    from diffusers.models.attention_processor import Attention, AttnProcessor

    levels = len(recipe.widths)
    attended = [recipe.attention and i == 2 for i in range(levels)]
    net = UNet2DModel(
        sample_size=recipe.side,
        in_channels=recipe.channels,
        out_channels=recipe.channels,
        layers_per_block=1,
        block_out_channels=recipe.widths,
        down_block_types=tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in attended),
        up_block_types=tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attended)),
        norm_num_groups=min(16, recipe.widths[0] // 2),
        attention_head_dim=64,
        add_attention=recipe.attention,
    )
    for module in net.modules():
        if isinstance(module, Attention):
            module.set_processor(AttnProcessor())  # on a CPU the fused attention's backward pass is far slower
    return net


def scheduler():
    """Linear beta from 1e-4 to 0.02 in 1000 steps, the schedule of `google/ddpm-cifar10-32`."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear", prediction_type="epsilon")


def images_for(recipe, file=None):
    """The training images as uint8 (N, channels, side, side); Fashion-MNIST is padded from 28 to 32 with black.

    For another side, blocks of pixels are averaged.
    """
    if file is None:
        from paintlib import data

        pixels = data.load(recipe.data, "train").images
    else:
        try:
            with np.load(path("file", file), allow_pickle=False) as archive:
                pixels = archive["x_train"]
        except UNREADABLE as error:
            raise ValueError(f"file: got {file!r} ({error}); give an .npz with x_train, uint8 images") from error
        fits = pixels.dtype == np.uint8 and pixels.ndim in (3, 4) and pixels.size > 0
        told = f"x_train of {pixels.dtype}, shape {pixels.shape}"
        require(fits, "file", told, "give uint8 images (N, H, W) or (N, H, W, C)")
    pixels = pixels[slice(*recipe.album)] if recipe.album else pixels
    pixels = shrink(pixels.reshape(*pixels.shape[:3], -1), recipe.side)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
