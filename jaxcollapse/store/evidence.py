"""What a study's shards say about the quantities that its rule for replicates measures."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxcollapse.errors import printable
from jaxcollapse.execute import COMPLETE, Result
from jaxcollapse.planning.measured import Measured, measured
from jaxcollapse.planning.until import Asked, Evidence, asked
from jaxcollapse.store.placement import ELSEWHERE, rows
from jaxcollapse.store.shard import BadShardError, read_variable
from jaxcollapse.store.shards import Shards
from jaxcollapse.sweep.stopping import Stopping
from jaxcollapse.sweep.sweep import Sweep

if TYPE_CHECKING:
    from jaxcollapse.store.study import Study

_log = logging.getLogger(__name__)
Variables = dict[str, np.ndarray]


def shards_and_asked(study: "Study", rule: Stopping, some: Shards | None = None) -> tuple[Shards, Asked]:
    """The shards of a study that can be read, and how many replicates its rule asks for.

    Args:
        study: the study.
        rule: its rule.
        some: some of its shards, by default all.

    Raises:
        OSError: one cannot be read, and may be all right.
    """
    shards, quantities = study.shards() if some is None else some, list(measured(study.sweep))
    while True:
        try:
            parts = [_of_shard(path, numbers, quantities, study.sweep) for path, numbers in shards.good.items()]
            return shards, asked(rule, quantities, _together(parts, quantities), study.sweep.grid.cells)
        except BadShardError as error:
            bad = error
        _log.warning("%s is ignored: %s", printable(bad.path), printable(bad))
        shards = study.shards([path for path in (*shards.good, *shards.begun) if path != bad.path])
        shards.bad.update({bad.path: str(bad)} if bad.path else {})


def asked_after(results: Iterable[Result], sweep: Sweep, rule: Stopping) -> Asked:
    """How many replicates the rule of a sweep asks for when these chunks have been computed."""
    quantities = list(measured(sweep))
    parts = []
    for result in results:
        variables = {**result.series, **result.events, "status": result.status}
        known = {name: _last(variables[name]) for name in _needed(quantities)}
        numbers = rows(result.chunk.cells, result.chunk.replicates, sweep.replicates)
        parts.append(_evidence(numbers, known, quantities, sweep))
    return asked(rule, quantities, _together(parts, quantities), sweep.grid.cells)


def _of_shard(path: Path, numbers: np.ndarray, quantities: Sequence[Measured], sweep: Sweep) -> Evidence:
    mine = np.flatnonzero(numbers != ELSEWHERE)
    known = {name: _last(read_variable(path, name, slice(None)))[mine] for name in _needed(quantities)}
    return _evidence(numbers[mine], known, quantities, sweep)


def _needed(quantities: Sequence[Measured]) -> dict[str, None]:
    """The variables that are read."""
    return dict.fromkeys(["status", *(name for each in quantities for name in each.variables)])


def _last(values: np.ndarray) -> np.ndarray:
    """A variable at the last generation; events and the status have no generations."""
    return values if values.ndim == 1 else values[:, -1]


def _evidence(numbers: np.ndarray, known: Variables, quantities: Sequence[Measured], sweep: Sweep) -> Evidence:
    cells, replicates = np.divmod(numbers, sweep.replicates)
    values = {each.name: each.of(known, cells) for each in quantities}
    return Evidence(cells, replicates, known["status"] == COMPLETE, values)


def _together(parts: Sequence[Evidence], quantities: Sequence[Measured]) -> Evidence:
    """Parts in the order of cells and replicates, each trajectory once, so that sums do not depend on chunks."""
    if not parts:
        empty = np.zeros(0, int)
        return Evidence(empty, empty, empty.astype(bool), {each.name: np.zeros(0) for each in quantities})
    cells, replicates, counts = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("cells", "replicates", "counts")
    )
    order = np.lexsort((replicates, cells))
    is_new = np.ones(len(order), bool)
    is_new[1:] = (np.diff(cells[order]) != 0) | (np.diff(replicates[order]) != 0)
    order = order[is_new]
    values = {each.name: np.concatenate([part.values[each.name] for part in parts])[order] for each in quantities}
    return Evidence(cells[order], replicates[order], counts[order], values)
