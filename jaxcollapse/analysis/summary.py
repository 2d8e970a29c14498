"""A short table of what happened, for a terminal."""

import itertools
from math import prod

import numpy as np
import xarray as xr
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from jaxcollapse.analysis.labels import entries, heading, spread
from jaxcollapse.analysis.verdict import TOLERANCE, VERDICTS, median, verdicts

_LEGEND = f"""\
cooled, heated: another sampling temperature brings the original back (to {TOLERANCE:g} nat of log loss)
forgetting: none does; collapsed: forgetting, with one token left"""
_MOST_ROWS = 24
_WIDTH, _GAP, _ENTRY = 120, 3, 14  # characters of a line, between columns, and of the longest entry


def summary_table(data: xr.Dataset) -> Table:
    """One row for each combination of all axes but the last, one column for each value of the last.

    An entry is the verdict and the recovery gap in nat. Where there would be too many rows, axes are held at their
    middle value; of a first or last axis with too many values, some are shown, evenly spread. The title says so.
    """
    words, gap = verdicts(data), median(data.recovery_gap.isel(generation=-1))
    dims = [str(dimension) for dimension in words.dims]
    names = {name: heading(data, name) for name in dims}
    labels = {name: [escape(entry) for entry in entries(data, name)] for name in dims}
    rows, columns = dims[:-1], dims[-1:]
    held: dict[str, int] = {}
    while len(rows) > 1 and prod(words.sizes[name] for name in rows) > _MOST_ROWS:
        longest = max(rows[1:], key=lambda name: words.sizes[name])
        held[longest] = words.sizes[longest] // 2
        rows.remove(longest)
    room = _WIDTH - sum(_GAP + max(map(len, [names[name], *labels[name]])) for name in rows)
    most = {name: max(1, room // (_GAP + _ENTRY)) for name in columns} | dict.fromkeys(rows[:1], _MOST_ROWS)
    shown = {name: spread(words.sizes[name], most.get(name, words.sizes[name])) for name in [*rows, *columns]}

    number = data.sizes["replicate"]
    replicates = f"{number} replicate{'s' if number > 1 else ''}"
    title = [f"After {int(data.generation[-1])} generations, the median of {replicates}:"]
    title.append("verdict and recovery gap in nat" + (f", by {names[columns[0]]}" if columns else ""))
    title += [f"at {names[name]} = {labels[name][place]}" for name, place in held.items()]
    for name, chosen in shown.items():
        if len(chosen) < words.sizes[name]:
            title.append(f"at {len(chosen)} of the {words.sizes[name]} values of {names[name]}")
    table = Table(
        title="\n".join(title),
        caption=_LEGEND,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE,
        min_width=max(map(len, [*title, *_LEGEND.splitlines()])),
    )
    for name in rows:
        table.add_column(names[name], justify="right", overflow="fold")
    for header in [labels[name][place] for name in columns for place in shown[name]] or ["verdict"]:
        table.add_column(header, justify="left", overflow="fold")
    for row in _places(shown, rows):
        told = [_entry(words, gap, held | row | column) for column in _places(shown, columns)]
        table.add_row(*(labels[name][place] for name, place in row.items()), *told)
    return table


def _places(shown: dict[str, list[int]], dims: list[str]) -> list[dict[str, int]]:
    """Every combination of indices along these dimensions."""
    return [dict(zip(dims, place, strict=True)) for place in itertools.product(*(shown[name] for name in dims))]


def _entry(words: xr.DataArray, gap: xr.DataArray, place: dict[str, int]) -> str:
    verdict, amount = int(words.isel(place)), float(gap.isel(place))
    if verdict < 0:
        return "missing"
    return f"{VERDICTS[verdict]} {'∞' if np.isinf(amount) else f'{amount:.2f}'}"
