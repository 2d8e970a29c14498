"""Initial distributions from the arrays that a notebook holds: NumPy, JAX, PyTorch, pandas and xarray."""

from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.distributions.meaning import add_up_to_1, as_logits, meaning_of
from jaxcollapse.errors import InputError

KEY = "process.initial"


def is_array(value: Any) -> bool:
    """Whether a value is an array, or something that holds one, rather than a list or a number."""
    return not isinstance(value, type | np.generic) and (hasattr(value, "__array__") or hasattr(value, "__dlpack__"))


def as_numpy(value: Any) -> np.ndarray:
    """The numbers of an array: on the host, without gradients; floating-point numbers as 64 bits.

    Raises:
        InputError: it cannot be turned into one array.
    """
    if hasattr(value, "detach"):  # PyTorch: NumPy has no bfloat16
        value = value.detach().cpu()
        value = value.double() if value.is_floating_point() else value
    try:
        numbers = np.asarray(value)
        return numbers.astype(float) if numbers.dtype.kind in "fV" else numbers  # "V": bfloat16, float8
    except (TypeError, ValueError) as error:
        raise InputError("", f"a {type(value).__name__} is not an array of numbers: {error}") from None


def as_table(value: Any) -> dict[str, Any]:
    """The same distribution as a sweep file writes it: of kind "values", or "table" where there are several rows.

    Args:
        value: logits or probabilities [token] or [row, token]. What the name of an array says counts (`logits`,
            `probability`). Without a name, numbers that are not negative and add up to 1 in each row are probabilities,
            and others are logits. Texts along the last dimension, as a coordinate or an index, become the names of the
            tokens; along the first of two, the names of the personas.

    Raises:
        InputError: the numbers are neither, or look like counts.
    """
    if isinstance(value, xr.Dataset):
        raise InputError(KEY, f"is a Dataset; give one of its variables, {', '.join(map(repr, value))}")
    named = value.to_xarray() if hasattr(value, "to_xarray") else value
    if isinstance(named, xr.Dataset):  # a pandas DataFrame: columns are tokens
        named = named.to_dataarray("token").transpose(..., "token").rename(None)
    numbers = as_numpy(named)
    if numbers.dtype.kind not in "biuf":
        raise InputError(KEY, f"an array of {numbers.dtype} does not hold real numbers")
    numbers = numbers.astype(float)
    name = str(named.name) if isinstance(named, xr.DataArray) and named.name is not None else ""
    said = meaning_of(name) if name else None
    if said is None:
        are_probabilities = numbers.ndim > 0 and add_up_to_1(numbers) and (numbers >= 0).all()
        said = "probabilities" if are_probabilities else None
    try:
        as_logits(name or "the array", numbers, said, None)
    except InputError as error:
        told = error.problem.replace("give values = 'counts', or 'logits' if they are", "divide them by their sum")
        raise InputError(KEY, told) from None
    key = "probabilities" if said in ("probabilities", "counts") else "logits"
    table: dict[str, Any] = {"kind": "values" if numbers.ndim == 1 else "table", key: numbers.tolist()}
    if isinstance(named, xr.DataArray):
        for label, dim in zip(("tokens", "personas"), named.dims[::-1], strict=False):
            if dim in named.coords and named[dim].dtype.kind in "UOT":
                table[label] = [str(each) for each in named[dim].values]
    return table
