"""C3: a generation is the original at another temperature, so that nothing is lost."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from experiments.agreement.comparison import probabilities
from experiments.studies import BLACK, BLUE, GREEN, HALF, LOST, ORANGE, RED, SMALLEST, at_level
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import STORY, measured
from experiments.verdicts.finding import Finding, exactly, share
from jaxcollapse import theory
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.verdict import TOLERANCE
from jaxcollapse.theory.tempering import tempered

COLD = 0.5  # effective temperature at which models are compared
FEW = 1000  # samples
HOTTEST = 100.0  # beyond it a model is uniform but for rounding
NEGLIGIBLE = TOLERANCE / 10  # nat, up to which the claim is taken to hold


def run() -> Data:
    """SmolLM2's logits, fitted to infinitely many samples and to few, and under gradient flow; and low rank."""
    axes = {"temperature": [0.8, 0.9, 1.1, 1.25]}
    flow: dict[str, Any] = {"initial": STORY, "update": "gradient", "batch_size": np.inf, "learning_rate": 1.0}
    family = {"parameters": ["lowrank", "table"], "rank": [2, 2], "update": ["gradient", "refit"]}
    shared = {"temperature": [0.9], "family": {"zip": {**family, "learning_rate": [0.01, 0.2]}}}
    few: dict[str, Any] = {"replicates": 64, "generations": 20}
    return {
        "words": measured("ideal_limit"),
        "fitted": measured("ideal_limit", {"initial": STORY}, axes),
        "flow": measured(
            "ideal_limit", flow, {"temperature": [0.9]}, generations=400, record={"every": 5, "logits": True}
        ),
        "few": measured("ideal_limit", {"initial": STORY, "samples": FEW}, {"temperature": [0.9]}, **few),
        "shared": measured(
            "low_rank", axes=shared, generations=110, observables=["within_entropy", "shared_recovery_gap"]
        ),
    }


def find(data: Data) -> list[Finding]:
    """Gaps that no sampling temperature closes."""
    fit = "fitted to N = ∞ samples"
    cells = [data[name] for name in ("words", "fitted")]
    gap = max(float(each.recovery_gap.max()) for each in cells)
    off = max(float(abs(_reached(each) - 1).max()) for each in cells)
    flow = data["flow"].isel(temperature=0, replicate=0)
    place = int((flow.effective_temperature.values <= COLD).argmax())
    last = data["few"].isel(temperature=0, generation=-1)
    back = (last.recovery_gap <= NEGLIGIBLE).values
    shared = data["shared"].isel(temperature=0, replicate=0)
    half = "where half of the entropy within contexts is gone"
    return [
        Finding(
            fit, f"greatest deviation of T_eff/T^g from 1, where T^g ≤ {HOTTEST:g}", exactly(off), (0, 0.001), True
        ),
        Finding(fit, "greatest recovery gap [nat]", exactly(gap), (0, NEGLIGIBLE), True),
        Finding(
            "trained by gradient flow",
            f"recovery gap at T_eff = {float(flow.effective_temperature[place]):.2f}, after "
            f"{int(flow.generation[place])} generations [nat]",
            exactly(float(flow.recovery_gap[place])),
            (0, NEGLIGIBLE),
            True,
            descended_gap(flow, place),
        ),
        Finding(
            "parameters are shared (rank 2, gradient flow)",
            f"recovery gap {half} [nat]",
            exactly(at_level(shared.isel(family=0), "shared_recovery_gap", HALF)),
            (0, NEGLIGIBLE),
            True,
        ),
        Finding(
            "a chain is fitted to N = ∞ samples",
            f"recovery gap {half} [nat]",
            exactly(at_level(shared.isel(family=1), "shared_recovery_gap", HALF)),
            (0, NEGLIGIBLE),
            True,
        ),
        Finding(
            f"fitted to {FEW} samples",
            f"share with a recovery gap up to {NEGLIGIBLE:g} nat after {int(last.generation)} generations",
            share(back),
            (0.9, 1),
        ),
    ]


def descended_gap(flow: xr.Dataset, place: int) -> float:
    """The recovery gap that `theory.ideal_descent` has at a recorded generation of a trajectory of SGD, in nat."""
    p0 = probabilities(flow.isel(generation=0))
    known: dict[str, Any] = {"learning_rate": float(flow.learning_rate), "temperature": float(flow.temperature)}
    p = theory.ideal_descent(p0, generations=int(flow.generation[place]), **known)

    def gap(log_temperature: float) -> float:
        return float((p0 * np.log(p0 / tempered(p, float(np.exp(log_temperature))))).sum())

    return float(minimize_scalar(gap, bounds=(-1.0, 3.0), method="bounded", options={"xatol": 1e-9}).fun)


def draw(data: Data) -> Picture:
    """Effective temperatures on the curves T^g, and gaps on the way down."""
    figure = Picture(9.5, 3.9)
    left, right = figure.subplots(1, 2)
    fitted = data["fitted"].squeeze("replicate")
    for (colour, marker), temperature in zip(
        ((BLUE, "o"), (BLACK, "s"), (ORANGE, "D"), (RED, "^")), fitted.temperature.values.tolist(), strict=True
    ):
        reached = fitted.effective_temperature.sel(temperature=temperature)
        left.plot(fitted.generation, temperature**fitted.generation, color=colour, lw=1)
        left.plot(fitted.generation[::2], reached[::2], marker, color=colour, ms=5, label=f"T = {temperature:g}")
    left.plot([], [], color=BLACK, lw=1, label="theory, T^g")
    left.set(yscale="log", xlabel="generation", ylabel="effective temperature [1]", title="fitted to N = ∞ samples")
    left.set_xticks(range(0, 21, 5))
    left.legend(fontsize=8, frameon=False, loc="upper left")
    flow = data["flow"].isel(temperature=0, replicate=0)
    cold = fitted.sel(temperature=0.9)
    few = data["few"].isel(temperature=0).median("replicate")
    for cell, look, label in (
        (cold, {"color": BLACK, "marker": "s"}, "fitted, N = ∞ (0 but for rounding)"),
        (flow, {"color": BLUE, "marker": "o"}, "SGD, η = 1, N = ∞"),
        (few, {"color": RED, "marker": "^"}, f"fitted, N = {FEW} (∞, median of 64)"),
    ):
        gap = cell.recovery_gap.clip(SMALLEST, LOST).where(cell.generation > 0)
        right.plot(cell.effective_temperature, gap, ms=4, lw=1, markevery=max(1, gap.size // 15), label=label, **look)
    places = [*range(1, 9, 2), *range(9, flow.sizes["generation"], 8)]
    exact = [max(descended_gap(flow, place), SMALLEST) for place in places]
    right.plot(flow.effective_temperature[places], exact, "x", color=GREEN, ms=8, label="theory.ideal_descent")
    right.axhline(TOLERANCE, color="#777777", ls="--", lw=1)
    right.set(xscale="log", yscale="log", xlabel="effective temperature [1]", ylabel="recovery gap [nat]")
    right.set(xlim=(1.05, 0.12), ylim=(SMALLEST / 2, 2 * LOST), title="SmolLM2, T = 0.9")
    right.set_xticks([1, 0.5, 0.2], ["1", "0.5", "0.2"])
    right.minorticks_off()
    right.set_yticks([SMALLEST, 1e-3, 1e-1, LOST], ["≤ 10⁻⁵", "10⁻³", "10⁻¹", "∞"])
    right.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(0.0, 0.3))
    return figure


def _reached(data: xr.Dataset) -> xr.DataArray:
    """The effective temperature by what theory says of it."""
    expected = [
        theory.effective_temperature(temperature=t, generations=data.generation.values)
        for t in data.temperature.values.tolist()
    ]
    curve = xr.DataArray(np.array(expected), dims=("temperature", "generation"))
    return (data.effective_temperature / curve).where(curve <= HOTTEST)


CLAIM = Claim(
    "C3",
    "A generation is the original at another temperature, so that nothing is lost",
    (
        '`sweeps/ideal_limit.toml`, and the same from the 512 likeliest tokens of SmolLM2 after "Once upon a time '
        f'there was a": fitted to infinitely many samples, fitted to {FEW} of them (64 trajectories), and by SGD at '
        "η = 1 on the exact expectation, 400 generations.",
        "`sweeps/low_rank.toml`, rank 2 by gradient flow and a fitted table only, T = 0.9, 110 generations.",
        f"The claim is taken to hold up to a gap of {NEGLIGIBLE:g} nat: it says that nothing is lost, and so it is "
        f"held to a tenth of the {TOLERANCE:g} nat from which a verdict speaks of forgetting.",
    ),
    "Left: lines are T^g, points are measured. Right: what no sampling temperature brings back, as the model cools.",
    run,
    find,
    draw,
)
