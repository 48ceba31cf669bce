"""A reader's function, put to the test: whatever it does, the test goes on, and what follows is not disturbed."""

import copy
import inspect
import io
import random
import sys
import warnings
from contextlib import contextmanager, redirect_stdout

import numpy as np

from paintlib.check.forms import Wrong


class Attempt:
    """The answer `function`, called with copies of its arguments.

    An exception in it becomes a `Wrong` that names the exception and the input. What it prints is not shown; the
    settings and random generators that it changed are restored. `used` holds the names of the functions in `own`, those
    that the reader is to write, which did the work instead.
    """

    def __init__(self, function, own=()):
        self.function, self.own, self.used = function, {inspect.unwrap(f).__code__: f for f in own}, set()

    def __call__(self, *arguments):
        given = [_copy(argument) for argument in arguments]
        try:
            with _undisturbed(), self._watched():
                return _copy(_done(self.function(*given)))
        except ZeroDivisionError:
            raise Wrong(f"{self._where(arguments)} your function divides by zero") from None
        except (Exception, SystemExit) as error:
            said = f": {error}".strip().split("\n")[0].rstrip(": ")
            where, kind = self._where(arguments), type(error).__name__
            raise Wrong(f"{where} your function stops with {kind}{said}") from None

    @contextmanager
    def _watched(self):
        before = sys.getprofile()

        def see(frame, event, _):
            if event == "call" and frame.f_code in self.own:
                self.used.add(self.own[frame.f_code].__qualname__)

        if self.own:
            sys.setprofile(see)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _where(self, arguments):
        """The input in words: "At lam = 1, level = Level(alpha=0.8, sigma=0.6)"."""
        try:
            named = inspect.signature(self.function).bind(*arguments).arguments
            words = [f"{name} = {_say(value)}" for name, value in named.items()]
        except (TypeError, ValueError):  # it takes other arguments, or does not say which
            words = [_say(value) for value in arguments]
        return "At " + ", ".join(words) if words else "Without arguments"


def _say(value):
    """An input, briefly."""
    if hasattr(value, "alpha") and hasattr(value, "sigma"):
        return f"{type(value).__name__}(alpha={_say(value.alpha)}, sigma={_say(value.sigma)})"
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return f"a {type(value).__name__}"
    if array.size > 4:
        return f"an array of shape {array.shape}"
    return f"{array.item():.6g}" if array.ndim == 0 else str(array.round(4).tolist())


def _done(value):
    """What is worked out only when it is read, a generator or a map, read to its end."""
    value = list(value) if hasattr(value, "__next__") else value
    return type(value)(map(_done, value)) if type(value) in (list, tuple) else value


def _copy(value):
    try:
        return copy.deepcopy(value)
    except Exception:  # a generator, a lock, a tensor amid a graph: handed on as it is
        return value


@contextmanager
def _undisturbed():
    torch = sys.modules.get("torch")
    plain, numpy = random.getstate(), np.random.get_state()
    torch_state = (torch.get_rng_state(), torch.get_default_dtype()) if torch else None
    try:
        with np.errstate(), np.printoptions(), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(numpy)
        if torch_state:
            torch.set_rng_state(torch_state[0])
            torch.set_default_dtype(torch_state[1])
