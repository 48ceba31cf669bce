"""A Sphinx extension that writes into the start page what the chapters know: a painting, the list, and what needs what.

In book/index.md the comments `painting`, `chapters` and `map` mark the places. The painting is a run of a network that
chapter 09 has stored; titles and needs are those that the chapters state. So nothing here can grow stale.
"""

import json
import re
from pathlib import Path

import yaml

from paintlib.explore import Interactive

ROOT = Path(__file__).resolve().parents[2]
SHOWN = "ADC"  # the noises of chapter 09's clothes: trousers, a bag, a jacket
LINES = {
    "01": "Pour noise over a picture until nothing is left, and learn the one thing that undoes it.",
    "02": "For Gaussian pictures the whole painting is one formula. Derive it, line by line, with computer algebra.",
    "03": "Every path from noise to picture is nearly a turn in a plane. How nearly, and what it does not tell.",
    "04": "What sets the order of the strokes, and at which step each feature arrives. **Start here.**",
    "05": "Push the painter's elbow: when a push stays in the picture, and when it heals.",
    "06": "A playground of samplers: what each gets wrong on the simplest picture there is, exactly.",
    "07": "A painter who learned its task perfectly paints nothing new. Why, and from when on that is decided.",
    "08": "Shirt or shoe? When a painting can no longer become the other, and how often it changes its mind.",
    "09": "A trained network at work: four ways of watching, and features that arrive when the formula says.",
    "10": "Is a sampling path a flat arc? In which coordinates, and does it tell of the network or of the sampler?",
    "11": "Three painters on paper against the network, from one noise: who is right, and until when.",
    "12": "Let the formula take the first strokes in one jump, and count what that saves.",
    "13": "At which noise levels to ask a network that may be asked five times only.",
    "14": "A prompt tells the painter what to paint: what words decide, what noise decides, and until when.",
    "15": "Walk from picture to picture along the network's own axes of change.",
    "16": "How loud the prompt should be, and what each sampler makes of it.",
    "17": "Why networks paint pictures that nobody took: each pixel is decided by what it sees nearby.",
    "18": "Blur, then pictures, then copies: the order in which a network learns.",
}


class Chapter:
    """What a chapter says of itself: number, title, the numbers of the chapters that it needs."""

    def __init__(self, path):
        self.path = path
        self.number = path.name[:2]
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells[:3] if cell["cell_type"] == "markdown")
        self.title = re.search(r"^# \d+\. (.+)$", text, re.M)[1]
        needs = re.search(r"\*\*You need\*\*(.*?)(?:\n\n|\Z)", text, re.S)[1]
        self.needs = sorted(set(re.findall(r"\((\d\d)_", needs)))


def chapters(root=ROOT):
    return {path.name[:2]: Chapter(path) for path in sorted(root.glob("chapters/*.ipynb"))}


def parts(book, root=ROOT):
    """The parts of the book that hold chapters: (name, its chapters)."""
    for part in yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]:
        files = [file for entry in part["chapters"] if "glob" in entry for file in root.glob(entry["glob"])]
        if files:
            yield part["caption"], sorted((book[file.name[:2]] for file in files), key=lambda chapter: chapter.number)


def listed(book):
    """Each chapter with its line, by part, in Markdown."""
    lines = []
    for name, inside in parts(book):
        lines += ["", f"**{name}**", ""]
        for chapter in inside:
            link = f"[{int(chapter.number)}. {chapter.title}](../chapters/{chapter.path.name})"
            lines.append(f"- {link}: {LINES[chapter.number]}")
    return "\n".join(lines)


def direct(book):
    """The needs of each chapter that no other of its needs brings along."""
    above = {}
    for number in sorted(book):  # a chapter needs earlier ones, or, at most, ones beside it
        needs = [n for n in book[number].needs if n in book]
        above[number] = set(needs).union(*(above.get(n, set()) for n in needs))
    return {k: [n for n in c.needs if n in book and not any(n in above[m] for m in c.needs if m in above)]
            for k, c in book.items()}  # fmt: skip


def places(needs, wide=600, row=86):
    """Where each chapter stands on the map: below all that it needs."""
    level = {}
    for number in sorted(needs):
        level[number] = 1 + max((level[n] for n in needs[number] if n in level), default=-1)
    rows = [[n for n in sorted(level) if level[n] == m] for m in range(max(level.values()) + 1)]
    return {
        number: (wide * (i + 0.5) / len(inside), 40 + row * m)
        for m, inside in enumerate(rows)
        for i, number in enumerate(inside)
    }


def drawn(book):
    """The map of what needs what, as SVG: a circle for each chapter, a line to it from each that it needs."""
    needs, part = direct(book), {c.number: n for n, (_, inside) in enumerate(parts(book)) for c in inside}
    at = places(needs)
    height = max(y for _, y in at.values()) + 40
    marks = []
    for number, before in needs.items():
        x, y = at[number]
        for a, b in (at[n] for n in before):
            middle = (b + y) / 2
            marks.append(f'<path d="M{a:.0f} {b:.0f}C{a:.0f} {middle:.0f} {x:.0f} {middle:.0f} {x:.0f} {y:.0f}"/>')
    for number, (x, y) in at.items():
        chapter = book[number]
        said = f"Chapter {int(number)}: {chapter.title}"
        marks.append(
            f'<a href="../chapters/{chapter.path.stem}.html" class="part{part[number]}" aria-label="{said}">'
            f"<title>{said}</title>"
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="27"/><text x="{x:.0f}" y="{y + 8:.0f}">{int(number)}</text></a>'
        )
    says = "; ".join(f"{int(k)} needs {', '.join(str(int(n)) for n in v)}" for k, v in needs.items() if v)
    return (
        f'<svg class="paint-map" role="group" viewBox="0 0 600 {height:.0f}" '
        f'aria-label="A map of the chapters, from top to bottom: {says}.">{"".join(marks)}</svg>'
    )


def painting(root=ROOT):
    """The miniature of the start page, from the run that chapter 09 has stored."""
    cells = json.loads(next(root.glob("chapters/09_*.ipynb")).read_text(encoding="utf-8"))["cells"]
    found = re.compile(r'data-kind="scrubber".*?const DATA = (.*?);\n', re.S)
    for cell in cells:
        for output in cell.get("outputs", []):
            match = found.search("".join(output.get("data", {}).get("text/html", "")))
            data = json.loads(match[1].replace("<\\/", "</")) if match else {}
            if len(data.get("shape", ())) == 2:
                seeds = {seed["name"]: seed for seed in data["seeds"]}
                kept = [{**seeds[name], "name": str(n + 1)} for n, name in enumerate(SHOWN)]
                data |= {"seeds": kept, "title": "A network paints, from pure noise"}
                return Interactive("painting", data.pop("title"), data)._repr_html_()
    raise LookupError("chapter 09 has no grey scrubber; the start page takes its painting from there")


def fill(app, docname, source):
    if docname != "book/index":
        return
    book = chapters()
    raw = "`````{{raw}} html\n{}\n`````"
    for name, text in (
        ("painting", raw.format(painting())),
        ("chapters", listed(book)),
        ("map", raw.format(drawn(book))),
    ):
        source[0] = source[0].replace(f"<!-- {name} -->", text)


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
