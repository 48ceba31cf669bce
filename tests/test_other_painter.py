"""Chapter 15 with another pipeline behind the switch: the architecture of Stable Diffusion 1.5, narrow, random weights.

Every code cell runs, on fewer prompts and seeds. What a cell prints of a model must be true of the one it was given.
"""

import matplotlib as mpl
from test_other_model import run
from test_prompts_record import pipe, tokenizer  # noqa: F401  fixtures

from paintlib.networks import pipelines

HUB = "stable-diffusion-v1-5/stable-diffusion-v1-5"
FEWER = {
    'MODEL = "emoji"': f'MODEL = "{HUB}"',
    "STEPS, bar = H * W * channels, 16": "STEPS, bar = H * W * channels, 14",
    '"snake",\n         "monkey face", "bird", "anchor", "banana", "penguin", "violin", "owl"]': '"snake"]',
    "FIT, TEST, MID = \"panda, black ink\", 40, 12, 6": "FIT, TEST, MID = \"panda, black ink\", 5, 3, 6",
    "np.linspace(0, 1, 7), range(6)": "np.linspace(0, 1, 7), range(2)",
    "names[3:9]": "names[3:5]",
    'z_style = pipelines.noise(pipe, 6, seed=30)': 'z_style = pipelines.noise(pipe, 2, seed=30)',
}  # fmt: skip


def test_chapter_15_runs_on_stable_diffusions_architecture(pipe, monkeypatch):  # noqa: F811
    monkeypatch.setattr(pipelines, "load", lambda name: pipe)
    monkeypatch.setattr(mpl, "rcParams", mpl.rcParams.copy())
    mpl.use("Agg")
    before = pipe.scheduler
    try:
        printed = run("15", FEWER)
    finally:
        pipe.scheduler = before
    assert f"{HUB}: latents 8 x 8 x 4, D = 256; pictures 64 pixels wide" in printed
    assert "emoji: " in printed, "the stored table names its own model"
