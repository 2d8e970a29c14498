"""The first step of gradient descent on small batches.

The mean of logits at T = 1 is known, so the part of a change that is linear in them is taken off: it adds noise only.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.agreement.comparison import Comparison, of_sample, simulated, values
from jaxcollapse import theory

P0 = np.array([0.6, 0.25, 0.1, 0.05])
ONE: dict[str, Any] = {"generations": 1, "precision": "float64"}


def comparisons() -> Iterator[Comparison]:
    """All of this page's settings."""
    yield from _logits()
    yield from _second_order()
    yield from _every_batch()
    yield from _signs()


def _logits() -> Iterator[Comparison]:
    cell: dict[str, Any] = {"learning_rate": 0.3, "temperature": 0.5}
    data = simulated({"initial": values(P0), "batch_size": 8, **cell}, replicates=100_000, **ONE)
    step = np.diff(data.logits.values, axis=1)[:, 0]
    mean = theory.mean_logit_step(P0, **cell)
    spread = theory.logit_step_covariance(P0, batch_size=8, **cell)
    where = "η = 0.3, T = 0.5, B = 8"
    for token in (0, 2):
        yield of_sample("mean_logit_step", f"token {token}, {where}", mean[token], step[:, token])
    off = step - mean
    for first, second in ((0, 0), (2, 2), (0, 1)):
        product = off[:, first] * off[:, second]
        yield of_sample("logit_step_covariance", f"tokens {first}, {second}, {where}", spread[first, second], product)


def _second_order() -> Iterator[Comparison]:
    """The bound is (η + η²)/B, relative."""
    cell: dict[str, Any] = {"learning_rate": 0.1, "batch_size": 50}
    data = simulated({"initial": values(P0), **cell}, replicates=150_000, **ONE)
    bound = (0.1 + 0.1**2) / 50
    where = "η = 0.1, B = 50"
    change, rest = _beyond_linear(data.logits.values)
    predicted = theory.mean_probability_step(P0, **cell)
    for token in (0, 1):
        yield of_sample(
            "mean_probability_step",
            f"token {token}, {where}",
            predicted[token],
            change[:, token],
            bound * abs(predicted[token]),
        )
    lost = float(theory.mean_entropy_step(P0, **cell))
    yield of_sample("mean_entropy_step", where, lost, rest, bound * abs(lost))


def _every_batch() -> Iterator[Comparison]:
    cell: dict[str, Any] = {"learning_rate": 1.0, "batch_size": 3}
    data = simulated({"initial": values(P0), **cell}, replicates=100_000, **ONE)
    law = theory.step_law(P0, **cell)
    change, rest = _beyond_linear(data.logits.values)
    for token in (0, 1):
        expected = law.chance @ (law.p[:, token] - P0[token])
        yield of_sample("step_law", f"mean of Δp of token {token}, η = 1, B = 3", expected, change[:, token])
    yield of_sample("step_law", "mean of ΔS, η = 1, B = 3", law.chance @ _entropy(law.p) - _entropy(P0), rest)


def _signs() -> Iterator[Comparison]:
    data = simulated(
        {"initial": values(P0), "optimizer": "sign_sgd", "learning_rate": 0.05, "batch_size": 1},
        replicates=100_000,
        **ONE,
    )
    step = np.diff(data.logits.values, axis=1)[:, 0]
    mean = theory.mean_sign_step(P0, learning_rate=0.05)
    for token in (1, 2, 3):
        yield of_sample("mean_sign_step", f"token {token}, η = 0.05", mean[token], step[:, token])
    yield of_sample("mean_sign_step", "z_0 − z_3, η = 0.05", mean[0] - mean[3], step[:, 0] - step[:, 3])


def _beyond_linear(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Changes of p and of S in the first step, less what is linear in that of the logits, whose mean is 0."""
    step = logits[:, 1] - logits[:, 0]
    p = np.exp(logits[:, 1])
    p /= p.sum(axis=1, keepdims=True)
    linear = P0 * (step - (step @ P0)[:, np.newaxis])
    slope = -P0 * (np.log(P0) + _entropy(P0))
    return p - P0 - linear, _entropy(p) - _entropy(P0) - step @ slope


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(p)).sum(axis=-1)
