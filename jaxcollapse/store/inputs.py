"""Copies of the files that a sweep reads, so that its study can be moved and resumed anywhere."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxcollapse.distributions.allowed_paths import within
from jaxcollapse.sweep.axes import POINTS, parse_axis
from jaxcollapse.sweep.designs import FROM_FILE
from jaxcollapse.sweep.identity import content_digest
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.atomic import replacing
from jaxcollapse.system.paths import user_path


def with_inputs(sweep: Sweep, inputs: Path) -> Sweep:
    """The sweep with the files that it reads copied to `inputs`, so that the study can be moved.

    Plain relative paths stay as they are, below `inputs`; others become the file's name. Points that a file lists are
    written into the sweep.
    """
    sweep = with_points(sweep)
    located = {
        path: content_digest(file)
        for spec in sweep.grid.column("initial").values
        for path, file in zip(spec.paths, spec.input_files(), strict=True)
    }
    if not located:
        return sweep

    def adopt(path: str) -> str:
        written = user_path(path)
        source = sweep.folder / written
        plain = not written.is_absolute() and ".." not in written.parts
        name = path if plain else f"{source.stem}-{located[str(source)][:8]}{source.suffix}"
        target = within(inputs, name)
        if not (target.exists() and content_digest(target) == located[str(source)]):
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)
        return name

    return Sweep.from_dict(_map_paths(sweep.to_dict(), adopt), folder=inputs)


def with_points(sweep: Sweep) -> Sweep:
    """The sweep with the points of files as the columns of a zip."""
    data = sweep.to_dict()
    tables = [data["axes"]] if "axes" in data else []
    if not any(
        isinstance(spec, dict) and FROM_FILE in spec
        for table in (*tables, *data.get("grid", ()))
        for spec in table.values()
    ):
        return sweep

    def listed(table: dict[str, Any]) -> dict[str, Any]:
        made = dict(table)
        for name, spec in table.items():
            if isinstance(spec, dict) and FROM_FILE in spec:
                axis = parse_axis(name, spec, folder=sweep.grid.folder)
                made[name] = {"zip": axis.fields, **({"where": spec["where"]} if "where" in spec else {})}
        return made

    changed: dict[str, Any] = {key: listed(data[key]) for key in ("axes",) if key in data}
    if "grid" in data:
        changed["grid"] = [listed(table) for table in data["grid"]]
    return Sweep.from_dict({**data, **changed}, folder=sweep.grid.folder)


def _map_paths(data: dict[str, Any], adopt: Callable[[str], str]) -> dict[str, Any]:
    """A sweep's keys with every path of an initial distribution replaced."""

    def path(written: Any) -> Any:
        return [adopt(each) for each in written] if isinstance(written, list) else adopt(written)

    def table(initial: Any) -> Any:
        return (
            {**initial, "path": path(initial["path"])} if isinstance(initial, dict) and "path" in initial else initial
        )

    def axes(columns: dict[str, Any]) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for field, spec in columns.items():
            changed[field] = values(field, spec)
        return changed

    def values(field: str, spec: Any) -> Any:
        if isinstance(spec, dict):
            known = {name: axes(entry) for name, entry in spec.items() if name == "zip"}
            known |= {name: values(field, entry) for name, entry in spec.items() if name == "values"}
            return axes(spec) if field == POINTS else {**spec, **known}
        if field == "initial.path":
            return [path(each) for each in spec]
        return [table(entry) for entry in spec] if field == "initial" else spec

    mapped = dict(data)
    if "initial" in mapped.get("process", {}):
        mapped["process"] = {**mapped["process"], "initial": table(mapped["process"]["initial"])}
    if "axes" in mapped:
        mapped["axes"] = axes(mapped["axes"])
    if "grid" in mapped:
        mapped["grid"] = [axes(each) for each in mapped["grid"]]
    return mapped
