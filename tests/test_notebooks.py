"""The chapters as notebooks: the rules of CONTRIBUTING.md. That their outputs are fresh is shown by nbval."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted(ROOT.glob("chapters/*.ipynb"))
MYST = re.compile(r"^\s*(:::+|```+|~~~+)\s*\{|\{[a-z][\w:-]*\}`|^\s*\([\w-]+\)=\s*$|^%\s", re.M)
EXERCISE = re.compile(r"^### Exercise (\d\d\.\d+)\b.*\w", re.M)
chapters = pytest.mark.parametrize("chapter", PATHS, ids=lambda path: path.stem)


def load(name, folder="book/tools"):
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(chapter, kind=None):
    """(number, source, cell) of each cell, or of those of one kind."""
    notebook = json.loads(chapter.read_text(encoding="utf-8"))
    return [(i, "".join(c["source"]), c) for i, c in enumerate(notebook["cells"]) if kind in (None, c["cell_type"])]


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def exercises(chapter):
    """The exercises of a chapter: {number: its cells, up to the next heading of the same or a higher level}."""
    found, current = {}, None
    for _, source, cell in cells(chapter):
        heading = EXERCISE.match(source) if cell["cell_type"] == "markdown" else None
        if heading:
            current = found.setdefault(heading[1], [])
        elif cell["cell_type"] == "markdown" and re.match(r"#{1,3} ", source):
            current = None
        if current is not None:
            current.append((source, cell))
    return found


def test_the_check_for_myst_sees_it_and_leaves_markdown_alone():
    for myst in ("see {eq}`one`", "```{note}\nhello\n```", ":::{tip}", "(label)=", "{doc}`x`"):
        assert MYST.search(myst), myst
    for plain in ("```python\nf(x)\n```", r"$\{a\}$ `x`", r"$x_{t}$ `y`", "(a) = b", "50 % of it", r"\frac{a}{b} `c`"):
        assert not MYST.search(plain), plain


@chapters
def test_markdown_is_plain(chapter):
    for i, source, _ in cells(chapter, "markdown"):
        assert not MYST.search(source), f"cell {i} holds MyST, which Colab shows raw: {MYST.search(source)[0]!r}"
        assert not re.search(r"!\[[^\]]*\]\(https?:", source), f"cell {i} loads a picture from another host"


@chapters
def test_cells_are_short(chapter):
    for i, source, _ in cells(chapter, "code"):
        assert len(source.splitlines()) <= 15, f"cell {i} has {len(source.splitlines())} lines"


@chapters
def test_outputs_are_those_of_one_run_from_top_to_bottom(chapter):
    ran = [c for _, source, c in cells(chapter, "code") if source.strip()]
    assert [c["execution_count"] for c in ran] == list(range(1, len(ran) + 1))
    wrong = [o for c in ran for o in c["outputs"] if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert wrong == []


def compared(chapter):
    return [
        (i, c)
        for i, source, c in cells(chapter, "code")
        if "nbval-check-output" in tags(c) or "NBVAL_CHECK_OUTPUT" in source
    ]


@chapters
def test_two_to_five_cells_are_compared_and_have_something_to_compare(chapter):
    found = compared(chapter)
    assert 2 <= len(found) <= 5
    for i, cell in found:
        assert cell["outputs"] and cell["execution_count"], f"cell {i} has no stored output: nbval would pass it"
        texts = ["".join(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in cell["outputs"]]
        assert any(re.search(r"\d", text) for text in texts), f"cell {i} is compared but shows no number"
        assert not any(re.search(r"\d\.\d{9}", text) for text in texts), f"cell {i}: round what is compared"


@chapters
def test_no_cell_hides_from_the_comparison(chapter):
    for i, source, cell in cells(chapter, "code"):
        hidden = {"nbval-skip", "skip-execution"} & tags(cell) or "NBVAL_SKIP" in source
        assert not hidden, f"cell {i} is never run"


@chapters
def test_every_picture_has_alternative_text(chapter):
    for i, _, cell in cells(chapter, "code"):
        pictures = [o for o in cell["outputs"] if any(kind.startswith("image/") for kind in o.get("data", {}))]
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        assert not pictures or len(alt.split()) >= 6, f"cell {i} shows a picture; say in its metadata what one sees"


@chapters
def test_outputs_are_small(chapter):
    assert chapter.stat().st_size < 3_000_000
    assert "vnd.jupyter.widget" not in chapter.read_text(encoding="utf-8"), "a kernel's widget is dead on the page"


@chapters
def test_at_least_one_interactive_that_needs_nothing(chapter):
    fragments = [
        "".join(o["data"]["text/html"])
        for _, _, c in cells(chapter, "code")
        for o in c["outputs"]
        if "text/html" in o.get("data", {})
    ]
    moving = [f for f in fragments if "paint-interactive" in f]
    assert moving
    for fragment in moving:
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|fetch\(|import\(""", fragment)


@chapters
def test_three_exercises_each_with_stub_hint_and_solution(chapter):
    found = exercises(chapter)
    assert len(found) >= 3
    for number, parts in found.items():
        assert number.startswith(chapter.name[:2] + "."), f"exercise {number} has the number of another chapter"
        by_tag = {tag: [(s, c) for s, c in parts if tag in tags(c)] for tag in ("exercise", "stub", "hint", "solution")}
        assert [len(by_tag["exercise"]), len(by_tag["stub"])] == [1, 1], f"exercise {number}: one question, one stub"
        assert all("hide-cell" in tags(c) for _, c in by_tag["hint"]), f"exercise {number}: hints are folded"
        assert any(f'check.hint("{number}"' in s for s, _ in by_tag["hint"]), f"exercise {number} has no hint"
        code = [(s, c) for s, c in by_tag["solution"] if c["cell_type"] == "code"]
        words = [s for s, c in by_tag["solution"] if c["cell_type"] == "markdown"]
        assert any(f'check.answer("{number}"' in s for s, _ in code), f"exercise {number}: its solution is not checked"
        folded = [*({"hide-cell", "hide-input"} & tags(c) for _, c in code), *("<details>" in s for s in words)]
        assert all(folded), f"exercise {number}: its solution is not folded"


def names(sources, kind):
    trees = [ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", s, flags=re.M)) for s in sources]
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, kind)} | {
        n.name for tree in trees for n in ast.walk(tree) if kind is ast.Store and isinstance(n, ast.FunctionDef)
    }


@chapters
def test_no_cell_needs_a_name_that_only_a_solution_makes(chapter):
    student = [s for _, s, c in cells(chapter, "code") if "solution" not in tags(c)]
    solution = [s for _, s, c in cells(chapter, "code") if "solution" in tags(c)]
    assert names(student, ast.Load) & (names(solution, ast.Store) - names(student, ast.Store)) == set()


@chapters
def test_student_edition_has_no_solution(chapter):
    make = load("make")
    edition = make.without_solutions(json.loads(chapter.read_text(encoding="utf-8")))
    assert len(edition["cells"]) < len(cells(chapter))
    assert not any("solution" in tags(c) for c in edition["cells"]) and any("stub" in tags(c) for c in edition["cells"])


def test_all_that_names_the_address_agrees_with_the_config():
    assert load("address").stale() == []


@chapters
def test_chapter_says_where_it_lives_and_how_to_install(chapter):
    tagged = [(tag, i) for i, _, c in cells(chapter) for tag in ("address", "install") if tag in tags(c)]
    assert [tag for tag, _ in tagged] == ["address", "install"]
    assert tagged[1][1] == cells(chapter, "code")[0][0], "the install cell is the first code cell"


@pytest.mark.parametrize(
    "url, colab",
    [
        ("", "not set yet"),
        (
            "https://github.com/painters/book",
            "https://colab.research.google.com/github/painters/book/blob/main/chapters/02_x.ipynb",
        ),
    ],
)
def test_address_is_written_everywhere_from_one_place(tmp_path, url, colab):
    """Set it, write it, and nothing is stale; the pages and the notebook's cells name it, or say that it is unset."""
    tool = load("address")
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    (tmp_path / "_config.yml").write_text(re.sub("^  url: .*", f'  url: "{url}"', config, flags=re.M), encoding="utf-8")
    (tmp_path / "book").mkdir()
    (tmp_path / "chapters").mkdir()
    for name in ("README.md", "CITATION.cff", "book/use.md"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    parts = [("markdown", "address"), ("code", "install")]
    notebook = {"cells": [{"cell_type": k, "metadata": {"tags": [t]}, "source": ["old"]} for k, t in parts]}
    (tmp_path / "chapters/02_x.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for path in tool.places(tmp_path):
        path.write_text(tool.written(path, tmp_path), encoding="utf-8")
    assert tool.stale(tmp_path) == []
    link, install = ["".join(c["source"]) for c in json.loads((tmp_path / "chapters/02_x.ipynb").read_text())["cells"]]
    assert colab in link and (f"git+{url}@main" in install if url else "not set yet" in install)
    for name in ("README.md", "CITATION.cff", "book/use.md"):
        assert (url or "not set yet") in (tmp_path / name).read_text(encoding="utf-8")


def test_an_address_that_is_none_is_refused(tmp_path):
    (tmp_path / "_config.yml").write_text('  url: "github.com/me"\n  branch: main\n')
    with pytest.raises(ValueError, match=r"repository: url.*https://github.com/OWNER/NAME"):
        load("address").address(tmp_path)
