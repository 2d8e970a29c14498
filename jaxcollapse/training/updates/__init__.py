"""Update rules: how a model learns from the samples of a generation. A file in this folder adds one or more."""

from dataclasses import dataclass
from typing import Any

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import Slot, import_all
from jaxcollapse.training.updates.rule import UpdateRule

UPDATES = Slot(
    "update",
    Field(
        name="update",
        type=str,
        default="gradient",
        description="Training of the model: optimiser steps (gradient), or the maximum-likelihood fit (refit).",
        label="update",
    ),
)


def update_rule(rule: type) -> Any:
    """Adds an update rule: a class with a method `gradient`, or `step`; `UpdateRule` says what they are given.

    Its name, in lower case with underscores, is the value of the field `update`. Its annotated attributes are fields
    of the process, like the arguments of an optimiser.

    Args:
        rule: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    made = rule if issubclass(rule, UpdateRule) else type(rule.__name__, (rule, UpdateRule), {"__doc__": rule.__doc__})
    made.__module__, made.__annotations__ = rule.__module__, dict(getattr(rule, "__annotations__", {}))
    return UPDATES.add(dataclass(frozen=True)(made), source=rule)


import_all(__name__, __path__)
UPDATES.close()
