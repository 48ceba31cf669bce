"""Teleportation inside diffusers: jumps against ODE solvers, hand-overs against whole runs, traps told by name."""

import diffusers
import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from paintlib import networks
from paintlib.denoisers import Function
from paintlib.gaussian import Gaussian
from paintlib.mixture import Mixture
from paintlib.networks import record, visits
from paintlib.networks.jumps import jump, land
from paintlib.networks.teleport import counted, equivalent, latents, paint
from paintlib.samplers import collect
from paintlib.schedules import CLEAN, Level

SHAPE, D = (8, 8, 1), 64
NATIVE = [
    "DDPM",
    "DPMSolverMultistep",
    "DPMSolverSinglestep",
    "HeunDiscrete",
    "EulerDiscrete",
    "FlowMatchEulerDiscrete",
]
HIGH, LOW = Level.from_kappa(150.0).vp(), Level.from_kappa(2.0).vp()


def a_gaussian(D=D, seed=0):
    rng = np.random.default_rng(seed)
    return Gaussian(
        0.3 * rng.normal(size=D), np.linalg.qr(rng.normal(size=(D, D)))[0], 4.0 / np.arange(1, D + 1) ** 1.5
    )


def a_mixture():
    modes = [a_gaussian(5, seed) for seed in (1, 2)]
    return Mixture(np.array([0.3, 0.7]), [Gaussian(3 * m.mu, m.U, 0.2 * m.lam) for m in modes])


def make(name, **options):
    return getattr(diffusers, f"{name}Scheduler")(**options)


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    return diffusers.UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    ).eval()  # fmt: skip


# The jump


@pytest.mark.parametrize("end", [LOW, Level(1.0, 0.3), Level.from_kappa(149.0)])
def test_a_mixture_jumps_along_its_probability_flow(end):
    """d(x / alpha) / dkappa = (x / alpha - x0_hat) / kappa by scipy's solver, at other coordinates than the jump's."""
    mixture, x = a_mixture(), np.random.default_rng(3).normal(size=(4, 5))

    def slope(kappa, y):
        y = y.reshape(4, 5)
        return ((y - mixture.denoise(y, Level(1.0, kappa))) / kappa).ravel()

    way = (HIGH.kappa, end.kappa)
    true = solve_ivp(slope, way, (x / HIGH.alpha).ravel(), rtol=1e-10, atol=1e-10).y[:, -1].reshape(4, 5) * end.alpha
    np.testing.assert_allclose(jump(mixture, x, HIGH, end), true, atol=2e-5)


@pytest.mark.parametrize("start", [HIGH, Level(0.0, 1.0), Level(1.0, 80.0)])
@pytest.mark.parametrize("end", [LOW, CLEAN, Level(0.5, 0.5)])
def test_integrating_a_gaussian_comes_to_its_closed_form(start, end):
    gaussian, x = a_gaussian(), np.random.default_rng(4).normal(size=(3, D)) * start.sigma
    hidden = Function(gaussian.denoise)
    np.testing.assert_allclose(jump(hidden, x, start, end), gaussian.flow(x, start, end), atol=3e-4)


def test_class_conditional_gaussians_jump_each_its_own_row():
    modes, x = [a_gaussian(5, seed) for seed in (1, 2)], np.random.default_rng(5).normal(size=(3, 5))
    landed = jump([modes[n] for n in (1, 0, 1)], x, HIGH, LOW)
    for row, n in enumerate((1, 0, 1)):
        np.testing.assert_allclose(landed[row], modes[n].flow(x[row], HIGH, LOW), atol=1e-12)
    of_torch = jump([modes[n] for n in (1, 0, 1)], torch.from_numpy(x), HIGH, LOW)
    np.testing.assert_allclose(of_torch.numpy(), landed, atol=1e-12)


# The hand-over: what is exact for a whole run is exact for its rest


@pytest.mark.parametrize("name", [*NATIVE, "DDIM", "UniPCMultistep", "DEISMultistep"])
def test_a_landing_is_where_the_scheduler_would_be(name):
    """With the Gaussian as painter too, a fine run with and without the jump ends at the same place."""
    gaussian, x = a_gaussian(), np.random.default_rng(6).normal(size=(2, D))
    options = {"variance_type": "fixed_small"} if name == "DDPM" else {}
    options |= {"clip_sample": False} if name in ("DDPM", "DDIM") else {}
    landing = land(gaussian, make(name, **options), x, 40, 20)
    assert landing.level == visits(make(name, **options), 40)[20].level
    ready = make(name, **options)
    start = visits(ready, 40)[0].level
    scale = float(getattr(ready, "init_noise_sigma", 1.0))
    np.testing.assert_allclose(landing.x, gaussian.flow(scale * x, start, landing.level), atol=2e-3)
    if name != "DDPM":
        *_, last = record(gaussian, make(name, **options), landing.x, 40, start=landing.level)
        off = np.sqrt(np.mean((last.x - gaussian.flow(scale * x, start)) ** 2))
        assert off < (0.1 if "Euler" in name or name == "DDIM" else 0.03), "first order, and second or more"


@pytest.mark.parametrize("name", NATIVE)
def test_latents_and_timesteps_make_a_pipeline_walk_the_rest_of_the_grid(name):
    """As Stable Diffusion does: set_timesteps, then latents times init_noise_sigma. The network sees unit variance."""
    point = Gaussian(np.zeros(D), np.eye(D), np.full(D, 1e-12))
    noise = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    given = latents(point, make(name), noise, 20, 8)
    scheduler = make(name)
    kappas = [visit.level.kappa for visit in visits(scheduler, 20)[8:]]
    rest = {key: value for key, value in given.items() if key != "latents"}
    way = visits(scheduler, **rest)
    np.testing.assert_allclose([visit.level.kappa for visit in way], kappas, rtol=1e-3)
    state = given["latents"] * getattr(scheduler, "init_noise_sigma", 1.0)
    np.testing.assert_allclose(state, noise * way[0].level.sigma, rtol=3e-3, atol=1e-4)
    if name != "FlowMatchEulerDiscrete":
        seen = scheduler.scale_model_input(state, scheduler.timesteps[0])
        alpha, sigma = way[0].level.vp().alpha, way[0].level.vp().sigma
        assert alpha < 1 and abs(float(seen.std() / noise.std()) / sigma - 1) < 0.01


def test_lcm_takes_the_rest_of_its_own_times():
    given = latents(a_gaussian(), make("LCM"), torch.zeros(1, 1, 8, 8), 4, 2)
    assert given["timesteps"] == [int(t) for t in visits(make("LCM"), 4)[2].t.reshape(1)] + given["timesteps"][1:]
    assert len(given["timesteps"]) == 2


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_ddim_on_any_grid_is_first_order_dpm_solver(end, prediction):
    times = [999, 900, 650, 400, 130, 40, 3]
    ddim = make("DDIM", clip_sample=False, set_alpha_to_one=end, prediction_type=prediction)
    dpm, x = equivalent(ddim), torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    dpm.set_timesteps(timesteps=times)
    table = [*ddim.alphas_cumprod[times].double(), torch.tensor(1.0) if end else ddim.alphas_cumprod[0].double()]
    y = x.clone()
    for t, before, after in zip(times, table, table[1:], strict=False):  # Eq. 4, written out
        output = torch.sin(3 * x + t)
        x = dpm.step(output, t, x).prev_sample
        out = torch.sin(3 * y + t)
        a, s = before.sqrt(), (1 - before).sqrt()
        x0, eps = ((y - s * out) / a, out) if prediction == "epsilon" else (a * y - s * out, a * out + s * y)
        y = after.sqrt() * x0 + (1 - after).sqrt() * eps
    assert float((x - y).abs().max()) < 1.5e-5 * float(y.abs().max())


def test_the_pipeline_of_ddim_and_its_equivalent_paint_the_same_after_a_jump(unet):
    ddim = make("DDIM", clip_sample=False)
    by_paint = paint(
        diffusers.DDPMPipeline(unet, ddim), a_gaussian(), 20, 8, 2, torch.Generator().manual_seed(2), "pt"
    ).images
    noise = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    landing = land(a_gaussian(), ddim, noise, 20, 8)
    dpm, x = equivalent(ddim), landing.x
    dpm.set_timesteps(timesteps=[int(v.t) for v in landing.visits[:-1]])
    with torch.no_grad():
        for t in dpm.timesteps:
            x = dpm.step(unet(x, t).sample, t, x).prev_sample
    np.testing.assert_allclose((x / 2 + 0.5).clamp(0, 1), by_paint, atol=1e-4)


# As a user of diffusers expects


@pytest.mark.parametrize("clip", [True, False])
def test_without_a_jump_the_pictures_are_the_pipelines_own(unet, clip):
    pipeline = diffusers.DDIMPipeline(unet, make("DDIM", clip_sample=clip))
    pipeline.set_progress_bar_config(disable=True)
    own = pipeline(2, torch.Generator().manual_seed(3), num_inference_steps=5, output_type="np").images
    ours = paint(pipeline, a_gaussian(), 5, 0, 2, torch.Generator().manual_seed(3), "np").images
    np.testing.assert_array_equal(ours, own)


def test_evaluations_are_counted_the_bar_runs_and_the_scheduler_stays_as_it_was(unet, capsys):
    pipeline = diffusers.DDPMPipeline(unet, make("DPMSolverMultistep"))
    pipeline.scheduler.set_timesteps(7)
    before = pipeline.scheduler.timesteps.clone()
    with counted(unet) as count:
        found = paint(pipeline, a_gaussian(), 10, 4, 3, torch.Generator().manual_seed(0))
    assert (count.calls, count.images) == (6, 18) and len(found.images) == 3 and found.images[0].size == (8, 8)
    assert "6/6" in capsys.readouterr().err and bool((pipeline.scheduler.timesteps == before).all())
    assert isinstance(paint(pipeline, a_gaussian(), 10, 9, return_dict=False, output_type="pt"), tuple)
    with counted(unet) as count:
        paint(diffusers.DDPMPipeline(unet, make("HeunDiscrete")), a_gaussian(), 10, 4, 1, output_type="pt")
    assert count.images == 2 * 10 - 1 - 4, "Heun: two evaluations a step, one in the last"


def test_a_generator_makes_it_deterministic_and_pictures_do_not_depend_on_the_batch(unet):
    pipeline = diffusers.DDPMPipeline(unet, make("DPMSolverMultistep"))
    pipeline.set_progress_bar_config(disable=True)
    many = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    both = paint(pipeline, a_gaussian(), 8, 3, 2, many, "pt").images
    alone = paint(pipeline, a_gaussian(), 8, 3, 1, torch.Generator().manual_seed(6), "pt").images
    np.testing.assert_allclose(both[1:], alone, atol=1e-5)


def test_learned_variances_are_left_out_where_a_step_has_no_use_for_them():
    """DDIM would take them for another channel, and ends in an error of torch."""
    torch.manual_seed(0)
    net = diffusers.UNet2DModel(
        sample_size=8, in_channels=1, out_channels=2, block_out_channels=(8,), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",)).eval()  # fmt: skip
    pipeline = diffusers.DDPMPipeline(net, make("DDIM", clip_sample=False))
    pipeline.set_progress_bar_config(disable=True)
    found = paint(pipeline, a_gaussian(), 6, 2, 2, torch.Generator().manual_seed(0), "np").images
    network = networks.from_diffusers(net, pipeline.scheduler)
    noise = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    landing = land(a_gaussian(), pipeline.scheduler, noise, 6, 2)
    *_, last = record(network, pipeline.scheduler, landing.x.reshape(2, D), 6, start=landing.level)
    np.testing.assert_allclose(found[..., 0].reshape(2, D), (last.x / 2 + 0.5).clamp(0, 1), atol=1e-5)


@pytest.mark.parametrize(
    ("quantity", "options", "arguments"),
    [
        ("pipeline", {"num_class_embeds": 4}, {}),
        ("sample_size", {"sample_size": None}, {}),
        ("batch_size", {}, {"batch_size": 0}),
        ("batch_size", {}, {"batch_size": 1.5}),
        ("generator", {}, {"generator": np.random.default_rng(0)}),
        ("generator", {}, {"generator": [torch.Generator()], "batch_size": 2}),
    ],
)
def test_what_a_pipeline_cannot_paint_is_said(quantity, options, arguments):
    small = {"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": (8,), "norm_num_groups": 4}
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "layers_per_block": 1}
    pipeline = diffusers.DDPMPipeline(diffusers.UNet2DModel(**(small | blocks | options)), make("DDIM"))
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        paint(pipeline, a_gaussian(), 10, 4, **arguments)


def test_who_is_not_recorded_is_refused_before_his_step_is_looked_for(unet):
    with pytest.raises(ValueError, match="scheduler: got ScoreSdeVeScheduler; not recorded"):
        paint(diffusers.DDPMPipeline(unet, make("ScoreSdeVe")), a_gaussian(), 10, 4)


def test_record_begins_where_a_landing_is(unet):
    network = networks.from_diffusers(unet, make("DDIM"))
    noise = np.random.default_rng(0).normal(size=(2, D)).astype(np.float32)
    landing = land(a_gaussian(), make("DDIM"), noise, 10, 4)
    with counted(network) as count:
        run = collect(record(network, make("DDIM"), landing.x, 10, start=landing.level))
    assert count.images == 2 * 6 and run.level.kappa[0] == landing.level.kappa and landing.x.dtype == np.float32


# Silent traps of diffusers, each shown, and what is said here instead


def test_trap_overwriting_ddims_timesteps_is_silent_and_wrong():
    """DDIM steps to t - N // n whatever its list says; the equivalent scheduler is told the list, and goes by it.

    On N(3, 0.04), where the state at the listed time is known in closed form.
    """
    times, point = [950, 700, 420, 210, 90, 20], Gaussian(np.array([3.0]), np.eye(1), np.array([0.04]))
    noise = torch.randn(400, 1, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    written, told = make("DDIM", clip_sample=False), equivalent(make("DDIM", clip_sample=False))
    written.set_timesteps(20)
    written.timesteps = torch.tensor(times)
    told.set_timesteps(timesteps=times)
    levels = [Level(float(a2) ** 0.5, float(1 - a2) ** 0.5) for a2 in written.alphas_cumprod[times].double()]
    true, off = point.flow(noise[:, 0, 0].numpy(), levels[0])[:, 0], []
    for scheduler in (written, told):
        x = noise
        for t, level in zip(times, levels, strict=True):
            x0 = torch.from_numpy(point.denoise(x[:, 0, 0].numpy(), level))[:, None, None]
            x = scheduler.step((x - level.alpha * x0) / level.sigma, t, x).prev_sample
        off.append(float(np.sqrt(np.mean((x[:, 0, 0, 0].numpy() - true) ** 2))))
    assert off[0] > 3 * off[1]
    with pytest.raises(ValueError, match=r"scheduler: got DDIMScheduler; .*equivalent\(scheduler\)"):
        latents(a_gaussian(), make("DDIM"), torch.zeros(1, 1, 8, 8), 20, 8)


def test_trap_eulers_sigmas_lose_their_last_value_unless_zero_is_appended():
    sigmas = [10.0, 3.0, 1.0, 0.3]
    scheduler = make("EulerDiscrete")
    scheduler.set_timesteps(sigmas=sigmas)
    assert len(scheduler.timesteps) == 3
    scheduler.set_timesteps(sigmas=[*sigmas, 0.0])
    assert len(scheduler.timesteps) == 4 and float(scheduler.sigmas[-1]) == 0
    given = latents(a_gaussian(), make("EulerDiscrete"), torch.zeros(1, 1, 8, 8), 10, 4)
    assert len(given["timesteps"]) == 6 and len(visits(make("EulerDiscrete"), timesteps=given["timesteps"])) == 7


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_trap_flow_match_shifts_custom_sigmas_again(shift):
    scheduler = make("FlowMatchEulerDiscrete", shift=shift)
    wanted = [visit.level.sigma for visit in visits(scheduler, 10)[4:]]
    scheduler.set_timesteps(sigmas=wanted[:-1])
    assert (np.abs(np.array(scheduler.sigmas[:-1]) - wanted[:-1]).max() > 0.1) == (shift == 3.0)
    assert len(scheduler.sigmas) == len(wanted), "the 0 is appended by itself"
    given = latents(a_gaussian(), make("FlowMatchEulerDiscrete", shift=shift), torch.zeros(1, 1, 8, 8), 10, 4)
    scheduler.set_timesteps(sigmas=given["sigmas"])
    np.testing.assert_allclose(scheduler.sigmas, wanted, atol=1e-6)


def test_trap_dpm_truncates_fractional_timesteps():
    scheduler = make("DPMSolverMultistep")
    scheduler.set_timesteps(timesteps=[900.9, 500.7, 100.9])
    assert scheduler.timesteps.tolist() == [900, 500, 100]


def test_a_grid_that_would_come_out_otherwise_is_refused():
    with pytest.raises(ValueError, match=r"timesteps: got the levels \[.*use paint\(\)|set_timesteps refused"):
        latents(a_gaussian(), make("DPMSolverMultistep", use_karras_sigmas=True), torch.zeros(1, 1, 8, 8), 10, 4)


@pytest.mark.parametrize("name", ["DDIM", "PNDM", "DEISMultistep", "IPNDM", "LMSDiscrete", "UniPCMultistep"])
def test_who_takes_no_timesteps_is_refused_by_name_with_the_way_on(name):
    with pytest.raises(ValueError, match=rf"scheduler: got {name}Scheduler; its set_timesteps takes no.*use paint"):
        latents(a_gaussian(), make(name), torch.zeros(1, 1, 8, 8), 10, 4)


def test_a_multistep_method_that_needs_its_past_is_refused_not_run_wrong(unet):
    """LMS asked to begin in the middle takes a rule of fourth order with one slope, and says nothing."""
    for name, word in (("LMSDiscrete", "but for"), ("PNDM", "PNDMScheduler")):
        with pytest.raises(ValueError, match=word):
            paint(diffusers.DDPMPipeline(unet, make(name)), a_gaussian(), 10, 4, output_type="pt")


@pytest.mark.parametrize(
    ("quantity", "call"),
    {
        "skip": lambda: land(a_gaussian(), make("DDIM"), np.zeros((1, D)), 10, 10),
        "skip ": lambda: land(a_gaussian(), make("HeunDiscrete"), np.zeros((1, D)), 10, 3),
        "skip  ": lambda: land(a_gaussian(), make("DDIM"), np.zeros((1, D)), 10, -1),
        "noise": lambda: land(a_gaussian(), make("DDIM"), np.zeros(D), 10, 4),
        "theory": lambda: jump([a_gaussian()], np.zeros((2, D)), HIGH, LOW),
        "theory ": lambda: jump(3, np.zeros((2, D)), HIGH, LOW),
        "start, end": lambda: jump(a_gaussian(), np.zeros((2, D)), LOW, HIGH),
        "moves": lambda: jump(a_mixture(), np.zeros((2, 5)), HIGH, LOW, 0),
        "clip_sample, thresholding": lambda: equivalent(make("DDIM")),
        "scheduler": lambda: equivalent(make("PNDM")),
        "net": lambda: counted(lambda x, t: x).__enter__(),
        "start, end ": lambda: jump(a_gaussian(), np.zeros((2, D)), 0.5, LOW),
        "start, end  ": lambda: jump(a_mixture(), np.zeros((2, 5)), Level(np.full(2, 0.1), 1.0), LOW),
        "x": lambda: jump([], np.zeros((0, D)), HIGH, LOW),
        "x ": lambda: jump([a_gaussian()], [[0.0] * D], HIGH, LOW),
        "noise ": lambda: land(a_gaussian(), make("DDIM"), torch.full((1, 1, 8, 8), float("nan")), 10, 0),
        "noise  ": lambda: land(a_gaussian(), make("DDIM"), torch.ones((1, 1, 8, 8), dtype=torch.int64), 10, 4),
        "noise   ": lambda: land(a_gaussian(), make("DDIM"), torch.ones((0, 1, 8, 8)), 10, 4),
        "pipeline": lambda: paint(torch.nn.Identity(), a_gaussian(), 10, 4),
    }.items(),
)
def test_bad_input_is_named(quantity, call):
    with pytest.raises(ValueError, match=f"^{quantity.strip()}: got"):
        call()
