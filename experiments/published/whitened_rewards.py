"""Mroueh (arXiv 2503.06639): where whitened rewards of 1 and 0 and a penalty to the reference are in balance."""

from functools import cache

import numpy as np
import xarray as xr

from experiments.agreement.comparison import simulated, values
from experiments.published.paper import Data, Paper, Point, point
from experiments.studies import BLACK, BLUE, RED
from experiments.verdicts.finding import CONFIDENCE, reach
from jaxcollapse import theory
from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.plot.figure import Picture

LARGE, SMALL = 2048, 16  # answers of a group
REFERENCES = (0.1, 0.3, 0.6)
BETAS = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 4.5, 7.0)
_FOLLOWED = (1.5, 2.0, 4.5)  # from generation to generation
_SHOWN, _LAST = 6, 30
_STEPS, _RATE, _REPLICATES = 400, 0.5, 64
_ONE_STEP, _ONE_LAST = "one step in a generation", 200
_MIDDLE = REFERENCES[1]
_COLOURS = (BLACK, BLUE, RED)


def run(fewer: int) -> Data:
    """Three references, groups of two sizes, many steps in a generation; and a single step."""
    number = _REPLICATES // fewer
    found = {_name(size, p): _trained(size, p, number) for size in (LARGE, SMALL) for p in REFERENCES}
    return {**found, _ONE_STEP: _trained(LARGE, _MIDDLE, number, betas=(2.0,), steps=1, last=_ONE_LAST)}


def compare(data: Data) -> list[Point]:
    """The mass of right answers on the way to the fixed point, and there."""
    large = data[_name(LARGE, _MIDDLE)]
    found = []
    for beta in _FOLLOWED:
        for n in (1, 2):
            quantity = f"p after n = {n}, p_ref = {_MIDDLE:g}, β = {beta:g}, G = {LARGE}"
            formula, of_groups = (iterates(_MIDDLE, beta, size)[n] for size in (None, LARGE))
            found.append(point(quantity, formula, of_groups, _right(large, beta)[:, n]))
    found += [_fixed_point(data, LARGE, p, beta) for p in REFERENCES for beta in (2.0, 4.5)]
    quantity = f"fixed point, {_ONE_STEP}, p_ref = {_MIDDLE:g}, β = 2, G = {LARGE}"
    told = theory.verified_fixed_point(correct_mass=_MIDDLE, reverse_kl=2.0)
    of_groups = iterates(_MIDDLE, 2.0, LARGE)[-1]
    found.append(point(quantity, told, of_groups, _right(data[_ONE_STEP], 2.0)[:, -1]))
    return found + [_fixed_point(data, SMALL, _MIDDLE, beta, holds=False) for beta in (1.0, 2.0, 4.5)]


def limits(data: Data) -> list[str]:
    """What small groups change, and what this has to do with ε."""
    near, high = _right(data[_name(LARGE, REFERENCES[-1])], 1.5)[:, -1], iterates(REFERENCES[-1], 1.5, LARGE)[-1]
    return [
        "- *Small groups pull less.* With r̂ the share of right answers in a group of G, the advantages of right and "
        "wrong answers differ by E√(r̂(1 − r̂))/(p(1 − p)) on average, not by 1/√(p(1 − p)). This gives the column "
        "*mean over such groups*.",
        "- *A weak penalty.* Without ε the formula has no fixed point below 1 if β is small: the fewer wrong answers "
        "are left, the stronger is the pull. In groups of G it is at most √(G − 1), as with ε = 1/(G − 1) near p = "
        "1. So finite groups stop below 1 at every β.",
        f"- *No wrong answer is drawn.* A generation of {LARGE} answers then has no advantages, and the penalty alone "
        "moves the model towards the reference. A model near 1 therefore falls back now and then: p_ref = "
        f"{REFERENCES[-1]:g}, β = 1.5, G = {LARGE} have {high:.4f} in the mean over groups and {near.mean():.3f} ± "
        f"{_error(near):.3f} simulated.",
        "- *ε.* The engine divides by the standard deviation itself: ε = 0.",
        "- *One step.* The formula takes the best model for the advantages of each generation. Fewer steps in a "
        "generation have the same fixed point, but another path.",
    ]


def draw(data: Data) -> Picture:
    """The way from the reference, and fixed points over the weight of the penalty, for groups of two sizes."""
    figure = Picture(9.5, 4.1)
    way, points = figure.subplots(1, 2)
    for beta, colour in zip(_FOLLOWED, _COLOURS, strict=True):
        way.plot(range(_SHOWN + 1), iterates(_MIDDLE, beta, None)[: _SHOWN + 1], color=colour, lw=1.4)
        told = theory.verified_fixed_point(correct_mass=_MIDDLE, reverse_kl=beta)
        way.axhline(told, color=colour, ls=":", lw=1)
        bounds = mean_interval(_right(data[_name(LARGE, _MIDDLE)], beta).T, CONFIDENCE)[: _SHOWN + 1]
        way.errorbar(
            range(_SHOWN + 1), bounds[:, 0], reach(bounds), color=colour, fmt="o", ms=4, lw=1, label=f"β = {beta:g}"
        )
    way.set(title=f"p_ref = {_MIDDLE:g}, groups of {LARGE}", xlabel="generation", ylim=(0.25, 0.8))
    way.set_ylabel("mass of right answers, mean [1]")
    way.legend(fontsize=8, frameon=False, loc="upper right", ncols=3, title="dotted: fixed point", title_fontsize=8)
    fine = np.geomspace(BETAS[0], BETAS[-1], 400)
    for p, colour in zip(REFERENCES, _COLOURS, strict=True):
        curve = [theory.verified_fixed_point(correct_mass=p, reverse_kl=beta) for beta in fine]
        points.plot(fine, curve, color=colour, lw=1.4, label=f"p_ref = {p:g}")
        points.plot(fine, [iterates(p, beta, SMALL)[-1] for beta in fine], color=colour, lw=1, ls="--")
        inside = [beta for beta in BETAS if theory.verified_fixed_point(correct_mass=p, reverse_kl=beta) < 1]
        for size, betas, fill in ((LARGE, inside, colour), (SMALL, BETAS, "white")):
            samples = np.array([_right(data[_name(size, p)], beta)[:, -1] for beta in betas])
            bounds = mean_interval(samples, CONFIDENCE)
            points.errorbar(betas, bounds[:, 0], reach(bounds), color=colour, fmt="o", ms=4, lw=1, mfc=fill)
    points.set(title="fixed points", xlabel="weight of the penalty, β [1]", xscale="log", ylim=(0, 1.05))
    points.set_xticks(BETAS, [f"{beta:g}" for beta in BETAS])
    points.minorticks_off()
    points.set_ylabel("mass of right answers, mean [1]")
    points.plot([], [], color="#777777", ls="--", marker="o", ms=4, mfc="white", label=f"G = {SMALL}")
    points.legend(fontsize=8, frameon=False, loc="upper right")
    return figure


@cache
def iterates(reference: float, beta: float, size: int | None, last: int = _LAST) -> np.ndarray:
    """The formula iterated from the reference, [generation]; with a size, for the mean over groups of that size."""
    p = [reference]
    for _ in range(last):
        odds = np.exp(-pull(p[-1], size) / beta) * (1 - reference) / reference
        p.append(float(1 / (1 + odds)))
    return np.array(p)


def pull(p: float, size: int | None) -> float:
    """The mean advantage of a right answer less that of a wrong one."""
    if p == 1:  # rounded
        return np.inf if size is None else float(np.sqrt(size - 1))
    if size is None:
        return float(1 / np.sqrt(p * (1 - p)))
    model = np.array([p, 1 - p])
    right, wrong = theory.policy_gradient_step(model, correct=[1, 0], learning_rate=1.0, group_size=size) / model
    return float(right - wrong)


def _error(sample: np.ndarray) -> float:
    return float(sample.std(ddof=1) / np.sqrt(sample.size))


def _trained(
    size: int,
    reference: float,
    replicates: int,
    *,
    betas: tuple[float, ...] = BETAS,
    steps: int = _STEPS,
    last: int = _LAST,
) -> xr.Dataset:
    process = {
        "update": "policy_gradient",
        "initial": values([reference, 1 - reference]),
        "correct": "listed",
        "correct_tokens": [0],
        "group_size": size,
        "batch_size": LARGE,
        "steps": steps,
        "learning_rate": _RATE,
    }
    record = {"every": 1 if steps > 1 else last}
    top = {"generations": last, "replicates": replicates, "record": record, "observables": ["accuracy"]}
    return simulated(process, {"reverse_kl": list(betas)}, **top)


def _name(size: int, reference: float) -> str:
    return f"groups of {size}, p_ref = {reference:g}"


def _right(cells: xr.Dataset, beta: float) -> np.ndarray:
    """The mass of right answers [replicate, generation]."""
    accuracy = cells.accuracy.sel(reverse_kl=beta, method="nearest").transpose("replicate", "generation")
    return accuracy.values.astype(float)


def _fixed_point(data: Data, size: int, reference: float, beta: float, *, holds: bool = True) -> Point:
    told = theory.verified_fixed_point(correct_mass=reference, reverse_kl=beta)
    sample = _right(data[_name(size, reference)], beta)[:, -1]
    quantity = f"fixed point, p_ref = {reference:g}, β = {beta:g}, G = {size}"
    return point(quantity, told, iterates(reference, beta, size)[-1], sample, holds=holds)


PAPER = Paper(
    "whitened_rewards",
    "Whitened rewards and a penalty to the reference (Mroueh)",
    (
        "Mroueh 2025 ([arXiv 2503.06639](https://arxiv.org/abs/2503.06639)) iterates a policy gradient with rewards "
        "of 1 and 0 that are whitened (the mean is subtracted, the difference divided by the standard deviation) and "
        "a penalty β KL(p ‖ p_ref). If p is the mass of right answers before a generation, the mass after it is",
        "    p′ = 1/(1 + ((1 − p_ref)/p_ref) e^{−1/(β√(p(1 − p) + ε))})",
        "The engine has the same stationary point. With infinitely many groups, without clipping, a generation whose "
        "steps converge minimises −Σ_i p_i A_i + β KL(p ‖ p₀) over p, where A_i is the mean advantage of token i "
        "under the model p_old that drew the groups. The gradient is zero where ln(p_i/p₀_i) = A_i/β + const. Large "
        "groups have A = (1 − p_old)/σ for right answers and −p_old/σ for wrong ones, with σ = √(p_old(1 − p_old)). "
        "The log-odds of right answers therefore exceed those of p₀ by 1/(βσ): the formula with ε = 0, `reverse_kl` "
        "= β and p_ref = p₀.",
    ),
    (
        "One right and one wrong answer, T = 1, no clipping, `reverse_kl` = β, and p₀ is the reference.",
        f"SGD with η = {_RATE:g}, {_STEPS} steps on the traces of a generation, so that they converge; {_LAST} "
        f"generations, {_REPLICATES} trajectories. A generation draws {LARGE} answers, in one group of {LARGE} or in "
        f"groups of {SMALL}.",
        f"The same fixed point with a single step in a generation, after {_ONE_LAST} generations.",
        "`theory.verified_fixed_point` solves the formula.",
    ),
    "Left: lines are the iterated formula. Right: solid lines are its fixed points, dashed ones those of groups of "
    f"{SMALL}. Dots: simulated, filled for G = {LARGE}, open for G = {SMALL}; left out where the formula has p = 1 "
    "and G is large. 95% intervals are smaller than most dots.",
    run,
    compare,
    limits,
    draw,
)
