"""Observables of pairs of rows: as they are defined, and by native code in both of its layouts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.native import MEASURED
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.series import measured
from jaxcollapse.observables.snapshot import Snapshot, SweepThresholds, origin
from jaxcollapse.training.rewards import Rates, Rewarded
from jaxcollapse.walks.categorical import Categorical
from jaxcollapse.walks.walk import Numbers
from tests.support.engines import leaner_jit

ENGINES = {"definitions": 0, "side by side": 0, "in a row": 100}  # tokens at least, by padding
SAMPLES = 5000.0  # of the refit that p comes from
RATES = 0.75, 0.125  # chances of a reward for a correct token, and for any other
ONE_TOKEN = Numbers(np.int32(1), np.int32(-1))
each_engine = pytest.mark.parametrize("engine", ENGINES)


@partial(leaner_jit, static_argnames="natively")
def _measured(start: jax.Array, now: jax.Array, thresholds: SweepThresholds, natively: bool) -> dict[str, jax.Array]:
    def row(start: jax.Array, now: jax.Array) -> dict[str, jax.Array]:
        correct = (jnp.arange(len(start)) % 2 == 0)[None]
        p0 = origin(start[None], start[None], thresholds, Categorical(), ONE_TOKEN, jnp.float32(SAMPLES), correct)
        snapshot = Snapshot(
            now[None],
            p0,
            thresholds,
            Categorical(),
            ONE_TOKEN,
            rewarded=lambda: Rewarded(now[None], None, Rates(*RATES), None),
        )
        entries = [entry for entry in OBSERVABLES.values() if entry.is_of(Categorical())]
        defined = {entry.name: entry.measure(snapshot) for entry in entries}
        series = [OBSERVABLES[name] for name in MEASURED]
        return (
            {**defined, **dict(zip(MEASURED, measured(series, snapshot, natively=True), strict=True))}
            if natively
            else defined
        )

    return jax.vmap(row)(start, now)


def measure(start: np.ndarray, now: np.ndarray, thresholds: SweepThresholds, engine: str) -> dict[str, np.ndarray]:
    """All observables of one row, [row], of logits [row, token] of p0 and p, rounded to float32."""
    missing = max(0, ENGINES[engine] - start.shape[-1])

    def padded(rows: np.ndarray) -> jax.Array:
        return jnp.asarray(np.pad(rows, ((0, 0), (0, missing)), constant_values=-np.inf), jnp.float32)

    found = _measured(padded(start), padded(now), thresholds, engine != "definitions")
    return {name: np.asarray(values) for name, values in found.items()}
