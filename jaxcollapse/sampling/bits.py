"""Random words: JAX's threefry, written so that it fuses into whatever consumes it.

A *key* is the raw pair of 32-bit words behind a typed JAX key (`jax.random.key_data`). For equal keys the words
here are those of `jax.random.bits(key, (n,), "uint64")` and `fold_in` is `jax.random.fold_in`, bit for bit. JAX
rolls the twenty rounds into a loop on CPU, which costs about seven times as much as this unrolled form.

Source: Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3" (Threefry-2x32-20).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, UInt32

Key = UInt32[Array, " 2"]

FINE = 2**22
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


@jax.jit  # traced once, not for each of the hundred places of a program that draw
def threefry2x32(
    key: UInt32[Array, "2 ..."], high: UInt32[Array, "..."], low: UInt32[Array, "..."]
) -> tuple[UInt32[Array, "..."], UInt32[Array, "..."]]:
    """Encrypts the counters (`high`, `low`) with `key`: two random words for each counter. Shapes are broadcast."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    x, y = high + schedule[0], low + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = x ^ ((y << jnp.uint32(rotation)) | (y >> jnp.uint32(32 - rotation)))
        x = x + schedule[(group + 1) % 3]
        y = y + schedule[(group + 2) % 3] + jnp.uint32(group + 1)
    return x, y


@jax.jit
def fold_in(key: Key, data: Integer[Array, ""] | int) -> Key:
    """A new key from `key` and an integer: the same as `jax.random.fold_in`."""
    return jnp.stack(threefry2x32(key, jnp.uint32(0), jnp.asarray(data, jnp.uint32)))


def as_words(key: jax.Array) -> Key:
    """The two words of a typed key of threefry, or of a raw one (`jax.random.PRNGKey`).

    Raises:
        ValueError: it is not one such key.
    """
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.key_data(key)
    if key.shape != (2,):
        raise ValueError(f"key: its words have the shape {key.shape}; give one threefry key, which has two words")
    return key.astype(jnp.uint32)


def words(key: Key, count: int) -> tuple[UInt32[Array, " count"], UInt32[Array, " count"]]:
    """`count` pairs of random words: the high and low halves of `jax.random.bits(key, (count,), "uint64")`."""
    counter = jnp.arange(count, dtype=jnp.uint32)
    return threefry2x32(key, jnp.zeros_like(counter), counter)


def uniform(
    high: UInt32[Array, "*shape"], low: UInt32[Array, "*shape"], dtype: jax.typing.DTypeLike
) -> Float[Array, "*shape"]:
    """A uniform number in (0, 1] from 64 random bits, precise *relative to its own size* down to 2⁻⁴⁰ in float32.

    `uniform < p` therefore has the probability p within float rounding even for p = 1e-9, which the usual 23-bit
    uniform cannot give.
    """
    tiny = jnp.asarray(2.0**-66, dtype)
    return high.astype(dtype) * jnp.asarray(2.0**-32, dtype) + (low.astype(dtype) * jnp.asarray(2.0**-64, dtype) + tiny)


def unit(
    word: UInt32[Array, "*shape"], lower: UInt32[Array, "*shape"], dtype: jax.typing.DTypeLike
) -> Float[Array, "*shape"]:
    """`uniform(word, lower)` where the word is below `FINE`; else (word + ½)/2³², which is as good to 1e-7 of itself.

    So that lower words need not be drawn but for one number in a thousand, where that saves time.
    """
    middle = word.astype(dtype) * jnp.asarray(2.0**-32, dtype) + jnp.asarray(2.0**-33, dtype)
    return jnp.where(word < FINE, uniform(word, lower, dtype), middle)
