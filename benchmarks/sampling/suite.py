"""Nanoseconds of multinomial counts on one core, drawn one by one and split: where does the choice change over?"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.contender import Run
from benchmarks.numbers import three_digits
from benchmarks.picture import blank, looks
from benchmarks.suite import Effort, Row, Suite
from benchmarks.turns import microseconds, repeated
from jaxcollapse.native import count
from jaxcollapse.sampling import tree
from jaxcollapse.sampling.multinomial import fewest_split

_WEIGHTS = 2**19  # tokens × lanes of a call
_ALL = 2**31 - 1
_BOUND = 1.5  # what the choice may cost, times the cheaper way

TOKENS = (16, 64, 256, 512, 1024, 4096, 16384, 65536)
AROUND = (1 / 16, 1 / 4, 1, 4)  # numbers of draws, as parts of where the engine changes over


def measure(effort: Effort, tokens: Sequence[int] = TOKENS) -> list[Row]:
    """Both ways for each number of tokens and of draws, from Zipf's law."""
    rows = []
    for size in tokens:
        edge = fewest_split(size)
        for draws in dict.fromkeys(max(1, round(part * edge)) for part in AROUND):
            lanes = max(1, _WEIGHTS // size)
            runs = {"one by one": _run(size, lanes, draws, _ALL), "split": _run(size, lanes, draws, 0)}
            taken = microseconds(runs, lanes, seconds=effort.seconds, rounds=effort.rounds)
            nanoseconds = {name: 1000 * time for name, time in taken.items() if time is not None}
            rows.append({"tokens": size, "draws": draws, "fewest_split": edge, "nanoseconds": nanoseconds})
    return rows


def _run(tokens: int, lanes: int, draws: int, fewest: int) -> Run:
    weights = jnp.asarray(np.tile(1 / np.arange(1, tokens + 1), (lanes, 1)), jnp.float32)
    keys = jax.random.key_data(jax.random.split(jax.random.key(0), lanes))
    apart = tree.columns(tokens) == 1

    def counted(key: jax.Array, weights: jax.Array) -> jax.Array:
        return count(key, weights, jnp.int32(draws), fewest_split=fewest, apart=apart)

    counts = jax.jit(jax.vmap(counted))
    return repeated(lambda: jax.block_until_ready(counts(keys, weights)))


def notes(rows: Sequence[Row]) -> list[str]:
    """Where the engine takes the dearer way, and by how much."""
    dear = []
    for row in rows:
        chosen = "split" if row["draws"] >= row["fewest_split"] else "one by one"
        ratio = row["nanoseconds"][chosen] / min(row["nanoseconds"].values())
        if ratio > _BOUND:
            dear.append(f"(V, draws) = ({row['tokens']}, {row['draws']}): {ratio:.1f}×")
    return [f"chosen, though dearer: {', '.join(dear)}" if dear else f"the choice never costs more than {_BOUND}×"]


def table(rows: Sequence[Row]) -> Table:
    """Nanoseconds of both ways."""
    shown = Table(title="multinomial counts, ns on one core", title_justify="left")
    for heading in ("V", "draws", "split from", *rows[0]["nanoseconds"]):
        shown.add_column(heading, justify="right")
    for row in rows:
        counts = (row["tokens"], row["draws"], row["fewest_split"])
        shown.add_row(*map(str, counts), *map(three_digits, row["nanoseconds"].values()))
    return shown


def picture(rows: Sequence[Row]) -> Figure:
    """Splitting as a multiple of drawing one by one, against draws as a multiple of where the engine changes over."""
    figure, (ax,) = blank(1, width=7, height=4.5)
    sizes = list(dict.fromkeys(row["tokens"] for row in rows))
    for size, look in looks(f"{size}" for size in sizes).items():
        mine = [row for row in rows if row["tokens"] == int(size)]
        x = [row["draws"] / row["fewest_split"] for row in mine]
        y = [row["nanoseconds"]["split"] / row["nanoseconds"]["one by one"] for row in mine]
        ax.plot(x, y, label=size, **look._asdict())
    ax.axhline(1, color="black", linewidth=0.8)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set(xscale="log", yscale="log", xlabel="draws, times where the engine changes over to splitting")
    ax.set_ylabel("time to split, times that of single draws")
    ax.legend(title="tokens V", frameon=False)
    return figure


SAMPLING = Suite("sampling", Effort(seconds=0.1, rounds=3), measure, table, picture, notes)
