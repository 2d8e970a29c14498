"""What the figures were measured on."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax

_LIBRARIES = ("jax", "numpy", "numba", "torch", "simuPOP", "xyzpy")


def machine() -> str:
    """The device, the processor and the libraries, in words."""
    device = jax.local_devices()[0]
    return f"{device.device_kind} ({_processor()}), Python {platform.python_version()}, {_libraries()}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if names:
            return f"{len(names)} cores of {names[0]}"
    return platform.processor() or platform.machine()


def _libraries() -> str:
    found = []
    for library in _LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
