"""Measuring what is recorded: on CPUs most of it by native code, which makes all sums in one pass."""

from collections.abc import Collection, Mapping, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Num

from jaxcollapse import native
from jaxcollapse.native import MEASURED, Origins
from jaxcollapse.observables.registry import OBSERVABLES, Observable
from jaxcollapse.observables.snapshot import Origin, Snapshot, Thresholds

Values = dict[str, Num[Array, "..."]]


def known(chosen: Sequence[Observable]) -> list[str]:
    """The names of those that native code measures."""
    return [entry.name for entry in chosen if entry.name in MEASURED]


def measured(chosen: Sequence[Observable], now: Snapshot, *, natively: bool) -> Values:
    """The values of these observables, by name: as they are defined, or what native code knows by native code."""
    wanted = known(chosen) if natively else []
    values: Values = {entry.name: entry.measure(now) for entry in chosen if entry.name not in wanted}
    if wanted:
        found = native.measure(now.logits, origins(now.start, now.thresholds, wanted), wanted=wanted)
        values |= of_their_kind(found)
    return values


def origins(start: Origin, thresholds: Thresholds, wanted: Collection[str]) -> Origins:
    """What native code measures against, for what is wanted."""
    rarest = start.rarest if "tail_mass" in wanted else jnp.zeros_like(start.p)  # not selected in vain
    return Origins(start.logits, rarest, thresholds.support)


def of_their_kind(found: Mapping[str, Num[Array, "..."]]) -> Values:
    """Native code gives floating-point numbers; those that are whole are integers."""
    return {name: value.astype(jnp.int32) if OBSERVABLES[name].whole else value for name, value in found.items()}
