"""C4: steps that are not tiny, on few traces, forget regions."""

import numpy as np
import xarray as xr

from docs.studies import BLACK, BLUE, ORANGE, RED
from docs.verdicts.claim import Claim, Data
from docs.verdicts.experiment import measured
from docs.verdicts.finding import CONFIDENCE, Finding, reach, share
from jaxcollapse.analysis.median import median_interval
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.proportion import proportion_interval
from jaxcollapse.analysis.verdict import TOLERANCE

PATH = 200.0  # generations × learning rate at which cells are compared
_RESAMPLES = 2000
_LOOKS = {1.0: (RED, "o"), 4.0: (BLUE, "s"), 16.0: (BLACK, "^"), np.inf: (ORANGE, "D")}


def run() -> Data:
    """Steps of many sizes at temperature 1."""
    return {"steps": measured("step_size")}


def find(data: Data) -> list[Finding]:
    """Which share of the trajectories has forgotten."""
    gaps = gaps_at_equal_path(data["steps"])
    ratio = gaps.learning_rate / gaps.batch_size
    lost = (gaps > TOLERANCE).broadcast_like(gaps)
    ideal = gaps.batch_size == np.inf
    quantity = f"share of trajectories with a recovery gap above {TOLERANCE:g} nat at η·g = {PATH:g}"
    middle, low, high = half_lost_at(gaps)
    begins = f"η/B at which half of the trajectories have lost {TOLERANCE:g} nat, batches of all sizes"
    return [
        Finding(
            "single traces take steps of η ≥ 0.4",
            quantity,
            _share(lost, (ratio >= 0.4) & (gaps.batch_size == 1)),
            (0.5, 1),
        ),
        Finding(
            "few traces (B = 4, 16) take steps of η/B ≥ 0.4",
            quantity,
            _share(lost, (ratio >= 0.4) & (gaps.batch_size > 1)),
            (0.5, 1),
        ),
        Finding("forgetting begins at a finite step", begins, (middle, low, high), (1e-6, 1)),
        Finding(
            "steps are tiny (η/B < 0.02), where it should not",
            quantity,
            _share(lost, (ratio < 0.02) & ~ideal),
            (0, 0.05),
        ),
        Finding(
            "batches are infinite, where it should not", quantity, _share(lost, ideal & (ratio >= 0)), (0, 0.05), True
        ),
    ]


def gaps_at_equal_path(data: xr.Dataset) -> xr.DataArray:
    """The recovery gap of each trajectory where generations × learning rate is next to `PATH`."""
    places = [int(np.argmin(np.abs(data.generation.values - PATH / rate))) for rate in data.learning_rate.values]
    chosen = xr.DataArray(places, dims="learning_rate")
    return data.recovery_gap.isel(generation=chosen).reset_coords(drop=True)


def half_lost_at(gaps: xr.DataArray) -> tuple[float, float, float]:
    """η/B at which half of the trajectories are lost, with its bootstrap interval.

    For each batch size the share of the lost crosses one half between two learning rates, or never; the place is
    interpolated linearly in ln(η/B). The estimate is the geometric mean over batch sizes that have a crossing, the
    interval that of resamples of the trajectories of every cell, from a fixed seed.
    """
    finite = gaps.sel(batch_size=gaps.batch_size[np.isfinite(gaps.batch_size.values)])
    lost = (finite > TOLERANCE).transpose("batch_size", "learning_rate", "replicate").values
    logs = np.log(finite.learning_rate.values / finite.batch_size.values[:, None])
    shares, number = lost.mean(axis=-1), lost.shape[-1]
    again = np.random.default_rng(0).binomial(number, shares, (_RESAMPLES, *shares.shape)) / number
    estimates = np.array([_crossing(logs, table) for table in (shares, *again)])
    if np.isnan(estimates[0]):
        return (np.nan,) * 3
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(estimates[1:], [tail, 1 - tail])
    return float(np.exp(estimates[0])), float(np.exp(low)), float(np.exp(high))


def draw(data: Data) -> Picture:
    """The share of the lost against η/B, and the gap at B = 1 against η."""
    figure = Picture(9.5, 3.9)
    left, right = figure.subplots(1, 2)
    gaps = gaps_at_equal_path(data["steps"])
    middle, low, high = half_lost_at(gaps)
    for batch, (colour, marker) in _LOOKS.items():
        here = gaps.sel(batch_size=batch)
        rates = here.learning_rate.values
        lost = (here > TOLERANCE).transpose("learning_rate", "replicate").values
        bounds = proportion_interval(lost.sum(axis=-1), np.asarray(lost.shape[-1]), CONFIDENCE)
        if np.isfinite(batch):
            left.errorbar(
                rates / batch,
                bounds[:, 0],
                reach(bounds),
                color=colour,
                marker=marker,
                ms=5,
                lw=1,
                label=f"B = {batch:g}",
            )
        medians = median_interval(here.transpose("learning_rate", "replicate").values.astype(float), CONFIDENCE)
        shown = np.maximum(medians, 1e-3)
        label = f"B = {batch:g}" if np.isfinite(batch) else "B = ∞ (0 exactly)"
        right.errorbar(rates, shown[:, 0], reach(shown), color=colour, marker=marker, ms=5, lw=1, label=label)
    if np.isfinite(middle):
        left.axvspan(low, high, color="#999999", alpha=0.35, lw=0)
        left.annotate(f"half at {middle:.3f}", (high, 0.5), (6, -3), textcoords="offset points", fontsize=9)
    left.set(xscale="log", xlabel="η/B [1]", ylabel=f"share with a gap above {TOLERANCE:g} nat [1]", ylim=(-0.03, 1.03))
    left.legend(fontsize=8, frameon=False, loc="lower right")
    right.axhline(TOLERANCE, color="#777777", ls="--", lw=1)
    right.set(xscale="log", yscale="log", xlabel="learning rate η [1]", ylabel="recovery gap, median [nat]")
    right.set_yticks([1e-3, 1e-2, 1e-1, 1], ["≤ 10⁻³", "10⁻²", "10⁻¹", "1"])
    right.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 0.08))
    return figure


def _share(lost: xr.DataArray, chosen: xr.DataArray) -> tuple[float, float, float]:
    """The share of the trajectories of these cells, with its exact interval."""
    among = lost.where(chosen).values
    return share(among[~np.isnan(among)])


def _crossing(logs: np.ndarray, shares: np.ndarray) -> float:
    """The mean over batch sizes of ln(η/B) where the share first passes one half; NaN if it never does."""
    found = []
    for place, lost in zip(logs, shares, strict=True):
        after = int(np.argmax(lost >= 0.5))
        if after == 0:  # from the start on, or never
            continue
        weight = (0.5 - lost[after - 1]) / (lost[after] - lost[after - 1])
        found.append(place[after - 1] + weight * (place[after] - place[after - 1]))
    return float(np.mean(found)) if found else float("nan")


CLAIM = Claim(
    "C4",
    "Steps that are not tiny, computed on single traces, forget regions of the distribution",
    (
        "`sweeps/step_size.toml`: SGD at T = 1 from SmolLM2's logits, where infinitely many samples change nothing, "
        "so that all that is lost is lost by steps on few traces.",
        f"Learning rates are compared after equal paths, generations × η = {PATH:g}, at the nearest record.",
    ),
    "Left: the share of the lost follows η/B; grey: it is half. Right: what no sampling temperature brings back.",
    run,
    find,
    draw,
)
