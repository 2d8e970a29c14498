"""What kind of process each cell of a grid is: one boolean, or number, for each."""

from collections.abc import Callable

import numpy as np

from jaxcollapse.distributions.distribution import InitialKind
from jaxcollapse.sweep.grid import Grid

Cells = np.ndarray  # one boolean for each cell


def samples(grid: Grid) -> np.ndarray:
    """N for each cell: as given, else batch_size × steps."""
    given = grid.numbers("samples")
    return np.where(np.isnan(given), grid.numbers("batch_size") * grid.numbers("steps"), given)


def is_refit(grid: Grid) -> Cells:
    """Cells that are fitted by maximum likelihood: update = "refit", or gradient steps to convergence."""
    return grid.has("update", "refit") | np.isinf(grid.numbers("steps"))


def takes_gradient_steps(grid: Grid) -> Cells:
    """Cells with update = "gradient", be it to convergence."""
    return grid.has("update", "gradient")


def draws_from_generator(grid: Grid) -> Cells:
    """Cells whose minibatches are independent fresh traces: at most one pass over this generation's samples."""
    batch, everything = grid.numbers("batch_size"), samples(grid)
    one_pass = np.isfinite(batch) & (batch * grid.numbers("steps") <= everything)
    repeats = draws_with_replacement(grid) & np.isfinite(everything)
    return grid.has("corpus", "replace") & one_pass & ~repeats


def draws_with_replacement(grid: Grid) -> Cells:
    """Cells whose minibatches are drawn from what is stored with replacement."""
    return grid.has("replacement", True)


def sees_whole_corpus(grid: Grid) -> Cells:
    """Cells whose optimiser steps see the whole corpus each time."""
    batch = grid.numbers("batch_size")
    all_of_it = (batch == samples(grid)) & grid.has("corpus", "replace") & ~draws_with_replacement(grid)
    return np.isinf(batch) | (all_of_it & ~draws_from_generator(grid))


def has_verifier(grid: Grid) -> Cells:
    """Cells whose samples may be rejected."""
    return (grid.numbers("true_positive_rate") < 1) | (grid.numbers("false_positive_rate") < 1)


def judges_traces(grid: Grid) -> Cells:
    """Cells in which whole traces of several tokens are selected."""
    return grid.has("model", "persona", "markov") & (~grid.has("curation", "none") | has_verifier(grid))


def takes_vocab_size(grid: Grid) -> Cells:
    """Cells whose initial distribution has as many tokens as one asks for."""
    return of_initial(grid, lambda spec: spec.takes_vocab_size)


def of_initial(grid: Grid, told: Callable[[InitialKind], bool]) -> Cells:
    """What is told of each cell's initial distribution."""
    column = grid.column("initial")
    return np.array([told(spec) for spec in column.values])[column.codes]
