"""Train the autoencoder whose latents are painted from prompts: 32 x 32 pixels to 8 x 8 latents of 4 channels.

    python -m paintlib.train.latents --images 60000

The same command resumes from the last checkpoint, on a CPU or on a GPU.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from paintlib.checks import path
from paintlib.data import emoji
from paintlib.train import command
from paintlib.train.checkpoint import load_checkpoint
from paintlib.train.loop import CHECKPOINT, begin, budget, fit
from paintlib.train.objective import scaled

DRAWINGS = "the drawings as .npz (default: those that ship)"


@dataclass(frozen=True)
class Recipe:
    """How the autoencoder is trained; `kl` weighs the divergence of its latents from unit noise.

    `plain` is the share of drawings in their own colours; in the others red, green and blue are exchanged at random.
    """

    widths: tuple[int, ...] = (16, 32, 64)
    batch: int = 16
    rate: float = 2e-3
    warmup: int = 200
    decay: int = 4000
    power: float = 20
    muon: bool = True
    kl: float = 1e-4
    plain: float = 0.6


def autoencoder(recipe=Recipe()):
    """An `AutoencoderKL` of diffusers without attention, whose latents are a quarter as wide as the pictures."""
    from diffusers import AutoencoderKL

    levels = len(recipe.widths)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=recipe.widths,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=emoji.SIDE,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def drawings_for(file=None):
    """Pictures as uint8 (pairs, 3, 32, 32), which of them are held out (pairs,), and their prompts."""
    found = emoji.load(file)
    images = torch.from_numpy(found.images).flatten(0, 1).permute(0, 3, 1, 2).contiguous()
    return images, torch.from_numpy(found.held_out).flatten(), found.prompts


def batch_at(images, recipe, seed, step):
    """A random batch in [-1, 1]: moved by a pixel at most, mirrored half the time; and the generator that drew it."""
    rng, batch = torch.Generator().manual_seed(seed * 1_000_003 + step), recipe.batch
    chosen = images[torch.randint(len(images), (batch,), generator=rng)]
    down, right, mirror = (torch.randint(n, (batch,), generator=rng) for n in (3, 3, 2))
    colours = torch.rand(batch, 3, generator=rng).argsort(dim=1)
    colours[torch.rand(batch, generator=rng) < recipe.plain] = torch.arange(3)
    moved = []
    for x, dy, dx, flip, order in zip(chosen, down, right, mirror, colours, strict=True):
        x = torch.roll(x, (int(dy) - 1, int(dx) - 1), (-2, -1))[order]
        moved.append(x.flip(-1) if flip else x)
    return scaled(torch.stack(moved)), rng


def loss_at(vae, images, recipe, seed, step):
    """Absolute and squared error of the picture, absolute error of its 4 x 4 means, and the latents' divergence."""
    x, rng = batch_at(images, recipe, seed, step)
    x = x.to(vae.device, memory_format=torch.channels_last)
    found = vae.encode(x).latent_dist
    z = found.mean + found.std * torch.randn(found.mean.shape, generator=rng).to(vae.device)
    y = vae.decode(z).sample
    coarse = (F.avg_pool2d(y, 4) - F.avg_pool2d(x, 4)).abs().mean()
    divergence = (found.mean**2 + found.var - 1 - found.logvar).mean() / 2
    return (y - x).abs().mean() + coarse + (y - x).square().mean() + recipe.kl * divergence


@torch.no_grad()
def encode(vae, images, batch=512):
    """The mean latents (N, 4, 8, 8) of uint8 pictures (N, 3, 32, 32)."""
    return torch.cat([vae.encode(scaled(part.to(vae.device))).latent_dist.mean for part in images.split(batch)])


@torch.no_grad()
def psnr(vae, images):
    """Peak signal-to-noise ratio of pictures that were encoded and decoded, mean in dB."""
    y = vae.decode(encode(vae, images)).sample.clamp(-1, 1)
    error = (scaled(images.to(vae.device)) - y).square().mean(dim=(1, 2, 3)) / 4  # pixels have a range of 2
    return float(-10 * error.log10().mean())


@torch.no_grad()
def fold(vae, mean, std):
    """Let the latents be (z - mean) / std, channel by channel: the constants go into the 1 x 1 convolutions."""
    d, into, out = len(mean), vae.quant_conv, vae.post_quant_conv
    into.weight[:d] /= std[:, None, None, None]
    into.bias[:d] = (into.bias[:d] - mean) / std
    into.bias[d:] -= 2 * std.log()
    out.bias += (out.weight[:, :, 0, 0] * mean).sum(dim=1)
    out.weight *= std[None, :, None, None]
    return vae


def trained(folder):
    """The averaged autoencoder of the run in `folder`."""
    net, ema = autoencoder(), autoencoder()
    load_checkpoint(path("folder", folder) / CHECKPOINT, net, ema)
    return ema.eval().requires_grad_(False)


@torch.no_grad()
def sheet(vae, images, file, columns=8):
    """Save pictures, each beside what its latents give back, as a PNG."""
    pairs = torch.stack([scaled(images).to(vae.device), vae.decode(encode(vae, images)).sample], dim=1)
    save_tiles(pairs.flatten(0, 1), file, 2 * columns)


def save_tiles(pictures, file, columns, scale=3):
    """Save pictures (N, 3, H, W) in [-1, 1] in rows of `columns` as a PNG; every pixel becomes a square."""
    from PIL import Image

    n, channels, h, w = pictures.shape
    rows = -(-n // columns)
    white = pictures.new_ones(rows * columns - n, channels, h, w)
    tiled = torch.cat([pictures, white]).reshape(rows, columns, channels, h, w).permute(0, 3, 1, 4, 2)
    tiled = ((tiled.reshape(rows * h, columns * w, channels).clamp(-1, 1) + 1) * 127.5).round().byte()
    size = (columns * w * scale, rows * h * scale)
    Image.fromarray(tiled.cpu().numpy()).resize(size, Image.NEAREST).save(file)


def train(folder, *, file=None, images=None, hours=None, seed=0, device=None, minutes=5, recipe=Recipe()):
    """Train the autoencoder on the pairs that are not held out; returns the record, with the PSNR of both kinds."""
    budget(images, hours, minutes)
    pictures, held, _ = drawings_for(file)
    seen, unseen = pictures[~held], pictures[held]
    run = begin("latents", recipe, lambda: autoencoder(recipe), folder, seed, device)

    def look():
        found = {"seen": psnr(run.ema, seen[::20]), "held out": psnr(run.ema, unseen)}
        run.record["psnr"] = [*run.record.get("psnr", []), {"step": run.record["step"], **found}]
        print("psnr in dB:", ", ".join(f"{k} {v:.1f}" for k, v in found.items()), flush=True)
        sheet(run.ema, unseen[:48], run.folder / "samples.png")

    def loss_of(step):
        return loss_at(run.net, seen, recipe, seed, step)

    return fit(run, loss_of, look, images=images, hours=hours, minutes=minutes)


def main(arguments=None):
    """Train from the command line."""
    command.run(train, command.options("train.latents", __doc__, "runs/latents", DRAWINGS), arguments)


if __name__ == "__main__":
    main()
