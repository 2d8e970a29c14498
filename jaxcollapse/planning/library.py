"""The initial distributions of a sweep, and the tables that models make of them, each made once."""

from collections.abc import Mapping
from collections.abc import Sequence as List
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from math import prod
from threading import Lock
from typing import Any

import jax
import numpy as np

from jaxcollapse.distributions.dirichlet import Dirichlet
from jaxcollapse.distributions.distribution import Distribution, InitialKind, check_table, token_sets
from jaxcollapse.errors import InputError, cut_path
from jaxcollapse.limits import MOST_DRAWN, MOST_NUMBERS
from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parameterisations.fit import fit
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.parameterisations.parameterisation import Parameterisation
from jaxcollapse.parameterisations.pretraining import Pretraining, Progress, digest
from jaxcollapse.parts.plugin import told_in_a_line
from jaxcollapse.sweep.display import count, label
from jaxcollapse.sweep.grid import Grid, grouped
from jaxcollapse.sweep.identity import stable_hash
from jaxcollapse.system.jax_settings import arithmetic
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.sequence import Sequence
from jaxcollapse.walks.walk import Numbers, Walk

_LEARNING = Lock()


@dataclass(frozen=True)
class Entry:
    """An initial distribution, and the table that a model makes from it.

    Attributes:
        spec: the initial distribution in the sweep file.
        given: its rows; if each trajectory draws its own, their shape alone matters.
        walk: the walk of the model.
        end_token: number of the token that ends a trace; −1 if no token does.
        pretraining: what learns the text of `given`; None for models that have a table.
    """

    spec: InitialKind
    given: Distribution
    walk: Walk
    end_token: int
    pretraining: Pretraining | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the table: its rows and columns."""
        return self.walk.contexts, self.walk.width(self.given.size)

    @cached_property
    def table(self) -> np.ndarray:
        """Logits [context, token] of the model. Those of a long chain take seconds, which a plan has no need of."""
        if self.pretraining is None:
            return self.walk.start(self.given, self.end_token)
        walk, text = self.walk, self.given.text
        assert isinstance(walk, Sequence)
        assert text is not None
        probes = text.held_out_windows(walk.windows, walk.context_length)
        with arithmetic("float32"):
            laws = np.asarray(jax.jit(self.pretraining.network.next_tokens)(self.learned(), probes))
        return laws[:, walk.prompt_length :].reshape(-1, laws.shape[-1])[: walk.probes].astype(float)

    def learned(self, progress: Progress | None = None) -> Any:
        """The parameters of a network that has learned the text; it learns when first asked, unless it is known."""
        assert self.pretraining is not None
        assert self.given.text is not None
        with _LEARNING:
            if "_learned" not in self.__dict__:
                self.__dict__["_learned"] = self.pretraining.learned(self.given.text, progress)
        return self.__dict__["_learned"]

    def sets(self, tokens: List[Any] | None, key: str) -> np.ndarray:
        """1 for the tokens of a set, 0 for all others: [token], or [context, token] where rows have sets of their own.

        Args:
            tokens: a list of tokens, or one for each row of tokens; None: the correct tokens that p0 brings.
            key: the key of the sweep file that messages name.

        Raises:
            InputError: there is no such token, or another number of rows.
        """
        found = self.given.correct if tokens is None else token_sets(tokens, self.given, key)
        assert found is not None
        if found.ndim == 1:
            return found
        rows = self.walk.is_text()
        if len(found) != rows.sum():
            has, needs = count(len(found), "row"), count(int(rows.sum()), "row")
            raise InputError(key, f"has sets for {has}; the model has {needs} of tokens")
        made = np.zeros((len(rows), self.given.size))
        made[rows] = found
        return made

    @cached_property
    def network(self) -> dict[str, str]:
        """A digest of the network that p0 is, by what it is in words; nothing for a table."""
        return {} if self.pretraining is None else {str(self.pretraining): digest(self.learned())}


class Library:
    """p0 of every cell: `index` says which of `entries` a cell starts from."""

    def __init__(self, grid: Grid, seed: int):
        specs, sizes, models = (grid.column(name) for name in ("initial", "vocab_size", "model"))
        takes_size = np.array([spec.takes_vocab_size for spec in specs.values])[specs.codes]
        reads = {model: _read(model) for model in models.values}
        names = sorted({name for fields in reads.values() for name in fields})
        columns = {name: grid.column(name) for name in names}
        used = [
            np.where(models.where(*(model for model, fields in reads.items() if name in fields)), column.codes, 0)
            for name, column in columns.items()
        ]
        codes = [specs.codes, np.where(takes_size, sizes.codes, 0), models.codes, *used]
        first, index = grouped(codes)
        self.index = index.astype(np.int32)
        self._grid, self._seed, self._fields = grid, seed, {"initial", "vocab_size", "model", *names}
        self._recipes = [
            (
                specs.values[specs.codes[cell]],
                sizes.values[codes[1][cell]],
                models.values[models.codes[cell]],
                {name: column.values[column.codes[cell]] for name, column in columns.items()},
            )
            for cell in first.tolist()
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
        told = [
            f"{name} = {cut_path(label(value))}" for name, value in cell.items() if name.split(".")[0] in self._fields
        ]
        return f" (where {', '.join(told)})" if told else ""

    def _check_sizes(self, sizes: np.ndarray) -> None:
        """Raises where a dimension of the dataset would give a number of tokens that a cell does not have."""
        if all(axis.name != "vocab_size" for axis in self._grid.axes):  # then a coordinate has the sizes that there are
            return
        asked = self._grid.numbers("vocab_size")
        if (wrong := asked != sizes[self.index]).any():
            number = int(self.index[np.argmax(wrong)])
            told = f"{asked[np.argmax(wrong)]:g}: p0 has {sizes[number]} tokens of its own{self._where(number)}"
            key = self._grid.key_of("vocab_size")
            raise InputError(key, f"{told}; sweep the two in separate sweeps, or as pairs in a zip")

    def _check_sum(self, number: int, most: int, what: str = "") -> None:
        if number > most:
            told = f"the initial distributions have {number} numbers{what} together; at most {most} are allowed"
            raise InputError(self._size_key, told)

    def _entry(self, spec: InitialKind, vocab_size: int, model: str, values: dict[str, Any]) -> Entry:
        words = stable_hash("initial", [self._seed, spec.model_dump(), vocab_size])
        key, part = np.array([words >> 32, words & 0xFFFFFFFF], np.uint32), WALKS[model]
        walk = part.make
        with told_in_a_line("process.model", [part.plugin]):
            given = walk.given(spec, vocab_size, key, values, self._grid.given)
            made = walk.of(rows_of(given), given.size, values)
            if given.logits.ndim == 1:
                check_table(made.contexts, given.size)
            return Entry(spec, given, made, walk.end_token(values, given), _pretraining(made, values))

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
    def rows(self) -> np.ndarray:
        """Number of rows that each cell's p0 gives its walk."""
        return np.array([rows_of(entry.given) for entry in self.entries], np.int64)[self.index]

    @property
    def texts(self) -> np.ndarray:
        """A number for the text that each cell's network learns: the same for equal texts; −1 for tables."""
        digests = ["" if entry.given.text is None else entry.given.text.digest for entry in self.entries]
        distinct = sorted(set(digests) - {""})
        return np.array([distinct.index(each) if each else -1 for each in digests], np.int64)[self.index]

    @property
    def end_tokens(self) -> np.ndarray:
        """The number of each cell's end token; −1 if no token ends a trace."""
        return np.array([entry.end_token for entry in self.entries], np.int32)[self.index]

    def fitted(self, index: int, parameters: Parameterisation, walk: Walk, trace_length: int) -> Any:
        """The parameters that come closest to an entry's table: see `parameters.fit`."""
        entry = self.entries[index]
        if entry.pretraining is not None:
            return entry.learned()
        walk = walk.narrowed(entry.given.size)
        name = (index, parameters, walk, trace_length)
        with self._lock:
            if name not in self._fits:
                numbers = Numbers(np.int32(trace_length), np.int32(entry.end_token))
                with arithmetic("float64"):
                    visits = np.asarray(walk.visits(jax.numpy.asarray(entry.table), numbers))
                seed = stable_hash("parameters", [self._seed, repr(parameters)])
                self._fits[name] = fit(parameters, entry.table, visits, seed)
            return self._fits[name]


def _pretraining(walk: Walk, values: Mapping[str, Any]) -> Pretraining | None:
    """What learns the text of a sequence model with these values of its fields."""
    if not isinstance(walk, Sequence):
        return None
    network = PARAMETERISATIONS[values["parameters"]].instance(values)
    if not isinstance(network, Network):
        told = f"{values['parameters']!r} is a table; model = 'sequence' needs a network, such as 'transformer'"
        raise InputError("process.parameters", told)
    network.check()
    return Pretraining(network, walk.context_length, values["pretraining_steps"], values["pretraining_seed"])


def rows_of(given: Distribution) -> int:
    """How many rows an initial distribution has."""
    return 1 if given.logits.ndim == 1 else len(given.logits)


def _read(model: str) -> tuple[str, ...]:
    """The fields that a model's table of p0 depends on."""
    part = WALKS[model]
    chosen = part.fact("start_reads")
    names = tuple(part.arguments) if chosen is None else chosen
    if not part.fact("learns_text"):
        return names
    networks = PARAMETERISATIONS.named(lambda each: getattr(each.make, "reads_windows", False))
    own = (name for network in networks for name in PARAMETERISATIONS[network].arguments)
    return tuple(dict.fromkeys([*names, "parameters", *own]))


def _size(spec: InitialKind, vocab_size: int, model: str, values: dict[str, Any]) -> int:
    """Numbers of the table that an initial distribution becomes, as far as they are known before it is made."""
    if not spec.takes_vocab_size:
        return 0
    rows = WALKS[model].make.size(vocab_size, values)
    check_table(rows, vocab_size)
    return int(rows * vocab_size)
