"""JAX's settings that results depend on: those of this package replace those of the user and of the environment."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """While this context lasts, JAX computes in this thread as results are defined.

    Programs are compiled; random bits are those of JAX's default generator; arrays may move to a device, and NaN and
    infinity are results like others.

    precision: "float32" or "float64", the floating-point width.
    """
    with (
        jax.enable_x64(precision == "float64"),
        jax.threefry_partitionable(True),
        jax.transfer_guard("allow"),
        jax.disable_jit(False),
        jax.debug_nans(False),
        jax.debug_infs(False),
    ):
        yield
