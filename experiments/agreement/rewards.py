"""Policy gradient: a step of groups with rewards, its mean field, and where it stops."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from experiments.agreement.comparison import Comparison, of_number, of_sample, probabilities, simulated, values
from jaxcollapse import theory

P0 = np.array([0.3, 0.15, 0.05, 0.3, 0.2])
CORRECT = np.array([1, 1, 1, 0, 0])
RATE = 0.5


def comparisons() -> Iterator[Comparison]:
    """All of this page's settings."""
    yield from _step()
    yield from _coin()
    yield from _misses()
    yield from _field()
    yield from _fixed_point()
    yield from _entropy()
    yield from _entropy_and_reward()


def trained(
    p0: np.ndarray = P0, correct: np.ndarray = CORRECT, *, last: int = 1, every: int | None = None, **more: Any
) -> xr.Dataset:
    """A policy gradient from p0, with these correct tokens; recorded at the start and at the end, if not more often."""
    numbers = np.flatnonzero(correct).tolist()
    top = {name: more.pop(name) for name in ("replicates", "observables", "precision") if name in more}
    process = {"initial": values(p0), "correct": "listed", "correct_tokens": numbers, **more}
    record = {"every": every or last, "logits": True}
    return simulated(
        {"update": "policy_gradient", **process}, generations=last, record=record, **{"replicates": 1, **top}
    )


def moved(data: xr.Dataset) -> np.ndarray:
    """The change of the logits from the start to the end [replicate, token]."""
    logits = data.logits.values.astype(float)
    change: np.ndarray = logits[:, -1] - logits[:, 0]
    return change


def _step() -> Iterator[Comparison]:
    size = 4
    for rates in ({}, {"true_positive_rate": 0.9, "false_positive_rate": 0.4}):
        told = ", ".join([f"G = {size}", *(f"{name} = {rate}" for name, rate in rates.items())])
        common: dict[str, Any] = {"group_size": size, "learning_rate": RATE, **rates}
        step = theory.policy_gradient_step(P0, correct=CORRECT, **common)
        one = trained(replicates=100_000, batch_size=2 * size, **common)
        for token in (0, 3):
            yield of_sample("policy_gradient_step", f"Δz of token {token}, {told}", step[token], moved(one)[:, token])
        exact = moved(trained(batch_size=float("inf"), **common))[0]
        yield of_number("policy_gradient_step", f"Δz of token 0, {told}, B = ∞", step[0], exact[0])


def _coin() -> Iterator[Comparison]:
    size = 3
    data = trained(replicates=100_000, reward="coin", group_size=size, batch_size=size, learning_rate=RATE)
    step, law = moved(data), theory.coin_step_covariance(P0, learning_rate=RATE, group_size=size)
    yield of_sample("coin_step_covariance", f"variance of token 0, G = {size}", law[0, 0], step[:, 0] ** 2)
    yield of_sample("coin_step_covariance", f"tokens 0 and 3, G = {size}", law[0, 3], step[:, 0] * step[:, 3])


def _misses() -> Iterator[Comparison]:
    p0, correct = np.array([0.02, 0.28, 0.7]), np.array([1, 1, 0])
    for size in (2, 8, 32):
        step = moved(trained(p0, correct, replicates=50_000, group_size=size, batch_size=size))
        missed = (step != 0).any(axis=1) & (step[:, 0] == 0)
        told = theory.rare_miss_probability(group_size=size, correct_mass=0.3, rare_mass=0.02)
        yield of_sample("rare_miss_probability", f"μ = 0.3, τ = 0.02, N = {size}", told, missed)


def _field() -> Iterator[Comparison]:
    """The bounds are η and 1/G, relative."""
    rate, size, last = 0.004, 400, 1500
    for rates in ({}, {"true_positive_rate": 0.8, "false_positive_rate": 0.5}):
        common: dict[str, Any] = {"learning_rate": rate, **rates}
        data = trained(last=last, batch_size=float("inf"), group_size=size, **common)
        p = probabilities(data)[0, -1]
        flow = theory.policy_gradient_flow(P0, correct=CORRECT, generations=last, **common)
        told = ", ".join([f"g = {last}", *(f"{name} = {each}" for name, each in rates.items())])
        bound = rate + 1 / size
        yield of_number("policy_gradient_flow", f"p of token 0, {told}", flow[0], p[0], bound=bound * flow[0])
        there = theory.shares_at(P0, correct=CORRECT, wrong_mass=p[3:].sum())
        yield of_number("shares_at", f"p of token 0, {told}", there[0], p[0], bound=rate * there[0])
        yield of_number("shares_at", f"p of token 2, {told}", there[2], p[2], bound=rate * there[2])


def _fixed_point() -> Iterator[Comparison]:
    """The bound is 1/G, relative."""
    beta, size = 2.0, 2000
    data = trained(last=12, batch_size=float("inf"), group_size=size, steps=400, learning_rate=RATE, reverse_kl=beta)
    p = probabilities(data)[0, -1, :3].sum()
    told = theory.verified_fixed_point(correct_mass=0.5, reverse_kl=beta)
    yield of_number("verified_fixed_point", f"P(correct), β = {beta}", told, p, bound=told / size)


def _entropy() -> Iterator[Comparison]:
    """The bound is 10 η, relative."""
    rate, size = 1e-3, 8
    common: dict[str, Any] = {"group_size": size, "learning_rate": rate}
    data = trained(batch_size=float("inf"), precision="float64", **common)
    advantages = theory.policy_gradient_step(P0, correct=CORRECT, group_size=size, learning_rate=1.0) / P0
    told = theory.entropy_step(P0, advantages=advantages, learning_rate=rate)
    p = probabilities(data)[0]
    entropy = -(p * np.log(p)).sum(axis=-1)
    yield of_number(
        "entropy_step", f"η = {rate}, G = {size}", told, entropy[1] - entropy[0], bound=abs(10 * rate * told)
    )


def _entropy_and_reward() -> Iterator[Comparison]:
    """The bound is η: of the entropy and of a and b relative, of the deviation from the law in units of the reward."""
    rate, last, every = 0.01, 1000, 50
    for rates in ({}, {"true_positive_rate": 0.8, "false_positive_rate": 0.5}):
        common: dict[str, Any] = {"learning_rate": rate, "batch_size": float("inf"), "group_size": 8, **rates}
        p = probabilities(trained(last=last, every=every, **common))[0]
        wrong, entropy = p[:, 3:].sum(axis=-1), special.entr(p).sum(axis=-1)
        told = ", ".join([f"{name} = {each}" for name, each in rates.items()] or ["no errors"])
        for place in (len(wrong) // 4, -1):
            there = float(theory.entropy_at(P0, correct=CORRECT, wrong_mass=wrong[place]))
            quantity = f"S, g = {every * np.arange(len(wrong))[place]}, {told}"
            yield of_number("entropy_at", quantity, there, entropy[place], bound=rate * there)
        law = theory.entropy_law(P0, correct=CORRECT, wrong_mass=wrong)
        slope, ceiling = np.polyfit(np.exp(entropy), 1 - wrong, 1)
        off = np.abs(1 - wrong - slope * np.exp(entropy) - ceiling).max()
        yield of_number("entropy_law", f"a, {told}", law.a, -slope, bound=rate * abs(law.a))
        yield of_number("entropy_law", f"b, {told}", law.b, ceiling, bound=rate * abs(law.b))
        yield of_number("entropy_law", f"largest deviation, {told}", law.deviation, off, bound=rate * law.deviation)
