"""Along each axis, where losses begin and end as its values grow, and whether they do so once."""

from dataclasses import dataclass

import numpy as np

from jaxcollapse.report.axes import ShownAxis


@dataclass(frozen=True)
class Boundaries:
    """The lines of cells along an axis whose cells are all known.

    Attributes:
        axis: the axis.
        same: number of lines whose cells are all alike.
        begins: for each line on which losses begin, the place of the first cell with a loss.
        ends: for each line on which losses end, the place of the last cell with a loss.
        several: number of lines with more than one boundary.
    """

    axis: ShownAxis
    same: int
    begins: list[int]
    ends: list[int]
    several: int

    @property
    def lines(self) -> int:
        """Number of lines of cells along the axis."""
        return self.same + len(self.begins) + len(self.ends) + self.several

    @property
    def crossings(self) -> int:
        """Number of lines on which losses begin or end."""
        return self.lines - self.same

    @property
    def is_monotone(self) -> bool:
        """Whether no line has more than one boundary."""
        return self.several == 0


def boundaries(axes: list[ShownAxis], lost: np.ndarray, known: np.ndarray) -> list[Boundaries]:
    """The boundaries along each axis of several numbers.

    Args:
        axes: of the cells.
        lost: in which cells something is lost, [axis, …].
        known: in which cells it is known whether it is, [axis, …].
    """
    found = []
    for position, axis in enumerate(axes):
        if axis.order is None or len(axis) == 1:
            continue
        order = np.array(axis.order)
        table, is_known = (np.moveaxis(each, position, -1).reshape(-1, len(axis))[:, order] for each in (lost, known))
        table = table[is_known.all(axis=-1)].astype(np.int8)
        steps = np.diff(table, axis=-1)
        number = np.count_nonzero(steps, axis=-1)
        once, where = number == 1, np.abs(steps).argmax(axis=-1) if len(table) else number
        rises = once & (table[:, -1] == 1)
        falls = once & (table[:, 0] == 1)
        begins, ends = order[where[rises] + 1].tolist(), order[where[falls]].tolist()
        found.append(Boundaries(axis, int((number == 0).sum()), begins, ends, int((number > 1).sum())))
    return found
