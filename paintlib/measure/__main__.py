"""Inception features, and FID, from the command line.

The features of many images take hours on a CPU, so the command keeps what it has and continues after a stop:

    python -m paintlib.measure features cifar10.npz --key x_train --out train.npy --weights inception.pt
    python -m paintlib.measure fid train.npy test.npy
"""

import argparse

import numpy as np

from paintlib import commands
from paintlib.checks import require, whole
from paintlib.data.fetch import UNREADABLE
from paintlib.measure.distance import fid
from paintlib.measure.inception import keep_features


@commands.in_words
def main(arguments=None):
    """`features` and `fid` from the command line."""
    parser = argparse.ArgumentParser(prog="python -m paintlib.measure", description="Inception features, and FID.")
    jobs = parser.add_subparsers(dest="command", required=True)
    features = jobs.add_parser("features", help="Inception features of images, continued after a stop")
    features.add_argument("images", help=".npz with uint8 images (N, H, W) or (N, H, W, 3)")
    features.add_argument("--key", default="x_train", help="the array's name in that file")
    features.add_argument("--count", type=int, help="the first so many images only")
    features.add_argument("--out", required=True, help=".npy file to make")
    features.add_argument("--weights", help="path of inception.pt")
    features.add_argument("--batch", type=int, default=8, help="images at a time; more on a GPU")
    features.add_argument("--device", default="cpu")
    distance = jobs.add_parser("fid", help="FID of two files of features")
    distance.add_argument("features", nargs=2, help=".npy files that `features` made")
    asked = parser.parse_args(arguments)
    _print_fid(*asked.features) if asked.command == "fid" else _run_features(asked)


def _print_fid(*files):
    a, b = (commands.known("features", file, "make it by python -m paintlib.measure features") for file in files)
    print(f"FID {fid(a, b):.4f} ({len(a)} against {len(b)} images)")


def _run_features(asked):
    whole("batch", asked.batch, 1, "give how many images are looked at together")
    commands.output(asked.out)
    try:
        with np.load(asked.images, allow_pickle=False) as arrays:
            names = list(arrays)
            images = arrays[asked.key] if asked.key in names else None
    except UNREADABLE as error:
        raise ValueError(f"images: got {asked.images}, no whole .npz file ({error}); make it again") from error
    require(images is not None, "key", asked.key, f"choose one in {asked.images}: {', '.join(names)}")
    count = len(images) if asked.count is None else asked.count
    require(1 <= count <= len(images), "count", count, f"there are {len(images)} images")
    keep_features(images[:count], asked.out, asked.weights, asked.batch, asked.device)


if __name__ == "__main__":
    main()
