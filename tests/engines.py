"""Which engine computes: native code where it can, or XLA alone, as on accelerators."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from jaxcollapse import compiling, execute, native


@contextmanager
def xla_alone() -> Iterator[None]:
    """As if there were no native library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_library", lambda: None)
        yield


@contextmanager
def in_a_hurry() -> Iterator[None]:
    """Programs are compiled without optimising them: where they run for an instant, and roundings are allowed for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            compiling, "_OPTIONS", {"cpu": {**compiling._OPTIONS["cpu"], "xla_backend_optimization_level": 0}}
        )
        patch.setattr(execute, "compiling", cache(compiling.compiling.__wrapped__))
        yield
