"""Policy gradient: steps towards the traces that were rewarded more than others of their group.

Sources: Shao et al. (2024, arXiv 2402.03300) for groups (GRPO); Schulman et al. (2017, arXiv 1707.06347) for clipped
ratios (PPO); Yu et al. (2025, arXiv 2503.14476) for two bounds (DAPO).
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Whole
from jaxcollapse.training.advantages import Baseline
from jaxcollapse.training.batch import Batch, Table, finite
from jaxcollapse.training.updates import UPDATES
from jaxcollapse.training.updates.rule import UpdateRule

_ROUNDING = 1e-6  # relative; advantages of a token that cancel but for this do so, which Adam must not make a step of


@UPDATES.adds(
    Field(
        name="group_size",
        type=Whole,
        default=16,
        description="Policy gradient: number of traces G that are compared with each other; batch_size is a multiple.",
        label="group size",
    ),
    Field(
        name="baseline",
        type=("mean", "leave_one_out", "none"),
        default="mean",
        description="Policy gradient: what is subtracted from the reward of a trace: the mean of its group, that of "
        "the others of its group (leave_one_out), or nothing.",
        label="baseline",
    ),
    Field(
        name="normalise",
        type=("std", "none"),
        default="std",
        description="Policy gradient: whether advantages are divided by the standard deviation of the rewards of "
        "their group.",
        label="normalisation of advantages",
    ),
    Field(
        name="clip_low",
        type=float,
        default=math.inf,
        description="Policy gradient: a trace with a negative advantage counts no more once the ratio of its "
        "probability to that at the start of the generation is below 1 − clip_low, token by token; inf: no bound.",
        label="lower bound of the ratio",
        limits={"gt": 0},
        kind="number",
        is_switch=True,
    ),
    Field(
        name="clip_high",
        type=float,
        default=math.inf,
        description="Policy gradient: a trace with a positive advantage counts no more once the ratio of its "
        "probability to that at the start of the generation is above 1 + clip_high, token by token; inf: no bound.",
        label="upper bound of the ratio",
        limits={"gt": 0},
        kind="number",
        is_switch=True,
    ),
    Field(
        name="sampling_correction",
        type=("none", "tempered", "importance"),
        default="none",
        description="Policy gradient: which probabilities are trained where sampling changes them. none: those of the "
        "model; tempered: those at the sampling temperature; importance: those of the model, each token weighted by "
        "the ratio of the model's probability to that which it was drawn with.",
        label="correction of sampling",
    ),
    defaults={"reward": "verifier", "false_positive_rate": 0.0},
)
@dataclass(frozen=True)
class PolicyGradient(UpdateRule):
    """Groups of traces of the current model, their rewards, and K steps on the same traces."""

    group_size: Any
    baseline: Any
    normalise: Any
    clip_low: Any
    clip_high: Any
    sampling_correction: Any
    is_rewarded: ClassVar[bool] = True

    @property
    def compared(self) -> Baseline:
        """What rewards are compared with."""
        return Baseline(self.baseline, self.normalise)

    def gradient(self, batch: Batch) -> Table:
        """Gradient of −Σ advantage · ratio, a mean over tokens; without a ratio, of −Σ advantage · ln p."""
        assert batch.advantages is not None
        up, down = batch.advantages
        scale = batch.temperature if self.sampling_correction == "tempered" else None
        logits = batch.logits if scale is None else batch.logits / scale
        if batch.sampled is None:  # the ratio is 1
            pull, scatter = up + down, _ROUNDING * (up - down)
            pull = jnp.where(jnp.abs(pull) > scatter, pull, 0)
            # The advantages of a group add up to nothing, unless they are the rewards themselves.
            is_balanced = batch.is_balanced and self.baseline != "none"
            slope = -pull if is_balanced else _away(pull, logits, jnp.sum(scatter, axis=-1, keepdims=True)) - pull
        else:
            ratio = jnp.exp(finite(jax.nn.log_softmax(logits, axis=-1)) - batch.sampled)
            up = jnp.where(ratio <= 1 + self.clip_high, up * ratio, 0)
            down = jnp.where(ratio >= 1 - self.clip_low, down * ratio, 0)
            slope = _away(up + down, logits) - (up + down)
        return slope if scale is None else slope / scale


def _away(pull: Table, logits: Table, scatter: Float[Array, "context 1"] | float = 0.0) -> Table:
    """What pulls of a row take from all of its tokens; nothing if they add up to no more than rounding."""
    total = jnp.sum(pull, axis=-1, keepdims=True)
    return jnp.where(jnp.abs(total) > scatter, total, 0) * jax.nn.softmax(logits, axis=-1)
