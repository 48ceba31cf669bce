"""The drawings that ship, and how they are made, on packages of four drawings that are made here."""

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from paintlib.data import emoji
from paintlib.data.fetch import digest
from paintlib.data.sources import Archive


@pytest.fixture(scope="module")
def drawings():
    return emoji.load()


def test_every_thing_is_drawn_once_in_every_style(drawings):
    assert drawings.images.shape == (239, 5, 32, 32, 3) and drawings.images.dtype == np.uint8
    assert len(set(drawings.names)) == 239 and len(set(drawings.prompts)) == 1195
    flat = drawings.images.reshape(1195, -1)
    assert len(np.unique(flat, axis=0)) == 1195
    assert "panda, black ink" in drawings.prompts
    assert drawings.prompts[drawings.names.index("panda") * 5 + 4] == "panda, black ink"


def test_drawings_stand_on_white_and_black_ink_has_no_colour(drawings):
    border = np.concatenate([drawings.images[:, :, [0, -1]].ravel(), drawings.images[:, :, :, [0, -1]].ravel()])
    assert (border == 255).all()
    spread = drawings.images.max(-1).astype(int) - drawings.images.min(-1)
    ink = drawings.styles.index("black ink")
    assert spread[:, ink].max() == 0 and (spread[:, :ink].max(axis=(2, 3)) > 20).mean() > 0.97


def test_held_out_pairs_leave_every_thing_and_style_known(drawings):
    held = drawings.held_out
    assert held.sum() == 60 and (held.sum(0) == 12).all()
    assert held.sum(1).max() == 2  # both that share their drawings, or one
    np.testing.assert_array_equal(held[:, 3], held[:, 4])
    assert ((~held).sum(1) >= 3).all()


def png(colour, alpha=255, side=64):
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[side // 4 : -side // 4, side // 4 : -side // 4] = (*colour, alpha)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A cache of five packages with an owl, a fox, one thing that is not chosen, and one that a style lacks."""
    entries = [
        {"unified": code, "subcategory": group, "sort_order": order}
        for code, group, order in (
            ("1F98A", "animal-mammal", 2),
            ("1F989-FE0F", "animal-bird", 1),
            ("1F600", "face-smiling", 3),
            ("1F40B", "animal-marine", 4),
        )
    ]
    names = {"1f98a": "fox", "1f989": "horned-owl", "1f600": "grinning-face", "1f40b": "whale"}
    icons = {"width": 8, "icons": {name: {"body": '<path d="M2 2h4v4h-4z"/>'} for name in names.values()}}
    vectors = {"icons.json": json.dumps(icons).encode(), "chars.json": json.dumps(names).encode()}
    content = {
        "cartoon": {"emoji.json": json.dumps(entries).encode()}
        | {f"img/google/64/{e['unified'].lower()}.png": png((255, 0, 0)) for e in entries},
        "sticker": {f"img/twitter/64/{e['unified'].lower()}.png": png((0, 0, 255), 128) for e in entries},
        "glossy 3d": {f"assets/{code}.webp": png((0, 255, 0), side=128) for code in names if code != "1f40b"},
        "paper cut": vectors,
        "black ink": vectors,
    }
    known = {}
    for style, files in content.items():
        path = tmp_path / f"{style.replace(' ', '-')}.tgz"
        with tarfile.open(path, "w:gz") as tar:
            for name, raw in files.items():
                info = tarfile.TarInfo(f"package/{name}")
                info.size = len(raw)
                tar.addfile(info, io.BytesIO(raw))
        raw = path.read_bytes()
        known[style] = (style, Archive(path.name, len(raw), digest(raw)))
    monkeypatch.setattr(emoji, "PACKAGES", known)
    return tmp_path


def test_what_all_styles_have_is_chosen_in_unicodes_order(packages):
    assert emoji.choose(emoji.fetch(packages)) == [("horned-owl", "1f989-fe0f"), ("fox", "1f98a")]


def test_drawings_are_put_on_white(packages):
    pytest.importorskip("resvg_py")
    made = emoji.render(emoji.fetch(packages))
    assert made.names == ("horned owl", "fox") and made.images.shape == (2, 5, 32, 32, 3)
    assert (made.images[:, :, 1, 1] == 255).all()
    wanted = [(255, 0, 0), (127, 127, 255), (0, 255, 0), (0, 0, 0), (0, 0, 0)]
    np.testing.assert_allclose(made.images[0, :, 16, 16], wanted, atol=1)


def test_the_command_refuses_other_drawings_and_writes_none(packages, monkeypatch):
    pytest.importorskip("resvg_py")
    out = packages / "made" / "emoji.npz"
    monkeypatch.setattr("sys.argv", ["emoji", "--out", str(out), "--cache", str(packages)])
    with pytest.raises(ValueError, match=r"emoji.npz: sha256 of the drawings and prompts, wanted 98164"):
        emoji.main()
    assert not out.exists()


def test_a_file_with_other_pixels_or_names_is_refused(drawings, tmp_path):
    images, names = drawings.images.copy(), list(drawings.names)
    np.savez(tmp_path / "same.npz", images=images, names=np.array(names))
    assert emoji.load(tmp_path / "same.npz").names == drawings.names
    images[7, 2, 5, 5, 0] ^= 1
    np.savez(tmp_path / "pixel.npz", images=images, names=np.array(names))
    np.savez(tmp_path / "name.npz", images=drawings.images, names=np.array(["wolf", *names[1:]]))
    for file in ("pixel.npz", "name.npz"):
        with pytest.raises(ValueError, match=r"sha256 of the drawings and prompts"):
            emoji.load(tmp_path / file)
