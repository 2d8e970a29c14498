"""The time of one generation of many small transformers, in processor time and by the clock."""

import time
from collections.abc import Sequence

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.contender import Run, runs_of
from benchmarks.numbers import multiple, three_digits
from benchmarks.picture import multiples
from benchmarks.sequence.contenders import CONTENDERS, ENGINE, PEERS
from benchmarks.sequence.point import POINTS, Point
from benchmarks.suite import Effort, Row, Suite

Times = tuple[float, float]


def measure(effort: Effort, points: Sequence[Point] = POINTS) -> list[Row]:
    """Microseconds of a generation of one model, the least of several rounds in which contenders take turns."""
    rows: list[Row] = []
    for point in points:
        runs = {name: run for name, run in runs_of(CONTENDERS, point, point.models).items() if run is not None}
        lengths = {name: _generations(run, effort.seconds) for name, run in runs.items()}
        found: dict[str, list[Times]] = {name: [] for name in runs}
        for _ in range(effort.rounds):
            for name, run in runs.items():
                found[name].append(_taken(run, lengths[name]))
        taken: dict[str, dict[str, float]] = {}
        for which, kind in enumerate(("microseconds", "wall")):
            least = {name: min(each[which] for each in times) for name, times in found.items()}
            taken[kind] = {name: 1e6 * least[name] / (lengths[name] * point.models) for name in least}
        rows.append({**point._asdict(), **taken})
    return rows


def _taken(run: Run, generations: int) -> Times:
    """Seconds of the processor, and by the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    run(generations)
    return time.process_time() - processor, time.perf_counter() - clock


def _generations(run: Run, seconds: float) -> int:
    """How many take about so long; everything is compiled then."""
    run(1)
    return max(1, round(seconds / max(_taken(run, 1)[0], 1e-4)))


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
