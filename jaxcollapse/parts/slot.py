"""Slots: kinds of parts; a process has one part of a kind (its optimiser), or any number (terms of its loss).

A slot holds *parts*, by name. A part is a function or a class, whose arguments are fields of the process: that is how a
sweep file sets them, and how they can be swept.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from jaxcollapse.errors import InputError
from jaxcollapse.parts.code_table import OwnCode
from jaxcollapse.parts.field import Field, Kind, When
from jaxcollapse.parts.field_types import PerToken
from jaxcollapse.parts.plugin import Plugin, plugin_of

Make = TypeVar("Make", bound=Callable[..., Any])
NONE: Any = inspect.Parameter.empty  # stands for a default that is not there
SLOTS: dict[str, "Slot"] = {}  # by the name of the field that chooses; of what is not chosen, by what its parts are


@dataclass(frozen=True, eq=False)
class Part:
    """One of the parts that a slot has, such as an optimiser.

    Attributes:
        name: the value that chooses it.
        make: its function or class.
        fields: the fields that it brings.
        arguments: names of all fields that it is given, with their annotations and its own defaults.
        facts: what else is known about it, by name.
        plugin: the plug-in that has added it; None if the package has.
    """

    name: str
    make: Any
    fields: tuple[Field, ...] = ()
    arguments: Mapping[str, tuple[Any, Any]] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    plugin: Plugin | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of all fields that have an effect where it is chosen."""
        return (*self.arguments, *self.fact("reads", ()))

    def fact(self, name: str, otherwise: Any = None) -> Any:
        """Something that is known of it: as it was added, or by an attribute of its class."""
        return self.facts.get(name, getattr(self.make, name, otherwise))

    def instance(self, values: Mapping[str, Any]) -> Any:
        """An instance of the part's class with these values of its fields.

        Numbers that are traced are 0 until they are bound.
        """
        own = {attribute: values.get(name, 0.0) for attribute, name in _attributes(self.make).items()}
        return self.make(**own)


class Slot(OwnCode[Part]):
    """The parts of one kind.

    Attributes:
        name: the name of the slot.
        choice: the field that chooses one of its parts; None if any number of them may be in use.
        when: the condition under which the parts matter.
    """

    def __init__(self, name: str, choice: Field | None = None, when: When | None = None):
        super().__init__()
        self.name, self.choice, self.when = name, choice, choice.when if choice else when
        SLOTS[name] = self

    def add(
        self,
        make: Make,
        *,
        name: str | None = None,
        fields: Iterable[Field] = (),
        skip: int = 0,
        own: bool = False,
        source: Any = None,
        **facts: Any,
    ) -> Make:
        """Adds a part.

        Args:
            make: a function or a class.
            name: the value that chooses it; by default the function's name, or the class's in lower case.
            fields: those that it brings; those of a plug-in follow from its arguments.
            skip: how many of the arguments are not fields.
            own: whether the package itself adds it.
            source: what the user has written, if that is not `make`.
            facts: what else is known of it.

        Raises:
            InputError: a plug-in takes a name of the package's own.
        """
        name = name or (_words(make.__name__) if isinstance(make, type) else make.__name__)
        if not own and name in self.own:
            raise InputError(self.key, f"{name!r} is a part of the package; choose another name")
        written = source or make
        plugin = None if own else plugin_of(written)
        told = arguments_of(make if isinstance(make, type) else written, skip)
        if isinstance(make, type):
            make.part = name  # type: ignore[attr-defined]
        self[name] = Part(name, make, tuple(fields), MappingProxyType(told), MappingProxyType(facts), plugin)
        return make

    def adds(self, *fields: Field, name: str | None = None, skip: int = 0, **facts: Any) -> Callable[[Make], Make]:
        """A decorator that adds one of the package's own parts."""
        return partial(self.add, name=name, fields=fields, skip=skip, own=True, **facts)

    @property
    def key(self) -> str:
        """The dotted key in a sweep file that chooses a part."""
        return f"process.{self.name}"

    def named(self, told: Callable[[Part], Any]) -> list[str]:
        """The parts that fulfil a condition, by name."""
        return [name for name, part in self.items() if told(part)]


def _words(name: str) -> str:
    """A class's name as sweep files write it."""
    return "".join(f"_{each.lower()}" if each.isupper() and place else each.lower() for place, each in enumerate(name))


def arguments_of(make: Any, skip: int = 0) -> dict[str, tuple[Any, Any]]:
    """What a function, after so many arguments, or a class is given: for each its annotation and its default.

    `NONE` represents an annotation or a default that is not there.
    """
    if isinstance(make, type):
        if not is_dataclass(make):
            return {}
        hints, names = get_type_hints(make, include_extras=True), _attributes(make)
        return {names[each.name]: (hints[each.name], _default(each)) for each in fields(make) if each.name in names}
    hints = get_type_hints(make, include_extras=True)
    taken = list(inspect.signature(make).parameters.items())[skip:]
    return {name: (hints.get(name, NONE), argument.default) for name, argument in taken}


def _attributes(make: Any) -> dict[str, str]:
    """The attributes of a dataclass that are fields of the process, and the names of these fields."""
    named = {each.name: each.metadata.get("field", each.name) for each in fields(make) if each.init}
    return {attribute: name for attribute, name in named.items() if name}


def _default(entry: Any) -> Any:
    return NONE if entry.default is MISSING else entry.default


def fields_of(part: Part, slot: Slot, known: Mapping[str, Field]) -> list[Field]:
    """The fields that a part of a plug-in brings: one for each argument that is not known yet."""
    return [_field(part, slot, name, *told) for name, told in part.arguments.items() if name not in known]


def defaults_of(part: Part, known: Mapping[str, Field]) -> dict[str, Any]:
    """Where the default of a field that others have too is another one for this part."""
    own = dict(part.fact("defaults", {}))
    if part.plugin:
        own |= {name: default for name, (_, default) in part.arguments.items() if default is not NONE}
    return {name: default for name, default in own.items() if default != known[name].default}


def _field(part: Part, slot: Slot, name: str, annotation: Any, default: Any) -> Field:
    if annotation is NONE:
        if default is NONE:
            told = f"needs an annotation, such as {name}: float, since it becomes a field of the process"
            raise InputError("plugin", f"{part.name!r}: the argument {name!r} {told}")
        annotation = type(default)
    words = [each for each in get_args(annotation)[1:] if isinstance(each, str)]
    words += [each.description for each in get_args(annotation)[1:] if isinstance(each, FieldInfo) and each.description]
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    kind: Kind = "number" if plain is float and not part.fact("is_static") else "static"
    if plain in (PerToken, list[float]):
        kind, annotation = "tokens", PerToken
    if plain is float:
        default = float(default) if isinstance(default, int) and not isinstance(default, bool) else default
        annotation = Annotated[annotation, AfterValidator(_a_number)]
    told = words[0] if words else f"{name.replace('_', ' ')}".capitalize() + "."
    return Field(
        name=name,
        type=annotation if default is not NONE else annotation | None,
        default=None if default is NONE else default,
        description=f"{part.name}: {told}",
        label=name.replace("_", " "),
        kind=kind,
        required=default is NONE,
        is_switch=slot.choice is None,
        plugin=part.plugin,
    )


def _a_number(value: float) -> float:
    if value != value:
        raise ValueError("must be a number")
    return value


def bound(part: Any, settings: Mapping[str, Any]) -> Any:
    """A part that is a dataclass, with the numbers of a trajectory as the values of its fields that are traced."""
    given = {attribute: settings[name] for attribute, name in _attributes(part).items() if name in settings}
    return replace(part, **given) if given else part


def import_all(package: str, path: Iterable[str]) -> None:
    """Imports all modules of a folder, in the order of their names: each adds its parts."""
    for found in sorted(iter_modules(path), key=lambda found: found.name):
        import_module(f"{package}.{found.name}")
