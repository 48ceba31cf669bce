"""Put today's scripts and styles into the interactives that chapters have stored; their data stay, and nothing is run.
A quiz is made anew from the words in its cell, so after an edit of a question this is all there is to do.

    python book/tools/refresh.py [CHAPTER ...]        all chapters, if none is named

An interactive whose data would be written differently today is left as it is and named: run its chapter again.
"""

import ast
import json
import re
import sys
from pathlib import Path

from paintlib.explore import Interactive, quiz

CHAPTERS = Path(__file__).resolve().parents[2] / "chapters"
DATA = re.compile(r"const DATA = (.*);\n")


def stored(notebook):
    """Every stored interactive of a notebook: the index of its cell, and the output's data."""
    for i, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            html = "".join(data.get("text/html", ""))
            if "paint-interactive" in html[:40] and "data-kind=" in html:
                yield i, data


def renewed(html):
    """The same interactive by today's scripts; None if its data would be written differently."""
    line = DATA.search(html).group(1)
    data = json.loads(line.replace("<\\/", "</"))
    kind = re.search(r'data-kind="(\w+)"', html).group(1)
    new = Interactive(kind, data.pop("title"), data)._repr_html_()
    return new if DATA.search(new).group(1) == line else None


def asked(cell):
    """The quiz that a cell asks, or None; its arguments are plain data and are read without running anything."""
    if "quiz" not in cell.get("metadata", {}).get("tags", []):
        return None
    call = ast.parse("".join(cell["source"])).body[-1].value
    return quiz(*map(ast.literal_eval, call.args))


def refresh(path):
    """Renew a chapter's interactives in place; returns the cells that changed, and those to be run again."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    changed, left = [], []
    for i, cell in enumerate(notebook["cells"]):
        if question := asked(cell):
            data = {"text/html": question._repr_html_().splitlines(keepends=True), "text/plain": [repr(question)]}
            if cell["outputs"][0]["data"] != data:
                cell["outputs"][0]["data"] = data
                changed.append(i)
    for i, data in stored(notebook):
        html = "".join(data["text/html"])
        new = renewed(html)
        if new is None:
            left.append(i)
        elif new != html:
            changed.append(i)
            data["text/html"] = new.splitlines(keepends=True) if isinstance(data["text/html"], list) else new
    if changed:
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return changed, left


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(CHAPTERS.glob("*.ipynb"))):
        print(path.name, "renewed: {}, to be run again: {}".format(*refresh(path)))
