"""A panel of controls for what only a kernel can do, and a still of it for pages that have none.

    live.panel(draw, alt="A painting from seed {seed} in {steps} steps", seed=(0, 999), steps=[20, 50])

In a running notebook the output is the controls, and below them what `draw(seed=..., steps=...)` returns. On the
website, in a saved notebook and on paper it is the first drawing alone, a picture with its alternative text. Both
travel in one output, and the reader's program takes what it can show. Works with ipywidgets 7.7.1 and 8; without it
there is the still. (JupyterLab 4 shows no widget of ipywidgets 7: there `pip install "ipywidgets>=8"`.)
"""

import base64
import html
import inspect
import io
import math
from collections.abc import Hashable
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from paintlib import given
from paintlib.checks import require

VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Upload:
    """A control that takes a picture of the reader's: `draw` gets it as (size, size, 3), uint8, or None at first."""

    size: int = 32

    def __post_init__(self):
        given.count("size", self.size, 1, 4096)


def panel(draw, alt, **controls):
    """A `Panel`: the controls, and what `draw` returns for their values.

    draw: takes the controls by name and returns a matplotlib figure, or a text that is shown as it stands; if it has a
    parameter `progress`, it gets a function to be called as progress(done, of). An error in it is shown in the panel.
    alt: what one sees, for those who cannot see it; the names of controls in braces stand for their values.
    controls: (low, high) a slider, of whole numbers if both are; (low, high, start) the same with a start; a list of
    choices; a text; True or False; `live.Upload()`. A panel begins with low, and with the first of the choices.
    """
    require(callable(draw), "draw", repr(draw), "give a function of the controls")
    require(isinstance(alt, str) and alt.strip(), "alt", alt, "say in a sentence what one sees")
    require(controls, "controls", controls, "give one or more, such as seed=(0, 999)")
    values = {name: _start(name, spec) for name, spec in controls.items()}
    taken, named = _parameters(draw), ", ".join(values)
    require(taken is None or _takes(draw, values), "draw", f"parameters {taken}", f"let it take {named}")
    try:
        alt.format(**values)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        require(False, "alt", alt, f"name in braces what there is: {named}")
    return Panel(draw, alt, controls, values)


class Panel:
    """The controls by name in `.controls` (empty without ipywidgets), their `.values`, and the `.picture`, as HTML."""

    def __init__(self, draw, alt, specs, values):
        self.draw, self.alt, self.specs, self.values = draw, alt, specs, values
        self.tells = "progress" in (_parameters(draw) or []) and "progress" not in specs
        self.controls, self.box = {}, None
        self.picture = self._drawn(lambda done, of: None)  # an error in the first drawing is the cell's own
        try:
            import ipywidgets
        except ImportError:
            return
        self._build(ipywidgets)

    def _build(self, w):
        self.controls = {name: _control(w, name, spec, self.values[name]) for name, spec in self.specs.items()}
        self.status, self.shown = w.HTML(), w.HTML(value=self.picture)
        self.bar = w.IntProgress(min=0, max=1, layout=w.Layout(width="12em", visibility="hidden"))
        row = w.Box(list(self.controls.values()), layout=w.Layout(flex_flow="row wrap"))
        self.box = w.VBox([row, w.HBox([self.bar, self.status]), self.shown])
        for control in self.controls.values():
            control.observe(self._changed, names="value")

    def _changed(self, _):
        self.status.value = '<span role="status">drawing …</span>'
        try:
            self.values = {name: _value(control, self.specs[name]) for name, control in self.controls.items()}
            self.picture = self._drawn(self._progress)
        except Exception as error:  # whatever a reader's function does, the panel goes on
            said = html.escape(f"{type(error).__name__}: {error}")
            self.status.value = f'<span role="alert"><b>This could not be drawn.</b> {said}</span>'
        else:
            self.shown.value, self.status.value = self.picture, ""
        self.bar.layout.visibility = "hidden"

    def _progress(self, done, of):
        self.bar.max, self.bar.value = of, done
        self.bar.layout.visibility = "visible"

    def _drawn(self, progress):
        """What `draw` makes of the present values, as HTML."""
        told = {"progress": progress} if self.tells else {}
        made = self.draw(**self.values, **told)
        if isinstance(made, str):
            return f'<pre class="paint-live">{html.escape(made)}</pre>'
        require(hasattr(made, "savefig"), "draw", type(made).__name__, "let it return a figure, or a text")
        file = io.BytesIO()
        made.savefig(file, format="png", dpi=120, bbox_inches="tight")
        _close(made)
        alt = html.escape(self.alt.format(**self._named()), quote=True)
        code = base64.b64encode(file.getvalue()).decode("ascii")
        return f'<img class="paint-live" alt="{alt}" style="max-width: 100%" src="data:image/png;base64,{code}">'

    def _named(self):
        """The values, each short enough for a sentence."""
        return {name: "your own" if isinstance(value, np.ndarray) else value for name, value in self.values.items()}

    def __repr__(self):
        return f"live.panel: {', '.join(f'{name} = {value}' for name, value in self._named().items())}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": repr(self), "text/html": self.picture}
        if self.box is not None:
            bundle[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return bundle


def _parameters(draw):
    """The names of a function's parameters; None where Python cannot tell them."""
    try:
        return list(inspect.signature(draw).parameters)
    except ValueError:
        return None


def _takes(draw, values):
    """Whether a function can be called with these values, and `progress` if it asks for it."""
    told = {"progress": None} if "progress" in _parameters(draw) else {}
    try:
        inspect.signature(draw).bind(**told | values)
    except TypeError:
        return False
    return True


def _start(name, spec):
    """The value that a control begins with."""
    if isinstance(spec, tuple):
        numbers = len(spec) in (2, 3) and all(isinstance(v, Real) and math.isfinite(v) for v in spec)
        fits = numbers and spec[0] < spec[1] and spec[0] <= spec[-1] <= spec[1]
        require(fits, name, spec, "give (low, high), or (low, high, start) with the start between them")
        return spec[0] if len(spec) == 2 else spec[2]
    if isinstance(spec, list):
        remedy = "give one choice or more, each a number, a text or an object"
        require(spec and all(map(_may_be_chosen, spec)), name, spec, remedy)
        return spec[0]
    if isinstance(spec, Upload):
        return None
    require(isinstance(spec, str | bool), name, spec, "give (low, high), a list, a text, True, False or live.Upload()")
    return spec


def _may_be_chosen(value):
    """Whether a menu can hold this: no pair, which would be a label and a value, no array and no NaN."""
    plain = isinstance(value, Hashable) and not isinstance(value, tuple) and getattr(value, "ndim", 0) == 0
    return plain and not (isinstance(value, Real) and math.isnan(value))


def _control(w, name, spec, start):
    words = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
    if isinstance(spec, tuple):
        whole = all(isinstance(v, Integral) for v in spec)
        kind, step = (w.IntSlider, 1) if whole else (w.FloatSlider, (spec[1] - spec[0]) / 100)
        return kind(value=start, min=spec[0], max=spec[1], step=step, continuous_update=False, **words)
    if isinstance(spec, list):
        return w.Dropdown(options=spec, value=start, **words)
    if isinstance(spec, Upload):
        return w.FileUpload(accept="image/*", multiple=False, description=words["description"])
    if isinstance(spec, bool):
        return w.Checkbox(value=start, **words)
    return w.Text(value=start, continuous_update=False, **words)


def _value(control, spec):
    """The value of a control; of an upload the picture, or None."""
    if not isinstance(spec, Upload):
        return control.value
    files = list(control.value.values() if isinstance(control.value, dict) else control.value)  # ipywidgets 7, 8
    return picture(bytes(files[-1]["content"]), spec.size) if files else None


def picture(content, size):
    """The middle square of an image file's bytes, as (size, size, 3), uint8."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    require(
        isinstance(content, bytes | bytearray | memoryview), "content", type(content).__name__, "give a file's bytes"
    )
    size = given.count("size", size, 1, 4096)
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"picture: got {len(content)} bytes that are no image; give a PNG or a JPEG") from error
    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BOX))


def _close(figure):
    """Take a figure from pyplot, so that the notebook does not show it a second time."""
    from matplotlib import pyplot

    pyplot.close(figure)
