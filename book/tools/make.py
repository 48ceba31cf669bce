"""Make an environment beside the book, then do what you ask for.

    python3 book/tools/make.py site             the site, in _build/html
    python3 book/tools/make.py tests            all tests, and every chapter run again
    python3 book/tools/make.py lab              the chapters in JupyterLab, as copies of your own in desk/
    python3 book/tools/make.py student          the chapters without their solutions, in _build/student
    python3 book/tools/make.py instructor       the chapters with all outputs and solutions, in _build/instructor
    python3 book/tools/make.py slides           slides of each part with notes for the speaker, in _build/slides
    python3 book/tools/make.py mark FOLDER      what the checks say of a class's notebooks, as a table in FOLDER/marks
    python3 book/tools/make.py pdf              the whole book, in _build/book.pdf (needs Chromium)
    python3 book/tools/make.py publish [URL]    all that goes public, in _build/publish (needs Chromium)
    python3 book/tools/make.py colab [03 06]    every chapter (or some) as Colab runs it, on Colab's versions

Needs Python 3.11 or newer and nothing else. What it installs goes into .venv. URL is the address of the repository,
https://github.com/OWNER/NAME; if it is left out, that of git's remote `origin`.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import address
import editions

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = "book/tools/lock.txt"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
# On Linux the registry's torch holds CUDA (several GB); the second index has a small build of the same version.
TORCH = ["--no-deps", "--retries", "1", "--extra-index-url", CPU_WHEELS, "torch"]


def run(*command):
    """Run a command in the book's folder; end with its exit code if it fails."""
    process = subprocess.Popen([str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        code = process.wait()
    except KeyboardInterrupt:  # Ctrl-C reaches the command as well: let it close in its own way
        code = process.wait()
    if code:
        sys.exit(code)


def install(name, *steps):
    """Make .venv if there is none, and run the pip installs `steps` unless they were run for these very files."""
    if not PYTHON.exists():
        print("Making an environment in .venv", flush=True)
        if subprocess.call([sys.executable, "-m", "venv", str(VENV)]):
            sys.exit("Python's venv module does not work here. On Debian and Ubuntu: apt-get install python3-venv")
    files = [ROOT / file for file in ("pyproject.toml", "requirements.txt", LOCK)]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = VENV / f"installed-{name}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    for step in steps:
        print(f"Installing {step[-1]}, which takes minutes the first time", flush=True)
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", LOCK, *step)
    stamp.write_text(wanted)


def site():
    """Build the site from the notebooks' stored outputs; every warning is an error."""
    install("site", ["--editable", ".[site]"])
    run(PYTHON.parent / "jupyter-book", "build", ".", "--all", "-W", "-n", "--keep-going")
    print(f"\nThe site is built. Open {(ROOT / '_build/html/index.html').as_uri()}")


def tests(*options):
    """Run the tests, and every cell of every chapter, in one pytest run."""
    install("tests", TORCH, ["--requirement", "requirements.txt"])
    run(PYTHON, "tests/browser.py")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    chapters = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("chapters/*.ipynb"))
    workers = str(min(4, os.cpu_count() or 1))
    nbval = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300", "--nbval-sanitize-with=tests/nbval.cfg"]
    slowest = ["--durations=30", "--durations-min=5"]  # what to make frugal first
    run(PYTHON, "-m", "pytest", "-n", workers, "--dist=loadfile", *slowest, *nbval, *(options or ["tests", *chapters]))


def copies(edition, name):
    """Write an edition of each chapter beside the others of its kind, into _build/NAME."""
    places = editions.local(address.find())
    for path in sorted(ROOT.glob("chapters/*.ipynb")):
        target = ROOT / "_build" / name / path.name
        editions.write(edition(json.loads(path.read_text(encoding="utf-8")), places), target)
        print(target)


def student():
    """Write the chapters without solutions and outputs."""
    copies(editions.student, "student")


def instructor():
    """Write the chapters with all there is."""
    copies(editions.instructor, "instructor")


def notebooks():
    """Install what the chapters need, and JupyterLab; no test, no browser."""
    install("lab", TORCH, ["--editable", ".[chapters,models,lab]"])


def lab(*options):
    """Open JupyterLab on the reader's own copies of the chapters."""
    notebooks()
    run(PYTHON, "book/tools/lab.py", *options)


def mark(folder="", *options):
    """Run and check each notebook of a folder."""
    if not folder:
        sys.exit("mark needs the folder that holds the class's notebooks: make.py mark FOLDER")
    notebooks()
    run(PYTHON, "book/tools/mark.py", Path(folder).resolve(), *options)


def publish(url=""):
    """Make all that goes public."""
    try:
        home = address.find(url)
    except ValueError as error:
        sys.exit(f"publish: {error}")
    if not home:
        sys.exit("publish needs the repository's address: make.py publish https://github.com/OWNER/NAME")
    tool("publish")(url)


def tool(name, extra="publish"):
    """A command whose work is a script of its own, run in the book's environment with the extra `extra` in it."""

    def work(*options):
        install(extra, ["--editable", f".[{extra}]"])
        run(PYTHON, f"book/tools/{name}.py", *options)

    return work


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(f"The book needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    goals = {goal.__name__: goal for goal in (site, tests, lab, student, instructor, mark, publish)}
    goals |= {"slides": tool("slides", "slides"), "pdf": tool("pdf"), "colab": tool("twin")}
    if len(sys.argv) < 2 or sys.argv[1] not in goals:
        unknown = [f"make.py does not know {sys.argv[1]!r}.\n"] if sys.argv[1:] else []
        sys.exit("\n".join([*unknown, __doc__]))
    goals[sys.argv[1]](*sys.argv[2:])
