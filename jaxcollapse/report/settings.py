"""What was run: axes, constants and sizes, in a sentence and a table."""

from typing import Any

import xarray as xr

from jaxcollapse.analysis.labels import entry
from jaxcollapse.analysis.status import ASKED, last_generation, number_of_replicates, own_cells
from jaxcollapse.errors import printable
from jaxcollapse.report.axes import ShownAxis, listed
from jaxcollapse.sweep.display import count

_MOST_VALUES = 9
_LONGEST = 1000  # characters of a constant
_NAMES = {"markov": "Markov"}


def sentence_of(data: xr.Dataset, axes: list[ShownAxis]) -> str:
    """What was run, in a sentence."""
    swept = [f"{len(axis)} values of {axis.words}" for axis in axes if len(axis) > 1]
    cells = int(own_cells(data).sum())
    over = f", over {listed(swept)}" if swept else ""
    replicates = f"{number_of_replicates(data)} replicate{'s' * (data.sizes['replicate'] != 1)}"
    last = count(last_generation(data), "generation")
    how = _how(data)
    each = f"{replicates} each" if cells > 1 else replicates
    return f"{how} {count(cells, 'cell')} with {each} for {last}{over}."


def table_of(data: xr.Dataset, axes: list[ShownAxis]) -> list[tuple[str, str, str]]:
    """Each axis and each constant: what it is called, its values, and "swept" or "constant"."""
    rows = [(axis.title, _values(axis), "swept") for axis in axes]
    for name, values in data.coords.items():
        if values.ndim == 0 and name not in ("generation", "replicate", ASKED):
            rows.append((_words(values), entry(values.item(), str(name), letters=_LONGEST), "constant"))
    rows.append(("replicates", number_of_replicates(data), "by a rule" if ASKED in data.coords else "constant"))
    recorded = f"{last_generation(data)}; {data.sizes['generation']} are recorded (0 is the original)"
    return [*rows, ("generations", recorded, "constant")]


def _how(data: xr.Dataset) -> str:
    """What is trained, as far as it is the same in all cells."""
    told = {name: str(data[name].item()) for name in ("model", "update", "optimizer") if _is_constant(data, name)}
    model = _NAMES.get(told.get("model", ""), told.get("model", ""))
    article = "an" if model[:1] in tuple("aeiou") else "a"
    if told.get("update") == "refit":
        by = "refitted to"
    elif told.get("update") == "gradient":
        by = f"trained by {told['optimizer']} on" if "optimizer" in told else "trained by gradient steps on"
    elif told.get("update") == "policy_gradient":
        by = "trained by a policy gradient on"
    else:
        by = "trained on"
    return f"{' '.join(filter(None, (article.capitalize(), model, 'model')))}, {by} samples of itself:"


def _is_constant(data: xr.Dataset, name: str) -> bool:
    return name in data.coords and data[name].ndim == 0


def _words(values: Any) -> str:
    return printable(values.attrs.get("long_name", values.name)).replace("_", " ")


def _values(axis: ShownAxis) -> str:
    labels = axis.labels
    if len(labels) > _MOST_VALUES:
        labels = (*labels[: _MOST_VALUES - 2], "…", labels[-1])
    return ", ".join(labels)
