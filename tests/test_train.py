"""Training and release, on a network that trains in a second."""

import inspect
import json
import shutil
from dataclasses import replace
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from paintlib import measure, networks
from paintlib.networks import files
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Level, Tabulated
from paintlib.train import __main__, judge, latents, loop, objective, optimiser, prompts, recipes, release


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A recipe of few weights, and a file of 50 random pictures."""
    recipe = recipes.Recipe("fashion-mnist", 1, (8, 8), attention=False, batch=4, warmup=2, decay=4, snapshots=(3,))
    monkeypatch.setitem(recipes.RECIPES, "small", recipe)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", x_train=pixels)
    return tmp_path


def weights(folder):
    return load_file(folder / "checkpoint.safetensors")


def test_a_run_that_was_stopped_and_resumed_equals_one_that_was_not(small, capsys):
    file = small / "data.npz"
    whole = loop.train("small", small / "whole", file=file, images=24)
    loop.train("small", small / "parts", file=file, images=12)
    parts = loop.train("small", small / "parts", file=file, images=24)
    assert whole["step"] == parts["step"] == 6 and whole["loss"] == pytest.approx(parts["loss"], rel=1e-6)
    first, second = weights(small / "whole"), weights(small / "parts")
    assert first.keys() == second.keys()
    for key in first:
        torch.testing.assert_close(first[key], second[key], rtol=1e-5, atol=1e-7)
    assert (small / "whole" / "samples.png").stat().st_size > 0
    assert (small / "whole" / "step000003.safetensors").exists()


def test_a_finished_run_is_left_alone(small):
    file = small / "data.npz"
    loop.train("small", small / "run", file=file, images=8)
    before = weights(small / "run")
    assert loop.train("small", small / "run", file=file, images=8)["step"] == 2
    for key, value in weights(small / "run").items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("module", "words", "wanted"),
    [(__main__, ["small", "--compile"], ("small", {"folder": Path("runs/small"), "compile": True, "start": None})),
     (latents, [], (None, {"folder": "runs/latents"})), (judge, [], (None, {"without_held_out": False})),
     (judge, ["--without-held-out"], (None, {"folder": "runs/judge", "without_held_out": True})),
     (prompts, ["--latents", "a"], (None, {"folder": "runs/prompts", "autoencoder": "a"}))],
)  # fmt: skip
def test_the_command_line_says_what_train_is_called_with(small, monkeypatch, capsys, module, words, wanted):
    """By the names that `train` really has; all of them have the common options."""
    real, seen = (loop if module is __main__ else module).train, {}

    def train(*arguments, **options):
        seen.update(inspect.signature(real).bind(*arguments, **options).arguments)
        return {"step": 3}

    monkeypatch.setattr(loop if module is __main__ else module, "train", train)
    module.main([*words, "--images", "24", "--hours", "0.5", "--seed", "7", "--file", "some.npz"])
    name, options = wanted
    assert seen.get("name") == name
    assert options | {"images": 24, "hours": 0.5, "seed": 7, "file": "some.npz"} == {
        key: seen[key] for key in [*options, "images", "hours", "seed", "file"]
    }
    assert json.loads(capsys.readouterr().out) == {"step": 3}


def test_training_needs_a_budget(small):
    with pytest.raises(ValueError, match="images, hours"):
        loop.train("small", small / "run", file=small / "data.npz")


def test_eq_05_the_loss_of_a_perfect_network_is_that_of_the_exact_denoiser():
    """One picture only: the best noise prediction is exact, so the loss is zero; and not for another picture."""
    alpha_bar = recipes.scheduler().alphas_cumprod
    picture = torch.randint(0, 256, (1, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    x0 = picture.float() / 127.5 - 1

    class Perfect(torch.nn.Module):
        def __init__(self, x0):
            super().__init__()
            self.x0 = x0

        def forward(self, x, t):
            signal = alpha_bar[t][:, None, None, None]
            return type("Output", (), {"sample": (x - signal.sqrt() * self.x0) / (1 - signal).sqrt()})

    images = picture.bfloat16()
    for exact_above in (None, 1):
        recipe = recipes.Recipe("one picture", 1, (8,), batch=16, most=1, exact_above=exact_above)
        arguments = (images, objective.half_norms(images), alpha_bar, recipe, 0, 3)
        assert float(objective.loss_at(Perfect(x0), *arguments)) < 1e-6
        assert float(objective.loss_at(Perfect(-x0), *arguments)) > 1e-2


@pytest.mark.parametrize("angle", [False, True])
def test_times_are_even_in_the_step_or_in_the_angle(angle):
    seen = []

    class Watch(torch.nn.Module):
        def forward(self, x, t):
            seen.append(t)
            return type("Output", (), {"sample": x})

    pixels, alpha_bar = torch.zeros(5, 1, 8, 8, dtype=torch.bfloat16), recipes.scheduler().alphas_cumprod
    recipe = recipes.Recipe("black", 1, (8,), batch=10, angle=angle)
    objective.loss_at(Watch(), pixels, objective.half_norms(pixels), alpha_bar, recipe, 0, 0)
    t = seen[0].numpy()
    turned = np.arccos(np.sqrt(Tabulated.ddpm().alphas_cumprod[t])) / (np.pi / 2) if angle else t / 1000
    np.testing.assert_array_equal(np.floor(10 * turned), np.arange(10))


def test_the_weighted_loss_is_that_of_v_where_noise_is_moderate():
    """v = alpha eps - sigma x_0 is found from a predicted noise with the same state; diffusers gives the true one."""
    scheduler, rng = recipes.scheduler(), torch.Generator().manual_seed(0)
    weights = objective.weights(scheduler.alphas_cumprod, 10)
    picture, noise, guess = (torch.randn(1, 1, 8, 8, generator=rng) for _ in range(3))
    for t in map(torch.tensor, ([0], [100], [400])):
        alpha, sigma = scheduler.alphas_cumprod[t] ** 0.5, (1 - scheduler.alphas_cumprod[t]) ** 0.5
        x = scheduler.add_noise(picture, noise, t)
        v = alpha * guess - sigma * (x - sigma * guess) / alpha
        in_v = (v - scheduler.get_velocity(picture, noise, t)).square().mean()
        torch.testing.assert_close(weights[t][0] * (guess - noise).square().mean(), in_v, rtol=1e-3, atol=0)
    assert float(weights.max()) == 10


def test_a_weight_of_time_counts_in_the_loss():
    class Zero(torch.nn.Module):
        def forward(self, x, t):
            return type("Output", (), {"sample": 0 * x})

    pixels, alpha_bar = torch.zeros(5, 1, 32, 32, dtype=torch.bfloat16), recipes.scheduler().alphas_cumprod
    for most in (1, 4):
        recipe = recipes.Recipe("black", 1, (8,), most=most, exact_above=None, angle=False)
        loss = float(objective.loss_at(Zero(), pixels, objective.half_norms(pixels), alpha_bar, recipe, 0, 0))
        assert loss == pytest.approx(float(objective.weights(alpha_bar, most).mean()), rel=0.02)


def test_eq_16_the_exact_noise_is_that_of_the_point_cloud():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (300, 1, 4, 4))
    images, kappa = torch.from_numpy(pixels).bfloat16(), np.geomspace(1, 100, 40)
    points = pixels.reshape(300, 16) / 127.5 - 1
    x = points[:40] + kappa[:, None] * rng.normal(size=(40, 16))
    endpoint = PointCloud(points).denoise(x, Level(np.ones(40), kappa))
    rows = torch.from_numpy(x).float().view(40, 1, 4, 4)
    noise = objective.exact_noise(rows, torch.from_numpy(kappa).float(), images, objective.half_norms(images))
    np.testing.assert_allclose(noise.view(40, 16), (x - endpoint) / kappa[:, None], atol=0.01)


def test_the_exact_noise_is_the_mean_of_the_noise():
    """Errors of the draw are uncorrelated with any function of the state, here with the target itself."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, 1, 2, 2), generator=rng).bfloat16()
    noise, kappa = torch.randn(20_000, 1, 2, 2, generator=rng), torch.full((20_000,), 1.5)
    x = images[torch.randint(20, (20_000,), generator=rng)].float() / 127.5 - 1 + 1.5 * noise
    target = objective.exact_noise(x, kappa, images, objective.half_norms(images))
    assert float((target * (noise - target)).mean()) == pytest.approx(0, abs=0.01)
    assert float(target.square().mean()) < 0.95 * float(noise.square().mean())


def test_the_average_weighs_step_s_by_its_power():
    net, ema = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    values = np.random.default_rng(0).normal(size=200)
    for step, value in enumerate(values):
        net.weight.data.fill_(float(value))
        optimiser.average(ema, net, step, power=7)
    share = np.arange(1, 201.0) ** 7
    assert float(ema.weight.detach()) == pytest.approx((share * values).sum() / share.sum(), rel=0.02)


def test_muon_turns_a_gradient_into_the_nearest_orthogonal_matrix_and_adam_moves_the_rest():
    """The singular value decomposition gives that matrix exactly; five Newton-Schulz steps come near it."""
    net = recipes.network(recipes.RECIPES["cifar10"]).to(memory_format=torch.channels_last)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    moves, rng = optimiser.Optimiser(net, muon=True), torch.Generator().manual_seed(0)
    for p in net.parameters():
        p.grad = torch.empty_like(p).normal_(generator=rng)
    moves.step(1e-3)
    for name, p in net.named_parameters():
        step = p.detach() - before[name]
        if p.ndim == 1 or name.startswith(("conv_in", "conv_out")):
            torch.testing.assert_close(step, -1e-3 * p.grad.sign(), rtol=1e-3, atol=1e-6)
    for name in ("down_blocks.1.resnets.0.conv1.weight", "time_embedding.linear_1.weight"):
        p = net.get_parameter(name)
        u, _, v = torch.linalg.svd(p.grad.flatten(1), full_matrices=False)
        wanted, step = -0.2e-3 * max(p.grad.flatten(1).shape) ** 0.5 * u @ v, (p.detach() - before[name]).flatten(1)
        assert float(torch.cosine_similarity(step.flatten(), wanted.flatten(), dim=0)) > 0.95
        assert float(step.norm() / wanted.norm()) == pytest.approx(1, abs=0.2)


def test_a_kernel_that_would_be_trained_as_a_copy_is_refused():
    with pytest.raises(RuntimeError, match="view"):
        optimiser.Optimiser(recipes.network(recipes.RECIPES["cifar10"]), muon=True)


def test_the_rate_warms_up_and_decays():
    recipe = recipes.RECIPES["cifar10"]
    rates = [optimiser.rate_at(recipe, s) for s in (0, recipe.warmup - 1, recipe.decay, 4 * recipe.decay)]
    np.testing.assert_allclose(np.divide(rates, recipe.rate), [1 / recipe.warmup, 1, 1, 0.5])


def test_a_pixel_is_doubled_as_by_interpolate():
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(optimiser.doubled(None, (x,)), torch.nn.functional.interpolate(x, scale_factor=2.0))


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_has_the_gradient_of_the_plain_one(small):
    """`compiled` compares them; with diffusers' own upsampling torch 2.13 gives zeros below the full resolution."""
    loop.train("small", small / "run", file=small / "data.npz", images=4, compile=True)


def test_a_compiled_network_that_loses_a_gradient_is_refused(small, monkeypatch):
    def lose(net):
        net.mid_block.register_forward_hook(lambda module, inputs, output: output.detach())
        return net

    monkeypatch.setattr(torch, "compile", lose)
    with pytest.raises(RuntimeError, match=r"gradient of norm .* compiled, .* plain; train without --compile"):
        loop.train("small", small / "run", file=small / "data.npz", images=4, compile=True)


def test_images_are_padded_to_32_and_channels_come_first(small):
    pixels = recipes.images_for(recipes.RECIPES["small"], small / "data.npz")
    assert pixels.shape == (50, 1, 32, 32) and pixels.dtype == torch.uint8
    assert int(pixels[:, :, :2].max()) == 0
    with np.load(small / "data.npz") as archive:
        np.testing.assert_array_equal(pixels[7, 0, 2:30, 2:30], archive["x_train"][7])


def test_an_album_is_a_part_of_the_pictures_and_a_thumbnail_the_mean_of_its_blocks(small, monkeypatch):
    with np.load(small / "data.npz") as archive:
        pixels = archive["x_train"]
    monkeypatch.setitem(recipes.RECIPES, "small", replace(recipes.RECIPES["small"], side=16, album=(10, 14)))
    found = recipes.images_for(recipes.RECIPES["small"], small / "data.npz").numpy()
    assert found.shape == (4, 1, 16, 16) and not found[:, :, 0].any() and not found[..., -1].any()
    wanted = torch.nn.functional.avg_pool2d(torch.from_numpy(pixels[10:14, None] / 1.0), 2).round()
    np.testing.assert_array_equal(found[:, :, 1:-1, 1:-1], wanted)
    record = loop.train("small", small / "run", file=small / "data.npz", images=4)
    assert record["recipe"]["album"] == [10, 14]


def test_a_change_of_the_recipe_is_remembered_and_told_on_the_card(small, monkeypatch):
    file, first = small / "data.npz", recipes.RECIPES["small"]
    loop.train("small", small / "run", file=file, images=8)
    monkeypatch.setitem(recipes.RECIPES, "small", replace(first, most=1, exact_above=None))
    loop.train("small", small / "run", file=file, images=12)
    monkeypatch.setitem(recipes.RECIPES, "small", replace(first, most=1, exact_above=None, decay=9))
    record = loop.train("small", small / "run", file=file, images=16)
    assert record["history"] == [{"until": 2, "most": 30, "exact_above": 1}, {"until": 3, "decay": 4}]
    card = (release.release("small", small / "run", "a test machine", folder=small / "x") / "README.md").read_text()
    now, before, at_first = (line for line in card.split("\n") if "squared error" in line)
    assert now.startswith("| loss, times, rate, average | squared error of the noise; times even in the angle")
    assert "Muon and Adam, rate 0.0015, as 1 / sqrt(step) from step 9 on;" in now
    assert before.startswith("| until step 3 | squared error of the noise; ") and "from step 4 on" in before
    assert at_first.startswith("| until step 2 |") and "kappa > 1, weighted by min(1 / alpha^2, 30)" in at_first


@pytest.mark.parametrize("muon", [True, False])
def test_a_run_goes_on_with_another_optimiser(small, monkeypatch, muon):
    file, first = small / "data.npz", recipes.RECIPES["small"]
    monkeypatch.setitem(recipes.RECIPES, "small", replace(first, muon=not muon))
    loop.train("small", small / "run", file=file, images=8)
    monkeypatch.setitem(recipes.RECIPES, "small", replace(first, muon=muon))
    record = loop.train("small", small / "run", file=file, images=16)
    assert record["step"] == 4 and record["history"] == [{"until": 2, "muon": not muon}]
    assert any(key.startswith("muon.") for key in weights(small / "run")) == muon
    steps = {float(v) for k, v in weights(small / "run").items() if k.startswith("adam.") and k.endswith(".step")}
    assert steps == {2}  # those since the change


def test_training_goes_on_from_a_release(small):
    loop.train("small", small / "run", file=small / "data.npz", images=8)
    folder = release.release("small", small / "run", "a test machine", folder=small / "released")
    record = loop.train("small", small / "second", file=small / "data.npz", images=8, start=folder)
    assert record["step"] == 2
    first, second = weights(small / "run"), weights(small / "second")
    for key in first:
        if key.startswith("ema."):
            torch.testing.assert_close(second["net" + key[3:]], first[key], rtol=1e-3, atol=1e-6)  # float16 on disk


def test_a_snapshot_is_released_under_its_step(small, monkeypatch):
    loop.train("small", small / "run", file=small / "data.npz", images=16)
    monkeypatch.setattr(release, "SHIPPED", small / "models")
    monkeypatch.setattr(files, "SHIPPED", small / "models")
    folder = release.release("small", small / "run", "a test machine", step=3)
    assert folder.name == "small-0003" and "3 steps of 4 images, 12 in all" in (folder / "README.md").read_text()
    wanted = load_file(small / "run" / "step000003.safetensors")
    for key, value in networks.load("small-0003").net.state_dict().items():
        torch.testing.assert_close(value, wanted[key].float(), rtol=0, atol=0)


def test_a_release_loads_by_name_and_refuses_a_changed_file(small, monkeypatch):
    loop.train("small", small / "run", file=small / "data.npz", images=8)
    monkeypatch.setattr(files, "SHIPPED", small / "models")
    folder = release.release("small", small / "run", "a test machine", folder=small / "models" / "small")
    assert networks.shipped() == ["small"]
    painter = networks.load("small")
    assert painter.shape == (32, 32, 1)
    kappas = [painter.schedule(t).kappa for t in range(1000)]
    np.testing.assert_allclose(kappas, [Tabulated.ddpm()(t).kappa for t in range(1000)], rtol=1e-4)
    ema = {k[4:]: v for k, v in weights(small / "run").items() if k.startswith("ema.")}
    for key, value in painter.net.state_dict().items():
        torch.testing.assert_close(value, ema[key], rtol=1e-3, atol=1e-6)  # float16 on disk
    card = (folder / "README.md").read_text()
    assert "2 steps of 4 images, 8 in all" in card and "| FID | not measured |" in card
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"layers_per_block": 2}))
    with pytest.raises(ValueError, match=r"unet/config.json.*sha256"):
        networks.load("small")


def test_the_card_has_the_fid_of_samples_without_their_padding(small, monkeypatch):
    loop.train("small", small / "run", file=small / "data.npz", images=8)
    seen = []

    def features(images, weights):
        seen.append((images, weights))
        return images[:, ::9, ::9, 0].reshape(len(images), -1).astype(np.float32)

    monkeypatch.setattr(measure, "inception_features", features)
    with np.load(small / "data.npz") as archive:
        known = features(archive["x_train"][..., None], None)
    np.save(small / "known.npy", known)
    options = {"reference": small / "known.npy", "inception": "weights", "count": 30, "folder": small / "released"}
    card = (release.release("small", small / "run", "a test machine", **options) / "README.md").read_text()

    pipe = diffusers.DDPMPipeline.from_pretrained(small / "released", dtype=torch.float32)
    options = {"thresholding": True, "use_karras_sigmas": True}
    driver = diffusers.DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, **options)
    driver.set_timesteps(20)
    noise = np.random.default_rng(0).normal(size=(30, 32, 32)).astype(np.float32)
    x = torch.from_numpy(noise)[:, None]
    with torch.no_grad():
        for t in driver.timesteps:
            x = driver.step(pipe.unet(x, t).sample, t, x).prev_sample
    wanted = (x.clip(-1, 1) + 1)[:, 0, 2:30, 2:30] * 127.5
    drawn, weights_given = seen[1]
    assert drawn.shape == (30, 28, 28, 1) and drawn.dtype == np.uint8 and weights_given == "weights"
    assert np.mean(np.abs(drawn[..., 0] - wanted.numpy()) > 4) < 0.1  # bfloat16 against float32
    fid = measure.fid(features(drawn, None), known)
    assert f"| FID | {fid:.1f} (30 samples, " in card and "against 50 training images)" in card
