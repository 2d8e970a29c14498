"""The share of observables and events in a run of the default length and records."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import engine
from benchmarks.contender import Run
from benchmarks.numbers import three_digits
from benchmarks.picture import blank, looks
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import microseconds, repeated
from jaxcollapse import Sweep, plan
from jaxcollapse.execute import execute

TOKENS = (16, 256, 4096)
GENERATIONS = 400
_LEAST = "max p at both ends"
MEASURED = {
    _LEAST: ["modal_probability"],
    "max p": ["modal_probability"],
    "and events": ["modal_probability", "events"],
    "diversity": ["entropy", "collision_probability", "modal_probability", "support_size"],
    "tempering": ["modal_probability", "tempering"],
    "default": ["default"],
}


def measure(effort: Effort, tokens: Sequence[int] = TOKENS) -> list[Row]:
    """Microseconds of a whole trajectory, with 40 records at most, for each set of observables."""
    rows = []
    for size in tokens:
        process = {"vocab_size": size, "temperature": 0.95}
        many = engine.trajectories(process)
        runs = {name: _run(name, process, many) for name in MEASURED}
        taken = microseconds(runs, many, seconds=effort.seconds, rounds=effort.rounds)
        rows.append({"tokens": size, "trajectories": many, "microseconds": taken})
    return rows


def _run(name: str, process: dict[str, float], trajectories: int) -> Run:
    sweep = {"replicates": trajectories, "generations": GENERATIONS, "observables": MEASURED[name], "process": process}
    if name == _LEAST:
        sweep["record"] = {"every": GENERATIONS}
    made = plan(Sweep.from_dict(sweep))
    return repeated(lambda: list(execute(made, lambda finished: None)))


def notes(rows: Sequence[Row]) -> list[str]:
    """The share of the default observables."""
    shares = [1 - row["microseconds"][_LEAST] / row["microseconds"]["default"] for row in rows]
    told = (f"{share:.0%} at V = {row['tokens']}" for share, row in zip(shares, rows, strict=True))
    return [f"of a default run, observables take {', '.join(told)}"]


def table(rows: Sequence[Row]) -> Table:
    """Microseconds of a trajectory, and how much more than with the least that can be measured."""
    shown = Table(title=f"observables: µs per trajectory of {GENERATIONS} generations", title_justify="left")
    for heading in ("V", *MEASURED):
        shown.add_column(heading, justify="right")
    for row in rows:
        taken = row["microseconds"]
        cells = (f"{three_digits(taken[name])} ({taken[name] / taken[_LEAST]:.2f})" for name in MEASURED)
        shown.add_row(str(row["tokens"]), *cells)
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Bars for each vocabulary."""
    figure, axes = blank(len(rows), width=4 * len(rows), height=2.6)
    colours = [look.color for look in looks(MEASURED).values()]
    for ax, row in zip(axes, rows, strict=True):
        ax.barh(list(MEASURED), [row["microseconds"][name] for name in MEASURED], color=colours)
        ax.invert_yaxis()
        ax.set(title=f"V = {row['tokens']}", xlabel="µs per trajectory")
    return figure


OBSERVABLES = Suite("observables", Effort(seconds=1, rounds=3), measure, table, picture, notes)
