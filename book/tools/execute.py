"""Run chapters from top to bottom and store their outputs, as the site shows them.

.venv/bin/python book/tools/execute.py                            all chapters
.venv/bin/python book/tools/execute.py chapters/04_*.ipynb        some
"""

import base64
import io
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def light(png):
    """The same picture in fewer bytes: the lightest form that differs by less than one level of 255. Resolution stays.

    Drawings are stored in 256 colours, photographs in every third level of red, green and blue. The difference is the
    root mean square over all pixels; a third level's is below 0.82.
    """
    picture = Image.open(io.BytesIO(png))
    full = picture.convert("RGB")
    few = full.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    third = full.point([3 * round(level / 3) for level in range(256)] * 3)
    forms = [png]
    for form in (few, third):
        off = np.subtract(form.convert("RGB"), full, dtype=float)
        if np.sqrt(np.mean(off**2)) < 1:
            out = io.BytesIO()
            form.save(out, "PNG", optimize=True, dpi=picture.info.get("dpi", (96, 96)))
            forms.append(out.getvalue())
    return min(forms, key=len)


def lighten(notebook):
    """Put the light form of each picture in the place of what the kernel sent."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        data = output.get("data", {})
        if "image/png" in data:
            data["image/png"] = base64.b64encode(light(base64.b64decode(data["image/png"]))).decode("ascii")


def execute(path):
    """Run one chapter; nothing is written if a cell fails. Returns the seconds that it took."""
    started = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    options = {"timeout": 300, "record_timing": False, "coalesce_streams": True, "store_widget_state": False}
    NotebookClient(notebook, **options).execute()
    lighten(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):  # no page answers a widget: what stays is the still in the same output
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    # the version of Python is the machine's, not the chapter's
    notebook.metadata.get("language_info", {}).pop("version", None)
    nbformat.write(notebook, path)
    return time.monotonic() - started


if __name__ == "__main__":
    for path in sys.argv[1:] or sorted(ROOT.glob("chapters/*.ipynb")):
        print(f"{Path(path).name}: {execute(path):.0f} s", flush=True)
