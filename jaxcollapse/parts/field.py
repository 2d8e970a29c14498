"""Fields of a process: the keys of `[process]` in a sweep file, each with all that is known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from jaxcollapse.parts.plugin import Plugin

Kind = Literal["static", "shape", "number", "count", "tokens"]


Answer = np.ndarray | np.bool_  # a boolean for each cell of a grid, or for a single one


@runtime_checkable
class Cells(Protocol):
    """Cells that may be asked for the values of their fields: those of a grid, each answer an array; or a single one,
    each answer a NumPy scalar.
    """

    def has(self, field: str, *wanted: Any) -> Answer:
        """Whether the value of a field is one of these."""

    def numbers(self, field: str, missing: float = np.nan) -> np.ndarray:
        """The value of a numeric field; `missing` in place of None."""

    def tells(self, field: str, about: Callable[[Any], Any]) -> Answer:
        """What a function of a field's value says."""


@dataclass(frozen=True)
class When:
    """A condition on cells. text: what completes "it matters …" in a message. holds: where it is met."""

    text: str
    holds: Callable[[Cells], Answer]


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a process.

    name: the key. type: what pydantic takes. default: its value where none is given; None may stand for what is worked
    out of other fields, or, if it is `required`, for nothing. description: what it is, for pages, schema and messages.
    label, units: of the dataset's coordinate. limits: bounds, as `pydantic.Field` takes them.
    kind: what it is to compiled programs. Each value of a "static" field has a program of its own; a "shape" decides
        how large tables are; a "number" (floating point), a "count" (int32) or "tokens" (a number for each token) is
        an argument of the program, so that a sweep over it compiles nothing.
    is_off: whether the default switches something off: then a dataset does not speak of it.
    is_switch: whether a program has to know if it is switched on.
    when: where it matters; elsewhere it has no effect, and is refused where it has none in any cell. By default where
        the parts are chosen that have it.
    plugin: who has added it, if that is not the package.
    """

    name: str
    type: Any
    default: Any
    description: str
    label: str
    units: str = "1"
    limits: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "static"
    is_off: bool = False
    is_switch: bool = False
    required: bool = False
    when: When | None = None
    plugin: Plugin | None = None
