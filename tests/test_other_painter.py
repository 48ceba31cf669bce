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
    assert "emoji, 16 prompts" in printed, "the stored table names its own model"
