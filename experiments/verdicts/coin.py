"""C8: rewards that say nothing drift as self-training at temperature 1 does."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from experiments.studies import BLACK, BLUE, GREEN, ORANGE, RED
from experiments.verdicts.claim import Claim, Data
from experiments.verdicts.experiment import measured
from experiments.verdicts.finding import Finding, mean
from jaxcollapse.analysis.plot.figure import Picture

_SIZE = 16
_SINGLE, _PAIRS = "steps are single (SGD)", "groups are pairs (SGD)"
_PLAIN, _ADAM = "rewards are not normalised (SGD)", "Adam takes the steps"
_REUSED, _CLIPPED = "a group takes four steps", "a group takes four clipped steps"
_COLOURS = (BLACK, BLUE, GREEN, ORANGE, RED, "#7b3294")
# How many generations of self-training, with as many answers, the variance of a step is worth: of a normalised coin the
# chance that a group has both sides; without normalisation the variance of a coin about the mean of its group.
_CLOCKS = {_SINGLE: 1 - 2.0 ** (1 - _SIZE), _PAIRS: 0.5, _PLAIN: 0.25 * (1 - 1 / _SIZE), _ADAM: 1.0}
COIN: dict[str, dict[str, Any]] = {
    _SINGLE: {},
    _PAIRS: {"group_size": 2, "batch_size": 2},
    _PLAIN: {"normalise": "none"},
    _ADAM: {"optimizer": "adam", "learning_rate": 0.03},
    _REUSED: {"steps": 4},
    _CLIPPED: {"steps": 4, "clip_low": 0.2, "clip_high": 0.2},
}
_GENERATIONS, _EVERY = 2000, 20


def run() -> Data:
    """A coin in several settings, and self-training at temperature 1 with as many answers in a generation."""
    found: dict[str, xr.Dataset] = {}
    for when, process in COIN.items():
        found[when] = _trained({"reward": "coin", **process})
        like = {name: value for name, value in process.items() if name in ("batch_size", "optimizer", "learning_rate")}
        again = {"samples": _SIZE, "batch_size": np.inf, "steps": 4} if "steps" in process else {}
        found[self_training(when)] = _trained(
            {"update": "gradient", "group_size": None, "reward": None, **like, **again}
        )
    return found


def find(data: Data) -> list[Finding]:
    """How far the coin is from self-training, when that has had the same variance of steps."""
    found: list[Finding] = []
    for when in COIN:
        coin, own = (data[name] for name in (when, self_training(when)))
        place = _same_time(when, own)
        kept = _heterozygosity(coin)[:, -1] - _heterozygosity(own)[:, place]
        wrong = _mode(coin)[:, -1] - _mode(own)[:, place]
        now = f"after {_GENERATIONS} generations"
        found += [
            Finding(when, f"heterozygosity {now}, less that of self-training (mean)", mean(kept), (-0.05, 0.05)),
            Finding(
                when, f"probability of the mode {now}, less that of self-training (mean)", mean(wrong), (-0.1, 0.1)
            ),
        ]
    return found


def draw(data: Data) -> Picture:
    """Mean heterozygosity and mean probability of the original mode, of coins (lines) and of self-training (dots)."""
    figure = Picture(9.5, 3.9)
    left, right = figure.subplots(1, 2)
    for when, colour in zip(COIN, _COLOURS, strict=True):
        coin, own = (data[name] for name in (when, self_training(when)))
        for axis, values in ((left, _heterozygosity), (right, _mode)):
            time = coin.generation * _CLOCKS.get(when, 1.0)
            axis.plot(time, values(coin).mean(axis=0), color=colour, label=when)
            if when != _CLIPPED:  # self-training is that without clipping
                few = np.flatnonzero(own.generation.values <= float(time[-1]))[::5]
                axis.plot(own.generation[few], values(own).mean(axis=0)[few], ".", color=colour, ms=4)
    for axis, told in ((left, "heterozygosity, mean [1]"), (right, "probability of the original mode, mean [1]")):
        axis.set(xlabel="generations, as many as self-training would take", ylabel=told, ylim=(0, None))
    left.set_ylim(0, 1.25)
    left.legend(fontsize=8, frameon=False, loc="upper right")
    return figure


def _trained(process: Mapping[str, Any]) -> xr.Dataset:
    return measured(
        "policy_gradient",
        process,
        {},
        replicates=1024,
        generations=_GENERATIONS,
        record={"every": _EVERY},
        observables=["accuracy", "collision_probability"],
    )


def self_training(when: str) -> str:
    """The name of the dataset of self-training that a coin is compared with."""
    return f"{when}: self-training"


def _same_time(when: str, own: xr.Dataset) -> int:
    """The record of self-training at the time of the coin's end."""
    time = _GENERATIONS * _CLOCKS.get(when, 1.0)
    return int(np.argmin(np.abs(own.generation.values - time)))


def _heterozygosity(cells: xr.Dataset) -> np.ndarray:
    found: np.ndarray = 1 - cells.collision_probability.transpose("replicate", "generation").values.astype(float)
    return found


def _mode(cells: xr.Dataset) -> np.ndarray:
    """The probability of the token that is wrong, the mode of p₀."""
    found: np.ndarray = 1 - cells.accuracy.transpose("replicate", "generation").values.astype(float)
    return found


CLAIM = Claim(
    "C8",
    "Rewards that say nothing drift as self-training at temperature 1 does, by another clock",
    (
        f"`sweeps/policy_gradient.toml` with a coin as the verifier, 1024 trajectories of {_GENERATIONS} generations; "
        "and self-training at T = 1 from the same p₀, on as many answers and with the same optimiser. Where a group "
        "takes four steps, so does self-training, on 16 answers.",
        "They are compared when self-training has had steps of the same variance: a group of G equal coins says "
        "nothing, so that a generation counts 1 − 2^(1−G); without normalisation it counts (1 − 1/G)/4.",
    ),
    "Lines: coins. Dots: self-training of the same colour. Left: diversity. Right: "
    "the original mode, which has a probability of one half.",
    run,
    find,
    draw,
)
