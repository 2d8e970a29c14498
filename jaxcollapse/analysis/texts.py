"""Sampled texts as a reader wants them: strings, in the place of the numbers of tokens."""

import re

import numpy as np
import xarray as xr

from jaxcollapse.analysis.status import at_generation
from jaxcollapse.distributions.text import OTHER

_CHARACTER = re.compile(r".|\\x[0-9a-f]{2}|\(other\)", re.DOTALL)
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def texts(data: xr.Dataset, generation: int | None = None) -> xr.DataArray:
    """The recorded texts of a dataset, as strings.

    Characters and bytes are put together as they are, words with a space between them, and tokens without labels as
    numbers. `(other)` among characters, and bytes that are not UTF-8, are U+FFFD. A trajectory that was not computed
    has empty texts.

    Args:
        data: a result of a sweep with `record = { texts = 4 }`, or any part of it with the dimension `place`.
        generation: a recorded one, by default all of them.

    Returns:
        An array of the dimensions of `text`, all but `place`.

    Raises:
        ValueError: there are no texts, or the generation is not recorded.
    """
    if "text" not in data or "place" not in data["text"].dims:
        raise ValueError("the dataset has no texts; a sweep records them with record = { texts = 4 }")
    if generation is not None:
        data = at_generation(data, generation)
    numbers = data["text"]
    if not {"token", "token_label"} & set(data.coords):
        raise ValueError("the dataset lacks the coordinate 'token'; ds.collapse.texts() needs it, not ds[['text']]")
    labels = data["token_label" if "token_label" in data.coords else "token"]
    tokens, places = [["token"]], [["place"], ["token"], []]
    between = xr.apply_ufunc(_between, labels, input_core_dims=tokens, vectorize=True, output_dtypes=[object])
    strings = xr.apply_ufunc(
        _joined, numbers, labels, between, input_core_dims=places, vectorize=True, output_dtypes=[object]
    )
    found = strings.transpose(*(dim for dim in numbers.dims if dim != "place")).astype(str)
    return found.rename("text").assign_attrs(long_name="sampled text")


def _between(labels: np.ndarray) -> str:
    """What is between two tokens: nothing if all are characters or bytes."""
    if labels.dtype.kind not in "UO":
        return " "
    return "" if all(_CHARACTER.fullmatch(label) for label in labels.tolist() if label) else " "


def _joined(numbers: np.ndarray, labels: np.ndarray, between: str) -> str:
    found: list[str] = labels[numbers[numbers >= 0]].astype(str).tolist()
    if between:
        return between.join(found)
    return b"".join(map(_bytes, found)).decode(errors="replace")


def _bytes(label: str) -> bytes:
    """A character or byte in UTF-8."""
    if len(label) == 1:
        return label.encode()
    return _UNKNOWN.encode() if label == OTHER else bytes.fromhex(label[2:])
