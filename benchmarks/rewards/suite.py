"""The time of one generation of a policy gradient, contenders side by side at some numbers of tokens and traces."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import engine
from benchmarks.contender import runs_of
from benchmarks.numbers import multiple, three_digits
from benchmarks.picture import multiples
from benchmarks.rewards.contenders import CONTENDERS, ENGINE, PEERS
from benchmarks.rewards.peers.engine import process
from benchmarks.rewards.point import POINTS, Point
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import microseconds


def measure(effort: Effort, points: Sequence[Point] = POINTS) -> list[Row]:
    """Microseconds of every contender at every point."""
    rows = []
    for point in points:
        many = engine.trajectories(process(point))
        taken = microseconds(runs_of(CONTENDERS, point, many), many, seconds=effort.seconds, rounds=effort.rounds)
        rows.append({**point._asdict(), "trajectories": many, "microseconds": taken})
    return rows


def notes(rows: Sequence[Row]) -> list[str]:
    """How much longer the best peer takes."""
    said = []
    for row in rows:
        taken = row["microseconds"]
        times = {peer.name: taken[peer.name] for peer in PEERS if taken.get(peer.name) is not None}
        if times:
            best = min(times, key=times.__getitem__)
            ratio = times[best] / taken[ENGINE.name]
            said.append(
                f"(V, G) = ({row['tokens']}, {row['group']}): the best peer, {best}, takes {ratio:.2f}× as long"
            )
    return said


def table(rows: Sequence[Row]) -> Table:
    """Microseconds, and multiples of ours."""
    shown = Table(title="policy gradient: µs per trajectory-step (times jaxcollapse)", title_justify="left")
    for heading in ("V", "G", *rows[0]["microseconds"]):
        shown.add_column(heading, justify="right")
    for row in rows:
        ours, *others = row["microseconds"].values()
        shown.add_row(
            f"{row['tokens']}", f"{row['group']}", three_digits(ours), *(multiple(other, ours) for other in others)
        )
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Times as multiples of ours, one line per point."""
    labels = [f"V = {row['tokens']}, G = {row['group']}" for row in rows]
    return multiples(labels, [row["microseconds"] for row in rows], ENGINE.name)


REWARDS = Suite("rewards", Effort(seconds=0.4, rounds=5), measure, table, picture, notes)
