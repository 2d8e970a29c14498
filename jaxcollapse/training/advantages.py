"""Advantages: how much better than the others of its group a trace did.

Sources: Williams (1992) for REINFORCE; Kool et al. (2019) for the mean of the others (RLOO); Shao et al. (2024, arXiv
2402.03300) for GRPO, which divides by the standard deviation; Liu et al. (2025, arXiv 2503.20783) for leaving that out.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax.scipy.special import gammaln, xlog1py, xlogy
from jaxtyping import Array, Bool, Float

Table = Float[Array, "*row token"]
Rewards = Float[Array, "*group trace"]


class Advantages(NamedTuple):
    """Sums of advantages over the traces of a generation, divided by the number of their tokens.

    Attributes:
        up: sums of those above zero, by the tokens of the trace [context, token].
        down: sums of those below zero [context, token].
    """

    up: Table
    down: Table


@dataclass(frozen=True)
class Baseline:
    """What the rewards of a group are compared with.

    Attributes:
        kind: "mean" of the group, "leave_one_out" for the mean of the others, or "none".
        normalise: "std" if differences are divided by the standard deviation of the group's rewards, or "none".
    """

    kind: Literal["mean", "leave_one_out", "none"]
    normalise: Literal["std", "none"]

    def advantages(self, rewards: Rewards) -> Rewards:
        """The advantage of each trace of each group. Where all rewards of a group are equal, nothing is compared: all
        are 0 then, unless the rewards themselves are what counts.
        """
        mean = jnp.mean(rewards, axis=-1, keepdims=True)
        is_equal = jnp.max(rewards, axis=-1, keepdims=True) == jnp.min(rewards, axis=-1, keepdims=True)
        difference = jnp.where(is_equal, 0, rewards - mean)
        spread = jnp.sqrt(jnp.mean(difference**2, axis=-1, keepdims=True))
        return self._of(rewards, difference, spread, is_equal, rewards.shape[-1])

    def expected(self, size: int, share: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The mean advantage of a trace with reward 1 and of one with reward 0, among this share of rewards of 1.

        It is the mean over the number of ones among the others of its group, which is binomial.
        """
        others = jnp.arange(size, dtype=share.dtype)  # of which so many have reward 1
        rest = size - 1 - others
        ways = gammaln(float(size)) - gammaln(others + 1) - gammaln(rest + 1)
        chance = jnp.exp(ways + xlogy(others, share) + xlog1py(rest, -share))

        def mean(own: float) -> Float[Array, ""]:
            ones = others + own
            is_equal, spread = (ones == 0) | (ones == size), jnp.sqrt(ones * (size - ones)) / size
            difference = jnp.where(is_equal, 0, own - ones / size)
            return jnp.sum(chance * self._of(jnp.full_like(others, own), difference, spread, is_equal, size))

        return mean(1.0), mean(0.0)

    def _of(
        self,
        rewards: Rewards,
        difference: Rewards,
        spread: Float[Array, "..."],
        is_equal: Bool[Array, "..."],
        size: int,
    ) -> Rewards:
        """Advantages, from rewards and their differences from the mean.

        Of each group it takes its standard deviation, and whether all of its rewards are equal.
        """
        found = rewards if self.kind == "none" else difference
        if self.kind == "leave_one_out":
            found = found * (size / max(size - 1, 1))
        return jnp.where(is_equal, 0, found / jnp.where(is_equal, 1, spread)) if self.normalise == "std" else found
