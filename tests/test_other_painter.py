"""Chapters 14 to 16 with another pipeline behind the switch: the architecture of Stable Diffusion 1.5, narrow, random.

Every code cell runs, on fewer prompts and seeds. What a cell prints of a model must be true of the one it was given.
"""

import matplotlib as mpl
import pytest
from test_other_model import run
from test_prompts_record import pipe, tokenizer  # noqa: F401  fixtures

from paintlib import networks
from paintlib.networks import pipelines

HUB = "stable-diffusion-v1-5/stable-diffusion-v1-5"
FEWER = {
    "14": {
        "not in networks.shipped()": "is None",
        "SEEDS = 3": "SEEDS = 2",
        "FIT, TEST = 56, 12": "FIT, TEST = 12, 4",
        "TURNS = [2, 5, 8, 11, 13]": "TURNS = [2, 13]",
        "range(1, STEPS, 2)": "range(1, STEPS, 7)",
        "for row in drawings.images]": "for row in drawings.images[:12]]",
        "min(D, 300)": "50",
        "six, w, 50, seed=1": "six, w, 20, seed=1",
    },
    "15": {
        "STEPS, bar = H * W * channels, 16, MODEL not in networks.shipped()": "STEPS, bar = H * W * channels, 7, False",
        '"lobster", "giraffe", "snake",\n         "monkey face", "bird", "anchor", "banana", "penguin", "violin", "owl"]': "]",  # noqa: E501
        "astype(float), 10)": "astype(float), 5)",
        "LENGTH, TIMES = 2.0 * UNIT, (0, 6, 12)": "LENGTH, TIMES = 2.0 * UNIT, (0, 2, 5)",
        '"rocket, glossy 3d", (0, 3, 6, 9, 12)': '"rocket, glossy 3d", (0, 1, 2, 4, 5)',
        "FAR, EARLY, LATE = 6.0 * UNIT, 3, 12": "FAR, EARLY, LATE = 6.0 * UNIT, 1, 5",
        'kappas[n] for n in about["times"]': 'kappas[n // 3] for n in about["times"]',
        '"panda, black ink", 40, 12, 6': '"panda, black ink", 5, 3, 2',
        "for n in (0, 6, 12)": "for n in (0, 2, 5)",
        "np.linspace(0, 1, 7), range(6)": "np.linspace(0, 1, 7), range(2)",
        "names[i + 6]": "names[i + 2]",
        "names[3:9]": "names[3:5]",
        "pipelines.noise(pipe, 6, seed=30)": "pipelines.noise(pipe, 2, seed=30)",
    },
    "16": {
        'SEEDS, STEPS = "rocket, glossy 3d", 36, 16': 'SEEDS, STEPS = "rocket, glossy 3d", 28, 6',
        "FEW = 24": "FEW = 3",
        "LIVE = 5": "LIVE = 2",
        "latents(both_ways)": "latents(both_ways[::40])",
        "centres[[place, place + len(sheets)]]": "centres[:2]",
        "z[:8], 12": "z[:1], 4",
        '"PNDM", 7.5, few, noises, 100': '"PNDM", 7.5, few, noises, 60',
    },
}
TABLES = {"14": "the paper's SD 1.5", "15": "emoji, 16 prompts", "16": "table of emoji"}  # name what they are of


@pytest.mark.parametrize("chapter", FEWER)
def test_a_chapter_runs_on_stable_diffusions_architecture(chapter, pipe, tmp_path, monkeypatch):  # noqa: F811
    before, real = pipe.scheduler, networks.load
    pipe.save_pretrained(tmp_path)
    monkeypatch.setattr(networks, "load", lambda name, **more: real(tmp_path if name == HUB else name, **more))
    monkeypatch.setattr(pipelines, "load", lambda name: pipe)
    monkeypatch.setattr(mpl, "rcParams", mpl.rcParams.copy())
    mpl.use("Agg")
    try:
        printed = run(chapter, FEWER[chapter] | {'MODEL = "emoji"': f'MODEL = "{HUB}"'})
    finally:
        pipe.scheduler = before
    assert f"{HUB}: latents 8 x 8 x 4, D = 256" in printed
    assert TABLES[chapter] in printed
