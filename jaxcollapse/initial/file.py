"""Initial distributions read from a file: netCDF, npz or csv, of logits or of probabilities."""

import csv
import zipfile
from array import array
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from jaxcollapse.errors import InputError, did_you_mean
from jaxcollapse.initial.distribution import Distribution, InitialKind, as_names
from jaxcollapse.initial.paths import readable
from jaxcollapse.limits import MOST_NUMBERS, MOST_TOKENS
from jaxcollapse.netcdf import open_dataset, open_netcdf
from jaxcollapse.patience import reading

Contents = tuple[str, np.ndarray, np.ndarray | None, np.ndarray | None]  # name, numbers, names of tokens and of rows
_KEY = "process.initial"
_SUFFIXES = (".nc", ".npz", ".csv")
_LABELS = "token"  # the dimension, column or array that names the tokens


def _label(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a label or an integer position")
    return value


Label = Annotated[str | int | float, BeforeValidator(_label)]


class File(InitialKind):
    """A distribution from a file, such as the next-token logits of a language model.

    netCDF: `variable` after `select` has one dimension left; its coordinate labels the tokens. npz: arrays by name, one
    of them `token` for the labels. csv: columns by name in the first row, `token` for the labels. Where two dimensions
    are left, the first one has the rows of a model of personas, or of the token before.
    """

    kind: Literal["file"] = "file"
    path: str = Field(min_length=1, description="The file, relative to the sweep file; .nc, .npz or .csv.")
    variable: str | None = Field(None, description="Variable, array or column; may be left out if there is only one.")
    values: Literal["logits", "probabilities"] | None = Field(
        None, description="What the numbers are; by default what the variable's name says, else logits."
    )
    select: dict[str, Label] = Field(
        default_factory=dict, description="netCDF: labels (or integer positions) along the other dimensions."
    )
    top: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Keep only the most likely tokens, this many, renormalised."
    )

    @property
    def takes_vocab_size(self) -> bool:
        """No: as many tokens as the file has, or `top`."""
        return False

    def input_file(self) -> Path:
        """The file.

        Raises:
            InputError: it is of a kind that cannot be read.
        """
        path = Path(self.path)
        if path.suffix not in _SUFFIXES:
            raise InputError(f"{_KEY}.path", f"{self.path!r}: must end in {', '.join(_SUFFIXES)}")
        return path

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """The selected numbers as logits, in the file's order, or in falling order if they are cut to `top`."""
        found = self._read()
        if found.logits.ndim != 1:
            raise InputError(
                f"{_KEY}.select", f"two dimensions are left, {_shape(found)}; a model of one row needs one"
            )
        return self._cut(found, rows_too=False)

    def rows(self, vocab_size: int, key: np.ndarray, number: int | None) -> Distribution:
        """The rows that the file has; or copies of the one it has, shifted."""
        found = self._read()
        if found.logits.ndim == 1:
            return super().rows(vocab_size, key, number)
        if number is None and found.logits.shape[0] != found.logits.shape[1]:
            raise InputError(f"{_KEY}.variable", f"has the shape {_shape(found)}; it needs a row for each token")
        return self._cut(found, rows_too=number is None)

    def _read(self) -> Distribution:
        path = self.input_file()
        readers = dict(zip(_SUFFIXES, (self._netcdf, self._npz, self._csv), strict=True))
        readable(path)
        if self.select and path.suffix != ".nc":
            raise InputError(f"{_KEY}.select", "only a netCDF file has dimensions to select along")
        try:
            with reading(path) if path.suffix == ".nc" else nullcontext():
                name, numbers, labels, names = readers[path.suffix](path)
        except InputError:
            raise
        except Exception as error:  # libraries tell of a broken file by any kind of error
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{_KEY}.path", f"{self.path!r} cannot be read: {reason}") from None
        logits = self._as_logits(name, numbers)
        if labels is not None and labels.shape != logits.shape[-1:]:
            raise InputError(f"{_KEY}.path", f"{self.path!r} has {len(labels)} labels for {logits.shape[-1]} tokens")
        return Distribution(logits, labels, rows=names)

    def _netcdf(self, path: Path) -> Contents:
        _check_dimensions(path)
        with open_dataset(path, decode_times=False) as file:
            selected: Any = file[self._choose([str(name) for name in file.data_vars])]
            for dimension, label in self.select.items():
                if dimension not in selected.dims:
                    wrong = did_you_mean(dimension, map(str, selected.dims))
                    raise InputError(f"{_KEY}.select", f"{dimension!r} is not a dimension of {selected.name}{wrong}")
                known = selected.indexes.get(dimension)
                if known is not None and label in known:
                    selected = selected.sel({dimension: label})
                elif isinstance(label, int) and -selected.sizes[dimension] <= label < selected.sizes[dimension]:
                    selected = selected.isel({dimension: label})
                else:
                    names = [str(name) for name in known] if known is not None else []
                    raise InputError(
                        f"{_KEY}.select.{dimension}", f"{label!r} is not there{did_you_mean(str(label), names)}"
                    )
            if selected.ndim not in (1, 2):
                left = ", ".join(f"{dimension} ({size})" for dimension, size in selected.sizes.items())
                wanted = "one must remain, or two for rows"
                raise InputError(f"{_KEY}.select", f"{selected.name} has {left or 'no dimension'} left; {wanted}")
            if selected.size > MOST_NUMBERS:
                raise ValueError(f"{selected.name} has {selected.size} numbers left; at most {MOST_NUMBERS} are read")
            tokens, rows = selected.dims[-1], selected.dims[0] if selected.ndim == 2 else None
            labels, others = (
                as_names(selected[dim].values) if dim in selected.coords else None for dim in (tokens, rows)
            )
            return str(selected.name), np.asarray(selected.values, float), labels, others

    def _npz(self, path: Path) -> Contents:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is not an npz archive")
        with np.load(path, allow_pickle=False) as file:
            name = self._choose([name for name in file.files if name != _LABELS])
            for entry in file.zip.infolist():  # what is unpacked may be a thousand times as large
                if entry.file_size > 8 * MOST_NUMBERS:
                    raise ValueError(f"{entry.filename} has {entry.file_size} bytes; at most {8 * MOST_NUMBERS}")
            labels = as_names(file[_LABELS]) if _LABELS in file.files else None
            return name, np.asarray(file[name], float), labels, None

    def _csv(self, path: Path) -> Contents:
        with path.open(newline="", encoding="utf-8") as file:
            rows = filter(None, csv.reader(file))
            head = next(rows, [])
            name = self._choose([name for name in head if name != _LABELS]) if head else ""
            numbers, tokens = array("d"), list[str]()
            for number, row in enumerate(rows, start=2):
                if len(row) != len(head):
                    raise ValueError(f"row {number} has {len(row)} columns, and the first row has {len(head)}")
                if number > MOST_TOKENS + 1:
                    raise ValueError(f"has more than {MOST_TOKENS} rows")
                numbers.append(float(row[head.index(name)]))
                if _LABELS in head:
                    tokens.append(row[head.index(_LABELS)])
        if not numbers:
            raise InputError(f"{_KEY}.path", f"{self.path!r}: needs a row of column names and a row for each token")
        return name, np.array(numbers), as_names(tokens) if tokens else None, None

    def _choose(self, names: list[str]) -> str:
        if self.variable is None:
            if len(names) == 1:
                return names[0]
            raise InputError(f"{_KEY}.variable", f"{self.path!r} has several: {', '.join(names)}; name one")
        if self.variable not in names:
            raise InputError(
                f"{_KEY}.variable", f"{self.variable!r} is not in {self.path!r}{did_you_mean(self.variable, names)}"
            )
        return self.variable

    def _as_logits(self, name: str, numbers: np.ndarray) -> np.ndarray:
        if numbers.ndim not in (1, 2) or not numbers.size:
            raise InputError(f"{_KEY}.variable", f"{name} has the shape {numbers.shape}; rows of numbers are needed")
        probabilities = self.values == "probabilities" or (self.values is None and name.startswith("prob"))
        if np.isnan(numbers).any() or (numbers == np.inf).any():
            raise InputError(f"{_KEY}.variable", f"{name} has NaN or infinite values")
        if probabilities and (numbers < 0).any():
            raise InputError(f"{_KEY}.variable", f"{name} has negative values; are they logits? Then values = 'logits'")
        if probabilities:
            with np.errstate(divide="ignore"):
                numbers = np.log(numbers)
        if not (numbers > -np.inf).any(axis=-1).all():
            raise InputError(f"{_KEY}.variable", f"{name} has a row of no possible token")
        return numbers

    def _cut(self, found: Distribution, *, rows_too: bool) -> Distribution:
        """Only the tokens that are most likely, on average over rows, in falling order if there is one row."""
        if self.top is None:
            return found
        logits = found.logits
        if self.top > found.size:
            raise InputError(f"{_KEY}.top", f"{self.top}: the file has {found.size} tokens")
        likelihood = logits
        if logits.ndim == 2:
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            likelihood = (p / p.sum(axis=1, keepdims=True)).mean(axis=0)
        order = np.argsort(-likelihood, kind="stable")[: self.top]
        logits, rows = logits[..., order], found.rows
        if rows_too:
            logits, rows = logits[order], None if rows is None else rows[order]
        if not (logits > -np.inf).any(axis=-1).all():
            raise InputError(f"{_KEY}.top", f"{self.top}: a row has none of these tokens")
        return Distribution(logits, None if found.labels is None else found.labels[order], rows=rows)


def _check_dimensions(path: Path) -> None:
    """Raises where a dimension is too long: xarray reads its coordinate when it opens a file."""
    with open_netcdf(path) as file:
        for name, dimension in file.dimensions.items():
            if len(dimension) > MOST_TOKENS:
                raise ValueError(f"its dimension {name} has {len(dimension)} places; at most {MOST_TOKENS} are read")


def _shape(found: Distribution) -> str:
    return " × ".join(map(str, found.logits.shape))
