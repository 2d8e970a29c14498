"""The notebooks run from top to bottom, and what is shipped shows their outputs."""

import shutil
from pathlib import Path

import nbformat
import pytest

from tests.conftest import Finished
from tests.notebooks import FOLDER, execute

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_runs(path: Path, quickstart: Finished) -> None:
    folder = quickstart.folder / "analysis"
    folder.mkdir(exist_ok=True)
    executed = execute(Path(shutil.copy(path, folder)))
    assert sum("image/png" in output.get("data", {}) for cell in executed.cells for output in cell.get("outputs", []))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_shipped_notebook_shows_its_outputs(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells[:2])
    assert all(output.output_type != "error" for cell in cells for output in cell.outputs)
