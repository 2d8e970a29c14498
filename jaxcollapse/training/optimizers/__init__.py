"""Optimisers: functions that return an `optax.GradientTransformation`. A file in this folder adds one or more."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax
from jaxtyping import Array, Float

from jaxcollapse.errors import InputError
from jaxcollapse.parts.cell_kinds import STEPS
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import SLOTS, Slot, import_all

Number = Float[Array, ""]

OPTIMIZERS = Slot(
    "optimizer",
    Field(
        name="optimizer",
        type=str,
        default="sgd",
        description="Gradient: the optax optimiser.",
        label="optimiser",
        when=STEPS,
    ),
)


def optimizer(function: Callable[..., optax.GradientTransformation]) -> Any:
    """Adds an optimiser: a function that returns an `optax.GradientTransformation`.

    Its name is the value of the field `optimizer`. Its arguments are fields of the process, which a sweep file may set
    and sweep: `learning_rate`, and every other argument with a default or an annotation. Those annotated as `float` are
    traced, so that a sweep over them compiles nothing; each value of another type (int, bool, str) has a program of its
    own.

    Args:
        function: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    return OPTIMIZERS.add(function)


def made(name: str, values: Mapping[str, Any], *, clips: bool = False) -> optax.GradientTransformation:
    """An optimiser with these values of its arguments; behind a bound on the gradient's norm, if it `clips`.

    optax counts on JAX's standard type promotion, whatever the user has set.
    """
    part = SLOTS["optimizer"][name]
    with jax.numpy_dtype_promotion("standard"):
        found = part.make(**{argument: values[argument] for argument in part.arguments})
    if not (hasattr(found, "init") and hasattr(found, "update")):
        told = f"{name!r} returns {type(found).__name__}; an optax.GradientTransformation is needed"
        raise InputError("process.optimizer", told)
    if clips:
        found = optax.chain(optax.clip_by_global_norm(values["clip_norm"]), found)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        with jax.numpy_dtype_promotion("standard"):
            return found.update(updates, state, params)

    return optax.GradientTransformation(found.init, update)


import_all(__name__, __path__)
OPTIMIZERS.close()
