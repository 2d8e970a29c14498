"""The variance of the cells of a full grid, in parts that single axes, pairs of axes, and more axes explain.

The analysis of variance of a balanced layout is exact (Fisher; as a decomposition of a function, Sobol 1993): the
means over all other axes give the effect of an axis, and the variances of all effects add up to that of the cells. A
mean over n replicates has the variance σ²/n of its own. It adds df/C σ²/n to each part, where df is the number of
contrasts of the part and C the number of cells, also if σ² differs from cell to cell. This is subtracted, so that every
part is unbiased, and may be slightly negative.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np

Term = tuple[int, ...]  # the axes of a part, by number; () is noise
NOISE: Term = ()
_AT_ONCE = 2**22  # resampled values


@dataclass(frozen=True)
class Components:
    """The parts of the variance of several grids.

    Attributes:
        variance: the variance of each part, [grid]: axes, pairs, all higher ones as one (`higher`), and `NOISE`.
        total: for each axis the variance of all parts in which it has a share, [grid].
        whole: the variance of cells without noise, [grid].
    """

    variance: dict[Term, np.ndarray]
    total: tuple[np.ndarray, ...]
    whole: np.ndarray


def terms(axes: int) -> list[Term]:
    """The axes, the pairs, and one term for all higher interactions if there can be some."""
    singles: list[Term] = [(axis,) for axis in range(axes)]
    return [*singles, *combinations(range(axes), 2), *([higher(axes)] if axes > 2 else [])]


def higher(axes: int) -> Term:
    """The term of all interactions of three and more axes."""
    return tuple(range(axes))


def components(means: np.ndarray, noise: np.ndarray) -> Components:
    """The parts of the variance of full grids.

    Args:
        means: [grid, axis, …], of each cell.
        noise: [grid], the mean variance σ²/n of such a mean; 0 where that is not known.
    """
    axes, cells = means.ndim - 1, prod(means.shape[1:])

    def closed(kept: Sequence[int]) -> np.ndarray:
        """The variance that is explained by these axes together, without noise."""
        rest = tuple(axis + 1 for axis in range(axes) if axis not in kept)
        explained = means.mean(axis=rest).reshape(len(means), -1).var(axis=-1)
        contrasts = prod(means.shape[axis + 1] for axis in kept) - 1
        return explained - noise * contrasts / cells

    whole = closed(range(axes))
    variance: dict[Term, np.ndarray] = {(axis,): closed([axis]) for axis in range(axes)}
    for first, second in combinations(range(axes), 2):
        variance[first, second] = closed([first, second]) - variance[first,] - variance[second,]
    if axes > 2:
        variance[higher(axes)] = whole - np.sum(list(variance.values()), axis=0)
    variance[NOISE] = noise * (cells - 1) / cells
    totals = tuple(whole - closed([axis for axis in range(axes) if axis != each]) for each in range(axes))
    return Components(variance, totals, whole)


def noise_of(table: np.ndarray) -> np.ndarray:
    """The mean of σ²/n over cells, [grid], from values [grid, cell, replicate], NaN left out.

    All grids lack the same values. It is NaN if no cell has two.
    """
    number = np.count_nonzero(~np.isnan(table[0]), axis=-1)
    several = number > 1
    if not several.any():
        return np.full(len(table), np.nan)
    own = np.full(table.shape[:-1], np.nan)
    own[:, several] = np.nanvar(table[:, several], axis=-1, ddof=1)
    pooled = np.average(own[:, several], weights=number[several] - 1, axis=-1)  # for cells with a single value
    return (np.where(several, own, pooled[:, None]) / number).mean(axis=-1)


def means_of(table: np.ndarray) -> np.ndarray:
    """The mean along the last axis, NaN left out; NaN where nothing is known."""
    known = ~np.isnan(table)
    number = known.sum(axis=-1)
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        summed = np.where(known, table, 0.0).sum(axis=-1)
    return np.where(number > 0, summed / np.maximum(number, 1), np.nan)


def resampled(table: np.ndarray, resamples: int) -> Iterator[np.ndarray]:
    """Tables whose replicates are drawn again within each cell, with the spread about the mean that the law has.

    Args:
        table: [cell, replicate], NaN left out.
        resamples: number of tables, from a fixed seed.

    Yields:
        Some of the tables, [grid, cell, replicate].
    """
    generator = np.random.default_rng(0)
    ordered = np.sort(table, axis=-1)  # NaN last
    number = np.count_nonzero(~np.isnan(table), axis=-1)[:, None]
    mean = means_of(table)[:, None]
    stretched = mean + (ordered - mean) * np.sqrt(number / np.maximum(number - 1, 1))
    is_known = np.arange(table.shape[-1]) < number
    at_once = max(1, _AT_ONCE // table.size)
    for start in range(0, resamples, at_once):
        some = min(at_once, resamples - start)
        drawn = (generator.random((some, *table.shape), np.float32) * number).astype(np.int32)
        drawn = np.minimum(drawn, np.maximum(number - 1, 0))
        taken = np.take_along_axis(np.broadcast_to(stretched, drawn.shape), drawn, axis=-1)
        yield np.where(is_known, taken, np.nan)
