"""F-GRPO (arXiv 2602.06717): groups that make a step without having seen a rare right answer."""

from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from docs.generate import table
from experiments.agreement.comparison import probabilities, simulated, values
from experiments.published.paper import Data, Paper, Point, point
from experiments.studies import BLACK, BLUE, GREEN, RED
from experiments.verdicts.finding import CONFIDENCE, reach
from jaxcollapse import theory
from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.proportion import proportion_interval

SIZES = (2, 4, 8, 16, 32, 64, 128, 256)
MASSES = ((0.3, 0.02), (0.3, 0.005), (0.05, 0.02))  # of all right answers, and of the rare one
EQUAL, BESIDE = "fifteen equal right answers", "a rare answer beside a common one"
_TABLE = (2, 8, 32, 128)
_TOKENS = 64  # in all settings; these share compiled programs if they have as many tokens and records
_RIGHT = {EQUAL: [0.02] * 15, BESIDE: [0.02, 0.28]}
_TIMES = {EQUAL: (30, 60, 100, 200), BESIDE: (3, 10, 20)}  # 20 records each
_RATE = 1.0
_COLOURS = (BLACK, BLUE, GREEN, RED)
_STEPS, _REPLICATES = 40_000, 200


def run(fewer: int) -> Data:
    """First steps from three p0, with groups of eight sizes; and training from two p0."""
    found = {_name(*masses): _first_steps(*masses, _STEPS // fewer) for masses in MASSES}
    return {**found, **{name: _trained(name, _REPLICATES // fewer) for name in _RIGHT}}


def compare(data: Data) -> list[Point]:
    """How often a group made a step that left the logit of the rare answer where it was."""
    found = []
    for masses, size in product(MASSES, _TABLE):
        predicted = _formula(*masses, size)
        found.append(point(f"{_name(*masses)}, N = {size}", predicted, None, missed(data[_name(*masses)], size)))
    return found


def limits(data: Data) -> list[str]:
    """What is left after training, by the size of the group."""
    equal, beside = ([[kept(data[name], name, size, g) for size in SIZES] for g in _TIMES[name]] for name in _RIGHT)
    rows = [(str(g), *map(_mean_and_error, samples)) for g, samples in zip(_TIMES[EQUAL], equal, strict=True)]
    few = [(str(g), *map(_mean_and_error, samples)) for g, samples in zip(_TIMES[BESIDE], beside, strict=True)]
    heads = ("generations", *(f"N = {size}" for size in SIZES))
    least = SIZES[int(np.argmin([sample.mean() for sample in equal[1]]))]
    return [
        "The formula is exact at every N, for one step. What is left after many steps depends on more than misses.",
        "",
        "*Right answers that are equally likely* (middle picture; the table has the share of the mass of right "
        "answers that is kept, Σ min(p, p₀)/μ over the right answers, and standard errors). After a number of "
        f"generations that is neither small nor large, medium groups keep least: after {_TIMES[EQUAL][1]} generations "
        f"those of {least}. Smaller groups make fewer steps, larger ones see nearly all right answers in each step. "
        f"In the end all groups lose much at this learning rate (η = {_RATE:g}).",
        "",
        *table(heads, rows),
        "",
        "*A rare right answer beside a common one* (right picture; p/τ of the rare answer, mean and standard error). "
        "It loses at every N, and most in large groups, which miss it least. A policy gradient prefers likely ones "
        "among right answers also in the mean, dy_i/dt = η (J/σ) b(1 − b) y_i (y_i − C_g), and large groups make "
        "a step more often.",
        "",
        *table(heads, few),
    ]


def draw(data: Data) -> Picture:
    """The chance of a miss by the size of the group, and what is left after training."""
    figure = Picture(11, 4.1)
    misses, equal, beside = figure.subplots(1, 3)
    every = np.arange(2, SIZES[-1] + 1)
    for masses, colour in zip(MASSES, _COLOURS, strict=False):
        misses.plot(every, _formula(*masses, every), color=colour, lw=1.4, label=_name(*masses))
        samples = [missed(data[_name(*masses)], size) for size in SIZES]
        hits = np.array([sample.sum() for sample in samples])
        bounds = proportion_interval(hits, np.full(len(hits), samples[0].size), CONFIDENCE)
        misses.errorbar(SIZES, bounds[:, 0], reach(bounds), color=colour, fmt="o", ms=4, lw=1)
    misses.set(title="first step", ylabel="P(a step without the rare answer) [1]", ylim=(0, 1.25))
    for axis, name in ((equal, EQUAL), (beside, BESIDE)):
        for g, colour in zip(_TIMES[name], _COLOURS, strict=False):
            bounds = mean_interval(np.array([kept(data[name], name, size, g) for size in SIZES]), CONFIDENCE)
            axis.errorbar(SIZES, bounds[:, 0], reach(bounds), color=colour, fmt="o-", ms=4, lw=1, label=f"g = {g}")
        axis.set_title(name)
    equal.set(ylabel="right mass kept, mean [1]", ylim=(0, 1.4))
    beside.set(ylabel="p/τ of the rare answer, mean [1]", yscale="log", ylim=(None, 5))
    for axis in figure.axes:
        axis.set(xlabel="answers of a group, N", xscale="log")
        axis.set_xticks(SIZES, [str(size) for size in SIZES])
        axis.minorticks_off()
        axis.legend(fontsize=8, frameon=False, loc="upper right", ncols=1 if axis is misses else 2)
    return figure


def missed(cells: xr.Dataset, size: int) -> np.ndarray:
    """Whether the first step moved some logit, but not that of the rare answer [replicate]."""
    logits = cells.logits.isel(size=SIZES.index(size)).transpose("replicate", "generation", "token").values
    has_moved = logits[:, 1] != logits[:, 0]
    found: np.ndarray = has_moved.any(axis=1) & ~has_moved[:, 0]
    return found


def kept(cells: xr.Dataset, name: str, size: int, generation: int) -> np.ndarray:
    """The share of the mass that right answers still have, or p/τ of the rare one [replicate]."""
    here = cells.isel(size=SIZES.index(size)).sel(generation=generation).transpose("replicate", "token")
    p0 = np.array(_RIGHT[name])
    p = probabilities(here)[:, : p0.size]
    found: np.ndarray = p[:, 0] / p0[0] if name == BESIDE else np.minimum(p, p0).sum(axis=1) / p0.sum()
    return found


def _formula(correct: float, rare: float, size: Any) -> Any:
    return theory.rare_miss_probability(group_size=size, correct_mass=correct, rare_mass=rare)


def _name(correct: float, rare: float) -> str:
    return f"μ = {correct:g}, τ = {rare:g}"


def _mean_and_error(sample: np.ndarray) -> str:
    return f"{sample.mean():.3f} ± {sample.std(ddof=1) / np.sqrt(sample.size):.3f}"


def _first_steps(correct: float, rare: float, replicates: int) -> xr.Dataset:
    return _of_sizes([rare, correct - rare], replicates, (1,))


def _trained(name: str, replicates: int) -> xr.Dataset:
    return _of_sizes(_RIGHT[name], replicates, _TIMES[name])


def _of_sizes(right: list[float], replicates: int, times: tuple[int, ...]) -> xr.Dataset:
    """A policy gradient with one group in a generation, of all sizes; wrong answers share what right ones leave."""
    wrong = _TOKENS - len(right)
    process = {
        "update": "policy_gradient",
        "initial": values([*right, *[(1 - sum(right)) / wrong] * wrong]),
        "correct": "listed",
        "correct_tokens": list(range(len(right))),
        "learning_rate": _RATE,
    }
    axes = {"size": {"zip": {"group_size": list(SIZES), "batch_size": list(SIZES)}}}
    record = {"every": int(np.gcd.reduce(times)), "logits": True}
    return simulated(process, axes, generations=times[-1], replicates=replicates, record=record)


PAPER = Paper(
    "rare_answers",
    "Steps that miss a rare right answer (F-GRPO)",
    (
        "F-GRPO ([arXiv 2602.06717](https://arxiv.org/abs/2602.06717)) asks how often a group of N answers makes a "
        "step without having seen a rare right answer. A group makes a step if it has right and wrong answers. With "
        "mass τ of the rare answer and μ of all right ones together,",
        "    P(step, and the rare answer is missed) = (1 − τ)^N − (1 − μ)^N − (μ − τ)^N",
        "It is not monotone in N: small groups often make no step, and large groups rarely miss.",
    ),
    (
        f"{_TOKENS} answers. Those that are not right share the rest of the probability equally.",
        f"First steps: a rare and a common right answer; {_STEPS:,} groups of each size. A group counts if its step "
        "moved some logit, but not that of the rare answer.",
        f"Training: SGD with η = {_RATE:g}, one group in a generation, {_REPLICATES} trajectories for each N. Right "
        "are either 15 answers of 0.02 each, or one of 0.02 and one of 0.28.",
        "`theory.rare_miss_probability` is the formula. All rewards are normalised, and the verifier makes no errors.",
    ),
    "Left: lines are the formula, dots are simulated first steps. Middle and right: what is left of right answers "
    "after g generations. Bars: 95% intervals.",
    run,
    compare,
    limits,
    draw,
)
