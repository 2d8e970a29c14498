"""What a command needs from the process it runs in, checked before anything is computed or written."""

import psutil

from jaxcollapse.errors import InputError

_LEAST_BYTES = 3 * 2**30  # of address space: less makes XLA's threads abort the process, or wait for ever


def check_environment() -> None:
    """Raises where the process cannot compute.

    Raises:
        InputError: JAX refuses a setting in the environment.
        MemoryError: the address space is limited too tightly.
    """
    limit = address_space()
    if limit is not None and limit < _LEAST_BYTES:
        told = f"the address space is limited to {limit / 2**30:.2g} GiB (ulimit -v), and JAX needs"
        raise MemoryError(f"{told} {_LEAST_BYTES / 2**30:g} GiB")
    try:
        import jax  # noqa: F401
    except ValueError as error:
        raise InputError("", f"JAX refuses a setting: {error}", "environment") from None


def address_space() -> int | None:
    """The most bytes of address space that this process may have; None without a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if most == resource.RLIM_INFINITY else most


def free_address_space() -> int | None:
    """Bytes of address space that this process may still take; None without a limit."""
    most = address_space()
    return None if most is None else max(0, most - psutil.Process().memory_info().vms)
