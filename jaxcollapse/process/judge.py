"""Traces of a network, judged as wholes: by the tokens that they have after their prompts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.parameterisations.network import Network
from jaxcollapse.process.emission import Emission
from jaxcollapse.process.one_by_one import Judgement, Keys
from jaxcollapse.process.structure import Structure
from jaxcollapse.training import rewards
from jaxcollapse.training.rewards import REWARDS, Judged
from jaxcollapse.walks.sequence import Sequence

Traces = Int32[Array, "trace place"]
Scores = Float[Array, "trace drawn"]


@dataclass(frozen=True)
class Judge:
    """How traces of a network are judged.

    Attributes:
        structure: the static part of the process.
        emission: its numbers, and the tokens that are correct.
        possible: the tokens that p0 has [1, token].
        model: parameters of the network that is trained, on which a reward may depend.
        origin: parameters of p0.
    """

    structure: Structure
    emission: Emission
    possible: Bool[Array, "1 token"]
    model: Any
    origin: Any

    def judged(self, traces: Traces, words: Keys) -> Judgement:
        """Judges traces.

        Args:
            traces: their tokens, prompts included; −1 after their end.
            words: two random words for each, for rewards that draw numbers.
        """
        text = traces[:, self._given :]
        is_there, end = text >= 0, self.emission.settings.end_token
        is_answer = is_there & (text != end)
        last = jnp.max(jnp.where(is_answer, jnp.arange(text.shape[1], dtype=jnp.int32)[jnp.newaxis], -1), axis=1)

        def at_last(found: Array, otherwise: Array) -> Array:
            own = jnp.take_along_axis(found, jnp.maximum(last, 0)[:, jnp.newaxis], axis=1)[:, 0]
            return jnp.where(last >= 0, own, otherwise)

        is_right = self.emission.correct[0][jnp.maximum(text, 0)]
        needs: dict[str, Callable[[], Array]] = {
            "all": lambda: jnp.all(~is_there | is_right, axis=1),
            "last": lambda: at_last(is_right, jnp.zeros((), bool)),
            "any": lambda: jnp.any(is_answer & is_right, axis=1),
        }
        score = jnp.zeros(len(traces), self.emission.initial.dtype)
        if self.structure.reads_scores:
            number = jnp.maximum(jnp.sum(is_there, axis=1, dtype=jnp.int32), 1)
            score = jnp.sum(jnp.where(is_there, self._scores(traces, words), 0), axis=1) / number.astype(score.dtype)
        return Judgement(score, needs[self.structure.correct_trace](), at_last(text, jnp.int32(-1)))

    def _scores(self, traces: Traces, words: Keys) -> Scores:
        """The score of each token: in each trace, a reward sees the laws of its places as a table."""
        structure, emission, windows = self.structure, self.emission, jnp.maximum(traces, 0)
        network = structure.parameters
        assert isinstance(network, Network)

        def laws(parameters: Any) -> Float[Array, "trace drawn token"]:
            logits = network.next_tokens(parameters, windows)[:, self._given :]
            return jnp.where(self.possible[jnp.newaxis], logits, -jnp.inf)

        def of_trace(model: Array, original: Array, key: Array) -> Array:
            correct = jnp.broadcast_to(emission.correct[:1], model.shape)
            judged = Judged(model, original, jnp.ones(len(model), bool), correct, emission.rates)
            own = key if REWARDS[structure.reward].fact("draws") else None
            return rewards.table(structure.reward, judged, emission.values, own)

        keys = jax.random.wrap_key_data(words.T, impl="threefry2x32")
        found = jax.vmap(of_trace)(laws(self.model), laws(self.origin), keys)
        at_tokens = partial(jnp.take_along_axis, indices=windows[:, self._given :, jnp.newaxis], axis=2)
        scale: Float[Array, ""] = emission.values["reward_scale"]
        return scale * at_tokens(found)[..., 0]

    @property
    def _given(self) -> int:
        walk = self.structure.walk
        assert isinstance(walk, Sequence)
        return walk.prompt_length
