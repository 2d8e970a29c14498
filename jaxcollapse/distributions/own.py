"""Initial distributions of a user's own: the decorator `jaxcollapse.initial`."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import Field, create_model

from jaxcollapse.distributions import KINDS
from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.errors import InputError
from jaxcollapse.parts.plugin import failure, plugin_of
from jaxcollapse.parts.slot import NONE, arguments_of

Function = TypeVar("Function", bound=Callable[..., Any])


def initial(function: Function) -> Function:
    """Adds a kind of initial distribution: a function of `vocab_size` that returns logits [token] (NumPy).

    Its name is the value of the key `kind`, its further arguments are the other keys of `initial`. Logits are
    logarithms of probabilities, up to a constant; −∞ is for tokens that are impossible.

    Args:
        function: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    name = function.__name__
    if name in KINDS.own:
        raise InputError("plugin", f"{name!r} is a kind of p0 of the package; choose another name")
    keys: dict[str, Any] = {"kind": (Literal[name], name)}
    for key, (annotation, given) in arguments_of(function, skip=1).items():
        default = ... if given is NONE else given
        keys[key] = (
            type(default) if annotation is NONE else annotation,
            Field(default, description=f"{key.replace('_', ' ')}.".capitalize()),
        )
    made = create_model(name, __base__=_OfFunction, __doc__=inspect.getdoc(function), **keys)
    made.function, made.plugin = function, plugin_of(function)
    KINDS[name] = made
    return function


class _OfFunction(InitialKind):
    """A kind that a function makes."""

    function: ClassVar[Callable[..., Any]]

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """p0 from the logits that the user's function returns."""
        function, told = type(self).function, type(self).model_fields["kind"].default
        keys = {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}
        try:
            logits = np.asarray(function(vocab_size, **keys), float)
        except Exception as error:
            raise InputError("process.initial", failure(error, inspect.getsourcefile(function))) from error
        if logits.shape != (vocab_size,):
            raise InputError("process.initial", f"{told!r} returns shape {logits.shape}; ({vocab_size},) is needed")
        if np.isnan(logits).any() or (logits == np.inf).any() or not np.isfinite(logits).any():
            raise InputError("process.initial", f"{told!r} returns logits that are NaN or +inf")
        return Distribution(logits)
