"""JAX's settings that results depend on: those of this package replace those of the user and of the environment."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax

_OPTIONS: dict[str, dict[str, Any]] = {
    "cpu": {"xla_cpu_multi_thread_eigen": False},  # a tile has one core; the next tile has the other
    "gpu": {"xla_gpu_autotune_level": 0},  # else timings decide about the order of sums, in each process anew
}


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


def compiler_options(platform: str) -> Mapping[str, Any]:
    """Options of XLA other than its own defaults, for programs on devices of this kind."""
    return _OPTIONS.get(platform, {})
