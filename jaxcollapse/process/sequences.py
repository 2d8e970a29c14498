"""Self-training of networks: traces are drawn token by token, and trained on, block by block.

Each trace has a key of its own, so that how many are drawn at once has no influence on any of them. What a step learns
from is a table, too: its rows are the places of the traces of a block, and update rules, terms of the loss and
optimisers work on it as on any other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, Integer, UInt32

from jaxcollapse.distributions.learned_text import begins_of
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.process.emission import Emission, correct_tokens, is_due
from jaxcollapse.process.groups import Groups, compared
from jaxcollapse.process.judge import Judge
from jaxcollapse.process.minibatches import sees_sign, shares_of
from jaxcollapse.process.one_by_one import Judgement, Keys, keys_of
from jaxcollapse.process.self_training import Process
from jaxcollapse.process.structure import Loops, Settings, Structure
from jaxcollapse.process.whole_traces import PATIENCE
from jaxcollapse.sampling import bits, tree, truncation
from jaxcollapse.sampling.choice import CHOICES, happens, nobody
from jaxcollapse.sampling.octaves import Scaled
from jaxcollapse.sampling.temperature import temper
from jaxcollapse.training.advantages import Advantages
from jaxcollapse.training.batch import Batch, Table, finite
from jaxcollapse.training.corpora.window import Window
from jaxcollapse.training.updates.policy_gradient import PolicyGradient
from jaxcollapse.training.updates.rule import Rest, Slope, State, Training
from jaxcollapse.walks.sequence import Author, Openings, Sequence

Traces = Int32[Array, "trace place"]
Number = Int32[Array, " trace"]
Laws = Float[Array, "trace token"]
_TOKENS, _PROMPT, _REAL, _IS_REAL, _CHOSEN, _SCORED, _PASSED, _WINS = range(8)  # what words of a trace are for
_PURPOSES = 8


class Reading(NamedTuple):
    """What a network reads, the same for all trajectories of a program.

    Attributes:
        text: tokens for training, of one text after the other [place].
        probes: windows of held-out tokens [window, place].
        likelihoods: ln p of a token in each of the texts, after another; None if no observable reads it.
    """

    text: Int32[Array, " place"]
    probes: Int32[Array, "window place"]
    likelihoods: Float[Array, "source before token"] | None = None


@dataclass(frozen=True)
class SequenceProcess(Process):
    """Self-training of a network that has learned a text.

    Attributes:
        reading: the text.
    """

    reading: Reading

    @classmethod
    def of_text(
        cls,
        structure: Structure,
        settings: Settings,
        loops: Loops,
        given: Table,
        learned: Any,
        rows: Mapping[str, Float[Array, "..."]],
        reading: Reading,
        key: bits.Key,
    ) -> "SequenceProcess":
        """The process of a trajectory with this key, of a network with these parameters.

        `given` has −∞ for tokens that are padding.
        """
        values, possible = {**dict(structure.options), **settings, **rows}, given > -jnp.inf
        initial = _probed(structure, learned, reading, possible)
        correct = correct_tokens(structure, settings, initial, values, key)
        emission = Emission(structure, settings, loops, initial, initial, values, correct)
        original = shares_of(structure.walk, structure.walk.visits(initial, settings.traces))
        starts = learned, learned, initial, initial
        return cls(structure, settings, loops, values, *starts, original, possible, emission, reading)

    @property
    def network(self) -> Network:
        """The map from windows to logits."""
        network = self.structure.parameters
        assert isinstance(network, Network)
        return network

    @property
    def walk(self) -> Sequence:
        """How long traces are, and what their prompts are."""
        walk = self.structure.walk
        assert isinstance(walk, Sequence)
        return walk

    def _untrained(self, parameters: Any) -> State:
        """A network of these parameters, without a past."""
        memory = self._rule.init(parameters, self._descent(jnp.int32(0))) if self.structure.carry_optimizer else None
        return State(parameters, memory, self._no_traces, jnp.int32(0), None, None)

    def scaled(self, state: State) -> Scaled:
        """Logits of the network at the probes."""
        return Scaled(_probed(self.structure, state.parameters, self.reading, self.possible), None)

    def step(self, key: bits.Key, state: State) -> State:
        """One generation: traces of the present network, and steps on them."""
        source = self.origin if "generator" in self.structure.is_on else state.parameters
        judge = Judge(self.structure, self.emission, self.possible[:1], state.parameters, self.origin)
        drawing = Drawing(self, source, self._real_share(state.generation), judge=judge)
        state = self._reset(state)
        lesson = self._lesson(drawing, key, state)
        if isinstance(self.structure.corpus, Window):
            place = state.generation % self.structure.corpus.window
            state = state._replace(corpus=state.corpus.at[place].set(lesson.drawn.astype(state.corpus.dtype)))
            lesson = replace(lesson, kept=state.corpus)
        state = self._rule.step(lesson, state)
        return state._replace(generation=state.generation + 1)

    @property
    def _no_traces(self) -> Integer[Array, "generation trace place"] | None:
        """Room for the traces of the last generations, in the smallest type that has all tokens, and −1."""
        structure = self.structure
        if not isinstance(structure.corpus, Window):
            return None
        small = next(each for each in (np.int8, np.int16, np.int32) if structure.tokens <= np.iinfo(each).max)
        return jnp.full((structure.corpus.window, structure.stored_traces, self.walk.context_length), -1, small)

    def _lesson(self, drawing: "Drawing", key: bits.Key, state: State) -> "Lesson":
        no_table: dict[str, Any] = dict.fromkeys(("corpus", "take", "rest"))
        made = GroupLesson if self.structure.batches == "groups" else Lesson
        return made(**self._of_generation(state), **no_table, drawing=drawing, key=key, generation=state.generation)

    def _real_share(self, generation: Int32[Array, ""]) -> Float[Array, ""] | None:
        if not self.structure.fresh_data:
            return None
        share = self.settings.fresh_fraction
        is_now = "fresh_every" not in self.structure.is_on or is_due(generation, self.settings.fresh_every)
        return jnp.where(is_now, share, 0)

    def author(self, state: State) -> Author:
        """The network as one that writes and reads texts."""
        given = self.walk.prompt_length
        drawing = Drawing(self, state.parameters, None, tempers=False)

        def texts(key: bits.Key, number: int, length: int) -> Traces:
            found = drawing.of(key, jnp.arange(number, dtype=jnp.int32), min(length, self.walk.context_length))
            return jnp.pad(found, ((0, 0), (0, length - found.shape[1])), constant_values=-1)

        def openings(texts: Traces, number: int) -> Openings:
            begun = texts[:, : min(given + number, self.walk.context_length)]
            laws = self.network.next_tokens(state.parameters, jnp.maximum(begun, 0))[:, given:]
            return jnp.where(self.possible[:1], laws, -jnp.inf), begun[:, given:] >= 0

        held_out = self.reading.probes[:, given:].reshape(-1)[: self.walk.probes]
        return Author(texts, openings, held_out, self.reading.likelihoods, given)


@dataclass(frozen=True)
class Drawing:
    """Where the traces of a generation come from.

    Attributes:
        process: the process that draws them.
        parameters: of the network that draws them.
        real: probability that a trace is a window of the text; None if there are no real data.
        tempers: whether they are drawn at the process's temperature, and truncated.
        judge: how they are judged; None if they are not.
    """

    process: SequenceProcess
    parameters: Any
    real: Float[Array, ""] | None
    tempers: bool = True
    judge: Judge | None = None

    def of(self, key: bits.Key, number: Number, places: int) -> Traces:
        """The traces of these numbers, their first tokens; −1 after their end."""
        if not self._rejects:
            return self.with_real(key, number, self._chosen(key, number, places)[0])
        found, passes = self._verified(key, number, places)
        return self.with_real(key, number, jnp.where(passes[:, jnp.newaxis], found, -1))

    @property
    def waits(self) -> bool:
        """Whether traces are drawn until a verifier has accepted enough of them, so that they come in turn."""
        return self._rejects and "budget" not in self.process.structure.is_on

    def accepted(self, key: bits.Key, number: Int32[Array, ""]) -> Traces:
        """So many traces that a verifier accepts, in the order of their attempts; empty ones in places beyond."""
        structure, places = self.process.structure, self.process.walk.context_length
        at_once, capacity = structure.stored_at_once or structure.traces_at_once, structure.stored_traces

        def block(so_far: _Attempts) -> _Attempts:
            attempt = so_far.number + jnp.arange(at_once, dtype=jnp.int32)
            found, passes = self._verified(key, attempt, places)
            accepted = so_far.accepted + jnp.cumsum(passes, dtype=jnp.int32)
            is_kept = passes | (attempt // PATIENCE > accepted - passes.astype(jnp.int32))
            place = so_far.kept + jnp.cumsum(is_kept, dtype=jnp.int32)
            where = jnp.where(is_kept & (place <= number), place - 1, capacity)
            stored = so_far.stored.at[where].set(found, mode="drop")
            return _Attempts(so_far.number + at_once, accepted[-1], jnp.minimum(place[-1], number), stored)

        nothing, empty = jnp.int32(0), jnp.full((capacity, places), -1, jnp.int32)
        start = _Attempts(nothing, nothing, nothing, empty)
        stored = jax.lax.while_loop(lambda so_far: so_far.kept < number, block, start).stored
        return self.with_real(key, jnp.arange(capacity, dtype=jnp.int32), stored)

    def with_real(self, key: bits.Key, number: Number, found: Traces) -> Traces:
        """Traces of these numbers; real ones take the place of some."""
        if self.real is None:
            return found
        places = found.shape[1]
        high, low = keys_of(key, number, jnp.full_like(number, _IS_REAL))
        is_real = bits.uniform(high, low, self.real.dtype) <= self.real
        return jnp.where(is_real[:, jnp.newaxis], self._ended(self._windows(key, number, _REAL)[:, :places]), found)

    def _verified(self, key: bits.Key, number: Number, places: int) -> tuple[Traces, Bool[Array, " trace"]]:
        """Traces, and whether a verifier accepts them."""
        found, is_correct = self._chosen(key, number, places)
        return found, self._uniform(key, number, _PASSED) <= self.process.emission.rates.of(is_correct)

    def _chosen(self, key: bits.Key, number: Number, places: int) -> tuple[Traces, Bool[Array, " trace"]]:
        """Traces that are chosen among candidates for the same prompt, if they are; and whether they are correct."""
        process, judge, curation = self.process, self.judge, self.process.structure.curation
        prompts = self._windows(key, number // self._alike, _PROMPT)

        def candidate(index: Array) -> Traces:
            return self._drawn(self._words(key, number, _TOKENS, index), prompts, places)

        def judged(found: Traces, index: Array) -> Judgement:
            assert judge is not None
            return judge.judged(found, self._words(key, number, _SCORED, index))

        first, all_correct = jnp.int32(0), jnp.ones(number.shape, bool)
        if judge is None or curation == "none":
            found = candidate(first)
            return found, judged(found, first).is_correct if self._rejects else all_correct

        def compare(index: Array, best: tuple[Any, Traces, Array]) -> tuple[Any, Traces, Array]:
            standing, traces, was_correct = best
            found = candidate(index)
            verdict = judged(found, index)
            standing, log_odds = CHOICES[curation](standing, verdict.score)
            wins = happens(self._uniform(key, number, _WINS, index), log_odds)
            is_correct = jnp.where(wins, verdict.is_correct, was_correct)
            return standing, jnp.where(wins[:, jnp.newaxis], found, traces), is_correct

        standing = nobody(jnp.zeros(number.shape, process.initial.dtype))
        start = standing, jnp.full((len(number), places), -1, jnp.int32), all_correct
        return jax.lax.fori_loop(0, process.loops.candidates, compare, start)[1:]

    def _words(self, key: bits.Key, number: Number, what: int, candidate: Array) -> Keys:
        """Two random words for each trace, for some purpose; other ones for each candidate."""
        return keys_of(key, number, jnp.full_like(number, what) + _PURPOSES * candidate.astype(jnp.int32))

    def _uniform(self, key: bits.Key, number: Number, what: int, candidate: Array | int = 0) -> Float[Array, " trace"]:
        high, low = self._words(key, number, what, jnp.asarray(candidate, jnp.int32))
        return bits.uniform(high, low, self.process.initial.dtype)

    @property
    def _rejects(self) -> bool:
        return self.process.structure.rejects and self.judge is not None

    def _drawn(self, keys: Keys, prompts: Traces, places: int) -> Traces:
        """Traces, one for each key, token by token after their prompts."""
        process, traces = self.process, keys.shape[1]
        given, possible = process.walk.prompt_length, process.possible[:1]

        def place(carry: tuple[Any, Number], index: Array) -> tuple[tuple[Any, Number], Number]:
            memory, token = carry
            logits, memory = process.network.following(self.parameters, memory, index, jnp.maximum(token, 0))
            logits = self.sampled(jnp.where(possible, logits, -jnp.inf))
            forest = jax.vmap(tree.build)(jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True)))
            first = jnp.arange(traces, dtype=jnp.int32) * forest.shape[1]
            place = jnp.full(traces, index, jnp.uint32)
            drawn = tree.draw(keys, forest.reshape(-1), logits.shape[1], place, first)
            is_over = (index > given) & ((token == process.settings.end_token) | (token < 0))
            following = jnp.where(is_over, -1, jnp.where(index < given, prompts[:, index], drawn))
            return (memory, following), following

        begin = process.network.memory(self.parameters, traces, places), jnp.zeros(traces, jnp.int32)
        return jax.lax.scan(place, begin, jnp.arange(places, dtype=jnp.int32))[1].T

    @property
    def _alike(self) -> int:
        """How many traces, one after the other, have the same prompt: those of a group."""
        rule = self.process.structure.rule
        return rule.group_size if isinstance(rule, PolicyGradient) and self.judge is not None else 1

    def sampled(self, logits: Laws) -> Laws:
        """What is drawn from: at the sampling temperature, and truncated."""
        structure, settings = self.process.structure, self.process.settings
        if not self.tempers:
            return logits
        logits = temper(logits, settings.temperature)
        for name in structure.truncations:
            logits = jax.vmap(getattr(truncation, name), in_axes=(0, None))(logits, getattr(settings, name))
        return logits

    def _windows(self, key: bits.Key, number: Number, what: int) -> Traces:
        """A window of the text for each trace, all of them equally likely."""
        process = self.process
        places = process.walk.context_length
        begins = jnp.asarray(begins_of(process.structure.texts, places))
        first = begins[_below(keys_of(key, number, jnp.full_like(number, what)), jnp.int32(len(begins)))]
        return process.reading.text[first[:, jnp.newaxis] + jnp.arange(places, dtype=jnp.int32)[jnp.newaxis]]

    def _ended(self, traces: Traces) -> Traces:
        """Traces up to their end token."""
        place = jnp.arange(traces.shape[1], dtype=jnp.int32)[jnp.newaxis]
        is_end = (traces == self.process.settings.end_token) & (place >= self.process.walk.prompt_length)
        return jnp.where(jnp.cumsum(is_end, axis=1, dtype=jnp.int32) > is_end.astype(jnp.int32), -1, traces)


class _Attempts(NamedTuple):
    """How far the drawing of traces has come that a verifier accepts.

    Attributes:
        number: traces drawn so far.
        accepted: those of them that the verifier accepts.
        kept: those of them that are stored.
        stored: traces that are accepted, one after the other [trace, place].
    """

    number: Int32[Array, ""]
    accepted: Int32[Array, ""]
    kept: Int32[Array, ""]
    stored: Traces


class Order(NamedTuple):
    """In which order stored traces are used, each once, before any is used again.

    Attributes:
        stored: the traces of the generation, or of the last ones [trace, place].
        order: their numbers, in the order in which they are used; places without a trace come last.
        used: how many of them have been.
        number: how many there are.
    """

    stored: Integer[Array, "trace place"]
    order: Number
    used: Int32[Array, ""]
    number: Int32[Array, ""]


@dataclass(frozen=True)
class Lesson(Training):
    """What there is to learn from in a generation of traces: each step sees some of them, block by block.

    Attributes:
        drawing: where the traces come from.
        key: of the random numbers of the generation.
        generation: its number, from 0.
        kept: the traces of the last generations, this one included; None if each generation has its own alone.
    """

    drawing: Drawing
    key: bits.Key
    generation: Int32[Array, ""]
    kept: Integer[Array, "generation trace place"] | None = None

    @property
    def first(self) -> Rest:
        """What is unused before the first step: all stored traces; None if each step draws its own."""
        process = self.drawing.process
        if process.structure.batches == "generator":
            return None
        number, stored = process.settings.samples, self.drawn if self.kept is None else self.kept
        order = jnp.arange(stored.shape[-2], dtype=jnp.int32)
        if self.kept is not None:
            window = jnp.arange(len(self.kept), dtype=jnp.int32)[:, jnp.newaxis]
            is_there = (window <= self.generation) & (order < number)[jnp.newaxis]
            stored, order = stored.reshape(-1, stored.shape[-1]), jnp.argsort(~is_there.reshape(-1)).astype(jnp.int32)
            number = number * jnp.minimum(self.generation + 1, len(self.kept))
        return Order(stored, order, jnp.where(process.structure.batches == "full", 0, number), number)

    @property
    def drawn(self) -> Traces:
        """All traces of the generation."""
        process = self.drawing.process
        at_once, places = process.structure.stored_at_once, process.walk.context_length
        own, capacity = bits.fold_in(self.key, 0), process.structure.stored_traces

        def block(index: Array, stored: Traces) -> Traces:
            begin = (index * at_once).astype(jnp.int32)
            drawn = self.drawing.of(own, begin + jnp.arange(at_once, dtype=jnp.int32), places)
            return jax.lax.dynamic_update_slice_in_dim(stored, drawn, begin, axis=0)

        empty = jnp.full((capacity, places), -1, jnp.int32)
        if self.drawing.waits:
            return self.drawing.accepted(own, process.settings.samples)
        stored: Traces = jax.lax.fori_loop(0, process.loops.sample_blocks, block, empty)
        return stored

    def gradient(self, parameters: Any, index: Array, rest: Rest, slope: Slope) -> tuple[Any, Rest, None]:
        """The gradient of a step's loss: the mean over the tokens of all blocks of its traces."""
        process = self.drawing.process
        structure, settings = process.structure, process.settings
        own, at_once = bits.fold_in(self.key, index + 1), structure.traces_at_once
        takes_turns = structure.batches == "corpus" and not structure.replaces
        if takes_turns:
            rest = self._reordered(own, rest)
        is_whole = structure.batches == "full"
        number = rest.number if is_whole else settings.batch_size
        seen = self.drawing.accepted(own, number) if rest is None and self.drawing.waits else rest

        def block(place: Array, carry: tuple[Any, Array]) -> tuple[Any, Array]:
            total, tokens = carry
            slot = (place * at_once + jnp.arange(at_once, dtype=jnp.int32)).astype(jnp.int32)
            traces = jnp.where((slot < number)[:, jnp.newaxis], self._traces(own, slot, seen), -1)
            found, here = self._of_block(parameters, traces, slope, slot, rest)
            return jax.tree.map(lambda old, new: old + here * new, total, found), tokens + here

        blocks = process.loops.batch_blocks
        nothing = jax.tree.map(jnp.zeros_like, parameters), jnp.zeros((), process.initial.dtype)
        total, tokens = jax.lax.fori_loop(0, blocks, block, nothing)
        if takes_turns:
            rest = rest._replace(used=rest.used + number)
        return jax.tree.map(lambda each: each / jnp.maximum(tokens, 1), total), rest, None

    def _traces(self, key: bits.Key, slot: Number, rest: Rest) -> Traces:
        """The traces in these slots of a step."""
        process = self.drawing.process
        if rest is None:
            return self.drawing.of(key, slot, process.walk.context_length)
        if not isinstance(rest, Order):
            accepted: Traces = rest[jnp.minimum(slot, len(rest) - 1)]
            return accepted
        if process.structure.replaces:
            chosen = rest.order[_below(keys_of(key, slot, jnp.full_like(slot, _CHOSEN)), rest.number)]
        else:
            chosen = rest.order[jnp.minimum(rest.used + slot, len(rest.order) - 1)]
        return rest.stored[chosen].astype(jnp.int32)

    def _reordered(self, key: bits.Key, rest: Order) -> Order:
        """A new order where too few are unused for one more step."""
        process, places = self.drawing.process, jnp.arange(len(rest.order), dtype=jnp.int32)
        number, size = rest.number, process.settings.batch_size
        high, low = keys_of(key, places, jnp.full_like(places, _CHOSEN))
        is_empty = jnp.zeros(len(places), bool).at[rest.order].set(places >= number)  # those come last in any order
        _, _, _, new = jax.lax.sort((is_empty, high, low, places), num_keys=3)
        is_new = rest.used + size > number
        return rest._replace(order=jnp.where(is_new, new, rest.order), used=jnp.where(is_new, 0, rest.used))

    def _of_block(
        self, parameters: Any, traces: Traces, slope: Slope, slot: Number, rest: Rest
    ) -> tuple[Any, Float[Array, ""]]:
        """The gradient of the mean over the tokens of a block, and their number."""
        process = self.drawing.process
        given, windows = process.walk.prompt_length, jnp.maximum(traces, 0)
        tokens = traces[:, given:].reshape(-1)
        possible = jnp.broadcast_to(process.possible[:1], (len(tokens), process.structure.tokens))

        def rows(parameters: Any) -> Table:
            logits = process.network.next_tokens(parameters, windows)[:, given:]
            return jnp.where(possible, logits.reshape(possible.shape), -jnp.inf)

        logits, pull_back = jax.vjp(rows, parameters)
        counts = jax.nn.one_hot(tokens, logits.shape[1], dtype=jnp.int32)
        here = jnp.sum(tokens >= 0, dtype=jnp.int32).astype(logits.dtype)
        shares = (tokens >= 0).astype(logits.dtype) / jnp.maximum(here, 1)
        batch = Batch(
            logits,
            rows(process.origin),
            shares,
            shares,
            counts,
            sees_sign=sees_sign(process.structure),
            may_be_empty=True,
        )
        return pull_back(slope(self._rewarded(batch, rows, slot, rest)))[0], here

    def _rewarded(self, batch: Batch, rows: Callable[[Any], Table], slot: Number, rest: Rest) -> Batch:
        """A block with the rewards of the traces in these slots: as a rule they have none."""
        return batch


class Graded(NamedTuple):
    """Traces with rewards.

    Attributes:
        stored: the traces of the generation [trace, place].
        advantage: how much better than its group each of them did.
    """

    stored: Traces
    advantage: Float[Array, " trace"]


class GroupLesson(Lesson):
    """Groups of traces with rewards, the same at every step."""

    @property
    def first(self) -> Graded:
        """The traces of the generation, and their advantages."""
        process, judge = self.drawing.process, self.drawing.judge
        assert judge is not None
        structure, own = process.structure, bits.fold_in(self.key, 0)
        number, at_once = structure.stored_traces, structure.stored_at_once

        def block(number: Number) -> tuple[Traces, Judgement]:
            traces = self.drawing.of(own, number, process.walk.context_length)
            return traces, judge.judged(traces, keys_of(own, number, jnp.full_like(number, _SCORED)))

        numbers = jnp.arange(-(-number // at_once) * at_once, dtype=jnp.int32)
        found = jax.lax.map(block, numbers.reshape(-1, at_once))
        traces, verdict = jax.tree.map(lambda each: each.reshape(-1, *each.shape[2:])[:number], found)

        def uniform() -> Float[Array, " trace"]:
            high, low = keys_of(own, numbers[:number], jnp.full(number, _PASSED, jnp.int32))
            return bits.uniform(high, low, process.initial.dtype)

        groups = Groups(**compared(process.emission, process.initial))
        return Graded(traces, groups.advantages(groups.of(verdict, uniform)))

    def _traces(self, key: bits.Key, slot: Number, rest: Graded) -> Traces:
        found: Traces = rest.stored[jnp.minimum(slot, len(rest.stored) - 1)]
        return found

    def _rewarded(self, batch: Batch, rows: Callable[[Any], Table], slot: Number, rest: Graded) -> Batch:
        """Adds the advantage of each trace, at its tokens, and the probabilities that ratios are taken to."""
        process, judge, counts = self.drawing.process, self.drawing.judge, batch.counts
        structure, rule, temperature = process.structure, process.structure.rule, process.settings.temperature
        assert isinstance(rule, PolicyGradient)
        assert judge is not None
        assert counts is not None
        own = rest.advantage[jnp.minimum(slot, len(rest.advantage) - 1)]
        each = jnp.repeat(own, len(counts) // len(own))[:, jnp.newaxis]
        at_tokens = counts.astype(each.dtype) * batch.shares[:, jnp.newaxis]
        advantages = Advantages(at_tokens * jnp.maximum(each, 0), at_tokens * jnp.minimum(each, 0))
        old: Table | None = None
        if rule.sampling_correction == "importance":
            old = self.drawing.sampled(rows(self.drawing.parameters))
        elif not structure.single_step:
            old = rows(judge.model) / (temperature if rule.sampling_correction == "tempered" else 1)
        sampled = None if old is None else finite(jax.nn.log_softmax(old, axis=-1))
        return replace(batch, advantages=advantages, sampled=sampled, temperature=temperature)


def _probed(structure: Structure, parameters: Any, reading: Reading, possible: Bool[Array, "context token"]) -> Table:
    """Logits at the probes: all places of the windows where a trace draws a token."""
    network, walk = structure.parameters, structure.walk
    assert isinstance(network, Network)
    assert isinstance(walk, Sequence)
    laws = network.next_tokens(parameters, reading.probes)[:, walk.prompt_length :]
    return jnp.where(possible, laws.reshape(-1, laws.shape[-1])[: walk.probes], -jnp.inf)


def _below(words: UInt32[Array, "2 trace"], number: Int32[Array, ""]) -> Number:
    """Whole numbers from 0 to below this one, equally likely but for 2⁻³² of their probabilities."""

    def one(pair: bits.Key) -> Int32[Array, ""]:
        return jax.random.randint(jax.random.wrap_key_data(pair, impl="threefry2x32"), (), 0, number, jnp.int32)

    return jax.vmap(one, in_axes=1)(words)
