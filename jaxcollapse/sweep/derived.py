"""Derived fields: numbers of a cell that follow from other fields of it.

    learning_rate = { times = "batch_size", by = 0.05 }      0.05 · batch_size
    samples = { plus = "batch_size", by = 16 }               batch_size + 16
    temperature = { over = "vocab_size", by = 100.0 }        100 / vocab_size

Where a table names a field, or a number, another such table may be: they nest.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcollapse.errors import InputError, did_you_mean, shown
from jaxcollapse.sweep.process_fields import fields

_RESULTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "times": np.multiply,
    "plus": np.add,
    "over": lambda operand, by: np.divide(by, operand),
}
OPERATIONS = tuple(_RESULTS)
_QUOTIENTS = {"times": "per", "plus": "minus", "over": "times"}  # what `by` is: value / operand, and so on


@dataclass(frozen=True)
class Derived:
    """How a number follows from others.

    Attributes:
        operation: "times", "plus" or "over".
        operand: name of the field that it follows, or what follows from others itself.
        by: the factor, the summand, or the number that is divided by the operand; or the name of a field.
    """

    operation: str
    operand: "str | float | Derived"
    by: "str | float | Derived"

    def numbers(self, of: Callable[[str], np.ndarray]) -> np.ndarray:
        """The number of each cell.

        Args:
            of: gives the values of a field, by name.
        """

        def known(what: "str | float | Derived") -> np.ndarray:
            if isinstance(what, Derived):
                return what.numbers(of)
            return of(what) if isinstance(what, str) else np.asarray(what, float)

        with np.errstate(all="ignore"):
            return _RESULTS[self.operation](known(self.operand), known(self.by))

    def names(self) -> Iterator[str]:
        """The fields that it follows from."""
        for each in (self.operand, self.by):
            if isinstance(each, Derived):
                yield from each.names()
            elif isinstance(each, str):
                yield each

    def __str__(self) -> str:
        operand, by = (f"({each})" if isinstance(each, Derived) else str(each) for each in (self.operand, self.by))
        return {"times": f"{by} · {operand}", "plus": f"{operand} + {by}", "over": f"{by} / {operand}"}[self.operation]


def is_derived(spec: Any) -> bool:
    """Whether a value of a sweep file is meant to say how a field follows from others."""
    return isinstance(spec, Mapping) and not spec.keys().isdisjoint(OPERATIONS)


def parse_derived(key: str, field: str, spec: Mapping[str, Any], by: Any = None) -> Derived:
    """How a field follows from others.

    Args:
        key: the dotted key, for messages.
        field: the field.
        spec: the table.
        by: what takes the place of the table's own `by`; None if nothing does.

    Raises:
        InputError: the table says something else, or names no field.
    """
    if field == "initial" or "." in field:
        raise InputError(key, f"{field} cannot follow from other fields; fields with one number can")
    operations = [name for name in OPERATIONS if name in spec]
    if len(operations) != 1 or (rest := set(spec) - {*operations, "by"}):
        unknown = f", not {', '.join(map(repr, sorted(rest)))}" if len(operations) == 1 else ""
        raise InputError(key, f"give exactly one of {', '.join(OPERATIONS)}, and by{unknown}")
    if "by" not in spec:
        raise InputError(f"{key}.by", "is missing: give a number, or the name of a field")
    (operation,) = operations
    operand = _operand(f"{key}.{operation}", field, spec[operation])
    return Derived(operation, operand, _operand(f"{key}.by", field, spec["by"]) if by is None else by)


def _operand(key: str, field: str, spec: Any) -> "str | float | Derived":
    if is_derived(spec):
        return parse_derived(key, field, spec)
    if isinstance(spec, str):
        if spec not in fields() and not spec.startswith("initial."):
            raise InputError(key, f"unknown field {shown(spec)}{did_you_mean(spec, fields())}")
        if spec == field:
            raise InputError(key, f"{field} cannot follow from itself")
        return spec
    if isinstance(spec, bool) or not isinstance(spec, int | float) or not np.isfinite(spec):
        told = "must be a finite number, the name of a field, or a table with times, plus or over"
        raise InputError(key, f"{shown(spec)}: {told}")
    return float(spec)


def dimension_of(field: str, derived: Derived) -> str:
    """The name of a dimension along which `by` varies: "learning_rate_per_batch_size"."""
    if not isinstance(derived.operand, str):
        return f"{field}_by"
    return f"{field}_{_QUOTIENTS[derived.operation]}_{derived.operand.replace('.', '_')}"


def check_no_circle(derived: Mapping[str, Derived]) -> None:
    """Raises `InputError` if a field follows from itself, through others."""

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            circle = " ← ".join([*above[above.index(name) :], name])
            raise InputError(f"process.{name}", f"follows from itself: {circle}")
        if name in derived:
            for other in derived[name].names():
                visit(other, (*above, name))

    for name in derived:
        visit(name, ())
