"""Copies of the files that a sweep reads, so that its study can be moved and resumed anywhere."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxcollapse.distributions.allowed_paths import within
from jaxcollapse.distributions.file import File
from jaxcollapse.sweep.grid import content_digest
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.atomic import replacing
from jaxcollapse.system.paths import user_path


def with_inputs(sweep: Sweep, inputs: Path) -> Sweep:
    """The sweep with the files that it reads copied to `inputs`, so that the study can be moved.

    Plain relative paths stay as they are, below `inputs`; others become the file's name.
    """
    located = {
        spec.path: content_digest(spec) for spec in sweep.grid.column("initial").values if isinstance(spec, File)
    }
    if not located:
        return sweep

    def adopt(path: str) -> str:
        written = user_path(path)
        source = sweep.folder / written
        plain = not written.is_absolute() and ".." not in written.parts
        name = path if plain else f"{source.stem}-{located[str(source)][:8]}{source.suffix}"
        target = within(inputs, name)
        if not (target.exists() and content_digest(File(path=str(target))) == located[str(source)]):
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)
        return name

    return Sweep.from_dict(_map_paths(sweep.to_dict(), adopt), folder=inputs)


def _map_paths(data: dict[str, Any], adopt: Callable[[str], str]) -> dict[str, Any]:
    """A sweep's keys with every path of an initial distribution replaced."""

    def table(initial: Any) -> Any:
        return (
            {**initial, "path": adopt(initial["path"])} if isinstance(initial, dict) and "path" in initial else initial
        )

    def axes(columns: dict[str, Any]) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for field, spec in columns.items():
            if isinstance(spec, dict) and "zip" in spec:
                changed[field] = {"zip": axes(spec["zip"])}
            elif field == "initial.path":
                changed[field] = [adopt(path) for path in spec]
            elif field == "initial":
                changed[field] = [table(entry) for entry in spec]
            else:
                changed[field] = spec
        return changed

    mapped = dict(data)
    if "initial" in mapped.get("process", {}):
        mapped["process"] = {**mapped["process"], "initial": table(mapped["process"]["initial"])}
    if "axes" in mapped:
        mapped["axes"] = axes(mapped["axes"])
    return mapped
