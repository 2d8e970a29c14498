"""The registry: one entry gives an oracle its formula, what it assumes, how exact it is, and its row in the docs.

An *oracle* is a function that says what a simulation must give. Its arguments have the names of the fields of a sweep
file, and mean the same.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Oracle:
    """An exact result or a limit, as a function with its description.

    Attributes:
        name: name of the function.
        description: the first sentence of its docstring.
        concept: the module that defines it.
        formula: what it computes.
        assumes: the process that it is about, in words of the sweep file.
        source: where the formula is from.
        error: order of the error; None if the result is exact.
        function: the function itself.
    """

    name: str
    description: str
    concept: str
    formula: str
    assumes: str
    source: str
    error: str | None
    function: Callable[..., Any]

    @property
    def is_exact(self) -> bool:
        """Whether nothing is neglected."""
        return self.error is None


ORACLES: dict[str, Oracle] = {}


def oracle(formula: str, *, assumes: str, source: str, error: str | None = None) -> Callable[[_Function], _Function]:
    """Registers a function by its name and docstring, and adds these facts to the docstring."""

    def register(function: _Function) -> _Function:
        told = inspect.cleandoc(function.__doc__ or "")
        name, description = function.__name__, " ".join(told.split("\n\n")[0].split())
        concept = function.__module__.rpartition(".")[2]
        ORACLES[name] = Oracle(name, description, concept, formula, assumes, source, error, function)
        facts = {"Formula": formula, "Assumes": assumes, "Error": error or "none, it is exact", "Source": source}
        function.__doc__ = "\n\n".join([told, *(f"{fact}: {words}." for fact, words in facts.items())])
        return function

    return register
