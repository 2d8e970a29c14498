"""What values are called: in few letters, and different ones differently; and which value of an axis is meant."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.labels import entries, number
from jaxcollapse.analysis.plot.arrangement import place_of
from jaxcollapse.analysis.plot.scale import Scale
from tests.support.datasets import INF, NAN
from tests.support.sweeps import run


def labels(values: list[Any], name: str = "temperature") -> list[str]:
    return entries(xr.Dataset(coords={name: values}), name)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9999, 0.99995, 1.0, 1.00005], ["0.9999", "0.99995", "1", "1.00005"]),
        ([0.5, 1 / 3], ["0.5", "0.3333"]),
        ([16384.0, 3e6, INF], ["16384", "3000000", "∞"]),
        ([1e-12, 2.5e-5, 0.001], ["10⁻¹²", "2.5·10⁻⁵", "0.001"]),
        ([0.1, 0.1 + 1e-15], ["0.1", "0.100000000000001"]),
        ([1, 2], ["1", "2"]),
    ],
)
def test_numbers_have_as_many_digits_as_tell_them_apart(values: list[float], expected: list[str]) -> None:
    assert labels(values) == expected


def test_texts_have_as_many_letters_as_tell_them_apart() -> None:
    tables = [f"values(probabilities=[0.25, 0.25, 0.{last}" for last in ("25, 0.25])", "2, 0.3])")]
    assert labels(tables, "initial") == tables
    long = ["a" * 500 + last for last in "bc"]
    assert labels(long, "initial") == [f"{'a' * 31}… (1)", f"{'a' * 31}… (2)"]
    assert labels(["a" * 40, "b" * 40], "initial") == [f"{'a' * 31}…", f"{'b' * 31}…"]


def test_what_is_true_or_false_is_called_so() -> None:
    data = run({"vocab_size": 4, "batch_size": 4}, {"replacement": [False, True]}, generations=1, replicates=2)
    assert entries(data, "replacement") == ["false", "true"]
    assert "replacement = true" in data.collapse.plot.trajectories("entropy", replacement=True)._suptitle.get_text()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0"),
        (2.36e-15, "2.36·10⁻¹⁵"),
        (1e5 + 0.5, "10⁵"),
        (9999.96, "10000"),
        (0.31, "0.31"),
        (NAN, "–"),
        (-2.5, "-2.5"),
    ],
)
def test_a_number_of_a_text_is_short(value: float, told: str) -> None:
    assert number(value) == told


def test_the_lower_end_of_a_scale_is_rounded_before_its_power_is_told() -> None:
    _, ticks = Scale(9.7e-7, 1.0, None, True, True).ticks()
    assert ticks[0] == "≤ 10⁻⁶"


@pytest.mark.parametrize(
    ("values", "value", "place"),
    [
        ([1e-12, 1e-10, 1e-8, 1e-6], 1e-8, 2),
        ([1_000_000, 1_000_001, 1_000_010], 1_000_010, 2),
        ([0.1, 0.3, INF], 0.1 + 0.2, 1),
        ([0.1, 0.3, INF], INF, 2),
    ],
)
def test_a_value_is_found_however_near_others_are(values: list[float], value: float, place: int) -> None:
    assert place_of(xr.Dataset(coords={"eps": values}), ["eps"], "eps", value) == place


@pytest.mark.parametrize("value", [1.000009, 0.0, [1.0], np.array([1.0, 2.0]), "1", None, INF])
def test_what_is_no_value_of_an_axis_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is not in this dataset; it has 1, 2"):
        place_of(xr.Dataset(coords={"eps": [1.0, 2.0]}), ["eps"], "eps", value)
