"""How a study is cut into chunks: runs must agree on it to share the work.

The first run says in plan.json which shards there were when it cut the rest; a run that joins it, or goes on after it,
makes the same cut. What else has been computed since, it leaves out.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxcollapse.errors import InputError
from jaxcollapse.store.extension import parts_of
from jaxcollapse.sweep.sweep import Sweep

_MOST_BYTES = 2**28  # of a plan of ten million chunks


@dataclass(frozen=True)
class Partition:
    """A cut of a study into chunks.

    Attributes:
        of: digest of what the cut follows from, apart from `without`.
        without: names of the shards that were there before.
    """

    of: str
    without: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The cut as JSON data of plan.json."""
        return {"of": self.of, "without": list(self.without)}


def partition(plan_file: Path, of: str, shards: Collection[str]) -> Partition:
    """The cut that an earlier run has made, if it was the same sweep's and its shards are still there; or a new one."""
    held = _held(plan_file)
    if held is not None and held.of == of and set(held.without) <= set(shards):
        return held
    return Partition(of, tuple(sorted(shards)))


def is_agreed(plan_file: Path, cut: Partition) -> bool:
    """Whether a file says that runs are to make this cut."""
    return _held(plan_file) == cut


def is_planned(plan_file: Path, study: str) -> bool:
    """Whether a file is the plan of a study of this fingerprint."""
    return _told(plan_file).get("study") == study


def check_parts(plan_file: Path, sweep: Sweep) -> None:
    """Raises `InputError` if plug-ins have another text than when the study was planned, as far as its plan says."""
    if not (own := parts_of(sweep)):
        return
    before = _told(plan_file).get("settings", {})
    parts = before.get("parts") if isinstance(before, dict) else None
    for name, now in own.items():
        was = parts.get(name) if isinstance(parts, dict) else None
        if was is not None and was != now:
            told = f"{name} came from the plug-in {was} when the study was begun, and now comes from {now}"
            raise InputError("plugins", f"{told}; name another folder with --out", str(plan_file.parent))


def _told(plan_file: Path) -> dict[str, Any]:
    """What a file of any origin says; nothing if it is not a plan."""
    try:
        if not plan_file.is_file() or plan_file.stat().st_size > _MOST_BYTES:
            return {}
        told = json.loads(plan_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _held(plan_file: Path) -> Partition | None:
    """The cut that a file records; None if it records none."""
    try:
        told = _told(plan_file)["partition"]
        of, without = told["of"], told["without"]
    except (LookupError, TypeError):
        return None
    if not isinstance(of, str) or not isinstance(without, list) or not all(isinstance(name, str) for name in without):
        return None
    return Partition(of, tuple(without))
