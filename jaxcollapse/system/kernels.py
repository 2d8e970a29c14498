"""What a run prefers where native code and XLA can both compute: the same bits everywhere, or speed."""

from jaxcollapse.errors import InputError, shown

SAME_BITS, FASTEST = KERNELS = ("same-bits", "fastest")


def check(kernel: str) -> None:
    """Raises `InputError` if there is no such choice."""
    if kernel not in KERNELS:
        raise InputError("kernel", f"{shown(kernel)} is not one of {', '.join(KERNELS)}")
