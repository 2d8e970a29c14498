"""Compiled programs on disk, so that the next run need neither trace nor compile them.

A file's name follows from all that decides about a program: this package's source, the versions of what compiles it,
JAX's settings, and the processor, since homes are shared by unequal machines. The source is read when this module is
imported, as the rest of the package is: it may be edited, or another version installed, while the process lives.
"""

import hashlib
import logging
import os
import platform
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from jaxcollapse.system.program_cache import keep, kept

_log = logging.getLogger(__name__)


# The rooms of the package that programs are made of. The others may change, and a program on disk stays what it is.
ENGINE = (
    *("native", "observables", "parameterisations", "parts", "process", "program", "sampling", "system", "training"),
    *("walks", "distributions"),  # by which walks make tables
)


def _digest_of_source() -> str:
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for room in ENGINE:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".py", ".h", ".cpp", ".cu"):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(root).as_posix()} {len(content)} ".encode() + content)
    return digest.hexdigest()


_SOURCE = _digest_of_source()


def name(device: jax.Device, told: list[Any]) -> str:
    """The name of a program that is compiled for this kind of device and that `told` describes."""
    settings = sorted((key, value) for key, value in jax.config.values.items() if "cache" not in key)
    where = (device.platform, device.device_kind, device.client.platform_version, device.id)
    everything = repr((_surroundings(), os.environ.get("XLA_FLAGS"), settings, where, told))
    return hashlib.sha256(everything.encode()).hexdigest()


def load_or_make(
    device: jax.Device, told: list[Any], takes: Any, gives: Any, make: Callable[[], jax.stages.Compiled]
) -> jax.stages.Compiled:
    """The program that `told` describes: from disk, if it is there and whole, else made, and kept.

    takes, gives: pytrees built like its arguments, as (args, kwargs), and its results.
    """
    called = name(device, told)
    ready = _load(called, device, jax.tree.structure(takes), jax.tree.structure(gives))
    if ready is None:
        ready = make()
        _store(called, ready)
    return ready


def _load(name: str, device: jax.Device, takes: Any, gives: Any) -> jax.stages.Compiled | None:
    content = kept(name)
    try:
        return None if content is None else deserialize_and_load(content, takes, gives, device.client, [device])
    except Exception as error:  # whatever is wrong with it, it can be compiled again
        _log.info("%s: %s", name, error)
        return None


def _store(name: str, ready: jax.stages.Compiled) -> None:
    try:
        content = serialize(ready)[0]
    except Exception as error:  # a backend that cannot
        _log.info("%s is not cached: %s", name, error)
    else:
        keep(name, content)


@cache
def _surroundings() -> tuple[str, ...]:
    """The source of the package as it was imported, the versions of what compiles it, and the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    processor = {platform.machine(), platform.processor()}
    if cpuinfo.exists():
        processor |= {line for line in cpuinfo.read_text().splitlines() if line.startswith(("model name", "flags"))}
    versions = (f"{package} {version(package)}" for package in ("jax", "jaxlib", "numpy", "optax"))
    return _SOURCE, *versions, *sorted(processor)
