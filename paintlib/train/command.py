"""The command line of every training: the options that all of them have, and what is done with them."""

import argparse
import json

import torch

from paintlib import commands
from paintlib.checks import whole


def options(program, about, folder, file):
    """A parser with the options of every training; `folder` is the default, `file` says what the data file is."""
    parser = argparse.ArgumentParser(prog=f"python -m paintlib.{program}", description=about.split("\n")[0])
    place = f"(default: {folder or 'runs/NAME'})"
    parser.add_argument("--folder", default=folder, help=f"where checkpoints and samples go {place}")
    parser.add_argument("--file", help=file)
    parser.add_argument("--images", type=int, help="stop after this many training images, repeats counted")
    parser.add_argument("--hours", type=float, help="stop after this many hours of training, earlier runs counted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="CPU threads")
    return parser


@commands.in_words
def run(train, parser, arguments=None):
    """Call `train` with what the command line says, by the options' names, and print the record that it returns."""
    asked = vars(parser.parse_args(arguments))
    threads = asked.pop("threads")
    if threads is not None:
        whole("threads", threads, 1, "give a number of CPU threads")
        torch.set_num_threads(threads)
    print(json.dumps(train(**asked)))
