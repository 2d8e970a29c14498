"""Computing chunks: on this machine's devices, or by an executor."""

from jaxcollapse.execute.executor import execute_on, machine_of
from jaxcollapse.execute.local import execute
from jaxcollapse.execute.result import (
    COMPLETE,
    DIVERGED,
    MISSING,
    NO_TOKEN,
    STATUS_MEANINGS,
    Result,
    absent,
    inner_shape,
    padded,
)

__all__ = [
    "COMPLETE",
    "DIVERGED",
    "MISSING",
    "NO_TOKEN",
    "STATUS_MEANINGS",
    "Result",
    "absent",
    "execute",
    "execute_on",
    "inner_shape",
    "machine_of",
    "padded",
]
