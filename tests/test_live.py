"""The panels: moved as a reader moves them, here with the installed ipywidgets.

On version 7.7.1, which Colab has:  uv venv old && uv pip install --python old ipywidgets==7.7.1 ipykernel matplotlib \\
    pillow array-api-compat pytest hypothesis && old/bin/python -m pytest tests/test_live.py
"""

import base64
import datetime
import html
import io
import json
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from paintlib import live

ROOT = Path(__file__).parents[1]


def dots(seed, steps):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot(np.random.default_rng(seed).standard_normal(steps), "o")
    return fig


def make(draw=dots, **options):
    return live.panel(draw, **{"alt": "{steps} dots from seed {seed}", "seed": (0, 999), "steps": [20, 50], **options})


def alt(panel):
    return re.search(r'alt="([^"]*)"', panel.picture)[1]


def test_the_still_is_a_picture_with_its_text_and_no_figure_is_left_open():
    panel = make()
    bundle = panel._repr_mimebundle_()
    assert alt(panel) == "20 dots from seed 0" and bundle["text/html"] == panel.picture
    code = re.search(r"base64,([^\"]+)", panel.picture)[1]
    assert Image.open(io.BytesIO(base64.b64decode(code))).size[0] > 100
    assert plt.get_fignums() == [] and bundle["text/plain"] == "live.panel: seed = 0, steps = 20"
    assert bundle[live.VIEW]["model_id"] == panel.box.model_id
    assert make().picture == make().picture, "the same values, the same bytes"


def test_moving_a_control_draws_anew_and_says_what_is_shown():
    panel = make()
    before = panel.shown.value
    panel.controls["seed"].value = 7
    assert alt(panel) == "20 dots from seed 7" and panel.shown.value == panel.picture != before
    panel.controls["steps"].value = 50
    assert alt(panel) == "50 dots from seed 7" and panel.status.value == ""


def test_an_error_is_shown_in_the_panel_and_the_last_picture_stays():
    def fails(seed, steps):
        if seed == 13:
            raise ValueError("no <b>luck</b>")
        return dots(seed, steps)

    panel = make(fails)
    before = panel.shown.value
    panel.controls["seed"].value = 13
    assert "ValueError: no &lt;b&gt;luck&lt;/b&gt;" in panel.status.value and 'role="alert"' in panel.status.value
    assert panel.shown.value == before and plt.get_fignums() == []
    panel.controls["seed"].value = 14
    assert panel.status.value == "" and panel.shown.value != before
    with pytest.raises(ValueError, match="no <b>luck"):
        make(fails, seed=(13, 20))


def test_progress_moves_the_bar_and_hides_it_at_the_end():
    seen = []

    def slow(seed, steps, progress):
        for n in range(3):
            progress(n + 1, 3)
            seen.append((panel.bar.value, panel.bar.max, panel.bar.layout.visibility) if panel else None)
        return dots(seed, steps)

    panel = None
    panel = make(slow)
    panel.controls["seed"].value = 1
    assert seen[3:] == [(1, 3, "visible"), (2, 3, "visible"), (3, 3, "visible")]
    assert panel.bar.layout.visibility == "hidden"


def test_texts_switches_and_fractions():
    panel = live.panel(
        lambda **values: json.dumps(values), alt="the values", word="a <cat>", loud=False, w=(1.0, 7.0, 3.0)
    )
    said = html.escape('{"word": "a <cat>", "loud": false, "w": 3.0}')
    assert panel.picture == f'<pre class="paint-live">{said}</pre>'
    panel.controls["loud"].value = True
    panel.controls["word"].value = "dog"
    panel.controls["w"].value = 4.5
    assert panel.values == {"word": "dog", "loud": True, "w": 4.5}


def uploaded(control, name, content):
    """What the browser hands over when a file is chosen, by the version of ipywidgets."""
    import ipywidgets

    about = {"name": name, "type": "image/png", "size": len(content)}
    if ipywidgets.__version__ < "8":
        control.set_trait("value", {name: {"metadata": about, "content": content}})
    else:
        control.value = (
            {**about, "content": memoryview(content), "last_modified": datetime.datetime.now(datetime.UTC)},
        )


def test_an_uploaded_picture_comes_square_and_small_and_no_picture_is_said_to_be_none():
    got = []

    def see(mine):
        got.append(mine)
        return "a text"

    panel = live.panel(see, alt="your picture", mine=live.Upload(8))
    file = io.BytesIO()
    Image.fromarray(np.full((30, 90, 3), (255, 0, 10), dtype=np.uint8)).save(file, format="PNG")
    uploaded(panel.controls["mine"], "red.png", file.getvalue())
    assert got[0] is None and got[1].shape == (8, 8, 3) and got[1].dtype == np.uint8
    assert got[1][3, 3].tolist() == [255, 0, 10] and repr(panel) == "live.panel: mine = your own"
    uploaded(panel.controls["mine"], "notes.txt", b"no picture")
    assert "picture: got 10 bytes that are no image" in panel.status.value


def test_without_ipywidgets_there_is_the_still(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    panel = make()
    assert set(panel._repr_mimebundle_()) == {"text/plain", "text/html"} and panel.controls == {}


@pytest.mark.parametrize(
    ("quantity", "options"),
    [
        ("draw", {"draw": 3}),
        ("draw", {"draw": lambda seed, steps: 3}),
        ("alt", {"alt": " "}),
        ("alt", {"alt": "from {speed}"}),
        ("seed", {"seed": (9, 0)}),
        ("seed", {"seed": (0, 9, 10)}),
        ("steps", {"steps": []}),
        ("steps", {"steps": 20}),
    ],
)
def test_bad_input_is_named(quantity, options):
    with pytest.raises(ValueError, match=f"^{quantity}: got"):
        make(**options)


def test_a_panel_needs_a_control():
    with pytest.raises(ValueError, match=r"^controls: got"):
        live.panel(dots, alt="nothing to move")


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_chapter_stores_a_widget_and_each_panel_stores_its_still(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"] and "vnd.jupyter.widget" not in json.dumps(notebook)
    for cell in notebook["cells"]:
        if re.search(r"^(live\.)?panel\(", "".join(cell["source"]), re.M):
            [output] = cell["outputs"]
            assert "".join(output["data"]["text/html"]).startswith(
                ('<img class="paint-live"', '<pre class="paint-live"')
            )


def test_running_a_chapter_stores_the_still_and_no_widget(tmp_path):
    import importlib.util

    nbformat = pytest.importorskip("nbformat")
    spec = importlib.util.spec_from_file_location("execute", ROOT / "book/tools/execute.py")
    execute = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(execute)
    code = "from paintlib import live\nlive.panel(lambda seed: str(seed), alt='a number', seed=(0, 9))"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), tmp_path / "x.ipynb")
    execute.execute(tmp_path / "x.ipynb")
    stored = (tmp_path / "x.ipynb").read_text(encoding="utf-8")
    assert "paint-live" in stored and "vnd.jupyter.widget" not in stored
