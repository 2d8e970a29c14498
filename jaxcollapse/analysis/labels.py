"""The texts next to the cells of a table or a figure: names and values of the axes."""

from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.fields import axes_of, several_in, sweep_of
from jaxcollapse.errors import cut_path, printable
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.process_fields import is_flag

_PRECISIONS = ((4, 32), (6, 64), (9, 128))  # digits of a number and letters of a text, until values are told apart
_WHOLE = 1e15  # up to which whole numbers are written out
_PLAIN = (1e-3, 1e5)  # between which other numbers are
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def heading(data: xr.Dataset, dimension: str) -> str:
    """The name of an axis; of a zip, the names of its fields."""
    return ", ".join(fields_of(data, dimension))


def long_heading(data: xr.Dataset, dimension: str) -> str:
    """The long names of the fields of a dimension, separated by commas."""
    return ", ".join(str(data[field].attrs.get("long_name", field)) for field in fields_of(data, dimension))


def entries(data: xr.Dataset, dimension: str) -> list[str]:
    """The values along an axis; of a zip, those of its fields. Different values have different texts."""
    columns = [told_apart(data[field].values.tolist(), field) for field in fields_of(data, dimension)]
    return [", ".join(values) for values in zip(*columns, strict=True)]


def told_apart(values: list[Any], field: str) -> list[str]:
    """Values of a field in as few letters as keep them different."""
    different = list(dict.fromkeys(values))
    for digits, letters in _PRECISIONS:
        labels = [entry(value, field, digits, letters) for value in different]
        if len(set(labels)) == len(different):
            break
    else:
        labels = [
            repr(value) if isinstance(value, float) else f"{entry(value, field)} ({number})"
            for number, value in enumerate(different, start=1)
        ]
    known = dict(zip(different, labels, strict=True))
    return [known[value] for value in values]


def spread(size: int, most: int) -> list[int]:
    """All indices, or at most so many that are evenly spread, an odd number with both ends and the middle."""
    number = size if size <= most else max(1, most - 1 + most % 2)
    return np.unique(np.linspace(0, size - 1, number).round().astype(int)).tolist()


def partly(shown: int, size: int, name: str) -> list[str]:
    """ "5 of the 7 values of temperature"; nothing where all are shown."""
    return [f"{shown} of the {size} values of {name}"] if shown < size else []


def left_out(places: list[int], labels: list[str], name: str) -> list[str]:
    """Which values of an axis are not shown, or the shown ones where these are fewer; nothing where all are shown."""
    others = [label for place, label in enumerate(labels) if place not in places]
    if not others:
        return []
    if len(others) <= len(places):
        return [f"without {name} {', '.join(others)}"]
    return [f"{len(places)} of the {len(labels)} values of {name}: {', '.join(labels[place] for place in places)}"]


def titled(long_name: str, units: str) -> str:
    """ "recovery gap [nat]": a quantity with its units, where it has units."""
    return long_name if units == "1" else f"{long_name} [{units}]"


def fields_of(data: xr.Dataset, dimension: str) -> list[str]:
    """The fields that have values along a dimension: of a zip or a design several, else the one that names it."""
    for _, name, spec in axes_of(sweep_of(data)):
        if name == dimension and (several := several_in(spec)):
            return [field for field in several if field in data.coords] or [dimension]
    return [dimension]


def entry(value: Any, field: str = "", digits: int = 4, letters: int = 32) -> str:
    """A value of a field in few letters."""
    if isinstance(value, float):
        return number(value, digits)
    text = str(bool(value)).lower() if is_flag(field) else printable(label(value))
    return cut_path(text, letters)


def number(value: float, digits: int = 3) -> str:
    """A number as texts show it: 16384, 0.25, 7·10⁻⁴, ∞."""
    if not np.isfinite(value):
        return "–" if np.isnan(value) else "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < _WHOLE:
        return str(int(value))
    if _PLAIN[0] <= abs(value) < _PLAIN[1]:
        before = len(str(int(abs(value))))
        return np.format_float_positional(value, max(digits, before), fractional=False, trim="-")
    return power(value, digits)


def power(value: float, digits: int) -> str:
    """A small or large number: 7·10⁻⁴, 10⁵."""
    factor, exponent = f"{value:.{digits - 1}e}".split("e")
    factor = factor.rstrip("0").rstrip(".") if "." in factor else factor
    raised = f"10{str(int(exponent)).translate(_RAISED)}"
    return raised if factor == "1" else f"{factor}·{raised}"
