"""Where a dataset comes from: versions, device, command, times."""

import datetime
import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxcollapse._version import __version__
from jaxcollapse.parts.plugin import Plugin
from jaxcollapse.system.kernels import SAME_BITS

if TYPE_CHECKING:
    import jax

_COMPARED = ("versions", "device_kind", "platform", "kernel", "git_commit")  # said of all runs, where they differ
_PACKAGES = ("jax", "jaxlib", "optax", "numpy", "xarray", "netCDF4")


def provenance(
    started: datetime.datetime,
    precision: str,
    devices: Sequence["jax.Device"],
    plugins: Sequence[Plugin] = (),
    kernel: str = SAME_BITS,
    networks: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A record of this process, which computed on these devices with these plug-ins; the end is now.

    kernel: what it preferred, one of `system.kernels`. networks: digests of the pre-trained ones that it started from.
    """
    from jaxcollapse.native import trains

    device = devices[0]
    native = "native" if kernel == SAME_BITS or device.platform == "cpu" else "native or xla, whichever is faster"
    return {
        "versions": {"jaxcollapse": __version__, **{name: _version(name) for name in _PACKAGES}},
        "python": platform.python_version(),
        "platform": device.platform,
        "device_kind": device.device_kind,
        "devices": len(devices),
        "kernel": native if trains(device.platform, precision) else "xla",
        "prng": "threefry2x32",
        "x64": precision == "float64",
        "git_commit": git_commit(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "start": timestamp(started),
        "end": timestamp(now()),
        **({"plugins": {plugin.name: plugin.digest for plugin in plugins}} if plugins else {}),
        **({"networks": dict(networks)} if networks else {}),
    }


def is_provenance(record: Any) -> bool:
    """Whether a record, of any origin, has all that `merged` and a dataset need."""
    if not isinstance(record, dict) or not {"versions", *_COMPARED} <= record.keys():
        return False
    versions = record["versions"] if isinstance(record["versions"], dict) else {}
    texts = [record.get("start"), record.get("end"), versions.get("jaxcollapse")]
    return all(isinstance(text, str) and text.isprintable() for text in texts)


def merged(records: list[dict[str, Any]]) -> dict[str, Any]:
    """One provenance of several runs: the latest one's, with all times and all that differs."""
    if not records:
        return {}
    latest = dict(max(records, key=lambda record: record["end"]))
    latest["start"] = min(record["start"] for record in records)
    for key in _COMPARED:
        kinds = list({encode({key: record[key]}): record[key] for record in records}.values())
        if len(kinds) > 1:
            latest[f"{key}_mixed"] = kinds
    if networks := {name: found for record in records for name, found in (record.get("networks") or {}).items()}:
        latest["networks"] = networks
    return latest


def now() -> datetime.datetime:
    """The time, in UTC."""
    return datetime.datetime.now(datetime.UTC)


def timestamp(time: datetime.datetime) -> str:
    """A time as ISO 8601 text, to the second."""
    return time.isoformat(timespec="seconds")


def encode(record: dict[str, Any]) -> str:
    """A record as JSON text with sorted keys."""
    return json.dumps(record, sort_keys=True)


@cache
def git_commit() -> str | None:
    """The commit of the working tree that jaxcollapse runs from, if it is one."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder.parent / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
