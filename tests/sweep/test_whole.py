"""A sweep is whole, by whatever way it is made, and does not change: its grid is that of its text."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import jaxcollapse as jc

TABLE: dict[str, Any] = {
    "replicates": 2,
    "process": {"update": "refit", "initial": {"kind": "values", "logits": [0.0, 1.0]}},
    "axes": {"samples": [4, 8]},
}
SWEEP = jc.Sweep.from_dict(TABLE)

WAYS: dict[str, Callable[[], jc.Sweep]] = {
    "the class": lambda: jc.Sweep(**TABLE),
    "arrays": lambda: jc.Sweep(**{**TABLE, "axes": {"samples": np.array([4, 8])}}),
    "validation": lambda: jc.Sweep.model_validate(TABLE),
    "JSON": lambda: jc.Sweep.model_validate_json(SWEEP.model_dump_json(exclude_unset=True)),
    "no validation": lambda: jc.Sweep.model_construct(**TABLE),
    "a copy": lambda: SWEEP.model_copy(),
    "a copy of another": lambda: SWEEP.model_copy(update={"axes": {"samples": [2]}}).model_copy(update=TABLE),
    "a shallow copy": lambda: copy.copy(SWEEP),
    "a deep copy": lambda: copy.deepcopy(SWEEP),
    "a pickle": lambda: pickle.loads(pickle.dumps(SWEEP)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_sweep_is_whole(way: str) -> None:
    made = WAYS[way]()
    assert made == SWEEP
    assert repr(made) == repr(SWEEP)
    assert made.to_toml() == SWEEP.to_toml()
    np.testing.assert_array_equal(made.streams(), SWEEP.streams())


def test_a_changed_copy_has_the_grid_of_its_text() -> None:
    other = SWEEP.model_copy(update={"axes": {"samples": [1, 2, 3]}, "replicates": None})
    assert other.shape == (3,)
    assert other.replicates == 64
    assert jc.Sweep.from_dict(other.to_dict()) == other


@pytest.mark.parametrize(
    ("change", "told"),
    [({"replicates": -3}, "replicates: -3"), ({"axes": {"temprature": [1.0]}}, "axes.temprature"), ({"x": 1}, "x")],
)
def test_a_sweep_that_cannot_be_is_an_error_by_every_way(change: dict[str, Any], told: str) -> None:
    with pytest.raises(jc.InputError, match=told):
        SWEEP.model_copy(update=change)
    for way in (lambda table: jc.Sweep(**table), jc.Sweep.model_validate):
        with pytest.raises(ValidationError, match=told.split(":")[0]):
            way({**TABLE, **change})


@pytest.mark.parametrize(
    "change",
    [
        lambda sweep: sweep.process.update(temperature=3.0),
        lambda sweep: sweep.process["initial"]["logits"].append(2.0),
        lambda sweep: sweep.axes["samples"].extend([16]),
        lambda sweep: sweep.axes.pop("samples"),
        lambda sweep: sweep.observables.append("no such"),
    ],
)
@pytest.mark.parametrize("way", ["the class", "a deep copy", "a pickle"])
def test_a_sweep_does_not_change(change: Callable[[jc.Sweep], None], way: str) -> None:
    made = WAYS[way]()
    with pytest.raises(TypeError, match="a sweep cannot be changed"):
        change(made)
    assert made == SWEEP


def test_the_table_of_a_sweep_may_change() -> None:
    table = SWEEP.to_dict()
    table["axes"]["samples"].append(16)
    table["process"]["initial"]["logits"].append(2.0)
    assert SWEEP.to_dict() == TABLE
