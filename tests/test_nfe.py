"""Quality against evaluations: the same numbers with one process and two, resumed, and honest intervals."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from paintlib.gaussian import Gaussian
from paintlib.measure import nfe

SMALL = ["fashion-mnist", "--metric", "pca", "--methods", "ddim", "--steps", "2", "4", "--skips", "0", "2",
         "--samples", "12", "--batch", "3", "--repeats", "4"]  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as `accelerate launch` has it: two threads add up in another order
    nfe.main([*SMALL, "--out", str(folder)])
    yield folder
    torch.set_num_threads(threads)


def test_a_row_names_what_it_is_of_and_counts_the_evaluations(alone):
    rows = json.loads((alone / "table.json").read_text())["rows"]
    assert [row["nfe"] for row in rows] == [2, 4, 2] and [row["skip"] for row in rows] == [0, 0, 2]
    assert [set(row["minus"]) for row in rows] == [set(), set(), {"ddim-4-0", "ddim-2-0"}]
    difference, low, high = rows[2]["minus"]["ddim-4-0"]
    assert low < difference < high and difference == pytest.approx(rows[2]["value"] - rows[1]["value"], abs=2e-4)
    for row in rows:
        assert row["samples"] == 12 and row["seed"] == 0 and row["model"] == "fashion-mnist" and row["hardware"]
        assert row["low"] < row["value"] < row["high"]


def test_two_processes_give_the_numbers_of_one(alone, tmp_path):
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2",
              "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
              "-m", "paintlib.measure.nfe"]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([*launch, *SMALL, "--out", str(tmp_path)], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads((tmp_path / "table.json").read_text()) == json.loads((alone / "table.json").read_text())


def test_a_stopped_table_goes_on_where_it_was(alone, monkeypatch, capsys):
    chunks = sorted(alone.glob("*.npz"))
    before = (alone / "table.json").read_bytes()
    chunks[2].unlink()
    painted, real = [], nfe.painted
    monkeypatch.setattr(nfe, "painted", lambda *given: painted.append(given[2]) or real(*given))
    nfe.main([*SMALL, "--out", str(alone)])
    assert len(painted) == 1 and (alone / "table.json").read_bytes() == before


def test_the_interval_covers_as_often_as_it_says():
    """Half-samples of 400 give the standard error of the distance at 400: against 200 new samples of that size."""
    rng, true = np.random.default_rng(0), Gaussian(np.zeros(3), np.eye(3), np.array([4.0, 1.0, 0.3]))

    def distance(features):
        return float(np.sum(features.mean(0) ** 2))

    values = [distance(true.sample(rng.normal(size=(400, 3))) + 1.0) for _ in range(300)]
    features = true.sample(rng.normal(size=(400, 3))) + 1.0
    value, low, high = nfe.interval(nfe.halved(distance, features, rng, 200))
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(values), rel=0.25) and low < value < high


def test_a_paired_difference_is_surer_than_two_distances():
    """Its error is that of 300 repetitions; what both cells have in common is not in it."""
    rng = np.random.default_rng(1)

    def distance(features):
        return float(np.sum(features.mean(0) ** 2))

    def two():
        common, own = rng.normal(size=(200, 3)) + 1.0, rng.normal(size=(2, 200, 3)) / 10
        return common + own[0] + 0.2, common + own[1]

    values = [distance(a) - distance(b) for a, b in (two() for _ in range(300))]
    first, second = (nfe.halved(distance, cell, np.random.default_rng(3), 200) for cell in two())
    _, low, high = nfe.interval(first - second)
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(values), rel=0.25) and low < np.mean(values) < high
    assert high - low < 0.5 * np.subtract(*nfe.interval(first)[:0:-1])


def test_the_floor_is_the_distance_of_real_pictures_from_real_pictures():
    features = np.random.default_rng(2).standard_normal((90, 3)).astype(np.float32)
    floor = nfe._floor(features, 30)
    (a, A), (b, B) = ((part.mean(0), np.cov(part, rowvar=False)) for part in (features[:30], features[30:]))
    eigenvalues = np.linalg.eigvals(A @ B).real  # of the product: their roots add up to the trace of its root
    assert floor["value"] == pytest.approx(
        np.sum((a - b) ** 2) + np.trace(A + B) - 2 * np.sqrt(eigenvalues).sum(), abs=1e-4
    )
    assert floor["what"] == "FID of 30 training pictures against 60 others"
    assert nfe._floor(features, 80) == nfe._floor(features, 45)  # half against half


@pytest.mark.parametrize(
    ("change", "word"),
    [(["--samples", "10"], "samples: got 10"), (["--metric", "fid"], "reference: got None"),
     (["--methods", "euler"], "method: got 'euler'")],
)  # fmt: skip
def test_bad_input_is_named(change, word, tmp_path):
    with pytest.raises(SystemExit, match=word):
        nfe.main([*SMALL, *change, "--out", str(tmp_path)])
