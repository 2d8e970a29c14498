"""What grids with sequence models must fulfil: a network learns from traces, one by one, and has no table to change."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from jaxcollapse.distributions.distribution import are_by_row
from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parts.cell_kinds import has_verifier, is_rewarded, samples
from jaxcollapse.parts.field import Answer
from jaxcollapse.parts.slot import SLOTS
from jaxcollapse.sweep.grid import Grid

Problem = Callable[[Any], str]
MOST_TRACES = 2**20  # of a generation
MOST_STORED = 2**26  # tokens of a trajectory


def broken(grid: Grid) -> Iterator[tuple[Answer, str, Problem]]:
    """Rules: which cells break each of them, the field that is to blame, and the problem, from the fields' values."""
    reads = grid.has("model", *SLOTS["model"].named(lambda part: part.fact("learns_text")))
    networks = PARAMETERISATIONS.named(lambda part: part.fact("reads_windows"))
    yield (
        ~reads & grid.has("parameters", *networks),
        "parameters",
        lambda value: f"{value('parameters')!r} reads windows of tokens; it is used with model = 'sequence'",
    )
    if not reads.any():
        return
    yield (
        reads & ~grid.has("parameters", *networks),
        "parameters",
        lambda value: f"{value('parameters')!r} is a table; model = 'sequence' needs one of {', '.join(networks)}",
    )
    yield from _of_numbers(grid, reads)
    yield from _of_tables(grid, reads)
    yield from _of_correct(grid, reads)


def _of_numbers(grid: Grid, reads: Answer) -> Iterator[tuple[Answer, str, Problem]]:
    number, batch = samples(grid), grid.numbers("batch_size")
    for field, endless in {"samples": np.isinf(number) & np.isfinite(batch), "batch_size": np.isinf(batch)}.items():
        yield (
            reads & endless & ~np.isfinite(grid.numbers("samples")),
            field,
            lambda value: "inf: the traces of a network are too many for an exact expectation; give a number of traces",
        )
    many = np.maximum(number, np.where(np.isfinite(batch), batch, 0)) > MOST_TRACES
    yield (
        reads & many & np.isfinite(number),
        "samples" if "samples" in grid.given else "batch_size",
        lambda value: f"more than {MOST_TRACES} traces in a generation of a network; use fewer",
    )


def _of_tables(grid: Grid, reads: Answer) -> Iterator[tuple[Answer, str, Problem]]:
    """What exists for counts of a table's rows, but not for traces of a network."""
    wrong: dict[str, tuple[Answer, str]] = {
        "corpus": (
            ~grid.has("corpus", "replace", "window"),
            "keeps counts of all generations, but a network's traces are stored one by one; use corpus = 'window', "
            "with a window as long as the run",
        ),
        "fresh_sampling": (
            ~grid.has("fresh_sampling", "iid") & (grid.numbers("fresh_fraction") > 0),
            "counts real traces of tables; use fresh_sampling = 'iid'",
        ),
        "real_samples": (
            np.isfinite(grid.numbers("real_samples")) & (grid.numbers("fresh_fraction") > 0),
            "records counts; real data of a network are windows of the whole text: leave it out",
        ),
        "sample_growth": (grid.numbers("sample_growth") > 0, "needs room for all generations; use 0"),
    }
    for field, (cells, problem) in wrong.items():
        yield reads & cells, field, _told(field, problem)
    places = grid.numbers("context_length")
    finite = np.where(np.isfinite(samples(grid)), samples(grid), 0)
    yield (
        reads & grid.has("corpus", "window") & (grid.numbers("window") * finite * places > MOST_STORED),
        "window",
        lambda value: (
            f"{value('window')} generations with traces of {value('context_length')} tokens, stored one by one, are "
            f"more than {MOST_STORED} tokens; use a shorter window, or fewer samples"
        ),
    )


def _of_correct(grid: Grid, reads: Answer) -> Iterator[tuple[Answer, str, Problem]]:
    """A verifier knows the correct tokens of a table's rows, but not those of each context of a network."""
    judges = reads & (has_verifier(grid) | (is_rewarded(grid) & grid.has("reward", "verifier")))
    yield (
        judges & ~grid.has("correct", "listed"),
        "correct",
        _told("correct", "is a set of each row of a table; use correct = 'listed', with a list of correct_tokens"),
    )
    yield (
        judges & grid.has("correct", "listed") & grid.tells("correct_tokens", are_by_row),
        "correct_tokens",
        lambda value: "lists of tokens, one for each row of a table: with model = 'sequence' give one list of tokens",
    )


def _told(field: str, problem: str) -> Problem:
    return lambda value: f"{value(field)!r} with model = 'sequence': {problem}"
