"""Train the small diffusion models that ship with the book (Eq. 5).

    python -m paintlib.train cifar10 --hours 2
    python -m paintlib.train fashion-mnist --images 1000000

The same command resumes from the last checkpoint, on a CPU (bf16) or on a GPU.
"""

from pathlib import Path

from paintlib.train import command, loop
from paintlib.train.recipes import RECIPES


def main(arguments=None):
    """Train from the command line."""
    file = "the full data set as .npz with x_train (default: paintlib.data finds it)"
    parser = command.options("train", __doc__, None, file)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--start", help="a released model to go on from, if there is no checkpoint")
    parser.add_argument("--compile", action="store_true", help="torch.compile: slower to start, then faster")

    def by_name(name, folder, **asked):
        return loop.train(name, folder or Path("runs") / name, **asked)

    command.run(by_name, parser, arguments)


if __name__ == "__main__":
    main()
