"""Write into book/teaching.md what the chapters say of themselves: title, time, and each exercise with its minutes.

    python book/tools/teaching.py

All else on the page is written by hand. Between <!-- chapter 05 --> and <!-- /chapter --> stands what this writes.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = "book/teaching.md"
BLOCK = re.compile(r"(<!-- chapter (\d\d) -->\n).*?(<!-- /chapter -->)", re.S)
EXERCISE = re.compile(r"^### Exercise (\d\d\.\d+): (.+)\s+\*([A-Z][a-z, ]+), (\w+) strokes?, (\d+) minutes\.\*", re.M)


def chapter(number, root=ROOT):
    """The path of a chapter and its Markdown cells; None where it is not written."""
    found = sorted((root / "chapters").glob(f"{number}_*.ipynb"))
    if not found:
        return None
    cells = json.loads(found[0].read_text(encoding="utf-8"))["cells"]
    return found[0], ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def exercises(words):
    """{number: (title, kind, strokes, minutes)} of a chapter's Markdown cells."""
    found = (match for cell in words for match in EXERCISE.finditer(cell))
    return {m[1]: (m[2].strip(), m[3], m[4], int(m[5])) for m in found}


def title(words):
    return re.match(r"# \d+\. (.+)", words[0])[1].strip()


def block(number, root=ROOT):
    """What the page says of a chapter by itself."""
    written = chapter(number, root)
    if written is None:
        return ""
    path, words = written
    time = re.search(r"^\*(Reading and doing: [^*]+)\*$", "\n".join(words), re.M)[1]
    rows = [
        f"| {n} | {name} | {kind.lower()} | {strokes} | {minutes} |"
        for n, (name, kind, strokes, minutes) in exercises(words).items()
    ]
    head = ["| | exercise | kind | strokes | minutes |", "|---|---|---|---|---|"]
    return "\n".join([f"[{title(words)}](../chapters/{path.name}). {time}", "", *head, *rows, ""])


def written(page, root=ROOT):
    """The text of the page with every chapter's block as it is now."""
    return BLOCK.sub(lambda m: m[1] + block(m[2], root) + m[3], page)


if __name__ == "__main__":
    path = ROOT / PAGE
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
