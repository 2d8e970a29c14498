"""Scales as a page knows them: on its axes all is linear, and labels of ticks have the numbers."""

from typing import Any

import numpy as np

from jaxcollapse.analysis.plot.scale import Scale, generation_ticks

_SMALL = 0.01  # of the largest value, and of the tolerance: what is below is not told apart


def scale_of(name: str, values: np.ndarray, tolerance: float) -> dict[str, Any]:
    """The scale of an observable: `log`, `low`, `high`, where `infinity` is (or null), and `ticks`.

    What starts at nothing, as a divergence does, has orders of magnitude; so do temperatures. Of others the part that
    is left of the original counts, and that is linear. A gap far below the tolerance is as good as none.

    Args:
        name: of the observable.
        values: in any cells, along generations at the last axis but one: [..., generation, bound].
        tolerance: of the verdicts, nat.
    """
    if name.endswith("recovery_gap"):
        return _told(Scale.of(np.maximum(values, _SMALL * tolerance), tolerance))
    finite = values[np.isfinite(values)]
    start = values[..., 0, :]
    start = start[np.isfinite(start)]
    is_level = bool(start.size and np.median(start) >= _SMALL * np.abs(finite).max())
    if is_level and not name.endswith("temperature"):
        return _told(Scale.linear(values))
    return _told(Scale.of(values, *((1.0,) if name.endswith("temperature") else ())))


def scale_of_shares() -> dict[str, Any]:
    """The scale from 0 to 1."""
    return _told(Scale.of_shares())


def points_of(scale: Scale, values: np.ndarray) -> dict[str, Any]:
    """A scale with the `places` of numbers on it."""
    return {**_told(scale), "places": places_of(scale, values).tolist()}


def places_of(scale: Scale, values: np.ndarray) -> np.ndarray:
    """Where numbers are along an axis of the page, which is linear."""
    placed = scale.place(values)
    return np.log10(placed) if scale.is_log else placed


def time_of(generations: np.ndarray) -> dict[str, Any]:
    """The scale of generations: logarithmic from 1 on and linear below, or linear."""
    first, last = int(generations.min()), int(generations.max())
    ticks = generation_ticks(generations)
    if ticks is None:
        plain = Scale(first, max(last, first + 1), None, False, False).ticks()
        return {"log": False, "low": first, "high": max(last, first + 1), "ticks": list(zip(*plain, strict=True))}
    places = [float(_place(tick)) for tick in ticks]
    told = list(zip(places, map(str, ticks), strict=True))
    return {"log": True, "low": float(_place(first)), "high": float(_place(last)), "ticks": told}


def _place(generation: int) -> float:
    """Where a generation is on the logarithmic axis."""
    return generation if generation <= 1 else 1 + np.log10(generation)


def _told(scale: Scale) -> dict[str, Any]:
    ticks, labels = scale.ticks()

    def place(value: float) -> float:
        return float(np.log10(value)) if scale.is_log else float(value)

    return {
        "log": scale.is_log,
        "low": place(scale.low),
        "high": place(scale.high),
        "infinity": None if scale.infinity is None else place(scale.infinity),
        "ticks": [(place(tick), label) for tick, label in zip(ticks, labels, strict=True)],
    }
