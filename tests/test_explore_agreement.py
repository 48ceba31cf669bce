"""The interactive of chapter 18: the page shows the pictures that it was given, and says how far apart they are."""

import base64
import json
import subprocess
from importlib.resources import files

import numpy as np
import pytest
from test_explore import node, payload
from test_explore import test_a_fragment_stands_alone as stands_alone

from paintlib import explore

RNG = np.random.default_rng(0)
PAINTERS = {
    "Gaussians": ((10, 100, 1000), RNG.integers(0, 256, (3, 2, 4, 5, 6), dtype=np.uint8), (0.4, 0.1, 0.01)),
    "networks": ((64, 30_000), RNG.integers(0, 256, (2, 2, 4, 5, 6), dtype=np.uint8), (0.3, 0.03)),
}


def javascript(expression, data):
    source = files("paintlib.explore").joinpath("agreement.js").read_text("utf-8")
    read = 'const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
    program = f"{source}\n{read}\nconsole.log(JSON.stringify({expression}));"
    run = subprocess.run([node(), "-e", program], input=json.dumps(data), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_page_finds_each_picture_and_measures_the_difference():
    data = payload(explore.agreement(PAINTERS))
    assert data["noises"] == 4 and [k["name"] for k in data["kinds"]] == list(PAINTERS)
    for kind, (counts, pictures, apart) in zip(data["kinds"], PAINTERS.values(), strict=True):
        assert kind["counts"] == list(counts) and kind["apart"] == list(apart)
        asked = [(c, who, s) for c in range(len(counts)) for who in (0, 1) for s in range(4)]
        bytes_ = list(base64.b64decode(kind["data"]))
        found = javascript(
            "data.asked.map(([c, w, s]) => [...pictureOf(Uint8Array.from(data.bytes), [5, 6], 4, c, w, s)])",
            {"bytes": bytes_, "asked": asked},
        )
        np.testing.assert_array_equal(found, [pictures[c, w, s].ravel() for c, w, s in asked])
    a, b = (PAINTERS["networks"][1][0, who, 0].ravel() for who in (0, 1))
    seen = javascript("difference(data.a, data.b)", {"a": a.tolist(), "b": b.tolist()})
    assert seen == pytest.approx(np.sqrt(np.mean((a.astype(float) - b) ** 2)) / 255)


def test_on_the_page_the_numbers_are_those_of_numpy(browser):
    """Every kind, number of pictures and noise: how far apart in the words, the canvases by their pixels."""
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    errors = []
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.set_content(f"<main>{explore.agreement(PAINTERS)._repr_html_()}</main>")
    words, output, canvases = tab.locator(".paint-words"), tab.locator("[data-output]"), tab.locator("canvas")
    grey = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, n) => n % 4 == 0)"
    for k, (name, (counts, pictures, apart)) in enumerate(PAINTERS.items()):
        tab.get_by_role("button", name=name).click()
        for c, s in ((0, 0), (len(counts) - 1, 3), (len(counts) - 1, 0)):
            tab.get_by_label("Pictures in each album:").fill(str(c))
            while not output.get_attribute("data-state").endswith(f"noise={s}"):
                tab.get_by_role("button", name="Another noise").click()
            assert output.get_attribute("data-state") == f"kind={k} album={c} noise={s}"
            a, b = pictures[c, :, s].astype(float)
            said = words.text_content()
            assert (
                said.startswith(f"{name} with {counts[c]:,} pictures each") and f"they are {apart[c]:g} apart" in said
            )
            assert f"differ by {100 * np.sqrt(np.mean((a - b) ** 2)) / 255:.0f} %" in said
            np.testing.assert_allclose([canvases.nth(n).evaluate(grey) for n in (0, 1)], [a.ravel(), b.ravel()], atol=1)
    tab.get_by_role("button", name="Reset").click()
    assert output.get_attribute("data-state") == "kind=1 album=0 noise=0"
    assert errors == [] and tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.close()


def test_a_fragment_stands_alone():
    stands_alone([explore.agreement(PAINTERS)])


@pytest.mark.parametrize(
    ("quantity", "painters"),
    [
        ("painters", {}),
        ("counts of x", {"x": ((10, 5), PAINTERS["networks"][1], (0.3, 0.1))}),
        ("pictures of x", {"x": ((10, 50), PAINTERS["networks"][1][:1], (0.3, 0.1))}),
        ("apart of x", {"x": ((10, 50), PAINTERS["networks"][1], (0.3, 0.0))}),
        ("pictures", {"x": PAINTERS["networks"], "y": ((1, 2), PAINTERS["networks"][1][:, :, :3], (0.3, 0.1))}),
    ],
)
def test_bad_input_is_named(quantity, painters):
    with pytest.raises(ValueError, match=rf"^{quantity}: got"):
        explore.agreement(painters)
