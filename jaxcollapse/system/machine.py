"""What the machine has: devices, their memory, workers, and room on disk."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import psutil

from jaxcollapse.system.container import allowed_cores, free_memory
from jaxcollapse.system.environment import free_address_space
from jaxcollapse.system.kernels import SAME_BITS, check


@dataclass(frozen=True)
class Machine:
    """The devices that a plan is made for.

    Attributes:
        platform: cpu, gpu or tpu.
        count: number of devices.
        workers: number of device calls in flight on each device at once.
        device_bytes: memory that device calls may use together on one device; None if it is not known.
        devices: the devices as JAX lists them; empty for the machine of another process.
        kernel: the preferred code, one of `KERNELS` in kernels.py: the same bits on GPUs as on CPUs, or the fastest
            code, whose last bits differ.

    Raises:
        InputError: there is no such kernel.
    """

    platform: str
    count: int
    workers: int
    device_bytes: int | None
    devices: tuple[jax.Device, ...] = ()
    kernel: str = SAME_BITS

    def __post_init__(self) -> None:
        check(self.kernel)

    @property
    def cores(self) -> int:
        """Device calls in flight at once."""
        return self.workers * self.count


def this_machine(devices: Sequence[jax.Device] | None = None, kernel: str = SAME_BITS) -> Machine:
    """These devices, by default all local ones. A CPU is kept busy by one call for each core, an accelerator by two."""
    devices = tuple(jax.local_devices() if devices is None else devices)
    platform, count = devices[0].platform, len(devices)
    if platform == "cpu":
        return Machine(platform, count, max(1, cores() // count), _available() // count, devices, kernel)
    limits = devices[0].memory_stats() or {}
    return Machine(platform, count, 2, int(limits.get("bytes_limit", 8 * 2**30)), devices, kernel)


def cores() -> int:
    """The processor cores that this process may use."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, allowed_cores() or here)


def _available() -> int:
    """Bytes of memory that this process may take."""
    limits = (psutil.virtual_memory().available, free_memory(), free_address_space())
    return min(limit for limit in limits if limit is not None)


def distant_machine(platform: str, count: int, cores: int, kernel: str = SAME_BITS) -> Machine:
    """A machine that is not this one: what is planned for it must not depend on what is here."""
    return Machine(platform, count, max(1, cores // count) if platform == "cpu" else 2, None, kernel=kernel)


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` is, or will be."""
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
