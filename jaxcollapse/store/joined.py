"""Several datasets of one process as one: side by side on their axes, with what is missing marked as missing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.errors import InputError, shown
from jaxcollapse.execute.provenance import encode, is_provenance, merged, now, timestamp
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.store.dataset import write_whole
from jaxcollapse.store.joined_axes import JoinedAxis, JoinPart, joined_axes
from jaxcollapse.store.joined_values import Joint
from jaxcollapse.store.whole import read
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.sweep.toml import as_toml
from jaxcollapse.system.atomic import replacing, seal
from jaxcollapse.walks import WALKS

_ALIKE = ("seed", "generations", "precision", "common_random_numbers", "support_threshold", "collapse_threshold")


def concat(datasets: Iterable[xr.Dataset | str | Path]) -> xr.Dataset:
    """One dataset of several results of one process.

    Axes get all values, and replicates are united. Constants of the sweep files that differ become an axis; several
    that differ together become one axis with several coordinates. Trajectories that none of the results has are missing
    (`status`). Trajectories that several of them have must be equal to the bit. A trajectory's numbers follow from its
    seed, cell and replicate, so the result is that of a sweep that computed all at once.

    Args:
        datasets: at least two datasets, study folders, or files of datasets. They are read as a whole.

    Returns:
        The dataset, in memory. Its attributes `history` and `provenance` describe all parts, and `sweep` is a sweep
        file with all values.

    Raises:
        InputError: they contradict each other: other seeds, generations, thresholds, precision, plug-ins, observables
            or labels of tokens, axes that do not go together, or the same trajectory with other numbers.
    """
    if isinstance(datasets, xr.Dataset | str | Path | Mapping):
        raise InputError("datasets", "is not a list; give at least two datasets or studies, as in concat([a, b])")
    parts = [_part(number, each) for number, each in enumerate(datasets, start=1)]
    if len(parts) < 2:
        raise InputError("datasets", f"there is only {len(parts)}; give at least two datasets or studies")
    _check_alike(parts)
    axes = joined_axes(parts)
    joint = Joint(parts, axes)
    found = xr.Dataset(joint.variables(), joint.coordinates())
    found.attrs = _attributes(parts, axes, joint.replicates)
    return found


def join(datasets: Sequence[Path], out: Path) -> xr.Dataset:
    """Writes the dataset of several results as a netCDF file, and returns it.

    Args:
        datasets: study folders, or files of datasets.
        out: the file.

    Raises:
        InputError: they contradict each other, or the file cannot be written.
    """
    found = concat(datasets)
    try:
        with replacing(out) as temporary:
            write_whole(found, temporary)
            seal(temporary)
    except OSError as error:
        raise InputError("out", f"cannot be written: {error.strerror}", str(out)) from None
    return found


def _part(number: int, what: xr.Dataset | str | Path) -> JoinPart:
    if isinstance(what, xr.Dataset):
        return JoinPart.of(f"dataset {number}", what.load())
    data, _ = read(what)
    with data:
        return JoinPart.of(str(what), data.load())


def _check_alike(parts: Sequence[JoinPart]) -> None:
    """Raises InputError where parts cannot belong to one study."""
    first = parts[0]
    defaults = {name: Sweep.model_fields[name].default for name in _ALIKE}
    for part in parts[1:]:
        for key in _ALIKE:
            one, other = (each.sweep.get(key, defaults[key]) for each in (first, part))
            if one != other:
                raise InputError(key, f"is {shown(one)} in {first.name}, but {shown(other)} here", part.name)
        ours, theirs = first.data.generation.values, part.data.generation.values
        if not np.array_equal(ours, theirs):
            told = f"{len(theirs)} generations are recorded, up to {theirs.max()}"
            raise InputError(
                "generation", f"{told}; in {first.name} these are {len(ours)}, up to {ours.max()}", part.name
            )
    _check_plugins(parts)
    names = {str(name) for part in parts for name in part.data.data_vars}
    for part in parts:
        if lacking := sorted(name for name in names - set(part.data.data_vars) if _is_of(part, name)):
            raise InputError("observables", f"lacks {', '.join(lacking)}, which another dataset has", part.name)


def _is_of(part: JoinPart, name: str) -> bool:
    """Whether the models of a part could have a variable."""
    models = np.unique(part.data.coords.get("model", xr.DataArray("categorical"))).tolist()
    known = [WALKS[model].make for model in models if model in WALKS]
    if name == "text":
        return not all(walk.is_of_tokens for walk in known) or len(known) < len(models)
    return name not in OBSERVABLES or len(known) < len(models) or any(map(OBSERVABLES[name].is_of, known))


def _check_plugins(parts: Sequence[JoinPart]) -> None:
    digests: dict[str, tuple[str, str]] = {}
    for part in parts:
        for plugin, digest in (_provenance(part).get("plugins") or {}).items():
            known, home = digests.setdefault(plugin, (digest, part.name))
            if known != digest:
                raise InputError("plugins", f"{plugin} has another content than for {home}", part.name)


def _provenance(part: JoinPart) -> dict[str, Any]:
    try:
        told = json.loads(part.data.attrs.get("provenance", "{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _attributes(parts: Sequence[JoinPart], axes: Sequence[JoinedAxis], replicates: list[int]) -> dict[str, Any]:
    """The attributes of the joined dataset."""
    records = [told for part in parts if is_provenance(told := _provenance(part))]
    titles, comments = (
        dict.fromkeys(str(part.data.attrs[key]) for part in parts if part.data.attrs.get(key))
        for key in ("title", "comment")
    )
    lines = dict.fromkeys(line for part in parts for line in str(part.data.attrs.get("history", "")).splitlines())
    first = dict(parts[0].data.attrs)
    made = {key: first[key] for key in ("Conventions", "source") if key in first}
    made["title"] = "; ".join(titles)
    made["history"] = "\n".join(
        [*lines, f"{timestamp(now())} joined by jaxcollapse: {', '.join(p.name for p in parts)}"]
    )
    made |= {key: first[key] for key in ("support_threshold", "collapse_threshold") if key in first}
    made["sweep"] = _sweep(parts, axes, replicates, made["title"])
    made["provenance"] = encode(merged(records))
    if comments:
        made["comment"] = "\n".join(comments)
    return made


def _sweep(parts: Sequence[JoinPart], axes: Sequence[JoinedAxis], replicates: list[int], title: str) -> str:
    """A sweep file with the values of all parts, as their sweep files write them."""
    swept = {field for axis in axes for field in axis.fields}
    process: dict[str, Any] = {}
    for part in parts:
        process |= {
            key: value for key, value in part.table("process").items() if key not in process | dict.fromkeys(swept)
        }
    told = dict(parts[0].sweep) | {"title": title, "replicates": max(replicates) + 1}
    table: dict[str, Any] = {}
    for axis in axes:
        columns = zip(axis.fields, zip(*axis.points, strict=True), strict=True)
        written = {field: [_as_written(parts, field, value) for value in column] for field, column in columns}
        form = {"zip": written} if axis.is_zip else {"values": written[axis.name]}
        limits = _conditions(parts, axis.name)
        table[axis.name] = {**form, "where": limits} if limits else form.get("values", form)
    return as_toml({**told, "process": process, "axes": table})


def _conditions(parts: Sequence[JoinPart], axis: str) -> Any:
    """The cells to which the sweep files limit an axis.

    Raises:
        InputError: they differ.
    """
    having = [part for part in parts if axis in part.dims]
    limits = [
        table.get("where") if isinstance(table := part.table("axes").get(axis), Mapping) else None for part in having
    ]
    for part, limit in zip(having, limits, strict=True):
        if limit != limits[0]:
            told = f"is limited to {shown(limit)} here, and to {shown(limits[0])} in {having[0].name}"
            raise InputError(axis, told, part.name)
    return limits[0] if limits else None


def _as_written(parts: Sequence[JoinPart], field: str, value: Any) -> Any:
    """A value as a sweep file has it, which is another than its coordinate for tables and long lists."""
    if not isinstance(value, str):
        return value
    for part in parts:
        axis = part.table("axes").get(field)
        if isinstance(axis, list) and field in part.dims and len(axis) == part.data.sizes[field]:
            written = dict(zip(part.data[field].values.tolist(), axis, strict=True))
            if value in written:
                return written[value]
        is_constant = field in part.table("process") and field in part.data.coords and not part.data[field].dims
        if is_constant and part.data[field].item() == value:
            return part.table("process")[field]
    return value
