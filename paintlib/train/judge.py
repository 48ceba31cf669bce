"""Train the judge of painted drawings: a small classifier that says what is drawn, and in which style.

    python -m paintlib.train.judge --images 80000

It learns from all drawings. With --without-held-out it does not see the pairs that the painter never saw either; its
accuracy on them says how far such a judge can be trusted with drawings that it does not know.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from paintlib.checks import path
from paintlib.train import command, latents
from paintlib.train.checkpoint import load_checkpoint
from paintlib.train.loop import CHECKPOINT, begin, budget, fit
from paintlib.train.objective import scaled


@dataclass(frozen=True)
class Recipe:
    """How the judge is trained; `widths` are those at 16, 8 and 4 pixels."""

    widths: tuple[int, ...] = (32, 64, 128)
    batch: int = 64
    rate: float = 2e-3
    warmup: int = 100
    decay: int = 600
    power: float = 10
    muon: bool = True


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, before, after):
        super().__init__()
        self.first, self.second = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(8, before), nn.GroupNorm(8, after)])
        self.shortcut = nn.Conv2d(before, after, 1)

    def forward(self, x):
        h = self.first(F.silu(self.norms[0](x)))
        return self.shortcut(x) + self.second(F.silu(self.norms[1](h)))


class Trunk(nn.Module):
    """Convolutions from pictures (N, channels, 32, 32) to features (N, widths[-1]), halving the side each time."""

    def __init__(self, channels, widths):
        super().__init__()
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(Block(before, after) for before, after in pairwise((widths[0], *widths)))

    def forward(self, x):
        x = F.avg_pool2d(self.conv_in(x), 2)
        for i, block in enumerate(self.blocks):
            x = block(F.avg_pool2d(x, 2) if i else x)
        return F.silu(x).mean(dim=(2, 3))


class Judge(nn.Module):
    """Logits of what is drawn and of how, for pictures (N, 3, 32, 32) in [-1, 1], by two networks."""

    def __init__(self, names, styles, widths):
        super().__init__()
        self.thing, self.style = Trunk(3, widths), Trunk(3, widths)
        self.what, self.how = nn.Linear(widths[-1], names), nn.Linear(widths[-1], styles)

    def features(self, x):
        """What the two last layers see: (N, 2 widths[-1])."""
        return torch.cat([self.thing(x), self.style(x)], dim=1)

    def forward(self, x, y=None):
        """`y` are the pictures to tell the style from, if not x."""
        return self.what(self.thing(x)), self.how(self.style(x if y is None else y))


def distorted(x, rng):
    """Pictures turned, moved, resized, mirrored, blurred and tinted at random, on white, in [-1, 1]."""
    n = len(x)
    turn, size, tint = (torch.randn(n, generator=rng) * spread for spread in (0.1, 0.06, 0.06))
    mirror = 1 - 2 * torch.randint(2, (n,), generator=rng).float()
    dx, dy = (torch.randn(2, n, generator=rng) * 0.06).unbind()
    scale = size.exp()
    rows = [scale * turn.cos() * mirror, -scale * turn.sin(), dx, scale * turn.sin() * mirror, scale * turn.cos(), dy]
    grid = F.affine_grid(torch.stack(rows, dim=1).view(n, 2, 3), x.shape, align_corners=False)
    x = F.grid_sample(x - 1, grid, align_corners=False) + 1  # beyond the border all is white
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), value=1.0), 3, stride=1)
    share = torch.rand(n, generator=rng)[:, None, None, None] * 0.3
    x = x + share * (blurred - x) + 0.03 * torch.randn(x.shape, generator=rng)
    return x * (1 + tint[:, None, None, None])


def greyed(x, rng):
    """Three in ten of the pictures without colour, so that a thing is known in black ink too."""
    grey = torch.rand(len(x), generator=rng) < 0.3
    return torch.where(grey[:, None, None, None], x.mean(dim=1, keepdim=True), x)


def loss_at(judge, pictures, labels, recipe, seed, step):
    """Cross-entropy of what and of how, mean over one random batch."""
    rng = torch.Generator().manual_seed(seed * 1_000_003 + step)
    rows = torch.randint(len(pictures), (recipe.batch,), generator=rng)
    x = distorted(scaled(pictures[rows]), rng)
    device = next(judge.parameters()).device
    found = judge(*(view.to(device, memory_format=torch.channels_last) for view in (greyed(x, rng), x)))
    wanted = labels[rows].T.to(device)
    return sum(F.cross_entropy(f, w, label_smoothing=0.1) for f, w in zip(found, wanted, strict=True))


@torch.no_grad()
def verdicts(judge, pictures, batch=512):
    """The most likely name and style of pictures (N, 3, 32, 32) in [-1, 1], seen from both sides: indices (N, 2)."""
    found = []
    for part in pictures.split(batch):
        part = part.to(next(judge.parameters()))
        logits = zip(judge(part), judge(part.flip(-1)), strict=True)
        found.append(torch.stack([(one + other).argmax(dim=1) for one, other in logits], dim=1))
    return torch.cat(found).cpu()


def labels_of(pairs, styles=5):
    """The indices (pairs, 2) of name and style of drawings in the order of the set."""
    rows = torch.arange(pairs)
    return torch.stack([rows // styles, rows % styles], dim=1)


def trained(folder, names=239, styles=5):
    """The averaged judge of the run in `folder`, and its record."""
    net, ema = (Judge(names, styles, Recipe.widths) for _ in range(2))
    record = load_checkpoint(path("folder", folder) / CHECKPOINT, net, ema)
    return ema.eval().requires_grad_(False), record


def train(folder, *, without_held_out=False, file=None, images=None, hours=None, seed=0, device=None, recipe=None):
    """Train the judge; returns the record, with the shares of right names and styles on the held-out drawings."""
    budget(images, hours)
    recipe = recipe or Recipe()
    pictures, held, _ = latents.drawings_for(file)
    labels = labels_of(len(pictures))
    run = begin("judge", recipe, lambda: Judge(len(pictures) // 5, 5, recipe.widths), folder, seed, device)
    learned = ~held if without_held_out else torch.ones_like(held)

    def loss_of(step):
        return loss_at(run.net, pictures[learned], labels[learned], recipe, seed, step)

    def look():
        right = (verdicts(run.ema, scaled(pictures[held])) == labels[held]).float().mean(dim=0).tolist()
        run.record["held out"] = {"seen in training": not without_held_out, "name": right[0], "style": right[1]}
        print(f"held-out drawings: name {right[0]:.0%}, style {right[1]:.0%}", flush=True)

    return fit(run, loss_of, look, images=images, hours=hours)


def main(arguments=None):
    """Train from the command line."""
    parser = command.options("train.judge", __doc__, "runs/judge", latents.DRAWINGS)
    parser.add_argument("--without-held-out", action="store_true", help="leave out what the painter never saw")
    command.run(train, parser, arguments)


if __name__ == "__main__":
    main()
