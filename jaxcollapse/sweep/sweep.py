"""The sweep: what a sweep file says, validated."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_serializer, model_validator

from jaxcollapse.errors import Faults, InputError, did_you_mean, shown, together
from jaxcollapse.limits import (
    MOST_AXES,
    MOST_CELLS,
    MOST_COUNT,
    MOST_GENERATIONS,
    MOST_NAMES,
    MOST_POINTS,
    MOST_TABLES,
    MOST_TITLE,
    MOST_TRAJECTORIES,
)
from jaxcollapse.parts.plugin import Plugin, check_loaded
from jaxcollapse.parts.slot import Part, Slot
from jaxcollapse.process.selection import has_known_mean
from jaxcollapse.sweep import rules
from jaxcollapse.sweep.axes import RESERVED, Axis, composed, parse_axes
from jaxcollapse.sweep.grid import Grid
from jaxcollapse.sweep.immutable import fixed
from jaxcollapse.sweep.names import check_names, check_own_fields
from jaxcollapse.sweep.process_fields import fields, parts
from jaxcollapse.sweep.reading import changed, plain, read_toml
from jaxcollapse.sweep.record import Record
from jaxcollapse.sweep.stopping import MOST_REPLICATES, NumberOrRule, Stopping, check_measured
from jaxcollapse.sweep.toml import as_toml
from jaxcollapse.sweep.union import grid_of
from jaxcollapse.sweep.validation import as_input_error, validate_constants
from jaxcollapse.system.paths import user_path
from jaxcollapse.walks import WALKS

if TYPE_CHECKING:
    from jaxcollapse.observables import Observable


Attempts = Annotated[int, Field(ge=1, le=MOST_COUNT)]


def keys() -> list[str]:
    """The keys at the top of a sweep file."""
    return [field.alias or name for name, field in Sweep.model_fields.items()]


class Sweep(BaseModel):
    """A grid of self-training processes and how each is run. It does not change.

    Made by `from_toml` or `from_dict`, which raise `InputError`; `Sweep(...)` and pydantic's ways check the same, and
    raise that or pydantic's `ValidationError`.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    title: str = Field("", max_length=MOST_TITLE, description="Title of the study.")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(0, description="Seed of all random numbers.")
    replicates: Annotated[int, Field(ge=1, le=MOST_REPLICATES), NumberOrRule()] = Field(
        64,
        description="Trajectories of each cell, with different random numbers. With a table, "
        "`{ until = { share_forgetting = 0.05 }, least = 64, most = 4096 }`, each cell gets more until its intervals "
        "are that narrow; the number is then the most.",
    )
    generations: Annotated[int, Field(ge=0, le=MOST_GENERATIONS)] = Field(
        400, description="Generations of a trajectory; generation 0 is p0 itself."
    )
    record: Record = Field(Record(), description="Which generations are recorded, and whether with logits.")
    observables: Annotated[list[str], Field(min_length=1, max_length=MOST_NAMES)] = Field(
        ["default"],
        description="Names of observables, or groups: default, verdict, all, diversity, original, tempering, events, "
        "structure, personas, chain, correct, answers, rewards, texts. A group adds those of its observables that the "
        "models have.",
    )
    plugins: Annotated[list[str], Field(max_length=MOST_NAMES)] = Field(
        [],
        description="Names of the plug-ins that the sweep needs. Naming does not run them: `--plugin FILE` does.",
    )
    support_threshold: Annotated[float, Field(ge=0, lt=1)] = Field(
        1e-9, description="A token counts as present while its probability is above this."
    )
    collapse_threshold: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.01, description="A model counts as collapsed when its modal probability reaches 1 minus this."
    )
    pass_at: Annotated[list[Attempts], Field(min_length=1, max_length=MOST_NAMES)] | None = Field(
        None,
        description="Numbers of traces k of the observable `pass_at_k`, each once; by default 1, 2, 4, …, 1024.",
    )
    precision: Literal["float32", "float64"] = Field("float32", description="Floating-point type of the logits.")
    common_random_numbers: Annotated[list[str], Field(max_length=MOST_NAMES)] = Field(
        [], description="Axes (or fields) whose cells share random numbers."
    )
    process: dict[str, Any] = Field({}, description="Constants: the fields of a process that are not swept.")
    axes: dict[str, Any] = Field({}, description="What is swept: each key becomes a dimension, in this order.")
    grids: Annotated[list[dict[str, Any]], Field(max_length=MOST_TABLES)] = Field(
        [],
        alias="grid",
        description="Further grids, each a table like `[axes]`: the sweep has the cells of all. `points` lists single "
        "cells.",
    )

    _stopping: Stopping | None = PrivateAttr(None)
    _grid: Grid = PrivateAttr()
    _tables: tuple[tuple[Axis, ...], ...] = PrivateAttr()
    _folder: Path = PrivateAttr()

    @classmethod
    def from_toml(cls, path: str | Path, *, folder: str | Path | None = None, changes: Iterable[str] = ()) -> "Sweep":
        """Reads a sweep file.

        Args:
            path: the file.
            folder: where relative paths in it start, and what no path may leave; by default the file's own folder.
            changes: of keys, as "process.temperature=0.9"; values are written as in TOML.

        Raises:
            InputError: naming the file, the key, the value and what is allowed.
        """
        path = user_path(path)
        data = read_toml(path)
        try:
            for change in changes:
                data = changed(data, change)
            return cls.from_dict(data, folder=path.parent if folder is None else folder)
        except InputError as error:
            raise error.of(str(path)) from None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, folder: str | Path | None = None) -> "Sweep":
        """A sweep from the keys of a sweep file. NumPy numbers and arrays are welcome; None leaves a key out.

        Args:
            data: the same keys as a sweep file.
            folder: where relative paths in it start, and what no path may leave; by default they start at the working
                folder, and may lead anywhere.

        Raises:
            InputError: naming the key, the value and what is allowed; of several faults, all (`InputError.errors`).
        """
        if not isinstance(data, Mapping):
            raise InputError("", f"{shown(data)}: must be a table")
        try:
            return cls.model_validate(data, context=None if folder is None else user_path(folder))
        except ValidationError as error:
            found = as_input_error(error, model=cls)
            wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        rest = {key: value for key, value in data.items() if key not in wrong}
        if len(rest) < len(data) and "plugins" not in wrong:
            try:
                cls.from_dict(rest, folder=folder)
            except InputError as further:
                found = together([*found.errors, *further.errors])
        raise found

    @classmethod
    def of(cls, what: "Sweep | Mapping[str, Any] | str | Path") -> "Sweep":
        """A sweep as it is; or from a dictionary; or from the path of a sweep file.

        Raises:
            InputError: naming the key, the value and what is allowed.
        """
        if isinstance(what, Sweep):
            return what
        return cls.from_toml(what) if isinstance(what, str | Path) else cls.from_dict(what)

    def replace(self, **keys: Any) -> "Sweep":
        """Another sweep with some keys of the sweep file changed, as a whole each; None leaves a key out.

        Raises:
            InputError: naming the key, the value and what is allowed.
        """
        return self.model_copy(update=keys)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: Any) -> Any:
        return plain(data) if isinstance(data, Mapping) else data

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> "Sweep":
        """Another sweep with some keys changed, checked like any other.

        Args:
            update: the keys of a sweep file that are changed, as a whole each; None leaves a key out.
            deep: has no influence, as nothing of a sweep can change.

        Raises:
            InputError: naming the key, the value and what is allowed.
        """
        return type(self).from_dict({**self.to_dict(), **(update or {})}, folder=self._grid.folder)

    def model_post_init(self, folder: Path | None) -> None:
        """Makes the grid. folder: where paths start, and what none may leave, as `from_dict` is given it."""
        for name in type(self).model_fields:
            self.__dict__[name] = fixed(self.__dict__[name])
        if isinstance(rule := self.__dict__["replicates"], Stopping):
            self._stopping, self.__dict__["replicates"] = rule, rule.most
        check_loaded(self.plugins)
        faults, top = Faults(), keys()
        check_own_fields(top)
        self._check_axes()
        constants, derived = validate_constants(self.process, top, faults)
        with faults.collected():
            self._check_record()
        tables = [parse_axes(self.axes, top, faults, folder=folder)] if self.axes or not self.grids else []
        for number, table in enumerate(self.grids):
            tables.append(parse_axes(table, top, faults, f"grid[{number}]", folder))
        for axes in tables:
            with faults.collected():
                check_names(axes, self.process, alone=len(tables) == 1)
        with faults.collected("axes"):
            self._check_size(tables)
        if "axes" in faults.wrong:  # the grid would be too large to look at
            faults.check()
        self._tables = tuple(tables)
        self._folder = folder or Path()
        self._grid = Grid(constants, (), folder, faults.wrong, derived)
        with faults.collected("axes"):
            self._grid = grid_of(constants, tables, folder, faults.wrong, derived)
        if "axes" in faults.wrong:
            faults.check()
        for field in ("initial", *self._grid.derived):
            with faults.collected(field):
                self._grid.column(field)
        rules.check(self._grid, self.generations, faults)
        with faults.collected():
            _ = self.left_out
        with faults.collected():
            self._check_texts()
        with faults.collected():
            self._check_observables()
        if self._stopping and "observables" not in faults.wrong:
            with faults.collected():
                check_measured(self._stopping, self.chosen, set(self._grid.column("model").values))
        faults.check()

    def _check_axes(self) -> None:
        for key, number in {
            "axes": len(self.axes),
            **{f"grid[{place}]": len(table) for place, table in enumerate(self.grids)},
        }.items():
            if number > MOST_AXES:
                raise InputError(key, f"there are {number} axes; at most {MOST_AXES} are allowed")

    def _check_size(self, tables: Sequence[Sequence[Axis]]) -> None:
        if (cells := sum(prod(len(axis) for axis in axes) for axes in tables)) > MOST_CELLS:
            raise InputError("axes", f"the grid has {cells:,} cells; at most {MOST_CELLS:,} are allowed")
        if cells * self.replicates > MOST_TRAJECTORIES:
            key = "replicates.most" if self._stopping else "replicates"
            number = f"{self.replicates}: makes {cells * self.replicates:,} trajectories"
            raise InputError(key, f"{number}; at most {MOST_TRAJECTORIES:,} are allowed")

    def _check_observables(self) -> None:
        if self.pass_at is not None and not any(entry.dim == "k" for entry in self.chosen):
            raise InputError("pass_at", "has no effect: it is used with observables = ['pass_at_k'] or ['correct']")
        given = self.pass_at or []
        for place, number in enumerate(given):
            if number in given[:place]:
                raise InputError(f"pass_at[{place}]", f"{number} is there already; give each number once")
        for entry in self.parts:
            if entry.name in (*RESERVED, *fields()):
                raise InputError(
                    "observables", f"{entry.name!r}: a plug-in uses the name of another variable of the dataset"
                )

    def _check_record(self) -> None:
        every = self.record.every
        if self.record.state and every is None:
            told = "with spacing and points a longer sweep records other generations, so the study could not continue"
            raise InputError("record.state", f"needs record.every too, as in {{ every = 10, state = true }}: {told}")
        if every is not None and (number := self.generations // every) > MOST_POINTS:
            raise InputError("record.every", f"{every}: would record {number} generations; at most {MOST_POINTS}")

    def _check_texts(self) -> None:
        walks = {name: part.make for name, part in WALKS.items()}
        if self.record.texts and all(walks[name].is_of_tokens for name in self._grid.column("model").values):
            owners = sorted(name for name, walk in walks.items() if not walk.is_of_tokens)
            raise InputError("record.texts", f"is for model = {' or '.join(map(repr, owners))} only")

    @property
    def left_out(self) -> frozenset[str]:
        """The fields that random numbers do not depend on."""
        swept = {axis.name: set(axis.fields) for axis in self._grid.axes}
        left_out: set[str] = set()
        for name in map(composed, self.common_random_numbers):
            known = [*swept, *fields()]
            if name not in known:
                raise InputError(
                    "common_random_numbers", f"{name!r} is neither an axis nor a field{did_you_mean(name, known)}"
                )
            left_out |= swept.get(name, {name})
        return frozenset(left_out)

    @property
    def chosen(self) -> "tuple[Observable, ...]":
        """The observables that are asked for, and that some of the models have."""
        from jaxcollapse.observables import select

        rewarded = bool(has_known_mean(self._grid).any())
        return select(self.observables, self._grid.column("model").values, rewarded=rewarded)

    @property
    def attempts(self) -> tuple[int, ...]:
        """The k of pass@k."""
        from jaxcollapse.observables.snapshot import ATTEMPTS

        return ATTEMPTS if self.pass_at is None else tuple(self.pass_at)

    @property
    def sources(self) -> int:
        """The most texts that a model learns, or that p0 is read from."""
        return max(1, *(len(spec.paths) for spec in self._grid.column("initial").values))

    @property
    def parts(self) -> "tuple[Observable, ...]":
        """The observables of the sweep that plug-ins have added."""
        return tuple(entry for entry in self.chosen if entry.plugin)

    @property
    def own_parts(self) -> dict[str, Plugin]:
        """What plug-ins have added of all that the sweep uses: observables by name, others as "optimizer lion"."""
        grid, found = self._grid, {entry.name: entry.plugin for entry in self.parts if entry.plugin}
        for slot, part in parts():
            if part.plugin and self._uses(slot, part):
                found[f"{slot.name.replace('_', ' ')} {part.name}"] = part.plugin
        for spec in grid.column("initial").values:
            if spec.plugin:
                found[f"initial {spec.kind}"] = spec.plugin
        return found

    def _uses(self, slot: Slot, part: Part) -> bool:
        """Whether a cell has this part; a term of the loss is there if one of its fields is switched on."""
        if slot.choice:
            return bool(self._grid.has(slot.name, part.name).any())
        return any((~self._grid.has(name, fields()[name].default)).any() for name in part.arguments)

    @property
    def needed(self) -> tuple[Plugin, ...]:
        """The plug-ins that the results depend on."""
        return tuple(dict.fromkeys(self.own_parts.values()))

    @property
    def is_structured(self) -> bool:
        """Whether a model has more than one row."""
        return any(model != "categorical" for model in self._grid.column("model").values)

    @property
    def tables(self) -> tuple[tuple[Axis, ...], ...]:
        """The axes of `[axes]`, unless there are none, and of each `[[grid]]`."""
        return self._tables

    @property
    def grid(self) -> Grid:
        """The grid: cells of the sweep, and the fields of each."""
        return self._grid

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the sweep start from."""
        return self._folder

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(axis.name for axis in self._grid.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return self._grid.shape

    @property
    def stopping(self) -> Stopping | None:
        """The rule by which each cell gets replicates, `replicates` at most; None if all cells get as many."""
        return self._stopping

    def with_places(self, replicates: int) -> "Sweep":
        """The same sweep, whose arrays have places for so many replicates: as many as cells have had until now."""
        made = BaseModel.model_copy(self)
        made.__dict__["replicates"] = replicates
        return made

    @field_serializer("replicates")
    def _as_written(self, replicates: int) -> Any:
        """What the sweep file has."""
        return self._stopping.model_dump(exclude_unset=True) if self._stopping else replicates

    @property
    def trajectories(self) -> int:
        """Number of cells times number of replicates; with a rule, of the most replicates."""
        return self._grid.cells * self.replicates

    @property
    def recorded(self) -> np.ndarray:
        """Numbers of the recorded generations, in ascending order."""
        return self.record.generations(self.generations)

    def streams(self) -> np.ndarray:
        """A 64-bit number for each cell that its random numbers follow from."""
        return self._grid.identities(self.seed, self.left_out)

    def to_dict(self) -> dict[str, Any]:
        """The keys of a sweep file, as they were given."""
        return self.model_dump(exclude_unset=True, by_alias=True)

    def to_toml(self) -> str:
        """The text of a sweep file that says the same."""
        return as_toml(self.to_dict())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sweep) and self.model_dump() == other.model_dump() and self.dims == other.dims

    def __hash__(self) -> int:
        return hash((self.title, self.seed, self.replicates, self.generations, self.dims, self.shape))

    def __repr__(self) -> str:
        from jaxcollapse.sweep.display import as_text

        return as_text(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from jaxcollapse.sweep.display import as_html

        return as_html(self)
