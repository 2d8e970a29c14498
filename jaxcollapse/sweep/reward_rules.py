"""What grids with rewards must fulfil: where groups of traces make sense, and where expectations have a closed form."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from jaxcollapse.parts.cell_kinds import has_long_traces, is_curated, is_rewarded
from jaxcollapse.parts.field import Answer
from jaxcollapse.sweep.grid import Grid
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.training.loss_terms import LOSS_TERMS
from jaxcollapse.training.rewards import REWARDS, draws, scores

Problem = Callable[[Any], str]
_FRESH = "a policy gradient learns from fresh traces of the model"


def broken(grid: Grid) -> Iterator[tuple[Answer, str, Problem]]:
    """Rules: which cells break each of them, the field that is to blame, and the problem, from the fields' values."""
    rewarded = is_rewarded(grid)
    if rewarded.any():
        yield from _of_groups(grid, rewarded)
        yield from _of_data(grid, rewarded)
        yield from _of_expectations(grid, rewarded & np.isinf(grid.numbers("batch_size")))
    yield (
        is_curated(grid) & ~grid.has("reward", *scores()),
        "reward",
        lambda value: (
            f"{value('reward')!r} is for update = 'policy_gradient'; curation needs a number for each token, the same "
            "for all traces"
        ),
    )


def _of_groups(grid: Grid, rewarded: Answer) -> Iterator[tuple[Answer, str, Problem]]:
    size, batch = grid.numbers("group_size"), grid.numbers("batch_size")
    uneven = np.isfinite(batch) & (np.where(np.isfinite(batch), batch, 0) % size > 0)
    yield (
        rewarded & uneven,
        "batch_size",
        lambda value: (
            f"{value('batch_size')} traces; update = 'policy_gradient' needs a multiple of "
            f"group_size = {value('group_size')}"
        ),
    )
    yield (
        rewarded & grid.has("baseline", "leave_one_out") & (size == 1),
        "group_size",
        lambda value: "1: baseline = 'leave_one_out' is the mean of the others of a group; give at least 2",
    )
    extreme = (grid.numbers("temperature") == 0) | np.isinf(grid.numbers("temperature"))
    yield (
        rewarded & grid.has("sampling_correction", "tempered") & extreme,
        "temperature",
        lambda value: (
            f"{value('temperature')}: sampling_correction = 'tempered' divides logits by it; give a number above 0, "
            "or another correction"
        ),
    )
    yield (
        rewarded & np.isinf(grid.numbers("steps")),
        "steps",
        lambda value: "inf: steps of a policy gradient on the same traces have no limit; give a number",
    )


def _of_data(grid: Grid, rewarded: Answer) -> Iterator[tuple[Answer, str, Problem]]:
    yield (
        rewarded & ~grid.has("corpus", "replace"),
        "corpus",
        lambda value: f"{value('corpus')!r}: {_FRESH}, and keeps no others; use corpus = 'replace'",
    )
    yield (
        rewarded & is_curated(grid),
        "curation",
        lambda value: f"{value('curation')!r}: {_FRESH}, which are rewarded instead; use curation = 'none'",
    )
    yield (
        rewarded & (grid.numbers("fresh_fraction") > 0),
        "fresh_fraction",
        lambda value: f"{value('fresh_fraction')}: {_FRESH}; real data have no reward",
    )
    yield (
        rewarded & grid.has("replacement", True),
        "replacement",
        lambda value: f"true: {_FRESH}; every step sees all of them",
    )
    for part in LOSS_TERMS.values():
        for name in part.arguments if part.fact("changes_targets") else ():
            yield (
                rewarded & ~grid.has(name, fields()[name].default),
                name,
                _has_no_targets(name),
            )


def _of_expectations(grid: Grid, endless: Answer) -> Iterator[tuple[Answer, str, Problem]]:
    yield (
        endless & grid.has("reward", "majority"),
        "batch_size",
        lambda value: "inf: the majority of a group has no closed form; give a number of traces",
    )
    yield (
        endless & grid.has("reward", *filter(draws, REWARDS)),
        "batch_size",
        lambda value: (
            f"inf: the mean over the random numbers of reward = {value('reward')!r} has no closed form; "
            "give a number of traces"
        ),
    )
    yield (
        endless & has_long_traces(grid),
        "batch_size",
        lambda value: (
            f"inf: the mean over infinitely many groups of traces of model = {value('model')!r} has no closed form; "
            "give a number of traces"
        ),
    )
    for field, wrong in {
        "normalise": grid.has("normalise", "std"),
        "clip_low": np.isfinite(grid.numbers("clip_low")),
        "clip_high": np.isfinite(grid.numbers("clip_high")),
    }.items():
        yield (
            endless & grid.has("reward", *scores()) & wrong,
            field,
            _has_no_closed_form(field),
        )


def _has_no_targets(name: str) -> Problem:
    return lambda value: f"{value(name)}: changes what tokens a model is fitted to; rewards have none"


def _has_no_closed_form(field: str) -> Problem:
    return lambda value: (
        f"{value(field)}: the mean over infinitely many groups with reward = {value('reward')!r} has no closed form; "
        "give a number of traces"
    )
