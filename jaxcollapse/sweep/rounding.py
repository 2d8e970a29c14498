"""Values of a sweep are rounded to its precision. Refuses those that would then be ∞, 0, or not allowed."""

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.sweep.grid import Grid
from jaxcollapse.sweep.process import Process
from jaxcollapse.sweep.validation import validate_field


def check(grid: Grid, precision: str) -> None:
    """Raises `InputError` at the first number that rounds to ∞ or 0, or to what its field does not allow.

    Args:
        grid: whose values are checked.
        precision: float32 or float64.
    """
    for field, info in Process.model_fields.items():
        for value in grid.column(field).values if info.annotation is float else []:
            if np.isfinite(value):
                _check(grid.key_of(field), field, value, precision)


def _check(key: str, field: str, value: float, precision: str) -> None:
    with np.errstate(over="ignore", under="ignore"):
        rounded = float(np.dtype(precision).type(value))
    is_lost = value != 0 and not np.finfo(precision).tiny <= abs(rounded) < np.inf
    try:
        validate_field(key, field, rounded)
    except InputError:
        is_lost = True
    if is_lost:
        told = f"{value!r} is {rounded:g} in {precision}"
        raise InputError(key, told + ("; use precision = 'float64'" if precision != "float64" else ""))
