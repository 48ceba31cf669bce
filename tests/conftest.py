"""What all tests share: the built site, the browser, and the rule that nothing is skipped in CI for want of a tool."""

import os
import subprocess
import sys
import time
from pathlib import Path

import browser as browsers
import pytest
from hypothesis import settings
from tries import TRIED

ROOT = Path(__file__).parents[1]

# In CI the same examples every time; at a desk new ones, which may find what CI does not.
settings.register_profile("ci", derandomize=True)
settings.register_profile("many", max_examples=1330)  # 50,000 inputs in all; the summary counts them
if os.environ.get("CI"):
    settings.load_profile("ci")


LONG = 3  # seconds: a cell that took longer is not run again


def pytest_collection_modifyitems(items):
    """Let nbval run each cell of a chapter again after the end, the last cell first: a reader may go back to any."""
    of_chapters = {}
    for item in items:
        if hasattr(item, "cell_num"):
            of_chapters.setdefault(item.parent, []).append(item)
    for chapter, cells in of_chapters.items():
        place = items.index(cells[-1]) + 1
        items[place:place] = [again(chapter, cell) for cell in reversed(cells)]


def again(chapter, cell):
    repeated = type(cell).from_parent(
        chapter, name=f"{cell.name} again", cell_num=cell.cell_num, cell=cell.cell, options=cell.options.copy()
    )
    repeated.options["check"] = False
    run, run_again, taken = cell.runtest, repeated.runtest, []

    def timed():
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)

    def where_short():
        if not taken or taken[0] >= LONG:
            pytest.skip("the cell failed, or takes too long to be run twice")
        run_again()

    cell.runtest, repeated.runtest = timed, where_short
    return repeated


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With CI=true a skipped test is a failed one; a machine without a GPU is the one reason that counts."""
    outcome = yield
    report = outcome.get_result()
    in_ci = os.environ.get("CI", "").lower() in ("1", "true")
    notebook_cell = item.nodeid.split("::")[0].endswith(".ipynb")
    if in_ci and report.skipped and not notebook_cell and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "GPU" not in reason:
            report.outcome = "failed"
            report.longrepr = f"Nothing may be skipped in CI. {reason}"


def pytest_terminal_summary(terminalreporter):
    if TRIED:
        terminalreporter.write_line(f"{TRIED.total():,} random inputs in {len(TRIED)} tests")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built once, every warning an error, outside the tree; with a pretended address, as it is published."""
    out = tmp_path_factory.mktemp("site")
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", ROOT, "--all", "-W", "-n", "--keep-going", "--path-output", out]
    env = os.environ | {"BOOK_ADDRESS": "https://github.com/painters/book"}
    built = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    return out / "_build/html"


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium that cannot resolve any name."""
    from playwright.sync_api import sync_playwright

    path = browsers.find()
    if not path:
        pytest.fail(browsers.MISSING, pytrace=False)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()
