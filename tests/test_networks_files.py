"""Folders and repositories as people have them: variants, shards, labels, flows, learned variances, sizes unsaid."""

import diffusers
import numpy as np
import pytest
import torch
from test_networks import LINEAR, SHAPE, tiny_unet

from paintlib.denoisers import Function
from paintlib.networks import EDMNetwork, FlowNetwork, Network, from_diffusers, hub, load, record
from paintlib.samplers import collect
from paintlib.schedules import EDM, VP, Cosine, Flow, Level, Tabulated


def save(folder, net, scheduler=None, **how):
    net.save_pretrained(folder / "unet", **how)
    (scheduler or diffusers.DDPMScheduler(**LINEAR)).save_pretrained(folder / "scheduler")
    return str(folder)


X = np.random.default_rng(0).normal(size=(2, 192))
LEVEL = Tabulated.ddpm()(400)


@pytest.mark.parametrize(
    "how",
    [{"variant": "fp16"}, {"max_shard_size": "20KB"}, {"max_shard_size": "20KB", "variant": "fp16"},
     {"safe_serialization": False}, {"safe_serialization": False, "variant": "fp16"}],
)  # fmt: skip
def test_every_variant_of_the_weights_loads(tmp_path, how):
    whole = load(save(tmp_path / "whole", tiny_unet()), device="cpu").denoise(X, LEVEL)
    np.testing.assert_array_equal(load(save(tmp_path / "v", tiny_unet(), **how), device="cpu").denoise(X, LEVEL), whole)


def test_the_best_variant_is_taken(tmp_path):
    folder = save(tmp_path, tiny_unet())
    other = tiny_unet()
    other.load_state_dict({k: 0 * v for k, v in other.state_dict().items()})
    other.save_pretrained(tmp_path / "unet", variant="fp16")
    other.save_pretrained(tmp_path / "unet", variant="non_ema")
    assert next(load(folder, device="cpu").net.parameters()).abs().max() > 0


def test_a_missing_shard_is_named(tmp_path):
    folder = save(tmp_path, tiny_unet(), max_shard_size="20KB")
    sorted((tmp_path / "unet").glob("*.safetensors"))[-1].unlink()
    with pytest.raises(ValueError, match=r"fetch the file again"):
        load(folder, device="cpu")


# Kinds of networks


def test_a_flow_loads_and_paints_as_its_pipeline_would(tmp_path):
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    network = load(save(tmp_path, tiny_unet(), scheduler), device="cpu")
    assert isinstance(network, FlowNetwork) and network.times == (0, 1000)
    run = collect(record(network, scheduler, X, 5))
    pixels = torch.as_tensor(X).float().reshape(2, *SHAPE).permute(0, 3, 1, 2)
    scheduler.set_timesteps(5)
    for t in scheduler.timesteps:  # the pipeline's loop, by hand
        pixels = scheduler.step(network.net(pixels, t.expand(2)).sample, t, pixels).prev_sample
    np.testing.assert_allclose(run.x[-1], pixels.permute(0, 2, 3, 1).reshape(2, -1).numpy(), atol=1e-6)
    for n in range(5):
        level = Level(float(run.level.alpha[n]), float(run.level.sigma[n]))
        np.testing.assert_allclose(network.denoise(run.x[n], level), run.x0_hat[n], atol=1e-4)


@pytest.mark.parametrize(("times", "sign", "told"), [((0, 1000), 1, 300), ((0, 1), 1, 0.3), ((1, 0), -1, 0.7)])
def test_a_flows_own_clock_and_direction(times, sign, told):
    """x_t = (1 - t) x_0 + t noise at t = 0.3, seen by a network whose time may run either way."""

    def net(pixels, t):
        assert float(t[0]) == pytest.approx(told, rel=1e-6)
        return torch.full_like(pixels, sign * (1.7 - 0.5))  # noise - x_0, along its own time

    network = FlowNetwork(net, (1, 1, 4), times)
    x_t = np.full((2, 4), 0.7 * 0.5 + 0.3 * 1.7)
    for level, scale in (
        (Flow()(0.3), 1),
        (Level(1.0, 3 / 7), 1 / 0.7),
        (Level(0.7, 0.3).vp(), 1 / np.hypot(0.7, 0.3)),
    ):
        np.testing.assert_allclose(network.denoise(scale * x_t, level), 0.5, atol=1e-6)


@pytest.mark.parametrize("schedule", [Flow(), EDM()])
def test_a_network_refuses_a_schedule_it_cannot_serve(schedule):
    with pytest.raises(ValueError, match=r"schedule: got (Flow|EDM); .*FlowNetwork\(net, shape, times\)"):
        Network(lambda x, t: x, schedule, SHAPE)


@pytest.mark.parametrize("schedule", [VP(), Cosine(), Tabulated.ddpm(), Tabulated([0.9, 0.1])])
def test_a_network_serves_every_variance_preserving_schedule(schedule):
    network = Network(lambda x, t: 0 * x, schedule, SHAPE)
    level = schedule(schedule.t_max / 2)
    np.testing.assert_allclose(network.denoise(X, level), X / level.alpha, rtol=1e-5)


@pytest.mark.parametrize("times", [None, 1000, (0,), (1, 1), (0, float("nan"))])
def test_a_flow_asks_for_its_times(times):
    with pytest.raises(ValueError, match=r"times: got .*in diffusers, else"):
        FlowNetwork(lambda x, t: x, SHAPE, times)


def test_a_network_of_learned_variances_is_served_from_folder_to_picture(tmp_path):
    net = tiny_unet(out_channels=6)
    scheduler = diffusers.DDPMScheduler(**LINEAR, variance_type="learned_range", clip_sample=False)
    network = load(save(tmp_path, net, scheduler), device="cpu")
    eps = net(torch.as_tensor(X).float().reshape(2, *SHAPE).permute(0, 3, 1, 2), torch.tensor(400)).sample[:, :3]
    eps = eps.permute(0, 2, 3, 1).reshape(2, -1).numpy()
    np.testing.assert_allclose(network.denoise(X, LEVEL), (X - LEVEL.sigma * eps) / LEVEL.alpha, rtol=1e-4, atol=1e-4)
    for driver in (scheduler, diffusers.DDIMScheduler(**LINEAR, clip_sample=False)):
        *_, last = record(network, driver, X, 4, generator=torch.Generator().manual_seed(0))
        assert last.x.shape == (2, 192) and np.isfinite(last.x).all()


def labelled_net():
    return tiny_unet(num_class_embeds=11)


@pytest.mark.parametrize("scheduler", ["DDPM", "FlowMatchEulerDiscrete"])
def test_a_class_conditional_network_takes_a_label_and_guidance(tmp_path, scheduler):
    scheduler = getattr(diffusers, f"{scheduler}Scheduler")()
    folder = save(tmp_path, labelled_net(), scheduler)
    three, none = load(folder, label=3, device="cpu"), load(folder, label=10, device="cpu")
    guided = load(folder, label=3, guidance=4.0, unlabelled=10, device="cpu")
    c, u, g = (network.denoise(X, LEVEL) for network in (three, none, guided))
    assert np.abs(c - u).max() > 1e-6
    np.testing.assert_allclose(g, u + 4 * (c - u), atol=2e-4)
    run = collect(record(guided, scheduler, X, 3))
    assert np.isfinite(run.x).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"label: got None; .*0 to 10"),
        ({"label": 11}, r"label: got 11; .*0 to 10"),
        ({"label": 1.0}, r"label: got 1.0"),
        ({"label": 2, "guidance": 3.0}, "unlabelled: got None; guidance 3.0 needs the label that stands for none"),
        ({"label": 2, "prompt": "a cat"}, "prompt: got 'a cat'"),
        ({"label": [2, 3]}, r"label: got \[2, 3\]"),
        ({"label": True}, r"label: got True"),
        ({"label": 2, "guidance": float("nan"), "unlabelled": 10}, "guidance: got nan"),
        ({"label": 2, "guidance": "much", "unlabelled": 10}, "guidance: got 'much'"),
    ],
)
def test_labels_that_are_none(tmp_path, arguments, message):
    folder = save(tmp_path, labelled_net())
    with pytest.raises(ValueError, match=message):
        load(folder, device="cpu", **arguments)


def test_labels_and_guidance_where_there_are_none(tmp_path):
    folder = save(tmp_path, tiny_unet())
    with pytest.raises(ValueError, match="label: got 3; this network was trained without"):
        load(folder, label=3, device="cpu")
    with pytest.raises(ValueError, match=r"guidance: got 2.0; it takes a prompt or a label"):
        load(folder, guidance=2.0, device="cpu")


def test_a_diffusion_transformer_takes_its_label(tmp_path):
    torch.manual_seed(0)
    net = diffusers.DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=1, norm_num_groups=1,
        sample_size=8, num_embeds_ada_norm=5, patch_size=2,
    )  # fmt: skip
    net.save_pretrained(tmp_path / "transformer")
    diffusers.DDIMScheduler(**LINEAR).save_pretrained(tmp_path / "scheduler")
    x = np.random.default_rng(0).normal(size=(2, 256))
    c, u, g = (load(str(tmp_path), label=n, guidance=w, device="cpu") for n, w in ((1, 1.0), (5, 1.0), (1, 3.0)))
    assert g.shape == (8, 8, 4)
    c, u, g = (network.denoise(x, LEVEL) for network in (c, u, g))
    np.testing.assert_allclose(g, u + 3 * (c - u), atol=1e-3)
    network = load(str(tmp_path), label=1, guidance=3.0, device="cpu")
    *_, last = record(network, diffusers.DDIMScheduler(**LINEAR), x, 3)
    assert np.isfinite(last.x).all()


def test_a_picture_that_cannot_be_halved_is_refused(tmp_path):
    folder = save(tmp_path, tiny_unet(sample_size=7, block_out_channels=(4, 12)))
    with pytest.raises(ValueError, match=r"sample_size: got \(7, 7\); take .* multiples of 2:"):
        load(folder, device="cpu")


def test_a_size_that_the_config_does_not_say_is_asked_for(tmp_path):
    folder = save(tmp_path, tiny_unet(sample_size=None, block_out_channels=(4, 12)))
    with pytest.raises(ValueError, match=r"sample_size: got None; .*give size="):
        load(folder, device="cpu")
    assert load(folder, size=8, device="cpu").denoise(X, LEVEL).shape == X.shape
    assert load(folder, size=(4, 8), device="cpu").shape == (4, 8, 3)


def test_inverted_flows_are_refused_with_a_way_on():
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=True)
    with pytest.raises(ValueError, match=r"invert_sigmas: got True; wrap it yourself: FlowNetwork"):
        from_diffusers(tiny_unet(), scheduler)


@pytest.mark.parametrize("name", ["ScoreSdeVe", "CMStochasticIterative", "RePaint", "KarrasVe", "DDPMWuerstchen"])
def test_a_scheduler_that_does_not_say_what_its_network_predicts_is_refused(name):
    """Before, all that said nothing were taken for flows, or ended in an AttributeError."""
    with pytest.raises(ValueError, match=rf"scheduler: got {name}Scheduler; it does not say .*wrap it yourself"):
        from_diffusers(tiny_unet(), getattr(diffusers, f"{name}Scheduler")())


@pytest.mark.parametrize(
    ("name", "options"),
    [("EulerDiscrete", {"timestep_type": "continuous", "prediction_type": "v_prediction"}),
     ("UniPCMultistep", {"use_flow_sigmas": True})],
)  # fmt: skip
def test_a_network_that_knows_other_times_than_the_tables_is_refused(name, options):
    with pytest.raises(ValueError, match=rf"{name}Scheduler's {next(iter(options))}: got .*other times than"):
        from_diffusers(tiny_unet(), getattr(diffusers, f"{name}Scheduler")(**options))


# A network of one's own


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: (x,), lambda x: [x, None], lambda x: {"sample": x},
                                  lambda x: torch.cat([x, x], 1), lambda x: (torch.cat([x, x], 1),)])  # fmt: skip
def test_every_usual_form_of_output_is_taken(wrap):
    network = Network(lambda x, t: wrap(2 * x), Tabulated.ddpm(), SHAPE, "sample")
    np.testing.assert_allclose(network.denoise(X, LEVEL), 2 * X, rtol=1e-6)
    *_, last = record(network, diffusers.DDIMScheduler(prediction_type="sample"), X, 3)
    assert np.isfinite(last.x).all()


@pytest.mark.parametrize(
    "output", [None, 3.0, (), torch.zeros(2, 3, 8, 4), torch.zeros(2, 8, 8, 3), np.zeros((2, 3, 8, 8))]
)
def test_an_output_of_another_form_is_named(output):
    network = Network(lambda x, t: output, Tabulated.ddpm(), SHAPE)
    with pytest.raises(ValueError, match=r"the network's output: got .*must be \(2, 3, 8, 8\) or \(2, 6, 8, 8\)"):
        network.denoise(X, LEVEL)


@pytest.mark.parametrize("kind", ["Network", "EDMNetwork", "FlowNetwork"])
def test_nan_of_a_network_is_met_with_a_word(kind):
    def net(pixels, t):
        return pixels * float("nan")

    network = {"Network": Network(net, Tabulated.ddpm(), SHAPE), "EDMNetwork": EDMNetwork(net, SHAPE),
               "FlowNetwork": FlowNetwork(net, SHAPE, (0, 1))}[kind]  # fmt: skip
    with pytest.raises(ValueError, match=r"the network's output: got NaN or infinity at times .*check its weights"):
        network.denoise(X, LEVEL)


def test_a_half_precision_network_is_told_exact_times():
    seen = []

    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float16))

        def forward(self, pixels, t):
            seen.append((pixels.dtype, float(t[0])))
            return pixels * self.weight

    schedule = Tabulated.ddpm()
    Network(Half(), schedule, SHAPE).denoise(X, schedule(987.6))
    assert seen[0][0] == torch.float16 and seen[0][1] == pytest.approx(987.6, abs=1e-3)


def test_a_network_in_bfloat16_gives_numpy_arrays():
    half = Network(tiny_unet().bfloat16(), Tabulated.ddpm(), SHAPE)
    whole = Network(tiny_unet(), Tabulated.ddpm(), SHAPE).denoise(X, LEVEL)
    assert np.abs(half.denoise(X, LEVEL) - whole).max() < 0.05 * np.abs(whole).max()  # three digits, times kappa
    assert all(step.x.dtype == float for step in record(half, diffusers.DDIMScheduler(), X, 2))


@pytest.mark.parametrize("prediction", ["epsilon", "sample"])
def test_a_network_may_write_into_its_inputs_and_into_what_it_gave_before(prediction):
    """As `inplace=True` does, and graphs of CUDA: grey pictures in torch need no copy for any other reason."""
    gave = torch.zeros(2, 1, 8, 8)

    def clean(pixels, t):
        return pixels * t.reshape(-1, 1, 1, 1) / 1000

    def careless(pixels, t):
        gave.copy_(clean(pixels, t))
        pixels.zero_(), t.zero_()
        return gave

    x = torch.as_tensor(X[:, :64]).float()
    scheduler = diffusers.DDIMScheduler(prediction_type=prediction)
    networks = (Network(net, Tabulated.ddpm(), (8, 8, 1), prediction) for net in (clean, careless))
    right, found = (collect(record(network, scheduler, x, 4)) for network in networks)
    torch.testing.assert_close(found.x, right.x)
    torch.testing.assert_close(found.x0_hat, right.x0_hat)


@pytest.mark.parametrize("view", [lambda x: x[:, ::-1], lambda x: x.astype(">f4"), lambda x: x.astype(np.longdouble)])
def test_states_may_be_any_view_of_numpy(view):
    network, x = Network(lambda x, t: x / 2, Tabulated.ddpm(), SHAPE), view(X.astype(np.float32))
    plain = np.array(x, dtype=float)
    np.testing.assert_allclose(network.denoise(x, LEVEL), network.denoise(plain, LEVEL), rtol=1e-5)
    scheduler = diffusers.DDIMScheduler()
    for painter in (network, Function(lambda x, level: x * level.alpha)):
        (*_, last), (*_, right) = (record(painter, scheduler, state, 3) for state in (x, plain))
        np.testing.assert_allclose(last.x.astype(float), right.x, atol=1e-5)


@pytest.mark.parametrize("thing", [tiny_unet(), lambda x, level: x, Network])
def test_what_is_no_denoiser_is_refused_before_a_run(thing):
    with pytest.raises(ValueError, match=r"denoiser: got a .*; give a network by from_diffusers"):
        record(thing, diffusers.DDIMScheduler(), X, 3)


def test_from_diffusers_takes_a_network_in_parallel_and_nothing_that_is_none():
    network = from_diffusers(torch.nn.DataParallel(tiny_unet()), diffusers.DDPMScheduler(**LINEAR))
    alone = from_diffusers(tiny_unet(), diffusers.DDPMScheduler(**LINEAR))
    np.testing.assert_array_equal(network.denoise(X, LEVEL), alone.denoise(X, LEVEL))
    table = diffusers.DDPMScheduler
    for net, scheduler in ((torch.nn.Linear(2, 2), table()), (tiny_unet(), "ddpm"), (tiny_unet(), table)):
        with pytest.raises(ValueError, match=r"net, scheduler: got .*; give a network and a scheduler of diffusers"):
            from_diffusers(net, scheduler)


def test_an_estimate_is_an_ordinary_tensor():
    weight, x = torch.ones(2, 192, requires_grad=True), torch.as_tensor(X).float()
    estimate = Network(lambda x, t: x / 2, Tabulated.ddpm(), SHAPE, "sample").denoise(x, LEVEL)
    (weight * estimate).sum().backward()
    torch.testing.assert_close(weight.grad, x / 2)
    estimate += 1


def test_what_goes_wrong_in_a_network_is_told_with_what_it_was_given():
    clocks = torch.nn.Embedding(1000, 3)
    network = Network(lambda x, t: x + clocks(t)[..., None, None], Tabulated.ddpm(), SHAPE)
    with pytest.raises(ValueError, match=r"the network: got RuntimeError \(.*Long.*times \(2,\); it is called") as told:
        network.denoise(X, LEVEL)
    assert isinstance(told.value.__cause__, RuntimeError)


def test_levels_that_do_not_fit_their_states():
    network = FlowNetwork(lambda x, t: x, SHAPE, (0, 1))
    with pytest.raises(ValueError, match=r"level: got shape \(3,\) for x \(2, 192\)"):
        network.denoise(X, Level(np.ones(3), np.ones(3)))
    with pytest.raises(ValueError, match=r"level: got .*kappa > 0"):
        network.denoise(X, Level(1.0, 0.0))


# The hub


SD = {
    "v1-5-pruned.safetensors": 7_700, "v1-5-pruned-emaonly.safetensors": 4_270, "model_index.json": 0, "README.md": 0,
    "unet/config.json": 0, "unet/diffusion_pytorch_model.bin": 3_440, "unet/diffusion_pytorch_model.fp16.bin": 1_720,
    "unet/diffusion_pytorch_model.safetensors": 3_440, "unet/diffusion_pytorch_model.fp16.safetensors": 1_720,
    "unet/diffusion_pytorch_model.non_ema.safetensors": 3_440, "vae/config.json": 0,
    "vae/diffusion_pytorch_model.safetensors": 335, "safety_checker/model.safetensors": 1_220,
    "text_encoder/config.json": 0, "text_encoder/model.safetensors": 492, "text_encoder/model.fp16.safetensors": 246,
    "text_encoder/pytorch_model.bin": 492, "tokenizer/vocab.json": 1, "tokenizer/merges.txt": 1,
    "tokenizer/tokenizer_config.json": 0, "scheduler/scheduler_config.json": 0, "feature_extractor/config.json": 0,
}  # fmt: skip
SD_NEEDED = {
    "model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "text_encoder/config.json",
    "text_encoder/model.safetensors", "tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json",
    "scheduler/scheduler_config.json",
}  # fmt: skip


def test_one_variant_of_what_is_needed_and_nothing_else():
    assert set(hub.needed(list(SD))) == SD_NEEDED
    half = [f for f in SD if "fp16" in f or f.endswith(".json")]
    assert [f for f in hub.needed(half) if "fp16" in f] == [
        "text_encoder/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
    ]
    flat = ["config.json", "diffusion_pytorch_model.bin", "scheduler_config.json", "samples.png", "ema_model.bin"]
    assert hub.needed(flat) == ["config.json", "diffusion_pytorch_model.bin", "scheduler_config.json"]
    shards = [f"transformer/diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = "transformer/diffusion_pytorch_model.safetensors.index.json"
    many = ["transformer/config.json", *shards, index, "transformer/diffusion_pytorch_model.bin"]
    assert set(hub.needed(many)) == {"transformer/config.json", *shards, index}
    with pytest.raises(ValueError, match="no weights called diffusion_pytorch_model"):
        hub.needed(["README.md", "model.ckpt"])


@pytest.fixture
def fake_hub(monkeypatch, tmp_path):
    """A hub of one repository on this disk; `asked` is what was fetched of it."""
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    source, target, asked = tmp_path / "hub", tmp_path / "cache", []
    save(source, tiny_unet())
    tiny_unet().save_pretrained(source / "unet", variant="fp16")
    (source / "model.ckpt").write_bytes(bytes(1_000_000))
    files = {str(p.relative_to(source)): p for p in source.rglob("*") if p.is_file()}

    class Api:
        def model_info(self, name, revision=None, files_metadata=False):
            assert files_metadata
            siblings = [type("F", (), {"rfilename": f, "size": p.stat().st_size})() for f, p in files.items()]
            return type("Info", (), {"siblings": siblings, "sha": "abc"})()

    def download(name, revision=None, allow_patterns=None):
        assert revision == "abc"
        for file in filter_repo_objects(files, allow_patterns=allow_patterns):
            asked.append(file)
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            (target / file).write_bytes(files[file].read_bytes())
        return str(target)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return asked, files


def test_the_hub_is_asked_for_what_is_needed_and_the_size_is_said_first(fake_hub, capsys):
    asked, files = fake_hub
    network = load("some/model", device="cpu")
    np.testing.assert_array_equal(
        network.denoise(X, LEVEL), load(str(files["unet/config.json"].parents[1]), device="cpu").denoise(X, LEVEL)
    )
    assert set(asked) == {
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
    }
    size = sum(files[f].stat().st_size for f in asked) / 1e6
    assert f"some/model: {size:.1f} MB from the hub" in capsys.readouterr().err


@pytest.mark.parametrize("label", [np.int64(3), np.array(3), torch.tensor(3)])
def test_a_label_may_come_from_an_array(tmp_path, label):
    folder, x = save(tmp_path, labelled_net()), np.ones((1, 192), dtype=np.float32)
    wanted = load(folder, label=3, device="cpu").denoise(x, Level(0.6, 0.8))
    np.testing.assert_array_equal(load(folder, label=label, device="cpu").denoise(x, Level(0.6, 0.8)), wanted)


@pytest.mark.parametrize("size", ["8", 8.0, 0, -8, (8, 8, 3), True, None])
def test_a_side_that_is_none(tmp_path, size):
    folder = save(tmp_path, tiny_unet(sample_size=None))
    with pytest.raises(ValueError, match=r"^sample_size: got .*(whole numbers|give size=)"):
        load(folder, size=size, device="cpu")


@pytest.mark.parametrize(("arguments", "quantity"), [({"name": None}, "name"), ({"name": 3}, "name"),
                                                    ({"name": ""}, "name"), ({"device": "gpu"}, "device")])  # fmt: skip
def test_no_name_and_no_device(tmp_path, arguments, quantity):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        load(**({"name": save(tmp_path, tiny_unet())} | arguments))


@pytest.mark.parametrize("file", ["unet/config.json", "scheduler/scheduler_config.json"])
def test_a_config_that_is_no_dictionary(tmp_path, file):
    folder = save(tmp_path, tiny_unet())
    (tmp_path / file).write_text("[1]")
    with pytest.raises(ValueError, match=r"config.json: got a list; a config is a dictionary"):
        load(folder, device="cpu")


def test_variances_that_a_scheduler_awaits_and_a_network_has_not(tmp_path):
    scheduler = diffusers.DDPMScheduler(**LINEAR, variance_type="learned_range")
    network = load(save(tmp_path, tiny_unet(), scheduler), device="cpu")
    with pytest.raises(ValueError, match=r"variance_type: got 'learned_range'; its step needs 6 channels .* gives 3"):
        list(record(network, scheduler, np.ones((1, 192)), 4))


@pytest.mark.parametrize("channels", [1, 4])
def test_a_solver_that_cuts_outputs_at_three_channels(channels):
    """DPM-Solver takes output[:, :3] of learned variances: right for colours, of latents it would lose a channel."""
    scheduler = diffusers.DPMSolverMultistepScheduler(variance_type="learned_range")
    schedule, x = Tabulated(scheduler.alphas_cumprod), np.ones((2, 4 * channels))

    def net(pixels, t):
        return torch.cat([0.5 * pixels, 0 * pixels + 7], 1)

    network = Network(net, schedule, (2, 2, channels))
    if channels > 3:
        with pytest.raises(ValueError, match=r"variance_type: got learned_range; it would leave 3 of 4 channels"):
            record(network, scheduler, x, 4)
    else:
        *_, last = record(network, scheduler, x, 4)
        plain = Network(lambda pixels, t: 0.5 * pixels, schedule, (2, 2, channels))
        *_, wanted = record(plain, diffusers.DPMSolverMultistepScheduler(), x, 4)
        np.testing.assert_allclose(last.x, wanted.x, atol=1e-6)
