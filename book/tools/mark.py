"""Run the notebooks of a class, each apart, and write what the checks say into a table.

    python3 book/tools/make.py mark FOLDER [--seconds 900] [--cell-seconds 120] [--gigabytes 8] [--out FOLDER/marks]

Writes marks.csv and marks.html: a row for each notebook, a column for each exercise, and what was off. Each notebook
runs in a process and a folder of its own, with a limit on time and on memory (macOS and Windows do not keep to the one
on memory). One that breaks, or never ends, costs its row.

What it does not do: keep foreign code from your files. It runs as you do; for a class that you do not know, run it in a
container. The network: on Linux, where users may make namespaces, a notebook has none. Else only Python's own sockets
are closed, and the page says so. The checks keep no secrets, so the table is a help for reading, not a mark by itself.
"""

import argparse
import contextlib
import csv
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
LATE, STARTING = 124, 180  # the exit code of a notebook that took too long; seconds to read the libraries in
NUMBER = re.compile(r"^### Exercise (\d\d\.\d+)\b", re.M)
STATES = {"right": "✓", "not yet": "✗", "no answer": "–", "did not end": "∞", "not asked": "?"}


@dataclass
class Row:
    """What became of one notebook: how it went, {exercise: (state, what was off)}, the exercise that a cell belongs to
    ("" before the first), cells that failed, words written."""

    name: str
    how: str = "ran"
    seconds: float = 0.0
    exercises: dict = field(default_factory=dict)
    places: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    words: dict = field(default_factory=dict)


def isolation():
    """(the command that takes a process off the network, whether it does) on this machine."""
    command = ["unshare", "--net", "--map-root-user"]
    if sys.platform.startswith("linux") and shutil.which("unshare"):
        if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command, True
    return [], False


def read(path, row):
    """Note the exercises and the written words of a notebook; says why it cannot be run, or nothing."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        current = ""
        for cell in cells:
            source = "".join(cell["source"])
            found = NUMBER.search(source) if cell["cell_type"] == "markdown" else None
            if found:
                current = found[1]
                row.exercises[current] = ("not asked", "its check was not called")
            elif "words" in cell.get("metadata", {}).get("tags", []) and not re.match(r"\s*\*Your", source):
                row.words[current] = source.strip()
            row.places.append(current)
    except (ValueError, KeyError, TypeError, OSError) as error:
        return f"no notebook: {type(error).__name__}"
    return ""


def run(path, seconds, cell_seconds, gigabytes, apart, closed):
    """Run a notebook in a process and a folder of its own, and read its record."""
    row, begun = Row(path.name), time.monotonic()
    row.how = read(path, row)
    if row.how:
        return row
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "record.jsonl"
        place = Path(folder) / "work"
        place.mkdir()
        command = [*apart, sys.executable, "-P", HERE / "mark_one.py", path.resolve(), log]
        command += [seconds, cell_seconds, gigabytes]
        command += [] if closed else ["--no-sockets"]
        own = {"HOME": place, "IPYTHONDIR": place, "PYTHONPATH": HERE.parents[1], "MPLBACKEND": "agg"}
        own |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=place,
            env={**os.environ, **{name: str(value) for name, value in own.items()}},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _, said = process.communicate(timeout=seconds + STARTING)
            code = process.returncode
        except subprocess.TimeoutExpired:  # it holds its own clock up
            said, code = b"", LATE
        end(process)
        row.seconds = time.monotonic() - begun
        record = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
    for line in record:
        if "exercise" in line:
            row.exercises[line["exercise"]] = (line["state"], line.get("off", ""))
        elif "error" in line:
            cell = line["cell"]
            row.errors.append(f"{row.places[cell] or 'text'}, cell {cell + 1}: {line['error']}")
    row.how = "ran" if {"ended": True} in record else why(code, said, seconds)
    return row


def end(process):
    """Stop a process and all that it has started and left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.communicate()


def why(code, said, seconds):
    """How a notebook ended that did not come to its end."""
    if code == LATE:
        return f"stopped after {seconds:g} s"
    if code == -9:
        return "killed, most likely for want of memory"
    last = said.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
    return f"broke off ({last[0][:200]})"


def plain(text):
    """A text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t")) else text


def write_csv(path, rows, numbers):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(["notebook", "how it went", "seconds", "right", *numbers, "what was off"])
        for row in rows:
            states = [row.exercises.get(n, ("", ""))[0] for n in numbers]
            off = [f"{n}: {off}" for n, (_, off) in sorted(row.exercises.items()) if off] + row.errors
            cells = [row.name, row.how, f"{row.seconds:.0f}", states.count("right"), *states, "; ".join(off)]
            table.writerow([plain(str(cell)) for cell in cells])


STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 70rem; padding: 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid #808080; padding: 4px 8px; text-align: left; }
.right { background: light-dark(#d8f0e2, #123a26); }
.off { background: light-dark(#fbe3d3, #4a2410); }
pre { white-space: pre-wrap; }
"""
HELD_IN_PYTHON_ALONE = (
    "<p><strong>This machine could not take the notebooks off the network.</strong> Python's own sockets were closed; "
    "a program that a notebook started was not held by that. Run this on Linux where users may make namespaces, or in "
    "a container without a network.</p>"
)


def cell(state):
    look = {"right": "right", "not yet": "off", "did not end": "off"}.get(state, "")
    return f'<td class="{look}">{STATES.get(state, "")} {html.escape(state)}</td>'


def line(row, numbers):
    """A notebook's row of the page's table."""
    states = [row.exercises.get(n, ("", ""))[0] for n in numbers]
    went = f"{html.escape(row.how)}, {row.seconds:.0f} s"
    head = f'<tr><th scope="row">{html.escape(row.name)}</th><td>{went}</td><td>{states.count("right")}</td>'
    return head + "".join(map(cell, states)) + "</tr>"


def more(row):
    """What was off in a notebook, and the words that its owner wrote, to be unfolded."""
    off = [f"{n}: {off}" for n, (_, off) in sorted(row.exercises.items()) if off] + row.errors
    items = "".join(f"<li>{html.escape(o)}</li>" for o in off or ["nothing was off"])
    words = "".join(f"<h3>{html.escape(n)}, words</h3><pre>{html.escape(text)}</pre>" for n, text in row.words.items())
    return f"<details><summary>{html.escape(row.name)}</summary><ul>{items}</ul>{words}</details>"


def write_html(path, rows, numbers, closed):
    columns = "".join(f'<th scope="col">{html.escape(n)}</th>' for n in ("notebook", "how it went", "right", *numbers))
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>What the checks say</title><style>{STYLE}</style><h1>What the checks say</h1>",
        f"<p>{len(rows)} notebooks. The checks are for learning and keep no secrets: read the words, too.</p>",
        "" if closed else HELD_IN_PYTHON_ALONE,
        f'<div class="scroll" tabindex="0"><table><thead><tr>{columns}</tr></thead><tbody>',
        *(line(row, numbers) for row in rows),
        "</tbody></table></div><h2>What was off, and what was written</h2>",
        *map(more, rows),
        "</html>",
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def mark(folder, out=None, seconds=900, cell_seconds=120, gigabytes=8.0):
    """Run every notebook below a folder; writes marks.csv and marks.html into `out` and returns the rows."""
    folder = Path(folder)
    out = Path(out or folder / "marks")
    paths = sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    if not paths:
        sys.exit(f"There is no notebook in {folder}.")
    out.mkdir(parents=True, exist_ok=True)
    apart, closed = isolation()
    rows = []
    for path in paths:
        row = run(path, seconds, cell_seconds, gigabytes, apart, closed)
        row.name = path.relative_to(folder).as_posix()
        rows.append(row)
        right = [state for state, _ in row.exercises.values()].count("right")
        print(f"{row.name}: {row.how}, {row.seconds:.0f} s, {right} of {len(row.exercises)} right", flush=True)
        numbers = sorted({n for row in rows for n in row.exercises})
        write_csv(out / "marks.csv", rows, numbers)  # after each, so that what is done is kept
        write_html(out / "marks.html", rows, numbers, closed)
    print(f"The network was {'off' if closed else 'closed for Python only'}. Look at {(out / 'marks.html').resolve()}")
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--out", help="where the table goes; FOLDER/marks if it is not said")
    parser.add_argument("--seconds", type=float, default=900, help="for a notebook")
    parser.add_argument("--cell-seconds", type=int, default=120, help="for a cell")
    parser.add_argument("--gigabytes", type=float, default=8, help="of memory for a notebook")
    given = parser.parse_args()
    mark(given.folder, given.out, given.seconds, given.cell_seconds, given.gigabytes)
