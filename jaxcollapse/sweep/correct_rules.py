"""What grids with correct sets from a file, or with a given accuracy at the start, must fulfil."""

from collections.abc import Callable, Iterator
from typing import Any

from jaxcollapse.parts.cell_kinds import of_initial
from jaxcollapse.parts.field import Answer
from jaxcollapse.process.hardness import has_accuracy
from jaxcollapse.sweep.grid import Grid

Problem = Callable[[Any], str]


def broken(grid: Grid) -> Iterator[tuple[Answer, str, Problem]]:
    """Rules: which cells break each of them, the field that is to blame, and the problem, from the fields' values."""
    yield (
        has_accuracy(grid) & ~grid.has("parameters", "table"),
        "initial_accuracy",
        lambda value: (
            f"{value('initial_accuracy')}: parameters = {value('parameters')!r} are fitted to p0 before a trajectory "
            "knows its correct tokens; use parameters = 'table'"
        ),
    )
    reads, is_named = grid.has("correct", "file"), of_initial(grid, _names_correct)
    yield (
        reads & ~is_named,
        "correct",
        lambda value: (
            f"'file': initial = {value('initial').kind!r} names no correct tokens; give initial = {{ kind = 'file', "
            "path = …, correct = VARIABLE }, or another set"
        ),
    )
    yield (
        is_named & ~reads.any(),
        "initial",
        lambda value: f"its key correct = {value('initial').correct!r} has no effect: it is used with correct = 'file'",
    )


def _names_correct(spec: Any) -> bool:
    return getattr(spec, "correct", None) is not None
