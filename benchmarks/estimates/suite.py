"""What plans say that runs take, against what they take: shipped sweeps, and others that users tried.

Each sweep runs twice from the command line, into new folders: first with an empty cache of programs, then with the
programs in it. What is compared is what a user waits for. On a machine that others use at the same time, processor time
is a lower bound for it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import fresh
from benchmarks.numbers import three_digits
from benchmarks.picture import blank, looks
from benchmarks.suite import Effort, Row, Suite

_ROOT = Path(__file__).parents[2]
SWEEPS = (
    *(
        _ROOT / "sweeps" / f"{name}.toml"
        for name in ("quickstart", "wright_fisher", "original_mode", "curation", "single_trace", "sgd_fixation")
    ),
    *sorted((Path(__file__).parent / "tried").glob("*.toml")),
)
WITHIN = 2.0  # times or parts of the plan's figure, which a run should take
_RUNS = ("first", "later")


def measure(effort: Effort, sweeps: Sequence[Path] = SWEEPS) -> list[Row]:
    """A row for each sweep; of several rounds the quickest."""
    return [_row(sweep, effort.rounds) for sweep in sweeps]


def _row(sweep: Path, rounds: int) -> Row:
    found = [_once(sweep) for _ in range(rounds)]
    quickest = {key: min(each[key] for each in found) for key in found[0] if not isinstance(found[0][key], str)}
    return {"sweep": sweep.stem, **quickest}


def _once(sweep: Path) -> Row:
    """The plan's figures and those of two runs, in seconds."""
    with TemporaryDirectory() as folder:
        cache = {"XDG_CACHE_HOME": folder}
        plan = json.loads(fresh.run("jaxcollapse", "plan", sweep, "--json", environment=cache).printed)
        parts = {name: plan[f"{name}_seconds"] for name in ("start", "compile", "run", "finish")}
        row = {**parts, "first_planned": sum(parts.values()), "later_planned": sum(parts.values()) - parts["compile"]}
        for name in _RUNS:
            done = fresh.run("jaxcollapse", "run", sweep, "--out", Path(folder) / name, environment=cache)
            row |= {name: done.seconds, f"{name}_processor": done.processor}
    return row


def notes(rows: Sequence[Row]) -> list[str]:
    """How many runs took as long as their plans said, up to a factor."""
    ratios = [row[name] / row[f"{name}_planned"] for row in rows for name in _RUNS]
    good = sum(1 / WITHIN <= ratio <= WITHIN for ratio in ratios)
    return [
        f"{good} of {len(ratios)} runs took between {1 / WITHIN:g} and {WITHIN:g} times what the plan said; "
        f"the least and the most are {min(ratios):.2f} and {max(ratios):.2f}"
    ]


def table(rows: Sequence[Row]) -> Table:
    """A line for each sweep: the parts of the plan; planned, taken, their ratio, and processor time of both runs."""
    shown = Table(title="estimates, seconds", title_justify="left")
    shown.add_column("sweep")
    runs = [f"{run} {what}" for run in _RUNS for what in ("planned", "taken", "ratio", "processor")]
    for heading in ("start", "compile", "compute", "finish", *runs):
        shown.add_column(heading, justify="right")
    for row in rows:
        told = [row[name] for name in ("start", "compile", "run", "finish")]
        for run in _RUNS:
            planned, taken = row[f"{run}_planned"], row[run]
            told += [planned, taken, taken / planned, row[f"{run}_processor"]]
        shown.add_row(row["sweep"], *map(three_digits, told))
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """What runs took against what plans said, with the band where they should be."""
    figure, (ax,) = blank(1, width=6, height=5)
    ends = [row[f"{name}{what}"] for row in rows for name in _RUNS for what in ("", "_planned")]
    low, high = min(ends) / 1.5, max(ends) * 1.5
    ax.fill_between([low, high], [low / WITHIN, high / WITHIN], [low * WITHIN, high * WITHIN], color="#eeeeee")
    for name, look in looks(_RUNS).items():
        points = [(row[f"{name}_planned"], row[name]) for row in rows]
        ax.plot(*zip(*points, strict=True), linestyle="", label=f"{name} run", **look._asdict())
    ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), xlabel="planned (s)", ylabel="taken (s)")
    ax.legend(frameon=False)
    return figure


ESTIMATES = Suite("estimates", Effort(seconds=0, rounds=1), measure, table, picture, notes)
