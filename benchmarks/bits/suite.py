"""Nanoseconds of a random word, the same words in three ways: by JAX, by JAX unrolled, and by native code."""

from collections.abc import Callable, Sequence

import jax
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.contender import Run
from benchmarks.numbers import three_digits
from benchmarks.picture import blank, looks
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import microseconds, repeated
from jaxcollapse import native
from jaxcollapse.sampling import bits

PAIRS = (2**14, 2**17, 2**20)
_THEIRS, _OWN = "jax.random.bits", "jaxcollapse.sampling.bits"


def measure(effort: Effort, pairs: Sequence[int] = PAIRS) -> list[Row]:
    """Of so many pairs of words at once."""
    rows = []
    for number in pairs:
        runs = {_THEIRS: _run(lambda key, n: jax.random.bits(key, (2 * n,)), number), _OWN: _run(_own, number)}
        if jax.default_backend() == "cpu" and native.processor():
            runs["native code"] = _run(_native, number)
        taken = microseconds(runs, 2 * number, seconds=effort.seconds, rounds=effort.rounds)
        rows.append({"words": 2 * number, "nanoseconds": {name: 1000 * (time or 0) for name, time in taken.items()}})
    return rows


def _own(key: jax.Array, number: int) -> object:
    return bits.words(jax.random.key_data(key), number)


def _native(key: jax.Array, number: int) -> object:
    return native.words(jax.random.key_data(key), number)


def _run(words: Callable[[jax.Array, int], object], number: int) -> Run:
    made = jax.jit(words, static_argnums=1)
    key = jax.random.key(0)
    return repeated(lambda: jax.block_until_ready(made(key, number)))


def notes(rows: Sequence[Row]) -> list[str]:
    """How much slower JAX's are."""
    last = rows[-1]["nanoseconds"]
    slower = (f"{last[_THEIRS] / last[name]:.1f}× that of {name}" for name in last if name != _THEIRS)
    return [f"of {rows[-1]['words']} words, {_THEIRS} takes {', '.join(slower)}"]


def table(rows: Sequence[Row]) -> Table:
    """A line per number of words."""
    shown = Table(title="random words, ns each", title_justify="left")
    for heading in ("words at once", *rows[0]["nanoseconds"]):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(str(row["words"]), *map(three_digits, row["nanoseconds"].values()))
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Nanoseconds against how many are made at once."""
    figure, (ax,) = blank(1, width=7, height=4)
    for name, look in looks(rows[0]["nanoseconds"]).items():
        ax.plot(
            [row["words"] for row in rows], [row["nanoseconds"][name] for row in rows], label=name, **look._asdict()
        )
    ax.set(xscale="log", yscale="log", xlabel="words made at once", ylabel="ns per word")
    ax.legend(frameon=False)
    return figure


BITS = Suite("bits", Effort(seconds=0.1, rounds=5), measure, table, picture, notes)
