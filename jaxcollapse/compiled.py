"""Compiled programs on disk, so that the next run need neither trace nor compile them.

They are kept where the user's caches are (`$XDG_CACHE_HOME/jaxcollapse` or `~/.cache/jaxcollapse` on Linux), which may
be deleted at any time, and not at all where JAX has been told to keep nothing (`JAX_ENABLE_COMPILATION_CACHE=false`). A
file's name stands for all that decides about a program: this package's source, the versions of what compiles it, JAX's
settings, and the processor, since homes are shared by unequal machines. What is in a file is run as it is: like any
program, it is only as safe as the folder is.
"""

import hashlib
import logging
import os
import platform
import zlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental.serialize_executable import deserialize_and_load, serialize
from platformdirs import user_cache_path

from jaxcollapse.store.atomic import replacing

_DIGEST = 32  # bytes of the checksum that a file begins with
_MOST_BYTES = 2**29  # of all files together; the oldest go first

_log = logging.getLogger(__name__)


def name(device: jax.Device, told: list[Any]) -> str:
    """The name of a program that is compiled for this kind of device and that `told` describes."""
    settings = sorted((key, value) for key, value in jax.config.values.items() if "cache" not in key)
    where = (device.platform, device.device_kind, device.client.platform_version, device.id)
    everything = repr((_surroundings(), os.environ.get("XLA_FLAGS"), settings, where, told))
    return hashlib.sha256(everything.encode()).hexdigest()


def load(name: str, device: jax.Device, takes: Any, gives: Any) -> jax.stages.Compiled | None:
    """The program of this name, if it is there and whole. `takes`, `gives`: structure of its arguments and results."""
    path = _folder() / name
    if not _is_wanted() or not path.is_file():
        return None
    try:
        content = path.read_bytes()
        packed = content[_DIGEST:]
        if _digest(name, packed) != content[:_DIGEST]:
            raise ValueError("is damaged, or another program")
        ready = deserialize_and_load(zlib.decompress(packed), takes, gives, device.client, [device])
        os.utime(path)
    except Exception as error:  # whatever is wrong with a file, its program can be compiled again
        _log.info("%s: %s", path, error)
        return None
    return ready


def store(name: str, ready: jax.stages.Compiled) -> None:
    """Keeps a program. That it cannot be kept does no harm."""
    if not _is_wanted():
        return
    folder = _folder()
    try:
        packed = zlib.compress(serialize(ready)[0], 1)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with replacing(folder / name) as temporary:
            temporary.write_bytes(_digest(name, packed) + packed)
        _drop_oldest(folder)
    except Exception as error:  # a full disk, a backend that cannot
        _log.info("%s is not kept: %s", folder / name, error)


def _is_wanted() -> bool:
    return bool(jax.config.values["jax_enable_compilation_cache"])


def _digest(name: str, packed: bytes) -> bytes:
    return hashlib.sha256(name.encode() + packed).digest()


def _folder() -> Path:
    return user_cache_path("jaxcollapse") / "programs"


def _drop_oldest(folder: Path) -> None:
    files = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir()), reverse=True)
    total = 0
    for _, size, path in files:
        total += size
        if total > _MOST_BYTES:
            path.unlink(missing_ok=True)


@cache
def _surroundings() -> tuple[str, ...]:
    """The source of the package, the versions of what compiles it, and the processor."""
    root = Path(__file__).parent
    files = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".h", ".cpp"))
    source = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    cpuinfo = Path("/proc/cpuinfo")
    processor = {platform.machine(), platform.processor()}
    if cpuinfo.exists():
        processor |= {line for line in cpuinfo.read_text().splitlines() if line.startswith(("model name", "flags"))}
    versions = (f"{package} {version(package)}" for package in ("jax", "jaxlib", "numpy", "optax"))
    return source.hexdigest(), *versions, *sorted(processor)
