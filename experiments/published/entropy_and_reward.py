"""Cui et al. (arXiv 2505.22617): reward is bought with entropy, R = −a e^S + b, at which rows and for which rules."""

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import PchipInterpolator

from experiments.agreement.comparison import simulated, values
from experiments.published.paper import Data, Paper, Point, point
from experiments.studies import BLACK, BLUE, GREEN, RED
from experiments.verdicts.finding import CONFIDENCE, reach
from jaxcollapse import theory
from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.plot.figure import Picture


def _falling(mass: float, number: int, offset: int = 0) -> list[float]:
    """Answers of this mass together, in proportion to 1/(1 + offset), 1/(2 + offset) and so on."""
    weights = 1 / (np.arange(1, number + 1) + offset)
    return (mass * weights / weights.sum()).tolist()


# Right answers and wrong ones. Equal ones of a kind would leave nothing to chance but the reward.
ROWS: dict[str, tuple[list[float], list[float]]] = {
    "1 right, 3 wrong": ([0.5], [0.2, 0.17, 0.13]),
    "1 right, 63 wrong": ([0.4], _falling(0.6, 63, offset=20)),
    "8 right, 8 wrong": (_falling(0.5, 8), _falling(0.5, 8)),
    "a likely wrong one": ([0.12, 0.1, 0.08], [0.55, 0.07, 0.05, 0.03]),
}
FEW, MANY, UNEQUAL, MISTAKEN = ROWS
RULES: dict[str, dict[str, Any]] = {
    "verifier with errors": {"true_positive_rate": 0.9, "false_positive_rate": 0.2},
    "not normalised": {"baseline": "leave_one_out", "normalise": "none"},
    "fine-tuning": {"update": "gradient", "false_positive_rate": 0.0, "budget": "drawn"},
}
FINE_TUNING = list(RULES)[-1]
COIN, COARSE = "coin", "large steps"
GROUP = 128  # answers
LARGE, SMALL = 512, 4  # answers of a group, for first steps
END = 0.9  # the reward up to which runs are followed
_HALFWAY = 0.7
_LEVELS = (0.6, 0.75, END)  # rewards at which entropies are compared
_RATE, _LAST, _LONGER, _EVERY, _REPLICATES = 0.01, 1600, 4800, 20, 32
_STEP_RATE, _STEPS = 0.002, 1000
_COLOURS = dict(zip(ROWS, (BLACK, BLUE, GREEN, RED), strict=True))


def run(fewer: int) -> Data:
    """Four rows; other rules for one of them, with two to which the formula does not apply; first steps."""
    number = _REPLICATES // fewer
    found = {name: _trained(name, number) for name in ROWS}
    found |= {rule: _trained(UNEQUAL, number, last=_LONGER, **process) for rule, process in RULES.items()}
    found[COIN] = _trained(UNEQUAL, 4 * number, reward="coin", learning_rate=0.5, group_size=16, batch_size=16)
    coarse: dict[str, Any] = {"group_size": SMALL, "batch_size": SMALL, "learning_rate": 1.0}
    found[COARSE] = _trained(UNEQUAL, 8 * number, last=400, every=1, **coarse)
    for size in (LARGE, SMALL):
        for name in (MANY, MISTAKEN):
            found[_first(name, size)] = _trained(
                name,
                _STEPS // fewer,
                last=1,
                every=1,
                group_size=size,
                batch_size=size,
                learning_rate=_STEP_RATE,
                precision="float64",
            )
    return found


def compare(data: Data) -> list[Point]:
    """Entropies at given rewards, the law that fits a run best, and the change of the entropy in a step."""
    found = []
    for name in ROWS:
        levels = [level for level in _LEVELS if level > 1 - _wrong_mass(name)]
        found += [_entropy(name, name, data[name], level) for level in levels]
        law, fits = exact_law(name), fitted(data[name], rewards(name))
        found += [point(f"{letter}, {name}", getattr(law, letter), None, fits[letter]) for letter in ("a", "b")]
    for rule in RULES:
        found += [_entropy(f"{UNEQUAL}, {rule}", UNEQUAL, data[rule], level) for level in (0.75, END)]
    return found + [_step(data, name, size) for size in (LARGE, SMALL) for name in (MANY, MISTAKEN)]


def limits(data: Data) -> list[str]:
    """How far the law is from the exact relation, what it foretells from half a run, and rules without a relation."""
    lines = [
        "No row follows R = −a e^S + b exactly. With m equal right and n equal wrong answers, and w = 1 − R, S = h(w) "
        "+ (1 − w) ln m + w ln n, where h(w) = −w ln w − (1 − w) ln(1 − w), and",
        "",
        "    d²e^S/dw² = e^S [ln²((1 − w) n/(w m)) − 1/(w (1 − w))]",
        "",
        "would have to be 0. It has a double zero at w = (2 − √2)/4 ≈ 0.15 if n/m = e^{√8}/(1 + √2)² ≈ 2.9: rows near "
        "this ratio are near the law. With n ≫ m, e^S is nearly exponential in w, and R rather linear in S.",
        "",
        f"The table fits a and b to the whole run, from the first reward to R = {END:g}, and gives the largest "
        "deviation as a share of the reward gained. *Foretold* is the reward that the law, fitted up to R = "
        f"{_HALFWAY:g} only, has at the entropy of R = {END:g}.",
        "",
        "| row | a | b | b − a | deviation, formula | deviation, simulated | foretold, formula | foretold, simulated |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    off = deviations(data)
    for name in ROWS:
        law, mean = exact_law(name), _at(data[name], rewards(name)).mean(axis=0)
        cells = [name, *(f"{each:.4g}" for each in (law.a, law.b, law.b - law.a))]
        cells += [f"{each:.1%}" for each in off[name]]
        cells += [f"{foretold(name, entropy):.3f}" for entropy in (exact(name), mean)]
        lines.append(f"| {' | '.join(cells)} |")
    coin, coarse = data[COIN], data[COARSE]
    told = theory.entropy_at(_p0(UNEQUAL), correct=_right(UNEQUAL), wrong_mass=1 - END)
    first, last = (coin.isel(generation=place) for place in (0, -1))
    small = _at(coarse, np.array([END]))[:, 0]
    return [
        *lines,
        "",
        "- *S = 0.* The law's highest reward, b − a, belongs to S = 0. Only rows with a single right answer end "
        "there: m equal right answers end at R = 1 with S = ln m.",
        f"- *{MISTAKEN.capitalize()}*. The model begins with a mistake that it is sure of. Reward and entropy first "
        "grow together, where Cov(ln p, p A) is negative. Later the entropy falls. No a and b fit both.",
        "- *Rules.* The relation of S and R needs a mean step p_i times (how much better than the mean a token is), up "
        "to a factor that all tokens share. It therefore holds at every small η and J > 0, with every baseline and "
        "normalisation, and for fine-tuning on accepted answers. Penalties and bonuses change it.",
        f"- *A coin as the reward* buys nothing: R is {float(first.accuracy.mean()):.3f} at the start and "
        f"{_mean(last.accuracy)} after {_LAST:,} generations with η = 0.5 and G = 16; S falls from "
        f"{float(first.entropy.mean()):.3f} to {_mean(last.entropy)}.",
        f"- *Large steps* leave the path: with η = 1 and G = {SMALL}, *{UNEQUAL}* has S = {_mean(small)} when it first "
        f"reaches R = {END:g}; the formula has {told:.3f}.",
        "- *A step of a small group.* The advantages of small groups are smaller on average. With those of "
        "`theory.policy_gradient_step`, the formula for ΔS holds at every G.",
    ]


def draw(data: Data) -> Picture:
    """Reward over e^S for the rows and their best lines; S over R for the rules."""
    figure = Picture(11, 4.1)
    axes = figure.subplots(1, 3)
    for axis, names in zip(axes[:2], ((FEW, UNEQUAL, MISTAKEN), (MANY,)), strict=True):
        for name in names:
            colour, reward, law = _COLOURS[name], rewards(name), exact_law(name)
            effective = np.exp(exact(name))
            axis.plot(effective, reward, color=colour, lw=1.4, label=name)
            axis.plot(effective, law.b - law.a * effective, color=colour, lw=1, ls="--")
            shown = np.linspace(0, len(reward) - 1, 8).round().astype(int)
            bounds = mean_interval(np.exp(_at(data[name], reward)).T, CONFIDENCE)[shown]
            axis.errorbar(bounds[:, 0], reward[shown], xerr=reach(bounds), color=colour, fmt="o", ms=4, lw=1)
        axis.set(xlabel="effective number of answers, $e^S$ [1]", ylabel="reward R [1]")
        axis.legend(fontsize=8, frameon=False, loc="lower left")
    axes[0].set(title="near the law, and against it", ylim=(0, 1))
    axes[1].set(title="many wrong answers", ylim=(0.35, 1))
    reward = rewards(UNEQUAL)
    axes[2].plot(reward, exact(UNEQUAL), color=BLACK, lw=1.4, label="formula")
    for rule, colour, mark in zip(RULES, (BLUE, RED, GREEN), "osv", strict=True):
        shown = np.linspace(0, len(reward) - 1, 8).round().astype(int)
        bounds = mean_interval(_at(data[rule], reward).T, CONFIDENCE)[shown]
        axes[2].errorbar(
            reward[shown], bounds[:, 0], reach(bounds), color=colour, fmt=mark, ms=4, lw=1, mfc="none", label=rule
        )
    axes[2].set(title=f"rules, {UNEQUAL}", xlabel="reward R [1]", ylabel="entropy S, mean [nat]")
    axes[2].legend(fontsize=8, frameon=False, loc="lower left")
    return figure


def rewards(name: str, end: float = END) -> np.ndarray:
    """Rewards from the row's first to the last that is compared [point]."""
    return np.linspace(1 - _wrong_mass(name), end, 41)


@cache
def exact_law(name: str) -> theory.EntropyLaw:
    """The law that fits the exact relation best."""
    return theory.entropy_law(_p0(name), correct=_right(name), wrong_mass=1 - rewards(name))


@cache
def exact(name: str) -> np.ndarray:
    """The entropy at these rewards by the formula, nat [point]."""
    return np.asarray(theory.entropy_at(_p0(name), correct=_right(name), wrong_mass=1 - rewards(name)))


def fitted(cells: xr.Dataset, reward: np.ndarray) -> dict[str, np.ndarray]:
    """a and b of the line that fits each trajectory best at these rewards [replicate]."""
    lines = np.array([np.polyfit(np.exp(entropy), reward, 1) for entropy in _at(cells, reward)])
    return {"a": -lines[:, 0], "b": lines[:, 1]}


def foretold(name: str, entropy: np.ndarray) -> float:
    """The last reward by a law that knows the first ones only; `entropy` is that at the row's rewards."""
    reward, effective = rewards(name), np.exp(entropy)
    known = reward <= _HALFWAY
    return float(np.polyval(np.polyfit(effective[known], reward[known], 1), effective[-1]))


def deviations(data: Data) -> dict[str, tuple[float, float]]:
    """How far rows are from the law at most, by the formula and simulated, as a share of the reward gained."""
    found = {}
    for name in ROWS:
        reward = rewards(name)
        effective = np.exp(_at(data[name], reward).mean(axis=0))
        off = np.abs(np.polyval(np.polyfit(effective, reward, 1), effective) - reward).max()
        gained = reward[-1] - reward[0]
        found[name] = (exact_law(name).deviation / gained, float(off / gained))
    return found


def _at(cells: xr.Dataset, reward: np.ndarray) -> np.ndarray:
    """The entropy of each trajectory when it first has these rewards, between recorded generations [replicate, R]."""
    each = cells.transpose("replicate", "generation")
    found = []
    for r, s in zip(each.accuracy.values.astype(float), each.entropy.values.astype(float), strict=True):
        highest = np.maximum.accumulate(r)
        is_new = np.append(True, np.diff(highest) > 0)
        if highest[-1] < reward[-1]:
            raise ValueError(f"a trajectory ends at R = {highest[-1]:.3f}")
        found.append(PchipInterpolator(highest[is_new], s[is_new])(reward))
    return np.array(found)


def _entropy(quantity: str, name: str, cells: xr.Dataset, level: float) -> Point:
    told = theory.entropy_at(_p0(name), correct=_right(name), wrong_mass=1 - level)
    return point(f"S at R = {level:g}, {quantity}", float(told), None, _at(cells, np.array([level]))[:, 0])


def _step(data: Data, name: str, size: int) -> Point:
    """The change of the entropy in the first step; the formula has the advantages of large groups."""
    p, right = _p0(name), _right(name)
    share = p @ right
    whole = (right - share) / np.sqrt(share * (1 - share))
    of_groups = theory.policy_gradient_step(p, correct=right, learning_rate=1.0, group_size=size) / p
    formula, exactly = (theory.entropy_step(p, advantages=a, learning_rate=_STEP_RATE) for a in (whole, of_groups))
    entropy = data[_first(name, size)].entropy.transpose("replicate", "generation").values.astype(float)
    quantity = f"ΔS of a step, {name}, G = {size}"
    return point(quantity, formula, exactly, entropy[:, 1] - entropy[:, 0], holds=size == LARGE)


def _trained(
    name: str,
    replicates: int,
    *,
    last: int = _LAST,
    every: int = _EVERY,
    precision: str = "float32",
    **process: Any,
) -> xr.Dataset:
    right = ROWS[name][0]
    whole: dict[str, Any] = {
        "update": "policy_gradient",
        "initial": values(_p0(name)),
        "correct": "listed",
        "correct_tokens": list(range(len(right))),
        "group_size": GROUP,
        "batch_size": GROUP,
        "learning_rate": _RATE,
        **process,
    }
    if whole["update"] == "gradient":
        del whole["group_size"]
    top: dict[str, Any] = {"generations": last, "replicates": replicates, "record": {"every": every}}
    return simulated(whole, **top, precision=precision, observables=["accuracy", "entropy"])


def _p0(name: str) -> np.ndarray:
    return np.concatenate(ROWS[name])


def _right(name: str) -> np.ndarray:
    return np.repeat([1, 0], [len(answers) for answers in ROWS[name]])


def _wrong_mass(name: str) -> float:
    return float(np.sum(ROWS[name][1]))


def _first(name: str, size: int) -> str:
    return f"first steps, {name}, groups of {size}"


def _mean(sample: Any) -> str:
    each = np.asarray(sample, float)
    return f"{each.mean():.3f} ± {each.std(ddof=1) / np.sqrt(each.size):.3f}"


PAPER = Paper(
    "entropy_and_reward",
    "Reward bought with entropy (Cui et al.)",
    (
        "Cui et al. 2025 ([arXiv 2505.22617](https://arxiv.org/abs/2505.22617)) fit reward and entropy along runs of "
        "language models by",
        "    R = −a e^S + b",
        "and explain the fall of the entropy in a step by the covariance of log-probabilities and advantages,",
        "    ΔS ≈ −η Cov(ln p, p A)",
        "For one row, R and S along a run are exactly related if steps are small: the path of the probabilities, as a "
        "function of the mass of wrong answers, depends neither on the learning rate nor on the verifier's errors. So "
        "a and b can be computed, and so can the distance from the law.",
    ),
    (
        "Four rows: one right answer of 0.5 and wrong ones of 0.2, 0.17 and 0.13; one right answer of 0.4 and 63 wrong "
        "ones in proportion to 1/21, 1/22, …, 1/83; eight right and eight wrong ones, each kind in proportion to 1, "
        "1/2, …, 1/8; right ones of 0.12, 0.1 and 0.08, and wrong ones of 0.55, 0.07, 0.05 and 0.03.",
        f"SGD with η = {_RATE:g}, one group of {GROUP} in a generation, {_REPLICATES} trajectories. Entropies are "
        "those at which a trajectory first has a reward.",
        f"*{UNEQUAL}* also with TPR = 0.9 and FPR = 0.2, with leave-one-out advantages that are not normalised, and by "
        "fine-tuning on accepted answers.",
        f"First steps: η = {_STEP_RATE:g}, {_STEPS:,} of each kind.",
        "`theory.entropy_at` is the exact relation, `theory.entropy_law` its best a and b, `theory.entropy_step` the "
        "change in a step.",
    ),
    "Solid: the exact relation. Dashed: the best R = −a e^S + b. Dots: means over trajectories with 95% intervals.",
    run,
    compare,
    limits,
    draw,
)
