"""Refit: the maximum-likelihood fit, p ← (1 − a) p + a p̂."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from jaxcollapse.parts.cell_kinds import samples, takes_gradient_steps
from jaxcollapse.parts.field import Answer, AskedCells, Field, When
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.octaves import Scaled, within_range
from jaxcollapse.training.batch import Table
from jaxcollapse.training.corpora.corpus import Expected, Samples
from jaxcollapse.training.updates import UPDATES
from jaxcollapse.training.updates.rule import State, Training, UpdateRule


def _is_finite_refit(cells: AskedCells) -> Answer:
    return ~takes_gradient_steps(cells) & np.isfinite(samples(cells))


@UPDATES.adds(
    Field(
        name="mixing",
        type=float,
        default=1.0,
        description="Refit: weight a of the fit p̂ in the new model, p ← (1 − a) p + a p̂.",
        label="mixing of the refit",
        limits={"gt": 0, "le": 1},
        kind="number",
        is_switch=True,
    ),
    Field(
        name="smoothing",
        type=float,
        default=0.0,
        description="Refit: pseudo-count, added to the count of every token of p0.",
        label="additive smoothing",
        limits={"ge": 0, "allow_inf_nan": False},
        kind="number",
        is_switch=True,
        when=When("with update = 'refit' and finite samples", _is_finite_refit),
    ),
)
@dataclass(frozen=True)
class Refit(UpdateRule):
    """mixing: how much of the fit is taken; smoothing: pseudo-counts."""

    mixing: Any
    smoothing: Any
    takes_steps: ClassVar[bool] = False

    def init(self, parameters: Any, descent: optax.GradientTransformation | None) -> Any:
        """None: a refit stores nothing between generations."""
        return None

    def step(self, now: Training, state: State) -> State:
        """The logits that fit the corpus best."""
        assert now.corpus is not None
        fitted = Scaled(self._fitted(now, state, now.corpus), state.octaves)
        fitted = within_range(fitted, now.is_tempered, now.values["temperature"] > 1)
        return state._replace(parameters=fitted.table, octaves=fitted.octaves)

    def _fitted(self, now: Training, state: State, corpus: Samples) -> Table:
        mixing = self.mixing if "mixing" in now.is_on else None
        if isinstance(corpus, Expected):
            return refit(state.parameters, corpus.logits, corpus.visits > 0, mixing)
        visited, counts = jnp.any(corpus > 0, axis=-1), corpus.astype(now.original.dtype)
        if "smoothing" in now.is_on:
            counts = counts + jnp.where(now.original > -jnp.inf, self.smoothing, 0)
        return refit(state.parameters, jnp.log(counts), visited, mixing)


def refit(
    logits: Float[Array, "context token"],
    target: Float[Array, "context token"],
    visited: Bool[Array, " context"],
    mixing: Float[Array, ""] | None,
) -> Float[Array, "context token"]:
    """Logits after fitting to a corpus whose logits are `target` (the log of its counts, if it is finite).

    Where `mixing` a is 1 or None they are `target` itself: a token that was not seen has logit −∞, probability exactly
    zero. A context that was not visited keeps its row.
    """
    fitted = target
    if mixing is not None:
        mixed = mixture(jnp.stack([logits, target]), jnp.stack([1 - mixing, mixing])[:, jnp.newaxis])
        fitted = jnp.where(mixing == 1, target, mixed)
    return jnp.where(visited[:, jnp.newaxis], fitted, logits)
