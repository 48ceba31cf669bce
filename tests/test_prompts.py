"""From drawings to a text-to-image model, on eight things and networks that train in a second."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file

from paintlib import networks
from paintlib.data import emoji
from paintlib.networks import files, text
from paintlib.train import gallery, judge, latents, objective, prompts, release_prompts, words

TINY = prompts.Recipe(widths=(16, 32), heads=2, batch=4, warmup=2, decay=4)
TINY_VAE = latents.Recipe(widths=(8, 8, 8), batch=2, warmup=2, decay=4)
TINY_JUDGE = judge.Recipe(widths=(8, 8, 16), batch=4, warmup=2, decay=4)


@pytest.fixture(scope="module")
def few():
    """Eight things in five styles, of which each style lacks one; small recipes."""
    found = emoji.load()
    patch = pytest.MonkeyPatch()
    patch.setattr(emoji, "PER_GROUP", 1)
    patch.setattr(emoji, "load", lambda file=None: emoji.Emoji(found.images[:8], found.names[:8]))
    patch.setattr(latents, "Recipe", lambda: TINY_VAE)
    patch.setattr(latents.autoencoder, "__defaults__", (TINY_VAE,))
    patch.setattr(prompts, "Recipe", lambda: TINY)
    patch.setattr(prompts, "SHEET", ("wolf, sticker", "fox, black ink"))
    patch.setattr(judge.Recipe, "widths", TINY_JUDGE.widths)
    patch.setattr(judge.trained, "__defaults__", (8, 5))
    yield found
    patch.undo()


@pytest.fixture(scope="module")
def runs(few, tmp_path_factory):
    """Runs of autoencoder, painter and judges."""
    folder = tmp_path_factory.mktemp("runs")
    latents.train(folder / "latents", images=20, recipe=TINY_VAE, device="cpu")
    prompts.train(folder / "latents", folder / "prompts", images=24, recipe=TINY, device="cpu")
    judge.train(folder / "judge", images=12, recipe=TINY_JUDGE, device="cpu")
    judge.train(folder / "test", images=12, recipe=TINY_JUDGE, without_held_out=True, device="cpu")
    return folder


@pytest.fixture(scope="module")
def model(runs):
    """The model of the runs, released."""
    options = {"judge_run": runs / "judge", "test_run": runs / "test", "folder": runs / "emoji"}
    patch = pytest.MonkeyPatch()
    patch.setattr(gallery, "GUIDANCE", (3,))
    patch.setattr(gallery, "REPEATS", 1)
    yield release_prompts.release(runs / "latents", runs / "prompts", "a test machine", **options)
    patch.undo()


def same(first, second):
    first, second = (load_file(run / "checkpoint.safetensors") for run in (first, second))
    assert first.keys() == second.keys()
    for key in first:
        torch.testing.assert_close(first[key], second[key], rtol=1e-4, atol=1e-6)


def test_an_autoencoder_that_was_stopped_and_resumed_equals_one_that_was_not(runs, tmp_path):
    latents.train(tmp_path, images=8, recipe=TINY_VAE, device="cpu")
    record = latents.train(tmp_path, images=20, recipe=TINY_VAE, device="cpu")
    same(tmp_path, runs / "latents")
    assert record["step"] == 10 and len(record["psnr"]) == 2 and (tmp_path / "samples.png").stat().st_size > 0


def test_a_painter_that_was_stopped_and_resumed_equals_one_that_was_not(runs, tmp_path):
    for images in (8, 24):
        record = prompts.train(runs / "latents", tmp_path, images=images, recipe=TINY, device="cpu")
    same(tmp_path, runs / "prompts")
    assert [entry["step"] for entry in record["losses"]] == [2, 6]
    assert {"sheet000002.png", "sheet000006.png", "best.safetensors"} <= {f.name for f in tmp_path.iterdir()}


def test_training_needs_a_budget(tmp_path):
    for train in (latents.train, judge.train, lambda folder: prompts.train(folder, folder)):
        with pytest.raises(ValueError, match="images, hours"):
            train(tmp_path)


def test_held_out_pairs_are_not_trained_on(few):
    images, held, asked = latents.drawings_for()
    assert len(images) == len(asked) == 40 and held.sum() == 5
    np.testing.assert_array_equal(images[6].permute(1, 2, 0), few.images[1, 1])
    assert asked[6] == f"{few.names[1]}, {few.styles[1]}"


def test_folding_changes_the_latents_and_not_the_pictures(few):
    torch.manual_seed(0)
    vae = latents.autoencoder(TINY_VAE).eval().requires_grad_(False)
    images, _, _ = latents.drawings_for()
    before = latents.encode(vae, images)
    pictures = vae.decode(before).sample
    mean, std = before.mean(dim=(0, 2, 3)), before.std(dim=(0, 2, 3))
    spread = vae.encode(objective.scaled(images)).latent_dist.std
    latents.fold(vae, mean, std)
    after = vae.encode(objective.scaled(images)).latent_dist
    np.testing.assert_allclose(after.mean.mean(dim=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(after.mean.std(dim=(0, 2, 3)), 1, atol=1e-5)
    torch.testing.assert_close(after.std * std[:, None, None], spread, rtol=1e-4, atol=0)
    torch.testing.assert_close(vae.decode(after.mean).sample, pictures, rtol=0, atol=1e-4)


def test_psnr_is_that_of_scikit_images_formula(few):
    """10 log10(range^2 / mean squared error), picture by picture, in pixels from 0 to 255."""
    vae = latents.autoencoder(TINY_VAE).eval().requires_grad_(False)
    images, _, _ = latents.drawings_for()
    back = vae.decode(vae.encode(images / 127.5 - 1).latent_dist.mode()).sample.clamp(-1, 1)
    errors = (((back + 1) * 127.5 - images) ** 2).mean(dim=(1, 2, 3)).numpy()
    assert latents.psnr(vae, images) == pytest.approx(np.mean(10 * np.log10(255**2 / errors)), abs=1e-3)


def test_every_word_of_a_prompt_is_one_token_and_any_text_can_be_spelt(few, tmp_path):
    asked = few.prompts
    tokenizer = words.read_tokenizer(words.write_vocabulary(asked, tmp_path))
    assert tokenizer.tokenize("Four leaf clover, black ink") == [
        *("four</w>", "leaf</w>", "clover</w>", ",</w>", "black</w>", "ink</w>")
    ]
    assert max(len(ids) for ids in tokenizer(asked).input_ids) <= words.ROOM
    assert tokenizer.decode(tokenizer("a zeppelin!").input_ids, skip_special_tokens=True).strip() == "a zeppelin !"
    start, *_, end = tokenizer("panda").input_ids
    assert tokenizer.convert_ids_to_tokens([start, end]) == [words.START, words.END]


def test_the_vocabulary_is_always_the_same(tmp_path):
    """The library's own numbering of letters differs from call to call."""
    texts = ["owl, ink", "owls, inked", "a red owl", "the end of red ink"]
    first, *others = (words.write_vocabulary(texts, tmp_path / str(i)) for i in range(4))
    for other in others:
        assert (other / "merges.txt").read_text() == (first / "merges.txt").read_text()
        assert (other / "vocab.json").read_text() == (first / "vocab.json").read_text()


def test_eq_05_the_loss_of_a_perfect_painter_is_zero():
    alpha_bar, x0 = prompts.scheduler().alphas_cumprod, torch.randn(1, 1, 4, 8, 8)

    class Perfect(torch.nn.Module):
        def forward(self, x, t, encoder_hidden_states):
            signal = alpha_bar[t][:, None, None, None]
            return type("Output", (), {"sample": (x - signal.sqrt() * x0[0]) / (1 - signal).sqrt()})

    arguments = (torch.zeros(2, 3, 4), alpha_bar, TINY, 0, 0)
    assert float(prompts.loss_at(Perfect(), x0, *arguments)) < 1e-6
    assert float(prompts.loss_at(Perfect(), x0 + 1, *arguments)) > 1e-2


def test_one_prompt_in_ten_is_left_out_and_the_others_belong_to_their_drawings():
    seen = []

    class Watch(torch.nn.Module):
        def forward(self, x, t, encoder_hidden_states):
            seen.append((x, t, encoder_hidden_states))
            return type("Output", (), {"sample": x})

    alpha_bar, recipe = prompts.scheduler().alphas_cumprod, replace(TINY, batch=4000)
    z = torch.arange(1.0, 4)[:, None, None, None, None].expand(3, 2, 4, 8, 8) * 100
    texts = torch.arange(4.0)[:, None, None].expand(4, 2, 5)
    prompts.loss_at(Watch(), z, texts, alpha_bar, recipe, 0, 0, recipe.drop)
    x, t, read = seen[0]
    drawn = (x.mean(dim=(1, 2, 3)) / alpha_bar[t].sqrt() / 100).round()
    left_out = read[:, 0, 0] == 0
    assert float(left_out.float().mean()) == pytest.approx(0.1, abs=0.02)
    assert torch.equal(read[~left_out, 0, 0], drawn[~left_out])


def test_the_schedule_is_stable_diffusions():
    """beta from 0.00085 to 0.012, its root even in the step."""
    beta = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    np.testing.assert_allclose(prompts.scheduler().alphas_cumprod, np.cumprod(1 - beta), rtol=1e-4)


def test_the_pipeline_loads_and_paints_what_the_trainer_paints(model):
    pipe = StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    assert not list(model.rglob("*.bin")) and len(list(model.rglob("*.safetensors"))) == 3
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    asked = ["monkey, black ink", "wolf, sticker"]
    z = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    options = {"guidance_scale": 3.0, "num_inference_steps": 4, "latents": z}
    theirs = pipe(asked, output_type="np", **options).images
    assert theirs.shape == (2, 32, 32, 3)
    studio = gallery.Studio(model)
    ours = prompts.paint(studio.net, studio.vae, studio.read(asked), studio.read([""]), 3.0, steps=4, seed=5)
    np.testing.assert_allclose(theirs, (ours.permute(0, 2, 3, 1) + 1) / 2, atol=0.1)  # bfloat16 against float32
    other = pipe(["wolf, sticker"] * 2, output_type="np", **options).images
    assert np.abs(other[0] - theirs[0]).max() > 1e-4


def test_a_denoiser_reads_a_prompt_as_the_pipeline_does(model):
    pipe = StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32)
    asked, empty = pipe.encode_prompt("cat, sticker", "cpu", 1, True)
    torch.testing.assert_close(text.embed(model, ["", "cat, sticker"]), torch.cat([empty, asked]))


def test_a_release_loads_by_name_and_refuses_a_changed_vocabulary(model, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", model.parent)
    painter = networks.load("emoji", prompt="cat, sticker", device="cpu")
    assert painter.shape == (8, 8, 4)
    merges = model / "tokenizer" / "merges.txt"
    kept = merges.read_text()
    merges.write_text(kept.replace("0.2", "0.1"))
    with pytest.raises(ValueError, match=r"tokenizer/merges.txt.*sha256"):
        networks.load("emoji", prompt="cat, sticker")
    merges.write_text(kept)


def test_the_card_says_what_was_measured(model):
    card, record = (model / "README.md").read_text(), json.loads((model / "training.json").read_text())
    shares = record["measured"]["guidance"]["3"]
    row = " | ".join(f"{share:.0%}" for share in shares["seen"] + shares["held out"])
    assert f"| 3 | {row} | {shares['frechet']:.2f} |" in card
    assert "6 steps of 4 of the same drawings" in card and "minutes of a test machine" in card
    assert record["measured"]["judge"]["seen in training"] is False


def test_the_nearest_drawing_is_found_in_any_position_of_the_training():
    drawings = objective.scaled(torch.from_numpy(emoji.load().images[:6, 0]).permute(0, 3, 1, 2))
    moved = torch.roll(drawings[[4, 2]], (1, -1), (-2, -1)).flip(-1)
    which, distance = gallery.nearest(moved + 0.1, drawings)
    assert which.tolist() == [4, 2]
    np.testing.assert_allclose(distance, 0.1, rtol=1e-3)


def test_a_judge_learns_two_colours_and_two_shapes():
    """Four kinds of picture, told apart by colour and by side after a hundred steps."""
    pictures = torch.full((4, 3, 32, 32), 255, dtype=torch.uint8)
    for i in range(4):
        pictures[i, 2 * (i // 2), 4:28, 4:28] = 0
        if i % 2:
            pictures[i, :, 10:22, 10:22] = 255
    labels, recipe = judge.labels_of(4, styles=2), replace(TINY_JUDGE, batch=16, rate=1e-2)
    torch.manual_seed(0)
    net = judge.Judge(2, 2, recipe.widths)
    adam = torch.optim.Adam(net.parameters(), recipe.rate)
    for step in range(60):
        adam.zero_grad()
        judge.loss_at(net, pictures, labels, recipe, 0, step).backward()
        adam.step()
    assert torch.equal(judge.verdicts(net, objective.scaled(pictures)), labels)
