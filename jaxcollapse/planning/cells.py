"""From fields to programs: what each cell needs compiled, and its numbers.

But for the size of the blocks in which single draws are made, which has no influence on results, everything here is a
function of a cell alone: the same cell gets the same program, the same padding and the same numbers whatever else is in
the grid. That is what makes its results the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.native import draws_on, trains
from jaxcollapse.observables import Observable
from jaxcollapse.planning.distinct import distinct_methods, distinct_parameters, distinct_walks
from jaxcollapse.planning.draw_blocks import traces_at_once
from jaxcollapse.planning.kernel_choice import may_be_native
from jaxcollapse.planning.library import Library
from jaxcollapse.process.corpus import Corpus
from jaxcollapse.process.structure import COUNTS, REMEDIES, Batches, Settings, Structure, Truncation
from jaxcollapse.process.whole_traces import PATIENCE
from jaxcollapse.program.kernel import Program
from jaxcollapse.program.native_path import can_run, can_watch
from jaxcollapse.sampling.curation import WIDEST
from jaxcollapse.sampling.multinomial import split_at_once
from jaxcollapse.sweep import cell_kinds
from jaxcollapse.sweep.grid import Grid
from jaxcollapse.sweep.process_fields import Process
from jaxcollapse.sweep.relevance import USED_WHEN
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.kernels import SAME_BITS
from jaxcollapse.walks import Walk
from jaxcollapse.walks.walk import Numbers

_UNUSED = 1  # stands for an infinite count where a number is needed
_EXPECTED = 0  # a number of draws that stands for their expectation
_OFF: dict[Truncation, float] = {"top_k": np.inf, "top_p": 1.0, "min_p": 0.0}
_BATCHES: tuple[Batches, Batches, Batches] = ("full", "generator", "corpus")


def padded(tokens: int) -> int:
    """Width of the token axis: a multiple of 16, and of an eighth of the power of two below, so few widths exist."""
    step = max(16, 2 ** (max(tokens - 1, 1).bit_length() - 4))
    return -(-tokens // step) * step


@dataclass(frozen=True)
class Cells:
    """All cells of a sweep, as arrays.

    programs: the distinct programs; `program` says which one a cell has. loops: those of `structure.Loops`, of each
    cell. draws: how many traces each draws at once, or one by one, or how many rows it splits. settings: the traced
    numbers, by name. library: the initial distributions.
    """

    programs: list[Program]
    program: np.ndarray
    loops: np.ndarray
    draws: np.ndarray
    settings: dict[str, np.ndarray]
    library: Library


def resolve(sweep: Sweep, platform: str, natively: bool | None = None, kernel: str = SAME_BITS) -> Cells:
    """What each cell of the sweep needs on this platform; natively: by native code, by default where it is there."""
    grid, library = sweep.grid, Library(sweep.grid, sweep.seed)
    _check_precision(grid, sweep.precision)
    samples, batch_size = cell_kinds.samples(grid), grid.numbers("batch_size")
    widths, place = np.unique(library.widths, return_inverse=True)
    tokens = np.array([padded(int(size)) for size in widths])[place.reshape(-1)]
    refit, infinite = cell_kinds.is_refit(grid), np.isinf(samples)
    full, generator, corpus = range(len(_BATCHES))
    batches = np.select(
        [refit | cell_kinds.sees_whole_corpus(grid), cell_kinds.draws_from_generator(grid)], [full, generator], corpus
    )
    natively = trains(platform, sweep.precision) if natively is None else natively
    observables = sweep.chosen
    cuts = [grid.numbers(name) != off for name, off in _OFF.items()]
    remedies = [_in_use(grid, name) for name in REMEDIES]
    structured = ~grid.has("model", "categorical")
    plain = ~structured & grid.has("parameters", "table") & grid.has("corpus", "replace")
    plain &= ~np.any([*cuts, *remedies], axis=0) & (grid.numbers("fresh_fraction") == 0)
    descends = plain & ~refit & grid.has("optimizer", "sgd") & grid.has("schedule", "constant")
    partial_refit = grid.has("update", "refit") & (grid.numbers("mixing") != 1)
    # Native code takes infinitely many fresh traces for one more number of them, in the same program.
    trained = natively & may_be_native(kernel, platform, tokens) & can_watch(observables)
    expected = descends & infinite & (batches == full) & trained
    batches, infinite = np.where(expected, generator, batches), infinite & ~expected
    whole = (plain & refit & ~partial_refit) | (descends & (batches == generator))
    everything = natively and draws_on(platform)
    by_native = everything | (whole & trained)
    batch_size = np.where(expected, _EXPECTED, batch_size)
    draws_samples = ~infinite & (batches != generator)
    replaced = grid.has("replacement", True)
    independent = (batches == generator) | ((batches == corpus) & (infinite | replaced))
    generations = np.full(grid.cells, sweep.replicates * sweep.generations, float)
    # The numbers of draws from a row that are random, or that grow, are not known beforehand: they are always split.
    grows = grid.numbers("sample_growth") > 0
    methods = partial(distinct_methods, tokens, natively=by_native, at_once=split_at_once(platform))
    sampler, sampler_code, sample_blocks = methods(samples, draws_samples, generations, splits=structured | grows)
    steps = np.where(refit, 0, grid.numbers("steps"))
    batch_sampler, batch_code, batch_blocks = methods(batch_size, independent, generations * steps, splits=structured)
    walks, walk_code = distinct_walks(grid, library, tokens)
    parameters, parameters_code = distinct_parameters(grid)

    is_judged = cell_kinds.judges_traces(grid)
    emitted = np.where(batches == generator, batch_size, samples)
    at_once = np.zeros(grid.cells, int)
    at_once[is_judged] = [traces_at_once(int(number)) for number in emitted[is_judged]]
    places = _places(grid, library, walks, walk_code) * is_judged

    used = ("optimizer", "schedule", "optimizer_state", "corpus", "window", "curation", "reward")
    columns = {name: grid.column(name) for name in used}
    is_curated = ~columns["curation"].where("none")
    _check_scores(grid, library)
    # One row of integers for each cell; fields that its program does not depend on are zero.
    is_window = columns["corpus"].where("window")
    table = np.stack(
        [
            tokens,
            refit,
            infinite,
            batches,
            sampler_code,
            batch_code,
            walk_code,
            parameters_code,
            np.where(refit, 0, columns["optimizer"].codes),
            ~refit & (grid.numbers("steps") == 1),
            np.where(refit, 0, columns["optimizer_state"].codes),
            np.where(refit, 0, columns["schedule"].codes),
            np.where(batches == generator, 0, columns["corpus"].codes),
            np.where(is_window, grid.numbers("window"), 0).astype(np.int64),
            columns["curation"].codes,
            np.where(is_curated, columns["reward"].codes, -1),
            at_once,
            grid.numbers("fresh_fraction") > 0,
            partial_refit,
            *cuts,
            *remedies,
        ],
        axis=1,
    ).astype(np.int64)
    rows, program = np.unique(table, axis=0, return_inverse=True)

    def structure(row: list[int]) -> Structure:
        made = general_structure(row)
        return replace(made, single_step=False, carry_optimizer=True) if made.is_fusible else made

    def general_structure(row: list[int]) -> Structure:
        width, is_refit, is_infinite, batch, first, second, walk, shared, optimizer, single, *rest = row
        state, schedule, corpus, window, curation, reward, together, fresh_data, partial_refit, *flags = rest
        cuts, used = flags[: len(_OFF)], flags[len(_OFF) :]
        source = _BATCHES[batch]
        kind = columns["corpus"].values[corpus]
        if source == "generator" or window == 1:  # either way the last samples are all that is seen
            kind = "replace"
        return Structure(
            walk=walks[walk],
            tokens=width,
            update="refit" if is_refit else "gradient",
            corpus=Corpus(kind, 0 if kind == "replace" else window),
            infinite_samples=bool(is_infinite),
            sampler=sampler[first],
            batches=source,
            batch_sampler=batch_sampler[second],
            optimizer="sgd" if is_refit else columns["optimizer"].values[optimizer],
            schedule="constant" if is_refit else columns["schedule"].values[schedule],
            single_step=bool(single),
            carry_optimizer=columns["optimizer_state"].values[state] == "carried",
            truncations=tuple(name for name, used in zip(_OFF, cuts, strict=True) if used),
            fresh_data=bool(fresh_data),
            partial_refit=bool(partial_refit),
            remedies=tuple(name for name, is_used in zip(REMEDIES, used, strict=True) if is_used),
            parameters=parameters[shared],
            curation=columns["curation"].values[curation],
            reward="likelihood" if reward < 0 else columns["reward"].values[reward],
            traces_at_once=together,
            tracks_visits=walks[walk].is_structured and any(entry.name == "unvisited_drift" for entry in observables),
        )

    structures = [structure(row) for row in rows.tolist()]
    programs = [
        Program(
            each,
            _measured_of(each.walk, observables),
            sweep.record.logits,
            sweep.precision,
            everything or can_run(each, observables),
            sweep.record.state,
            parts=tuple(
                (entry.name, entry.plugin.digest) for entry in observables if entry.plugin and _has(each.walk, entry)
            ),
        )
        for each in dict.fromkeys(structures)
    ]
    program = np.array([list(dict.fromkeys(structures)).index(each) for each in structures])[program.reshape(-1)]
    candidates = np.where(is_judged & is_curated, grid.numbers("candidates"), 0)
    loops = np.stack([steps, sample_blocks, batch_blocks, places, candidates], axis=1).astype(np.int32)
    draws = np.where(draws_samples, samples, np.where(independent, batch_size, 0))
    positions = np.where(grid.has("model", "markov"), grid.numbers("trace_length"), 1)
    draws = np.where(structured | grows, library.contexts * positions, draws)
    draws = np.where(is_judged, emitted * _attempts(grid, sweep.generations, places), draws)
    return Cells(programs, program, loops, draws, _settings(sweep, library, samples, batch_size), library)


def _measured_of(walk: Walk, observables: Sequence[Observable]) -> tuple[str, ...]:
    """Names of the observables that a model has."""
    return tuple(entry.name for entry in observables if _has(walk, entry))


def _has(walk: Walk, entry: Observable) -> bool:
    """Whether a model has an observable."""
    return type(walk).__name__.lower() in entry.models


def _places(grid: Grid, library: Library, walks: list[Walk], code: np.ndarray) -> np.ndarray:
    """How many draws make a trace of each cell; 1 where it is one token."""
    numbers = Numbers(grid.numbers("trace_length").astype(np.int32), library.end_tokens)
    each = [np.ones(grid.cells, int) if walk.is_of_tokens else np.asarray(walk.places(numbers)) for walk in walks]
    return np.stack(each)[code, np.arange(grid.cells)]


def _attempts(grid: Grid, generations: int, places: np.ndarray) -> np.ndarray:
    """How many traces are judged for each of the first generation's that are kept, on average: as a verifier accepts
    them at the start, at least, and as they grow in number.
    """
    right, wrong = grid.numbers("true_positive_rate"), grid.numbers("false_positive_rate")
    accepted = wrong + (right - wrong) * grid.numbers("correct_share") ** places
    growth = grid.numbers("sample_growth")
    return np.maximum(generations, 1.0) ** growth / (1 + growth) / np.clip(accepted, 1 / PATIENCE, 1)


def _check_scores(grid: Grid, library: Library) -> None:
    """Raises if there is no score for each token where samples are chosen by scores."""
    column = grid.column("scores")
    number = np.array([0 if scores is None else len(scores) for scores in column.values])[column.codes]
    wrong = grid.has("reward", "score") & ~grid.has("curation", "none") & (number != library.sizes)
    if wrong.any():
        cell = int(np.argmax(wrong))
        has = f"has {number[cell]} values for {library.sizes[cell]} tokens" if number[cell] else "is missing"
        raise InputError(grid.key_of("scores"), f"{has}; reward = 'score' needs one for each token")
    span = np.array([0 if scores is None else max(scores) - min(scores) for scores in column.values])[column.codes]
    wrong = (
        grid.has("curation", "bradley_terry")
        & ~cell_kinds.judges_traces(grid)
        & (span * abs(grid.numbers("reward_scale")) > WIDEST)
    )
    if wrong.any():
        raise InputError(
            grid.key_of("scores"),
            f"times reward_scale span more than {WIDEST:g}; curation = 'argmax' has no such limit",
        )


def _check_precision(grid: Grid, precision: str) -> None:
    """Raises if rounding makes a number 0, 1 or ∞, which are other processes than those near to them."""
    for field in (name for name in grid.given if name in Settings._fields and name not in COUNTS):
        for value in grid.column(field).values:
            with np.errstate(over="ignore"):
                rounded = float(np.dtype(precision).type(value))
            if rounded != value and rounded in (0, 1, np.inf):
                other = "another value" if precision == "float64" else "another value, or precision = 'float64'"
                raise InputError(grid.key_of(field), f"{value!r} is {rounded:g} in {precision}; give {other}")


def _in_use(grid: Grid, remedy: str) -> np.ndarray:
    """The cells that a remedy has an effect on."""
    has_effect = USED_WHEN.get(remedy, ("", lambda grid: True))[1]
    is_on = ~grid.has(remedy, Process.model_fields[remedy].default)
    if remedy in ("clip_norm", "reset_every"):  # the limit of steps is the same whatever they are, and from wherever
        is_on &= ~np.isinf(grid.numbers("steps")) | grid.has("update", "refit")
    return is_on & has_effect(grid)


def _settings(sweep: Sweep, library: Library, samples: np.ndarray, batch_size: np.ndarray) -> dict[str, np.ndarray]:
    """The traced numbers of all cells, as float64 and int32."""
    grid = sweep.grid
    made = {"samples": samples, "batch_size": batch_size, "end_token": library.end_tokens}
    values = {name: made[name] if name in made else grid.numbers(name) for name in Settings._fields}
    values |= {name: np.where(np.isfinite(values[name]), values[name], _UNUSED).astype(np.int32) for name in COUNTS}
    # Gradient steps to convergence are a refit without mixing.
    values["mixing"] = np.where(grid.has("update", "refit"), values["mixing"], 1.0)
    return values
