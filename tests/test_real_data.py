"""The same share of real data may keep a model diverse and yet not bring a collapsed one back: hysteresis."""

import numpy as np
from scipy.optimize import brentq

from tests.reference.laws import tempered
from tests.support.sweeps import probabilities, run

TEMPERATURE = 0.8
SHARES = [0.15, 0.25, 0.3, 0.45, 0.5, 0.6]


def fixed_points(tokens: int, share: float) -> list[float]:
    """All x with p = (x, rest evenly) on the map p ← (1 − m) τ_T(p) + m uniform, from NumPy and SciPy alone."""

    def excess(x: float) -> float:
        p = np.array([x, *[(1 - x) / (tokens - 1)] * (tokens - 1)])
        return float((1 - share) * tempered(p, TEMPERATURE)[0] + share / tokens - x)

    grid = np.linspace(1 / tokens + 1e-4, 1 - 1e-6, 4000)
    values = [excess(x) for x in grid]
    crossings = [place for place in range(len(grid) - 1) if values[place] * values[place + 1] < 0]
    return [float(brentq(excess, grid[place], grid[place + 1])) for place in crossings]


def test_a_collapsed_and_a_diverse_state_coexist_over_a_range_that_widens_with_the_vocabulary() -> None:
    """N = ∞: from a collapsed start the largest fixed point below it is reached, or p0 if there is none."""
    data = run(
        {"initial": {"kind": "uniform"}, "update": "refit", "samples": float("inf"), "temperature": TEMPERATURE},
        {"vocab_size": [16, 256], "collapsed_start": [0.0, 0.99], "fresh_fraction": SHARES},
        generations=500,
        replicates=1,
        record={"every": 500, "logits": True},
        precision="float64",
    )
    logits = data.logits.values[..., 0, -1, :]
    collapsed = []
    for place, tokens in enumerate([16, 256]):
        p = np.exp(logits[place, ..., :tokens] - logits[place, ..., :tokens].max(axis=-1, keepdims=True))
        modal = (p / p.sum(axis=-1, keepdims=True))[..., 0]
        np.testing.assert_allclose(modal[0], 1 / tokens, rtol=1e-12)
        for found, share in zip(modal[1], SHARES, strict=True):
            expected = max(fixed_points(tokens, share), default=1 / tokens)
            np.testing.assert_allclose(found, expected, rtol=1e-6)
        collapsed.append(int((modal[1] > 2 / tokens).sum()))
    assert collapsed == [3, 5]  # with 16 tokens up to m = 0.3, with 256 up to 0.5


def test_a_model_starts_where_it_is_told_to_and_real_data_stay_what_they_were() -> None:
    """Half on the mode, rows alike; fed with real data alone it is fitted to p0."""
    data = run(
        {"vocab_size": 5, "update": "refit", "samples": float("inf"), "collapsed_start": 0.5, "fresh_fraction": 1.0},
        generations=1,
        replicates=1,
        record={"every": 1, "logits": True},
        observables=["kl_to_initial"],
    )
    p0 = 1 / np.arange(1.0, 6)
    p0 /= p0.sum()
    p = probabilities(data)[0]
    np.testing.assert_allclose(p[0], 0.5 * p0 + 0.5 * np.eye(5)[0], rtol=1e-6)
    np.testing.assert_allclose(p[1], p0, rtol=1e-6)
    assert data.kl_to_initial[0, 0] > 0.1
    np.testing.assert_allclose(data.kl_to_initial[0, 1], 0, atol=1e-10)


def test_a_token_that_a_refit_has_not_seen_is_lost_for_a_moment_only_which_smoothing_does_not_call_forgetting() -> None:
    """The numbers of docs/process.md: half of 3000 samples are real, some of 256 tokens are in none of them."""
    data = run(
        {"vocab_size": 256, "update": "refit", "samples": 3000},
        {"fresh_fraction": [0.0, 0.5], "smoothing": [0.0, 0.1]},
        generations=200,
        replicates=16,
        record={"every": 20},
        observables=["entropy", "support_size", "recovery_gap", "kl_from_initial", "total_variation"],
    )
    later = data.sel(generation=slice(100, None)).median(("replicate", "generation"))
    fresh, plain = later.sel(fresh_fraction=0.5), later.sel(smoothing=0.0)
    np.testing.assert_allclose(fresh.entropy, [4.26, 4.29], atol=0.02)
    assert np.isinf(plain.recovery_gap).all()
    assert 5 < 256 - fresh.support_size.sel(smoothing=0.0) < 30
    np.testing.assert_allclose(later.recovery_gap.sel(smoothing=0.1), [1.1, 0.07], rtol=0.2)
    np.testing.assert_allclose(plain.total_variation, [0.65, 0.10], rtol=0.2)
    np.testing.assert_allclose(plain.kl_from_initial, [1.6, 0.06], rtol=0.2)
    counts = data.support_size.sel(fresh_fraction=0.5, smoothing=0.0)
    assert (counts.diff("generation") > 0).any(), "what was unseen is seen again"
