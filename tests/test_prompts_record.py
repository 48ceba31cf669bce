"""A watched pipeline paints what an unwatched one does; what is noted is what its network and scheduler say."""

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from paintlib import geometry
from paintlib.networks import hub, pipelines, prompts
from paintlib.samplers import Trajectory

# The configs of stable-diffusion-v1-5, with a tenth of the width and of the latents' sides.
UNET = {
    "sample_size": 8, "in_channels": 4, "out_channels": 4, "layers_per_block": 2, "center_input_sample": False,
    "block_out_channels": (32, 64, 64, 64), "norm_num_groups": 32, "attention_head_dim": 8, "cross_attention_dim": 48,
    "act_fn": "silu", "downsample_padding": 1, "flip_sin_to_cos": True, "freq_shift": 0, "mid_block_scale_factor": 1,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
}  # fmt: skip
VAE = {
    "in_channels": 3, "out_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32,
    "block_out_channels": (32, 32, 32, 32), "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4, "sample_size": 64, "scaling_factor": 0.18215,
}  # fmt: skip
TABLE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
PNDM = PNDMScheduler(**TABLE, skip_prk_steps=True, set_alpha_to_one=False)
TEXT = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 77, "hidden_act": "quick_gelu"}  # fmt: skip
PROMPTS = ["a cat", "a dog in a hat"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(letter + "</w>" for letter in letters)]
    (folder / "vocab.json").write_text("{" + ", ".join(f'"{word}": {n}' for n, word in enumerate(words)) + "}")
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


@pytest.fixture(scope="module")
def pipe(tokenizer):
    """Stable Diffusion 1.5 by its configs, narrow, with random weights."""
    torch.manual_seed(0)
    config = CLIPTextConfig(**TEXT, vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=1)
    parts = {"unet": UNet2DConditionModel(**UNET), "vae": AutoencoderKL(**VAE), "text_encoder": CLIPTextModel(config)}
    bare = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    made = StableDiffusionPipeline(tokenizer=tokenizer, scheduler=PNDM, **parts, **bare)
    for part in parts.values():
        part.eval().requires_grad_(False)
    made.set_progress_bar_config(disable=True)
    return made


def test_a_negative_prompt_is_what_the_network_is_asked_in_place_of_nothing(pipe):
    """The plain estimate at the first step is the asked one of a run for that text, from the same noise."""
    run = prompts.record(pipe, PROMPTS, 3.0, 1, negative_prompt="a big bird")
    alone = prompts.record(pipe, ["a big bird"] * 2, 1.0, 1)
    np.testing.assert_allclose(run.plain[0], alone.asked[0], atol=1e-5)
    alone = prompts.record(pipe, ["a big bird"] * 2, 1.0, 3)
    changed = prompts.record(pipe, PROMPTS, 3.0, 3, then=(2, PROMPTS), negative_prompt="a big bird")
    np.testing.assert_allclose(changed.plain[0], alone.asked[0], atol=1e-5)
    assert not np.allclose(changed.plain[2], prompts.record(pipe, PROMPTS, 3.0, 3).plain[2], atol=1e-4)


@pytest.fixture(scope="module")
def xl(tokenizer, pipe):
    """Stable Diffusion XL by its configs: two text encoders, sizes told to the network."""
    config = CLIPTextConfig(**TEXT, vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=1, projection_dim=48)
    options = UNET | {
        "block_out_channels": (32, 64), "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "attention_head_dim": (2, 4), "cross_attention_dim": 96,
        "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 48,
    }  # fmt: skip
    torch.manual_seed(1)
    unet, second = UNet2DConditionModel(**options).eval(), CLIPTextModelWithProjection(config).eval()
    made = StableDiffusionXLPipeline(pipe.vae, pipe.text_encoder, second, tokenizer, tokenizer, unet,
                                     EulerDiscreteScheduler(**TABLE), add_watermarker=False)  # fmt: skip
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="module", params=["1.5", "XL"])
def any_pipe(request, pipe, xl):
    return pipe if request.param == "1.5" else xl


def unwatched(pipe, noise, **options):
    """What the pipeline paints by itself: its pictures, and its latents as vectors."""
    H, W, C = pipelines.latent_shape(pipe)
    z = torch.as_tensor(noise).reshape(-1, H, W, C).permute(0, 3, 1, 2)
    pictures = pipe(latents=z.contiguous(), output_type="np", **options).images
    latents = pipe(latents=z.contiguous(), output_type="latent", **options).images
    return pictures, latents.permute(0, 2, 3, 1).flatten(1).numpy()


@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_recording_changes_nothing(any_pipe, guidance):
    z = pipelines.noise(any_pipe, 2, seed=3)
    options = {"prompt": PROMPTS, "guidance_scale": guidance, "num_inference_steps": 4}
    before, latents = unwatched(any_pipe, z, **options)
    run = prompts.record(any_pipe, PROMPTS, guidance, 4, z)
    after, _ = unwatched(any_pipe, z, **options)
    assert np.array_equal(run.x[-1], latents) and np.array_equal(before, after)
    np.testing.assert_allclose(pipelines.decode(any_pipe, run.x[-1]), before, atol=1e-6)
    assert not any_pipe.unet._forward_hooks


@pytest.mark.parametrize("scheduler", [PNDM, DDIMScheduler(**TABLE, clip_sample=False), EulerDiscreteScheduler(**TABLE),
                                       HeunDiscreteScheduler(**TABLE), DPMSolverMultistepScheduler(**TABLE),
                                       EulerAncestralDiscreteScheduler(**TABLE)],
                         ids=lambda s: type(s).__name__)  # fmt: skip
def test_states_and_estimates_are_those_of_network_and_level(pipe, scheduler):
    """At every step the network, asked again at the state's own time, gives the estimates that were noted."""
    before, pipe.scheduler = pipe.scheduler, scheduler
    try:
        run = prompts.record(pipe, PROMPTS, 3.0, 5, generator=torch.Generator().manual_seed(0))
    finally:
        pipe.scheduler = before
    texts = [pipe.encode_prompt(prompt, "cpu", 1, False)[0] for prompt in (["", ""], PROMPTS)]
    assert isinstance(run, Trajectory) and run.asked.shape == run.plain.shape == run.x.shape
    for n in range(len(run.t) - 1):
        alpha, sigma = run.level.alpha[n], run.level.sigma[n]
        x = torch.as_tensor(run.x[n]).reshape(2, 8, 8, 4).permute(0, 3, 1, 2)
        for found, text in zip((run.plain, run.asked), texts, strict=True):
            eps = pipe.unet(x / np.hypot(alpha, sigma), torch.tensor(run.t[n]), encoder_hidden_states=text).sample
            wanted = ((x - sigma * eps) / alpha).permute(0, 2, 3, 1).flatten(1).numpy()
            np.testing.assert_allclose(found[n], wanted, rtol=2e-4, atol=2e-4 * max(1, sigma / alpha))
    np.testing.assert_allclose(run.x0_hat, run.plain + 3 * (run.asked - run.plain), rtol=1e-4, atol=1e-3)
    assert np.all(np.diff(run.level.sigma / run.level.alpha) < 1e-6) or scheduler is not PNDM


def test_a_ddim_run_obeys_its_own_step(pipe):
    before, pipe.scheduler = pipe.scheduler, DDIMScheduler(**TABLE, clip_sample=False)
    try:
        run = prompts.record(pipe, PROMPTS, 2.0, 10)
    finally:
        pipe.scheduler = before
    alpha, sigma = (scale[:, None, None] for scale in (run.level.alpha, run.level.sigma))
    eps = (run.x[:-1] - alpha[:-1] * run.x0_hat[:-1]) / sigma[:-1]
    np.testing.assert_allclose(alpha[1:] * run.x0_hat[:-1] + sigma[1:] * eps, run.x[1:], rtol=1e-4, atol=1e-4)
    assert np.all(geometry.pc_residual(run.vp(), 8, centred=True) < 0.01)


def test_batches_thinning_and_watching_without_keeping(pipe):
    z = pipelines.noise(pipe, 2)
    whole, single = prompts.record(pipe, PROMPTS, 3.0, 6, z), prompts.record(pipe, PROMPTS, 3.0, 6, z, batch=1)
    thin = prompts.record(pipe, PROMPTS, 3.0, 6, z, every=4)
    np.testing.assert_allclose(single.x, whole.x, rtol=1e-3, atol=1e-3)
    chosen = [0, 4, 7]  # PNDM makes 7 steps of 6
    assert np.array_equal(thin.x, whole.x[chosen]) and np.array_equal(thin.level.sigma, whole.level.sigma[chosen])
    seen = []
    prompts.watch(pipe, PROMPTS, z, lambda step, last: seen.append((step.t, last, step.x.shape)), 3.0, 6)
    assert [t for t, _, _ in seen] == list(whole.t) and [last for _, last, _ in seen] == [False] * 7 + [True]


def test_at_guidance_1_there_is_no_plain_estimate(pipe):
    run = prompts.record(pipe, "a cat", 1.0, 3)
    assert run.plain is None and np.array_equal(run.asked, run.x0_hat)


def test_a_prompt_changed_on_the_way_is_the_other_prompts_run_from_there(pipe):
    """DDIM has no memory, so from the change on each step is that of the other prompt's network."""
    before, pipe.scheduler = pipe.scheduler, DDIMScheduler(**TABLE, clip_sample=False)
    try:
        for guidance in (1.0, 3.0):
            first, changed = (
                prompts.record(pipe, PROMPTS, guidance, 5, then=then) for then in (None, (2, PROMPTS[::-1]))
            )
            assert np.array_equal(changed.x[:3], first.x[:3]) and not np.allclose(changed.x[3:], first.x[3:])
            embedded = pipe.encode_prompt(PROMPTS[::-1], "cpu", 1, False)[0]
            x = torch.as_tensor(changed.x[2]).reshape(2, 8, 8, 4).permute(0, 3, 1, 2)
            eps = pipe.unet(x, torch.tensor(changed.t[2]), encoder_hidden_states=embedded).sample
            level = changed.level[2]
            wanted = ((x - level.sigma * eps) / level.alpha).permute(0, 2, 3, 1).flatten(1).numpy()
            np.testing.assert_allclose(changed.asked[2], wanted, rtol=1e-3, atol=1e-3)
    finally:
        pipe.scheduler = before


@pytest.mark.parametrize("scheduler", [DDIMScheduler(**TABLE, clip_sample=False), EulerDiscreteScheduler(**TABLE)],
                         ids=lambda s: type(s).__name__)  # fmt: skip
def test_a_run_that_starts_on_the_way_ends_where_the_whole_one_does(pipe, scheduler):
    before, pipe.scheduler = pipe.scheduler, scheduler
    try:
        for guidance in (1.0, 3.0):
            whole = prompts.record(pipe, PROMPTS, guidance, 5)
            rest = prompts.record(pipe, PROMPTS, guidance, 5, whole.x[2], start=2)
            np.testing.assert_allclose(rest.x, whole.x[2:], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(rest.x0_hat, whole.x0_hat[2:], rtol=1e-4, atol=1e-3)
            assert np.array_equal(rest.t, whole.t[2:]) and np.array_equal(rest.level.sigma, whole.level.sigma[2:])
        assert pipe.scheduler is scheduler
    finally:
        pipe.scheduler = before


def test_points_of_the_text_encoder_take_the_place_of_prompts(pipe):
    points = prompts.read(pipe, PROMPTS)
    assert points.shape == (2, 77, 48)
    for guidance in (1.0, 3.0):
        wanted = prompts.record(pipe, PROMPTS, guidance, 3)
        found = prompts.record(pipe, points, guidance, 3)
        assert np.array_equal(found.x, wanted.x)
    between = prompts.record(pipe, (points[:1] + points[1:]) / 2, 3.0, 3, pipelines.noise(pipe, 1))
    assert not np.allclose(between.x[-1], wanted.x[-1, :1], atol=1e-4)


def test_decode_and_encode_are_the_pipelines_in_slices(pipe, monkeypatch):
    z = 0.2 * pipelines.noise(pipe, 5, seed=1).reshape(5, 1, -1)
    whole = pipelines.decode(pipe, z)
    assert whole.shape == (5, 1, 64, 64, 3) and whole.dtype == np.float32
    back = pipelines.encode(pipe, whole)
    latents = pipe.vae.encode(2 * torch.as_tensor(whole[:, 0]).permute(0, 3, 1, 2) - 1).latent_dist.mean * 0.18215
    np.testing.assert_allclose(back[:, 0], latents.permute(0, 2, 3, 1).flatten(1), rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(pipelines, "PIXELS_PER_SLICE", 64 * 64 * 2)
    np.testing.assert_allclose(pipelines.decode(pipe, z), whole, atol=1e-5)


def test_the_bar_is_shown_on_demand_and_left_as_it_was(pipe, capsys):
    prompts.record(pipe, "a cat", 1.0, 2)
    assert capsys.readouterr().err == ""
    prompts.record(pipe, "a cat", 1.0, 2, progress=True)
    assert "2/2" in capsys.readouterr().err and pipe._progress_bar_config == {"disable": True}


@pytest.mark.parametrize(
    ("quantity", "wrong"),
    {
        "prompts": {"prompts": []},
        "noise": {"noise": np.ones((2, 3), np.float32)},
        "guidance": {"guidance": 0.5},
        "every": {"every": 0},
        "steps": {"steps": 0},
        "then": {"then": (2, ["a cat"])},
        "start": {"start": 51, "noise": np.ones((2, 256), np.float32)},
        "guidance_rescale": {"guidance_rescale": 0.7},
        "output_type": {"output_type": "pil"},
        "negative_prompt": {"negative_prompt": ["", ""]},
    }.items(),
)
def test_bad_input_is_named(pipe, quantity, wrong):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        prompts.record(pipe, **{"prompts": PROMPTS, **wrong})
    assert not pipe.unet._forward_hooks


def test_a_start_on_the_way_needs_its_states_and_two_encoders_are_not_read(pipe, xl):
    with pytest.raises(ValueError, match=r"^noise: got None; with a start"):
        prompts.record(pipe, PROMPTS, start=2)
    with pytest.raises(ValueError, match=r"^prompts: got StableDiffusionXLPipeline"):
        prompts.read(xl, PROMPTS)


def test_what_is_no_text_to_image_pipeline_is_refused(tmp_path):
    with pytest.raises(ValueError, match="pipe: got str; give a text-to-image pipeline"):
        prompts.record("emoji", "a cat", noise=np.ones((1, 4)))
    with pytest.raises(ValueError, match=r"no model_index\.json"):
        pipelines.load(str(tmp_path))


def test_a_folder_comes_back_as_it_was_saved(pipe, tmp_path, capsys):
    pipe.save_pretrained(tmp_path)
    capsys.readouterr()
    again = pipelines.load(str(tmp_path), device="cpu")
    z = pipelines.noise(pipe, 1)
    found, wanted = (prompts.record(each, "a cat", 2.0, 2, z).x for each in (again, pipe))
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)
    assert again.safety_checker is None and capsys.readouterr().err == ""


def test_offline_the_error_names_the_model_that_ships(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def none(*_, **__):
        raise OSError("no network")

    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", none)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", none)
    with pytest.raises(ConnectionError, match=r"could not be had from the hub .*Without a network use 'emoji'"):
        pipelines.load("stable-diffusion-v1-5/stable-diffusion-v1-5")


def test_one_variant_of_what_is_needed_is_chosen():
    stem, parts = "diffusion_pytorch_model", ("", ".fp16", ".non_ema")
    files = ["README.md", "model_index.json", "v1-5-pruned.ckpt", "scheduler/scheduler_config.json",
             "tokenizer/vocab.json", "safety_checker/model.safetensors", "safety_checker/config.json",
             *(f"{folder}/config.json" for folder in ("unet", "vae", "text_encoder")),
             *(f"unet/{stem}{v}.{kind}" for v in parts for kind in ("bin", "safetensors")),
             *(f"vae/{stem}{v}.safetensors" for v in parts[:2]),
             *(f"text_encoder/model{v}.safetensors" for v in parts[:2])]  # fmt: skip
    for half, mark in ((True, ".fp16"), (False, "")):
        assert hub.Whole(half)(files) == sorted([
            "model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json", "unet/config.json",
            "vae/config.json", "text_encoder/config.json", f"unet/{stem}{mark}.safetensors",
            f"vae/{stem}{mark}.safetensors", f"text_encoder/model{mark}.safetensors"])  # fmt: skip
