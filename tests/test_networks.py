"""Networks as denoisers, on small models made on the spot in the formats of the hub."""

import json
import pickle

import diffusers
import numpy as np
import pytest
import torch

from paintlib.gaussian import Gaussian
from paintlib.networks import EDMNetwork, Network, adapters, load, record
from paintlib.networks.pixels import predict, to_pixels
from paintlib.samplers import collect, heun
from paintlib.schedules import CLEAN, Level, Tabulated

LINEAR = {"num_train_timesteps": 1000, "beta_schedule": "linear"}
SHAPE = (8, 8, 3)


def tiny_unet(**changes):
    torch.manual_seed(0)
    config = {
        "sample_size": 8,
        "in_channels": 3,
        "out_channels": 3,
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
    }
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2, "layers_per_block": 1}
    return diffusers.UNet2DModel(**(config | blocks | changes)).eval().requires_grad_(False)


def a_gaussian_of_12():
    rng = np.random.default_rng(0)
    return Gaussian.fit(rng.normal(size=(60, 12)) * np.linspace(0.2, 2, 12) + 0.3)


@pytest.fixture
def gaussian():
    return a_gaussian_of_12()


@pytest.fixture
def folder(tmp_path):
    """A DDPM pipeline as `save_pretrained` writes it."""
    diffusers.DDPMPipeline(tiny_unet(), diffusers.DDPMScheduler(**LINEAR)).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def analytic_net(gaussian, schedule, prediction):
    """What a perfect network would output, as a plain function of pixels (B, 12, 1, 1) and times."""

    def net(pixels, t):
        x = pixels[:, :, 0, 0].numpy().astype(float)
        levels = [schedule(float(s)) for s in t.expand(len(x))]
        alpha, sigma = (np.array([getattr(v, name) for v in levels])[:, None] for name in ("alpha", "sigma"))
        x0_hat = gaussian.denoise(x, Level(alpha[:, 0], sigma[:, 0]))
        eps = (x - alpha * x0_hat) / sigma
        output = {"epsilon": eps, "sample": x0_hat, "v_prediction": alpha * eps - sigma * x0_hat}[prediction]
        return torch.as_tensor(output)[:, :, None, None].float()

    return net


@pytest.mark.parametrize("prediction", adapters.PREDICTIONS)
def test_eq_06_each_prediction_gives_the_endpoint_estimate(gaussian, prediction):
    schedule = Tabulated.ddpm()
    network = Network(analytic_net(gaussian, schedule, prediction), schedule, (1, 1, 12), prediction)
    x = np.random.default_rng(1).normal(size=(2, 3, 12))
    for level in (schedule(500), schedule(123.4), schedule(500).ve(), Level(0.3, 0.4)):
        found, wanted = network.denoise(x * (level.alpha + level.sigma), level), None
        wanted = gaussian.denoise(x * (level.alpha + level.sigma), level)
        np.testing.assert_allclose(found, wanted, atol=2e-4)  # the network works in float32
    rows = Level(np.array([0.6, 0.8]), np.array([0.8, 0.6]))
    np.testing.assert_allclose(network.denoise(x[:, 0], rows), gaussian.denoise(x[:, 0], rows), atol=2e-4)


def test_eq_06_edm_network_agrees_with_the_scheduler_that_defines_its_form(gaussian):
    net, scheduler = tiny_unet(), diffusers.EDMEulerScheduler(sigma_data=0.7)
    network = EDMNetwork(net, SHAPE, 0.7)
    x = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    kappa = torch.tensor(1.7)
    pixels = x.permute(0, 3, 1, 2)
    with torch.no_grad():
        output = net(scheduler.precondition_inputs(pixels, kappa), scheduler.precondition_noise(kappa)).sample
    wanted = scheduler.precondition_outputs(pixels, output, kappa).permute(0, 2, 3, 1).reshape(2, -1)
    found = network.denoise(0.5 * x.reshape(2, -1), Level(0.5, 0.5 * 1.7))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_images_are_flattened_row_by_row_with_channels_last():
    shifted = Network(lambda p, t: torch.zeros_like(p), Tabulated.ddpm(), SHAPE)
    x = np.random.default_rng(0).normal(size=(2, 192))
    level = shifted.schedule(300)
    np.testing.assert_allclose(shifted.denoise(x, level), x / level.alpha, rtol=1e-6)
    pixels = to_pixels(x, SHAPE, None)
    np.testing.assert_allclose(pixels[1, 2, 3, 4], x.reshape(2, *SHAPE)[1, 3, 4, 2], rtol=1e-6)


def test_heun_of_the_paper_runs_on_a_network_trained_on_a_table(gaussian):
    schedule = Tabulated.ddpm()
    network = Network(analytic_net(gaussian, schedule, "epsilon"), schedule, (1, 1, 12))
    grid = np.linspace(900, 100, 30)
    x = np.random.default_rng(2).normal(size=(3, 12))
    found = collect(heun(network, x, schedule, grid))
    exact = gaussian.flow(x, schedule(900), schedule(100))
    np.testing.assert_allclose(found.x[-1], exact, atol=2e-2)


SCHEDULERS = {
    "DDIM": (diffusers.DDIMScheduler(**LINEAR, clip_sample=False), 1),
    "PNDM": (diffusers.PNDMScheduler(**LINEAR, skip_prk_steps=True), 2),
    "DPM++": (diffusers.DPMSolverMultistepScheduler(**LINEAR), 2),
    "Euler": (diffusers.EulerDiscreteScheduler(**LINEAR), 1),
    "Euler, v": (diffusers.EulerDiscreteScheduler(**LINEAR, prediction_type="v_prediction"), 1),
    "Heun": (diffusers.HeunDiscreteScheduler(**LINEAR), 2),
    "LMS": (diffusers.LMSDiscreteScheduler(**LINEAR), 3),  # fourth, but for its first steps
    "UniPC": (diffusers.UniPCMultistepScheduler(**LINEAR), 2),
    "DEIS": (diffusers.DEISMultistepScheduler(**LINEAR), 2),
    "EDM": (diffusers.EDMEulerScheduler(), 1),
    "EDM DPM++": (diffusers.EDMDPMSolverMultistepScheduler(), 2),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_eq_09_schedulers_follow_the_closed_form_at_their_order(gaussian, name):
    """Half way down, where no scheduler has yet changed its step or its order for the end."""
    scheduler, order = SCHEDULERS[name]
    x, errors, counts = np.random.default_rng(1).normal(size=(4, 12)), [], (20, 40)
    for steps in counts:
        run = collect(record(gaussian, scheduler, x, steps))
        level = list(run.level)
        middle = int(np.argmin(np.abs(run.level.sigma / run.level.alpha - 1)))
        errors.append(np.abs(run.x[middle] - gaussian.flow(run.x[0], level[0], level[middle])).max())
    slope = np.log2(errors[0] / errors[1])
    assert slope > order - 0.45, (name, errors)  # grids are rounded to whole times, so slopes wander
    assert errors[1] < 0.2


def test_record_ddpm_is_a_draw_with_the_right_variance(gaussian):
    x = np.random.default_rng(1).normal(size=(400, 12))
    scheduler = diffusers.DDPMScheduler(**LINEAR, clip_sample=False)
    run = collect(record(gaussian, scheduler, x, 200, generator=torch.Generator().manual_seed(0)))
    along = (run.x[-1] - gaussian.mu) @ gaussian.U
    # 400 draws: a variance is known to 7 % (one standard deviation)
    np.testing.assert_allclose(along.var(axis=0), gaussian.lam, rtol=0.35)


@pytest.mark.parametrize("kind", ["DDIM", "DDPM"])
def test_record_ends_bit_identical_with_the_pipeline_alone(folder, kind):
    network = load(str(folder), device="cpu")
    scheduler = getattr(diffusers, f"{kind}Scheduler")(**LINEAR)
    pipe = getattr(diffusers, f"{kind}Pipeline")(network.net, scheduler)
    pipe.set_progress_bar_config(disable=True)
    noise = torch.randn((3, 3, 8, 8), generator=torch.Generator().manual_seed(5))
    x = noise.permute(0, 2, 3, 1).reshape(3, -1)
    wanted = pipe(3, generator=torch.Generator().manual_seed(5), num_inference_steps=7, output_type="np").images
    generator = torch.Generator().manual_seed(5)
    torch.randn((3, 3, 8, 8), generator=generator)  # the pipeline draws its first noise from the same generator
    run = collect(record(network, scheduler, x, 7, generator=generator))
    found = (run.x[-1].reshape(3, *SHAPE) / 2 + 0.5).clamp(0, 1).numpy()
    np.testing.assert_array_equal(found, wanted)


def test_record_gives_the_networks_endpoint_estimates(folder):
    network = load(str(folder), device="cpu")
    x = torch.randn(2, 192, generator=torch.Generator().manual_seed(0))
    for scheduler in (diffusers.DDIMScheduler(**LINEAR, clip_sample=False), diffusers.EulerDiscreteScheduler(**LINEAR)):
        for step in list(record(network, scheduler, x, 4))[:-1]:
            torch.testing.assert_close(step.x0_hat, network.denoise(step.x, step.level), rtol=1e-3, atol=1e-3)


def test_record_edm_scheduler_on_an_edm_network():
    network = EDMNetwork(tiny_unet(), SHAPE)
    x = torch.randn(2, 192, generator=torch.Generator().manual_seed(0))
    steps = list(record(network, diffusers.EDMEulerScheduler(), x, 4))
    assert steps[0].level.kappa == pytest.approx(80) and steps[-1].level == CLEAN
    torch.testing.assert_close(steps[1].x0_hat, network.denoise(steps[1].x, steps[1].level), rtol=1e-3, atol=1e-3)


def test_load_reads_a_pipeline_and_a_flat_folder_alike(folder, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in [*(folder / "unet").iterdir(), *(folder / "scheduler").iterdir()]:
        (flat / file.name).write_bytes(file.read_bytes())
    x = np.random.default_rng(0).normal(size=(2, 192))
    first, second = load(str(folder), device="cpu"), load(str(flat), device="cpu")
    level = first.schedule(400)
    np.testing.assert_array_equal(first.denoise(x, level), second.denoise(x, level))
    unet, t = tiny_unet(), torch.tensor(400)
    eps = unet(to_pixels(x, SHAPE, unet), t).sample.permute(0, 2, 3, 1).reshape(2, -1).numpy()
    np.testing.assert_allclose(first.denoise(x, level), (x - level.sigma * eps) / level.alpha, rtol=1e-4, atol=1e-4)


def test_load_reads_half_precision_and_weights_only_files(folder):
    safe = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state = {k: v.half() for k, v in tiny_unet().state_dict().items()}
    torch.save(state, safe.with_suffix(".bin"))
    safe.unlink()
    assert next(load(str(folder), device="cpu").net.parameters()).dtype == torch.float32


def test_load_reads_an_edm_folder(tmp_path):
    tiny_unet().save_pretrained(tmp_path / "edm" / "unet")
    diffusers.EDMEulerScheduler(sigma_data=0.6).save_pretrained(tmp_path / "edm" / "scheduler")
    network = load(str(tmp_path / "edm"), device="cpu")
    assert isinstance(network, EDMNetwork) and network.sigma_data == 0.6


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def broken(folder, how):
    safe = folder / "unet" / "diffusion_pytorch_model.safetensors"
    config = folder / "unet" / "config.json"
    if how == "truncated":
        safe.write_bytes(safe.read_bytes()[:-1000])
    elif how == "a pickle named safetensors":
        safe.write_bytes(pickle.dumps({"a": 1}))
    elif how == "an evil pickle":
        safe.unlink()
        torch.save({"a": Evil()}, safe.with_suffix(".bin"))
    elif how == "another config":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"layers_per_block": 2}))
    elif how == "other widths":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"block_out_channels": [16, 16]}))
    elif how == "config that is no JSON":
        config.write_text("{")
    elif how == "no config":
        config.unlink()
    elif how == "no weights":
        safe.unlink()
    elif how == "another class":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"_class_name": "VQModel"}))
    elif how == "no scheduler":
        (folder / "scheduler" / "scheduler_config.json").unlink()


BREAKAGES = ["truncated", "a pickle named safetensors", "an evil pickle", "another config", "other widths",
             "config that is no JSON", "no config", "no weights", "another class", "no scheduler"]  # fmt: skip


@pytest.mark.parametrize("how", BREAKAGES)
def test_what_is_broken_is_refused_with_its_file_and_the_remedy(folder, how, capsys):
    broken(folder, how)
    with pytest.raises(ValueError, match=r"config.json|weights|safetensors|scheduler") as caught:
        load(str(folder), device="cpu")
    assert ";" in str(caught.value)
    assert "unpickled" not in capsys.readouterr().out


def test_without_network_a_hub_name_says_what_ships(monkeypatch, tmp_path):
    import huggingface_hub

    def offline(*args, **kwargs):
        raise huggingface_hub.errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ConnectionError, match=r"google/ddpm-cifar10-32.*Without a network use one of"):
        load("google/ddpm-cifar10-32")


def test_too_little_memory_halves_the_batch_and_then_says_so():
    sizes = []

    def net(pixels, t):
        sizes.append(len(pixels))
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("full")
        return torch.zeros_like(pixels)

    pixels = torch.zeros(5, 3, 8, 8)
    assert predict(net, pixels, torch.tensor(3)).shape == pixels.shape
    assert sizes == [5, 2, 2, 1]

    def never(pixels, t):
        raise torch.OutOfMemoryError("full")

    with pytest.raises(MemoryError, match=r"one image of shape \(3, 8, 8\)"):
        predict(never, pixels, torch.tensor(3))


def test_levels_outside_the_table_are_refused():
    network = Network(lambda p, t: p, Tabulated.ddpm(), SHAPE)
    with pytest.raises(ValueError, match="kappa"):
        network.denoise(np.zeros((1, 192)), Level(1.0, 1e-4))
    for painter in (network, EDMNetwork(tiny_unet(), SHAPE)):
        for level in (CLEAN, Level(0.0, 1.0)):
            with pytest.raises(ValueError, match="kappa"):
                painter.denoise(np.zeros((1, 192)), level)


@pytest.fixture
def diffusion(tmp_path):
    """A small Stable Diffusion: text encoder, tokenizer, conditional network, scheduler."""
    from transformers import CLIPTextConfig, CLIPTextModel

    folder = tmp_path / "sd"
    torch.manual_seed(0)
    config = CLIPTextConfig(
        hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=2, vocab_size=300
    )
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")
    letters = [*map(chr, range(97, 123))]
    words = [*letters, *(c + "</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77}))
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
        cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    unet.save_pretrained(folder / "unet")
    scheduler = diffusers.PNDMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, skip_prk_steps=True
    )
    scheduler.save_pretrained(folder / "scheduler")
    return folder


def test_stable_diffusion_denoises_latents_for_a_prompt(diffusion):
    plain, guided = (load(str(diffusion), prompt="a cat", guidance=g, device="cpu") for g in (0.0, 3.0))
    conditional = load(str(diffusion), prompt="a cat", guidance=1.0, device="cpu")
    x = np.random.default_rng(0).normal(size=(2, 256))
    level = guided.schedule(400)
    u, c, g = (network.denoise(x, level) for network in (plain, conditional, guided))
    np.testing.assert_allclose(g, u + 3 * (c - u), atol=1e-4)
    assert np.abs(c - u).max() > 1e-6
    assert guided.shape == (8, 8, 4)
    with pytest.raises(ValueError, match="prompt"):
        load(str(diffusion), device="cpu")
    with pytest.raises(ValueError, match="shorten"):
        load(str(diffusion), prompt="a cat " * 60, device="cpu")
