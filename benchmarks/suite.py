"""A suite of measurements: what it measures, and how the figures are shown and kept."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from rich.table import Table

Row = dict[str, Any]


class Effort(NamedTuple):
    """seconds: length of one measurement, roughly. rounds: how often each is made."""

    seconds: float
    rounds: int


class Suite(NamedTuple):
    """measure: rows of figures. notes: what follows from them, in sentences. effort: what a full run takes."""

    name: str
    effort: Effort
    measure: Callable[[Effort], list[Row]]
    table: Callable[[Sequence[Row]], Table]
    picture: Callable[[Sequence[Row]], Figure]
    notes: Callable[[Sequence[Row]], list[str]]


def keep(suite: Suite, rows: Sequence[Row], effort: Effort, machine: str, folder: Path) -> list[Path]:
    """Writes the figures as JSON and as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    figures, picture = folder / f"{suite.name}.json", folder / f"{suite.name}.png"
    content = {"machine": machine, **effort._asdict(), "notes": suite.notes(rows), "rows": rows}
    figures.write_text(json.dumps(content, indent=1) + "\n")
    suite.picture(rows).savefig(picture, dpi=150)
    return [figures, picture]
