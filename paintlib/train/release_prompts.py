"""Turn the runs of autoencoder and painter into the text-to-image model that ships, with a card of what was measured.

    python -m paintlib.train.release_prompts --hardware "one core of a 2-core CPU" --judge runs/judge

Writes paintlib/models/emoji: a `StableDiffusionPipeline` in float16, samples, and a card. All numbers are measured on
the float16 weights as they ship, computed in bfloat16 as in training. Without a judge the card says that nothing was
measured.
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import load_file

from paintlib import commands
from paintlib.networks.files import SHIPPED
from paintlib.train import latents, prompts, words
from paintlib.train.checkpoint import load_checkpoint
from paintlib.train.gallery import Studio, measurements
from paintlib.train.loop import CHECKPOINT
from paintlib.train.release import objective, seal

CARD = """---
license: mit
library_name: diffusers
pipeline_tag: text-to-image
---
# emoji

A small Stable Diffusion that paints drawings of 32 x 32 pixels from prompts such as "panda, black ink", trained for
*Outline First, Details Later*: 239 things (animals, plants, food, vessels, instruments) in five styles (cartoon,
sticker, glossy 3d, paper cut, black ink). All parts are those of Stable Diffusion 1, made small:

| part | class | parameters |
|---|---|---|
| tokenizer | `CLIPTokenizer`, a byte-pair vocabulary of the prompts, {room} tokens at most | {tokens:,} tokens |
| text encoder | `CLIPTextModel`, one layer, random and never trained | {encoder:,} |
| autoencoder | `AutoencoderKL`, 32 x 32 x 3 pixels to 8 x 8 x 4 latents of deviation 1 | {vae:,} |
| painter | `UNet2DConditionModel`, predicts the noise; the prompt also joins the time | {unet:,} |
| scheduler | Stable Diffusion 1's: sqrt(beta) linear, 0.00085 to 0.012 in 1000 steps | |

    from diffusers import StableDiffusionPipeline
    pipe = StableDiffusionPipeline.from_pretrained("paintlib/models/emoji", torch_dtype=torch.float32)
    pipe("panda, black ink", guidance_scale=3).images[0]

or, as a denoiser of latents, `paintlib.networks.load("emoji", prompt="panda, black ink", guidance=3)`.

![Samples at guidance 3](samples.png)

Prompts are a name of the list and a style, with a comma between (`paintlib.data.emoji.load().prompts`). It reads other
words letter by letter, and does not know them.

It learned from Noto Emoji (c) Google, Apache 2.0 (cartoon); Twemoji (c) Twitter, Inc. and other contributors, CC BY 4.0
(sticker); Fluent Emoji (c) Microsoft Corporation, MIT (glossy 3d, paper cut, black ink); and it has many of these
drawings by heart, so credit their makers when you show what it paints. More in `paintlib/datasets/README.md`.

## Training

**Autoencoder**: {vae_steps:,} steps of {vae_batch} drawings of the {pairs:,} pairs of thing and style that are trained
on, mirrored, moved by a pixel, in 40 % of them with the colours exchanged. Absolute and squared error, absolute error
of 4 x 4 means, and {kl:g} of the latents' divergence; seed {vae_seed}; {vae_minutes:.0f} minutes of {hardware}.
Drawings trained on come back at {seen_psnr:.1f} dB, the {held_out} held-out ones at {held_psnr:.1f} dB.

**Painter**: {steps:,} steps of {batch} of the same drawings, moved by a pixel and mirrored, {epochs:.0f} times each;
seed {seed}; {minutes:.0f} minutes of {hardware}. Loss on the pairs trained on {seen:.3f}, on the held-out pairs
{held:.3f}, which was lowest, {lowest:.3f}, at step {turned:,}.

{objective}{earlier}.{note}

    python -m paintlib.train.latents --images {vae_images}
    python -m paintlib.train.prompts --images {images}

## Measured

{measured}
"""


def load_parts(vae_run, run, weights="last"):
    """Tokenizer, text encoder, autoencoder, painter of two runs, and their records.

    `weights`: "last" are the averaged weights at the end of the run, "best" those with the lowest held-out loss.
    """
    vae_net, vae = latents.autoencoder(), latents.autoencoder()
    vae_record = load_checkpoint(vae_run / CHECKPOINT, vae_net, vae)
    images, held, _ = latents.drawings_for()
    mean, std = prompts.constants(prompts.positions(vae, images[~held], mirror=False))
    net, ema = prompts.network(prompts.Recipe()), prompts.network(prompts.Recipe())
    record = load_checkpoint(run / CHECKPOINT, net, ema)
    if weights == "best":
        ema.load_state_dict(load_file(run / "best.safetensors"))
    tokenizer = words.read_tokenizer(run / "tokenizer")
    parts = {"vae": latents.fold(vae, mean, std), "text_encoder": words.text_encoder(tokenizer), "unet": ema}
    return tokenizer, parts, vae_record, record


def write_pipeline(tokenizer, parts, vocabulary, folder):
    """Save a `StableDiffusionPipeline` in float16, with the two files of its vocabulary; returns the folder."""
    from diffusers import StableDiffusionPipeline

    halves = {name: part.half() for name, part in parts.items()}
    bare = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipe = StableDiffusionPipeline(tokenizer=tokenizer, scheduler=prompts.scheduler(), **halves, **bare)
    pipe.save_pretrained(folder)
    for file in ("vocab.json", "merges.txt"):  # transformers 4 reads these, transformers 5 writes tokenizer.json alone
        shutil.copyfile(vocabulary / file, folder / "tokenizer" / file)
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    return folder


def sentence(text):
    """The text with a capital letter."""
    return text[0].upper() + text[1:]


def history(record):
    """What was otherwise in earlier parts of a run, in words."""
    return "".join(
        f"; until step {change['until']:,} "
        + ", ".join(f"without {k}" if v is False else f"{k} {v}" for k, v in change.items() if k != "until")
        for change in record.get("history", [])
    )


def release(vae_run, run, hardware, judge_run=None, test_run=None, folder=None, weights="last", note=""):
    """Write the model folder of two runs, and its card; returns the folder."""
    vae_run, run, folder = *map(commands.folder, ("vae_run", "run"), (vae_run, run)), Path(folder or SHIPPED / "emoji")
    tokenizer, parts, vae_record, record = load_parts(vae_run, run, weights)
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    write_pipeline(tokenizer, parts, run / "tokenizer", folder)
    studio = Studio(folder)
    latents.save_tiles(studio.paint(list(prompts.SHEET), 3), folder / "samples.png", 6, scale=3)
    measured, found = "Nothing yet.", {}
    if judge_run:
        measured, found = measurements(folder, Path(judge_run), Path(test_run))
    _, held, _ = latents.drawings_for()
    pairs = int((~held).sum())
    recipe, vae_recipe = record["recipe"], vae_record["recipe"]
    losses, psnr = record["losses"][-1], vae_record["psnr"][-1]
    least = min(record["losses"], key=lambda entry: entry["held out"])
    card = CARD.format(
        room=words.ROOM,
        tokens=len(tokenizer),
        encoder=sizes["text_encoder"],
        vae=sizes["vae"],
        unet=sizes["unet"],
        pairs=pairs,
        held_out=int(held.sum()),
        vae_steps=vae_record["step"],
        vae_batch=vae_recipe["batch"],
        vae_images=vae_record["step"] * vae_recipe["batch"],
        vae_seed=vae_record["seed"],
        kl=vae_recipe["kl"],
        vae_minutes=vae_record["seconds"] / 60,
        seen_psnr=psnr["seen"],
        held_psnr=psnr["held out"],
        steps=record["step"],
        batch=recipe["batch"],
        images=record["step"] * recipe["batch"],
        epochs=record["step"] * recipe["batch"] / pairs,
        seed=record["seed"],
        objective=sentence(objective(**recipe)),
        earlier=history(record),
        hardware=hardware,
        minutes=record["seconds"] / 60,
        seen=losses["seen"],
        held=losses["held out"],
        lowest=least["held out"],
        turned=least["step"],
        note=" " + note if note else "",
        measured=measured,
    )
    (folder / "README.md").write_text(card)
    (folder / "training.json").write_text(
        json.dumps({"latents": vae_record, "prompts": record, "measured": found}) + "\n"
    )
    seal(folder)
    return folder


@commands.in_words
def main():
    parser = argparse.ArgumentParser(
        prog="python -m paintlib.train.release_prompts", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--latents", default="runs/latents", help="the run of the autoencoder")
    parser.add_argument("--run", default="runs/prompts", help="the run of the painter")
    parser.add_argument("--judge", help="the run of the judge that was trained on all drawings")
    parser.add_argument("--judge-test", help="the run of the judge that did not see the held-out pairs")
    parser.add_argument("--hardware", required=True, help="what it was trained on, for the card")
    parser.add_argument("--weights", choices=("last", "best"), default="last", help="see `load_parts`")
    parser.add_argument("--note", default="", help="what else the card must tell of the training")
    parser.add_argument("--folder", help="where to write (default: paintlib/models/emoji)")
    args = parser.parse_args()
    options = {"judge_run": args.judge, "test_run": args.judge_test, "folder": args.folder}
    print(release(args.latents, args.run, args.hardware, weights=args.weights, note=args.note, **options))


if __name__ == "__main__":
    main()
