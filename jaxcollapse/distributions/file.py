"""Initial distributions read from a file: netCDF, npz or a table of text, of logits, probabilities or counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from jaxcollapse.distributions.allowed_paths import readable
from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.formats import FORMATS, Contents, Wanted
from jaxcollapse.distributions.labels import check_number
from jaxcollapse.distributions.meaning import Meaning, as_logits, earlier_meaning, meaning_of
from jaxcollapse.errors import InputError, cut_path

_KEY = "process.initial"


def _label(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a label or an integer position")
    return value


Label = Annotated[str | int | float, BeforeValidator(_label)]


class File(InitialKind):
    """A distribution from a file, such as the next-token logits of a language model, or counts of words.

    netCDF: `variable` after `select` has one dimension left; its coordinate labels the tokens. npz: arrays by name. csv
    and tsv: columns by name in the first row, separated by commas, semicolons or tabs. Where two dimensions are left,
    the first one has the rows of a model of personas, or of the token before.
    """

    kind: Literal["file"] = "file"
    path: str = Field(
        min_length=1, description="Path of the file, relative to the sweep file; .nc, .npz, .csv or .tsv."
    )
    variable: str | None = Field(
        None, description="Variable, array or column to read; may be omitted if only one is numeric."
    )
    values: Meaning | None = Field(
        None, description="What the numbers are; by default what the name of the variable says, else logits."
    )
    labels: str | Literal[False] | None = Field(
        None,
        description="Variable, array or column that names the tokens; by default the one called token, word, label, "
        "term, symbol or ngram, else the only one with text; false: none.",
    )
    select: dict[str, Label] = Field(
        default_factory=dict,
        description="netCDF: the label (or integer position) to select along each other dimension.",
    )
    top: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Keep only this many of the most likely tokens, renormalised."
    )
    correct: str | None = Field(
        None,
        description="Variable, array or column with 1 for each correct token and 0 for all others, in every row or in "
        "each, for correct = 'file'.",
    )

    @property
    def takes_vocab_size(self) -> bool:
        """False: the file, or `top`, says how many tokens there are."""
        return False

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of the file."""
        return (self.path,)

    def at(self, *paths: str) -> "File":
        """The same distribution, read from a file at this path."""
        return self.model_copy(update={"path": paths[0]})

    def input_files(self) -> list[Path]:
        """The file.

        Raises:
            InputError: it is of a kind that cannot be read.
        """
        path = Path(self.path)
        if path.suffix.lower() not in FORMATS:
            raise InputError(f"{_KEY}.path", f"{self.path!r}: must end in {', '.join(FORMATS)}")
        return [path]

    def read_anew(self) -> Meaning | None:
        """What the numbers are taken for, if version 0.1.0 took them for something else."""
        if self.values is not None:
            return None
        with self._reading() as path:
            name = (
                FORMATS[path.suffix.lower()].variable_of(path, self._wanted())
                if self.variable is None
                else self.variable
            )
            meaning = meaning_of(name) or "logits"
        return None if meaning == earlier_meaning(name) else meaning

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """The selected numbers as logits, in the file's order, or in falling order if they are cut to `top`."""
        found = self._read()
        if found.logits.ndim != 1:
            raise InputError(
                f"{_KEY}.select",
                f"two dimensions are left, {_shape(found.logits)}; select along one of them, as the model has one row",
            )
        return self._cut(found, rows_too=False)

    def rows(self, vocab_size: int, key: np.ndarray, number: int | None) -> Distribution:
        """The rows that the file has; or copies of the one it has, shifted."""
        found = self._read()
        if found.logits.ndim == 1:
            return super().rows(vocab_size, key, number)
        if number is None and found.logits.shape[0] != found.logits.shape[1]:
            raise InputError(f"{_KEY}.variable", f"has the shape {_shape(found.logits)}; it needs a row for each token")
        return self._cut(found, rows_too=number is None)

    def windows(self, vocab_size: int, key: np.ndarray, order: int) -> Distribution:
        """The rows that the file has, whose number the model checks; or copies of the one it has, shifted."""
        found = self._read()
        return super().windows(vocab_size, key, order) if found.logits.ndim == 1 else self._cut(found, rows_too=False)

    def _wanted(self) -> Wanted:
        return Wanted(self.variable, self.labels, self.select)

    def _read(self) -> Distribution:
        with self._reading() as path:
            found: Contents = FORMATS[path.suffix.lower()].read(path, self._wanted())
            rows = None if found.rows is None else found.rows.tolist()
            logits = as_logits(found.name, found.numbers, self.values, rows)
            check_number(found.labels, logits.shape[-1])
            correct = None if self.correct is None else self._answers(path, found)
        return Distribution(logits, found.labels, rows=found.rows, correct=correct)

    def _answers(self, path: Path, given: Contents) -> np.ndarray:
        """Which tokens are correct, of the same tokens and rows as the numbers of p0."""
        key = f"{_KEY}.correct"
        wanted = Wanted(self.correct, self.labels, self.select, key, has_all=False)
        found: Contents = FORMATS[path.suffix.lower()].read(path, wanted)
        numbers, tokens = found.numbers, given.numbers.shape[-1:]
        if numbers.shape not in (given.numbers.shape, tokens):
            raise InputError(
                key, f"{_told(found)}, and {_told(given)}; give a number for each token, in one row or all"
            )
        for what, own, others in (("tokens", found.labels, given.labels), ("rows", found.rows, given.rows)):
            if own is not None and others is not None and not np.array_equal(own, others):
                raise InputError(key, f"{found.name} has other {what} than {given.name}, or has them in another order")
        if (wrong := (numbers != 0) & (numbers != 1)).any():
            raise InputError(key, f"{found.name} has {numbers[wrong][0]:g}; 1 is for correct tokens, 0 for all others")
        return numbers

    @contextmanager
    def _reading(self) -> Iterator[Path]:
        """While this context lasts, the file is read; errors name it."""
        (path,) = self.input_files()
        if self.select and path.suffix.lower() != ".nc":
            raise InputError(f"{_KEY}.select", "only a netCDF file has dimensions to select along")
        readable(path)
        name = repr(cut_path(self.path))
        try:
            yield path
        except InputError as error:
            raise InputError(error.key, f"{name}: {error.problem}") from None
        except Exception as error:  # libraries tell of a broken file by any kind of error
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{_KEY}.path", f"{name} cannot be read: {reason}") from None

    def _cut(self, found: Distribution, *, rows_too: bool) -> Distribution:
        """Only the tokens that are most likely, on average over rows, in falling order if there is one row."""
        if self.top is None:
            return found
        logits = found.logits
        if self.top > found.size:
            raise InputError(f"{_KEY}.top", f"{self.top} is more than the {found.size} tokens of the file")
        likelihood = logits
        if logits.ndim == 2:
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            likelihood = (p / p.sum(axis=1, keepdims=True)).mean(axis=0)
        order = np.argsort(-likelihood, kind="stable")[: self.top]
        logits, rows, correct = logits[..., order], found.rows, found.correct
        correct = None if correct is None else correct[..., order]
        if rows_too:
            logits, rows = logits[order], None if rows is None else rows[order]
            correct = correct[order] if correct is not None and correct.ndim == 2 else correct
        if not (logits > -np.inf).any(axis=-1).all():
            raise InputError(f"{_KEY}.top", f"{self.top}: a row gives none of these tokens any probability")
        labels = None if found.labels is None else found.labels[order]
        return Distribution(logits, labels, rows=rows, correct=correct)


def _shape(numbers: np.ndarray) -> str:
    return " × ".join(map(str, numbers.shape))


def _told(found: Contents) -> str:
    return f"{found.name} has the shape {_shape(found.numbers)}"
