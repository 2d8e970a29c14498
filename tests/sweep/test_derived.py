"""Fields that follow from others have the values that their tables say, in every cell."""

from typing import Any

import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.errors import InputError

INF = float("inf")


def sweep_of(process: dict[str, Any], axes: dict[str, Any], **top: Any) -> jc.Sweep:
    return jc.Sweep.from_dict({"replicates": 1, "generations": 2, **top, "process": process, "axes": axes})


@pytest.mark.parametrize(
    ("table", "axes", "values"),
    [
        ({"times": "batch_size", "by": 0.05}, {"batch_size": [1, 16]}, [0.05, 0.8]),
        ({"plus": "batch_size", "by": 0.5}, {"batch_size": [1, 16]}, [1.5, 16.5]),
        ({"over": "batch_size", "by": 2}, {"batch_size": [1, 16]}, [2.0, 0.125]),
        ({"over": "batch_size", "by": 2}, {"batch_size": [1, INF]}, [2.0, 0.0]),
        ({"times": "batch_size", "by": "temperature"}, {"batch_size": [2, 4], "temperature": [0.5]}, [1.0, 2.0]),
        # B (1/T − 1), which the concentration of the ideal limit is
        (
            {"times": "batch_size", "by": {"plus": {"over": "temperature", "by": 1}, "by": -1}},
            {"batch_size": [1, 16], "temperature": [0.5, 0.8]},
            [1.0, 0.25, 16.0, 4.0],
        ),
        ({"times": "batch_size", "by": 0.1}, {"batch_size": [3]}, [0.3]),  # which is 0.30000000000000004
    ],
    ids=str,
)
def test_a_field_follows_from_others(table: dict[str, Any], axes: dict[str, Any], values: list[float]) -> None:
    grid = sweep_of({"vocab_size": 4, "learning_rate": table}, axes).grid
    assert grid.numbers("learning_rate").tolist() == values
    assert "learning_rate" in grid.given


def test_a_field_of_whole_numbers_is_rounded() -> None:
    grid = sweep_of({"samples": {"times": "vocab_size", "by": 0.3}, "update": "refit"}, {"vocab_size": [10, 16]}).grid
    assert grid.column("samples").values == [3, 5]


def test_the_same_cells_as_written_out_have_the_same_identities() -> None:
    followed = sweep_of({"learning_rate": {"times": "batch_size", "by": 0.05}}, {"batch_size": [2, 16]})
    written = sweep_of({}, {"tied": {"zip": {"batch_size": [2, 16], "learning_rate": [0.1, 0.8]}}})
    assert followed.grid.identities(0).tolist() == written.grid.identities(0).tolist()


def test_an_axis_of_factors_is_a_dimension_that_is_named_after_the_quotient() -> None:
    sweep = sweep_of(
        {"vocab_size": 8}, {"learning_rate": {"times": "batch_size", "by": [0.05, 0.1]}, "batch_size": [1, 4]}
    )
    assert sweep.dims == ("learning_rate_per_batch_size", "batch_size")
    data = jc.run(sweep, progress=False)
    assert data.learning_rate.dims == ("learning_rate_per_batch_size", "batch_size")
    np.testing.assert_allclose(data.learning_rate, [[0.05, 0.2], [0.1, 0.4]], rtol=1e-12)
    assert data.learning_rate_per_batch_size.values.tolist() == [0.05, 0.1]
    assert jc.Sweep.from_dict(sweep.to_dict()) == sweep


@pytest.mark.parametrize(
    ("axis", "name"),
    [
        ({"times": "batch_size", "by": [1.0]}, "learning_rate_per_batch_size"),
        ({"plus": "batch_size", "by": [1.0]}, "learning_rate_minus_batch_size"),
        ({"over": "batch_size", "by": {"geomspace": [1, 4, 3]}}, "learning_rate_times_batch_size"),
        ({"times": {"over": "temperature", "by": 1}, "by": [1.0]}, "learning_rate_by"),
    ],
    ids=str,
)
def test_a_dimension_says_what_is_held_constant(axis: dict[str, Any], name: str) -> None:
    assert sweep_of({}, {"learning_rate": axis}).dims == (name,)


def test_the_dataset_has_the_field_along_the_axes_that_it_follows() -> None:
    sweep = sweep_of(
        {"vocab_size": 8, "learning_rate": {"times": "batch_size", "by": 0.05}},
        {"batch_size": [1, 4], "temperature": [0.9, 1.0]},
    )
    data = jc.run(sweep, progress=False)
    assert data.learning_rate.dims == ("batch_size",)
    assert data.learning_rate.values.tolist() == [0.05, 0.2]


@pytest.mark.parametrize(
    ("process", "axes", "told"),
    [
        ({"learning_rate": {"times": "batch_sise", "by": 1}}, {}, "process.learning_rate.times: unknown field"),
        ({"learning_rate": {"times": "batch_size"}}, {}, "process.learning_rate.by: is missing"),
        ({"learning_rate": {"times": "batch_size", "plus": "steps", "by": 1}}, {}, "give exactly one of"),
        ({"learning_rate": {"times": "batch_size", "by": 1, "at": 2}}, {}, "not 'at'"),
        ({"learning_rate": {"times": "learning_rate", "by": 1}}, {}, "cannot follow from itself"),
        (
            {"learning_rate": {"times": "temperature", "by": 1}, "temperature": {"times": "learning_rate", "by": 1}},
            {},
            "follows from itself: learning_rate ← temperature ← learning_rate",
        ),
        ({"learning_rate": {"times": "optimizer", "by": 1}}, {}, "follows from optimizer, which is not a number"),
        ({"learning_rate": {"times": "batch_size", "by": -1}}, {}, "process.learning_rate: -1.0 · batch_size gives"),
        ({"learning_rate": {"times": "batch_size", "by": INF}}, {}, "process.learning_rate.by: inf: must be a finite"),
        (
            {"learning_rate": {"times": "batch_size", "by": 0.1}},
            {"batch_size": [1, INF]},
            "process.learning_rate: 0.1 · batch_size gives inf",
        ),
        (
            {"learning_rate": {"times": "batch_size", "by": {"over": "temperature", "by": 0}}},
            {"temperature": [0.0, 1.0]},
            "is not a number where temperature = 0",
        ),
        ({}, {"learning_rate": {"times": "batch_size", "by": 0.1}}, "axes.learning_rate.by: 0.1: an axis needs a list"),
        ({"learning_rate": 1.0}, {"learning_rate": {"times": "batch_size", "by": [1]}}, "is also a constant"),
        ({"initial": {"times": "batch_size", "by": 1}}, {}, "process.initial"),
    ],
    ids=str,
)
def test_what_follows_from_nothing_is_refused(process: dict[str, Any], axes: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        sweep_of(process, axes)
    assert told in str(caught.value)
