"""The ledger: all hundred equations, each with a chapter, a test that exists, and a residual that is measured again."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/tools"))

import ledger  # noqa: E402

PAGE = ledger.PAGE.read_text(encoding="utf-8")
LIMITS = {int(n): float(limit) for n, limit in re.findall(r"^\| (\d+) \| \$.*\| (\S+) \| [^|]*\|$", PAGE, re.M)}


def test_every_equation_and_table_has_its_row():
    assert list(ledger.ROWS) == list(ledger.RESIDUALS and sorted(ledger.RESIDUALS)) == list(range(1, 101))
    assert list(LIMITS) == list(range(1, 101)) and list(ledger.TABLES) == list(range(1, 7))


@pytest.mark.parametrize("n", ledger.ROWS)
def test_residual(n):
    """Measured again: not above what the page says, and what it says is small."""
    assert ledger.RESIDUALS[n]() <= LIMITS[n] <= 1e-5


def test_the_page_is_what_its_script_writes():
    assert ledger.page(LIMITS) == PAGE


def test_every_row_has_the_cells_of_its_table():
    tables = [part.splitlines() for part in PAGE.split("\n\n") if part.startswith("|")]
    bars = [{line.replace(r"\|", "").count("|") for line in table} for table in tables]
    assert [len(counts) for counts in bars] == [1, 1, 1], "a bar within a cell ends it"


def test_every_equation_is_treated_and_tested_by_what_exists():
    chapters, functions, _ = ledger.lookup()
    assert [n for n in ledger.ROWS if not chapters[n]] == []
    assert all(ledger.exists(found[0]) for found in functions.values() if found)
    assert all(ledger.exists(function) for *_, function in ledger.TABLES.values())
    known = {f"{file.name}::{name}" for file, name, _ in ledger.definitions("tests", "test_*.py")}
    assert {test.split("[")[0] for _, test in re.findall(r"`((test_\w+\.py::[^`]+))`", PAGE)} <= known


def test_no_test_on_the_ledger_is_skipped():
    """A claim whose test does not run would be none."""
    for file in {test.split("::")[0] for test in re.findall(r"`(test_\w+\.py)::", PAGE)}:
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert not re.search(r"^pytestmark = .*(skip|xfail)", source, re.M)


def test_the_numbers_of_equations_are_read_as_people_write_them():
    assert ledger.numbers_in("Eqs. 8-10, 13 and 20") == {8, 9, 10, 13, 20}
    assert ledger.numbers_in("(Eq. 9), Eq. (14); Eqs. 64 to 66") == {9, 14, 64, 65, 66}
    assert ledger.numbers_in("Eq. 9 of 3000, and 7 others") == {9}
