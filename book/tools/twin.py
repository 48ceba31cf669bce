"""Run the Colab edition as Colab would: on its versions (`colab.txt`), each chapter alone in an empty folder.

    python3 book/tools/make.py colab                    every chapter
    python3 book/tools/make.py colab 03 06              those that begin so

The cell that installs really installs, from wheels that were just built; nothing but paintlib, array-api-compat and,
where a chapter loads networks, paintlib-models may come with it. Compared cells must print what the source has stored.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import editions
import wheels
from address import Home

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ROOT / "book/tools/colab.txt"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
PRETENDED = Home("painters", "book")
THEORY = (
    "numpy",
    "scipy",
    "sympy",
    "matplotlib",
    "pillow",
    "scikit-learn",
    "tqdm",
    "ipywidgets",
    "ipython",
    "ipykernel",
)
NETWORKS = ("diffusers", "transformers", "accelerate", "safetensors")
PATIENCE = ("--timeout=600", "--startup_timeout=300")  # seconds for a cell, and for a kernel on a busy machine
NOT_ITS_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")  # the last would slow each start
OURS = ("paintlib", "paintlib-models", "array-api-compat")


class Twin:
    """A virtual environment with Colab's versions."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.bin = self.folder / ("Scripts" if os.name == "nt" else "bin")
        self.environ = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}

    def make(self, networks=True):
        """Make it with the newest Python that there is, if it is not there; torch only where networks are wanted."""
        if not self.bin.is_dir():
            self._call(newest_python(), "-m", "venv", self.folder)
        if networks:
            self._pip("--no-deps", "--retries", "1", "--extra-index-url", CPU_WHEELS, "torch")
        self._pip("nbclient", *THEORY, *(NETWORKS if networks else ()))

    def freeze(self):
        command = [self.bin / "python", "-m", "pip", "freeze", "--disable-pip-version-check"]
        done = subprocess.run(list(map(str, command)), env=self.environ, check=True, capture_output=True, text=True)
        return set(done.stdout.split("\n")) - {""}

    def forget(self):
        """Take out what the last chapter installed."""
        self._call(self.bin / "python", "-m", "pip", "uninstall", "--quiet", "--yes", *OURS)

    def run(self, notebook, folder):
        """Run an edition in an empty folder; returns what came out, and the lines that `pip freeze` gained."""
        shutil.rmtree(folder, ignore_errors=True)
        editions.write(notebook, folder / "chapter.ipynb")
        before = self.freeze()
        self._call(self.bin / "jupyter-execute", "--inplace", *PATIENCE, "chapter.ipynb", cwd=folder)
        gained = {line for line in self.freeze() - before}
        return json.loads((folder / "chapter.ipynb").read_text(encoding="utf-8")), gained

    def _pip(self, *what):
        options = ["--quiet", "--no-compile", "--disable-pip-version-check", "--constraint", VERSIONS]
        self._call(self.bin / "python", "-m", "pip", "install", *options, *what)

    def _call(self, *command, cwd=ROOT):
        done = subprocess.run(list(map(str, command)), cwd=cwd, env=self.environ, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def newest_python():
    """The newest Python on the path, up to Colab's own 3.13."""
    found = [shutil.which(f"python3.{minor}") for minor in (13, 12, 11)]
    works = (p for p in found if p and subprocess.run([p, "-c", "import venv"], capture_output=True).returncode == 0)
    return next(works, sys.executable)


def printed(notebook):
    """What the compared cells printed, by cell."""
    texts = {}
    for cell in notebook["cells"]:
        if "nbval-check-output" in editions.tags(cell):
            shown = (o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell["outputs"])
            texts[cell["id"]] = "".join("".join(text) for text in shown)
    return texts


def check(twin, source, built, folder):
    """Run the Colab edition of a chapter (its notebook as a dictionary); returns what is off, as sentences."""
    wanted = ["paintlib"] + ["paintlib-models"] * editions.needs_weights(source)
    install = editions.install_cell([f"{built[n].path.as_uri()}#sha256={built[n].sha256}" for n in wanted])
    twin.forget()
    edition = editions.colab(source, editions.public(PRETENDED, "chapters"), install)
    try:
        ran, gained = twin.run(edition, folder)
    except RuntimeError as error:
        return [str(error)]
    names = sorted(line.split(" @ ")[0].split("==")[0] for line in gained)
    off = [] if names == sorted(["array-api-compat", *wanted]) else [f"installed {names}"]
    before, after = printed(source), printed(ran)
    return off + [f"cell {i} printed {after[i]!r}, stored is {before[i]!r}" for i in before if before[i] != after[i]]


def main(*wanted):
    paths = [p for p in sorted(ROOT.glob("chapters/*.ipynb")) if not wanted or p.name.startswith(wanted)]
    if not paths:
        sys.exit(f"No chapter begins with {' or '.join(wanted)}: write its number, as 04.")
    out = ROOT / "_build/twin"
    twin = Twin(out / "venv")
    print(f"Making Colab's twin in {twin.folder}", flush=True)
    twin.make()
    chapters = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}  # as old as the wheels
    built = wheels.build(out)
    wrong = 0
    for name, source in chapters.items():
        begun = time.monotonic()
        off = check(twin, source, built, out / "run")
        wrong += bool(off)
        print(f"{name}, {time.monotonic() - begun:.0f} s:", "; ".join(off) or "as stored", flush=True)
    print(f"{len(chapters) - wrong} of {len(chapters)} as stored")
    sys.exit(wrong and 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
