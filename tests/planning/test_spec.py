"""What a cell needs follows from its own fields: one cell at a time, and each cell of a group alike."""

import itertools
from typing import Any

import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.planning.cells import resolve
from jaxcollapse.planning.spec import spec_of, switched_on
from jaxcollapse.sweep.cell import Cell
from jaxcollapse.sweep.process_fields import fields, used_when

INF = float("inf")


def cell(**values: Any) -> Cell:
    """A cell of defaults, but for these fields."""
    return Cell({name: field.default for name, field in fields().items()} | values)


@pytest.mark.parametrize(
    ("values", "batches", "rule"),
    [
        ({}, "generator", "gradient"),
        ({"samples": 64}, "generator", "gradient"),
        ({"samples": 16, "steps": 2}, "full", "gradient"),
        ({"samples": 64, "replacement": True}, "corpus", "gradient"),
        ({"samples": 16, "batch_size": 8, "steps": 3}, "corpus", "gradient"),
        ({"corpus": "window", "samples": 64}, "corpus", "gradient"),
        ({"batch_size": INF, "samples": 9}, "full", "gradient"),
        ({"batch_size": INF, "steps": INF, "samples": 9}, "full", "refit"),
        ({"update": "refit", "samples": 9}, "full", "refit"),
    ],
)
def test_what_a_step_sees(values: dict[str, Any], batches: str, rule: str) -> None:
    structure = spec_of(cell(**values), 1, 16).structure
    assert (structure.batches, structure.rule.part) == (batches, rule)


def test_a_window_of_one_generation_is_no_window() -> None:
    kept = {"corpus": "window", "samples": 64, "batch_size": INF}
    assert (
        spec_of(cell(**kept, window=1), 1, 16).structure
        == spec_of(cell(**kept | {"corpus": "replace"}), 1, 16).structure
    )
    assert spec_of(cell(**kept, window=2), 1, 16).structure.corpus.copies == 6


@pytest.mark.parametrize("trained", [True, False])
def test_native_code_takes_the_expectation_of_plain_sgd_alone(trained: bool) -> None:
    expected = {"batch_size": INF, "samples": INF}
    assert spec_of(cell(**expected), 1, 16, trains_natively=trained).takes_expectation == trained
    for other in ({"optimizer": "adam"}, {"top_k": 3}, {"entropy_bonus": 0.1}, {"schedule": "cosine"}, {"steps": INF}):
        assert not spec_of(cell(**expected | other), 1, 16, trains_natively=trained).takes_expectation


def test_sets_of_rows_are_tables_and_sets_of_all_rows_are_not() -> None:
    for values, rows, tables in (
        ({}, (), ()),
        ({"correct_tokens": [[0], [1]]}, (), ()),
        ({"correct": "listed", "correct_tokens": [0]}, ("correct_tokens",), ()),
        ({"correct": "listed", "correct_tokens": [[0], [1]]}, (), ("correct_tokens",)),
        ({"correct": "file"}, (), ("correct_tokens",)),
    ):
        structure = spec_of(cell(**values), 1, 16).structure
        assert (structure.rows, structure.tables) == (rows, tables)


def test_a_given_accuracy_is_on_and_needs_xla() -> None:
    refit = {"update": "refit", "samples": 9}
    for values, is_on in (
        ({}, ()),
        ({"accuracy_concentration": 2.0}, ()),
        ({"initial_accuracy": 0.2}, ("initial_accuracy",)),
        ({"initial_accuracy": 0.2, "accuracy_concentration": 2.0}, ("initial_accuracy", "accuracy_concentration")),
        ({"initial_accuracy": 0.2, "model": "markov"}, ()),
    ):
        structure = spec_of(cell(**values, **refit), 1, 16, trains_natively=True).structure
        assert structure.is_on == is_on
        assert not (is_on and structure.is_fusible)


def test_a_field_is_on_where_it_has_an_effect() -> None:
    assert switched_on(cell(fresh_every=3)) == ()
    assert switched_on(cell(fresh_every=3, fresh_fraction=0.1)) == ("fresh_fraction", "fresh_every")
    assert switched_on(cell(mixing=0.5)) == ()
    assert switched_on(cell(mixing=0.5, update="refit", samples=4)) == ("mixing",)
    endless = {"batch_size": INF, "steps": INF, "samples": 4}
    assert switched_on(cell(clip_norm=1.0)) == ("clip_norm",)
    assert switched_on(cell(clip_norm=1.0, reset_every=2, **endless)) == ()


def test_what_a_refit_does_not_read_makes_no_program() -> None:
    plain = spec_of(cell(update="refit", samples=9), 1, 16)
    for unread in (
        {"optimizer": "adam"},
        {"schedule": "linear"},
        {"optimizer_state": "fresh"},
        {"steps": 4},
        {"rank": 3},
    ):
        assert spec_of(cell(update="refit", samples=9, **unread), 1, 16) == plain


AXES: dict[str, list[Any]] = {
    "optimizer": ["sgd", "adam"],
    "batch_size": [4, 16, INF],
    "steps": [1, 2],
    "samples": [16, INF],
    "entropy_bonus": [0.0, 0.1],
    "corpus": ["replace", "window"],
    "window": [1, 3],
}


def test_each_cell_of_a_grid_has_the_program_that_it_has_alone() -> None:
    """Groups of cells are worked out by their first cell; so any other one must have the same."""
    whole = jc.Sweep.from_dict({"process": {"vocab_size": 8}, "axes": {**AXES, "replacement": [True]}})
    cells = resolve(whole, "cpu")
    for index in np.random.default_rng(0).choice(whole.grid.cells, 24, replace=False):
        values = whole.grid.cell(int(index))
        unread = [name for name in values if name in used_when() and not used_when()[name].holds(whole.grid)[index]]
        process = {name: value for name, value in values.items() if name not in unread}
        alone = resolve(jc.Sweep.from_dict({"process": {"vocab_size": 8, **process}}), "cpu")
        assert cells.programs[cells.program[index]] == alone.programs[0], values


def test_each_model_has_the_program_that_it_has_alone() -> None:
    """Rows of the table follow from fields that are no code paths: numbers of models, of personas, of tokens."""
    for axes in (
        {"model": ["ensemble"], "models": [2, 3, 5]},
        {"model": ["persona"], "personas": [2, 3], "temperature_on": ["both", "tokens"]},
        {"model": ["markov"], "vocab_size": [4, 20], "first_token": ["learned", "fixed"]},
        {"model": ["persona", "ensemble", "categorical"], "parameters": ["table", "lowrank"], "rank": [1, 2]},
    ):
        whole = jc.Sweep.from_dict({"axes": {"vocab_size": [4], **axes}})
        cells = resolve(whole, "cpu")
        for index in range(whole.grid.cells):
            values = whole.grid.cell(index)
            unread = [name for name in values if name in used_when() and not used_when()[name].holds(whole.grid)[index]]
            process = {name: value for name, value in values.items() if name not in unread}
            (alone,) = resolve(jc.Sweep.from_dict({"process": process}), "cpu").programs
            assert cells.programs[cells.program[index]] == alone, values


def test_conditions_hold_of_a_cell_as_they_hold_in_a_grid() -> None:
    models = ["categorical", "persona", "markov", "ensemble"]
    sweep = jc.Sweep.from_dict(
        {"process": {"vocab_size": 4}, "axes": {"model": models, "batch_size": [2, INF], "mixing": [0.5, 1.0]}}
        | {"axes": {"model": models, "batch_size": [2, INF], "update": ["gradient", "refit"], "samples": [4, INF]}}
    )
    cells = [sweep.grid.whole_cell(index) for index in range(sweep.grid.cells)]
    for name, when in used_when().items():
        in_grid = np.broadcast_to(when.holds(sweep.grid), sweep.grid.cells)
        for index, cell in enumerate(cells):
            assert bool(when.holds(cell)) == in_grid[index], (name, index)


def test_every_field_is_known_whole() -> None:
    for name, field in fields().items():
        assert field.description.endswith((".", ")")), name
        assert field.label, name
        assert not field.is_switch or field.is_off, name
        assert field.kind in ("static", "shape", "number", "count", "tokens", "set"), name


def test_groups_are_as_many_as_differ() -> None:
    sweep = jc.Sweep.from_dict({"axes": {"temperature": [0.5, 0.9, 1.0], "learning_rate": {"linspace": [0.1, 1, 40]}}})
    assert len(resolve(sweep, "cpu").programs) == 1
    pairs = itertools.product(AXES["optimizer"], AXES["entropy_bonus"])
    assert len({spec_of(cell(optimizer=one, entropy_bonus=two), 1, 16).structure for one, two in pairs}) == 4
