"""The contract that every denoiser keeps, on NumPy, array_api_strict and torch."""

import numpy as np
import pytest
import torch
from truth import LIBRARIES, a_gaussian

from paintlib.denoisers import Function, Guided, noise, score, velocity
from paintlib.gaussian import Gaussian
from paintlib.keyhole import Keyhole, RovingKeyhole
from paintlib.mixture import Mixture
from paintlib.pointcloud import PointCloud
from paintlib.schedules import VP, Level

D = 6
LEVEL = Level(0.7, 0.6)
POINTS = np.random.default_rng(1).standard_normal((12, D))
PRIOR = np.arange(1.0, 13) / 78
MODES = [
    a_gaussian(D, (9.0, 2.0, 0.3), 0),
    a_gaussian(D, (1.5,), 1),
    a_gaussian(D, (4.0, 0.5, 0.2, 0.1, 0.05, 0.01), 2),
]
WEIGHTS = np.array([0.2, 0.5, 0.3])


def move(gaussian, array):
    return Gaussian(array(gaussian.mu), array(gaussian.U), array(gaussian.lam))


def unit_gaussian(x, level):
    alpha, sigma = level.on(x)
    return alpha * x / (alpha**2 + sigma**2)


MAKE = {
    "Gaussian": lambda array: move(MODES[0], array),
    "Gaussian of full rank": lambda array: move(MODES[2], array),
    "Mixture": lambda array: Mixture(array(WEIGHTS), [move(mode, array) for mode in MODES]),
    "PointCloud": lambda array: PointCloud(array(POINTS)),
    "PointCloud with prior": lambda array: PointCloud(array(POINTS), array(PRIOR)),
    "PointCloud in small blocks": lambda array: PointCloud(array(POINTS), memory=1000),
    "Keyhole": lambda array: Keyhole(array(POINTS), (2, 3), 3),
    "RovingKeyhole": lambda array: RovingKeyhole(array(POINTS), (2, 3), 3),
    "Function": lambda array: Function(
        lambda x, level: level.on(x)[0] * x / (level.on(x)[0] ** 2 + level.on(x)[1] ** 2)
    ),
    "Guided": lambda array: Guided(move(MODES[0], array), move(MODES[1], array), 2.5),
}
MEAN = {
    "Gaussian": MODES[0].mu,
    "Gaussian of full rank": MODES[2].mu,
    "Mixture": sum(w * mode.mu for w, mode in zip(WEIGHTS, MODES, strict=True)),
    "PointCloud": POINTS.mean(axis=0),
    "PointCloud with prior": PRIOR @ POINTS,
    "PointCloud in small blocks": POINTS.mean(axis=0),
    "Keyhole": POINTS.mean(axis=0),
    "RovingKeyhole": np.full(D, POINTS.mean()),
    "Function": np.zeros(D),
    "Guided": MODES[1].mu + 2.5 * (MODES[0].mu - MODES[1].mu),
}
WITH_DENSITY = [name for name in MAKE if name not in ("Keyhole", "RovingKeyhole", "Function", "Guided")]

every_denoiser = pytest.mark.parametrize("name", MAKE)
every_library = pytest.mark.parametrize("library", LIBRARIES)


def states(*batch):
    return np.random.default_rng(7).standard_normal((*batch, D))


@every_library
@every_denoiser
@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
def test_shapes_library_and_dtype(name, library, batch):
    array = LIBRARIES[library]
    x = array(states(*batch))
    x0_hat = MAKE[name](array).denoise(x, LEVEL)
    assert tuple(x0_hat.shape) == (*batch, D)
    assert type(x0_hat) is type(x) and x0_hat.dtype == x.dtype


@every_library
@every_denoiser
def test_a_batch_equals_a_loop(name, library):
    array = LIBRARIES[library]
    x, denoiser = states(2, 3), MAKE[name](array)
    together = np.asarray(denoiser.denoise(array(x), LEVEL))
    for i in np.ndindex(2, 3):
        alone = np.asarray(denoiser.denoise(array(x[i]), LEVEL))
        np.testing.assert_allclose(together[i], alone, rtol=1e-12, atol=1e-14)


@every_library
@every_denoiser
def test_levels_over_the_batch_equal_a_loop(name, library):
    array = LIBRARIES[library]
    x, denoiser, rng = states(2, 3), MAKE[name](array), np.random.default_rng(3)
    alpha, sigma = rng.uniform(0.1, 1, (2, 3)), rng.uniform(0.05, 3, (2, 3))
    together = np.asarray(denoiser.denoise(array(x), Level(array(alpha), array(sigma))))
    for i in np.ndindex(2, 3):
        alone = np.asarray(denoiser.denoise(array(x[i]), Level(alpha[i], sigma[i])))
        np.testing.assert_allclose(together[i], alone, rtol=1e-12, atol=1e-14)


@every_library
@every_denoiser
@pytest.mark.parametrize("alpha, sigma", [(0.3, 0.9), (2.0, 0.01), (1e-3, 1.0)])
def test_only_x_over_alpha_and_kappa_count(name, library, alpha, sigma):
    array = LIBRARIES[library]
    denoiser, x = MAKE[name](array), states(5)
    raw = denoiser.denoise(array(x), Level(alpha, sigma))
    scaled = denoiser.denoise(array(x / alpha), Level(1.0, sigma / alpha))
    # x / alpha up to 1e3 is rounded in its 16th digit, and the softmax sees it divided by kappa^2 down to 2.5e-5
    np.testing.assert_allclose(np.asarray(raw), np.asarray(scaled), rtol=1e-9, atol=1e-11)


@every_library
@every_denoiser
def test_without_signal_the_best_guess_is_the_mean(name, library):
    array = LIBRARIES[library]
    denoiser, x = MAKE[name](array), array(states(5))
    mean = np.broadcast_to(MEAN[name], (5, D))
    np.testing.assert_allclose(np.asarray(denoiser.denoise(x, Level(0.0, 1.0))), mean, atol=1e-13)
    # at sigma = 1e8 a feature of variance 9 still shows by 9 * 3 / 1e16 of itself
    np.testing.assert_allclose(np.asarray(denoiser.denoise(x, Level(1.0, 1e8))), mean, atol=1e-13)


@every_denoiser
def test_all_libraries_agree(name):
    x, rate = states(2, 3), (-0.4, 0.9)
    answers = []
    for array in LIBRARIES.values():
        denoiser = MAKE[name](array)
        four = [f(denoiser, array(x), LEVEL) for f in (score, noise)]
        four += [velocity(denoiser, array(x), LEVEL, rate), denoiser.denoise(array(x), LEVEL)]
        if name in WITH_DENSITY:
            four.append(denoiser.log_prob(array(x), LEVEL))
        answers.append([np.asarray(a) for a in four])
    for other in answers[1:]:
        for a, b in zip(answers[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", WITH_DENSITY)
@pytest.mark.parametrize("level", [Level(0.7, 0.6), Level(1.0, 0.05), Level(0.01, 1.0), Level(1.0, 40.0)])
def test_eq_06_score_is_the_gradient_of_log_prob(name, level):
    """Tweedie: (alpha x0_hat - x) / sigma^2 against torch's autodiff of the log density."""
    denoiser, x = MAKE[name](torch.as_tensor), torch.tensor(states(2, 3), requires_grad=True)
    (gradient,) = torch.autograd.grad(denoiser.log_prob(x, level).sum(), x)
    assert torch.allclose(score(denoiser, x.detach(), level), gradient, rtol=1e-9, atol=1e-9)


@every_denoiser
def test_eq_05_eq_16_noise_and_score_are_one_thing(name):
    """x = alpha x0_hat + sigma eps, and eps = -sigma s."""
    denoiser, x = MAKE[name](np.asarray), states(4)
    x0_hat, eps = denoiser.denoise(x, LEVEL), noise(denoiser, x, LEVEL)
    np.testing.assert_allclose(LEVEL.alpha * x0_hat + LEVEL.sigma * eps, x, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(-LEVEL.sigma * score(denoiser, x, LEVEL), eps, rtol=1e-13, atol=1e-14)


@every_denoiser
def test_eq_04_eq_75_velocity_is_the_probability_flow(name):
    """dx/dt = -beta x - g^2 s / 2 with g^2 = 2 beta, as the paper prints it for the variance-preserving process."""
    denoiser, vp, t, x = MAKE[name](np.asarray), VP(), 0.4, states(4)
    beta, level = vp.beta(t), vp(t)
    printed = -beta * x - beta * score(denoiser, x, level)
    np.testing.assert_allclose(velocity(denoiser, x, level, vp.rate(t)), printed, rtol=1e-11, atol=1e-12)


def test_eq_05_the_exact_noise_prediction_is_the_least_squares_one():
    """Monte Carlo: no other linear map of x predicts the noise better than -sigma s does."""
    gaussian, rng = MODES[0], np.random.default_rng(0)
    x_0 = gaussian.mu + (rng.standard_normal((200_000, 3)) * gaussian.lam**0.5) @ gaussian.U.T
    eps = rng.standard_normal(x_0.shape)
    x = LEVEL.alpha * x_0 + LEVEL.sigma * eps
    fitted = np.linalg.lstsq(np.c_[x, np.ones(len(x))], eps, rcond=None)[0]
    probe = states(20)
    # a regression coefficient over 200,000 draws is off by about 1 / sqrt(200,000) = 0.002
    np.testing.assert_allclose(np.c_[probe, np.ones(20)] @ fitted, noise(gaussian, probe, LEVEL), atol=0.03)


def test_guidance_mixes_scores():
    """Strength 1 is the conditional model, 0 the unconditional, and in between the score is linear."""
    c, u, x = MODES[0], MODES[1], states(4)
    np.testing.assert_allclose(Guided(c, u, 1.0).denoise(x, LEVEL), c.denoise(x, LEVEL), rtol=1e-13)
    np.testing.assert_allclose(Guided(c, u, 0.0).denoise(x, LEVEL), u.denoise(x, LEVEL), rtol=1e-13)
    mixed = score(u, x, LEVEL) + 3.0 * (score(c, x, LEVEL) - score(u, x, LEVEL))
    np.testing.assert_allclose(score(Guided(c, u, 3.0), x, LEVEL), mixed, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["Gaussian", "Mixture"])
def test_like_moves_a_denoiser_to_float32_torch(name):
    """A denoiser made with NumPy follows x to torch and to single precision."""
    x = states(5)
    single = torch.tensor(x, dtype=torch.float32)
    moved = MAKE[name](np.asarray).like(single).denoise(single, LEVEL)
    assert moved.dtype == torch.float32
    np.testing.assert_allclose(moved.numpy(), MAKE[name](np.asarray).denoise(x, LEVEL), rtol=1e-5, atol=1e-5)


def test_a_point_cloud_of_float32_answers_in_the_dtype_of_x():
    x = states(5)
    for dtype in (np.float32, np.float64):
        out = PointCloud(POINTS.astype(np.float32)).denoise(x.astype(dtype), LEVEL)
        assert out.dtype == dtype
        np.testing.assert_allclose(out, PointCloud(POINTS).denoise(x, LEVEL), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cast", [np.asarray, torch.as_tensor])
@pytest.mark.filterwarnings("error")
def test_a_score_beyond_half_precision_is_refused_by_name(cast):
    x, level = cast(np.array([0.3457, -1.3027], np.float16)), Level(2.0, 0.01171875)
    painter = Function(lambda x, level: 16 * x)
    with pytest.raises(ValueError, match=r"^the score: got infinity in .*float16; .* more digits"):
        score(painter, x, level)
    with pytest.raises(ValueError, match=r"^the velocity: got infinity in .*float16; .* more digits"):
        velocity(painter, x, level, (0.0, 1e4))
    assert np.isfinite(np.asarray(noise(painter, x, level))).all()
