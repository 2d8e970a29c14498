"""A short table of what happened, for a terminal."""

import itertools
from math import prod

import numpy as np
import xarray as xr
from rich.box import SIMPLE
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import entries, heading, partly, spread
from jaxcollapse.analysis.status import last_generation, number_of_replicates
from jaxcollapse.analysis.verdict import ABSENT, TOLERANCE, median_gap, name_of, verdicts, without_absent

_LEGEND = f"""\
cooled, heated: another sampling temperature brings the original back (to {TOLERANCE:g} nat, and most of the log loss)
distorted: no temperature does, but the mode and the order of tokens are kept
forgetting: tokens, modes or their order are lost; collapsed: forgetting, with one token left"""
WIDTH = 120
_MOST_ROWS = 24
_GAP, _NUMBER = 3, 5  # characters between columns, and of a space and a recovery gap


def summary_table(data: xr.Dataset, width: int = WIDTH) -> Group:
    """One row for each combination of all axes but the last, one column for each value of the last.

    An entry is the verdict and the recovery gap in nat. Where there would be too many rows, axes are held at their
    middle value; of a first or last axis with too many values, some are shown, evenly spread. The title says so.

    Args:
        data: a dataset with the observables that verdicts need.
        width: characters of a line.
    """
    data = in_order(data)
    words, gap = without_absent(data, verdicts(data)), median_gap(data)
    dims = [str(dimension) for dimension in words.dims]
    names = {name: heading(data, name) for name in dims}
    labels = {name: [escape(entry) for entry in entries(data, name)] for name in dims}
    rows, columns = dims[:-1], dims[-1:]
    held: dict[str, int] = {}
    while len(rows) > 1 and prod(words.sizes[name] for name in rows) > _MOST_ROWS:
        longest = max(rows[1:], key=lambda name: words.sizes[name])
        held[longest] = words.sizes[longest] // 2
        rows.remove(longest)
    heads = {name: names[name] for name in rows}
    room = _room(width, heads, labels)
    breadths = [_breadth(words.isel({name: place})) for name in columns for place in range(words.sizes[name])]
    in_two_lines = sum(breadths) + len(breadths) * (_GAP + _NUMBER) > room
    if in_two_lines:
        heads = {name: head.replace("_", "_\n") for name, head in heads.items()}
        room = _room(width, heads, labels)
    separator = "\n" if in_two_lines else " "
    most = {name: max(1, room // (_GAP + max(breadths))) for name in columns if in_two_lines}
    most.update(dict.fromkeys(rows[:1], _MOST_ROWS))
    shown = {name: spread(words.sizes[name], most.get(name, words.sizes[name])) for name in [*rows, *columns]}

    table = Table(box=SIMPLE)
    for name in rows:
        table.add_column(heads[name], justify="right", no_wrap=len(heads) > 1, overflow="fold")
    for header in [labels[name][place] for name in columns for place in shown[name]] or ["verdict"]:
        table.add_column(header, justify="left", overflow="fold")
    for row in _places(shown, rows):
        if (words.isel(held | row) == ABSENT).all():
            continue
        told = [separator.join(_entry(words, gap, held | row | column)) for column in _places(shown, columns)]
        table.add_row(*(labels[name][place] for name, place in row.items()), *told)
    return Group(*map(Text.from_markup, _title(data, names, labels, held, shown)), table, Text(_LEGEND))


def _title(
    data: xr.Dataset,
    names: dict[str, str],
    labels: dict[str, list[str]],
    held: dict[str, int],
    shown: dict[str, list[int]],
) -> list[str]:
    """What the entries are, and what of the axes is left out."""
    replicates = f"{number_of_replicates(data)} replicate{'s' * (data.sizes['replicate'] != 1)}"
    across = f", by {list(names.values())[-1]}" if names else ""
    title = [f"After {last_generation(data)} generations, the median of {replicates}:"]
    title.append(f"verdict and recovery gap in nat{across}")
    title += [f"at {names[name]} = {labels[name][place]}" for name, place in held.items()]
    for name, chosen in shown.items():
        title += [f"at {part}" for part in partly(len(chosen), len(labels[name]), names[name])]
    return title


def _room(width: int, heads: dict[str, str], labels: dict[str, list[str]]) -> int:
    """Characters that the columns of row labels leave."""
    return width - sum(_GAP + max(map(len, [*head.split("\n"), *labels[name]])) for name, head in heads.items())


def _places(shown: dict[str, list[int]], dims: list[str]) -> list[dict[str, int]]:
    """Every combination of indices along these dimensions."""
    return [dict(zip(dims, place, strict=True)) for place in itertools.product(*(shown[name] for name in dims))]


def _entry(words: xr.DataArray, gap: xr.DataArray, place: dict[str, int]) -> list[str]:
    verdict, amount = int(words.isel(place)), float(gap.isel(place))
    if verdict < 0:
        return [name_of(verdict)]
    return [name_of(verdict), "∞" if np.isinf(amount) else f"{amount:.2f}" if amount < 100 else f"{amount:.0e}"]


def _breadth(words: xr.DataArray) -> int:
    """Characters of the longest of these verdicts."""
    return max(len(name_of(verdict)) for verdict in np.unique(words).tolist())
