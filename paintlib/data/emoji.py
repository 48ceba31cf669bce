"""Emoji: the same things drawn in five styles, with their names; data for painting from a prompt.

    python -m paintlib.data.emoji --out runs/emoji.npz

One command fetches five packages of the npm registry (155 MB, once), renders the drawings on white at 32 x 32 and
verifies the result by its sha256. A prompt is a name and a style: "panda, black ink". Needs pillow and resvg_py.
Licences and whom to credit: paintlib/datasets/README.md.
"""

import argparse
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paintlib.checks import path, require
from paintlib.data import folder, shipped
from paintlib.data.fetch import UNREADABLE, digest, obtain
from paintlib.data.sources import Archive

REGISTRY = "https://registry.npmjs.org/"
STYLES = ("cartoon", "sticker", "glossy 3d", "paper cut", "black ink")
PACKAGES = {
    "cartoon": (
        "emoji-datasource-google",
        Archive(
            "emoji-datasource-google-16.0.0.tgz",
            74344091,
            "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
        ),
    ),
    "sticker": (
        "emoji-datasource-twitter",
        Archive(
            "emoji-datasource-twitter-16.0.0.tgz",
            61683754,
            "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
        ),
    ),
    "glossy 3d": (
        "@lobehub/fluent-emoji-3d",
        Archive(
            "fluent-emoji-3d-1.1.0.tgz", 15792027, "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58"
        ),
    ),
    "paper cut": (
        "@iconify-json/fluent-emoji-flat",
        Archive(
            "fluent-emoji-flat-1.2.6.tgz", 1172438, "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175"
        ),
    ),
    "black ink": (
        "@iconify-json/fluent-emoji-high-contrast",
        Archive(
            "fluent-emoji-high-contrast-1.2.6.tgz",
            1054969,
            "0b92d48c90d2200bd499e3cdd09a127ca6a8c8ddefd34c35eb5a1e4994012ae0",
        ),
    ),
}
PIXELS, VECTORS = ("cartoon", "sticker", "glossy 3d"), ("paper cut", "black ink")
GROUPS = (
    *("animal-mammal", "animal-bird", "animal-amphibian", "animal-reptile", "animal-marine", "animal-bug"),
    *("plant-flower", "plant-other", "food-fruit", "food-vegetable", "food-prepared", "food-asian", "food-sweet"),
    *("drink", "musical-instrument", "transport-air", "transport-water"),
)
ALIKE = frozenset(  # drawings that can hardly be told from another one of the list at this size
    "guide-dog service-dog black-cat ox water-buffalo two-hump-camel pig-nose rat hatching-chick baby-chick blackbird "
    "wing feather goose orangutan leopard ram ewe microbe cricket cockroach fly empty-nest leaf-fluttering-in-wind "
    "herb shamrock wilted-flower white-flower rosette blossom flatbread stuffed-flatbread tamale falafel salt "
    "butter shallow-pan-of-food bowl-with-spoon rice-cracker curry-rice cooked-rice oden fish-cake-with-swirl "
    "moon-cake teacup-without-handle pouring-liquid clinking-beer-mugs mate beverage-box long-drum small-airplane "
    "airplane-departure airplane-arrival suspension-railway mountain-cableway aerial-tramway motor-boat ferry "
    "takeout-box beans pea-pod roasted-sweet-potato chestnut".split()
)
SIDE, MARGIN = 32, 1
CONTENT = "98164cd57d6df4135844d1da8818a282aa535989abb2c893b5134207b5327d79"
SHARED = (("cartoon",), ("sticker",), ("glossy 3d",), ("paper cut", "black ink"))  # the last two share their drawings
PER_GROUP = 12


@dataclass(frozen=True)
class Emoji:
    """Every thing in every style: `images` uint8 (names, styles, 32, 32, 3) on white."""

    images: np.ndarray
    names: tuple
    styles: tuple = STYLES

    @property
    def prompts(self):
        """What each drawing is called, name by name and style by style: ["monkey face, cartoon", ...]."""
        return [prompt(name, style) for name in self.names for style in self.styles]

    @property
    def held_out(self):
        """The pairs that no training sees, bool (names, styles): 12 names lack each style, or both that share drawings.

        A model that paints them has put a known thing and a known style together.
        """
        order, held = np.random.default_rng(0).permutation(len(self.names)), np.zeros(self.images.shape[:2], bool)
        for i, styles in enumerate(SHARED):
            columns = [self.styles.index(style) for style in styles]
            held[np.ix_(order[PER_GROUP * i : PER_GROUP * (i + 1)], columns)] = True
        return held


def prompt(name, style):
    """What a painter is asked for: "panda, black ink"."""
    return f"{name}, {style}"


def load(file=None):
    """The set that ships with the book, or the one that this module's command wrote into `file`, verified."""
    try:
        arrays = shipped("emoji.npz") if file is None else np.load(path("file", file), allow_pickle=False)
        found = Emoji(arrays["images"], tuple(map(str, arrays["names"])))
    except UNREADABLE as error:
        remedy = "give an .npz that python -m paintlib.data.emoji wrote, or none for the set that ships"
        raise ValueError(f"file: got {file!r} ({error}); {remedy}") from error
    verify(found, file or "emoji.npz")
    return found


def verify(emoji, file):
    """Refuse pictures or names that are not those the book's models were trained on."""
    found = digest(emoji.images.tobytes(), "\n".join(emoji.prompts).encode())
    require(found == CONTENT, f"{file}: sha256 of the drawings and prompts, wanted {CONTENT}", found,
            "the shipped set is the one the book uses: paintlib.data.emoji.load()")  # fmt: skip


def fetch(cache):
    """The five packages, opened, by style; fetched into the folder `cache` where they are not there yet."""
    return {
        style: tarfile.open(obtain(archive, (f"{REGISTRY}{package}/-/",), cache))
        for style, (package, archive) in PACKAGES.items()
    }


def render(tars):
    """All drawings that every style has, as `Emoji`."""
    icons = {style: member(tars[style], "icons.json") for style in VECTORS}
    chosen = choose(tars)
    images = [[on_white(drawing(tars, icons, style, name, code)) for style in STYLES] for name, code in chosen]
    return Emoji(np.array(images), tuple(name.replace("-", " ") for name, _ in chosen))


def choose(tars):
    """Names and code points of the things that every style has, [(name, code), ...], in Unicode's order."""
    called = [member(tars[style], "chars.json") for style in VECTORS]
    files = {style: set(tars[style].getnames()) for style in PIXELS}
    found = []
    for entry in sorted(member(tars["cartoon"], "emoji.json"), key=lambda entry: entry["sort_order"]):
        code = entry["unified"].lower()
        name = called[0].get(plain(code))
        drawn = all(path_of(style, code) in files[style] for style in PIXELS) and all(plain(code) in c for c in called)
        if drawn and entry["subcategory"] in GROUPS and name not in ALIKE:
            found.append((name, code))
    return found


def plain(code):
    """A code point without the mark that asks for a coloured drawing."""
    return code.replace("-fe0f", "")


def member(tar, name):
    """A JSON file of a package."""
    return json.load(tar.extractfile(f"package/{name}"))


def path_of(style, code):
    """The file of a drawing within its package, for the styles that come as pixels."""
    brand = {"cartoon": "google", "sticker": "twitter"}.get(style)
    return f"package/img/{brand}/64/{code}.png" if brand else f"package/assets/{plain(code)}.webp"


def drawing(tars, icons, style, name, code):
    """One drawing in RGBA; a drawing of lines and fills is made 128 pixels wide."""
    from PIL import Image

    if style in PIXELS:
        raw = tars[style].extractfile(path_of(style, code)).read()
    else:
        import resvg_py

        side, body = icons[style]["width"], icons[style]["icons"][name]["body"]
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" color="#000">{body}</svg>'
        raw = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=128, height=128))
    return Image.open(io.BytesIO(raw)).convert("RGBA")


def on_white(image):
    """A drawing on white within a white margin, as uint8 (32, 32, 3)."""
    from PIL import Image

    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    small = ground.convert("RGB").resize((SIDE - 2 * MARGIN,) * 2, Image.LANCZOS)
    return np.pad(np.asarray(small), [(MARGIN, MARGIN)] * 2 + [(0, 0)], constant_values=255)


def main():
    parser = argparse.ArgumentParser(prog="python -m paintlib.data.emoji", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    parser.add_argument("--cache", type=Path, default=folder(), help="where the packages are kept")
    args = parser.parse_args()
    made = render(fetch(args.cache))
    verify(made, args.out)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, images=made.images, names=np.array(made.names))
    print(f"{args.out}: {len(made.names)} names in {len(STYLES)} styles, {made.held_out.sum()} pairs held out")


if __name__ == "__main__":
    main()
