"""Personas: what population genetics says of the chooser, whose sample are traces, and of tokens within a persona."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from tests.reference.laws import heterozygosity, tempered
from tests.support.one_device import every, run, table
from tests.support.statistics import assert_counts, assert_mean
from tests.support.sweeps import probabilities

INF = float("inf")
MASSES = np.array([0.7, 0.3])
ROWS = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
P0 = table(ROWS, weights=MASSES.tolist())
REFIT: dict[str, Any] = {"model": "persona", "update": "refit", "initial": P0}


def _chooser(data: xr.Dataset) -> np.ndarray:
    """[…, generation, persona]."""
    return probabilities(data)[..., 0, :2]


def _tokens(data: xr.Dataset) -> np.ndarray:
    """[…, generation, persona, token]."""
    return probabilities(data)[..., 1:, :]


def _heterozygosity(p: np.ndarray) -> np.ndarray:
    return 1 - (p * p).sum(axis=-1)


@pytest.fixture(scope="module")
def drift() -> xr.Dataset:
    """T = 1, traces of one token and of three."""
    axes = {"samples": [6, 20], "trace_length": [1, 3]}
    return run(REFIT, axes, replicates=30_000, **every(8))


def test_the_chooser_drifts_with_the_number_of_traces(drift: xr.Dataset) -> None:
    """E H_g = H_0 (1 − 1/N)^g however long traces are, and E c_g = c_0."""
    for n in (6, 20):
        for length in (1, 3):
            chooser = _chooser(drift.sel(samples=n, trace_length=length))
            for place, g in enumerate(drift.generation.values[1:], start=1):
                expected = heterozygosity(MASSES) * (1 - 1 / n) ** g
                assert_mean(_heterozygosity(chooser[:, place]), expected, resolves=0.05)
                assert_mean(chooser[:, place, 0], MASSES[0], resolves=0.03)


def _kept(mass: float, samples: int, length: int, generations: int) -> list[float]:
    """E Π_{s ≤ g, n_s > 0} (1 − 1/(L n_s)), n_s the traces of a persona of this mass: through the chain of n_s."""
    counts = np.arange(samples + 1)
    factor = np.where(counts > 0, 1 - 1 / (length * np.maximum(counts, 1)), 1.0)
    chain = stats.binom.pmf(counts, samples, counts[:, None] / samples)
    weighed, kept = stats.binom.pmf(counts, samples, mass) * factor, []
    for _ in range(generations):
        kept.append(weighed.sum())
        weighed = weighed @ chain * factor
    return kept


def test_tokens_drift_with_the_number_of_tokens_that_their_persona_has(drift: xr.Dataset) -> None:
    """E H_k,g = H_k,0 E Π (1 − 1/(L n_s)) over generations in which persona k has n_s > 0 traces."""
    for n in (6, 20):
        for length in (1, 3):
            tokens = _tokens(drift.sel(samples=n, trace_length=length))
            for k in range(2):
                kept = _kept(MASSES[k], n, length, 8)
                for place, g in enumerate(drift.generation.values[1:], start=1):
                    expected = heterozygosity(ROWS[k]) * kept[g - 1]
                    assert_mean(_heterozygosity(tokens[:, place, k]), expected, resolves=0.06)
                    assert_mean(tokens[:, place, k, 0], ROWS[k, 0], resolves=0.08)


def test_one_persona_is_a_sample_of_all_tokens() -> None:
    """E H_g = H_0 (1 − 1/(N L))^g, and the chooser has nothing to choose."""
    alone = {**REFIT, "initial": table(ROWS[:1])}
    data = run(alone, {"samples": [2, 9], "trace_length": [1, 4]}, replicates=20_000, **every(6))
    for n in (2, 9):
        for length in (1, 4):
            mine = data.sel(samples=n, trace_length=length)
            for place, g in enumerate(data.generation.values[1:], start=1):
                expected = heterozygosity(ROWS[0]) * (1 - 1 / (n * length)) ** g
                h = _heterozygosity(_tokens(mine)[:, place, 0])
                assert_mean(h, expected, resolves=0.04 if expected > 0.15 else None)
            assert (probabilities(mine)[..., 0, 0] == 1).all()


@pytest.mark.optimised
def test_a_persona_is_the_last_one_with_its_initial_probability() -> None:
    """And its rivals, which no trace visits any more, keep the rows that they had."""
    data = run({**REFIT, "samples": 5, "trace_length": 3}, replicates=30_000, **every(160))
    chooser, tokens = _chooser(data), _tokens(data)
    assert (chooser[:, -1].max(axis=-1) == 1).all()
    assert_counts(chooser[:, -1].sum(axis=0), len(chooser) * MASSES)
    was_alone = chooser[:, 1].max(axis=-1) == 1
    assert was_alone.mean() > 0.99
    for k in range(2):
        gone = chooser[:, 1, k] == 0
        np.testing.assert_array_equal(tokens[gone, 1, k], tokens[gone, 2, k])
        assert (tokens[gone, 2, k] > 0).all(axis=-1).any() or k == 0


@pytest.mark.parametrize("temperature_on", ["both", "chooser", "tokens"])
def test_temperature_is_where_it_is_wanted(temperature_on: str) -> None:
    """N = ∞: rows that it applies to are p0^{T^−g}, the others do not move; nor a persona that is never chosen.

    Nothing is lost: the same temperature, on the same rows, brings p0 back.
    """
    data = run(
        {**REFIT, "samples": INF, "temperature_on": temperature_on},
        {"temperature": [0.0, 0.8, 1.25, INF]},
        generations=4,
        replicates=1,
        observables=["default", "row_recovery_gap", "shared_tempering_gap"],
    )
    only = data.isel(replicate=0).sel(temperature=[0.8, 1.25])
    assert (only.shared_kl_to_initial[:, -1] > 1e-3).all()
    for gap in ("shared_recovery_gap", "row_recovery_gap", "shared_tempering_gap"):
        np.testing.assert_allclose(only[gap], 0, atol=1e-9)
    cooled = only.temperature.values[:, None] ** only.generation.values
    np.testing.assert_allclose(only.shared_recovery_temperature, 1 / cooled, rtol=1e-4)
    np.testing.assert_allclose(only.shared_effective_temperature, cooled, rtol=1e-4)
    found, logits = probabilities(data)[:, 0], data.logits.values[:, 0]
    for index, temperature in enumerate(data.temperature.values):
        for g in range(5):
            for row, start in enumerate([np.append(MASSES, 0), *ROWS]):
                applies = temperature_on in ("both", "tokens" if row else "chooser")
                never_chosen = row == 2 and temperature == 0 and temperature_on != "tokens"
                if not applies or never_chosen:
                    np.testing.assert_array_equal(logits[index, g, row], logits[index, 0, row])
                    continue
                expected = {0.0: start == start.max(), INF: (start > 0) / (start > 0).sum()}.get(temperature)
                if expected is None:
                    expected = tempered(start, temperature**g)
                np.testing.assert_allclose(found[index, g, row], start if g == 0 else expected, rtol=3e-6)


@pytest.mark.optimised
def test_real_traces_hold_up_the_chooser() -> None:
    """E F → [1/N + (1 − 1/N) F_0 (1 − (1 − m)²)] / [1 − (1 − 1/N)(1 − m)²] of personas, as of tokens of one row."""
    data = run(
        {**REFIT, "samples": 10, "trace_length": 2}, {"fresh_fraction": [0.3, 0.6]}, replicates=25_000, **every(24)
    )
    f0, n = 1 - heterozygosity(MASSES), 10
    for m in (0.3, 0.6):
        kept = (1 - m) ** 2
        limit = (1 / n + (1 - 1 / n) * f0 * (1 - kept)) / (1 - (1 - 1 / n) * kept)
        chooser = _chooser(data.sel(fresh_fraction=m))
        assert_mean((chooser[:, -1] ** 2).sum(axis=-1), limit, resolves=0.02)
        assert_mean(chooser[:, -1, 0], MASSES[0], resolves=0.02)
        tokens = _tokens(data.sel(fresh_fraction=m))
        assert_mean(tokens[:, -1], ROWS)


def test_at_temperature_one_nothing_moves_by_one_bit() -> None:
    """N = ∞, several steps a generation, whatever the logits are made from."""
    # Sign-SGD moves by the learning rate wherever a gradient is not zero to the last bit.
    process = {"initial": {"kind": "dirichlet", "shared": True}, "samples": INF, "batch_size": INF, "steps": 3}
    process |= {"rank": 2, "hidden_size": 5, "embedding_size": 3}
    process |= {"optimizer": "sign_sgd", "vocab_size": 7}
    axes = {"model": ["persona", "markov"], "parameters": ["table", "lowrank", "mlp"]}
    data = run(process, axes, generations=5, replicates=2)
    logits = data.logits.values
    assert (np.isfinite(logits).sum(axis=(-2, -1)) >= 24).all()
    np.testing.assert_array_equal(logits, np.broadcast_to(logits[..., :1, :, :], logits.shape))
