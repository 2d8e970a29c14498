"""Measuring what is recorded: on CPUs most of it by native code, which makes all sums in one pass."""

from collections.abc import Collection, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse import native
from jaxcollapse.native import MEASURED, Origins
from jaxcollapse.observables.registry import Observable
from jaxcollapse.observables.snapshot import Origin, Snapshot, SweepThresholds

_WAYS_BACK = (
    "recovery_temperature",
    "recovery_gap",
    "smoothed_recovery_temperature",
    "smoothed_recovery_gap",
    "order_gap",
)


def in_order(chosen: Sequence[Observable]) -> list[str]:
    """The names of these observables as they are recorded: first what native code knows, then the rest."""
    return [*known(chosen), *(entry.name for entry in chosen if entry.name not in MEASURED)]


def known(chosen: Sequence[Observable]) -> list[str]:
    """The names of those that native code measures, in its order."""
    names = {entry.name for entry in chosen}
    return [name for name in MEASURED if name in names]


def measured(chosen: Sequence[Observable], now: Snapshot, *, natively: bool) -> Float[Array, " series"]:
    """The values of these observables, `in_order`, of some several: as they are defined, or by native code."""
    wanted = known(chosen) if natively else []
    found = _by_native(now, wanted) if wanted else None
    by_name = {entry.name: entry for entry in chosen}
    rest = [jnp.atleast_1d(by_name[name].measure(now)) for name in in_order(chosen) if name not in wanted]
    values = [each.astype(now.table.dtype) for each in rest]
    return jnp.concatenate(values if found is None else [found, *values])


def _by_native(now: Snapshot, wanted: Sequence[str]) -> Float[Array, " wanted"]:
    """What is wanted of a model; ways back to p0 from the table in range, if its scale is kept apart."""
    against = origins(now.start, now.thresholds, wanted)
    found = native.measure(now.logits, against, wanted=wanted)
    ways = [name for name in wanted if name in _WAYS_BACK]
    if now.scaled.octaves is None or now.walk.is_structured or not ways:
        return found
    back = native.measure(now.logits_in_range, against, wanted=wanted)
    for name in ways:
        place = wanted.index(name)
        found = found.at[place].set(now.at_scale(back[place]) if name.endswith("temperature") else back[place])
    return found


def origins(start: Origin, thresholds: SweepThresholds, wanted: Collection[str]) -> Origins:
    """What native code measures against, for what is wanted."""
    rarest = start.rarest if "tail_mass" in wanted else jnp.zeros_like(start.p)  # not selected in vain
    samples = jnp.full((), jnp.inf, start.p.dtype) if start.samples is None else start.samples
    return Origins(start.logits, rarest, thresholds.support, samples)
