"""Which engine computes: native code where it can, or XLA alone, as on accelerators."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jaxcollapse import compiling, native


@contextmanager
def xla_alone() -> Iterator[None]:
    """As if there were no native library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_library", lambda: None)
        yield


@contextmanager
def unoptimised() -> Iterator[None]:
    """Programs are compiled in half the time: where what they compute, but for roundings, is not in question."""
    hurried = {**compiling._OPTIONS["cpu"], "xla_backend_optimization_level": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "_OPTIONS", {**compiling._OPTIONS, "cpu": hurried})
        yield
