"""The editions of the chapters, Colab, desk, student, instructor: what they hold, where they lead, that they run."""

import ast
import copy
import functools
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import editions  # noqa: E402
import lab  # noqa: E402
from address import Home, find, parse  # noqa: E402

HOME = Home("Painters", "book")
SITE, COLAB = "https://painters.github.io/book/", "https://colab.research.google.com/github/Painters/book/blob/colab/"
PATHS = sorted(ROOT.glob("chapters/*.ipynb"))
INSTALL = editions.install_cell([HOME.release("paintlib-1-aa", "paintlib-1-py3-none-any.whl") + "#sha256=aa"])
FOLDED = {"hint": r"Hint \d of \d", "solution": "Code of the solution", "quiz": r"Which is right\?.*"}
chapters = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
LINK = re.compile(r"\]\(([^()\s]+)\)|href=\"([^\"]+)\"")


@functools.cache
def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@functools.cache
def made(path):
    """All editions of a chapter, those for Colab with an install cell."""
    source, local = read(path), editions.local(HOME)
    return {
        "colab": editions.colab(source, editions.public(HOME, "chapters"), INSTALL),
        "student in Colab": editions.student(source, editions.public(HOME, "student"), INSTALL),
        "desk": editions.desk(source, local),
        "student": editions.student(source, local),
        "instructor": editions.instructor(source, local),
        "unset": editions.student(source, editions.local(None)),
    }


def links(notebook):
    """The targets of all links in text; of those in outputs too."""
    texts = [editions.source(c) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    for cell in notebook["cells"]:
        texts += ["".join(o.get("data", {}).get("text/html", "")) for o in cell.get("outputs", [])]
    found = [a or b for text in texts for a, b in LINK.findall(text)]
    return [link for link in found if re.match(r"(https?:|\.|/|#)|.*\.(ipynb|md|html)\b", link)]


def test_a_link_leads_where_the_edition_lives():
    text = (
        "$U[k](x)$ [a](04_x.ipynb#s), [E [7]](../book/errata.md#e7), [paper](https://arxiv.org), ![p](attachment:p.png)"
    )
    public, local, bare = editions.public(HOME, "chapters"), editions.local(HOME), editions.local(None)
    assert f"[a]({COLAB}chapters/04_x.ipynb), [E [7]]({SITE}book/errata.html#e7), [paper]" in public.rewrite(text)
    assert f"[a](04_x.ipynb#s), [E [7]]({SITE}book/errata.html#e7), [paper]" in local.rewrite(text)
    assert "[a](04_x.ipynb#s), E [7], [paper](https://arxiv.org)" in bare.rewrite(text)
    for places in (public, local, bare):
        kept = places.rewrite(text)
        assert kept.startswith("$U[k](x)$") and kept.endswith("![p](attachment:p.png)")
    assert public.rewrite('<a href="../book/errata.md">') == f'<a href="{SITE}book/errata.html">'


@chapters
def test_no_edition_touches_the_source_and_each_is_a_valid_notebook(path):
    source = read(path)
    kept = copy.deepcopy(source)
    for edition in made(path).values():
        nbformat.validate(edition)
        ids = [cell["id"] for cell in edition["cells"]]
        assert len(set(ids)) == len(ids)
    assert source == kept


@chapters
def test_all_links_of_all_editions_lead_somewhere(path):
    siblings = {path.name for path in PATHS}
    for name, edition in made(path).items():
        for link in links(edition):
            if link.startswith("https://colab"):
                folder = "student" if name == "student in Colab" else "chapters"
                assert link.removeprefix(f"{COLAB}{folder}/") in siblings, f"{name}: {link}"
            elif link.startswith(SITE):
                page, _, anchor = link.removeprefix(SITE).partition("#")
                assert (ROOT / page).with_suffix(".md").is_file() and name != "unset", f"{name}: {link}"
                assert not anchor or re.search(r"^#+ ", (ROOT / page).with_suffix(".md").read_text(), re.M)
            elif not link.startswith(("https://", "http://")):
                assert "Colab" not in name and name != "colab" and link.split("#")[0] in siblings, f"{name}: {link}"


@chapters
def test_only_what_colab_opens_installs_and_it_does_so_first(path):
    for name, edition in made(path).items():
        code = [editions.source(c) for c in edition["cells"] if c["cell_type"] == "code"]
        assert ('-m", "pip' in code[0]) == ("olab" in name) and not any('pip", "install' in c for c in code[1:])
    assert "main" not in INSTALL and "--no-deps" in INSTALL and "#sha256=" in INSTALL
    ast.parse(INSTALL)


@chapters
def test_hints_answers_and_code_of_solutions_are_folded_and_say_what_they_hold(path):
    for edition in made(path).values():
        for cell in edition["cells"]:
            held = editions.tags(cell) & set(FOLDED)
            if cell["cell_type"] == "code" and held:
                first = editions.source(cell).splitlines()[0]
                assert re.fullmatch(f"# @title {FOLDED[held.pop()]}", first)
                assert cell["metadata"]["cellView"] == "form" and cell["metadata"]["jupyter"]["source_hidden"]


@chapters
def test_hints_are_a_ladder(path):
    """Hint 1 of 3, 2 of 3, 3 of 3; unopened, so that none is read by chance."""
    for name, edition in made(path).items():
        before = (0, 0)
        for cell in edition["cells"]:
            if "exercise" in editions.tags(cell):
                assert before[0] == before[1]
                before = (0, 0)
            if "hint" in editions.tags(cell):
                n, total = map(int, re.findall(r"\d+", editions.source(cell).splitlines()[0]))
                assert n == before[0] + 1 and before[1] in (0, total)
                assert name == "instructor" or not cell["outputs"]
                before = (n, total)


@chapters
def test_student_copies_hold_no_solution_no_trace_of_one_and_no_output(path):
    source = read(path)
    solved = [c for c in source["cells"] if "solution" in editions.tags(c)]
    others = "\n".join(editions.source(c) for c in source["cells"] if "solution" not in editions.tags(c))
    lines = {line.strip() for c in solved for line in editions.source(c).splitlines() if len(line.strip()) > 25}
    traces = lines - {line.strip() for line in others.splitlines()}
    assert traces
    for name in ("student", "student in Colab", "unset"):
        edition = made(path)[name]
        text = "\n".join(map(editions.source, edition["cells"]))
        assert not [line for line in traces if line in text]
        assert "solution" not in {tag for c in edition["cells"] for tag in editions.tags(c)}
        code = [c for c in edition["cells"] if c["cell_type"] == "code"]
        assert not any(c["outputs"] or c["execution_count"] for c in code)
        alts = [c["metadata"].get("mystnb", {}).get("image", {}).get("alt") for c in solved]
        assert not [alt for alt in alts if alt and alt in json.dumps(edition, ensure_ascii=False)]
        assert sum("stub" in editions.tags(c) for c in edition["cells"]) >= 2


@chapters
def test_counts_are_in_order_and_only_hints_and_solutions_have_none(path):
    edition = made(path)["colab"]
    counts = [c["execution_count"] for c in edition["cells"] if c["cell_type"] == "code" and c["execution_count"]]
    assert counts == sorted(set(counts)) and len(counts) > 10


@chapters
def test_what_figures_show_is_told_in_every_edition(path):
    for name, edition in made(path).items():
        cells = edition["cells"]
        shown = [i for i, c in enumerate(cells) if c["metadata"].get("mystnb", {}).get("image", {}).get("alt")]
        assert shown
        for i in shown:
            assert "in-words" in editions.tags(cells[i + 1]) and "<details>" in editions.source(cells[i + 1]), name


@chapters
def test_instructors_find_every_check_right(path):
    edition = made(path)["instructor"]
    asked = [c for c in edition["cells"] if "solution" in editions.tags(c) and "check.answer(" in editions.source(c)]
    assert asked
    for cell in asked:
        said = "".join("".join(o.get("text", "")) for o in cell["outputs"])
        assert said.count(": right.") == editions.source(cell).count("check.answer("), said


QUICK = ("03", "06")  # under ten seconds each; the others are run by `make.py colab` and, as they stand, by nbval


@pytest.mark.parametrize("path", [p for p in PATHS if p.name.startswith(QUICK)], ids=lambda path: path.stem)
def test_student_edition_runs_unanswered_from_top_to_bottom(path, tmp_path):
    notebook = nbformat.reads(json.dumps(editions.student(read(path), editions.local(None))), as_version=4)
    ran = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = ["".join(o.get("text", "") for o in c.outputs) for c in ran.cells if "stub" in editions.tags(c)]
    assert said and all("not yet" in text for text in said)


def test_weights_are_asked_for_by_chapters_that_load_networks_alone():
    needs = {path.name[:2]: editions.needs_weights(read(path)) for path in PATHS}
    for path in PATHS:
        code = "\n".join(editions.source(c) for c in read(path)["cells"] if c["cell_type"] == "code")
        assert needs[path.name[:2]] == bool(re.search(r"\b(networks|pipelines)\.load\(|full_run\(", code)), path.name


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Painters/book",
        "https://github.com/Painters/book/",
        "git@github.com:Painters/book.git",
        "ssh://git@github.com/Painters/book.git",
    ],
)
def test_all_addresses_follow_from_the_repositorys(url):
    home = parse(url)
    assert (home.repository, home.site, home.colab()) == ("https://github.com/Painters/book", SITE, f"{COLAB}chapters/")
    assert Home("Painters", "painters.github.io").site == "https://painters.github.io/"


def test_a_fork_finds_its_own_address_and_a_copy_without_one_none(tmp_path):
    assert find(environ={"GITHUB_REPOSITORY": "fork/book"}).repository == "https://github.com/fork/book"
    assert find(environ={"GITHUB_REPOSITORY": "fork/book", "BOOK_ADDRESS": HOME.repository}) == HOME
    assert find("https://github.com/a/b", {"BOOK_ADDRESS": HOME.repository}).owner == "a"
    assert find(environ={}, root=tmp_path) is None
    for bad in ("github.com/me", "https://example.org/a/b", "https://github.com/me"):
        with pytest.raises(ValueError, match=r"https://github.com/OWNER/NAME"):
            find(bad, {})


def test_the_desk_keeps_what_the_reader_wrote_and_renews_the_rest(tmp_path):
    root, desk = tmp_path / "book root", tmp_path / "desk"
    (root / "chapters").mkdir(parents=True)
    (root / "book").mkdir()
    (root / "book/notation.md").write_text("page one", encoding="utf-8")
    for path in PATHS[:2]:
        (root / "chapters" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert lab.lay_out(desk, root) == []
    first, second = (desk / "chapters" / path.name for path in PATHS[:2])
    first.write_text(first.read_text(encoding="utf-8").replace("...  # your work", "return 1"), encoding="utf-8")
    mine = first.read_text(encoding="utf-8")
    for path in PATHS[:2]:
        target = root / "chapters" / path.name
        target.write_text(path.read_text(encoding="utf-8").replace("The question.", "What we ask."), encoding="utf-8")
    assert lab.lay_out(desk, root) == [f"chapters/{first.name}"]
    assert first.read_text(encoding="utf-8") == mine and "What we ask." in second.read_text(encoding="utf-8")


@chapters
def test_links_of_the_desk_lead_to_files_of_the_desk(path):
    edition = editions.desk(read(path), editions.Places(pages="../", suffix=".md"))
    for link in links(edition):
        if not link.startswith("http"):
            assert (ROOT / "chapters" / link.split("#")[0]).is_file(), link
