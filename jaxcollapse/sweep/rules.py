"""What fits together: fields that would have no effect, and combinations that mean nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.initial.distribution import InitialKind
from jaxcollapse.limits import MOST_CONTEXTS, MOST_COUNT
from jaxcollapse.sweep.grid import Grid
from jaxcollapse.training.constants import CONSTANTS, CONVERGING, LOSS

Cells = np.ndarray  # one boolean for each cell
MOST_JUDGED = 2_000_000  # traces of a generation, where each is drawn by itself; with a verifier's patience, an int32


def check(grid: Grid, generations: int) -> None:
    """Raises `InputError` at the first rule that the grid breaks."""
    for field in grid.given:
        used = USED_WHEN.get(field)
        if used is not None and not used[1](grid).any():
            raise InputError(grid.key_of(field), f"has no effect: it matters {used[0]}")
    for rule in (
        _refit_needs_samples,
        _batch_fits,
        _convergence,
        _convergence_of_the_plain_loss,
        _refit_of_a_table,
        _fit_once,
        _start_of_a_table,
        _something_to_learn,
        _judged_traces_are_drawn,
        _table_fits,
        _counts_fit,
    ):
        rule(grid, generations)


def samples(grid: Grid) -> np.ndarray:
    """N for each cell: as given, else batch_size × steps."""
    given = grid.numbers("samples")
    return np.where(np.isnan(given), grid.numbers("batch_size") * grid.numbers("steps"), given)


def is_refit(grid: Grid) -> Cells:
    """Cells that are fitted by maximum likelihood: update = "refit", or gradient steps to convergence."""
    return grid.column("update").where("refit") | np.isinf(grid.numbers("steps"))


def draws_from_generator(grid: Grid) -> Cells:
    """Cells whose minibatches are independent fresh traces: at most one pass over this generation's samples."""
    batch, everything = grid.numbers("batch_size"), samples(grid)
    one_pass = np.isfinite(batch) & (batch * grid.numbers("steps") <= everything)
    repeats = _with_replacement(grid) & np.isfinite(everything)
    return grid.column("corpus").where("replace") & one_pass & ~repeats


def sees_whole_corpus(grid: Grid) -> Cells:
    """Cells whose optimiser steps see the whole corpus each time."""
    batch = grid.numbers("batch_size")
    all_of_it = (batch == samples(grid)) & grid.column("corpus").where("replace") & ~_with_replacement(grid)
    return np.isinf(batch) | (all_of_it & ~draws_from_generator(grid))


def has_verifier(grid: Grid) -> Cells:
    """Cells whose samples may be rejected."""
    return (grid.numbers("true_positive_rate") < 1) | (grid.numbers("false_positive_rate") < 1)


def judges_traces(grid: Grid) -> Cells:
    """Cells in which whole traces of several tokens are selected."""
    return _is(grid, "model", "persona", "markov") & (~_is(grid, "curation", "none") | has_verifier(grid))


def _with_replacement(grid: Grid) -> Cells:
    return grid.column("replacement").where(True)


def _gradient(grid: Grid) -> Cells:
    return grid.column("update").where("gradient")


def _refit(grid: Grid) -> Cells:
    return grid.column("update").where("refit")


def _has_fresh_data(grid: Grid) -> Cells:
    return grid.numbers("fresh_fraction") > 0


def _draws_minibatches(grid: Grid) -> Cells:
    return _gradient(grid) & np.isfinite(grid.numbers("batch_size")) & np.isfinite(samples(grid))


def _reads(constant: str) -> Callable[[Grid], Cells]:
    names = [name for name, constants in CONSTANTS.items() if constant in constants]
    return lambda grid: _gradient(grid) & grid.column("optimizer").where(*names)


def _is(grid: Grid, field: str, *values: str) -> Cells:
    return grid.column(field).where(*values)


def _of_initial(grid: Grid, told: Callable[[InitialKind], bool]) -> Cells:
    column = grid.column("initial")
    return np.array([told(spec) for spec in column.values])[column.codes]


def _brings_rows(grid: Grid) -> Cells:
    return _of_initial(grid, lambda spec: spec.brings_rows)


def _brings_weights(grid: Grid) -> Cells:
    return _of_initial(grid, lambda spec: getattr(spec, "weights", None) is not None)


def _takes_vocab_size(grid: Grid) -> Cells:
    return _of_initial(grid, lambda spec: spec.takes_vocab_size)


USED_WHEN: dict[str, tuple[str, Callable[[Grid], Cells]]] = {
    "vocab_size": ("unless the initial distribution brings its own number of tokens (file, values)", _takes_vocab_size),
    "trace_length": ("with model = 'persona' or 'markov'", lambda grid: _is(grid, "model", "persona", "markov")),
    "personas": (
        "with model = 'persona', unless the initial distribution brings its own personas (words, table)",
        lambda grid: _is(grid, "model", "persona") & ~_brings_rows(grid),
    ),
    "persona_exponent": (
        "with model = 'persona', unless the initial distribution brings its own weights (words)",
        lambda grid: _is(grid, "model", "persona") & ~_brings_weights(grid),
    ),
    "temperature_on": ("with model = 'persona'", lambda grid: _is(grid, "model", "persona")),
    "first_token": ("with model = 'markov'", lambda grid: _is(grid, "model", "markov")),
    "end_token": ("with model = 'markov'", lambda grid: _is(grid, "model", "markov")),
    "models": ("with model = 'ensemble'", lambda grid: _is(grid, "model", "ensemble")),
    "exchange": ("with model = 'ensemble'", lambda grid: _is(grid, "model", "ensemble")),
    "rank": ("with parameters = 'lowrank'", lambda grid: _is(grid, "parameters", "lowrank")),
    "bias": ("with parameters = 'lowrank'", lambda grid: _is(grid, "parameters", "lowrank")),
    **dict.fromkeys(
        ("embedding_size", "hidden_size", "hidden_layers"),
        ("with parameters = 'mlp'", lambda grid: _is(grid, "parameters", "mlp")),
    ),
    "window": ("with corpus = 'window'", lambda grid: grid.column("corpus").where("window")),
    "mixing": ("with update = 'refit'", _refit),
    "batch_size": ("with update = 'gradient'; for a refit give samples", _gradient),
    "steps": ("with update = 'gradient'; for a refit give samples", _gradient),
    "replacement": ("with update = 'gradient', finite batch_size and finite samples", _draws_minibatches),
    **dict.fromkeys(
        ("optimizer", "learning_rate", "schedule", "optimizer_state", "clip_norm", *LOSS),
        ("with update = 'gradient'", _gradient),
    ),
    "smoothing": ("with update = 'refit' and finite samples", lambda grid: _refit(grid) & np.isfinite(samples(grid))),
    **dict.fromkeys(
        ("fresh_every", "fresh_sampling", "real_samples"), ("with fresh_fraction above 0", _has_fresh_data)
    ),
    "sample_growth": (
        "with finite samples of a generation: a refit, batch_size = inf, or minibatches of a stored corpus",
        lambda grid: np.isfinite(samples(grid)) & (is_refit(grid) | ~draws_from_generator(grid)),
    ),
    **dict.fromkeys(
        ("candidates", "reward", "reward_scale"),
        ("with curation = 'bradley_terry' or 'argmax'", lambda grid: ~_is(grid, "curation", "none")),
    ),
    "scores": (
        "with curation and reward = 'score'",
        lambda grid: ~_is(grid, "curation", "none") & _is(grid, "reward", "score"),
    ),
    "correct_share": (
        "with a verifier: true_positive_rate or false_positive_rate below 1",
        has_verifier,
    ),
    "schedule_time": (
        "with update = 'gradient' and a schedule that is not constant",
        lambda grid: _gradient(grid) & ~grid.column("schedule").where("constant"),
    ),
    "reset_every": (
        "with update = 'gradient', or a refit with mixing below 1",
        lambda grid: _gradient(grid) | (grid.numbers("mixing") < 1),
    ),
    **{
        name: (f"with optimizer = {' or '.join(repr(o) for o, c in CONSTANTS.items() if name in c)}", _reads(name))
        for name in sorted({name for constants in CONSTANTS.values() for name in constants})
    },
}


def _refuse(grid: Grid, wrong: Cells, field: str, problem: Callable[[Any], str]) -> None:
    """Raises for the first wrong cell; `problem` gets the value of a field there."""
    if not wrong.any():
        return
    cell = int(np.argmax(wrong))

    def value(name: str) -> Any:
        column = grid.column(name)
        return column.values[column.codes[cell]]

    raise InputError(grid.key_of(field), problem(value))


def _refit_needs_samples(grid: Grid, generations: int) -> None:
    unknown = np.isnan(grid.numbers("samples")) & ~_gradient(grid)
    if not _gradient(grid).any():
        _refuse(grid, unknown, "samples", lambda value: "is missing: a refit needs the number of samples, or inf")


def _batch_fits(grid: Grid, generations: int) -> None:
    wrong = _gradient(grid) & (grid.numbers("batch_size") > samples(grid)) & np.isfinite(grid.numbers("batch_size"))
    _refuse(
        grid,
        wrong & ~_with_replacement(grid),
        "batch_size",
        lambda value: (
            f"{value('batch_size')} is more than samples = {value('samples')}; "
            "draw with replacement = true, or more samples"
        ),
    )


def _convergence(grid: Grid, generations: int) -> None:
    endless = _gradient(grid) & np.isinf(grid.numbers("steps"))
    _refuse(
        grid,
        endless & np.isfinite(grid.numbers("batch_size")),
        "steps",
        lambda value: f"inf steps converge with batch_size = inf only, not {value('batch_size')}",
    )
    _refuse(
        grid,
        endless & ~grid.column("optimizer").where(*CONVERGING),
        "steps",
        lambda value: f"inf steps of {value('optimizer')} have no limit; allowed with {', '.join(CONVERGING)}",
    )


def _convergence_of_the_plain_loss(grid: Grid, generations: int) -> None:
    endless = _gradient(grid) & np.isinf(grid.numbers("steps"))
    for name in LOSS:
        _refuse(grid, endless & (grid.numbers(name) > 0), name, _has_no_limit(name))


def _has_no_limit(name: str) -> Callable[[Any], str]:
    return lambda value: f"{value(name)}: inf steps stand for the fit to the samples alone; give a number of steps"


def _refit_of_a_table(grid: Grid, generations: int) -> None:
    shared = ~_is(grid, "parameters", "table")
    _refuse(
        grid,
        shared & _refit(grid),
        "update",
        lambda value: (
            f"'refit' is the closed form of a free table; {value('parameters')} has none: use update = 'gradient'"
        ),
    )
    _refuse(
        grid,
        shared & np.isinf(grid.numbers("steps")),
        "steps",
        lambda value: f"inf steps are a refit, which {value('parameters')} has not: give a number of steps",
    )


def _fit_once(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        _of_initial(grid, lambda spec: spec.is_random) & ~_is(grid, "parameters", "table"),
        "parameters",
        lambda value: (
            f"{value('parameters')!r} is fitted to one p0, and each trajectory draws its own; set shared = true"
        ),
    )


def _start_of_a_table(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        ~_is(grid, "parameters", "table") & (grid.numbers("collapsed_start") > 0),
        "collapsed_start",
        lambda value: f"{value('collapsed_start')}: parameters = {value('parameters')!r} start from what fits p0",
    )


def _something_to_learn(grid: Grid, generations: int) -> None:
    _refuse(
        grid,
        _is(grid, "first_token", "fixed") & _is(grid, "model", "markov") & (grid.numbers("trace_length") < 2),
        "trace_length",
        lambda value: f"{value('trace_length')}: with first_token = 'fixed' nothing is learned; give at least 2",
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
        judged & ~_is(grid, "curation", "none") & np.isinf(grid.numbers("candidates")),
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
        _is(grid, "model", "markov") & _takes_vocab_size(grid) & (grid.numbers("vocab_size") > MOST_CONTEXTS),
        "vocab_size",
        lambda value: f"{value('vocab_size')}: a Markov model has a row for each token; at most {MOST_CONTEXTS}",
    )
    for field in ("personas", "models"):
        _refuse(grid, USED_WHEN[field][1](grid) & (grid.numbers(field) > MOST_CONTEXTS), field, _has_too_many(field))


def _has_too_many(field: str) -> Callable[[Any], str]:
    return lambda value: f"{value(field)}: at most {MOST_CONTEXTS}"


def _counts_fit(grid: Grid, generations: int) -> None:
    finite = np.where(np.isfinite(samples(grid)), samples(grid), 0)
    kept = np.where(grid.column("corpus").where("accumulate"), generations, 1)
    kept = np.where(grid.column("corpus").where("window"), grid.numbers("window"), kept)
    kept = kept * np.maximum(generations, 1.0) ** grid.numbers("sample_growth")
    stored = is_refit(grid) | ~draws_from_generator(grid)
    structured = ~_is(grid, "model", "categorical")
    pairs = np.where(structured, grid.numbers("trace_length") + 1, 1)
    pairs = np.where(_is(grid, "model", "ensemble"), grid.numbers("models"), pairs)
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
        structured & _gradient(grid) & (batch * pairs > MOST_COUNT),
        "batch_size",
        lambda value: f"{value('batch_size')} traces have more than {MOST_COUNT} tokens together (counts are int32)",
    )
