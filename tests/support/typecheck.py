"""The runtime type checker of the test run: beartype, for which an int is also a float, as for static checkers.

jaxtyping binds the arguments of each call, to know the dimensions that shapes name. That takes longer than most
functions do: beartype alone checks a function, or the making of a dataclass, without shapes in its annotations.
"""

from collections.abc import Callable
from dataclasses import is_dataclass
from types import FunctionType
from typing import Any, get_args

import jaxtyping
from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


def install(package: str) -> None:
    """Functions of a package that is not imported yet are held to the types and shapes that their annotations name."""
    with_shapes = jaxtyping.jaxtyped

    def jaxtyped(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
        def decorate(decorated: Any) -> Any:
            if isinstance(decorated, FunctionType) and not _names_shapes(decorated):
                return checked(decorated)
            if is_dataclass(decorated) and "__init__" in vars(decorated) and not _names_shapes(decorated.__init__):
                decorated.__init__ = checked(decorated.__init__)
                return decorated
            return with_shapes(decorated, typechecker=typechecker)

        return decorate

    vars(jaxtyping)["jaxtyped"] = jaxtyped  # by this name the hook decorates
    jaxtyping.install_import_hook(package, f"{__name__}.checked")


def _names_shapes(function: Any) -> bool:
    return any(map(_has_shapes, function.__annotations__.values()))


def _has_shapes(annotation: Any) -> bool:
    """Whether an annotation has something of jaxtyping's in it. Text may stand for anything."""
    of_jaxtyping = type(annotation).__module__.startswith("jaxtyping")
    return of_jaxtyping or isinstance(annotation, str) or any(map(_has_shapes, get_args(annotation)))
