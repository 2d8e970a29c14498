"""Which engine computes: native code where it can, or XLA alone, as on accelerators."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jaxcollapse import native
from jaxcollapse.program import compiling

_OPTIONS = compiling._OPTIONS  # of users
_HURRIED = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,  # half of the time that is left
    "xla_cpu_parallel_codegen_split_count": 1,
}


@contextmanager
def xla_alone() -> Iterator[None]:
    """As if there were no native library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_library", lambda: None)
        yield


@contextmanager
def unoptimised() -> Iterator[None]:
    """Programs are compiled in a quarter of the time: where their numbers, but for roundings, are not in question."""
    hurried = {**_OPTIONS["cpu"], **_HURRIED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "_OPTIONS", {**_OPTIONS, "cpu": hurried})
        yield


@contextmanager
def optimised() -> Iterator[None]:
    """Programs are compiled as users' are: where their numbers, or the time that they take, are in question."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "_OPTIONS", _OPTIONS)
        yield
