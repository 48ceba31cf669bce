"""Train the small Stable Diffusion that ships: it paints the latents of a drawing from a prompt (Eq. 5).

    python -m paintlib.train.latents --images 60000
    python -m paintlib.train.prompts --images 500000

The same command resumes from the last checkpoint, on a CPU (bf16) or on a GPU.
"""

import os
from dataclasses import dataclass

import torch
from safetensors.torch import save_file

from paintlib.train import command, latents, words
from paintlib.train.loop import begin, budget, fit
from paintlib.train.objective import draw_times, weights

SHEET = (
    *("panda, black ink", "panda, glossy 3d", "panda, cartoon", "rocket, paper cut", "rocket, glossy 3d"),
    *("sunflower, sticker", "hamburger, glossy 3d", "penguin, black ink", "octopus, cartoon", "strawberry, sticker"),
    *("cactus, paper cut", "unicorn, glossy 3d", "guitar, sticker", "frog, cartoon", "pineapple, black ink"),
    *("birthday cake, glossy 3d", "cat face, sticker", "cat face, paper cut", "lady beetle, cartoon"),
    *("whale, glossy 3d", "mushroom, cartoon", "sailboat, sticker", "tiger, black ink", "red apple, sticker"),
)


@dataclass(frozen=True)
class Recipe:
    """How the painter is trained; the fields are those of `recipes.Recipe`.

    `drop` is the share of drawings whose prompt is left out, for classifier-free guidance. With `mirror` drawings are
    seen from both sides.
    """

    widths: tuple[int, ...] = (64, 128)
    heads: int = 4
    batch: int = 64
    rate: float = 1.5e-3
    warmup: int = 200
    decay: int = 4000
    most: float = 20
    power: float = 20
    muon: bool = True
    angle: bool = True
    drop: float = 0.1
    mirror: bool = True


def network(recipe):
    """A `UNet2DConditionModel` on 8 x 8 latents that predicts the noise, with attention to the prompt at every level.

    The prompt also joins the time in what every layer is told (`addition_embed_type="text"`): so small a network learns
    to obey much faster for it.
    """
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import Attention, AttnProcessor

    levels = len(recipe.widths)
    net = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=recipe.widths,
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        mid_block_type="UNetMidBlock2DCrossAttn",
        cross_attention_dim=words.WIDTH,
        attention_head_dim=recipe.heads,
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )
    for module in net.modules():
        if isinstance(module, Attention):
            module.set_processor(AttnProcessor())  # on a CPU the fused attention's backward pass is far slower
    return net


def scheduler():
    """Stable Diffusion 1's own: sqrt(beta) linear from sqrt(0.00085) to sqrt(0.012) in 1000 steps, PNDM."""
    from diffusers import PNDMScheduler

    return PNDMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        skip_prk_steps=True,
        steps_offset=1,
        set_alpha_to_one=False,
    )


@torch.no_grad()
def positions(vae, images, mirror):
    """Latents (N, variants, 4, 8, 8) of drawings moved by a pixel at most in each direction, and mirrored."""
    views = [images, images.flip(-1)] if mirror else [images]
    moves = [(view, (dy, dx)) for view in views for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return torch.stack([latents.encode(vae, torch.roll(view, by, (-2, -1))) for view, by in moves], dim=1)


def constants(z):
    """Mean and deviation of each channel of latents (N, variants, C, 8, 8) of drawings that are not mirrored."""
    return z[:, :9].mean(dim=(0, 1, 3, 4)), z[:, :9].std(dim=(0, 1, 3, 4))


def loss_at(net, z, texts, alpha_bar, recipe, seed, step, drop=0.0):
    """Weighted squared error of the predicted noise, mean over one random batch (Eq. 5).

    Latents z (N, variants, 4, 8, 8); texts (N + 1, tokens, width), of the empty prompt first.
    """
    rng, batch = torch.Generator().manual_seed(seed * 1_000_003 + step), recipe.batch
    which = torch.randint(len(z), (batch,), generator=rng)
    x0 = z[which, torch.randint(z.shape[1], (batch,), generator=rng)]
    without = torch.rand(batch, generator=rng) < drop
    text = texts[torch.where(without, 0, which + 1)]
    t = draw_times(alpha_bar, recipe.angle, batch, rng)
    noise = torch.randn(x0.shape, generator=rng).to(x0)
    signal, gamma = alpha_bar[t].to(x0), weights(alpha_bar, recipe.most)[t].to(x0)
    alpha, sigma = signal.sqrt()[:, None, None, None], (1 - signal).sqrt()[:, None, None, None]
    x = (alpha * x0 + sigma * noise).to(memory_format=torch.channels_last)
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        predicted = net(x, t.to(x.device), encoder_hidden_states=text).sample
    return ((predicted.float() - noise).square().mean(dim=(1, 2, 3)) * gamma).mean()


@torch.no_grad()
def paint(net, vae, texts, empty, guidance, steps=25, seed=0):
    """Pictures (N, 3, 32, 32) in [-1, 1] of embedded prompts (N, tokens, width), with DDIM."""
    from diffusers import DDIMScheduler

    driver = DDIMScheduler.from_config(scheduler().config, clip_sample=False)
    driver.set_timesteps(steps)
    both = torch.cat([empty.expand_as(texts), texts])
    z = torch.randn(len(texts), 4, 8, 8, generator=torch.Generator().manual_seed(seed)).to(texts)
    for t in driver.timesteps:
        with torch.autocast(z.device.type, dtype=torch.bfloat16):
            pair = torch.cat([z, z]).to(memory_format=torch.channels_last)
            plain, asked = net(pair, t, encoder_hidden_states=both).sample.float().chunk(2)
        z = driver.step(plain + guidance * (asked - plain), t, z).prev_sample
    return vae.decode(z).sample.clamp(-1, 1)


def ingredients(autoencoder, folder, file=None, mirror=True):
    """All that the painter is trained with: tokenizer, text encoder, autoencoder, latents, texts, held out, prompts.

    The autoencoder comes from its run; its latents get mean 0 and deviation 1 over the drawings that are trained on.
    """
    images, held, prompts = latents.drawings_for(file)
    tokenizer = words.read_tokenizer(words.write_vocabulary(prompts, folder / "tokenizer"))
    encoder = words.text_encoder(tokenizer)
    vae = latents.trained(autoencoder)
    z = positions(vae, images, mirror)
    mean, std = constants(z[~held])
    z = (z - mean[:, None, None]) / std[:, None, None]
    return (
        tokenizer,
        encoder,
        latents.fold(vae, mean, std),
        z,
        words.read(tokenizer, encoder, ["", *prompts]),
        held,
        prompts,
    )


def train(autoencoder, folder, *, file=None, images=None, hours=None, seed=0, device=None, minutes=5, recipe=Recipe()):
    """Train the painter on the pairs that are not held out; returns the record, with the losses of both kinds.

    The averaged weights with the lowest held-out loss are kept in best.safetensors.
    """
    budget(images, hours, minutes)
    run = begin("prompts", recipe, lambda: network(recipe), folder, seed, device)
    parts = ingredients(autoencoder, run.folder, file, recipe.mirror)
    _, _, vae, z, texts, held, prompts = (p.to(run.net.device) if hasattr(p, "to") else p for p in parts)
    alpha_bar, empty = scheduler().alphas_cumprod, texts[:1]
    kinds = {kind: (z[of], torch.cat([empty, texts[1:][of]])) for kind, of in (("seen", ~held), ("held out", held))}
    shown = texts[1:][[prompts.index(prompt) for prompt in SHEET]]

    @torch.no_grad()
    def look():
        def loss(kind):
            losses = [loss_at(run.ema, *kinds[kind], alpha_bar, recipe, seed, 10**6 + i) for i in range(6)]
            return float(torch.stack(losses).mean())

        step, found = run.record["step"], {kind: loss(kind) for kind in kinds}
        known = run.record.setdefault("losses", [])
        known.append({"step": step, **found})
        print("loss:", ", ".join(f"{k} {v:.4f}" for k, v in found.items()), flush=True)
        pictures = [paint(run.ema, vae, shown, empty, guidance) for guidance in (1, 4)]
        latents.save_tiles(torch.cat(pictures), run.folder / f"sheet{step:06d}.png", len(shown) // 2, scale=4)
        if found["held out"] == min(entry["held out"] for entry in known):
            save_file({k: v.contiguous() for k, v in run.ema.state_dict().items()}, run.folder / "best.partial")
            os.replace(run.folder / "best.partial", run.folder / "best.safetensors")

    def loss_of(step):
        return loss_at(run.net, *kinds["seen"], alpha_bar, recipe, seed, step, recipe.drop)

    return fit(run, loss_of, look, images=images, hours=hours, minutes=minutes)


def main(arguments=None):
    """Train from the command line."""
    parser = command.options("train.prompts", __doc__, "runs/prompts", latents.DRAWINGS)
    parser.add_argument("--latents", default="runs/latents", dest="autoencoder", help="the run of the autoencoder")
    command.run(train, parser, arguments)


if __name__ == "__main__":
    main()
