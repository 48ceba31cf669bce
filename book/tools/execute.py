"""Run chapters from top to bottom and store their outputs, as the site shows them.

.venv/bin/python book/tools/execute.py                            all chapters
.venv/bin/python book/tools/execute.py chapters/04_*.ipynb        some
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]


def execute(path):
    """Run one chapter; nothing is written if a cell fails. Returns the seconds that it took."""
    started = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, record_timing=False, coalesce_streams=True).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    # the version of Python is the machine's, not the chapter's
    notebook.metadata.get("language_info", {}).pop("version", None)
    nbformat.write(notebook, path)
    return time.monotonic() - started


if __name__ == "__main__":
    for path in sys.argv[1:] or sorted(ROOT.glob("chapters/*.ipynb")):
        print(f"{Path(path).name}: {execute(path):.0f} s", flush=True)
