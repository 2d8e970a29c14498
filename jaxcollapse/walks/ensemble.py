"""Several models of one row each, which train on each other's samples."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

from jaxcollapse.distributions.distribution import Distribution
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.walks.walk import Counts, Numbers, Row, Table, Visits, Walk, Whole, draw_rows


@dataclass(frozen=True)
class Ensemble(Walk):
    """Row k is model k. Each trains on as many samples as the others; a share of them comes from the other models."""

    models: int

    @property
    def is_of_tokens(self) -> bool:
        """Yes."""
        return True

    def __str__(self) -> str:
        return f"{self.models} models"

    @property
    def contexts(self) -> int:
        """A row for each model."""
        return self.models

    @property
    def losses(self) -> int:
        """Each model has its own."""
        return self.models

    def start(self, given: Distribution, end_token: int) -> np.ndarray:
        """All models start from p0."""
        return np.repeat(given.logits[np.newaxis], self.models, axis=0)

    def names(self, given: Distribution) -> np.ndarray | None:
        """Numbers."""
        return np.arange(self.models).astype(str)

    def exchanged(self, table: Table, share: Float[Array, ""]) -> Table:
        """What each model's training data are drawn from: this share of them from the others, each alike."""
        others = max(self.models - 1, 1)

        def of_model(own: Array) -> Row:
            weights = jnp.where(jnp.arange(self.models) == own, 1 - share, share / others)
            return mixture(table[:, jnp.newaxis], weights[:, jnp.newaxis])[0]

        return jax.vmap(of_model)(jnp.arange(self.models))

    def sample(
        self,
        key: bits.Key,
        urn: Table,
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
        numbers: Numbers,
    ) -> Counts:
        """As many traces of one token for each model."""
        return draw_rows(key, urn, jnp.broadcast_to(traces, (self.models,)), how)

    def visits(self, table: Table, numbers: Numbers) -> Visits:
        """One token for each model."""
        return jnp.ones(self.models, table.dtype)

    def marginal(self, table: Table, numbers: Numbers) -> Row:
        """The mean of the models."""
        return mixture(table[:, jnp.newaxis], jnp.full((self.models, 1), 1 / self.models, table.dtype))[0]

    def pairs(self, numbers: Numbers) -> Whole:
        """One for each model."""
        return jnp.int32(self.models)
