"""What the package's commands have in common: what cannot be done is said in a sentence, and before the work begins."""

import sys
from functools import wraps

import numpy as np

from paintlib.checks import path, require
from paintlib.data.fetch import UNREADABLE


def in_words(main):
    """The same command, which ends in the words of an error instead of its traceback."""

    @wraps(main)
    def told(*arguments):
        try:
            return main(*arguments)
        except (ValueError, OSError) as error:
            sys.exit(str(error))

    return told


def output(file):
    """The path of a file to write, in a folder that is there."""
    file = path("out", file)
    fits = file.parent.is_dir() and not file.is_dir()
    require(fits, "out", repr(str(file)), "give a file's name in a folder that is there")
    return file


def folder(quantity, value, remedy="give a folder that is there"):
    """The path of a folder that is there."""
    value = path(quantity, value)
    require(value.is_dir(), quantity, repr(str(value)), remedy)
    return value


def made(quantity, value):
    """The path of a folder, which is made if it is not there."""
    value = path(quantity, value)
    try:
        value.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{quantity}: got {str(value)!r} ({error}); give a folder that can be made") from error
    return value


def known(quantity, file, remedy):
    """The array in an .npy file."""
    try:
        return np.load(path(quantity, file), allow_pickle=False)
    except UNREADABLE as error:
        raise ValueError(f"{quantity}: got {file!r}, no whole .npy file ({error}); {remedy}") from error
