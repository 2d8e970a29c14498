"""The notebooks run from top to bottom, read like a paper, and what is shipped is what comes out."""

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import Finished
from tests.support.notebooks import FOLDER, execute, made_with, named

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 800_000  # of a notebook, pictures included
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _code(notebook: nbformat.NotebookNode) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _outputs(notebook: nbformat.NotebookNode) -> list[Any]:
    return [output for cell in _code(notebook) for output in cell.outputs]


def _figures(notebook: nbformat.NotebookNode) -> int:
    return sum("image/png" in output.get("data", {}) for output in _outputs(notebook))


def _verdict(notebook: nbformat.NotebookNode) -> str:
    """The table that the last cell of code shows."""
    (output,) = _code(notebook)[-1].outputs
    return str(output["data"]["text/markdown"])


def _words(text: str) -> list[str]:
    """A text without its numbers."""
    return re.sub(r"\d[\d.,]*", "#", text).split()


@every_notebook
@pytest.mark.optimised
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_runs_and_comes_to_the_shipped_verdict(path: Path, quickstart: Finished) -> None:
    """To the digit where machine and versions are those that it was made with, elsewhere in words."""
    folder = quickstart.folder / "analysis"
    folder.mkdir(exist_ok=True)
    shutil.copy(FOLDER / "verdict.py", folder)
    shipped, executed = nbformat.read(path, as_version=4), execute(Path(shutil.copy(path, folder)))
    assert _figures(executed) == _figures(shipped) > 0
    if shipped.metadata.get("made_with") == made_with():
        assert _verdict(executed) == _verdict(shipped)
    assert _words(_verdict(executed)) == _words(_verdict(shipped))


@every_notebook
def test_a_notebook_opens_with_a_claim_and_ends_with_numbers(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    opening = notebook.cells[0]
    assert opening.cell_type == "markdown"
    heading, _, claim = opening.source.partition("\n")
    assert re.match(r"# \w", heading)
    assert "." in claim, "a claim is a sentence"
    assert re.search(r"\d", _verdict(notebook)), "the last cell of code says what was measured"


@every_notebook
def test_a_verdict_says_of_each_claim_whether_it_holds_and_what_was_measured(path: Path) -> None:
    head, rule, *rows = _verdict(nbformat.read(path, as_version=4)).splitlines()
    assert (head, rule) == ("| claim | verdict | measured, with intervals of 95 % |", "|---|---|---|")
    assert len(rows) > 1
    for row in rows:
        claim, verdict, measured = (cell.strip() for cell in row.strip("|").split("|"))
        assert verdict in ("holds", "does not hold")
        assert claim.endswith(".")
        assert re.search(r"\d", measured)


@every_notebook
def test_code_that_draws_is_one_call_or_hidden(path: Path) -> None:
    for cell in _code(nbformat.read(path, as_version=4)):
        draws = re.search(r"plt\.subplots|\.axes\[", cell.source)
        if draws:
            assert "hide-input" in cell.metadata.get("tags", ()), "the site folds it"
            assert cell.metadata["jupyter"]["source_hidden"], "Jupyter folds it"


@every_notebook
def test_a_shipped_notebook_shows_all_that_it_made(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in _code(notebook)] == list(range(1, len(_code(notebook)) + 1))
    for output in _outputs(notebook):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
    assert path.stat().st_size < MOST_BYTES


def test_notebooks_are_found_by_how_their_names_begin() -> None:
    assert named([]) == NOTEBOOKS
    assert [path.stem for path in named(["01"])] == ["01_quickstart"]
    with pytest.raises(SystemExit, match="no notebook begins with '99'"):
        named(["99"])
