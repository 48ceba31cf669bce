"""Slides for each part of the book, from its tagged cells, with notes for the speaker.

    python3 book/tools/make.py slides        into _build/slides; open index.html, press S for the notes

A chapter gives its question, its predictions one by one, the figures and interactives whose cells have the tag `slide`,
its quizzes, and the two questions of the page for teachers. The notes come from the captions and from that page.
nbconvert makes the slides; reveal.js 4.6.1 (npm, held by digests) lies beside this file, MathJax in the book's assets,
so no network is needed.
"""

import hashlib
import html
import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import teaching
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CAPTION = re.compile(r"^\*\*Figure \d+\.\d+\.\*\*\s+(\*(?P<point>[^*]+)\*|(?P<first>.*?[.?!](?=\s|$)))", re.S)


def verified():
    """Whether reveal.js's files are those of the release."""
    lines = (HERE / "reveal/SHA256SUMS").read_text().splitlines()
    pairs = (line.split(maxsplit=1) for line in lines)
    return all(hashlib.sha256((HERE / "reveal" / name).read_bytes()).hexdigest() == digest for digest, name in pairs)


def parts(root=ROOT):
    """(name, paths of its chapters) of each part that has chapters."""
    for part in yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]:
        found = (path for entry in part["chapters"] if "glob" in entry for path in root.glob(entry["glob"]))
        if paths := sorted(path for path in found if path.suffix == ".ipynb"):
            yield part["caption"], paths


def markdown(text, kind="slide"):
    return nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}})


def with_notes(title, body, notes):
    """A slide: its title, what stands below (a cell or nothing), and what the speaker says."""
    yield markdown(title)
    if body is not None:
        body = nbformat.from_dict(json.loads(json.dumps(body)))
        body.metadata = {"slideshow": {"slide_type": "-"}}
        yield body
    if notes:
        yield markdown(notes, "notes")


def as_html(cell, alt):
    """A cell's picture or fragment as one HTML output, with the text of the picture."""
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            code = "".join(data["image/png"]).replace("\n", "")
            made = f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{code}">'
        elif "text/html" in data:
            made = "".join(data["text/html"])
        else:
            continue
        shown = nbformat.v4.new_output("display_data", {"text/html": made})
        return nbformat.v4.new_code_cell("", outputs=[shown])
    raise ValueError(f"a cell is tagged `slide` and shows nothing: {''.join(cell['source'])[:60]!r}")


def unlinked(text):
    """Markdown without links: on the wall nobody clicks."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)


def for_teachers(number, root=ROOT):
    """{heading: text} of a chapter on the page for teachers."""
    page = (root / teaching.PAGE).read_text(encoding="utf-8")
    part = re.split(rf"\n## {int(number)}\. .+\n", page)[1].split("\n## ")[0]
    return {m[1]: m[2].strip() for m in re.finditer(r"\*\*(.+?)\.\*\*\s*(.*?)(?=\n\*\*|\Z)", part, re.S)}


def chapter_slides(path):
    """The slides of a chapter, as cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    said = for_teachers(path.name[:2])
    head = re.search(r"\*\*The question\.\*\*\s*(.+?)\n\n", "\n\n".join(sources[:3]) + "\n\n", re.S)[1]
    yield from with_notes(f"{sources[0].splitlines()[0]}\n\n{unlinked(head)}", None, said.get("Aims", ""))

    whole = "\n\n".join(source for source, cell in zip(sources, cells, strict=True) if cell["cell_type"] == "markdown")
    predict = whole.split("\n## Predict\n")[1].split("\n## ")[0]
    for guess in re.findall(r"^\d\. (.*?)(?=^\d\. |\Z)", predict, re.S | re.M):
        notes = "Everybody writes down a guess. Then hands up.\n\n" + said.get("What goes wrong, and what to say", "")
        yield from with_notes(f"## Predict\n\n{unlinked(' '.join(guess.split()))}", None, notes)

    for n, cell in enumerate(cells):
        tags = cell["metadata"].get("tags", [])
        if "quiz" in tags:
            yield from with_notes("", as_html(cell, ""), "Vote first. Then open the wrong choices, one by one.")
        elif "slide" in tags:
            caption = CAPTION.match(sources[n + 1]) if n + 1 < len(cells) else None
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
            title = (caption["point"] or caption["first"]) if caption else ""
            notes = sources[n + 1].split("\n\n")[0] if caption else said.get("With a projector only", "")
            yield from with_notes(f"## {unlinked(title)}" if title else "", as_html(cell, alt), unlinked(notes))
    questions = re.split(r"(?:^|\s)\d\. ", said["Discuss"])[1:]
    yield from with_notes("## Discuss\n\n" + "\n".join(f"- {' '.join(q.split())}" for q in questions), None, "")


def part_slides(name, paths):
    """A part's slides as HTML."""
    from nbconvert import SlidesExporter

    cells = [markdown(f"# {name}"), *(cell for path in paths for cell in chapter_slides(path))]
    exporter = SlidesExporter(
        template_name="backrow",
        extra_template_basedirs=[str(HERE)],
        reveal_url_prefix="reveal",
        reveal_theme="backrow",
    )
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"title": name, "language_info": {"name": "python"}})
    return exporter.from_notebook_node(notebook)[0]


def slides(folder=ROOT / "_build/slides", only=None):
    """Write the slides of every part, or of the parts numbered in `only`, and an index; returns the pages."""
    if not verified():
        sys.exit(
            "The files in book/tools/reveal are not those of reveal.js 4.6.1: fetch them from npm's registry again."
        )
    folder = Path(folder)
    shutil.copytree(HERE / "reveal", folder / "reveal", dirs_exist_ok=True)
    shutil.copytree(ROOT / "book/assets/mathjax", folder / "mathjax", dirs_exist_ok=True)
    (folder / "reveal/dist/theme").mkdir(exist_ok=True)
    shutil.copy(HERE / "backrow/backrow.css", folder / "reveal/dist/theme/backrow.css")
    pages = []
    for n, (name, paths) in enumerate(parts(), 1):
        page = folder / f"part_{n}.html"
        pages.append((name, page))
        if only is None or n in only:
            page.write_text(part_slides(name, paths), encoding="utf-8")
            print(page, flush=True)
    items = "".join(f'<li><a href="{page.name}">{html.escape(name)}</a></li>' for name, page in pages)
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Slides</title><h1>Slides</h1><ol>{items}</ol>'
        "<p>Press S for the speaker's notes, and Escape for an overview.</p></html>\n", encoding="utf-8")  # fmt: skip
    return [page for _, page in pages]


if __name__ == "__main__":
    slides(only={int(n) for n in sys.argv[1:]} or None)
