"""Commands about the quickstart's study, one after the other: the run that computes it, and those that find it there.

Real time depends on what else the machine does. Processor time, of all threads, does so less.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import fresh
from benchmarks.numbers import three_digits
from benchmarks.picture import blank
from benchmarks.suite import Effort, Row, Suite

_SWEEP = Path(__file__).parents[2] / "sweeps" / "quickstart.toml"
COMMANDS = ("run", "run again", "status", "report", "report again")


def measure(effort: Effort, sweep: Path = _SWEEP) -> list[Row]:
    """A row for each command; of several rounds the quickest."""
    found = [_round(sweep) for _ in range(effort.rounds)]
    return [min(rows, key=lambda row: row["processor"]) for rows in zip(*found, strict=True)]


def _round(sweep: Path) -> list[Row]:
    rows = []
    with TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        for command in COMMANDS:
            name = command.split()[0]
            arguments = (sweep, "--out", study) if name == "run" else (study,)
            done = fresh.run("jaxcollapse", name, *arguments, environment={"XDG_CACHE_HOME": folder})
            rows.append({"command": command, "seconds": done.seconds, "processor": done.processor})
    return rows


def notes(rows: Sequence[Row]) -> list[str]:
    """What the commands take that compute and draw nothing."""
    most = max(row["processor"] for row in rows if row["command"] in ("run again", "status", "report again"))
    return [f"commands that find everything finished take at most {most:.2g} s of processor time"]


def table(rows: Sequence[Row]) -> Table:
    """A line for each command."""
    shown = Table(title="finished, seconds", title_justify="left")
    shown.add_column("command")
    for heading in ("real", "processor"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(row["command"], *map(three_digits, (row["seconds"], row["processor"])))
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Processor time of each command."""
    figure, (ax,) = blank(1, width=6, height=3)
    ax.barh([row["command"] for row in rows], [row["processor"] for row in rows])
    ax.invert_yaxis()
    ax.set(xlabel="processor time (s)")
    return figure


FINISHED = Suite("finished", Effort(seconds=0, rounds=1), measure, table, picture, notes)
