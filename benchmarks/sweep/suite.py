"""The time of a whole sweep, from the start of a process to its end, with imports, compilation and storage."""

import os
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import fresh
from benchmarks.numbers import three_digits
from benchmarks.picture import blank, looks
from benchmarks.suite import Effort, Row, Suite
from benchmarks.sweep.grid import GRID, Grid

_FIRST, _SECOND = "jaxcollapse, nothing compiled yet", "jaxcollapse, the second time"
_ALL = str(os.cpu_count() or 1)


def measure(effort: Effort, grid: Grid = GRID) -> list[Row]:
    """Seconds of each way to compute the grid, in turns."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for round_ in range(effort.rounds):
            folder = Path(scratch) / f"{round_}"
            folder.mkdir()
            grid.write(folder / "grid.json")
            for name, way in _ways(folder).items():
                times.setdefault(name, []).append(way())
    return [{"way": name, "seconds": median(taken), "of": taken} for name, taken in times.items()]


def _ways(folder: Path) -> dict[str, Callable[[], float]]:
    """Each runs in a process of its own; those of jaxcollapse share a cache folder, which is empty at first."""
    cache = folder / "cache"
    cache.mkdir()

    def timed(module: str, results: str, *arguments: str) -> Callable[[], float]:
        where = (folder / "grid.json", folder / results)
        environment = {"XDG_CACHE_HOME": str(cache)}
        return lambda: fresh.run(f"benchmarks.sweep.{module}", *where, *arguments, environment=environment).seconds

    ways = {
        _FIRST: timed("engine", "first"),
        _SECOND: timed("engine", "second"),
        "NumPy, a loop over cells": timed("numpy_loop", "double", "float64"),
        "NumPy, in single precision": timed("numpy_loop", "single", "float32"),
    }
    if find_spec("xyzpy") is not None:
        ways["xyzpy, one process"] = timed("xyzpy_harvest", "one", "1")
        ways[f"xyzpy, {_ALL} processes"] = timed("xyzpy_harvest", "all", _ALL)
    return ways


def notes(rows: Sequence[Row]) -> list[str]:
    """How much faster than the fastest peer."""
    seconds = {row["way"]: row["seconds"] for row in rows}
    peer = min((way for way in seconds if way not in (_FIRST, _SECOND)), key=seconds.__getitem__)
    return [f"{peer} takes {seconds[peer] / seconds[way]:.2f}× as long as {way}" for way in (_FIRST, _SECOND)]


def table(rows: Sequence[Row]) -> Table:
    """Seconds of each way."""
    shown = Table(title="a whole sweep in a fresh process", title_justify="left")
    shown.add_column("")
    shown.add_column("seconds", justify="right")
    for row in rows:
        shown.add_row(row["way"], three_digits(row["seconds"]))
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """A bar for each way."""
    figure, (ax,) = blank(1, width=8, height=1 + 0.4 * len(rows))
    ways = [row["way"] for row in rows]
    colours = [look.color for look in looks(["ours", "others"]).values()]
    bars = ax.barh(
        ways, [row["seconds"] for row in rows], color=[colours[way not in (_FIRST, _SECOND)] for way in ways]
    )
    ax.bar_label(bars, [f" {three_digits(row['seconds'])}" for row in rows])
    ax.invert_yaxis()
    ax.set_xlabel("seconds from the start of the process to its end")
    return figure


SWEEP = Suite("sweep", Effort(seconds=0, rounds=2), measure, table, picture, notes)
