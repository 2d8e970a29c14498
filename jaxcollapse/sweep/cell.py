"""One cell, as a mapping of its fields, which can be asked what a grid can."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np


class Cell(Mapping[str, Any]):
    """The values of all fields of one process, by name. Conditions on cells (`parts.cell_kinds`) hold of it, or not."""

    def __init__(self, values: Mapping[str, Any]):
        self._values = values

    def __getitem__(self, field: str) -> Any:
        return self._values[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def has(self, field: str, *wanted: Any) -> np.ndarray:
        """Whether the value of a field is one of these."""
        return np.asarray(self[field] in wanted)

    def numbers(self, field: str, missing: float = np.nan) -> np.ndarray:
        """The value of a numeric field; `missing` in place of None."""
        return np.asarray(missing if self[field] is None else self[field], float)

    def tells(self, field: str, about: Callable[[Any], Any]) -> np.ndarray:
        """What a function of a field's value says."""
        return np.asarray(about(self[field]))
