"""The initial distributions of a sweep, and the tables that models make of them, each made once."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress
from math import prod
from threading import Lock
from typing import Any

import jax
import numpy as np

from jaxcollapse.distributions.dirichlet import Dirichlet
from jaxcollapse.distributions.distribution import Distribution, InitialKind, check_table
from jaxcollapse.distributions.labels import storable
from jaxcollapse.errors import InputError, cut, did_you_mean
from jaxcollapse.limits import MOST_CONTEXTS, MOST_DRAWN, MOST_NUMBERS
from jaxcollapse.parameterisations import Parameterisation
from jaxcollapse.parameterisations.fit import fit
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.grid import Grid, stable_hash
from jaxcollapse.system.jax_settings import arithmetic
from jaxcollapse.walks import Categorical, Ensemble, Markov, Persona, Walk
from jaxcollapse.walks.walk import Numbers

# What an initial table depends on, beside the size of the vocabulary; and what each model uses of it.
_USED = {
    "categorical": (),
    "persona": ("personas", "persona_exponent"),
    "markov": ("end_token",),
    "ensemble": ("models",),
}


@dataclass(frozen=True)
class Entry:
    """spec: what the sweep file says. given: the rows that it stands for, of which only the shape counts where each
    trajectory draws its own. end_token: −1 if there is none.
    """

    spec: InitialKind
    given: Distribution
    walk: Walk
    end_token: int

    @property
    def shape(self) -> tuple[int, int]:
        """Of the table."""
        return self.walk.contexts, self.walk.width(self.given.size)

    @cached_property
    def table(self) -> np.ndarray:
        """Logits [context, token] of the model. Those of a long chain take seconds, which a plan has no need of."""
        return self.walk.start(self.given, self.end_token)


class Library:
    """p0 of every cell: `index` says which of `entries` a cell starts from."""

    def __init__(self, grid: Grid, seed: int):
        specs, sizes, models = (grid.column(name) for name in ("initial", "vocab_size", "model"))
        takes_size = np.array([spec.takes_vocab_size for spec in specs.values])[specs.codes]
        fields = sorted({name for names in _USED.values() for name in names})
        columns = [grid.column(name) for name in fields]
        used = [
            np.where(models.where(*(m for m, names in _USED.items() if name in names)), column.codes, 0)
            for name, column in zip(fields, columns, strict=True)
        ]
        table = np.stack([specs.codes, np.where(takes_size, sizes.codes, 0), models.codes, *used], axis=1)
        rows, index = np.unique(table, axis=0, return_inverse=True)
        self.index = index.reshape(-1).astype(np.int32)
        self._grid, self._seed = grid, seed
        self._personas_given = "personas" in grid.given
        self._recipes = [
            (
                specs.values[spec],
                sizes.values[size],
                models.values[model],
                {name: column.values[code] for name, column, code in zip(fields, columns, codes, strict=True)},
            )
            for spec, size, model, *codes in rows.tolist()
        ]
        self._size_key = grid.key_of("initial" if "initial" in grid.given else "vocab_size")
        self._fits: dict[Any, Any] = {}
        self._lock = Lock()

    @cached_property
    def entries(self) -> list[Entry]:
        """All of them.

        Raises:
            InputError: one cannot be had, or does not suit the model.
        """
        known = [_size(*recipe) for recipe in self._recipes]
        self._check_sum(sum(known), MOST_NUMBERS)
        is_drawn = [isinstance(spec, Dirichlet) and spec.shared for spec, *_ in self._recipes]
        self._check_sum(sum(compress(known, is_drawn)), MOST_DRAWN, " that are drawn")
        made, total = [], 0
        for number, recipe in enumerate(self._recipes):
            try:
                made.append(self._entry(*recipe))
            except InputError as error:
                raise InputError(error.key, error.problem + self._where(number)) from None
            total += prod(made[-1].shape)
            self._check_sum(total, MOST_NUMBERS)
        self._check_sizes(np.array([entry.given.size for entry in made]))
        return made

    def _where(self, number: int) -> str:
        """The first cell that starts from an entry, by those axes that an entry may depend on."""
        cell = self._grid.cell(int(np.argmax(self.index == number)))
        fields = {"initial", "vocab_size", "model", *(name for names in _USED.values() for name in names)}
        told = [f"{name} = {cut(label(value))}" for name, value in cell.items() if name.split(".")[0] in fields]
        return f" (where {', '.join(told)})" if told else ""

    def _check_sizes(self, sizes: np.ndarray) -> None:
        """Raises where a dimension of the dataset would give a number of tokens that a cell does not have."""
        if all(axis.name != "vocab_size" for axis in self._grid.axes):  # then a coordinate has the sizes that there are
            return
        asked = self._grid.numbers("vocab_size")
        if (wrong := asked != sizes[self.index]).any():
            number = int(self.index[np.argmax(wrong)])
            told = f"{asked[np.argmax(wrong)]:g}: p0 brings {sizes[number]} tokens of its own{self._where(number)}"
            key = self._grid.key_of("vocab_size")
            raise InputError(key, f"{told}; sweep the two in separate sweeps, or as pairs in a zip")

    def _check_sum(self, number: int, most: int, what: str = "") -> None:
        if number > most:
            told = f"the initial distributions have {number} numbers{what} together; at most {most} are allowed"
            raise InputError(self._size_key, told)

    def _entry(self, spec: InitialKind, vocab_size: int, model: str, fields: dict[str, Any]) -> Entry:
        words = stable_hash("initial", [self._seed, spec.model_dump(), vocab_size])
        key = np.array([words >> 32, words & 0xFFFFFFFF], np.uint32)
        if model in ("categorical", "ensemble"):
            walk = Categorical() if model == "categorical" else Ensemble(fields["models"])
            row = Distribution(np.zeros(vocab_size)) if spec.is_random else spec.distribution(vocab_size, key)
            check_table(walk.contexts, row.size)
            return Entry(spec, row, walk, -1)
        given = spec.rows(vocab_size, key, fields["personas"] if model == "persona" else None)
        number, size = len(given.logits), given.size
        if number > MOST_CONTEXTS:
            raise InputError("process.initial", f"has {number} rows; at most {MOST_CONTEXTS} are allowed")
        if model == "persona":
            if self._personas_given and number != fields["personas"]:
                raise InputError("process.personas", f"{fields['personas']}: p0 has {number} rows")
            if given.weights is None:
                given = replace(given, weights=np.arange(1.0, number + 1) ** -fields["persona_exponent"])
            return Entry(spec, given, Persona(number), -1)
        if number not in (size, size + 1):
            raise InputError("process.initial", f"has {number} rows for {size} tokens; it needs a row for each token")
        return Entry(spec, given, Markov(size), _number_of(fields["end_token"], given))

    @property
    def sizes(self) -> np.ndarray:
        """Number of tokens of each cell."""
        return np.array([entry.given.size for entry in self.entries], np.int64)[self.index]

    @property
    def widths(self) -> np.ndarray:
        """Width of each cell's table: more than its tokens, if there are more personas."""
        return np.array([entry.shape[1] for entry in self.entries], np.int64)[self.index]

    @property
    def contexts(self) -> np.ndarray:
        """Number of rows of each cell's table."""
        return np.array([entry.shape[0] for entry in self.entries], np.int64)[self.index]

    @property
    def end_tokens(self) -> np.ndarray:
        """The number of each cell's end token, −1 if there is none."""
        return np.array([entry.end_token for entry in self.entries], np.int32)[self.index]

    def fitted(self, index: int, parameters: Parameterisation, walk: Walk, trace_length: int) -> Any:
        """The parameters that come closest to an entry's table: see `parameters.fit`."""
        entry = self.entries[index]
        walk = Markov(entry.given.size, walk.first_token) if isinstance(walk, Markov) else entry.walk
        name = (index, parameters, walk, trace_length)
        with self._lock:
            if name not in self._fits:
                numbers = Numbers(np.int32(trace_length), np.int32(entry.end_token))
                with arithmetic("float64"):
                    visits = np.asarray(walk.visits(jax.numpy.asarray(entry.table), numbers))
                seed = stable_hash("parameters", [self._seed, repr(parameters)])
                self._fits[name], _ = fit(parameters, entry.table, visits, seed)
            return self._fits[name]


def _size(spec: InitialKind, vocab_size: int, model: str, fields: dict[str, Any]) -> int:
    """Numbers of the table that an initial distribution becomes, as far as they are known before it is made."""
    if not spec.takes_vocab_size:
        return 0
    rows = {"persona": fields["personas"], "markov": vocab_size, "ensemble": fields["models"]}.get(model, 1)
    check_table(rows, vocab_size)
    return rows * vocab_size


def _number_of(token: int | str | None, given: Distribution) -> int:
    if token is None:
        return -1
    if isinstance(token, str):
        labels = [] if given.labels is None else given.labels.tolist()
        if storable(token) not in labels:
            raise InputError("process.end_token", f"{token!r} is no token of p0{did_you_mean(token, labels)}")
        return labels.index(storable(token))
    if token >= given.size:
        raise InputError("process.end_token", f"{token}: tokens are numbered from 0 to {given.size - 1}")
    return token
