"""Sequence models: a network reads all tokens of a trace before the next one, so that no table has a row for each.

The network is seen through *probes*: the rows of its table are contexts of held-out text, the same for all generations.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.labels import as_names
from jaxcollapse.errors import InputError
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Whole
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.walk import END_TOKEN, Counts, Numbers, Table, Visits, Walk
from jaxcollapse.walks.walk import Whole as Number

Texts = Int32[Array, "text place"]
Openings = tuple[Float[Array, "text opening token"], Bool[Array, "text opening"]]
_SHOWN = 24  # tokens of a context in its name
START = "(start)"


class Author(NamedTuple):
    """What can be asked of a network, apart from its logits at the probes.

    Attributes:
        texts: draws texts at temperature 1, by a key, their number and their length; −1 after their end.
        openings: logits of so many tokens after the prompts of texts, given those before, and whether there is one.
        held_out: the token that follows each probe in the held-out text.
        likelihoods: ln p of a token in each of the learned texts, after another; None if nothing reads it.
        prompt: number of tokens that a text begins with, and that the network has not drawn.
    """

    texts: Callable[[bits.Key, int, int], Texts]
    openings: Callable[[Texts, int], Openings]
    held_out: Int32[Array, " probe"]
    likelihoods: Float[Array, "source before token"] | None
    prompt: int


@WALKS.adds(
    END_TOKEN,
    Field(
        name="context_length",
        type=Whole,
        default=64,
        description="Sequence: number of tokens that the network reads; a trace fills them, after its prompt.",
        label="context length",
        units="token",
    ),
    Field(
        name="prompt_length",
        type=int,
        default=0,
        description="Sequence: number of tokens of the text that each trace begins with; they are not trained on.",
        label="length of prompts",
        units="token",
        limits={"ge": 0, "le": 2**16},
        is_off=True,
    ),
    Field(
        name="probes",
        type=Whole,
        default=128,
        description="Sequence: number of contexts of held-out text at which the network is measured.",
        label="number of probes",
        kind="shape",
    ),
    Field(
        name="pretraining_steps",
        type=int,
        default=2000,
        description="Sequence: number of steps by which the network learns the text before generation 0.",
        label="steps of pre-training",
        limits={"ge": 0, "le": 10_000_000},
        kind="shape",
    ),
    Field(
        name="pretraining_seed",
        type=int,
        default=0,
        description="Sequence: seed of pre-training.",
        label="seed of pre-training",
        limits={"ge": 0, "le": 2**31 - 1},
        kind="shape",
        is_off=True,
    ),
    defaults={"parameters": "transformer"},
)
@dataclass(frozen=True)
class Sequence(Walk):
    """Each row is a probe: a context of held-out text, of as many tokens as a trace has before one that it draws.

    probes: number of rows. context_length: tokens that the network reads. prompt_length: those of them that are given.
    """

    probes: int
    context_length: int
    prompt_length: int
    learns_text: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("end_token", "pretraining_steps", "pretraining_seed")
    start_reads: ClassVar[tuple[str, ...]] = (
        *("end_token", "context_length", "prompt_length", "probes", "pretraining_steps", "pretraining_seed"),
    )

    @classmethod
    def given(
        cls, spec: InitialKind, vocab_size: int, key: np.ndarray, values: Mapping[str, Any], asked: Collection[str]
    ) -> Distribution:
        """The text, and a row for each probe."""
        given, places = spec.learned(values["probes"]), values["context_length"]
        if values["prompt_length"] >= places:
            told = f"{values['prompt_length']}: must be less than context_length = {places}"
            raise InputError("process.prompt_length", told)
        assert given.text is not None
        given.text.check(places, "process.context_length")
        return given

    @classmethod
    def of(cls, rows: int, tokens: int, values: Mapping[str, Any]) -> Walk:
        """A probe for each row."""
        return cls(rows, values["context_length"], values["prompt_length"])

    @classmethod
    def size(cls, vocab_size: int, values: Mapping[str, Any]) -> int:
        """A row for each probe."""
        return int(values["probes"])

    @classmethod
    def end_token(cls, values: Mapping[str, Any], given: Distribution) -> int:
        """The number of the field's token; −1 if there is none."""
        token: int | str | None = values["end_token"]
        return -1 if token is None else given.number_of(token, "process.end_token")

    def __str__(self) -> str:
        prompt = f", prompts of {self.prompt_length}" if self.prompt_length else ""
        return f"sequences of {self.context_length}{prompt}, {self.probes} probes"

    @property
    def contexts(self) -> int:
        """Number of probes."""
        return self.probes

    @property
    def drawn(self) -> int:
        """Number of tokens of a trace that are drawn: those after its prompt."""
        return self.context_length - self.prompt_length

    @property
    def windows(self) -> int:
        """Number of windows of held-out text that have all probes, one at each place where a token is drawn."""
        return -(-self.probes // self.drawn)

    def names(self, given: Distribution) -> np.ndarray | None:
        """Names of the probes: the last tokens of each context, and a number where several have the same."""
        assert given.text is not None
        labels = np.arange(given.size).astype(str) if given.labels is None else given.labels
        between = "" if all(len(str(label)) == 1 for label in labels) else " "
        windows = given.text.held_out_windows(self.windows, self.context_length)
        contexts = [window[:place] for window in windows for place in range(self.prompt_length, self.context_length)]
        told = [between.join(map(str, labels[context[-_SHOWN:]])) or START for context in contexts[: self.probes]]
        before: Counter[str] = Counter()
        for place, name in enumerate(told):
            before[name] += 1
            told[place] = name if before[name] == 1 else f"{name} ({before[name]})"
        return as_names(told)

    def sample(
        self,
        key: bits.Key,
        urn: Table,
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
        numbers: Numbers,
    ) -> Counts:
        """A network's traces are not counts of rows: `process/sequences.py` draws them."""
        raise NotImplementedError("traces of a network are drawn by the process")

    def visits(self, table: Table, numbers: Numbers) -> Visits:
        """All probes alike: one of them for each token that a trace draws."""
        return jnp.full(self.probes, self.drawn / self.probes, table.dtype)

    def pairs(self, numbers: Numbers) -> Number:
        """The tokens that are drawn."""
        return np.int32(self.drawn)
