"""How much of a study a page shows, so that it stays small."""

from dataclasses import dataclass
from math import prod

from jaxcollapse.analysis.labels import spread

MOST_POINTS = 330_000  # of curves, each of 16 bytes in the page
_FEWEST = 13  # generations that are shown before values of axes are left out
_PER_CELL = 3  # a line of the summary takes as much as so many points
_ENDS = 3  # the first, the last, and one between


@dataclass(frozen=True)
class Shown:
    """Which values a page shows.

    Attributes:
        axes: for each axis the places of the values that are shown.
        generations: places of the generations that are shown.
    """

    axes: tuple[tuple[int, ...], ...]
    generations: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values of each axis are shown."""
        return tuple(map(len, self.axes))


def thinned(shape: tuple[int, ...], generations: int, lines: int, most: int = MOST_POINTS) -> Shown:
    """All of a study, or a part that is evenly spread and has both ends.

    Generations are left out first, then values of the longest axis.

    Args:
        shape: how many values each axis has.
        generations: how many are recorded.
        lines: how many curves a cell has.
        most: points of curves.
    """
    sizes = list(shape)

    def room(cells: int) -> int:
        return most // max(1, cells * lines) - _PER_CELL

    while room(prod(sizes)) < min(_FEWEST, generations) and max(sizes, default=1) > 1:
        longest = sizes.index(max(sizes))
        sizes[longest] = len(spread(shape[longest], sizes[longest] - 1))
    kept = spread(generations, max(_ENDS, room(prod(sizes))))
    axes = tuple(tuple(spread(size, number)) for size, number in zip(shape, sizes, strict=True))
    return Shown(axes, tuple(kept))
