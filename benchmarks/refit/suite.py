"""The time of one generation of drift, beside NumPy and, where it is installed, simuPOP."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import engine
from benchmarks.contender import runs_of
from benchmarks.numbers import multiple, three_digits
from benchmarks.picture import multiples
from benchmarks.refit.contenders import CONTENDERS, ENGINE
from benchmarks.refit.peers.engine import process
from benchmarks.refit.point import POINTS, Point
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import microseconds


def measure(effort: Effort, points: Sequence[Point] = POINTS) -> list[Row]:
    """Microseconds of every contender at every point, in the first N generations, while there is drift."""
    rows = []
    for point in points:
        many = engine.trajectories(process(point))
        runs = runs_of(CONTENDERS, point, many)
        taken = microseconds(runs, many, seconds=effort.seconds, rounds=effort.rounds, longest=point.samples)
        rows.append({**point._asdict(), "trajectories": many, "microseconds": taken})
    return rows


def notes(rows: Sequence[Row]) -> list[str]:
    """Where a peer is faster."""
    faster = [
        f"{name} at (V, N) = ({row['tokens']}, {row['samples']})"
        for row in rows
        for name, time in row["microseconds"].items()
        if time is not None and time < row["microseconds"][ENGINE.name]
    ]
    return [f"faster: {', '.join(faster)}" if faster else "no peer is faster anywhere"]


def table(rows: Sequence[Row]) -> Table:
    """Microseconds, and multiples of ours."""
    shown = Table(title="refit: µs per trajectory-step (times jaxcollapse)", title_justify="left", min_width=60)
    for heading in ("V", "N", *rows[0]["microseconds"]):
        shown.add_column(heading, justify="right")
    for row in rows:
        ours, *others = row["microseconds"].values()
        shown.add_row(
            f"{row['tokens']}", f"{row['samples']}", three_digits(ours), *(multiple(other, ours) for other in others)
        )
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Times as multiples of ours, one line per point."""
    labels = [f"V = {row['tokens']}, N = {row['samples']}" for row in rows]
    return multiples(labels, [row["microseconds"] for row in rows], ENGINE.name)


REFIT = Suite("refit", Effort(seconds=0.4, rounds=5), measure, table, picture, notes)
