"""A short table of what happened, for a terminal."""

import itertools

import xarray as xr
from rich.box import SIMPLE
from rich.table import Table

from jaxcollapse.analysis.verdict import VERDICTS, median, verdicts
from jaxcollapse.sweep.display import label

_MOST_ROWS = 24


def summary_table(data: xr.Dataset) -> Table:
    """One row for each combination of all axes but the last, one column for each value of the last.

    An entry is the verdict and the recovery gap in nat. Where there would be too many rows, axes are held at their
    middle value, and the title says so.
    """
    words, gap = verdicts(data), median(data.recovery_gap.isel(generation=-1))
    held = []
    dims = [str(dimension) for dimension in words.dims]
    rows, columns = dims[:-1], dims[-1:]
    while len(rows) > 1 and words.size // words.sizes[columns[0]] > _MOST_ROWS:
        longest = max(rows[1:], key=lambda dimension: words.sizes[dimension])
        place = words.sizes[longest] // 2
        held.append(f"{longest} = {label(words[longest].values[place].item())}")
        words, gap = words.isel({longest: place}), gap.isel({longest: place})
        rows.remove(longest)

    generations = int(data.generation[-1])
    title = [f"After {generations} generations, the median of {data.sizes['replicate']} replicates:"]
    title.append("verdict and recovery gap in nat" + (f", by {columns[0]}" if columns else ""))
    title += [f"at {', '.join(held)}"] if held else []
    table = Table(title="\n".join(title), title_justify="left", box=SIMPLE)
    for name in rows:
        table.add_column(name, justify="right")
    for column in _places(words, columns):
        table.add_column(_labels(words, column)[0] if columns else "verdict", justify="left", no_wrap=True)
    for row in _places(words, rows):
        entries = [_entry(words.isel(row | column), gap.isel(row | column)) for column in _places(words, columns)]
        table.add_row(*_labels(words, row), *entries)
    return table


def _places(array: xr.DataArray, dims: list[str]) -> list[dict[str, int]]:
    """Every combination of indices along these dimensions."""
    places = itertools.product(*(range(array.sizes[name]) for name in dims))
    return [dict(zip(dims, place, strict=True)) for place in places]


def _labels(array: xr.DataArray, place: dict[str, int]) -> list[str]:
    return [label(array[name].values[index].item()) for name, index in place.items()]


def _entry(word: xr.DataArray, gap: xr.DataArray) -> str:
    if int(word) < 0:
        return "missing"
    return f"{VERDICTS[int(word)]} {float(gap):.2f}"
