"""Refits at temperature 1 with what holds diversity up: mixing, real data, smoothing, kept corpora; and personas."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.agreement.comparison import Comparison, of_sample, simulated
from experiments.agreement.drift import P0, N, refit
from jaxcollapse import theory


def comparisons() -> Iterator[Comparison]:
    """All of this page's settings."""
    yield from _remedies()
    yield from _corpora()
    yield from _personas()


def _remedies() -> Iterator[Comparison]:
    remedies: dict[str, Any] = {"mixing": 0.7, "fresh_fraction": 0.2, "smoothing": 0.5}
    growing: dict[str, Any] = {"mixing": 0.8, "sample_growth": 0.5}
    for more, generations in ((remedies, (4, 80)), (growing, (4, 8)), ({"fresh_fraction": 0.1}, (4, 80))):
        step = generations[0]
        data = simulated(
            refit(P0, N, **more),
            generations=generations[1],
            replicates=10_000,
            record={"every": step},
            observables=["collision_probability"],
        )
        told = ", ".join(f"{key} = {value}" for key, value in more.items())
        for g in generations:
            h = 1 - data.collision_probability.sel(generation=g).values
            expected = theory.mean_heterozygosity(P0, samples=N, generations=g, **more)
            yield of_sample("mean_heterozygosity", f"{told}, g = {g}", expected, h)
        if "sample_growth" not in more:
            limit = theory.stationary_heterozygosity(P0, samples=N, **more)
            yield of_sample("stationary_heterozygosity", f"{told}, g = {generations[1]}", limit, h)


def _corpora() -> Iterator[Comparison]:
    def h(generations: int, every: int, samples: int, **more: Any) -> np.ndarray:
        data = simulated(
            refit(P0, samples, **more),
            generations=generations,
            replicates=10_000,
            record={"every": every},
            observables=["collision_probability"],
        )
        return 1 - data.collision_probability.values

    few, last = 5, 100
    kept = h(last, 4, few, corpus="accumulate")
    for g in (4, 40):
        expected = theory.accumulated_heterozygosity(P0, samples=few, generations=g)
        yield of_sample("accumulated_heterozygosity", f"N = {few}, g = {g}", expected, kept[:, g // 4])
    limit = theory.accumulated_limit(P0, samples=few)
    yield of_sample(
        "accumulated_limit", f"N = {few}, g = {last}", limit, kept[:, -1], bound=float(limit) / (few * last)
    )
    moving = h(10, 5, N, corpus="window", window=3)
    for g in (5, 10):
        expected = theory.window_heterozygosity(P0, samples=N, window=3, generations=g)
        yield of_sample("window_heterozygosity", f"N = {N}, window = 3, g = {g}", expected, moving[:, g // 5])
    frozen = h(3, 3, N, generator="initial", temperature=0.8)
    expected = theory.frozen_heterozygosity(P0, samples=N, temperature=0.8)
    yield of_sample("frozen_heterozygosity", f"N = {N}, T = 0.8, g = 3", expected, frozen[:, -1])


def _personas() -> Iterator[Comparison]:
    weights = [0.5, 0.3, 0.2]
    rows = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]
    data = simulated(
        {
            "model": "persona",
            "initial": {"kind": "table", "probabilities": rows, "weights": weights},
            "update": "refit",
            "samples": N,
            "trace_length": 4,
        },
        generations=6,
        replicates=20_000,
        record={"every": 6},
        observables=["persona_mass"],
    )
    masses = data.persona_mass.isel(generation=-1).transpose("replicate", "persona").values.astype(float)
    expected = theory.mean_heterozygosity(weights, samples=N, generations=6)
    yield of_sample(
        "mean_heterozygosity", f"masses of personas, N = {N} traces, g = 6", expected, 1 - (masses**2).sum(axis=1)
    )
