"""Terms of the loss of a gradient step, each switched on by its own fields. A file in this folder adds one or more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp

from jaxcollapse.errors import InputError
from jaxcollapse.parts.cell_kinds import STEPS
from jaxcollapse.parts.slot import NONE, SLOTS, Slot, arguments_of, import_all
from jaxcollapse.training.batch import Batch, Table

LOSS_TERMS = Slot("loss_term", when=STEPS)


def loss_term(function: Callable[..., Any]) -> Any:
    """Adds a term to the loss: a function of a `Batch` that returns a scalar, in nat.

    It is added to the mean cross-entropy (or to the loss of the update rule); JAX differentiates it with respect
    to `batch.logits`. Its further arguments are fields of the process, like those of an optimiser. Each of them has a
    default, and with all of them at their defaults the term is switched off: it is not even computed.

    Args:
        function: what is decorated.

    Raises:
        InputError: the name is one of the package's own, or an argument has no default.
    """

    @wraps(function)
    def with_gradient(gradient: Table, batch: Batch, **values: Any) -> Table:
        def loss(logits: Table) -> Any:
            found = jnp.asarray(function(replace(batch, logits=logits), **values))
            if found.shape != ():
                told = f"{function.__name__!r} returns an array of shape {found.shape}; a scalar is allowed"
                raise InputError("plugin", told)
            return found

        slope = jax.grad(loss)(batch.logits)
        return gradient + jnp.where(batch.logits > -jnp.inf, slope, 0)

    for name, (_, default) in arguments_of(function, skip=1).items():
        if default is NONE:
            told = f"{function.__name__!r}: the argument {name!r} needs a default, which switches the term off"
            raise InputError("plugin", told)
    LOSS_TERMS.add(with_gradient, name=function.__name__, skip=1, source=function)
    return function


def in_order(used: Sequence[str]) -> tuple[str, ...]:
    """Names of terms, as they are applied: first those that change the targets."""
    return tuple(sorted(used, key=lambda name: not SLOTS["loss_term"][name].fact("changes_targets", False)))


def with_terms(gradient: Table, batch: Batch, values: Mapping[str, Any], used: Sequence[str]) -> Table:
    """The gradient of the whole loss, from that of its first part."""
    for name in used:
        part = SLOTS["loss_term"][name]
        gradient = part.make(gradient, batch, **{argument: values[argument] for argument in part.arguments})
    return gradient


def rows(batch: Batch, shares: Any) -> Any:
    """How much each row counts, to be multiplied with a table: nothing where there is one row."""
    return shares[:, jnp.newaxis] if len(batch.logits) > 1 or batch.may_be_empty else 1.0


import_all(__name__, __path__)
LOSS_TERMS.close()
