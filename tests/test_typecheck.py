"""The tests hold the package's functions to their annotations, with shapes and without."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

from jaxcollapse.sampling.choice import happens
from jaxcollapse.sampling.multinomial import fewest_split
from jaxcollapse.sweep.grid import Column

NUMBERS = jnp.full(3, 0.5)


@pytest.mark.parametrize(
    "other", [NUMBERS[None], NUMBERS[:2], NUMBERS > 0, [0.5] * 3], ids=["rank", "size", "type", "list"]
)
def test_arrays_of_other_shapes_and_types_are_refused(other: jax.Array) -> None:
    assert happens(NUMBERS, NUMBERS).shape == (3,)
    with pytest.raises(TypeCheckError):
        happens(NUMBERS, other)


def test_functions_without_arrays_are_held_to_their_types() -> None:
    assert fewest_split(16) > 0
    with pytest.raises(BeartypeCallHintViolation):
        fewest_split("16")


def test_dataclasses_are_held_to_their_types() -> None:
    assert Column([1], np.zeros(2, int)).where(1).all()
    with pytest.raises(BeartypeCallHintViolation):
        Column("1", np.zeros(2, int))
