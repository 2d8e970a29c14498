"""The parts that programs are made of: the distinct ones of a sweep, and which of them each cell has."""

from collections.abc import Callable

import numpy as np

from jaxcollapse.parameterisations import FreeTable, LowRank, Mlp, Parameterisation
from jaxcollapse.planning.draw_blocks import block_sizes
from jaxcollapse.planning.library import Library
from jaxcollapse.sampling.multinomial import Method, fewest_split
from jaxcollapse.sweep.grid import Grid
from jaxcollapse.walks import Categorical, Ensemble, Markov, Persona, Walk

_NONE, _SPLIT = -1, -2  # stand for numbers of draws: where there are none, and where they are always split


def distinct_walks(grid: Grid, library: Library, tokens: np.ndarray) -> tuple[list[Walk], np.ndarray]:
    """The distinct walks, and which of them each cell has."""
    models, on, first = (grid.column(name) for name in ("model", "temperature_on", "first_token"))
    is_persona, is_markov = models.where("persona"), models.where("markov")
    rows = np.where(is_persona, library.contexts - 1, np.where(is_markov, tokens, library.contexts))
    table = np.stack(
        [
            models.codes,
            rows,
            np.where(is_persona, on.codes, 0),
            np.where(is_markov, first.codes, 0),
        ],
        axis=1,
    )
    distinct, index = np.unique(table, axis=0, return_inverse=True)

    def walk(model: int, number: int, on_what: int, first_token: int) -> Walk:
        kind = models.values[model]
        if kind == "persona":
            return Persona(number, on.values[on_what])
        if kind == "ensemble":
            return Ensemble(number)
        return Markov(number, first.values[first_token]) if kind == "markov" else Categorical()

    return [walk(*row) for row in distinct.tolist()], index.reshape(-1)


def distinct_parameters(grid: Grid) -> tuple[list[Parameterisation], np.ndarray]:
    """The distinct parameterisations, and which of them each cell has."""
    kinds = grid.column("parameters")
    made: dict[str, tuple[Callable[..., Parameterisation], tuple[str, ...]]] = {
        "table": (FreeTable, ()),
        "lowrank": (LowRank, ("rank", "bias")),
        "mlp": (Mlp, ("embedding_size", "hidden_size", "hidden_layers")),
    }
    names = [name for _, fields in made.values() for name in fields]
    columns = {name: grid.column(name) for name in names}
    codes = [
        np.where(kinds.where(*(kind for kind, (_, fields) in made.items() if name in fields)), column.codes, 0)
        for name, column in columns.items()
    ]
    rows, index = np.unique(np.stack([kinds.codes, *codes], axis=1), axis=0, return_inverse=True)

    def parameterisation(kind: int, *codes: int) -> Parameterisation:
        make, fields = made[kinds.values[kind]]
        chosen = dict(zip(names, codes, strict=True))
        return make(*(columns[name].values[chosen[name]] for name in fields))

    return [parameterisation(*row) for row in rows.tolist()], index.reshape(-1)


def distinct_methods(
    tokens: np.ndarray,
    draws: np.ndarray,
    wanted: np.ndarray,
    times: np.ndarray,
    *,
    splits: np.ndarray,
    natively: np.ndarray,
    at_once: int,
) -> tuple[list[Method | None], np.ndarray, np.ndarray]:
    """The distinct sampling methods, None first; which of them each cell has; how many blocks, 0 if it draws none.

    `times` says how often a cell draws, `splits` whether all of its draws are split, whatever their number, `natively`
    whether native code draws.
    """
    finite = np.where(wanted, np.where(splits, _SPLIT, draws), _NONE).astype(np.int64)
    kinds, index = np.unique(np.stack([tokens, finite, natively], axis=1), axis=0, return_inverse=True)
    total = np.bincount(index.reshape(-1), times)
    single: dict[int, dict[int, float]] = {}
    for (width, number, native), often in zip(kinds.tolist(), total.tolist(), strict=True):
        if not native and 0 < number < fewest_split(width):
            single.setdefault(width, {})[number] = often
    sizes = {width: block_sizes(width, often) for width, often in single.items()}
    chosen: list[tuple[Method | None, int]] = [
        (None, 0)
        if number == _NONE
        else (Method(bool(native), always_splits=True, at_once=at_once), 0)
        if number == _SPLIT
        else (Method(bool(native), 0 if native else sizes.get(width, {}).get(number, 0), at_once=at_once), number)
        for width, number, native in kinds.tolist()
    ]
    order = {how: (how.native, how.block, how.always_splits) for how, _ in chosen if how}
    distinct: list[Method | None] = [None, *sorted(order, key=order.__getitem__)]
    codes = np.array([distinct.index(how) for how, _ in chosen])
    blocks = np.array([how.blocks(number) if how else 0 for how, number in chosen])
    return distinct, codes[index.reshape(-1)], blocks[index.reshape(-1)]
