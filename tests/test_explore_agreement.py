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
