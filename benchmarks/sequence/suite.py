"""The time of one generation of many small transformers, in processor time and by the clock."""

import time
from collections.abc import Sequence

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.contender import runs_of
from benchmarks.numbers import multiple, three_digits
from benchmarks.picture import multiples
from benchmarks.sequence.contenders import CONTENDERS, ENGINE, PEERS
from benchmarks.sequence.point import POINTS, Point
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import Clock, microseconds

_CLOCKS: dict[str, Clock] = {"microseconds": time.process_time, "wall": time.perf_counter}


def measure(effort: Effort, points: Sequence[Point] = POINTS) -> list[Row]:
    """Microseconds of a further generation of one model, of the processor and by the clock."""
    rows: list[Row] = []
    for point in points:
        runs = runs_of(CONTENDERS, point, point.models)
        taken = {
            kind: microseconds(
                runs, point.models, seconds=effort.seconds, rounds=effort.rounds, marginal=True, clock=clock
            )
            for kind, clock in _CLOCKS.items()
        }
        rows.append({**point._asdict(), **taken})
    return rows


def notes(rows: Sequence[Row]) -> list[str]:
    """How much longer each peer takes, and who is absent."""
    said = []
    for row in rows:
        taken = row["microseconds"]
        ratios = (f"{peer.name} {taken[peer.name] / taken[ENGINE.name]:.2f}×" for peer in PEERS if peer.name in taken)
        said.append(f"B = {row['traces']}: processor time of {', '.join(ratios)} ours")
    absent = [f"{peer.name}: {peer.library} is not installed" for peer in PEERS if not peer.is_here]
    return [*said, *absent]


def table(rows: Sequence[Row]) -> Table:
    """Milliseconds of the processor, and multiples of ours; by the clock in a second row of each point."""
    shown = Table(title="transformers: ms of a generation of one model (times jaxcollapse)", title_justify="left")
    for heading in ("B", "models", "time", *rows[0]["microseconds"]):
        shown.add_column(heading, justify="right")
    for row in rows:
        for kind, told in (("microseconds", "processor"), ("wall", "clock")):
            ours, *others = (each / 1e3 for each in row[kind].values())
            cells = (three_digits(ours), *(multiple(other, ours) for other in others))
            shown.add_row(f"{row['traces']}", f"{row['models']}", told, *cells)
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Processor times as multiples of ours, one line per point."""
    labels = [f"B = {row['traces']}" for row in rows]
    return multiples(labels, [row["microseconds"] for row in rows], ENGINE.name)


SEQUENCE = Suite("sequence", Effort(seconds=2, rounds=5), measure, table, picture, notes)
