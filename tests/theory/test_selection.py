"""Curation, a verifier and truncation at infinitely many samples, against their definitions step by step."""

import numpy as np
import pytest

from jaxcollapse import theory
from tests.reference.laws import tempered

P0 = np.array([0.4, 0.25, 0.2, 0.1, 0.05])


def test_curation_multiplies_by_the_reward_in_each_generation() -> None:
    r, p = np.array([0.3, -0.2, 0.9, 0.0, 0.5]), P0
    for g in range(4):
        np.testing.assert_allclose(theory.curated_refit(P0, scores=r, reward_scale=0.7, generations=g), p)
        p = p * np.exp(0.7 * r)
        p /= p.sum()


def test_preferring_what_is_likely_is_a_temperature() -> None:
    p = P0
    for g in range(4):
        reached = theory.curation_temperature(reward_scale=0.25, generations=g)
        np.testing.assert_allclose(tempered(P0, float(reached)), p)
        p = p**1.25 / (p**1.25).sum()


def test_a_verifier_multiplies_odds_in_each_generation() -> None:
    p, rate = P0, np.array([0.9, 0.9, 0.9, 0.6, 0.6])
    for g in range(4):
        found = theory.verified_refit(
            P0, true_positive_rate=0.9, false_positive_rate=0.6, correct_share=0.8, generations=g
        )
        np.testing.assert_allclose(found, p)
        p = p * rate / (p * rate).sum()


def test_the_verifiers_threshold_parts_the_winners() -> None:
    rates = {"true_positive_rate": 0.9, "false_positive_rate": 0.6}
    threshold = float(theory.verifier_threshold(temperature=0.8, **rates))
    for start, wins in ((threshold - 1e-3, False), (threshold + 1e-3, True)):
        p = np.array([start, 1 - start])
        for _ in range(200):
            p = tempered(p, 0.8) * np.array([0.9, 0.6])
            p /= p.sum()
        assert (p[0] > 0.99) == wins
    np.testing.assert_allclose(
        theory.verifier_threshold(temperature=0.8, true_positive_rate=0.5, false_positive_rate=0.5), 0.5
    )


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        ({}, 5),
        ({"top_k": 3}, 3),
        ({"top_k": 1}, 1),
        ({"top_p": 0.65}, 2),
        ({"top_p": 0.66}, 3),
        ({"min_p": 0.25}, 4),
        ({"min_p": 1.0}, 1),
        ({"top_k": 4, "top_p": 0.8}, 3),
    ],
)
def test_truncation_keeps_the_most_likely_tokens(cut: dict[str, float], kept: int) -> None:
    q = theory.truncated(P0, **cut)
    assert np.count_nonzero(q) == kept
    np.testing.assert_allclose(q[:kept], P0[:kept] / P0[:kept].sum())


def test_ties_stay_together() -> None:
    even = np.full(4, 0.25)
    for cut in ({"top_k": 1}, {"top_p": 0.1}, {"min_p": 1.0}):
        np.testing.assert_array_equal(theory.truncated(even, **cut), even)


def test_truncated_refits_end_where_nothing_is_cut() -> None:
    """top_p goes on until the rarest token that is left has more than 1 − top_p."""
    p = 1 / np.arange(1.0, 40)
    p /= p.sum()
    for cut in ({"top_k": 7}, {"top_p": 0.9}, {"min_p": 0.1}, {"top_k": 9, "top_p": 0.95}):
        end = theory.truncation_limit(p, **cut)
        np.testing.assert_allclose(end, theory.ideal_refit(p, generations=60, **cut), atol=1e-15)
        np.testing.assert_array_equal(theory.truncated(end, **cut) > 0, end > 0)
    left = theory.truncation_limit(p, top_p=0.9)
    assert left[left > 0].min() > 0.1


def test_what_makes_no_sense_is_refused() -> None:
    for call, told in (
        (lambda: theory.curated_refit(P0, scores=[1.0], generations=1), r"scores: 1 of them: must be one for each"),
        (
            lambda: theory.curated_refit(P0, scores=[np.inf] * 5, generations=1),
            r"scores: .*: must be one row of finite",
        ),
        (lambda: theory.curation_temperature(reward_scale=-1, generations=1), r"reward_scale: -1: must be a finite"),
        (lambda: theory.truncated(P0, top_p=0.0), r"top_p: 0\.0: must be a number above 0, at most 1"),
        (lambda: theory.truncated(P0, top_k=1.5), r"top_k: 1\.5: must be a whole number from 1 to inf"),
    ):
        with pytest.raises(ValueError, match=told):
            call()
