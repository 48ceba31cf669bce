"""What a painter of prompts paints, judged: is it what was asked for, in the style asked for, and is it new?"""

import numpy as np
import torch

from paintlib import measure
from paintlib.train import judge, latents, prompts, words
from paintlib.train.objective import scaled

GUIDANCE = (1, 3, 5)
COUNT, REPEATS = 400, 2  # pairs trained on that are painted once; pictures of each held-out pair
MEASURED = """Pictures by DDIM in {steps} steps, seed 0; {count:,} of the pairs trained on, one each, and {repeats} of
each of the {held_out} held-out pairs (thing and style were trained on, but never together). Agreement is with a small
classifier (`python -m paintlib.train.judge`) that was trained on all drawings, distorted. The same classifier trained
without the held-out pairs names the thing in {known_name:.0%} of the held-out drawings themselves, and the style in
{known_style:.0%}. Half a 95 % interval is at most {seen_error:.0%}, for held-out pairs {unseen_error:.0%}.

| guidance | pairs trained on: what | how | both | held-out pairs: what | how | both | Fréchet distance |
|---|---|---|---|---|---|---|---|
{rows}

The Fréchet distance (squared) is that of the classifier's {features} last features, {count:,} pictures against the
{count:,} drawings and their mirror images; those, encoded and decoded, are at {floor:.2f}.

**How much is memory.** At guidance 3, {named:.0%} of the pictures of pairs trained on are nearer, in pixels, to the
very drawing named (moved or mirrored as in training) than to any other of the {all:,}. Their median distance to the
nearest is {near:.3f} (root mean square of pixels from -1 to 1); a held-out drawing has its nearest among those trained
on at {apart:.3f}."""


class Studio:
    """The model as it ships, ready to paint many prompts."""

    def __init__(self, folder):
        from diffusers import StableDiffusionPipeline

        pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
        self.net, self.vae = pipe.unet.to(memory_format=torch.channels_last).eval(), pipe.vae.eval()
        self.read = lambda asked: words.read(pipe.tokenizer, pipe.text_encoder, asked)

    def paint(self, asked, guidance, seed=0, batch=256, steps=25):
        """Pictures (N, 3, 32, 32) in [-1, 1], one of each prompt."""
        empty = self.read([""])
        cuts = range(0, len(asked), batch)
        texts = [self.read(asked[i : i + batch]) for i in cuts]
        painted = [
            prompts.paint(self.net, self.vae, text, empty, guidance, steps, seed * 1000 + i)
            for i, text in enumerate(texts)
        ]
        return torch.cat(painted)


@torch.no_grad()
def nearest(pictures, drawings):
    """For each picture the nearest drawing, in any position of the training, and its root mean square distance."""
    best, which = torch.full((len(pictures),), torch.inf), torch.zeros(len(pictures), dtype=torch.long)
    for view in (drawings, drawings.flip(-1)):
        for dy, dx in np.ndindex(3, 3):
            moved = torch.roll(view, (dy - 1, dx - 1), (-2, -1)).flatten(1)
            distance, index = torch.cdist(pictures.flatten(1), moved).min(dim=1)
            nearer = distance < best
            best, which = torch.where(nearer, distance, best), torch.where(nearer, index, which)
    return which, best / drawings[0].numel() ** 0.5


def both_sides(pictures):
    """The pictures, and their mirror images."""
    return torch.cat([pictures, pictures.flip(-1)])


@torch.no_grad()
def measurements(folder, judge_run, test_run, steps=20):
    """The card's words on what was measured, and all the numbers."""
    images, held, names = latents.drawings_for()
    truth, drawings, (critic, _) = judge.labels_of(len(images)), scaled(images), judge.trained(judge_run)
    known = judge.trained(test_run)[1]["held out"]
    studio, unseen, seen = Studio(folder), torch.nonzero(held).flatten(), torch.nonzero(~held).flatten()
    seen = seen[torch.randperm(len(seen), generator=torch.Generator().manual_seed(0))[:COUNT]]

    def agreement(pictures, pairs):
        right = judge.verdicts(critic, pictures) == truth[pairs]
        return [*right.float().mean(dim=0).tolist(), float(right.all(dim=1).float().mean())]

    def spread(pictures):
        return np.concatenate([critic.features(part).numpy() for part in pictures.split(256)])

    real = spread(both_sides(drawings[seen]))
    found, rows = {"guidance": {}}, []
    for guidance in GUIDANCE:
        pictures = studio.paint([names[i] for i in seen], guidance, steps=steps)
        composed = [studio.paint([names[i] for i in unseen], guidance, 1 + k, steps=steps) for k in range(REPEATS)]
        shares = agreement(pictures, seen) + agreement(torch.cat(composed), unseen.repeat(REPEATS))
        distance = measure.fid(spread(pictures), real)
        found["guidance"][guidance] = {"seen": shares[:3], "held out": shares[3:], "frechet": distance}
        rows.append(f"| {guidance} | " + " | ".join(f"{share:.0%}" for share in shares) + f" | {distance:.2f} |")
        print(rows[-1], flush=True)
        if guidance == 3:
            which, near = nearest(pictures, drawings)
            found["named"], found["near"] = float((which == seen).float().mean()), float(near.median())
    decoded = studio.vae.decode(latents.encode(studio.vae, both_sides(images[seen]))).sample.clamp(-1, 1)
    found |= {"floor": measure.fid(spread(decoded), real), "judge": known}
    found["apart"] = float(nearest(drawings[unseen], drawings[~held])[1].median())
    text = MEASURED.format(
        steps=steps,
        count=len(seen),
        repeats=REPEATS,
        held_out=len(unseen),
        known_name=known["name"],
        known_style=known["style"],
        seen_error=0.98 / len(seen) ** 0.5,
        unseen_error=0.98 / (REPEATS * len(unseen)) ** 0.5,
        rows="\n".join(rows),
        features=real.shape[1],
        all=len(images),
        **{k: found[k] for k in ("floor", "named", "near", "apart")},
    )
    return text, found
