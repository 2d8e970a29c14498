"""Time per trajectory-step and peak memory against the numbers of trajectories, tokens and devices."""

import json
from collections.abc import Sequence
from statistics import median_low

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import fresh
from benchmarks.growth.study import Size
from benchmarks.numbers import three_digits
from benchmarks.picture import Look, blank, looks
from benchmarks.suite import Effort, Row, Suite

_ELEMENTS = 2**22  # tokens × trajectories, where the number of tokens grows

TRAJECTORIES = [(16, 10**power) for power in range(2, 7)]
TOKENS = [(4**power, _ELEMENTS // 4**power) for power in range(2, 9)]
DEVICES = [1, 2]


def measure(
    effort: Effort,
    trajectories: Sequence[tuple[int, int]] = TRAJECTORIES,
    tokens: Sequence[tuple[int, int]] = TOKENS,
    devices: Sequence[int] = DEVICES,
) -> list[Row]:
    """Rows along two axes of (tokens, trajectories); the axis of tokens on one device alone."""
    along = [("trajectories", Size(*size, count, effort.seconds)) for count in devices for size in trajectories]
    along += [("tokens", Size(*size, devices[0], effort.seconds)) for size in tokens]
    rows = []
    for axis, size in along:
        found = _found(size, effort.rounds)
        if found is not None:
            rows.append({"axis": axis, **size._asdict(), **found})
    return rows


def _found(size: Size, rounds: int) -> Row | None:
    """The median of processes of the same size; None without that many devices."""
    printed = [fresh.run("benchmarks.growth.study", json.dumps(size._asdict())).printed for _ in range(rounds)]
    found = [row for row in map(json.loads, printed) if row is not None]
    if not found:
        return None
    middle = median_low(row["microseconds"] for row in found)
    return next(row for row in found if row["microseconds"] == middle)


def notes(rows: Sequence[Row]) -> list[str]:
    """What more devices bring."""
    many = max(row["trajectories"] for row in rows)
    taken = {row["devices"]: row["microseconds"] for row in _along(rows, "trajectories") if row["trajectories"] == many}
    first = min(taken)
    return [
        f"{count} devices are {taken[first] / time:.2f}× as fast as {first} for {many} trajectories"
        for count, time in taken.items()
        if count != first
    ]


def table(rows: Sequence[Row]) -> Table:
    """A line per size."""
    shown = Table(title="growth, B = 16", title_justify="left")
    for heading in ("V", "trajectories", "devices", "generations", "seconds", "µs per trajectory-step", "peak GB"):
        shown.add_column(heading, justify="right")
    for row in rows:
        counts = (row["tokens"], row["trajectories"], row["devices"], row["generations"])
        measured = (row["taken"], row["microseconds"], row["peak_bytes"] / 1e9)
        shown.add_row(*map(str, counts), *map(three_digits, measured))
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Three panels: time against trajectories, memory against trajectories, time against tokens."""
    figure, (time, memory, tokens) = blank(3, width=12, height=3.8)
    many = _along(rows, "trajectories")
    shapes = looks(f"{count}" for count in sorted({row["devices"] for row in many}))
    for count, look in shapes.items():
        mine = [row for row in many if row["devices"] == int(count)]
        x = [row["trajectories"] for row in mine]
        _line(time, x, [row["microseconds"] for row in mine], count, look)
        _line(memory, x, [row["peak_bytes"] / 1e9 for row in mine], count, look)
    wide = _along(rows, "tokens")
    _line(
        tokens, [row["tokens"] for row in wide], [row["microseconds"] for row in wide], "", next(iter(shapes.values()))
    )
    for ax, x_label, y_label in (
        (time, "trajectories", "µs per trajectory-step"),
        (memory, "trajectories", "peak memory of the process (GB)"),
        (tokens, "tokens V", "µs per trajectory-step"),
    ):
        ax.set(xscale="log", xlabel=x_label, ylabel=y_label)
    time.set_yscale("log")
    time.legend(title="devices", frameon=False)
    memory.set_ylim(bottom=0)
    tokens.set(xscale="log", yscale="log")
    tokens.xaxis.set_major_formatter("{x:g}")
    return figure


def _along(rows: Sequence[Row], axis: str) -> list[Row]:
    return [row for row in rows if row["axis"] == axis]


def _line(ax: Axes, x: list[float], y: list[float], label: str, look: Look) -> None:
    ax.plot(x, y, label=label, **look._asdict())


GROWTH = Suite("growth", Effort(seconds=2, rounds=1), measure, table, picture, notes)
