"""Train the small diffusion models that ship with the book (Eq. 5).

    python -m paintlib.train cifar10 --hours 2
    python -m paintlib.train fashion-mnist --images 1000000

The same command resumes from the last checkpoint, on a CPU (bf16) or on a GPU.
"""

import argparse
import json
from pathlib import Path

import torch

from paintlib.train.loop import train
from paintlib.train.recipes import RECIPES


def main():
    parser = argparse.ArgumentParser(prog="python -m paintlib.train", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--folder", help="where checkpoints and samples go (default: runs/NAME)")
    parser.add_argument("--file", help="the full data set as .npz with x_train (default: paintlib.data finds it)")
    parser.add_argument("--images", type=int, help="stop after this many training images, repeats counted")
    parser.add_argument("--hours", type=float, help="stop after this many hours of training, earlier runs counted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", help="a released model to go on from, if there is no checkpoint")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--compile", action="store_true", help="torch.compile: slower to start, then faster")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    record = train(
        args.name,
        args.folder or Path("runs") / args.name,
        file=args.file,
        images=args.images,
        hours=args.hours,
        seed=args.seed,
        start=args.start,
        compile=args.compile,
    )
    print(json.dumps(record))


if __name__ == "__main__":
    main()
