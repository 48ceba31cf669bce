"""Chapters 09 to 13 with another network behind the switch: MODEL is a name on the hub, what comes is a small stand-in.

Every code cell runs, on few seeds. What a cell prints must be true of the network that it was given.
"""

import contextlib
import io
import json
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch

from paintlib import networks

ROOT = Path(__file__).parents[1]
HUB = "google/ddpm-cifar10-32"
FEWER = {"09": {"SEEDS = 24": "SEEDS = 10", "times=320": "times=20"}, "10": {"seeds=8": "seeds=4"}, "11": {},
         "12": {"many=60": "many=4"}, "13": {"placed(lam, n, rule)": "placed(lam[:20], n, rule)"}}  # fmt: skip


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A random network of another size than those that ship, in a folder as the hub would give it."""
    import diffusers

    torch.manual_seed(0)
    blocks = dict(down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2)
    net = diffusers.UNet2DModel(32, 3, 3, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, **blocks)
    folder = tmp_path_factory.mktemp("hub")
    diffusers.DDPMPipeline(net, diffusers.DDPMScheduler()).save_pretrained(folder)
    return folder, sum(p.numel() for p in net.parameters()) / 1e6


def run(chapter, edits):
    """Run all code cells of a chapter in one namespace; returns what they print."""
    cells = json.loads(next(ROOT.glob(f"chapters/{chapter}_*.ipynb")).read_text(encoding="utf-8"))["cells"]
    printed, names = io.StringIO(), {}
    sources = "".join("".join(cell["source"]) for cell in cells)
    assert all(old in sources for old in edits), "the chapter has changed: an edit finds nothing"
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            for old, new in edits.items():
                source = source.replace(old, new)
            with contextlib.redirect_stdout(printed):
                exec(compile(source, f"chapter {chapter}, cell {number}", "exec"), names)
            plt.close("all")
    return printed.getvalue()


@pytest.mark.parametrize("chapter", ["09", "10", "11", "12", "13"])
def test_a_chapter_tells_the_truth_of_another_network(chapter, stand_in, monkeypatch):
    folder, million = stand_in
    real, instead = networks.load, {HUB: str(folder)}
    if chapter != "11":  # whose clothes are held against the run that is kept of them
        instead["fashion-mnist"] = "fashion-mnist-tiny-3200"
    monkeypatch.setattr(networks, "load", lambda name, **more: real(instead.get(name, name), **more))
    monkeypatch.setattr(mpl, "rcParams", mpl.rcParams.copy())
    mpl.use("Agg")
    printed = run(chapter, FEWER[chapter] | {'MODEL = "cifar10"': f'MODEL = "{HUB}"'})
    assert HUB in printed and "cifar10," not in printed
    if chapter in ("09", "10"):
        assert f"{million:.1f} million weights" in printed
    if chapter == "09":
        assert "not the book's" in printed
    if chapter == "13":  # live lines name the network that painted; those of a table, the network that ships
        painted = [line for line in printed.splitlines() if "evaluations of DDIM" in line]
        assert len(painted) == 7 and all(line.startswith(HUB) for line in painted)
    if chapter in ("12", "13"):
        assert "the network that ships for cifar10:" in printed
    if chapter == "11":
        photos = next(line for line in printed.splitlines() if "exact score late'" in line)
        assert "UNDECIDED on this sample" in photos, "without a full run there is no verdict on the exact score"
