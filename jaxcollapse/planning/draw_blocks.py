"""How many single draws are made at once, or whole traces: few programs against draws made in vain.

The size of a block has no influence on counts, so that here, and only here, what else is in a sweep decides about a
program.
"""

import math
from collections.abc import Mapping
from functools import cache
from itertools import combinations

from jaxcollapse.planning.cost import PROGRAM_SECONDS
from jaxcollapse.sampling.multinomial import PORTABLE

SIZES = (1, 16, 64, 256)
_WINDOWS = (1, 2, 4, 8, 16, 32, 64)
_BLOCK_SECONDS = 1e-6  # a block of one trajectory beside its draws, at most
_BLOCK_TRACES = 8  # a block of whole traces beside their draws, in traces


def block_sizes(tokens: int, times: Mapping[int, float]) -> dict[int, int]:
    """The size of the blocks for each number of draws.

    Args:
        tokens: the vocabulary's padded size.
        times: how often each number of draws is made in the whole sweep.
    """

    @cache
    def seconds(draws: int, size: int) -> float:
        blocks = math.ceil(draws / size)
        return times[draws] * blocks * (_BLOCK_SECONDS + size * PORTABLE.single_draw(tokens))

    def total(sizes: tuple[int, ...]) -> float:
        return len(sizes) * PROGRAM_SECONDS + sum(min(seconds(draws, size) for size in sizes) for draws in times)

    subsets = (sizes for number in range(1, len(SIZES) + 1) for sizes in combinations(SIZES, number))
    best = min(subsets, key=total)
    return {draws: min(best, key=lambda size: seconds(draws, size)) for draws in times}


def traces_at_once(traces: int) -> int:
    """How many traces are drawn at once, of so many: as few programs as sizes, and the fewest draws in vain."""
    return min(SIZES, key=lambda size: math.ceil(traces / size) * (size + _BLOCK_TRACES))


def windows_at_once(traces: int) -> int:
    """How many traces a network reads at once, of so many: few programs, and no more than an eighth in vain."""
    return min(_WINDOWS, key=lambda size: math.ceil(traces / size) * (size + size / 8 + 1))


def whole_groups(traces: int, size: int) -> int:
    """How many traces are drawn at once, of so many in groups of this size: whole groups."""
    return size * max(1, traces_at_once(traces) // size)
