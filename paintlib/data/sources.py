"""The public data sets: where they live, what their bytes must be, how to read them."""

import gzip
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Archive:
    """A file as its public home serves it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A data set. Images have `shape`; local files are called `stem`; `homes` are addresses to try in turn.

    `archives` names the files that hold each split and `read(paths, split)` takes images and labels out of them;
    `content` is the sha256 of a split's pixels (N, H, W[, C]) followed by its labels, whatever file they came in.
    """

    name: str
    stem: str
    shape: tuple
    classes: tuple
    homes: tuple
    archives: dict
    content: dict
    read: Callable


def read_npz(paths, split):
    """Images and labels of a split from the one file of arrays x_train, y_train, x_test, y_test."""
    with np.load(paths[0], allow_pickle=False) as arrays:
        return arrays[f"x_{split}"], arrays[f"y_{split}"]


def read_batches(paths, split):
    """CIFAR's binary batches: a byte of label, then 32 x 32 of red, of green, of blue, image by image."""
    numbers = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}[split]
    with tarfile.open(paths[0]) as tar:
        raw = b"".join(tar.extractfile(f"cifar-10-batches-bin/{batch}.bin").read() for batch in numbers)
    rows = np.frombuffer(raw, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    planes = rows[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), rows[:, 0].copy()


def read_idx(paths, split):
    """The idx format of MNIST and its kin, gzipped: images in the first file, labels in the second."""
    return tuple(_idx(gzip.decompress(path.read_bytes())) for path in paths)


def _idx(raw):
    ndim = raw[3]
    shape = np.frombuffer(raw, ">u4", ndim, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape).copy()


_CIFAR10 = Archive(
    "cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
)

SOURCES = {
    "cifar10": Source(
        name="cifar10",
        stem="cifar10",
        shape=(32, 32, 3),
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        homes=("https://www.cs.toronto.edu/~kriz/",),
        archives={"train": (_CIFAR10,), "test": (_CIFAR10,)},
        content={
            "train": "f912919bdea371136f1aa4feed6beeca728015a5f08b1899a29c932a7e30be2b",
            "test": "8193b3fbce55bec361cd1b8fd4880cb1649832dc4d6de6da1e7a21847a4843aa",
        },
        read=read_batches,
    ),
    "fashion-mnist": Source(
        name="fashion-mnist",
        stem="fashion_mnist",
        shape=(28, 28),
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        homes=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        archives={
            "train": (
                Archive(
                    "train-images-idx3-ubyte.gz",
                    26421880,
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                Archive(
                    "train-labels-idx1-ubyte.gz",
                    29515,
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                ),
            ),
            "test": (
                Archive(
                    "t10k-images-idx3-ubyte.gz",
                    4422102,
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                Archive(
                    "t10k-labels-idx1-ubyte.gz",
                    5148,
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            ),
        },
        content={
            "train": "16d82e2b505296aa2b78bd5ea0992634f30419a4c97def7c907d154a35ac6157",
            "test": "9f1ec356a747bfe4ebab3cfb722d3694c9ca737e2570f6f90cf31d7b6fd689d4",
        },
        read=read_idx,
    ),
}
