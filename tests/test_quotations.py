"""What the book quotes of the paper is what is printed, and the equations, figures and sections that it names exist.

Words of the paper stand in curly quotation marks, and nothing else does.
"""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [*sorted(ROOT.glob("chapters/*.ipynb")), *sorted(ROOT.glob("book/*.md")), ROOT / "README.md"]
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
RANGE = r"(\d+)(?:[A-F](?:\b|[,–-]))*(?:(?: to |–|-)(\d+))?"

spec = importlib.util.spec_from_file_location("paper", ROOT / "book/tools/paper.py")
paper = importlib.util.module_from_spec(spec)
spec.loader.exec_module(paper)
FACTS, KNOWN = json.loads(paper.FACTS.read_text()), paper.known_runs()


def prose(path):
    """The words of a page, or of a chapter's Markdown cells, without code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [c for c in json.loads(text)["cells"] if c["cell_type"] == "markdown"]
        text = "\n\n".join("".join(c["source"]) for c in cells)
    return re.sub(r"^```.*?^```$|`[^`\n]*`", " ", text, flags=re.M | re.S)


@every_file
def test_quotations_are_what_is_printed(path):
    for quotation in re.findall("“([^”]*)”", prose(path)):
        assert len(paper.words(quotation)) >= 3, f"too short to be told from chance: “{quotation}”"
        for part in re.split(r"\[[^]]*\]|\.\.\.|…", quotation):
            strange = paper.unknown(part, KNOWN)
            assert strange is None, f"the paper does not say {strange!r}: “{quotation}”"


@every_file
def test_words_of_the_paper_stand_in_curly_marks(path):
    said = r"\b(?:paper|[Pp]rinted|Sec\.|Section|Appendix|App\.)[^.\n\"“]{0,60}\"([^\"\n]+)\""
    for quotation in re.findall(said, prose(path)):
        assert len(paper.words(quotation)) < 3, f"a quotation? then “{quotation}”, else say it without marks"


def test_an_inserted_a_missing_and_another_word_are_seen():
    right = "early perturbations tend to have a greater impact on image content than later perturbations"
    assert paper.unknown(right, KNOWN) is None and paper.unknown(right.upper(), KNOWN) is None
    for wrong in (right.replace("tend to ", ""), right.replace("image content", "content"), right + " of pictures",
                  right.replace("greater", "much greater"), right.replace("impact", "effect")):  # fmt: skip
        assert paper.unknown(wrong, KNOWN)


def numbers(text, name):
    """Those that follow `name`, "Eqs. 8 to 10, 13" as 8, 9, 10, 13."""
    for listed in re.findall(rf"\b(?:{name})[\s~]((?:{RANGE}(?:, | and |, and )?)+)".replace("(?P", "(?"), text):
        for first, last in re.findall(RANGE, listed[0]):
            yield from range(int(first), int(last or first) + 1)


def test_lists_of_numbers_are_read():
    assert list(numbers("by Eqs. 8 to 10, 13 and 20–22, and Fig. 3B", "Eqs?\\.")) == [8, 9, 10, 13, 20, 21, 22]
    assert list(numbers("see Fig. 3B, and Figs. 6-9, 25-26", "Figs?\\.")) == [3, 6, 7, 8, 9, 25, 26]


@every_file
def test_equations_figures_tables_and_sections_exist(path):
    text = prose(path)
    tags = [int(n) for tag in re.findall(r"\\tag\{([^}]*)\}", text) for n in re.findall(r"\d+", tag)]
    assert set(tags) | set(numbers(text, "Eqs?\\.")) <= set(FACTS["equations"])
    assert set(numbers(text, "Figs?\\.")) <= set(FACTS["figures"])
    assert set(numbers(text, "Tables?")) <= set(FACTS["tables"])
    named = re.findall(r"\b(?:Sections?|Sec\.|Secs\.|Appendix|App\.)[\s~]((?:[1-8]|[A-J])(?:\.\d+)*)\b", text)
    assert set(named) <= set(FACTS["sections"])
