import ast
import re
import types
import typing
from pathlib import Path

import nbformat
import papermill
import pytest

from workbench.outputs import KPI
from workbench.parameters import Parameters

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
STEMS = ["01_daten", "02_segmentierung", "03_clv", "04_churn", "05_massnahmen", "06_feedback"]
CHECKED = "nbval-check-output"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def test_the_notebooks_are_those_of_the_contract():
    assert [path.stem for path in NOTEBOOKS] == STEMS


def test_first_cell_holds_one_title_and_one_question(notebook):
    first = notebook.cells[0].source
    assert re.match(r"# \S", first)
    assert "**Frage.**" in first
    titles = [c for c in notebook.cells if c.cell_type == "markdown" and c.source.startswith("# ")]
    assert len(titles) == 1
    assert notebook.metadata["title"] == first.splitlines()[0].removeprefix("# ")


def test_exactly_one_parameters_cell_comes_first_and_a_setup_cell_after_it(notebook):
    cells = code_cells(notebook)
    assert [index for index, cell in enumerate(cells) if "parameters" in tags(cell)] == [0]
    assert [index for index, cell in enumerate(cells) if "setup" in tags(cell)] == [1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_parameters_are_typed_literals_with_the_default_and_help_of_the_package(path):
    source = code_cells(nbformat.read(path, as_version=4))[0].source
    declared = papermill.inspect_notebook(str(path))
    statements = ast.parse(source).body
    assert all(isinstance(statement, ast.AnnAssign) for statement in statements)
    assert list(declared) == [statement.target.id for statement in statements]
    for statement in statements:
        name = statement.target.id
        field = Parameters.model_fields[name]
        assert ast.literal_eval(statement.value) == field.default, name
        assert declared[name]["help"] == field.description, name
        assert ast.unparse(statement.annotation) == simple_type(field.annotation), name


def simple_type(annotation) -> str:
    """Name the built-in type that a reader of the notebook sees."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) is typing.Literal:
        annotation = type(typing.get_args(annotation)[0])
    return (typing.get_origin(annotation) or annotation).__name__


def test_every_parameter_of_a_notebook_is_used_in_it():
    for path in NOTEBOOKS:
        parameters, *others = code_cells(nbformat.read(path, as_version=4))
        source = "\n".join(cell.source for cell in others)
        names = [statement.target.id for statement in ast.parse(parameters.source).body]
        assert [name for name in names if not re.search(rf"\b{name}\b", source)] == [], path.stem


def test_a_code_cell_is_one_plain_step(notebook):
    forbidden = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.AsyncFunctionDef)
    for cell in code_cells(notebook):
        found = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, forbidden)]
        assert not found, cell.source


def test_no_number_is_typed_into_prose(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"`[^`]*`", "", cell.source)
            assert not re.search(r"\d", prose), cell.source


def test_prose_outweighs_nothing_and_every_section_has_some(notebook):
    """Each heading is followed by a sentence before the first step."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("##"):
            assert len(cell.source.split("\n\n")) > 1, cell.source


def test_the_reader_is_addressed_formally(notebook):
    text = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.search(r"\b(du|dein|deine|dir|dich|euch|eure)\b", text, flags=re.IGNORECASE)


def test_only_check_cells_keep_outputs_and_they_hold_the_key_figures(notebook):
    checked = [cell for cell in code_cells(notebook) if CHECKED in tags(cell)]
    assert len(checked) == 1
    assert "keep_output" in tags(checked[0])
    assert any(KPI in output.get("data", {}) for output in checked[0].outputs)
    for cell in code_cells(notebook):
        if CHECKED not in tags(cell):
            assert cell.outputs == []
            assert cell.execution_count is None


def test_cells_have_stable_ids_and_the_portable_kernel(notebook):
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec", "language_info", "title"}
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}


def test_no_notebook_shows_customers_or_silences_warnings(notebook):
    source = "\n".join(cell.source for cell in code_cells(notebook))
    assert not re.search(r"filterwarnings|\.head\(|\.sample\(|print\(", source)
