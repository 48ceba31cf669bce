"""What is stored of a run: sharp figures in few bytes."""

import base64
import importlib.util
import io
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("execute", ROOT / "book/tools/execute.py")
execute = importlib.util.module_from_spec(spec)
spec.loader.exec_module(execute)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float)


def written(picture, **options):
    out = io.BytesIO()
    picture.save(out, "PNG", **options)
    return out.getvalue()


def test_a_drawing_becomes_light_and_looks_the_same():
    figure = Figure(dpi=192)
    figure.subplots().plot(np.sin(np.linspace(0, 20, 300)))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    png = buffer.getvalue()
    small = execute.light(png)
    assert len(small) < 0.6 * len(png)
    assert pixels(small).shape == pixels(png).shape
    assert np.sqrt(np.mean((pixels(small) - pixels(png)) ** 2)) < 1
    assert Image.open(io.BytesIO(small)).info["dpi"] == pytest.approx((192, 192), abs=0.1)


def test_a_picture_of_many_colours_keeps_every_third_level():
    colours = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    png = written(Image.fromarray(colours))
    small = execute.light(png)
    assert len(small) < 0.95 * len(png)
    np.testing.assert_allclose(pixels(small), colours, atol=1)
    assert execute.light(small) == small, "made light once, it stays as it is"


def test_a_notebook_is_run_at_two_pixels_a_point_and_stored_light(tmp_path):
    source = """
import matplotlib.pyplot as plt
from paintlib import plots
plots.use_style()
plt.plot([0, 1]);"""
    path = tmp_path / "one.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(notebook, path)
    execute.execute(path)
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    png = base64.b64decode(output.data["image/png"])
    size = output.metadata["image/png"]
    assert pixels(png).shape[:2] == pytest.approx((2 * size["height"], 2 * size["width"]), abs=1)
    assert Image.open(io.BytesIO(png)).mode == "P"
