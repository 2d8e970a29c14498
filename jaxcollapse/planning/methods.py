"""How draws are made: the distinct ways of a sweep, and which of them each cell has."""

import numpy as np

from jaxcollapse.planning.draw_blocks import block_sizes
from jaxcollapse.sampling.multinomial import Method, fewest_split

_NONE, _SPLIT = -1, -2  # stand for numbers of draws: where there are none, and where they are always split


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
