"""From fields to programs: what each cell needs compiled, and its numbers.

Cells that are alike in all that decides about a program are few groups: each is worked out once, by `spec_of` from the
fields of its first cell. But for the size of the blocks in which single draws are made, which has no influence on
results, everything here is a function of a cell alone: the same cell gets the same program, the same padding and the
same numbers whatever else is in the grid. That is what makes its results the same bits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from jaxcollapse.distributions.distribution import are_by_row
from jaxcollapse.errors import InputError
from jaxcollapse.native import draws_on, trains
from jaxcollapse.observables import Observable
from jaxcollapse.parts import cell_kinds
from jaxcollapse.planning.draw_blocks import traces_at_once
from jaxcollapse.planning.kernel_choice import may_be_native
from jaxcollapse.planning.library import Library
from jaxcollapse.planning.methods import distinct_methods
from jaxcollapse.planning.spec import Spec, spec_of
from jaxcollapse.process.structure import FRESH, Structure
from jaxcollapse.process.whole_traces import PATIENCE
from jaxcollapse.program.kernel import Program
from jaxcollapse.program.native_path import can_run, can_watch
from jaxcollapse.sampling.curation import WIDEST
from jaxcollapse.sampling.multinomial import Method, split_at_once
from jaxcollapse.sweep.grid import Grid, grouped
from jaxcollapse.sweep.process_fields import fields, used_when
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.kernels import SAME_BITS
from jaxcollapse.walks.walk import Numbers, Walk

_UNUSED = 1  # stands for an infinite count where a number is needed
_EXPECTED = 0  # a number of draws that stands for their expectation


def padded(tokens: int) -> int:
    """Width of the token axis: a multiple of 16, and of an eighth of the power of two below, so few widths exist."""
    step = max(16, 2 ** (max(tokens - 1, 1).bit_length() - 4))
    return -(-tokens // step) * step


@dataclass(frozen=True)
class Cells:
    """All cells of a sweep, as arrays.

    Attributes:
        programs: the distinct programs.
        program: for each cell the index of its program.
        loops: for each cell the values of `structure.Loops`.
        draws: for each cell the number of traces that it draws at once or one by one, or of rows that it splits.
        settings: the numbers that programs take as arguments, by name.
        library: the initial distributions.
    """

    programs: list[Program]
    program: np.ndarray
    loops: np.ndarray
    draws: np.ndarray
    settings: dict[str, np.ndarray]
    library: Library


def resolve(sweep: Sweep, platform: str, natively: bool | None = None, kernel: str = SAME_BITS) -> Cells:
    """What each cell of the sweep needs on this platform; natively: by native code, by default where it is there."""
    grid, library, observables = sweep.grid, Library(sweep.grid, sweep.seed), sweep.chosen
    _check_precision(grid, sweep.precision)
    _check_per_token(grid, library)
    for entry in np.unique(library.index[grid.has("correct", "file")]).tolist():
        library.entries[entry].sets(None, grid.key_of("correct"))
    _check_span(grid)
    natively = trains(platform, sweep.precision) if natively is None else natively
    tokens, everything = _by_value(library.widths, padded), natively and draws_on(platform)
    trained = natively & may_be_native(kernel, platform, tokens) & can_watch(observables)
    specs, which = _specs(sweep, library, tokens, trained)

    def of(told: Sequence[object]) -> np.ndarray:
        """Values of groups, as values of their cells."""
        return np.array(told)[which]

    structures = [spec.structure for spec in specs]
    samples, expected = cell_kinds.samples(grid), of([spec.takes_expectation for spec in specs])
    batch_size = np.where(expected, _EXPECTED, grid.numbers("batch_size"))
    is_infinite = of([each.infinite_samples for each in structures])
    batches, structured = (
        of([each.batches for each in structures]),
        of([each.walk.is_structured for each in structures]),
    )
    steps = np.where(of([not each.rule.takes_steps for each in structures]), 0, grid.numbers("steps"))
    reads = library.texts >= 0
    draws_samples = ~is_infinite & ~np.isin(batches, FRESH) & ~reads
    replaced = is_infinite | cell_kinds.draws_with_replacement(grid)
    whole = of([spec.is_whole for spec in specs]) & trained
    independent = (batches == "generator") | ((batches == "corpus") & replaced) | ((batches == "groups") & whole)
    independent &= ~reads
    by_native = everything | whole
    generations = np.full(grid.cells, sweep.replicates * sweep.generations, float)
    # The numbers of draws from a row that are random, or that grow, are not known beforehand: they are always split.
    grows, vary = grid.numbers("sample_growth") > 0, structured | cell_kinds.counts_drawn(grid)
    methods = partial(distinct_methods, tokens, natively=by_native, at_once=split_at_once(platform))
    sampler, sampler_code, sample_blocks = methods(samples, draws_samples, generations, splits=vary | grows)
    batch_sampler, batch_code, batch_blocks = methods(batch_size, independent, generations * steps, splits=vary)

    first, kind = grouped([which, sampler_code, batch_code])
    made = [
        _with_draws(structures[which[cell]], sampler[sampler_code[cell]], batch_sampler[batch_code[cell]])
        for cell in first
    ]
    distinct = list(dict.fromkeys(made))
    program = np.array([distinct.index(each) for each in made])[kind]

    is_judged = cell_kinds.judges_traces(grid)
    places = _places(grid, library, [each.walk for each in structures], which) * cell_kinds.draws_one_by_one(grid)
    candidates = np.where(is_judged & cell_kinds.is_curated(grid), grid.numbers("candidates"), 0)
    if reads.any():
        stored_at_once, at_once = (
            of([getattr(each, name) for each in structures]) for name in ("stored_at_once", "traces_at_once")
        )
        sample_blocks = np.where(reads, _blocks(samples, stored_at_once), sample_blocks)
        kept = np.where(grid.has("corpus", "window"), grid.numbers("window"), 1)
        seen = np.where(batches == "full", kept * samples, batch_size)
        batch_blocks = np.where(reads, _blocks(seen, at_once), batch_blocks)
    loops = np.stack([steps, sample_blocks, batch_blocks, places, candidates], axis=1).astype(np.int32)
    draws = np.where(draws_samples, samples, np.where(independent, batch_size, 0))
    vary &= ~reads
    positions = np.where(of([each.walk.draws_by_place for each in structures]), grid.numbers("trace_length"), 1)
    draws = np.where(vary | grows, library.contexts * positions, draws)
    emitted = np.where(batches == "generator", batch_size, samples)
    draws = np.where(is_judged, emitted * _attempts(grid, sweep.generations), draws)
    draws = np.where(batches == "groups", np.where(is_infinite, 0, batch_size), draws)
    programs = [_program(sweep, each, observables, everything) for each in distinct]
    return Cells(programs, program, loops, draws, _settings(sweep, library, samples, batch_size), library)


def _blocks(number: np.ndarray, size: np.ndarray) -> np.ndarray:
    """How many blocks of a size so many traces take; 0 where none are drawn."""
    return np.where(size > 0, np.ceil(np.where(np.isfinite(number), number, 0) / np.maximum(size, 1)), 0)


def _specs(sweep: Sweep, library: Library, tokens: np.ndarray, trained: np.ndarray) -> tuple[list[Spec], np.ndarray]:
    """What each group of cells needs, and the group of each cell."""
    grid, rows = sweep.grid, library.rows
    samples, steps, batch_size = cell_kinds.samples(grid), grid.numbers("steps"), grid.numbers("batch_size")
    is_judged, fresh = cell_kinds.judges_traces(grid), cell_kinds.draws_from_generator(grid)
    emitted = np.where(fresh & ~cell_kinds.is_refit(grid), batch_size, samples)
    at_once = np.zeros(grid.cells, int)
    one_by_one = is_judged | (cell_kinds.is_rewarded(grid) & np.isfinite(emitted))
    at_once[one_by_one] = _by_value(emitted[one_by_one], lambda number: traces_at_once(int(number)))
    known = {name: field for name, field in fields().items() if name != "initial"}
    static = [grid.column(name).codes for name, field in known.items() if field.kind == "static"]
    switches = [grid.has(name, field.default) for name, field in known.items() if field.is_switch]
    kinds = (fresh, np.isinf(samples), cell_kinds.sees_whole_corpus(grid), cell_kinds.is_refit(grid), steps == 1)
    facts = [*map(np.asarray, kinds), grid.tells("correct_tokens", are_by_row)]
    reads = library.texts >= 0
    facts += [np.where(reads, number, 0) for number in (samples, batch_size)]  # each its own blocks
    sizes = (tokens, rows, library.contexts, library.texts)
    first, index = grouped([*sizes, at_once, trained, *static, *switches, *facts])
    tracks_visits = any(entry.name == "unvisited_drift" for entry in sweep.chosen)
    return [
        spec_of(
            grid.whole_cell(cell),
            int(rows[cell]),
            int(tokens[cell]),
            trains_natively=bool(trained[cell]),
            tracks_visits=tracks_visits,
            text=library.entries[library.index[cell]].given.text,
        )
        for cell in first.tolist()
    ], index


def _with_draws(structure: Structure, sampler: Method | None, batch_sampler: Method | None) -> Structure:
    """A structure, with how its draws are made."""
    made = replace(structure, sampler=sampler, batch_sampler=batch_sampler)
    if not made.is_fusible:
        return made
    return replace(made, single_step=made.batches == "groups", carry_optimizer=True)


def _program(sweep: Sweep, structure: Structure, observables: Sequence[Observable], everything: bool) -> Program:
    rewarded, record = structure.judges != "nothing", sweep.record
    measured = [entry for entry in observables if entry.is_of(structure.walk) and (rewarded or not entry.of_rewards)]
    own = [(entry.name, entry.plugin.digest) for entry in measured if entry.plugin]
    return Program(
        structure,
        tuple(entry.name for entry in measured),
        record.logits,
        sweep.precision,
        everything or can_run(structure, observables),
        record.state,
        parts=tuple(own),
        plugins=tuple((part.name, part.plugin.digest) for part in structure.parts if part.plugin),
        attempts=sweep.attempts,
        texts=(record.texts, record.text_length) if record.texts and not structure.walk.is_of_tokens else None,
    )


def _by_value(values: np.ndarray, told: Callable[[int], int]) -> np.ndarray:
    """The values of a function of numbers, computed once for each distinct number."""
    distinct, place = np.unique(values, return_inverse=True)
    return np.array([told(int(value)) for value in distinct], int)[place.reshape(-1)]


def _places(grid: Grid, library: Library, walks: Sequence[Walk], which: np.ndarray) -> np.ndarray:
    """How many draws make a trace of each cell; 1 where it is one token."""
    numbers = Numbers(grid.numbers("trace_length").astype(np.int32), library.end_tokens)
    found = np.ones(grid.cells, int)
    for walk in dict.fromkeys(walks):
        if not walk.is_of_tokens:
            mine = np.array([each == walk for each in walks])[which]
            found = np.where(mine, np.asarray(walk.places(numbers)), found)
    return found


def _attempts(grid: Grid, generations: int) -> np.ndarray:
    """How many traces are judged for each of the first generation's that are kept, on average: as a verifier accepts
    them at the start, at least, and as they grow in number.
    """
    right, wrong = grid.numbers("true_positive_rate"), grid.numbers("false_positive_rate")
    share, length = grid.numbers("correct_share"), grid.numbers("trace_length")
    some = np.where(grid.has("correct_trace", "any"), 1 - (1 - share) ** length, share**length)
    solved, given = np.where(grid.has("correct_trace", "last"), share, some), grid.numbers("initial_accuracy")
    accepted = wrong + (right - wrong) * np.where(np.isnan(given), solved, given)
    accepted = np.where(cell_kinds.counts_drawn(grid), 1, accepted)
    growth = grid.numbers("sample_growth")
    return np.maximum(generations, 1.0) ** growth / (1 + growth) / np.clip(accepted, 1 / PATIENCE, 1)


def _check_per_token(grid: Grid, library: Library) -> None:
    """Raises if a field that has a number for each token has another number of them where it matters, or if one that is
    a set of tokens has others.
    """
    for name, field in fields().items():
        column = grid.column(name)
        if field.kind == "set":
            wrong = used_when()[name].holds(grid)
            for code, entry in sorted(
                set(zip(column.codes[wrong].tolist(), library.index[wrong].tolist(), strict=True))
            ):
                if (tokens := column.values[code]) is None:
                    raise InputError(grid.key_of(name), f"is missing; {used_when()[name].text} it is needed")
                library.entries[entry].sets(tokens, grid.key_of(name))
        if field.kind != "tokens":
            continue
        number = np.array([0 if values is None else len(values) for values in column.values])[column.codes]
        wrong = used_when()[name].holds(grid)
        if not wrong.any() or not (wrong := wrong & (number != library.sizes)).any():
            continue
        cell = int(np.argmax(wrong))
        has = f"has {number[cell]} values for {library.sizes[cell]} tokens" if number[cell] else "is missing"
        raise InputError(grid.key_of(name), f"{has}; {used_when()[name].text} it needs one for each token")


def _check_span(grid: Grid) -> None:
    """Raises if scores are so far apart that a choice in proportion to e^score is out of range."""
    column = grid.column("scores")
    span = np.array([0 if scores is None else max(scores) - min(scores) for scores in column.values])[column.codes]
    wrong = (
        grid.has("curation", "bradley_terry")
        & grid.has("reward", "score")
        & ~cell_kinds.judges_traces(grid)
        & (span * abs(grid.numbers("reward_scale")) > WIDEST)
    )
    if wrong.any():
        raise InputError(
            grid.key_of("scores"),
            f"times reward_scale span more than {WIDEST:g}; curation = 'argmax' has no limit",
        )


def _check_precision(grid: Grid, precision: str) -> None:
    """Raises if rounding makes a number 0, 1 or ∞, which are other processes than those near to them."""
    for name in (name for name in grid.given if fields()[name].kind == "number"):
        for value in grid.column(name).values:
            if value is None:
                continue
            with np.errstate(over="ignore"):
                rounded = float(np.dtype(precision).type(value))
            if rounded != value and rounded in (0, 1, np.inf):
                other = "another value" if precision == "float64" else "another value, or precision = 'float64'"
                raise InputError(grid.key_of(name), f"{value!r} is {rounded:g} in {precision}; give {other}")


def _settings(sweep: Sweep, library: Library, samples: np.ndarray, batch_size: np.ndarray) -> dict[str, np.ndarray]:
    """The traced numbers of all cells, as float64 and int32."""
    grid = sweep.grid
    made = {"samples": samples, "batch_size": batch_size, "end_token": library.end_tokens}
    # Gradient steps to convergence are a refit without mixing.
    made["mixing"] = np.where(cell_kinds.takes_gradient_steps(grid), 1.0, grid.numbers("mixing"))
    values = {}
    for name, field in fields().items():
        if field.kind in ("number", "count") or name in made:
            numbers = made[name] if name in made else grid.numbers(name, _UNUSED)
            is_count = field.kind == "count" or name == "end_token"
            values[name] = _as_counts(numbers) if is_count else numbers
    return values


def _as_counts(numbers: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(numbers), numbers, _UNUSED).astype(np.int32)
