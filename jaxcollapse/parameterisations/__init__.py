"""Parameterisations: what a table of logits is made from. A file in this folder adds one or more."""

from dataclasses import dataclass
from typing import Any

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import Slot, import_all

PARAMETERISATIONS = Slot(
    "parameters",
    Field(
        name="parameters",
        type=str,
        default="table",
        description="Parameterisation of the logits: a free table, low-rank factors, or a small network.",
        label="parameters",
        is_off=True,
    ),
)


def parameters(made: type) -> Any:
    """Adds a parameterisation: a subclass of `jaxcollapse.Parameterisation`.

    Its name, in lower case with underscores, is the value of the field `parameters`. Its annotated attributes are
    fields of the process; each of their values has a program of its own.

    Args:
        made: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    return PARAMETERISATIONS.add(dataclass(frozen=True)(made), is_static=True)


import_all(__name__, __path__)
PARAMETERISATIONS.close()
