"""The original distribution p0 of each cell of a dataset: as it is recorded, or as the sweep file settles it.

The dataset may be a stranger's: for its p0 no file is read and nothing is drawn at random, and there are no more tokens
than a sweep may ask for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float64
from pydantic import ValidationError
from scipy import special

from jaxcollapse.analysis.fields import axes_of, part, sweep_of, swept_by
from jaxcollapse.distributions.distribution import InitialKind
from jaxcollapse.distributions.parametric import Uniform, Values, Zipf, ZipfMandelbrot
from jaxcollapse.limits import MOST_TOKENS
from jaxcollapse.sweep.axes import parse_axis
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.grid import validated_initial
from jaxcollapse.sweep.process_fields import INITIAL

# Kinds that follow from the sweep file alone; those that come first need no key, so that their name tells all.
_NAMED = (Uniform, Zipf, ZipfMandelbrot)
_SETTLED = (*_NAMED, Values)


@dataclass(frozen=True)
class Originals:
    """What a dataset says about its cells' p0.

    Attributes:
        start: the dataset at generation 0.
        table: the table `initial` of the sweep file, without keys that are axes.
        kinds: the initial distributions that a cell may have as a whole, by their label in the coordinate `initial`.
        written: for each key of `initial` that is an axis, its values by their label in the coordinate.
    """

    start: xr.Dataset
    table: Mapping[str, Any]
    kinds: Mapping[str, InitialKind]
    written: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, start: xr.Dataset) -> "Originals":
        """The facts in the dataset and its attribute `sweep`.

        Args:
            start: the dataset at generation 0.

        Raises:
            InputError: the attribute is not a sweep file.
        """
        told = sweep_of(start)
        table = dict(part(part(told, "process"), "initial"))
        fields: dict[str, list[Any]] = {}
        for where, name, spec in axes_of(told):
            if any(_is_initial(field) for field in swept_by(name, spec)):
                for field, values in parse_axis(name, spec, where).fields.items():
                    fields[field] = fields.get(field, []) + values
        whole = [kind() for kind in _NAMED] + fields.pop("initial", [])
        constant = _validated(table)
        kinds = {label(kind): kind for kind in [*whole, *([constant] if constant else [])]}
        written = {
            field: {label(value): value for value in values} for field, values in fields.items() if _is_initial(field)
        }
        return cls(start, table or {"kind": INITIAL.default.kind}, kinds, written)

    def at(self, place: Mapping[str, int]) -> Float64[np.ndarray, " token"] | None:
        """The probabilities of a cell's tokens, or None if they are not known, or of several rows.

        Args:
            place: the index of the cell along each axis.
        """
        return self._recorded(place) if "logits" in self.start else self._settled(place)

    def _recorded(self, place: Mapping[str, int]) -> Float64[np.ndarray, " token"] | None:
        if "context" in self.start.logits.dims:
            return None
        logits = self.start.logits.isel(place).transpose("replicate", "token").values.astype(float)
        if not (logits == logits[:1]).all(where=~np.isnan(logits)):
            return None  # each replicate has a p0 of its own
        known = logits[0][~np.isnan(logits[0])]
        return special.softmax(known) if known.size else None

    def _settled(self, place: Mapping[str, int]) -> Float64[np.ndarray, " token"] | None:
        told = {name: _here(self.start.coords[name], place) for name in self._coordinates()}
        tokens, initial = told.get("vocab_size", 0), self._initial(told)
        if not isinstance(initial, _SETTLED) or not 1 <= tokens <= MOST_TOKENS:
            return None
        logits = initial.distribution(int(tokens), np.zeros(2, np.uint32)).logits
        return special.softmax(logits) if logits.size == tokens else None

    def _coordinates(self) -> list[str]:
        return [name for name in ("vocab_size", "initial", *self.written) if name in self.start.coords]

    def _initial(self, told: Mapping[str, Any]) -> InitialKind | None:
        """What the sweep file says of `initial` at these coordinates."""
        if "initial" in told:
            return self.kinds.get(str(told["initial"]))
        if not self.written or not told.keys() >= self.written.keys():
            return None
        keys = {
            field.split(".", 1)[1]: known.get(value) if isinstance(value := told[field], str) else value
            for field, known in self.written.items()
        }
        return _validated({**self.table, **keys})


def _is_initial(field: str) -> bool:
    return field.split(".")[0] == "initial"


def _validated(table: Mapping[str, Any]) -> InitialKind | None:
    """The initial distribution that a table describes, None if it is not such a table, or not a whole one."""
    try:
        return validated_initial(table)
    except ValidationError:
        return None


def _here(values: xr.DataArray, place: Mapping[str, int]) -> Any:
    return values.isel({dim: at for dim, at in place.items() if dim in values.dims}).item()
