"""Pushes by time, strength, direction and guidance: what a row of the table says, and the table that ships."""

import json

import numpy as np
import pytest
from diffusers import DDIMScheduler
from test_prompts_record import TABLE, pipe, tokenizer  # noqa: F401  fixtures

from paintlib.measure import walks
from paintlib.networks import pipelines, prompts


@pytest.fixture
def few(monkeypatch):
    for name, value in {"STEPS": 4, "TIMES": (0, 2), "STRENGTHS": (1.0, 2.0), "GUIDANCE": (1.0,), "AXES": (1, 2),
                        "DIRECTIONS": ("PC1", "PC2", "random")}.items():  # fmt: skip
        monkeypatch.setattr(walks, name, value)


def test_a_row_is_the_painting_pushed_and_painted_on(few, pipe):  # noqa: F811
    before, pipe.scheduler = pipe.scheduler, DDIMScheduler(**TABLE, clip_sample=False)
    album = np.random.default_rng(0).uniform(size=(5, 64, 64, 3))

    def distance(a, b):
        return np.abs(a - b).mean((1, 2, 3))

    try:
        [row] = walks.rows(pipe, ["a cat"], album, lpips=distance)
        z, rng = pipelines.noise(pipe, 1, 15), np.random.default_rng(15)
        sign = rng.choice([-1.0, 1.0], size=3)
        whole = prompts.record(pipe, ["a cat"], 1.0, 4, z)
        guesses = whole.x0_hat[:-1, 0].astype(float)
        axis = np.linalg.svd(guesses - guesses.mean(0))[2][1]  # PC2, whose sign is free
        towards = np.sign(axis @ (guesses[-1] - guesses.mean(0)))
        x = whole.x[2] + np.float32(2.0 * sign[1] * towards) * axis.astype(np.float32)
        end = prompts.record(pipe, ["a cat"], 1.0, 4, x, start=2).x[-1]
    finally:
        pipe.scheduler = before
    assert np.shape(row["moved"]) == np.shape(row["lpips"]) == np.shape(row["other"]) == (3, 2, 2)
    assert row["moved"][1][1][1] == pytest.approx(np.linalg.norm(end - whole.x[-1]), rel=0.01)
    pictures = pipelines.decode(pipe, np.concatenate([end, whole.x[-1]]))
    assert row["lpips"][1][1][1] == pytest.approx(2 * np.abs(pictures[0] - pictures[1]).mean(), rel=0.02)


def test_nearest_is_that_of_numpys_correlations():
    rng = np.random.default_rng(1)
    album, pictures = rng.uniform(size=(6, 4, 4, 3)), rng.uniform(size=(3, 4, 4, 3))
    both = np.corrcoef(np.concatenate([pictures, album]).reshape(9, -1))[:3, 3:]
    assert walks.nearest(pictures, album).tolist() == both.argmax(1).tolist()
    assert walks.nearest(0.3 * album + 0.5, album).tolist() == list(range(6))


def test_the_table_that_ships_is_whole_and_an_unknown_one_is_refused():
    found = walks.stored("emoji")
    about = found["about"]
    shape = (about["prompts"], len(about["directions"]), len(about["times"]), len(about["strengths"]))
    for guidance in about["guidance"]:
        for measured in ("lpips", "moved", "other"):
            assert walks.table(found, measured, guidance).shape == shape
        assert np.all(walks.table(found, "moved", guidance) > 0)
    with pytest.raises(ValueError, match="guidance: got 2"):
        walks.table(found, "lpips", 2)
    with pytest.raises(ValueError, match="measured: got 'fid'"):
        walks.table(found, "fid", 1.0)
    with pytest.raises(ValueError, match="model: got 'mine'"):
        walks.stored("mine")


def test_the_command_writes_a_table(tmp_path, monkeypatch):
    scheduler = DDIMScheduler(**TABLE)
    monkeypatch.setattr(pipelines, "load", lambda name: type("P", (), {"scheduler": scheduler})())
    seen = {}

    def rows(_, asked, album):
        seen.update(asked=asked, album=album.shape)
        yield {"prompt": asked[0], "guidance": 1.0}

    monkeypatch.setattr(walks, "rows", rows)
    walks.main(["emoji", "--prompts", "3", "--out", str(tmp_path / "t.json")])
    made = json.loads((tmp_path / "t.json").read_text())
    assert len(seen["asked"]) == 3 and seen["album"] == (1195, 32, 32, 3)
    assert made["about"]["prompts"] == 1 and made["rows"] == [{"prompt": seen["asked"][0], "guidance": 1.0}]
