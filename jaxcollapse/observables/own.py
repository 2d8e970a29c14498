"""Observables and events of a user's own: the decorators `jaxcollapse.observable` and `jaxcollapse.event`."""

import inspect
import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Num

from jaxcollapse.errors import InputError, shown
from jaxcollapse.observables.registry import (
    ALL,
    OBSERVABLES,
    OF_TEXTS,
    SEVERAL_ROWS,
    Models,
    Observable,
    Watch,
    told_by,
)
from jaxcollapse.observables.registry import names as known_names
from jaxcollapse.observables.snapshot import Snapshot
from jaxcollapse.parts.plugin import failure, plugin_of
from jaxcollapse.walks import WALKS

Function = TypeVar("Function", bound=Callable[[Snapshot], Any])


def observable(
    function: Function | None = None,
    /,
    *,
    units: str = "1",
    label: str | None = None,
    whole: bool = False,
    models: Models = ALL,
    possible: tuple[float, float] = (-math.inf, math.inf),
) -> Any:
    """Adds an observable: a function of a `Snapshot` that returns a scalar.

    Its name is that of the variable in the dataset, its docstring the variable's description. JAX traces it: use no
    `if` on values, and no shape that depends on them.

    Args:
        function: what is decorated, where the decorator is used without arguments.
        units: as UDUNITS writes them, or "nat".
        label: the variable's long name, for axis labels; by default the function's name.
        whole: whether it is a whole number, stored as int32; −1 is reserved for missing values.
        models: names of the models that have it; or "all", those "of several rows", or "of texts", whose traces are
            longer than a token.
        possible: the least and the largest value. Confidence intervals are clipped to them.

    Raises:
        InputError: the name is in use.
    """

    def register(measure: Function) -> Function:
        _add(measure, label, units, whole, models, possible, None)
        return measure

    return register if function is None else register(function)


def event(function: Function | None = None, /, *, label: str | None = None, models: Models = ALL) -> Any:
    """Adds an event: a function of a `Snapshot` that returns whether it happens. The dataset has the first generation.

    It is watched at every generation, by XLA. So XLA also runs the processes that native code would run whole, with the
    same laws and with native counts; `jaxcollapse plan` says so.

    Args:
        function: what is decorated, where the decorator is used without arguments.
        label: the variable's long name, for axis labels; by default the function's name.
        models: names of the models that have it; or "all", those "of several rows", or "of texts", whose traces are
            longer than a token.

    Raises:
        InputError: the name is in use.
    """

    def register(happens: Function) -> Function:
        _add(happens, label, "generation", True, models, (0.0, math.inf), Watch())
        return happens

    return register if function is None else register(function)


def _add(
    function: Callable[[Snapshot], Any],
    label: str | None,
    units: str,
    whole: bool,
    models: Models,
    possible: tuple[float, float],
    watch: Watch | None,
) -> None:
    name, description = told_by(function)
    if name in OBSERVABLES.own:
        raise InputError("observables", f"{name!r} is an observable of the package; choose another name")
    if name not in OBSERVABLES and name in known_names():
        raise InputError("observables", f"{name!r} is the name of a group of observables; choose another name")
    if isinstance(models, str) and models not in (ALL, SEVERAL_ROWS, OF_TEXTS):
        models = (models,)
    if not isinstance(models, str) and (strange := set(models) - set(WALKS)):
        raise InputError(
            "observables",
            f"{name!r} is for {shown(sorted(strange)[0])}, which is not a model; allowed: {', '.join(WALKS)}",
        )
    low, high = map(float, possible)
    OBSERVABLES[name] = Observable(
        name,
        label or name.replace("_", " "),
        units,
        description or "Without a description.",
        "plugins",
        default=False,
        whole=whole,
        measure=_Checked(name, function, watch is not None),
        watch=watch,
        models=models if isinstance(models, str) else tuple(models),
        possible=lambda _: (low, high),
        plugin=plugin_of(function),
    )


class _Checked:
    """A user's function, whose errors and results are reported by its name."""

    def __init__(self, name: str, function: Callable[[Snapshot], Any], is_event: bool):
        self.name, self.function, self.is_event = name, function, is_event

    def __call__(self, now: Snapshot) -> Num[Array, ""] | Bool[Array, ""]:
        key, file = f"observables.{self.name}", inspect.getsourcefile(self.function)
        try:
            found = jnp.asarray(self.function(now))
        except Exception as error:
            raise InputError(key, failure(error, file)) from error
        if found.shape != ():
            raise InputError(key, f"returns an array of shape {found.shape}; a scalar is allowed")
        if self.is_event and found.dtype != jnp.bool_:
            raise InputError(key, f"returns {found.dtype}; an event returns true or false")
        if jnp.issubdtype(found.dtype, jnp.complexfloating):
            raise InputError(key, "returns a complex number; a real one is allowed")
        return found
