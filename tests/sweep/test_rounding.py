"""Numbers that a precision cannot hold are refused, whatever their field; the other precision takes them."""

from typing import Any

import pytest

import jaxcollapse as jc


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({"learning_rate": 1e300}, "process.learning_rate: 1e+300 is inf in float32"),
        ({"learning_rate": 1e-50}, "process.learning_rate: 1e-50 is 0 in float32"),
        ({"optimizer": "adam", "b2": 1 - 1e-12}, "process.b2: 0.999999999999 is 1 in float32"),
        ({"optimizer": "adam", "eps": 1e-50}, "process.eps: 1e-50 is 0 in float32"),
        ({"collapsed_start": 1 - 1e-16}, "process.collapsed_start: 0.9999999999999999 is 1 in float32"),
    ],
)
def test_a_number_that_float32_does_not_hold_is_refused(process: dict[str, Any], told: str) -> None:
    with pytest.raises(jc.InputError) as caught:
        jc.Sweep.from_dict({"process": process})
    assert str(caught.value) == f"{told}; use precision = 'float64'"
    assert jc.Sweep.from_dict({"process": process, "precision": "float64"}).grid.cells == 1


def test_the_value_of_an_axis_is_named() -> None:
    with pytest.raises(jc.InputError, match=r"^axes\.learning_rate: 1e\+39 is inf"):
        jc.Sweep.from_dict({"axes": {"learning_rate": [0.0, 1.0, 1e39]}})


def test_zero_and_infinity_are_values_like_others() -> None:
    axes = {"temperature": [0.0, float("inf")], "learning_rate": [0.0, 3e38, 2e-38]}
    assert jc.Sweep.from_dict({"axes": axes}).grid.cells == 6
