"""Runs code of the documentation, each block in a process of its own that has imported what takes long already."""

import os
import sys
import tempfile
import warnings
from multiprocessing import get_context
from pathlib import Path

_FORKED = get_context("forkserver")
# Of other packages only: a block that does not import what it uses must fail.
_FORKED.set_forkserver_preload(["jax", "optax", "pydantic", "scipy.special", "typer", "xarray", "matplotlib.figure"])


def run_block(block: str, folder: Path) -> str:
    """What went wrong when this code ran in this folder, with warnings as errors; nothing, if nothing did."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as told:
        process = _FORKED.Process(target=_run, args=(block, folder, told.name))
        process.start()
        process.join()
        return "" if process.exitcode == 0 else f"exit code {process.exitcode}\n{told.read()}"


def _run(block: str, folder: Path, told: str) -> None:
    with open(told, "w", encoding="utf-8") as file:  # noqa: PTH123
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.chdir(folder)
    warnings.simplefilter("error")
    import matplotlib

    matplotlib.use("Agg")
    exec(compile(block, "<documentation>", "exec"), {"__name__": "__main__"})
