"""Rad et al. (arXiv 2601.04411): a verifier with errors learns, drifts or unlearns, by the sign of J."""

from functools import cache

import numpy as np
import xarray as xr

from experiments.agreement.comparison import simulated, values
from experiments.published.paper import Data, Paper, Point, point
from experiments.studies import BLACK, BLUE, GREEN, ORANGE, RED
from experiments.verdicts.finding import CONFIDENCE, reach
from jaxcollapse import theory
from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.plot.figure import Picture

J = (1.0, 0.6, 0.2, 0.0, -0.2)
LARGE, SMALL = 512, (16, 4)  # answers of a group
_COLOURS = dict(zip(J, (BLACK, BLUE, GREEN, ORANGE, RED), strict=True))
_ANSWERS, _RIGHT = [0.5, 0.5], [1, 0]
_RATE, _LAST, _EVERY, _EARLY = 0.02, 1000, 50, 200
_REPLICATES = {LARGE: 64, SMALL[0]: 512, SMALL[1]: 512}


def run(fewer: int) -> Data:
    """One group in a generation, of three sizes; five verifiers each."""
    return {_name(size): _trained(size, number // fewer) for size, number in _REPLICATES.items()}


def compare(data: Data) -> list[Point]:
    """The mass of wrong answers, on the way and at the end."""
    found = [_point(data, LARGE, j, g) for j in J for g in (_EARLY, _LAST)]
    small = ((SMALL[0], 1.0), (SMALL[0], 0.6), (SMALL[1], 1.0), (SMALL[1], 0.6), (SMALL[1], -0.2))
    return found + [_point(data, size, j, _EARLY) for size, j in small]


def limits(data: Data) -> list[str]:
    """What small groups do, and how far single trajectories drift."""
    spread = _wrong(data[_name(SMALL[0])], 0.0)[:, -1].std(ddof=1)
    return [
        "- *Small groups are slower.* With r̂ the share of accepted answers in a group of G, the mean step has "
        "E√(r̂(1 − r̂))/σ² in place of 1/σ. For large G this is less by the fraction 1/(8Gσ²). "
        "`theory.policy_gradient_step` has the exact mean; step by step it gives the column *mean over such groups*.",
        "- *A perfect verifier (J = 1) slows down at the end, at any G.* There σ² = b(1 − b) goes to 0. Once a group "
        "has about one wrong answer or none (Gb ≲ 1), most groups have equal rewards and change nothing.",
        f"- *J = 0 holds on average only.* Single trajectories drift: after {_LAST:,} generations with G = {SMALL[0]} "
        f"the mass of the wrong answer has a standard deviation of {spread:.2f}.",
    ]


def draw(data: Data) -> Picture:
    """Large groups with five verifiers; groups of three sizes with a perfect one; trajectories at J = 0."""
    figure = Picture(11, 4.1)
    large, sizes, drift = figure.subplots(1, 3)
    g = np.arange(_LAST + 1)
    for j, colour in _COLOURS.items():
        large.plot(g, _flow(j), color=colour, lw=1.4, label=f"J = {j:g}".replace("-", "−"))
        _mean(large, data[_name(LARGE)], j, colour)
    large.set(title=f"groups of {LARGE}", ylabel="mass of the wrong answer, mean [1]", ylim=(0, 1))
    sizes.plot(g, _flow(1.0), color=BLACK, lw=1.4)
    for size, colour in zip(_REPLICATES, (BLACK, BLUE, RED), strict=True):
        sizes.plot(g, _of_groups(size, 1.0), color=colour, ls="--", lw=1, label=f"G = {size}")
        _mean(sizes, data[_name(size)], 1.0, colour)
    sizes.set(title="J = 1, groups of three sizes", yscale="log", ylabel="mass of the wrong answer, mean [1]")
    sizes.legend(fontsize=8, frameon=False, loc="upper right", title="dashed: mean over such groups", title_fontsize=8)
    few = data[_name(SMALL[0])]
    drift.plot(few.generation, _wrong(few, 0.0)[:24].T, color="#bbbbbb", lw=0.8)
    drift.plot([], [], color="#bbbbbb", label="24 trajectories")
    drift.plot(g, _flow(0.0), color=ORANGE, lw=1.4, label="formula")
    _mean(drift, few, 0.0, ORANGE, label="mean")
    drift.set(title=f"J = 0, groups of {SMALL[0]}", ylabel="mass of the wrong answer [1]", ylim=(0, 1))
    drift.legend(fontsize=8, frameon=False, loc="lower left")
    for axis in figure.axes:
        axis.set(xlabel="generation", xlim=(0, _LAST * 1.02))
    figure.legend(*large.get_legend_handles_labels(), loc="outside lower left", ncols=5, frameon=False, fontsize=9)
    return figure


def _mean(axis: object, cells: xr.Dataset, j: float, colour: str, label: str | None = None) -> None:
    bounds = mean_interval(_wrong(cells, j).T, CONFIDENCE)
    axis.errorbar(  # type: ignore[attr-defined]
        cells.generation, bounds[:, 0], reach(bounds), color=colour, fmt="o", ms=3, lw=1, label=label
    )


def _trained(size: int, replicates: int) -> xr.Dataset:
    process = {
        "update": "policy_gradient",
        "initial": values(_ANSWERS),
        "correct": "listed",
        "correct_tokens": [0],
        "group_size": size,
        "batch_size": size,
        "learning_rate": _RATE,
    }
    right, wrong = zip(*(_rates(j).values() for j in J), strict=True)
    errors = {"zip": {"true_positive_rate": list(right), "false_positive_rate": list(wrong)}}
    top = {"generations": _LAST, "replicates": replicates, "record": {"every": _EVERY}, "observables": ["accuracy"]}
    return simulated(process, {"errors": errors}, **top)


def _name(size: int) -> str:
    return f"groups of {size}"


def _rates(j: float) -> dict[str, float]:
    """A verifier that errs as often on right as on wrong answers."""
    return {"true_positive_rate": (1 + j) / 2, "false_positive_rate": (1 - j) / 2}


def _wrong(cells: xr.Dataset, j: float) -> np.ndarray:
    """The mass of the wrong answer [replicate, generation]."""
    accuracy = cells.accuracy.isel(errors=J.index(j)).transpose("replicate", "generation")
    return 1 - accuracy.values.astype(float)


@cache
def _flow(j: float) -> np.ndarray:
    """The formula at each generation."""
    generations = np.arange(_LAST + 1)
    model = theory.policy_gradient_flow(
        _ANSWERS, correct=_RIGHT, learning_rate=_RATE, generations=generations, **_rates(j)
    )
    wrong: np.ndarray = model[:, 1]
    return wrong


@cache
def _of_groups(size: int, j: float) -> np.ndarray:
    """The same at each generation, from the mean step of groups of this size."""
    logits, wrong = np.zeros(2), [_ANSWERS[1]]
    for _ in range(_LAST):
        p = np.array([1 - wrong[-1], wrong[-1]])
        logits = logits + theory.policy_gradient_step(
            p, correct=_RIGHT, learning_rate=_RATE, group_size=size, **_rates(j)
        )
        wrong.append(float(1 / (1 + np.exp(logits[0] - logits[1]))))
    return np.array(wrong)


def _point(data: Data, size: int, j: float, generation: int) -> Point:
    cells = data[_name(size)]
    sample = _wrong(cells, j)[:, cells.generation.values.tolist().index(generation)]
    quantity = f"b, J = {j:g}, G = {size}, g = {generation}".replace("-", "−")
    predicted = float(_flow(j)[generation])
    holds = size == LARGE and (j < 1 or size * predicted > 10)
    return point(quantity, predicted, _of_groups(size, j)[generation], sample, holds=holds)


PAPER = Paper(
    "noisy_verifier",
    "A verifier with errors: learning, drift, unlearning (Rad et al.)",
    (
        "Rad et al. 2026 ([arXiv 2601.04411](https://arxiv.org/abs/2601.04411)) describe how the mass b of wrong "
        "answers moves under a policy gradient whose rewards have the mean of their group subtracted and are divided "
        "by its standard deviation:",
        "    db/dt = −η (J/σ) [b(1 − b)]² (C_g + C_b)",
        "J = TPR − FPR is the verifier's true positive rate less its false positive rate; σ² = r̄(1 − r̄), and r̄ = "
        "(1 − b) TPR + b FPR is the share of accepted answers. C_g and C_b are the collision probabilities among "
        "right and among wrong answers. With one answer of each kind, as here, both are 1. The sign of J decides: "
        "above 0 the model learns, at 0 it drifts, below 0 it unlearns.",
    ),
    (
        "One right and one wrong answer, b = ½ at the start; J = 1, 0.6, 0.2, 0, −0.2 with TPR = (1 + J)/2 and "
        "FPR = (1 − J)/2.",
        f"SGD with η = {_RATE:g}, one group in a generation, {_LAST:,} generations. "
        f"G = {LARGE}: {_REPLICATES[LARGE]} trajectories; G = 16 and 4: {_REPLICATES[16]} each.",
        "`theory.policy_gradient_flow` integrates the formula. It assumes small η and large G.",
    ),
    "Solid lines: the formula. Dots: means over trajectories with 95% intervals.",
    run,
    compare,
    limits,
    draw,
)
