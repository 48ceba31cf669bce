"""The same promise as in `test_anything`, where trainings and commands begin, before hours are spent.

Whatever is asked: the work begins, or words say which quantity cannot be, what came and what to do.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_anything import BAD, WRONG, explained
from test_anything_else import SAYS
from tries import tries

from paintlib import data, networks
from paintlib.data import emoji
from paintlib.measure import __main__ as measure
from paintlib.measure import clocks, guidance, lists, nfe, proxies, walks
from paintlib.networks import pipelines
from paintlib.train import __main__ as train
from paintlib.train import judge, latents, loop, prompts, recipes, release

ANY = WRONG | BAD
SMALL = recipes.Recipe("fashion-mnist", 1, (8, 8), attention=False, batch=2, warmup=2, decay=4, muon=False)
FIT, LOAD = loop.fit, data.load


class Begun(Exception):
    """The work would begin here."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with files good and bad, in which no training and no measurement gets beyond its beginning."""
    place = tmp_path_factory.mktemp("asked")
    (place / "junk.npz").write_bytes(b"no archive")
    np.save(place / "good.npy", np.random.default_rng(0).normal(size=(9, 3)))
    np.savez(place / "good.npz", x_train=np.zeros((5, 28, 28), np.uint8))
    np.savez(place / "floats.npz", x_train=np.zeros((5, 28, 28)))
    np.savez(place / "other.npz", images=np.zeros((5, 28, 28), np.uint8))
    (place / "empty").mkdir()

    def begin(*given, **options):
        raise Begun

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "small", SMALL)
        for module, name in (
            (data, "load"), (networks, "load"), (pipelines, "load"), (measure, "keep_features"),
            (lists, "load_inception"), (loop, "fit"), (latents, "fit"), (judge, "fit"),
            (prompts, "fit"), (torch, "set_num_threads"),
        ):  # fmt: skip
            patch.setattr(module, name, begin)
        yield place


def begins(call):
    """Whether a call comes to its work, or says why it does not."""

    def called():
        try:
            call()
        except Begun:
            pass
        except SystemExit as end:  # 2: argparse has said why
            if end.code != 2:
                raise ValueError(end.code) from end

    explained(called, SAYS)


def paths(place):
    names = "good.npy good.npz junk.npz floats.npz other.npz missing missing/x.json empty".split()
    return st.sampled_from([str(place / name) for name in names] + [""])


def runs(place):
    """Where a run may be, or may not."""
    return st.sampled_from([str(place / "good.npy"), str(place / "good.npy" / "run"), str(place / "empty"), ""])


def some(*names):
    return st.dictionaries(st.sampled_from(names), ANY | st.sampled_from([4, 10**10, 2**70, "meta", "x"]), max_size=1)


OPTIONS, CHANGES = (
    some("images", "hours", "seed", "minutes", "device"),
    some("batch", "rate", "warmup", "decay", "power"),
)


@given(draws=st.data(), options=OPTIONS, change=CHANGES)
@tries(40)
def test_a_training_begins_or_says_why_not(folder, draws, options, change):
    where = paths(folder) | ANY
    if draws.draw(st.integers(0, 2)) == 0:
        options |= {draws.draw(st.sampled_from(["start", "file"])): draws.draw(where)}
    recipes.RECIPES["small"] = replace(SMALL, **change)
    name = "small" if draws.draw(st.integers(0, 9)) else draws.draw(st.just("large") | ANY)
    place = str(folder / "run") if draws.draw(st.integers(0, 9)) else draws.draw(runs(folder) | ANY)
    begins(lambda: loop.train(name, place, **{"images": 2, "file": folder / "good.npz"} | options))


@given(draws=st.data())
@tries(30)
def test_files_of_drawings_runs_and_pictures_are_read_or_refused(folder, draws):
    where = draws.draw(paths(folder) | ANY.filter(lambda value: value is not None))
    load = partial(LOAD, "cifar10", "test")
    begins(draws.draw(st.sampled_from([
        lambda: emoji.load(where), lambda: load(file=where), lambda: latents.trained(where),
        lambda: judge.trained(where), lambda: release.release("small", where, "a test machine"),
        lambda: recipes.images_for(SMALL, where),
    ])))  # fmt: skip


@pytest.mark.parametrize("table", [guidance.stored, walks.stored, lists.stored])
def test_a_table_that_does_not_ship_is_refused(table):
    for name in (None, "half", np.eye(2), ["emoji"], 1.0):
        with pytest.raises(ValueError, match=SAYS):
            table(name)


COUNT = st.sampled_from(["-1", "0", "1", "2", "6", "8", "50", "100", "1e9", "nan", "x", ""])
COUNTS = st.lists(COUNT, max_size=2).map(tuple)
METHODS = st.sampled_from([("ddim",), ("heun", "euler"), ()])
TRAINING = {"images": COUNT, "hours": COUNT, "seed": COUNT, "threads": st.just("0") | st.just("x"), "file": "file"}
COMMANDS = {
    "clocks": (clocks.main, ["cifar10"], {"seeds": COUNT, "evaluations": COUNTS, "out": "out"}),
    "lists": (lists.main, ["cifar10"], {"samples": COUNT, "evaluations": COUNTS, "reference": "file", "out": "out"}),
    "nfe": (nfe.main, ["cifar10"], {"methods": METHODS, "steps": COUNTS, "skips": COUNTS, "samples": COUNT,
                                    "batch": COUNT, "seed": COUNT, "repeats": COUNT, "out": "out"}),
    "walks": (walks.main, ["emoji"], {"prompts": COUNT, "out": "out"}),
    "guidance": (guidance.main, ["emoji"], {"prompts": COUNT, "seed": COUNT, "out": "out"}),
    "proxies": (proxies.main, ["cifar10"], {"weights": "file", "out": "out"}),
    "features": (measure.main, ["features", "file"], {"key": st.just("images"), "count": COUNT, "batch": COUNT,
                                                       "out": "out"}),
    "fid": (measure.main, ["fid", "file", "file"], {}),
    "train": (train.main, ["small"], {"folder": "folder", "start": "folder", **TRAINING}),
    "latents": (latents.main, [], {"folder": "folder", **TRAINING}),
    "judge": (judge.main, [], {"folder": "folder", **TRAINING}),
}  # fmt: skip


@given(draws=st.data(), name=st.sampled_from(sorted(COMMANDS)))
@tries(60)
def test_a_command_begins_or_says_why_not(folder, draws, name):
    recipes.RECIPES["small"] = SMALL
    main, first, options = COMMANDS[name]
    kinds = {"file": paths(folder), "out": st.just(str(folder / "new.json")) | paths(folder), "folder": runs(folder)}
    words = [draws.draw(kinds.get(word, st.just(word))) for word in first]
    for option, values in options.items():
        if option in ("out", "folder") or draws.draw(st.integers(0, 2)) == 0:
            value = draws.draw(kinds.get(values, values))
            words += [f"--{option}", *([value] if isinstance(value, str) else value)]
    begins(lambda: main(words))


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_checkpoint(tmp_path, monkeypatch):
    np.savez(tmp_path / "data.npz", x_train=np.zeros((5, 28, 28), np.uint8))
    monkeypatch.setitem(recipes.RECIPES, "small", SMALL)
    monkeypatch.setattr(loop, "fit", FIT)
    loop.train("small", tmp_path / "run", file=tmp_path / "data.npz", images=4)
    kept = (tmp_path / "run" / loop.CHECKPOINT).read_bytes()
    monkeypatch.setattr(loop, "loss_at", lambda net, *given: next(net.parameters()).sum() * torch.nan)
    with pytest.raises(ValueError, match=r"^loss: got nan at step 2; lower the rate; .*checkpoint.safetensors is from"):
        loop.train("small", tmp_path / "run", file=tmp_path / "data.npz", images=8)
    assert (tmp_path / "run" / loop.CHECKPOINT).read_bytes() == kept


def test_what_is_asked_rightly_begins(folder):
    """Else the tests above would refuse all that they draw."""
    recipes.RECIPES["small"] = SMALL
    with pytest.raises(Begun):
        loop.train("small", folder / "run", file=folder / "good.npz", images=4, seed=3, device="cpu")
    out = ["--out", str(folder / "new.json")]
    for main, words in ((clocks.main, ["cifar10", "--seeds", "8"]), (walks.main, ["emoji", "--prompts", "2"]),
                        (nfe.main, ["cifar10", "--samples", "100"]), (guidance.main, ["emoji"]),
                        (proxies.main, ["cifar10"]), (lists.main, ["cifar10", "--reference", str(folder / "good.npy")]),
                        (measure.main, ["features", str(folder / "good.npz")])):  # fmt: skip
        with pytest.raises(Begun):
            main([*words, *out])
