"""Train the small diffusion models that ship with the book (Eq. 5).

    python -m paintlib.train cifar10 --hours 2
    python -m paintlib.train fashion-mnist --images 1000000

The same command resumes from the last checkpoint, on a CPU (bf16) or on a GPU. Every random number is a
function of the seed and the step, so a run that was stopped and resumed equals one that was not.
"""

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from paintlib.checks import require


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how: network widths; the rate, its warm-up and decay in steps; the average's power.

    An error of the noise weighs at most `most`, see `weights`. Where kappa > `exact_above` the network learns from the
    mean of the noise, see `exact_noise`, instead of from one draw of it; None: nowhere. Without `muon` Adam trains all
    weights, see `Optimiser`. Times are drawn evenly in the `angle` of the rotation from image to noise, see `shares`,
    or else in the number of the step.
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


def network(recipe):
    """An unconditional `UNet2DModel` at 32 x 32 that predicts the noise; attention at 8 x 8 only."""
    from diffusers import UNet2DModel
    from diffusers.models.attention_processor import Attention, AttnProcessor

    levels = len(recipe.widths)
    at_8 = [recipe.attention and i == 2 for i in range(levels)]
    net = UNet2DModel(
        sample_size=32,
        in_channels=recipe.channels,
        out_channels=recipe.channels,
        layers_per_block=1,
        block_out_channels=recipe.widths,
        down_block_types=tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in at_8),
        up_block_types=tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(at_8)),
        norm_num_groups=min(16, recipe.widths[0] // 2),
        attention_head_dim=64,
        add_attention=recipe.attention,
    )
    for module in net.modules():
        if isinstance(module, Attention):
            module.set_processor(AttnProcessor())  # on a CPU the fused attention's backward pass is far slower
    return net


def compiled(net, loss):
    """`torch.compile` of a network of ours, with its upsampling written as a copy of each pixel to a 2 x 2 block.

    With diffusers' own, the backward pass that torch 2.13 compiles for a CPU gave zeros to all weights below the full
    resolution. So the gradient of `loss(forward)` is compared with that of the plain network, weight by weight.
    """
    from diffusers.models.upsampling import Upsample2D

    named = dict(net.named_parameters())

    def gradient(forward):
        return torch.autograd.grad(loss(forward), list(named.values()), materialize_grads=True)

    plain = gradient(net)
    for module in net.modules():
        if isinstance(module, Upsample2D):
            module.interpolate = False
            module.conv.register_forward_pre_hook(doubled)
    forward = torch.compile(net)
    floor = 1e-3 * max(g.norm() for g in plain)  # below it, bfloat16 leaves little but rounding
    for name, there, here in zip(named, plain, gradient(forward), strict=True):
        if (here - there).norm() > there.norm() / 2 + floor:
            got = f"{name} has a gradient of norm {here.norm():.3g} compiled, {there.norm():.3g} plain"
            raise RuntimeError(f"torch.compile of torch {torch.__version__}: {got}; train without --compile")
    return forward


def doubled(_, inputs):
    """The images (B, C, H, W) that a convolution gets, each pixel as a 2 x 2 block."""
    (x,) = inputs
    b, c, h, w = x.shape
    return x[:, :, :, None, :, None].expand(b, c, h, 2, w, 2).reshape(b, c, 2 * h, 2 * w)


def scheduler():
    """Linear beta from 1e-4 to 0.02 in 1000 steps, the schedule of `google/ddpm-cifar10-32`."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear", prediction_type="epsilon")


def images_for(recipe, file=None):
    """The training images as uint8 (N, channels, 32, 32); Fashion-MNIST is padded from 28 with black."""
    if file is None:
        from paintlib import data

        pixels = data.load(recipe.data, "train").images
    else:
        with np.load(file) as archive:
            pixels = archive["x_train"]
    pixels = pixels.reshape(len(pixels), *pixels.shape[1:3], -1).transpose(0, 3, 1, 2)
    margin = (32 - pixels.shape[-1]) // 2
    return torch.from_numpy(np.pad(pixels, ((0, 0), (0, 0), (margin, margin), (margin, margin))))


def weights(alpha_bar, most):
    """gamma_t of Eq. (5) at every time of the schedule: min(1 / alpha_t^2, most).

    With gamma_t = 1 an error of the noise counts the same everywhere, but in the endpoint estimate it is kappa times as
    large; so the outline, which is decided where kappa > 1, is learned last. 1 / alpha^2 = 1 + kappa^2 makes up for it:
    it is the loss of a network that predicts v. At the highest kappa it would let nothing else be learned.
    """
    return (1 / alpha_bar).clamp(max=most)


def shares(alpha_bar, angle):
    """The probability of every time in training: even, or even in the angle arctan(kappa).

    A linear schedule spends 30 of 100 steps where kappa > 12, where little is to be learned, and 26 where kappa < 1,
    where all detail is. Evenly in the angle these are 5 and 50.
    """
    share = torch.gradient(alpha_bar.double().sqrt().acos())[0] if angle else torch.ones(len(alpha_bar)).double()
    return share / share.sum()


def scaled(images):
    """Pixels from 0 to 255 as float32 from -1 to 1."""
    return images.float() / 127.5 - 1


def half_norms(images):
    """|y_i|^2 / 2 of every image, scaled to [-1, 1]; shape (N,)."""
    return torch.cat([scaled(block).square().sum(dim=(1, 2, 3)) / 2 for block in images.split(4096)])


def exact_noise(x, kappa, images, norms):
    """The mean noise of the states x_t / alpha_t = y + kappa eps, if y is one of the images (Eqs. 15, 16).

    A target with the same mean as eps itself, so with the same best network, and no variance but that of x: where many
    images share the weight, learning is much less noisy (Xu, Tong, Jaakkola, 2023: the stable target field).

    x (B, C, H, W), kappa (B,), images as bfloat16 from 0 to 255, which is exact, and their `half_norms`.
    """
    rows, points, kappa = x.flatten(1), images.flatten(1), kappa[:, None]
    products = (rows.bfloat16() @ points.T).float() / 127.5 - rows.sum(dim=1, keepdim=True)
    w = ((products - norms) / kappa**2).softmax(dim=1).bfloat16()
    mean = (w @ points).float() / (127.5 * w.float().sum(dim=1, keepdim=True)) - 1
    return ((rows - mean) / kappa).view_as(x)


def loss_at(net, images, norms, alpha_bar, recipe, seed, step):
    """Weighted squared error of the predicted noise, mean over one random batch (Eq. 5).

    The times are stratified: one in each of `batch` equally probable parts of the schedule.
    """
    rng, batch, device = torch.Generator().manual_seed(seed * 1_000_003 + step), recipe.batch, images.device
    x0 = scaled(images[torch.randint(len(images), (batch,), generator=rng).to(device)])
    quantile = (torch.arange(batch) + torch.rand(batch, generator=rng).double()) / batch
    t = torch.searchsorted(shares(alpha_bar, recipe.angle).cumsum(0), quantile, right=True)
    t = t.clamp(max=len(alpha_bar) - 1)  # the sum of the shares may be rounded down
    noise = torch.randn(x0.shape, generator=rng).to(device)
    signal, gamma = alpha_bar[t].to(device), weights(alpha_bar, recipe.most)[t].to(device)
    alpha, sigma = signal.sqrt()[:, None, None, None], (1 - signal).sqrt()[:, None, None, None]
    x, target = alpha * x0 + sigma * noise, noise
    if recipe.exact_above is not None:
        kappa = (1 / signal - 1).sqrt()
        high = kappa > recipe.exact_above
        target = noise.clone()
        target[high] = exact_noise((x / alpha)[high], kappa[high], images, norms)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        predicted = net(x.to(memory_format=torch.channels_last), t.to(device)).sample
    return ((predicted.float() - target).square().mean(dim=(1, 2, 3)) * gamma).mean()


class Optimiser:
    """Muon for the matrices within a `UNet2DModel`, Adam for its first and last layer and all vectors.

    Muon steps along the nearest orthogonal matrix, so that weak directions of the gradient move as far as strong ones;
    a kernel is a matrix with a row for each channel that it makes. The rate of both is Adam's (Liu and others, 2025:
    Muon is scalable for LLM training). Without `muon` Adam has all weights.
    """

    def __init__(self, net, muon):
        edges = {*net.conv_in.parameters(), *net.conv_out.parameters()}
        self.inner = [p for p in net.parameters() if muon and p.ndim > 1 and p not in edges]
        self.rows = [rows_of(p.detach()) for p in self.inner]
        inner = set(self.inner)
        rest = [p for p in net.parameters() if p not in inner]
        self.parts = {"adam": torch.optim.Adam(rest, betas=(0.9, 0.99))}
        if muon:
            self.parts["muon"] = torch.optim.Muon(self.rows, weight_decay=0, adjust_lr_fn="match_rms_adamw")

    def step(self, rate):
        for p, rows in zip(self.inner, self.rows, strict=True):
            rows.grad = rows_of(p.grad)
        for part in self.parts.values():
            for group in part.param_groups:
                group["lr"] = rate
            part.step()


def rows_of(weight):
    """A weight as a matrix that shares its memory; kernels must be in channels_last."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).view(len(weight), -1)


def rate_at(recipe, step):
    """The rate of a step: a linear warm-up, then constant, then falling as 1 / sqrt(step)."""
    return recipe.rate * min((step + 1) / recipe.warmup, 1) * max(step / recipe.decay, 1) ** -0.5


@torch.no_grad()
def average(ema, net, step, power):
    """Power-law moving average: weights of step s count as s**power, so it is over the last step / power or so."""
    for e, p in zip(ema.parameters(), net.parameters(), strict=True):
        e.lerp_(p, 1 - (1 - 1 / (step + 1)) ** (power + 1))


def save_checkpoint(file, net, ema, optimiser, record):
    """Write everything that a resumed run needs as one safetensors file, whole or not at all."""
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in ema.state_dict().items()}
    for part, its in optimiser.parts.items():
        for i, state in its.state_dict()["state"].items():
            tensors |= {f"{part}.{i}.{k}": v for k, v in state.items()}
    partial = file.with_suffix(".partial")
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, partial, {"record": json.dumps(record)})
    os.replace(partial, file)


def load_checkpoint(file, net, ema, optimiser=None):
    """Restore what `save_checkpoint` wrote; returns the record of the run.

    The moments of another optimiser are not those of this one, so after a change of `muon` they begin anew.
    """
    parts = {"net": {}, "ema": {}, "adam": {}, "muon": {}}
    with safe_open(file, "pt") as f:
        record = json.loads(f.metadata()["record"])
        for key in f.keys():
            part, name = key.split(".", 1)
            parts[part][name] = f.get_tensor(key)
    net.load_state_dict(parts["net"])
    ema.load_state_dict(parts["ema"])
    same = optimiser is not None and bool(parts["muon"]) == ("muon" in optimiser.parts)
    for part, its in optimiser.parts.items() if same else ():
        state = {}
        for name, value in parts[part].items():
            i, key = name.split(".")
            state.setdefault(int(i), {})[key] = value
        its.load_state_dict(its.state_dict() | {"state": state})
    return record


@torch.no_grad()
def sample_grid(net, file, steps=25, rows=4):
    """Save rows x rows samples (DDIM, seed 0) as a PNG."""
    from diffusers import DDIMPipeline, DDIMScheduler
    from PIL import Image

    pipe = DDIMPipeline(net, DDIMScheduler.from_config(scheduler().config))
    pipe.set_progress_bar_config(disable=True)
    out = pipe(rows**2, torch.Generator().manual_seed(0), num_inference_steps=steps, output_type="np").images
    h, c = out.shape[1], out.shape[-1]
    tiled = (out.reshape(rows, rows, h, h, c).transpose(0, 2, 1, 3, 4).reshape(rows * h, rows * h, c) * 255).round()
    Image.fromarray(tiled.astype(np.uint8).squeeze()).resize((8 * rows * 16, 8 * rows * 16), Image.NEAREST).save(file)


def train(
    name, folder, *, file=None, images=None, hours=None, seed=0, start=None, device=None, compile=False, minutes=5
):
    """Train `name` until `images` images have been seen or `hours` of training are spent in all.

    A checkpoint and a grid of samples are written to `folder` every `minutes`. Returns the record of the run:
    steps, images, seconds, the smoothed loss. An existing checkpoint in `folder` is resumed; without one, training goes
    on from the released model in the folder `start`, if one is given, with the optimisers' moments begun anew. Where
    the recipe has changed since, the record's history tells what it was, and until which step.
    """
    if images is None and hours is None:
        raise ValueError("images, hours: got neither; say on how many images to train, or how long, or both")
    recipe = RECIPES[name]
    present = json.loads(json.dumps(asdict(recipe)))  # as a record has it: lists for tuples
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.safetensors"
    torch.manual_seed(seed)
    net = network(recipe).to(device, memory_format=torch.channels_last)
    ema = network(recipe).to(device, memory_format=torch.channels_last)
    ema.load_state_dict(net.state_dict())
    optimiser = Optimiser(net, recipe.muon)
    record = {"name": name, "recipe": present, "seed": seed, "step": 0, "seconds": 0.0, "loss": None}
    if checkpoint.exists():
        record = load_checkpoint(checkpoint, net, ema, optimiser)
        same = (record["name"], record["seed"]) == (name, seed)
        require(same, str(checkpoint), f"a run of {record['name']}, seed {record['seed']}", "choose another folder")
    elif start:
        record = json.loads((Path(start) / "training.json").read_text())
        released = load_file(Path(start) / "unet" / "diffusion_pytorch_model.safetensors")
        net.load_state_dict(released)
        ema.load_state_dict(released)
    before = {k: v for k, v in record["recipe"].items() if present[k] != v}
    if before:
        record["history"] = [*record.get("history", []), {"until": record["step"], **before}]
    record["recipe"] = present
    pixels, alpha_bar = images_for(recipe, file).to(device, torch.bfloat16), scheduler().alphas_cumprod
    norms = half_norms(pixels)

    def loss_of(forward):
        return loss_at(forward, pixels, norms, alpha_bar, recipe, record["seed"], record["step"])

    forward = compiled(net, loss_of) if compile else net

    def done():
        out_of_images = images is not None and record["step"] * recipe.batch >= images
        return out_of_images or (hours is not None and record["seconds"] >= 3600 * hours)

    def keep():
        save_checkpoint(checkpoint, net, ema, optimiser, record)
        sample_grid(ema, folder / "samples.png")

    started = clock = saved = time.monotonic()
    first = record["step"]
    while not done():
        step = record["step"]
        loss = loss_of(forward)
        net.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step(rate_at(recipe, step))
        average(ema, net, step, recipe.power)
        now, value = time.monotonic(), loss.item()
        old = value if record["loss"] is None else record["loss"]
        record |= {"step": step + 1, "loss": 0.99 * old + 0.01 * value, "seconds": record["seconds"] + now - clock}
        clock = now
        if step + 1 in recipe.snapshots:
            halves = {k: v.half().contiguous() for k, v in ema.state_dict().items()}
            save_file(halves, folder / f"step{step + 1:06d}.safetensors")
        if step - first in (10, 50) or (step + 1) % 200 == 0:
            speed = (step - first) * recipe.batch / (now - started)
            left = (images - record["step"] * recipe.batch) / speed if images else 3600 * hours - record["seconds"]
            speed_and_time = f"{speed:.0f} images/s  {left / 60:.0f} min left"
            print(f"{name} step {step + 1}  loss {record['loss']:.4f}  {speed_and_time}", flush=True)
        if now - saved > 60 * minutes:
            keep()
            saved = clock = time.monotonic()
    keep()
    return record


def main():
    parser = argparse.ArgumentParser(prog="python -m paintlib.train", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--folder", help="where checkpoints and samples go (default: runs/NAME)")
    parser.add_argument("--file", help="the full data set as .npz with x_train (default: paintlib.data finds it)")
    parser.add_argument("--images", type=int, help="stop after this many training images, repeats counted")
    parser.add_argument("--hours", type=float, help="stop after this many hours of training, earlier runs counted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", help="a released model to go on from, if there is no checkpoint")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--compile", action="store_true", help="torch.compile: slower to start, then faster")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    record = train(
        args.name,
        args.folder or Path("runs") / args.name,
        file=args.file,
        images=args.images,
        hours=args.hours,
        seed=args.seed,
        start=args.start,
        compile=args.compile,
    )
    print(json.dumps(record))


if __name__ == "__main__":
    main()
