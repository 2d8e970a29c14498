"""What was run: axes, constants and sizes, in a sentence and a table."""

from math import prod
from typing import Any

import xarray as xr

from jaxcollapse.errors import printable
from jaxcollapse.report.axes import Axis, listed
from jaxcollapse.sweep.display import count, label

_MOST_VALUES = 9


def sentence_of(data: xr.Dataset, axes: list[Axis]) -> str:
    """What was run, in a sentence."""
    swept = [f"{len(axis)} values of {axis.words}" for axis in axes if len(axis) > 1]
    cells = prod(map(len, axes))
    over = f", over {listed(swept)}" if swept else ""
    replicates = count(data.sizes["replicate"], "replicate")
    last = count(int(data.generation[-1]), "generation")
    how = _how(data)
    each = f"{replicates} each" if cells > 1 else replicates
    return f"{how} {count(cells, 'cell')} with {each} for {last}{over}."


def table_of(data: xr.Dataset, axes: list[Axis]) -> list[tuple[str, str, str]]:
    """Each axis and each constant: what it is called, its values, and "swept" or "constant"."""
    rows = [(axis.title, _values(axis), "swept") for axis in axes]
    for name, values in data.coords.items():
        if values.ndim == 0 and name not in ("generation", "replicate"):
            text = printable(label(values.item())).replace("inf", "∞") if values.item() == float("inf") else None
            rows.append((_words(values), text or printable(label(values.item())), "constant"))
    rows.append(("replicates", str(data.sizes["replicate"]), "constant"))
    recorded = f"{int(data.generation[-1])}, of which {data.sizes['generation']} are recorded (0 is the original)"
    return [*rows, ("generations", recorded, "constant")]


def _how(data: xr.Dataset) -> str:
    """What is trained, as far as it is the same in all cells."""
    told = {name: str(data[name].item()) for name in ("model", "update", "optimizer") if _is_constant(data, name)}
    model = f"a {told['model']} model" if "model" in told else "a model"
    if told.get("update") == "refit":
        by = "refitted to"
    elif told.get("update") == "gradient":
        by = f"trained by {told['optimizer']} on" if "optimizer" in told else "trained by gradient steps on"
    else:
        by = "trained on"
    return f"{model[0].upper()}{model[1:]}, {by} samples of itself:"


def _is_constant(data: xr.Dataset, name: str) -> bool:
    return name in data.coords and data[name].ndim == 0


def _words(values: Any) -> str:
    return printable(values.attrs.get("long_name", values.name)).replace("_", " ")


def _values(axis: Axis) -> str:
    labels = axis.labels
    if len(labels) > _MOST_VALUES:
        labels = (*labels[: _MOST_VALUES - 2], "…", labels[-1])
    return ", ".join(labels)
