"""Write book/checked.md: what each chapter costs to run, with which versions, and what of the book is held by what.

    python book/tools/checked.py               the page anew, from the measurements that are stored
    python book/tools/checked.py --run [04]    measure all chapters, or some, first; a few minutes on a quiet machine

A chapter is run by itself, on one thread. Seconds are those of its kernel's processor, which do not depend on what else
the machine does; on a quiet machine the clock shows about as many. Memory is the kernel's largest.
"""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STORE, PAGE = HERE / "checked.json", ROOT / "book/checked.md"
BUDGET = 60  # seconds for a chapter
PACKAGES = ("numpy", "scipy", "sympy", "matplotlib", "scikit-learn", "torch", "diffusers", "transformers", "ipywidgets")


def one(path):
    """Run a notebook in this process's only child and print what that took, as JSON."""
    import resource

    import nbformat
    from nbclient import NotebookClient

    options = {"timeout": 3000, "store_widget_state": False}
    NotebookClient(nbformat.read(path, as_version=4), **options).execute()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    kilobyte = 1 if sys.platform == "darwin" else 1024
    cost = {"seconds": used.ru_utime + used.ru_stime, "megabytes": used.ru_maxrss * kilobyte / 1e6}
    print(json.dumps({key: round(value) for key, value in cost.items()}))


def measure(paths):
    """Measure chapters and store what they cost beside the versions used."""
    stored = json.loads(STORE.read_text("utf-8")) if STORE.exists() else {"chapters": {}}
    quiet = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
    for path in paths:
        command = [sys.executable, __file__, "--one", path]
        run = subprocess.run(list(map(str, command)), env=quiet, capture_output=True, text=True, cwd=path.parent)
        if run.returncode:
            sys.exit(f"{path.name} does not run:\n{run.stderr[-2000:]}")
        stored["chapters"][path.stem] = json.loads(run.stdout.splitlines()[-1])
        stored["python"] = platform.python_version()
        stored["machine"] = f"{platform.system()}, {platform.machine()}"
        stored["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES}
        STORE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(path.stem, stored["chapters"][path.stem], flush=True)


def present():
    """(path, its cells) of every chapter."""
    paths = sorted(ROOT.glob("chapters/*.ipynb"))
    return [(path, json.loads(path.read_text(encoding="utf-8"))["cells"]) for path in paths]


def counted(cells):
    """What a chapter holds: cells of code, those whose printed numbers are compared, exercises, figures, questions."""
    sources = ["".join(cell["source"]) for cell in cells]
    tags = [set(cell["metadata"].get("tags", [])) for cell in cells]
    outputs = ["".join("".join(o.get("data", {}).get("text/html", "")) for o in c.get("outputs", [])) for c in cells]
    return {
        "cells": sum(cell["cell_type"] == "code" for cell in cells),
        "compared": sum("nbval-check-output" in tag for tag in tags),
        "asserts": sum(len(re.findall(r"^\s*assert ", s, re.M)) for s in sources),
        "exercises": sum(s.startswith("### Exercise ") for s in sources),
        "figures": sum(s.startswith("**Figure ") for s in sources),
        "interactives": sum("paint-interactive" in out[:60] for out in outputs),
        "questions": sum("quiz" in tag for tag in tags),
    }


def equations():
    """The ledger's numbers in words."""
    text = (ROOT / "book/equations.md").read_text(encoding="utf-8").split("\n## Tables")[0]
    rows = [
        [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if re.match(r"\| \d", line)
    ]
    status = [row[-1].split(":")[0] for row in rows]
    kinds = ", ".join(f"{status.count(kind)} {kind}" for kind in dict.fromkeys(status))
    residuals = sorted(float(row[-2]) for row in rows if re.fullmatch(r"\d(\.\d+)?e-\d+", row[-2]))
    small = sum(r <= 1e-9 for r in residuals)
    return (
        f"{len(rows)} numbered equations of the paper stand in [the ledger](equations.md): {kinds}. {len(residuals)} "
        f"of them have a measured residual, at most $10^{{-9}}$ for {small}; the largest is {residuals[-1]:.0e}."
    )


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


TEXT = """# How this book is checked

Numbers in a book go stale. This page says by what they are held, and what that costs. It is written by
`book/tools/checked.py`.

The pages show what each chapter's code printed and drew when it was last run. The tests run every cell of every chapter
again, with its asserts, and compare what the cells counted below as *compared* print. Each formula is held against
another route to the same number: an ODE solver, automatic differentiation, brute force, another library. The pages are
opened in a browser without a network: on a telephone, in the dark, by keyboard. Quotations are searched for in the
paper's text, and solutions are put to the checks of their exercises. `python3 book/tools/make.py tests` runs it all,
more than {tests} test functions.

## What the chapters hold

*Compared*: cells whose printed numbers are compared with those of a new run. *Asserts*: what a chapter itself insists
on. *Questions*: those with a choice of answers.

:::{{div}} numbers
{holds}
:::

## What they cost to run

Seconds of the processor, on one thread, and the most memory that a chapter took. The budget is {budget} seconds on a
quiet machine. Measured on {machine}, Python {python}, with
{versions}.

{costs}

## The equations of the paper

{equations}

## What is not checked by a machine

Whether a sentence is clear, a figure says what its caption says, and a claim in words follows from its numbers. People
read for that. Where you find that they have missed something, say so.
"""


def page():
    """The page, as Markdown."""
    stored = json.loads(STORE.read_text("utf-8"))
    chapters = present()
    costs, holds = [], []
    for path, cells in chapters:
        title = re.match(r"# (\d+\. .+)", "".join(cells[0]["source"]))[1]
        link = f"[{title}](../chapters/{path.name})"
        cost = stored["chapters"].get(path.stem)
        costs.append(
            [link, *([cost["seconds"], BUDGET, cost["megabytes"]] if cost else ["not measured yet", BUDGET, ""])]
        )
        holds.append([path.name[:2], *counted(cells).values()])
    totals = ["all", *(sum(column) for column in list(zip(*holds, strict=True))[1:])]
    versions = ", ".join(f"{name} {version}" for name, version in stored["versions"].items())
    tests = sum(
        len(re.findall(r"^def test_", p.read_text("utf-8"), re.M)) for p in sorted((ROOT / "tests").glob("test_*.py"))
    )
    return TEXT.format(
        budget=BUDGET,
        costs=table(["chapter", "seconds", "budget", "megabytes"], costs),
        machine=stored["machine"],
        python=stored["python"],
        versions=versions,
        holds=table(["chapter", *counted([])], [*holds, totals]),
        tests=tests // 10 * 10,
        equations=equations(),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
        sys.exit()
    if sys.argv[1:2] == ["--run"]:
        measure([path for path, _ in present() if not sys.argv[2:] or path.name[:2] in sys.argv[2:]])
    PAGE.write_text(page(), encoding="utf-8")
