"""Refits at temperature 1: drift, support, and times."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.agreement.comparison import Comparison, of_sample, probabilities, simulated, values
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


def refit(p0: np.ndarray, samples: int, **more: Any) -> dict[str, Any]:
    """A refit from this p0 on so many samples."""
    return {"update": "refit", "initial": values(p0), "samples": samples, **more}


def _moments() -> Iterator[Comparison]:
    data = simulated(
        refit(P0, N),
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
        refit(FEW, samples),
        generations=last,
        replicates=80_000,
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

    data = simulated(
        refit(FEW, 200), generations=6000, replicates=20_000, record={"every": 6000}, observables=["collapse_time"]
    )
    predicted = theory.mean_collapse_time(FEW, samples=200, collapse_threshold=0.01)
    yield of_sample("mean_collapse_time", "N = 200, ε = 0.01", predicted, data.collapse_time.values)


def _many_samples() -> Iterator[Comparison]:
    """The bound is ln(N)/2 generations."""
    for event, samples, last in (("collapse_time", 1000, 20_000), ("first_extinction_time", 2000, 5000)):
        data = simulated(
            refit(FEW, samples),
            generations=last,
            replicates=40_000,
            record={"every": last},
            observables=[event],
            collapse_threshold=1e-4,
        )
        times, name = data[event].values, f"diffusion_{event}"
        assert np.isfinite(times).all(), "it has happened to every trajectory"
        predicted = float(theory.ORACLES[name].function(FEW, samples=samples))
        yield of_sample(name, f"N = {samples}", predicted, times, float(np.log(samples)) / 2)


def _rare_token() -> Iterator[Comparison]:
    samples, share = 100_000, 2e-5
    data = simulated(
        refit(np.array([share, 1 - share]), samples),
        generations=10,
        replicates=100_000,
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
