"""Which personas a model still has: collapse in the proper sense is that they get fewer."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.observables.possible import entropy_of_contexts, number_of_contexts, share
from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Snapshot
from jaxcollapse.walks.persona import Persona

COVERED = 0.1  # of its original mass, which a persona that is still there has
Masses = Float[Array, " persona"]


@observable("mass of a persona", "1", "personas", models=("persona",), dim="persona", possible=share)
def persona_mass(now: Snapshot) -> Masses:
    """Probability that a trace comes from this persona."""
    return _masses(now, now.table)


@observable("entropy of personas", "nat", "personas", models=("persona",), possible=entropy_of_contexts)
def persona_entropy(now: Snapshot) -> Float[Array, ""]:
    """−Σ_k c_k ln c_k, c_k the mass of persona k."""
    masses = _masses(now, now.table)
    return -jnp.sum(jnp.where(masses > 0, masses * jnp.log(jnp.where(masses > 0, masses, 1)), 0))


@observable("personas covered", "1", "personas", whole=True, models=("persona",), possible=number_of_contexts)
def personas_covered(now: Snapshot) -> Int32[Array, ""]:
    """Number of personas whose mass is more than a tenth of their original mass."""
    masses, start = _masses(now, now.table), _masses(now, now.start.table)
    return jnp.sum(masses > COVERED * start, dtype=jnp.int32)


def _masses(now: Snapshot, table: Float[Array, "context token"]) -> Masses:
    assert isinstance(now.walk, Persona)
    return jax.nn.softmax(table[0])[: now.walk.personas]
