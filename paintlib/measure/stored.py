"""The tables that ship: measurements that take longer than a chapter may, each made by a command of this package."""

import json
from importlib.resources import files

from paintlib.checks import require


def stored(name):
    """A table by its name, "clocks_cifar10" say: what its command wrote, from JSON."""
    tables = files("paintlib.measure").joinpath("tables")
    known = sorted(file.name.removesuffix(".json") for file in tables.iterdir() if file.name.endswith(".json"))
    require(isinstance(name, str) and name in known, "table", repr(name), f"these ship: {', '.join(known)}")
    return json.loads(tables.joinpath(f"{name}.json").read_text("utf-8"))
