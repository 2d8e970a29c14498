"""What a process is made of: a static part, which decides shapes and code paths, and numbers, which are traced."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import jax
from jaxtyping import Array, Int32

from jaxcollapse.parameterisations.network import Network
from jaxcollapse.parameterisations.parameterisation import Parameterisation
from jaxcollapse.parameterisations.table import FreeTable
from jaxcollapse.parts.slot import SLOTS, Part
from jaxcollapse.process.fields import TRUNCATIONS
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.training.corpora.corpus import Corpus
from jaxcollapse.training.rewards import MOST_VOTES, REWARDS, draws, has_numbers
from jaxcollapse.training.updates.rule import UpdateRule
from jaxcollapse.walks.sequence import Sequence
from jaxcollapse.walks.walk import Numbers, Walk

_FREE = FreeTable()
Batches = Literal["generator", "corpus", "full", "groups"]
FRESH = ("generator", "groups")  # what steps see is drawn for them, and no corpus is stored


@dataclass(frozen=True)
class Structure:
    """The static part of a process.

    Attributes:
        walk: how a trace moves over the rows of the table.
        tokens: width of the token axis, padding included.
        corpus: what is kept of earlier generations.
        rule: how the model learns.
        infinite_samples: whether a generation has infinitely many traces.
        sampler: how the samples of a generation are counted; None if none are drawn (infinitely many, or minibatches
            straight from the generator).
        batches: what an optimiser step sees: "generator" (fresh traces at every step, which is what one pass over fresh
            data amounts to), "corpus" (a minibatch of the stored corpus), "full" (the whole corpus), or "groups"
            (groups of fresh traces with rewards, the same at every step).
        batch_sampler: how the traces of a minibatch are counted; None for "full" and for draws without replacement.
        optimizer: name of the optimiser.
        schedule: name of the schedule of the learning rate.
        single_step: whether a generation is one optimiser step: without a loop, it shares its softmax with the events.
        carry_optimizer: whether the optimiser's state is carried to the next generation.
        is_on: names of the fields that are switched on.
        terms: names of the terms of the loss, in the order in which they are applied.
        parameters: the map from parameters to the table.
        tracks_visits: whether visited rows are recorded.
        curation: how samples are selected; "none" if they are not.
        reward: name of the reward that they are selected by, or that they are trained with.
        correct: name of the rule for the correct set.
        correct_trace: which tokens of a trace make it correct.
        traces_at_once: number of traces, judged one by one or trained on, that are drawn together; 0 if none are.
        options: names and values of static fields that functions read.
        rows: names of the fields with a number for each token.
        tables: names of the fields with a number for each token of each row.
        numbers: names of the floating-point `Settings` of a trajectory.
        counts: names of the int32 `Settings` of a trajectory.
        texts: numbers of tokens of the texts that a network learns; empty for tables.
        text: digest of their tokens.
        stored_traces: places for the traces of a generation, if they are stored one by one; else 0.
        stored_at_once: number of them that are drawn together.
        replaces: whether minibatches of them are drawn with replacement.
    """

    walk: Walk
    tokens: int
    corpus: Corpus
    rule: UpdateRule
    infinite_samples: bool
    sampler: Method | None = None
    batches: Batches = "full"
    batch_sampler: Method | None = None
    optimizer: str = "sgd"
    schedule: str = "constant"
    single_step: bool = False
    carry_optimizer: bool = True
    is_on: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    parameters: Parameterisation = field(default=_FREE)
    tracks_visits: bool = False
    curation: str = "none"
    reward: str = "likelihood"
    correct: str = "head"
    correct_trace: str = "all"
    traces_at_once: int = 0
    options: tuple[tuple[str, Any], ...] = ()
    rows: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    texts: tuple[int, ...] = ()
    text: str = ""
    stored_traces: int = 0
    stored_at_once: int = 0
    replaces: bool = False

    @property
    def reads(self) -> tuple[int, int]:
        """Number of windows with probes, and of their tokens; 0 and 0 if there is no network."""
        return (self.walk.windows, self.walk.context_length) if isinstance(self.walk, Sequence) else (0, 0)

    @property
    def elements(self) -> int:
        """How many numbers of a trajectory a step works on: a table; or parameters, and what is kept of traces."""
        if not isinstance(self.parameters, Network):
            return self.tokens * self.walk.contexts
        places = self.reads[1]
        of_trace = self.parameters.kept(places) + 2 * places * self.tokens
        return self.parameters.numbers(places, self.tokens) + self.traces_at_once * of_trace

    @property
    def shapes(self) -> Any:
        """The shapes of the parameters."""
        if isinstance(self.parameters, Network) and isinstance(self.walk, Sequence):
            return self.parameters.sizes(self.walk.context_length, self.tokens)
        return self.parameters.shapes(self.walk.contexts, self.tokens)

    @property
    def shape(self) -> str:
        """The shape of the table in words: "rows × tokens", or the number of tokens if there is one row."""
        return f"{self.walk.contexts} × {self.tokens}" if self.walk.is_structured else str(self.tokens)

    @property
    def is_refit(self) -> bool:
        """Whether it is fitted by maximum likelihood."""
        return self.rule.part == "refit"

    @property
    def rejects(self) -> bool:
        """Whether a verifier rejects samples before training."""
        has_rates = "true_positive_rate" in self.is_on or "false_positive_rate" in self.is_on
        return has_rates and not self.rule.is_rewarded

    @property
    def reads_scores(self) -> bool:
        """Whether traces have rewards that are numbers for each token."""
        return (self.rule.is_rewarded or self.curation != "none") and has_numbers(self.reward)

    @property
    def judges(self) -> Literal["reward", "verifier", "nothing"]:
        """What gives traces a reward whose mean is known; a verifier that selects gives 1 to those that it accepts."""
        if not (self.rule.is_rewarded or self.curation != "none"):
            return "verifier" if self.rejects else "nothing"
        if REWARDS[self.reward].fact("is_of_group"):
            is_small = dict(self.options)["group_size"] <= MOST_VOTES
            return "reward" if is_small and (self.walk.is_of_tokens or self.walk.knows_answers) else "nothing"
        return "nothing" if draws(self.reward) else "reward"

    @property
    def is_sampled_refit(self) -> bool:
        """Whether it is fitted to finitely many samples, so that a token that is not drawn is lost."""
        return self.is_refit and not self.infinite_samples

    @property
    def truncations(self) -> tuple[str, ...]:
        """The truncations in use, in the order in which they cut."""
        return tuple(name for name in TRUNCATIONS if name in self.is_on)

    @property
    def fresh_data(self) -> bool:
        """Whether there are real data."""
        return "fresh_fraction" in self.is_on

    @property
    def chosen(self) -> dict[str, str]:
        """The parts of slots with one choice, by the field that chooses."""
        named: dict[str, Any] = {
            "model": self.walk,
            "parameters": self.parameters,
            "corpus": self.corpus,
            "update": self.rule,
        }
        names = {"optimizer": self.optimizer, "schedule": self.schedule}
        selected = {"curation": self.curation, "reward": self.reward} if self.curation != "none" else {}
        if self.rule.is_rewarded:
            selected["reward"] = self.reward
        return {slot: part.part for slot, part in named.items()} | names | selected

    @property
    def is_fusible(self) -> bool:
        """Whether native code runs whole generations of this process."""
        how = self.sampler or self.batch_sampler
        if self.walk.is_structured or not self.parameters.is_free or self.terms:
            return False
        if how is None or not how.native or self.curation != "none":
            return False
        if self.batches == "groups":  # they have a sampler only where native code draws them
            return True
        if self.is_on:
            return False
        if self.is_refit:
            return self.corpus.part == "replace"
        plain = self.optimizer == "sgd" and self.schedule == "constant" and self.rule.part == "gradient"
        return plain and self.batches == "generator"

    @property
    def only_tempers(self) -> bool:
        """Whether a generation puts the model at another temperature, and nothing else: the refit to infinitely many
        samples of it. Then the temperature is a scale that is kept apart.
        """
        plain = set(self.is_on) <= {"collapsed_start", "evaluation_temperature"} and self.curation == "none"
        return self.is_refit and self.infinite_samples and self.corpus.part == "replace" and plain

    @property
    def absorbs(self) -> bool:
        """Whether a model with one token left never changes again."""
        plain = not self.walk.is_structured and set(self.is_on) <= {*TRUNCATIONS, "mixing"} and self.curation == "none"
        return self.is_refit and self.corpus.part == "replace" and plain

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts that this process consists of."""
        chosen = [SLOTS[slot][name] for slot, name in self.chosen.items()]
        return (*chosen, *(SLOTS["loss_term"][name] for name in self.terms))


@jax.tree_util.register_pytree_with_keys_class
class Settings(dict[str, Any]):
    """The numbers of a process by the names of fields, also as attributes: counts are int32, the rest floating point.

    Numbers that a process does not use are finite placeholders. To native code, which trains whole generations, a
    `batch_size` of 0 means infinitely many fresh traces.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def tree_flatten_with_keys(self) -> tuple[list[tuple[Any, Any]], tuple[str, ...]]:
        """For JAX: the numbers with their names as keys, in the order of the names."""
        names = tuple(sorted(self))
        return [(jax.tree_util.DictKey(name), self[name]) for name in names], names

    def tree_flatten(self) -> tuple[list[Any], tuple[str, ...]]:
        """The values in the order of their sorted names, and these names."""
        names = tuple(sorted(self))
        return [self[name] for name in names], names

    @classmethod
    def tree_unflatten(cls, names: tuple[str, ...], numbers: Any) -> "Settings":
        """For JAX: the settings with these names and numbers."""
        return cls(zip(names, numbers, strict=True))

    @property
    def traces(self) -> Numbers:
        """The numbers that walks read: the trace length and the end token."""
        return Numbers(self.trace_length, self.end_token)


class Loops(NamedTuple):
    """Numbers of iterations, the same for all trajectories of a device call.

    Attributes:
        steps: optimiser steps of a generation.
        sample_blocks: blocks of draws for the samples of a generation.
        batch_blocks: blocks of draws for a minibatch.
        places: draws of a trace that is judged as a whole; 0 if none is.
        candidates: number of such traces that one is chosen from; 0 if none is.
    """

    steps: Int32[Array, ""]
    sample_blocks: Int32[Array, ""]
    batch_blocks: Int32[Array, ""]
    places: Int32[Array, ""]
    candidates: Int32[Array, ""]
