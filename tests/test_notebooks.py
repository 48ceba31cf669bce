"""The chapters as notebooks: the rules of CONTRIBUTING.md. That their outputs are fresh is shown by nbval."""

import ast
import base64
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted(ROOT.glob("chapters/*.ipynb"))
MYST = re.compile(r"^\s*(:::+|```+|~~~+)\s*\{|\{[a-z][\w:-]*\}`|^\s*\([\w-]+\)=\s*$|^%\s", re.M)
EXERCISE = re.compile(r"^### Exercise (\d\d\.\d+)\b.*\w", re.M)
chapters = pytest.mark.parametrize("chapter", PATHS, ids=lambda path: path.stem)


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
    assert chapter.stat().st_size < 1_500_000
    assert "vnd.jupyter.widget" not in chapter.read_text(encoding="utf-8"), "a kernel's widget is dead on the page"


@chapters
def test_what_a_cell_prints_fits_the_page(chapter):
    """115 columns are what a page of 820 pixels takes; what checks, hints and solutions say wraps."""
    for i, _, cell in cells(chapter, "code"):
        if not {"stub", "hint", "solution"} & set(tags(cell)):
            for line in "".join("".join(o.get("text", "")) for o in cell["outputs"]).splitlines():
                assert len(line) <= 115, f"cell {i} prints {len(line)} columns: {line}"


@chapters
def test_no_cell_ends_with_a_value_that_nobody_wants_to_see(chapter):
    """Such as <Axes: >, or the True of a check."""
    for i, _, cell in cells(chapter, "code"):
        for output in cell["outputs"]:
            assert set(output.get("data", {})) != {"text/plain"}, f"cell {i}: end it with a semicolon"


@chapters
def test_a_folded_cell_is_a_hint_or_a_solution(chapter):
    for i, _, cell in cells(chapter, "code"):
        assert "hide-cell" not in tags(cell) or {"hint", "solution"} & set(tags(cell)), (
            f"cell {i}: its fold has no name"
        )


@chapters
def test_figures_have_two_pixels_for_one_of_the_page(chapter):
    sharp = []
    for _, _, cell in cells(chapter, "code"):
        for output in cell["outputs"]:
            if "image/png" in output.get("data", {}):
                head = base64.b64decode("".join(output["data"]["image/png"])[:64])
                width = int.from_bytes(head[16:20], "big")
                sharp.append(abs(width - 2 * output["metadata"].get("image/png", {}).get("width", 0)) <= 1)
    assert sharp and all(sharp)


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
        assert len(by_tag["exercise"]) == 1 >= len(by_tag["stub"]), f"exercise {number}: one question, one stub at most"
        assert all("hide-cell" in tags(c) for _, c in by_tag["hint"]), f"exercise {number}: hints are folded"
        coded = bool(by_tag["stub"])  # what is asked in words alone has no check, and hints only if it likes
        assert not coded or any(f'check.hint("{number}"' in s for s, _ in by_tag["hint"]), f"{number} has no hint"
        code = [(s, c) for s, c in by_tag["solution"] if c["cell_type"] == "code"]
        words = [s for s, c in by_tag["solution"] if c["cell_type"] == "markdown"]
        assert not coded or any(f'check.answer("{number}"' in s for s, _ in code), f"{number}: solution not checked"
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
def test_the_source_has_no_address_and_no_install_cell(chapter):
    """The editions add them."""
    for i, source, cell in cells(chapter):
        assert not {"address", "install"} & tags(cell) and "find_spec" not in source, f"cell {i}"


# The form of a chapter. A chapter leaves this set when it is brought into the form.
NOT_YET_IN_FORM = set()
EARLIER = pytest.mark.xfail(reason="written before the form was settled", strict=False)
in_form = pytest.mark.parametrize(
    "chapter",
    [pytest.param(p, id=p.stem, marks=EARLIER if p.name[:2] in NOT_YET_IN_FORM else ()) for p in PATHS],
)
TIME = re.compile(
    r"^\*Reading and doing: about [^.]+\. Runs in about [^.]+ on two CPU cores; no GPU needed\.( [^*]+)?\*$", re.M
)
HEAD = ("**The question.**", "**You will be able to**", "**You need**")
END = ["Exercises", "Recap", "Think on", "In the paper", "References"]
KINDS = ("Derive", "Implement", "Predict, then measure", "Explore")
LABEL = re.compile(rf"^\*({'|'.join(KINDS)}), (one stroke|two strokes|three strokes), \d+ minutes\.\*$", re.M)


def sections(chapter):
    """[(heading, its cells as (number, source, cell))] by headings of level 2; the head has the heading ""."""
    found = [("", [])]
    for i, source, cell in cells(chapter):
        if cell["cell_type"] == "markdown":
            first, *rest = re.split(r"^(?=## )", source, flags=re.M)
            if first.strip():
                found[-1][1].append((i, first, cell))
            found += [(part.splitlines()[0][3:].strip(), [(i, part, cell)]) for part in rest]
        else:
            found[-1][1].append((i, source, cell))
    return found


def words(part):
    return "\n\n".join(source for _, source, cell in part if cell["cell_type"] == "markdown")


@in_form
def test_a_chapter_begins_with_its_time_its_question_and_what_it_needs(chapter):
    head = words(sections(chapter)[0][1])
    assert re.match(rf"# {int(chapter.name[:2])}\. \w", head), "the title is '# 5. Its name'"
    assert TIME.search(head), "say '*Reading and doing: about ... Runs in about ... on two CPU cores; no GPU needed.*'"
    places = [head.find(mark) for mark in HEAD]
    assert -1 < places[0] < places[1] < places[2], f"the head has, in this order, {', '.join(HEAD)}"
    assert 3 <= len(re.findall(r"^- ", head[places[1] : places[2]], re.M)) <= 5, "three to five verbs"
    assert chapter.name.startswith("01") or "](" in head[places[2] :], "what a reader needs is linked"


@in_form
def test_a_chapter_has_its_sections_in_order(chapter):
    headings = [heading for heading, _ in sections(chapter)[1:]]
    assert headings[:2] == ["Warm up", "Predict"] and headings[-5:] == END, headings
    assert len(headings) > 8 and len(set(headings)) == len(headings), "sections of its own in between"


@in_form
def test_the_warm_up_asks_two_questions_and_folds_the_answers(chapter):
    warm_up = words(dict(sections(chapter))["Warm up"])
    assert warm_up.count("<details>") == 2 and warm_up.count("<summary>Answer</summary>") == 2


@in_form
def test_the_warm_up_is_about_earlier_chapters_and_says_which(chapter):
    own, questions = int(chapter.name[:2]), words(dict(sections(chapter))["Warm up"]).split("</details>")[:2]
    named = [[int(n) for n in re.findall(r"[Cc]hapter (\d+)", question)] for question in questions]
    assert own == 1 or all(any(n < own for n in of) for of in named), "name the earlier chapter of each question"


@chapters
def test_two_to_four_questions_with_a_choice_of_answers(chapter):
    asked = [(source, cell) for _, source, cell in cells(chapter, "code") if "explore.quiz(" in source]
    assert 2 <= len(asked) <= 4
    for source, cell in asked:
        assert {"quiz", "remove-input"} <= tags(cell), "the page shows the question, and not how it is written"
        assert source.startswith("explore.quiz("), "a cell of its own, for teachers to edit"


@in_form
def test_every_prediction_is_resolved_by_its_number(chapter):
    parts = sections(chapter)
    asked = re.findall(r"^(\d)\. ", words(dict(parts)["Predict"]), re.M)
    assert asked == [str(n + 1) for n in range(len(asked))] and asked, "number the predictions, from 1"
    after = "\n".join(words(part) for heading, part in parts if heading not in ("", "Warm up", "Predict"))
    for n in asked:
        assert re.search(rf"\b[Pp]rediction {n}\b", after), f"prediction {n} is not resolved: say 'Prediction {n}'"


@in_form
def test_recap_gives_numbers_the_end_one_question_and_the_paper_a_table(chapter):
    parts = dict(sections(chapter))
    points = re.split(r"^- ", words(parts["Recap"]), flags=re.M)[1:]
    assert len(points) >= 3 and sum(bool(re.search(r"\d", point)) for point in points) >= 3, (
        "results with their numbers"
    )
    assert "?" in words(parts["Think on"]) and "|--" in words(parts["In the paper"])
    for line in re.findall(r"^- .*(?:\n(?!- ).+)*", words(parts["References"]), re.M):
        linked = re.search(r"(?:\]\(|<)https://(doi\.org|arxiv\.org|www\.cs\.toronto\.edu/~kriz)/", line)
        assert linked, f"a reference has a link to its DOI or arXiv page: {line}"


@in_form
def test_exercises_are_of_all_kinds_and_labelled(chapter):
    parts = sections(chapter)
    inside = words(dict(parts)["Exercises"])
    assert not EXERCISE.search("\n".join(words(part) for heading, part in parts if heading != "Exercises"))
    found = exercises(chapter)
    assert list(found) == [f"{chapter.name[:2]}.{n + 1}" for n in range(len(found))], "number them in order"
    labels = {number: LABEL.search(pieces[0][0]) for number, pieces in found.items()}
    for number, label in labels.items():
        assert label, f"below the heading of {number} stands e.g. '*Derive, two strokes, 15 minutes.*'"
    assert {label[1] for label in labels.values()} == set(KINDS), "an exercise of each kind"
    before = "\n".join(words(part) for heading, part in parts if heading != "Exercises")
    for number in found:
        assert re.search(rf"\b{re.escape(number)}\b", before), f"the text does not point to exercise {number}"
    assert inside


@in_form
def test_a_stub_is_checked_where_it_stands_and_every_part_of_a_task_has_its_cell(chapter):
    for number, pieces in exercises(chapter).items():
        stub = [(s, c) for s, c in pieces if "stub" in tags(c)]
        asked = [s for s, c in pieces if "words" in tags(c)]
        folded = [s for s, c in pieces if "solution" in tags(c) and "<details><summary>" in s]
        assert folded, f"exercise {number}: a folded solution or model answer in words"
        if stub:
            source, cell = stub[0]
            shown = "".join("".join(o.get("text", "")) for o in cell["outputs"])
            assert "# your work" in source, f"exercise {number}: the stub says where to work: ...  # your work"
            assert f'check.answer("{number}"' in source and "not yet" in shown, (
                f"exercise {number}: check it in the stub"
            )
        assert stub or asked, f"exercise {number}: a stub for code, or a cell with the tag `words` for words"


@in_form
def test_solutions_have_names_of_their_own(chapter):
    for number, pieces in exercises(chapter).items():
        for source, cell in pieces:
            if "solution" in tags(cell) and cell["cell_type"] == "code":
                for given in re.findall(rf'check\.answer\("{re.escape(number)}", ([A-Za-z_]\w*)', source):
                    assert given.endswith("_solution"), f"exercise {number}: call it {given}_solution"


@in_form
def test_every_figure_has_a_caption_with_its_number(chapter):
    every, count = cells(chapter), 0
    for i, _, cell in every:
        if "solution" in tags(cell) or not any("image/png" in o.get("data", {}) for o in cell.get("outputs", [])):
            continue
        count += 1
        wanted = f"**Figure {int(chapter.name[:2])}.{count}.** "
        below = every[i + 1] if i + 1 < len(every) else (0, "", {"cell_type": ""})
        assert below[2]["cell_type"] == "markdown" and below[1].startswith(wanted), f"below cell {i} stands {wanted!r}"


@in_form
def test_one_voice(chapter):
    for i, source, cell in cells(chapter):
        if cell["cell_type"] == "markdown":
            wrong = re.search(r"\\(mathbf|boldsymbol|bm)\b|\bEqs?\. \(|\bEquations? \d|\b[Nn]o network[.,;]", source)
            assert not wrong, f"cell {i}: {wrong[0]!r}; plain italics, 'Eq. 9', and a network is a neural network"
            for text, number in re.findall(r"\[([^]]*)\]\(\.\./book/errata\.md#(e\d+)", source):
                assert text == f"erratum {number.upper()}", f"cell {i}: write [erratum {number.upper()}](...)"


class Names(ast.NodeVisitor):
    """The names that a cell binds, and those that it reads without having bound them before."""

    def __init__(self, source):
        self.bound, self.read = set(), set()
        self.visit(ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.M)))

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.read |= {node.id} - self.bound
        else:
            self.bound.add(node.id)

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node):
        if isinstance(node.target, ast.Name):
            self.read |= {node.target.id} - self.bound
        self.visit_Assign(ast.Assign([node.target], node.value))

    def visit_For(self, node):
        self.visit(node.iter)
        self.visit(node.target)
        for part in [*node.body, *node.orelse]:
            self.visit(part)

    def visit_Import(self, node):
        self.bound |= {(a.asname or a.name).split(".")[0] for a in node.names}

    visit_ImportFrom = visit_Import

    def scope(self, node, inner, own):
        """A function or a comprehension: what it reads from outside, not what it binds."""
        nested = Names("")
        nested.bound |= own
        for part in inner:
            nested.visit(part)
        self.read |= nested.read - nested.bound - self.bound

    def visit_FunctionDef(self, node):
        for part in [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)]:
            self.visit(part)
        self.bound.add(node.name)
        self.scope(node, node.body, {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)})

    def visit_Lambda(self, node):
        for part in [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]:
            self.visit(part)
        self.scope(node, [node.body], {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)})

    def visit_ListComp(self, node):
        own = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        values += [part for g in node.generators for part in (g.iter, *g.ifs)]
        self.scope(node, values, own)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp


def test_the_reader_of_cells_sees_what_is_bound_and_what_is_needed():
    seen = Names(
        "import a.b as c\nfor i in x:\n    y = i + z\nw = [q for q in y if q > r]\nf = lambda s: s + t\nu += 1"
    )
    assert seen.bound == {"c", "i", "y", "w", "f", "u"} and seen.read == {"x", "z", "r", "t", "u"}
    seen = Names("def g(a, b=k):\n    global_ = a + h\n    return global_\nv, (n, *m) = g(1)\nfig.p[n] = o")
    assert seen.bound == {"g", "v", "n", "m"} and seen.read == {"k", "h", "fig", "o"}


@in_form
def test_a_name_that_another_cell_needs_is_bound_once(chapter):
    """So any cell may be run again after the end. What a cell makes for itself alone may be called as it likes."""
    seen = [(i, Names(source)) for i, source, _ in cells(chapter, "code")]
    for i, cell in seen:
        for name in cell.read:
            binders = [j for j, other in seen if name in other.bound]
            assert len(binders) <= 1, f"cell {i} needs {name!r}, which the cells {binders} bind: give each its own name"
