"""Refits at temperature 1: drift, support, times, and what holds diversity up."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from docs.agreement.comparison import Comparison, of_sample, probabilities, simulated, values
from jaxcollapse import theory

P0 = np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01])
FEW = np.array([0.4, 0.3, 0.2, 0.1])
N = 20


def comparisons() -> Iterator[Comparison]:
    """All of this page's settings."""
    yield from _moments()
    yield from _times()
    yield from _many_samples()
    yield from _rare_token()
    yield from _remedies()
    yield from _corpora()
    yield from _personas()


def _refit(p0: np.ndarray, samples: int, **more: Any) -> dict[str, Any]:
    return {"update": "refit", "initial": values(p0), "samples": samples, **more}


def _moments() -> Iterator[Comparison]:
    data = simulated(
        _refit(P0, N),
        generations=10,
        replicates=200_000,
        record={"every": 5, "logits": True},
        observables=["entropy", "collision_probability", "kl_from_initial", "support_size"],
    )
    for place, g in ((1, 5), (2, 10)):
        where = f"N = {N}, g = {g}"
        p, now = probabilities(data)[:, place], data.isel(generation=place)
        expected = theory.mean_probability(P0, generations=g)
        spread = theory.probability_covariance(P0, samples=N, generations=g)
        off = p - P0
        for token in (0, 1):
            yield of_sample("mean_probability", f"token {token}, {where}", expected[token], p[:, token])
        yield of_sample("probability_covariance", f"variance of token 0, {where}", spread[0, 0], off[:, 0] ** 2)
        yield of_sample("probability_covariance", f"tokens 0 and 1, {where}", spread[0, 1], off[:, 0] * off[:, 1])
        group = [0, 3, 5]
        masses = np.array([P0[group].sum(), 1 - P0[group].sum()])
        variance = theory.probability_covariance(masses, samples=N, generations=g)[0, 0]
        yield of_sample(
            "probability_covariance", f"variance of a group's mass, {where}", variance, off[:, group].sum(axis=1) ** 2
        )
        same: dict[str, Any] = {"samples": N, "generations": g}
        yield of_sample(
            "mean_heterozygosity", where, theory.mean_heterozygosity(P0, **same), 1 - now.collision_probability.values
        )
        yield of_sample("mean_entropy", where, theory.mean_entropy(P0, **same), now.entropy.values)
        yield of_sample(
            "mean_kl_from_initial", where, theory.mean_kl_from_initial(P0, **same), now.kl_from_initial.values
        )
        yield of_sample("mean_support_size", where, theory.mean_support_size(P0, **same), now.support_size.values)


def _times() -> Iterator[Comparison]:
    samples, last = 30, 600
    data = simulated(
        _refit(FEW, samples),
        generations=last,
        replicates=100_000,
        record={"every": last, "logits": True},
        observables=["events"],
    )
    end, first = data.collapse_time.values, data.first_extinction_time.values
    where = f"N = {samples}"
    assert np.isfinite(end).all(), "every trajectory has collapsed"
    fixed = probabilities(data)[:, -1]
    for token in (0, 1):
        chance = theory.fixation_probability(FEW)[token]
        yield of_sample("fixation_probability", f"token {token}, {where}", chance, fixed[:, token])
    yield of_sample("mean_collapse_time", where, theory.mean_collapse_time(FEW, samples=samples), end)
    yield of_sample("mean_first_extinction_time", where, theory.mean_first_extinction_time(FEW, samples=samples), first)
    for g in (40, 80):
        chance = theory.collapse_probability(FEW, samples=samples, generations=g)
        yield of_sample("collapse_probability", f"{where}, g = {g}", chance, end <= g)
    for g in (5, 10):
        chance = theory.first_extinction_probability(FEW, samples=samples, generations=g)
        yield of_sample("first_extinction_probability", f"{where}, g = {g}", chance, first <= g)


def _many_samples() -> Iterator[Comparison]:
    """The bound is how far the limit is from the exact result."""
    exact = {"collapse_time": theory.mean_collapse_time, "first_extinction_time": theory.mean_first_extinction_time}
    for event, samples, last in (("collapse_time", 300, 6000), ("first_extinction_time", 1000, 3000)):
        data = simulated(
            _refit(FEW, samples),
            generations=last,
            replicates=40_000,
            record={"every": last},
            observables=[event],
            collapse_threshold=1e-4,
        )
        times, name = data[event].values, f"diffusion_{event}"
        assert np.isfinite(times).all(), "it has happened to every trajectory"
        predicted = float(theory.ORACLES[name].function(FEW, samples=samples))
        bound = abs(predicted - float(exact[event](FEW, samples=samples)))
        yield of_sample(name, f"N = {samples}", predicted, times, bound)


def _rare_token() -> Iterator[Comparison]:
    samples, share = 100_000, 2e-5
    data = simulated(
        _refit(np.array([share, 1 - share]), samples),
        generations=10,
        replicates=200_000,
        record={"every": 5},
        observables=["support_size"],
    )
    for place, g in ((1, 5), (2, 10)):
        chance = theory.rare_token_survival(share, samples=samples, generations=g)
        there = data.support_size.values[:, place] == 2
        yield of_sample(
            "rare_token_survival",
            f"N = {samples}, N p = {samples * share:g}, g = {g}",
            chance,
            there,
            bound=float(chance) * (share + g / samples),
        )


def _remedies() -> Iterator[Comparison]:
    remedies: dict[str, Any] = {"mixing": 0.7, "fresh_fraction": 0.2, "smoothing": 0.5}
    growing: dict[str, Any] = {"mixing": 0.8, "sample_growth": 0.5}
    for more, generations in ((remedies, (4, 80)), (growing, (4, 8)), ({"fresh_fraction": 0.1}, (4, 80))):
        step = generations[0]
        data = simulated(
            _refit(P0, N, **more),
            generations=generations[1],
            replicates=20_000,
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
            _refit(P0, samples, **more),
            generations=generations,
            replicates=20_000,
            record={"every": every},
            observables=["collision_probability"],
        )
        return 1 - data.collision_probability.values

    few, last = 5, 200
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
