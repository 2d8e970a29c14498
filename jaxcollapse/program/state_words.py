"""A trajectory's state as 32-bit words, bit for bit: so it is stored, whatever arrays a process has in it."""

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, UInt32

from jaxcollapse.errors import InputError

_BYTES = 4  # of a word


def packed(tree: Any) -> UInt32[Array, " word"]:
    """The words of all arrays of a tree, in order."""
    return jnp.concatenate([_words(jnp.asarray(leaf)).reshape(-1) for leaf in jax.tree.leaves(tree)])


def unpacked(words: UInt32[Array, " word"], like: Any) -> Any:
    """The tree of these words, with arrays of the shapes and types of another.

    Raises:
        InputError: there are more words, or fewer, than such a tree has.
    """
    leaves, structure = jax.tree.flatten(like)
    sizes = [leaf.size * _number(leaf.dtype) for leaf in leaves]
    if len(words) != sum(sizes):
        problem = (
            f"the stored state has {len(words)} words, not {sum(sizes)}, so another process wrote it; name "
            "another folder"
        )
        raise InputError("", problem)
    parts = jnp.split(words, [sum(sizes[:place]) for place in range(1, len(sizes))])
    return jax.tree.unflatten(structure, [_array(part, leaf) for part, leaf in zip(parts, leaves, strict=True)])


def _number(dtype: Any) -> int:
    """Number of 32-bit words of one value."""
    return max(1, jnp.dtype(dtype).itemsize // _BYTES)


def _words(leaf: Array) -> Array:
    if leaf.dtype == jnp.bool_:
        return leaf.astype(jnp.uint32)
    if leaf.dtype.itemsize < _BYTES:  # small whole numbers
        leaf = leaf.astype(jnp.int32)
    return jax.lax.bitcast_convert_type(leaf, jnp.uint32)


def _array(words: Array, like: Array) -> Array:
    if like.dtype == jnp.bool_:
        return words.reshape(like.shape).astype(jnp.bool_)
    if jnp.dtype(like.dtype).itemsize < _BYTES:
        return jax.lax.bitcast_convert_type(words.reshape(like.shape), jnp.int32).astype(like.dtype)
    several = (_number(like.dtype),) if _number(like.dtype) > 1 else ()
    assert len(words) == prod((*like.shape, *several))
    return jax.lax.bitcast_convert_type(words.reshape(*like.shape, *several), like.dtype)
