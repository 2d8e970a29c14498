from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse import native
from jaxcollapse.sampling import bits


@pytest.mark.parametrize("words", [bits.words, native.words], ids=["jax", "native"])
@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**63 - 1])
def test_words_are_the_bits_of_jax_random(seed: int, words: Callable) -> None:
    key = jax.random.wrap_key_data(jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32))
    with jax.enable_x64(True):
        theirs = np.asarray(jax.random.bits(key, (1001,), "uint64"))
    high, low = words(jax.random.key_data(key), 1001)
    np.testing.assert_array_equal(theirs, (np.asarray(high).astype(np.uint64) << np.uint64(32)) | np.asarray(low))


@pytest.mark.parametrize("data", [0, 1, 2**31, 2**32 - 1])
def test_fold_in_is_the_one_of_jax_random(data: int) -> None:
    key = jax.random.key(7)
    theirs = jax.random.key_data(jax.random.fold_in(key, jnp.uint32(data)))
    np.testing.assert_array_equal(theirs, bits.fold_in(jax.random.key_data(key), jnp.uint32(data)))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_uniform_is_in_the_half_open_interval(dtype: jnp.dtype) -> None:
    edge = jnp.array([0, 0, 2**32 - 1], jnp.uint32)
    other = jnp.array([0, 2**32 - 1, 2**32 - 1], jnp.uint32)
    values = np.asarray(bits.uniform(edge, other, dtype), float)
    assert (values > 0).all()
    assert (values <= 1).all()


def test_uniform_resolves_probabilities_of_1e_9() -> None:
    # 2^28 draws would see p = 1e-9 about 0.3 times; so the words near the threshold are enumerated instead.
    p = np.float32(1e-9)
    high = jnp.arange(64, dtype=jnp.uint32).repeat(4096)
    low = jnp.tile(jnp.arange(4096, dtype=jnp.uint32) << 20, 64)
    below = np.asarray(bits.uniform(high, low, jnp.float32) < p).sum() / 4096 * 2.0**-32
    assert below == pytest.approx(1e-9, rel=1e-4)
