"""Real data at T < 1: fixed points, thresholds and the flow, against the map itself."""

import numpy as np
import pytest

from jaxcollapse import theory
from tests.test_real_data import fixed_points

T = 0.8


@pytest.mark.parametrize(("tokens", "share"), [(16, 0.15), (16, 0.25), (16, 0.3), (256, 0.45), (256, 0.5), (2, 0.1)])
def test_fixed_points_stay_where_they_are(tokens: int, share: float) -> None:
    points = theory.real_data_fixed_points(vocab_size=tokens, temperature=T, fresh_fraction=share)
    uniform = np.full(tokens, 1 / tokens)
    for x in points:
        start = np.array([x, *[(1 - x) / (tokens - 1)] * (tokens - 1)])
        after = theory.ideal_refit(uniform, start=start, temperature=T, fresh_fraction=share, generations=1)
        np.testing.assert_allclose(after, start, rtol=1e-9)
    np.testing.assert_allclose(points[1:], fixed_points(tokens, share), rtol=1e-6)


def test_both_states_last_between_the_thresholds_over_a_range_that_grows_with_the_vocabulary() -> None:
    diverse = float(theory.diverse_threshold(temperature=T))
    before = 0.0
    for tokens in (3, 16, 256, 4096):
        recovery = float(theory.recovery_threshold(vocab_size=tokens, temperature=T))
        inside = theory.real_data_fixed_points(
            vocab_size=tokens, temperature=T, fresh_fraction=(diverse + recovery) / 2
        )
        assert len(inside) == 3
        above = theory.real_data_fixed_points(vocab_size=tokens, temperature=T, fresh_fraction=recovery + 1e-6)
        assert len(above) == 1
        below = theory.real_data_fixed_points(vocab_size=tokens, temperature=T, fresh_fraction=diverse - 1e-3)
        assert len(below) == 2
        assert recovery - diverse > before
        before = recovery - diverse
    np.testing.assert_allclose(theory.recovery_threshold(vocab_size=2, temperature=T), diverse)


def test_a_bump_grows_below_the_threshold_and_shrinks_above() -> None:
    uniform, bump = np.full(8, 1 / 8), np.full(8, 1 / 8) + 1e-6 * (np.eye(8)[0] - 1 / 8)
    for share, grows in ((0.19, True), (0.21, False)):
        after = theory.ideal_refit(uniform, start=bump, temperature=T, fresh_fraction=share, generations=1)
        assert (after[0] > bump[0]) == grows


def test_the_flow_is_the_limit_of_small_partial_refits() -> None:
    """The error falls in proportion to the mixing."""
    p0 = np.array([0.5, 0.3, 0.2])
    settings = {"temperature": 0.7, "fresh_fraction": 0.1}
    missed = []
    for mixing, g in ((0.02, 200), (0.002, 2000)):
        flow = theory.real_data_flow(p0, mixing=mixing, generations=[0, g], **settings)
        np.testing.assert_allclose(flow[0], p0, atol=1e-12)
        missed.append(np.abs(flow[1] - theory.ideal_refit(p0, mixing=mixing, generations=g, **settings)).max())
    assert missed[1] == pytest.approx(missed[0] / 10, rel=0.1)
    assert missed[1] < 1e-3


def test_edges() -> None:
    np.testing.assert_array_equal(
        theory.real_data_fixed_points(vocab_size=4, temperature=T, fresh_fraction=0), [0.25, 1]
    )
    flow = theory.real_data_flow([0.5, 0.5], temperature=T, fresh_fraction=0.1, mixing=0.1, generations=0)
    np.testing.assert_array_equal(flow, [0.5, 0.5])
    with pytest.raises(ValueError, match=r"temperature: 1\.2: must be a number above 0 and below 1"):
        theory.diverse_threshold(temperature=1.2)
    with pytest.raises(ValueError, match=r"vocab_size: 1: must be a whole number from 2 to"):
        theory.recovery_threshold(vocab_size=1, temperature=T)
