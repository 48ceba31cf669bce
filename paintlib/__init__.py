"""paintlib: the analytical theory of *Outline First, Details Later*, one noun of the theory per module.

`import paintlib` loads no module yet; `paintlib.gaussian.Gaussian` loads what it needs.
"""

from importlib import import_module
from pkgutil import iter_modules

__version__ = "0.1.0"

_ROOMS = sorted(module.name for module in iter_modules(__path__))


def __getattr__(name):
    if name in _ROOMS:
        return import_module(f"paintlib.{name}")
    raise AttributeError(f"paintlib has no module {name!r}; it has {', '.join(_ROOMS)}")


def __dir__():
    return sorted([*globals(), *_ROOMS])
