"""Every solution of every chapter, in each form in which a right answer may come, and in careless hands."""

import ast
import copy
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from paintlib import check
from paintlib.gaussian import Gaussian
from paintlib.pointcloud import PointCloud
from paintlib.schedules import Level

ROOT = Path(__file__).parents[1]


def solutions():
    """{"02.1": its answer} of all chapters: what their solutions hand to check.answer, with the chapters' imports."""
    found = {}
    for path in sorted(ROOT.glob("chapters/*.ipynb")):
        cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
        space, calls = {}, []
        for cell in cells:
            tags = cell["metadata"].get("tags", [])
            tree = ast.parse("".join(line for line in cell["source"] if not line.lstrip().startswith(("%", "!"))))
            keep = (
                (ast.Import, ast.ImportFrom)
                if "solution" not in tags
                else (ast.Import, ast.ImportFrom, ast.FunctionDef)
            )
            tree.body, whole = [node for node in tree.body if isinstance(node, keep)], tree.body
            exec(compile(tree, path.name, "exec"), space)
            if "solution" in tags:
                nodes = [n for statement in whole for n in ast.walk(statement) if isinstance(n, ast.Call)]
                calls += [n.args for n in nodes if ast.unparse(n.func) == "check.answer"]
        for number, given in calls:
            measured = {n.id for n in ast.walk(given) if isinstance(n, ast.Name)} - set(space)
            if measured:
                NEED_A_RUN.add(number.value)
            else:
                found[number.value] = eval(ast.unparse(given), space)
    return found


NEED_A_RUN = set()  # exercises whose answer is measured on the chapter's own runs
SOLUTIONS = solutions()


def test_few_answers_need_their_chapter():
    """These are checked by the chapter itself, which nbval runs, and not in other forms here."""
    assert NEED_A_RUN <= {"12.4", "13.4"}


every_solution = pytest.mark.parametrize("number", SOLUTIONS)


def form(change):
    """The same answer, each of its parts (a tuple's items, or the whole) changed."""

    def changed(value):
        return tuple(map(change, value)) if isinstance(value, tuple) else change(value)

    return changed


FORMS = {
    "as it is": lambda value: value,
    "list": form(lambda v: np.asarray(v, dtype=float).tolist()),
    "list of parts": lambda value: list(value) if isinstance(value, tuple) else value,
    "tuple": form(lambda v: tuple(v) if np.ndim(v) else v),
    "axis of length 1": form(lambda v: np.asarray(v, dtype=float)[None]),
    "array": form(lambda v: np.asarray(v, dtype=float)),
    "float32": form(lambda v: np.asarray(v, dtype=np.float32)),
    "complex": form(lambda v: np.asarray(v, dtype=complex)),
    "tensor": form(lambda v: torch.tensor(np.asarray(v, dtype=float), requires_grad=True) * 1),
    "float32 tensor": form(lambda v: torch.tensor(np.asarray(v, dtype=np.float32), requires_grad=True)),
    "list of tensors": form(
        lambda v: [torch.tensor(x, requires_grad=np.asarray(x).dtype.kind == "f") for x in v] if np.ndim(v) == 1 else v
    ),
}


def in_float32(value):
    if isinstance(value, Level):
        return Level(in_float32(value.alpha), in_float32(value.sigma))
    if isinstance(value, Gaussian):
        return Gaussian(*(in_float32(part) for part in (value.mu, value.U, value.lam)))
    if isinstance(value, float):
        return np.float32(value)
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == float else value


def careless(solution):
    """Prints, seeds and sets, spoils what it was given, and gives out the same array twice."""
    shelf = {}

    def answer(*arguments):
        print("hello")
        np.random.seed(0)
        random.seed(0)
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float64)
        value = solution(*copy.deepcopy(arguments))
        for argument in arguments:
            if isinstance(argument, np.ndarray) and argument.dtype == float:
                argument[...] = np.nan
        np.seterr(all="raise")
        if not isinstance(value, np.ndarray):
            return value
        kept = shelf.setdefault(value.shape, np.empty_like(value))
        kept[...] = value
        return kept

    return answer


@every_solution
@pytest.mark.parametrize("name", FORMS)
def test_a_right_answer_passes_in_every_form(number, name, capsys):
    solution = SOLUTIONS[number]
    given = (lambda *a: FORMS[name](solution(*a))) if callable(solution) else FORMS[name](solution)
    assert check.answer(number, given), capsys.readouterr().out


@every_solution
def test_a_right_answer_passes_that_is_worked_out_in_float32(number, capsys):
    solution = SOLUTIONS[number]
    given = (lambda *a: solution(*map(in_float32, a))) if callable(solution) else in_float32(solution)
    assert check.answer(number, given), capsys.readouterr().out


@every_solution
def test_a_careless_answer_is_right_all_the_same_and_leaves_no_trace(number, capsys):
    if not callable(SOLUTIONS[number]):
        return
    before = np.random.get_state()[1].copy(), random.getstate(), torch.get_rng_state(), np.geterr()
    assert check.answer(number, careless(SOLUTIONS[number])), capsys.readouterr().out
    assert "hello" not in capsys.readouterr().out
    assert (np.random.get_state()[1] == before[0]).all() and random.getstate() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2]) and np.geterr() == before[3]
    assert torch.get_default_dtype() == torch.float32


# A query and its keys may both change their sign, a difference of two painters and an axis theirs.
SIGN_IS_FREE = {"07.2", "12.1", "15.2"}


@every_solution
@pytest.mark.parametrize("factor", [-1, 2])
def test_a_wrong_sign_and_a_factor_of_two_are_refused(number, factor):
    if factor == -1 and number in SIGN_IS_FREE:
        return
    solution, wrong = SOLUTIONS[number], form(lambda v: factor * np.asarray(v, dtype=float))
    assert not check.answer(number, (lambda *a: wrong(solution(*a))) if callable(solution) else wrong(solution))


@every_solution
@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), KeyError("mu"), AssertionError(), SystemExit(1)])
def test_an_exception_in_an_answer_is_told_with_its_input_and_help(number, error, capsys):
    if not callable(SOLUTIONS[number]):
        return

    def answer(*arguments):
        raise error

    assert not check.answer(number, answer)
    said = capsys.readouterr().out
    assert "divides by zero" in said if isinstance(error, ZeroDivisionError) else type(error).__name__ in said
    assert "not yet. At " in said and "check.hint(" in said


@every_solution
def test_the_last_hint_is_not_the_solutions_line(number):
    if not callable(SOLUTIONS[number]):
        return
    tree = ast.parse(source(number))
    lines = [ast.unparse(n.value) for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value is not None]
    hints = "".join("".join(check.EXERCISES[number].hints).split()).replace("^", "**")
    for line in lines:
        line = "".join(line.replace("np.", "").split())
        assert len(line) < 8 or line not in hints, f"a hint of {number} gives away {line!r}"


def source(number):
    """The text of the solution's function, from its notebook."""
    name = SOLUTIONS[number].__name__
    for path in ROOT.glob(f"chapters/{number[:2]}_*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"])
            if "solution" in cell["metadata"].get("tags", []) and f"def {name}(" in text:
                (node,) = [n for n in ast.parse(text).body if getattr(n, "name", "") == name]
                return ast.unparse(node)
    raise LookupError(f"no function {name} in the solutions of {number}")


SHORT_CUTS = {
    "02.2": (
        lambda c, lam, start, level: Gaussian(np.zeros(1), np.eye(1), np.array([lam])).flow(
            np.array([c]), start, level
        ),
        "Gaussian.flow",
    ),
    "02.4": (lambda m, lam, start: paint_two(m, lam, start), "Gaussian.filter"),
    "11.3": (
        lambda points, own, x, level: [
            PointCloud(np.delete(points, n, 0)).denoise(row, level) for n, row in zip(own, x, strict=True)
        ],
        "PointCloud.denoise",
    ),
}


@pytest.mark.parametrize("number", SHORT_CUTS)
@pytest.mark.parametrize(
    "lazy", [lambda f, *a: (v for v in f(*a)), lambda f, *a: (map(np.asarray, [v]) for v in f(*a))]
)
def test_what_works_only_when_it_is_read_is_watched_too(number, lazy, capsys):
    answer, name = SHORT_CUTS[number]
    if number == "02.2":  # one number
        return
    assert not check.answer(number, lambda *a: lazy(answer, *a))
    assert name in capsys.readouterr().out

    def stops(*a):
        yield 1 / 0

    assert not check.answer(number, stops)
    assert re.search("not yet. At .* your function divides by zero", capsys.readouterr().out)


def paint_two(m, lam, start):
    """The mean and the standard deviation of what is painted, from the pictures of two noises."""
    at_zero, at_one = Gaussian(np.array([m]), np.eye(1), np.array([lam])).filter(np.array([[0.0], [1.0]]), start)
    return at_zero, at_one - at_zero


@pytest.mark.parametrize("number", SHORT_CUTS)
def test_a_call_of_paintlib_is_no_answer_where_it_is_the_work(number, capsys):
    answer, name = SHORT_CUTS[number]
    assert not check.answer(number, answer)
    said = capsys.readouterr().out
    assert "The numbers are right, but" in said and name in said
