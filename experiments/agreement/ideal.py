"""Infinitely many samples: nothing is random, and the numbers agree but for rounding."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.agreement.comparison import Comparison, of_number, probabilities, simulated, values
from jaxcollapse import theory

P0 = np.array([0.35, 0.3, 0.2, 0.1, 0.05])
INF = float("inf")
SCORES = [0.3, -0.2, 0.9, 0.0, 0.5]


def comparisons() -> Iterator[Comparison]:
    """All of this page's settings."""
    yield from _temperature()
    yield from _descent()
    yield from _truncation()
    yield from _selection()
    yield from _real_data()
    yield from _thresholds()


def _final(generations: int, **process: Any) -> np.ndarray:
    """The model after so many generations of refits."""
    cell: dict[str, Any] = {"initial": values(P0), "update": "refit", "samples": INF, **process}
    data = simulated(
        cell, generations=generations, replicates=1, precision="float64", record={"every": generations, "logits": True}
    )
    return probabilities(data)[0, -1]


def _temperature() -> Iterator[Comparison]:
    p = _final(3, temperature=0.8)
    expected = theory.tempered_refit(P0, temperature=0.8, generations=3)
    for token in (0, 4):
        yield of_number("tempered_refit", f"token {token}, T = 0.8, g = 3", expected[token], p[token])
    data = simulated(
        {"initial": values(P0), "update": "refit", "samples": INF, "temperature": 1.2},
        generations=3,
        replicates=1,
        precision="float64",
        observables=["effective_temperature"],
    )
    reached = theory.effective_temperature(temperature=1.2, generations=3)
    yield of_number("effective_temperature", "T = 1.2, g = 3", reached, data.effective_temperature.values[0, -1])


def _descent() -> Iterator[Comparison]:
    cell: dict[str, Any] = {"learning_rate": 0.7, "temperature": 0.8, "steps": 2}
    data = simulated(
        {"initial": values(P0), "batch_size": INF, **cell}, generations=5, replicates=1, precision="float64"
    )
    expected = theory.ideal_descent(P0, generations=5, **cell)
    for token in (0, 4):
        yield of_number(
            "ideal_descent",
            f"token {token}, η = 0.7, T = 0.8, K = 2, g = 5",
            expected[token],
            probabilities(data)[0, -1, token],
        )


def _truncation() -> Iterator[Comparison]:
    for cut in ({"top_k": 3}, {"top_p": 0.8}, {"min_p": 0.3}):
        told = ", ".join(f"{key} = {value}" for key, value in cut.items())
        yield of_number("truncated", f"token 0, {told}", theory.truncated(P0, **cut)[0], _final(1, **cut)[0])
    limit = theory.truncation_limit(P0, top_p=0.8)
    yield of_number("truncation_limit", "token 0, top_p = 0.8, g = 20", limit[0], _final(20, top_p=0.8)[0])
    more: dict[str, Any] = {"temperature": 0.9, "top_k": 4, "fresh_fraction": 0.2, "mixing": 0.5}
    expected = theory.ideal_refit(P0, generations=6, **more)
    told = ", ".join(f"{key} = {value}" for key, value in more.items())
    p = _final(6, **more)
    for token in (0, 4):
        yield of_number("ideal_refit", f"token {token}, {told}, g = 6", expected[token], p[token])


def _selection() -> Iterator[Comparison]:
    many = {"curation": "bradley_terry", "candidates": INF}
    p = _final(3, **many, reward="score", scores=SCORES, reward_scale=0.7)
    expected = theory.curated_refit(P0, scores=SCORES, reward_scale=0.7, generations=3)
    yield of_number("curated_refit", "token 2, scores, β = 0.7, g = 3", expected[2], p[2])
    p = _final(3, **many, reward="original_likelihood", reward_scale=0.7)
    expected = theory.curated_refit(P0, scores=np.log(P0), reward_scale=0.7, generations=3)
    yield of_number("curated_refit", "token 0, original likelihood, β = 0.7, g = 3", expected[0], p[0])
    p = _final(3, **many, reward="likelihood", reward_scale=0.25)
    reached = np.log(P0[0] / P0[4]) / np.log(p[0] / p[4])
    predicted = theory.curation_temperature(reward_scale=0.25, generations=3)
    yield of_number("curation_temperature", "from log-odds, likelihood, β = 0.25, g = 3", predicted, reached)
    rates: dict[str, Any] = {"true_positive_rate": 0.9, "false_positive_rate": 0.6, "correct_share": 0.6}
    expected = theory.verified_refit(P0, generations=4, **rates)
    yield of_number("verified_refit", "token 0, TPR = 0.9, FPR = 0.6, g = 4", expected[0], _final(4, **rates)[0])
    rates = {"true_positive_rate": 0.6, "false_positive_rate": 0.7}
    threshold = theory.verifier_threshold(temperature=0.8, **rates)
    start = values([threshold, 1 - threshold])
    p = _final(1, initial=start, temperature=0.8, correct_share=0.5, **rates)
    yield of_number(
        "verifier_threshold", "p of the correct token stays, T = 0.8, TPR = 0.6, FPR = 0.7", threshold, p[0]
    )


def _real_data() -> Iterator[Comparison]:
    """The equation's error is of the order of the mixing: that is the bound, on what has moved."""
    cell: dict[str, Any] = {"temperature": 0.8, "fresh_fraction": 0.1, "mixing": 0.005}
    p = _final(200, **cell)
    expected = theory.real_data_flow(P0, generations=200, **cell)
    for token in (0, 4):
        yield of_number(
            "real_data_flow",
            f"token {token}, T = 0.8, m = 0.1, a = 0.005, g = 200",
            expected[token],
            p[token],
            bound=cell["mixing"] * abs(expected[token] - P0[token]),
        )
    for tokens, share in ((16, 0.3), (256, 0.45)):
        points = theory.real_data_fixed_points(vocab_size=tokens, temperature=0.8, fresh_fraction=share)
        p = _final(
            600,
            initial={"kind": "uniform"},
            vocab_size=tokens,
            temperature=0.8,
            fresh_fraction=share,
            collapsed_start=0.99,
        )
        yield of_number(
            "real_data_fixed_points", f"from collapse, V = {tokens}, T = 0.8, m = {share}", points[-1], p.max()
        )


def _thresholds() -> Iterator[Comparison]:
    """From how fast a tiny bump grows; and from the share at which a collapsed model first comes back."""
    uniform = {"initial": {"kind": "uniform"}, "vocab_size": 16, "update": "refit", "samples": INF, "temperature": 0.8}
    exact: dict[str, Any] = {"replicates": 1, "precision": "float64"}
    data = simulated({**uniform, "fresh_fraction": 0.3, "collapsed_start": 1e-6}, generations=1, **exact)
    bump = probabilities(data)[0].max(axis=-1) - 1 / 16
    diverse = theory.diverse_threshold(temperature=0.8)
    yield Comparison(
        "diverse_threshold",
        "1 − (1 − m)/growth of a bump of 10⁻⁶, T = 0.8, m = 0.3",
        float(diverse),
        float(1 - 0.7 * bump[0] / bump[1]),
        1e-5 * float(diverse),
    )
    recovery = float(theory.recovery_threshold(vocab_size=16, temperature=0.8))
    shares = recovery * np.linspace(0.99, 1.01, 21)
    data = simulated(
        {**uniform, "collapsed_start": 0.99},
        {"fresh_fraction": shares.tolist()},
        generations=1500,
        record={"every": 1500, "logits": True},
        **exact,
    )
    back = probabilities(data)[:, 0, -1].max(axis=-1) < 0.1
    first = int(back.argmax())
    yield Comparison(
        "recovery_threshold",
        "V = 16, T = 0.8, between two shares 0.1 % apart",
        recovery,
        float(shares[first - 1 : first + 1].mean()),
        1e-3 * recovery,
    )
