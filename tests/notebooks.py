"""Runs the notebooks in `analysis/` from top to bottom, and keeps their outputs: `make notebooks`."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "analysis"


def execute(path: Path) -> nbformat.NotebookNode:
    """The executed notebook; its code runs in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", record_timing=False, resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    return notebook


if __name__ == "__main__":
    for found in sorted(FOLDER.glob("*.ipynb")):
        print(found.name)
        nbformat.write(execute(found), found)
