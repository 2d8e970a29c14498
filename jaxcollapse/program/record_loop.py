"""The loop over records, as long as there are records: its length is data, the places for what it finds are a shape.

A scan's length would be a shape, and each number of records another program. What a scan does is written out here:
arrays that are filled place by place.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Int32

Carry = TypeVar("Carry")


def number_of(gaps: Int32[Array, " record"]) -> Int32[Array, ""]:
    """How many records there are: gaps of 0 are places that stay empty, but for the first, which is always a record."""
    return 1 + jnp.sum(gaps[1:] > 0, dtype=jnp.int32)


def over_records(
    segment: Callable[[Carry, Array], tuple[Carry, Any]], carry: Carry, gaps: Int32[Array, " record"], row: Any
) -> tuple[Carry, Any]:
    """Scans over the records like `jax.lax.scan`; places of `gaps` that are not records get zeros.

    row: shapes and types of what a segment finds, so that it need not be traced once more to know them.
    """
    empty = jax.tree.map(lambda one: jnp.zeros((*gaps.shape, *one.shape), one.dtype), row)

    def record(place: Array, so_far: tuple[Carry, Any]) -> tuple[Carry, Any]:
        before, rows = so_far
        after, row = segment(before, gaps[place])
        return after, jax.tree.map(lambda all_, one: _written(all_, one, place), rows, row)

    return jax.lax.fori_loop(0, number_of(gaps), record, (carry, empty))


@custom_vmap
def _written(rows: Array, row: Array, place: Array) -> Array:
    """The rows with this one at a place. All lanes write at the same place: JAX alone would make that a scatter."""
    return jax.lax.dynamic_update_index_in_dim(rows, row, place, axis=0)


@_written.def_vmap
def _written_lanes(lanes: int, batched: list[bool], rows: Array, row: Array, place: Array) -> tuple[Array, bool]:
    every, own, _ = batched
    rows = rows if every else jnp.broadcast_to(rows, (lanes, *rows.shape))
    row = row if own else jnp.broadcast_to(row, (lanes, *row.shape))
    return jax.lax.dynamic_update_index_in_dim(rows, row, place, axis=1), True
