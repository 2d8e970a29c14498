"""Which engine computes: native code where it can, or XLA alone, as on accelerators."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import jax
import pytest

from jaxcollapse import native
from jaxcollapse.system import jax_settings

_OPTIONS = jax_settings._OPTIONS  # of users
_LEANER = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
# Each of these passes makes XLA simplify a program with loops once more, up to fifteen times.
_PASSES = ("simplify-while-loops", "while-loop-invariant-code-motion", "while-loop-constant-sinking")
_HURRIED = {**_LEANER, "xla_backend_optimization_level": 0, "xla_disable_hlo_passes": ",".join(_PASSES)}

_AMBIENT = os.environ.get("XLA_FLAGS", "")  # what whoever runs the tests has set
_FLAGS = " ".join([_AMBIENT, *(f"--{name}={str(value).lower()}" for name, value in _HURRIED.items())])

# For functions of a test's own: what is compiled in many shapes to compute little, in a quarter of the time, or to
# compute much, in two thirds of the time.
hurried_jit = partial(jax.jit, compiler_options=_HURRIED)
leaner_jit = partial(jax.jit, compiler_options=_LEANER)


@contextmanager
def xla_alone() -> Iterator[None]:
    """As if there were no native library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_library", lambda: None)
        yield


@contextmanager
def unoptimised() -> Iterator[None]:
    """Programs are compiled in a quarter of the time: where their numbers, but for roundings, are not in question.

    So are those of processes that a test starts.
    """
    hurried = {**_OPTIONS["cpu"], **_HURRIED}
    jax.local_devices()  # JAX has read XLA's flags by now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax_settings, "_OPTIONS", {**_OPTIONS, "cpu": hurried})
        patch.setenv("XLA_FLAGS", _FLAGS)
        yield


@contextmanager
def optimised() -> Iterator[None]:
    """Programs are compiled as users' are: where their numbers, or the time that they take, are in question."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax_settings, "_OPTIONS", _OPTIONS)
        patch.setenv("XLA_FLAGS", _AMBIENT)
        yield
