"""The time of one generation of one trajectory, contenders side by side at some numbers of tokens and draws."""

from collections.abc import Mapping, Sequence
from statistics import geometric_mean

import jax
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import engine
from benchmarks.contender import runs_of
from benchmarks.kernel.contenders import (
    ACCELERATED,
    BINOMIALS,
    CONTENDERS,
    ENGINE,
    IDIOMATIC,
    INVERSE_CDF,
    LIMIT,
    PEERS,
)
from benchmarks.kernel.peers.engine import process
from benchmarks.kernel.point import POINTS, Point
from benchmarks.numbers import multiple, three_digits
from benchmarks.picture import multiples
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import microseconds

_NUMBA = "Numba"  # the better of its two ways


def measure(effort: Effort, points: Sequence[Point] = POINTS) -> list[Row]:
    """Microseconds of every contender at every point; None where one cannot run.

    On an accelerator, of those that run there. It computes so many trajectories at once that to plan and store them
    takes longer than some generations: only further ones are timed.
    """
    is_accelerated = jax.default_backend() != "cpu"
    rows = []
    for point in points:
        many = engine.trajectories(process(point))
        runs = runs_of(ACCELERATED if is_accelerated else CONTENDERS, point, many)
        taken = microseconds(runs, many, seconds=effort.seconds, rounds=effort.rounds, marginal=is_accelerated)
        rows.append(_row(point, many, taken))
    return rows


def _row(point: Point, many: int, taken: Mapping[str, float | None]) -> Row:
    ours, limit = taken[ENGINE.name], taken[LIMIT.name]
    assert ours is not None
    assert limit is not None
    peers = {contender.name: taken.get(contender.name) for contender in PEERS}
    known = {name: time for name, time in peers.items() if time is not None}
    best = min(known, key=known.__getitem__, default=None)
    return {
        **point._asdict(),
        "trajectories": many,
        "microseconds": dict(taken),
        "best_peer": best,
        "best_peer_by_ours": known[best] / ours if best else None,
        "ours_by_two_softmaxes": ours / limit,
    }


def notes(rows: Sequence[Row]) -> list[str]:
    """How much faster than idiomatic JAX, and where a peer is faster."""
    ratios = [
        taken[IDIOMATIC.name] / taken[ENGINE.name]
        for taken in (row["microseconds"] for row in rows)
        if taken[IDIOMATIC.name] is not None
    ]
    said = []
    if ratios:
        said.append(
            f"{IDIOMATIC.name} takes {geometric_mean(ratios):.3g}× as long (geometric mean of {len(ratios)} points)"
        )
    slower = [f"({row['tokens']}, {row['batch']})" for row in rows if (row["best_peer_by_ours"] or 1) < 1]
    return [*said, f"a peer is faster at (V, B) = {', '.join(slower)}" if slower else "no peer is faster anywhere"]


def table(rows: Sequence[Row]) -> Table:
    """Microseconds, and multiples of ours."""
    shown = Table(title="µs per trajectory-step (times jaxcollapse)", title_justify="left")
    names = list(_columns(rows[0]["microseconds"]))
    for heading in ("V", "B", *names, "best peer", "ours / two softmaxes"):
        shown.add_column(heading, justify="right")
    for row in rows:
        ours, *others = _columns(row["microseconds"]).values()
        assert ours is not None
        shown.add_row(
            f"{row['tokens']}",
            f"{row['batch']}",
            three_digits(ours),
            *(multiple(other, ours) for other in others),
            f"{three_digits(row['best_peer_by_ours'])}×" if row["best_peer"] else "–",
            f"{row['ours_by_two_softmaxes']:.2f}",
        )
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Times as multiples of ours, one line per point."""
    labels = [f"V = {row['tokens']}, B = {row['batch']}" for row in rows]
    return multiples(labels, [_columns(row["microseconds"]) for row in rows], ENGINE.name)


def _columns(taken: Mapping[str, float | None]) -> dict[str, float | None]:
    """The contenders with the better of Numba's two ways in place of both."""
    ways = [taken[way.name] for way in (INVERSE_CDF, BINOMIALS) if way.name in taken]
    best = min((time for time in ways if time is not None), default=None)
    shown = {}
    for name, time in taken.items():
        if name in (INVERSE_CDF.name, BINOMIALS.name):
            shown[_NUMBA] = best
        else:
            shown[name] = time
    return shown


KERNEL = Suite("kernel", Effort(seconds=0.4, rounds=5), measure, table, picture, notes)
