"""The editions of a chapter. There is one source, `chapters/`, with neither an address nor a cell that installs; each
edition adds what its reader needs:

    colab        as it stands, with a cell that installs paintlib, to be opened in Colab
    desk         as it stands, for a reader's own JupyterLab
    student      no outputs and no solutions, for a class
    instructor   all outputs, hints and solutions, for who teaches it

(The site is built from the source itself.) All are functions of the notebook as a dictionary, and leave it alone.
In all of them hints and the code of solutions are folded, one by one, in Colab as in JupyterLab; what a figure shows
stands below it in words, for neither of the two takes an alternative text; and each link leads somewhere.
"""

import copy
import html
import json
import re
from dataclasses import dataclass

LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
HREF = re.compile(r'(?<=href=")([^"]+)(?=")')
CHAPTER = re.compile(r"(?:\./)?(\d\d_\w+\.ipynb)(#.*)?")
PAGE = re.compile(r"\.\./book/(\w+)\.md(#.*)?")
WEIGHTS = re.compile(
    r"^\s*(from paintlib import .*\bnetworks\b|(from|import) paintlib\.(networks|measure\.album)\b)", re.M
)


@dataclass(frozen=True)
class Places:
    """Where links lead: what comes before a target.

    chapters: before a sibling, "" where siblings lie beside each other; pages: before `book/NAME` of a page,
    None where pages are not to be had, and a link to one is left out; suffix: of a page's file.
    """

    chapters: str = ""
    pages: str | None = None
    suffix: str = ".html"

    def target(self, link):
        """The link's target in this edition; None where there is none."""
        if chapter := CHAPTER.fullmatch(link):
            return self.chapters + chapter[1] + ("" if self.chapters else chapter[2] or "")
        if page := PAGE.fullmatch(link):
            return None if self.pages is None else f"{self.pages}book/{page[1]}{self.suffix}{page[2] or ''}"
        return link

    def rewrite(self, text):
        """Markdown with its links led to where they live; a link that leads nowhere leaves its words."""

        def link(found):
            target = self.target(found[2])
            return found[1] if target is None else f"[{found[1]}]({target})"

        return HREF.sub(lambda found: self.target(found[1]) or "#", LINK.sub(link, text))


def local(home):
    """Places of copies that lie beside each other in a folder."""
    return Places(pages=home and home.site)


def public(home, folder):
    """Places of copies that Colab opens from `folder` of the branch `colab`."""
    return Places(home.colab(folder), home.site)


def colab(notebook, places, install=""):
    """As it stands, and first a cell that installs; hints and solutions are folded and have not been run."""
    return _edition(notebook, places, install, drop={"solution", "hint"})


def desk(notebook, places):
    """As it stands; hints and solutions are folded and have not been run."""
    return _edition(notebook, places, "", drop={"solution", "hint"})


def student(notebook, places, install=""):
    """No solution, and no output that would tell what is to be predicted."""
    cells = [cell for cell in notebook["cells"] if "solution" not in tags(cell)]
    return _edition({**notebook, "cells": cells}, places, install, drop=None)


def instructor(notebook, places, install=""):
    """All there is."""
    return _edition(notebook, places, install, drop=set())


def needs_weights(notebook):
    """Whether a chapter loads networks that ship, so that it needs the wheel `paintlib-models` as well."""
    return any(WEIGHTS.search(source(cell)) for cell in notebook["cells"] if cell["cell_type"] == "code")


def install_cell(wheels):
    """The code that installs, where paintlib is not there yet, the `wheels` (addresses with their sha256), no more."""
    urls = "\n".join(f'    "{wheel}",' for wheel in wheels)
    return f"""# @title Run this cell first: it installs paintlib, the book's small package
import importlib.util
import subprocess
import sys

wheels = [
    "array-api-compat>=1.9",
{urls}
]
if not getattr(importlib.util.find_spec("paintlib"), "origin", None):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *wheels], check=True)
    importlib.invalidate_caches()"""


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def source(cell):
    return "".join(cell["source"])


def write(notebook, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _edition(notebook, places, install, drop):
    """A copy; `drop` are the tags of cells that lose their outputs, None: all of them."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["id"] = re.sub(r"[^\w-]", "-", cell["id"])  # the format knows letters, digits, - and _
    hints = _hints(notebook["cells"])
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = places.rewrite(source(cell)).splitlines(keepends=True)
            cells.append(cell)
            continue
        _rewrite_outputs(cell, places)
        if drop is None or drop & tags(cell):
            cell["outputs"], cell["execution_count"] = [], None
        if "hide-cell" in tags(cell):
            _fold(cell, hints.get(cell["id"], "Code of the solution"))
        if "quiz" in tags(cell):  # its code holds the answers, its output asks
            _fold(cell, "Which is right?", outputs=False)
        cells += [cell, *_in_words(cell)]
    if install:
        cells.insert(1, _new("code", "install-paintlib", install, {"cellView": "form"}))
    notebook["cells"] = cells
    notebook["metadata"]["colab"] = {"provenance": [], "toc_visible": True}
    return notebook


def _rewrite_outputs(cell, places):
    for output in cell["outputs"]:
        if "text/html" in output.get("data", {}):
            text = "".join(output["data"]["text/html"])
            output["data"]["text/html"] = HREF.sub(lambda found: places.target(found[1]) or "#", text)


def _hints(cells):
    """What a fold with a hint says that it holds, by the cell's id: which hint, of how many."""
    found, ladder = {}, []
    for cell in [*cells, {"metadata": {"tags": ["exercise"]}}]:
        if "exercise" in tags(cell):
            found |= {hint: f"Hint {n} of {len(ladder)}" for n, hint in enumerate(ladder, 1)}
            ladder = []
        elif "hint" in tags(cell):
            ladder.append(cell["id"])
    return found


def _fold(cell, title, outputs=True):
    """Fold code where Colab and JupyterLab look for it; its first line, which both show, says what it holds."""
    cell["source"] = f"# @title {title}\n{source(cell)}".splitlines(keepends=True)
    cell["metadata"] |= {
        "cellView": "form",
        "jupyter": {"source_hidden": True, "outputs_hidden": outputs and bool(cell["outputs"])},
    }


def _in_words(cell):
    """A folded cell that says what the figure of a cell shows, for those who do not see it."""
    alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt")
    if not alt:
        return []
    words = (
        f"<details><summary>What the figure shows, in words</summary>\n\n{html.escape(alt, quote=False)}\n\n</details>"
    )
    return [_new("markdown", f"{cell['id']}-words", words, {"tags": ["in-words"]})]


def _new(kind, name, text, metadata):
    cell = {"cell_type": kind, "id": name, "metadata": metadata, "source": text.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
