"""Measuring what is recorded: on CPUs most of it by native code, which makes all sums in one pass."""

from collections.abc import Sequence

import jax
from jaxtyping import Array, Num

from jaxcollapse.native import MEASURED, measure, serves
from jaxcollapse.observables.registry import Observable
from jaxcollapse.observables.snapshot import Origin, Row, Snapshot, Thresholds

Numbers = dict[str, Num[Array, ""]]


def measured(chosen: Sequence[Observable], now: Snapshot) -> Numbers:
    """The values of these observables, by name."""

    def as_defined(logits: Row, start: Origin, thresholds: Thresholds) -> Numbers:
        again = Snapshot(logits, start, thresholds)
        return {entry.name: entry.measure(again) for entry in chosen}

    def natively(logits: Row, start: Origin, thresholds: Thresholds) -> Numbers:
        rest = [entry for entry in chosen if entry.name not in MEASURED]
        again = Snapshot(logits, start, thresholds)
        shared = start.logits, start.log_p, start.p, start.modes, start.rarest, thresholds.support
        found = measure(logits, *shared, wanted={entry.name for entry in chosen if entry not in rest})
        whole = {entry.name for entry in chosen if entry.whole}
        here = {name: value.astype("int32") if name in whole else value for name, value in found.items()}
        return {**here, **{entry.name: entry.measure(again) for entry in rest}}

    if not serves("cpu", str(now.logits.dtype)) or all(entry.name not in MEASURED for entry in chosen):
        return as_defined(now.logits, now.start, now.thresholds)
    return jax.lax.platform_dependent(now.logits, now.start, now.thresholds, cpu=natively, default=as_defined)
