"""What the variables of the dataset are, without their numbers; the same in memory and in a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcollapse.execute import MISSING, NO_TOKEN, STATUS_MEANINGS, inner_shape
from jaxcollapse.observables import Observable
from jaxcollapse.observables.possible import Sizes
from jaxcollapse.planning.library import Library
from jaxcollapse.program.kernel import NOT_YET
from jaxcollapse.sweep.sweep import Sweep

COMPRESSION: dict[str, Any] = {"zlib": True, "complevel": 4, "shuffle": True}


@dataclass(frozen=True)
class Layout:
    """A variable of the dataset. A *row* is what it holds of one trajectory.

    Attributes:
        name: name of the variable.
        dims: names of its dimensions.
        outer: numbers of values along the axes, and of replicates: one row for each.
        inner: shape of a row.
        dtype: type of its values.
        missing: value where nothing was computed.
        attributes: attributes of the variable, by name.
        declared: whether the file declares `missing`, as `_FillValue`.
        tokens: number of tokens at each place, if the last dimension is `token`; None otherwise.
    """

    name: str
    dims: tuple[str, ...]
    outer: tuple[int, ...]
    inner: tuple[int, ...]
    dtype: np.dtype
    missing: float
    attributes: dict[str, Any]
    declared: bool = True
    tokens: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of places along each dimension."""
        return (*self.outer, *self.inner)

    @property
    def fill_value(self) -> np.generic | None:
        """What the file declares to be missing."""
        return self.dtype.type(self.missing) if self.declared else None


def layouts(sweep: Sweep, library: Library) -> Iterator[Layout]:
    """The variables of a sweep's dataset, in order."""
    for entry in sweep.chosen:
        yield _observable(sweep, library, entry)
    if sweep.record.logits:
        yield _logits(sweep, library)
    if sweep.record.texts:
        yield _text(sweep)
    yield _status(sweep)


def rows_of(sweep: Sweep) -> dict[str, tuple[np.dtype, tuple[str, ...]]]:
    """The types of the variables, and the dimensions that they have of a trajectory."""
    told = {entry.name: (_dtype(sweep, entry), _dims(entry)) for entry in sweep.chosen}
    if sweep.record.logits:
        told["logits"] = np.dtype(sweep.precision), ("generation", *["context"] * sweep.is_structured, "token")
    if sweep.record.texts:
        told["text"] = np.dtype("int32"), ("generation", "sample", "place")
    return {**told, "status": (np.dtype("int8"), ())}


def state_of(sweep: Sweep) -> dict[str, tuple[np.dtype, tuple[str, ...]]]:
    """Types and inner dimensions of the variables that only shards have, by name."""
    return {"state": (np.dtype("uint32"), ("word",))} if sweep.record.state else {}


def _dtype(sweep: Sweep, entry: Observable) -> np.dtype:
    return np.dtype("int32" if entry.whole else sweep.precision)


def _dims(entry: Observable) -> tuple[str, ...]:
    return () if entry.is_event else ("generation", entry.dim) if entry.dim else ("generation",)


def _observable(sweep: Sweep, library: Library, entry: Observable) -> Layout:
    dims, outer = _rows(sweep)
    attributes: dict[str, Any] = {
        "long_name": entry.long_name,
        "units": entry.units,
        "description": entry.description,
    }
    if entry.plugin:
        attributes["source"] = f"plug-in {entry.plugin}"
    dtype, missing = _dtype(sweep, entry), float(NOT_YET) if entry.whole else np.nan
    if entry.is_event:
        attributes["censoring"] = f"missing if it has not happened by generation {sweep.generations}"
        return Layout(entry.name, dims, outer, (), dtype, missing, attributes)
    attributes["possible_range"] = np.array(entry.possible(Sizes()), float)
    inner = len(sweep.recorded), *inner_shape(entry, sweep, library)
    return Layout(entry.name, (*dims, *_dims(entry)), outer, inner, dtype, missing, attributes)


def _logits(sweep: Sweep, library: Library) -> Layout:
    dims, outer = _rows(sweep)
    contexts = {"context": int(library.contexts.max())} if sweep.is_structured else {}
    inner = (len(sweep.recorded), *contexts.values(), int(library.sizes.max()))
    attributes = {
        "long_name": "logit",
        "units": "1",
        "description": "ln p up to an additive constant of each row; −inf for tokens that died out, "
        "missing beyond the vocabulary.",
    }
    dtype, every = np.dtype(sweep.precision), (*dims, "generation", *contexts, "token")
    return Layout(
        "logits", every, outer, inner, dtype, np.nan, attributes, tokens=sweep.grid.at_places(library.sizes, 0)
    )


def _text(sweep: Sweep) -> Layout:
    dims, outer = _rows(sweep)
    attributes = {
        "long_name": "sampled text",
        "units": "1",
        "description": "Number of the token along `token` at each place of texts that the model writes at temperature "
        f"1; {NO_TOKEN} after the end of a text, and where there is none.",
    }
    inner = len(sweep.recorded), sweep.record.texts, sweep.record.text_length
    every = (*dims, "generation", "sample", "place")
    return Layout("text", every, outer, inner, np.dtype("int32"), NO_TOKEN, attributes, declared=False)


def _status(sweep: Sweep) -> Layout:
    dims, outer = _rows(sweep)
    attributes = {
        "long_name": "status of the trajectory",
        "units": "1",
        "description": "Whether the trajectory was computed; diverged: its logits exceeded the range of floating-point "
        "numbers, or their resolution.",
        "flag_values": np.array([0, 1, 2], np.int8),
        "flag_meanings": STATUS_MEANINGS,
    }
    return Layout("status", dims, outer, (), np.dtype("int8"), MISSING, attributes, declared=False)


def _rows(sweep: Sweep) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The dimensions that every variable has, and their sizes."""
    return (*sweep.dims, "replicate"), (*sweep.shape, sweep.replicates)
