"""Names: no two things in a sweep, or in its dataset, have the same one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jaxcollapse.errors import InputError
from jaxcollapse.sweep.axes import RESERVED, Axis
from jaxcollapse.sweep.process_fields import fields


def check_own_fields(top: Iterable[str]) -> None:
    """Raises `InputError` if a field of a plug-in's part would mean something else in a dataset, or a sweep file.

    Args:
        top: the keys at the top of a sweep file.
    """
    from jaxcollapse.observables import OBSERVABLES

    taken = {*RESERVED, *OBSERVABLES, *top}
    for name, field in fields().items():
        if field.plugin and name in taken:
            told = f"{name!r}, an argument in {field.plugin.name}, is a reserved name or the name of an observable"
            raise InputError("plugin", f"{told}; choose another one")


def check_names(axes: Sequence[Axis], process: Mapping[str, Any], *, alone: bool = True) -> None:
    """Raises `InputError` if an axis has the name of something else, or sweeps a field that is swept or set already.

    Args:
        axes: the axes of a table, in file order.
        process: the constants.
        alone: whether no other table may have cells in which a constant stays as it is.
    """
    from jaxcollapse.observables import OBSERVABLES

    seen: dict[str, str] = {}
    for place, axis in enumerate(axes):
        earlier = [other.name for other in axes[:place]]
        if not axis.joins and axis.name in (*RESERVED, *OBSERVABLES, *earlier):
            raise InputError(
                axis.key,
                "is a reserved name, or the name of an observable or another axis; choose another one",
            )
        for field in (*axis.fields, *axis.derived):
            parts = field.split(".")
            for other in (".".join(parts[:length]) for length in range(len(parts), 0, -1)):
                if other in seen:
                    raise InputError(axis.key, f"{field} is swept by {seen[other]} already")
            nested = [name for name in seen if name.startswith(f"{field}.")]
            if nested:
                raise InputError(axis.key, f"{nested[0]}, a key of {field}, is swept already")
            seen[field] = axis.key
            if alone and not axis.where:
                _check_constant(axis.key, field, process)


def _check_constant(key: str, field: str, process: Mapping[str, Any]) -> None:
    table: Any = process
    parts = field.split(".")
    for part in parts[:-1]:
        table = table.get(part, {}) if isinstance(table, Mapping) else {}
    if isinstance(table, Mapping) and parts[-1] in table:
        raise InputError(key, f"{field} is also a constant in [process]; keep one of them")
