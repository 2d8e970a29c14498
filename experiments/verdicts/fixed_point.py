"""C1: at temperature 1 nothing changes."""

from typing import Any

import numpy as np
import xarray as xr

from experiments.agreement.comparison import probabilities
from experiments.studies import BLACK, BLUE, GREEN, RED
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import measured
from experiments.verdicts.finding import CONFIDENCE, Finding, exactly, mean, reach
from jaxcollapse import theory
from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.plot.figure import Picture

N, STEPS = 100, 10  # samples of the refit; steps on single traces
_NAMES = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam", "sign_sgd": "sign-SGD"}
_LOOKS = {
    "sgd": {"color": BLUE, "marker": "o"},
    "momentum": {"color": GREEN, "marker": "D"},
    "adam": {"color": RED, "marker": "s"},
    "sign_sgd": {"color": BLACK, "marker": "^"},
}


def run() -> Data:
    """Infinitely many samples; a refit on few; four optimisers on single traces."""
    drift: dict[str, Any] = {"replicates": 4096, "generations": N, "record": {"every": 10}}
    drift["observables"] = ["collision_probability", "original_mode_probability"]
    steps: dict[str, Any] = {"replicates": 4096, "generations": STEPS, "record": {"every": 1, "logits": True}}
    axes = {"optimizer": list(_NAMES)}
    return {
        "limit": measured("fixed_point"),
        "refitted": measured(
            "ideal_limit", axes={"vocab_size": [16], "temperature": [1.0]}, record={"every": 1, "logits": True}
        ),
        "drift": measured("wright_fisher", axes={"temperature": [1.0], "samples": [N]}, **drift),
        "steps": measured(
            "single_trace", {"temperature": 1.0, "learning_rate": 0.01}, axes, observables=["entropy"], **steps
        ),
    }


def find(data: Data) -> list[Finding]:
    """What moves, per trajectory and on average."""
    moved = max(_moved(data["limit"]), _moved(data["refitted"]))
    settings = data["limit"].sizes["optimizer"] * data["limit"].sizes["kind"] + 1
    many, few = "N = ∞", f"N = {N}"
    drift = data["drift"].squeeze(["temperature", "samples"])
    last = drift.isel(generation=-1)
    g = int(drift.generation[-1])
    mode = drift.original_mode_probability
    change = (mode.isel(generation=-1) - mode.isel(generation=0)).values
    found = [
        Finding(
            many, f"greatest change of a logit in {settings} pairs of model and optimiser", exactly(moved), (0, 0), True
        ),
        Finding(
            f"{few} (single trajectories)",
            f"heterozygosity kept after {g} generations, N = {N} (mean share)",
            mean(_kept(drift).isel(generation=-1).values),
            (0.95, 1.05),
            theory=float(theory.mean_heterozygosity([0.5, 0.5], samples=N, generations=g) / 0.5),
        ),
        Finding(
            f"{few} (on average)",
            f"change of the mode's probability after {int(last.generation)} generations, N = {N} (mean)",
            mean(change),
            (-0.05, 0.05),
            theory=0.0,
        ),
    ]
    steps = _odds(data["steps"]).isel(generation=-1) / int(data["steps"].generation[-1])
    for optimizer, name in _NAMES.items():
        found.append(
            Finding(
                f"{name} takes steps on single traces (on average)",
                "rise of the log-odds of first and last token, by η and step (mean)",
                mean(steps.sel(optimizer=optimizer).values),
                (-0.05, 0.05),
                theory={"sgd": 0.0, "momentum": 0.0, "sign_sgd": _sign_step(data["steps"])}.get(optimizer),
            )
        )
    return found


def draw(data: Data) -> Picture:
    """Drift per trajectory beside its mean, and log-odds under four optimisers."""
    figure = Picture(9.5, 3.7)
    left, right = figure.subplots(1, 2)
    drift = data["drift"].squeeze(["temperature", "samples"])
    kept = _kept(drift)
    left.plot(
        drift.generation, kept.isel(replicate=slice(24)).transpose("generation", "replicate"), color="#bbbbbb", lw=0.8
    )
    left.plot([], [], color="#bbbbbb", label="24 trajectories")
    bounds = mean_interval(kept.transpose("generation", "replicate").values, CONFIDENCE)
    left.errorbar(
        drift.generation, bounds[:, 0], reach(bounds), color=BLUE, fmt="o", ms=4, label="mean of 4096, 95 % interval"
    )
    g = np.arange(int(drift.generation[-1]) + 1)
    left.plot(g, (1 - 1 / N) ** g, color=BLACK, label="theory, (1 − 1/N)^g")
    left.axhline(1, color=RED, ls="--", lw=1.2, label="claim; N = ∞ (exact)")
    left.set(xlabel="generation", ylabel="heterozygosity kept [1]", title=f"refit, T = 1, N = {N}", ylim=(0, 1.35))
    left.legend(fontsize=8, frameon=False, loc="lower left")
    odds = _odds(data["steps"])
    for optimizer, name in _NAMES.items():
        values = odds.sel(optimizer=optimizer).transpose("generation", "replicate").values
        bounds = mean_interval(values, CONFIDENCE)
        right.errorbar(odds.generation, bounds[:, 0], reach(bounds), lw=1, ms=4, label=name, **_LOOKS[optimizer])
    steps = odds.generation.values
    right.axhline(0, color=RED, ls="--", lw=1.2, label="claim")
    right.plot(steps[:2], steps[:2] * _sign_step(data["steps"]), color=BLACK, ls=":", lw=2, label="2(p₁ − p₆₄)")
    right.set(xlabel="step", ylabel="rise of the log-odds by η [1]", title="single traces, T = 1, mean of 4096")
    right.legend(fontsize=8, frameon=False)
    return figure


def _moved(data: xr.Dataset) -> float:
    return float(abs(data.logits - data.logits.isel(generation=0)).max())


def _kept(drift: xr.Dataset) -> xr.DataArray:
    """Heterozygosity as a share of the original's."""
    h = 1 - drift.collision_probability
    return h / h.isel(generation=0)


def _odds(steps: xr.Dataset) -> xr.DataArray:
    """How much the log-odds of the first and the last token have risen, by the learning rate."""
    odds = (steps.logits.isel(token=0) - steps.logits.isel(token=-1)).astype(float)
    return (odds - odds.isel(generation=0)) / float(steps.learning_rate)


def _sign_step(steps: xr.Dataset) -> float:
    """E Δ(z_first − z_last)/η in the first step, 2(p_first − p_last)."""
    p = probabilities(steps.isel(optimizer=0, replicate=0, generation=0))
    step = theory.mean_sign_step(p, learning_rate=1.0)
    return float(step[0] - step[-1])


CLAIM = Claim(
    "C1",
    "At temperature 1 nothing changes: the model already is the best fit to its own samples",
    (
        "`sweeps/fixed_point.toml`: infinitely many samples, six optimisers on four kinds of tables and on low-rank "
        "factors; and a refit, from `sweeps/ideal_limit.toml`.",
        f"`sweeps/wright_fisher.toml` at T = 1 and N = {N} only, 4096 trajectories of {N} generations.",
        f"`sweeps/single_trace.toml` at T = 1 and η = 0.01 only, 4096 trajectories of {STEPS} steps.",
    ),
    "Left: single trajectories drift, and lose diversity on average. Right: signs favour likely tokens.",
    run,
    find,
    draw,
)
