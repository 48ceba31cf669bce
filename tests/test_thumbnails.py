"""The albums of thumbnails, and who is nearest in them."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from paintlib import data, measure
from paintlib.data import thumbnails


def test_albums_have_no_picture_in_common():
    albums = thumbnails.load()
    a, b = ({picture.tobytes() for picture in album} for album in (albums.a, albums.b))
    assert albums.a.shape == albums.b.shape == (4096, 16, 16) and albums.a.dtype == np.uint8
    assert len(a & b) == 0 and len(a) > 4090


def test_a_thumbnail_is_the_mean_of_blocks():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    small = thumbnails.shrink(pixels, 16)
    assert small.shape == (3, 16, 16)
    assert small[1, 1, 1] == round(pixels[1, :2, :2].mean()) and np.all(small[:, 0] == 0)
    assert np.array_equal(thumbnails.shrink(pixels, 32), data.pad(pixels, 2))
    with pytest.raises(ValueError, match=r"^images, side"):
        thumbnails.shrink(pixels, 15)


def test_nearest_are_those_that_scipy_finds():
    rng = np.random.default_rng(1)
    x, album = rng.normal(size=(20, 7)), rng.normal(size=(50, 7))
    x[0] = album[3]
    away, which = measure.nearest(x, album, 3)
    every = cdist(x, album)
    np.testing.assert_array_equal(which, np.argsort(every, 1)[:, :3])
    np.testing.assert_allclose(away, np.sort(every, 1)[:, :3], atol=1e-12)
    assert away[0, 0] == 0
    with pytest.raises(ValueError, match=r"^count"):
        measure.nearest(x, album[:1])


def test_a_run_becomes_models_of_one_card(tmp_path):
    """Random weights in, the same weights out, rounded; the card names the run and its last loss."""
    import json
    from dataclasses import asdict

    import torch
    from safetensors.torch import save_file

    from paintlib import networks
    from paintlib.train import release_thumbnails
    from paintlib.train.recipes import RECIPES, network

    name, run, folder = "thumbnails-64-a", tmp_path / "thumbnails-64-a", tmp_path / "models"
    run.mkdir()
    net = network(RECIPES[name])
    save_file(net.state_dict(), run / "step000300.safetensors")
    record = {"name": name, "recipe": asdict(RECIPES[name]), "seconds": 3600, "loss": 0.0625}
    (tmp_path / "log").write_text(f"step 10  loss 1\n{json.dumps(record)}\n")
    names = release_thumbnails.release(run, folder)
    assert names == ["64-a-0300"]
    loaded = networks.load(str(folder / names[0]), device="cpu")
    for ours, theirs in zip(net.parameters(), loaded.net.parameters(), strict=True):
        torch.testing.assert_close(ours.half().float(), theirs, rtol=0, atol=0)
    release_thumbnails.card(folder, [tmp_path / "log"], {name: names}, "a desk")
    card = (folder / "README.md").read_text()
    assert "| 64-a | 300 | 0.0625 |" in card and "1.0 in all, on a desk" in card and (folder / "samples.png").exists()
