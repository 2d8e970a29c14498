"""Microseconds of a row of multinomial counts: `jaxcollapse.multinomial` beside JAX's own and NumPy's."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

import jaxcollapse as jc
from benchmarks.numbers import multiple, three_digits
from benchmarks.picture import multiples
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import microseconds, repeated

OURS, JAX = "jaxcollapse.multinomial", "jax.random.multinomial"
_WEIGHTS = 2**20  # tokens × rows of a call

Draw = Callable[[], np.ndarray | jax.Array]


class Point(NamedTuple):
    """tokens: V. draws: n, of each row."""

    tokens: int
    draws: int


POINTS = [Point(V, n) for V in (16, 256, 4096, 50257) for n in (10, 1000, 10**6)]


def measure(effort: Effort, points: Sequence[Point] = POINTS) -> list[Row]:
    """Each way at each point, from Zipf's law."""
    rows = []
    for point in points:
        many = max(1, _WEIGHTS // point.tokens)
        runs = {name: repeated(draw) for name, draw in ways(point, many).items()}
        taken = microseconds(runs, many, seconds=effort.seconds, rounds=effort.rounds)
        rows.append({**point._asdict(), "rows": many, "microseconds": taken})
    return rows


def ways(point: Point, rows: int) -> dict[str, Draw]:
    """By name, what draws counts [row, token]."""
    p = 1 / np.arange(1, point.tokens + 1)
    p = np.tile(p / p.sum(), (rows, 1))
    key, generator = jax.random.key(0), np.random.default_rng(0)
    n, logits, single = jnp.full(rows, point.draws), jnp.log(jnp.asarray(p, "float32")), jnp.asarray(p, "float32")
    ours = jax.jit(jc.multinomial)
    theirs = jax.jit(jax.random.multinomial)
    return {
        OURS: lambda: jax.block_until_ready(ours(key, n, logits)),
        JAX: lambda: jax.block_until_ready(theirs(key, n.astype("float32"), single)),
        "NumPy": lambda: generator.multinomial(point.draws, p),
    }


def notes(rows: Sequence[Row]) -> list[str]:
    """How much longer JAX takes, and where somebody is faster."""
    ratios = [row["microseconds"][JAX] / row["microseconds"][OURS] for row in rows]
    faster = [
        f"{name} at (V, n) = ({row['tokens']}, {row['draws']})"
        for row in rows
        for name, time in row["microseconds"].items()
        if time < row["microseconds"][OURS]
    ]
    return [
        f"{JAX} takes {three_digits(min(ratios))} to {three_digits(max(ratios))}× as long",
        f"faster: {', '.join(faster)}" if faster else "nobody is faster anywhere",
    ]


def table(rows: Sequence[Row]) -> Table:
    """Microseconds, and multiples of ours."""
    shown = Table(title="multinomial counts: µs of a row (times jaxcollapse)", title_justify="left", min_width=70)
    for heading in ("V", "n", "rows", *rows[0]["microseconds"]):
        shown.add_column(heading, justify="right")
    for row in rows:
        ours, *others = row["microseconds"].values()
        told = (f"{row[name]}" for name in ("tokens", "draws", "rows"))
        shown.add_row(*told, three_digits(ours), *(multiple(other, ours) for other in others))
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Times as multiples of ours, one line per point."""
    labels = [f"V = {row['tokens']}, n = {row['draws']}" for row in rows]
    return multiples(labels, [row["microseconds"] for row in rows], OURS)


COUNTS = Suite("counts", Effort(seconds=0.2, rounds=3), measure, table, picture, notes)
