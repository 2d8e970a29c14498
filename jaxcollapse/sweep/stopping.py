"""Replicates until an interval is narrow enough: the rule in a sweep file, in the place of a number of replicates."""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import core_schema

from jaxcollapse.errors import Faults, InputError, did_you_mean
from jaxcollapse.sweep.immutable import fixed
from jaxcollapse.sweep.validation import as_input_error

if TYPE_CHECKING:
    from jaxcollapse.observables import Observable

SHARE = "share_"  # of a verdict
ONE_ROW = "categorical"  # the model that has one
MOST_REPLICATES = 2**31 - 1
HalfWidth = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Stopping(BaseModel):
    """Replicates are added to each cell until its intervals of 95 % are narrow enough."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    until: Annotated[dict[str, HalfWidth], Field(min_length=1)] = Field(
        description="Largest half widths of intervals of 95 %, by name: an observable (its mean at the last "
        "generation), an event (the share of trajectories in which it has happened) or a share of a verdict, as "
        "share_forgetting."
    )
    least: Annotated[int, Field(ge=2, le=MOST_REPLICATES)] = Field(
        64, description="Replicates of the first round; each round doubles them in the cells that need more."
    )
    most: Annotated[int, Field(ge=2, le=MOST_REPLICATES)] = Field(
        4096, description="Replicates at which a cell stops, however wide its intervals are."
    )

    def model_post_init(self, context: Any) -> None:
        """Checks the order of the numbers, and makes tables that do not change."""
        if self.least > self.most:
            default = "" if "least" in self.model_fields_set else ", its default"
            raise InputError("replicates.least", f"{self.least}{default}: must be at most replicates.most, {self.most}")
        self.__dict__["until"] = fixed(self.until)

    @cached_property
    def rounds(self) -> tuple[int, ...]:
        """The numbers of replicates at which cells decide: least, twice that, and so on up to most."""
        numbers = []
        number = self.least
        while number < self.most:
            numbers.append(number)
            number *= 2
        return (*numbers, self.most)


class NumberOrRule:
    """Annotates the type of `replicates`: a whole number, or a table that is a `Stopping`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """The schema of the number, with tables validated apart."""
        return core_schema.no_info_wrap_validator_function(_validated, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The number, or the table."""
        return {"anyOf": [handler(schema), handler(Stopping.__pydantic_core_schema__)]}


def _validated(value: Any, number: Callable[[Any], int]) -> "int | Stopping":
    if isinstance(value, Stopping) or not isinstance(value, Mapping):
        return value if isinstance(value, Stopping) else number(value)
    try:
        return Stopping.model_validate(value)
    except ValidationError as error:
        raise as_input_error(error, "replicates", model=Stopping) from None


def check_measured(rule: Stopping, chosen: "Collection[Observable]", models: Collection[str]) -> None:
    """Raises `InputError` unless each name of a rule is one that the sweep records, or follows from what it records."""
    from jaxcollapse.observables.verdict import VERDICTS

    single = [entry.name for entry in chosen if entry.dim is None]
    shares = [f"{SHARE}{word}" for word in VERDICTS]
    recorded, faults = {entry.name for entry in chosen}, Faults()
    for name in rule.until:
        with faults.collected():
            if name in single:
                continue
            key = f"replicates.until.{name}"
            if name in recorded:
                raise InputError(key, "has several values in a generation; name an observable that has one")
            if name not in shares:
                near = did_you_mean(name, [*single, *shares])
                raise InputError(key, f"is not an observable of the sweep or a share of a verdict{near}")
            if lacking := [each for each in needed_by_verdicts(models) if each not in recorded]:
                told = f"needs the observables {', '.join(lacking)}"
                raise InputError(key, f'{told}; observables = ["verdict"] records all of them')
    faults.check()


def needed_by_verdicts(models: Collection[str]) -> list[str]:
    """The observables that the verdicts of these models follow from."""
    from jaxcollapse.observables.registry import FOR_VERDICTS, FOR_VERDICTS_OF_ROWS

    ones = FOR_VERDICTS if ONE_ROW in models else ()
    several = FOR_VERDICTS_OF_ROWS if any(model != ONE_ROW for model in models) else ()
    return list(dict.fromkeys([*ones, *several]))
