"""LPIPS, the perceptual distance of pairs of images (Zhang and others 2018)."""

import hashlib
from pathlib import Path

import numpy as np

from paintlib.checks import real_array, require
from paintlib.data import folder
from paintlib.data.fetch import UNREADABLE

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
