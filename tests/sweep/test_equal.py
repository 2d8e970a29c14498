"""Cells that are equal in all that they read are said to be, and numbers that differ in the last digit are named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.store.extension import check_extends
from jaxcollapse.sweep.equal_cells import equal_cells


def planned(axes: dict[str, Any], **process: Any) -> jc.Plan:
    return jc.plan(jc.Sweep.from_dict({"replicates": 1, "generations": 2, "process": process, "axes": axes}))


def test_a_plan_says_which_cells_repeat_another_one() -> None:
    made = planned({"optimizer": ["sgd", "adam"], "b1": [0.9, 0.99]}, vocab_size=4)
    told = json.loads(json.dumps(made.to_dict()))["equal_cells"]
    assert told == {
        "cells": 1,
        "computed": 0,
        "fields": ["b1"],
        "example": ["optimizer = sgd, b1 = 0.99", "optimizer = sgd, b1 = 0.9"],
    }
    assert "equal cells: 1 of 4 places repeats another cell, which is computed once: b1 has no effect there" in repr(
        made
    )
    assert "optimizer = sgd, b1 = 0.99 repeats optimizer = sgd, b1 = 0.9" in repr(made)


def test_a_plan_of_different_cells_says_nothing() -> None:
    made = planned({"optimizer": ["adam", "adamw"], "b1": [0.9, 0.99]}, vocab_size=4)
    assert made.to_dict()["equal_cells"] is None
    assert "equal cells" not in repr(made)


@pytest.mark.parametrize(
    ("axes", "process", "cells", "fields"),
    [
        ({"update": ["gradient", "refit"], "learning_rate": [0.1, 0.2, 0.3]}, {"samples": 16}, 2, ("learning_rate",)),
        ({"curation": ["none", "argmax"], "candidates": [2, 3]}, {"samples": 16}, 1, ("candidates",)),
        ({"model": ["categorical", "markov"], "trace_length": [2, 3]}, {"vocab_size": 4}, 1, ("trace_length",)),
        ({"temperature": [0.3, 0.1 + 0.2, 1.0]}, {}, 1, ("temperature",)),
        ({"initial.exponent": [0.1 + 0.2, 0.3]}, {}, 1, ("initial.exponent",)),
        ({"temperature": [1.0, 1.0 + 1e-9]}, {}, 0, ()),
        ({"update": ["gradient", "refit"], "batch_size": [1, 16]}, {}, 0, ()),
        ({"update": ["gradient", "refit"], "batch_size": [1, 16]}, {"samples": 16}, 1, ("batch_size",)),
        ({"samples": [16, 32], "batch_size": [16, 32]}, {"update": "gradient", "replacement": True}, 0, ()),
        ({"initial": [{"kind": "zipf"}, {"kind": "uniform"}], "batch_size": [1, 2]}, {}, 0, ()),
        (
            {"tied": {"zip": {"optimizer": ["sgd", "sgd", "adam"], "b1": [0.9, 0.99, 0.9]}}},
            {},
            1,
            ("optimizer", "b1"),
        ),
        (
            {"vocab_size": [4, 5], "initial": [{"kind": "values", "logits": [0.0, 1.0]}, {"kind": "zipf"}]},
            {},
            1,
            ("vocab_size",),
        ),
    ],
)
def test_cells_are_equal_that_differ_in_what_they_do_not_read(
    axes: dict[str, Any], process: dict[str, Any], cells: int, fields: tuple[str, ...]
) -> None:
    found = equal_cells(jc.Sweep.from_dict({"process": process, "axes": axes}).grid)
    assert (found.cells, found.fields) == (cells, fields) if found else cells == 0


SAMPLES = {"update": "refit", "samples": 8}


@pytest.mark.parametrize(
    ("axis", "values", "told"),
    [
        ("mixing", np.linspace(0.1, 0.5, 5).tolist(), "mixing = 0.30000000000000004 in the study and 0.3 in the sweep"),
        (
            "mixing",
            np.linspace(0.1, 0.5, 5, dtype=np.float32),
            "mixing = 0.10000000149011612 in the study and 0.1 in the sweep",
        ),
        (
            "initial.exponent",
            np.linspace(0.1, 0.5, 5).tolist(),
            "exponent=0.30000000000000004 in the study and .*0.3 in the sweep",
        ),
    ],
)
def test_a_study_whose_numbers_differ_in_the_last_digit_says_so(axis: str, values: Any, told: str) -> None:
    """Programs make other floats than `linspace` in the sweep file: here, whichever of the two comes first."""
    of_program = jc.Sweep.from_dict({"process": SAMPLES, "axes": {axis: values}})
    of_file = jc.Sweep.from_dict({"process": SAMPLES, "axes": {axis: {"linspace": [0.1, 0.5, 9]}}})
    with pytest.raises(jc.InputError, match=rf"{told}: they differ in the last digits"):
        check_extends(of_program, of_file, Path())
    as_many = jc.Sweep.from_dict({"process": SAMPLES, "axes": {axis: {"linspace": [0.1, 0.5, 5]}}})
    with pytest.raises(jc.InputError, match="they differ in the last digits"):
        check_extends(as_many, of_program, Path())
    rounded = [float(f"{float(value):.6g}") for value in values]
    check_extends(jc.Sweep.from_dict({"process": SAMPLES, "axes": {axis: rounded}}), of_file, Path())


def test_a_refusal_of_one_cell_of_several_names_it() -> None:
    process = {"update": "refit", "corpus": "accumulate"}
    axes = {"temperature": [1.0, 2.0], "samples": [100, 10_000_000]}
    with pytest.raises(jc.InputError, match=r"samples: .*int32.* \(in the cell temperature = 1, samples = 10000000\)"):
        jc.Sweep.from_dict({"process": process, "axes": axes})


def test_a_seed_that_is_swept_is_told_of_replicates() -> None:
    with pytest.raises(jc.InputError, match=r"axes\.seed: cannot be swept; .* give more `replicates`"):
        jc.Sweep.from_dict({"axes": {"seed": [0, 1]}})
