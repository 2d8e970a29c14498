"""Two tokens at other temperatures than 1, under refits and SGD, and how rare one may become."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.agreement.comparison import Comparison, of_sample, probabilities, simulated, values
from jaxcollapse import theory

START = np.array([0.35, 0.65])


def comparisons() -> Iterator[Comparison]:
    """All of this page's settings."""
    yield from _chain()
    yield from _chain_with_remedies()
    yield from _near_one()
    yield from _descent()
    yield from _far_out()


def _chain() -> Iterator[Comparison]:
    samples, temperature, last = 20, 0.9, 200
    data = simulated(
        {"update": "refit", "initial": values(START), "samples": samples, "temperature": temperature},
        generations=last,
        replicates=100_000,
        record={"every": 5, "logits": True},
        observables=["collapse_time"],
    )
    where = f"N = {samples}, T = {temperature}"
    seen = probabilities(data)[:, :, 1] * samples
    law = theory.two_token_law(START[::-1], samples=samples, temperature=temperature, generations=[5, 10])
    counts = np.arange(samples + 1)
    for place, g in enumerate((5, 10)):
        now = np.round(seen[:, place + 1])
        yield of_sample("two_token_law", f"mean count, {where}, g = {g}", law[place] @ counts, now)
        yield of_sample("two_token_law", f"P(count > N/2), {where}, g = {g}", law[place, 11:].sum(), now > samples / 2)
    same: dict[str, Any] = {"samples": samples, "temperature": temperature}
    assert np.isfinite(data.collapse_time).all(), "every trajectory has collapsed"
    won = theory.two_token_win_probability(START[::-1], **same)
    yield of_sample("two_token_win_probability", where, won, seen[:, -1] / samples)
    time = theory.two_token_collapse_time(START, **same)
    yield of_sample("two_token_collapse_time", where, time, data.collapse_time.values)


def _chain_with_remedies() -> Iterator[Comparison]:
    more: dict[str, Any] = {"samples": 20, "temperature": 0.8, "fresh_fraction": 0.1, "smoothing": 0.5}
    data = simulated(
        {"update": "refit", "initial": values(START), **more},
        generations=8,
        replicates=40_000,
        record={"every": 8, "logits": True},
    )
    p = (np.arange(21) + 0.5) / 21
    law = theory.two_token_law(START, generations=8, **more)
    told = ", ".join(f"{key} = {value}" for key, value in more.items())
    yield of_sample("two_token_law", f"mean of p², {told}, g = 8", law @ p**2, probabilities(data)[:, -1, 0] ** 2)


def _near_one() -> Iterator[Comparison]:
    """The bound is s + 1/N, relative, of each cell that is compared."""
    here: dict[str, Any] = {"samples": 400, "temperature": 0.996}
    data = simulated(
        {"update": "refit", "initial": values([0.7, 0.3]), **here},
        generations=8000,
        replicates=40_000,
        record={"every": 8000, "logits": True},
    )
    won, control = probabilities(data)[:, -1, 0], float(theory.refit_control(**here))
    there: dict[str, Any] = {"samples": 800, "temperature": 1 / (1 + control / 800)}
    off, further_off = (1 / cell["temperature"] - 1 + 1 / cell["samples"] for cell in (here, there))
    limit = float(theory.diffusion_win_probability([0.7, 0.3], **here))
    yield of_sample("diffusion_win_probability", "N = 400, T = 0.996", limit, won, bound=off * limit)
    other = float(theory.two_token_win_probability([0.7, 0.3], **there))
    quantity = f"P(win) at N = 400, T = 0.996, from that at N = 800, T = {there['temperature']:.4f}"
    yield of_sample("refit_control", quantity, other, won, bound=(off + further_off) * other)


def _descent() -> Iterator[Comparison]:
    first: dict[str, Any] = {"temperature": 0.8, "batch_size": 4, "learning_rate": 0.2}
    second: dict[str, Any] = {"temperature": 0.9, "batch_size": 9, "learning_rate": 0.2}
    assert np.isclose(theory.sgd_control(**first), theory.sgd_control(**second))
    for name, cell in (("sgd_win_probability", first), ("sgd_control", second)):
        data = simulated(
            {"initial": values([0.6, 0.4]), **cell},
            generations=1000,
            replicates=40_000,
            record={"every": 1000},
            observables=["mode_is_original"],
        )
        told = ", ".join(f"{key} = {value}" for key, value in cell.items())
        predicted = theory.sgd_win_probability([0.6, 0.4], **first)
        quantity = told if cell is first else f"P(win) at {told}, from that of the cell above"
        yield of_sample(name, quantity, predicted, data.mode_is_original.values[:, -1], bound=0.01)


def _far_out() -> Iterator[Comparison]:
    cell: dict[str, Any] = {"learning_rate": 1.0, "batch_size": 1}
    threshold, steps = 2e-4, 4500
    data = simulated(
        {"initial": values([0.5, 0.5]), **cell},
        generations=steps,
        replicates=80_000,
        record={"every": steps},
        observables=["modal_probability"],
    )
    above = 1 - data.modal_probability.values[:, -1] > threshold
    predicted = theory.far_out_survival(**cell, threshold=threshold, steps=steps)
    bound = 2 * float(predicted) * threshold * np.log(1 / threshold)
    yield of_sample("far_out_survival", f"η = 1, B = 1, ε = {threshold:g}, t = {steps}", predicted, above, bound)
