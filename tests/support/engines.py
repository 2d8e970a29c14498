"""Which engine computes: native code where it can, or XLA alone, as on accelerators."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jaxcollapse import native
from jaxcollapse.program import compiling

_OPTIONS = compiling._OPTIONS  # of users


@contextmanager
def xla_alone() -> Iterator[None]:
    """As if there were no native library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_library", lambda: None)
        yield


@contextmanager
def unoptimised() -> Iterator[None]:
    """Programs are compiled in half the time: where what they compute, but for roundings, is not in question."""
    hurried = {**_OPTIONS["cpu"], "xla_backend_optimization_level": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "_OPTIONS", {**_OPTIONS, "cpu": hurried})
        yield


@contextmanager
def optimised() -> Iterator[None]:
    """Programs are compiled as users' are: where their numbers, or the time that they take, are in question."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "_OPTIONS", _OPTIONS)
        yield
