"""Which engine computes: native code where it can, or XLA alone, as on accelerators."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jaxcollapse import native


@contextmanager
def xla_alone() -> Iterator[None]:
    """As if there were no native library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_library", lambda: None)
        yield
