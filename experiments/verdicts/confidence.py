"""C2: below temperature 1 ever more confident in the original mode, above it ever closer to uniform."""

from typing import Any

import numpy as np
import xarray as xr

from experiments.agreement.comparison import probabilities
from experiments.studies import BLACK, BLUE, GREEN, ORANGE, RED
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import STORY, measured
from experiments.verdicts.finding import Finding, exactly, reach, share
from jaxcollapse import theory
from jaxcollapse.analysis.plot.figure import Picture

PAIR = np.array([0.6, 0.4])
_SHOWN = ((0.9, 10), (0.9, 300), (0.5, 300))  # temperature and samples of the cells in the table
_LOOKS = ((0.5, BLACK, "o"), (0.8, BLUE, "s"), (0.9, RED, "^"), (0.95, GREEN, "D"), (0.98, ORANGE, "v"))


def run() -> Data:
    """Refits and descent on infinitely many samples, argmax with a tie, and who wins with few samples."""
    values = {"kind": "values", "probabilities": PAIR.tolist()}
    tied = {"kind": "values", "probabilities": [0.4, 0.4, 0.2]}
    flow = {"initial": STORY, "update": "gradient", "batch_size": np.inf, "learning_rate": 1.0}
    return {
        "limit": measured("ideal_limit", generations=60),
        "flow": measured("ideal_limit", flow, {"temperature": [0.9, 1.1]}, generations=400, record={"every": 10}),
        "zero": measured(
            "ideal_limit", {"initial": tied}, {"temperature": [0.0]}, generations=1, record={"every": 1, "logits": True}
        ),
        "pair": measured("original_mode", {"initial": values}),
        "story": measured("original_mode"),
    }


def find(data: Data) -> list[Finding]:
    """What the limit does, and how often the original mode wins beyond it."""
    limit = data["limit"].squeeze("replicate")
    colder, hotter = (limit.sel(temperature=limit.temperature[side]) for side in _sides(limit))
    below, above = "T < 1 and N = ∞", "T > 1 and N = ∞"
    flow = data["flow"].squeeze("replicate")
    cold, hot = flow.sel(temperature=0.9), flow.sel(temperature=1.1)
    found = [
        Finding(below, "share of generations that make the mode no less likely", exactly(_rises(colder)), (1, 1), True),
        Finding(below, "least probability of the original mode at the end", exactly(_least(colder)), (0.99, 1), True),
        Finding(above, "most entropy missing to uniform at the end [nat]", exactly(_missing(hotter)), (0, 0.01), True),
        Finding(
            "T = 0 and N = ∞",
            "distance of (½, ½, 0) after one step from (0.4, 0.4, 0.2)",
            exactly(_tie(data)),
            (0, 1e-6),
            True,
        ),
        Finding(
            "T < 1 and N = ∞ (SGD)",
            "share of recorded generations that make SmolLM2's mode more likely",
            exactly(_rises(cold)),
            (1, 1),
            True,
        ),
        Finding(
            "T > 1 and N = ∞ (SGD)",
            "share of recorded generations that raise SmolLM2's entropy",
            exactly(float((hot.entropy.diff("generation") >= 0).mean())),
            (1, 1),
            True,
        ),
    ]
    for name, told in (("pair", "two tokens"), ("story", "SmolLM2")):
        for temperature, samples in _SHOWN:
            known: dict[str, Any] = {"samples": samples, "temperature": temperature}
            won = float(theory.two_token_win_probability(PAIR, **known)) if name == "pair" else None
            found.append(
                Finding(
                    f"T = {temperature:g} and N = {samples} ({told})",
                    "share of trajectories in which the original mode won",
                    _won(data[name].sel(known)),
                    (0.95, 1),
                    theory=won,
                )
            )
    return found


def draw(data: Data) -> Picture:
    """How often the original mode wins, against N(1/T − 1)."""
    figure = Picture(9.5, 3.9)
    for axis, (name, title) in zip(
        figure.subplots(1, 2, sharey=True),
        (("pair", "two tokens, 0.6 and 0.4"), ("story", "64 tokens of SmolLM2")),
        strict=True,
    ):
        for temperature, colour, marker in _LOOKS:
            cells = data[name].sel(temperature=temperature)
            numbers = cells.samples.values
            control = [float(theory.refit_control(samples=n, temperature=temperature)) for n in numbers]
            bounds = np.array([_won(cells.sel(samples=n)) for n in numbers])
            line = "" if name == "pair" else ":"
            axis.errorbar(
                control,
                bounds[:, 0],
                reach(bounds),
                color=colour,
                marker=marker,
                ms=5,
                ls=line,
                label=f"T = {temperature:g}",
            )
            if name == "pair":
                exact = [theory.two_token_win_probability(PAIR, samples=n, temperature=temperature) for n in numbers]
                axis.plot(control, exact, "_", color=colour, ms=14, mew=1.6)
        if name == "pair":
            near = np.geomspace(0.05, 300, 80)
            limit = [theory.diffusion_win_probability(PAIR, samples=1e6, temperature=1 / (1 + c / 1e6)) for c in near]
            axis.plot(near, limit, color="#777777", lw=1.2, label="diffusion")
            axis.plot([], [], "_", color=BLACK, ms=12, label="exact chain")
        axis.axhline(1, color=RED, ls="--", lw=1.2, label="claim; N = ∞ (exact)")
        axis.set(xscale="log", xlabel="N (1/T − 1) [1]", ylim=(0, 1.04), title=title)
        axis.legend(fontsize=8, frameon=False, loc="lower right" if name == "pair" else "center left")
    figure.axes[0].set_ylabel("share won by the original mode [1]")
    return figure


def _sides(limit: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    return (limit.temperature < 1).values, (limit.temperature > 1).values


def _rises(data: xr.Dataset) -> float:
    """The share of steps between records in which the original mode is the mode, and no less likely than before."""
    risen = data.original_mode_probability.diff("generation") >= 0
    return float((risen & (data.mode_is_original.isel(generation=slice(1, None)) == 1)).mean())


def _least(data: xr.Dataset) -> float:
    return float(data.original_mode_probability.isel(generation=-1).min())


def _missing(data: xr.Dataset) -> float:
    uniform = xr.DataArray(np.log(data.vocab_size.values), dims="vocab_size")
    return float((uniform - data.entropy.isel(generation=-1)).max())


def _tie(data: Data) -> float:
    return float(np.abs(probabilities(data["zero"].isel(generation=-1)) - [0.5, 0.5, 0.0]).max())


def _won(cell: xr.Dataset) -> tuple[float, float, float]:
    """The share in which the original mode is the last token; where no token has won yet, it has not."""
    last = cell.isel(generation=-1)
    won = (last.mode_is_original == 1) & (last.modal_probability > 0.99)
    return share(won.values)


CLAIM = Claim(
    "C2",
    "Below temperature 1 the model grows ever more confident in the original mode; above 1 it goes to uniform",
    (
        "`sweeps/ideal_limit.toml`, 60 generations; the same at T = 0 from (0.4, 0.4, 0.2); and SGD at η = 1 on the "
        "exact expectation in place of the refit, from SmolLM2's logits, 400 generations.",
        "`sweeps/original_mode.toml`, and the same from two tokens of probability 0.6 and 0.4. The claim is taken to "
        "hold where the original mode wins in 95 % of trajectories.",
    ),
    "How often the original mode is the last token, of 400 trajectories of refits on N samples; bars: 95 % intervals.",
    run,
    find,
    draw,
)
