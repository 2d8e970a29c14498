"""Random initial distributions: a symmetric Dirichlet law."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32
from pydantic import Field

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.ngrams import check_windows, number_of_windows
from jaxcollapse.sampling import bits
from jaxcollapse.system.jax_settings import arithmetic
from jaxcollapse.system.jit_on_disk import jit_on_disk


class Dirichlet(InitialKind):
    """p0 drawn from a symmetric Dirichlet distribution, for each trajectory or once for all."""

    kind: Literal["dirichlet"] = "dirichlet"
    concentration: float = Field(
        1.0,
        ge=1e-30,
        le=1e30,
        description="Concentration α of the symmetric Dirichlet distribution: 1 is uniform over the simplex, "
        "small values are sparse.",
    )
    shared: bool = Field(
        False, description="Whether all trajectories share one p0; by default each trajectory draws its own."
    )

    @property
    def is_random(self) -> bool:
        """Whether each trajectory draws its own p0."""
        return not self.shared

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """The one p0 that is shared: it depends on the seed, the concentration and the vocabulary size."""
        with arithmetic("float32"):
            return Distribution(self._drawn(vocab_size, jnp.asarray(key)[np.newaxis])[0])

    def rows(self, vocab_size: int, key: np.ndarray, number: int | None) -> Distribution:
        """Independent draws; where each token has a row, one more at the top, of a trace's first token."""
        number = vocab_size + 1 if number is None else number
        if self.is_random:
            return Distribution(np.zeros((number, vocab_size)))
        with arithmetic("float32"):
            keys = row_keys(jnp.asarray(key)[np.newaxis], number=number)
            return Distribution(self._drawn(vocab_size, keys[0]))

    def windows(self, vocab_size: int, key: np.ndarray, order: int) -> Distribution:
        """Independent draws, also of the rows of shorter windows."""
        check_windows(vocab_size, order, "process.order")
        return self.rows(vocab_size, key, number_of_windows(vocab_size, order))

    def _drawn(self, vocab_size: int, keys: Array) -> np.ndarray:
        concentration, size = jnp.float32(self.concentration), jnp.int32(vocab_size)
        return np.asarray(draw_dirichlet(keys, concentration, size, padded=vocab_size), float)


@jit_on_disk
def row_keys(keys: Array, number: int) -> Array:
    """Raw keys [lane, row, 2] for rows of independent draws."""
    places = jnp.arange(number, dtype=jnp.uint32)
    return jax.vmap(lambda key: jax.vmap(bits.fold_in, in_axes=(None, 0))(key, places))(keys)


@jit_on_disk
def draw_dirichlet(
    keys: Array, concentration: Float[Array, ""], vocab_size: Int32[Array, ""], padded: int
) -> Float[Array, "lane token"]:
    """Logits of one Dirichlet draw for each raw key, −∞ beyond `vocab_size`.

    They are logarithms of gamma variates, which stay finite where tiny concentrations make the variates underflow.
    Padded tokens are drawn, too, so that all vectors are whole: what is left over at the end of an array may be
    compiled to other arithmetic.
    """

    def draw(key: Array) -> Float[Array, " token"]:
        typed = jax.random.wrap_key_data(key, impl="threefry2x32")
        drawn = jax.random.loggamma(typed, concentration, (padded,), jnp.float32)
        logits = jnp.where(jnp.arange(padded, dtype=jnp.int32) < vocab_size, drawn, -jnp.inf)
        return logits - jnp.max(logits)

    return jax.vmap(draw)(keys)
