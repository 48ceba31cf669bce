"""Real images: what ships, what is fetched, and what is refused. No network: the homes are servers on this machine.

Where PAINTLIB_DATA names a folder with cifar10.npz and fashion_mnist.npz, the shipped files are held against them too.
"""

import gzip
import hashlib
import io
import multiprocessing
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tries import tries

from paintlib import data
from paintlib.data import fetch, make
from paintlib.data.sources import SOURCES, Archive
from paintlib.schedules import Level

NAMES = list(SOURCES)
SIZES = {"cifar10": (2000, 32, 32, 3), "fashion-mnist": (3000, 28, 28)}


# What ships


@pytest.mark.parametrize("name", NAMES)
def test_sample_holds_equally_many_images_of_each_class(name):
    sample = data.sample(name)
    assert sample.images.shape == SIZES[name] and sample.images.dtype == np.uint8 and sample.shape == SIZES[name][1:]
    assert len(sample.classes) == 10 and set(np.bincount(sample.labels)) == {len(sample) // 10}
    assert len(np.unique(sample.images.reshape(len(sample), -1), axis=0)) == len(sample)


@pytest.mark.parametrize("name", NAMES)
def test_gaussian_keeps_98_percent_of_the_variance_and_no_axis_more(name):
    gaussian, variances = data.gaussian(name), data.eigenvalues(name)
    assert variances.shape == (gaussian.D,) and np.all(np.diff(variances) <= 0) and variances[-1] > 0
    np.testing.assert_array_equal(gaussian.lam, variances[: gaussian.rank])
    assert variances[: gaussian.rank].sum() >= 0.98 * variances.sum() > variances[: gaussian.rank - 1].sum()


@pytest.mark.parametrize("name", NAMES)
def test_gaussian_fits_the_shipped_sample(name):
    """Layout, scale and order of the axes, seen in images: the sample's moments meet them within sampling error."""
    gaussian, total = data.gaussian(name), data.eigenvalues(name).sum()
    x = data.to_vectors(data.sample(name).images)
    assert np.sum((x.mean(0) - gaussian.mu) ** 2) < 2 * total / len(x)
    spread = np.mean(((x - gaussian.mu) @ gaussian.U) ** 2, 0)
    np.testing.assert_allclose(spread[:20], gaussian.lam[:20], rtol=0.2)
    np.testing.assert_allclose(spread.sum(), gaussian.lam.sum(), rtol=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_a_gaussian_with_a_rest_has_the_total_variance_of_the_data(name):
    margin = 2 * (name == "fashion-mnist")
    gaussian, total = data.gaussian(name, margin, rest=True), data.eigenvalues(name).sum()
    off = gaussian.D - gaussian.rank
    np.testing.assert_allclose(gaussian.lam.sum() + off * gaussian.rest, total, rtol=1e-10)
    frame = data.pad(np.zeros((1, *data.sample(name).shape)), margin, black=1).ravel() > 0
    if margin:
        x = np.random.default_rng(0).standard_normal((3, gaussian.D))
        np.testing.assert_allclose(gaussian.denoise(x, Level(0.6, 0.8))[:, frame], -1, atol=1e-12)  # black for certain


@pytest.mark.parametrize("name", NAMES)
def test_the_classes_make_up_the_whole(name):
    """Laws of total mean and total variance, along the axes and off them."""
    mixture, gaussian = data.mixture(name), data.gaussian(name, rest=True)
    assert len(mixture.modes) == 10 and np.allclose(mixture.prior, 0.1)
    shift = np.array([mode.mu - gaussian.mu for mode in mixture.modes])
    np.testing.assert_allclose(mixture.prior @ shift, 0, atol=1e-6)
    U = gaussian.U
    inner = [(U.T @ mode.U * (mode.lam - mode.rest)) @ (mode.U.T @ U) + mode.rest * (U.T @ U) for mode in mixture.modes]
    total = np.tensordot(mixture.prior, inner, 1) + (shift @ U).T * mixture.prior @ (shift @ U)
    units = np.sqrt(np.outer(gaussian.lam, gaussian.lam))
    np.testing.assert_allclose(total / units, np.eye(gaussian.rank), atol=0.01)  # the axes are a little mixed
    rest = mixture.prior @ [mode.rest for mode in mixture.modes]
    np.testing.assert_allclose(rest, gaussian.rest, rtol=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_is_that_of_the_sample(name):
    """The classes' means, and their order, seen in images."""
    images, mixture = data.sample(name), data.mixture(name)
    for label, mode in enumerate(mixture.modes):
        x = data.to_vectors(images.images[images.labels == label])
        total = mode.lam.sum() + mode.rest * (mode.D - mode.rank)
        assert np.sum((x.mean(0) - mode.mu) ** 2) < 2 * total / len(x)
        np.testing.assert_allclose(np.sum((x - mode.mu) ** 2) / len(x), total, rtol=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_float16_axes_come_back_orthonormal(name):
    U = data.gaussian(name).U
    np.testing.assert_allclose(U.T @ U, np.eye(U.shape[1]), atol=1e-13)


def test_padded_gaussian_is_the_gaussian_of_padded_images():
    images = data.sample("fashion-mnist").images[:64]
    inner, outer = data.gaussian("fashion-mnist"), data.gaussian("fashion-mnist", margin=2)
    assert outer.D == 32 * 32
    np.testing.assert_array_equal(inner.lam, outer.lam)
    x, framed = data.to_vectors(images) - inner.mu, data.to_vectors(data.pad(images, 2)) - outer.mu
    np.testing.assert_allclose(framed @ outer.U, x @ inner.U, atol=1e-12)
    np.testing.assert_allclose(np.sum(framed**2, 1), np.sum(x**2, 1))  # nothing varies in the margin


@pytest.mark.parametrize("file", sorted(path.name for path in Path(str(data.SHIPPED)).glob("*.npz")))
def test_shipped_file_has_its_sha256_and_no_pickle(file):
    path = Path(str(data.SHIPPED)) / file
    assert f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {file}\n" in (path.parent / "SHA256SUMS").read_text()
    with np.load(path, allow_pickle=False) as content:
        assert not any(content[key].dtype.hasobject for key in content)


def test_shipped_data_stay_small():
    assert sum(path.stat().st_size for path in Path(str(data.SHIPPED)).iterdir()) < 16e6


@pytest.mark.parametrize("name", NAMES)
def test_card_says_what_ships(name):
    column = NAMES.index(name)
    rows = [line.split("|") for line in (data.SHIPPED / "README.md").read_text().splitlines() if line.count("|") == 4]
    said = {row[1].strip(): row[2 + column].strip() for row in rows}
    assert said["axes that ship"] == str(data.gaussian(name).rank)
    assert said["total variance (the trace)"] == f"{data.eigenvalues(name).sum():.3f}"
    assert said["sample"].startswith(f"{len(data.sample(name)):,}")


def test_damaged_shipped_file_is_refused(tmp_path, monkeypatch):
    copy = shutil.copytree(str(data.SHIPPED), tmp_path / "datasets")
    file = copy / "fashion_mnist_sample.npz"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    monkeypatch.setattr(data, "SHIPPED", copy)
    with pytest.raises(ValueError, match=r"fashion_mnist_sample\.npz: sha256, wanted .*; install paintlib again"):
        data.sample("fashion-mnist")


def test_imports_and_samples_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\nfrom paintlib import data\nassert len(data.sample('cifar10')) == 2000"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# How it was computed


def test_principal_axes_agree_with_numpys_svd():
    images = data.sample("fashion-mnist").images[:900, 6:22, 6:22]
    mean, axes, variances = make.principal(images)
    x = images.reshape(900, -1).astype(float) * 2 / 255 - 1
    _, s, rows = np.linalg.svd(x - x.mean(0), full_matrices=False)
    np.testing.assert_allclose(mean, x.mean(0), atol=1e-14)
    np.testing.assert_allclose(variances, s**2 / 900, rtol=1e-8)
    np.testing.assert_allclose(np.abs(np.sum(axes * rows, 1)), 1, atol=1e-6)
    assert np.all(axes.max(1) == np.abs(axes).max(1))


def test_make_writes_files_that_load(tmp_path, monkeypatch):
    full = data.sample("fashion-mnist")
    monkeypatch.setitem(make.PER_CLASS, "fashion-mnist", 5)
    make.make(full, tmp_path)
    monkeypatch.setattr(data, "SHIPPED", tmp_path)
    assert len(data.sample("fashion-mnist")) == 50
    first = [full.images[full.labels == label][:5] for label in range(10)]
    assert {image.tobytes() for image in data.sample("fashion-mnist").images} == {
        i.tobytes() for i in np.concatenate(first)
    }
    total = data.to_vectors(full.images).var(0).sum()
    np.testing.assert_allclose(data.eigenvalues("fashion-mnist").sum(), total, rtol=1e-10)


if os.environ.get("PAINTLIB_DATA"):

    @pytest.mark.parametrize("name", NAMES)
    def test_float16_changes_next_to_nothing_in_the_mixtures_estimate(name, monkeypatch):
        full, rounded, real = data.load(name), data.mixture(name), data.shipped
        exact = make.classes(full, data.gaussian(name), np.float64)
        monkeypatch.setattr(data, "shipped", lambda file: exact if "classes" in file else real(file))
        whole = data.mixture(name)
        for kappa in (10.0, 2.0, 0.5, 0.2, 0.1):
            noise, level = np.random.default_rng(0).standard_normal((10, whole.D)), Level.from_kappa(kappa)
            x = data.to_vectors(np.stack([full.images[full.labels == k][7] for k in range(10)])) + kappa * noise
            wanted = whole.denoise(x, level)
            off = np.linalg.norm(rounded.denoise(x, level) - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
            assert 0 < off.max() < 1e-3, (kappa, off.max())

    # md5 of data_batch_1.bin to data_batch_5.bin and test_batch.bin, as CIFAR's loaders everywhere check them
    CIFAR_MD5 = [
        "5dd7e06a14cb22eb9f671a540d1b7c25",
        "5ea93a67294ea407fff1d09f752e9692",
        "942cd6a4bcdd0dd3c604fbe906cb4421",
        "ae636b3ba5c66a11e91e8cb52e771fcb",
        "53f37980c15c3d472c316c40844f3f0d",
        "803d5f7f4d78ea53de84dbe85f74fb6d",
    ]

    def test_full_cifar10_is_the_canonical_one():
        sums = []
        for split in (data.load("cifar10"), data.load("cifar10", "test")):
            rows = np.concatenate(
                [split.labels[:, None], split.images.transpose(0, 3, 1, 2).reshape(len(split), -1)], 1
            )
            sums += [hashlib.md5(part.tobytes()).hexdigest() for part in rows.reshape(-1, 10000, 3073)]
        assert sums == CIFAR_MD5

    @pytest.mark.parametrize("name", NAMES)
    def test_shipped_files_come_from_the_full_set(name):
        """Sums of whole numbers below 2^53 are exact in float64, so these moments carry no rounding at all."""
        full, sample, gaussian = data.load(name), data.sample(name), data.gaussian(name)
        first = np.sort(np.concatenate([np.flatnonzero(full.labels == k)[: len(sample) // 10] for k in range(10)]))
        np.testing.assert_array_equal(full.images[first], sample.images)
        np.testing.assert_array_equal(full.labels[first], sample.labels)
        N, pixels = len(full), full.images.reshape(len(full), -1)
        total = pixels.sum(0, dtype=np.int64).astype(float)
        squares = sum(np.square(pixels[i : i + 5000], dtype=np.int64).sum(0) for i in range(0, N, 5000)).astype(float)
        np.testing.assert_allclose(gaussian.mu, total / N / 127.5 - 1, atol=1e-13)
        trace = (N * squares - total**2).sum() / (N * 127.5) ** 2
        np.testing.assert_allclose(data.eigenvalues(name).sum(), trace, rtol=1e-12)
        along = [(data.to_vectors(full.images[i : i + 5000]) - gaussian.mu) @ gaussian.U for i in range(0, N, 5000)]
        covariance = np.cov(np.concatenate(along), rowvar=False, bias=True)
        np.testing.assert_allclose(np.diag(covariance), gaussian.lam, rtol=1e-6)
        scale = np.sqrt(np.outer(gaussian.lam, gaussian.lam))
        correlation = np.abs(covariance / scale - np.eye(len(scale))).max()
        assert correlation < 0.01  # float16 leaves the axes a little mixed


# Vectors and images


@tries(100)
@given(arrays(np.uint8, st.sampled_from([(1, 5, 7), (3, 6, 5), (2, 4, 5, 3), (3, 2, 2), (1, 1, 2, 1)])))
def test_vectors_and_images_are_inverse(images):
    x = data.to_vectors(images)
    assert x.dtype == np.float64 and x.shape == (len(images), images[0].size) and np.abs(x).max() <= 1
    back = data.to_images(x, images.shape[1:])
    assert back.min() >= 0 and back.max() <= 1
    np.testing.assert_allclose(back * 255, images, atol=1e-12)
    for kind in (np.float64, np.float32, torch.as_tensor):
        np.testing.assert_array_equal(data.to_uint8(kind(x), images.shape[1:]), images)


def test_bytes_are_rounded_to_the_nearest_and_clipped():
    levels = np.linspace(-1.2, 1.2, 4001)[:, None]
    found = data.to_uint8(levels, (1, 1))[:, 0, 0]
    away = np.abs(levels.clip(-1, 1) - np.arange(256) / 127.5 + 1)
    np.testing.assert_array_equal(np.take_along_axis(away, found[:, None].astype(int), 1)[:, 0], away.min(1))
    with pytest.raises(ValueError, match="x: got NaN or infinity"):
        data.to_uint8(np.full((1, 4), np.nan), (2, 2))


def test_rows_run_over_height_then_width_then_channel():
    image = np.zeros((1, 2, 5, 3), np.uint8)
    image[0, 1, 2, 0] = 255
    assert data.to_vectors(image).argmax() == 1 * 15 + 2 * 3 + 0


def test_images_outside_the_range_are_clipped_for_display():
    np.testing.assert_array_equal(data.to_images(np.array([[-3.0, -1.0, 0.0, 7.0]]), (2, 2)), [[[0, 0], [0.5, 1]]])


def test_padding_is_black_on_all_sides():
    padded = data.pad(np.full((2, 5, 5, 3), 9, np.uint8), 2)
    assert padded.shape == (2, 9, 9, 3) and padded.dtype == np.uint8 and padded.sum() == 2 * 5 * 5 * 3 * 9
    assert (padded[:, 2:-2, 2:-2] == 9).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: data.to_vectors(np.zeros((2, 5, 5))), "images: got dtype float64; give uint8"),
        (lambda: data.to_vectors(np.zeros((5, 5), np.uint8)), r"images: got shape \(5, 5\); .*images\[None\]"),
        (lambda: data.to_vectors(np.zeros((5, 5, 3), np.uint8)), r"images: got shape \(5, 5, 3\); .*images\[None\]"),
        (lambda: data.to_vectors(np.zeros((2, 3, 8, 8), np.uint8)), "channels last"),
        (lambda: data.to_vectors(np.zeros((0, 5, 5), np.uint8)), "at least one image"),
        (lambda: data.to_images(np.zeros((2, 5)), (2, 2)), "x: got shape .* length 4"),
        (lambda: data.to_images(np.zeros(4, np.uint8), (2, 2)), "x: got dtype uint8"),
        (lambda: data.to_images(np.array([0.0, np.nan]), (2,)), "x: got NaN"),
        (lambda: data.pad(np.zeros((1, 5, 5), np.uint8), -1), "margin: got -1"),
        (lambda: data.pad(np.zeros((1, 5, 5), np.uint8), 10**7), "margin: got 10000000, with which .* 4e"),
        (lambda: data.gaussian("fashion-mnist", 1000), "margin: got 1000, with which the arrays take .* GB"),
        (lambda: data.mixture("fashion-mnist", 40), "margin: got 40, with which the arrays take .* GB"),
        (lambda: data.sample("mnist"), "name: got 'mnist'; choose one of 'cifar10', 'fashion-mnist'"),
        (lambda: data.load("cifar10", "valid"), "split: got 'valid'; choose one of 'train', 'test'"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Full sets: from local files, and fetched


class Home(BaseHTTPRequestHandler):
    """A public home in small. `manner` says how it behaves; `asked` keeps the Range of each request."""

    def do_GET(self):
        server = self.server
        body = server.files[self.path.strip("/")]
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        server.asked.append(start)
        if server.manner == "absent":
            return self.send_error(404)
        ranged = start > 0 and server.manner != "no ranges"
        body = body[start:] if ranged else body
        body = body[::-1] if server.manner == "wrong bytes" else body
        body = b"<html>Log in</html>" if server.manner == "log-in page" else body
        self.send_response(206 if ranged else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.manner == "slowly":
            for i in range(0, len(body), len(body) // 5):
                self.wfile.write(body[i : i + len(body) // 5])
                time.sleep(0.05)
            return None
        self.wfile.write(body[: len(body) // 2] if server.manner == "breaks off" else body)
        return None

    def log_message(self, *_):
        pass


def pictures(shape, N, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (N, *shape), np.uint8), rng.integers(0, 10, N, np.uint8)


def cifar_archive(splits):
    """The tar.gz of binary batches, written with Python's own tools, pixel by pixel plane."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, rows in [
            *((f"data_batch_{i + 1}", slice(4 * i, 4 * i + 4)) for i in range(5)),
            ("test_batch", slice(20, 24)),
        ]:
            images, labels = (np.concatenate(parts)[rows] for parts in zip(*splits.values(), strict=True))
            records = [
                bytes([k]) + b"".join(im[..., c].tobytes() for c in range(3))
                for im, k in zip(images, labels, strict=True)
            ]
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = sum(map(len, records))
            tar.addfile(member, io.BytesIO(b"".join(records)))
    return {"cifar-10-binary.tar.gz": raw.getvalue()}


def idx_archives(splits):
    files = {}
    for split, (images, labels) in zip(("train", "t10k"), splits.values(), strict=True):
        head = b"\0\0\x08\3" + b"".join(n.to_bytes(4, "big") for n in images.shape)
        files[f"{split}-images-idx3-ubyte.gz"] = gzip.compress(head + images.tobytes())
        files[f"{split}-labels-idx1-ubyte.gz"] = gzip.compress(
            b"\0\0\x08\1" + len(labels).to_bytes(4, "big") + labels.tobytes()
        )
    return files


@pytest.fixture(params=NAMES)
def world(request, tmp_path, monkeypatch):
    """A data set of 24 random pictures under a real name, its home on this machine, an empty folder to keep it in."""
    source = SOURCES[request.param]
    splits = {"train": pictures(source.shape, 20, 1), "test": pictures(source.shape, 4, 2)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Home)
    server.files = (cifar_archive if request.param == "cifar10" else idx_archives)(splits)
    server.manner, server.asked = "well", []

    def small(archive):
        body = server.files[archive.name]
        return Archive(archive.name, len(body), hashlib.sha256(body).hexdigest())

    address = f"http://127.0.0.1:{server.server_port}/"
    content = {k: hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest() for k, (x, y) in splits.items()}
    archives = {split: tuple(map(small, source.archives[split])) for split in splits}
    monkeypatch.setitem(SOURCES, source.name, replace(source, homes=(address,), archives=archives, content=content))
    monkeypatch.setenv("PAINTLIB_DATA", str(tmp_path / "kept"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    server.name, server.splits, server.folder = source.name, splits, tmp_path / "kept"
    server.first = archives["train"][0]
    server.part = server.folder / f"{server.first.name}.part"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def half_kept(world, body=None):
    """Leave half of the first archive behind, as a broken transfer does."""
    body = world.files[world.first.name] if body is None else body
    world.folder.mkdir(exist_ok=True)
    world.part.write_bytes(body[: world.first.size // 2])
    return world.first.size // 2


def assert_loads(world):
    for split, (images, labels) in world.splits.items():
        loaded = data.load(world.name, split)
        np.testing.assert_array_equal(loaded.images, images)
        np.testing.assert_array_equal(loaded.labels, labels)
    assert not list(world.folder.glob("*.part"))


def test_fetches_once_and_keeps(world):
    assert_loads(world)
    asked = len(world.asked)
    world.manner = "absent"
    assert_loads(world)
    assert len(world.asked) == asked == len(world.files)


def test_resumes_where_a_partial_file_ends(world):
    half = half_kept(world)
    assert_loads(world)
    assert world.asked[0] == half


def test_starts_over_where_the_server_knows_no_ranges(world):
    half_kept(world)
    world.manner = "no ranges"
    assert_loads(world)


def test_transfer_that_breaks_off_says_so_and_is_resumed(world):
    world.manner = "breaks off"
    with pytest.raises(
        ConnectionError, match=rf"{world.first.size // 2} of its {world.first.size} bytes .* call again"
    ):
        data.load(world.name)
    world.manner = "well"
    assert_loads(world)
    assert world.asked[:2] == [0, world.first.size // 2]


def test_wrong_bytes_are_refused_and_removed(world):
    world.manner = "wrong bytes"
    found = hashlib.sha256(world.files[world.first.name][::-1]).hexdigest()
    with pytest.raises(ValueError, match=rf"{world.first.name}.*{found}, wanted {world.first.sha256}.*call again"):
        data.load(world.name)
    assert not list(world.folder.iterdir())


@pytest.mark.parametrize("length", ["half", "whole", "too long"])
def test_partial_file_of_other_bytes_is_refused_and_removed(world, length):
    half_kept(world)
    times = {"half": 1, "whole": 2, "too long": 3}[length]
    world.part.write_bytes(bytes(world.first.size // 2) * times + bytes(world.first.size % 2 if times == 2 else 0))
    with pytest.raises(ValueError, match=f"wanted {world.first.sha256}"):
        data.load(world.name)
    assert_loads(world)


def test_log_in_page_is_not_taken_for_the_file(world):
    world.manner = "log-in page"
    with pytest.raises(ConnectionError, match=f"offers 19 bytes in place of {world.first.size}"):
        data.load(world.name)
    assert not world.part.exists()


def test_second_home_serves_where_the_first_does_not(world, monkeypatch):
    source = SOURCES[world.name]
    monkeypatch.setitem(
        SOURCES, world.name, replace(source, homes=(source.homes[0] + "gone/", "http://127.0.0.1:9/", *source.homes))
    )
    world.files = {**world.files, **{f"gone/{name}": b"" for name in world.files}}
    assert_loads(world)


@pytest.mark.parametrize("cause", ["no server", "absent"])
def test_without_a_network_the_ways_on_are_named(world, monkeypatch, cause):
    world.manner = cause
    if cause == "no server":
        monkeypatch.setitem(SOURCES, world.name, replace(SOURCES[world.name], homes=("http://127.0.0.1:9/",)))
    with pytest.raises(ConnectionError) as error:
        data.load(world.name)
    for hint in (f"data.sample('{world.name}')", f"{SOURCES[world.name].stem}.npz", str(world.folder), "file="):
        assert hint in str(error.value)


def test_broken_kept_file_is_refused_with_the_remedy(world):
    assert_loads(world)
    kept = world.folder / world.first.name
    kept.write_bytes(kept.read_bytes()[:-100])
    with pytest.raises(
        ValueError, match=rf"{world.first.name}.*broken or partial.*wanted .*; delete what is named"
    ) as error:
        data.load(world.name)
    assert SOURCES[world.name].content["train"] in str(error.value)
    kept.unlink()
    assert_loads(world)


def write_npz(path, splits, **changes):
    content = {f"{k}_{split}": a for split, pair in splits.items() for k, a in zip("xy", pair, strict=True)} | changes
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **content)
    return path


def test_local_file_is_found_by_argument_and_by_folder(world, tmp_path):
    elsewhere = write_npz(tmp_path / "mine.npz", world.splits)
    np.testing.assert_array_equal(data.load(world.name, "test", file=elsewhere).images, world.splits["test"][0])
    write_npz(world.folder / f"{SOURCES[world.name].stem}.npz", world.splits)
    assert_loads(world)
    assert world.asked == []


def test_changed_pixel_in_a_local_file_is_refused(world, tmp_path):
    changed = world.splits["train"][0].copy()
    changed.flat[7] ^= 1
    file = write_npz(tmp_path / "mine.npz", world.splits, x_train=changed)
    with pytest.raises(
        ValueError, match=r"mine.npz: sha256 of the train data, wanted .*: got .*; make that file again"
    ):
        data.load(world.name, file=file)
    assert len(data.load(world.name, "test", file=file)) == 4


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("fault", ["cut", "empty", "text", "pickle", "array", "no split", "missing"])
def test_broken_local_file_is_refused_and_never_unpickled(world, tmp_path, fault):
    bomb = np.array([Bomb(tmp_path / "boom")], object)
    file = write_npz(tmp_path / "mine.npz", world.splits, **({"x_train": bomb} if fault == "pickle" else {}))
    if fault == "array":
        np.save(tmp_path / "array.npy", world.splits["train"][0])
        shutil.move(tmp_path / "array.npy", file)
    if fault == "no split":
        np.savez(file, x_test=world.splits["test"][0])
    if fault == "missing":
        file.unlink()
    if fault in ("cut", "empty", "text"):
        file.write_bytes({"cut": file.read_bytes()[:-200], "empty": b"", "text": b"<html>"}[fault])
    with pytest.raises(ValueError, match=r"mine\.npz"):
        data.load(world.name, file=file)
    assert not (tmp_path / "boom").exists()


def test_folder_follows_the_environment(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("PAINTLIB_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert data.folder() == Path("/var/cache/me/paintlib")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert data.folder() == Path.home() / "Library/Caches/paintlib"
    monkeypatch.setenv("PAINTLIB_DATA", "~/shared")
    assert data.folder() == Path.home() / "shared"


def test_progress_is_shown_with_and_without_tqdm(world, monkeypatch, capsys):
    monkeypatch.setattr(fetch, "BLOCK", 1000)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    data.load(world.name)
    shown = capsys.readouterr().err
    assert f"\r{world.first.name}: 100 %" in shown and shown.count("\r") > 5


# What makes a set the set: shape and type too


@pytest.mark.parametrize("form", ["(N, 1)", "int64", "big-endian", "a list"])
def test_the_same_labels_in_another_form_are_the_same_labels(world, tmp_path, form):
    images, labels = world.splits["test"]
    labels = {"(N, 1)": labels[:, None], "int64": labels.astype(np.int64), "big-endian": labels.astype(">i4"),
              "a list": labels.tolist()}[form]  # fmt: skip
    np.savez(tmp_path / "own.npz", x_test=images, y_test=labels)
    loaded = data.load(world.name, "test", file=tmp_path / "own.npz")
    assert loaded.labels.shape == (4,) and loaded.labels.dtype == np.uint8
    np.testing.assert_array_equal(loaded.labels, world.splits["test"][1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x.reshape(len(x), -1), y), r"images: got uint8 of shape \(4, \d+\); need uint8 of shape \(N, "),
        (lambda x, y: (x.astype(float), y), "images: got float64"),
        (
            lambda x, y: (x, np.eye(10)[y]),
            r"labels: got float64 of shape \(4, 10\); need whole numbers of shape \(4,\)",
        ),
        (lambda x, y: (x, y.astype(float)), "labels: got float64"),
        (lambda x, y: (x, np.full(4, np.nan)), "labels: got float64"),
        (lambda x, y: (x, y[:3]), r"labels: got uint8 of shape \(3,\)"),
        (lambda x, y: (x, y.astype(int) - 1 - y.min()), "labels: got -1 to .*; classes are numbered 0 to 9"),
        (lambda x, y: (x, y.astype(int) + 256), "labels: got .*; classes are numbered 0 to 9"),
        (lambda x, y: (np.swapaxes(x, 0, 1), y), "images: got uint8|sha256"),
    ],
)
def test_images_and_labels_of_another_shape_or_type_are_named(world, tmp_path, change, message):
    images, labels = change(*world.splits["test"])
    np.savez(tmp_path / "own.npz", x_test=images, y_test=labels)
    with pytest.raises(ValueError, match=message):
        data.load(world.name, "test", file=tmp_path / "own.npz")


def _reader(address, folder, archive, delay, answers):
    time.sleep(delay)
    try:
        path = fetch.obtain(archive, (address,), Path(folder))
        answers.put(hashlib.sha256(path.read_bytes()).hexdigest())
    except BaseException as error:
        answers.put(repr(error))


def test_five_readers_at_once_each_get_a_whole_file(world):
    """From a home that sends slowly, so that all five fetch at the same time."""
    world.manner = "slowly"
    address = f"http://127.0.0.1:{world.server_port}/"
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    arguments = [(address, world.folder, world.first, delay, answers) for delay in (0, 0, 0, 0.05, 0.1)]
    readers = [context.Process(target=_reader, args=a) for a in arguments]
    for reader in readers:
        reader.start()
    assert [answers.get(timeout=60) for _ in readers] == 5 * [world.first.sha256]
    for reader in readers:
        reader.join()
    assert [p.name for p in world.folder.iterdir()] == [world.first.name]


def test_a_part_that_a_killed_process_left_is_taken_over_when_nobody_writes_it(world):
    half = half_kept(world)
    orphan = world.part.rename(world.folder / f"{world.first.name}.0123456789ab.part")
    path = world.folder / world.first.name
    fetch._adopt(world.part, world.folder / "mine.part")
    assert orphan.exists()  # it may still be written
    os.utime(orphan, (0, 0))
    fetch.obtain(world.first, (f"http://127.0.0.1:{world.server_port}/",), world.folder)
    assert world.asked == [half] and path.exists() and not orphan.exists()


def test_a_folder_that_cannot_be_made_says_how_to_choose_another(world, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PAINTLIB_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(ValueError, match=r"the folder for data: got .*file/data .*; set PAINTLIB_DATA to one"):
        data.load(world.name)
    monkeypatch.setenv("PAINTLIB_DATA", str(world.folder))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ValueError, match=r"it cannot be written to\); set PAINTLIB_DATA"):
        data.load(world.name)
