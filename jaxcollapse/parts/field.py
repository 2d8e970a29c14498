"""Fields of a process: the keys of `[process]` in a sweep file, each with all that is known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from jaxcollapse.parts.plugin import Plugin

Kind = Literal["static", "shape", "number", "count", "tokens", "set"]


Answer = np.ndarray | np.bool_  # a boolean for each cell of a grid, or for a single one


@runtime_checkable
class AskedCells(Protocol):
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
    """A condition on cells.

    Attributes:
        text: the text that completes "it is used …" in a message.
        holds: the function that says for which cells the condition holds.
    """

    text: str
    holds: Callable[[AskedCells], Answer]


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a process.

    Attributes:
        name: its key in a sweep file.
        type: its type, as pydantic takes it.
        default: its value if none is given. None may mean that other fields determine the value or, if the field is
            `required`, that there is no default.
        description: its description on pages, in the schema and in messages.
        label: long name of the dataset's coordinate.
        units: units of the dataset's coordinate.
        limits: bounds, as `pydantic.Field` takes them.
        kind: what it is to compiled programs. Each value of a "static" field has a program of its own. A "shape"
            decides how large tables are. A "number" (floating point), a "count" (int32) or "tokens" (a number for each
            token) is an argument of the program, so that a sweep over it compiles nothing; so is a "set" (labels or
            numbers of tokens), which a program sees as a number for each token, of each row if rows have sets of their
            own: 1 for those of the set, else 0.
        is_off: whether the default switches something off; a dataset then leaves the field out. Every switch is off.
        is_switch: whether a program has to know if it is switched on.
        required: whether a sweep file must give a value.
        when: the condition under which it matters. Elsewhere it has no effect, and it is refused if it has none in any
            cell. By default, the condition is that a part that has the field is chosen.
        plugin: the plug-in that has added it; None if the package has.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_off", self.is_off or self.is_switch)
