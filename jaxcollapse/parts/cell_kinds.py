"""What kind of process cells are: of the cells of a grid a boolean, or number, for each; of a single one, one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxcollapse.parts.field import Answer, AskedCells, When
from jaxcollapse.parts.slot import SLOTS


def samples(cells: AskedCells) -> np.ndarray:
    """N for each cell: as given, else batch_size × steps; of groups of traces with rewards, batch_size."""
    given = np.where(is_rewarded(cells), cells.numbers("batch_size"), cells.numbers("samples"))
    return np.where(np.isnan(given), cells.numbers("batch_size") * cells.numbers("steps"), given)


def takes_gradient_steps(cells: AskedCells) -> Answer:
    """Cells whose update rule takes steps of an optimiser, be it to convergence."""
    return cells.has("update", *SLOTS["update"].named(lambda part: part.fact("takes_steps")))


def is_rewarded(cells: AskedCells) -> Answer:
    """Cells that are trained on groups of traces with rewards."""
    return cells.has("update", *SLOTS["update"].named(lambda part: part.fact("is_rewarded")))


def is_refit(cells: AskedCells) -> Answer:
    """Cells that are trained on their whole corpus at once: a refit, or gradient steps to convergence."""
    return ~takes_gradient_steps(cells) | np.isinf(cells.numbers("steps"))


def draws_from_generator(cells: AskedCells) -> Answer:
    """Cells whose minibatches are independent fresh traces: at most one pass over this generation's samples."""
    batch, everything = cells.numbers("batch_size"), samples(cells)
    one_pass = np.isfinite(batch) & (batch * cells.numbers("steps") <= everything)
    repeats = draws_with_replacement(cells) & np.isfinite(everything)
    return cells.has("corpus", "replace") & one_pass & ~repeats


def draws_with_replacement(cells: AskedCells) -> Answer:
    """Cells whose minibatches are drawn from what is stored with replacement."""
    return cells.has("replacement", True)


def sees_whole_corpus(cells: AskedCells) -> Answer:
    """Cells whose optimiser steps see the whole corpus each time."""
    batch = cells.numbers("batch_size")
    all_of_it = (batch == samples(cells)) & cells.has("corpus", "replace") & ~draws_with_replacement(cells)
    return np.isinf(batch) | (all_of_it & ~draws_from_generator(cells))


def has_verifier(cells: AskedCells) -> Answer:
    """Cells whose samples may be rejected before training."""
    return ~is_rewarded(cells) & has_rates(cells)


def has_rates(cells: AskedCells) -> Answer:
    """Cells with a verifier, which rejects samples, or rewards them."""
    return (cells.numbers("true_positive_rate") < 1) | (cells.numbers("false_positive_rate") < 1)


def counts_drawn(cells: AskedCells) -> Answer:
    """Cells in which traces that a verifier rejects count, too, so that the number of accepted ones is random."""
    return has_verifier(cells) & cells.has("budget", "drawn")


def is_curated(cells: AskedCells) -> Answer:
    """Cells whose samples are chosen among candidates."""
    return ~cells.has("curation", "none")


def has_long_traces(cells: AskedCells) -> Answer:
    """Cells whose traces are longer than a token."""
    return cells.has("model", *SLOTS["model"].named(lambda part: not part.fact("is_of_tokens")))


def judges_traces(cells: AskedCells) -> Answer:
    """Cells in which whole traces of several tokens are selected."""
    return has_long_traces(cells) & (is_curated(cells) | has_verifier(cells))


def draws_one_by_one(cells: AskedCells) -> Answer:
    """Cells in which traces of several tokens are walked through one by one: to be selected, or to be rewarded."""
    return judges_traces(cells) | (has_long_traces(cells) & is_rewarded(cells))


def takes_vocab_size(cells: AskedCells) -> Answer:
    """Cells whose initial distribution has as many tokens as one asks for."""
    return of_initial(cells, lambda spec: spec.takes_vocab_size)


def of_initial(cells: AskedCells, told: Callable[[Any], bool]) -> Answer:
    """A function's value for each cell's initial distribution."""
    return cells.tells("initial", told)


def _takes_rewards(cells: AskedCells) -> Answer:
    return is_curated(cells) | is_rewarded(cells)


CURATED = When("with curation = 'bradley_terry' or 'argmax'", is_curated)
REWARDED = When("with curation = 'bradley_terry' or 'argmax', or update = 'policy_gradient'", _takes_rewards)
STEPS = When("with update = 'gradient' or 'policy_gradient'", takes_gradient_steps)
