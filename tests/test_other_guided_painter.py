"""Chapter 16 with another pipeline behind the switch: the architecture of Stable Diffusion 1.5, narrow, random weights.

Every code cell runs, on fewer prompts and seeds. What a cell prints of a model must be true of the one it was given.
"""

import matplotlib as mpl
from test_other_model import run
from test_prompts_record import pipe, tokenizer  # noqa: F401  fixtures

from paintlib import networks
from paintlib.networks import pipelines

HUB = "stable-diffusion-v1-5/stable-diffusion-v1-5"
FEWER = {
    'MODEL = "emoji"': f'MODEL = "{HUB}"',
    'SEEDS, STEPS = "rocket, glossy 3d", 36, 16': 'SEEDS, STEPS = "rocket, glossy 3d", 28, 6',
    "FEW = 24": "FEW = 3",
    "LIVE = 5": "LIVE = 2",
    "latents(both_ways)": "latents(both_ways[::40])",
    "centres[[place, place + len(sheets)]]": "centres[:2]",
    "z[:8], 12": "z[:1], 4",
    '"PNDM", 7.5, few, noises, 100': '"PNDM", 7.5, few, noises, 60',
}


def test_chapter_16_runs_on_stable_diffusions_architecture(pipe, tmp_path, monkeypatch):  # noqa: F811
    before = pipe.scheduler
    pipe.save_pretrained(tmp_path)
    real = networks.load
    monkeypatch.setattr(networks, "load", lambda name, **more: real(tmp_path if name == HUB else name, **more))
    monkeypatch.setattr(pipelines, "load", lambda name: pipe)
    monkeypatch.setattr(mpl, "rcParams", mpl.rcParams.copy())
    mpl.use("Agg")
    try:
        printed = run("16", FEWER)
    finally:
        pipe.scheduler = before
    assert f"{HUB}: latents 8 x 8 x 4, D = 256" in printed
    assert "table of emoji" in printed, "the stored table names its own model"
