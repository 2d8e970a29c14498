"""Several models of one row each, which train on each other's samples."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Share, Whole
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.walk import Counts, Numbers, Row, Table, Visits, Walk, draw_rows
from jaxcollapse.walks.walk import Whole as Pairs


@WALKS.adds(
    Field(
        name="models",
        type=Whole,
        default=2,
        description="Ensemble: number of models; all start from p0.",
        label="number of models",
        kind="shape",
    ),
    Field(
        name="exchange",
        type=Share,
        default=0.5,
        description="Ensemble: share of each model's samples that come from the other models, in equal parts.",
        label="share of exchanged samples",
        kind="number",
    ),
)
@dataclass(frozen=True)
class Ensemble(Walk):
    """Row k is model k. Each trains on as many samples as the others; a share of them comes from the other models."""

    models: int
    is_of_tokens: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("exchange",)

    def __str__(self) -> str:
        return f"{self.models} models"

    @property
    def contexts(self) -> int:
        """Number of rows of the table: one for each model."""
        return self.models

    @property
    def losses(self) -> int:
        """Number of models: each has a loss of its own."""
        return self.models

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
        traces: Int32[Array, "..."],
        how: Method,
        blocks: Int32[Array, ""],
        numbers: Numbers,
    ) -> Counts:
        """Counts of `traces` tokens drawn from each model: a number for all, or one for each."""
        return draw_rows(key, urn, jnp.broadcast_to(traces, (self.models,)), how)

    def visits(self, table: Table, numbers: Numbers) -> Visits:
        """One token is drawn from each model's row."""
        return jnp.ones(self.models, table.dtype)

    def marginal(self, table: Table, numbers: Numbers) -> Row:
        """Logits of the mean of the models' distributions [token]."""
        return mixture(table[:, jnp.newaxis], jnp.full((self.models, 1), 1 / self.models, table.dtype))[0]

    def pairs(self, numbers: Numbers) -> Pairs:
        """Number of models: each draws one token."""
        return jnp.int32(self.models)
