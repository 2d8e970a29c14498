"""The rows of a chain: one for each window of up to k tokens that a trace has last."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.distributions.distribution import Distribution
from jaxcollapse.distributions.labels import as_names
from jaxcollapse.distributions.ngrams import number_of_windows


@dataclass(frozen=True)
class Windows:
    """Windows of 0, 1, … `order` tokens, ordered by their length, then by their tokens, the oldest one first.

    A trace begins with the window of no token. Its window grows by each token until it has `order` of them; then it
    loses the oldest one for each that it gains.

    Attributes:
        tokens: number of tokens V.
        order: tokens k of the longest windows.
    """

    tokens: int
    order: int

    @property
    def number(self) -> int:
        """Number of all windows: 1 + V + … + V^k."""
        return number_of_windows(self.tokens, self.order)

    def rows(self, length: int) -> slice:
        """The rows of the windows of so many tokens."""
        begin = number_of_windows(self.tokens, length - 1)
        return slice(begin, begin + self.tokens**length)

    def last_tokens(self, length: int) -> np.ndarray:
        """The last token of each window of this length, which is at least 1."""
        return np.arange(self.tokens**length, dtype=np.int32) % self.tokens

    def following(self, row: Int32[Array, "..."], token: Int32[Array, "..."]) -> Int32[Array, "..."]:
        """The row of the window that this one becomes by one more token."""
        longer, number = self.tokens * row + 1 + token, self.number
        without_oldest = (longer - number) % self.tokens**self.order + self.rows(self.order).start
        return jnp.where(longer < number, longer, without_oldest)

    def arrivals(
        self, drawn: Int32[Array, "*lane window token"] | Float[Array, "*lane window token"], length: int
    ) -> Int32[Array, "*lane next"] | Float[Array, "*lane next"]:
        """What arrives at each next window, if so much leaves the windows of a length by each token."""
        *lane, _, _ = drawn.shape
        longer = drawn[..., : self.tokens].reshape(*lane, -1)
        if length < self.order:
            return longer
        return jnp.sum(longer.reshape(*lane, self.tokens, -1), axis=-2, dtype=drawn.dtype)

    def reached(self, possible: Bool[Array, "window token"], length: int) -> Bool[Array, " next"]:
        """The next windows that a possible token leads to."""
        longer = possible[:, : self.tokens].reshape(-1)
        return longer if length < self.order else jnp.any(longer.reshape(self.tokens, -1), axis=0)

    def names(self, given: Distribution) -> np.ndarray:
        """Names of the rows: the start, and the tokens of windows, with spaces between them if any is longer than 1."""
        tokens = [str(each) for each in (np.arange(given.size) if given.labels is None else given.labels)]
        between = "" if given.labels is not None and all(len(token) == 1 for token in tokens) else " "
        level, names = tokens, ["(start)", *tokens]
        for _ in range(1, self.order):
            level = [f"{window}{between}{token}" for window in level for token in tokens]
            names += level
        return as_names(names)
