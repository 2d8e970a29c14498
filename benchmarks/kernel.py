"""Time of one generation of one trajectory: jaxcollapse, vectorised NumPy and idiomatic JAX side by side, and a limit.

The process is plain SGD on one minibatch per generation at T = 0.9, from Zipf's law. Contenders take turns, so that a
machine that slows down slows all of them; a figure is the median over rounds, without compilation.
"""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import typer
from rich.console import Console
from rich.table import Table

from jaxcollapse import Sweep, plan
from jaxcollapse.execute import execute

TEMPERATURE, LEARNING_RATE = 0.9, 0.5
_MOST_DRAWS = 2**27  # tokens × traces × trajectories that the Gumbel trick can hold in memory
_TILES = 4  # device calls of jaxcollapse in one run


class Point(NamedTuple):
    """tokens: V. batch: B."""

    tokens: int
    batch: int


POINTS = [
    Point(16, 1),
    Point(16, 16),
    Point(16, 256),
    Point(256, 1),
    Point(256, 64),
    Point(256, 1024),
    Point(4096, 1),
    Point(4096, 64),
    Point(4096, 4096),
    Point(32, 10**6),
    Point(50257, 64),
]

Run = Callable[[int], None]  # runs so many generations of all trajectories


def initial_logits(point: Point) -> np.ndarray:
    """Zipf's law."""
    return -np.log(np.arange(1, point.tokens + 1))


def sweep_of(point: Point, rows: int, generations: int) -> Sweep:
    """The same process as a sweep of one cell."""
    return Sweep.from_dict(
        {
            "replicates": rows,
            "generations": generations,
            "record": {"points": 2},
            "observables": ["entropy"],
            "process": {
                "vocab_size": point.tokens,
                "batch_size": point.batch,
                "temperature": TEMPERATURE,
                "learning_rate": LEARNING_RATE,
            },
        }
    )


def jaxcollapse(point: Point, rows: int) -> Run | None:
    """The engine as `run` drives it, without files."""

    def run(generations: int) -> None:
        for _ in execute(plan(sweep_of(point, rows, generations)), lambda finished: None):
            pass

    return run


def numpy_multinomial(point: Point, rows: int) -> Run | None:
    """`Generator.multinomial` over all trajectories at once."""
    generator = np.random.default_rng(0)

    def softmax(z: np.ndarray) -> np.ndarray:
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def run(generations: int) -> None:
        z = np.tile(initial_logits(point), (rows, 1))
        for _ in range(generations):
            counts = generator.multinomial(point.batch, softmax(z / TEMPERATURE))
            z -= LEARNING_RATE * (softmax(z) - counts / point.batch)

    return run


def idiomatic_jax(point: Point, rows: int) -> Run | None:
    """vmap of `jax.random.categorical` and `jax.grad`, updates by optax."""
    if point.tokens * point.batch * rows > _MOST_DRAWS:
        return None
    descent = optax.sgd(LEARNING_RATE)

    def loss(z: jax.Array, tokens: jax.Array) -> jax.Array:
        rows_of_logits = jnp.broadcast_to(z, (point.batch, point.tokens))
        return optax.softmax_cross_entropy_with_integer_labels(rows_of_logits, tokens).mean()

    def trajectory(key: jax.Array, start: jax.Array, generations: jax.Array) -> jax.Array:
        def step(generation: jax.Array, carry: tuple[jax.Array, Any]) -> tuple[jax.Array, Any]:
            z, state = carry
            own = jax.random.fold_in(key, generation)
            tokens = jax.random.categorical(own, z / TEMPERATURE, shape=(point.batch,))
            updates, state = descent.update(jax.grad(loss)(z, tokens), state)
            return optax.apply_updates(z, updates), state

        return jax.lax.fori_loop(0, generations, step, (start, descent.init(start)))[0]

    return _runner(trajectory, point, rows)


def two_softmaxes(point: Point, rows: int) -> Run | None:
    """What the expected update alone costs: no engine that computes both softmaxes can be faster."""

    def trajectory(key: jax.Array, start: jax.Array, generations: jax.Array) -> jax.Array:
        def step(generation: jax.Array, z: jax.Array) -> jax.Array:
            return z - LEARNING_RATE * (jax.nn.softmax(z) - jax.nn.softmax(z / TEMPERATURE))

        return jax.lax.fori_loop(0, generations, step, start)

    return _runner(trajectory, point, rows)


def _runner(trajectory: Callable[[jax.Array, jax.Array, jax.Array], jax.Array], point: Point, rows: int) -> Run:
    batched = jax.jit(jax.vmap(trajectory, in_axes=(0, 0, None)))
    keys = jax.random.split(jax.random.key(0), rows)
    start = jnp.asarray(np.tile(initial_logits(point), (rows, 1)), jnp.float32)
    return lambda generations: jax.block_until_ready(batched(keys, start, jnp.int32(generations)))


CONTENDERS = (jaxcollapse, numpy_multinomial, idiomatic_jax, two_softmaxes)


def measure(points: Iterable[Point], *, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Microseconds per trajectory-step of every contender at every point; None where one cannot run.

    Args:
        points: vocabulary and batch sizes.
        seconds: length of one measurement, roughly.
        rounds: how often the contenders take turns.
    """
    rows_of_table = []
    for point in points:
        rows = _TILES * plan(sweep_of(point, 1, 1)).buckets[0].lanes
        runs = {made.__name__: made(point, rows) for made in CONTENDERS}
        lengths = {name: _generations(run, seconds) for name, run in runs.items() if run}
        times: dict[str, list[float]] = {name: [] for name in lengths}
        for _ in range(rounds):
            for name, generations in lengths.items():
                times[name].append(_time(runs[name], generations) / (generations * rows) * 1e6)
        medians = {name: statistics.median(times[name]) if name in times else None for name in runs}
        rows_of_table.append({"tokens": point.tokens, "batch": point.batch, "trajectories": rows, **medians})
    return rows_of_table


def _time(run: Run | None, generations: int) -> float:
    assert run is not None
    start = time.perf_counter()
    run(generations)
    return time.perf_counter() - start


def _generations(run: Run, seconds: float) -> int:
    """How many generations take about so long, after everything is compiled and beyond what a run costs anyway."""
    run(1)
    fixed = _time(run, 1)
    generations, taken = 2, 0.0
    while (taken := _time(run, generations) - fixed) < seconds / 4 and generations < 10**7:
        generations = int(generations * min(10, max(2, seconds / 2 / max(taken, 1e-6))))
    return max(1, round(generations * seconds / taken))


def machine() -> str:
    """The device and the processor, in words."""
    device = jax.local_devices()[0]
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = f"{len(names)} cores of {names[0]}" if names else processor
    return f"{device.device_kind} ({processor}), jax {jax.__version__}, NumPy {np.__version__}"


def table(measured: list[dict[str, Any]]) -> Table:
    """Microseconds, and ratios to jaxcollapse."""
    shown = Table(title="µs per trajectory-step (times jaxcollapse)", title_justify="left")
    for heading in ("V", "B", *(contender.__name__.replace("_", " ") for contender in CONTENDERS)):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in measured:
        ours = row[jaxcollapse.__name__]
        others = [row[contender.__name__] for contender in CONTENDERS[1:]]
        cells = [
            "–" if other is None else f"{_three(other)} ({other / ours:.{0 if other > 10 * ours else 2}f}×)"
            for other in others
        ]
        shown.add_row(f"{row['tokens']}", f"{row['batch']}", _three(ours), *cells)
    return shown


def _three(number: float) -> str:
    """About three digits, without an exponent."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def main(
    seconds: Annotated[float, typer.Option(help="Length of one measurement.")] = 0.4,
    rounds: Annotated[int, typer.Option(help="How often the contenders take turns.")] = 5,
    out: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")] = Path("results/benchmarks/kernel.json"),
) -> None:
    """Time one trajectory-step of jaxcollapse beside NumPy and idiomatic JAX."""
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(machine(), highlight=False)
    with console.status("measuring"):
        measured = measure(POINTS, seconds=seconds, rounds=rounds)
    console.print(table(measured))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"machine": machine(), "microseconds": measured}, indent=1))
    console.print(f"figures: {out}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
