"""C4: steps that are not tiny, on few traces, forget regions."""

import numpy as np
import xarray as xr
from scipy.special import softmax

import jaxcollapse as jc
from experiments.studies import BLACK, BLUE, ORANGE, RED
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import FOLDER, measured
from experiments.verdicts.finding import CONFIDENCE, Finding, interval, of_resamples, reach, share
from jaxcollapse.analysis.median import median_interval
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.proportion import proportion_interval
from jaxcollapse.analysis.verdict import TOLERANCE

PATH = 200.0  # generations × learning rate at which cells are compared
# How far from theory forgetting may begin, as a factor: at a gap of 0.1 nat the first order is a fourth off.
_NEAR = 1.5
_RESAMPLES, _DRAWS = 2000, 50_000
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
    half, begins = f"half of the trajectories have lost {TOLERANCE:g} nat", "forgetting begins at a finite step"
    expected = half_lost_in_theory()
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
        Finding(
            begins,
            f"η/B at which {half}, batches of all sizes",
            half_lost_at(gaps),
            (expected / _NEAR, expected * _NEAR),
            theory=expected,
        ),
        Finding(
            begins,
            "the same at B = 16, as a multiple of that at B = 4: η/B decides",
            _ratio(gaps),
            (0.5, 2),
            theory=1.0,
        ),
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

    The estimate is the geometric mean over batch sizes that have such a place.
    """
    places = _crossings(gaps.sel(batch_size=np.isfinite(gaps.batch_size.values)))
    found = ~np.isnan(places)
    return _interval(np.where(found, places, 0).sum(axis=1) / np.where(found.any(axis=1), found.sum(axis=1), np.nan))


def half_lost_in_theory() -> float:
    """The same by noise to first order, where η/B is all that counts.

    A step adds noise of covariance η²J/B to the logits, J = diag(p₀) − p₀p₀ᵀ, so that after η·g = `PATH` the noise x
    has the covariance PATH·(η/B)·J. The recovery gap is half the variance of x under p₀, less what is along ln p₀:
    that is a temperature. Half of the trajectories are beyond the median of this quadratic form of normal numbers.
    """
    p0 = original()
    covariance = np.diag(p0) - np.outer(p0, p0)
    cooled = covariance @ np.log(p0)
    form = (covariance - np.outer(cooled, cooled) / (np.log(p0) @ cooled)) / 2
    weights = np.sort(np.linalg.eigvals(form @ covariance).real)
    drawn = np.random.default_rng(0).chisquare(1, (_DRAWS, p0.size)) @ weights
    return float(TOLERANCE / (PATH * np.median(drawn)))


def original() -> np.ndarray:
    """p₀ of the sweep."""
    (initial,) = jc.Sweep.from_toml(FOLDER / "step_size.toml").grid.column("initial").values
    return softmax(initial.distribution(0, np.zeros(2, np.uint32)).logits)


def _ratio(gaps: xr.DataArray) -> tuple[float, float, float]:
    """η/B at which half are lost at B = 16, divided by that at B = 4, with its bootstrap interval."""
    places = _crossings(gaps.sel(batch_size=[4.0, 16.0]))
    return _interval(places[:, 1] - places[:, 0])


def _crossings(gaps: xr.DataArray) -> np.ndarray:
    """ln(η/B) at which half of the trajectories are lost [1 + resample, batch size], NaN where there is no such place.

    The share of the lost crosses one half between two learning rates, or never; the place is interpolated linearly.
    The first row is estimated from the trajectories, others from resamples of those of every cell, with a fixed seed.
    """
    lost = (gaps > TOLERANCE).transpose("batch_size", "learning_rate", "replicate").values
    logs = np.log(gaps.learning_rate.values / gaps.batch_size.values[:, None])
    shares, number = lost.mean(axis=-1), lost.shape[-1]
    again = np.random.default_rng(0).binomial(number, shares, (_RESAMPLES, *shares.shape)) / number
    return np.array([[_crossing(*pair) for pair in zip(logs, table, strict=True)] for table in (shares, *again)])


def _crossing(logs: np.ndarray, lost: np.ndarray) -> float:
    """Where a share first passes one half; NaN if it is beyond from the start on, or never."""
    after = int(np.argmax(lost >= 0.5))
    if after == 0:
        return float("nan")
    weight = (0.5 - lost[after - 1]) / (lost[after] - lost[after - 1])
    return float(logs[after - 1] + weight * (logs[after] - logs[after - 1]))


def _interval(logarithms: np.ndarray) -> tuple[float, float, float]:
    """Estimate and bootstrap interval of a number, from its logarithm and that of each resample."""
    if np.isnan(logarithms[0]):
        return (np.nan,) * 3
    return interval(np.exp(of_resamples(logarithms)))


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
    left.axvline(half_lost_in_theory(), color="#555555", ls=":", lw=1.2, zorder=0)
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


CLAIM = Claim(
    "C4",
    "Steps that are not tiny, computed on single traces, forget regions of the distribution",
    (
        "`sweeps/step_size.toml`: SGD at T = 1 from SmolLM2's logits, where infinitely many samples change nothing, "
        "so that all that is lost is lost by steps on few traces.",
        f"Learning rates are compared after equal paths, generations × η = {PATH:g}, at the nearest record.",
        "Theory: noise of the steps to first order in η/B, of which the part along ln p₀ is a temperature. Forgetting "
        f"is taken to begin at a finite step if it does within a factor of {_NEAR:g} of where theory has it.",
    ),
    f"Left: share of trajectories that have lost {TOLERANCE:g} nat, against η/B; grey: where it is one half (95 %), "
    "dotted: in theory. Right: what no sampling temperature brings back.",
    run,
    find,
    draw,
    "for SGD at T = 1 from the logits of one prompt",
)
