"""The fields of `[process]`: what one cell of the grid is. They follow from the parts that there are.

`fields` has all of them, in the order of the documentation; `process_model` validates their values; `used_when` says
where each matters. A plug-in that is loaded, or forgotten, changes what they return.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Annotated, Any, Literal, TypeVar, Union

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, create_model
from pydantic import Field as PydanticField

from jaxcollapse.distributions import KINDS
from jaxcollapse.distributions.parametric import Zipf
from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parts.code_table import OwnCode
from jaxcollapse.parts.field import Answer, AskedCells, Field, When
from jaxcollapse.parts.slot import SLOTS, Part, Slot, defaults_of, fields_of
from jaxcollapse.process.fields import EVALUATION, REAL_DATA, RESETS, SAMPLES, SAMPLING, SOURCES, VOCAB_SIZE
from jaxcollapse.process.hardness import HARDNESS
from jaxcollapse.process.selection import CANDIDATES, CURATIONS, REWARD_SCALE, VERIFIER
from jaxcollapse.training.corpora import CORPORA
from jaxcollapse.training.fields import CLIPPING, MINIBATCHES, RATE
from jaxcollapse.training.loss_terms import LOSS_TERMS
from jaxcollapse.training.optimizers import OPTIMIZERS
from jaxcollapse.training.rewards import REWARDS
from jaxcollapse.training.schedules import SCHEDULES
from jaxcollapse.training.updates import UPDATES
from jaxcollapse.walks import WALKS

Made = TypeVar("Made")
INITIAL = Field(
    name="initial",
    type=BaseModel,
    default=Zipf(),
    description="The initial distribution p0: a table with `kind` and its keys.",
    label="p0",
)
# What fields are for, in the order of the documentation. A slot stands for the field that chooses, and for its parts'.
_GROUPS: dict[str, tuple[Field | Slot, ...]] = {
    "Kind of model": (WALKS, PARAMETERISATIONS),
    "Original distribution": (INITIAL, VOCAB_SIZE),
    "Sampling": (*SAMPLING, SAMPLES),
    "Corpus and real data": (CORPORA, *REAL_DATA),
    "Generator, start and growth": SOURCES,
    "Curation and verification": (CURATIONS, *CANDIDATES, REWARDS, REWARD_SCALE, *VERIFIER, *HARDNESS),
    "Observation": (EVALUATION,),
    "Training": (UPDATES, RESETS),
    "Optimiser and learning rate": (OPTIMIZERS, RATE, SCHEDULES),
    "Minibatches": MINIBATCHES,
    "Penalties and clipping": (LOSS_TERMS, CLIPPING),
}


def _of_parts(made: Callable[[], Made]) -> Callable[[], Made]:
    """Keeps what a function returns until parts are added, or go."""

    @lru_cache(maxsize=1)
    def kept(changes: int) -> Made:
        return made()

    @wraps(made)
    def current() -> Made:
        return kept(OwnCode.changes)

    return current


@_of_parts
def fields() -> Mapping[str, Field]:
    """All fields of a process, by name."""
    found = {name: field for group in groups().values() for name, field in group.items()}
    for slot, part in parts():
        if part.plugin:
            found.update({field.name: field for field in fields_of(part, slot, found)})
    return found


@_of_parts
def groups() -> Mapping[str, Mapping[str, Field]]:
    """The fields by what they are for, then by name."""
    return {heading: _members(entries) for heading, entries in _GROUPS.items()}


def _members(entries: tuple[Field | Slot, ...]) -> dict[str, Field]:
    """These fields and those of the parts in these slots, by name."""
    found: dict[str, Field] = {}
    for entry in entries:
        if isinstance(entry, Field):
            found[entry.name] = entry
            continue
        if entry.choice is not None:
            found[entry.name] = entry.choice
        for part in entry.values():
            found.update({field.name: field for field in part.fields if field.name not in found})
    return found


def parts() -> Iterator[tuple[Slot, Part]]:
    """All parts, with their slots."""
    for slot in SLOTS.values():
        for part in slot.values():
            yield slot, part


@_of_parts
def used_when() -> Mapping[str, When]:
    """Where each field matters, of those that do not always."""
    owners: dict[str, dict[str, list[str]]] = {}
    for slot, part in parts():
        for name in part.reads:
            owners.setdefault(name, {}).setdefault(slot.name, []).append(part.name)
    found = {}
    for name, field in fields().items():
        if field.when is not None:
            found[name] = field.when
        elif name in owners:
            found[name] = _of_owners(owners[name])
    return found


def has_effect(field: str, cells: AskedCells) -> Answer:
    """Whether a field has an effect on cells. Unless `samples` are given, they are batch_size × steps."""
    when = used_when().get(field)
    holds: Answer = when.holds(cells) if when else np.True_
    if field in ("batch_size", "steps"):
        holds = holds | np.isnan(cells.numbers("samples"))
    return holds


def _of_owners(owners: Mapping[str, list[str]]) -> When:
    """Where one of these parts is chosen; those of terms of the loss matter wherever there is a loss."""
    told = []
    for slot, names in owners.items():
        when = None if SLOTS[slot].choice else SLOTS[slot].when
        told.append(when.text if when else f"with {slot} = {' or '.join(map(repr, names))}")

    def holds(cells: AskedCells) -> Answer:
        found: Answer = np.False_
        for slot, names in owners.items():
            table = SLOTS[slot]
            chosen = np.True_ if table.choice is None else cells.has(slot, *names)
            found = found | (chosen & table.when.holds(cells) if table.when else chosen)
        return found

    return When(", or ".join(told), holds)


@_of_parts
def own_defaults() -> Mapping[str, list[tuple[str, str, Any]]]:
    """Defaults that a field has where a certain part is chosen: by name, as (slot, part, default)."""
    found: dict[str, list[tuple[str, str, Any]]] = {}
    for slot, part in parts():
        for name, default in defaults_of(part, fields()).items():
            found.setdefault(name, []).append((slot.name, part.name, default))
    return found


@_of_parts
def process_model() -> type[BaseModel]:
    """The model that validates one cell: any field, also a nested one, can be an axis."""
    made = {
        name: (
            _type(field),
            PydanticField(
                field.default,
                description=field.description,
                json_schema_extra={"long_name": field.label, "units": field.units},
                **field.limits,
            ),
        )
        for name, field in fields().items()
    }
    model: type[BaseModel] = create_model(
        "Process",
        __config__=ConfigDict(strict=True, extra="forbid", frozen=True),
        __doc__="One cell: how a model is trained on its own samples. Any field, also a nested one, can be an axis.",
        **made,  # type: ignore[call-overload]
    )
    return model


def _type(field: Field) -> Any:
    if field is INITIAL:
        kinds = (*KINDS.own.values(), *(kind for kind in KINDS.values() if kind.plugin))
        return Annotated[Union[kinds], Discriminator("kind")]  # noqa: UP007
    if field.name in SLOTS and SLOTS[field.name].choice is field:
        return Literal[tuple(SLOTS[field.name])]
    return Literal[field.type] if isinstance(field.type, tuple) else field.type


def described(field: Field) -> tuple[str, str]:
    """The default of a field as a sweep file has it, empty if there is none; and what it is, and is for."""
    default = "" if field.default is None else str(field.default)
    if isinstance(field.default, bool):
        default = default.lower()
    if field is INITIAL:
        default = f'{{ kind = "{field.default.kind}" }}'
    used = f" Used {used_when()[field.name].text}." if field.name in used_when() else ""
    return default, f"{field.description}{used}"


def is_flag(field: str) -> bool:
    """Whether a field, or a nested key of `initial`, is true or false."""
    first, _, key = field.partition(".")
    if key:
        return any(kind.model_fields[key].annotation is bool for kind in KINDS.values() if key in kind.model_fields)
    return first in fields() and fields()[first].type is bool
