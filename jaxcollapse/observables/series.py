"""Measuring what is recorded: on CPUs most of it by native code, which makes all sums in one pass."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Num

from jaxcollapse.native import MEASURED, measure
from jaxcollapse.observables.registry import Observable
from jaxcollapse.observables.snapshot import Snapshot


def measured(chosen: Sequence[Observable], now: Snapshot, *, natively: bool) -> dict[str, Num[Array, ""]]:
    """The values of these observables, by name: as they are defined, or what native code knows by native code."""
    known = [entry for entry in chosen if natively and entry.name in MEASURED]
    values = {entry.name: entry.measure(now) for entry in chosen if entry not in known}
    if known:
        start, wanted = now.start, {entry.name for entry in known}
        rarest = start.rarest if "tail_mass" in wanted else jnp.zeros_like(start.p)  # not selected in vain
        shared = start.logits, start.log_p, start.p, start.modes, rarest, now.thresholds.support
        found = measure(now.logits, *shared, wanted=wanted)
        values |= {
            entry.name: found[entry.name].astype("int32") if entry.whole else found[entry.name] for entry in known
        }
    return values
