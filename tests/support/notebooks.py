"""Runs the notebooks in `analysis/` from top to bottom, and keeps their outputs: `make notebooks`.

Beginnings of names may follow, as in `python -m tests.support.notebooks 05 06`; without any, all are run.
"""

import argparse
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from jaxcollapse.errors import did_you_mean

FOLDER = Path(__file__).resolve().parents[2] / "analysis"
_PACKAGES = ("jax", "jaxlib", "numpy", "optax", "scipy", "wordfreq", "xarray")  # that numbers may depend on


def execute(path: Path) -> nbformat.NotebookNode:
    """The executed notebook, which says what it was made with; its code runs in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", record_timing=False, resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    notebook.metadata["made_with"] = made_with()
    return notebook


def made_with() -> dict[str, str]:
    """What two runs must have in common for equal numbers: the kind of machine, and versions."""
    return {"machine": f"{platform.system()} {platform.machine()}", **{name: version(name) for name in _PACKAGES}}


def named(beginnings: Sequence[str]) -> list[Path]:
    """The notebooks whose names begin like one of these, or all.

    Raises:
        SystemExit: none begins like that.
    """
    found = sorted(FOLDER.glob("*.ipynb"))
    for beginning in beginnings:
        if not any(path.name.startswith(beginning) for path in found):
            raise SystemExit(f"no notebook begins with {beginning!r}{did_you_mean(beginning, [p.stem for p in found])}")
    return [path for path in found if not beginnings or path.name.startswith(tuple(beginnings))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.support.notebooks", description=__doc__)
    parser.add_argument("name", nargs="*", help="how the name of a notebook begins, such as 05")
    for chosen in named(parser.parse_args().name):
        print(chosen.name)
        nbformat.write(execute(chosen), chosen)
