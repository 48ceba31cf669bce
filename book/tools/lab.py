"""Open JupyterLab on the reader's own copies of the chapters, in desk/.

A copy that the reader has changed stays as it is; one that was not is renewed when its chapter was. What was written is
kept by its sum in desk/.written.json. Links between chapters and to the pages of the book work there.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import editions

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


def lay_out(desk, root=ROOT):
    """Write what is new or was not touched since; returns the names of the copies that are the reader's own by now."""
    record = desk / ".written.json"
    written = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    places = editions.Places(pages="../", suffix=".md")
    files = {}
    for path in sorted(root.glob("chapters/*.ipynb")):
        notebook = editions.desk(json.loads(path.read_text(encoding="utf-8")), places)
        files[f"chapters/{path.name}"] = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    for path in sorted(root.glob("book/*.md")):
        files[f"book/{path.name}"] = path.read_text(encoding="utf-8")
    own = []
    for name, text in files.items():
        path = desk / name
        if path.is_file() and _sum(name, path.read_text(encoding="utf-8")) != written.get(name):
            own.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written[name] = _sum(name, text)
    record.write_text(json.dumps(written, indent=1), encoding="utf-8")
    return own


def _sum(name, text):
    """The sum of what a reader can have written: of a notebook its cells, for JupyterLab saves it in its own form."""
    if name.endswith(".ipynb"):
        text = "\n\n".join(editions.source(cell) for cell in json.loads(text)["cells"])
    return hashlib.sha256(text.encode()).hexdigest()


def settle(prefix):
    """Let this environment's JupyterLab show the book's pages as pages, and ask nothing of any server."""
    folder = Path(prefix) / "share/jupyter/lab/settings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "overrides.json").write_text(json.dumps(SETTINGS, indent=1), encoding="utf-8")


def main(*options):
    desk = ROOT / "desk"
    own = lay_out(desk)
    if own:
        print("Left as you have them:", ", ".join(own))
    settle(sys.prefix)
    from jupyterlab.labapp import main as jupyterlab

    if getattr(os, "geteuid", lambda: 1)() == 0:
        options = ("--allow-root", *options)  # in a container
    first = sorted(desk.glob("chapters/04_*.ipynb"))[0].relative_to(desk).as_posix()
    print(f"Opening JupyterLab on your copies in {desk}. It runs until you press Ctrl-C here.", flush=True)
    quiet = ["--ServerApp.log_level=ERROR", "--LabApp.log_level=ERROR"]  # the address stays
    jupyterlab([*quiet, f"--ServerApp.root_dir={desk}", f"--LabApp.default_url=/lab/tree/{first}", *options])


if __name__ == "__main__":
    main(*sys.argv[1:])
