"""What fits together: refuses fields that would have no effect, and combinations that mean nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxcollapse.distributions.ngrams import too_many_windows
from jaxcollapse.errors import Faults, InputError, cut_path
from jaxcollapse.limits import MOST_CONTEXTS, MOST_COUNT
from jaxcollapse.parts.cell_kinds import (
    draws_from_generator,
    draws_with_replacement,
    is_refit,
    judges_traces,
    of_initial,
    samples,
    takes_gradient_steps,
    takes_vocab_size,
)
from jaxcollapse.sweep import correct_rules, reward_rules, sequence_rules
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.grid import Grid, grouped
from jaxcollapse.sweep.process_fields import fields, used_when
from jaxcollapse.training.corpora import CORPORA
from jaxcollapse.training.loss_terms import LOSS_TERMS
from jaxcollapse.training.optimizers import OPTIMIZERS

_LONGEST = 300  # characters of a cell in a message
MOST_JUDGED = 2_000_000  # traces of a generation, where each is drawn by itself; with a verifier's patience, an int32


def check(grid: Grid, generations: int, faults: Faults) -> None:
    """Collects the rules that a grid breaks. Rules about fields that are wrong already add nothing."""
    for field in grid.given:
        with faults.collected():
            used = used_when().get(field)
            if used is not None and not used.holds(grid).any():
                raise InputError(grid.key_of(field), f"has no effect: it is used {used.text}")
    for name, told in fields().items():
        with faults.collected():
            if told.required and name not in grid.given and used_when()[name].holds(grid).any():
                grid.column(name)
                raise InputError(f"process.{name}", f"is missing: {told.description}")
    for rule in (
        _refit_needs_samples,
        _batch_fits,
        _convergence,
        _convergence_at_a_constant_rate,
        _convergence_of_the_plain_loss,
        _refit_of_a_table,
        _fit_once,
        _start_of_a_table,
        _something_to_learn,
        _judged_traces_are_drawn,
        _table_fits,
        _counts_fit,
    ):
        with faults.collected():
            rule(grid, generations)
    for broken in (reward_rules.broken, correct_rules.broken, sequence_rules.broken):
        with faults.collected():
            for wrong, field, problem in broken(grid):
                with faults.collected():
                    _refuse(grid, np.broadcast_to(wrong, (grid.cells,)), field, problem)


def _refuse(grid: Grid, wrong: np.ndarray, field: str, problem: Callable[[Any], str]) -> None:
    """Raises for the first wrong cell, and names it; `problem` gets the value of a field there."""
    if not wrong.any():
        return
    cell = int(np.argmax(wrong))

    def value(name: str) -> Any:
        column = grid.column(name)
        return column.values[column.codes[cell]]

    raise InputError(grid.key_of(field), problem(value) + _where(grid, cell))


def _where(grid: Grid, cell: int) -> str:
    """Which of several cells it is; nothing where there is one."""
    told = ", ".join(f"{field} = {label(entry)}" for field, entry in grid.cell(cell).items())
    return f" (in the cell {cut_path(told, _LONGEST)})" if grid.cells > 1 else ""


def _refit_needs_samples(grid: Grid, generations: int) -> None:
    unknown = np.isnan(grid.numbers("samples")) & ~takes_gradient_steps(grid)
    if not takes_gradient_steps(grid).any():
        _refuse(grid, unknown, "samples", lambda value: "is missing: a refit needs the number of samples, or inf")


def _batch_fits(grid: Grid, generations: int) -> None:
    wrong = (
        takes_gradient_steps(grid)
        & (grid.numbers("batch_size") > samples(grid))
        & np.isfinite(grid.numbers("batch_size"))
    )
    _refuse(
        grid,
        wrong & ~draws_with_replacement(grid),
        "batch_size",
        lambda value: (
            f"{value('batch_size')} is more than samples = {value('samples')}; "
            "draw with replacement = true, or more samples"
        ),
    )


def _convergence(grid: Grid, generations: int) -> None:
    endless = takes_gradient_steps(grid) & np.isinf(grid.numbers("steps"))
    _refuse(
        grid,
        endless & np.isfinite(grid.numbers("batch_size")),
        "steps",
        lambda value: f"inf steps need batch_size = inf, not {value('batch_size')}",
    )
    _refuse(
        grid,
        endless & ~grid.has("optimizer", *_converging()),
        "steps",
        lambda value: f"inf steps of {value('optimizer')} have no limit; allowed with {', '.join(_converging())}",
    )


def _convergence_at_a_constant_rate(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        np.isinf(grid.numbers("steps")) & takes_gradient_steps(grid) & ~grid.has("schedule", "constant"),
        "schedule",
        lambda value: (
            f"{value('schedule')!r}: inf steps are the limit at a constant learning rate; give a number of "
            "steps, or schedule = 'constant'"
        ),
    )


def _convergence_of_the_plain_loss(grid: Grid, generations: int) -> None:
    endless = takes_gradient_steps(grid) & np.isinf(grid.numbers("steps"))
    for part in LOSS_TERMS.values():
        for name in part.arguments:
            _refuse(grid, endless & ~grid.has(name, fields()[name].default), name, _has_no_limit(name))


def _converging() -> list[str]:
    """The optimisers whose full-batch steps, at a small enough rate, reach the maximum-likelihood fit."""
    return OPTIMIZERS.named(lambda part: part.fact("converges"))


def _has_no_limit(name: str) -> Callable[[Any], str]:
    return lambda value: f"{value(name)}: inf steps are the fit to the samples alone; give a number of steps"


def _refit_of_a_table(grid: Grid, generations: int) -> None:
    shared = ~grid.has("parameters", "table")
    _refuse(
        grid,
        shared & ~takes_gradient_steps(grid),
        "update",
        lambda value: (
            f"{value('update')!r} is the closed form of a free table; {value('parameters')} lacks one: "
            "use update = 'gradient'"
        ),
    )
    _refuse(
        grid,
        shared & np.isinf(grid.numbers("steps")),
        "steps",
        lambda value: f"inf steps are a refit, which {value('parameters')} lacks: give a number of steps",
    )


def _fit_once(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        of_initial(grid, lambda spec: spec.is_random) & ~grid.has("parameters", "table"),
        "parameters",
        lambda value: (
            f"{value('parameters')!r} is fitted to one p0, and each trajectory draws its own; set shared = true"
        ),
    )


def _start_of_a_table(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        ~grid.has("parameters", "table") & (grid.numbers("collapsed_start") > 0),
        "collapsed_start",
        lambda value: (
            f"{value('collapsed_start')}: parameters = {value('parameters')!r} start from the fit to p0, not "
            "from a mixture"
        ),
    )


def _something_to_learn(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        grid.has("first_token", "fixed") & grid.has("model", "markov") & (grid.numbers("trace_length") < 2),
        "trace_length",
        lambda value: f"{value('trace_length')}: with first_token = 'fixed' nothing is learned; give at least 2",
    )
    _refuse(
        grid,
        grid.has("chooser", "fixed") & grid.has("model", "persona") & grid.has("temperature_on", "chooser"),
        "temperature_on",
        lambda value: "'chooser': with chooser = 'fixed' it has no temperature; use 'tokens' or 'both'",
    )


def _judged_traces_are_drawn(grid: Grid, generations: int) -> None:
    """Whole traces that are selected are drawn one by one: finitely many of finitely many candidates."""
    judged, given = judges_traces(grid), grid.numbers("samples")
    for field, endless in {
        "samples": np.isinf(given),
        "batch_size": np.isnan(given) & np.isinf(grid.numbers("batch_size")),
    }.items():
        _refuse(
            grid,
            judged & endless,
            field,
            lambda value: (
                f"inf traces of model = {value('model')!r} have no closed form if they are selected by curation or a "
                f"verifier; give a number of samples up to {MOST_JUDGED}"
            ),
        )
    _refuse(
        grid,
        judged & ~grid.has("curation", "none") & np.isinf(grid.numbers("candidates")),
        "candidates",
        lambda value: f"inf: traces of model = {value('model')!r} are drawn one by one; give a number of candidates",
    )
    number = samples(grid) * np.maximum(generations, 1.0) ** grid.numbers("sample_growth")
    fresh = draws_from_generator(grid) & ~is_refit(grid)
    for field, many in {
        "samples": ~fresh & (number > MOST_JUDGED),
        "batch_size": fresh & (grid.numbers("batch_size") > MOST_JUDGED),
    }.items():
        _refuse(
            grid,
            judged & many,
            field,
            lambda value: f"more than {MOST_JUDGED} traces: if they are selected, each is drawn by itself; use fewer",
        )


def _table_fits(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        grid.has("model", "markov") & takes_vocab_size(grid) & (grid.numbers("vocab_size") > MOST_CONTEXTS),
        "vocab_size",
        lambda value: f"{value('vocab_size')}: a Markov model has a row for each token; at most {MOST_CONTEXTS}",
    )
    is_longer = grid.has("model", "markov") & takes_vocab_size(grid) & (grid.numbers("order") > 1)
    first, index = grouped([np.where(is_longer, grid.numbers(name), 1).astype(int) for name in ("vocab_size", "order")])
    sizes, orders = (np.where(is_longer, grid.numbers(name), 1)[first] for name in ("vocab_size", "order"))
    wrong = [too_many_windows(int(size), int(order)) is not None for size, order in zip(sizes, orders, strict=True)]
    _refuse(
        grid,
        np.array(wrong)[index],
        "order",
        lambda value: str(too_many_windows(value("vocab_size"), value("order"))),
    )
    for field in ("personas", "models"):
        _refuse(
            grid, used_when()[field].holds(grid) & (grid.numbers(field) > MOST_CONTEXTS), field, _has_too_many(field)
        )


def _has_too_many(field: str) -> Callable[[Any], str]:
    return lambda value: f"{value(field)}: at most {MOST_CONTEXTS}"


def _kept(grid: Grid, generations: int) -> np.ndarray:
    """How many generations' samples a corpus has at most, of each cell."""
    names = ("corpus", *(name for part in CORPORA.values() for name in part.arguments))
    first, index = grouped([grid.column(name).codes for name in names])
    columns = {name: grid.column(name) for name in names}
    found = []
    for cell in first.tolist():
        values = {name: column.values[column.codes[cell]] for name, column in columns.items()}
        found.append(CORPORA[values["corpus"]].instance(values).generations(generations))
    return np.array(found, float)[index]


def _counts_fit(grid: Grid, generations: int) -> None:
    finite = np.where(np.isfinite(samples(grid)), samples(grid), 0)
    kept = _kept(grid, generations)
    kept = kept * np.maximum(generations, 1.0) ** grid.numbers("sample_growth")
    stored = is_refit(grid) | ~draws_from_generator(grid)
    structured = ~grid.has("model", "categorical")
    pairs = np.where(structured, grid.numbers("trace_length") + 1, 1)
    pairs = np.where(grid.has("model", "ensemble"), grid.numbers("models"), pairs)
    _refuse(
        grid,
        stored & (finite * kept * pairs > MOST_COUNT),
        "samples",
        lambda value: (
            f"the corpus would pass {MOST_COUNT} traces (counts are int32); use fewer, or inf"
            if value("model") == "categorical"
            else f"the corpus would pass {MOST_COUNT} tokens (counts are int32); use fewer or shorter traces, or inf"
        ),
    )
    batch = np.where(np.isfinite(grid.numbers("batch_size")), grid.numbers("batch_size"), 0)
    _refuse(
        grid,
        structured & takes_gradient_steps(grid) & (batch * pairs > MOST_COUNT),
        "batch_size",
        lambda value: f"{value('batch_size')} traces have more than {MOST_COUNT} tokens together (counts are int32)",
    )
