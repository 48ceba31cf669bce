"""How weights move: Muon and Adam, their rate, the average that ships, and the compiled forward pass."""

import torch

EDGES = ("conv_in", "conv_out", "quant_conv", "post_quant_conv")


class Optimiser:
    """Muon for the matrices within a network of diffusers, Adam for its first and last layers and all vectors.

    Muon steps along the nearest orthogonal matrix, so that weak directions of the gradient move as far as strong ones;
    a kernel is a matrix with a row for each channel that it makes. The rate of both is Adam's (Liu and others, 2025:
    Muon is scalable for LLM training). Without `muon` Adam has all weights.
    """

    def __init__(self, net, muon):
        edges = {p for name, part in net.named_modules() if name.split(".")[-1] in EDGES for p in part.parameters()}
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
